"""Removes what belongs to the other kinds of plugins."""

from pathlib import Path

KIND = "{{ cookiecutter.kind }}"
PACKAGE = Path("src", "dicomlogic_{{ cookiecutter.__module }}")

for kind in ("adaptor", "source", "fetcher", "writer"):
    if kind != KIND:
        (PACKAGE / f"{kind}.py").unlink()
        (Path("tests") / f"test_{kind}.py").unlink()
if KIND not in ("source", "fetcher"):
    Path("tests", "conftest.py").unlink()
    Path("tests", "image_box.py").unlink()
