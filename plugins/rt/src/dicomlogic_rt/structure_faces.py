"""How a structure set looks in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomlogic_rt.rois import Roi
    from dicomlogic_rt.structures import StructureSet

_MOST_FINDINGS = 20


def structures_html(structures: StructureSet) -> str:
    """The regions as a table, each with its colour, and the findings."""
    heads = ("number", "name", "type", "algorithm", "contours", "points", "volume, cc (half)")
    lines = "".join(_line(roi, structures) for roi in structures)
    table = f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{lines}</table>"
    told = [f"<li>{escape(f'{one.severity} {one.code}: {one.message}')}</li>" for one in structures.findings]
    more = f"<li>and {len(told) - _MOST_FINDINGS} more</li>" if len(told) > _MOST_FINDINGS else ""
    findings = f"<ul>{''.join(told[:_MOST_FINDINGS])}{more}</ul>" if told else ""
    return f"<p><b>StructureSet</b> {escape(structures.label)}</p>{table}{findings}"


def _line(roi: Roi, structures: StructureSet) -> str:
    colour = "rgb({}, {}, {})".format(*roi.colour) if roi.colour else "transparent"
    square = f'<span style="background: {colour}">&emsp;</span> '
    points = sum(len(contour.points) for contour in roi.contours)
    volume = f"{structures.volume_cc(roi).cc:.4g}" if roi.filled else ""
    texts = (
        str(roi.number),
        roi.name,
        roi.interpreted_type,
        roi.algorithm,
        str(len(roi.contours)),
        str(points),
        volume,
    )
    first, name, *others = (escape(text) for text in texts)
    return f"<tr><td>{first}</td><td>{square}{name}</td>{''.join(f'<td>{text}</td>' for text in others)}</tr>"
