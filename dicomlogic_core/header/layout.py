"""What the files of a series have in common: their headers differ in a few values only.

Two headers with the same elements in the same order are compared once. Every next one is checked piece by piece: the
bytes between two varying values must equal the template's (one comparison in C), and only varying values are read, each
by its own length. Equal bytes from a known boundary prove equal structure: the result is the walk's and no guess. Any
difference means another structure, and the walk reads that file.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.build import RowBuilder
from dicomlogic_core.header.rows import HeaderRow
from dicomlogic_core.header.sequences import SequenceReader
from dicomlogic_core.header.syntax import EXPLICIT, HEAD_SIZE, UNDEFINED, NeedMoreError, Syntax, skip_sequence
from dicomlogic_core.header.values import Values
from dicomlogic_core.header.walk import Walk

_META_END = 132
_MOST_SAMPLES = 2
_MOST_FAILURES = 8
_MOST_SERIES = 256


class Piece(NamedTuple):
    """One element of a header: its tag and VR bytes, and where its value is.

    Attributes:
        head: the bytes before the length; equal heads have equal kinds of length.
        size: bytes of the length field, 0 for a sequence of undefined length (whose length belongs to `head`).
        start: offset of the value.
        end: offset after the value and its delimiter.
    """

    head: bytes
    size: int
    start: int
    end: int


class Step(NamedTuple):
    """The bytes up to a varying value, and what that value is for.

    Attributes:
        static: equal in every header of the layout.
        length: ``len(static)``.
        size: bytes of the length field, 0 for a sequence of undefined length.
        slots: text columns; empty when the value is not wanted.
        vr: of the value.
        item: key of the kept sequence, or "".
    """

    static: bytes
    length: int
    size: int
    slots: tuple[int, ...]
    vr: bytes
    item: str


class Sample:
    """A header that was walked: bytes, walk and row."""

    def __init__(self, data: bytes, walk: Walk, row: HeaderRow, values: Values) -> None:
        self.data = data
        self.walk = walk
        self.row = row
        self.values = values

    @cached_property
    def pieces(self) -> list[Piece]:
        """All elements from the file's start to the pixel data; none where the walk had to make allowances."""
        try:
            return pieces(self.data, self.walk)
        except (HeaderError, NeedMoreError):
            return []


def learnable(row: HeaderRow, walk: Walk) -> bool:
    """True for plain little endian headers with pixels: no functional groups, no tiles, nothing to report."""
    plain = not row.frames and row.grid is None and not row.findings
    return bool(plain and row.pixel_offset and row.has_pixels and walk.syntax.order == "<")


def pieces(data: bytes, walk: Walk) -> list[Piece]:
    """All elements from the file's start to the pixel data.

    Raises:
        HeaderError: an element whose form its head does not tell (no VR, or a sequence under UN).
    """
    found: list[Piece] = []
    pos = _META_END
    while data[pos : pos + 2] == b"\x02\x00":
        found.append(_piece(data, pos, EXPLICIT))
        pos = found[-1].end
    while pos < walk.pos:
        found.append(_piece(data, pos, walk.syntax))
        pos = found[-1].end
    return found


def _piece(data: bytes, pos: int, syntax: Syntax) -> Piece:
    if syntax.explicit:
        _, vr, length = syntax.head(data, pos)
        size = 2
        before = 6
        if HEAD_SIZE.get(vr) == 12:
            size, before = 4, 8
            (length,) = syntax.word(data, pos + 8)
        if vr not in HEAD_SIZE or (vr == b"UN" and length == UNDEFINED):
            raise HeaderError("an element of odd form")
    else:
        _, length = syntax.pair(data, pos)
        size, before = 4, 4
    start = pos + before + size
    if length == UNDEFINED:
        return Piece(data[pos:start], 0, start, skip_sequence(data, start, syntax))
    return Piece(data[pos : pos + before], size, start, start + length)


class Layout:
    """The learned structure of a series.

    Attributes:
        series_uid: of the headers it was learned from.
        reach: bytes a header of this layout needs, with some to spare.
    """

    def __init__(self, builder: RowBuilder, sample: Sample, varying: frozenset[int]) -> None:
        elements = sample.pieces
        self._builder = builder
        self._sample = sample
        self._varying = varying
        self._values = sample.values
        self._steps = self._make_steps()
        last = elements[max(varying)].end
        self._tail = sample.data[last : sample.row.pixel_offset]
        self._recount = any(builder.counts_frames(slot) for step in self._steps for slot in step.slots)
        self.reach = (sample.row.pixel_offset or 0) + 1024
        self.series_uid = builder.series_uid(sample.row)

    @classmethod
    def of(
        cls, builder: RowBuilder, one: Sample, other: Sample, varying: frozenset[int] = frozenset()
    ) -> Layout | None:
        """The layout of two headers; None when their structures differ, or differ where they must not, or nowhere.

        Args:
            varying: numbers of elements that are known to vary.
        """
        elements, others = one.pieces, other.pieces
        same = len(elements) == len(others) > 0 and one.data[:_META_END] == other.data[:_META_END]
        if not same or [piece.head for piece in elements] != [piece.head for piece in others]:
            return None
        a, b = one.data, other.data
        found = varying | {
            number
            for number, (mine, theirs) in enumerate(zip(elements, others))
            if a[mine.start : mine.end] != b[theirs.start : theirs.end]
        }
        if not found or any(builder.must_be_static(elements[number].head, one.walk) for number in found):
            return None
        return cls(builder, one, found)

    def extended(self, other: Sample) -> Layout | None:
        """This layout with what varies in `other` too; None when that has another structure."""
        return self.of(self._builder, self._sample, other, self._varying)

    def _make_steps(self) -> tuple[Step, ...]:
        data, walk = self._sample.data, self._sample.walk
        codes = {start: (code, vr) for code, vr, start, _ in walk.found}
        steps = []
        before = 0
        for number in sorted(self._varying):
            piece = self._sample.pieces[number]
            static = data[before : piece.start - piece.size]
            code, vr_read = codes.get(piece.start, (None, None))
            slots, vr, item = self._builder.use_of(code, vr_read, self._sample.row)
            steps.append(Step(static, len(static), piece.size, slots, vr, item))
            before = piece.end
        return tuple(steps)

    def read(self, data: bytes) -> HeaderRow | None:
        """The row of a header of this layout; None when it is none."""
        template = self._sample.row
        texts = template.texts.copy()
        items = template.items
        matches, convert = data.startswith, self._values.fresh
        pos = 0
        try:
            for static, length, size, slots, vr, item in self._steps:
                if not matches(static, pos):
                    return None
                pos += length
                if size == 2:
                    end = pos + 2 + (data[pos] | data[pos + 1] << 8)
                elif size == 4:
                    end = pos + 4 + int.from_bytes(data[pos : pos + 4], "little")
                else:
                    end = skip_sequence(data, pos, self._sample.walk.syntax)
                pos += size
                if slots:
                    text = convert(vr, data[pos:end])
                    for slot in slots:
                        texts[slot] = text
                if item:
                    reader = SequenceReader(data, self._sample.walk.syntax, self._values.decode)
                    items = {**(items or {}), item: self._values.items(reader, pos, end - pos)}
                pos = end
        except (IndexError, ValueError, HeaderError, NeedMoreError):
            return None
        if not matches(self._tail, pos):
            return None
        row = HeaderRow(
            texts,
            items=items,
            frame_count=template.frame_count,
            has_pixels=True,
            transfer_syntax=template.transfer_syntax,
            pixel_key=template.pixel_key,
            pixel_offset=pos + len(self._tail),
            pixel_length=template.pixel_length,
        )
        if self._recount:
            self._builder.count_frames(row)
        return row if not row.findings else None


class Layouts:
    """The layouts met most recently, and the headers from which the next may be learned."""

    def __init__(self, builder: RowBuilder, *, most: int = 4) -> None:
        self._builder = builder
        self._most = most
        self._layouts: list[Layout] = []
        self._samples: dict[str, list[Sample]] = {}  # a series may have two structures
        self._failures: dict[str, int] = {}

    @property
    def reach(self) -> int:
        """Bytes that a header of the latest layout needs."""
        return self._layouts[0].reach if self._layouts else 0

    def read(self, data: bytes) -> HeaderRow | None:
        """The row of a header of a known layout."""
        for number, layout in enumerate(self._layouts):
            row = layout.read(data)
            if row is not None:
                if number:
                    self._layouts.insert(0, self._layouts.pop(number))
                return row
        return None

    def learn(self, sample: Sample) -> None:
        """Learn from a header that was walked, unless its series proved to have no common structure."""
        series_uid = self._builder.series_uid(sample.row)
        if self._failures.get(series_uid, 0) >= _MOST_FAILURES:
            return
        for number, layout in enumerate(self._layouts):
            if layout.series_uid == series_uid and (extended := layout.extended(sample)):
                self._layouts.pop(number)
                self._layouts.insert(0, extended)
                return
        earlier = self._samples.setdefault(series_uid, [])
        for one in earlier:
            if made := Layout.of(self._builder, one, sample):
                earlier.remove(one)
                self._layouts.insert(0, made)
                del self._layouts[self._most :]
                return
        self._failures[series_uid] = self._failures.get(series_uid, -1) + 1
        earlier.append(sample)
        del earlier[:-_MOST_SAMPLES]
        if len(self._samples) > self._most:
            del self._samples[next(iter(self._samples))]
        if len(self._failures) > _MOST_SERIES:
            del self._failures[next(iter(self._failures))]
