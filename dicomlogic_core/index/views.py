"""Studies as views by column, from the stored blocks: no file is opened and no server asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from dicomlogic_core.findings import Finding, finding, finding_from_error
from dicomlogic_core.header.columns import Place, SeriesColumns
from dicomlogic_core.index import blocks
from dicomlogic_core.index.paths import folder_name, is_allowed
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.values import plain_text
from dicomlogic_core.tags import keyword_of

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicomlogic_core.header.rows import WantedTags
    from dicomlogic_core.index.blocks import StoredBlock


class Views:
    """Reads series.

    Args:
        wanted: gives the columns that the installed plugins read now, to tell which series were kept with fewer.

    Attributes:
        findings: what was noticed while reading: damaged headers, paths refused, columns missing.
    """

    def __init__(self, store: Store, wanted: Callable[[], WantedTags] | None = None) -> None:
        self._store = store
        self._wanted = wanted
        self.findings: list[Finding] = []

    def images(self, series_uid: str) -> list[tuple[str, str, str]]:
        """SOPInstanceUID, Filename and URL in the order they were inserted; "" for none."""
        found = self._store.main.rows(
            "SELECT SOPInstanceUID, Filename, URL FROM Images WHERE SeriesInstanceUID = ? ORDER BY rowid", (series_uid,)
        )
        return [(plain_text(uid), plain_text(name), plain_text(url)) for uid, name, url in found]

    def columns(self, study_uid: str, series_uid: str) -> SeriesColumns | None:
        """The columns of a series; None when no headers of it are held."""
        stored, errors = blocks.read_series(self._store, series_uid)
        self._note(finding_from_error(error) for error in errors)
        uids = [uid for uid, _, _ in self.images(series_uid)]
        chosen, others = _places(uids, stored)
        if len(chosen) < len(uids) and not errors:
            message = f"{len(uids) - len(chosen)} instances were put here by another program and cannot be examined"
            self._note([finding("index.again", message, where=(series_uid,), severity="warning")])
        if not chosen:
            return None
        return SeriesColumns(
            study_uid,
            series_uid,
            [part.block for part in stored],
            chosen,
            others=others,
            missing=self._missing(series_uid, [stored[number] for number in {place.block for place in chosen}]),
            refused=self._refused({folder for part in stored for folder in part.block.folders()}),
        )

    def _missing(self, series_uid: str, used: Sequence[StoredBlock]) -> frozenset[str]:
        """Columns wanted now that some instance of the series was kept without."""
        wanted = set(blocks.column_names(self._wanted())) if self._wanted else set()
        lacking = {name for part in used for name in wanted.difference(part.columns)}
        missing = frozenset(name.removesuffix(blocks.ITEMS) for name in lacking)
        if missing:
            names = ", ".join(sorted(map(keyword_of, missing))[:5])
            message = f"plugins read columns that were not kept: {names}"
            self._note([finding("index.again", message, where=(series_uid,))])
        return missing

    def _refused(self, folders: set[str]) -> frozenset[str]:
        """Folders that neither are the database's nor belong to a source it names."""
        roots = [str(place) for (place,) in self._store.own.rows("SELECT location FROM source") if folders]
        own = folder_name(self._store.folder)
        roots = [root for root in roots if "://" not in root] + ([own] if own else [])
        refused = frozenset(folder for folder in folders if not is_allowed(folder, roots))
        message = "files outside the folders that this database names are not opened"
        self._note(finding("index.path-refused", message, where=(folder,)) for folder in sorted(refused))
        return refused

    def dataset(self, columns: SeriesColumns) -> Callable[[str], Dataset]:
        """What reads the whole header of an instance of a series."""
        from dicomlogic_core.index.datasets import read_dataset

        rows = {uid: row for row, uid in enumerate(columns.sop_uids)}
        return lambda uid: read_dataset(self._store, columns.series_uid, uid, columns.locations(rows[uid]))

    def _note(self, findings: Iterable[Finding]) -> None:
        self.findings.extend(item for item in findings if item not in self.findings)


def _places(uids: Sequence[str], stored: Sequence[StoredBlock]) -> tuple[list[Place], dict[int, list[Place]]]:
    """Per instance where its header is, and where else it has locations.

    The last complete header counts; of every other source the last place is one more location.
    """
    known = blocks.places_of(stored)
    chosen: list[Place] = []
    others: dict[int, list[Place]] = {}
    for uid in uids:
        found = known.get(uid)
        if not found:
            continue
        best = ([place for place in found if stored[place[0]].complete] or found)[-1]
        latest = {stored[number].source_id: (number, row) for number, row in found}
        latest.pop(stored[best[0]].source_id)
        if latest:
            others[len(chosen)] = [Place(*place) for place in latest.values()]
        chosen.append(Place(*best))
    return chosen, others
