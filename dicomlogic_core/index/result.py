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
    """The answer of `Session.index`; answers can be added.

    Attributes:
        patient_rows, study_uids, series_uids: of whom something new or changed was written by this run.
        instances: how many were written, new or changed.
        skipped: what needed nothing: known and unchanged, or not DICOM.
        failed: what could not be indexed: location, code, message.
        findings: what is worth knowing.
        seconds: wall-clock time.
    """

    patient_rows: frozenset[int] = frozenset()
    study_uids: frozenset[str] = frozenset()
    series_uids: frozenset[str] = frozenset()
    instances: int = 0
    skipped: int = 0
    failed: tuple[dict[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0

    @property
    def patients(self) -> int:
        """Number of patients with something new or changed."""
        return len(self.patient_rows)

    @property
    def studies(self) -> int:
        """Number of studies with something new or changed."""
        return len(self.study_uids)

    @property
    def series(self) -> int:
        """Number of series with something new or changed."""
        return len(self.series_uids)

    def __add__(self, other: IndexResult) -> IndexResult:
        """Of two runs on one database; a study of which both brought something is one study."""
        return IndexResult(
            patient_rows=self.patient_rows | other.patient_rows,
            study_uids=self.study_uids | other.study_uids,
            series_uids=self.series_uids | other.series_uids,
            instances=self.instances + other.instances,
            skipped=self.skipped + other.skipped,
            failed=(*self.failed, *other.failed),
            findings=tuple(dict.fromkeys((*self.findings, *other.findings))),
            seconds=self.seconds + other.seconds,
        )

    def __repr__(self) -> str:
        texts = [f"{key}={len(value) if isinstance(value, list) else value}" for key, value in self.as_dict().items()]
        return f"IndexResult({', '.join(texts)})"

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
            patient_rows=frozenset(self.patients),
            study_uids=frozenset(self.studies),
            series_uids=frozenset(self.series),
            instances=self.instances,
            skipped=self.skipped,
            failed=tuple(self.failed),
            findings=tuple(dict.fromkeys(self.findings)),
            seconds=seconds,
        )
