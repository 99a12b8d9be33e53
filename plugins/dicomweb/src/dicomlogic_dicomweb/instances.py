"""Whole instances by WADO-RS: one, or a series as a stream; in the syntax they are stored in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dicomlogic_core import Client, NetworkError, Part
from dicomlogic_dicomweb.part10 import is_part10

# Without transfer-syntax=* Orthanc tries to decompress and fails for HTJ2K; some servers know only one of the forms,
# and some no such parameter. One media type per request: lists are refused by several (network page, 3.4).
ACCEPTS = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    "application/dicom; transfer-syntax=*",
    'multipart/related; type="application/dicom"',
    "application/dicom",
)
NOT_THIS_FORM = frozenset({400, 405, 406, 415, 500, 501})
"""Statuses by which servers say that they do not offer a form of answer, or not for this object."""


def instance(client: Client, url: str, cancelled: Callable[[], bool]) -> memoryview:
    """A whole instance as a Part-10 file; `url` is that of the instance.

    Raises:
        NetworkError: no form of the answer was to be had.
    """
    failures: list[NetworkError] = []
    for accept in ACCEPTS:
        try:
            parts = client.get(url, accept, cancelled=cancelled).parts()
        except NetworkError as error:
            if error.status not in NOT_THIS_FORM:
                raise
            failures.append(error)
            continue
        for part in parts:
            if is_part10(part.data):
                return part.data
        failures.append(NetworkError("the answer holds no Part-10 file", url=url, status=200))
    raise failures[0]


def series(client: Client, url: str, cancelled: Callable[[], bool]) -> Iterator[Part]:
    """The instances of a series while they arrive; `url` is that of the series.

    Raises:
        NetworkError: with status 0 or 200 in the middle of the answer; any other says that there is no such answer.
    """
    for number, accept in enumerate(ACCEPTS):
        if not accept.startswith("multipart"):
            continue
        try:
            for part in client.parts(url, accept, cancelled=cancelled):
                if is_part10(part.data):
                    yield part
            return
        except NetworkError as error:
            if error.status not in NOT_THIS_FORM or number == 2:
                raise
