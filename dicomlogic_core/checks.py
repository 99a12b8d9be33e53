"""``dicomlogic plugins check``: one plugin loaded, its workers made, and each compared with what it promises."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError, UsageError
from dicomlogic_core.manager import PluginManager, default_manager
from dicomlogic_core.offers import KINDS, Offer
from dicomlogic_core.selection import normalised
from dicomlogic_core.workers import CONTRACTS

if TYPE_CHECKING:
    from dicomlogic_core.plugin_records import PluginRecord

HEAVY = ("numpy", "pydicom", "requests", "nrrd")

# Run by a fresh interpreter: in this one everything may be loaded already.
_MEASURE = """
import importlib, json, sys, time
import dicomlogic_core, dicomlogic_core.hookspecs
before, start = set(sys.modules), time.perf_counter()
plugin = importlib.import_module(sys.argv[1])
seconds = time.perf_counter() - start
for hook in ("sources", "fetchers", "adaptors", "writers"):
    list(getattr(plugin, f"dicomlogic_{hook}", tuple)() or ())
print("\\n" + json.dumps([seconds, sorted(set(sys.modules) - before)]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What checking a plugin found.

    Attributes:
        workers: ``kind:name`` of the workers that were made.
        seconds: import time of the plugin's module in a fresh process, the core loaded; None when it has no module.
        heavy: of numpy, pydicom, requests and nrrd, what that import loads.
        problems: what is wrong; empty for a good plugin.
    """

    name: str
    distribution: str
    version: str
    workers: tuple[str, ...]
    seconds: float | None
    heavy: tuple[str, ...]
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON shape of the command line."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "workers": list(self.workers),
            "import_seconds": self.seconds,
            "heavy_imports": list(self.heavy),
            "problems": list(self.problems),
        }

    def as_text(self) -> str:
        """The same for people."""
        lines = [f"{self.name} ({self.distribution or 'registered at run time'} {self.version})".replace(" )", ")")]
        lines.append(f"workers made: {', '.join(self.workers) or 'none'}")
        if self.seconds is not None:
            lines.append(f"import: {self.seconds * 1000:.0f} ms, heavy modules: {', '.join(self.heavy) or 'none'}")
        lines += [f"problem: {problem}" for problem in self.problems] or ["no problems found"]
        return "\n".join(lines)


def check_plugin(name: str, manager: PluginManager | None = None) -> CheckReport:
    """Load a plugin, make each of its workers, and compare them with their contracts.

    Args:
        name: of the plugin or of its distribution.

    Raises:
        UsageError: there is no such plugin.
    """
    manager = manager if manager is not None else default_manager()
    record = _record(manager, name)
    workers: list[str] = []
    problems: list[str] = [f"{record.status}: {record.error}"] if record.status in ("failed", "blocked") else []
    for offer in (offer for kind in KINDS for offer in manager.registry.offers(kind)):
        if offer.origin.plugin == record.name:
            problems += _problems_of(manager, offer, workers)
    seconds, heavy, problem = import_cost(manager.plugin(record.name))
    if heavy:
        problem = f"importing its module loads {', '.join(heavy)}; import them where they are used"
    return CheckReport(
        name=record.name,
        distribution=record.distribution,
        version=record.version,
        workers=tuple(workers),
        seconds=seconds,
        heavy=heavy,
        problems=(*problems, problem) if problem else tuple(problems),
    )


def _record(manager: PluginManager, name: str) -> PluginRecord:
    records = manager.records()
    for record in records:
        if normalised(name) in (normalised(record.name), normalised(record.distribution)):
            return record
    known = ", ".join(record.name for record in records)
    raise UsageError(f"there is no plugin called {name}", remedy=f"known: {known}")


def _problems_of(manager: PluginManager, offer: Offer, workers: list[str]) -> list[str]:
    label = f"{offer.kind}:{offer.provider.name}"
    if offer.unavailable:
        return [f"{label} is {offer.unavailable} ({offer.install})"]
    try:
        worker = manager.registry.worker(offer.kind, offer.provider.name)
    except DicomLogicError as error:
        return [f"{label}: {error}"]
    workers.append(label)
    met = [contract for contract in CONTRACTS[offer.kind] if isinstance(worker, contract)]
    return [f"{label}: {problem}" for contract in met for problem in signature_problems(worker, contract)]


def signature_problems(worker: Any, contract: type) -> Iterator[str]:
    """Methods of a worker whose arguments are not exactly those that the contract promises."""
    for name, promised in vars(contract).items():
        if name.startswith("_") or not inspect.isfunction(promised):
            continue
        expected = _arguments(list(inspect.signature(promised).parameters.values())[1:])
        method = getattr(worker, name)
        got = _arguments(list(inspect.signature(method).parameters.values()))
        if got != expected:
            yield (
                f"{type(worker).__name__}.{name} takes ({', '.join(got)}), "
                f"{contract.__name__} promises ({', '.join(expected)})"
            )


def _arguments(parameters: list[inspect.Parameter]) -> list[str]:
    # Annotations and defaults are left out: they may be written in many ways.
    bare = [p.replace(annotation=p.empty, default=p.empty) for p in parameters]
    return [
        f"{parameter} (by keyword only)" if parameter.kind is parameter.KEYWORD_ONLY
        else f"{parameter} (by position only)" if parameter.kind is parameter.POSITIONAL_ONLY
        else str(parameter)
        for parameter in bare
    ]  # fmt: skip


def import_cost(plugin: Any) -> tuple[float | None, tuple[str, ...], str]:
    """What importing a plugin's module and asking its hooks costs in a fresh process, the core loaded.

    Seconds of the import, None when there is nothing to import; which of `HEAVY` are loaded; why it could not be told.
    """
    if not isinstance(plugin, ModuleType) or not sys.executable:
        return None, (), ""
    command = [sys.executable, "-c", _MEASURE, plugin.__name__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own interpreter
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        return None, (), f"importing {plugin.__name__} in a fresh process fails: {last[0]}"
    seconds, loaded = json.loads(done.stdout.splitlines()[-1])
    return seconds, tuple(module for module in HEAVY if module in loaded), ""
