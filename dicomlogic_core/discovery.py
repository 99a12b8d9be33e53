"""The one reader of entry points: which plugins are installed, in an order that never depends on the file system."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicomlogic_core.plugin_records import PluginFailure, PluginOrigin, describe
from dicomlogic_core.selection import normalised

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from importlib import metadata
else:
    # The standard library's own reader returns superseded copies of a distribution before Python 3.12.
    import importlib_metadata as metadata

GROUP = "dicomlogic"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPlugin:
    """An installed entry point, not yet imported.

    Attributes:
        origin: name, distribution and version.
        entry_name: the entry point's own name.
        value: what it names, ``package.module``.
        editable: True for an editable install, which a running process can see but not import.
    """

    origin: PluginOrigin
    entry_name: str
    value: str
    editable: bool = False

    def load(self) -> Any:
        """Import it; raises whatever the import raises."""
        return metadata.EntryPoint(self.entry_name, self.value, GROUP).load()


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found and what could not be read."""

    plugins: tuple[FoundPlugin, ...]
    failures: tuple[PluginFailure, ...]


def discover() -> Discovery:
    """Read the entry points anew, sorted by distribution and name; nothing is imported."""
    # Without this a package installed during the process stays invisible.
    importlib.invalidate_caches()
    failures: list[PluginFailure] = []
    try:
        found = [(point, point.dist) for point in metadata.entry_points(group=GROUP)]
    except Exception:
        # One unreadable entry_points.txt spoils the whole answer: read them one by one.
        found = list(_one_by_one(failures))
    plugins = [_found(point, distribution) for point, distribution in found]
    plugins.sort(key=lambda plugin: (normalised(plugin.origin.distribution), plugin.entry_name))
    return Discovery(plugins=tuple(_without_clashes(plugins)), failures=tuple(failures))


def _one_by_one(failures: list[PluginFailure]) -> Iterator[tuple[Any, Any]]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        name = str(distribution.metadata["Name"])
        if normalised(name) in seen:
            continue
        seen.add(normalised(name))
        try:
            points = [point for point in distribution.entry_points if point.group == GROUP]
        except Exception as error:
            text = f"its entry points cannot be read ({describe(error)}); install it again"
            failures.append(
                PluginFailure(
                    plugin=name, distribution=name, version=distribution.version, stage="discover", error=text
                )
            )
            continue
        yield from ((point, distribution) for point in points)


def _found(point: Any, distribution: Any) -> FoundPlugin:
    return FoundPlugin(
        origin=PluginOrigin(plugin=point.name, distribution=distribution.name, version=distribution.version),
        entry_name=point.name,
        value=point.value,
        editable=_is_editable(distribution),
    )


def _is_editable(distribution: Any) -> bool:
    """By the record the installer leaves (PEP 610)."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return bool(origin.get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError, OSError):
        return False


def _without_clashes(plugins: Iterable[FoundPlugin]) -> Iterator[FoundPlugin]:
    """Two distributions with one entry-point name are both kept, as ``distribution:name``, and both say so."""
    plugins = list(plugins)
    for plugin in plugins:
        others = [
            other.origin.distribution
            for other in plugins
            if other is not plugin and normalised(other.entry_name) == normalised(plugin.entry_name)
        ]
        if not others:
            yield plugin
            continue
        origin = plugin.origin
        note = f"entry-point name {plugin.entry_name!r} of {origin.distribution} is also used by {', '.join(others)}"
        renamed = PluginOrigin(
            plugin=f"{origin.distribution}:{plugin.entry_name}",
            distribution=origin.distribution,
            version=origin.version,
            notes=(note,),
        )
        yield FoundPlugin(origin=renamed, entry_name=plugin.entry_name, value=plugin.value, editable=plugin.editable)
