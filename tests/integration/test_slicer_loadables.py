"""Loadables against those that 3D Slicer's own scalar volume plugin proposed for every series of the reference data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer_differences as differences

import dicomlogic_core as dl


def compare(folder: Path, case: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(case, loadable, field) of everything that differs in one case.

    Of scalar volumes alone: Slicer's answers are those of its scalar volume plugin.
    """
    with dl.open(manager=dl.PluginManager(environ={"DICOMLOGIC_PLUGINS": "scalar-volume"})) as session:
        session.index(folder)
        ours: dict[str, dict[str, dl.Loadable]] = {}
        for loadable in session.examine(all=True, options={"selection": "slicer"}):
            ours.setdefault(loadable.series_uids[0], {})[loadable.name] = loadable
    for series in case["series"]:
        theirs = {
            loadable["name"]: loadable
            for loadable in series["loadables"]
            if loadable["plugin"] == "DICOMScalarVolumePlugin"
        }
        mine = ours.get(series["series_uid"], {})
        for name in theirs.keys() | mine.keys():
            if name not in theirs or name not in mine:
                yield case["case"], name, "offered"
            else:
                yield from ((case["case"], name, field) for field in _fields(mine[name], theirs[name]))


def _fields(mine: dl.Loadable, theirs: dict[str, Any]) -> Iterator[str]:
    uids = list(dict.fromkeys(frame.sop_uid for frame in mine.frames))
    if sorted(uids) != sorted(theirs["sops"]):
        yield "files"
    elif uids != theirs["sops"]:
        yield "order"
    if mine.confidence != theirs["confidence"]:
        yield "confidence"
    if mine.selected != theirs["selected"]:
        yield "selected"
    if mine.explanation.rpartition(": ")[2] != theirs["warning"]:
        yield "warning"


def test_every_loadable_is_slicers_or_named_as_different(shared_data):
    cases = json.loads((shared_data / "reference" / "slicer_loadables.json").read_text(encoding="utf-8"))["cases"]
    # Single files of the malformed case have a case folder each only in the reference.
    cases = [case for case in cases if "#" not in case["id"]]
    assert len(cases) > 40
    found = {key for case in cases for key in compare(shared_data / case["case"], case)}
    listed = {difference.key for difference in differences.LOADABLES}
    assert found - listed == set(), "differences from Slicer that are not listed"
    assert listed - found == set(), "listed differences that are none any more"


def test_the_page_of_the_documentation_is_current():
    assert differences.PAGE.read_text(encoding="utf-8") == differences.page(), (
        f"run: python {Path(differences.__file__).name}"
    )


@pytest.mark.parametrize(
    ("case", "shapes"),
    [
        # Both are baits in which Slicer prefers parts that look clean (adaptors page, section 1.2).
        ("ct/ct_irregular_increment", [5]),
        ("mr_localizer/mr_two_orientations", [2, 2]),
    ],
)
def test_where_slicer_takes_the_bait_we_do_not(shared_data, case, shapes):
    with dl.open() as session:
        session.index(shared_data / case)
        assert [session.load(loadable).array.shape[0] for loadable in session.examine()] == shapes
