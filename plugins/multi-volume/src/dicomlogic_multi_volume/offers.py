"""What a series offers: per geometry the best sequence, its alternatives, and what was set apart from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dicomlogic_core import (
    Finding,
    Loadable,
    SeriesView,
    Stack,
    StackPart,
    clean_name,
    default_name,
    finding,
    hard_parts,
    stack_of,
)
from dicomlogic_multi_volume.arrangements import Arrangement, Frames
from dicomlogic_multi_volume.cine import films
from dicomlogic_multi_volume.columns import Column
from dicomlogic_multi_volume.finder import arrangements, candidates_of
from dicomlogic_multi_volume.pieces import Piece, pieces
from dicomlogic_multi_volume.remarks import rejected, step_findings

NAME = "multi-volume"
# Values mean nothing without the plugin that knows their scaling.
_NOT_OURS = frozenset(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("481.1", "481.2", "66.4", "66.7"))
_STEP_DOWN = 0.05
_UNEVEN = 0.5  # a sequence whose slices are not evenly spaced
_APART = 0.45
_MOST_ALTERNATIVES = 6


def offers(series: SeriesView) -> list[Loadable]:
    """The loadables of a series."""
    if not _NOT_OURS.isdisjoint(series.text("SOPClassUID")):
        return []
    result: list[Loadable] = []
    for part in hard_parts(series):
        offered = [list(_offered(series, piece)) for piece in pieces(series, part)]
        if len(offered) > 1 and not all(offered):
            # Of a piece nothing can be made: cut so, its frames would be in no loadable that is selected.
            offered = [list(_offered(series, Piece(part=part)))]
        result.extend(loadable for loadables in offered for loadable in loadables)
    return result


def frames_of(stack: Stack) -> Frames | None:
    """The frames of a stack that holds several at every position; None for any other."""
    if stack.kind != "four-dimensional" or stack.planes is None:
        return None
    return Frames.of(stack.series, stack.rows, stack.planes.place)


def _offered(series: SeriesView, piece: Piece) -> Iterator[Loadable]:
    part = piece.part
    stack = stack_of(series, part.rows)
    if stack.kind == "image-plane":
        yield from films(series, part, stack, NAME)
        return
    frames = frames_of(stack)
    if frames is None:
        if piece.apart:
            yield from _volume_apart(stack, piece)
        return
    columns = candidates_of(frames)
    found = arrangements(frames, columns)
    refs = series.frames.refs()
    for number, one in enumerate(found[: 1 + _MOST_ALTERNATIVES]):
        yield Loadable(
            adaptor=NAME,
            kind="sequence",
            name=_name(series, part, one),
            study_uid=series.study_uid,
            series_uids=(series.series_uid,),
            frames=tuple([refs[row] for row in _claimed(one)]),
            confidence=_confidence(found, number),
            findings=_findings(part, found, number),
            explanation=_explanation(found, number, columns),
            options={"axis": one.name},
        )


def _volume_apart(stack: Stack, piece: Piece) -> Iterator[Loadable]:
    if stack.kind == "volume":
        yield Loadable(
            adaptor=NAME,
            kind="volume",
            name=clean_name(f"{default_name(stack.series, int(stack.rows[0]))} - {piece.part.label}"),
            study_uid=stack.series.study_uid,
            series_uids=(stack.series.series_uid,),
            frames=stack.series.frames.refs(stack.claimed),
            confidence=_APART,
            findings=(*piece.part.findings, *stack.findings),
            explanation=f"{piece.apart}, a volume of its own",
        )


def _claimed(one: Arrangement) -> list[int]:
    """The rows volume by volume, then those left out: no instance disappears."""
    rows = one.frames.rows
    claimed: list[int] = np.concatenate([rows[one.members].reshape(-1), rows[one.left]]).tolist()
    return claimed


def _confidence(found: Sequence[Arrangement], number: int) -> float:
    one, best = found[number], found[0]
    confidence = one.confidence if first_volume(one).regular else min(one.confidence, _UNEVEN)
    if number:
        confidence = min(confidence, best.confidence - _STEP_DOWN * number)
    return round(max(confidence, _STEP_DOWN), 3)


def _findings(part: StackPart, found: Sequence[Arrangement], number: int) -> tuple[Finding, ...]:
    one = found[number]
    findings = [*part.findings, *one.findings, *step_findings(one), *first_volume(one).findings]
    rivals = [other.name for other in found[1:] if not _alike(one, other)]
    if not number and rivals:
        message = f"{one.name} was chosen; {', '.join(rivals[:_MOST_ALTERNATIVES])} would order the frames otherwise"
        findings.append(finding("axis.ambiguous", message))
    return tuple(dict.fromkeys(findings))


def _explanation(found: Sequence[Arrangement], number: int, columns: Sequence[Column]) -> str:
    one, best = found[number], found[0]
    words = [f"{len(one.members)} volumes of {one.members.shape[1]} positions: {one.how}"]
    if number:
        words.append(f"an alternative to {best.name}" + (" that gives the same volumes" if _alike(one, best) else ""))
    else:
        words.append(rejected(one, columns))
        alike = [other.name for other in found[1:] if _alike(one, other)]
        words.append(f"{', '.join(alike)} agree with it" if alike else "")
    return "; ".join(word for word in words if word)


def _alike(one: Arrangement, other: Arrangement) -> bool:
    return one.members.shape == other.members.shape and bool((one.members == other.members).all())


def first_volume(one: Arrangement) -> Stack:
    """The stack of the first volume, which stands for the geometry of all: positions are those of the whole stack."""
    return stack_of(one.frames.series, one.frames.rows[one.members[0]])


def _name(series: SeriesView, part: StackPart, one: Arrangement) -> str:
    """``5: MR desc - 10 frames Volume Sequence by TriggerTime``, as 3D Slicer names it."""
    row = int(one.frames.rows[one.members[0, 0]])
    instance = int(series.frames.instance[row])
    number, modality = series.text("SeriesNumber")[instance] or "", series.text("Modality")[instance] or ""
    description = series.text("SeriesDescription")[instance] or "Unnamed Series"
    prefix = f"{number}: " if number else ""
    start = f"{prefix}{modality} {description}".strip()
    words = [start, part.label, f"{len(one.members)} frames Volume Sequence by {one.label}"]
    return clean_name(" - ".join(word for word in words if word))


def findings_of(stack: Stack) -> list[Finding]:
    """Findings of a stack but the one that says it has four dimensions."""
    return [one for one in stack.findings if one.code != "series.four-dimensional"]
