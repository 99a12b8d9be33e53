"""PET with its CT as one object: both volumes, and each on the other's grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from dicomlogic_core import Finding, SeriesRef, Volume, resample_volume

Kernel = Literal["linear", "nearest"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PetCt:
    """A PET volume and the CT of the same frame of reference.

    Both are as they were stored, each on its own grid; the frame of reference puts them together, so that neither the
    order of slices nor the orientation matters.

    Attributes:
        pet: SUV (``g/ml``) where that could be had, else activity (``Bq/ml``).
        ct: attenuation (``[hnsf'U]``).
        name: the loadable's name.
        references: structure sets and segmentations of the study that refer to either of them.
        findings: what examining and loading found.
    """

    kind: ClassVar[str] = "pair"
    pet: Volume
    ct: Volume
    name: str = ""
    references: tuple[SeriesRef, ...] = ()
    findings: tuple[Finding, ...] = ()

    def ct_on_pet_grid(self, *, kernel: Kernel = "linear") -> Volume:
        """The CT at the centres of the PET's voxels; NaN outside it where interpolated, else its padding value or 0.

        Raises:
            PixelError, NetworkError: the frames of a lazy volume could not be had.
        """
        return resample_volume(self.ct, self.pet.geometry, kernel=kernel)

    def pet_on_ct_grid(self, *, kernel: Kernel = "linear") -> Volume:
        """The PET at the centres of the CT's voxels; NaN outside the PET.

        Raises:
            PixelError, NetworkError: the frames of a lazy volume could not be had.
        """
        return resample_volume(self.pet, self.ct.geometry, kernel=kernel)

    @property
    def lazy(self) -> bool:
        """True when frames of either are still fetched on demand."""
        return self.pet.lazy or self.ct.lazy

    def as_dict(self) -> dict[str, Any]:
        """What there is, without voxels, for JSON."""
        return {
            "kind": self.kind,
            "name": self.name,
            "pet": _volume_dict(self.pet),
            "ct": _volume_dict(self.ct),
            "references": [one.series_uid for one in self.references],
            "findings": [one.as_dict() for one in self.findings],
        }

    def _repr_html_(self) -> str:
        return self.pet._repr_html_() + self.ct._repr_html_()

    def __repr__(self) -> str:
        return f"PetCt(pet={self.pet!r}, ct={self.ct!r})"


def _volume_dict(volume: Volume) -> dict[str, Any]:
    series = dict.fromkeys(ref.series_uid for ref in volume.provenance if ref is not None)
    return {
        "name": volume.name,
        "series_uids": list(series),
        "quantity": volume.quantity,
        "unit": volume.unit,
        "size_ijk": list(volume.geometry.size_ijk),
        "ijk_to_lps": np.asarray(volume.geometry.ijk_to_lps).tolist(),
        "frame_of_reference_uid": volume.frame_of_reference_uid,
        "findings": [one.as_dict() for one in volume.findings],
    }
