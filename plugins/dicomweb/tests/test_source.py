"""Headers of series: as the server sent them, or by the next best way when a server gives less."""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import Fault, Server

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five studies of three slices."""
    folder = tmp_path_factory.mktemp("five")
    for number in range(5):
        phantoms.write_ct(folder / str(number), phantoms.regular(3), name=f"study {number}")
    return folder


def with_private(folder: Path, count: int) -> Path:
    """Slices with a private number that is written as UN, so that servers send it as a bulk value, and a long text."""

    def change(number: int, dataset: Dataset) -> None:
        block = dataset.private_block(0x0019, "ACME 1.0", create=True)
        block.add_new(0x0C, "UN", b"%d" % (1000 + number) + b" " * 4000)
        block.add_new(0x0D, "UN", b"unwanted" + b" " * 4000)

    phantoms.write_ct(folder, phantoms.regular(count), change=change)
    return folder


ACME = frozenset({dl.PrivateTag("ACME 1.0", 0x0019, 0x0C).key})


def test_a_series_is_one_batch_of_the_bytes_the_server_sent(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    (batch,) = web.scan(server.url)
    (metadata,) = [record.path for record in server.log if record.path.endswith("/metadata")]
    with urllib.request.urlopen(server.origin + metadata) as answer:
        assert list(batch.headers) == [answer.read()]
    assert (batch.form, batch.version, batch.complete) == ("json", "20", True)
    assert metadata.endswith(f"/studies/{batch.study_uid}/series/{batch.series_uid}/metadata")


def test_locations_are_in_the_written_form_and_hold_no_secret(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    (batch,) = web.scan(server.url)
    place = batch.locate("1.2", "3.4", "5.6", True)
    assert place.url == f"{server.url}/studies/1.2/series/3.4/instances/5.6/frames/1"
    assert batch.locate("1.2", "3.4", "5.6", False).url == place.url.removesuffix("/frames/1")
    assert place.source == server.url and place.ref == dl.InstanceRef(study_uid="1.2", series_uid="3.4", sop_uid="5.6")
    assert batch.locate("1.2", "3.4", "../../x", True).url is None


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_a_location_may_name_a_study_a_series_or_an_instance(
    web: Any, five: Path, dicomweb_server: Serve, level: str
) -> None:
    server = dicomweb_server(five)
    first = next(header for header in web.headers(web.scan(server.url)))
    uids = [web.value(first, f"{name}InstanceUID") for name in ("Study", "Series", "SOP")]
    url = f"{server.url}/studies/{uids[0]}"
    url += f"/series/{uids[1]}" if level != "study" else ""
    url += f"/instances/{uids[2]}" if level == "instance" else ""
    items = web.scan(url)
    assert len(web.headers(items)) == (1 if level == "instance" else 3)
    assert [bool(item.series_uid) for item in items] == [level != "instance"]  # a part is no whole series


def test_what_is_known_with_the_same_count_is_not_asked_again(web: Any, five: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(five)
    batches = web.scan(server.url)
    known = {f"series:{batch.series_uid}": batch.version for batch in batches}
    grown = batches[2].series_uid
    known[f"series:{grown}"] = "2"
    server.log.clear()
    items = web.scan(server.url, known)
    assert [item.count for item in items if isinstance(item, dl.Unchanged)] == [3, 3, 3, 3]
    assert [item.series_uid for item in items if isinstance(item, dl.HeaderBatch)] == [grown]
    assert server.count("/metadata$") == 1


def test_an_interrupted_run_goes_on_where_it_stopped(web: Any, five: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(five)
    stop = threading.Event()
    with pytest.raises(dl.Cancelled):
        web.session.index(server.url, cancel=stop.is_set, on_progress=lambda done, total, what: stop.set())
    indexed = len(web.session.list("series"))
    assert 0 < indexed < 5
    server.log.clear()
    result = web.session.index(server.url)
    assert server.count("/metadata$") == 5 - indexed == result.series
    assert len(web.session.list("instance")) == 15


# --- less than metadata ----------------------------------------------------------------------------------------------


def rows(session: dl.Session) -> list[tuple[Any, ...]]:
    """Texts and numbers of the only series; numbers as such, since some servers send DS without its text."""
    (row,) = session.list("study")
    (series,) = session.study(row["StudyInstanceUID"])
    columns = [series.text(name) for name in ("SOPInstanceUID", "Rows", "SeriesDescription", "PatientName")]
    columns += [series[name].tolist() for name in ("ImagePositionPatient", "PixelSpacing", "RescaleIntercept")]
    return sorted(zip(*columns, strict=True))


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"metadata_full": False}, id="few elements per series"),
        pytest.param({"metadata_full": False, "metadata_list": False}, id="instance metadata as an object"),
        pytest.param({"metadata_full": False, "metadata": frozenset({"series"})}, id="few elements and no more"),
        pytest.param({"metadata": frozenset()}, id="no metadata"),
        pytest.param({"profile": "tiny-pacs"}, id="tiny-pacs"),
        pytest.param({"profile": "orthanc-1.10"}, id="orthanc-1.10"),
        pytest.param({"profile": "static"}, id="static"),
        pytest.param({"metadata_order": "reversed"}, id="another order"),
    ],
)
def test_the_headers_are_those_of_the_files(
    web: Any, ct: Path, dicomweb_server: Serve, switches: dict[str, Any]
) -> None:
    with dl.open() as files:
        files.index(ct)
        expected = rows(files)
    result = web.session.index(dicomweb_server(ct, **switches).url)
    assert (result.instances, list(result.failed), list(result.findings)) == (20, [], [])
    assert rows(web.session) == expected


def test_headers_out_of_instances_are_without_pixels(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct, metadata=frozenset())
    (batch,) = web.scan(server.url)
    assert (batch.form, len(batch.headers), batch.version) == ("part10", 20, "20")
    assert max(map(len, batch.headers)) < 32 * 24 * 2 + 200  # a slice alone has 1536 bytes of pixels
    assert server.count(r"/series/[0-9.]+$") == 1 and server.count("/instances/") == 0


def test_one_series_that_fails_costs_only_itself(web: Any, five: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(five, faults=[Fault("status", path="/metadata", times=1, value=403)])
    items = web.scan(server.url)
    assert [type(item).__name__ for item in items].count("HeaderBatch") == 4
    (failure,) = [item for item in items if isinstance(item, dl.Failure)]
    assert failure.error.code == "network.forbidden" and "/series/" in failure.location


def test_a_service_that_goes_away_ends_the_scan(web: Any, five: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(five, faults=[Fault("drop", path="/metadata")])
    web.options = {"attempts": "1"}
    with pytest.raises(dl.NetworkError) as caught:
        web.scan(server.url)
    assert caught.value.code == "network.unavailable"


def test_fewer_headers_than_announced_are_a_finding_and_no_resume_mark(
    web: Any, five: Path, dicomweb_server: Serve
) -> None:
    server = dicomweb_server(five, metadata_missing=1)
    items = web.scan(server.url)
    assert web.codes == ["source.incomplete"] * 5
    assert [item.series_uid for item in items] == [""] * 5


def test_fewer_series_than_announced_are_a_finding(web: Any, five: Path, dicomweb_server: Serve) -> None:
    nothing = Fault("status", path=r"/series\?", times=1, value=204)
    server = dicomweb_server(five, faults=(nothing,))
    web.scan(server.url)
    assert web.codes == ["source.incomplete"]


# --- bulk values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bulk_base",
    [
        pytest.param("", id="relative"),
        pytest.param("http://inner.invalid:8042/dicom-web", id="the name a proxy hides"),
    ],
)
def test_values_that_plugins_read_are_put_into_the_header(
    web: Any, tmp_path: Path, dicomweb_server: Serve, bulk_base: str
) -> None:
    server = dicomweb_server(with_private(tmp_path, 3), bulk_base=bulk_base)
    web.bulk_keys = ACME
    found = sorted(web.headers(web.scan(server.url)), key=lambda one: web.value(one, "InstanceNumber"))
    for number, header in enumerate(found):
        assert base64.b64decode(header["0019100C"]["InlineBinary"]).rstrip() == b"%d" % (1000 + number)
        assert "BulkDataURI" in header["0019100D"] and "InlineBinary" not in header["7FE00010"]
    assert server.count("/bulk") == 3 and web.codes == []


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://169.254.169.254/latest", "ftp://127.0.0.1/x"])
def test_an_address_that_leads_away_is_refused_with_a_finding(
    web: Any, tmp_path: Path, dicomweb_server: Serve, address: str
) -> None:
    from dicomlogic_dicomweb import bulk

    server = dicomweb_server(with_private(tmp_path, 1))
    (header,) = web.headers(web.scan(server.url))
    header["0019100C"] = {"vr": "UN", "BulkDataURI": address}
    server.log.clear()
    bulk.resolve(web.http(server.url), header, [header["0019100C"]], server.url + "/studies/1/metadata", web)
    assert web.codes == ["source.bulk-refused"] and server.log == []
    assert header["0019100C"] == {"vr": "UN", "BulkDataURI": address}


def test_many_bulk_values_are_had_by_one_request(web: Any, tmp_path: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(with_private(tmp_path, 25))
    web.bulk_keys = ACME
    (batch,) = web.scan(server.url)
    assert (batch.form, len(batch.headers)) == ("part10", 25)
    assert server.count("/bulk") == 0 and server.count(r"/series/[0-9.]+$") == 1


def test_many_bulk_values_are_had_one_by_one_where_there_are_no_instances(
    web: Any, tmp_path: Path, dicomweb_server: Serve
) -> None:
    server = dicomweb_server(with_private(tmp_path, 25), objects=False)
    web.bulk_keys = ACME
    (batch,) = web.scan(server.url)
    assert batch.form == "json" and web.codes == []
    assert all("InlineBinary" in header["0019100C"] for header in web.headers([batch]))
    assert server.count("/bulk") == 25


def test_long_texts_and_numbers_come_as_values(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    from dicomlogic_dicomweb import bulk

    put: list[tuple[str, bytes, Any]] = [
        ("DS", b"1.50\\2 ", ["1.50", "2"]),
        ("UT", "Grün\\und".encode(), ["Grün\\und"]),
        ("US", b"\x01\x00\x02\x00", [1, 2]),
        ("FD", b"\0\0\0\0\0\0\xf8\x3f", [1.5]),
    ]
    for vr, data, values in put:
        element = {"vr": vr, "BulkDataURI": "x"}
        bulk._put(element, data)
        assert element == {"vr": vr, "Value": values}
    element = {"vr": "OB", "BulkDataURI": "x"}
    bulk._put(element, b"\1\2")
    assert element == {"vr": "OB", "InlineBinary": "AQI="}


# --- options ---------------------------------------------------------------------------------------------------------


def test_an_unknown_option_is_refused_and_the_known_ones_are_named(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    web.options = {"tokn": "env:X"}
    with pytest.raises(dl.UsageError, match="tokn") as caught:
        web.scan(server.url)
    assert "auth" in caught.value.remedy and server.log == []


@pytest.mark.parametrize("auth", ["bearer:abc", "basic:alice:abc"])
def test_credentials_go_along_and_are_nowhere_else(
    web: Any, ct: Path, tmp_path: Path, dicomweb_server: Serve, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    secret = "canary-8821"
    monkeypatch.setenv("PACS_SECRET", secret)
    server = dicomweb_server(ct, auth=auth.replace("abc", secret))
    options = {"auth": "env:PACS_SECRET"} if "bearer" in auth else {"user": "alice", "password": "env:PACS_SECRET"}
    with dl.open(tmp_path / "db", manager=web.session.manager) as session:
        with pytest.raises(dl.NetworkError) as caught:
            session.index(server.url)
        assert caught.value.code == "network.unauthorized"
        assert session.index(server.url, options=options).instances == 20
        assert secret not in repr(session) + repr(session.clients.http(server.url)) + repr(session.clients.named)
    for file in (tmp_path / "db").rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()
    assert all(secret not in json.dumps(record.query_text) for record in server.log)


def test_a_label_stands_for_a_source(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    web.session.clients.name(server.url, {"label": "pacs"})
    (batch,) = web.scan("dicomweb://pacs/studies")
    assert batch.locate("1.2", "3.4", "5.6", True).url.startswith(server.url)
    with pytest.raises(dl.UsageError, match="elsewhere"):
        web.scan("dicomweb://elsewhere/studies")


def test_several_uids_are_asked_for_by_commas(web: Any, five: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(five)
    uids = sorted({web.value(header, "StudyInstanceUID") for header in web.headers(web.scan(server.url))})[:2]
    server.log.clear()
    items = web.scan(server.url, StudyInstanceUID="\\".join(uids))
    assert len(items) == 2 and dict(server.log[0].query)["StudyInstanceUID"] == ",".join(uids)
