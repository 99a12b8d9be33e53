"""Plans as people look at them: a table of beams or channels in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomlogic_rt.plan import Beam, Plan

_BEAMS = (
    *("beam", "name", "type", "radiation", "energy", "points", "gantry", "collimator", "couch", "isocentre (LPS mm)"),
    *("Gy per fraction", "meterset"),
)
_CHANNELS = ("setup", "channel", "length mm", "time s", "dwells", "source")


def plan_html(plan: Plan) -> str:
    """A line about the plan, and a table with one row per beam or channel."""
    told = [f"{one.dose_gy:g} Gy ({one.source})" for one in plan.prescriptions]
    told += [f"{group.fractions} fractions" for group in plan.fraction_groups if group.fractions is not None]
    line = html.escape(", ".join([plan.label or "plan", *told]))
    tables = ""
    if plan.beams:
        tables += _table(_BEAMS, [_beam_row(plan, beam) for beam in plan.beams])
    if plan.brachy is not None:
        tables += _table(_CHANNELS, list(_channel_rows(plan)))
    return f"<p>{line}</p>{tables}"


def _beam_row(plan: Plan, beam: Beam) -> list[str]:
    points = beam.control_points
    first = points[0] if points else None
    parts = [part for group in plan.fraction_groups for part in group.beams if part.beam_number == beam.number]
    gantry = [point.gantry_angle for point in points if point.gantry_angle is not None]
    moves = len(set(gantry)) > 1
    return [
        *(_text(value) for value in (beam.number, beam.name, beam.type, beam.radiation)),
        _text(first.energy if first else None),
        _text(len(points)),
        f"{gantry[0]:g} to {gantry[-1]:g}" if moves else _text(gantry[0] if gantry else None),
        _text(first.collimator_angle if first else None),
        _text(first.couch_angle if first else None),
        "; ".join(", ".join(f"{value:.5g}" for value in place) for place in beam.isocentres_lps_mm),
        "; ".join(_text(part.dose_gy) for part in parts),
        "; ".join(_text(part.meterset) for part in parts),
    ]


def _channel_rows(plan: Plan) -> Iterator[list[str]]:
    for setup in plan.brachy.setups if plan.brachy is not None else ():
        for channel in setup.channels:
            values = (setup.number, channel.number, channel.length_mm, channel.total_time_s)
            yield [*map(_text, values), _text(len(channel.dwells)), _text(channel.source_number)]


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{cell}</th>" for cell in head)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
