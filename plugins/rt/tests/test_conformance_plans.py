"""The adaptors of doses, plans and images keep what every adaptor promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dicomlogic_core.testing import phantom_plan, phantom_rt, phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance
from dicomlogic_core.testing.phantom_plan import photon_beam

_FIRST = {"GantryAngle": 30, "BeamLimitingDeviceAngle": 0, "PatientSupportAngle": 0, "IsocenterPosition": [1, 2, 3]}


def dose(folder: Path) -> None:
    made = phantom_rt.dose(
        lambda points: 1 + np.abs(points).sum(axis=-1), size_ijk=(6, 5, 4), spacing_mm=(2.0, 3.0, 4.0)
    )
    phantoms.write(folder, [made])


def plans(folder: Path) -> None:
    phantoms.write(folder, [phantom_plan.plan([photon_beam(1, [_FIRST, {}])], number=number) for number in range(2)])


def image(folder: Path) -> None:
    plan = phantom_plan.plan([photon_beam(1, [_FIRST, {}])])
    phantoms.write(folder, [plan, phantom_plan.rt_image(plan=phantom_plan.plan_uid())])


class TestDose(AdaptorConformance):
    provider_name = "rt-dose"
    series = [dose]


class TestPlan(AdaptorConformance):
    provider_name = "rt-plan"
    series = [plans]


class TestImage(AdaptorConformance):
    provider_name = "rt-image"
    series = [image]
