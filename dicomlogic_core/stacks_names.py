"""Names of loadables as 3D Slicer makes them."""

from __future__ import annotations

from dicomlogic_core.series import SeriesView

_REPLACED = str.maketrans({"|": "-", "/": "-", "\\": "-", "*": "(star)"})


def clean_name(name: str) -> str:
    """`name` without the letters Slicer replaces in node names."""
    return name.translate(_REPLACED)


def default_name(series: SeriesView, row: int | None = None) -> str:
    """``<SeriesNumber>: <SeriesDescription>`` of the instance of a frame `row`, of the first instance by default."""
    instance = 0 if row is None else int(series.frames.instance[row])
    description = series.text("SeriesDescription")[instance] or "Unnamed Series"
    number = series.text("SeriesNumber")[instance] or ""
    return clean_name(f"{number}: {description}" if number else description)


def part_name(series: SeriesView, row: int | None, label: str) -> str:
    """The default name with the label of a part: ``4: Head - imageType ORIGINAL-PRIMARY-AXIAL``."""
    name = default_name(series, row)
    return clean_name(f"{name} - {label}") if label else name


def value_label(tag: str, value: str) -> str:
    """The label of a sub-series by value; commas become underscores as in Slicer."""
    return f"{tag} {value}".replace(",", "_")
