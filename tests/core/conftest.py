"""A folder of installed distributions that a test fills as it likes: real metadata and real modules on ``sys.path``."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest


class Site:
    """A site-packages folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        distribution: str,
        *,
        name: str = "",
        module: str = "",
        code: str | None = "",
        version: str = "1.0",
        entry_points: str | None = None,
        editable: bool = False,
    ) -> str:
        """Install a distribution with one plugin module; returns the module's name.

        `entry_points` replaces the text of the file; with ``code=None`` the module itself is missing.
        """
        module = module or distribution.replace("-", "_") + "_plugin"
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        text = entry_points if entry_points is not None else f"[dicomlogic]\n{name or distribution} = {module}\n"
        (info / "entry_points.txt").write_text(text)
        if editable:
            (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
        if code is not None:
            (self.folder / f"{module}.py").write_text(dedent(code))
        return module

    def uninstall(self, distribution: str) -> None:
        """Remove its metadata and module."""
        stem = distribution.replace("-", "_")
        for info in self.folder.glob(f"{stem}-*.dist-info"):
            for file in info.iterdir():
                file.unlink()
            info.rmdir()
        (self.folder / f"{stem}_plugin.py").unlink(missing_ok=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site folder; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # or an older module of equal size and second would be used
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]
    importlib.invalidate_caches()
