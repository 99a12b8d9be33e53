"""How much memory one array may take: checked before it is allocated."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from dicomlogic_core.errors import PixelError, UsageError

LIMIT_BYTES = 32 * 2**30
MEMORY_SHARE = 0.8
OPTION = "memory-gib"


def check_budget(shape: tuple[int, ...], dtype: np.dtype[np.generic], options: Mapping[str, str]) -> None:
    """Refuse an array above 32 GiB or 80 % of physical memory, or above the option ``memory-gib``.

    Raises:
        PixelError: ``pixels.too-large``.
        UsageError: the option is no number.
    """
    wanted = math.prod(shape) * dtype.itemsize
    limit = _limit(options)
    if wanted > limit:
        raise PixelError(
            f"an array of {' x '.join(map(str, shape))} {dtype} takes {wanted / 2**30:.1f} GiB, "
            f"the limit is {limit / 2**30:.1f} GiB",
            code="pixels.too-large",
            remedy=f"load lazily, or raise the limit with option {OPTION}=N",
        )


def _limit(options: Mapping[str, str]) -> float:
    text = options.get(OPTION)
    if text is None:
        return min(LIMIT_BYTES, MEMORY_SHARE * physical_memory())
    try:
        return float(text) * 2**30
    except ValueError:
        raise UsageError(f"option {OPTION}={text} is no number", remedy=f"e.g. {OPTION}=64") from None


@lru_cache(maxsize=1)
def physical_memory() -> int:
    """Bytes of physical memory; 8 GiB when the system does not say."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 8 * 2**30


def _windows_memory() -> int:
    kilobytes = ctypes.c_ulonglong()
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  # exists on Windows only
    if kernel.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
        return kilobytes.value * 1024
    return 8 * 2**30
