"""``dicomlogic demo``: the whole way on one machine, from a DICOMweb server to volumes and pictures.

Everything lies in one folder (``./dicomlogic-demo``); running it again starts afresh there.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dicomlogic_core as dl
from dicomlogic_core.cli.demo_data import write_samples
from dicomlogic_core.cli.output import ProgressLine, emit, findings_text, say
from dicomlogic_core.testing.server import serve

if TYPE_CHECKING:
    from argparse import Namespace

    from dicomlogic_core.testing.server import Server

_MARK = "made-by-dicomlogic-demo.txt"


def run(args: Namespace) -> int:
    """Run the demo; 1 when something failed, or when your own files carry findings of severity error.

    Those of the samples are part of what is shown.
    """
    folder = _prepare(Path(args.to))
    tell = _Teller(silent=args.json)
    tell("DICOMLogic demo: from a DICOMweb server to volumes and pictures", "")
    data = Path(args.data) if args.data else folder / "dicom"
    if args.data:
        if not data.is_dir():
            raise dl.SourceError("this is no folder", where=args.data, remedy="name a folder with DICOM files")
        tell.step("Data", f"your files in {data}")
    else:
        tell.step("Samples", write_samples(data))
    with dl.open(folder / "database") as session, serve(data) as server:
        record = _from_server(session, server, folder, tell)
        # The server ends with the demo: with the files indexed too, the commands below work without it.
        session.index(data)
    tell.step("Files", f"indexed as well, so that the commands below work now that the server has stopped: {data}")
    pictures = [row["preview"] for row in record["exports"] if "preview" in row]
    if pictures:
        tell.step("Look at", f"{pictures[0]} (filled slices have an orange frame)")
    record["commands"] = _commands(folder, record["loadables"])
    tell("", "Go on with:", *(f"  {command}" for command in record["commands"]))
    if args.json:
        emit(args, record, str)
    return 1 if _failed(record, errors_count=bool(args.data)) else 0


def _failed(record: Mapping[str, Any], *, errors_count: bool) -> bool:
    """Whether something could not be done; with `errors_count` also whether something is wrong with the data."""
    index, exports = record["index"], record["exports"]
    if index["failed"] or any("error" in row for row in exports):
        return True
    findings = [*index["findings"], *(finding for row in exports for finding in row["findings"])]
    return errors_count and any(finding["severity"] == "error" for finding in findings)


def _from_server(session: dl.Session, server: Server, folder: Path, tell: _Teller) -> dict[str, Any]:
    tell.step("Server", f"DICOMweb at {server.url}, in this process")
    with ProgressLine() as progress:
        index = session.index(server.url, on_progress=progress).as_dict()
    counts = ", ".join(f"{index[key]} {key}" for key in ("patients", "studies", "series", "instances"))
    tell.step("Index", f"{counts} in {index['seconds']:.1f} s -> {folder / 'database'} (3D Slicer opens it)")
    loadables = session.examine()
    tell.step("Examine", f"{len(loadables)} loadables from headers alone; nothing of their pixels was fetched")
    server.log.clear()
    exports = []
    with ProgressLine() as progress:
        for done, loadable in enumerate(loadables, 1):
            exports.append(_make(session, loadable, folder))
            progress(done, len(loadables), "loadables")
    written = sum("path" in row for row in exports)
    requests = f"{len(server.log)} requests, up to {server.most_open} at once"
    tell.step("Fetch, write", f"{written} NRRD files and pictures -> {folder / 'volumes'} ({requests})")
    tell(*_describe(loadables, exports))
    return {
        "folder": str(folder),
        "index": index,
        "loadables": [loadable.as_dict() for loadable in loadables],
        "exports": exports,
    }


def _make(session: dl.Session, loadable: dl.Loadable, folder: Path) -> dict[str, Any]:
    """The row of one loadable: its file and picture, or its error."""
    try:
        volume = session.load(loadable)
        path = session.write(volume, folder / "volumes")[0]
        picture = session.preview(loadable, path.with_suffix(".png"))
    except dl.DicomLogicError as error:
        return {"loadable": loadable.id, "error": {"code": error.code, "message": str(error)}}
    return {
        "loadable": loadable.id,
        "adaptor": loadable.adaptor,
        "kind": loadable.kind,
        "name": loadable.name,
        "path": str(path),
        "preview": str(picture),
        "series_uids": list(loadable.series_uids),
        "findings": [finding.as_dict() for finding in volume.findings],
    }


def _describe(loadables: Sequence[dl.Loadable], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line per loadable; a finding is told in full where its code is met first, by its code afterwards."""
    told: set[str] = set()
    for loadable, row in zip(loadables, rows):
        frames = f"{len(loadable.frames)} frame{'s' if len(loadable.frames) > 1 else ''}"
        line = f"     {loadable.name}: {frames}"
        if "error" in row:
            yield f"{line}; failed: {row['error']['message']}"
            continue
        known = [finding["code"] for finding in row["findings"] if finding["code"] in told]
        yield f"{line} ({', '.join(known)})" if known else line
        new = [finding for finding in row["findings"] if finding["code"] not in told]
        yield from findings_text(new, indent="        ")
        told.update(finding["code"] for finding in new)


def _prepare(folder: Path) -> Path:
    """An empty demo folder; one that the demo made before is cleared, any other with content is refused."""
    mark = folder / _MARK
    if folder.exists() and any(folder.iterdir()) and not mark.is_file():
        raise dl.UsageError(f"{folder} has content that is not the demo's", remedy="name another folder with --to")
    for part in ("database", "dicom", "volumes"):
        shutil.rmtree(folder / part, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text("The folders beside this file are made anew by each run of: dicomlogic demo\n", encoding="utf-8")
    return folder


def _commands(folder: Path, loadables: Sequence[Mapping[str, Any]]) -> list[str]:
    """Commands to go on with, as they can be typed here."""
    program, database, out = _program(), _quoted(folder / "database"), _quoted(folder / "again")
    commands = [f"{program} list --db {database} --level series", f"{program} examine --db {database}"]
    if loadables:
        # Best one with a gap, so that the option of its finding can be tried.
        gaps = [row for row in loadables if any(finding["code"] == "geometry.gap" for finding in row["findings"])]
        row = gaps[0] if gaps else loadables[0]
        option = " -o irregular=split" if gaps else ""
        commands.append(f"{program} export --db {database} {row['series_uids'][0]} --to {out}{option}")
        commands.append(f"{program} preview --db {database} {row['id']} --to {_quoted(folder / 'preview.png')}")
    return [*commands, f"{program} plugins"]


def _program() -> str:
    """How this program can be started again from the shell the user is in."""
    uv = os.environ.get("UV")
    if uv and os.environ.get("UV_RUN_RECURSION_DEPTH"):
        # `uv run` puts the environment on the path for this process only.
        outside = os.pathsep.join(
            part for part in os.environ.get("PATH", "").split(os.pathsep) if not part.startswith(sys.prefix)
        )
        found = shutil.which("uv", path=outside)
        return f"{'uv' if found else _quoted(_relative(uv))} run dicomlogic"
    if shutil.which("dicomlogic"):
        return "dicomlogic"
    script = Path(sys.argv[0])
    if script.stem == "dicomlogic" and script.is_file():
        return _quoted(_relative(str(script)))
    return f"{_quoted(sys.executable)} -m dicomlogic_core.cli.main"


def _relative(path: str) -> str:
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return path if relative.startswith("..") else relative


def _quoted(path: Path | str) -> str:
    text = str(path)
    return f'"{text}"' if any(letter.isspace() for letter in text) else text


class _Teller:
    """Tells the steps of the demo on stdout, unless JSON is wanted there."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._steps = 0

    def __call__(self, *lines: str) -> None:
        if not self._silent:
            say("\n".join(lines))

    def step(self, title: str, text: str) -> None:
        """A numbered line."""
        self._steps += 1
        self(f"{self._steps}. {title + ':':<14}{text}")
