"""The adaptor of structure sets and the writer of RTSTRUCT keep what every plugin promises."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance, WriterConformance
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_rt import plugin


def structure_set() -> object:
    """The structure set of the phantom."""
    with TemporaryDirectory() as folder, dl.open(manager=closed_manager(plugin)) as session:
        phantoms.radiotherapy().write(Path(folder))
        session.index(folder)
        (loadable,) = [one for one in session.examine() if one.kind == "structure-set"]
        return session.load(loadable)


class TestStructureSets(AdaptorConformance):
    provider_name = "rt-structure-set"
    series = [phantoms.radiotherapy()]


class TestStructureWriter(WriterConformance):
    provider_name = "rtstruct"
    objects = [structure_set]
    left_out = {
        "test_the_same_object_gives_the_same_bytes": "each is a new DICOM instance, with a UID and a time of its own",
    }
