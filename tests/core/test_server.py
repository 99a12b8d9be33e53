"""The loopback server against a client that is not ours, and against the files it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread
from pydicom.data import get_charset_files, get_testdata_file

from dicomlogic_core.testing.server import PROFILES, Server, serve

AS_STORED = (("application/octet-stream", "*"),)
NAMES = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "examples_jpeg2k.dcm",
    "rtdose.dcm",
    "rtplan.dcm",
    "SC_rgb_rle_2frame.dcm",
    "liver_1frame.dcm",
    "examples_overlay.dcm",
    "chrH31.dcm",
    "chrX1.dcm",
]


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    """Real files by name, installed with pydicom."""
    return {
        name: Path(get_charset_files(name)[0] if name.startswith("chr") else str(get_testdata_file(name)))
        for name in NAMES
    }


@pytest.fixture(scope="module")
def folder(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with all of them, apart from a repeated UID."""
    target = tmp_path_factory.mktemp("files")
    for number, (name, path) in enumerate(files.items()):
        dataset = dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        dataset.save_as(target / name)
    (target / "notes.txt").write_text("not DICOM", encoding="utf-8")
    return target


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serve(folder) as running:
        yield running


@pytest.fixture
def client(server: Server) -> DICOMwebClient:
    return DICOMwebClient(server.url)


def _uids(dataset: Dataset) -> list[str]:
    return [str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)]


def _path(server: Server, dataset: Dataset) -> str:
    study, series, sop = _uids(dataset)
    return f"{server.url}/studies/{study}/series/{series}/instances/{sop}"


# --- search ------------------------------------------------------------------------------------------------------


def test_every_file_is_found_at_every_level(client: DICOMwebClient, folder: Path) -> None:
    datasets = [dcmread(folder / name) for name in NAMES]
    for search, keyword, tag in (
        (client.search_for_studies, "StudyInstanceUID", "0020000D"),
        (client.search_for_series, "SeriesInstanceUID", "0020000E"),
        (client.search_for_instances, "SOPInstanceUID", "00080018"),
    ):
        found = [result[tag]["Value"][0] for result in search()]
        assert len(found) == len(set(found))
        assert set(found) == {str(dataset[keyword].value) for dataset in datasets}


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"Modality": "CT"}, {"CT_small.dcm"}),
        ({"00080060": "RT*"}, {"rtdose.dcm", "rtplan.dcm"}),
        ({"SOPInstanceUID": "1.2.3.0,1.2.3.1"}, {"CT_small.dcm", "MR_small.dcm"}),
        ({"StudyDate": "20040119-20040119"}, {"CT_small.dcm"}),
        ({"StudyDate": "20500101-"}, set()),
        ({"PatientName": "compressedsamples^ct?"}, {"CT_small.dcm"}),
        ({"PatientName": "[C]*"}, set()),
        ({"NoSuchKeyword": "1"}, set(NAMES)),
    ],
    ids=str,
)
def test_filters(server: Server, folder: Path, filters: dict[str, str], wanted: set[str]) -> None:
    response = requests.get(f"{server.url}/instances", params=filters, timeout=10)
    found = {result["00080018"]["Value"][0] for result in response.json()} if response.status_code == 200 else set()
    assert found == {str(dcmread(folder / name).SOPInstanceUID) for name in wanted}
    assert (response.status_code == 204) == (not wanted)


def test_counts_and_included_fields(server: Server) -> None:
    query = "?PatientID=1CT1&includefield=StudyDescription,00080070"
    (study,) = requests.get(f"{server.url}/studies{query}", timeout=10).json()
    assert study["00201206"]["Value"] == [1] and study["00201208"]["Value"] == [1]
    assert study["00080061"]["Value"] == ["CT"] and study["00080070"]["Value"] == ["GE MEDICAL SYSTEMS"]


def test_pages_join_to_the_whole(client: DICOMwebClient, server: Server) -> None:
    whole = [result["00080018"]["Value"] for result in client.search_for_instances()]
    pages = [
        result["00080018"]["Value"]
        for offset in range(0, len(whole), 5)
        for result in client.search_for_instances(limit=5, offset=offset)
    ]
    assert pages == whole
    assert requests.get(f"{server.url}/instances?limit=abc", timeout=10).status_code == 400


# --- metadata ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI:UserWarning")  # made-up UIDs in pydicom's RT dose
@pytest.mark.parametrize("name", NAMES)
def test_metadata_is_the_header(client: DICOMwebClient, server: Server, folder: Path, name: str) -> None:
    """Read back by pydicom, every element equals that of the file; long binary values are where their URI says."""
    dataset = dcmread(folder / name)
    answer = client.retrieve_instance_metadata(*_uids(dataset))
    bulk = {tag: element["BulkDataURI"] for tag, element in answer.items() if "BulkDataURI" in element}
    plain = {tag: element for tag, element in answer.items() if tag not in bulk}
    found = Dataset.from_json(plain, bulk_data_uri_handler=lambda uri: b"")
    for element in dataset:
        tag = f"{element.tag:08X}"
        if tag == "7FE00010" or element.tag.element == 0 or element.tag.group > 0x7FE0:
            continue
        if tag in bulk:
            response = requests.get(
                requests.compat.urljoin(_path(server, dataset) + "/metadata", bulk[tag]),
                headers={"Accept": "application/octet-stream"},
                timeout=10,
            )
            assert response.content == bytes(element.value)
        elif element.VR not in ("SQ", "UN"):
            assert found[element.tag].value == element.value or (element.is_empty and "Value" not in answer[tag])
    assert ("7FE00010" in bulk) == ("PixelData" in dataset)


def test_text_is_not_reformatted(client: DICOMwebClient, tmp_path: Path, files: dict[str, Path]) -> None:
    dataset = dcmread(files["CT_small.dcm"])
    dataset.PixelSpacing = ["0.50", "5.0e-1"]
    dataset.ImageType = ["ORIGINAL", "", "AXIAL"]
    dataset.save_as(tmp_path / "a.dcm")
    with serve(tmp_path) as server:
        answer = DICOMwebClient(server.url).retrieve_instance_metadata(*_uids(dataset))
    assert answer["00280030"]["Value"] == ["0.50", "5.0e-1"]
    assert answer["00080008"]["Value"] == ["ORIGINAL", None, "AXIAL"]


# --- pixels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("rtplan.dcm", "chrH31.dcm", "chrX1.dcm")])
def test_frames_are_those_of_the_file(client: DICOMwebClient, folder: Path, name: str) -> None:
    """Native frames equal the decoded pixels, compressed ones the fragments as pydicom cuts them."""
    from pydicom.encaps import generate_frames

    dataset = dcmread(folder / name)
    count = int(dataset.get("NumberOfFrames") or 1)
    found = client.retrieve_instance_frames(*_uids(dataset), list(range(1, count + 1)), media_types=AS_STORED)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        assert found == list(generate_frames(dataset.PixelData, number_of_frames=count))
    elif dataset.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(b"".join(found), np.uint8), bitorder="little")
        np.testing.assert_array_equal(bits, dataset.pixel_array.ravel())
    else:
        pixels = dataset.pixel_array
        little = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
        assert b"".join(found) == little


def test_a_list_has_its_order_and_labels(server: Server, folder: Path) -> None:
    path = _path(server, dcmread(folder / "rtdose.dcm"))
    accept = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
    body = requests.get(f"{path}/frames/3,1", headers=accept, timeout=10).content
    assert body.index(b"/frames/3\r\n") < body.index(b"/frames/1\r\n")
    single = requests.get(f"{path}/frames/3", headers={"Accept": "application/octet-stream"}, timeout=10)
    assert single.content in body
    assert single.headers["Content-Type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"


@pytest.mark.parametrize(
    ("name", "numbers", "accept", "status"),
    [
        ("rtdose.dcm", "0", "*/*", 400),
        ("rtdose.dcm", "16", "*/*", 400),
        ("rtdose.dcm", "x", "*/*", 400),
        ("rtdose.dcm", "1,2", "application/octet-stream", 406),
        ("rtplan.dcm", "1", "*/*", 404),
        ("JPEG2000.dcm", "1", 'multipart/related; type="application/octet-stream"', 406),
        ("examples_jpeg2k.dcm", "1", 'multipart/related; type="application/octet-stream"', 406),
        ("examples_jpeg2k.dcm", "1", 'multipart/related; type="image/jp2"', 200),
        ("JPEG2000.dcm", "1", 'multipart/related; type="image/jp2"', 406),
        ("JPEG2000.dcm", "1", 'multipart/related; type="image/jpeg"', 406),
        ("JPEG2000.dcm", "1", "text/html, */*;q=0.1", 200),
        ("CT_small.dcm", "1", 'multipart/related; type="application/octet-stream"', 200),
    ],
)
def test_what_cannot_be_had_is_refused(
    server: Server, folder: Path, name: str, numbers: str, accept: str, status: int
) -> None:
    url = f"{_path(server, dcmread(folder / name))}/frames/{numbers}"
    assert requests.get(url, headers={"Accept": accept}, timeout=10).status_code == status


def test_objects_are_the_files(client: DICOMwebClient, server: Server, folder: Path) -> None:
    stored = (("application/dicom", "*"),)
    for name in NAMES:
        dataset = dcmread(folder / name)
        response = requests.get(_path(server, dataset), headers={"Accept": "application/dicom"}, timeout=10)
        assert response.content == (folder / name).read_bytes()
        uids = _uids(dataset)
        series = client.retrieve_series(*uids[:2], media_types=stored)
        assert uids[2] in {str(each.SOPInstanceUID) for each in series}


# --- the server itself ---------------------------------------------------------------------------------------------


def test_unknown_things_are_not_found(server: Server) -> None:
    for path in (
        "/studies/1.2.9",
        "/studies/1.2.9/series/1/metadata",
        "/nonsense",
        "/studies/1/series/2/instances/3/x",
    ):
        assert requests.get(server.url + path, timeout=10).status_code == 404
    assert requests.get(f"{server.origin}/elsewhere/studies", timeout=10).status_code == 404


def test_a_vanished_file_is_not_found(folder: Path, tmp_path: Path, files: dict[str, Path]) -> None:
    copy = tmp_path / "a.dcm"
    copy.write_bytes(files["CT_small.dcm"].read_bytes())
    with serve(tmp_path) as server:
        copy.unlink()
        path = _path(server, dcmread(files["CT_small.dcm"]))
        assert requests.get(f"{path}/frames/1", timeout=10).status_code == 404
        assert requests.get(f"{server.url}/studies", timeout=10).status_code == 204


@pytest.mark.parametrize("auth", ["bearer:token-1", "basic:alice:secret"])
def test_credentials(folder: Path, auth: str) -> None:
    with serve(folder, auth=auth) as server:
        refused = requests.get(f"{server.url}/studies", timeout=10)
        assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].lower().startswith(auth[:5])
        session = requests.Session()
        if auth.startswith("basic"):
            session.auth = ("alice", "secret")
        else:
            session.headers["Authorization"] = "Bearer token-1"
        with session:
            assert session.get(f"{server.url}/studies", timeout=10).status_code == 200


def test_the_log_counts_requests_and_what_was_open(folder: Path, dicomweb_server: Callable[..., Server]) -> None:
    server = dicomweb_server(folder, latency=0.1)
    with requests.Session() as session, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: session.get(f"{server.url}/studies?limit=1", timeout=10), range(4)))
    assert server.count("/studies$") == 4
    assert server.most_open == 4
    assert {record.status for record in server.log} == {200}
    assert [value for record in server.log for value in record.query] == [("limit", "1")] * 4
    assert len({record.thread for record in server.log}) == 4


def test_connections_are_kept(folder: Path, dicomweb_server: Callable[..., Server]) -> None:
    server = dicomweb_server(folder)
    with requests.Session() as session:
        for _ in range(5):
            session.get(f"{server.url}/studies", timeout=10)
    assert len({record.thread for record in server.log}) == 1


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serve(folder) as server:
        requests.get(f"{server.url}/studies", timeout=10)
        requests.get(f"{server.url}/nothing", timeout=10)
    assert capfd.readouterr() == ("", "")


def test_unknown_switches_and_profiles_are_refused(folder: Path) -> None:
    with pytest.raises(TypeError, match="no_such_switch"), serve(folder, no_such_switch=1):
        pass
    with pytest.raises(KeyError, match="no-such-server"), serve(folder, profile="no-such-server"):
        pass


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_start_and_list_their_studies(folder: Path, profile: str) -> None:
    with serve(folder, profile=profile) as server:
        studies = requests.get(f"{server.url}/studies", timeout=10).json()
        assert len(studies) == len({str(dcmread(folder / name).StudyInstanceUID) for name in NAMES})


def _get(url: str, accept: str = "*/*") -> Any:
    return requests.get(url, headers={"Accept": accept}, timeout=10)


def test_profiles_have_the_habits_of_their_servers(folder: Path) -> None:
    multipart = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    ct, plan = dcmread(folder / "CT_small.dcm"), dcmread(folder / "rtplan.dcm")
    with serve(folder, profile="orthanc-1.10") as server:
        path = _path(server, ct)
        assert _get(f"{server.url}/studies?PatientID=none").content == b"[]"
        assert _get(f"{path}/frames/1", "application/octet-stream").status_code == 400
        assert _get(f"{_path(server, plan)}/frames/1", multipart).status_code == 500
        assert isinstance(_get(f"{path}/metadata").json()[0]["00280030"]["Value"][0], float)
    with serve(folder, profile="tiny-pacs") as server:
        path = _path(server, ct)
        assert _get(f"{path}/metadata").status_code == _get(f"{path}/frames/1").status_code == 404
        assert _get(f"{server.url}/instances").status_code == 404
        answer = _get(path, 'multipart/related; type="application/dicom"; transfer-syntax=*')
        assert answer.headers["Transfer-Encoding"] == "chunked" and 'boundary="' in answer.headers["Content-Type"]
    with serve(folder, profile="static") as server:
        path = _path(server, ct)
        assert len(_get(f"{server.url}/studies?PatientID=none").json()) > 1
        assert isinstance(_get(f"{path}/metadata").json(), dict)
        answer = _get(f"{path}/frames/1", "anything/else")
        assert "boundary" not in answer.headers["Content-Type"] and not answer.content.endswith(b"--\r\n")
        assert _get(path).status_code == 404
    with serve(folder, profile="azure") as server:
        path = _path(server, ct)
        assert _get(f"{path}/frames/1", multipart + ", */*").status_code == 406
        assert _get(f"{path}/frames/1", multipart.replace('"', "")).status_code == 406
        assert "7FE00010" not in _get(f"{path}/metadata").json()[0]
    with serve(folder, profile="google") as server:
        answer = _get(f"{server.url}/studies?includefield=NoSuchField")
        assert answer.status_code == 400 and "NoSuchField" in answer.json()["Message"]


def test_damaged_files_cost_only_themselves(files: dict[str, Path], tmp_path: Path) -> None:
    whole = files["CT_small.dcm"].read_bytes()
    (tmp_path / "whole.dcm").write_bytes(whole)
    (tmp_path / "preamble.dcm").write_bytes(whole[:132])
    (tmp_path / "header.dcm").write_bytes(whole[:700])
    (tmp_path / "nested.dcm").write_bytes(whole[:500] + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0" * 2000)
    short = dcmread(get_testdata_file("MR_small_RLE.dcm"))
    short.PixelData = b"\xfe\xff\0\xe0\0\0\0\0" + bytes(100)  # an offset table, then no items
    short.save_as(tmp_path / "pixels.dcm")
    with serve(tmp_path) as server:
        assert {_path(server, each.header) for each in server.store.instances.values()} == {
            _path(server, dcmread(tmp_path / name)) for name in ("whole.dcm", "pixels.dcm")
        }
        assert _get(f"{_path(server, short)}/frames/1").status_code == 500
        assert _get(f"{_path(server, dcmread(tmp_path / 'whole.dcm'))}/frames/1").status_code == 200
