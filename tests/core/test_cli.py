"""The command line: commands, JSON shapes, exit codes, and one line for every expected failure."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
from PIL import Image

import dicomlogic_core as dl
from dicomlogic_core.cli.commands import COLUMNS
from dicomlogic_core.cli.main import build_parser, main
from dicomlogic_core.cli.output import findings_text
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import FakeAdaptor, fake_plugin
from dicomlogic_core.testing.server import serve

PROGRAM = [sys.executable, "-m", "dicomlogic_core.cli.main"]


class Run:
    """One call of the command line."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *argv: str) -> None:
        self.code = main(list(argv))
        captured = capsys.readouterr()
        self.out, self.err = captured.out, captured.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *argv: Run(capsys, *map(str, argv))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    phantoms.write_ct(folder / "plain", name="plain")
    phantoms.tricky(4, folder / "gap")
    return folder


@pytest.fixture(scope="module")
def db(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("db")
    assert main(["index", str(data), "--db", str(folder), "--json"]) == 0
    return folder


def ids(run: Any, db: Path, **wanted: Any) -> list[str]:
    rows = run("examine", "--db", db, "--json").json
    return [row["id"] for row in rows if all(row[key] == value for key, value in wanted.items())]


# --- shapes ---------------------------------------------------------------------------------------------------------


def test_index_says_what_it_did(run: Any, data: Path, tmp_path: Path) -> None:
    done = run("index", data, "--db", tmp_path, "--json")
    assert done.code == 0
    counts = {key: done.json[key] for key in ("patients", "studies", "series", "instances")}
    assert counts["series"] == 2
    assert counts["instances"] == 39
    assert done.json["failed"] == []
    assert done.json["findings"] == []
    assert done.json["seconds"] >= 0
    again = run("index", data, "--db", tmp_path, "--json")
    assert again.json["instances"] == 0
    assert again.json["skipped"] == 39


@pytest.mark.parametrize(
    ("level", "key", "count"),
    [
        ("patient", "PatientID", 1),
        ("study", "StudyInstanceUID", None),
        ("series", "SeriesInstanceUID", 2),
        ("instance", "SOPInstanceUID", 39),
    ],
)
def test_list_has_keywords_as_keys(run: Any, db: Path, level: str, key: str, count: int | None) -> None:
    done = run("list", "--db", db, "--level", level, "--json")
    assert done.code == 0
    assert all(row[key] for row in done.json)
    assert count is None or len(done.json) == count
    table = run("list", "--db", db, "--level", level).out
    assert all(row[key] in table for row in done.json)


def test_list_filters(run: Any, db: Path) -> None:
    assert run("list", "--db", db, "--level", "series", "--where", "Modality=MR", "--json").json == []
    rows = run("list", "--db", db, "--level", "series", "--where", "SeriesDescription=plain", "--json").json
    assert len(rows) == 1


def test_examine_rows_have_the_documented_keys(run: Any, db: Path) -> None:
    done = run("examine", "--db", db, "--json")
    assert done.code == 0
    for row in done.json:
        assert {
            "id",
            "adaptor",
            "kind",
            "name",
            "study_uid",
            "series_uids",
            "instances",
            "frames",
            "confidence",
            "selected",
            "group",
            "explanation",
            "findings",
        } <= set(row)
        for finding in row["findings"]:
            assert set(finding) == {"code", "severity", "message", "where", "remedy"}
    gap = next(row for row in done.json if any(one["code"] == "geometry.gap" for one in row["findings"]))
    only = run("examine", "--db", db, *gap["series_uids"], "--json").json
    assert {tuple(row["series_uids"]) for row in only} == {tuple(gap["series_uids"])}
    text = run("examine", "--db", db).out
    assert gap["id"] in text
    assert "geometry.gap" in text


@pytest.mark.parametrize("level", sorted(COLUMNS))
def test_the_columns_of_tables_exist(level: str, run: Any, db: Path) -> None:
    (row, *_) = run("list", "--db", db, "--level", level, "--json").json
    assert set(COLUMNS[level]) <= set(row)
    assert str(row[COLUMNS[level][0]]) in run("list", "--db", db, "--level", level).out


def test_instances_are_listed_with_their_files(run: Any, db: Path, data: Path) -> None:
    assert (data / "plain").as_posix() in run("list", "--db", db, "--level", "instance").out


def test_a_study_that_several_locations_bring_is_counted_once(run: Any, tmp_path: Path) -> None:
    paths = phantoms.tricky(1, tmp_path / "data")
    done = run("index", *paths[:3], *paths[:1], "--db", tmp_path / "db", "--json").json
    counts = {key: done[key] for key in ("patients", "studies", "series", "instances", "skipped")}
    assert counts == {"patients": 1, "studies": 1, "series": 1, "instances": 3, "skipped": 1}


def test_errors_of_alternatives_do_not_make_examine_fail(run: Any, tmp_path: Path) -> None:
    db = tmp_path / "db"
    for path in sorted(phantoms.tricky(1, tmp_path / "data"))[3:8]:
        path.unlink()
    assert run("index", tmp_path / "data", "--db", db).code == 0
    done = run("examine", "--db", db, "--json")
    wrong = [row for row in done.json if any(one["severity"] == "error" for one in row["findings"])]
    assert [(row["selected"], row["options"]) for row in wrong] == [(False, {"irregular": "as-is"})]
    assert done.code == 0
    assert run("examine", "--db", db, "-o", "irregular=as-is").code == 1


def test_export_writes_what_examine_selected(run: Any, db: Path, tmp_path: Path) -> None:
    done = run("export", "--db", db, "--to", tmp_path, "--json")
    assert done.code == 0
    assert sorted(row["loadable"] for row in done.json) == sorted(ids(run, db, selected=True))
    for row in done.json:
        assert set(row) >= {"loadable", "adaptor", "kind", "name", "path", "series_uids", "findings"}
        values, header = nrrd.read(row["path"], index_order="C")
        assert values.shape == (20, 32, 24)
        assert header["space directions"][2].tolist() == [0, 0, 2]
    plain = next(row for row in done.json if not row["findings"])
    values, _ = nrrd.read(plain["path"], index_order="C")
    assert values[:, 0, 0].tolist() == [k - 1024 for k in range(20)]
    assert len(list(tmp_path.iterdir())) == len(done.json)


def test_export_again_replaces_and_alternatives_stand_beside(run: Any, db: Path, tmp_path: Path) -> None:
    first = run("export", "--db", db, "--to", tmp_path, "--json", "--jobs", "3").json
    before = {row["path"]: Path(row["path"]).read_bytes() for row in first}
    second = run("export", "--db", db, "--to", tmp_path, "--json").json
    assert [row["path"] for row in second] == [row["path"] for row in first]
    assert {path: Path(path).read_bytes() for path in before} == before
    every = run("export", "--db", db, "--to", tmp_path, "--all", "--json").json
    written = [row["path"] for row in every if "path" in row]
    assert len(set(written)) == len(written) > len(first)


def test_the_remedy_of_a_finding_can_be_typed(run: Any, db: Path, tmp_path: Path) -> None:
    rows = run("examine", "--db", db, "--json", "-o", "irregular=split").json
    parts = [row for row in rows if row["selected"] and row["options"].get("irregular") == "split"]
    assert parts
    assert sorted(row["frames"] for row in parts) == [9, 10]
    done = run("export", "--db", db, "--to", tmp_path, "-o", "irregular=split", "-o", "encoding=raw", "--json")
    shapes = sorted(nrrd.read_header(row["path"])["sizes"].tolist()[2] for row in done.json)
    assert shapes == [9, 10, 20]
    assert nrrd.read_header(done.json[0]["path"])["encoding"] == "raw"


def test_preview_draws_a_png(run: Any, db: Path, tmp_path: Path) -> None:
    (first, *_) = ids(run, db, selected=True)
    done = run("preview", "--db", db, first, "--to", tmp_path / "p.png", "--json")
    assert done.code == 0
    assert done.json["path"] == str(tmp_path / "p.png")
    with Image.open(done.json["path"]) as image:
        assert np.asarray(image).std() > 0


def test_plugins_are_listed_with_their_reason(run: Any) -> None:
    done = run("plugins", "--json")
    assert done.code == 0
    names = {row["name"]: row for row in done.json}
    assert names["builtin"]["status"] == "ok"
    for row in done.json:
        assert set(row) >= {"name", "distribution", "version", "status", "hooks", "provides", "error"}
    assert "scalar-volume" in run("plugins").out


def test_plugins_check(run: Any) -> None:
    done = run("plugins", "check", "builtin", "--json")
    assert done.code == 0, done.out
    assert done.json["problems"] == []
    assert run("plugins", "check", "nosuch").code == 2
    assert run("plugins", "check").code == 2


# --- exit codes and failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        ["nosuch"],
        [],
        ["list", "--level", "planet"],
        ["index"],
        ["list", "--where", "PatientID"],
        ["export", "--to", "x", "--jobs", "0"],
        ["list", "--db", "{db}", "--where", "NoKeyword=1"],
        ["examine", "--db", "{db}", "1.2.3.4.5.6"],
        ["export", "--db", "{db}", "--to", "{tmp}", "--format", "tiff"],
        ["index", "--db", "{tmp}", "gopher://host/x"],
    ],
)
def test_usage_failures_are_2_and_short(run: Any, db: Path, tmp_path: Path, argv: list[str]) -> None:
    done = run(*[part.format(db=db, tmp=tmp_path) for part in argv])
    assert done.code == 2
    assert "Traceback" not in done.err + done.out
    assert done.err.startswith("usage:") or done.err.count("\n") <= 1


def test_a_writer_option_that_cannot_be_is_a_failure_of_each_file(run: Any, db: Path, tmp_path: Path) -> None:
    done = run("export", "--db", db, "--to", tmp_path, "-o", "encoding=bzip2", "--json")
    assert done.code == 1
    assert {row["error"]["code"] for row in done.json} == {"usage"}
    assert not list(tmp_path.iterdir())


def test_a_source_that_cannot_be_read_is_3_and_the_others_are_read(run: Any, data: Path, tmp_path: Path) -> None:
    done = run("index", tmp_path / "absent", data, "--db", tmp_path / "db", "--json")
    assert done.code == 3
    assert done.json["instances"] == 39
    assert [row["location"] for row in done.json["failed"]] == [str(tmp_path / "absent")]


def test_a_mistyped_folder_makes_no_database(run: Any, db: Path, data: Path, tmp_path: Path) -> None:
    done = run("index", tmp_path / "absent", "--db", tmp_path / "db")
    assert done.code == 3
    assert f"failed: {tmp_path / 'absent'}" in done.out
    assert not (tmp_path / "db").exists()
    # A database that is there stays as it is.
    before = run("list", "--db", db, "--json").json
    assert run("index", tmp_path / "absent", "--db", db).code == 3
    assert run("list", "--db", db, "--json").json == before


def test_a_server_that_does_not_run_is_3(run: Any, tmp_path: Path) -> None:
    done = run("index", "http://127.0.0.1:9/dicom-web", "--db", tmp_path / "db", "-o", "attempts=1", "--json")
    assert done.code == 3
    assert "127.0.0.1" in done.json["failed"][0]["location"]


@pytest.mark.parametrize(
    "command", [["list"], ["examine"], ["export", "--to", "x"], ["preview", "1.2", "--to", "x.png"]]
)
def test_a_database_that_is_not_there_is_3_and_not_made(run: Any, tmp_path: Path, command: list[str]) -> None:
    done = run(*command, "--db", tmp_path / "absent")
    assert done.code == 3
    assert not (tmp_path / "absent").exists()


def test_a_database_that_is_none_is_3(run: Any, tmp_path: Path) -> None:
    (tmp_path / "ctkDICOM.sql").write_bytes(b"not a database" * 100)
    done = run("list", "--db", tmp_path)
    assert done.code == 3
    assert "Traceback" not in done.err


def test_damaged_files_are_failures_and_the_rest_is_indexed(run: Any, tmp_path: Path) -> None:
    paths = phantoms.write_ct(tmp_path / "data")
    paths[3].write_bytes(paths[3].read_bytes()[:300])
    done = run("index", tmp_path / "data", "--db", tmp_path / "db", "--json")
    assert done.code == 1
    assert done.json["instances"] == 19
    assert [Path(row["location"]).name for row in done.json["failed"]] == [paths[3].name]


def test_a_short_file_fails_its_loadable_only(run: Any, tmp_path: Path) -> None:
    phantoms.tricky(12, tmp_path / "data" / "cut")
    phantoms.write_ct(tmp_path / "data" / "whole", name="whole")
    run("index", tmp_path / "data", "--db", tmp_path / "db")
    done = run("export", "--db", tmp_path / "db", "--to", tmp_path / "out", "--json")
    assert done.code == 1
    errors = [row for row in done.json if "error" in row]
    assert [row["error"]["code"] for row in errors] == ["pixels.short"]
    assert set(errors[0]) >= {"loadable", "error"}
    assert len(list((tmp_path / "out").iterdir())) == len(done.json) - 1 >= 1


def test_an_unwritable_place_is_told_in_one_line(run: Any, db: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = run("export", "--db", db, "--to", tmp_path / "file" / "out")
    assert done.code == 1
    assert "Traceback" not in done.out + done.err


# --- servers --------------------------------------------------------------------------------------------------------


def test_a_server_is_indexed_exported_and_shown(run: Any, data: Path, tmp_path: Path) -> None:
    with serve(data) as server:
        done = run("index", server.url, "--db", tmp_path / "db", "--json")
        assert (done.code, done.json["instances"]) == (0, 39)
        remote = run("export", "--db", tmp_path / "db", "--to", tmp_path / "remote", "--json").json
        (first, *_) = [row["loadable"] for row in remote]
        assert run("preview", "--db", tmp_path / "db", first, "--to", tmp_path / "p.png").code == 0
    run("index", data, "--db", tmp_path / "local-db")
    local = run("export", "--db", tmp_path / "local-db", "--to", tmp_path / "local", "--json").json
    assert [Path(row["path"]).name for row in remote] == [Path(row["path"]).name for row in local]
    for one, other in zip(remote, local):
        assert np.array_equal(nrrd.read(one["path"])[0], nrrd.read(other["path"])[0])


def test_credentials_are_named_again_and_never_kept(
    run: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary-secret-value")
    with serve(data / "plain", auth="bearer:canary-secret-value") as server:
        refused = run("index", server.url, "--db", tmp_path / "db", "--json")
        assert refused.code == 3
        assert refused.json["failed"][0]["code"] == "network.unauthorized"
        known = run("index", server.url, "--db", tmp_path / "db", "-o", "auth=env:CANARY_TOKEN", "--json")
        assert (known.code, known.json["instances"]) == (0, 20)
        export = ["export", "--db", tmp_path / "db", "--to", tmp_path / "out", "--json"]
        anonymous = run(*export)
        assert anonymous.code == 1
        assert {row["error"]["code"] for row in anonymous.json} == {"network.unauthorized"}
        named = run(*export, "--source", server.url, "-o", "auth=env:CANARY_TOKEN")
        assert (named.code, len(named.json)) == (0, 1)
    told = "".join(one.out + one.err for one in (refused, known, anonymous, named))
    assert "canary-secret-value" not in told
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"canary-secret-value" not in file.read_bytes()


def test_export_tells_of_plugins_that_failed_and_goes_on(run: Any, db: Path, tmp_path: Path) -> None:
    class Broken(FakeAdaptor):
        def examine(self, series: Any, study: Any) -> Any:
            raise ValueError("broken inside")

    provider = dl.AdaptorProvider(name="broken", label="", factory=Broken)
    with dl.default_manager().temporarily(fake_plugin(provider)):
        done = run("export", "--db", db, "--to", tmp_path, "--json")
    assert done.code == 1
    assert "broken inside" in done.err
    assert len([row for row in done.json if "path" in row]) == 2


# --- environment ----------------------------------------------------------------------------------------------------


def test_the_database_comes_from_the_environment(run: Any, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DICOMLOGIC_DB", str(db))
    assert len(run("list", "--level", "series", "--json").json) == 2


def test_the_database_is_in_this_folder_by_default(
    run: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMLOGIC_DB", raising=False)
    run("index", data / "plain")
    assert (tmp_path / "dicomlogic-db" / "ctkDICOM.sql").is_file()
    with sqlite3.connect(tmp_path / "dicomlogic-db" / "ctkDICOM.sql") as connection:
        assert connection.execute("SELECT count(*) FROM Images").fetchone() == (20,)
    connection.close()


def test_header_texts_cannot_steer_the_terminal(run: Any, tmp_path: Path) -> None:
    def change(number: int, dataset: Any) -> None:
        dataset.SeriesDescription = "red \x1b[31m text"

    phantoms.write_ct(tmp_path / "data", phantoms.regular(1), change=change)
    run("index", tmp_path / "data", "--db", tmp_path / "db")
    for command in ("list", "examine"):
        assert (
            "\x1b"
            not in run(command, "--db", tmp_path / "db", *(["--level", "series"] if command == "list" else [])).out
        )


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from dicomlogic_core.cli.main import main; main(['--help']);"
        "heavy = {'numpy', 'pydicom', 'requests', 'nrrd', 'sqlite3', 'pluggy'} & set(sys.modules);"
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "demo" in done.stdout


def test_indexing_files_and_listing_load_nothing_heavy(data: Path, tmp_path: Path) -> None:
    # Reading headers needs neither arrays nor the data dictionary; both would cost more than indexing a small series.
    code = (
        "import sys; from dicomlogic_core.cli.main import main;"
        f"assert main(['index', {str(data)!r}, '--db', {str(tmp_path)!r}]) == 0;"
        f"assert main(['list', '--level', 'series', '--db', {str(tmp_path)!r}]) == 0;"
        "print(sorted({'numpy', 'pydicom', 'requests', 'nrrd'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_equal_findings_are_told_once() -> None:
    one = {"severity": "note", "code": "a.b", "message": "m" * 500, "remedy": "do"}
    (line,) = findings_text([one, one, one])
    assert line.endswith("-> do (3 times)")
    assert len(line) < 200


def test_every_command_has_json_and_a_description() -> None:
    commands = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    for name, parser in commands.items():  # type: ignore[union-attr]
        assert "--json" in parser.format_help(), name
        assert parser.description, name


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_is_full_is_one_line(db: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*PROGRAM, "list", "--db", str(db)], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close differently on Windows")
def test_a_closed_pipe_is_no_error(db: Path) -> None:
    shell = f"{' '.join(PROGRAM)} list --db {db} --level instance | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.startswith("SOPInstanceUID")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent differently on Windows")
def test_ctrl_c_is_130_and_running_again_goes_on(tmp_path: Path) -> None:
    for number in range(60):
        phantoms.write_ct(tmp_path / "data" / str(number), name=f"series {number}")
    argv = [*PROGRAM, "index", str(tmp_path / "data"), "--db", str(tmp_path / "db"), "--json"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "db").exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("indexing was done before the signal arrived")
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "again" in err
    again = subprocess.run(argv, capture_output=True, text=True, check=True, env=dict(os.environ))
    result = json.loads(again.stdout)
    assert result["instances"] + result["skipped"] == 1200
