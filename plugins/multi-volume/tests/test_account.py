"""No instance disappears and the order of files changes nothing, for made-up series of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_core.examine import examine_study
from dicomlogic_core.testing.phantom_sequences import sequence
from dicomlogic_core.testing.views import study_view

pytest.importorskip("dicomlogic_scalar_volume", reason="what is no sequence is claimed by dicomlogic-scalar-volume")


@pytest.fixture(scope="module")
def manager() -> dl.PluginManager:
    return dl.PluginManager(environ={"DICOMLOGIC_PLUGINS": "multi-volume,scalar-volume"})


TIMES = st.integers(0, 5).map(lambda second: f"1200{second:02d}")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "EchoTime": st.sampled_from([5.0, 10.0, None]),
    "TriggerTime": st.integers(0, 3),
    "AcquisitionTime": TIMES,
    "AcquisitionNumber": st.integers(1, 3),
    "DiffusionBValue": st.sampled_from([0.0, 1000.0, None]),
    "DiffusionDirectionality": st.sampled_from(["NONE", "DIRECTIONAL", "ISOTROPIC"]),
    "InstanceNumber": st.integers(1, 40),
    "RepetitionTime": st.sampled_from([2000, 2500]),
    "ImageType": st.sampled_from(
        [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"], ["DERIVED", "PRIMARY", "ADC"]]
    ),
    "Rows": st.just(6),
}


@st.composite
def made_up(draw):
    """A series of several volumes with attributes per volume or per frame, frames missing, doubled and shuffled."""
    volumes, positions = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    keywords = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=4))
    by_frame = draw(st.lists(st.sampled_from(keywords), unique=True)) if keywords else []

    def attributes(chosen) -> Mapping[str, Any]:
        drawn = {keyword: draw(VALUES[keyword]) for keyword in chosen}
        return {keyword: value for keyword, value in drawn.items() if value is not None}

    datasets = sequence(
        [attributes(keyword for keyword in keywords if keyword not in by_frame) for _ in range(volumes)],
        positions=positions,
        by_position=draw(st.booleans()),
        each=lambda volume, position: attributes(by_frame),
    )
    keep = draw(st.lists(st.sampled_from(range(len(datasets))), unique=True, min_size=1))
    return [datasets[number] for number in keep]


def examined(datasets, manager) -> list[dl.Loadable]:
    return list(examine_study(study_view(datasets), manager.registry, manager=manager).loadables)


@settings(max_examples=120, deadline=None)
@given(made_up(), st.randoms(use_true_random=False))
def test_every_instance_is_claimed_and_order_changes_nothing(manager, datasets, random):
    found = examined(datasets, manager)
    uids = {str(dataset.SOPInstanceUID) for dataset in datasets}
    assert {frame.sop_uid for one in found if one.selected for frame in one.frames} == uids
    for one in found:
        assert len(set(one.frames)) == len(one.frames)
    shuffled = list(datasets)
    random.shuffle(shuffled)
    again = examined(shuffled, manager)
    assert {one.id: one.as_dict() for one in again} == {one.id: one.as_dict() for one in found}


@settings(max_examples=120, deadline=None)
@given(made_up())
def test_what_a_sequence_leaves_out_is_counted(manager, datasets):
    for one in examined(datasets, manager):
        if one.kind != "sequence":
            continue
        volumes, positions = (int(word) for word in one.explanation.split()[0:4:3])
        left = len(one.frames) - volumes * positions
        told = [found for found in one.findings if found.code == "axis.incomplete"]
        assert bool(told) == bool(left)
        assert all(f"{left} of" in found.message for found in told)
