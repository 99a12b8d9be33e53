"""Sample data of the demo: a head made from formulas, and the tiny CT and MR studies that pydicom is installed with."""

from __future__ import annotations

import shutil
from pathlib import Path

from dicomlogic_core.testing.head import write_head

_SAMPLES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "dicomdirtests/77654033/CT2",
    "dicomdirtests/98892001",
    "dicomdirtests/98892003",
)


def write_samples(folder: Path) -> str:
    """Write the samples under `folder` and say in one line what they are. Nothing is downloaded."""
    heads = len(write_head(folder / "head"))
    others = sum(_copy(_installed() / name, folder / "pydicom" / name) for name in _SAMPLES)
    text = f"{heads} files of a head CT made from formulas (regular, tilted, one slice lost)"
    return text + (f"; {others} files of the CT and MR studies that come with pydicom" if others else "")


def _installed() -> Path:
    import pydicom  # only to find its folder

    return Path(pydicom.__file__).parent / "data" / "test_files"


def _copy(origin: Path, target: Path) -> int:
    """Copy a file or folder; returns the number of files. A pydicom without test files gives none."""
    files = [origin] if origin.is_file() else sorted(path for path in origin.rglob("*") if path.is_file())
    for file in files:
        place = target / file.relative_to(origin) if origin.is_dir() else target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return len(files)
