"""Starting up: ``dicomlogic --help`` and ``import dicomlogic_core`` against the imports that none can do without."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.common import Row, seconds

_LIMIT = "import pluggy, argparse"
_STARTS = {
    "dicomlogic --help": ["-m", "dicomlogic_core.cli.main", "--help"],
    "import dicomlogic_core": ["-c", "import dicomlogic_core"],
}


def rows(*, quick: bool) -> list[Row]:
    """Starts per second of fresh interpreters, in turn; the target is at most 1.5 times the limit's time."""
    repeats = 8 if quick else 25
    limit, *ours = seconds(
        lambda: _start(["-c", _LIMIT]),
        *(lambda argv=argv: _start(argv) for argv in _STARTS.values()),
        repeats=repeats,
    )
    return [
        Row(
            stage=stage,
            ours=1 / taken,
            peer=f'python -c "{_LIMIT}"',
            theirs=1 / limit,
            target=1 / 1.5,
            unit="starts/s",
            note=f"{taken * 1000:.0f} ms, limit {limit * 1000:.0f} ms",
        )
        for stage, taken in zip(_STARTS, ours)
    ]


def _start(argv: list[str]) -> None:
    subprocess.run([sys.executable, *argv], stdout=subprocess.DEVNULL, check=True)
