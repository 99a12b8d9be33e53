"""Examining against indexing: both over the same files, each series of 200 classic CT slices.

Examining must cost less than a quarter of the time it took to index the files; a refresh button asks for it often.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.common import Row, seconds
from dicomlogic_core.examine import examine_study
from dicomlogic_core.session import Session
from dicomlogic_core.testing.phantom_objects import ct_slice, uid
from dicomlogic_core.testing.phantoms import regular

_SLICES = 200


def _write(folder: Path, series: int) -> None:
    """Series of one study each, made by changing UIDs in the bytes of one: writing must be quick."""
    template = [ct_slice(number, one, name="examine 0000") for number, one in enumerate(regular(_SLICES))]
    names = ("study", "series", "frame of reference")
    files = []
    for number, dataset in enumerate(template):
        path = folder / "template.dcm"
        dataset.save_as(path, enforce_file_format=True)
        files.append((path.read_bytes(), uid("examine 0000", "instance", number)))
        path.unlink()
    for index in range(series):
        target = folder / f"{index:04d}"
        target.mkdir()
        for number, (data, instance) in enumerate(files):
            for name in names:
                old = uid("examine 0000", name)
                data = data.replace(old.encode(), _like(old, index).encode())
            (target / f"{number:03d}.dcm").write_bytes(data.replace(instance.encode(), _like(instance, index).encode()))


def _like(text: str, index: int) -> str:
    """Another UID of the same length."""
    return text[:-5] + f"{(int(text[-5:]) + index) % 100_000:05d}"


def rows(*, quick: bool) -> list[Row]:
    """Series per second of examining, against a quarter of the time per series of indexing."""
    count = 30 if quick else 1_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, count)
        (indexing,) = seconds(lambda: _index(folder), repeats=1 if count > 100 else 3)
        with Session() as session:
            session.index(folder)
            uids = list(session._query.study_uids())
            manager = session.manager

            def examine() -> None:
                for study_uid in uids:
                    examine_study(session._query.study_view(study_uid), manager.registry, manager=manager)

            (examining,) = seconds(examine, repeats=2)
    return [
        Row(
            stage="examine, columns read back included",
            ours=count / examining,
            peer="indexing the same files",
            theirs=count / indexing,
            target=4.0,
            unit="series/s",
            note=f"{count} series x {_SLICES} slices",
        )
    ]


def _index(folder: Path) -> None:
    with Session() as session:
        session.index(folder)
