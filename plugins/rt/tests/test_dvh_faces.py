"""Histograms as tables and plots."""

from __future__ import annotations

import sys

import pytest

from dicomlogic_rt.dvh_curves import DvhCurve
from dicomlogic_rt.dvh_faces import plot_dvhs
from dicomlogic_rt.dvh_results import Dvh


def histogram(name: str = "PTV") -> Dvh:
    return Dvh(
        name=name,
        roi_number=1,
        curve=DvhCurve(doses=[0, 40, 60], volumes_cc=[8, 8, 0]),
        unit="Gy",
        volume_cc=8.0,
        end_cap="half",
        minimum=40.0,
        mean=50.0,
        maximum=60.0,
        outside_cc=0.0,
        cell_mm=0.5,
        samples=1000,
        movement_percent=0.01,
    )


def test_table_shows_numbers_and_escapes_names():
    shown = histogram("<b>PTV</b>")._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;PTV" in shown
    for text in ("8", "half", "41", "50", "59", "60", "Gy"):
        assert f"<td>{text}</td>" in shown


def test_plot_draws_percent_over_dose():
    matplotlib = pytest.importorskip("matplotlib", reason="plots need the extra dicomlogic-rt[plot]")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = plot_dvhs([histogram(), histogram("Rectum")], colours={"PTV": (255, 0, 0)})
    first, second = axes.get_lines()
    assert first.get_xydata().tolist() == [[0, 100], [40, 100], [60, 0]]
    assert tuple(first.get_color()) == (1, 0, 0)
    assert "Rectum" in second.get_label()
    assert axes.get_xlabel() == "dose [Gy]"
    assert plot_dvhs([histogram()], axes=axes) is axes
    pyplot.close("all")


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"dicomlogic-rt\[plot\]"):
        plot_dvhs([histogram()])
