"""The commands: each makes records through the public API, prints them and returns an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dicomlogic_core as dl
from dicomlogic_core.cli.output import ProgressLine, emit, findings_text, message, table

if TYPE_CHECKING:
    from argparse import Namespace

COLUMNS = {
    "patient": ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "NumberOfPatientRelatedStudies"),
    "study": ("StudyInstanceUID", "StudyDate", "PatientID", "PatientName", "StudyDescription", "ModalitiesInStudy"),
    "series": (
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
    ),
    "instance": ("SOPInstanceUID", "InstanceNumber", "path", "RetrieveURL"),
}
"""Columns of the table of a level; JSON has all."""


def database(args: Namespace) -> Path:
    """The database folder: ``--db``, else ``$DICOMLOGIC_DB``, else ``./dicomlogic-db``."""
    return Path(args.db or os.environ.get("DICOMLOGIC_DB") or "dicomlogic-db")


def run_index(args: Namespace) -> int:
    """``dicomlogic index``."""
    total = dl.IndexResult()
    lost: list[dict[str, str]] = []
    where, options = dict(args.where), dict(args.options)
    # Where nothing can be read, as with a mistyped folder, no empty database is left behind.
    folder = database(args) if any(map(_may_be_there, args.locations)) else None
    with dl.open(folder) as session, ProgressLine() as progress:
        for location in args.locations:
            try:
                total += session.index(location, where=where, options=options, on_progress=progress)
            except dl.SourceError as error:  # the other locations are still wanted
                message_text = f"{error.message} -> {error.remedy}" if error.remedy else error.message
                lost.append({"location": error.where or location, "code": error.code, "message": message_text})
    record = total.as_dict()
    record["failed"] += lost
    emit(args, record, lambda: _index_text(record, folder))
    if lost:
        return 3
    return 1 if record["failed"] or _has_errors(record["findings"]) else 0


def _may_be_there(location: str) -> bool:
    """False for a path that does not exist."""
    return "://" in location or os.path.lexists(location)


def _index_text(record: Mapping[str, Any], folder: Path | None) -> str:
    counts = ", ".join(f"{record[key]} {key}" for key in ("patients", "studies", "series", "instances"))
    into = f" into {folder}" if folder else ""
    lines = [f"{counts} indexed{into} in {record['seconds']:.1f} s; {record['skipped']} skipped"]
    lines += [f"failed: {row['location']}: {row['message']}" for row in record["failed"]]
    return "\n".join(lines + findings_text(record["findings"]))


def run_list(args: Namespace) -> int:
    """``dicomlogic list``."""
    with dl.open(database(args), read_only=True) as session:
        rows = [dict(row) for row in session.list(args.level, where=dict(args.where))]
    emit(args, rows, lambda: table(rows, COLUMNS[args.level]))
    return 0


def run_examine(args: Namespace) -> int:
    """``dicomlogic examine``: alternatives too, so that their identifiers can be used.

    What is wrong with an alternative that nobody chose is no failure.
    """
    with dl.open(database(args), read_only=True) as session:
        loadables = session.examine(*args.uids, all=True, options=dict(args.options), **dict(args.where))
        others = [finding.as_dict() for finding in session.findings]
    rows: list[dict[str, Any]] = [loadable.as_dict() for loadable in loadables]
    emit(args, rows, lambda: _examine_text(rows))
    _tell(others)
    return 1 if _has_errors(others) or any(_has_errors(row["findings"]) for row in rows if row["selected"]) else 0


def _examine_text(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = ("selected", "id", "kind", "confidence", "frames", "name")
    marked = [{**row, "selected": "*" if row["selected"] else ""} for row in rows]
    lines = table(marked, columns, ("", *columns[1:])).split("\n")
    text = lines[:1]
    for line, row in zip(lines[1:], rows):
        text += [line, *findings_text(row["findings"], indent="     ")]
    return "\n".join(text)


def run_export(args: Namespace) -> int:
    """``dicomlogic export``."""
    from dicomlogic_core.cli.exporting import export_all

    options = dict(args.options)
    with dl.open(database(args), sources=_sources(args), read_only=True) as session:
        loadables = session.examine(*args.uids, all=args.all, options=options, **dict(args.where))
        others = [finding.as_dict() for finding in session.findings]
        rows = export_all(session, loadables, Path(args.to), format=args.format, options=options, jobs=args.jobs)
    emit(args, rows, lambda: export_text(rows))
    _tell(others)
    failed = any("error" in row or _has_errors(row["findings"]) for row in rows)
    return 1 if failed or _has_errors(others) else 0


def export_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """One line per file or failure, findings below."""
    lines = []
    for row in rows:
        if "error" in row:
            lines.append(f"failed: {row['loadable']}: {row['error']['message']}")
        else:
            lines += [str(row["path"]), *findings_text(row["findings"], indent="     ")]
    return "\n".join(lines) or "nothing to export"


def run_preview(args: Namespace) -> int:
    """``dicomlogic preview``."""
    options = dict(args.options)
    with dl.open(database(args), sources=_sources(args), read_only=True) as session:
        loadables = session.examine(args.uid, options=options)
        if not loadables:
            raise dl.UsageError(f"nothing of {args.uid} can be loaded", remedy="examine it to see why")
        if len(loadables) > 1:
            others = ", ".join(loadable.id for loadable in loadables[1:])
            message(f"this is the first of {len(loadables)} loadables; the others are {others}")
        path = session.preview(loadables[0], args.to, options=options)
    record = {"loadable": loadables[0].id, "name": loadables[0].name, "path": str(path)}
    emit(args, record, lambda: str(path))
    return 0


def run_plugins(args: Namespace) -> int:
    """``dicomlogic plugins`` and ``dicomlogic plugins check NAME``."""
    from dicomlogic_core.cli import plugin_commands

    return plugin_commands.check(args) if args.action else plugin_commands.show(args)


def run_demo(args: Namespace) -> int:
    """``dicomlogic demo``."""
    from dicomlogic_core.cli.demo import run

    return run(args)


def _sources(args: Namespace) -> Sequence[Mapping[str, str]]:
    return ({"location": args.source, **dict(args.options)},) if args.source else ()


def _tell(findings: Iterable[Mapping[str, Any]]) -> None:
    """What concerns no loadable, such as a plugin that is missing or failed: on stderr."""
    for line in findings_text(findings):
        message(line)


def _has_errors(findings: Iterable[Mapping[str, Any]]) -> bool:
    return any(finding["severity"] == "error" for finding in findings)
