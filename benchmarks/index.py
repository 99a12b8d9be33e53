"""Index end to end, and again with nothing changed, against pydicom writing the same rows and against dicomindex."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.common import Row, seconds

SERIES_FILES = 200
TAGS_20 = (
    "0008,0016 0008,0018 0008,0020 0008,0060 0008,103E 0010,0010 0010,0020 0018,0050 0020,000D 0020,000E 0020,0011"
    " 0020,0013 0020,0032 0020,0037 0020,0052 0028,0010 0028,0011 0028,0030 0028,1052 0028,1053"
)


def rows(*, quick: bool) -> list[Row]:
    """The rows 'index' and 'rescan' with 20 tags and with the default list."""
    from dicomlogic_core.header.wanted import TAG_CACHE

    count = 2_000 if quick else 20_000
    table = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_files(work / "data", count)
        # The peers take ten to a hundred times longer: a part of the files is enough for their speed.
        part, part_count = _subset(work / "data", work, count // 20), count // 20
        dicomindex = _dicomindex(part, work)
        for title, tags, target in (("20 tags", _keys(TAGS_20), 30), ("default tags", TAG_CACHE, 20)):
            first, again = seconds(_ours(work / "data", work, tags), _again(work / "data", work, tags), repeats=4)
            (plain,) = seconds(_pydicom(part, work, tags), repeats=2)
            stage, note = f"index end to end, {title}", f"{len(tags)} cached tags, {count} files"
            table.append(_row(stage, count / first, "pydicom + sqlite3", part_count / plain, 10, note))
            if dicomindex is not None:
                table.append(_row(stage, count / first, "dicomindex", part_count / dicomindex, target, note))
            table.append(_row(f"rescan unchanged, {title}", count / again, "own first scan", count / first, 10, note))
    return table


def _row(stage: str, ours: float, peer: str, theirs: float, target: float, note: str) -> Row:
    return Row(stage=stage, ours=ours, peer=peer, theirs=theirs, target=target, unit="files/s", note=note)


def _keys(tags: str) -> tuple[str, ...]:
    return tuple(tag.replace(",", "") for tag in tags.split())


# --- data --------------------------------------------------------------------------------------------------------


def write_files(folder: Path, count: int) -> None:
    """CT-like files of about 130 elements, of which some 20 change from slice to slice."""
    template = _template()
    for number in range(count):
        series, slice_number = divmod(number, SERIES_FILES)
        place = folder / f"p{series // 4:04d}" / f"s{series:05d}"
        if slice_number == 0:
            place.mkdir(parents=True)
        data = template
        for mark, value in (
            (b"9999.1111111", b"9999.1%06d" % (series // 4)),
            (b"9999.2222222", b"9999.2%06d" % series),
            (b"9999.3333333", b"9999.3%06d" % number),
            (b"PATIENT77", b"PATIENT%02d" % (series // 4 % 100)),
            (b"88888", b"%05d" % (slice_number + 1)),
            (b"-55555.25", b"%+09.2f" % (slice_number * 1.25)),
            (b"121212.345678", b"12%02d%02d.%06d" % (slice_number // 60, slice_number % 60, number)),
            (b"66666.5", b"%07.1f" % (100 + slice_number)),
        ):
            data = data.replace(mark, value)
        (place / f"IM{slice_number:05d}.dcm").write_bytes(data)


def _template() -> bytes:
    import io

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    root = "1.2.826.0.1.3680043.8.498"
    dataset = Dataset()
    for keyword, value in _VALUES.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{root}.9999.3333333"
    dataset.StudyInstanceUID = f"{root}.1.9999.1111111"
    dataset.SeriesInstanceUID = f"{root}.2.9999.2222222"
    dataset.FrameOfReferenceUID = f"{root}.3.9999.2222222"
    block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    for element in range(0x10, 0x40):
        block.add_new(element, "DS" if element % 2 else "SH", "66666.5" if element % 8 == 1 else str(element))
    dataset.Rows = dataset.Columns = 16
    dataset.PixelData = bytes(512)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


_VALUES: dict[str, object] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "InstanceCreationDate": "20240102",
    "InstanceCreationTime": "121212.345678",
    "StudyDate": "20240102",
    "SeriesDate": "20240102",
    "AcquisitionDate": "20240102",
    "ContentDate": "20240102",
    "StudyTime": "120000",
    "SeriesTime": "120100",
    "AcquisitionTime": "121212.345678",
    "ContentTime": "121212.345678",
    "AccessionNumber": "A1",
    "Modality": "CT",
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "InstitutionName": "Hospital",
    "ReferringPhysicianName": "Doe^Jane",
    "StationName": "CT1",
    "StudyDescription": "Thorax",
    "SeriesDescription": "Axial 1.25",
    "ManufacturerModelName": "Scanner",
    "PatientName": "PATIENT77",
    "PatientID": "PATIENT77",
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "PatientAge": "054Y",
    "PatientWeight": "70",
    "ContrastBolusAgent": "none",
    "BodyPartExamined": "CHEST",
    "ScanOptions": "HELICAL",
    "SliceThickness": "1.25",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "SoftwareVersions": "1.0",
    "ProtocolName": "Thorax",
    "ReconstructionDiameter": "360",
    "DistanceSourceToDetector": "949",
    "DistanceSourceToPatient": "541",
    "GantryDetectorTilt": "0",
    "TableHeight": "66666.5",
    "RotationDirection": "CW",
    "ExposureTime": "88888",
    "XRayTubeCurrent": "88888",
    "Exposure": "88888",
    "FilterType": "BODY",
    "GeneratorPower": "30000",
    "FocalSpots": "1.2",
    "ConvolutionKernel": "STANDARD",
    "PatientPosition": "HFS",
    "StudyID": "1",
    "SeriesNumber": "2",
    "AcquisitionNumber": "1",
    "InstanceNumber": "88888",
    "ImagePositionPatient": ["-180.0", "-180.0", "-55555.25"],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "SN",
    "SliceLocation": "-55555.25",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": ["0.703125", "0.703125"],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "WindowCenter": "40",
    "WindowWidth": "400",
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
}


def _subset(data: Path, work: Path, count: int) -> Path:
    part = work / "part"
    if not part.exists():
        part.mkdir()
        for number, path in enumerate(sorted(data.rglob("*.dcm"))[:count]):
            os.link(path, part / f"{number:06d}.dcm")
    return part


# --- candidates --------------------------------------------------------------------------------------------------


def _ours(data: Path, work: Path, tags: Sequence[str]) -> Callable[[], None]:
    def run() -> None:
        _index(data, Path(tempfile.mkdtemp(dir=work)), tags)

    return run


def _again(data: Path, work: Path, tags: Sequence[str]) -> Callable[[], None]:
    folder = Path(tempfile.mkdtemp(dir=work))
    _index(data, folder, tags)

    def run() -> None:
        _index(data, folder, tags)

    return run


def _index(data: Path, folder: Path, tags: Sequence[str]) -> None:
    from dicomlogic_core.builtin.files_source import FilesSource
    from dicomlogic_core.contracts import Query
    from dicomlogic_core.header.wanted import wanted_tags
    from dicomlogic_core.index.ingest import Ingest
    from dicomlogic_core.index.store import Store
    from dicomlogic_core.work import Work

    store = Store.open(folder)
    work = Work()
    ingest = Ingest(store, wanted_tags(), provider="files", location=str(data), tag_cache=tags)
    for item in FilesSource().scan(Query(location=str(data)), ingest.known, work):
        ingest.add(item)
    ingest.finish(work.findings)
    store.close()


def _pydicom(data: Path, work: Path, tags: Sequence[str]) -> Callable[[], None]:
    """The plain way, done well: only the wanted tags, batches, one transaction."""

    def run() -> None:
        from pydicom import dcmread
        from pydicom.tag import Tag

        from dicomlogic_core.index.schema import CACHE_TABLE, main_statements

        folder = Path(tempfile.mkdtemp(dir=work))
        main, cache = sqlite3.connect(folder / "main.sql"), sqlite3.connect(folder / "cache.sql")
        for statement in main_statements():
            main.execute(statement)
        cache.execute(CACHE_TABLE)
        numbers = [(key, Tag(int(key, 16))) for key in tags]
        patients: dict[tuple[str, str], int] = {}
        images, cached, studies, series = [], [], {}, {}
        for path in sorted(data.rglob("*.dcm")):
            dataset = dcmread(path, stop_before_pixels=True)
            uid = str(dataset.SOPInstanceUID)
            patient = (str(dataset.PatientID), str(dataset.PatientName))
            number = patients.setdefault(patient, len(patients) + 1)
            studies[str(dataset.StudyInstanceUID)] = (number, dataset.StudyDate, dataset.StudyDescription)
            series[str(dataset.SeriesInstanceUID)] = (str(dataset.StudyInstanceUID), dataset.Modality)
            images.append((uid, str(path), "", str(dataset.SeriesInstanceUID), "2024-01-01T00:00:00.000", None))
            for key, tag in numbers:
                element = dataset.get(tag)
                text = "" if element is None else str(element.value)
                cached.append((uid, f"{key[:4]},{key[4:]}", text or "__TAG_NOT_IN_INSTANCE__"))
        with cache:
            cache.executemany("INSERT INTO TagCache VALUES (?, ?, ?)", cached)
        with main:
            main.executemany(
                "INSERT INTO Patients (UID, PatientID, PatientsName, InsertTimestamp) VALUES (?, ?, ?, '')",
                [(number, *patient) for patient, number in patients.items()],
            )
            main.executemany(
                "INSERT INTO Studies (StudyInstanceUID, PatientsUID, StudyDate, StudyDescription, InsertTimestamp)"
                " VALUES (?, ?, ?, ?, '')",
                [(uid, *values) for uid, values in studies.items()],
            )
            main.executemany(
                "INSERT INTO Series (SeriesInstanceUID, StudyInstanceUID, Modality, InsertTimestamp)"
                " VALUES (?, ?, ?, '')",
                [(uid, *values) for uid, values in series.items()],
            )
            main.executemany("INSERT INTO Images VALUES (?, ?, ?, ?, ?, ?)", images)
        main.close()
        cache.close()

    return run


# It needs an older pydicom than we do, so it runs in an environment of its own and times itself.
_DICOMINDEX = """
import sys, time, warnings
from pathlib import Path
from dicomindex.persistence import SQLiteSession
from dicomindex.processing import index_folder_full
warnings.simplefilter("ignore")
started = time.perf_counter()
with SQLiteSession(Path(sys.argv[2])) as session:
    index_folder_full(Path(sys.argv[1]), session)
print(time.perf_counter() - started)
"""


def _dicomindex(data: Path, work: Path) -> float | None:
    """Seconds of the one package on PyPI that indexes DICOM into SQLite; None where it cannot be had."""
    uv = shutil.which("uv")
    if uv is None:
        print("dicomindex needs uv to be installed for the run; its rows are left out")
        return None
    command = [uv, "run", "--no-project", "--with", "dicomindex", "python", "-c", _DICOMINDEX, str(data)]
    best = None
    for number in range(2):
        done = subprocess.run([*command, str(work / f"peer{number}.sql")], capture_output=True, text=True, check=False)
        if done.returncode:
            print("dicomindex could not be run; its rows are left out")
            return None
        elapsed = float(done.stdout.split()[-1])
        best = elapsed if best is None else min(best, elapsed)
    return best
