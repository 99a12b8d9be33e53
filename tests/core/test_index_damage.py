"""Random damage to any of the three files: reading and indexing give an answer or one error of ours, never a crash."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

import dicomlogic_core as dl
from dicomlogic_core.builtin.files_source import FilesSource
from dicomlogic_core.contracts import Query
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.index import schema
from dicomlogic_core.index.ingest import Ingest
from dicomlogic_core.index.query import LEVELS, IndexQuery
from dicomlogic_core.index.store import Store
from dicomlogic_core.testing.phantoms import regular, write_ct
from dicomlogic_core.work import Work


def _use(store: Store, data: Path) -> None:
    """Everything that reads or writes."""
    query = IndexQuery(store, wanted_tags)
    for level in LEVELS:
        query.rows(level, {})
    query.index_findings()
    for uid in query.study_uids():
        for view in query.study_view(uid):
            view.numbers("ImagePositionPatient", 3)
            for row in range(len(view)):
                view.locations(row)
    ingest = Ingest(store, wanted_tags(), provider="files", location=str(data))
    for item in FilesSource().scan(Query(location=str(data)), ingest.known, Work()):
        ingest.add(item)
    ingest.finish()


@pytest.mark.parametrize("count", [40, pytest.param(3000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", [schema.MAIN_FILE, schema.CACHE_FILE, schema.OWN_FILE])
def test_damage_is_an_error_of_ours_or_nothing(name: str, count: int, tmp_path: Path) -> None:
    write_ct(tmp_path / "data", regular(5))
    with dl.open(tmp_path / "good") as session:
        session.index(tmp_path / "data")
    good = (tmp_path / "good" / name).read_bytes()
    dice = random.Random(count)
    for number in range(count):
        folder = tmp_path / "db"
        shutil.copytree(tmp_path / "good", folder)
        data = bytearray(good)
        for _ in range(dice.randint(1, 30)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        # Every third file is cut as well.
        (folder / name).write_bytes(data[: dice.randrange(1, len(data))] if number % 3 == 0 else data)
        try:
            store = Store.open(folder, create=False)
            try:
                _use(store, tmp_path / "data")
            finally:
                store.close()
        except dl.DatabaseError as error:
            assert error.code.startswith("index")
            assert error.remedy
        shutil.rmtree(folder)
