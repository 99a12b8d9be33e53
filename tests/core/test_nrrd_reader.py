"""Reading NRRD: what is written comes back, as does what others write; what is hostile is refused before it costs."""

from __future__ import annotations

import dataclasses
import gzip
import tracemalloc
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import dicomlogic_core as dl
from dicomlogic_core.builtin import nrrd_data
from dicomlogic_core.builtin.nrrd import NrrdWriter
from dicomlogic_core.builtin.nrrd_fields import LONGEST_HEADER

TILTED = np.array([[1 / 3, 0.0, 1e-7, -1 / 7], [0.0, 0.7, 0.3, 5.0], [0.0, -0.1, 2.0, 1e5 / 3], [0, 0, 0, 1]])


def refs(count: int, **values: Any) -> tuple[dl.FrameRef, ...]:
    return tuple(dl.FrameRef(study_uid="1.1", series_uid="1.2", sop_uid=f"1.3.{k}", **values) for k in range(count))


def volume(array: Any, **values: Any) -> dl.Volume:
    size_k, size_j, size_i = array.shape[:3]
    return dl.Volume(array=array, geometry=dl.Geometry(size_ijk=(size_i, size_j, size_k), ijk_to_lps=TILTED), **values)


def counted(shape: tuple[int, ...] = (4, 5, 6), dtype: Any = np.int16) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def again(obj: Any, folder: Path, **options: str) -> Any:
    return dl.read_nrrd(NrrdWriter().write(obj, folder / "x", options)[0])


def printable(text: str) -> str:
    """As written: blanks of every kind are one kind."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


shapes = st.tuples(*[st.integers(1, 5)] * 3) | st.tuples(*[st.integers(1, 5)] * 3, st.integers(2, 4))
types = st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
texts = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=30)


@settings(deadline=None)
@given(types.flatmap(lambda t: arrays.arrays(t, shapes)), texts, texts, st.sampled_from(["raw", "gzip"]))
def test_volumes_come_back(
    tmp_path_factory: pytest.TempPathFactory, array: Any, unit: str, description: str, encoding: str
) -> None:
    made = volume(
        array,
        unit=unit,
        quantity="q\n\\n",
        frame_of_reference_uid="1.9",
        provenance=refs(len(array)),
        metadata={"common": {"SeriesDescription": description or "x"}, "window": [[40.0, 400.0]]},
    )
    got = again(made, tmp_path_factory.getbasetemp(), encoding=encoding)
    assert got.array.dtype == array.dtype
    assert np.array_equal(got.array, array, equal_nan=array.dtype.kind == "f")
    assert np.array_equal(got.geometry.ijk_to_lps, TILTED)
    assert got.geometry.size_ijk == made.geometry.size_ijk
    assert (got.unit, got.frame_of_reference_uid) == (printable(unit), "1.9")
    assert got.provenance == made.provenance
    assert got.metadata["window"] == [[40.0, 400.0]]
    assert got.metadata["common"]["SeriesDescription"] == printable(description or "x")


def test_filled_slices_frames_and_findings_come_back(tmp_path: Path) -> None:
    one, two, three = refs(3, frame=7, region=2)
    made = volume(
        counted(), provenance=(one, None, two, three), missing=(1,), findings=(dl.finding("geometry.gap", "4 mm"),)
    )
    got = again(made, tmp_path)
    assert got.provenance == made.provenance
    assert got.missing == (1,)
    assert got.metadata["findings"] == ["geometry.gap"]
    film = volume(counted(), provenance=tuple(dataclasses.replace(one, frame=k + 1, region=0) for k in range(4)))
    assert again(film, tmp_path).provenance == film.provenance


def test_sequences_come_back(tmp_path: Path) -> None:
    axes = (
        dl.Axis(name="b-value", tag="00189087", unit="s/mm2", values=(0.0, 500.0, 1000.0)),
        dl.Axis(name="gradient", tag="00189089", unit="", values=(None, (1.0, 0.0, 0.0), (0.0, 0.6, 0.8))),
    )
    volumes = tuple(volume(counted() + 1000 * n, provenance=refs(4), unit="1") for n in range(3))
    made = dl.VolumeSequence(volumes=volumes, axes=axes)
    got = again(made, tmp_path)
    assert got.axes == made.axes
    assert np.array_equal(np.asarray(got), np.asarray(made))
    assert [one.provenance for one in got] == [one.provenance for one in made]
    assert np.array_equal(got.geometry.ijk_to_lps, TILTED)
    weighted = again(made, tmp_path, **{"as": "dwi"})
    assert weighted.axes == made.axes
    assert np.array_equal(np.asarray(weighted), np.asarray(made))
    colour = dl.VolumeSequence(volumes=tuple(volume(counted((4, 5, 6, 3), "u1")) for _ in range(2)), axes=())
    assert np.array_equal(np.asarray(again(colour, tmp_path)), np.asarray(colour))


@pytest.mark.parametrize("layers", [1, 3])
def test_segmentations_come_back(layers: int, tmp_path: Path) -> None:
    labels = (np.random.default_rng(1).random((layers, 4, 5, 6)) < 0.5).astype(np.uint8)
    segments = tuple(
        dl.Segment(
            id=f"s{n}", name=f"größer {n}", colour=(0.5, 0.25, 1.0), layer=n, tags={"a": "b:c"}, terminology="a~b^c^d"
        )
        for n in range(layers)
    )
    grid = dl.Geometry(size_ijk=(6, 5, 4), ijk_to_lps=TILTED)
    made = dl.Segmentation(
        layers=labels, geometry=grid, segments=segments, metadata={"source_instance_uids": ["1.2", "1.3"]}
    )
    got = again(made, tmp_path)
    assert got.segments == segments
    assert np.array_equal(got.layers, labels)
    assert np.array_equal(got.geometry.ijk_to_lps, TILTED)
    assert got.metadata == made.metadata


# --- files of others ------------------------------------------------------------------------------------------------


def test_simpleitk_files_lie_where_it_has_them(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(counted(dtype=np.float32))
    image.SetOrigin((1.5, -2.5, 3.5))
    image.SetSpacing((0.5, 0.75, 2.0))
    image.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, 1))  # left-handed
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"), useCompression=True)
    got = dl.read_nrrd(tmp_path / "a.nrrd")
    assert isinstance(got, dl.Volume)
    assert np.linalg.det(got.geometry.ijk_to_lps) > 0
    for k, j, i in np.ndindex(4, 5, 6):
        place = image.TransformIndexToPhysicalPoint((i, j, k))
        value, inside = dl.sample_points(got, [place])
        assert inside.all()
        assert value == image.GetPixel(i, j, k)


@pytest.mark.parametrize(
    ("space", "signs"),
    [("right-anterior-superior", (-1, -1, 1)), ("RAS", (-1, -1, 1)), ("left-anterior-superior", (1, -1, 1))],
)
def test_other_spaces_become_lps(space: str, signs: Any, tmp_path: Path) -> None:
    array = counted()
    header = {"space": space, "space directions": np.diag([1.0, 2.0, 3.0]), "space origin": np.array([4.0, 5.0, 6.0])}
    nrrd.write(str(tmp_path / "a.nrrd"), array, header, index_order="C")
    got = dl.read_nrrd(tmp_path / "a.nrrd")
    assert isinstance(got, dl.Volume)
    place = np.multiply(signs, (4 + 1 * 2, 5 + 2 * 3, 6 + 3 * 1))
    assert dl.sample_points(got, [place])[0] == array[1, 3, 2]


def text_of(**changed: str | None) -> bytes:
    """The header of a small file, with changes; None leaves a field out."""
    fields: dict[str, str | None] = {
        "type": "short",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "6 5 4",
        "space directions": "(1,0,0) (0,1,0) (0,0,1)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(0,0,0)",
        **{name.replace("_", " "): value for name, value in changed.items()},
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return ("NRRD0005\n# a comment\n" + "\n".join(lines) + "\n\n").encode()


def read(tmp_path: Path, header: bytes, data: bytes = counted().tobytes()) -> Any:
    (tmp_path / "a.nrrd").write_bytes(header + data)
    return dl.read_nrrd(tmp_path / "a.nrrd")


def test_older_and_odd_forms(tmp_path: Path) -> None:
    plain = read(tmp_path, text_of())
    assert np.array_equal(plain.array, counted())
    assert np.array_equal(read(tmp_path, text_of().replace(b"\n", b"\r\n")).array, counted())
    big = counted(dtype=">i2").tobytes()
    assert np.array_equal(read(tmp_path, text_of(endian="big"), big).array, counted())
    members = b"".join(gzip.compress(one.tobytes()) for one in counted())
    assert np.array_equal(read(tmp_path, text_of(encoding="gz"), members).array, counted())
    assert np.array_equal(read(tmp_path, text_of(byte_skip="3"), b"xyz" + counted().tobytes()).array, counted())


def test_slicers_older_sequences(tmp_path: Path) -> None:
    """List first, and the index by its axis; or the labels of the MultiVolume module."""
    header = text_of(
        dimension="4",
        sizes="2 6 5 4",
        space_directions="none (1,0,0) (0,1,0) (0,0,1)",
        kinds="list domain domain domain",
    )
    array = np.stack([counted(), counted() + 500], axis=-1)
    keys = b'axis 0 index type:=numeric\naxis 0 index values:=1.5 2\nlabels: "time" "" "" ""\nunits: "s" "" "" ""\n'
    got = read(tmp_path, header[:-1] + keys + b"\n", array.tobytes())
    assert got.axes == (dl.Axis(name="time", tag="", unit="s", values=(1.5, 2.0)),)
    assert np.array_equal(got[1].array, counted() + 500)
    keys = b"MultiVolume.FrameLabels:=10,20\nMultiVolume.NumberOfFrames:=2\n"
    keys += b"MultiVolume.FrameIdentifyingDICOMTagName:=EchoTime\n"
    got = read(tmp_path, header[:-1] + keys + b"\n", array.tobytes())
    assert got.axes == (dl.Axis(name="EchoTime", tag="", unit="", values=(10.0, 20.0)),)


def test_voxels_beside_the_header(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.raw").write_bytes(counted().tobytes())
    (tmp_path / "a.raw").write_bytes(counted().tobytes())
    path = tmp_path / "inside" / "a.nhdr"
    path.write_bytes(text_of(data_file="a.raw"))
    assert np.array_equal(np.asarray(dl.read_nrrd(path)), counted())
    for name in ("../a.raw", str(tmp_path / "a.raw"), "LIST", "a%03d.raw 1 3 1", "gone/../../a.raw"):
        path.write_bytes(text_of(data_file=name))
        with pytest.raises(dl.HeaderError, match="not opened"):
            dl.read_nrrd(path)
    path.write_bytes(text_of(data_file="gone.raw"))
    with pytest.raises(dl.HeaderError, match="cannot be read"):
        dl.read_nrrd(path)


def test_segments_that_contradict_their_layers_are_refused(tmp_path: Path) -> None:
    keys = b"Segment0_ID:=a\nSegment1_ID:=a\nSegment0_LabelValue:=1\nSegment1_LabelValue:=2\n"
    for changed in (keys, b"Segment0_ID:=a\nSegment0_Layer:=7\n", b"Segment0_ID:=a\nSegment0_LabelValue:=x\n"):
        with pytest.raises(dl.HeaderError, match="contradict"):
            read(tmp_path, text_of(type="uchar")[:-1] + changed + b"\n", bytes(120))


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"sizes": "6 5"}, "sizes"),
        ({"sizes": "6 5 -4"}, "sizes"),
        ({"sizes": None}, "sizes"),
        ({"dimension": "4"}, "dimension"),
        ({"type": "block"}, "type"),
        ({"encoding": "hex"}, "encoding"),
        ({"space": None}, "space"),
        ({"space": "scanner-xyz"}, "space"),
        ({"space_origin": "(0,nan,0)"}, "vector"),
        ({"space_origin": None}, "origin"),
        ({"space_directions": "(1,0,0) (0,1,0)"}, "axes of space"),
        ({"space_directions": "(1,0,0) (0,1,0) none"}, "axes of space"),
        ({"space_directions": "(1,0,0) (0,1,0) (1,1,0)"}, "parallel"),
        ({"byte_skip": "-2"}, "byte skip"),
        ({"byte_skip": "9" * 5000}, "byte skip"),
        ({"byte_skip": "-1", "encoding": "gzip"}, "byte skip"),
        ({"sizes": f"6 5 {'9' * 5000}"}, "sizes"),
        ({"space_directions": "(1e308,0,0) (0,1e308,0) (0,0,1e308)"}, "vector"),
        ({"space_directions": "(1e-200,0,0) (0,1e-200,0) (0,0,1e-200)"}, "parallel"),
        ({"endian": "middle"}, "order of bytes"),
        ({"endian": None}, "order of bytes"),
        ({"data_file": "voxels\0.raw"}, "other files"),
        ({"line_skip": "2"}, "lines"),
    ],
)
def test_headers_that_cannot_be_meant(changed: Mapping[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(dl.HeaderError, match=why):
        read(tmp_path, text_of(**changed))


@pytest.mark.parametrize(
    "key",
    [
        f"DICOMLogic.missingSlices:={'9' * 5000}",
        f"DICOMLogic.frames:={'9' * 5000} 1 2 3",
        "DICOMLogic.frames:=0 0 0 0",
        "DICOMLogic.window:=NaN",
        'DICOMLogic.window:={"a": 1}',
        "DICOMLogic.window:=[[1, 2, 3]]",
        f"DICOMLogic.window:=[[1, {'9' * 4000}]]",
        "DICOMLogic.slicePositionsLpsMm:=[[1, 2, Infinity]]",
        "DICOMLogic.slicePositionsLpsMm:=" + "[" * 100_000,
    ],
)
def test_keys_that_cannot_be_meant_count_for_nothing(key: str, tmp_path: Path) -> None:
    origin = "DICOM.instanceUIDs:=1 2 3 4\nDICOM_0020_000D_StudyInstanceUID:=1\nDICOM_0020_000E_SeriesInstanceUID:=2\n"
    found = read(tmp_path, text_of().rstrip(b"\n") + f"\n{origin}{key}\n\n".encode())
    assert np.array_equal(found.array, counted()) and found.missing == ()
    assert {"window", "slice_positions_lps_mm"}.isdisjoint(found.metadata)
    assert all(ref.frame == 1 for ref in found.provenance)


def test_voxels_at_the_end_of_their_file(tmp_path: Path) -> None:
    voxels = b"whatever comes first" + counted().tobytes()
    assert np.array_equal(read(tmp_path, text_of(byte_skip="-1"), voxels).array, counted())


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(dl.HeaderError, match="no NRRD"):
        read(tmp_path, b"NIfTI", b"")
    with pytest.raises(dl.HeaderError, match="cannot be read"):
        dl.read_nrrd(tmp_path / "gone.nrrd")
    with pytest.raises(dl.HeaderError, match="longer than"):
        read(tmp_path, b"NRRD0005\n" + b"a:=" + b"x" * (LONGEST_HEADER + 10), b"")


@pytest.fixture(params=["isal.isal_zlib", "zlib"])
def inflating(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nrrd_data, "inflating", pytest.importorskip(request.param))


@pytest.mark.usefixtures("inflating")
def test_voxels_that_are_short_or_broken(tmp_path: Path) -> None:
    whole = gzip.compress(counted().tobytes())
    for encoding, data in (("raw", counted().tobytes()[:-1]), ("gzip", whole[: len(whole) // 2]), ("gzip", b"")):
        with pytest.raises(dl.PixelError) as caught:
            read(tmp_path, text_of(encoding=encoding), data)
        assert caught.value.code == "pixels.short"
    with pytest.raises(dl.PixelError) as caught:
        read(tmp_path, text_of(encoding="gzip"), b"no gzip at all")
    assert caught.value.code == "pixels.decode-failed"


def test_sizes_beyond_the_memory_are_refused_before_they_are_taken(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(dl.PixelError) as caught:
            read(tmp_path, text_of(sizes="60000 60000 60000"))
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.code == "pixels.too-large"


@pytest.mark.usefixtures("inflating")
def test_what_would_inflate_without_end_stops_where_the_voxels_end(tmp_path: Path) -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(256)) + deflate.flush()
    tracemalloc.start()
    try:
        got = read(tmp_path, text_of(encoding="gzip"), bomb)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert not got.array.any()


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damage_gives_an_error_of_ours_or_a_value(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    labels = np.ones((2, 2, 2, 2), np.uint8)
    grid = dl.Geometry(size_ijk=(2, 2, 2), ijk_to_lps=TILTED)
    segments = (dl.Segment(id="a", name="a", colour=(1, 0, 0), tags={"x": "y"}),)
    axis = dl.Axis(name="time", tag="", unit="s", values=(1.0, 2.0))
    series = tuple(volume(counted((2, 2, 2)), provenance=refs(2), metadata={"window": [[1.0, 2.0]]}) for _ in range(2))
    made = data.draw(
        st.sampled_from(
            [
                dl.Segmentation(layers=labels, geometry=grid, segments=segments),
                dl.VolumeSequence(volumes=series, axes=(axis,)),
                series[0],
            ]
        )
    )
    path = NrrdWriter().write(made, folder / "damaged", {"encoding": "raw"})[0]
    text = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path.write_bytes(text)
    try:
        dl.read_nrrd(path)
    except dl.DicomLogicError as error:
        assert error.where or error.code == "pixels.too-large"
