"""AWS HealthImaging: headers from metadata documents against pydicom Datasets made of them, and frames at 25 ms latency
against a botocore client that asks for one after the other.

The fake service runs in a process of its own, so that it does not take the interpreter lock of what is measured.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import dicomlogic_core as dl
from benchmarks.common import Row, seconds
from benchmarks.volume import images, write_series
from dicomlogic_core.header.dicomjson import JsonReader
from dicomlogic_core.header.wanted import wanted_tags

LATENCY_S = 0.025
_SERVER = """
import json, sys
from dicomlogic_ahi.testing import image_sets_from, serve
with serve(image_sets_from(sys.argv[1]), latency=float(sys.argv[2])) as server:
    print(json.dumps([server.datastore, server.environment]), flush=True)
    sys.stdin.read()
"""


def rows(*, quick: bool) -> list[Row]:
    """The table's rows."""
    try:
        import dicomlogic_ahi  # noqa: F401
    except ImportError:
        print("ahi: dicomlogic-ahi is not installed", file=sys.stderr)
        return []
    return [_metadata_row(quick=quick), *_frame_rows(quick=quick)]


# --- metadata --------------------------------------------------------------------------------------------------------


def _metadata_row(*, quick: bool) -> Row:
    from dicomlogic_ahi.document import read_document
    from dicomlogic_ahi.elements import Elements

    count = 147 if quick else 588
    data = json.dumps(_document(count)).encode()
    # Both last for a scan, and meet many such documents.
    elements, reader = Elements(), JsonReader(wanted_tags())

    def ours() -> Any:
        found = read_document(data, elements, "")
        return reader.rows(("[" + ",".join([one.header for one in found]) + "]").encode())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _check(ours(), _datasets(data), reader.wanted.keys)
        us, them = seconds(ours, lambda: _datasets(data), repeats=3 if quick else 5)
    return Row(
        stage="AHI metadata to columns",
        ours=count / us,
        peer="pydicom Datasets",
        theirs=count / them,
        target=10,
        unit="instances/s",
        note=f"{count} instances, {len(data) // count} bytes each",
    )


def _check(ours: list[Any], theirs: list[Any], keys: tuple[str, ...]) -> None:
    slot = keys.index("00200013")
    numbers = sorted(int(row.texts[slot]) for row in ours)
    assert numbers == sorted(int(dataset.InstanceNumber) for dataset in theirs), "the two read different documents"


# As many elements of the same kinds as in the document that AWS publishes.
_OUTER = """{
"SchemaVersion": "1.1", "DatastoreID": "d", "ImageSetID": "e",
"Patient": {"DICOM": {"PatientBirthDate": null, "PatientSex": null, "PatientID": "P", "PatientName": "A^B"}},
"Study": {
 "DICOM": {"PatientWeight": null, "ReferringPhysicianName": null, "AccessionNumber": null, "PatientSize": null,
  "StudyTime": "152643", "StudyDate": "20120418", "StudyID": null, "StudyDescription": "Doppler",
  "StudyInstanceUID": "1.2.3"},
 "Series": {"1.2.3.4": {
  "DICOM": {"ProtocolName": null, "SeriesNumber": null, "DeviceSerialNumber": null, "BodyPartExamined": null,
   "SoftwareVersions": ["1.06"], "SeriesDate": "20120418", "Manufacturer": "MAKER", "Modality": "US",
   "SeriesInstanceUID": "1.2.3.4", "SeriesDescription": null}}}}}"""
_INSTANCE = """{
"SpecificCharacterSet": ["ISO_IR 100"], "NumberOfViewsInStage": "20", "NumberOfFrames": "1", "SamplesPerPixel": 3,
"BitsStored": 8, "BitsAllocated": 8, "HighBit": 7, "PixelRepresentation": 0, "Rows": 480, "Columns": 640,
"PlanarConfiguration": 0, "PhotometricInterpretation": "YBR_FULL", "ImageType": ["ORIGINAL", "PRIMARY", "", "0015"],
"LossyImageCompression": "00", "PixelData": null, "EventElapsedTimes": ["45000"], "EventTimerNames": ["STAGE TIME"],
"NumberOfEventTimers": "1", "FileMetaInformationVersion": "AAE=", "ImplementationClassUID": "1.2.840.113747.20080222",
"MediaStorageSOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1", "TransferSyntaxUID": "1.2.840.10008.1.2",
"ImplementationVersionName": "MAKER_1.0", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1", "PatientOrientation": null,
"AcquisitionDate": "20120418", "AcquisitionTime": null, "ContentDate": "20120418", "TriggerTime": "0",
"StageName": "Im Post", "TransducerType": "VECTOR_PHASED", "NumberOfStages": "3", "SourceApplicationEntityTitle": null,
"7FDD0010": "MAKER", "7FDD1090": "", "7FDD1030": "", "7FDF0010": "MAKER 2", "7FDF1001": "AQA=", "7FDF1000": "MCA=",
"7FDF100D": "MCA=", "SequenceOfUltrasoundRegions": [
 {"RegionLocationMinX0": 0, "RegionLocationMinY0": 32, "RegionLocationMaxX1": 639, "RegionLocationMaxY1": 463,
  "PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3, "PhysicalDeltaX": 0.05, "PhysicalDeltaY": 0.05,
  "RegionSpatialFormat": 1, "RegionDataType": 1, "RegionFlags": 1, "TransducerFrequency": 2500,
  "ReferencePixelX0": 0, "ReferencePixelY0": 0, "ReferencePixelPhysicalValueX": 0.0}]}"""
_VRS = """{"7FDD0010": "LO", "7FDF0010": "LO", "7FDD1090": "UN", "7FDD1030": "UN", "7FDF1001": "UN", "7FDF1000": "UN",
"7FDF100D": "UN"}"""


def _document(count: int) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_OUTER)
    document["Study"]["Series"]["1.2.3.4"]["Instances"] = {
        f"1.2.3.4.{number}": _instance(number) for number in range(count)
    }
    return document


def _instance(number: int) -> dict[str, Any]:
    uid = f"1.2.3.4.{number}"
    own = {"InstanceNumber": str(number), "HeartRate": str(90 + number % 50), "StageNumber": str(number % 4)}
    own |= {
        "SOPInstanceUID": uid,
        "MediaStorageSOPInstanceUID": uid,
        "ContentTime": f"15{number // 60:02}{number % 60:02}",
    }
    sums = [{"Width": 160 * 2**k, "Height": 120 * 2**k, "Checksum": number * 7919 + k} for k in range(3)]
    frame = {"ID": f"{number:032x}", "FrameSizeInBytes": 921600, "PixelDataChecksumFromBaseToFullResolution": sums}
    return {"DICOM": json.loads(_INSTANCE) | own, "DICOMVRs": json.loads(_VRS), "ImageFrames": [frame]}


def _datasets(data: bytes) -> list[Any]:
    """What one would write without a library: a Dataset per instance, element by element."""
    import pydicom

    document = json.loads(data)
    found = []
    for series in document["Study"]["Series"].values():
        for instance in series["Instances"].values():
            dataset = pydicom.Dataset()
            for level in (document["Patient"], document["Study"], series, instance):
                _add(dataset, level["DICOM"], instance["DICOMVRs"])
            found.append(dataset)
    return found


def _add(dataset: Any, block: Mapping[str, Any], vrs: Mapping[str, str]) -> None:
    import pydicom
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    for keyword, value in block.items():
        tag = tag_for_keyword(keyword)
        vr = vrs.get(keyword, "UN") if tag is None else dictionary_VR(tag)[:2]
        if vr == "SQ":
            items = [pydicom.Dataset() for _ in value]
            for item, inner in zip(items, value):
                _add(item, inner, vrs)
            value = items
        elif vr in ("OB", "OW", "UN"):
            value = base64.b64decode(value or "")
        dataset.add(pydicom.DataElement(int(keyword, 16) if tag is None else tag, vr, value))


# --- frames ----------------------------------------------------------------------------------------------------------


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The data store's id; the environment points to the service meanwhile."""
    command = [sys.executable, "-c", _SERVER, str(folder), str(LATENCY_S)]
    kept = dict(os.environ)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        try:
            datastore, environment = json.loads(server.stdout.readline())
            os.environ.update(environment)
            yield datastore
        finally:
            os.environ.clear()
            os.environ.update(kept)
            server.stdin.close()


def _frame_rows(*, quick: bool) -> list[Row]:
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        print("ahi: the frames need imagecodecs", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        stack = images(60 if quick else 300)
        folder = Path(name) / "series"
        write_series(folder, stack)
        with _served(folder) as datastore, dl.open() as session:
            session.index(f"ahi://{datastore}")
            (loadable,) = session.examine()
            urls = {row["SOPInstanceUID"]: row["RetrieveURL"] for row in session.list("instance")}
            places = [urls[frame.sop_uid] for frame in loadable.frames]

            def ours() -> Any:
                return np.asarray(session.load(loadable))

            def theirs() -> Any:
                return _one_by_one(places, stack.shape)

            assert np.array_equal(ours(), theirs()), "the two clients differ"  # also warms both
            us, them = seconds(ours, theirs, repeats=2)
    return [
        Row(
            stage="AHI volume at 25 ms latency",
            ours=len(stack) / us,
            peer="botocore, one by one",
            theirs=len(stack) / them,
            target=8,
            unit="frames/s",
            note=f"{len(stack)} HTJ2K frames of {stack.shape[1]} x {stack.shape[2]}",
        )
    ]


def _one_by_one(places: list[str], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Frames by a botocore client, decoded as they come, into one array."""
    import botocore.session
    import imagecodecs
    from botocore.config import Config

    client = botocore.session.Session().create_client("medical-imaging", config=Config(inject_host_prefix=False))
    volume = np.empty(shape, np.int16)
    for k, url in enumerate(places):
        _, _, datastore, image_set, _, _, frame = url.split("/")
        answer = client.get_image_frame(
            datastoreId=datastore, imageSetId=image_set, imageFrameInformation={"imageFrameId": frame}
        )
        decoded = imagecodecs.htj2k_decode(answer["imageFrameBlob"].read())
        np.subtract(decoded, 1024, out=volume[k], casting="unsafe")
    client.close()
    return volume


if __name__ == "__main__":
    from benchmarks.common import table

    start = time.perf_counter()
    print(table(rows(quick="--quick" in sys.argv)))
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
