"""The header of an NRRD file taken apart: fields of the format, and keys of whoever wrote it. Input may be hostile."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from dicomlogic_core import HeaderError

LONGEST_HEADER = 64 << 20
_CHUNK = 1 << 16
_END = re.compile(rb"\r?\n\r?\n")
_ESCAPED = re.compile(r"\\(.)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf", re.IGNORECASE)
# The format allows these spellings of one field.
_ALIKE = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "sampleunits": "sample units"}
_MOST_AXES = 16  # NRRD_DIM_MAX of the reference implementation
_MOST_DIGITS = 18  # what 64 bits hold
_FURTHEST_MM = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class NrrdHeader:
    """A header.

    Attributes:
        fields: names in lower case -> text.
        keys: names as written -> text, unescaped.
        where: the file, for messages.
    """

    fields: Mapping[str, str]
    keys: Mapping[str, str]
    where: str

    def refuse(self, what: str, remedy: str = "write the file anew") -> HeaderError:
        """The error that says what cannot be read."""
        return HeaderError(what, where=self.where, remedy=remedy)

    def numbers(self, field: str) -> list[float]:
        """The numbers of a field, between whatever separates them; none when it is absent."""
        return [float(text) for text in _NUMBER.findall(self.fields.get(field, ""))]

    def sizes(self) -> tuple[int, ...]:
        """Samples along every axis, the fastest first.

        Raises:
            HeaderError: they are missing, or not as many as the dimension.
        """
        texts = self.fields.get("sizes", "").split()
        found = [whole_number(text) for text in texts]
        if not 1 <= len(texts) <= _MOST_AXES or not all(found):
            raise self.refuse("the sizes of the axes are not told")
        if self.fields.get("dimension", "").strip() != str(len(texts)):
            raise self.refuse(f"{len(texts)} sizes for a dimension of {self.fields.get('dimension', 'none')}")
        return tuple(size for size in found if size)

    def vectors(self, field: str) -> list[tuple[float, float, float] | None]:
        """The vectors of a field, one per axis; None for ``none``.

        Raises:
            HeaderError: one has not three finite numbers, or leads further than anything does.
        """
        found: list[tuple[float, float, float] | None] = []
        for text in re.findall(r"none|\([^()]*\)", self.fields.get(field, "")):
            numbers = [float(one) for one in _NUMBER.findall(text)]
            if text == "none" or all(map(math.isnan, numbers)):
                found.append(None)
            elif len(numbers) == 3 and all(abs(number) <= _FURTHEST_MM for number in numbers):
                found.append((numbers[0], numbers[1], numbers[2]))
            else:
                raise self.refuse(f"{field} holds {text[:60]}, which is no vector of three numbers")
        return found

    def quoted(self, field: str) -> list[str]:
        """The quoted texts of a field, one per axis."""
        return re.findall(r'"([^"]*)"', self.fields.get(field, ""))


def whole_number(text: str) -> int | None:
    """The number that digits stand for; None for anything else, and for more digits than a file can mean."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def read_header(file: BinaryIO, where: str) -> NrrdHeader:
    """Read the header and leave `file` at the first byte behind it.

    Raises:
        HeaderError: it is no NRRD file, or its header has no end within 64 MiB.
    """
    text = bytearray(file.read(_CHUNK))
    if not text.startswith(b"NRRD000"):
        raise HeaderError("this is no NRRD file", where=where, remedy="name a .nrrd file")
    searched = 0
    while (end := _END.search(text, searched)) is None:
        searched = max(0, len(text) - 3)
        piece = file.read(_CHUNK)
        if not piece or len(text) > LONGEST_HEADER:
            break
        text += piece
    # A header of its own, whose data lie in another file, may end with its file.
    file.seek(len(text) if end is None else end.end())
    if len(text) > LONGEST_HEADER:
        raise HeaderError(f"the header is longer than {LONGEST_HEADER >> 20} MiB", where=where, remedy="check the file")
    return _parsed(bytes(text if end is None else text[: end.start()]).decode("utf-8", "replace"), where)


def _parsed(text: str, where: str) -> NrrdHeader:
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    for line in text.split("\n")[1:]:
        line = line.rstrip("\r")
        if line.startswith("#"):
            continue
        field, is_field, value = line.partition(": ")
        key, is_key, rest = line.partition(":=")
        if is_key and (not is_field or len(key) < len(field)):
            keys[key] = _unescaped(rest)
        elif is_field:
            name = field.strip().lower()
            fields[_ALIKE.get(name, name)] = value.strip()
    return NrrdHeader(fields=fields, keys=keys, where=where)


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], value)
