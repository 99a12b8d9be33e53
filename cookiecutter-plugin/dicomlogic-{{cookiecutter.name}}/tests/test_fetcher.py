"""Frames from a service that runs for the test, through the fetcher that the entry point names."""

from __future__ import annotations

from collections.abc import Iterator

import dicomlogic_core as dl
import numpy as np
import pytest
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import FakeAdaptor, FakeSource, fake_plugin
from image_box import ImageBox

NAME = "{{ cookiecutter.name }}"


@pytest.fixture
def session(box: ImageBox) -> Iterator[dl.Session]:
    """The service's series, indexed by a source that has their headers already."""
    manager = dl.PluginManager()
    manager.register(
        fake_plugin(
            dl.SourceProvider(
                name="headers",
                label="headers",
                factory=lambda: FakeSource(box.headers()),
                schemes=(f"{NAME}+http",),
                options=dl.HTTP_OPTIONS,
            ),
            dl.AdaptorProvider(name="fake", label="stacks", factory=FakeAdaptor),
        )
    )
    with dl.open(manager=manager) as session:
        session.index(box.root, options={"attempts": "1"})
        yield session


def stacks(session: dl.Session) -> list[dl.Loadable]:
    return [loadable for loadable in session.examine(all=True) if loadable.adaptor == "fake"]


def test_every_frame_is_fetched_once(session: dl.Session, box: ImageBox) -> None:
    for loadable in stacks(session):
        array = np.asarray(session.load(loadable))
        numbers = [box.number(frame.sop_uid) for frame in loadable.frames]
        assert array[:, 0, 0].tolist() == [number - 1024 for number in numbers]
    assert len(box.asked) == len(set(box.asked)) == 2 * len(phantoms.regular())


def test_one_slice_costs_one_request(session: dl.Session, box: ImageBox) -> None:
    lazy = session.load(stacks(session)[0], lazy=True)
    assert np.asarray(lazy[7]).shape == (phantoms.ROWS, phantoms.COLUMNS)
    assert len(box.asked) == 1


def test_a_frame_that_cannot_be_had_is_named(session: dl.Session, box: ImageBox) -> None:
    loadable = stacks(session)[0]
    missing = loadable.frames[3].sop_uid
    box.refused.add(missing)
    with pytest.raises(dl.DicomLogicError, match=missing):
        session.load(loadable)
