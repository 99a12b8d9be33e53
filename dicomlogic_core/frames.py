"""The frames of a planned array: where each is, fetched into its place, from another location if the first fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dicomlogic_core.contracts import FetchResult, WorkContext
from dicomlogic_core.errors import DicomLogicError, PixelError, UsageError
from dicomlogic_core.findings import finding
from dicomlogic_core.instances import is_part10, split_instance
from dicomlogic_core.pixels.assemble import Assembly, StackPlan
from dicomlogic_core.pixels.budget import check_budget
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.syntaxes import BIG_ENDIAN, DEFLATED, encapsulated
from dicomlogic_core.references import FrameRef, InstanceRef, Location, Ref
from dicomlogic_core.transfer import Request, raise_failures, transfer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomlogic_core.registry import Registry
    from dicomlogic_core.series import SeriesView

_NOTES = {
    "pixels.overlay-bits": "bits above HighBit were in use (an old overlay, or a missing sign) and were masked",
    "pixels.checksum": "frames have another checksum than the source names, as lossy ones may; others came so twice",
    "pixels.photometric": "the colour space of the streams was used, not PhotometricInterpretation",
}

FindInstance = Callable[[str], "tuple[SeriesView, int]"]
"""SOPInstanceUID -> its series and row."""


class FrameFetch:
    """Fetches frames of one plan. Safe to use again and from several threads."""

    def __init__(self, plan: StackPlan, find: FindInstance, registry: Registry, work: WorkContext) -> None:
        self._plan = plan
        self._find = find
        self._registry = registry
        self._work = work
        self._locations: dict[str, tuple[Location, ...]] = {}
        # Whoever looks at one tile of a mosaic after the other needs the same frame again.
        self._whole: tuple[FrameRef, NDArray[Any]] | None = None

    def array(self, indices: Sequence[int]) -> NDArray[Any]:
        """The planned frames at `indices` as one read-only array.

        Raises:
            PixelError, NetworkError: the array exceeds the budget, or frames could not be had.
            Cancelled: the work was cancelled.
        """
        plan, options = self._plan, self._work.options
        check_budget((len(indices), *plan.shape[1:]), plan.dtype, options)
        zero_fill = options.get("short") == "zero"
        if not zero_fill:
            self._check_lengths(indices)
        assembly = Assembly(plan, indices, zero_fill=zero_fill)
        self._fetch(assembly)
        self._whole = assembly.whole
        self._report(assembly)
        assembly.array.setflags(write=False)
        return assembly.array

    def _fetch(self, assembly: Assembly) -> None:
        """Fetch every frame, those that fail from their next location."""
        failed: dict[Ref, DicomLogicError] = {}
        wanted: Sequence[FrameRef] = assembly.wanted
        if (kept := self._whole) is not None and assembly.place_whole(*kept):
            wanted = [ref for ref in wanted if ref != kept[0]]
        attempt = 0
        while requests := self._requests(assembly, wanted, attempt):
            delivery = _Delivery(assembly, requests)
            try:
                now = transfer(
                    requests, self._registry, self._work, delivery.take, unpack=delivery.unpack, buffer=delivery.buffer
                )
            except UsageError:
                if not attempt:
                    raise
                break  # nothing can fetch the other location: the first one's failure is what matters
            if failed:
                asked = {ref for request in requests for ref in request.refs}
                failed = {ref: error for ref, error in failed.items() if ref not in asked}
            failed |= now
            wanted = [ref for ref in assembly.wanted if ref in failed]
            attempt += 1
        raise_failures(failed, len(assembly.wanted))

    def _instance_locations(self, sop_uid: str) -> tuple[Location, ...]:
        known = self._locations.get(sop_uid)
        if known is None:
            series, row = self._find(sop_uid)
            known = self._locations[sop_uid] = series.locations(row)
            if not known:
                raise PixelError(
                    "no location is known", code="pixels.missing", where=sop_uid, remedy="index the series again"
                )
        return known

    def _requests(self, assembly: Assembly, wanted: Sequence[FrameRef], attempt: int) -> list[Request]:
        """What to ask at the `attempt`-th location of each instance; nothing when none has so many."""
        requests: list[Request] = []
        whole: dict[str, list[Ref]] = {}
        for ref in wanted:
            locations = self._instance_locations(ref.sop_uid)
            if attempt >= len(locations):
                continue
            location = frame_location(locations[attempt], ref, assembly.description(ref))
            if location is None:
                whole.setdefault(ref.sop_uid, []).append(ref)
            else:
                requests.append(Request(location, (ref,)))
        for sop_uid, refs in whole.items():
            requests.append(Request(self._instance_locations(sop_uid)[attempt], tuple(refs)))
        return requests

    def _check_lengths(self, indices: Sequence[int]) -> None:
        """Refuse native pixel data whose length in the header is too short, before anything is allocated."""
        for k in indices:
            ref, treatment = self._plan.frames[k], self._plan.treatments[k]
            if ref is None or treatment is None:
                continue
            location = self._instance_locations(ref.sop_uid)[0]
            if location.length is None or encapsulated(location.transfer_syntax):
                continue
            start, length, _ = treatment.description.span(ref.frame)
            if start + length > location.length:
                raise PixelError(
                    f"{location.length} bytes of pixel data, frame {ref.frame} needs {start + length}",
                    code="pixels.short",
                    where=ref.sop_uid,
                    remedy="fetch it again; zero fill by option short=zero",
                )

    def _report(self, assembly: Assembly) -> None:
        for code in sorted(assembly.notes):
            self._work.report(finding(code, _NOTES[code]))
        if assembly.zero_filled:
            self._work.report(
                finding(
                    "pixels.short",
                    f"{len(assembly.zero_filled)} frames were short and filled with zeros, as asked",
                    where=tuple(dict.fromkeys(ref.sop_uid for ref in assembly.zero_filled)),
                    severity="warning",
                )
            )


def frame_location(base: Location, ref: FrameRef, description: PixelDescription) -> Location | None:
    """Where one frame of the instance at `base` is; None when only the whole instance can be asked for."""
    offset, length = base.offset, None
    if base.transfer_syntax == BIG_ENDIAN and description.bits_allocated <= 8:
        return None  # bytes may be swapped in pairs, which only the element's VR tells
    if base.path is not None:
        if offset is None or base.transfer_syntax == DEFLATED:
            return None
        if not encapsulated(base.transfer_syntax):
            start, length, _ = description.span(ref.frame)
            offset += start
    elif not description.aligned:
        # A server's answer for a frame that does not begin at a byte is not defined.
        return None
    return Location(
        ref=ref,
        source=base.source,
        path=base.path,
        url=base.url,
        frame_id=base.frame_id_of(ref.frame),
        offset=offset,
        length=length,
        transfer_syntax=base.transfer_syntax,
        checksum=base.checksum_of(ref.frame),
        frames=base.frames,
        native_size=0 if description.subsampled else description.frame_bytes,
        series_instances=base.series_instances,
        sop_class=base.sop_class,
        photometric=description.photometric,
    )


class _Delivery:
    """Takes the results of one transfer into an assembly."""

    def __init__(self, assembly: Assembly, requests: Sequence[Request]) -> None:
        self._assembly = assembly
        self._requests: dict[str, list[Request]] = {}
        self._checksums: dict[Ref, int] = {}
        for request in requests:
            location = request.location
            self._requests.setdefault(location.ref.sop_uid, []).append(request)
            if location.checksum is not None:
                self._checksums[location.ref] = location.checksum

    def buffer(self, ref: Ref, size: int) -> memoryview | None:
        return self._assembly.buffer(ref, size) if isinstance(ref, FrameRef) else None

    def unpack(self, result: FetchResult) -> Iterable[FetchResult]:
        """Frames of a whole instance; a frame's own bytes are passed on."""
        ref = result.ref
        asked = self._requests.get(ref.sop_uid, ())
        if isinstance(ref, InstanceRef):
            refs = [wanted for request in asked for wanted in request.refs if isinstance(wanted, FrameRef)]
        elif isinstance(ref, FrameRef) and result.media_type == "application/dicom" and is_part10(result.data):
            refs = [ref]
        else:
            return (result,)
        frames = next((request.location.frames for request in asked), 1)
        return split_instance(result, refs, self._assembly.description, frames)

    def take(self, result: FetchResult) -> None:
        ref = result.ref
        assert isinstance(ref, FrameRef) and result.data is not None
        syntax = result.transfer_syntax or self._requests[ref.sop_uid][0].location.transfer_syntax
        self._assembly.place(ref, result.data, syntax, self._checksums.get(ref))
