"""Each check of sources and fetchers fails on a plugin made for it, for its own reason, and passes for a good one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from dicomlogic_core import (
    Failure,
    FetcherProvider,
    FetchResult,
    HeaderBatch,
    HeaderError,
    InstanceRef,
    Location,
    PixelError,
    SourceError,
    SourceProvider,
    Unchanged,
)
from dicomlogic_core.testing.checks import fetchers, sources
from dicomlogic_core.testing.checks.fetchers import FETCHERS
from dicomlogic_core.testing.checks.outcome import outcome_of
from dicomlogic_core.testing.checks.service_subject import ServiceSubject, elsewhere
from dicomlogic_core.testing.checks.sources import SOURCES
from dicomlogic_core.testing.fakes import fake_plugin

SCHEME = "kit://"
TOKEN = "kit-secret-2b7e"


class Host:
    """A folder, as a service of the scheme ``kit``; `cut` shortens what the fetchers below read."""

    cut = False

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        Host.cut = False
        yield f"{SCHEME}{folder}"
        Host.cut = False

    def cut_bodies(self) -> None:
        Host.cut = True

    def lost(self, location: Location) -> Location:
        return replace(elsewhere(location), url=f"{location.url}.gone")


# --- sources ---------------------------------------------------------------------------------------------------------


class Good:
    """Headers of a folder as JSON, a batch per series."""

    def scan(self, query, known, context):
        folder = Path(query.location.removeprefix(SCHEME) or "/nothing-here")
        if not folder.is_dir():
            raise SourceError("there is no such folder", where=query.location, remedy="check its name")
        found = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            header = self.header(path)
            if header is None:
                error = HeaderError("this is no DICOM", code="file.not-dicom", where=str(path))
                yield Failure(location=str(path), error=error, skipped=True)
            else:
                key = str(header.StudyInstanceUID), str(header.SeriesInstanceUID)
                found.setdefault(key, {})[str(header.SOPInstanceUID)] = (path, header)
        yield from self.batches(found, query, known, context)

    def header(self, path):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:
            return None
        return header if all(f"{level}InstanceUID" in header for level in ("Study", "Series", "SOP")) else None

    def batches(self, found, query, known, context):
        for key, instances in found.items():
            if context.cancelled():
                return
            if known(f"series:{key[1]}") == str(len(instances)):
                yield Unchanged(count=len(instances))
            else:
                yield self.batch(key, list(instances.values()), query)

    def batch(self, key, instances, query, **changes):
        values = {
            "form": "json",
            "headers": [json.dumps(header.to_json_dict()).encode() for _, header in instances],
            "locations": [self.location(path, header, query) for path, header in instances],
            "study_uid": key[0],
            "series_uid": key[1],
            "version": str(len(instances)),
        }
        return HeaderBatch(**(values | changes))

    def location(self, path, header, query):
        ref = InstanceRef(
            study_uid=str(header.StudyInstanceUID),
            series_uid=str(header.SeriesInstanceUID),
            sop_uid=str(header.SOPInstanceUID),
        )
        frames = int(header.get("NumberOfFrames", 1))
        return Location(ref=ref, source=query.location, url=f"{SCHEME}{path}", frames=frames)


class Crashing(Good):
    def scan(self, query, known, context):
        if not Path(query.location.removeprefix(SCHEME) or "/nothing-here").is_dir():
            raise KeyError(query.location)
        return super().scan(query, known, context)


class Accepting(Good):
    def scan(self, query, known, context):
        if Path(query.location.removeprefix(SCHEME) or "/nothing-here").is_dir():
            yield from super().scan(query, known, context)


class Loose(Good):
    def batches(self, found, query, known, context):
        yield {"headers": []}


class Homeless(Good):
    def location(self, path, header, query):
        return replace(super().location(path, header, query), source="")


class Losing(Good):
    def batches(self, found, query, known, context):
        yield from super().batches({key: found[key] for key in list(found)[1:]}, query, known, context)


class Once(Good):
    done = False

    def batches(self, found, query, known, context):
        if not self.done:
            self.done = True
            yield from super().batches(found, query, known, context)


class Disappointed(Good):
    def batches(self, found, query, known, context):
        if not found:
            raise SourceError("nothing is there", where=query.location, remedy="put something there")
        yield from super().batches(found, query, known, context)


class Inventive(Good):
    def header(self, path):
        header = super().header(path)
        if header is not None:
            header.SeriesDescription = "described anew"
        return header


class FirstPage(Good):
    def batches(self, found, query, known, context):
        yield from super().batches({key: found[key] for key in list(found)[:10]}, query, known, context)


class Tireless(Good):
    def batches(self, found, query, known, context):
        yield from super().batches(found, query, lambda key: None, context)


class Hasty(Good):
    """Says that a series is complete when half of it is delivered."""

    def batches(self, found, query, known, context):
        for key, instances in found.items():
            version, whole = str(len(instances)), list(instances.values())
            if known(f"series:{key[1]}") == version:
                yield Unchanged(count=len(instances))
                continue
            yield self.batch(key, whole[: len(whole) // 2 or 1], query, version=version)
            if whole[len(whole) // 2 or 1 :]:
                yield self.batch(key, whole[len(whole) // 2 or 1 :], query, version=version)


class Startled(Good):
    def batches(self, found, query, known, context):
        if context.cancelled():
            raise RuntimeError("interrupted")
        yield from super().batches(found, query, known, context)


class Picky(Good):
    def header(self, path):
        try:
            return pydicom.dcmread(path, stop_before_pixels=True)
        except Exception as error:
            raise SourceError("a file is no DICOM", where=str(path), remedy="remove it") from error


class Leaking(Good):
    def location(self, path, header, query):
        return replace(super().location(path, header, query), frame_id=os.environ["KIT_TOKEN"])


class Located(Good):
    """Makes its locations when they are asked for."""

    def batch(self, key, instances, query, **changes):
        paths = {str(header.SOPInstanceUID): path for path, header in instances}

        def locate(study_uid, series_uid, sop_uid, has_pixels):
            ref = InstanceRef(study_uid=study_uid, series_uid=self.series_of(series_uid), sop_uid=sop_uid)
            return Location(ref=ref, source=query.location, url=f"{SCHEME}{paths.get(sop_uid)}", frame_id=self.key())

        return super().batch(key, instances, query, locations=(), locate=locate, **changes)

    def series_of(self, series_uid):
        return series_uid

    def key(self):
        return ""


class Confused(Located):
    def series_of(self, series_uid):
        return "1.2.3"


class LateLeaking(Located):
    def key(self):
        return os.environ["KIT_TOKEN"]


BAD_SOURCES = [
    (sources.a_foreign_location_is_refused, Crashing, "ends with another exception than a DicomLogicError"),
    (sources.a_foreign_location_is_refused, Accepting, "kit:// is taken for a location although nothing is there"),
    (sources.scan_keeps_its_contract, Loose, "scan yields ['dict']"),
    (sources.scan_keeps_its_contract, Homeless, "does not name its source"),
    (sources.scan_keeps_its_contract, Confused, "with a location of"),
    (sources.what_is_served_is_found, Losing, "instances are not indexed"),
    (sources.scanning_again_gives_the_same, Once, "instances are not found by a second scan"),
    (sources.an_empty_location_gives_nothing, Disappointed, "nothing is there"),
    (sources.header_values_are_those_of_the_files, Inventive, "SeriesDescription of"),
    (sources.many_series_are_all_found, FirstPage, "of 24 instances are not found of many"),
    (sources.indexing_again_skips_what_is_known, Tireless, "11 headers are delivered again"),
    (sources.an_interrupted_run_goes_on, Hasty, "are not indexed after an interruption"),
    (sources.cancel_stops_the_scan, Startled, "a cancelled scan raises RuntimeError"),
    (sources.odd_files_cost_nothing_else, Picky, "odd files end the scan"),
    (sources.a_service_that_is_gone_is_told, Accepting, "is taken for a location although nothing is there"),
    (sources.secrets_are_never_shown, Leaking, "a secret is in a repr, a pickle, a finding or an error"),
    (sources.secrets_are_never_shown, LateLeaking, "a secret is in a repr, a pickle, a finding or an error"),
]


# --- fetchers --------------------------------------------------------------------------------------------------------


class Frames:
    """Frames of files named by ``kit`` URLs, one at a time."""

    def plan(self, locations):
        return [[location] for location in locations]

    def fetch(self, batch, context):
        for location in batch:
            if context.cancelled():
                return
            yield self.result(location, context)

    def result(self, location, context):
        try:
            data = self.data(location)
        except (OSError, pydicom.errors.InvalidDicomError) as error:
            return FetchResult(ref=location.ref, error=self.failure(location, error))
        if len(data) != location.native_size:
            short = PixelError("the frame is short", code="pixels.short", where=location.ref.sop_uid, remedy="again")
            return FetchResult(ref=location.ref, error=short)
        return FetchResult(ref=location.ref, data=data, transfer_syntax="1.2.840.10008.1.2.1")

    def failure(self, location, error):
        return PixelError("it is gone", code="pixels.missing", where=location.ref.sop_uid, remedy="index again")

    def data(self, location):
        pixels = pydicom.dcmread((location.url or "").removeprefix(SCHEME)).PixelData
        size, start = location.native_size, (location.ref.frame - 1) * location.native_size
        return pixels[start : start + (size // 2 if Host.cut else size)]


class Forgetful(Frames):
    def plan(self, locations):
        return super().plan(locations[1:])


class Mute(Frames):
    def fetch(self, batch, context):
        for result in super().fetch(batch, context):
            if getattr(result.ref, "frame", 1) != 2:
                yield result


class Stuttering(Frames):
    def fetch(self, batch, context):
        for result in super().fetch(batch, context):
            yield from (result, result)


class FirstFrame(Frames):
    def data(self, location):
        return super().data(replace(location, ref=replace(location.ref, frame=1)))


class Sorting(Frames):
    """Takes it for granted that locations come in the order of their names."""

    def plan(self, locations):
        return [list(locations)] if locations else []

    def fetch(self, batch, context):
        ordered = sorted(batch, key=lambda one: (one.url, one.ref.frame))
        for location, other in zip(batch, ordered):
            if location.native_size == other.native_size:
                yield FetchResult(ref=location.ref, data=self.data(other))
            else:
                yield self.result(location, context)


class OnceOnly(Frames):
    def __init__(self):
        self.seen = set()

    def result(self, location, context):
        if location in self.seen:
            return FetchResult(ref=location.ref, error=PixelError("asked before", code="pixels.missing"))
        self.seen.add(location)
        return super().result(location, context)


class Shared(Frames):
    """Keeps the location at hand in the worker, which all threads share."""

    def result(self, location, context):
        self.location = location
        time.sleep(0.005)
        return replace(super().result(self.location, context), ref=location.ref)


class Raising(Frames):
    def failure(self, location, error):
        raise PixelError("it is gone", code="pixels.missing", where=location.ref.sop_uid, remedy="index again")


class Wasteful(Frames):
    def result(self, location, context):
        context.buffer(location.ref, location.native_size)
        return super().result(location, context)


class Nervous(Frames):
    def fetch(self, batch, context):
        if context.cancelled():
            raise RuntimeError("interrupted")
        return super().fetch(batch, context)


class Connecting(Frames):
    def fetch(self, batch, context):
        try:
            context.http("https://example.invalid/dicom-web")
        except Exception as error:
            raise RuntimeError("no connection") from error
        return super().fetch(batch, context)


class Padding(Frames):
    def data(self, location):
        try:
            return super().data(location).ljust(location.native_size, b"\0")
        except OSError:
            return bytes(location.native_size)


class Exposing(Frames):
    def failure(self, location, error):
        return PixelError(f"not with {os.environ['KIT_TOKEN']}", code="pixels.missing", remedy="index again")


BAD_FETCHERS = [
    (fetchers.plan_covers_every_location_once, Forgetful, "plan leaves out 1 of 15 locations"),
    (fetchers.every_result_carries_its_reference, Mute, "1 of 15 locations get no result"),
    (fetchers.every_result_carries_its_reference, Stuttering, "is answered 2 times"),
    (fetchers.frames_are_those_of_the_files, FirstFrame, "differ from the files"),
    (fetchers.any_order_gives_the_same_bytes, Sorting, "in reversed order"),
    (fetchers.duplicates_are_answered_alike, OnceOnly, "asked for twice, a frame fails"),
    (fetchers.threads_may_fetch_at_once, Shared, "among threads"),
    (fetchers.one_lost_frame_costs_nothing_else, Raising, "PixelError: it is gone"),
    (fetchers.buffers_are_given_back, Wasteful, "the buffer lent for"),
    (fetchers.cancel_stops_fetching, Nervous, "cancelled, fetch raises RuntimeError"),
    (fetchers.without_a_connection_errors_are_typed, Connecting, "without a connection, fetch raises RuntimeError"),
    (fetchers.short_pixels_are_told, Padding, "of which a file is cut short is loaded without a word"),
    (fetchers.cut_bodies_are_told, Padding, "whose answers are cut is loaded without a word"),
    (fetchers.a_service_that_is_gone_is_told, Padding, "frames arrive from a service that is gone"),
    (fetchers.secrets_are_in_no_error, Exposing, "a secret is in a result or an error"),
]


# --- the tests -------------------------------------------------------------------------------------------------------


@pytest.fixture
def subject_of() -> Iterator:
    made = []

    def make(kind, source=Good, fetcher=Frames) -> ServiceSubject:
        plugin = fake_plugin(
            SourceProvider(name="kit", label="kit", factory=source, schemes=("kit",)),
            FetcherProvider(name="kit", label="kit", factory=fetcher, schemes=("kit",), concurrency=2),
        )
        made.append(ServiceSubject(kind, "kit", plugin=plugin, host=Host(), secrets={"KIT_TOKEN": TOKEN}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ids(bad) -> list[str]:
    return [f"{check.__name__}-{worker.__name__}" for check, worker, _ in bad]


@pytest.mark.parametrize(("check", "worker", "reason"), BAD_SOURCES, ids=ids(BAD_SOURCES))
def test_a_bad_source_fails_for_its_own_reason(check, worker, reason, subject_of):
    outcome = outcome_of(check, subject_of("source", source=worker), "source:kit")
    assert outcome.status == "failed"
    assert reason in outcome.message


@pytest.mark.parametrize(("check", "worker", "reason"), BAD_FETCHERS, ids=ids(BAD_FETCHERS))
def test_a_bad_fetcher_fails_for_its_own_reason(check, worker, reason, subject_of):
    outcome = outcome_of(check, subject_of("fetcher", fetcher=worker), "fetcher:kit")
    assert outcome.status == "failed"
    assert reason in outcome.message


@pytest.mark.parametrize(("kind", "checks"), [("source", SOURCES), ("fetcher", FETCHERS)])
def test_a_good_plugin_passes_every_check(kind, checks, subject_of):
    subject = subject_of(kind)
    outcomes = [outcome_of(check, subject, f"{kind}:kit") for check in checks]
    assert {one.check: one.message for one in outcomes if one.status != "passed"} == {}


def test_every_check_has_a_bad_plugin():
    assert {check for check, _, _ in BAD_SOURCES} == set(SOURCES)
    assert {check for check, _, _ in BAD_FETCHERS} == set(FETCHERS)


def test_without_a_service_only_what_needs_none_is_checked():
    plugin = fake_plugin(SourceProvider(name="kit", label="kit", factory=Good, schemes=("kit",)))
    subject = ServiceSubject("source", "kit", plugin=plugin)
    outcomes = {one.check: one for one in (outcome_of(check, subject, "source:kit") for check in SOURCES)}
    subject.close()
    assert outcomes["a_foreign_location_is_refused"].status == "passed"
    assert outcomes["what_is_served_is_found"].message.startswith("needs a service: define serve(folder)")
    assert "failed" not in {one.status for one in outcomes.values()}


def test_secrets_are_in_the_environment_while_they_are_needed_only(subject_of):
    subject = subject_of("source")
    with subject.served(subject.new_folder()):
        assert os.environ["KIT_TOKEN"] == TOKEN
    assert "KIT_TOKEN" not in os.environ
