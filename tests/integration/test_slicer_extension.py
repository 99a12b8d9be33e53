"""The example of a Slicer extension: its adaptor is registered while the process runs; volumes become MRML nodes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import closed_manager

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "slicer-extension" / "TemperatureMaps"

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")


@pytest.fixture
def logic_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`TemperatureMapsLib.logic`, imported as Slicer does: with the module's folder on the path."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import TemperatureMapsLib.logic as module

    yield module
    for name in [name for name in sys.modules if name.startswith("TemperatureMapsLib")]:
        del sys.modules[name]


def _thermometry(number: int, dataset: Dataset) -> None:
    dataset.Modality = "MR"
    block = dataset.private_block(0x0021, "ACME THERMOMETRY", create=True)
    block.add_new(0x01, "DS", "0.1")
    block.add_new(0x02, "DS", "20")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A series of the made-up scanner and one of another."""
    phantoms.write_ct(tmp_path / "hot", name="hot", change=_thermometry, shuffle_seed=2)
    phantoms.write_ct(tmp_path / "plain", name="plain")
    return tmp_path


# VTK does so, which numpy 2.5 tells.
@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
def test_maps_become_nodes_at_their_places(logic_module: Any, folder: Path) -> None:
    scene = slicer.vtkMRMLScene()
    logic = logic_module.TemperatureMapsLogic(closed_manager())
    (node,), findings = logic.load(folder, scene)
    assert findings == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
    array = slicer.util.arrayFromVolume(node)
    assert array.shape == (20, phantoms.ROWS, phantoms.COLUMNS)
    assert array[:, 0, 0] == pytest.approx(20 + 0.1 * np.arange(20), abs=1e-5)
    # Slice 7, row 3, column 5 by Slicer's own matrix, in RAS: x and y are those of LPS with the other sign.
    matrix = slicer.util.arrayFromVTKMatrix(_ijk_to_ras(node))
    row, column = phantoms.MARK
    place = matrix @ (column, row, 7, 1)
    assert place[:3] == pytest.approx([10 - column * 0.7, 20 - row * 0.8, 14])
    assert array[7, row, column] == pytest.approx(120)
    assert node.GetVoxelValueUnits().GetCodeValue() == "Cel"
    assert len(node.GetAttribute("DICOM.instanceUIDs").split()) == 20


def _ijk_to_ras(node: Any) -> Any:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def test_the_adaptor_is_there_while_the_module_is(logic_module: Any, folder: Path) -> None:
    manager = closed_manager()
    with dl.open(manager=manager) as session:
        session.index(folder)
        assert session.examine() == []
        logic = logic_module.TemperatureMapsLogic(manager)
        # Registered late, it counts at once; its private columns were not kept before.
        session.index(folder)
        (loadable,) = session.examine()
        assert loadable.adaptor == "temperature-maps"
        logic.close()
        assert session.examine() == []
        # Reloading a module makes a new logic.
        logic_module.TemperatureMapsLogic(manager)
        assert [one.id for one in session.examine()] == [loadable.id]


def test_a_sheared_grid_is_refused_and_nothing_is_added(logic_module: Any) -> None:
    from TemperatureMapsLib.scene import add_volume

    matrix = np.diag([1.0, 1.0, 2.0, 1.0])
    matrix[1, 2] = -0.5
    volume = dl.Volume(array=np.zeros((2, 3, 4), np.int16), geometry=dl.Geometry(size_ijk=(4, 3, 2), ijk_to_lps=matrix))
    scene = slicer.vtkMRMLScene()
    with pytest.raises(dl.GeometryError, match="sheared"):
        add_volume(volume, scene)
    assert scene.GetNumberOfNodes() == 0


def test_every_script_is_in_the_list_that_slicer_builds_from() -> None:
    listed = (FOLDER / "CMakeLists.txt").read_text(encoding="utf-8").replace("${MODULE_NAME}", FOLDER.name)
    for path in FOLDER.rglob("*.py"):
        assert path.relative_to(FOLDER).as_posix() in listed
        compile(path.read_text(encoding="utf-8"), str(path), "exec")


def test_every_function_of_slicer_that_is_used_exists() -> None:
    used = {
        name for path in FOLDER.rglob("*.py") for name in re.findall(r"slicer\.util\.(\w+)", path.read_text("utf-8"))
    }
    assert len(used) > 5
    assert [name for name in sorted(used) if not hasattr(slicer.util, name)] == []


def test_the_extension_passes_the_conformance_tests_of_adaptors(logic_module: Any) -> None:
    from TemperatureMapsLib.adaptor import TemperatureMapsPlugin

    from dicomlogic_core.testing import conformance

    def hot(folder: Path) -> None:
        phantoms.write_ct(folder, name="hot", change=_thermometry)

    class Promises(conformance.AdaptorConformance):
        provider_name = "temperature-maps"
        plugin = TemperatureMapsPlugin()
        series = (hot,)

    Promises.setup_class()
    try:
        tests = [name for name in dir(Promises) if name.startswith("test_")]
        for name in tests:
            try:
                getattr(Promises(), name)()
            except pytest.skip.Exception:
                continue
    finally:
        Promises.teardown_class()
    assert len(tests) > 15
