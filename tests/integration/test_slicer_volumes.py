"""Volumes against those that 3D Slicer's own reader made of the reference data: size, matrix, every voxel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_differences as differences

import dicomlogic_core as dl


def compare(volume: dl.Volume, theirs: dict[str, Any]) -> Iterator[str]:
    """The fields in which a volume differs from Slicer's."""
    if list(volume.geometry.size_ijk) != theirs["dims"]:
        yield "size"
        return
    ours, expected = volume.geometry.ijk_to_ras, np.array(theirs["ijk_to_ras"])
    columns = [0, 1, 3] if theirs["dims"][2] == 1 else [0, 1, 2, 3]
    if not np.allclose(ours[:, columns], expected[:, columns], atol=1e-4, rtol=0):
        yield "matrix"
    elif not np.allclose(ours, expected, atol=1e-4, rtol=0):
        yield "slice step"
    yield from _values(np.asarray(volume), theirs)


def _values(array: np.ndarray, theirs: dict[str, Any]) -> Iterator[str]:
    same_bytes = array.astype(np.dtype(theirs["dtype"]).newbyteorder("<"))
    if hashlib.sha1(same_bytes.tobytes()).hexdigest() == theirs["sha1"]:
        return
    # Slicer computes fractional values in double precision, and lossy decoders may differ by two steps.
    tolerance = 2.0 if theirs["voxel_check"] == "lossy-close" else 1e-6 * max(abs(theirs["min"]), abs(theirs["max"]))
    numbers = [float(array.min()), float(array.max()), float(array.mean(dtype=np.float64))]
    exact = theirs["dtype"].startswith("float") or theirs["voxel_check"] == "lossy-close"
    if not exact or not np.allclose(numbers, [theirs["min"], theirs["max"], theirs["mean"]], atol=tolerance, rtol=0):
        yield "values"


def _frames(loadable: dl.Loadable) -> tuple[str, ...]:
    return tuple(frame.sop_uid for frame in loadable.frames)


def volumes_of_case(folder: Path, case: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(case, loadable, field) of what differs, for volumes made of the same files in the same order."""
    with dl.open() as session:
        session.index(folder)
        # What only Slicer offers comes last: our own loadables are compared wherever they hold the same files.
        offered = [*session.examine(all=True), *session.examine(all=True, options={"selection": "slicer"})]
        for theirs in case["volumes"]:
            subject = theirs["loadable"]
            # Uptake values are another quantity than those stored.
            ours = [loadable for loadable in offered if not loadable.adaptor.startswith("pet-ct")]
            alike = [loadable for loadable in ours if _frames(loadable) == tuple(theirs["sops"])]
            # Slicer stacks what is stored, also where slices are missing.
            alike.sort(key=lambda loadable: loadable.options.get("irregular", "as-is") != "as-is")
            if not alike:
                yield case["case"], subject, "offered"
                continue
            yield from ((case["case"], subject, field) for field in _loaded(session, alike[0], theirs))


def files_of_case(folder: Path, case: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(case, file, field) of what differs, for files read alone."""
    for theirs in case["files"]:
        with dl.open() as session:
            session.index(folder / theirs["file"])
            selected = session.examine()
            if len(selected) != 1:
                yield case["case"], theirs["file"], "offered"
                continue
            yield from ((case["case"], theirs["file"], field) for field in _loaded(session, selected[0], theirs))


def _loaded(session: dl.Session, loadable: dl.Loadable, theirs: dict[str, Any]) -> Iterator[str]:
    try:
        volume = session.load(loadable)
    except dl.DicomLogicError as error:
        yield f"refused: {error.code}"
        return
    yield from compare(volume, theirs)


def test_every_volume_is_slicers_or_named_as_different(shared_data):
    cases = json.loads((shared_data / "reference" / "slicer_volumes.json").read_text(encoding="utf-8"))["cases"]
    found = set()
    compared = 0
    for case in cases:
        folder = shared_data / case["case"]
        for kind, check in (("volumes", volumes_of_case), ("files", files_of_case)):
            if case.get(kind):
                compared += len(case[kind])
                found |= set(check(folder, case))
    assert compared > 140
    listed = {difference.key for difference in differences.VOLUMES}
    assert found - listed == set(), "differences from Slicer that are not listed"
    assert listed - found == set(), "listed differences that are none any more"


@pytest.mark.parametrize("step", ["SpacingBetweenSlices", "SliceThickness", None])
def test_the_step_of_a_single_slice_is_named(tmp_path, step):
    """Slicer takes 1 mm where SpacingBetweenSlices is absent; here the thickness is taken, and said so."""
    from dicomlogic_core.testing import phantoms

    def change(_, dataset):
        del dataset.SliceThickness
        if step:
            setattr(dataset, step, 3.5)

    phantoms.write_ct(tmp_path, phantoms.regular(1), change=change)
    with dl.open() as session:
        session.index(tmp_path)
        (loadable,) = session.examine()
        volume = session.load(loadable)
        assert volume.geometry.spacing_mm[2] == (3.5 if step else 1.0)
        (found,) = (found for found in volume.findings if found.code == "geometry.single-slice")
        assert (step or "1 mm assumed") in found.message
