"""Options that nobody knows are refused: a misspelt one would silently leave everything as it was."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from dicomlogic_core.errors import UsageError
from dicomlogic_core.offers import KINDS

if TYPE_CHECKING:
    from dicomlogic_core.registry import Registry

CORE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "tag-cache": "tags kept per instance for 3D Slicer: slicer (98, the default), displayed (40) or off",
        "memory-gib": "largest array in GiB (default 32, or 80 % of the memory where that is less)",
        "short": "zero: fill frames whose data ends early with zeros, and say so; by default they are refused",
    }
)
"""Options of the core itself, for indexing and for loading -> help."""

_ANY_NAME = ".NAME"  # of the options header.NAME


def check_options(options: Iterable[str], registry: Registry) -> None:
    """Refuse names that neither the core nor any provider that can be used declares.

    Raises:
        UsageError: naming the first such option and what is known.
    """
    wanted = list(options)
    if not wanted:
        return
    known = dict.fromkeys((*CORE_OPTIONS, *_declared(registry)))
    prefixes = tuple(name.removesuffix("NAME") for name in known if name.endswith(_ANY_NAME))
    for name in wanted:
        if name not in known and not (prefixes and name.startswith(prefixes)):
            near = difflib.get_close_matches(name, known, 1)
            meant = f"{near[0]} was meant, perhaps; " if near else ""
            raise UsageError(f"there is no option {name}", remedy=f"{meant}known: {', '.join(sorted(known))}")


def _declared(registry: Registry) -> Iterator[str]:
    for kind in KINDS:
        for provider in registry.providers(kind):
            yield from getattr(provider, "options", ())
