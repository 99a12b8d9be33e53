"""Pages of the documentation and the fenced blocks in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATTERNS = ("README.md", "docs/**/*.md", "plugins/*/README.md", "cookiecutter-plugin/README.md", "examples/**/*.md")
PAGES = sorted((page for pattern in _PATTERNS for page in ROOT.glob(pattern)), key=str)

# Its blocks are files and commands of a folder of their own; test_tutorial.py runs them.
WALKED = ROOT / "docs" / "tutorial" / "an-adaptor.md"


@dataclass(frozen=True)
class Block:
    """A fenced code block of a page.

    Attributes:
        language: what the fence says.
        line: number of its first line in the page.
        before: the last line before it that is not empty; a comment there may say why it is not run.
    """

    language: str
    code: str
    line: int
    before: str

    @property
    def not_run(self) -> bool:
        """True when a comment says why it cannot run in the tests."""
        return self.before.startswith(("<!-- not run: ", "<!-- set-up: "))


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").split("\n")
    number = 0
    while number < len(lines):
        if lines[number].startswith("```"):
            language = lines[number][3:].strip()
            end = lines.index("```", number + 1)
            before = next((line for line in reversed(lines[:number]) if line.strip()), "")
            yield Block(language, "\n".join(lines[number + 1 : end]), number + 2, before)
            number = end
        number += 1
