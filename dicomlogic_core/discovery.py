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
        entries = [(point, point.dist) for point in metadata.entry_points(group=GROUP)]
    except Exception:
        # One unreadable entry_points.txt spoils the whole answer: read them one by one.
        entries = list(_one_by_one(failures))
    plugins = []
    for point, distribution in entries:
        try:
            plugins.append(_found(point, distribution))
        except Exception as error:
            failures.append(_unreadable(point.name, distribution, error))
    plugins.sort(key=lambda plugin: (normalised(plugin.origin.distribution), plugin.entry_name))
    return Discovery(plugins=tuple(_without_clashes(plugins)), failures=tuple(failures))


def _one_by_one(failures: list[PluginFailure]) -> Iterator[tuple[Any, Any]]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            name = normalised(distribution.metadata["Name"])
            if name in seen:
                continue  # a superseded copy further down the path
            seen.add(name)
            points = [point for point in distribution.entry_points if point.group == GROUP]
        except Exception as error:
            # Damaged packages that have nothing to do with us are nobody's concern here.
            if GROUP in _entry_points_text(distribution):
                failures.append(_unreadable("", distribution, error))
            continue
        yield from ((point, distribution) for point in points)


def _entry_points_text(distribution: Any) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except Exception:
        return GROUP  # it cannot be told, so it is shown


def _unreadable(name: str, distribution: Any, error: Exception) -> PluginFailure:
    # Its own name cannot be asked for; the folder says which one it is.
    folder = getattr(getattr(distribution, "_path", None), "name", "")
    text = f"the metadata in {folder or 'a distribution'} cannot be read ({describe(error)}); install it again"
    return PluginFailure(
        plugin=name or folder.partition("-")[0],
        distribution=folder.partition("-")[0],
        version="",
        stage="discover",
        error=text,
    )


def _found(point: Any, distribution: Any) -> FoundPlugin:
    origin = PluginOrigin(plugin=point.name, distribution=distribution.metadata["Name"], version=distribution.version)
    if not origin.distribution:
        raise ValueError("it has no name")
    return FoundPlugin(origin=origin, entry_name=point.name, value=point.value, editable=_is_editable(distribution))


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
