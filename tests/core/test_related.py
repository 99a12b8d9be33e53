"""What belongs together by references, over studies, and what loading may read of it."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

import dicomlogic_core as dl
from dicomlogic_core.related import connected
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import closed_manager, fake_plugin
from dicomlogic_core.testing.phantom_objects import uid

PLAN, STRUCTURES = UID("1.2.840.10008.5.1.4.1.1.481.5"), UID("1.2.840.10008.5.1.4.1.1.481.3")
NAMES = {str(PLAN): "plan", str(STRUCTURES): "structures"}


class Referring:
    """Offers every instance without pixels, with the series that its header names."""

    def examine(self, series: dl.SeriesView, study: dl.StudyView) -> Iterable[dl.Loadable]:
        for row, items in enumerate(series.items("ReferencedSeriesSequence")):
            named = [item["0020000E"]["Value"][0] for item in items or ()]
            yield dl.Loadable(
                adaptor="referring",
                kind="referring",
                name=NAMES[series.first("SOPClassUID")],
                study_uid=series.study_uid,
                series_uids=(series.series_uid,),
                frames=(series.instance(row).whole,),
                references=tuple(dl.SeriesRef(study_uid="", series_uid=one) for one in named),
            )

    def load(self, loadable: dl.Loadable, context: dl.LoadContext) -> Any:
        found = []
        for ref in loadable.references:
            try:
                found.append(context.series(ref.series_uid).first("SeriesDescription"))
            except KeyError:
                found.append("absent")
        return Names(loadable.frames[0].sop_uid, found)


class Names:
    def __init__(self, uid: str, names: list[str]) -> None:
        self.name = "names"
        self.uid, self.names = uid, names

    def as_dict(self) -> dict[str, Any]:
        return {"uid": self.uid, "names": self.names}


PROVIDER = dl.AdaptorProvider(
    name="referring",
    label="",
    factory=Referring,
    sop_classes=frozenset(NAMES),
    tags=("ReferencedSeriesSequence",),
)


def write(folder: Path, number: int, sop_class: UID, *, study: str, series: str, refers: Iterable[str]) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("related", number)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid(study, "study"), uid(series, "series")
    dataset.PatientID, dataset.PatientName = "PHANTOM", "Phantom^Tricky"
    dataset.SeriesDescription = series
    dataset.ReferencedSeriesSequence = []
    for name in refers:
        item = Dataset()
        item.SeriesInstanceUID = uid(name, "series")
        dataset.ReferencedSeriesSequence.append(item)
    folder.mkdir(exist_ok=True)
    dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CT in one study; two structure sets of it in a series of another; a plan of that series in a third."""
    folder = tmp_path_factory.mktemp("data")
    phantoms.write_ct(folder / "ct", name="ct")
    phantoms.write_ct(folder / "other", name="other")
    for number in (1, 2):
        write(folder / "rt", number, STRUCTURES, study="contours", series="structures", refers=["ct", "gone"])
    write(folder / "rt", 3, PLAN, study="planning", series="plan", refers=["structures"])
    return folder


@pytest.fixture
def session(data: Path) -> Iterator[dl.Session]:
    from dicomlogic_scalar_volume import plugin  # the real adaptor of the images

    manager = closed_manager(fake_plugin(PROVIDER), plugin)
    with dl.open(manager=manager) as opened:
        opened.index(data)
        yield opened


def test_instances_without_pixels_are_loadables_of_their_own(session: dl.Session) -> None:
    found = [one for one in session.examine(all=True) if one.adaptor == "referring"]
    assert len({one.id for one in found}) == len({one.group for one in found}) == 3
    assert all(one.selected for one in found)
    assert [(one.instances, one.frame_count) for one in found] == [(1, 0)] * 3
    assert all(one.as_dict()["frames"] == 0 for one in found)
    told = [*session.findings, *(told for one in found for told in one.findings)]
    assert "series.left-out" not in {one.code for one in told}


def test_related_runs_both_ways_and_through_studies(session: dl.Session) -> None:
    plan, ct = (one for one in session.examine() if one.name == "plan" or one.series_uids == (uid("ct", "series"),))
    if plan.name != "plan":
        plan, ct = ct, plan
    near = session.related(plan)
    assert [one.name for one in near] == ["structures", "structures", ct.name]
    assert [one.name for one in session.related(ct)] == ["structures", "structures", "plan"]
    other = next(one for one in session.examine() if one.series_uids == (uid("other", "series"),))
    assert session.related(other) == []


def test_loading_reads_series_of_other_studies_that_are_referred_to(session: dl.Session) -> None:
    structures = [one for one in session.examine() if one.name == "structures"]
    for one in structures:
        assert session.load(one).names == ["ct", "absent"]
    assert len({session.load(one).uid for one in structures}) == 2


class Elsewhere(Executor):
    """Another machine: all that arrives is what pickle carries; here with the session's own plugins."""

    def __init__(self, session: dl.Session) -> None:
        self._session = session

    def submit(self, function: Any, /, job: dl.Job, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(pickle.loads(pickle.dumps(job)), self._session))
        return future


def test_jobs_carry_what_is_referred_to(session: dl.Session, tmp_path: Path) -> None:
    structures = [one for one in session.examine() if one.name == "structures"]
    jobs = dl.make_jobs(session, structures, tmp_path, portable=False)
    results = list(dl.run_jobs(jobs, Elsewhere(session)))
    assert [one.error for one in results] == [None, None]
    texts = [Path(path).read_text() for one in results for path in one.paths]
    assert len(set(texts)) == 2
    assert all('"ct"' in text and '"absent"' in text for text in texts)


numbers = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12)


@given(numbers)
def test_connected_is_the_component(pairs: list[tuple[int, int]]) -> None:
    def one(number: int) -> dl.Loadable:
        refs = [dl.SeriesRef(study_uid="1", series_uid=str(b)) for a, b in pairs if a == number]
        return dl.Loadable(
            adaptor="a",
            kind="k",
            name=str(number),
            study_uid="1",
            series_uids=(str(number),),
            frames=(),
            references=tuple(refs),
        )

    every = [one(number) for number in range(8)]
    reached = {0}
    for _ in range(8):
        reached |= {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
    found = connected(every[0], every)
    assert {int(item.name) for item in found} == reached - {0}
    assert len(found) == len({item.id for item in found})
