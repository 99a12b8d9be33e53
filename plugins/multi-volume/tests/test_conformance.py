"""The adaptors keep what every adaptor promises."""

from __future__ import annotations

from pathlib import Path

from dicomlogic_core.testing import phantom_pet, phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance
from dicomlogic_core.testing.phantom_objects import uid
from dicomlogic_core.testing.phantom_sequences import sequence


def dynamic_pet(folder: Path) -> None:
    phantoms.write(folder, phantom_pet.dynamic())


def two_phases(folder: Path) -> None:
    """Two series of one study, one per cardiac phase."""
    for number, phase in enumerate((30.0, 70.0)):
        datasets = sequence([{"NominalPercentageOfCardiacPhase": phase}], name=f"phase {phase:g}")
        for dataset in datasets:
            dataset.StudyInstanceUID = uid("phases", "study")
            dataset.FrameOfReferenceUID = uid("phases", "frame of reference")
            dataset.SeriesNumber = number + 1
            dataset.SeriesDescription = "phases"
        phantoms.write(folder / f"{phase:g}", datasets)


class TestMultiVolume(AdaptorConformance):
    provider_name = "multi-volume"
    # Of the capture nothing is made; that is to cost no more than a few columns, however many there are.
    series = [
        *(phantoms.mr_echoes(), phantoms.tricky_series(9), dynamic_pet),
        *(phantoms.ultrasound(), phantoms.angiography(), phantoms.secondary_capture()),
    ]


class TestSeriesSets(AdaptorConformance):
    provider_name = "multi-volume-series"
    series = [two_phases]
