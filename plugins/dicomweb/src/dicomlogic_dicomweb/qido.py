"""QIDO-RS: pages of studies, series and instances, whatever a server makes of ``limit`` and ``offset``.

Used for identifiers and counts only: header values differ between a listing and the metadata (Orthanc re-encodes
names).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from dicomlogic_core import Client, NetworkError, WorkContext, finding, is_uid
from dicomlogic_dicomweb.elements import JsonObject, objects, text

PAGE = 100
MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class _Page:
    entries: list[JsonObject]
    cut: bool  # the server said that there is more


class Listing:
    """Lists one source. Remembers the largest page of each level, since a server may cut pages without a word."""

    def __init__(self, client: Client, context: WorkContext, page: int = PAGE) -> None:
        self._client = client
        self._context = context
        self._size = page
        self._largest: dict[str, int] = {}

    def entries(
        self, path: str, key: str, filters: Mapping[str, str], *, include: tuple[str, ...] = (), expected: int = 0
    ) -> Iterator[JsonObject]:
        """Every entry of a level, each once, identified by the UID under `key`.

        Args:
            path: below the base, ``studies`` or ``studies/UID/series``.
            filters: keyword -> value. What a server refuses is left out; the caller applies them again.
            include: optional fields to ask for.
            expected: entries there should be, when known; saves asking whether there are more.

        Raises:
            NetworkError: the level cannot be listed.
        """
        level = path.rpartition("/")[2]
        seen: set[str] = set()
        offset = 0
        for _ in range(MOST_PAGES):
            try:
                page = self._page(path, filters, include, offset)
            except NetworkError as error:
                # Google and others refuse fields and filters they do not know with 400.
                if error.status != 400 or offset or not (filters or include):
                    raise
                filters, include = {}, ()
                page = self._page(path, filters, include, offset)
            offset += len(page.entries)
            before = len(seen)
            for entry in page.entries:
                uid = text(entry, key)
                if is_uid(uid) and uid not in seen:
                    seen.add(uid)
                    yield entry
            if len(seen) == before or 0 < expected <= len(seen) or self._is_last(page, level):
                return
        self._context.report(
            finding("source.paging", f"gave up after {MOST_PAGES} pages", where=(f"{self._client.base}/{path}",))
        )

    def _is_last(self, page: _Page, level: str) -> bool:
        """Shorter than asked, without a notice, and shorter than this server has shown that its pages may be."""
        size, largest = len(page.entries), self._largest.get(level, 0)
        self._largest[level] = max(size, largest)
        return not page.cut and size < self._size and size < largest

    def _page(self, path: str, filters: Mapping[str, str], include: tuple[str, ...], offset: int) -> _Page:
        parameters = [*filters.items(), *(("includefield", name) for name in include)]
        parameters += [("limit", str(self._size)), ("offset", str(offset))]
        # Not left to requests, which writes a blank as "+": to some servers that is a plus sign.
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters)
        url = f"{self._client.base}/{path}"
        answer = self._client.json(f"{url}?{query}", cancelled=self._context.cancelled)
        cut = answer.status == 206 or answer.headers.get("Warning", "").startswith("299")
        return _Page(objects(answer.body, url), cut)
