"""What the command line prints: records as JSON or as a table on stdout, progress and messages on stderr."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_WIDEST = 60
_LONGEST_MESSAGE = 160


def emit(args: Any, records: Any, human: Callable[[], str]) -> None:
    """Print `records` as JSON when ``--json`` was given, else what `human` makes of them."""
    # ASCII only, so that no console's encoding can break a script.
    say(json.dumps(records, indent=2, default=str) if args.json else human())


def say(text: str) -> None:
    """A text on stdout, at once."""
    _encodable(sys.stdout)
    print(text, flush=True)


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], titles: Sequence[str] = ()) -> str:
    """Rows as aligned text; UIDs and other words are kept whole so that they can be copied, sentences are cut."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    lines = [list(titles or columns), *cells]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def findings_text(findings: Iterable[Mapping[str, Any]], indent: str = "") -> list[str]:
    """One line per finding: severity, code, what and what to do; equal ones are counted, long ones cut.

    JSON has them whole.
    """
    counted = Counter(_finding_line(finding) for finding in findings)
    return [indent + line + (f" ({count} times)" if count > 1 else "") for line, count in counted.items()]


def _finding_line(finding: Mapping[str, Any]) -> str:
    what = clean(finding["message"])
    if len(what) > _LONGEST_MESSAGE:
        what = what[: _LONGEST_MESSAGE - 1] + "…"
    remedy = f" -> {clean(finding['remedy'])}" if finding["remedy"] else ""
    return f"{finding['severity']} {finding['code']}: {what}{remedy}"


def clean(text: str) -> str:
    """Without control characters: header text must not steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return clean(", ".join(map(str, value)))
    text = clean(str(value))
    return text if len(text) <= _WIDEST or " " not in text else text[: _WIDEST - 1] + "…"


def message(text: str) -> None:
    """A line on stderr."""
    _encodable(sys.stderr)
    print(clean(text), file=sys.stderr)


class ProgressLine:
    """Shows progress in one line of a terminal's stderr; says nothing when stderr is a file."""

    def __init__(self) -> None:
        self._shown = 0
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, total: int, what: str) -> None:
        """Meets `on_progress`."""
        if self._terminal:
            text = f"{done}/{total} {what}" if total else f"{done} {what}"
            print("\r" + text.ljust(self._shown), end="", file=sys.stderr, flush=True)
            self._shown = len(text)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            print("\r" + " " * self._shown + "\r", end="", file=sys.stderr, flush=True)


def _encodable(stream: Any) -> None:
    # A Windows console or a C locale may lack letters that names have.
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
