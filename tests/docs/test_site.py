"""The site: built with warnings as errors, with every page, and no link inside it that leads nowhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .pages import ROOT

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("furo")

DOCS = ROOT / "docs"


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", f"{target}.cache"]
    return subprocess.run([*command, str(source), str(target)], capture_output=True, text=True, check=False)


class Page(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site") / "html"
    done = build(DOCS, target)
    assert done.returncode == 0, done.stderr
    return target


def test_every_page_is_in_the_site_and_in_its_contents(site: Path) -> None:
    index = Page(site / "README.html")
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html").as_posix()
        assert (site / name).is_file()
        assert name in index.links or name == "README.html", f"{name} is in no table of contents"


def test_the_contents_follow_the_order_of_the_index(site: Path) -> None:
    text = (site / "README.html").read_text(encoding="utf-8")
    sidebar, body = text.split('class="sidebar-tree"')[1].split('id="furo-main-content"')
    for folder in ("tutorial", "howto", "explanation", "reference"):
        shown, linked = (re.findall(rf'internal" href="({folder}/[\w-]+\.html)"', part) for part in (sidebar, body))
        assert shown == list(dict.fromkeys(linked)), folder


def test_the_site_begins_where_servers_look(site: Path) -> None:
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()


def test_every_link_inside_the_site_leads_somewhere(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 25
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.relative_to(site)}: {link}"


def test_looking_at_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    class Fetched(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            address = given.get("src") or (
                given.get("href") if tag == "link" and given.get("rel") != "canonical" else ""
            )
            assert not (address or "").startswith(("http:", "https:", "//")), address

    for path in site.rglob("*.html"):
        Fetched().feed(path.read_text(encoding="utf-8"))


def test_a_broken_link_or_directive_breaks_the_build(tmp_path: Path) -> None:
    pages = {
        "README": "[fine](howto/one.md#a-heading)",
        "howto/one": "## A heading\n\n[fine](../README.md)",
        "tutorial/file": "[x](not-there-1.md)",
        "reference/anchor": "[x](../howto/one.md#not-there-2)",
        "explanation/directive": "```{not-there-3}\n```",
    }
    for name, text in pages.items():
        page = tmp_path / f"{name}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(f"# Page\n\n{text}\n", encoding="utf-8")
    shutil.copy(DOCS / "conf.py", tmp_path)
    done = build(tmp_path, tmp_path / "_build" / "html")
    assert done.returncode != 0
    for name in ("not-there-1", "not-there-2", "not-there-3"):
        assert name in done.stderr
    assert "one.md" not in done.stderr
