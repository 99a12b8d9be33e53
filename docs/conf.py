"""Sphinx settings: ``python -m sphinx -W docs OUT`` makes the site; the pages are plain Markdown and need none."""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import dicomlogic_core

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "DICOMLogic"
author = "the authors of DICOMLogic"
version = release = dicomlogic_core.__version__

extensions = ["myst_parser"]
root_doc = "README"
exclude_patterns = ["_build"]
highlight_language = "none"  # a block without a language is no code
myst_heading_anchors = 4  # links to headings are those of a forge

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = html_show_copyright = False
html_copy_source = False

# A page that is added to one of these folders is in the site without being named here.
_FOLDERS = {"tutorial": "Tutorial", "howto": "How to", "explanation": "Explanation", "reference": "Reference"}


def _contents(index: str, root: Path) -> str:
    """Hidden tables of contents: written into the index here, since a forge would show them as code.

    Pages come in the order in which the index links them, then those that it does not.
    """
    parts = []
    for folder, caption in _FOLDERS.items():
        linked = re.findall(rf"\]\(({folder}/[\w-]+)\.md\)", index)
        present = sorted(f"{folder}/{page.stem}" for page in (root / folder).glob("*.md"))
        pages = "\n".join(dict.fromkeys([*linked, *present]))
        parts.append(f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```")
    return "".join(parts)


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    """Complete the index; leave of links to files of the repository, which are not part of the site, their text."""
    folder = posixpath.dirname(page)

    def inside(link: re.Match[str]) -> str:
        outside = posixpath.normpath(posixpath.join(folder, link[2])).startswith("..")
        return link[1] if outside else link[0]

    source[0] = re.sub(r"\[([^\]]+)\]\((\.\./[^)]+)\)", inside, source[0])
    if page == root_doc:
        source[0] += _contents(source[0], Path(app.srcdir))


def _finished(app: Sphinx, error: Exception | None) -> None:
    """Servers and people open a site by its `index.html`."""
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir)
        shutil.copyfile(folder / f"{root_doc}.html", folder / "index.html")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    app.connect("build-finished", _finished)
