"""Findings about pixel values from headers alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicomlogic_core.findings import CODES, Finding
from dicomlogic_core.pixels.known import pixel_findings
from dicomlogic_core.testing.file_series import all_frames, series_of
from dicomlogic_core.testing.phantom_objects import enhanced, save
from dicomlogic_core.testing.phantoms import regular, write_ct


def known(folder: Path, change: Callable[[int, Dataset], None] | None = None) -> dict[str, Finding]:
    """Findings of a series of three slices, by code."""
    series = series_of(write_ct(folder, regular(3), change=change))
    found = pixel_findings(series, all_frames(series))
    assert len({one.code for one in found}) == len(found)
    return {one.code: one for one in found}


def test_a_plain_ct_has_none(tmp_path: Path) -> None:
    assert known(tmp_path) == {}


def test_slopes_that_differ(tmp_path: Path) -> None:
    found = known(tmp_path, lambda number, one: setattr(one, "RescaleSlope", f"{number + 0.5}"))
    assert list(found) == ["pixels.rescale-varies"]
    assert "0.5 to 2.5" in found["pixels.rescale-varies"].message


def test_slopes_that_differ_by_frame(tmp_path: Path) -> None:
    path = save(enhanced(regular(3), name="e", rescale=[(1, 0), (2, 0), (3, 5)]), tmp_path / "e.dcm")
    series = series_of(path)
    assert [one.code for one in pixel_findings(series, all_frames(series))] == ["pixels.rescale-varies"]


def test_ct_without_rescale(tmp_path: Path) -> None:
    def change(number: int, one: Dataset) -> None:
        del one.RescaleSlope, one.RescaleIntercept

    assert list(known(tmp_path / "ct", change)) == ["pixels.rescale-missing"]

    def other(number: int, one: Dataset) -> None:
        change(number, one)
        one.Modality = "MR"

    assert known(tmp_path / "mr", other) == {}


def test_the_one_image_without_rescale_is_named(tmp_path: Path) -> None:
    uids = []

    def change(number: int, one: Dataset) -> None:
        if number == 2:
            del one.RescaleSlope
            uids.append(one.SOPInstanceUID)

    (found,) = known(tmp_path / "ct", change).values()
    assert found.where == tuple(uids)
    assert found.message.startswith("1 of ")


@pytest.mark.parametrize("slope", ["0", "1e999"])
def test_slope_that_cannot_be_applied(slope: str, tmp_path: Path) -> None:
    series = series_of(write_ct(tmp_path, regular(3)), {"00281053": slope})
    (found,) = pixel_findings(series, all_frames(series))
    assert (found.code, found.severity) == ("pixels.rescale-invalid", "error")


def test_other_unit_than_hounsfield(tmp_path: Path) -> None:
    assert list(known(tmp_path / "a", lambda number, one: setattr(one, "RescaleType", "HU"))) == []
    found = known(tmp_path / "b", lambda number, one: setattr(one, "RescaleType", "mgml"))
    assert list(found) == ["pixels.not-hu"] and "MGML" in found["pixels.not-hu"].message


def test_padding_in_stored_units(tmp_path: Path) -> None:
    def change(number: int, one: Dataset) -> None:
        one.PixelRepresentation = 1
        one.BitsStored, one.HighBit = 16, 15
        one.add_new(0x00280120, "US", 63536)  # written with the wrong VR: -2000

    found = known(tmp_path, change)
    assert list(found) == ["pixels.padding"] and "-2000" in found["pixels.padding"].message


def test_monochrome1_lossy_and_table(tmp_path: Path) -> None:
    def change(number: int, one: Dataset) -> None:
        one.PhotometricInterpretation = "MONOCHROME1"
        if number == 1:
            one.LossyImageCompression, one.LossyImageCompressionRatio = "01", "12.5"

    found = known(tmp_path, change)
    assert list(found) == ["pixels.monochrome1", "pixels.lossy"]
    assert "12.5" in found["pixels.lossy"].message
    assert len(found["pixels.lossy"].where) == 1 and len(found["pixels.monochrome1"].where) == 3


def test_types_that_differ(tmp_path: Path) -> None:
    assert list(known(tmp_path, lambda number, one: setattr(one, "PixelRepresentation", number % 2))) == [
        "pixels.type-mixed"
    ]


def test_syntax_without_decoder_is_told_before_loading(tmp_path: Path) -> None:
    def change(number: int, one: Dataset) -> None:
        one.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.103"
        one["PixelData"].is_undefined_length = True
        one.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\4\0\0\0abcd"

    found = known(tmp_path, change)
    assert found["pixels.unsupported-syntax"].severity == "error"
    assert "MPEG-4" in found["pixels.unsupported-syntax"].message


def test_headers_that_cannot_be_used(tmp_path: Path) -> None:
    series = series_of(write_ct(tmp_path, regular(2)), {"00280100": "13"})
    (found,) = pixel_findings(series, all_frames(series))
    assert (found.code, found.severity) == ("pixels.invalid-header", "error")
    assert found.code in CODES


def test_high_bit_that_cannot_be_is_not_used(tmp_path: Path) -> None:
    found = known(tmp_path, lambda number, one: setattr(one, "HighBit", 7))
    assert [(one.code, one.severity) for one in found.values()] == [("pixels.invalid-header", "warning")]


def test_only_the_frames_asked_about_count(tmp_path: Path) -> None:
    paths = write_ct(tmp_path, regular(3), change=lambda number, one: setattr(one, "RescaleSlope", f"{number + 1}"))
    series = series_of(paths)
    assert pixel_findings(series, all_frames(series)[:1]) == ()
    assert pixel_findings(series, ()) == ()
