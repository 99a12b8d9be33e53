"""What an index run did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.findings import Finding

if TYPE_CHECKING:
    from dicomlogic_core.index.counts import Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexResult:
    """The answer of `Session.index`.

    Attributes:
        patients, studies, series, instances: what was written by this run, new or changed.
        skipped: what needed nothing: known and unchanged, or not DICOM.
        failed: what could not be indexed: location, code, message.
        findings: what is worth knowing.
        seconds: wall-clock time.
    """

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    skipped: int = 0
    failed: tuple[dict[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape of the command line."""
        return {
            "patients": self.patients,
            "studies": self.studies,
            "series": self.series,
            "instances": self.instances,
            "skipped": self.skipped,
            "failed": list(self.failed),
            "findings": [finding.as_dict() for finding in self.findings],
            "seconds": round(self.seconds, 3),
        }


@dataclass(slots=True)
class Tally:
    """Counts of a run under way."""

    patients: set[int] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    instances: int = 0
    skipped: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def fail(self, place: str, error: DicomLogicError) -> None:
        """Record one failure."""
        message = error.message + (f" -> {error.remedy}" if error.remedy else "")
        self.failed.append({"location": place, "code": error.code, "message": message})

    def touch(self, touched: Touched) -> None:
        """Count the parents of what was written."""
        self.patients |= touched.patients
        self.studies |= touched.studies
        self.series |= touched.series

    def result(self, seconds: float) -> IndexResult:
        """The final answer; a finding met twice is told once."""
        return IndexResult(
            patients=len(self.patients),
            studies=len(self.studies),
            series=len(self.series),
            instances=self.instances,
            skipped=self.skipped,
            failed=tuple(self.failed),
            findings=tuple(dict.fromkeys(self.findings)),
            seconds=seconds,
        )
