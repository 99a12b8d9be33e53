"""The page on JSON says what the command line prints: exactly these keys, in all that it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dicomlogic_core.cli.main import main
from dicomlogic_core.testing import phantoms

from .pages import ROOT

PAGE = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")


def _section(name: str) -> list[set[str]]:
    """Keys of each paragraph of a section that lists some; what is in brackets are values."""
    text = PAGE.split(f"## {name}\n")[1].split("\n## ")[0]
    text = re.sub(r"\([^)]*\)", "", text)
    return [set(re.findall(r"`(\w+)`", part.partition(":")[2])) for part in text.split("\n\n") if ":" in part]


def _level(name: str) -> set[str]:
    (row,) = re.findall(rf"^\| {name} \| (.*) \|$", PAGE, flags=re.MULTILINE)
    own = set(re.findall(r"`(\w+)`", row))
    above = re.match(r"those of its (\w+)", row)
    return own | {key for key in _level(above[1]) if not key.startswith("NumberOf")} if above else own


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A series with a gap, one that is cut, and a file that is broken."""
    folder = tmp_path_factory.mktemp("json")
    phantoms.tricky(4, folder / "data" / "gap")
    phantoms.tricky(12, folder / "data" / "cut")
    (folder / "data" / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM\2\0")
    main(["index", str(folder / "data"), "--db", str(folder / "db")])
    return folder


def _printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) in (0, 1)
    return json.loads(capsys.readouterr().out)


def test_index(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = _printed(capsys, "index", folder / "data", "--db", tmp_path / "db")
    whole, failed, finding = _section("index")
    assert set(result) == whole
    assert [set(one) for one in result["failed"]] == [failed]
    assert finding == {"code", "severity", "message", "where", "remedy"}


@pytest.mark.parametrize("level", ["patient", "study", "series", "instance"])
def test_list(folder: Path, capsys: pytest.CaptureFixture[str], level: str) -> None:
    rows = _printed(capsys, "list", "--db", folder / "db", "--level", level)
    assert {frozenset(row) for row in rows} == {frozenset(_level(level))}


def test_examine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _printed(capsys, "examine", "--db", folder / "db")
    (keys,) = _section("examine")
    assert {frozenset(row) for row in rows} == {frozenset(keys)}
    findings = [finding for row in rows for finding in row["findings"]]
    assert {frozenset(finding) for finding in findings} == {frozenset(_section("index")[2])}


def test_export(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = _printed(capsys, "export", "--db", folder / "db", "--to", tmp_path)
    written, failed = _section("export")
    assert {frozenset(row) for row in rows} == {frozenset(written), frozenset(failed & {"loadable", "error"})}
    assert [set(row["error"]) for row in rows if "error" in row] == [failed - {"loadable", "error"}]


def test_preview(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = next(row for row in _printed(capsys, "examine", "--db", folder / "db") if row["name"].endswith("4"))
    answer = _printed(capsys, "preview", good["id"], "--db", folder / "db", "--to", tmp_path / "one.png")
    assert [set(answer)] == _section("preview")


def test_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    listed, report, check = _section("plugins")
    assert {frozenset(row) for row in _printed(capsys, "plugins")} == {frozenset(listed)}
    answer = _printed(capsys, "plugins", "check", "builtin")
    assert set(answer) == report
    assert {frozenset(one) for one in answer["checks"]} == {frozenset(check)}


def test_demo(capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path) -> None:
    answer = _printed(capsys, "demo", "--data", folder / "data" / "gap", "--to", tmp_path / "demo")
    assert [set(answer)] == _section("demo")
    assert {frozenset(row) for row in answer["loadables"]} == {frozenset(_section("examine")[0])}


def test_every_environment_variable_is_documented() -> None:
    used: set[str] = set()
    for path in [*ROOT.glob("dicomlogic_core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]:
        used |= set(re.findall(r"DICOMLOGIC_[A-Z_]+", path.read_text(encoding="utf-8")))
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    assert {name for name in used if name not in pages} == set()
