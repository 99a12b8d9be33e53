"""Headers of Part 10 files (PS3.10): the wanted elements up to the pixel data, without a Dataset.

Explicit and implicit little endian, big endian, deflated (inflated no further than to the pixels), with or without
preamble and file meta information.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.findings import finding
from dicomlogic_core.header.build import RowBuilder
from dicomlogic_core.header.layout import Layouts, Sample, learnable
from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.header.syntax import BIG_ENDIAN, EXPLICIT, HEAD_SIZE, IMPLICIT, SHORT, Syntax
from dicomlogic_core.header.table import TagTable, Wanted
from dicomlogic_core.header.vendor import RAW_KEYS
from dicomlogic_core.header.walk import Walk

if TYPE_CHECKING:
    from pydicom import Dataset

LARGEST_HEADER = 256 << 20
"""Bytes of a header."""

_IMPLICIT_UID = "1.2.840.10008.1.2"
_DEFLATED_UID = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN_UID = "1.2.840.10008.1.2.2"
_DICOMDIR_UID = "1.2.840.10008.1.3.10"
_EXECUTABLE = (b"MZ", b"\x7fELF", b"#!", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_MARGIN = 4096

More = Callable[[int], bytes]


class _Bytes:
    """The beginning of a file, which grows when more is needed."""

    def __init__(self, head: bytes, more: More | None) -> None:
        self.data = head
        self._more = more

    def reach(self, size: int) -> bool:
        """Read on until `size` bytes are there; False when the file ends before."""
        if len(self.data) >= size:
            return True
        if size > LARGEST_HEADER:
            # A length of gigabytes is mostly a broken one: only a file that really is that long exceeds the limit.
            size = LARGEST_HEADER + 1
        if self._more is not None:
            # Doubling: a header of any length is read in a few pieces, though each begins at the file's start.
            data = self._more(max(size + _MARGIN, min(2 * len(self.data), LARGEST_HEADER)))
            if len(data) > len(self.data):
                self.data = data
        if len(self.data) > LARGEST_HEADER and size > LARGEST_HEADER:
            raise HeaderError(f"the header is longer than {LARGEST_HEADER} bytes", code="header.limit")
        return len(self.data) >= size


class Part10Reader:
    """Reads headers; one reader per thread, since it learns from what it reads.

    Attributes:
        wanted: the columns, in whose order texts are given.
    """

    def __init__(self, wanted: WantedTags, *, learn: bool = True) -> None:
        self.wanted = wanted
        self._compiled = Wanted(wanted, RAW_KEYS)
        self._table = TagTable.of(self._compiled, EXPLICIT)
        self._swapped: TagTable | None = None
        self._builder = RowBuilder(self._compiled)
        self._layouts = Layouts(self._builder) if learn else None

    def read(self, head: bytes, more: More | None = None) -> HeaderRow:
        """The wanted part of a header.

        Args:
            head: the beginning of the file (8 KiB are mostly enough), or all of it.
            more: gives at least `size` bytes from the file's start, fewer only at its end.

        Raises:
            HeaderError: ``file.not-dicom``, ``file.dicomdir``, ``file.truncated`` (cut before the UIDs were read),
                ``header.limit``, ``header``.
        """
        source = _Bytes(head, more)
        if self._layouts is not None:
            if len(head) < self._layouts.reach:
                source.reach(self._layouts.reach)
            row = self._layouts.read(source.data)
            if row is not None:
                return row
        return self._read(source)

    def _read(self, source: _Bytes) -> HeaderRow:
        pos, transfer_syntax, media_class = self._meta(source)
        if media_class == _DICOMDIR_UID:
            raise HeaderError("a DICOMDIR lists other files and holds no image", code="file.dicomdir")
        start = source.data[:4]
        deflated = transfer_syntax == _DEFLATED_UID
        if deflated:
            source, pos = self._inflated(source, pos), 0
        syntax = _syntax_at(source.data, pos, transfer_syntax)
        walk = Walk(syntax, self._table_for(syntax), pos)
        complete = self._walk(walk, source)
        row = self._builder.row(source.data, walk, complete=complete)
        row.transfer_syntax = transfer_syntax
        if deflated:
            row.pixel_offset = None  # it counts inflated bytes, not bytes of the file
        if start.startswith(_EXECUTABLE):
            row.findings.append(finding("file.preamble-executable", "the preamble begins like an executable program"))
        if self._layouts is not None and learnable(row, walk) and source.data[128:132] == b"DICM":
            values = self._builder.values(source.data, walk, walk.found)
            self._layouts.learn(Sample(source.data[: row.pixel_offset], walk, row, values))
        return row

    def _table_for(self, syntax: Syntax) -> TagTable:
        if syntax is not BIG_ENDIAN:
            return self._table
        if self._swapped is None:
            self._swapped = TagTable.of(self._compiled, BIG_ENDIAN)
        return self._swapped

    def _walk(self, walk: Walk, source: _Bytes) -> bool:
        """Walk to the pixel data or the end; False when the file ends inside an element."""
        while need := walk.run(source.data):
            if not source.reach(need):
                return walk.pos == len(source.data)
        return True

    def _meta(self, source: _Bytes) -> tuple[int, str, str]:
        """Offset of the data set, transfer syntax ("" when unknown) and class of the file meta information."""
        source.reach(132 + 8)
        data = source.data
        if data[128:132] == b"DICM":
            pos = 132
        elif _looks_like_element(data):
            pos = 0
        else:
            raise HeaderError("neither the mark DICM nor a first element", code="file.not-dicom")
        transfer_syntax = media_class = ""
        while True:
            if len(data) < pos + 12:
                source.reach(pos + 12)
                data = source.data
            if data[pos : pos + 2] != b"\x02\x00" or len(data) < pos + 8:
                return pos, transfer_syntax, media_class
            tag, vr, length = EXPLICIT.head(data, pos)
            start = pos + HEAD_SIZE.get(vr, 8)
            if vr not in SHORT and len(data) >= pos + 12:
                (length,) = EXPLICIT.word(data, start - 4)
            pos = start + length
            if pos > len(data):
                if not source.reach(pos):
                    raise HeaderError("the file ends inside its meta information", code="file.truncated")
                data = source.data
            if tag == 0x00100002:
                transfer_syntax = data[start:pos].strip(b" \0").decode("latin-1")
            elif tag == 0x00020002:
                media_class = data[start:pos].strip(b" \0").decode("latin-1")

    def _inflated(self, source: _Bytes, pos: int) -> _Bytes:
        """The deflated data set, inflated as far as the walk goes: its pixels, or a bomb, stay as they are."""
        source.reach(LARGEST_HEADER)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        data = bytearray()
        rest = source.data[pos:]

        def more(size: int) -> bytes:
            nonlocal rest
            try:
                while len(data) < size and not inflater.eof:
                    piece = inflater.decompress(rest, size - len(data))
                    rest = inflater.unconsumed_tail
                    if not piece:
                        break
                    data.extend(piece)
            except zlib.error as error:
                raise HeaderError("the deflated data set is damaged", code="header") from error
            return bytes(data)

        return _Bytes(more(2 * _MARGIN), more)


def _looks_like_element(data: bytes) -> bool:
    """True when `data` begins with an element of group 2 or 8, in any encoding."""
    if len(data) < 8:
        return False
    if data[4:6] in HEAD_SIZE:
        return data[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08")
    return data[:2] in (b"\x02\x00", b"\x08\x00") and int.from_bytes(data[4:8], "little") <= 128 and data[3] < 0x30


def _syntax_at(data: bytes, pos: int, transfer_syntax: str) -> Syntax:
    """How the data set is encoded: as declared, unless its first element shows otherwise."""
    vr = data[pos + 4 : pos + 6]
    if transfer_syntax == _BIG_ENDIAN_UID:
        return BIG_ENDIAN if data[pos : pos + 1] == b"\0" else EXPLICIT
    if vr in HEAD_SIZE:
        return BIG_ENDIAN if not transfer_syntax and data[pos : pos + 2] in (b"\x00\x08", b"\x00\x02") else EXPLICIT
    if len(vr) == 2 and vr.isalpha() and vr.isupper() and transfer_syntax not in ("", _IMPLICIT_UID):
        return EXPLICIT
    return IMPLICIT


def read_dataset(data: bytes) -> Dataset:
    """A pydicom Dataset of a header or a whole file, pixel data included where it is there.

    Raises:
        HeaderError: pydicom cannot read it.
    """
    import io

    import pydicom

    try:
        return pydicom.dcmread(io.BytesIO(data), force=True)
    except Exception as error:  # pydicom raises nearly anything on broken bytes
        raise HeaderError(f"pydicom cannot read the data set ({type(error).__name__})") from error
