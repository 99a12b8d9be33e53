"""The plugin against a real Orthanc: credentials, partial metadata, syntaxes, multi-frame, bulk values."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms

Orthanc = Callable[..., Any]


def values(results: list[dl.FetchResult]) -> list[int]:
    """The value that fills each native frame."""
    for result in results:
        assert result.error is None, result.error
    return [int(np.frombuffer(bytes(result.data or b"")[:2], "<u2")[0]) for result in results]


def test_frames_and_lists(web: Any, ct: Path, multi_frame: Path, orthanc: Orthanc) -> None:
    assert values(web.fetch(web.frames(orthanc(ct).url)[:3])) == [0, 1, 2]
    assert values(web.fetch(web.frames(orthanc(multi_frame).url))) == list(range(24))


def test_a_series_is_had_by_one_answer(web: Any, ct: Path, orthanc: Orthanc) -> None:
    results = web.fetch(web.frames(orthanc(ct).url))
    datasets = [pydicom.dcmread(io.BytesIO(bytes(result.data))) for result in results]
    assert [int(dataset.pixel_array[0, 0]) for dataset in datasets] == list(range(20))
    assert [dataset.SOPInstanceUID for dataset in datasets] == [result.ref.sop_uid for result in results]


def test_basic_authentication(web: Any, ct: Path, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch) -> None:
    url = orthanc(ct, auth=True).url
    monkeypatch.setenv("RIGHT", "secret")
    monkeypatch.setenv("WRONG", "canary-31")
    web.options = {"user": "alice", "password": "env:WRONG"}
    with pytest.raises(dl.NetworkError) as caught:
        web.scan(url)
    assert (
        caught.value.status == 401 and "canary" not in str(caught.value) and url.rpartition("/")[0] in str(caught.value)
    )
    web.options = {"user": "alice", "password": "env:RIGHT"}
    assert values(web.fetch(web.frames(url)[4:6])) == [4, 5]


@pytest.mark.parametrize("metadata", ["MainDicomTags", "Extrapolate"])
def test_partial_metadata_is_completed(web: Any, ct: Path, orthanc: Orthanc, metadata: str) -> None:
    full = web.headers(web.scan(orthanc(ct).url))
    partial = orthanc(ct, metadata=metadata)
    (batch,) = web.scan(partial.url)
    assert len(batch.headers) == 20 and batch.series_uid

    def tags(headers: list[dict[str, Any]]) -> list[list[str]]:
        return sorted(sorted(header) for header in headers)

    assert tags(web.headers([batch])) == tags(full)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_uncompressed_syntaxes(web: Any, tmp_path: Path, orthanc: Orthanc, syntax: UID) -> None:
    for path in phantoms.write_ct(tmp_path, phantoms.regular(2)):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path, implicit_vr=syntax.is_implicit_VR)
    results = web.fetch(web.frames(orthanc(tmp_path).url))
    opened = [
        int(pydicom.dcmread(io.BytesIO(bytes(result.data))).pixel_array[0, 0])
        if result.media_type == "application/dicom"
        else int(np.frombuffer(bytes(result.data)[:2], "<u2")[0])
        for result in results
    ]
    assert opened == [0, 1]


def test_bulk_values(web: Any, ct: Path, tmp_path: Path, orthanc: Orthanc) -> None:
    dataset = pydicom.dcmread(sorted(ct.iterdir())[0])
    item = pydicom.Dataset()
    item.EncapsulatedDocument = b"a document!!"
    dataset.ReferencedImageSequence = [item]
    dataset.save_as(tmp_path / "one.dcm")
    (place,) = web.frames(orthanc(tmp_path).url)
    uids = {"study_uid": place.ref.study_uid, "series_uid": place.ref.series_uid, "sop_uid": place.ref.sop_uid}
    (result,) = web.fetch([replace(place, ref=dl.BulkRef(**uids, path=("00081140", 0, "00420011")))])
    assert result.error is None and bytes(result.data) == b"a document!!"


def test_an_instance_that_vanished(web: Any, ct: Path, orthanc: Orthanc) -> None:
    server = orthanc(ct)
    places = web.frames(server.url)
    server.clear()
    results = web.fetch(places[:3])
    assert {result.error.code for result in results} == {"network.not-found"}
    assert not any(result.retryable for result in results)
