"""The conformance kit: inherit from the class of your plugin's kind, and pytest checks what every such plugin promises.

::

    from dicomlogic_core.testing import phantoms
    from dicomlogic_core.testing.conformance import AdaptorConformance

    class TestScalarVolume(AdaptorConformance):
        provider_name = "scalar-volume"
        series = [phantoms.ct(), phantoms.enhanced_mr()]

It needs pytest: ``pip install "dicomlogic-core[testing]"``.
"""

from __future__ import annotations

from dicomlogic_core.testing.checks.writer_subject import ReadBack
from dicomlogic_core.testing.conformance_adaptor import AdaptorConformance
from dicomlogic_core.testing.conformance_service import FetcherConformance, SourceConformance
from dicomlogic_core.testing.conformance_writer import WriterConformance

__all__ = ["AdaptorConformance", "FetcherConformance", "ReadBack", "SourceConformance", "WriterConformance"]
