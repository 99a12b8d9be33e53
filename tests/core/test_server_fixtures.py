"""The server fixtures: a loopback server and a real Orthanc give the same answers over the same files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.data import get_testdata_file

from dicomlogic_core.testing import fixtures
from dicomlogic_core.testing import orthanc as orthanc_process

AS_STORED = (("application/octet-stream", "*"),)


def _ct() -> Path:
    return Path(str(get_testdata_file("CT_small.dcm")))


def _uids(client: DICOMwebClient) -> list[str]:
    (found,) = client.search_for_instances()
    return [found[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")]


def test_orthanc_and_the_loopback_server_agree(
    orthanc: Callable[..., Any], dicomweb_server: Callable[..., Any]
) -> None:
    frames, uids = [], []
    for url in (dicomweb_server(_ct()).url, orthanc(_ct()).url):
        client = DICOMwebClient(url)
        uids.append(_uids(client))
        frames.append(client.retrieve_instance_frames(*uids[-1], [1], media_types=AS_STORED)[0])
    assert uids[0] == uids[1]
    np.testing.assert_array_equal(frames[0], frames[1])


def test_orthanc_holds_only_what_was_asked_for(orthanc: Callable[..., Any]) -> None:
    orthanc(_ct())
    server = orthanc(Path(str(get_testdata_file("MR_small.dcm"))))
    assert [study["00080061"]["Value"] for study in DICOMwebClient(server.url).search_for_studies()] == [["MR"]]


def test_orthanc_with_a_password_refuses_strangers(orthanc: Callable[..., Any]) -> None:
    server = orthanc(_ct(), auth=True)
    with pytest.raises(Exception, match="401"):
        DICOMwebClient(server.url).search_for_studies()


def test_a_missing_server_skips_and_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orthanc_process, "_PROGRAMS", ("no-such-program",))
    assert "apt-get install" in orthanc_process.missing()
    monkeypatch.delenv("DICOMLOGIC_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install"):
        fixtures.unavailable(orthanc_process.missing())
    monkeypatch.setenv("DICOMLOGIC_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install"):
        fixtures.unavailable(orthanc_process.missing())
