"""What a series offers: parts by hard keys, clean parts of uneven stacks, and the ways to load what stays uneven."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dicomlogic_core import (
    Finding,
    FrameRef,
    Loadable,
    SeriesView,
    Stack,
    StackPart,
    as_is_finding,
    by_appearance,
    can_be,
    finding,
    hard_parts,
    image_rows,
    mode_of,
    modes_for,
    overlap_finding,
    part_name,
    runs_of,
    soft_parts,
    stack_of,
)
from dicomlogic_scalar_volume.slicer import subseries, varying_tags

NAME = "scalar-volume"
# Values mean nothing without the plugin that knows their scaling.
_NOT_OURS = frozenset(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("481.1", "481.2", "66.4", "66.7"))
_ALTERNATIVE = 0.45
_ONE_OF_SEVERAL = 0.35  # one volume of a sequence: below the sequence, also where that is incomplete
_STEP_DOWN = 0.05
_LEAST = 0.05
_SUFFIX = {"as-is": " (as is)", "resample": " (resampled)", "fill": " (filled)", "error": " (regular only)"}


@dataclass(slots=True)
class _Offers:
    """Loadables of one series as they are made; each set of frames is offered once for each way to load it."""

    series: SeriesView
    refs: tuple[FrameRef, ...]
    made: list[Loadable] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def add(
        self,
        stack: Stack,
        label: str,
        *,
        confidence: float,
        explanation: str,
        findings: Sequence[Finding] | None = None,
        suffix: str = "",
        mode: str = "",
    ) -> None:
        rows = stack.claimed.tolist()
        loadable = Loadable(
            adaptor=NAME,
            kind="volume",
            name=part_name(self.series, rows[0], label) + suffix,
            study_uid=self.series.study_uid,
            series_uids=(self.series.series_uid,),
            frames=tuple([self.refs[row] for row in rows]),
            confidence=round(max(confidence, _LEAST), 3),
            findings=tuple(stack.findings if findings is None else findings),
            explanation=explanation,
            options={"irregular": mode} if mode else {},
        )
        if loadable.id not in self.ids:
            self.ids.add(loadable.id)
            self.made.append(loadable)


def offers(series: SeriesView, options: Mapping[str, str]) -> Iterable[Loadable]:
    """The loadables of a series; names of Slicer's sub-series come after our own parts, as alternatives."""
    if not _NOT_OURS.isdisjoint(series.text("SOPClassUID")):
        return []
    result = _Offers(series=series, refs=series.frames.refs())
    parts = hard_parts(series)
    for part in parts:
        for stack, label in _stacks(series, part):
            _offer(result, stack, label, options, by_hard_keys=len(parts) > 1)
    _offer_subseries(result)
    return result.made


def _stacks(series: SeriesView, part: StackPart) -> Iterator[tuple[Stack, str]]:
    """The stack of a part; images without a place in the patient are one stack per instance."""
    stack = stack_of(series, part.rows, extra=part.findings)
    instance = series.frames.instance[stack.rows]
    if stack.kind != "image-plane" or bool((instance == instance[0]).all()):
        yield stack, part.label
        return
    numbers = series.text("InstanceNumber")
    for one in dict.fromkeys(instance.tolist()):
        words = (part.label, f"instanceNumber {numbers[one] or one + 1}")
        rows = stack.rows[instance == one]
        yield stack_of(series, rows, extra=part.findings), " - ".join(word for word in words if word)


def _offer(result: _Offers, stack: Stack, label: str, options: Mapping[str, str], *, by_hard_keys: bool) -> None:
    why = "a part of the series by what one array cannot mix; " if by_hard_keys else ""
    findings = list(stack.findings)
    confidence = stack.confidence - _derived(result.series, stack, findings)
    clean = soft_parts(stack)
    if overlap := overlap_finding(stack, clean):
        findings.append(overlap)
        confidence = max(confidence, _ALTERNATIVE)
    for part in clean:
        _offer_part(result, stack, part, label)
    modes = [mode for mode in modes_for(stack) if not (clean and mode == "split")]
    wanted = mode_of(options.get("irregular"))
    possible = len(runs_of(stack)) > 1 if wanted == "split" else bool(wanted) and can_be(stack, wanted)
    if possible and wanted not in modes and not stack.regular:
        modes.append(wanted)
    for number, mode in enumerate(modes):
        lower = _STEP_DOWN if number else 0.0
        if mode == "split":
            _offer_runs(result, stack, label, confidence - lower)
            continue
        off = as_is_finding(stack) if mode == "as-is" else None
        result.add(
            stack,
            label,
            confidence=confidence - lower,
            explanation=why + _reason(stack, mode),
            findings=_as_loaded([*findings, off] if off else findings, mode),
            suffix=_SUFFIX.get(mode, "") if number else "",
            mode=mode,
        )


def _as_loaded(findings: Sequence[Finding], mode: str) -> list[Finding]:
    """The findings, those about missing slices with the way this loadable takes."""
    remedy = f"fetch them; loaded as irregular={mode}"
    return [replace(one, remedy=remedy) if mode and one.remedy.startswith("fetch them") else one for one in findings]


def _offer_part(result: _Offers, whole: Stack, part: StackPart, label: str) -> None:
    stack = stack_of(result.series, part.rows, extra=part.findings)
    four = whole.kind == "four-dimensional"
    result.add(
        stack,
        " - ".join(word for word in (label, part.label) if word),
        confidence=_ONE_OF_SEVERAL if four else stack.confidence,
        explanation="one volume of a four-dimensional series" if four else "uniform by itself, while the whole is not",
    )


def _offer_runs(result: _Offers, stack: Stack, label: str, confidence: float) -> None:
    for part in runs_of(stack):
        run = stack_of(result.series, part.rows, extra=tuple(_as_loaded(part.findings, "split")))
        words = " - ".join(word for word in (label, part.label) if word)
        result.add(
            run, words, confidence=confidence, explanation="a run of equal steps of an uneven stack", mode="split"
        )


def _offer_subseries(result: _Offers) -> None:
    """Slicer's sub-series that are whole volumes, below everything made by our own rules."""
    if not varying_tags(result.series):
        return
    lowest = min((loadable.confidence for loadable in result.made), default=0.5)
    offered = {frozenset(loadable.frames) for loadable in result.made} if result.made else set()
    for one in subseries(result.series, by_appearance(result.series, image_rows(result.series)).tolist()):
        if len(one.rows) < 2 or frozenset(result.refs[row] for row in one.rows) in offered:
            continue
        rows = np.array(one.rows, dtype=np.int64)
        if len(hard_parts(result.series, rows)) != 1:
            continue
        stack = stack_of(result.series, rows)
        if stack.kind == "volume" and stack.regular:
            result.add(
                stack,
                one.label,
                confidence=min(_ALTERNATIVE, lowest - _STEP_DOWN),
                explanation=f"sub-series by {one.tag}, as 3D Slicer offers it",
            )


def _derived(series: SeriesView, stack: Stack, findings: list[Finding]) -> float:
    """How much less to trust derived images in a series that also holds original ones."""
    types = series.frames.text("ImageType")
    row = int(stack.rows[0])
    if not (types[row] or "").startswith("DERIVED") or not any((text or "").startswith("ORIGINAL") for text in types):
        return 0.0
    findings.append(finding("series.derived", "derived images beside original ones in one series"))
    return _STEP_DOWN


def _reason(stack: Stack, mode: str) -> str:
    if stack.kind == "volume":
        how = f", loaded as irregular={mode}" if mode else ""
        count = f"{len(stack.rows)} slices" if len(stack.rows) > 1 else "1 slice"
        return f"{count}, gaps {stack.gap_class}{how}"
    return {
        "four-dimensional": "several frames at every position; load refuses it as one volume",
        "image-plane": "an image without a place in the patient",
        "unlocated": "no usable positions; load refuses unless assume_stack=true",
        "mixed": "frames that are not parallel",
    }[stack.kind]
