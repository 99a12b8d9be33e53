"""The adaptor keeps what every adaptor promises."""

from __future__ import annotations

from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance


class TestScalarVolume(AdaptorConformance):
    provider_name = "scalar-volume"


class TestTrickySeries(AdaptorConformance):
    provider_name = "scalar-volume"
    # The twelfth has a file cut short, which only its pixels can tell: loading refuses it.
    series = [phantoms.tricky_series(number) for number in phantoms.TRICKY if number != 12]
