"""Objects to files: the right writer, a name that is safe everywhere, and a failure that names the plugin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError, WriteError
from dicomlogic_core.naming import safe_file_name

if TYPE_CHECKING:
    from dicomlogic_core.registry import Registry

_HEADER_TEXTS = frozenset({"common", "varying"})  # keys of `Volume.metadata`


def write_object(
    registry: Registry,
    obj: Any,
    folder: str | Path,
    *,
    format: str = "auto",
    options: Mapping[str, str] | None = None,
    name: str | None = None,
) -> list[Path]:
    """Write an object into `folder`, made when it does not exist; returns the files written.

    Raises:
        UsageError: no writer has that format or takes such an object.
        WriteError: the files cannot be written; nothing is left under their names.
        PluginError: the writer failed.
    """
    provider = registry.for_format(format, _kind(obj))
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"the folder cannot be made: {error.strerror or error}", where=str(target), remedy="name another folder"
        ) from error
    title = safe_file_name(name or getattr(obj, "name", "") or "object")
    writer = registry.worker("writer", provider.name)
    try:
        stem = title if name else f"{title}-{_digest(obj)}"
        return [Path(path) for path in writer.write(obj, target / stem, dict(options or {}))]
    except DicomLogicError:
        raise
    except Exception as error:  # a writer is a plugin: its failure is told with its name
        raise registry.error("writer", provider.name, "write", error, where=str(target / title)) from error


def _kind(obj: Any) -> str:
    kind = getattr(type(obj), "kind", None)
    return kind if isinstance(kind, str) else type(obj).__name__


def _digest(obj: Any) -> str:
    """Of what tells two objects apart but pixels: their slices, the grid, unit or metadata of a variant, and the UIDs
    that an object which is no image says of itself.

    Equal for one loadable from all its sources: servers write numbers anew (``90.0`` becomes ``90``, ``-0`` ``0``).
    """
    digest = hashlib.sha256(getattr(obj, "name", "").encode())
    for volume in getattr(obj, "volumes", (obj,)):
        for ref in getattr(volume, "provenance", ()):
            digest.update(b"-" if ref is None else f"{ref.sop_uid}/{ref.frame}/{ref.region}\0".encode())
    for axis in getattr(obj, "axes", ()):
        digest.update(f"{axis.name}{axis.unit}{axis.values}".encode())
    if (geometry := getattr(obj, "geometry", None)) is not None:
        digest.update(f"{geometry.size_ijk}{(geometry.ijk_to_lps.round(9) + 0.0).tolist()}".encode())
    metadata = {key: value for key, value in getattr(obj, "metadata", {}).items() if key not in _HEADER_TEXTS}
    digest.update(json.dumps((getattr(obj, "unit", ""), metadata), sort_keys=True, default=str).encode())
    if callable(as_dict := getattr(obj, "as_dict", None)):
        for uid in _uids(as_dict(), ""):
            digest.update(f"{uid}\0".encode())
    return digest.hexdigest()[:8]


def _uids(value: Any, key: str) -> Iterator[str]:
    """Texts under keys that end in ``uid`` or ``uids``, at any depth; long lists of numbers cost nothing."""
    if isinstance(value, str):
        if key.lower().endswith(("uid", "uids")):
            yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _uids(one, str(name))
    elif isinstance(value, (list, tuple)) and value and not isinstance(value[0], (int, float)):
        for one in value:
            yield from _uids(one, key)
