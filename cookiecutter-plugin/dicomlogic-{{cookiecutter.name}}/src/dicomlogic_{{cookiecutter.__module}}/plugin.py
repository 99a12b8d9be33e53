"""What this plugin registers. Imported for every command, so nothing heavy may be imported here."""

from __future__ import annotations

from collections.abc import Iterable

{% if cookiecutter.kind == "adaptor" -%}
from dicomlogic_core import AdaptorProvider, PrivateTag, hookimpl

NAME = "{{ cookiecutter.name }}"
# What the made-up scanner writes: degrees Celsius per stored unit, and of the stored value 0.
STEP = PrivateTag("ACME THERMOMETRY", 0x0021, 0x01)
ZERO = PrivateTag("ACME THERMOMETRY", 0x0021, 0x02)


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """One adaptor; its module is imported when a series passes these filters."""
    yield AdaptorProvider(
        name=NAME,
        label="Temperature maps of ACME scanners",
        factory="dicomlogic_{{ cookiecutter.__module }}.adaptor:{{ cookiecutter.__class }}",
        modalities=frozenset({"MR"}),
        requires=(STEP, ZERO),
        tags=("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "FrameOfReferenceUID"),
    )
{% elif cookiecutter.kind == "source" -%}
from dicomlogic_core import HTTP_OPTIONS, SourceProvider, hookimpl

NAME = "{{ cookiecutter.name }}"
# Locations are typed as {{ cookiecutter.name }}+https://host/root.
SCHEMES = (f"{NAME}+https", f"{NAME}+http")


@hookimpl
def dicomlogic_sources() -> Iterable[SourceProvider]:
    """One source; its module is imported when a location with one of these schemes is indexed."""
    yield SourceProvider(
        name=NAME,
        label="Image boxes",
        factory="dicomlogic_{{ cookiecutter.__module }}.source:{{ cookiecutter.__class }}",
        schemes=SCHEMES,
        options=HTTP_OPTIONS,
    )
{% elif cookiecutter.kind == "fetcher" -%}
from dicomlogic_core import FetcherProvider, hookimpl

NAME = "{{ cookiecutter.name }}"
# Of the URLs that a source put into the index: {{ cookiecutter.name }}+https://host/root/...
SCHEMES = (f"{NAME}+https", f"{NAME}+http")


@hookimpl
def dicomlogic_fetchers() -> Iterable[FetcherProvider]:
    """One fetcher; its module is imported when frames at one of these schemes are wanted."""
    yield FetcherProvider(
        name=NAME,
        label="Image boxes",
        factory="dicomlogic_{{ cookiecutter.__module }}.fetcher:{{ cookiecutter.__class }}",
        schemes=SCHEMES,
        concurrency=8,
    )
{% else -%}
from dicomlogic_core import WriterProvider, hookimpl

NAME = "{{ cookiecutter.name }}"


@hookimpl
def dicomlogic_writers() -> Iterable[WriterProvider]:
    """One writer; its module is imported when its format is asked for."""
    yield WriterProvider(
        name=NAME,
        label="NumPy archives",
        factory="dicomlogic_{{ cookiecutter.__module }}.writer:{{ cookiecutter.__class }}",
        format=NAME,
        accepts=frozenset({"volume"}),
        suffixes=(".npz",),
        options={"compress": "false: larger files, written faster"},
    )
{% endif -%}
