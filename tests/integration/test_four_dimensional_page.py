"""The page that shows 4-D series side by side says what is so."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import four_dimensional_page
import pytest


def test_the_page_is_what_the_data_gives_now(shared_data: Path) -> None:
    written: Path = four_dimensional_page.PAGE
    assert written.read_text(encoding="utf-8") == four_dimensional_page.page(shared_data), (
        f"run {Path(four_dimensional_page.__file__).name} with the data's folder"
    )


@pytest.mark.parametrize("row", four_dimensional_page.ROWS, ids=lambda row: f"{row.case}-{row.series}")
def test_references_have_the_shapes_named(row: Any, shared_data: Path) -> None:
    nibabel: Any = importlib.import_module("nibabel")
    folder = shared_data / row.case
    references = sorted([*folder.glob("ref_fresh/*.nii.gz"), *folder.glob("ref/*.nii.gz")])
    of_series = [path for path in references if len(references) == len(row.shapes) or f"{row.series}_" in path.name]
    shapes = {nibabel.load(path).shape for path in of_series}
    assert shapes == set(row.shapes.values())
