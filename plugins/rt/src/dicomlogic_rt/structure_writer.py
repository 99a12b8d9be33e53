"""The writer of format ``rtstruct``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dicomlogic_core import WriteError
from dicomlogic_rt.structure_writing import write_structure_set
from dicomlogic_rt.structures import StructureSet


class StructureSetWriter:
    """Writes a `StructureSet` as an RT structure set."""

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write to `path` with ``.dcm`` added.

        Raises:
            WriteError: the object is no structure set, has no frame of reference, or the file cannot be written.
        """
        if not isinstance(obj, StructureSet):
            raise WriteError(
                f"a {type(obj).__name__} cannot be written as RTSTRUCT",
                remedy="make a structure set of it: structures_of_masks",
            )
        return [write_structure_set(obj, path.with_name(f"{path.name}.dcm"))]
