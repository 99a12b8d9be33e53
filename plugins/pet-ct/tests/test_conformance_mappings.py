"""The adaptor and the writer of value mappings keep what all adaptors and writers promise."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import dicomlogic_core as dl
from dicomlogic_core import FrameRef, Volume
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance, WriterConformance
from dicomlogic_core.testing.phantom_pet_enhanced import SUV_BW, enhanced_pet, mapping_item
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.rwvm_dataset import Mapped, mapping_dataset


def with_object(folder: Path) -> Sequence[Path]:
    """Slices, and an object that maps them."""
    images = pet.pet_series(name="mapped")
    frames = tuple(
        FrameRef(study_uid=one.StudyInstanceUID, series_uid=one.SeriesInstanceUID, sop_uid=one.SOPInstanceUID)
        for one in images
    )
    mapped = Mapped(
        frames=frames,
        # What the headers give, so that the reading is certain.
        slopes=tuple(
            pet.slope(k) * 1000 * pet.WEIGHT_KG / pet.DOSE_BQ * 2 ** (3600 / pet.HALF_LIFE_S) for k in range(5)
        ),
        variant=VARIANTS["bw"],
        sop_class=images[0].SOPClassUID,
        signed=True,
        attributes={"PatientID": "PHANTOM", "PatientName": str(images[0].PatientName)},
    )
    return phantoms.write(folder, [*images, mapping_dataset(mapped)])


def inside(folder: Path) -> Sequence[Path]:
    """An enhanced object with a mapping per frame."""
    return phantoms.write(folder, [enhanced_pet(mappings=lambda n: [mapping_item(1e-4 * (n + 1), SUV_BW)])])


class TestMappings(AdaptorConformance):
    provider_name = "pet-ct-rwvm"
    series = [with_object, inside]


def uptake() -> Volume:
    with tempfile.TemporaryDirectory() as folder, dl.open() as session:
        phantoms.write(Path(folder), pet.pet_series())
        session.index(folder)
        (loadable,) = session.examine()
        volume = session.load(loadable)
        assert isinstance(volume, Volume)
        return volume


class TestMappingWriter(WriterConformance):
    provider_name = "pet-ct-rwvm"
    objects = [uptake]
    left_out = {"test_the_same_object_gives_the_same_bytes": "every DICOM object has a UID and a time of its own"}
