"""Which plugins the environment allows.

``DICOMLOGIC_PLUGINS=a,b``          only these entry points (name or distribution); empty or ``none``: none of them
``DICOMLOGIC_DISABLE_PLUGINS=a,b``  not these, built-ins included; wins over the line above
``DICOMLOGIC_STRICT_PLUGINS=1``     raise at the first failure (for authors and continuous integration)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dicomlogic_core.plugin_records import PluginOrigin

ONLY = "DICOMLOGIC_PLUGINS"
DISABLE = "DICOMLOGIC_DISABLE_PLUGINS"
STRICT = "DICOMLOGIC_STRICT_PLUGINS"


def normalised(name: str) -> str:
    """A name without regard to blanks, case and the choice of hyphen, underscore or dot (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the environment says about plugins.

    Attributes:
        only: names allowed; None allows all.
        disabled: names refused.
        strict: raise at the first failure.
    """

    only: frozenset[str] | None = None
    disabled: frozenset[str] = frozenset()
    strict: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Selection:
        """Read the three variables."""
        only = None
        if ONLY in environ:
            only = _names(environ[ONLY])
            only = only - {"none"} if only == {"none"} else only
        return cls(
            only=only,
            disabled=_names(environ.get(DISABLE, "")),
            strict=normalised(environ.get(STRICT, "")) not in ("", "0", "no", "false", "off"),
        )

    def why_blocked(self, origin: PluginOrigin, *, entry_name: str = "", builtin: bool = False) -> str:
        """Why a plugin may not be used; "" when it may."""
        names = _names_of(origin, entry_name)
        if names & self.disabled:
            return f"named in {DISABLE}"
        if not builtin and self.only is not None and not names & self.only:
            return f"not named in {ONLY}"
        return ""

    def unknown(self, origins: Iterable[tuple[PluginOrigin, str]]) -> list[str]:
        """Names that match no plugin of (origin, entry-point name)."""
        known: set[str] = set()
        for origin, entry_name in origins:
            known |= _names_of(origin, entry_name)
        return sorted(((self.only or frozenset()) | self.disabled) - known)


def _names(text: str) -> frozenset[str]:
    return frozenset(normalised(part) for part in text.split(",") if part.strip())


def _names_of(origin: PluginOrigin, entry_name: str) -> set[str]:
    return {normalised(name) for name in (origin.plugin, origin.distribution, entry_name) if name}
