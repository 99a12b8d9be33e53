"""Scanning and indexing, for the checks of sources: items of a scan, instances and values of a session."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dicomlogic_core.contracts import HeaderBatch, Query
from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.references import Location
from dicomlogic_core.series import parse_numbers
from dicomlogic_core.session import Session
from dicomlogic_core.testing.checks.outcome import Broken, described, require
from dicomlogic_core.testing.checks.service_subject import ServiceSubject, views_of
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_core.testing.phantom_objects import uid

T = TypeVar("T")

_VALUES = (
    *("PatientID", "PatientName", "StudyDate", "StudyTime", "Modality", "SeriesNumber", "SeriesDescription"),
    *("SOPClassUID", "ImageType", "InstanceNumber", "FrameOfReferenceUID", "ImagePositionPatient"),
    *("ImageOrientationPatient", "PixelSpacing", "SliceThickness", "Rows", "Columns", "BitsStored", "EchoTime"),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "NumberOfFrames", "PhotometricInterpretation"),
)


def scanned(
    subject: ServiceSubject,
    session: Session,
    location: str,
    *,
    known: Callable[[str], str | None] = lambda key: None,
    cancel: Callable[[], bool] | None = None,
) -> list[Any]:
    """The items of a scan by a new worker, which knows nothing unless it is told."""
    session.clients.name(location, subject.options)
    query = Query(location=location, options=subject.options)
    with subject.listening():
        return list(subject.worker().scan(query, known, subject.work(session, cancel=cancel)))


def check_refused(subject: ServiceSubject, session: Session, place: str) -> None:
    """Index a place where nothing is.

    Raises:
        Broken: it is not refused by a DicomLogicError that says what to do.
    """
    try:
        subject.index(session, place, options=subject.quick())
    except DicomLogicError as error:
        require(error.code != "plugin", f"{place} ends with another exception than a DicomLogicError: {error}")
        require(error.message and error.remedy, f"{place} is refused without a word on what to do: {error}")
    except Exception as error:
        raise Broken(f"{place} ends with {described(error)}") from error
    else:
        raise Broken(f"{place} is taken for a location although nothing is there")


def check_batch(batch: HeaderBatch) -> None:
    """Look at a batch by itself.

    Raises:
        Broken: it does not keep its contract.
    """
    count = len(batch.headers)
    require(count, "a batch holds no header")
    require(all(isinstance(one, bytes) for one in batch.headers), "headers are bytes")
    require(batch.form in ("part10", "json"), f"a batch has form {batch.form!r}; it is part10 or json")
    if batch.form == "part10":
        require(len(batch.locations) == count, f"{len(batch.locations)} locations for {count} headers")
        for name in ("keys", "versions", "sizes"):
            values = getattr(batch, name)
            require(not values or len(values) == count, f"{len(values)} {name} for {count} headers")
    else:
        require(batch.locations or batch.locate, "a batch of JSON has neither locations nor locate")
    for location in batch.locations or _located(batch):
        require(location.path or location.url, "a location has neither path nor URL")
        require(location.source, "a location does not name its source, which decides its credentials")


def _located(batch: HeaderBatch) -> list[Location]:
    """The location that a batch of JSON would make for an instance of its series."""
    assert batch.locate is not None
    uids = (batch.study_uid, batch.series_uid, "1.2.3")
    made = batch.locate(*uids, True)
    named = (made.ref.study_uid, made.ref.series_uid, made.ref.sop_uid)
    require(named == uids, f"locate answers {uids} with a location of {named}")
    return [made]


def of_files(folder: Path, read: Callable[[Session], T]) -> T:
    """What the files themselves say, read by the built-in source."""
    with Session(manager=closed_manager()) as session:
        session.index(folder)
        return read(session)


def instances_of(session: Session) -> set[tuple[str, str, str]]:
    """Study, series and SOP instance UIDs of all that a session has."""
    return {(view.study_uid, view.series_uid, sop_uid) for view in views_of(session) for sop_uid in view.sop_uids}


def check_same_instances(wanted: set[tuple[str, str, str]], got: set[tuple[str, str, str]], what: str) -> None:
    """Compare what was found with what is there.

    Raises:
        Broken: something is lost, or made up.
    """
    lost, more = wanted - got, got - wanted
    require(not lost, f"{len(lost)} of {len(wanted)} instances are not {what}, {sorted(lost)[:1]} for one")
    require(not more, f"{len(more)} instances are {what} that are not there, {sorted(more)[:1]} for one")


def values_of(session: Session) -> Mapping[tuple[str, str], str | None]:
    """(keyword, instance or frame) -> text, of attributes that every source has."""
    found: dict[tuple[str, str], str | None] = {}
    for view in views_of(session):
        for keyword in _VALUES:
            for sop_uid, text in zip(view.sop_uids, view.text(keyword)):
                found[keyword, sop_uid] = text
            for row, text in enumerate(view.frames.text(keyword)):
                ref = view.frames.ref(row)
                found[keyword, f"{ref.sop_uid} frame {ref.frame}"] = text
    return found


def equal_texts(wanted: str | None, got: str | None) -> bool:
    """Whether two texts are the same, or the same numbers."""
    if (wanted or "") == (got or ""):
        return True
    count = (wanted or "").count("\\") + 1
    return bool(np.allclose(parse_numbers(wanted, count), parse_numbers(got, count), rtol=1e-9, atol=1e-9))


def two_series(number: int) -> Callable[[int, Any], None]:
    """What makes every instance of a study a series of its own."""

    def change(index: int, dataset: Any) -> None:
        dataset.SeriesInstanceUID = uid("many", number, index)
        dataset.PatientID = f"PHANTOM {number}"

    return change


@contextlib.contextmanager
def logged(target: io.StringIO) -> Iterator[None]:
    """Whatever is logged in the block, as text."""
    handler, root = logging.StreamHandler(target), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def marks_of(items: list[Any]) -> dict[str, str]:
    """What the index remembers of a scan: key -> version."""
    marks: dict[str, str] = {}
    for batch in (item for item in items if isinstance(item, HeaderBatch)):
        marks.update(zip(batch.keys, batch.versions))
        if batch.series_uid and batch.version:
            marks[batch.mark or f"series:{batch.series_uid}"] = batch.version
    return marks
