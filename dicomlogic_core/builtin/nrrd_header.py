"""The header of an NRRD file: geometry in LPS, and the provenance keys that 3D Slicer keeps.

pynrrd formats the fields (17 significant digits, so numbers come back to the last bit). Three things it does not do are
done here: equal input gives equal bytes (its date comment goes), a line break in a value cannot end the header, and
letters beyond ASCII are kept.
"""

from __future__ import annotations

import io
import json
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import nrrd
import numpy as np

from dicomlogic_core import Geometry, Volume, WriteError, __version__, identifies_patient, tag_key

# Keys that a reader would take for a field of the format itself.
_FIELD_NAMES = """
axis maxs, axis mins, axismaxs, axismins, block size, blocksize, byte skip, byteskip, centerings, centers,
content, data file, datafile, dimension, encoding, endian, kinds, labels, line skip, lineskip, max,
measurement frame, min, number, old max, old min, oldmax, oldmin, sample units, sampleunits, sizes, space,
space dimension, space directions, space origin, space units, spacings, thicknesses, type, units
"""
_FIELDS = frozenset(name.strip() for name in _FIELD_NAMES.split(","))
# How pixels were stored in the DICOM files; not true of the voxels written here, which are rescaled.
_STORED = frozenset(["00280100", "00280101", "00280102", "00280103", "00280120", "00280121", "00281052", "00281053"])
# Coded quantity and unit, named and written as 3D Slicer does in its scenes (vtkCodedEntry reads such a text).
_CODED = {"quantity_code": "voxelValueQuantity", "unit_code": "voxelValueUnits"}
_CODE_PARTS = {"CodeValue": "value", "CodingSchemeDesignator": "scheme", "CodeMeaning": "meaning"}
_WARNINGS = threading.Lock()  # the filters of warnings belong to all threads
_COLOUR_KINDS = {3: "RGB-color", 4: "RGBA-color"}


def volume_fields(volume: Volume, encoding: str) -> dict[str, Any]:
    """Fields of a volume; ``space directions`` are the columns of `ijk_to_lps`, so a tilted stack keeps its shear."""
    fields = grid_fields(volume.geometry, encoding)
    if len(volume.array.shape) == 4:
        # A row of NaN is written as `none`: components have no direction in space.
        fields["space directions"] = np.vstack([np.full(3, np.nan), fields["space directions"]])
        fields["kinds"] = [_COLOUR_KINDS.get(volume.array.shape[3], "vector"), *fields["kinds"]]
    return fields


def grid_fields(geometry: Geometry, encoding: str) -> dict[str, Any]:
    """Fields of a grid with one value per voxel."""
    return {
        "space": "left-posterior-superior",
        "space directions": geometry.ijk_to_lps[:3, :3].T,
        "space origin": np.array(geometry.origin_lps_mm),
        "kinds": ["domain", "domain", "domain"],
        "encoding": encoding,
    }


def provenance_keys(volume: Volume, *, show_phi: bool = False) -> dict[str, str]:
    """Keys that say where a volume came from; attributes that identify the patient only with `show_phi`."""
    keys = origin_keys(volume)
    for key, text in attribute_keys(volume.metadata.get("common", {}), show_phi=show_phi).items():
        keys.setdefault(key, text)
    return keys


def origin_keys(volume: Volume) -> dict[str, str]:
    """Keys of instances, unit, findings and positions; none of attributes that only tell what was scanned how."""
    keys: dict[str, str] = {"DICOMLogic.version": __version__}
    refs = [ref for ref in volume.provenance if ref is not None]
    if refs:
        keys |= _instance_keys(volume)
        keys["DICOM_0020_000D_StudyInstanceUID"] = " ".join(dict.fromkeys(ref.study_uid for ref in refs))
        keys["DICOM_0020_000E_SeriesInstanceUID"] = " ".join(dict.fromkeys(ref.series_uid for ref in refs))
    elif resampled := volume.metadata.get("resampled"):
        # Instances have no slices of their own here: where the values come from is told by series.
        keys["DICOMLogic.resampled"] = str(resampled["kernel"])
        keys["DICOM_0020_000D_StudyInstanceUID"] = " ".join(resampled["study_uids"])
        keys["DICOM_0020_000E_SeriesInstanceUID"] = " ".join(resampled["series_uids"])
    if any(ref.frame != 1 or ref.region for ref in refs):
        # Several slices of one instance: UIDs alone no longer say which.
        keys["DICOMLogic.frames"] = " ".join(
            f"{ref.frame}/{ref.region}" if ref.region else f"{ref.frame}" for ref in refs
        )
    if volume.frame_of_reference_uid:
        keys["DICOM_0020_0052_FrameOfReferenceUID"] = volume.frame_of_reference_uid
    if volume.missing:
        keys["DICOMLogic.missingSlices"] = " ".join(map(str, volume.missing))
    if volume.quantity:
        keys["DICOMLogic.quantity"] = volume.quantity
    if volume.unit:
        keys["DICOMLogic.unit"] = volume.unit
    for name, key in _CODED.items():
        if code := volume.metadata.get(name):
            keys[key] = "|".join(f"{part}:{code[of]}" for part, of in _CODE_PARTS.items())
    if volume.findings:
        keys["DICOMLogic.findings"] = " ".join(dict.fromkeys(finding.code for finding in volume.findings))
    if positions := volume.metadata.get("slice_positions_lps_mm"):
        keys["DICOMLogic.slicePositionsLpsMm"] = json.dumps(positions)
    if windows := volume.metadata.get("window"):
        keys["DICOMLogic.window"] = json.dumps(windows)
    return keys


def _instance_keys(volume: Volume) -> dict[str, str]:
    """UIDs of the instances in slice order, each once, and as many numbers: 3D Slicer reads the two lists in pairs."""
    common = volume.metadata.get("common", {}).get("InstanceNumber")
    varying = volume.metadata.get("varying", {}).get("InstanceNumber") or [common] * len(volume.provenance)
    numbers: dict[str, str] = {}
    for ref, number in zip(volume.provenance, varying):
        if ref is not None:
            numbers.setdefault(ref.sop_uid, str(number or "?"))
    return {"DICOM.instanceUIDs": " ".join(numbers), "DICOM.instanceNumbers": " ".join(numbers.values())}


def attribute_keys(common: Mapping[str, Any], *, show_phi: bool = False) -> dict[str, str]:
    """Attributes by keyword as keys, without those of stored pixels, of patients and private ones."""
    keys = {}
    for keyword, text in common.items():
        tag = tag_key(keyword)
        if text and "|" not in tag and tag not in _STORED and (show_phi or not identifies_patient(tag)):
            keys[f"DICOM_{tag[:4]}_{tag[4:]}_{keyword}"] = str(text)
    return keys


def header_bytes(
    shape: tuple[int, ...], dtype: np.dtype[Any], fields: Mapping[str, Any], keys: Mapping[str, str]
) -> bytes:
    """The header with its closing empty line, for an array of `shape` in C order (sizes are its reverse).

    Raises:
        WriteError: a key that cannot be told from a field or from its value.
    """
    for key in keys:
        if (
            not key
            or ":=" in key
            or ": " in key
            or key.lower() in _FIELDS
            or key != key.strip()
            or not key.isprintable()
        ):
            raise WriteError(
                f"{key!r} cannot be a key of an NRRD file", remedy="rename it: no ':=', ': ' or field name"
            )
    plain = {key: escape(value) for key, value in keys.items() if (key + value).isascii()}
    # A copy of the fields: pynrrd adds to the header it is given.
    text = _formatted({**fields, **plain}, np.zeros((1,) * len(shape), dtype))
    lines = [line for line in text.split("\n") if not line.startswith("# on ")]
    lines[lines.index("sizes:" + " 1" * len(shape))] = "sizes: " + " ".join(map(str, reversed(shape)))
    # pynrrd refuses letters beyond ASCII; ITK, and so 3D Slicer, reads them as UTF-8.
    lines += [f"{key}:={escape(value)}" for key, value in keys.items() if key not in plain]
    return ("\n".join(lines) + "\n\n").encode("utf-8")


def _formatted(fields: dict[str, Any], voxel: np.ndarray[Any, Any]) -> str:
    buffer = io.BytesIO()
    with _WARNINGS, warnings.catch_warnings():
        # pynrrd 1.1 asks datetime for utcnow(), deprecated from Python 3.12, to write a date that is dropped here.
        warnings.filterwarnings("ignore", "datetime.datetime.utcnow", DeprecationWarning)
        nrrd.write(buffer, voxel, fields, index_order="C", compression_level=1)
    return buffer.getvalue().partition(b"\n\n")[0].decode("ascii")


def escape(value: str) -> str:
    r"""A value on one line: ``\`` and line breaks as the format escapes them."""
    text = value.replace("\\", "\\\\").replace("\n", "\\n")
    return "".join(letter if letter.isprintable() else " " for letter in text)
