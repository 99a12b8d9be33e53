"""Mappings inside enhanced PET: their adaptor keeps what every adaptor promises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance
from dicomlogic_core.testing.phantom_pet_enhanced import SUV_BW, enhanced_pet, mapping_item


def inside(folder: Path) -> Sequence[Path]:
    """An enhanced object with a mapping per frame."""
    return phantoms.write(folder, [enhanced_pet(mappings=lambda n: [mapping_item(1e-4 * (n + 1), SUV_BW)])])


class TestMappingsInside(AdaptorConformance):
    provider_name = "pet-ct-rwvm"
    series = [inside]
