"""The adaptors and the writer keep what every plugin promises."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance, WriterConformance
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_pet_ct import plugin


def uptake() -> Any:
    """The uptake values of the phantom."""
    with TemporaryDirectory() as folder, dl.open(manager=closed_manager(plugin)) as session:
        phantoms.pet().write(Path(folder))
        session.index(folder)
        return session.load(session.examine()[0])


class TestPet(AdaptorConformance):
    provider_name = "pet-ct"


class TestPair(AdaptorConformance):
    provider_name = "pet-ct-pair"
    series = [phantoms.pet_ct()]


def pair() -> Any:
    """A PET with its CT."""
    with TemporaryDirectory() as folder, dl.open(manager=closed_manager(plugin)) as session:
        phantoms.pet_ct().write(Path(folder))
        session.index(folder)
        return session.load(next(one for one in session.examine(all=True) if one.kind == "pair"))


class TestPairWriter(WriterConformance):
    provider_name = "pet-ct-pair"
    objects = [pair]


def with_mapping(folder: Path) -> None:
    """A PET, and the mapping to its uptake values beside it."""
    phantoms.pet().write(folder)
    with dl.open(manager=closed_manager(plugin)) as session:
        session.index(folder)
        session.write(session.load(session.examine()[0]), folder, format="rwvm")


class TestMapped(AdaptorConformance):
    provider_name = "pet-ct-rwvm"
    series = [with_mapping]


class TestMappingWriter(WriterConformance):
    provider_name = "pet-ct-rwvm"
    objects = [uptake]
    left_out = {
        "test_what_is_written_reads_back_equal": "a mapping holds factors, not pixels; test_rwvm.py reads them back",
    }
