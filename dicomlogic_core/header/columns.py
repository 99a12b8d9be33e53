"""The header values of one series by column, over the blocks that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.header.block import Block, folder_of
from dicomlogic_core.references import InstanceRef, Location


@dataclass(frozen=True, slots=True)
class Place:
    """Where the values of one instance are: the number of a block and the row in it."""

    block: int
    row: int


class SeriesColumns:
    """Meets `Columns`: the instances of one series over the blocks that hold them. Picklable, without handles.

    Args:
        places: per instance where its values are.
        others: instance -> further places whose locations also hold it (another source).
        missing: columns that a provider wants and that were not kept.
        refused: folders whose files are not to be opened.
    """

    def __init__(
        self,
        study_uid: str,
        series_uid: str,
        blocks: Sequence[Block],
        places: Sequence[Place],
        *,
        others: Mapping[int, Sequence[Place]] | None = None,
        missing: frozenset[str] = frozenset(),
        refused: frozenset[str] = frozenset(),
    ) -> None:
        self._study_uid = study_uid
        self._series_uid = series_uid
        self._blocks = list(blocks)
        self._places = list(places)
        self._others = dict(others or {})
        self._missing = missing
        self._refused = refused
        self._texts: dict[str, list[str | None]] = {}
        self._uids: list[str] | None = None
        self._grids: dict[int, TileGrid] | None = None
        self._counts: list[int] | None = None
        self._images: int | None = None

    def __getstate__(self) -> tuple[Any, ...]:
        names = ("study_uid", "series_uid", "blocks", "places", "others", "missing", "refused")
        return tuple(getattr(self, f"_{name}") for name in names)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        *given, others, missing, refused = state
        self.__init__(*given, others=others, missing=missing, refused=refused)  # type: ignore[misc]

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return self._study_uid

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return self._series_uid

    @property
    def sop_uids(self) -> Sequence[str]:
        """SOPInstanceUIDs in the order of the index."""
        if self._uids is None:
            self._uids = [self._blocks[place.block].sop_uids[place.row] for place in self._places]
        return self._uids

    @property
    def frame_counts(self) -> Sequence[int]:
        """Frames per instance; 1 for classic images, 0 for instances without pixels."""
        if self._counts is None:
            self._counts = [count or 0 for count in self._column("frames")]
        return self._counts

    @property
    def missing_keys(self) -> frozenset[str]:
        """Columns that a provider wants and that were not kept when this series was indexed."""
        return self._missing

    def _column(self, name: str) -> list[Any]:
        columns = [block.column(name) for block in self._blocks]
        return [columns[place.block][place.row] for place in self._places]

    def text(self, key: str) -> Sequence[str | None]:
        """Per instance the text CTK would store; None where absent."""
        if key not in self._texts:
            self._texts[key] = self._column(key)
        return self._texts[key]

    @property
    def grids(self) -> Mapping[int, TileGrid]:
        """Row of the instance -> its vendor tiling."""
        if self._grids is None:
            self._grids = self._gather([block.grids() for block in self._blocks])
        return self._grids

    def frame_text(self, key: str) -> Mapping[int, str | Sequence[str | None]]:
        """Row of the instance -> the functional groups' text: one for all frames, or one per frame."""
        return self._gather([block.sparse("frame_texts", key) for block in self._blocks])

    def items(self, key: str) -> Sequence[Sequence[Mapping[str, Any]] | None]:
        """Per instance the items of a kept sequence as DICOM JSON objects; None where absent."""
        found = self._gather([block.sparse("items", key) for block in self._blocks])
        return [found.get(row) for row in range(len(self._places))]

    def _gather(self, parts: Sequence[Mapping[int, Any]]) -> dict[int, Any]:
        if not any(parts):
            return {}
        return {
            number: parts[place.block][place.row]
            for number, place in enumerate(self._places)
            if place.row in parts[place.block]
        }

    def locations(self, row: int) -> tuple[Location, ...]:
        """Where the instance is: local files first, then URLs."""
        ref = InstanceRef(study_uid=self._study_uid, series_uid=self._series_uid, sop_uid=self.sop_uids[row])
        places = (self._places[row], *self._others.get(row, ()))
        if self._images is None:
            self._images = sum(count > 0 for count in self.frame_counts)
        found = [self._blocks[place.block].location(place.row, ref, self._images) for place in places]
        if self._refused:
            found = [place for place in found if place.path is None or folder_of(place.path) not in self._refused]
        return tuple(sorted(found, key=lambda location: location.path is None))
