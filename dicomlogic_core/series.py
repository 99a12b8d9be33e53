"""Header values by column: `SeriesView`, its frame table and `StudyView`, over anything that meets `Columns`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dicomlogic_core.references import FrameRef, InstanceRef, Location
from dicomlogic_core.tags import TagLike, tag_key

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

    from dicomlogic_core.contracts import Columns

_NAN = float("nan")


def parse_number(text: str | None) -> float:
    """The number a header text stands for; NaN when absent, empty or unreadable."""
    if not text:
        return _NAN
    try:
        return float(text)
    except ValueError:
        return _NAN


def parse_numbers(text: str | None, count: int) -> tuple[float, ...]:
    """`count` numbers of a backslash list; all NaN when there are not exactly `count` or one is unreadable."""
    parts = text.split("\\") if text else []
    if len(parts) != count:
        return (_NAN,) * count
    values = tuple(parse_number(part) for part in parts)
    return (_NAN,) * count if any(map(math.isnan, values)) else values


def parse_column(texts: Sequence[str | None], count: int = 1) -> NDArray[np.float64]:
    """Texts to numbers: (n,) or, for `count` > 1, (n, count) float64; a row is NaN unless it is `count` numbers."""
    if texts and texts.count(texts[0]) == len(texts):
        array = np.empty((len(texts), count))
        array[:] = parse_numbers(texts[0], count)
    else:
        array = _parse_all(texts, count)
    return array[:, 0] if count == 1 else array


def _parse_all(texts: Sequence[str | None], count: int) -> NDArray[np.float64]:
    try:
        # One split for the whole column: headers are nearly always as they should be.
        if all(text.count("\\") == count - 1 for text in texts):  # type: ignore[union-attr]
            array = np.array(list(map(float, "\\".join(texts).split("\\"))))  # type: ignore[arg-type]
            if np.isfinite(array).all():
                return array.reshape(len(texts), count)
    except (AttributeError, ValueError):
        pass
    rows = [parse_numbers(text, count) for text in texts]
    return np.array(rows, dtype=np.float64).reshape(len(texts), count)


class FrameTable:
    """One row per frame of a series: classic instance, frame of an enhanced object, tile of a mosaic.

    Attributes:
        instance: (n,) index of the frame's instance in the series.
        frame: (n,) frame number in the instance, from 1.
        region: (n,) 0 for a whole frame; the number of the tile, from 1, in a mosaic or vendor grid.

    A per-frame functional group wins over a shared one, a shared one over the top level (PS3.3 C.7.6.16).
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._text: dict[str, list[str | None]] = {}
        self._numbers: dict[tuple[str, int], NDArray[np.float64]] = {}
        counts = np.array(columns.frame_counts, dtype=np.int64)
        grids = columns.grids
        self._classic = not grids and bool((counts == 1).all())
        frames = np.repeat(np.arange(len(counts)), counts)
        numbers = np.arange(len(frames)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
        tiles = np.ones(len(counts), dtype=np.int64)
        for row, grid in grids.items():
            tiles[row] = grid.tiles
        repeats = tiles[frames]
        self.instance = np.repeat(frames, repeats)
        self.frame = np.repeat(numbers, repeats)
        regions = np.arange(len(self.instance)) - np.repeat(np.cumsum(repeats) - repeats, repeats) + 1
        tiled = np.zeros(len(counts), dtype=bool)
        tiled[list(grids)] = True
        self.region = np.where(tiled[self.instance], regions, 0)

    def __len__(self) -> int:
        return len(self.instance)

    def text(self, tag: TagLike) -> list[str | None]:
        """Per row the text of the attribute; None where it is absent."""
        key = tag_key(tag)
        if key not in self._text:
            self._text[key] = self._make_text(key)
        return self._text[key]

    def _make_text(self, key: str) -> list[str | None]:
        top = self._columns.text(key)
        per_frame = self._columns.frame_text(key)
        if not per_frame:
            if self._classic:
                return list(top)
            return [top[row] for row in self.instance.tolist()]
        texts: list[str | None] = []
        for row, number in zip(self.instance.tolist(), self.frame.tolist()):
            inside = per_frame.get(row)
            value = inside if inside is None or isinstance(inside, str) else inside[number - 1]
            texts.append(top[row] if value is None else value)
        return texts

    def numbers(self, tag: TagLike, count: int = 1) -> NDArray[np.float64]:
        """(n,) or, for `count` > 1, (n, count) float64; NaN where absent, unreadable or of another multiplicity."""
        key = tag_key(tag)
        if (key, count) not in self._numbers:
            self._numbers[key, count] = parse_column(self.text(key), count)
        return self._numbers[key, count]

    @property
    def position(self) -> NDArray[np.float64]:
        """(n, 3) ImagePositionPatient, LPS mm, of the frame or tile; NaN where absent or unreadable."""
        return self._plane("00200032", 3)

    @property
    def orientation(self) -> NDArray[np.float64]:
        """(n, 6) ImageOrientationPatient, row then column cosines; NaN where absent or unreadable."""
        return self._plane("00200037", 6)

    def _plane(self, key: str, count: int) -> NDArray[np.float64]:
        values = self.numbers(key, count)
        grids = self._columns.grids
        if not grids:
            return values
        values = np.array(values)
        for row in np.flatnonzero(self.region).tolist():
            grid = grids[int(self.instance[row])]
            values[row] = grid.positions[int(self.region[row]) - 1] if count == 3 else grid.orientation
        return values

    def size(self) -> NDArray[np.int64]:
        """(n, 2) rows and columns of the frame or tile; -1 where absent or unreadable."""
        rows = self.numbers("00280010")
        columns = self.numbers("00280011")
        size = np.stack([rows, columns], axis=1)
        grids = self._columns.grids
        for row in np.flatnonzero(self.region).tolist():
            grid = grids[int(self.instance[row])]
            size[row] = grid.rows, grid.columns
        # Larger numbers than the format has are no size either; NaN compares false.
        return np.asarray(np.where(np.abs(size) < 2**31, size, -1).astype(np.int64))

    def ref(self, row: int) -> FrameRef:
        """The reference of a row."""
        columns = self._columns
        return FrameRef(
            study_uid=columns.study_uid,
            series_uid=columns.series_uid,
            sop_uid=columns.sop_uids[int(self.instance[row])],
            frame=int(self.frame[row]),
            region=int(self.region[row]),
        )

    def refs(self, rows: Sequence[int] | NDArray[np.int64] | None = None) -> tuple[FrameRef, ...]:
        """The references of `rows`, in that order; of all rows by default."""
        columns = self._columns
        study, series, uids = columns.study_uid, columns.series_uid, columns.sop_uids
        picked = range(len(self)) if rows is None else [int(row) for row in rows]
        instance, frame, region = self.instance.tolist(), self.frame.tolist(), self.region.tolist()
        return tuple(
            FrameRef(
                study_uid=study,
                series_uid=series,
                sop_uid=uids[instance[row]],
                frame=frame[row],
                region=region[row],
            )
            for row in picked
        )

    def rows_of(self, refs: Sequence[FrameRef]) -> list[int]:
        """Row numbers of references to this series.

        Raises:
            KeyError: a reference that the series does not have.
        """
        uids = self._columns.sop_uids
        keys = zip(self.instance.tolist(), self.frame.tolist(), self.region.tolist())
        known = {(uids[instance], frame, region): row for row, (instance, frame, region) in enumerate(keys)}
        return [known[ref.sop_uid, ref.frame, ref.region] for ref in refs]


class SeriesView:
    """The headers of one series, by column. Values are read once and kept; nothing is fetched.

    ``series["RescaleSlope"]`` gives numbers, ``series.text("Modality")`` texts, ``series.frames`` the frame table.
    """

    def __init__(self, columns: Columns, *, dataset: Callable[[str], Dataset] | None = None) -> None:
        self.columns = columns
        self._dataset = dataset
        self._frames: FrameTable | None = None

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return self.columns.study_uid

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return self.columns.series_uid

    @property
    def sop_uids(self) -> Sequence[str]:
        """SOPInstanceUIDs in the order of the index."""
        return self.columns.sop_uids

    def __len__(self) -> int:
        return len(self.columns.sop_uids)

    def text(self, tag: TagLike) -> Sequence[str | None]:
        """Per instance the text as CTK stores it (values joined by a backslash); None where absent."""
        return self.columns.text(tag_key(tag))

    def first(self, tag: TagLike) -> str:
        """The first text that is not empty, over instances and then frames; "" when there is none."""
        key = tag_key(tag)
        for value in self.columns.text(key):
            if value:
                return value
        if self.columns.frame_text(key):
            return next((value for value in self.frames.text(key) if value), "")
        return ""

    def numbers(self, tag: TagLike, count: int = 1) -> NDArray[np.float64]:
        """Per instance (n,) or (n, count) float64; NaN where absent, unreadable or of another multiplicity."""
        return parse_column(self.columns.text(tag_key(tag)), count)

    def __getitem__(self, tag: TagLike) -> NDArray[np.float64]:
        """Numbers of an attribute per instance: (n,) when every instance has at most one value, else (n, m).

        m is the largest number of values met; rows with another number are NaN.
        """
        key = tag_key(tag)
        count = max((text.count("\\") + 1 for text in self.columns.text(key) if text), default=1)
        return self.numbers(key, count)

    def items(self, tag: TagLike) -> Sequence[Sequence[Mapping[str, Any]] | None]:
        """Per instance the items of a sequence as DICOM JSON objects (PS3.18 F.2); None where absent."""
        return self.columns.items(tag_key(tag))

    @property
    def frames(self) -> FrameTable:
        """One row per frame."""
        if self._frames is None:
            self._frames = FrameTable(self.columns)
        return self._frames

    def instance(self, row: int) -> InstanceRef:
        """The reference of an instance."""
        return InstanceRef(study_uid=self.study_uid, series_uid=self.series_uid, sop_uid=self.sop_uids[row])

    def locations(self, row: int) -> tuple[Location, ...]:
        """Where the instance is: local files first, then URLs."""
        return self.columns.locations(row)

    def dataset(self, row: int) -> Dataset:
        """The whole header of an instance as a pydicom Dataset, made only when asked for.

        Raises:
            DicomLogicError: the header is not held and cannot be read again.
        """
        if self._dataset is None:
            from dicomlogic_core.errors import HeaderError

            raise HeaderError(
                "this view holds columns only", where=self.sop_uids[row], remedy="examine through a session"
            )
        return self._dataset(self.sop_uids[row])

    def __repr__(self) -> str:
        return f"SeriesView({self.series_uid}, {self.first('Modality') or '?'}, {len(self)} instances)"


def _nowhere(sop_uid: str) -> None:
    return None


class StudyView:
    """The series of one study and the references between them.

    Attributes:
        options: the ``-o`` options in effect while the study is examined, text.
    """

    def __init__(
        self,
        study_uid: str,
        series: Sequence[SeriesView],
        *,
        options: Mapping[str, str] | None = None,
        others: Sequence[SeriesView] = (),
        elsewhere: Callable[[str], SeriesView | None] = _nowhere,
    ) -> None:
        self.study_uid = study_uid
        self.options: Mapping[str, str] = dict(options or {})
        self._series = tuple(series)
        self._others = tuple(others)
        self._elsewhere = elsewhere
        self._by_uid = {view.series_uid: view for view in (*self._others, *self._series)}
        self._instances: dict[str, tuple[SeriesView, int]] | None = None

    def __iter__(self) -> Iterator[SeriesView]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def with_options(self, options: Mapping[str, str]) -> StudyView:
        """The same study, with other options in effect."""
        return StudyView(self.study_uid, self._series, options=options, others=self._others, elsewhere=self._elsewhere)

    def with_others(self, others: Sequence[SeriesView]) -> StudyView:
        """The same study, that also finds series and instances of other studies by their UIDs."""
        return StudyView(self.study_uid, self._series, options=self.options, others=others, elsewhere=self._elsewhere)

    def with_elsewhere(self, elsewhere: Callable[[str], SeriesView | None]) -> StudyView:
        """The same study, whose `instance` also finds those of other studies.

        Args:
            elsewhere: gives the series of a SOPInstanceUID, None when it is not known.
        """
        return StudyView(self.study_uid, self._series, options=self.options, others=self._others, elsewhere=elsewhere)

    def series(self, **where: str) -> list[SeriesView]:
        """Series whose first instance has the given texts: ``study.series(Modality="CT")``."""
        wanted = {tag_key(keyword): value for keyword, value in where.items()}
        return [view for view in self._series if all(view.first(key) == value for key, value in wanted.items())]

    def by_uid(self, series_uid: str) -> SeriesView:
        """The series of a UID.

        Raises:
            KeyError: the study has no such series.
        """
        return self._by_uid[series_uid]

    def instance(self, sop_uid: str) -> tuple[SeriesView, int] | None:
        """The series and row of an instance; None when it is not known.

        While a study is examined that may be a series of another study: see `SeriesView.study_uid`.
        """
        if self._instances is None:
            views = (*self._others, *self._series)
            self._instances = {uid: (view, row) for view in views for row, uid in enumerate(view.sop_uids)}
        if sop_uid not in self._instances and (found := self._elsewhere(sop_uid)) is not None:
            # Whoever asks for one image of a series asks for the others, too.
            for row, uid in enumerate(found.sop_uids):
                self._instances.setdefault(uid, (found, row))
        return self._instances.get(sop_uid)

    def references(self, series: SeriesView) -> list[SeriesView]:
        """Series that `series` refers to (ReferencedSeriesSequence and the instances it names)."""
        found = {view.series_uid: view for view in map(self._by_uid.get, _referenced_uids(series)) if view is not None}
        return list(found.values())

    def referring(self, series: SeriesView) -> list[SeriesView]:
        """Series that refer to `series`."""
        return [view for view in self._series if series.series_uid in _referenced_uids(view)]

    def __repr__(self) -> str:
        return f"StudyView({self.study_uid}, {len(self)} series)"


def _referenced_uids(series: SeriesView) -> set[str]:
    uids: set[str] = set()
    for items in series.items("ReferencedSeriesSequence"):
        for item in items or ():
            uids.update(cast("list[str]", item.get("0020000E", {}).get("Value", ())))
    return uids
