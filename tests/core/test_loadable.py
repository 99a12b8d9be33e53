"""Loadables: small, picklable, with the same identifier in every process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest

import dicomlogic_core as dl


def frames(count: int, **values: Any) -> tuple[dl.FrameRef, ...]:
    return tuple(
        dl.FrameRef(study_uid="1.2", series_uid="1.2.3", sop_uid=f"1.2.3.{number}", **values) for number in range(count)
    )


def loadable(**values: Any) -> dl.Loadable:
    given = {
        "adaptor": "a",
        "kind": "volume",
        "name": "n",
        "study_uid": "1.2",
        "series_uids": ("1.2.3",),
        "frames": frames(3),
    }
    return dl.Loadable(**{**given, **values})


def test_what_it_is_decides_the_identifier_and_nothing_else() -> None:
    same = {loadable().id, loadable(name="other", confidence=0.9, selected=True, group="g", explanation="x").id}
    assert len(same) == 1
    others = [
        loadable(adaptor="b"),
        loadable(kind="dose"),
        loadable(frames=frames(2)),
        loadable(frames=frames(3)[::-1]),
        loadable(frames=frames(3, region=1)),
        loadable(frames=frames(3, frame=2)),
        loadable(options={"irregular": "split"}),
    ]
    assert len({one.id for one in others} | same) == len(others) + 1
    assert loadable(options={"a": "1", "b": "2"}).id == loadable(options={"b": "2", "a": "1"}).id


def test_the_identifier_is_the_same_in_another_process() -> None:
    code = (
        "import dicomlogic_core as dl;"
        "print(dl.Loadable(adaptor='a', kind='volume', name='n', study_uid='1.2', series_uids=('1.2.3',), frames=tuple("
        "dl.FrameRef(study_uid='1.2', series_uid='1.2.3', sop_uid=f'1.2.3.{n}') for n in range(3))).id)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loadable().id


def test_it_travels_whole_and_small() -> None:
    found = dl.finding("geometry.gap", "a slice is missing", where=("1.2.3.4",))
    made = loadable(frames=frames(1000), options={"a": "b"}, findings=(found,))
    carried = pickle.dumps(made)
    assert pickle.loads(carried) == made
    assert dict(pickle.loads(carried).options) == {"a": "b"}
    assert len(carried) < 100_000


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan")])
def test_a_confidence_is_between_0_and_1(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        loadable(confidence=confidence)


def test_it_cannot_be_changed() -> None:
    made = loadable(options={"a": "b"})
    with pytest.raises(AttributeError):
        made.name = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        made.options["a"] = "c"  # type: ignore[index]


def test_instances_are_counted_not_frames() -> None:
    many = tuple(dl.FrameRef(study_uid="1", series_uid="2", sop_uid="3", frame=number) for number in (1, 2, 3))
    assert loadable(frames=many).instances == 1
    assert loadable(frames=many).as_dict()["frames"] == 3
