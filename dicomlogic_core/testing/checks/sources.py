"""Checks of sources: `Source.scan`, alone and under `Session.index`."""

from __future__ import annotations

import contextlib
import io
import pickle
import shutil

from dicomlogic_core.contracts import Failure, HeaderBatch, Unchanged
from dicomlogic_core.errors import Cancelled
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.checks.outcome import Broken, Check, NotApplicable, described, require
from dicomlogic_core.testing.checks.scanning import (
    check_batch,
    check_refused,
    check_same_instances,
    equal_texts,
    instances_of,
    logged,
    marks_of,
    of_files,
    scanned,
    two_series,
    values_of,
)
from dicomlogic_core.testing.checks.service_subject import NO_SECRET, ServiceSubject, views_of

_MANY = 12


def a_foreign_location_is_refused(subject: ServiceSubject) -> None:
    """A location that cannot be meant ends with a DicomLogicError that says what to do, never with another exception.

    Contract: `Source.scan`.
    """
    scheme = subject.provider.schemes[0]
    place = str(subject.new_folder() / "nothing-here") if scheme == "file" else f"{scheme}://"
    with subject.environment(), subject.session() as session:
        check_refused(subject, session, place)


def scan_keeps_its_contract(subject: ServiceSubject) -> None:
    """Scanning yields header batches, failures and what is unchanged; every header has its location, with its source.

    Contract: `Source.scan`, `HeaderBatch` in dicomlogic_core.contracts.
    """
    with subject.served(subject.write()) as location, subject.session() as session:
        items = scanned(subject, session, location)
        batches = [item for item in items if isinstance(item, HeaderBatch)]
        foreign = [type(item).__name__ for item in items if not isinstance(item, (HeaderBatch, Failure, Unchanged))]
        require(not foreign, f"scan yields {foreign[:1]}; it yields HeaderBatch, Failure and Unchanged")
        require(batches, "scan yields no header of a location that has some")
        for batch in batches:
            check_batch(batch)


def what_is_served_is_found(subject: ServiceSubject) -> None:
    """Every instance that is there is indexed once: none lost, none twice, under its own study and series.

    Contract: `Source.scan`.
    """
    folder = subject.write()
    with subject.indexed(folder) as (session, _):
        check_same_instances(of_files(folder, instances_of), instances_of(session), "indexed")


def scanning_again_gives_the_same(subject: ServiceSubject) -> None:
    """Two scans give the same instances, series by series.

    Contract: `Source.scan`.
    """
    folder = subject.write()
    with subject.served(folder) as location, subject.session() as first, subject.session() as second:
        subject.index(first, location)
        subject.index(second, location)
        check_same_instances(instances_of(first), instances_of(second), "found by a second scan")


def an_empty_location_gives_nothing(subject: ServiceSubject) -> None:
    """A location without instances gives nothing, and no error.

    Contract: `Source.scan`.
    """
    with subject.served(subject.new_folder()) as location, subject.session() as session:
        result = subject.index(session, location)
        require(result.instances == 0, f"{result.instances} instances are found where nothing is")
        require(not result.failed, f"an empty location is told as a failure: {result.failed[:1]}")


def header_values_are_those_of_the_files(subject: ServiceSubject) -> None:
    """Values reach the index as the files have them; numbers may be written otherwise.

    Contract: docs/explanation/flow.md: one database, whatever the source.
    """
    folder = subject.write()
    with subject.indexed(folder) as (session, _):
        wanted, got = of_files(folder, values_of), values_of(session)
        for key, text in wanted.items():
            require(equal_texts(text, got.get(key)), f"{' of '.join(key)} is {got.get(key)!r}, the file says {text!r}")


def many_series_are_all_found(subject: ServiceSubject) -> None:
    """Of a dozen studies with several series, all are found: listings are followed to their last page.

    Name an option in `many_options` that makes pages small, if there is one.
    Contract: `Source.scan`.
    """
    folder = subject.new_folder()
    for number in range(_MANY):
        phantoms.write_ct(folder / f"{number}", phantoms.regular(2), name=f"many {number}", change=two_series(number))
    with subject.served(folder) as location, subject.session() as session:
        subject.index(session, location, options={**subject.options, **subject.many_options})
        check_same_instances(of_files(folder, instances_of), instances_of(session), "found of many")


def indexing_again_skips_what_is_known(subject: ServiceSubject) -> None:
    """What `known` says is unchanged is counted and not delivered again; the database stays as it is, also reopened.

    Contract: `Source.scan`, `Unchanged` in dicomlogic_core.contracts.
    """
    database = subject.new_folder()
    with subject.served(subject.write()) as location:
        with subject.session(database) as session:
            total = subject.index(session, location).instances
            marks = marks_of(scanned(subject, session, location))
            items = scanned(subject, session, location, known=marks.get)
        delivered = sum(len(item.headers) for item in items if isinstance(item, HeaderBatch))
        require(not delivered, f"{delivered} headers are delivered again although `known` says that nothing changed")
        with subject.session(database) as session:
            again = subject.index(session, location)
    require(again.instances == 0, f"{again.instances} of {total} unchanged instances are indexed again")
    require(again.skipped >= total, f"{again.skipped} of {total} instances are told as unchanged")


def an_interrupted_run_goes_on(subject: ServiceSubject) -> None:
    """A run that is cancelled keeps what it has, and the next one brings the rest.

    Contract: `WorkContext.cancelled`; docs/explanation/reliability.md.
    """
    folder, database = subject.write(), subject.new_folder()
    with subject.served(folder) as location:
        with subject.session(database) as session, contextlib.suppress(Cancelled):
            subject.index(session, location, cancel=lambda: True)
        with subject.session(database) as session:
            subject.index(session, location)
            check_same_instances(of_files(folder, instances_of), instances_of(session), "indexed after an interruption")


def cancel_stops_the_scan(subject: ServiceSubject) -> None:
    """When the caller wants it to stop, a scan ends or raises Cancelled; it raises nothing else.

    Contract: `WorkContext.cancelled`.
    """
    with subject.served(subject.write()) as location, subject.session() as session:
        try:
            scanned(subject, session, location, cancel=lambda: True)
        except Cancelled:
            return
        except Exception as error:
            raise Broken(f"a cancelled scan raises {described(error)}") from error


def odd_files_cost_nothing_else(subject: ServiceSubject) -> None:
    """A cut, a repeated and a foreign file among the others are failures, findings or nothing; the rest is indexed.

    Contract: `Failure` in dicomlogic_core.contracts; docs/explanation/reliability.md.
    """
    folder = subject.write()
    good = of_files(folder, instances_of)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    (folder / "notes.txt").write_bytes(b"no DICOM at all")
    (folder / "cut.dcm").write_bytes(files[0].read_bytes()[:300])
    shutil.copy(files[0], folder / "again.dcm")
    with subject.served(folder) as location, subject.session() as session:
        try:
            subject.index(session, location)
        except Exception as error:
            raise Broken(f"odd files end the scan: {described(error)}") from error
        found = instances_of(session)
        require(good <= found, f"{len(good - found)} good instances are lost beside odd files")
        require(found <= good, f"{len(found - good)} instances appear that are in no file")


def a_service_that_is_gone_is_told(subject: ServiceSubject) -> None:
    """When the location can no longer be read at all, indexing ends with a DicomLogicError.

    Contract: `Source.scan`: SourceError.
    """
    folder = subject.write()
    with subject.served(folder) as location:
        pass
    shutil.rmtree(folder)
    with subject.environment(), subject.session() as session:
        check_refused(subject, session, location)


def secrets_are_never_shown(subject: ServiceSubject) -> None:
    """The secret that a location needs is in no repr, pickle, location, log, finding, error, or file of the database.

    Contract: docs/howto/credentials.md; secrets are references.
    """
    if not subject.secrets:
        raise NotApplicable(NO_SECRET)
    database, log = subject.new_folder(), io.StringIO()
    said: list[str] = []
    with subject.served(subject.write()) as location, logged(log), subject.session(database) as session:
        said.append(repr(subject.index(session, location).as_dict()))
        items = scanned(subject, session, location)
        said += [repr([one.locations for one in items if isinstance(one, HeaderBatch)]), repr(session)]
        said += [repr(pickle.dumps([one.locations for one in items if isinstance(one, HeaderBatch)]))]
        said += [str(finding.as_dict()) for finding in session.findings]
        # Columns are kept compressed, so locations are also asked for as workers get them.
        said += [repr(view.locations(row)) for view in views_of(session) for row in range(len(view))]
    with subject.environment(), subject.session() as session:
        try:
            subject.index(session, location, options=subject.quick())
        except Exception as error:
            said += [str(error), repr(error), repr(vars(error))]
    for value in subject.secrets.values():
        require(value not in log.getvalue(), "a secret is in the log")
        require(not any(value in text for text in said), "a secret is in a repr, a pickle, a finding or an error")
        for path in database.rglob("*"):
            require(path.is_dir() or value.encode() not in path.read_bytes(), f"a secret is in {path.name}")


SOURCES: tuple[Check, ...] = (
    a_foreign_location_is_refused,
    scan_keeps_its_contract,
    what_is_served_is_found,
    scanning_again_gives_the_same,
    an_empty_location_gives_nothing,
    header_values_are_those_of_the_files,
    many_series_are_all_found,
    indexing_again_skips_what_is_known,
    an_interrupted_run_goes_on,
    cancel_stops_the_scan,
    odd_files_cost_nothing_else,
    a_service_that_is_gone_is_told,
    secrets_are_never_shown,
)
