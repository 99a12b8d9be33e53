"""What this plugin registers. Imported for every command, so nothing heavy may be imported here."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import AdaptorProvider, hookimpl


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """One adaptor; the core imports it when a series passes these filters."""
    yield AdaptorProvider(
        name="{{ cookiecutter.name }}",
        label="{{ cookiecutter.name.replace('-', ' ').capitalize() }}",
        factory="dicomlogic_{{ cookiecutter.__module }}.adaptor:{{ cookiecutter.__class }}Adaptor",
        modalities=frozenset({"CT", "MR"}),
        requires=("ImagePositionPatient", "ImageOrientationPatient"),
        tags=("PixelSpacing",),
    )
