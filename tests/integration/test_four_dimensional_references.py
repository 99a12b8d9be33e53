"""Every 4-D case with a NIfTI reference: all frames, axis values and Slicer's reading, from files and from Orthanc.

The references were made by other programs (see the data's README); the comparison is the data's own tool. Echoes and
kinds of images that a reference has in files of their own are picked from the sequence by the values of its axes.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.builtin.nrrd_diffusion import image_frame
from dicomlogic_core.cli.main import main


@dataclass(frozen=True)
class Case:
    """One series and its references, relative to the data folder.

    Attributes:
        references: file -> the values of axes that its volumes have; {} for all volumes.
        frames: of the sequence.
        options: of the export, to choose another axis than the best.
        steps: axis whose values are a RepetitionTime apart, where the sidecar has one.
    """

    folder: str
    references: Mapping[str, Mapping[str, Any]]
    frames: int
    series: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    steps: str = "Time"

    @property
    def id(self) -> str:
        chosen = f"-{self.options['axis']}" if "axis" in self.options else ""
        return f"{Path(self.folder).name}{'-' if self.series else ''}{self.series}{chosen}"


def _one(folder: str, reference: str, frames: int, series: str = "") -> Case:
    return Case(folder, {reference: {}}, frames, series)


def _by_time(folder: str, reference: str, frames: int, axis: str, series: str = "") -> Case:
    return Case(folder, {reference: {}}, frames, series, options={"axis": axis}, steps=axis)


CASES = [
    _one("mr_mosaic/siemens_mosaic_ax_asc35", "ref/ax_asc_35sl_6.nii.gz", 2),
    _one("mr_mosaic/siemens_mosaic_cor_int36", "ref/cor_int_36sl_15.nii.gz", 2),
    _one("mr_mosaic/siemens_mosaic_sag_asc35", "ref/sag_asc_35sl_22.nii.gz", 2),
    _one("mr_mosaic/siemens_mosaic_jpeg_lossless", "ref/fMRI_MB_asc_25.nii.gz", 2),
    _one("mr_mosaic/siemens_mosaic_jp2k", "ref/fMRI_MB_int_26.nii.gz", 2),
    _one("mr_mosaic/siemens_skyra_epi_pe_ap", "ref/EPI_PE=AP_3.nii.gz", 2),
    _one("mr_fmri/ge_fmri_epi", "ref/DCM2NIIX_regression_test_4.nii.gz", 10),
    _one("mr_fmri/ge_fmri_small", "ref/001_ground_truth.nii.gz", 2),
    _one("mr_fmri/philips_fmri", "ref/001_ground_truth.nii.gz", 4),
    Case(
        "mr_multiecho/siemens_me_fmri_mosaic",
        {"ref/me_fMRI_4_e1.nii.gz": {"EchoTime": 20.0}, "ref/me_fMRI_4_e2.nii.gz": {"EchoTime": 37.83}},
        6,
    ),
    Case(
        "mr_fieldmap/ge_b0map",
        {
            "ref/GE_6_CV_Neuro_HH_Adv.nii.gz": {"component": 2},
            "ref/GE_6_CV_Neuro_HH_Adv_fieldmaphz.nii.gz": {"component": 0},
        },
        2,
    ),
    Case(
        "mr_enhanced/philips_enh_fieldmap",
        {
            "ref_fresh/801_B0_NS_e1.nii.gz": {"component": "magnitude"},
            "ref_fresh/801_B0_NS_e2_fieldmaphz.nii.gz": {"component": "real"},
        },
        2,
    ),
    Case(
        "mr_enhanced/philips_enh_fieldmap",
        {"ref_fresh/801_B0_NS_e1.nii.gz": {"EchoTime": 1.52}},
        2,
        options={"axis": "EchoTime"},
    ),
    _one("mr_enhanced/philips_enh_fmri", "ref/001_ground_truth.nii.gz", 4),
    _one("mr_enhanced/siemens_xa10_enh_fmri", "ref/Siemens_REST1_w_SMS_PF7-8_6.nii.gz", 4),
    Case(
        "mr_enhanced/siemens_xa30_enh",
        {
            "ref/8_gre_field_mapping_e1.nii.gz": {"EchoTime": 10.0},
            "ref/8_gre_field_mapping_e2.nii.gz": {"EchoTime": 12.46},
        },
        2,
        "8",
    ),
    _one("mr_enhanced/siemens_xa30_enh", "ref/25_asl_2d_tra.nii.gz", 7, "25"),
    _one("mr_asl/philips_asl_classic", "ref_fresh/301_ASL_MultiPhase.nii.gz", 8, "301"),
    _by_time("mr_enhanced/siemens_xa10_enh_fmri", "ref/Siemens_REST1_w_SMS_PF7-8_6.nii.gz", 4, "AcquisitionTime"),
    _by_time("mr_enhanced/siemens_xa30_enh", "ref/25_asl_2d_tra.nii.gz", 7, "AcquisitionTime", "25"),
    _by_time("mr_asl/philips_asl_classic", "ref_fresh/301_ASL_MultiPhase.nii.gz", 8, "TriggerTime", "301"),
    _one("mr_dwi/ge_dti_4vol", "ref/002_ground_truth.nii.gz", 4),
    _one("mr_dwi/philips_dti", "ref/001_ground_truth.nii.gz", 4),
    _one("mr_dwi/siemens_dti_classic", "ref/001_ground_truth.nii.gz", 2),
    _one("mr_dwi/uih_dti", "ref/dti_tra_dir16_AP_9_134431.nii.gz", 17),
    _one("dce_time_series/siemens_fl3d_dynamic", "ref/time_all_fl3d_dynamic_20190207140517_14.nii.gz", 3),
]

# What dcm2niix v1.0.20260724 writes for series whose reference has no .bval and .bvec.
DCM2NIIX_WEIGHTING = {
    "siemens_dti_classic": ([0, 1000], [[0, 0.825679], [0, 0.351921], [0, -0.440914]]),
    "philips_dti": ([0, 1000, 1000, 1000], [[0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
}


def _tool(shared_data: Path) -> Any:
    path = shared_data.parent / "tools" / "compare_nrrd_nifti.py"
    spec = importlib.util.spec_from_file_location("compare_nrrd_nifti", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(argv: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    code = main([*argv, "--json"])
    captured = capsys.readouterr()
    assert code in (0, 1), captured.err
    return json.loads(captured.out)


def _export(location: str, case: Case, folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[Path]:
    """The files that `dicomlogic export` makes of the case's series."""
    database = str(folder / "db")
    _run(["index", location, "--db", database], capsys)
    series = _run(["list", "--db", database, "--level", "series"], capsys)
    wanted = [
        row["SeriesInstanceUID"]
        for row in series
        if row["Modality"] == "MR" and case.series in ("", str(row["SeriesNumber"]))
    ]
    assert len(wanted) == 1, (case, wanted)
    given = [word for pair in case.options.items() for word in ("-o", "=".join(pair))]
    name = wanted[0]
    if "axis" in case.options:
        found = _run(["examine", name, "--db", database, *given], capsys)
        (name,) = (row["id"] for row in found if row["selected"])
    exported = _run(["export", name, "--db", database, "--to", str(folder / "out"), *given, *options], capsys)
    assert {row.get("error") for row in exported} == {None}, exported
    assert {row["kind"] for row in exported} == {"sequence"}
    return [Path(row["path"]) for row in exported]


def _axes(header: Mapping[str, Any]) -> dict[str, list[Any]]:
    start = "DICOMLogic.axis."
    return {key.removeprefix(start): json.loads(header[key])["values"] for key in header if key.startswith(start)}


def _picked(axes: Mapping[str, list[Any]], wanted: Mapping[str, Any], frames: int) -> list[int]:
    return [number for number in range(frames) if all(axes[name][number] == value for name, value in wanted.items())]


def _part(path: Path, volumes: list[int], folder: Path) -> Path:
    """Some volumes of a sequence as a file of their own."""
    values, header = nrrd.read(str(path))
    part = folder / "part.nrrd"
    nrrd.write(str(part), values[..., volumes], {**header, "encoding": "raw"})
    return part


def _check(path: Path, case: Case, shared_data: Path, folder: Path) -> None:
    header = nrrd.read_header(str(path))
    assert header["sizes"][-1] == case.frames
    axes = _axes(header)
    assert all(len(values) == case.frames for values in axes.values())
    tool = _tool(shared_data)
    for name, wanted in case.references.items():
        reference = shared_data / case.folder / name
        volumes = _picked(axes, wanted, case.frames)
        assert volumes, axes
        result = tool.compare(
            str(_part(path, volumes, folder)), str(reference), max_corner=0.02, min_equal=1.0, frames="order"
        )
        assert result["pass"], result
        _check_axes(axes, volumes, case, reference)
        _check_weighting(axes, header, case, reference)


def _check_axes(axes: Mapping[str, list[Any]], volumes: list[int], case: Case, reference: Path) -> None:
    """Axis values against the files beside the reference."""
    stem = str(reference).removesuffix(".nii.gz")
    sidecar = json.loads(Path(f"{stem}.json").read_text(encoding="utf-8")) if Path(f"{stem}.json").exists() else {}
    if "EchoTime" in axes and "EchoTime" in sidecar:
        assert np.allclose([axes["EchoTime"][number] for number in volumes], 1000 * sidecar["EchoTime"], atol=1e-6)
    if case.steps in axes and "RepetitionTime" in sidecar:
        assert np.allclose(np.diff(axes[case.steps]), 1000 * sidecar["RepetitionTime"], atol=1e-3)


def _check_weighting(axes: Mapping[str, list[Any]], header: Mapping[str, Any], case: Case, reference: Path) -> None:
    """b-values and directions against those of dcm2niix, whose vectors are along the axes of its own image."""
    stem = str(reference).removesuffix(".nii.gz")
    if Path(f"{stem}.bval").exists():
        b_values, vectors = np.loadtxt(f"{stem}.bval"), np.loadtxt(f"{stem}.bvec")
    elif Path(case.folder).name in DCM2NIIX_WEIGHTING:
        b_values, vectors = map(np.array, DCM2NIIX_WEIGHTING[Path(case.folder).name])
    else:
        return
    assert np.allclose(axes["b-value"], b_values, rtol=1e-5, atol=1e-3)
    # Its rows run the other way than those of the DICOM image.
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(header["space directions"][:3]).T @ np.diag([1, -1, 1])
    geometry = dl.Geometry(size_ijk=(1, 1, 1), ijk_to_lps=matrix)
    assert np.allclose(image_frame(np.array(axes["gradient"], float), geometry).T, vectors, atol=2e-4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_export_from_files_equals_the_reference(
    case: Case, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = _export(str(shared_data / case.folder / "dicom"), case, tmp_path, capsys)
    _check(path, case, shared_data, tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_export_from_orthanc_equals_the_reference_and_the_export_from_files(
    case: Case,
    shared_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    orthanc: Callable[..., Any],
) -> None:
    inputs = shared_data / case.folder / "dicom"
    (served,) = _export(orthanc(inputs).url, case, tmp_path / "served", capsys)
    _check(served, case, shared_data, tmp_path)
    (local,) = _export(str(inputs), case, tmp_path / "local", capsys)
    found, header = nrrd.read(str(served))
    wanted, local_header = nrrd.read(str(local))
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype
    items = [key for key in local_header if key.startswith("axis 3 ")]
    assert {key: header[key] for key in items} == {key: local_header[key] for key in items}


_SLICER = """
import json, sys
import slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
for path in sys.argv[1:]:
    scene = slicer.vtkMRMLScene()
    node = slicer.vtkMRMLSequenceNode()
    scene.AddNode(node)
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(path)
    assert storage.ReadData(node), path
    matrix = vtk.vtkMatrix4x4()
    volumes = [node.GetNthDataNode(number) for number in range(node.GetNumberOfDataNodes())]
    matrices = []
    for volume in volumes:
        volume.GetIJKToRASMatrix(matrix)
        matrices.append([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    scalars = [vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars()) for volume in volumes]
    print(json.dumps({
        "name": node.GetIndexName(), "unit": node.GetIndexUnit(), "type": node.GetIndexTypeAsString(),
        "index": [node.GetNthIndexValue(number) for number in range(len(volumes))],
        "sizes": [volume.GetImageData().GetDimensions() for volume in volumes], "matrices": matrices,
        "sums": [float(values.sum(dtype="float64")) for values in scalars],
        "instances": [volume.GetAttribute("DICOM.instanceUIDs") for volume in volumes],
    }))
"""


def test_slicer_reads_every_export_as_the_sequence_it_is(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    paths = [_export(str(shared_data / case.folder / "dicom"), case, tmp_path / case.id, capsys)[0] for case in CASES]
    command = [sys.executable, "-c", _SLICER, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    for case, path, got in zip(CASES, paths, lines, strict=True):
        values, header = nrrd.read(str(path))
        assert len(got["index"]) == case.frames, case
        assert (got["name"], got["unit"]) == (header["labels"][3], header["units"][3])
        assert got["name"], case
        _check_index(got, _axes(header))
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = np.array(header["space directions"][:3]).T, header["space origin"]
        assert np.allclose(got["matrices"], np.diag([-1, -1, 1, 1]) @ matrix, rtol=0, atol=1e-6), case
        assert got["sizes"] == [list(values.shape[:3])] * case.frames
        sums = [values[..., number].sum(dtype=np.float64) for number in range(case.frames)]
        assert np.allclose(got["sums"], sums, rtol=1e-6), case
        items = [header[key] for key in sorted(header) if key.endswith("DICOM.instanceUIDs")]
        assert got["instances"] == items, case


def _check_index(got: Mapping[str, Any], axes: Mapping[str, list[Any]]) -> None:
    if got["type"] == "numeric":
        assert np.allclose([float(value) for value in got["index"]], axes[got["name"]])
        return
    assert len(set(got["index"])) == len(got["index"])
    for number, label in enumerate(got["index"]):
        for part in label.split(";") if "=" in label else []:
            name, _, text = part.partition("=")
            value = axes[name][number]
            numbers = np.array(value if isinstance(value, list) else [value])
            told = np.array(text.split(), numbers.dtype)
            assert (told == numbers).all() if numbers.dtype.kind == "U" else np.allclose(told, numbers, atol=1e-5)


@pytest.mark.parametrize("case", [case for case in CASES if "dwi" in case.folder], ids=lambda case: case.id)
def test_diffusion_exports_as_dwi_with_the_weighting_of_dcm2niix(
    case: Case, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = _export(str(shared_data / case.folder / "dicom"), case, tmp_path, capsys, "-o", "as=dwi")
    if Path(case.folder).name == "ge_dti_4vol":  # no weighting is left in its headers
        assert [path.suffix for path in paths] == [".nrrd"]
        return
    volume, b_values, vectors = paths
    header = nrrd.read_header(str(volume))
    assert header["modality"] == "DWMRI"
    told = np.loadtxt(b_values, ndmin=1)
    assert float(header["DWMRI_b-value"]) == pytest.approx(told.max())
    lengths = [
        np.linalg.norm([float(one) for one in header[f"DWMRI_gradient_{n:04d}"].split()]) for n in range(len(told))
    ]
    assert np.allclose(np.square(lengths) * told.max(), np.where(told < 50, 0, told), rtol=1e-5)
    assert np.loadtxt(vectors, ndmin=2).shape == (3, case.frames)
    _check(volume, case, shared_data, tmp_path)


def test_a_job_writes_the_same_sequence_in_another_process(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mr_multiecho" / "siemens_me_fmri_mosaic" / "dicom"
    with dl.open() as session:
        session.index(folder)
        jobs = dl.make_jobs(session, session.examine(), tmp_path / "there")
        ((here,),) = (session.write(session.load(job.loadable), tmp_path / "here") for job in jobs)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        (result,) = dl.run_jobs(jobs, executor)
    assert result.error is None
    assert Path(result.paths[0]).read_bytes() == here.read_bytes()
