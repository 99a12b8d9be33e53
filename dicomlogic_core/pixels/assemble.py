"""Frames to one preallocated array: planned from headers alone, then each frame goes straight to its place."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.decode import decode_frame, zero_filled
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.modality import Linear, Modality, apply_linear
from dicomlogic_core.pixels.native import Bytes, keep_stored_bits
from dicomlogic_core.pixels.syntaxes import BIG_ENDIAN, encapsulated
from dicomlogic_core.references import FrameRef

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Treatment:
    """How a stored frame becomes voxels; frames that agree share one.

    Attributes:
        description: of the stored frame.
        modality: its transform to output values.
        grid: the tiling when frames are tiles of it.
        padding: output value that stands for no data (PixelPaddingValue, rescaled); None when none is declared.
    """

    description: PixelDescription
    modality: Modality
    grid: TileGrid | None = None
    padding: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one output frame."""
        if self.grid is not None:
            return (self.grid.rows, self.grid.columns)
        shape = self.description.shape
        return (*shape, 3) if self.description.photometric == "PALETTE COLOR" else shape

    def tile(self, region: int) -> tuple[slice, slice]:
        """Rows and columns of a tile (from 1) in the stored frame."""
        assert self.grid is not None
        down, right = divmod(region - 1, self.grid.per_row)
        rows, columns = self.grid.rows, self.grid.columns
        return slice(down * rows, (down + 1) * rows), slice(right * columns, (right + 1) * columns)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StackPlan:
    """What an array will be.

    Attributes:
        shape: ``[k, j, i]`` or ``[k, j, i, c]``.
        dtype: of the array.
        frames: for every k its frame, or None for a filled slice.
        treatments: for every k; None for a filled slice.
        fill: value of filled slices.
        padding: output value that stands for no data in every frame; None when there is none or it differs by frame.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    frames: tuple[FrameRef | None, ...]
    treatments: tuple[Treatment | None, ...]
    fill: float
    padding: float | None = None


@dataclass(slots=True, eq=False)
class _Target:
    """Where a stored frame goes.

    Attributes:
        treatment: of the frame.
        places: indices of the array it goes to, with the tile for each.
        slot: its one place seen as stored samples; None when samples do not fit there as they are.
        view: the bytes of the slot, once a fetcher asked for them.
    """

    treatment: Treatment
    places: list[tuple[int, int]] = field(default_factory=list)
    slot: NDArray[Any] | None = None
    view: memoryview | None = None


class Assembly:
    """Fills one array with the frames of a plan, or with some of them. Frames may come in any order, from any thread.

    Attributes:
        array: ``[len(indices), ...]``, complete once every reference of `wanted` was placed.
        whole: the last stored frame that tiles were cut from, with its reference.
    """

    def __init__(self, plan: StackPlan, indices: Sequence[int], *, zero_fill: bool = False) -> None:
        self.array: NDArray[Any] = np.empty((len(indices), *plan.shape[1:]), plan.dtype)
        self.whole: tuple[FrameRef, NDArray[Any]] | None = None
        self.notes: set[str] = set()
        self.zero_filled: list[FrameRef] = []
        self._zero_fill = zero_fill
        self._targets: dict[FrameRef, _Target] = {}
        self._fitting: dict[int, bool] = {}
        self._refused: dict[FrameRef, int] = {}
        for place, k in enumerate(indices):
            ref, treatment = plan.frames[k], plan.treatments[k]
            if ref is None or treatment is None:
                self.array[place] = plan.fill
                continue
            region = ref.region
            whole = ref if not region else _whole(ref)
            target = self._targets.get(whole)
            if target is None:
                target = self._targets[whole] = _Target(treatment)
            target.places.append((place, region))
        for target in self._targets.values():
            place, region = target.places[0]
            if len(target.places) == 1 and not region and self._fits(target.treatment):
                target.slot = self.array[place].view(target.treatment.description.dtype)

    def _fits(self, treatment: Treatment) -> bool:
        """True when stored samples have the size of the array's and become its values in place."""
        known = self._fitting.get(id(treatment))
        if known is None:
            description = treatment.description
            same = self.array.dtype.itemsize == description.dtype.itemsize and self.array.shape[1:] == description.shape
            kind = bool(description.real) or self.array.dtype.kind in "iu"
            known = self._fitting[id(treatment)] = same and kind and isinstance(treatment.modality, Linear)
        return known

    @property
    def wanted(self) -> list[FrameRef]:
        """The stored frames it needs, in order of their first place."""
        return list(self._targets)

    def description(self, ref: FrameRef) -> PixelDescription:
        """Of a wanted frame."""
        return self._targets[ref].treatment.description

    def buffer(self, ref: FrameRef, size: int) -> memoryview | None:
        """The place of a native frame when its bytes can be read straight into it."""
        target = self._targets.get(ref)
        if target is None or target.slot is None or size != target.slot.nbytes:
            return None
        if target.view is None and target.treatment.description.in_place:
            target.view = memoryview(cast("Any", target.slot)).cast("B")
        return target.view

    def place(self, ref: FrameRef, data: Bytes, syntax: str, checksum: int | None = None) -> None:
        """Decode a wanted frame and put it into its places.

        `data` of a native frame that begins inside a byte begins with that byte; `checksum` as in `decode_frame`.

        Raises:
            PixelError: the bytes are not that frame.
        """
        target = self._targets[ref]
        description = target.treatment.description
        if target.slot is not None and data is target.view and not encapsulated(syntax):
            stored = target.slot
            self._put_right(stored, description, syntax)
        else:
            first_bit = 0 if description.aligned else description.span(ref.frame)[2]
            if self._zero_fill and len(data) < description.frame_bytes and not encapsulated(syntax):
                data = zero_filled(data, description, first_bit)
                self.zero_filled.append(ref)
            decode = partial(
                decode_frame, data, description, syntax, first_bit=first_bit, out=target.slot, note=self.notes.add
            )
            try:
                stored = decode(checksum=checksum)
            except PixelError as error:
                if error.code != "pixels.checksum" or encapsulated(syntax) or not self._came_before(ref, data):
                    raise
                self.notes.add("pixels.checksum")
                stored = decode()
        self._cut(ref, target, stored)

    def _came_before(self, ref: FrameRef, data: Bytes) -> bool:
        """True for native bytes that were refused for their checksum and came again just so.

        Nothing damaged them on the way, then: their source summed up something else.
        """
        before = self._refused.get(ref)
        found = self._refused[ref] = zlib.crc32(data)
        return before == found

    def place_whole(self, ref: FrameRef, stored: NDArray[Any]) -> bool:
        """Put a frame that is already decoded into its places; False when it is not wanted."""
        target = self._targets.get(ref)
        if target is not None:
            self._cut(ref, target, stored)
        return target is not None

    def _cut(self, ref: FrameRef, target: _Target, stored: NDArray[Any]) -> None:
        if target.treatment.grid is not None:
            self.whole = (ref, stored)
        for place, region in target.places:
            part = stored[target.treatment.tile(region)] if region else stored
            self._finish(part, target.treatment.modality, self.array[place])

    def _put_right(self, stored: NDArray[Any], description: PixelDescription, syntax: str) -> None:
        """Byte order and unused bits of samples that were read into their place."""
        if syntax == BIG_ENDIAN:
            stored.byteswap(inplace=True)
        if description.partial and keep_stored_bits(
            stored, bits_stored=description.bits_stored, high_bit=description.high_bit, signed=description.signed
        ):
            self.notes.add("pixels.overlay-bits")

    @staticmethod
    def _finish(stored: NDArray[Any], modality: Modality, out: NDArray[Any]) -> None:
        if isinstance(modality, Linear):
            apply_linear(stored, modality, out)
        else:
            out[...] = modality.apply(stored)


def _whole(ref: FrameRef) -> FrameRef:
    """The frame that a tile is cut from."""
    return FrameRef(study_uid=ref.study_uid, series_uid=ref.series_uid, sop_uid=ref.sop_uid, frame=ref.frame)


def same_shape(treatments: Sequence[Treatment], where: Callable[[int], str]) -> tuple[int, ...]:
    """The one shape of all frames.

    Raises:
        PixelError: ``geometry.mixed-matrix``: they differ.
    """
    shape = treatments[0].shape
    for number, treatment in enumerate(treatments):
        if treatment.shape != shape:
            raise PixelError(
                f"frames of {treatment.shape} and {shape} (rows, columns[, components]) cannot be one array",
                code="geometry.mixed-matrix",
                where=where(number),
                remedy="load the parts separately",
            )
    return shape
