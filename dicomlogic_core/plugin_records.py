"""What is known about each plugin: where it comes from, whether it works and, if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dicomlogic_core.errors import PluginError

Stage = Literal["discover", "import", "register", "provide", "create", "scan", "examine", "load", "fetch", "write"]
Status = Literal["ok", "blocked", "failed", "unavailable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginOrigin:
    """Which plugin, and which distribution brought it.

    Attributes:
        plugin: its name; ``distribution:name`` when two distributions use one entry-point name.
        distribution: "" for objects registered at run time.
        version: of the distribution.
        notes: what is worth knowing although nothing failed.
    """

    plugin: str
    distribution: str = ""
    version: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.distribution:
            return f"{self.plugin} (registered at run time)"
        return f"{self.plugin} ({self.distribution} {self.version or 'of unknown version'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFailure:
    """One thing that went wrong with a plugin; everything else went on.

    Attributes:
        stage: what was being done: ``discover``, ``import``, ``register``, ``provide`` or ``create``; the work stages
            ``scan``, ``examine``, ``load``, ``fetch`` and ``write`` are reported where they happen.
        error: kind and text of what was raised, and what to do about it.
    """

    plugin: str
    distribution: str
    version: str
    stage: Stage
    error: str

    def __str__(self) -> str:
        origin = PluginOrigin(plugin=self.plugin, distribution=self.distribution, version=self.version)
        return f"plugin {origin} failed at {self.stage}: {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """A plugin as it is listed.

    Attributes:
        status: ``ok``; ``blocked`` by the environment, not imported; ``failed`` in part or altogether; ``unavailable``:
            something it offers needs an optional dependency.
        hooks: hooks it implements.
        provides: ``kind:name`` of what it offers and can be used.
        error: why it is not ok.
        notes: what is worth knowing although nothing failed.
    """

    name: str
    distribution: str
    version: str
    status: Status
    hooks: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The JSON shape of the command line."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "status": self.status,
            "hooks": list(self.hooks),
            "provides": list(self.provides),
            "error": self.error,
            "notes": list(self.notes),
        }


def describe(error: BaseException) -> str:
    """Kind and text of an exception on one line, with its remedy when it has one."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def plugin_error(origin: PluginOrigin, stage: Stage, error: BaseException, *, where: str = "") -> PluginError:
    """The error to raise from `error` when a plugin failed and somebody waits for its answer."""
    return PluginError(
        f"plugin {origin} failed at {stage}: {describe(error)}",
        plugin=origin.plugin,
        version=origin.version,
        stage=stage,
        where=where,
        remedy=f"report it to its author, or go without it: {_without(origin)}",
    )


def _without(origin: PluginOrigin) -> str:
    if origin.distribution:
        return f"DICOMLOGIC_DISABLE_PLUGINS={origin.plugin}"
    return f"unregister({origin.plugin!r})"
