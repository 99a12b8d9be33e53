"""What the loopback server serves: the instances of a folder, their headers in memory, their pixels on disk."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.charset import convert_encodings

PIXEL_KEYWORDS = {0x7FE00010: "PixelData", 0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}
DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instance:
    """One file of the folder.

    Attributes:
        header: every element before the pixel data, with the file meta information.
        encodings: Python codecs of its SpecificCharacterSet.
        transfer_syntax: UID the file is stored in.
        pixel_keyword: ``PixelData``, ``FloatPixelData``, ``DoubleFloatPixelData``, or "" without pixels.
        frames: NumberOfFrames, 1 when absent, 0 without pixels.
    """

    path: Path
    study_uid: str
    series_uid: str
    sop_uid: str
    header: Dataset
    encodings: list[str]
    transfer_syntax: str
    pixel_keyword: str
    frames: int

    def text(self, keyword: str) -> str:
        """A value of the header as text, multiple values joined by backslashes; "" when absent."""
        value = self.header.get(keyword)
        if value is None:
            return ""
        return "\\".join(map(str, value)) if isinstance(value, list) or hasattr(value, "append") else str(value)


@dataclass(slots=True)
class Store:
    """The instances of a folder, by study and series in the order of their file names."""

    folder: Path
    instances: dict[str, Instance] = field(default_factory=dict)
    # pydicom turns raw elements into values on first access, in place: one thread at a time.
    lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def read(cls, folder: Path) -> Store:
        """Read every DICOM file under `folder`; other files are passed over, a repeated SOP UID replaces the first."""
        store = cls(folder)
        paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
        for path in paths:
            if instance := _read(path):
                store.instances[instance.sop_uid] = instance
        return store

    def select(self, study_uid: str = "", series_uid: str = "", sop_uid: str = "") -> list[Instance]:
        """The instances under the given UIDs whose files still exist."""
        candidates: Iterator[Instance] = iter(self.instances.values())
        if sop_uid:
            candidates = iter([self.instances[sop_uid]] if sop_uid in self.instances else [])
        return [
            instance
            for instance in candidates
            if study_uid in ("", instance.study_uid)
            and series_uid in ("", instance.series_uid)
            and instance.path.exists()
        ]


def _read(path: Path) -> Instance | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header, tag = _header(path)
            uids = [str(header.get(f"{level}InstanceUID", "")) for level in ("Study", "Series", "SOP")]
            if not all(uids):
                return None
            encodings = convert_encodings(header.get("SpecificCharacterSet"))
            syntax = str(header.file_meta.get("TransferSyntaxUID", ""))
            keyword = _pixel_keyword(header, tag, syntax)
            frames = int(header.get("NumberOfFrames") or 1) if keyword else 0
        except Exception:  # pydicom raises nearly anything on damaged files; one such file must not stop the server
            return None
    return Instance(
        path=path,
        study_uid=uids[0],
        series_uid=uids[1],
        sop_uid=uids[2],
        header=header,
        encodings=encodings,
        transfer_syntax=syntax,
        pixel_keyword=keyword,
        frames=frames,
    )


def _header(path: Path) -> tuple[Dataset, bytes]:
    """The header of a file, and the four bytes of the tag it ended at."""
    with path.open("rb") as file:
        header = dcmread(file, stop_before_pixels=True)
        return header, file.read(4)


def _pixel_keyword(header: Dataset, tag: bytes, syntax: str) -> str:
    """Keyword of the element at which reading stopped."""
    if syntax == DEFLATED:  # the position in the file says nothing about the inflated data
        return "PixelData" if "Rows" in header else ""
    order = "little" if header.original_encoding[1] else "big"
    group, element = (int.from_bytes(part, order) for part in (tag[:2], tag[2:]))  # type: ignore[arg-type]
    return PIXEL_KEYWORDS.get(group << 16 | element, "")
