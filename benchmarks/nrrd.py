"""Writing NRRD: gzip and raw against SimpleITK and pynrrd, on a CT-like volume."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import dicomlogic_core as dl
from benchmarks.common import Row, seconds
from dicomlogic_core.builtin.nrrd import NrrdWriter
from dicomlogic_core.testing.head import attenuation


def rows(*, quick: bool) -> list[Row]:
    """MB/s of int16 voxels written into a temporary folder."""
    volume = _volume(60 if quick else 200)
    size = volume.array.nbytes / 1e6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = _against_simpleitk(volume, folder, size) + _against_pynrrd(volume, folder, size)
        return found + _sequences_against_simpleitk(volume, folder)


def _volume(slices: int) -> dl.Volume:
    matrix = np.diag([0.47, 0.47, 160 / slices, 1.0])
    matrix[:3, 3] = (-120, -120, -70)
    array = np.rint(attenuation((512, 512, slices), matrix, noise_hu=6)).astype(np.int16)
    return dl.Volume(array=array, geometry=dl.Geometry(size_ijk=(512, 512, slices), ijk_to_lps=matrix))


def _ours(volume: dl.Volume, folder: Path, encoding: str) -> Any:
    path = folder / f"ours-{encoding}"
    return _new(folder / f"ours-{encoding}.nrrd", lambda: NrrdWriter().write(volume, path, {"encoding": encoding}))


def _new(path: Path, write: Callable[[], Any]) -> Callable[[], None]:
    """Writing a file that is not there: overwriting one reuses its memory, replacing one does not."""

    def write_new() -> None:
        path.unlink(missing_ok=True)
        write()

    return write_new


def _against_simpleitk(volume: dl.Volume, folder: Path, size: float) -> list[Row]:
    if importlib.util.find_spec("SimpleITK") is None:
        print("nrrd: no SimpleITK (pip install SimpleITK)")
        return []
    import SimpleITK

    image = volume.to_sitk()
    found = []
    has_isal = importlib.util.find_spec("isal") is not None
    for encoding, compress, target in (("gzip", True, 3.0), ("raw", False, 0.9)):
        path = folder / f"sitk-{encoding}.nrrd"
        ours, theirs = seconds(
            _ours(volume, folder, encoding),
            _new(path, partial(SimpleITK.WriteImage, image, str(path), compress)),
        )
        files = [folder / f"ours-{encoding}.nrrd", path]
        note = f"{size:.0f} MB; files {files[0].stat().st_size / files[1].stat().st_size:.2f} of SimpleITK's size"
        if encoding == "gzip":
            note += ", isal" if has_isal else ", zlib (pip install isal)"
        found.append(
            Row(
                stage=f"NRRD write, {encoding}",
                ours=size / ours,
                peer="SimpleITK default",
                theirs=size / theirs,
                target=target,
                unit="MB/s",
                note=note,
            )
        )
    return found


def _against_pynrrd(volume: dl.Volume, folder: Path, size: float) -> list[Row]:
    import nrrd

    path = folder / "pynrrd.nrrd"
    write = partial(nrrd.write, str(path), np.asarray(volume), index_order="C")
    ours, peer = seconds(_ours(volume, folder, "raw"), _new(path, lambda: write(header={"encoding": "raw"})))
    return [
        Row(
            stage="NRRD write, raw",
            ours=size / ours,
            peer="pynrrd",
            theirs=size / peer,
            target=1.0,
            unit="MB/s",
            note="written with all provenance keys",
        )
    ]


def _sequences_against_simpleitk(volume: dl.Volume, folder: Path) -> list[Row]:
    """A time series of ten volumes: a list axis last here, a fourth axis of space there."""
    if importlib.util.find_spec("SimpleITK") is None:
        return []
    import SimpleITK

    array = np.asarray(volume)
    slices = len(array) // 10
    geometry = dl.Geometry(size_ijk=(*volume.geometry.size_ijk[:2], slices), ijk_to_lps=volume.geometry.ijk_to_lps)
    parts = tuple(dl.Volume(array=array[slices * n : slices * (n + 1)], geometry=geometry) for n in range(10))
    times = dl.Axis(name="AcquisitionTime", tag="00080032", unit="ms", values=tuple(range(10)))
    sequence = dl.VolumeSequence(volumes=parts, axes=(times,))
    image = SimpleITK.GetImageFromArray(np.asarray(sequence), isVector=False)
    path = folder / "sitk-4d.nrrd"
    ours, theirs = seconds(
        _new(folder / "ours-4d.seq.nrrd", lambda: NrrdWriter().write(sequence, folder / "ours-4d", {})),
        _new(path, lambda: SimpleITK.WriteImage(image, str(path), True)),
    )
    size = array[: 10 * slices].nbytes / 1e6
    return [
        Row(
            stage="NRRD write, sequence of 10, gzip",
            ours=size / ours,
            peer="SimpleITK 4-D image",
            theirs=size / theirs,
            target=3.0,
            unit="MB/s",
            note=f"{size:.0f} MB, volume by volume",
        )
    ]
