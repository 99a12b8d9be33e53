"""The page of measured errors says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import radiotherapy_accuracy_page

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def test_the_page_is_what_is_measured_now(shared_data: Path) -> None:
    written = radiotherapy_accuracy_page.PAGE.read_text(encoding="utf-8")
    made = radiotherapy_accuracy_page.page(shared_data)
    hint = f"run {Path(radiotherapy_accuracy_page.__file__).name} with the data's folder"
    assert _NUMBER.sub("#", written) == _NUMBER.sub("#", made), hint
    # The last digit may round otherwise on another processor.
    for one, other in zip(_NUMBER.findall(written), _NUMBER.findall(made)):
        digits = len(one.partition(".")[2])
        assert float(one) == pytest.approx(float(other), abs=1.01 * 10**-digits), hint
