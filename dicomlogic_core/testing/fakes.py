"""A closed plugin manager and tiny workers, for tests that must not depend on what is installed.

::

    manager = closed_manager(
        fake_plugin(
            SourceProvider(name="fake", label="", factory=lambda: FakeSource(headers), schemes=("fake",)),
            FetcherProvider(name="fake", label="", factory=lambda: FakeFetcher(frames), schemes=("fake",)),
        )
    )
    with dicomlogic_core.open(manager=manager) as session:
        session.index("fake://anything")
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dicomlogic_core import (
    AdaptorProvider,
    Failure,
    FetchContext,
    FetcherProvider,
    FetchResult,
    FrameRef,
    HeaderBatch,
    InstanceRef,
    Loadable,
    LoadContext,
    Location,
    PixelError,
    Query,
    SeriesView,
    SourceProvider,
    StudyView,
    Unchanged,
    WorkContext,
    WriteError,
    WriterProvider,
    hookimpl,
    tag_key,
)
from dicomlogic_core.manager import PluginManager
from dicomlogic_core.providers import Provider

Header = Mapping[str, Any]
"""A DICOM JSON object (PS3.18 F.2)."""


def closed_manager(*plugins: object) -> PluginManager:
    """A manager of the built-ins and the given plugins, whatever is installed and whatever the environment says."""
    manager = PluginManager(discover=False, environ={})
    for plugin in plugins:
        manager.register(plugin)
    return manager


class FakePlugin:
    """A plugin that offers the given providers; a hook asks for those of its own kind."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers = list(providers)

    def _of(self, kind: type[Provider]) -> list[Any]:
        return [provider for provider in self._providers if isinstance(provider, kind)]

    @hookimpl
    def dicomlogic_sources(self) -> list[SourceProvider]:
        """The source providers."""
        return self._of(SourceProvider)

    @hookimpl
    def dicomlogic_fetchers(self) -> list[FetcherProvider]:
        """The fetcher providers."""
        return self._of(FetcherProvider)

    @hookimpl
    def dicomlogic_adaptors(self) -> list[AdaptorProvider]:
        """The adaptor providers."""
        return self._of(AdaptorProvider)

    @hookimpl
    def dicomlogic_writers(self) -> list[WriterProvider]:
        """The writer providers."""
        return self._of(WriterProvider)


def fake_plugin(*providers: Provider) -> FakePlugin:
    """A plugin that offers `providers`."""
    return FakePlugin(providers)


class FakeSource:
    """Headers from memory, at locations of scheme ``fake``; a batch per series, skipped when it is known."""

    def __init__(self, headers: Iterable[Header]) -> None:
        self._series: dict[tuple[str, str], list[Header]] = {}
        for header in headers:
            key = _value(header, "StudyInstanceUID"), _value(header, "SeriesInstanceUID")
            self._series.setdefault(key, []).append(header)

    def scan(
        self, query: Query, known: Callable[[str], str | None], context: WorkContext
    ) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """The series that have instances fitting the query."""
        for (study_uid, series_uid), headers in self._series.items():
            if context.cancelled():
                return
            fitting = [h for h in headers if all(_value(h, name) == text for name, text in query.where.items())]
            version = str(len(fitting))
            if known(f"series:{series_uid}") == version:
                yield Unchanged(count=len(fitting))
            elif fitting:
                yield HeaderBatch(
                    form="json",
                    headers=[json.dumps(header).encode() for header in fitting],
                    locations=[_location(query.location, header) for header in fitting],
                    study_uid=study_uid,
                    series_uid=series_uid,
                    version=version,
                )


def _value(header: Header, keyword: str) -> str:
    """The first value of an element as text."""
    values = header.get(tag_key(keyword), {}).get("Value") or [""]
    return str(values[0].get("Alphabetic", "") if isinstance(values[0], dict) else values[0])


def _location(source: str, header: Header) -> Location:
    study, series, sop = (_value(header, f"{level}InstanceUID") for level in ("Study", "Series", "SOP"))
    return Location(
        ref=InstanceRef(study_uid=study, series_uid=series, sop_uid=sop),
        source=source,
        url=f"{source.rstrip('/')}/studies/{study}/series/{series}/instances/{sop}",
        frames=int(_value(header, "NumberOfFrames") or 1),
    )


class FakeFetcher:
    """Frames from memory: SOP instance UID -> the bytes of its frames. What it does not have is an error value.

    `asked` lists the batches that were fetched.
    """

    def __init__(self, frames: Mapping[str, Sequence[bytes]], *, transfer_syntax: str = "1.2.840.10008.1.2.1") -> None:
        self._frames = frames
        self._transfer_syntax = transfer_syntax
        self.asked: list[list[Location]] = []

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        """One location at a time."""
        return [[location] for location in locations]

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        """The frames of a batch."""
        self.asked.append(list(batch))
        for location in batch:
            ref = location.ref
            frames = self._frames.get(ref.sop_uid, ())
            number = ref.frame if isinstance(ref, FrameRef) else 1
            if number <= len(frames):
                yield FetchResult(ref=ref, data=frames[number - 1], transfer_syntax=self._transfer_syntax)
            else:
                error = PixelError("this fetcher was not given the frame", code="pixels.missing", where=ref.sop_uid)
                yield FetchResult(ref=ref, error=error)


class FakeAdaptor:
    """Offers every series as one loadable of its first frames; loading stacks them, without any geometry."""

    name = "fake"

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """One loadable per series."""
        yield Loadable(
            adaptor=self.name,
            kind="fake",
            name=series.first("SeriesDescription") or "series",
            study_uid=series.study_uid,
            series_uids=(series.series_uid,),
            frames=series.frames.refs(),
        )

    def load(self, loadable: Loadable, context: LoadContext) -> Any:
        """The frames as an array."""
        return context.stack(loadable.frames)


class FakeWriter:
    """Writes the text of an object."""

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write one ``.txt`` file."""
        target = path.with_name(path.name + ".txt")
        try:
            target.write_text(repr(obj), encoding="utf-8")
        except OSError as error:
            raise WriteError(f"the file cannot be written: {error.strerror}", where=str(target)) from error
        return [target]
