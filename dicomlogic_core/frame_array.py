"""The lazy array of volumes: frames are fetched when they are asked for, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dicomlogic_core.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FrameArray:
    """A read-only array ``[k, j, i]`` or ``[k, j, i, c]`` whose frames are fetched when they are asked for.

    `load` is called with the indices k that are wanted and not yet held, and returns their frames in that order, each
    of shape ``shape[1:]`` and of `dtype`. Frames once fetched are kept in the array they were fetched into. `found`
    tells what fetching has found so far.
    """

    __slots__ = ("_array", "_found", "_held", "_load", "dtype", "shape")

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        load: Callable[[Sequence[int]], NDArray[Any] | Sequence[NDArray[Any]]],
        found: Callable[[], Sequence[Finding]] = tuple,
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._load = load
        self._found = found
        self._array: NDArray[Any] | None = None
        self._held: dict[int, NDArray[Any]] = {}

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def held(self) -> int:
        """Number of frames already fetched."""
        return self.shape[0] if self._array is not None else len(self._held)

    @property
    def held_indices(self) -> tuple[int, ...]:
        """The k of the frames already fetched, ascending; asking for these costs nothing."""
        return tuple(range(self.shape[0])) if self._array is not None else tuple(sorted(self._held))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What only the pixels of frames fetched so far could show."""
        return tuple(self._found())

    def __len__(self) -> int:
        return self.shape[0]

    def frames(self, wanted: Sequence[int]) -> list[NDArray[Any]]:
        """The frames at indices `wanted`, fetching those not held in one batch.

        Raises:
            PixelError, NetworkError: what the fetch found; nothing is held of a frame that failed.
        """
        if self._array is not None:
            return [self._array[k] for k in wanted]
        held = self._held  # this dict also when another thread fetches the whole array meanwhile
        missing = sorted({k for k in wanted if k not in held})
        if missing:
            for k, frame in zip(missing, self._load(missing)):
                frame.setflags(write=False)
                held[k] = frame
        return [held[k] for k in wanted]

    def fetch(self) -> NDArray[Any]:
        """The whole array, fetched at once."""
        if self._array is None:
            if not self._held:
                loaded = self._load(range(self.shape[0]))
                if isinstance(loaded, np.ndarray):  # then it is the whole array already; no second one is made
                    loaded.setflags(write=False)
                    self._array = loaded
                    return loaded
                self._held.update(enumerate(loaded))
            array = np.empty(self.shape, self.dtype)
            for k, frame in enumerate(self.frames(range(self.shape[0]))):
                array[k] = frame
            array.setflags(write=False)
            self._array = array
            self._held = {}
        return self._array

    def read(self) -> NDArray[Any]:
        """The whole array, without keeping what was fetched for it: for arrays that are passed on one by one."""
        if self._array is not None:
            return self._array
        held = self._held
        missing = [k for k in range(self.shape[0]) if k not in held]
        loaded = self._load(missing)
        if not held and isinstance(loaded, np.ndarray):
            return loaded
        fresh = dict(zip(missing, loaded))
        return np.stack([held[k] if k in held else fresh[k] for k in range(self.shape[0])])

    def part(self, first: int, count: int) -> FrameArray:
        """`count` frames from `first` on as an array of its own, whose frames are fetched and kept by itself."""
        load = self._load
        shape = (count, *self.shape[1:])
        return FrameArray(shape, self.dtype, lambda wanted: load([first + k for k in wanted]), self._found)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis or first is None:
            return cast("NDArray[Any]", self.fetch()[key])
        count = self.shape[0]
        if isinstance(first, (int, np.integer)):
            k = int(first) + (count if first < 0 else 0)
            if not 0 <= k < count:
                raise IndexError(f"frame {int(first)} of {count}")
            return cast("NDArray[Any]", self.frames([k])[0][tuple(rest)] if rest else self.frames([k])[0])
        if np.ndim(first) > 1:  # masks of voxels, tables of indices
            return cast("NDArray[Any]", self.fetch()[key])
        picked = np.arange(count)[first]
        frames = self.frames([int(k) for k in picked])
        stack = np.stack(frames) if frames else np.empty((0, *self.shape[1:]), self.dtype)
        # A list of k pairs with lists of rows and columns, as in numpy; a slice does not.
        along_k: Any = slice(None) if isinstance(first, slice) else np.arange(len(picked))
        whole: tuple[Any, ...] = (along_k, *rest)
        return cast("NDArray[Any]", stack[whole])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False and (self._array is None or (dtype is not None and np.dtype(dtype) != self.dtype)):
            raise ValueError("a lazy array must be fetched into a new array; ask with copy=None")
        array = self.fetch()
        if dtype is not None and np.dtype(dtype) != self.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __repr__(self) -> str:
        return f"FrameArray(shape={self.shape}, dtype={self.dtype}, held={self.held} of {self.shape[0]} frames)"
