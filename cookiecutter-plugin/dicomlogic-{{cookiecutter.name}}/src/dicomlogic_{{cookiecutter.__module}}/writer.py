"""A writer of NumPy archives: the voxels with their place in the patient, read by `numpy.load` alone."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from dicomlogic_core import UsageError, Volume, WriteError, replacing


class {{ cookiecutter.__class }}:
    """Writes a volume as one `.npz` file with `array` [k, j, i], `ijk_to_lps` (mm) and `description` (JSON)."""

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write to `path` with the suffix added; frames of a lazy volume are fetched.

        Raises:
            UsageError: an unknown option value.
            WriteError: the object is no volume, the disk is full or the folder cannot be written.
        """
        compress = options.get("compress", "true")
        if compress not in ("true", "false"):
            raise UsageError(f"compress={compress} is not known", remedy="use true or false")
        if not isinstance(obj, Volume):
            raise WriteError(f"a {type(obj).__name__} cannot be written as .npz", remedy="load a volume")
        volume = obj.fetch()
        save = np.savez_compressed if compress == "true" else np.savez
        target = path.with_name(path.name + ".npz")
        # A temporary name first, so that a failure leaves nothing that looks like a result; buffered, since a plain
        # file may take less than it is given.
        with replacing(target) as file, io.BufferedWriter(cast("io.RawIOBase", file)) as buffered:
            save(
                buffered,
                array=np.asarray(volume),
                ijk_to_lps=volume.geometry.ijk_to_lps,
                description=np.array(json.dumps(_description(volume), sort_keys=True)),
            )
        return [target]


def _description(volume: Volume) -> dict[str, Any]:
    """What a reader needs to know; nothing that identifies the patient."""
    return {
        "name": volume.name,
        "quantity": volume.quantity,
        "unit": volume.unit,
        "frame_of_reference_uid": volume.frame_of_reference_uid,
        "instances": [None if ref is None else ref.sop_uid for ref in volume.provenance],
        "missing": list(volume.missing),
        "findings": [finding.as_dict() for finding in volume.findings],
    }
