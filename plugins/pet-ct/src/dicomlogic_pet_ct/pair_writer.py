"""PET with its CT as two NRRD files, each on its own grid or both on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dicomlogic_core import NrrdWriter, UsageError, Volume, WriteError
from dicomlogic_pet_ct.pair import PetCt

OPTION = "pair-grid"
_GRIDS = ("own", "pet", "ct")


class PairWriter:
    """Writes a `PetCt` as ``.pet.nrrd``, with its report beside it, and ``.ct.nrrd``.

    What was put on the other's grid is called ``.pet-on-ct.nrrd`` or ``.ct-on-pet.nrrd``.
    """

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write both volumes; frames of lazy ones are fetched. Options: ``pair-grid``, and those of NRRD files.

        Raises:
            UsageError: an unknown option value.
            WriteError: the object is no pair, the disk is full or the folder cannot be written; no file is left.
            PixelError, NetworkError: the frames of a lazy volume could not be had; no file is left.
        """
        if not isinstance(obj, PetCt):
            raise WriteError(f"a {type(obj).__name__} is no PET with its CT", remedy="load a pair")
        grid = options.get(OPTION, "own")
        if grid not in _GRIDS:
            raise UsageError(f"{OPTION}={grid} is not known", remedy=f"use one of {', '.join(_GRIDS)}")
        written: list[Path] = []
        try:
            for name, volume in _volumes(obj, grid).items():
                written += NrrdWriter().write(volume, path.with_name(f"{path.name}.{name}"), options)
        except BaseException:
            for one in written:
                one.unlink(missing_ok=True)
            raise
        return written


def _volumes(pair: PetCt, grid: str) -> dict[str, Volume]:
    """Ending of the file's name -> volume."""
    if grid == "pet":
        return {"pet": pair.pet, "ct-on-pet": pair.ct_on_pet_grid()}
    if grid == "ct":
        return {"pet-on-ct": pair.pet_on_ct_grid(), "ct": pair.ct}
    return {"pet": pair.pet, "ct": pair.ct}
