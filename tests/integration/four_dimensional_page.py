"""What 3D Slicer, its MultiVolumeImporter, dcm2niix and DICOMLogic make of each 4-D series of the reference data.

`page` makes the page of the documentation: Slicer's column from the recorded results beside the data, our own by
examining the data now, the others from the table here. ``python tests/integration/four_dimensional_page.py DATA``
writes it; a test compares.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dicomlogic_core as dl

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "four-dimensional.md"


@dataclass(frozen=True, slots=True)
class Row:
    """A series: what other programs make of it, and why the results differ.

    Attributes:
        importer: MultiVolumeImporter's proposals, by its rules.
        shapes: of the images that dcm2niix writes, by the end of their names.
    """

    case: str
    series: str
    importer: str
    shapes: Mapping[str, tuple[int, ...]]
    why: str


_ENHANCED = "Slicer's plugins and the importer count files, not frames."
_BLOCKS = "Nothing but InstanceNumber tells the volumes apart: the label k x RepetitionTime is a guess, and said so."
_MOSAIC = "Slicer and the importer see one tiled image per time point; its slices lie side by side in the picture."

ROWS = [
    Row("mr_fmri/ge_fmri_epi", "4", "10 by InstanceNumber", {"": (64, 64, 15, 10)}, _BLOCKS),
    Row("mr_fmri/ge_fmri_small", "13", "2 by InstanceNumber", {"": (64, 64, 4, 2)}, _BLOCKS),
    Row("mr_fmri/philips_fmri", "401", "4 by InstanceNumber", {"": (80, 80, 2, 4)}, _BLOCKS),
    Row(
        "mr_dwi/ge_dti_4vol",
        "25",
        "4 by InstanceNumber",
        {"": (64, 64, 4, 4)},
        "The private diffusion elements were removed from these headers; without them no program knows the weighting.",
    ),
    Row(
        "mr_dwi/philips_dti",
        "801",
        "4 by InstanceNumber",
        {"": (128, 128, 2, 4)},
        "The importer tries b alone, which three volumes share; only b and gradient together tell four apart.",
    ),
    Row(
        "mr_dwi/siemens_dti_classic",
        "8",
        "2 by Siemens b-value; 2 by InstanceNumber",
        {"": (192, 192, 4, 2)},
        "AcquisitionNumber, by which Slicer splits, follows the b-value here.",
    ),
    Row(
        "mr_dwi/uih_dti",
        "9",
        "nothing",
        {"": (64, 64, 20, 17)},
        "Slices are tiles of one image, placed by a private sequence that only dcm2niix and we read. The gradient is "
        "stored along the image axes; here it is turned into the patient.",
    ),
    Row(
        "dce_time_series/siemens_fl3d_dynamic",
        "14",
        "3 by AcquisitionTime, twice",
        {"": (152, 192, 3, 3)},
        "dcm2niix orders by AcquisitionNumber and writes one RepetitionTime; here every volume has its own time.",
    ),
    Row(
        "mr_asl/philips_asl_classic",
        "301",
        "8 by InstanceNumber",
        {"": (80, 80, 6, 8)},
        "TriggerTime differs within a volume (48 values), so the importer rejects it; the private phase number says "
        "which images belong together. Slope and intercept differ by phase and are applied to each.",
    ),
    Row(
        "mr_fieldmap/ge_b0map",
        "6",
        "2 by InstanceNumber",
        {"": (128, 128, 16), "_fieldmaphz": (128, 128, 16)},
        "Field map and magnitude at the same positions: two kinds of images, not two times. dcm2niix writes a file "
        "for each; here the private image type labels them.",
    ),
    Row(
        "mr_enhanced/philips_enh_fieldmap",
        "801",
        "nothing",
        {"_e1": (64, 64, 32), "_e2_fieldmaphz": (64, 64, 32)},
        f"{_ENHANCED} dcm2niix splits by kind; here both kinds are one sequence, EchoTime its alternative axis.",
    ),
    Row("mr_enhanced/philips_enh_fmri", "701", "nothing", {"": (64, 64, 8, 4)}, _ENHANCED),
    Row(
        "mr_enhanced/siemens_xa10_enh_fmri",
        "6",
        "nothing: no position in the files' top level",
        {"": (64, 64, 6, 4)},
        _ENHANCED,
    ),
    Row(
        "mr_enhanced/siemens_xa30_enh",
        "8",
        "nothing: no position in the files' top level",
        {"_e1": (64, 64, 33), "_e2": (64, 64, 33)},
        f"{_ENHANCED} dcm2niix writes a file per echo.",
    ),
    Row(
        "mr_enhanced/siemens_xa30_enh",
        "25",
        "nothing: no position in the files' top level",
        {"": (64, 64, 12, 7)},
        _ENHANCED,
    ),
    Row(
        "mr_multiecho/siemens_me_fmri_mosaic",
        "4",
        "6 tiled images by AcquisitionTime, ContentTime or InstanceNumber",
        {"_e1": (64, 64, 30, 3), "_e2": (64, 64, 30, 3)},
        f"{_MOSAIC} Echo and time are two axes: dcm2niix writes a file per echo, here one sequence has both.",
    ),
    *(
        Row(f"mr_mosaic/{name}", series, "2 tiled images by AcquisitionTime or ContentTime", {"": shape}, _MOSAIC)
        for name, series, shape in [
            ("siemens_mosaic_ax_asc35", "6", (64, 64, 35, 2)),
            ("siemens_mosaic_cor_int36", "15", (64, 64, 36, 2)),
            ("siemens_mosaic_sag_asc35", "22", (64, 64, 35, 2)),
            ("siemens_mosaic_jpeg_lossless", "25", (86, 86, 36, 2)),
            ("siemens_mosaic_jp2k", "26", (86, 86, 36, 2)),
            ("siemens_skyra_epi_pe_ap", "3", (72, 72, 5, 2)),
        ]
    ),
    Row(
        "transfer_syntax/siemens_mosaic_9_transfer_syntaxes",
        "1",
        "nothing: no value differs",
        {f" {number}": (64, 64, 35) for number in range(1, 10)},
        "One volume stored nine times under one SeriesInstanceUID. dcm2niix splits by SeriesNumber; here every copy "
        "is a volume, and the copies as a sequence are the alternative.",
    ),
]

_HEAD = """# 4-D series side by side

What becomes of each series of the reference data that repeats positions. `3D Slicer` is what its own DICOM plugins
select (recorded, versions in the data's README): the scalar volume plugin stacks or splits, the image sequence plugin
makes flat frames without a place in the patient. `MultiVolumeImporter` is Slicer's 4-D plugin: its rules, as its source
has them, applied to these headers; it labels frames but leaves the sequence's index without name and unit. `dcm2niix`
is v1.0.20260724. `here` is what is selected by default; its voxels equal the references in every frame, and its axis
values the sidecar files (`tests/integration/test_four_dimensional_references.py`). Generated by
`tests/integration/four_dimensional_page.py`.

| data | 3D Slicer | MultiVolumeImporter | dcm2niix | here | why they differ |
|---|---|---|---|---|---|
"""

_KINDS = {"DICOMScalarVolumePlugin": "volume", "DICOMImageSequencePlugin": "image sequence"}


def slicers(data: Path) -> dict[tuple[str, str], str]:
    """(case, SeriesNumber) -> what Slicer selects."""
    recorded = json.loads((data / "reference" / "slicer_loadables.json").read_text(encoding="utf-8"))
    found = {}
    wanted = {row.case for row in ROWS}
    for case in (one for one in recorded["cases"] if one["case"] in wanted):
        for series in case["series"]:
            chosen = [loadable for loadable in series["loadables"] if loadable["selected_final"]]
            if chosen:
                number = chosen[0]["name"].partition(":")[0]
                found[case["case"], number] = _slicer_text(chosen)
    return found


def _slicer_text(chosen: list[dict[str, Any]]) -> str:
    kinds = Counter((_KINDS[one["plugin"]], one["n"], one["warning"]) for one in chosen)
    texts = []
    for (kind, files, warning), count in kinds.items():
        text = f"{count} {kind}{'s' if count > 1 else ''} of {files} file{'s' if files > 1 else ''}"
        texts.append(text if warning == "none" else f"{text}, warns ({warning.replace('+', ', ')})")
    return "; ".join(texts)


def ours(data: Path, row: Row) -> str:
    """What is selected here."""
    with dl.open() as session:
        session.index(data / row.case / "dicom")
        found = []
        for loadable in session.examine():
            series = session.study(loadable.study_uid).by_uid(loadable.series_uids[0])
            if str(series.first("SeriesNumber")) == row.series or row.case.startswith("transfer_syntax"):
                found.append(_our_text(session.load(loadable, lazy=True)))
    return "; ".join(f"{count} x {text}" if count > 1 else text for text, count in Counter(found).items())


def _our_text(loaded: Any) -> str:
    if not isinstance(loaded, dl.VolumeSequence):
        return f"volume of {loaded.array.shape[0]} slices"
    axes = " x ".join(_axis_text(axis) for axis in loaded.axes)
    return f"{len(loaded)} volumes of {loaded[0].array.shape[0]} slices by {axes}"


def _axis_text(axis: dl.Axis) -> str:
    values = list(dict.fromkeys(axis.values))
    if isinstance(values[0], tuple):
        return f"{axis.name} ({len(values)} directions)"
    texts = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    shown = ", ".join(texts if len(texts) <= 4 else [*texts[:2], "...", texts[-1]])
    return f"{axis.name} ({shown}{' ' if axis.unit else ''}{axis.unit})"


def _shapes_text(row: Row) -> str:
    shapes = Counter(" x ".join(map(str, shape)) for shape in row.shapes.values())
    ends = [f"`{end}`" for end in row.shapes if end and not end.startswith(" ")]
    texts = [f"{count} images {shape}" if count > 1 else shape for shape, count in shapes.items()]
    return "; ".join(texts) + (f" ({', '.join(ends)})" if ends else "")


def page(data: Path) -> str:
    """The page of the documentation."""
    recorded = slicers(data)
    lines = []
    for row in ROWS:
        slicer = recorded.get((row.case, row.series), "nothing")
        cells = (f"{row.case}, {row.series}", slicer, row.importer, _shapes_text(row), ours(data, row), row.why)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(Path(sys.argv[1])), encoding="utf-8")
