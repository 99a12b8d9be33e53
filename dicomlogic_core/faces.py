"""Static HTML for notebooks: small tables and a picture. A face never fetches, runs no script and escapes every text.

Header texts are hostile input: a PatientName can hold a script. Attributes that identify the patient are left out
unless `show_phi` says otherwise. Long lists are cut, so that a face stays below 100 kB.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dicomlogic_core.privacy import identifies_patient

if TYPE_CHECKING:
    from dicomlogic_core.findings import Finding
    from dicomlogic_core.loadable import Loadable
    from dicomlogic_core.objects import Volume, VolumeSequence
    from dicomlogic_core.segmentation import Segmentation
    from dicomlogic_core.session import Session

_MOST_ROWS = 120
_LONGEST_TEXT = 64  # UIDs are kept whole, so that they can be copied
LONGEST_SENTENCE = 300
_AXES = "array[k, j, i] (slice, row, column); ijk_to_lps maps (i, j, k, 1) to LPS mm"


class Rows(list[dict[str, Any]]):
    """Rows of the database that show themselves as a table, without patient fields unless `show_phi`.

    The rows themselves are complete: they were asked for.
    """

    show_phi = False

    def _repr_html_(self) -> str:
        return rows_html(self, show_phi=self.show_phi)

    def __repr__(self) -> str:
        return repr([visible(row, show_phi=self.show_phi) for row in self])


class Findings(list["Finding"]):
    """Findings that show themselves as a table."""

    def _repr_html_(self) -> str:
        return findings_html(self) or "no findings"


def visible(row: Mapping[str, Any], *, show_phi: bool) -> dict[str, Any]:
    """A row without the attributes that identify the patient, unless `show_phi`."""
    return {key: value for key, value in row.items() if show_phi or not _hidden(key)}


def _hidden(key: str) -> bool:
    from dicomlogic_core.errors import UsageError

    if key in ("path", "RetrieveURL"):
        return True  # folders are often called after patients
    try:
        return identifies_patient(key)
    except UsageError:
        return False


def rows_html(rows: Sequence[Mapping[str, Any]], *, show_phi: bool = False) -> str:
    """Rows with equal keys as a table."""
    shown = [visible(row, show_phi=show_phi) for row in rows[:_MOST_ROWS]]
    return table_html(list(shown[0]) if shown else ["empty"], [list(row.values()) for row in shown], len(rows))


def loadables_html(loadables: Sequence[Loadable]) -> str:
    """Loadables with their identifiers to copy and the codes of their findings."""
    lines = [
        [
            "●" if loadable.selected else "",
            loadable.id,
            loadable.name,
            loadable.kind,
            f"{loadable.confidence:.2f}",
            loadable.frame_count,
            " ".join(dict.fromkeys(finding.code for finding in loadable.findings)),
        ]
        for loadable in loadables[:_MOST_ROWS]
    ]
    head = ["selected", "id", "name", "kind", "confidence", "frames", "findings"]
    return table_html(head, lines, len(loadables))


def findings_html(findings: Sequence[Finding]) -> str:
    """Findings with what to do about them."""
    lines = [[one.severity, one.code, one.message, one.remedy] for one in findings[:_MOST_ROWS]]
    head = ["severity", "code", "finding", "what to do"]
    return table_html(head, lines, len(findings), longest=LONGEST_SENTENCE) if findings else ""


def failures_html(failures: Sequence[Any]) -> str:
    """Plugins that failed: name, distribution, stage and reason."""
    lines = [
        [failure.plugin, failure.distribution, failure.version, failure.stage, failure.error]
        for failure in failures[:_MOST_ROWS]
    ]
    head = ["plugin", "distribution", "version", "stage", "error"]
    return table_html(head, lines, len(failures), longest=LONGEST_SENTENCE) if failures else ""


def session_html(session: Session) -> str:
    """What a session holds: its series, failed plugins and what indexing found."""
    place = f"database in {session.folder}" if session.folder else "database in memory"
    series = session.list("series")
    title = f"<p><b>DICOMLogic</b> {_text(place)}, {len(session.list('study'))} studies, {len(series)} series</p>"
    parts = [title, rows_html(series, show_phi=session.show_phi)]
    return "".join([*parts, findings_html(session.findings), failures_html(list(session.manager.failures))])


def volume_html(volume: Volume) -> str:
    """A volume as a small table with the middle planes, or the middle frame held of a lazy volume."""
    array = volume.array
    held = f"{getattr(array, 'held', 0)} of {array.shape[0]} frames held" if volume.lazy else "in memory"
    i, j, k = volume.geometry.spacing_mm
    x, y, z = volume.geometry.origin_lps_mm
    lines = [
        ["array", f"{array.shape} {array.dtype}, {held}"],
        ["axes", _AXES],
        ["values", _values_text(volume)],
        ["spacing i, j, k", f"{i:.4g}, {j:.4g}, {k:.4g} mm"],
        ["origin LPS", f"{x:.4g}, {y:.4g}, {z:.4g} mm"],
    ]
    if volume.missing:
        lines.append(["filled slices", ", ".join(map(str, volume.missing[:_MOST_ROWS]))])
    title = f"<p><b>Volume</b> {_text(volume.name)}</p>"
    return (
        title
        + _picture(volume)
        + table_html(["", ""], lines, len(lines), longest=LONGEST_SENTENCE)
        + report_html(volume.metadata.get("report"))
        + findings_html(volume.findings)
    )


def report_html(report: Any) -> str:
    """``metadata["report"]`` as a table of names and values, what is nested with its names joined by dots."""
    if not isinstance(report, Mapping):
        return ""
    lines = list(_flat(report, ""))
    return table_html(["report", ""], lines[:_MOST_ROWS], len(lines), longest=LONGEST_SENTENCE) if lines else ""


def _flat(value: Any, name: str) -> Iterator[list[str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(one, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value):
            yield from _flat(one, f"{name}.{number}")
    elif isinstance(value, (list, tuple)):
        yield [name, ", ".join(_value(one) for one in value)]
    else:
        yield [name, "" if value is None else _value(value)]


def segmentation_html(segmentation: Segmentation) -> str:
    """A segmentation as a table of its segments with their colours and volumes."""
    i, j, k = segmentation.geometry.spacing_mm
    lines = [
        ["layers", f"{segmentation.layers.shape} {segmentation.layers.dtype}, layers[layer, k, j, i]"],
        ["spacing i, j, k", f"{i:.4g}, {j:.4g}, {k:.4g} mm"],
    ]
    counts = segmentation.voxel_counts()
    volume = segmentation.voxel_volume_ml
    segments = [
        [_hex_colour(one.colour), one.id, one.name, one.layer, one.label, count, f"{count * volume:.4g} ml"]
        for one, count in zip(segmentation.segments[:_MOST_ROWS], counts)
    ]
    head = ["colour", "id", "name", "layer", "label", "voxels", "volume"]
    title = f"<p><b>Segmentation</b> {_text(segmentation.name)}</p>"
    tables = table_html(["", ""], lines, len(lines), longest=LONGEST_SENTENCE)
    return title + tables + table_html(head, segments, len(counts)) + findings_html(segmentation.findings)


def _hex_colour(colour: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def _picture(volume: Volume) -> str:
    from dicomlogic_core.images import png, thumbnail

    picture = thumbnail(volume)
    if picture is None:
        return ""
    data = base64.b64encode(png(picture)).decode("ascii")
    return f'<img alt="middle planes" src="data:image/png;base64,{data}">'


def sequence_html(sequence: VolumeSequence) -> str:
    """A sequence as a small table with the values of its axes and the middle planes of its middle volume."""
    first = sequence.volumes[0]
    i, j, k = first.geometry.spacing_mm
    held = sum(getattr(volume.array, "held", volume.array.shape[0]) for volume in sequence.volumes)
    frames = sum(volume.array.shape[0] for volume in sequence.volumes)
    lines = [
        ["volumes", f"{len(sequence)}{'' if sequence.uniform else ', of different grids'}"],
        ["each", f"{first.array.shape} {sequence.dtype}, {_AXES}"],
        ["frames", f"{held} of {frames} held" if sequence.lazy else f"{frames} in memory"],
        ["values", _values_text(first)],
        ["spacing i, j, k", f"{i:.4g}, {j:.4g}, {k:.4g} mm"],
    ]
    axes = [
        [axis.name, axis.tag, axis.unit, len(set(axis.values)), ", ".join(_value(value) for value in axis.values[:12])]
        for axis in sequence.axes
    ]
    title = f"<p><b>VolumeSequence</b> {_text(sequence.name)}</p>"
    tables = table_html(["", ""], lines, len(lines), longest=LONGEST_SENTENCE)
    tables += table_html(["axis", "tag", "unit", "different values", "values"], axes, len(axes)) if axes else ""
    findings = [*sequence.findings, *(finding for volume in sequence.volumes for finding in volume.findings)]
    middle = sequence.volumes[len(sequence) // 2]
    return title + _picture(middle) + tables + findings_html(list(dict.fromkeys(findings)))


def _value(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "(" + " ".join(f"{one:.3g}" if isinstance(one, (int, float)) else str(one) for one in value) + ")"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _values_text(volume: Volume) -> str:
    return " ".join(filter(None, (volume.quantity, volume.unit and f"in {volume.unit}"))) or "unknown unit"


def table_html(head: Iterable[str], lines: Sequence[Sequence[Any]], total: int, *, longest: int = _LONGEST_TEXT) -> str:
    """A table of escaped texts, cut at `longest`, left-aligned; says how many of `total` rows are not shown."""
    titles = "".join(f"<th>{_text(title)}</th>" for title in head)
    cells = ["".join(f"<td>{_text(cell, longest)}</td>" for cell in line) for line in lines]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    rest = f"<p>and {total - len(lines)} more</p>" if total > len(lines) else ""
    return f'<table style="text-align:left"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{rest}'


def _text(value: Any, longest: int = _LONGEST_TEXT) -> str:
    text = "" if value is None else str(value)
    return html.escape(text if len(text) <= longest else text[: longest - 1] + "…", quote=True)
