"""An image set's metadata document to headers in the DICOM JSON model, without a detour over data sets.

Its four levels, patient, study, series and instance, are merged: what an inner level says wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dicomlogic_ahi.addresses import is_id
from dicomlogic_ahi.elements import Elements
from dicomlogic_core import HeaderError, NetworkError, parse_json

HTJ2K = "1.2.840.10008.1.2.4.202"
"""Transfer syntax of frames whose metadata does not name one: HTJ2K Lossless RPCL."""

_CHECKSUMS = "PixelDataChecksumFromBaseToFullResolution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance of an image set.

    Attributes:
        study_uid, series_uid, sop_uid: its UIDs.
        header: DICOM JSON object.
        transfer_syntax: of its frames as stored.
        frame_ids: in the order of the frames; empty without pixels.
        checksums: CRC32 of each decoded frame at full resolution; None where none is told.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    header: str
    transfer_syntax: str
    frame_ids: tuple[str, ...]
    checksums: tuple[int | None, ...]


def read_document(data: bytes, elements: Elements, where: str) -> list[Instance]:
    """The instances of a metadata document.

    Raises:
        NetworkError: ``network.not-json``: it is none.
    """
    try:
        found = parse_json(data)
    except HeaderError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("Study"), dict):
        raise NetworkError("the metadata of an image set is no such document", code="network.not-json", url=where)
    try:
        return list(_instances(found, elements))
    except RecursionError:
        raise NetworkError("metadata nested too deeply", code="network.not-json", url=where) from None


def _instances(document: Mapping[str, Any], elements: Elements) -> Iterator[Instance]:
    patient, study = _dict(document, "Patient"), _dict(document, "Study")
    for series_uid, series in _dict(study, "Series").items():
        if not isinstance(series, dict):
            continue
        outer = _Outer([patient, study, series], elements)
        for sop_uid, instance in _ordered(_dict(series, "Instances")):
            block = _dict(instance, "DICOM")
            frame_ids, checksums = _frames(instance)
            yield Instance(
                study_uid=_text(block, "StudyInstanceUID") or _text(outer.block, "StudyInstanceUID"),
                series_uid=series_uid,
                sop_uid=sop_uid,
                header=outer.header(block, _vrs(instance)),
                transfer_syntax=_text(instance, "StoredTransferSyntaxUID") or HTJ2K,
                frame_ids=frame_ids,
                checksums=checksums,
            )


class _Outer:
    """What the levels above the instances say, converted once for all of them."""

    def __init__(self, levels: Sequence[Mapping[str, Any]], elements: Elements) -> None:
        self.block = {keyword: value for level in levels for keyword, value in _dict(level, "DICOM").items()}
        self._vrs = {key: vr for level in levels for key, vr in _vrs(level).items()}
        self._elements = elements
        self._texts: dict[bool, dict[str, str]] = {}
        self._joined: dict[bool, str] = {}

    def header(self, block: Mapping[str, Any], vrs: Mapping[str, str]) -> str:
        """The DICOM JSON object of an instance with these elements."""
        signed = block.get("PixelRepresentation", self.block.get("PixelRepresentation")) == 1
        outer = self._texts.get(signed)
        if outer is None:
            outer = self._texts[signed] = {}
            self._elements.fill(outer, self.block, self._vrs, signed=signed)
            self._joined[signed] = _joined(outer)
        own: dict[str, str] = {}
        self._elements.fill(own, block, {**self._vrs, **vrs} if self._vrs else vrs, signed=signed)
        if own.keys().isdisjoint(outer):
            parts = self._joined[signed], _joined(own)
            return "{" + ",".join(filter(None, parts)) + "}"
        return "{" + _joined({**outer, **own}) + "}"


def _joined(texts: Mapping[str, str]) -> str:
    return ",".join([text for text in texts.values() if text])


def _ordered(instances: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """By InstanceNumber: the service gives them in no order, and what a study says first should not depend on that."""
    found = [(uid, instance) for uid, instance in instances.items() if isinstance(instance, dict)]
    return sorted(found, key=lambda one: (_number(_dict(one[1], "DICOM").get("InstanceNumber")), one[0]))


def _number(value: Any) -> float:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return float("inf")


def _frames(instance: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    frames = instance.get("ImageFrames")
    found = [frame if isinstance(frame, dict) else {} for frame in frames] if isinstance(frames, list) else []
    # A frame without an id keeps its place, so that the others keep theirs.
    ids = tuple(frame["ID"] if is_id(frame.get("ID")) else "" for frame in found)
    return ids, tuple(_checksum(frame) for frame in found)


def _checksum(frame: Mapping[str, Any]) -> int | None:
    """Of the largest resolution, the last of them."""
    found = frame.get(_CHECKSUMS)
    last = found[-1] if isinstance(found, list) and found else None
    value = last.get("Checksum") if isinstance(last, dict) else None
    return value if isinstance(value, int) else None


def _dict(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _vrs(holder: Mapping[str, Any]) -> dict[str, str]:
    found = _dict(holder, "DICOMVRs")
    if all(type(vr) is str for vr in found.values()):
        return found
    return {key: vr for key, vr in found.items() if isinstance(vr, str)}


def _text(block: Mapping[str, Any], keyword: str) -> str:
    value = block.get(keyword)
    return value if isinstance(value, str) else ""
