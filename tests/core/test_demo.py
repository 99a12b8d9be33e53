"""The demo, from end to end in a temporary folder, and the head it is about."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pydicom
import pytest
from PIL import Image

from dicomlogic_core.cli import demo
from dicomlogic_core.cli.main import main
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.head import attenuation, write_head


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The folder of a demo, and its JSON; run twice, since people do."""
    folder = tmp_path_factory.mktemp("demo")
    argv = [sys.executable, "-m", "dicomlogic_core.cli.main", "demo", "--json"]
    subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True)
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True)
    return folder, json.loads(done.stdout)


def test_the_whole_way_is_gone(shown: tuple[Path, Any]) -> None:
    folder, record = shown
    assert record["index"]["failed"] == []
    assert record["index"]["instances"] >= 105
    assert len(record["exports"]) == len(record["loadables"]) >= 3
    for row in record["exports"]:
        assert "error" not in row, row
        values, _ = nrrd.read(str(folder / row["path"]), index_order="C")
        assert values.size
        with Image.open(folder / row["preview"]) as image:
            assert np.asarray(image).std() > 0
    assert (folder / "dicomlogic-demo" / "database" / "ctkDICOM.sql").is_file()


def test_a_finding_is_shown_and_the_grid_is_right(shown: tuple[Path, Any]) -> None:
    folder, record = shown
    gap = next(row for row in record["exports"] if any(one["code"] == "geometry.gap" for one in row["findings"]))
    values, header = nrrd.read(str(folder / gap["path"]), index_order="C")
    assert values.shape == (32, 192, 192)
    assert header["DICOMLogic.missingSlices"] == "17"
    assert header["space directions"][2].tolist() == [0, 0, 5]
    tilted = next(row for row in record["exports"] if any(one["code"] == "geometry.tilt" for one in row["findings"]))
    directions = nrrd.read_header(str(folder / tilted["path"]))["space directions"]
    assert directions[2].tolist() == pytest.approx([0, 0, 5], abs=1e-6)
    assert directions[1][2] == pytest.approx(-1.25 * np.sin(np.deg2rad(18)), abs=1e-6)


def test_voxels_are_those_of_the_formulas(shown: tuple[Path, Any]) -> None:
    folder, record = shown
    regular = next(row for row in record["exports"] if row["name"].endswith("Head 3.5"))
    values, header = nrrd.read(str(folder / regular["path"]), index_order="C")
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(header["space directions"]).T
    matrix[:3, 3] = header["space origin"]
    expected = attenuation(values.shape[::-1], matrix, noise_hu=4)
    assert np.abs(values - np.clip(expected, -1024, None)).max() <= 0.51


def test_the_commands_it_names_work_after_the_server_has_stopped(shown: tuple[Path, Any]) -> None:
    folder, record = shown
    for command in record["commands"]:
        done = subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), (command, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stdout
    assert len(list((folder / "dicomlogic-demo" / "again").glob("*.nrrd"))) == 2  # both sides of the gap


def test_with_your_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    phantoms.write_ct(tmp_path / "mine")
    before = sorted((tmp_path / "mine").iterdir())
    assert main(["demo", "--data", str(tmp_path / "mine"), "--to", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "Go on with:" in told
    assert len(list((tmp_path / "out" / "volumes").glob("*.nrrd"))) == 1
    assert sorted((tmp_path / "mine").iterdir()) == before
    assert not (tmp_path / "out" / "dicom").exists()


def test_findings_of_severity_error_decide_for_your_own_files_only(
    shown: tuple[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, record = shown  # it ended with 0
    names = {row["name"] for row in record["exports"] if any(one["severity"] == "error" for one in row["findings"])}
    assert names == {"2: Routine Brain"}
    irregular = folder / "dicomlogic-demo" / "dicom" / "pydicom" / "dicomdirtests" / "77654033" / "CT2"
    assert main(["demo", "--data", str(irregular), "--to", str(tmp_path / "out"), "--json"]) == 1
    exports = json.loads(capsys.readouterr().out)["exports"]
    assert exports
    assert not any("error" in row for row in exports)


def test_other_peoples_folders_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "precious").write_text("x")
    assert main(["demo", "--to", str(tmp_path)]) == 2
    assert (tmp_path / "database" / "precious").read_text() == "x"
    assert main(["demo", "--data", str(tmp_path / "absent"), "--to", str(tmp_path / "new")]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_a_disk_that_fails_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["demo", "--to", str(tmp_path / "file" / "below")]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "file") in line


def test_under_uv_the_commands_begin_with_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV", str(tmp_path / ".uv" / "bin" / "uv"))
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo._program() == f"{Path('.uv', 'bin', 'uv')} run dicomlogic"


# --- the head --------------------------------------------------------------------------------------------------------


def test_the_head_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = write_head(tmp_path / "a"), write_head(tmp_path / "b")
    assert len(first) == 105
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_pydicom_reads_the_head(tmp_path: Path) -> None:
    files = write_head(tmp_path)
    series: dict[str, list[Any]] = {}
    for path in files:
        dataset = pydicom.dcmread(path)
        series.setdefault(dataset.SeriesInstanceUID, []).append(dataset)
    assert sorted(map(len, series.values())) == [28, 31, 46]
    for datasets in series.values():
        hounsfield = datasets[len(datasets) // 2].pixel_array.astype(int) - 1024
        assert hounsfield.min() < -950  # air
        assert hounsfield.max() > 1000  # skull
        assert 20 < np.median(hounsfield[90:100, 80:110]) < 45  # brain
    assert len({dataset.SOPInstanceUID for datasets in series.values() for dataset in datasets}) == 105


def test_what_is_inside_is_known() -> None:
    points = {(-36, 14, 22): 68, (0, 0, 4): 7, (0, 22, 6): 170, (0, -30, -52): -970, (100, 100, 0): -1000}
    for (x, y, z), value in points.items():
        matrix = np.eye(4)
        matrix[:3, 3] = (x, y, z)
        assert attenuation((1, 1, 1), matrix)[0, 0, 0] == pytest.approx(value, abs=0.5), (x, y, z)


def test_the_volume_of_the_skull_is_that_of_its_ellipsoid() -> None:
    step = 2.0
    matrix = np.diag([step, step, step, 1.0])
    matrix[:3, 3] = -100
    head = attenuation((101, 101, 101), matrix)
    outside = (head < -500).sum() * step**3
    expected = (101 * step) ** 3 - 4 / 3 * np.pi * 77 * 99 * 94
    # Sinuses, ears and what sticks out of the ellipsoid are the difference.
    assert outside == pytest.approx(expected, rel=0.01)
