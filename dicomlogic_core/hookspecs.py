"""The six hooks, all that a plugin can implement, and the marker that does it.

A plugin is a module (or, in a host such as 3D Slicer, an object) with functions of these names marked ``@hookimpl``.
It needs only those it wants and may leave out arguments it does not use. Hooks *find* things; the work is done by the
objects they name, which are described in `dicomlogic_core.contracts`. Nothing heavy may be imported by the module that
holds the hooks: it is imported for every command, also when nothing of it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from dicomlogic_core.providers import AdaptorProvider, FetcherProvider, SourceProvider, WriterProvider

if TYPE_CHECKING:
    import requests

    from dicomlogic_core.loadable import Loadable
    from dicomlogic_core.series import StudyView

PROJECT = "dicomlogic"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def dicomlogic_sources() -> Iterable[SourceProvider]:  # type: ignore[empty-body]  # a specification has no body
    """Metadata sources: who can find instances at a location and hand over their headers.

    Called once, when the first source is asked for; the answer is kept. The first provider to take a name keeps it, in
    the order built-ins, entry points by distribution and name, `register()` calls. An exception, also one raised by a
    generator after its first item, is recorded and leaves nothing of this plugin; None means there are none. Import
    `dicomlogic_core` only: the worker's module is imported when a location with one of its schemes is indexed.

    Example::

        @hookimpl
        def dicomlogic_sources():
            yield SourceProvider(
                name="bucket", label="DICOM in a bucket", factory="my_package.source:BucketSource", schemes=("bucket",)
            )

    .. versionadded:: 0.1
    """


@hookspec
def dicomlogic_fetchers() -> Iterable[FetcherProvider]:  # type: ignore[empty-body]
    """Fetchers: who delivers the bytes of frames and bulk values of locations with a given scheme.

    Called once and kept, like `dicomlogic_sources`, with the same rules for names, None and exceptions. The worker's
    `fetch` is called from as many threads as the provider's `concurrency` says.

    Example::

        @hookimpl
        def dicomlogic_fetchers():
            yield FetcherProvider(
                name="bucket", label="DICOM in a bucket", factory="my_package.fetcher:BucketFetcher",
                schemes=("bucket",), concurrency=16, needs={"bucketlib": "bucketlib>=2"},
            )

    .. versionadded:: 0.1
    """


@hookspec
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:  # type: ignore[empty-body]
    """Adaptors: who makes objects (volumes, structure sets ...) of series.

    Called once and kept, like `dicomlogic_sources`, with the same rules for names, None and exceptions. The worker's
    module is imported when a study first has a series with one of the provider's SOP classes and modalities and with a
    value for every tag in `requires`; fill these in, or the adaptor costs time in every study. Columns named in `tags`
    are kept by the index; a plugin installed later than data was indexed gets the finding ``index.again``.

    Example::

        @hookimpl
        def dicomlogic_adaptors():
            yield AdaptorProvider(
                name="perfusion", label="Perfusion maps", factory="my_package.adaptor:PerfusionAdaptor",
                modalities=frozenset({"MR"}), requires=("TemporalPositionIdentifier",), tags=("TemporalResolution",),
            )

    .. versionadded:: 0.1
    """


@hookspec
def dicomlogic_writers() -> Iterable[WriterProvider]:  # type: ignore[empty-body]
    """Writers: who writes objects to files of a format.

    Called once and kept, like `dicomlogic_sources`, with the same rules for names, None and exceptions. The worker's
    module is imported when its format is first asked for.

    Example::

        @hookimpl
        def dicomlogic_writers():
            yield WriterProvider(
                name="nifti", label="NIfTI", factory="my_package.nifti:NiftiWriter", format="nifti",
                accepts=frozenset({"volume"}), suffixes=(".nii.gz",), needs={"nibabel": "nibabel>=5.2"},
            )

    .. versionadded:: 0.1
    """


@hookspec(firstresult=True)
def dicomlogic_http_session(origin: str, purpose: str) -> requests.Session | None:
    """The HTTP session for a server: credentials, proxies and certificates belong to the host program.

    Called once per origin and purpose, before the first request. The last plugin registered is asked first, so that a
    host wins, and the first answer that is not None is used; when all say None the core makes a session of its own. An
    exception counts as None and is recorded. Redirects and retries stay with the core; credentials go to `origin` only.

    Args:
        origin: scheme, host and port, ``https://server:8443``.
        purpose: the kind of server, ``dicomweb``.

    Example::

        @hookimpl
        def dicomlogic_http_session(origin):
            if origin != "https://pacs.example.org":
                return None
            import requests  # not at the top of the module

            session = requests.Session()
            session.auth = HospitalLogin()
            return session

    .. versionadded:: 0.1
    """


@hookspec
def dicomlogic_amend_loadables(study: StudyView, loadables: list[Loadable]) -> None:
    """Change what the adaptors found in a study: lower a confidence, join two loadables, hide what a site never wants.

    Called once per study each time it is examined, after all adaptors and before groups are made and one of each is
    selected; in registration order, each plugin seeing what the one before left. Change the list in place and return
    None. Loadables cannot be changed: put others in their place (``dataclasses.replace``, with ``id=""`` when frames or
    options differ). The list is a copy: after an exception, or when something else than loadables is left in it, the
    change is dropped and the study carries the finding ``plugin.failed``.

    Example::

        @hookimpl
        def dicomlogic_amend_loadables(study, loadables):
            loadables[:] = [loadable for loadable in loadables if "scout" not in loadable.name.lower()]

    .. versionadded:: 0.1
    """
