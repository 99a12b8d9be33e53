"""What activity is normalised by: weight, lean body mass, surface and ideal weight of the body, and their codes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

Formula = Callable[[float, float, bool], float]
"""(weight kg, height cm, is male) -> kg, or m2 for surfaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A kind of standardized uptake value.

    Attributes:
        key: the value of the option ``suv``.
        label: the end of a name, as 3D Slicer writes it where it has one.
        unit: UCUM code.
        formula: the norm as text, W in kg, H in cm, h in m.
        body: the norm as a function.
        scale: factor from the function's unit to g or cm2.
        height: the norm needs the height.
        sex: the norm needs the sex.
        suv_type: SUVType (0054,1006) of stored values of this kind.
        code: DCM code of the unit and its meaning (CID 85).
        method: DCM code of the calculation method and its meaning.
    """

    key: str
    label: str
    unit: str
    formula: str
    body: Formula
    scale: float = 1000.0
    height: bool = True
    sex: bool = True
    suv_type: str
    code: tuple[str, str]
    method: tuple[str, str]


def _weight(weight: float, height: float, male: bool) -> float:
    return weight


def _lean_james(weight: float, height: float, male: bool, *, square: float) -> float:
    ratio = (weight / height) ** 2
    return 1.10 * weight - square * ratio if male else 1.07 * weight - 148 * ratio


def _lean_james_128(weight: float, height: float, male: bool) -> float:
    return _lean_james(weight, height, male, square=128)


def _lean_james_120(weight: float, height: float, male: bool) -> float:
    return _lean_james(weight, height, male, square=120)


def _lean_janmahasatian(weight: float, height: float, male: bool) -> float:
    index = weight / (height / 100) ** 2
    return 9270 * weight / (6680 + 216 * index if male else 8780 + 244 * index)


def _surface_du_bois(weight: float, height: float, male: bool) -> float:
    if weight < 0 or height < 0:
        return math.nan
    return 0.007184 * math.pow(weight, 0.425) * math.pow(height, 0.725)


def _ideal(weight: float, height: float, male: bool) -> float:
    return 48.0 + 1.06 * (height - 152) if male else 45.5 + 0.91 * (height - 152)


_MASS = "g/ml"
_ALL = (
    Variant(
        key="bw",
        label="SUVbw",
        unit=_MASS,
        formula="1000 W",
        body=_weight,
        height=False,
        sex=False,
        suv_type="BW",
        code=("g/ml{SUVbw}", "Standardized Uptake Value body weight"),
        method=("126410", "SUV body weight calculation method"),
    ),
    Variant(
        key="lbm",
        label="SUVlbm",
        unit=_MASS,
        formula="1000 (1.10 W - 128 (W/H)^2), women 1000 (1.07 W - 148 (W/H)^2)",
        body=_lean_james_128,
        suv_type="LBMJAMES128",
        code=("g/ml{SUVlbm(James128)}", "Standardized Uptake Value lean body mass (James 128 multiplier)"),
        method=("126415", "SUV lean body mass calculation method using 128 multiplier"),
    ),
    Variant(
        key="lbm-janma",
        label="SUVlbmJanma",
        unit=_MASS,
        formula="1000 x 9270 W / (6680 + 216 W/h^2), women 1000 x 9270 W / (8780 + 244 W/h^2)",
        body=_lean_janmahasatian,
        suv_type="LBMJANMA",
        code=("g/ml{SUVlbm(Janma)}", "Standardized Uptake Value lean body mass (Janma)"),
        method=("126414", "SUV lean body mass calculation Janmahasatian method"),
    ),
    Variant(
        key="bsa",
        label="SUVbsa",
        unit="cm2/ml",
        formula="10000 x 0.007184 W^0.425 H^0.725",
        body=_surface_du_bois,
        scale=10000.0,
        sex=False,
        suv_type="BSA",
        code=("cm2/ml{SUVbsa}", "Standardized Uptake Value body surface area"),
        method=("126412", "SUV body surface area calculation method"),
    ),
    Variant(
        key="ibw",
        label="SUVibw",
        unit=_MASS,
        formula="1000 (48.0 + 1.06 (H - 152)), women 1000 (45.5 + 0.91 (H - 152))",
        body=_ideal,
        suv_type="IBW",
        code=("g/ml{SUVibw}", "Standardized Uptake Value ideal body weight"),
        method=("126413", "SUV ideal body weight calculation method"),
    ),
    # Only where values are stored so: SUVType LBM is the older coefficient (PS3.3 C.8.9.1).
    Variant(
        key="lbm-120",
        label="SUVlbm120",
        unit=_MASS,
        formula="1000 (1.10 W - 120 (W/H)^2), women 1000 (1.07 W - 148 (W/H)^2)",
        body=_lean_james_120,
        suv_type="LBM",
        code=("g/ml{SUVlbm}", "Standardized Uptake Value lean body mass (James)"),
        method=("126411", "SUV lean body mass calculation method"),
    ),
)

VARIANTS: Mapping[str, Variant] = MappingProxyType({variant.key: variant for variant in _ALL})
"""Kinds of uptake values by key, the one that is selected first."""

BY_SUV_TYPE: Mapping[str, Variant] = MappingProxyType({variant.suv_type: variant for variant in _ALL})
"""Kinds of uptake values by SUVType."""


def norm(variant: Variant, weight_kg: float, height_m: float, sex: str) -> float:
    """The norm of a body in g, or in cm2 for the body surface; NaN where an input it needs is NaN.

    Args:
        variant: which norm.
        weight_kg: more than 0.
        height_m: more than 0, NaN when not known and not needed.
        sex: ``M``, ``F``, or anything else for the mean of both formulas.
    """
    sexes = {"M": (True,), "F": (False,)}.get(sex, (True, False))
    return variant.scale * math.fsum(variant.body(weight_kg, 100 * height_m, male) for male in sexes) / len(sexes)
