"""What workers promise: Protocols, so that an extension inherits nothing. No ``**kwargs`` anywhere.

Arrays and pydicom types are named under TYPE_CHECKING only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.findings import Finding
from dicomlogic_core.references import BulkRef, FrameRef, InstanceRef, Location, Ref

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

    from dicomlogic_core.frame_array import FrameArray
    from dicomlogic_core.loadable import Loadable
    from dicomlogic_core.series import SeriesView, StudyView


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """How a vendor put the slices of a volume into one image (Siemens mosaic, UIH grid).

    Attributes:
        tiles: number of slices in the image.
        per_row: tiles side by side.
        rows: rows of one tile.
        columns: columns of one tile.
        positions: LPS mm of the first voxel's centre of every tile, in tile order.
        orientation: row then column cosines, common to all tiles.
        normal_assumed: True when the slice direction was not in the header.
    """

    tiles: int
    per_row: int
    rows: int
    columns: int
    positions: tuple[tuple[float, float, float], ...]
    orientation: tuple[float, float, float, float, float, float]
    normal_assumed: bool = False


class Columns(Protocol):
    """Header values of the instances of one series, by column. Keys are those of `tag_key`."""

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""

    @property
    def sop_uids(self) -> Sequence[str]:
        """SOPInstanceUIDs, one per row."""

    @property
    def frame_counts(self) -> Sequence[int]:
        """Frames per instance; 1 for classic images, 0 for instances without pixels."""

    @property
    def grids(self) -> Mapping[int, TileGrid]:
        """Row of the instance -> its vendor tiling; empty for nearly every series."""

    def text(self, key: str) -> Sequence[str | None]:
        """Per instance the text CTK would store; None where absent. All None for a column that was not kept."""

    def frame_text(self, key: str) -> Mapping[int, str | Sequence[str | None]]:
        """Row of the instance -> the functional groups' text: one for all frames, or one per frame."""

    def items(self, key: str) -> Sequence[Sequence[Mapping[str, Any]] | None]:
        """Per instance the items of a kept sequence as DICOM JSON objects; None where absent."""

    def locations(self, row: int) -> tuple[Location, ...]:
        """Where the instance is: local files first, then URLs."""

    @property
    def missing_keys(self) -> frozenset[str]:
        """Columns that a provider wants and that were not kept when this series was indexed."""


# --- sources -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to index from a source.

    Attributes:
        location: folder, file or URL as the user named it.
        where: attribute filters, keyword -> value; every source applies them, also when its server does not.
        options: the ``-o`` options, text.
    """

    location: str
    where: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderBatch:
    """Raw headers of instances, with a location each.

    Attributes:
        form: ``part10`` (the beginning of a file or a whole one), ``json`` (DICOM JSON objects, PS3.18 F.2).
        headers: one entry per instance. For ``json``, a single entry may hold a whole array of objects
            (`locations` then lists its instances, found by SOPInstanceUID, or is empty and `locate` is set).
        locations: one per header; its `ref` may be left empty-handed by local files (UIDs are in the header).
        locate: for ``json``: makes the location from (study UID, series UID, SOP UID, has pixels).
        more: for ``part10``: (index, size) -> at least `size` bytes from the start of that file, fewer only at its end.
        versions: one per header, what `known` is compared with next time (``size:mtime_ns`` for files).
        keys: one per header, the key that `known` is asked for (the path for files).
        sizes: for ``part10``: one per header, bytes of the whole file; a copy that is cut short never replaces a whole
            one.
        series_uid: set when the batch completes a whole series, so that a resume mark can be written.
        study_uid: with `series_uid`.
        complete: False for reduced headers (a listing), which never replace complete ones.
        version: of the series, e.g. the server's instance count.
        mark: key of the resume mark with that version; ``series:UID`` when empty.
    """

    form: Literal["part10", "json"]
    headers: Sequence[bytes]
    locations: Sequence[Location] = ()
    locate: Callable[[str, str, str, bool], Location] | None = None
    more: Callable[[int, int], bytes] | None = None
    versions: Sequence[str] = ()
    keys: Sequence[str] = ()
    sizes: Sequence[int] = ()
    study_uid: str = ""
    series_uid: str = ""
    complete: bool = True
    version: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something a source could not deliver; the rest goes on.

    Attributes:
        location: file, folder or URL without secrets.
        error: what happened.
        skipped: True when it is no failure of the data (a file that is not DICOM): counted, not reported as failed.
        key, version: remembered like those of a header, so that the next run passes it over.
    """

    location: str
    error: DicomLogicError
    skipped: bool = False
    key: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """Keys a source skipped because `known` said that nothing changed."""

    count: int


class WorkContext(Protocol):
    """What every worker gets: progress, cancel, HTTP and the wish list of columns."""

    @property
    def options(self) -> Mapping[str, str]:
        """The ``-o`` options, text."""

    @property
    def bulk_keys(self) -> frozenset[str]:
        """Columns whose bulk values must be resolved while indexing, since providers read them."""

    def progress(self, done: int, total: int, what: str) -> None:
        """May be called as often as one likes; it is throttled."""

    def cancelled(self) -> bool:
        """True when the caller wants the work to stop."""

    def report(self, finding: Finding) -> None:
        """Record a finding."""

    def http(self, location: str) -> Any:
        """The guarded HTTP client (`dicomlogic_core.http.Client`) of the source at `location`."""


@runtime_checkable
class Source(Protocol):
    """Finds instances and yields their raw headers."""

    def scan(
        self, query: Query, known: Callable[[str], str | None], context: WorkContext
    ) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """One pass over the location.

        `known(key)` gives the version indexed before (None: never), so that what is unchanged can be skipped. Keys are
        the source's own: absolute paths for files, ``series:UID`` for series of a server.

        Raises:
            SourceError: the location as a whole cannot be read.
        """


# --- fetchers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """One answer of a fetcher: the bytes of a reference, or an error value.

    A fetcher that got a whole instance instead of a frame answers with the `InstanceRef` once, or with the frame's own
    reference and the media type ``application/dicom``: frames are then taken out of the Part-10 stream.

    Attributes:
        ref: the location's `ref`, unchanged.
        data: bytes of the frame (or bulk value, or whole instance), or None.
        media_type: what the server said; "" for files.
        transfer_syntax: UID as stored or as the server said; "" when unknown.
        error: why there is no data.
        retryable: whether asking again later may help.
    """

    ref: Ref
    data: bytes | bytearray | memoryview | None = None
    media_type: str = ""
    transfer_syntax: str = ""
    error: DicomLogicError | None = None
    retryable: bool = False


class FetchContext(WorkContext, Protocol):
    """What a fetcher gets besides."""

    def buffer(self, ref: Ref, size: int) -> memoryview | None:
        """The final place of a native frame of exactly `size` bytes, if bytes may be read straight into it; else None.

        A fetcher that uses it yields the same memoryview as `FetchResult.data`.
        """


@runtime_checkable
class Fetcher(Protocol):
    """Delivers bytes of locations. `fetch` is called from several threads at once."""

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        """Cut into batches that are fetched by one call each (a whole series, a list of ten frames, one file)."""

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        """One result per location, in any order. Failures are error values, not exceptions."""


# --- adaptors ----------------------------------------------------------------------------------------------------


class LoadContext(WorkContext, Protocol):
    """What an adaptor gets for loading."""

    def series(self, series_uid: str) -> SeriesView:
        """The headers of a series of the loadable's study, or of another study when the loadable's references name it.

        Raises:
            KeyError: it is not indexed, or the loadable does not name it.
        """

    def stack(
        self,
        frames: Sequence[FrameRef | None],
        *,
        scale: Sequence[float] | None = None,
        offset: Sequence[float] | None = None,
        real: bool = False,
    ) -> NDArray[Any] | FrameArray:
        """Pixels of frames as ``[k, j, i]`` or ``[k, j, i, c]``, eager or lazy as the caller of `load` asked.

        Per frame the modality transform of the header is applied, or ``stored * scale[k] + offset[k]`` when given. None
        stands for a filled slice (padding value, NaN for floats). Shape and dtype follow from headers alone; with
        `real` values are floating point also where they are whole numbers.

        Raises:
            PixelError: frames differ in matrix or kind, exceed the budget or, when eager, could not be had.
        """

    @property
    def padding(self) -> float | None:
        """The value that stands for no data in what was stacked last; None when there is none."""

    def bulk(self, ref: BulkRef) -> bytes:
        """The bytes of a bulk value."""

    def dataset(self, ref: InstanceRef) -> Dataset:
        """The whole header of an instance."""


@runtime_checkable
class Adaptor(Protocol):
    """Turns series into objects. Either `examine` or `examine_study` (see `StudyAdaptor`) is needed."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """What can be made of a series: headers only, no network, no state, never raising on odd data."""

    def load(self, loadable: Loadable, context: LoadContext) -> Any:
        """Make the object.

        Raises:
            DicomLogicError: a refusal that says what is missing and what would help.
        """


@runtime_checkable
class StudyAdaptor(Protocol):
    """An adaptor that combines series (PET with CT, one series per time point)."""

    def examine_study(self, study: StudyView) -> Iterable[Loadable]:
        """What can be made of a study; the rules of `Adaptor.examine` hold."""

    def load(self, loadable: Loadable, context: LoadContext) -> Any:
        """Make the object, as `Adaptor.load`."""


@runtime_checkable
class Writer(Protocol):
    """Writes an object to files."""

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write `obj` under `path` (a file name without suffix, in an existing folder); returns the files written.

        A temporary name and a final rename: a failure leaves nothing under the final name.

        Raises:
            WriteError: the object or an option cannot be written; the disk is full.
        """


# --- the index, query side -----------------------------------------------------------------------------------------


class Index(Protocol):
    """The query side of the index, so that another database can take its place."""

    def study_uids(self) -> Sequence[str]:
        """StudyInstanceUIDs of all studies."""

    def study_view(self, study_uid: str) -> StudyView:
        """The headers of a study by column.

        Raises:
            KeyError: there is no such study.
        """

    def rows(self, level: str, where: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        """Rows of ``patient``, ``study``, ``series`` or ``instance`` with DICOM keywords as keys.

        Raises:
            UsageError: unknown level or keyword.
        """
