"""Where DICOMLogic's answers differ from 3D Slicer's on the reference data, and why: each difference by name.

The tests fail for a difference that is not here and for an entry that is no longer needed. `page` makes the page of the
documentation from this table: ``python tests/integration/slicer_differences.py`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "differences-from-slicer.md"

_NOT_AN_IMAGE = "The object has no pixels; Slicer lists it at confidence 0.2 in case a reader can make something of it."
_SEGMENTATION = "A segmentation is not a scalar volume: it needs the plugin that reads its segments."
_DOSE = "Stored dose values mean nothing without DoseGridScaling, which Slicer's scalar volume plugin ignores."
_HEADER_ONLY = "The file holds a header without pixel data; Slicer lists it at confidence 0.2 and cannot load it."
_FLOAT_PIXELS = "Slicer looks for PixelData only; the image is stored as FloatPixelData and loads here."
_SAME_PLACE = "Files at one position: Slicer keeps the order of insertion, which here is another one."


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs: `subject` is a loadable's name or a file, `what` the field."""

    case: str
    subject: str
    what: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tests look it up by."""
        return self.case, self.subject, self.what


def _absent(case: str, reason: str, *subjects: str) -> list[Difference]:
    return [Difference(case, subject, "offered", reason) for subject in subjects]


LOADABLES: list[Difference] = [
    *_absent("charset/pydicom_charsets", _HEADER_ONLY, "1: Chest PA PA"),
    *_absent("malformed/pydicom", _NOT_AN_IMAGE, "1: Unnamed Series", "1: IHE Year 2 - Simple Image Report"),
    *_absent("malformed/pydicom_data", _SEGMENTATION, "1: Liver Segmentation"),
    Difference("malformed/pydicom_data", "1: Unnamed Series", "confidence", _FLOAT_PIXELS),
    Difference("malformed/derived", "1: Unnamed Series", "order", _SAME_PLACE),
    *_absent("mr_asl/philips_asl_classic", _NOT_AN_IMAGE, "0: pCASL"),
    *_absent("other_modalities/pydicom_misc", _SEGMENTATION, "1: Liver Segmentation"),
    *_absent("other_modalities/pydicom_misc", _NOT_AN_IMAGE, "1: Demonstration of SR Features", "Unnamed Series"),
    *_absent("rt/dicompyler_dose_struct_plan", _DOSE, "14: RT Dose"),
    *_absent("rt/dicompyler_dose_struct_plan", _NOT_AN_IMAGE, "4: RT Plan"),
    *_absent("rt/pydicom_rt_small", _DOSE, "1: Unnamed Series"),
    *_absent("rt/pydicom_rt_small", _NOT_AN_IMAGE, "2: Unnamed Series"),
    *_absent("rt/rtplan_monaco_nometa", _NOT_AN_IMAGE, "1: Unnamed Series"),
    *_absent(
        "seg_pm_sr/dcmqi",
        _SEGMENTATION,
        "300: Segmentation",
        "300: Segmentation 24x38x3",
        "1: Liver Segmentation",
        "100: Segmentation",
        "16: tumor segmentation - User2 Manual trial 1",
    ),
    *_absent(
        "seg_pm_sr/dcmqi",
        _NOT_AN_IMAGE,
        "1: PET SUV Factors",
        "17: tumor measurements - User2 Manual trial 1",
    ),
]

_ONE_SLICE = (
    "A single slice has no neighbour: the step is SliceThickness here, and said so; Slicer's reader takes 1 mm where "
    "SpacingBetweenSlices is absent."
)
_MONOCHROME1 = "MONOCHROME1 is kept as stored here, and said so; Slicer's reader inverts the values."
_UNPLACED = "No place in the patient, no volume: refused here unless assume_stack=true; Slicer's reader invents axes."
_TILES = "A mosaic is cut into its slices here; Slicer shows the tiled image."


def _differ(case: str, what: str, reason: str, *subjects: str) -> list[Difference]:
    return [Difference(case, subject, what, reason) for subject in subjects]


_DERIVED = [
    *("bitflip_header_0", "bitflip_header_1", "bitflip_header_2", "charset_unknown", "date_invalid", "is_float"),
    *("is_overflow", "missing_Modality", "missing_PatientID", "missing_PixelSpacing", "name_nul_newline", "nested_400"),
    *("spacing_zero", "time_invalid", "ts_unknown", "uid_letters", "uid_long", "uid_sql"),
]

VOLUMES: list[Difference] = [
    *_differ("malformed/derived", "slice step", _ONE_SLICE, *(f"{name}.dcm" for name in _DERIVED)),
    *_differ("malformed/derived", "slice step", _ONE_SLICE, "ünïcødé dir with space/Ж file (1).dcm"),
    *_differ(
        "malformed/derived",
        "refused: geometry.missing-position",
        _UNPLACED,
        "missing_ImageOrientationPatient.dcm",
        "missing_ImagePositionPatient.dcm",
    ),
    *_differ(
        "malformed/pydicom",
        "slice step",
        _ONE_SLICE,
        "1: Unnamed Series",
        "4: Lv2",
        "dicom/J2K_pixelrep_mismatch.dcm",
        "dicom/MR_small_bigendian.dcm",
        "dicom/MR_small_expb.dcm",
        "dicom/MR_small_padded.dcm",
    ),
    *_differ(
        "other_modalities/dicomdir_pydicom",
        "values",
        _MONOCHROME1,
        "1: Cervical LAT",
        "2: Cervical OBLI 1",
        "3: Cervical OBLI 2",
    ),
    *_differ(
        "other_modalities/dicomdir_pydicom",
        "slice step",
        _ONE_SLICE,
        "1: FAST LOCALIZER",
        "2: FAST LOCALIZER",
        "2: Routine Brain - acquisitionNumber 4",
        "2: Routine Brain - acquisitionNumber 44",
        *(f"2: T-S-C RF FAST PILOT - imageOrientationPatient {number}" for number in (1, 2, 3)),
        *(f"4: Scout - acquisitionNumber {number}" for number in (1, 2)),
        *(f"4: Scout - imageOrientationPatient {number}" for number in (1, 2)),
        *(f"700: ANGIO Projected from   C - imageOrientationPatient {number}" for number in range(1, 8)),
    ),
    *_differ("other_modalities/pydicom_misc", "slice step", _ONE_SLICE, "1: Unnamed Series"),
    *_differ("rt/dicompyler_dose_struct_plan", "slice step", _ONE_SLICE, "2: Unnamed Series"),
    *_differ(
        "transfer_syntax/siemens_mosaic_9_transfer_syntaxes",
        "size",
        _TILES,
        *(f"dicom/{number}.dcm" for number in range(1, 10)),
    ),
]

_HEAD = """# Differences from 3D Slicer

Every series of the reference data is also examined and read with 3D Slicer's own scalar volume plugin and reader
(versions in the data's README). With the option `selection=slicer` the loadables are compared by name, files, order,
confidence, selection and warning; the volumes of the default selection by size, matrix (1e-4), type and every voxel.
What differs is listed here, with the reason; the tests fail for anything else. Generated from
`tests/integration/slicer_differences.py`.
"""


def _table(title: str, rows: Iterable[Difference]) -> str:
    lines = [f"## {title}", "", "| data | subject | what | reason |", "|---|---|---|---|"]
    lines += [f"| {row.case} | {row.subject.replace('|', chr(92) + '|')} | {row.what} | {row.reason} |" for row in rows]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page of the documentation."""
    return "\n".join([_HEAD, _table("Loadables", LOADABLES), _table("Volumes", VOLUMES)])


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
