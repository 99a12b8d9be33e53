"""Parts made on several threads: order, how far ahead, errors, and giving up."""

from __future__ import annotations

import threading

import pytest

from dicomlogic_core.in_order import in_order

WORTH = 1 << 20  # voxels of a part that threads are started for


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)


@pytest.mark.parametrize("voxels", [1, WORTH])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_every_part_comes_once_and_in_order(count: int, voxels: int) -> None:
    assert list(in_order(lambda number: number * number, count, voxels=voxels)) == [n * n for n in range(count)]


def test_little_work_starts_no_thread() -> None:
    here = threading.current_thread().name
    assert {*in_order(lambda _: threading.current_thread().name, 20, voxels=10)} == {here}
    assert here not in {*in_order(lambda _: threading.current_thread().name, 20, voxels=WORTH)}


def test_only_a_few_parts_wait_for_whoever_is_slow() -> None:
    made: list[int] = []
    parts = in_order(made.append, 100, voxels=WORTH)
    next(parts)
    assert len(made) <= 9
    parts.close()
    assert len(made) <= 9, "nobody wants the others"


def test_an_error_arrives_in_its_place() -> None:
    parts = in_order(lambda number: 1 // (3 - number), 50, voxels=WORTH)
    assert [next(parts) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(parts)
