"""The adaptors of structure sets and registrations and the writer of RTSTRUCT keep what every plugin promises."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance, WriterConformance
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_core.testing.phantom_registration import deformable, deformable_item, registration_item, spatial
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


def registrations(folder: Path) -> None:
    """A rigid registration and a deformation, in one study."""
    grid = dl.Geometry(size_ijk=(3, 4, 5), ijk_to_lps=np.diag([2.0, 3.0, 4.0, 1.0]))
    rigid = spatial(registration_item([np.diag([1.0, -1.0, -1.0, 1.0])], "1.2.1"))
    deformation = deformable(deformable_item(np.ones((5, 4, 3, 3)), grid))
    deformation.StudyInstanceUID = rigid.StudyInstanceUID
    phantoms.write(folder, [rigid, deformation])


class TestRegistrations(AdaptorConformance):
    provider_name = "rt-registration"
    series = [registrations]


class TestStructureWriter(WriterConformance):
    provider_name = "rtstruct"
    objects = [structure_set]
    left_out = {
        "test_the_same_object_gives_the_same_bytes": "each is a new DICOM instance, with a UID and a time of its own",
    }
