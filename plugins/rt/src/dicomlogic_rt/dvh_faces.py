"""Histograms as people look at them: a table in a notebook, curves with matplotlib."""

from __future__ import annotations

import html
import importlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from dicomlogic_rt.dvh_results import Dvh

_HEAD = ("region", "cc", "ends", "min", "D98", "D95", "D50", "mean", "D5", "D2", "max", "unit", "outside cc")


def dvh_table_html(histograms: Iterable[Dvh]) -> str:
    """A table with one row per region."""
    rows = [
        (
            one.name,
            f"{one.volume_cc:.4g}",
            one.end_cap,
            *(f"{value:.4g}" for value in (one.minimum, one.d(98), one.d(95), one.d(50), one.mean, one.d(5), one.d(2))),
            f"{one.maximum:.4g}",
            one.unit,
            f"{one.outside_cc:.3g}",
        )
        for one in histograms
    ]
    lines = ["".join(f"<th>{cell}</th>" for cell in _HEAD)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def plot_dvhs(
    histograms: Iterable[Dvh], *, colours: Mapping[str, tuple[int, int, int]] | None = None, axes: Any = None
) -> Any:
    """Draw cumulative curves in percent of each volume.

    Args:
        colours: name of a region -> red, green, blue 0..255, such as `Roi.colour`.
        axes: matplotlib axes to draw on; new ones by default.

    Returns:
        The matplotlib axes.

    Raises:
        ImportError: matplotlib is not installed (``pip install dicomlogic-rt[plot]``).
    """
    if axes is None:
        axes = _pyplot().subplots()[1]
    unit = ""
    for one in histograms:
        colour = (colours or {}).get(one.name)
        drawn = None if colour is None else tuple(np.array(colour) / 255)
        axes.plot(one.curve.doses, one.curve.percent(), label=f"{one.name} ({one.volume_cc:.3g} cc)", color=drawn)
        unit = one.unit
    axes.set_xlabel("dose" + (f" [{unit}]" if unit not in ("", "1") else ""))
    axes.set_ylabel("volume [%]")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 101)
    axes.legend()
    return axes


def _pyplot() -> Any:
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install dicomlogic-rt[plot]", name="matplotlib") from error
