"""Series of local files without an index, read by the project's own header reader: for tests of pixels and fetchers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dicomlogic_core.contracts import Fetcher
from dicomlogic_core.errors import PluginError
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.rows import HeaderRow
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.loading import Loading
from dicomlogic_core.providers import FetcherProvider
from dicomlogic_core.references import FrameRef, InstanceRef, Location
from dicomlogic_core.series import SeriesView, StudyView

_WANTED = wanted_tags()
_SLOTS = {key: slot for slot, key in enumerate(_WANTED.keys)}


class FileColumns:
    """Meets `Columns` for files taken as one series; what lacks UIDs gets some."""

    def __init__(self, paths: Sequence[Path], changes: Mapping[str, str]) -> None:
        reader = Part10Reader(_WANTED)
        self.paths = list(paths)
        self.rows: list[HeaderRow] = [reader.read(path.read_bytes()) for path in paths]
        for row in self.rows:
            for key, value in changes.items():
                row.texts[_SLOTS[key]] = value
        self.study_uid = self._text(0, "0020000D") or "1.2.3"
        self.series_uid = self._text(0, "0020000E") or "1.2.3.4"
        self.sop_uids = [self._text(row, "00080018") or f"1.2.3.4.{row}" for row in range(len(paths))]
        self.frame_counts = [row.frame_count for row in self.rows]
        self.grids = {number: row.grid for number, row in enumerate(self.rows) if row.grid is not None}
        self.missing_keys: frozenset[str] = frozenset()

    def _text(self, row: int, key: str) -> str | None:
        return self.rows[row].texts[_SLOTS[key]]

    def text(self, key: str) -> Sequence[str | None]:
        """Texts of a column."""
        slot = _SLOTS.get(key)
        return [None if slot is None else row.texts[slot] for row in self.rows]

    def frame_text(self, key: str) -> Mapping[int, str | Sequence[str | None]]:
        """Texts of functional groups."""
        return {number: row.frames[key] for number, row in enumerate(self.rows) if row.frames and key in row.frames}

    def items(self, key: str) -> Sequence[Sequence[Mapping[str, Any]] | None]:
        """Items of a kept sequence."""
        return [(row.items or {}).get(key) for row in self.rows]

    def locations(self, row: int) -> tuple[Location, ...]:
        """The file."""
        header = self.rows[row]
        ref = InstanceRef(study_uid=self.study_uid, series_uid=self.series_uid, sop_uid=self.sop_uids[row])
        location = Location(
            ref=ref,
            source=str(self.paths[row].parent),
            path=str(self.paths[row]),
            offset=header.pixel_offset,
            length=header.pixel_length,
            transfer_syntax=header.transfer_syntax,
            frames=max(1, header.frame_count),
        )
        return (location,)


class OneFetcher:
    """As much of a registry as loading frames asks for: one fetcher for every scheme."""

    def __init__(self, fetcher: Fetcher, concurrency: int = 2) -> None:
        self._fetcher = fetcher
        self._provider = FetcherProvider(
            name="one", label="the one fetcher", factory=lambda: fetcher, schemes=("file",), concurrency=concurrency
        )

    def error(self, kind: str, name: str, stage: str, error: Exception, *, where: str = "") -> PluginError:
        """The failure of the fetcher."""
        return PluginError(f"{name} failed: {error!r}", plugin=name, stage=stage, where=where)

    def for_scheme(self, kind: str, scheme: str) -> FetcherProvider:
        """The provider, whatever the scheme."""
        return self._provider

    def worker(self, kind: str, name: str) -> Fetcher:
        """The fetcher."""
        return self._fetcher


def series_of(paths: Path | Iterable[Path], changes: Mapping[str, str] | None = None) -> SeriesView:
    """The series of some files; `changes` replace header texts of all instances, by column key."""
    return SeriesView(FileColumns([paths] if isinstance(paths, Path) else list(paths), changes or {}))


def loading_of(series: SeriesView, fetcher: Fetcher, *, concurrency: int = 2, **given: Any) -> Loading:
    """A load context over one series; `given` are the arguments of `Loading`."""
    registry: Any = OneFetcher(fetcher, concurrency)
    return Loading(StudyView(series.study_uid, [series]), registry, **given)


def all_frames(series: SeriesView) -> tuple[FrameRef, ...]:
    """Every stored frame in order of the instances; mosaics uncut."""
    return tuple(
        FrameRef(study_uid=series.study_uid, series_uid=series.series_uid, sop_uid=uid, frame=number)
        for uid, count in zip(series.sop_uids, series.columns.frame_counts)
        for number in range(1, count + 1)
    )
