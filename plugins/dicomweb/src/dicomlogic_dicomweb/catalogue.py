"""What a service has: its series, study by study, with the number of instances of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dicomlogic_core import Client, Failure, NetworkError, WebLocation, WorkContext, finding
from dicomlogic_dicomweb.elements import SERIES_INSTANCES, SERIES_UID, STUDY_SERIES, STUDY_UID, number, text
from dicomlogic_dicomweb.filters import Filters
from dicomlogic_dicomweb.qido import Listing

_FATAL = frozenset({"network.unavailable", "network.unauthorized"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyEntry:
    """A study as listed; `series` is how many the server says it has (0: it does not say)."""

    study_uid: str
    series: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesEntry:
    """A series as listed; `count` is how many instances the server says it has (0: it does not say)."""

    study_uid: str
    series_uid: str
    count: int = 0

    @property
    def path(self) -> str:
        """Below the base URL."""
        return f"studies/{self.study_uid}/series/{self.series_uid}"

    @property
    def version(self) -> str:
        """What is compared when the source is indexed again."""
        return str(self.count or "")


class Catalogue:
    """Lists what a location names: a service, a study or a series of it. Safe for threads."""

    def __init__(
        self, place: WebLocation, client: Client, context: WorkContext, listing: Listing, filters: Filters
    ) -> None:
        self._place = place
        self._client = client
        self._context = context
        self._listing = listing
        self._filters = filters

    def studies(self) -> Iterator[StudyEntry]:
        """The studies, in the order the server lists them.

        Raises:
            NetworkError: studies cannot be listed.
        """
        if self._place.study_uid:
            yield StudyEntry(study_uid=self._place.study_uid)
            return
        for found in self._listing.entries("studies", STUDY_UID, self._filters.studies):
            if self._filters.agrees(found):
                yield StudyEntry(study_uid=text(found, STUDY_UID), series=number(found, STUDY_SERIES))

    def series(self, study: StudyEntry) -> list[SeriesEntry | Failure]:
        """The series of a study; one failure when they cannot be listed, and others could.

        Raises:
            NetworkError: the only study cannot be listed, or the service is gone or wants other credentials.
        """
        if self._place.series_uid:
            return [self._named_series()]
        path = f"studies/{study.study_uid}/series"
        parameters = self._filters.series
        expected = 0 if parameters else study.series
        try:
            listed = list(self._listing.entries(path, SERIES_UID, parameters, expected=expected))
        except NetworkError as error:
            if self._place.study_uid or error.code in _FATAL:
                raise
            return [Failure(location=f"{self._client.base}/{path}", error=error)]
        if len(listed) < expected:
            message = f"the server announced {expected} series of a study and listed {len(listed)}"
            self._context.report(finding("source.incomplete", message, where=(study.study_uid,)))
        return [
            SeriesEntry(
                study_uid=study.study_uid, series_uid=text(found, SERIES_UID), count=number(found, SERIES_INSTANCES)
            )
            for found in listed
            if self._filters.agrees(found)
        ]

    def _named_series(self) -> SeriesEntry:
        """The series the location names, with its count where the server lists it."""
        study_uid, series_uid = self._place.study_uid, self._place.series_uid
        count = 0
        try:
            only = {"SeriesInstanceUID": series_uid}
            for found in self._listing.entries(f"studies/{study_uid}/series", SERIES_UID, only, expected=1):
                if text(found, SERIES_UID) == series_uid:
                    count = number(found, SERIES_INSTANCES)
        except NetworkError as error:
            if error.code in _FATAL:
                raise
        return SeriesEntry(study_uid=study_uid, series_uid=series_uid, count=count)
