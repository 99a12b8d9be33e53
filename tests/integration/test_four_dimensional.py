"""What the real series that repeat positions become: volumes, axes with their values, gap, and no instance lost.

Counts, axes and gaps are those of the data's own table, measured with pydicom by hand and independently of this code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import dicomlogic_core as dl


class Row(NamedTuple):
    """One series: `volumes` of `positions` planes, `gap` mm apart, by `axes` (name -> values)."""

    case: str
    number: str  # SeriesNumber; "" for the only image series
    volumes: int
    positions: int
    gap: float
    axes: dict[str, Any]
    confidence: float = 1.0
    codes: frozenset[str] = frozenset()


BY_NUMBER: dict[str, Any] = {"confidence": 0.6, "codes": frozenset({"axis.from-instance-number"})}
UIH_B = [1.25, *[928.29] * 16]
ROWS = [
    Row("mr_fmri/ge_fmri_epi", "", 10, 15, 5.0, {"Time": [5000.0 * k for k in range(10)]}, **BY_NUMBER),
    Row("mr_fmri/ge_fmri_small", "", 2, 4, 3.6, {"Time": [0, 2500]}, **BY_NUMBER),
    Row("mr_fmri/philips_fmri", "", 4, 2, 3.3, {"Time": [0, 2000, 4000, 6000]}, **BY_NUMBER),
    Row("mr_dwi/ge_dti_4vol", "", 4, 4, 3.8, {"Time": [0, 2867, 5734, 8601]}, **BY_NUMBER),
    Row("mr_dwi/philips_dti", "", 4, 2, 2.0, {"b-value": [0, 1000, 1000, 1000]}),
    Row("mr_dwi/siemens_dti_classic", "", 2, 4, 2.5, {"b-value": [0, 1000]}),
    Row("dce_time_series/siemens_fl3d_dynamic", "", 3, 3, 3.0, {"AcquisitionTime": [0, 2987.5, 5975]}),
    Row("mr_asl/philips_asl_classic", "301", 8, 6, 6.6, {"PhaseNumber": list(range(1, 9))}),
    Row("mr_fieldmap/ge_b0map", "", 2, 16, 9.0, {"component": [0, 2]}),
    Row("mr_enhanced/philips_enh_fieldmap", "", 2, 32, 4.0, {"component": ["magnitude", "real"]}),
    Row("mr_enhanced/philips_enh_fmri", "", 4, 8, 3.3125, {"TemporalPositionIndex": [1, 2, 3, 4]}),
    Row("mr_enhanced/siemens_xa10_enh_fmri", "", 4, 6, 2.4, {"TemporalPositionIndex": [1, 2, 3, 4]}),
    Row("mr_enhanced/siemens_xa30_enh", "8", 2, 33, 3.4, {"EchoTime": [10, 12.46]}),
    Row("mr_enhanced/siemens_xa30_enh", "25", 7, 12, 7.5, {"TemporalPositionIndex": list(range(1, 8))}),
    Row("mr_mosaic/siemens_mosaic_ax_asc35", "", 2, 35, 3.6, {"AcquisitionTime": [0, 3010]}),
    Row("mr_mosaic/siemens_mosaic_cor_int36", "", 2, 36, 3.6, {"AcquisitionTime": None}),
    Row("mr_mosaic/siemens_mosaic_sag_asc35", "", 2, 35, 3.6, {"AcquisitionTime": None}),
    Row(
        "mr_multiecho/siemens_me_fmri_mosaic",
        "",
        6,
        30,
        3.6,
        {"EchoTime": [20, 20, 20, 37.83, 37.83, 37.83], "AcquisitionNumber": [1, 2, 3, 1, 2, 3]},
        codes=frozenset({"axis.ambiguous"}),
    ),
    Row("mr_dwi/uih_dti", "", 17, 20, 4.2, {"b-value": UIH_B}),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.case}-{row.number}")
def test_the_sequence_selected(shared_data, row):
    with dl.open() as session:
        session.index(shared_data / row.case)
        (loadable,) = [
            one
            for one in session.examine()
            if one.kind == "sequence" and (not row.number or one.name.startswith(f"{row.number}: "))
        ]
        sequence = session.load(loadable)
        series = session.study(loadable.study_uid).by_uid(loadable.series_uids[0])
    assert loadable.confidence == row.confidence
    assert row.codes <= {found.code for found in loadable.findings}
    assert loadable.findings == () or row.codes or "axis.ambiguous" in {found.code for found in loadable.findings}
    assert len(sequence.volumes) == row.volumes
    for name, expected in row.axes.items():
        found = sequence.axis(name).values
        if expected is not None:
            assert list(found) == (expected if isinstance(expected[0], str) else pytest.approx(expected, abs=0.02))
    for volume in sequence.volumes:
        assert volume.array.shape[0] == row.positions
        assert volume.geometry.spacing_mm[2] == pytest.approx(row.gap, abs=2e-3)
        assert np.linalg.det(volume.geometry.ijk_to_lps) > 0
    claimed = [frame for volume in sequence.volumes for frame in volume.provenance]
    assert len(set(claimed)) == row.volumes * row.positions
    assert set(claimed) == set(loadable.frames) == set(series.frames.refs())


def test_every_volume_holds_the_frames_its_provenance_names(shared_data):
    """The pixels of each volume are those of its frames, read one by one."""
    with dl.open() as session:
        session.index(shared_data / "mr_enhanced/philips_enh_fmri")
        (loadable,) = session.examine()
        eager, lazy = session.load(loadable), session.load(loadable, lazy=True)
    for volume, other in zip(eager.volumes, lazy.volumes):
        assert other.lazy
        for k in (0, 7):
            np.testing.assert_array_equal(volume.array[k], other.array[k])


def test_copies_are_named_and_not_made_a_time_series(shared_data):
    """Nine files of one image: nothing tells them apart, each is loaded by itself and the sequence is not preferred."""
    with dl.open() as session:
        session.index(shared_data / "transfer_syntax/siemens_mosaic_9_transfer_syntaxes")
        every = session.examine(all=True)
    selected = [one for one in every if one.selected]
    assert [one.kind for one in selected] == ["volume"] * 9
    (sequence,) = [one for one in every if one.kind == "sequence"]
    assert not sequence.selected
    assert [found.code for found in sequence.findings] == ["geometry.duplicate"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.case in ("mr_fmri/ge_fmri_epi", "mr_dwi/uih_dti")])
def test_folders_change_nothing(shared_data, row, tmp_path):
    """The files of a series spread over folders in another order give the same loadables."""
    files = sorted(path for path in (shared_data / row.case / "dicom").rglob("*") if path.is_file())
    for number, path in enumerate(reversed(files)):
        folder = tmp_path / str(number % 3)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.dcm").symlink_to(path)
    with dl.open() as session, dl.open() as other:
        session.index(shared_data / row.case / "dicom")
        other.index(tmp_path)
        whole, spread = ([one.as_dict() for one in each.examine(all=True)] for each in (session, other))
    assert whole == spread
