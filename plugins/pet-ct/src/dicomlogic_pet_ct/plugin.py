"""What is registered."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import AdaptorProvider, hookimpl


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """Adaptors of this plugin."""
    return ()
