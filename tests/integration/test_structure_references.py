"""Structure sets against what others computed of them: counts, areas and colours, masks, 3D Slicer, dicompyler."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pydicom.dicomio
import pytest

import dicomlogic_core as dl
from dicomlogic_core.cli.main import main
from dicomlogic_core.testing import phantoms
from dicomlogic_rt.image_sets import image_set
from dicomlogic_rt.structure_making import structures_of_masks
from dicomlogic_rt.structure_writing import write_structure_set
from dicomlogic_rt.structures import StructureSet

FILES = [
    "rt/dicompyler_dose_struct_plan/dicom/rtss.dcm",
    "rt/pydicom_rt_small/dicom/rtstruct.dcm",
    "rt/rt_utils_phantom/dicom/mock_data/rt.dcm",
    "rt/rt_utils_phantom/dicom/mock_data/invalid_reference_rt.dcm",
    "rt/rt_utils_phantom/dicom/mock_data/non_existent_reference_rt.dcm",
    "rt_pet_ct_mr/sts_003/dicom/CT/mask/RS.dcm",
    "rt_pet_ct_mr/sts_003/dicom/PET/mask/RS.dcm",
]


@pytest.fixture(scope="module")
def sessions() -> Any:
    """One session for every folder that a test asks for."""
    opened: dict[Path, dl.Session] = {}

    def session(folder: Path) -> dl.Session:
        if folder not in opened:
            opened[folder] = dl.open()
            opened[folder].index(folder)
        return opened[folder]

    yield session
    for one in opened.values():
        one.close()


def expected_at(data: Path, file: str) -> list[dict[str, Any]]:
    case, _, inside = file.partition("/dicom/")
    expected = json.loads((data / case / "expected_rt.json").read_text())["files"][f"dicom/{inside}"]["rtstruct"]
    assert expected
    return list(expected)


def alone(file: Path, tmp_path: Path) -> StructureSet:
    """The structure set of one file."""
    folder = tmp_path / "alone"
    folder.mkdir()
    (folder / file.name).write_bytes(file.read_bytes())
    with dl.open() as session:
        session.index(folder)
        (loadable,) = session.examine()
        loaded = session.load(loadable)
    assert isinstance(loaded, StructureSet)
    return loaded


@pytest.mark.parametrize("file", FILES)
def test_regions_have_the_numbers_computed_from_the_attributes(file: str, shared_data: Path, tmp_path: Path) -> None:
    expected = expected_at(shared_data, file)
    structures = alone(shared_data / file, tmp_path)
    assert [roi.number for roi in structures] == [one["number"] for one in expected]
    for roi, one in zip(structures, expected):
        assert (roi.name, len(roi.contours)) == (one["name"], one["contours"])
        assert sum(len(contour.points) for contour in roi.contours) == one["points"]
        assert dict(Counter(contour.geometric_type for contour in roi.contours)) == one["types"]
        assert list(roi.colour or ()) == one["color"]
        if one["volume_cm3_sum_of_areas"] is None:
            continue
        volume = structures.volume_cc(roi, end_cap="full")
        z = [contour.points[:, 2].mean() for contour in roi.filled]
        assert (min(z), max(z)) == pytest.approx((one["z_min"], one["z_max"]), abs=0.006)
        if len(roi.contours) == one["planes"]:  # of several contours in a plane theirs is a sum, ours is even-odd
            assert volume.cc == pytest.approx(one["volume_cm3_sum_of_areas"], rel=5e-4)


@pytest.mark.parametrize("modality", ["CT", "PET"])
def test_masks_of_the_patient_are_the_reference_masks(modality: str, shared_data: Path, sessions: Any) -> None:
    case = shared_data / "rt_pet_ct_mr/sts_003"
    reference = nibabel.load(case / "ref" / f"{modality}_mask.nii.gz")
    session = sessions(case)
    segmentations = [
        session.load(loadable)
        for loadable in session.examine(options={"structures": "segmentation"})
        if loadable.kind == "segmentation"
    ]
    (segmentation,) = [one for one in segmentations if one.segments[0].name == f"GTV_Mass_{modality}"]
    wanted = np.asarray(reference.dataobj) > 0
    k, j, i = np.nonzero(segmentation.mask(0))
    world = np.stack([i, j, k, np.ones_like(i)], axis=1) @ segmentation.geometry.ijk_to_ras.T
    index = np.rint(world @ np.linalg.inv(reference.affine).T)[:, :3].astype(int)
    found = np.zeros(wanted.shape, bool)
    found[tuple(index.T)] = True
    assert len(i) == found.sum() and np.array_equal(found, wanted)


def test_what_a_structure_set_needs_is_connected(shared_data: Path, sessions: Any) -> None:
    session = sessions(shared_data / "rt/rt_utils_phantom")
    loadables = session.examine()
    volume = next(one for one in loadables if one.name.startswith("3:"))
    found = [one for one in loadables if one.kind == "structure-set"]
    assert len(found) >= 2
    for loadable in found:
        assert loadable.confidence == 1.0 and loadable.selected
        assert volume.id in {one.id for one in session.related(loadable)}


def test_absent_images_are_told(shared_data: Path, sessions: Any) -> None:
    session = sessions(shared_data / "rt/dicompyler_dose_struct_plan")
    (loadable,) = [one for one in session.examine() if one.kind == "structure-set"]
    (told,) = [one for one in loadable.findings if one.code == "rt.reference-missing"]
    assert told.message.startswith("97 of 98 referenced images")


@pytest.mark.parametrize("file", FILES)
def test_written_contours_come_back_and_dicompyler_reads_the_same(
    file: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    structures = alone(shared_data / file, tmp_path)
    with dl.open() as session:
        path = session.write(structures, tmp_path / "out", format="rtstruct")[0]
        session.index(tmp_path / "out")
        (loadable,) = session.examine()
        back = session.load(loadable)
    monkeypatch.setattr(pydicom.dicomio, "read_file", pydicom.dcmread, raising=False)  # its name before pydicom 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dicompyler uses names that pydicom has deprecated
        from dicompylercore.dicomparser import DicomParser

        parser = DicomParser(str(path))
        theirs = parser.GetStructures()
        coordinates = {number: parser.GetStructureCoordinates(number) for number in theirs}
    assert back.names == structures.names and list(theirs) == [roi.number for roi in structures]
    for roi, again in zip(structures, back):
        assert theirs[roi.number]["name"] == roi.name and tuple(theirs[roi.number]["color"]) == roi.colour
        assert len(again.contours) == len(roi.contours)
        for ours, read in zip(roi.contours, again.contours):
            assert ours.geometric_type == read.geometric_type
            assert np.abs(ours.points - read.points).max() < 1e-4
        # dicompyler sorts contours into planes by the text of z.
        planes: dict[float, list[Any]] = {}
        for contour in roi.contours:
            planes.setdefault(round(float(contour.points[0, 2]), 3), []).append(contour)
        found = {round(float(key), 3): one for key, one in coordinates[roi.number].items()}
        assert {key: len(one) for key, one in found.items()} == {key: len(one) for key, one in planes.items()}
        for key, contours in found.items():
            for contour, one in zip(planes[key], contours):
                assert one["type"] == contour.geometric_type
                assert np.abs(np.array(one["data"], dtype=float) - contour.points).max() < 1e-4


def test_a_checker_of_objects_finds_no_fault_in_what_is_written(tmp_path: Path) -> None:
    """dicom3tools' dciodvfy knows modules, types and value representations of RT structure sets."""
    checker = shutil.which("dciodvfy")
    if checker is None:
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    phantoms.write_ct(tmp_path / "ct")
    with dl.open() as session:
        session.index(tmp_path / "ct")
        series = next(iter(session.study(session.list("study")[0]["StudyInstanceUID"])))
        images = image_set(series)
        mask = np.zeros(images.geometry.size_ijk[::-1], bool)
        mask[2:5, 1:6, 1:6] = True
        mask[3, 3, 3] = False
        path = write_structure_set(structures_of_masks({"PTV": mask}, images), tmp_path / "x.dcm", series)
    run = subprocess.run([checker, str(path)], capture_output=True, text=True, check=False)
    said = run.stderr + run.stdout
    assert "RTStructureSet" in said and "Error" not in said, said


# Its own process: importing Slicer changes warnings, handlers and the locale of the whole process.
_SLICER = """
import json, sys
import slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
node, storage = slicer.vtkMRMLSegmentationNode(), slicer.vtkMRMLSegmentationStorageNode()
scene.AddNode(node)
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node), "Slicer could not read the file"
segmentation = node.GetSegmentation()
segments = []
for number in range(segmentation.GetNumberOfSegments()):
    segment = segmentation.GetNthSegment(number)
    image = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(segmentation.GetNthSegmentID(number), image)
    scalars = image.GetPointData().GetScalars()
    tags = {}
    for tag in ("DicomRtImport.RoiNumber", "TerminologyEntry"):
        text = vtk.mutable("")
        segment.GetTag(tag, text)
        tags[tag] = str(text.get())
    voxels = int((vtk_to_numpy(scalars) != 0).sum()) if scalars and min(image.GetDimensions()) > 0 else 0
    segments.append([segment.GetName(), list(segment.GetColor()), tags, voxels])
print(json.dumps(segments))
"""


def test_slicer_reads_names_colours_and_voxels_of_an_exported_structure_set(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nested and overlapping regions, on the grid of the dose, by the command line."""
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    case, database, out = shared_data / "rt/dicompyler_dose_struct_plan/dicom", tmp_path / "db", tmp_path / "out"
    assert main(["index", str(case), "--db", str(database), "--json"]) in (0, 1)
    capsys.readouterr()
    options = ["-o", "structures=segmentation", "-o", "grid=dose"]
    main(["export", "--db", str(database), "--to", str(out), "--json", *options])
    rows = json.loads(capsys.readouterr().out)
    (path,) = [row["path"] for row in rows if str(row.get("path", "")).endswith(".seg.nrrd")]
    run = subprocess.run([sys.executable, "-c", _SLICER, path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.strip().splitlines()[-1])

    with dl.open(database) as session:
        structures, grid = None, None
        for loadable in session.examine():
            if loadable.kind == "structure-set":
                structures = session.load(loadable)
            elif loadable.adaptor == "rt-dose":
                grid = session.load(loadable).geometry
    assert structures is not None and grid is not None
    filled = structures.pick()
    assert [one[0] for one in told] == [roi.name for roi in filled]
    for (_, colour, tags, voxels), roi in zip(told, filled):
        assert colour == pytest.approx([part / 255 for part in roi.colour or ()], abs=1e-6)
        assert tags["DicomRtImport.RoiNumber"] == str(roi.number)
        assert voxels == int(structures.mask(roi, grid).sum()) > 0
    by_name = {one[0]: one[2]["TerminologyEntry"] for one in told}
    assert "Gross tumor volume" in by_name["Breast"] and "Clinical target volume" in by_name["Tumor Bed"]


def test_a_structure_set_is_exported_as_json_of_its_contours(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared_data / FILES[1]
    database, out = tmp_path / "db", tmp_path / "out"
    main(["index", str(file), "--db", str(database), "--json"])
    capsys.readouterr()
    main(["export", "--db", str(database), "--to", str(out), "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    written = json.loads(Path(row["path"]).read_text())
    assert [(roi["name"], len(roi["contours"])) for roi in written["rois"]] == [
        ("patient", 3),
        ("Isocenter 1", 1),
        ("Isocenter 2", 1),
    ]
    assert written["rois"][0]["contours"][0]["points"][0] == pytest.approx([200, 150, -200], abs=400)


def test_a_written_structure_set_names_every_image(shared_data: Path, tmp_path: Path, sessions: Any) -> None:
    session = sessions(shared_data / "rt_pet_ct_mr/sts_003")
    loadable = next(one for one in session.examine() if one.kind == "structure-set")
    structures = session.load(loadable)
    images = session.series_of(loadable)[1]
    dataset = pydicom.dcmread(write_structure_set(structures, tmp_path / "x.dcm", images))
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        (image,) = contour.ContourImageSequence
        row = list(images.sop_uids).index(image.ReferencedSOPInstanceUID)
        z = float(images["ImagePositionPatient"][row, 2])
        assert z == pytest.approx(float(contour.ContourData[2]), abs=0.02)


def test_structure_sets_alone_are_exported_as_dicom_from_a_study_with_images(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, out = str(tmp_path / "db"), tmp_path / "out"
    main(["index", str(shared_data / "rt_pet_ct_mr/sts_003/dicom/CT"), "--db", database, "--json"])
    capsys.readouterr()
    only = ["--where", "Modality=RTSTRUCT", "--format", "rtstruct"]
    assert main(["export", "--db", database, "--to", str(out), "--json", *only]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert pydicom.dcmread(row["path"]).Modality == "RTSTRUCT"
    assert main(["export", "--db", database, "--to", str(out), "--json", "--format", "rtstruct"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert sorted("error" in one for one in rows) == [False, True]
