"""What a thing is (references) and where its bytes are (locations). Both are small, picklable and hold no secrets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRef:
    """A study by its UID."""

    study_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRef:
    """A series by its UIDs."""

    study_uid: str
    series_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRef:
    """An instance by its UIDs."""

    study_uid: str
    series_uid: str
    sop_uid: str

    @property
    def whole(self) -> FrameRef:
        """The instance as something a loadable can claim when it has no pixels: its frame 0."""
        return FrameRef(study_uid=self.study_uid, series_uid=self.series_uid, sop_uid=self.sop_uid, frame=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRef:
    """One frame of an instance; `frame` counts from 1 (PS3.3 C.7.6.6, NumberOfFrames), 0 is an instance without pixels.

    `region` is 0 for the whole frame; in a mosaic or vendor grid it is the number of the tile, from 1.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    frame: int = 1
    region: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRef:
    """A bulk value by its tag path, e.g. ``("30060039", 0, "30060040", 2, "30060050")``: tags as eight upper-case hex
    digits, item indices from 0.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    path: tuple[str | int, ...]


Ref = FrameRef | InstanceRef | BulkRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where the bytes of a reference are.

    Attributes:
        ref: what is there.
        source: location of the source it was indexed from (a folder or base URL), which decides credentials.
        path: absolute local path, or None.
        url: normalised URL, or None.
        frame_id: the source's own identifier of the frame (AWS HealthImaging), or "".
        offset: byte offset of the pixel data value in the file, or of the frame when native; None when unknown.
        length: bytes to read at `offset`; None when unknown or encapsulated.
        transfer_syntax: UID as stored; "" when unknown until fetched.
        checksum: CRC32 of the decoded frame as little-endian bytes, or None.
        frames: number of frames of the instance.
        frame_ids, checksums: of an instance whose frames each have their own: in the order of the frames.
        native_size: bytes of one frame without compression, by the header; 0 when not known. A fetcher tells by it
            whether a server sent what its label says.
        series_instances: number of instances of the series with pixels; 0 when not known. A fetcher decides by it
            whether to ask for the whole series at once.
        sop_class: SOP Class UID, or "".
        photometric: PhotometricInterpretation, or "". A server that decompresses ``YBR_...`` does not tell whether it
            converted the colours too.
    """

    ref: Ref
    source: str = ""
    path: str | None = None
    url: str | None = None
    frame_id: str = ""
    offset: int | None = None
    length: int | None = None
    transfer_syntax: str = ""
    checksum: int | None = None
    frames: int = 1
    native_size: int = 0
    series_instances: int = 0
    sop_class: str = ""
    photometric: str = ""
    frame_ids: tuple[str, ...] = ()
    checksums: tuple[int | None, ...] = ()

    def frame_id_of(self, frame: int) -> str:
        """The source's identifier of a frame, from 1; "" when there is none."""
        if self.frame_ids:
            return self.frame_ids[frame - 1] if frame <= len(self.frame_ids) else ""
        return self.frame_id if frame == 1 else ""

    def checksum_of(self, frame: int) -> int | None:
        """The checksum of a frame, from 1; None when there is none."""
        if self.checksums:
            return self.checksums[frame - 1] if frame <= len(self.checksums) else None
        return self.checksum if frame == 1 else None

    @property
    def scheme(self) -> str:
        """Scheme by which a fetcher is chosen: ``file`` for a path, else the URL's."""
        if self.path is not None:
            return "file"
        return (self.url or "").partition(":")[0].lower()
