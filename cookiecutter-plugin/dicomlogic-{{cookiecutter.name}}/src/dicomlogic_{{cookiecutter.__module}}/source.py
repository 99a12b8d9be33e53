"""A source over a small web service: a listing in pages, then the headers of one series at a time.

The service of this example answers

    GET ROOT/series?page=1    {"series": [{"study": UID, "series": UID, "instances": 20}, ...], "next": 2 or null}
    GET ROOT/series/UID       a DICOM JSON array (PS3.18 F.2): the headers of its instances, without pixels
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from dicomlogic_core import (
    Client,
    Failure,
    HeaderBatch,
    InstanceRef,
    Location,
    NetworkError,
    Query,
    SourceError,
    Unchanged,
    WorkContext,
    is_uid,
    parse_json,
)


class {{ cookiecutter.__class }}:
    """Scans one service, series by series, in the order in which it lists them."""

    def scan(
        self, query: Query, known: Callable[[str], str | None], context: WorkContext
    ) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """One pass. Keys are `series:UID`, versions the numbers of instances: a series that has grown is read again.

        Raises:
            SourceError: the service cannot be listed.
        """
        client: Client = context.http(query.location)
        for study_uid, series_uid, count in _listed(client, context):
            if known(f"series:{series_uid}") == str(count):
                yield Unchanged(count=count)
                continue
            url = f"{client.base}/series/{series_uid}"
            try:
                answer = client.json(url, accept="application/json", cancelled=context.cancelled)
            except NetworkError as error:
                yield Failure(location=url, error=error)  # the other series go on
                continue
            yield HeaderBatch(
                form="json",
                headers=[bytes(answer.body)],
                locate=partial(_location, query.location, client.base),
                study_uid=study_uid,
                series_uid=series_uid,
                version=str(count),
            )


def _listed(client: Client, context: WorkContext) -> Iterator[tuple[str, str, int]]:
    page: Any = 1
    while page is not None:
        url = f"{client.base}/series?page={page}"
        answer = client.json(url, accept="application/json", cancelled=context.cancelled)
        try:
            listing = parse_json(bytes(answer.body))
            rows = [(str(row["study"]), str(row["series"]), int(row["instances"])) for row in listing["series"]]
            following = None if listing["next"] is None else int(listing["next"])
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                "the listing is not one of this service", where=client.base, remedy="check the URL"
            ) from error
        # What a server says goes into URLs: only UIDs may, and pages must come to an end.
        if following is not None and following <= page or not all(is_uid(row[1]) for row in rows):
            raise SourceError("the listing cannot be followed", where=client.base, remedy="report it to the service")
        yield from rows
        page = following


def _location(source: str, root: str, study_uid: str, series_uid: str, sop_uid: str, has_pixels: bool) -> Location:
    """Where a fetcher of the same scheme gets the instance."""
    scheme = source.partition("+")[0].lower()
    return Location(
        ref=InstanceRef(study_uid=study_uid, series_uid=series_uid, sop_uid=sop_uid),
        source=source,
        url=f"{scheme}+{root}/series/{series_uid}/instances/{sop_uid}",
    )
