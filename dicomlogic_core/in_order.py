"""Parts computed on several threads and handed on one by one: `in_order`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")

_MOST_THREADS = 8
_WORTH_THREADS = 1 << 18  # voxels in all
_WORTH_HANDING = 1 << 15  # voxels in a part: what is less takes no longer than handing it over


def in_order(make: Callable[[int], Part], count: int, *, voxels: int) -> Generator[Part, None, None]:
    """``make(0)``, ``make(1)`` ... up to `count`, made on as many threads as there are processors, a few ahead.

    That pays since numpy lets other threads run while it computes on arrays. At most two parts per thread wait.

    Args:
        make: called from any thread.
        count: of the parts.
        voxels: in each part; little work is done without threads.
    """
    threads = min(_MOST_THREADS, os.cpu_count() or 1, count)
    if threads < 2 or voxels < _WORTH_HANDING or count * voxels < _WORTH_THREADS:
        yield from map(make, range(count))
        return
    waiting: deque[Future[Part]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="dicomlogic-planes") as pool:
        try:
            for number in range(count):
                waiting.append(pool.submit(make, number))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # also when whoever asked for the parts wants no more
            for future in waiting:
                future.cancel()
