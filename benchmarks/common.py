"""What every benchmark shares: generated data, fair timing, and one row per comparison.

Ratios are what counts: both sides run in this process, in turn, warm, and the fastest of several repeats is taken,
since a first run on a virtual machine mostly measures the first touch of its memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        stage: what is measured.
        ours: our speed in `unit` (larger is better).
        peer: name of the peer or limit.
        theirs: its speed in the same unit.
        target: the ratio to reach.
        unit: e.g. ``files/s`` or ``MB/s``.
        note: versions, sizes, or why a peer could not run.
    """

    stage: str
    ours: float
    peer: str
    theirs: float
    target: float
    unit: str
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours divided by theirs; above 1 we are faster."""
        return self.ours / self.theirs if self.theirs else float("nan")

    @property
    def met(self) -> bool:
        """True when the target is reached."""
        return self.ratio >= self.target


def seconds(*candidates: Callable[[], Any], repeats: int = 3) -> list[float]:
    """The fastest run of each candidate, all of them run in turn `repeats` times."""
    best = [float("inf")] * len(candidates)
    for _ in range(repeats):
        for number, candidate in enumerate(candidates):
            start = time.perf_counter()
            candidate()
            best[number] = min(best[number], time.perf_counter() - start)
    return best


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    head = ("stage", "ours", "peer", "theirs", "ratio", "target", "")
    lines = [
        (
            row.stage,
            f"{row.ours:,.0f} {row.unit}",
            row.peer,
            f"{row.theirs:,.0f}",
            f"{row.ratio:.2f}",
            f"{row.target:g}",
            ("met" if row.met else "NOT MET") + (f"  {row.note}" if row.note else ""),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in [head, *lines]
    )
