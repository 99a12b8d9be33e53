"""The plugin as it is installed: light to import, complete in what it declares, choosing by SOP class."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core import Adaptor, PluginManager, StudyAdaptor, tag_key
from dicomlogic_core.testing import phantom_rt, phantoms
from dicomlogic_core.testing.phantom_objects import CT_IMAGE
from dicomlogic_rt.plugin import dicomlogic_adaptors, dicomlogic_writers
from dicomlogic_rt.structure_adaptor import StructureSetAdaptor
from dicomlogic_rt.structure_references import contours_without_images
from dicomlogic_rt.structure_writing import write_structure_set
from dicomlogic_rt.structures import StructureSet

PROVIDERS = list(dicomlogic_adaptors())


def test_it_is_found_by_its_entry_point():
    assert "rt" in {found.name for found in entry_points(group="dicomlogic")}
    manager = PluginManager(environ={})
    assert isinstance(manager.registry.worker("adaptor", "rt-structure-set"), StructureSetAdaptor)


def test_importing_the_plugin_module_loads_nothing_heavy():
    code = (
        "import sys, dicomlogic_rt.plugin as plugin; list(plugin.dicomlogic_adaptors());"
        "print([name for name in ('numpy', 'pydicom', 'requests', 'nrrd') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_workers_meet_their_contract(provider: dl.AdaptorProvider) -> None:
    worker = PluginManager(environ={}).registry.worker("adaptor", provider.name)
    contract: Any = StudyAdaptor if isinstance(worker, StudyAdaptor) else Adaptor
    assert isinstance(worker, contract)
    for method in ("examine_study" if contract is StudyAdaptor else "examine", "load"):
        ours = inspect.signature(getattr(type(worker), method))
        assert list(ours.parameters) == list(inspect.signature(getattr(contract, method)).parameters)
    assert len({tag_key(tag) for tag in provider.tags}) == len(provider.tags)


def test_no_two_adaptors_claim_a_class():
    claimed = [uid for provider in PROVIDERS for uid in provider.sop_classes]
    assert len(claimed) == len(set(claimed)) == 8
    assert not any(provider.modalities for provider in PROVIDERS)
    (writer,) = dicomlogic_writers()
    assert writer.accepts == {StructureSet.kind}


def study(tmp_path: Path, *, images: Sequence[str] | None = None, **changes: Any) -> dl.Session:
    """A session of a CT and of a structure set whose attributes are changed."""
    phantoms.write_ct(tmp_path / "ct")
    with dl.open() as session:
        session.index(tmp_path / "ct")
        uids = [str(row["SOPInstanceUID"]) for row in session.list("instance")]
    ball = phantom_rt.placed(phantom_rt.sphere(8, 2), phantom_rt.turned("z", 0, origin=(4, 4, 20)))
    roi = phantom_rt.RoiPhantom(name="PTV", contours=ball, images=uids[: len(ball)] if images is None else ())
    dataset = phantom_rt.structure_set([roi], images=uids if images is None else images)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    phantoms.write(tmp_path / "rt", [dataset])
    session = dl.open()
    session.index(tmp_path)
    return session


def offered(session: dl.Session, **options: str) -> dl.Loadable:
    (loadable,) = [one for one in session.examine(options=options) if one.adaptor == "rt-structure-set"]
    return loadable


@pytest.mark.parametrize("modality", ["RTSTRUCT", "CT", "OT", ""])
def test_the_class_decides_and_never_the_modality(modality: str, tmp_path: Path) -> None:
    with study(tmp_path, Modality=modality) as session:
        loadable = offered(session)
        assert (loadable.kind, loadable.name, loadable.confidence) == ("structure-set", "RTSTRUCT: PHANTOM", 1.0)
        assert session.load(loadable).names == ("PTV",)


@pytest.mark.parametrize(
    ("changes", "images", "how", "missing"),
    [
        ({}, None, "by its list of series", False),
        ({"ReferencedFrameOfReferenceSequence": []}, None, "by its contours", False),
        ({"ReferencedFrameOfReferenceSequence": []}, [], "by the frame of reference", False),
        ({}, ["1.2.3", "1.2.4"], "by its list of series", True),
    ],
)
def test_images_are_found_by_list_contours_or_frame_of_reference(
    changes: dict[str, Any], images: Sequence[str] | None, how: str, missing: bool, tmp_path: Path
) -> None:
    with study(tmp_path, images=images, **changes) as session:
        loadable = offered(session)
        (ct,) = [row["SeriesInstanceUID"] for row in session.list("series") if row["Modality"] == "CT"]
        assert [ref.series_uid for ref in loadable.references] == [ct]
        assert how in loadable.explanation
        assert ("rt.reference-missing" in {one.code for one in loadable.findings}) == missing


def test_contours_on_images_that_are_not_here_are_told_when_they_are_read(tmp_path: Path) -> None:
    with study(tmp_path) as session:
        structures = session.load(offered(session))
        assert "rt.reference-missing" not in {one.code for one in structures.findings}
        strange = replace(structures["PTV"].contours[0], sop_uid="1.2.3")
        roi = replace(structures["PTV"], contours=(strange, *structures["PTV"].contours[1:]))
        told = contours_without_images(
            replace(structures, rois=(roi,)), {contour.sop_uid for contour in structures["PTV"].contours}
        )
    assert told is not None and told.code == "rt.reference-missing" and told.message.startswith("1 of 8 contours")


def test_a_form_asked_for_only_when_loading_is_refused(tmp_path: Path) -> None:
    with study(tmp_path) as session:
        contours, drawn = offered(session), offered(session, structures="segmentation")
        with pytest.raises(dl.UsageError, match="gives contours, not segmentation"):
            session.load(contours, options={"structures": "segmentation"})
        assert isinstance(session.load(drawn, options={"structures": "segmentation"}), dl.Segmentation)


def test_a_segmentation_is_drawn_on_the_grid_of_the_images(tmp_path: Path) -> None:
    with study(tmp_path) as session:
        loadable = offered(session, structures="segmentation")
        assert loadable.kind == "segmentation"
        segmentation = session.load(loadable)
        structures = session.load(offered(session))
        assert isinstance(segmentation, dl.Segmentation)
        (series,) = [one for one in session.series_of(loadable) if one.first("SOPClassUID") == CT_IMAGE]
        assert segmentation.geometry.size_ijk[2] == len(series)
        assert np.array_equal(segmentation.mask("PTV"), structures.mask("PTV", segmentation.geometry))
        assert segmentation.segments[0].tags["DicomRtImport.RoiNumber"] == "1"
        assert segmentation.mask("PTV").any()


def test_a_grid_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with study(tmp_path) as session:
        with pytest.raises(dl.UsageError, match="no grid dose"):
            session.load(offered(session, structures="segmentation", grid="dose"))
        with pytest.raises(dl.UsageError, match="structures=nonsense"):
            session.examine(options={"structures": "nonsense"})


def two_boxes(first: Any, second: Any) -> StructureSet:
    from dicomlogic_rt.rois import Contour, Roi

    def roi(number: int, centre: float, frame: str) -> Roi:
        points = [phantom_rt.rectangle(10, 10, z, centre=(centre, 5)) for z in (0.0, 1.0, 2.0)]
        contours = tuple(Contour(points=one) for one in points)
        return Roi(number=number, name=f"{number}", contours=contours, frame_of_reference_uid=frame)

    return StructureSet(rois=(roi(1, *first), roi(2, *second)))


@pytest.mark.parametrize(("centre", "layers"), [(16, 1), (12, 2)])
def test_only_regions_that_overlap_need_another_layer(centre: float, layers: int) -> None:
    geometry = dl.Geometry(size_ijk=(30, 12, 4), ijk_to_lps=np.eye(4))
    structures = two_boxes((5, ""), (centre, ""))
    segmentation = structures.segmentation(geometry)
    assert len(segmentation.layers) == layers
    for roi in structures:
        assert np.array_equal(segmentation.mask(roi.name), structures.mask(roi, geometry))
    assert [segment.name for segment in structures.segmentation(geometry, ["2"]).segments] == ["2"]


def test_regions_of_another_frame_of_reference_are_left_out_and_told() -> None:
    geometry = dl.Geometry(size_ijk=(30, 12, 4), ijk_to_lps=np.eye(4))
    volume = dl.Volume(array=np.zeros((4, 12, 30)), geometry=geometry, frame_of_reference_uid="1.2")
    segmentation = two_boxes((5, "1.2"), (16, "1.3")).segmentation(volume)
    assert [segment.name for segment in segmentation.segments] == ["1"]
    (told,) = segmentation.findings
    assert told.code == "rt.multiple-frames-of-reference" and "ROI 2" in told.where
    assert two_boxes((5, "1.2"), (16, "1.3")).in_frame_of_reference("1.3").names == ("2",)


def test_a_mask_on_a_volume_of_another_frame_of_reference_is_refused() -> None:
    geometry = dl.Geometry(size_ijk=(30, 12, 4), ijk_to_lps=np.eye(4))
    volume = dl.Volume(array=np.zeros((4, 12, 30)), geometry=geometry, frame_of_reference_uid="1.2")
    structures = two_boxes((5, "1.2"), (16, "1.3"))
    assert structures.mask("1", volume).any()
    with pytest.raises(dl.GeometryError, match="different frames of reference"):
        structures.mask("2", volume)
    assert structures.mask("2", geometry).any()


def test_a_grid_of_another_frame_of_reference_draws_nothing_and_says_so(tmp_path: Path) -> None:
    """The structure set names the frame of reference of other images than those it lists."""
    with study(tmp_path) as session:
        structures = session.load(offered(session))
        other = replace(structures["PTV"], frame_of_reference_uid="1.2.3")
        path = write_structure_set(replace(structures, rois=(other,)), tmp_path / "other.dcm")
        session.index(path)
        drawn = [
            session.load(one)
            for one in session.examine(options={"structures": "segmentation"})
            if one.kind == "segmentation"
        ]
    assert sorted(len(one) for one in drawn) == [0, 1]
    (empty,) = [one for one in drawn if not len(one)]
    assert "rt.multiple-frames-of-reference" in {one.code for one in empty.findings}


def test_notebooks_show_the_regions_and_no_markup_of_the_data():
    structures = two_boxes((5, ""), (16, ""))
    named = replace(structures, label="<b>", rois=(replace(structures[1], name="<i>x</i>", colour=(1, 2, 3)),))
    html = named._repr_html_()
    assert "&lt;i&gt;x&lt;/i&gt;" in html and "<i>" not in html and "&lt;b&gt;" in html
    assert "rgb(1, 2, 3)" in html and "<td>0.2</td>" in html  # 10 x 10 x 2 mm


def test_a_written_structure_set_is_json_unless_dicom_is_asked_for(
    session_of: Callable[..., dl.Session], tmp_path: Path
) -> None:
    session = session_of(
        [phantom_rt.structure_set([phantom_rt.RoiPhantom(name="x", contours=phantom_rt.sphere(5, 2))])]
    )
    structures = session.load(offered(session))
    assert [path.suffix for path in session.write(structures, tmp_path / "a")] == [".json"]
    assert [path.suffix for path in session.write(structures, tmp_path / "b", format="rtstruct")] == [".dcm"]
