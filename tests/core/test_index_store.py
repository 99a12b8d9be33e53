"""Opening and closing a database folder: exact schema, refusals with a remedy, journals, read-only folders."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.index import journal, schema
from dicomlogic_core.index.store import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed, empty database."""
    Store.open(tmp_path / "db").close()
    return tmp_path / "db"


def _run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _read(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def _refused(folder: Path) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        Store.open(folder).close()
    assert caught.value.remedy
    return caught.value


# --- schema ----------------------------------------------------------------------------------------------------------


def test_a_new_folder_holds_three_files_and_no_logs(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [schema.MAIN_FILE, schema.CACHE_FILE, schema.OWN_FILE]
    )
    for path in folder.iterdir():
        assert _read(path, "PRAGMA journal_mode") == [("delete",)]


def test_the_main_file_is_that_of_ctk(folder: Path) -> None:
    main = folder / schema.MAIN_FILE
    assert _read(main, "SELECT * FROM SchemaInfo") == [("0.8.1",)]
    assert _read(main, "PRAGMA user_version") == [(0,)]
    assert _read(main, "SELECT count(*) FROM ColumnDisplayProperties") == [(47,)]
    assert _read(main, "SELECT count(*) FROM ColumnDisplayProperties WHERE Format IS NULL") == [(0,)]
    columns = [(row[1], row[2]) for row in _read(main, "PRAGMA table_info(Images)")]
    assert columns == [
        ("SOPInstanceUID", "VARCHAR(64)"),
        ("Filename", "VARCHAR(1024)"),
        ("URL", "VARCHAR(2048)"),
        ("SeriesInstanceUID", "VARCHAR(64)"),
        ("InsertTimestamp", "VARCHAR(20)"),
        ("DisplayedFieldsUpdatedTimestamp", "DATETIME"),
    ]


def test_a_query_by_url_uses_our_index_which_comes_back_when_dropped(folder: Path) -> None:
    main = folder / schema.MAIN_FILE
    _run(main, "DROP INDEX ImagesURLIndex")
    Store.open(folder).close()
    (plan,) = _read(main, "EXPLAIN QUERY PLAN SELECT * FROM Images WHERE URL = 'x'")
    assert "ImagesURLIndex" in str(plan)


def test_a_folder_made_by_ctk_opens_and_gains_only_the_index(folder: Path) -> None:
    main, cache = folder / schema.MAIN_FILE, folder / schema.CACHE_FILE
    (folder / schema.OWN_FILE).unlink()
    cache.unlink()
    _run(main, "DROP INDEX ImagesURLIndex")
    _run(
        cache,
        "CREATE TABLE TagCache (SOPInstanceUID, Tag, Value, PRIMARY KEY (SOPInstanceUID, Tag))",
        "INSERT INTO TagCache VALUES ('1', '0008,103e', 'lower')",
    )
    before = _read(main, "SELECT * FROM sqlite_master ORDER BY name"), _read(cache, "SELECT * FROM sqlite_master")
    Store.open(folder).close()
    assert _read(cache, "SELECT * FROM sqlite_master") == before[1]
    assert _read(cache, "SELECT * FROM TagCache") == [("1", "0008,103e", "lower")]
    gained = {row[1] for row in _read(main, "SELECT * FROM sqlite_master")} - {row[1] for row in before[0]}
    assert gained == {"ImagesURLIndex"}


def test_without_a_folder_no_file_appears_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.open(None)
    store.main.rows("SELECT * FROM Images")
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_every_statement_runs_on_sqlite_3_37() -> None:
    newer = re.compile(r"->|unixepoch|jsonb|\b(RIGHT|FULL)\s+(OUTER\s+)?JOIN|IS\s+(NOT\s+)?DISTINCT", re.IGNORECASE)
    literal = re.compile(r'"(?:[^"\\\n]|\\.)*"')
    words = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE)\b")
    found = [
        (path.name, text)
        for path in (ROOT / "dicomlogic_core/index").glob("*.py")
        for text in literal.findall(path.read_text(encoding="utf-8"))
        if words.search(text) and newer.search(text)
    ]
    assert found == []


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.7.0", "0.8.0", "9.9"])
def test_another_schema_version_is_refused_unchanged(version: str, folder: Path) -> None:
    main = folder / schema.MAIN_FILE
    _run(main, f"UPDATE SchemaInfo SET Version = '{version}'")
    before = main.read_bytes()
    error = _refused(folder)
    assert error.code == "index.schema-version"
    assert version in str(error)
    assert "Slicer" in error.remedy
    assert main.read_bytes() == before


def test_a_newer_file_of_our_own_is_refused(folder: Path) -> None:
    _run(folder / schema.OWN_FILE, "PRAGMA user_version = 2")
    assert _refused(folder).code == "index.schema-version"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON Images BEGIN DELETE FROM Images; END",
        "CREATE VIEW v AS SELECT * FROM Images",
        "ALTER TABLE Images ADD COLUMN Extra TEXT",
        "ALTER TABLE Images ADD COLUMN Extra TEXT GENERATED ALWAYS AS (hex(SOPInstanceUID)) VIRTUAL",
        "ALTER TABLE Studies DROP COLUMN StudyTime",
        "DROP TABLE Series",
        "DROP TABLE SchemaInfo",
    ],
)
def test_a_foreign_schema_is_refused(statement: str, folder: Path) -> None:
    _run(folder / schema.MAIN_FILE, statement)
    assert _refused(folder).code == "index.schema-foreign"


def test_a_trigger_in_the_tag_cache_or_our_own_file_is_refused(folder: Path) -> None:
    for name, table in ((schema.CACHE_FILE, "TagCache"), (schema.OWN_FILE, "mark")):
        copy = folder.parent / f"copy-{table}"
        shutil.copytree(folder, copy)
        _run(copy / name, f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN DELETE FROM {table}; END")
        assert _refused(copy).code == "index.schema-foreign"


def test_private_tables_and_indexes_are_left_alone(folder: Path) -> None:
    main = folder / schema.MAIN_FILE
    _run(main, "CREATE TABLE mine (a)", "INSERT INTO mine VALUES (1)", "CREATE INDEX i ON Studies (StudyDate)")
    Store.open(folder).close()
    assert _read(main, "SELECT * FROM mine") == [(1,)]


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_file_that_is_no_database_is_refused_or_made_new(content: bytes, tmp_path: Path) -> None:
    (tmp_path / schema.MAIN_FILE).write_bytes(content)
    if content:
        assert _refused(tmp_path).code == "index.damaged"
        assert (tmp_path / schema.MAIN_FILE).read_bytes() == content
    else:
        Store.open(tmp_path).close()  # what a process killed before its first write leaves


def test_damage_anywhere_is_one_clear_error_or_harmless(folder: Path) -> None:
    good = (folder / schema.MAIN_FILE).read_bytes()
    dice = random.Random(7)
    for _ in range(150):
        data = bytearray(good)
        for _ in range(dice.randint(1, 40)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        (folder / schema.MAIN_FILE).write_bytes(data[: dice.choice([len(data), dice.randrange(100, len(data))])])
        for log in folder.glob("*-*"):
            log.unlink()
        try:
            store = Store.open(folder, create=False)
        except DatabaseError as error:
            assert error.code.startswith("index")
            continue
        store.close()


def test_a_folder_without_a_database_is_an_error_unless_it_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="no database"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    with pytest.raises(DatabaseError, match="no database"):
        Store.open(tmp_path / "none", read_only=True)


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("x")
    with pytest.raises(DatabaseError):
        Store.open(tmp_path / "db")


# --- journals --------------------------------------------------------------------------------------------------------


def test_while_open_the_log_lets_others_read(folder: Path) -> None:
    store = Store.open(folder)
    assert store.main.pragma("journal_mode") == "wal"
    assert store.main.pragma("synchronous") == 1
    assert store.findings == []
    store.close()
    store.close()


def test_closing_beside_a_reader_is_no_error(folder: Path) -> None:
    store = Store.open(folder)
    with closing(sqlite3.connect(folder / schema.MAIN_FILE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM Images").fetchall()
        store.main.write(lambda connection: connection.execute("INSERT INTO Directories VALUES ('x')"))
        store.close()
        reader.execute("COMMIT")
        assert reader.execute("SELECT * FROM Directories").fetchall() == [("x",)]
    Store.open(folder).close()
    assert _read(folder / schema.MAIN_FILE, "PRAGMA journal_mode") == [("delete",)]


@pytest.fixture(params=["network mount", "no shared memory"])
def no_wal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place where write-ahead logging does not work."""
    if request.param == "network mount":
        monkeypatch.setattr(journal, "is_network", lambda path: True)
    else:
        real = sqlite3.connect

        def refuse(target: object, **options: object) -> sqlite3.Connection:
            if options.get("timeout") == journal.PROBE_SECONDS:
                raise sqlite3.OperationalError("locking protocol")
            return real(target, **options)  # type: ignore[call-overload, no-any-return]

        monkeypatch.setattr(journal.sqlite3, "connect", refuse)
    yield


@pytest.mark.usefixtures("no_wal")
def test_where_logging_fails_a_rollback_journal_is_used_and_told(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "db")
    assert [item.code for item in store.findings] == ["index.journal-fallback"]
    for database in (store.main, store.cache, store.own):
        assert database.pragma("journal_mode") == "delete"
    store.main.write(lambda connection: connection.execute("INSERT INTO Directories VALUES ('x')"))
    store.close()


# --- read only, full -------------------------------------------------------------------------------------------------


def test_read_only_changes_no_byte(folder: Path) -> None:
    _run(folder / schema.MAIN_FILE, "DROP INDEX ImagesURLIndex")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    store = Store.open(folder, read_only=True)
    store.main.rows("SELECT * FROM Images")
    with pytest.raises(DatabaseError, match="cannot be written"):
        store.main.write(lambda connection: connection.execute("INSERT INTO Directories VALUES ('x')"))
    store.close()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_of_ctk_alone_opens_read_only(folder: Path) -> None:
    (folder / schema.OWN_FILE).unlink()
    (folder / schema.CACHE_FILE).unlink()
    store = Store.open(folder, read_only=True)
    assert store.own.rows("SELECT * FROM block") == []
    store.close()
    assert [path.name for path in folder.iterdir()] == [schema.MAIN_FILE]


def test_a_full_disk_is_said_and_the_folder_opens_afterwards(folder: Path) -> None:
    store = Store.open(folder)
    store.main.pragma(f"max_page_count={store.main.pragma('page_count')}")

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO Directories VALUES ('first')")
        connection.execute("INSERT INTO Directories VALUES (?)", ("x" * 100_000,))

    with pytest.raises(DatabaseError, match="disk is full"):
        store.main.write(fill)
    store.close()
    store = Store.open(folder)
    assert store.main.rows("SELECT * FROM Directories") == []
    store.close()


def test_a_transaction_waits_for_another_process_and_then_says_who_is_to_blame(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(folder)
    store.main.pragma("busy_timeout=10")
    calls = 0

    def action(connection: sqlite3.Connection) -> None:
        nonlocal calls
        calls += 1
        connection.execute("INSERT INTO Directories VALUES ('x')")

    with closing(sqlite3.connect(folder / schema.MAIN_FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="locked"):
            store.main.write(action)
        assert calls == 0  # the lock comes first, so nothing is done twice
        other.execute("ROLLBACK")
    store.main.write(action)
    assert calls == 1
    store.close()


def test_no_statement_has_numbered_parameters() -> None:
    # Python 3.12.0 to 3.12.3 take them for named ones: five times as slow for the tag cache, with a warning for each.
    sources = sorted((ROOT / "dicomlogic_core").rglob("*.py"))
    numbered = [path.name for path in sources if re.search(r"[ =,(]\?[\d{]", path.read_text(encoding="utf-8"))]
    assert sources
    assert not numbered
