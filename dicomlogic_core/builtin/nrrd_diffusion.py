"""Diffusion-weighted sequences as 3D Slicer's DWI NRRD, and as the ``.bval`` and ``.bvec`` texts of FSL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dicomlogic_core import Axis, Geometry, VolumeSequence, WriteError
from dicomlogic_core.builtin.nrrd_header import volume_fields
from dicomlogic_core.builtin.nrrd_sequence import common_keys, value_text

_B_VALUE = ("00189087", "b-value", "DiffusionBValue")
_GRADIENT = ("00189089", "gradient", "DiffusionGradientOrientation")
# Below this a volume counts as not weighted, whatever its direction (as dcm2niix has it).
_WEIGHTED = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Diffusion:
    """Weighting of the volumes of a sequence.

    Attributes:
        b_values: ``[n]`` in s/mm2.
        gradients: ``[n, 3]`` unit vectors in LPS; zero where there is none.
    """

    b_values: np.ndarray[Any, Any]
    gradients: np.ndarray[Any, Any]


def diffusion_of(sequence: VolumeSequence) -> Diffusion | None:
    """The weighting that the axes tell; None for a sequence without b-values or directions."""
    weighting, direction = _find(sequence, _B_VALUE), _find(sequence, _GRADIENT)
    if weighting is None or direction is None:
        return None
    b_values = np.array([_number(value) for value in weighting.values])
    gradients = np.array([_vector(value) for value in direction.values])
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    unit = np.divide(gradients, lengths, out=np.zeros_like(gradients), where=lengths > 1e-6)
    return Diffusion(b_values, unit)


def _find(sequence: VolumeSequence, names: tuple[str, ...]) -> Axis | None:
    return next((axis for axis in sequence.axes if axis.tag in names or axis.name in names), None)


def _number(value: Any) -> float:
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return 0.0


def _vector(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        value = value.replace("\\", " ").replace(",", " ").split()
    try:
        numbers = tuple(float(one) for one in value)
    except (TypeError, ValueError):
        return (0.0, 0.0, 0.0)
    return numbers if len(numbers) == 3 and bool(np.isfinite(numbers).all()) else (0.0, 0.0, 0.0)


def dwi_fields(sequence: VolumeSequence, encoding: str) -> dict[str, Any]:
    """Fields of the grid, list axis last; the measurement frame is the patient's, in which gradients are given."""
    fields = volume_fields(sequence.volumes[0], encoding)
    if len(fields["kinds"]) != 3:
        raise WriteError("a colour sequence is not diffusion-weighted", remedy="leave out as=dwi")
    thickness = sequence.volumes[0].metadata.get("common", {}).get("SliceThickness")
    fields |= {
        "kinds": ["space", "space", "space", "list"],
        "space directions": np.vstack([fields["space directions"], np.full(3, np.nan)]),
        "measurement frame": np.eye(3),
    }
    if (known := _number(thickness)) > 0:
        fields["thicknesses"] = [np.nan, np.nan, known, np.nan]
    return fields


def dwi_keys(sequence: VolumeSequence, diffusion: Diffusion, *, show_phi: bool = False) -> dict[str, str]:
    """The weighting as Slicer's readers and DTI tools expect it, then the keys of any sequence.

    Raises:
        WriteError: volumes with a b-value but no direction (averages over directions), which this form cannot tell from
            unweighted ones.
    """
    largest = float(diffusion.b_values.max())
    aimless = (diffusion.b_values >= _WEIGHTED) & ~diffusion.gradients.any(axis=1)
    if aimless.any():
        numbers = ", ".join(map(str, np.flatnonzero(aimless)[:8]))
        raise WriteError(
            f"{int(aimless.sum())} volumes have a b-value and no gradient direction: {numbers}",
            remedy="write them as a sequence, without as=dwi",
        )
    # The length of a gradient says which part of the largest b-value it has.
    scaled = diffusion.gradients * np.sqrt(diffusion.b_values / (largest or 1.0))[:, None]
    keys = {"modality": "DWMRI", "DWMRI_b-value": value_text(largest)}
    keys |= {f"DWMRI_gradient_{number:04d}": " ".join(map(_digits, vector)) for number, vector in enumerate(scaled)}
    return keys | common_keys(sequence, show_phi=show_phi)


def _digits(value: Any) -> str:
    return f"{float(value) + 0.0:.17g}"


def fsl_texts(diffusion: Diffusion, geometry: Geometry) -> dict[str, str]:
    """Texts by suffix: ``.bval`` one line of b-values, ``.bvec`` one line per image axis."""
    vectors = image_frame(diffusion.gradients, geometry)
    lines = [" ".join(f"{float(value) + 0.0:.10g}" for value in row) for row in vectors.T]
    return {
        ".bval": " ".join(f"{float(value):.10g}" for value in diffusion.b_values) + "\n",
        ".bvec": "\n".join(lines) + "\n",
    }


def image_frame(gradients: np.ndarray[Any, Any], geometry: Geometry) -> np.ndarray[Any, Any]:
    """LPS vectors ``[n, 3]`` in FSL's frame for voxels stored on this grid, as dcm2niix makes it for its own.

    Its axes are i, j and k, but FSL counts i the other way round where i, j, k are right-handed in space.
    """
    along_i, along_j, along_k = geometry.directions.T
    along_j = along_j - along_i * (along_i @ along_j)
    normal = np.cross(along_i, along_j)
    right_handed = normal @ along_k > 0
    frame = np.column_stack([along_i, along_j, normal if right_handed else -normal])
    vectors = gradients @ (frame / np.linalg.norm(frame, axis=0))
    signs = np.array([-1.0 if right_handed else 1.0, 1.0, 1.0])
    return np.asarray(vectors * signs)
