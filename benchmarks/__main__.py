"""``python -m benchmarks [TOPIC ...] [--quick]`` prints the table of ratios.

With the peers, as one command: see `PEERS` below, or ``uv run python -m benchmarks --peers``, which starts itself again
with every peer installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.common import Row, table

# Installed for the run only: none is a dependency of the project. dicomindex is not among them, since it pins an older
# pydicom: the topic `index` runs it apart.
PEERS = [
    "SimpleITK",
    "dcm2niix",
    "fastdicom",
    "dicomsdl",
    "highdicom",
    "imagecodecs",
    "isal",
    "msgspec",
    "opencv-python-headless",
    "orjson",
    "pynrrd",
]
_NO_TOPICS = {"common", "__main__"}


def topics() -> list[str]:
    """Names of the benchmark modules."""
    folder = str(Path(__file__).parent)
    return sorted(module.name for module in pkgutil.iter_modules([folder]) if module.name not in _NO_TOPICS)


def with_peers(arguments: list[str]) -> int:
    """Run again with every peer that can be installed here; one that cannot costs only its own rows."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("uv is needed to install the peers (pip install uv)")
    peers = [peer for peer in PEERS if _installable(uv, peer)]
    command = [uv, "run", *(f"--with={peer}" for peer in peers), "python", "-m", "benchmarks", *arguments]
    return subprocess.call(command, cwd=Path(__file__).parents[1])


def _installable(uv: str, peer: str) -> bool:
    probe = [uv, "run", "--quiet", f"--with={peer}", "python", "-c", "pass"]
    found = subprocess.run(probe, cwd=Path(__file__).parents[1], capture_output=True, check=False).returncode == 0
    if not found:
        print(f"not installable here: {peer}", file=sys.stderr)
    return found


def main() -> int:
    """Run the chosen topics; exit 1 when a target is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(topics())}; default: all")
    parser.add_argument("--quick", action="store_true", help="small data: whether it runs, not how fast it is")
    parser.add_argument("--peers", action="store_true", help="install the peers for this run")
    options = parser.parse_args()
    if unknown := set(options.topics) - set(topics()):
        parser.error(f"unknown topic: {', '.join(sorted(unknown))}")
    if options.peers:
        return with_peers([argument for argument in sys.argv[1:] if argument != "--peers"])
    # On some machines a reduced numerical kernel is forced by the environment; ratios are taken without it.
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(variable, None)
    found: list[Row] = []
    for topic in options.topics or topics():
        rows = importlib.import_module(f"benchmarks.{topic}").rows(quick=options.quick)
        print(table(rows), flush=True)
        found += rows
    return 0 if all(row.met for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
