"""Uptake values of a PET series: `Session.load`, report included, against SimpleITK and a factor by hand."""

from __future__ import annotations

import importlib
import importlib.util
import math
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from benchmarks.common import Row, seconds
from dicomlogic_core.testing.phantom_objects import save, set_pixels
from dicomlogic_core.testing.phantom_pet import pet_slice

SIZE = 256


def rows(*, quick: bool) -> list[Row]:
    """Slices of 256 x 256 with a slope each, as most scanners write them."""
    if importlib.util.find_spec("SimpleITK") is None:
        print("pet: no SimpleITK (pip install SimpleITK)")
        return []
    count = 60 if quick else 300
    with tempfile.TemporaryDirectory() as name:
        paths = _series(Path(name), count)
        with dl.open() as session:
            session.index(Path(name))
            (loadable,) = session.examine()
            ours, theirs, every = seconds(
                partial(session.load, loadable),
                partial(_by_hand, paths),
                partial(_slice_by_slice, paths),
                repeats=3 if quick else 5,
            )
            # Both must have made the same of it.
            np.testing.assert_allclose(np.asarray(session.load(loadable)), _by_hand(paths), rtol=1e-5)
    size = count * SIZE * SIZE * 4 / 1e6
    note = f"{count} slices, {size:.0f} MB float32"
    peers = [
        ("SimpleITK series reader x factor by hand", theirs, 3.0, f"{note}; factor of the first slice, no checks"),
        ("pydicom slice by slice x factor by hand", every, 4.0, note),
    ]
    return [
        Row(
            stage="SUV volume, report included",
            ours=size / ours,
            peer=peer,
            theirs=size / taken,
            target=target,
            unit="MB/s",
            note=said,
        )
        for peer, taken, target, said in peers
    ]


def _series(folder: Path, count: int) -> list[Path]:
    rng = np.random.default_rng(5)
    paths = []
    for number in range(count):
        position = (-200.0, -200.0, 2.0 * number)
        dataset = pet_slice(number, name="benchmark", position=position, place=number % 7)
        dataset.PixelSpacing, dataset.SliceThickness = [1.6, 1.6], 2
        set_pixels(dataset, rng.integers(0, 20000, (SIZE, SIZE)).astype("<i2"), bits_stored=16, signed=True)
        paths.append(save(dataset, folder / f"{number:04d}.dcm"))
    return paths


def _factor(dataset: Dataset) -> float:
    """As scripts have it: body weight, dose and the time between injection and series, of one header."""
    isotope = dataset.RadiopharmaceuticalInformationSequence[0]
    start, scan = str(isotope.RadiopharmaceuticalStartTime), str(dataset.SeriesTime)
    clock = [3600 * int(text[:2]) + 60 * int(text[2:4]) + float(text[4:]) for text in (start, scan)]
    decay = math.exp(-math.log(2) * (clock[1] - clock[0]) / float(isotope.RadionuclideHalfLife))
    return 1000 * float(dataset.PatientWeight) / (float(isotope.RadionuclideTotalDose) * decay)


def _by_hand(paths: list[Path]) -> np.ndarray[Any, Any]:
    sitk: Any = importlib.import_module("SimpleITK")

    factor = _factor(pydicom.dcmread(paths[0], stop_before_pixels=True))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    reader.SetOutputPixelType(sitk.sitkFloat32)
    values: np.ndarray[Any, Any] = sitk.GetArrayFromImage(reader.Execute()) * np.float32(factor)
    return values


def _slice_by_slice(paths: list[Path]) -> np.ndarray[Any, Any]:
    datasets = [pydicom.dcmread(path) for path in paths]
    factor = _factor(datasets[0])
    return np.stack(
        [one.pixel_array.astype(np.float32) * np.float32(float(one.RescaleSlope) * factor) for one in datasets]
    )
