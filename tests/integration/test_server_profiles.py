"""Servers of other habits: through each profile of the loopback server the voxels are those of the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import PROFILES, Fault, Server

SLICES = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT of thirty slices, and real images: compressed, multi-frame, without pixels."""
    target = tmp_path_factory.mktemp("profiles")
    phantoms.write_ct(target / "ct", phantoms.regular(SLICES), shuffle_seed=3)
    for name in ("MR_small_jp2klossless.dcm", "MR_small_RLE.dcm", "rtplan.dcm", "examples_jpeg2k.dcm"):
        (target / name).write_bytes(Path(str(get_testdata_file(name))).read_bytes())
    return target


def _loaded(location: str | Path) -> dict[str, Any]:
    with dl.open() as session:
        result = session.index(location)
        assert not result.failed
        assert len(session.list("instance")) == SLICES + 3  # two of the files are one instance
        return {loadable.id: _compared(session.load(loadable)) for loadable in session.examine()}


def _compared(loaded: Any) -> Any:
    """Voxels, or all that an object without voxels tells."""
    return loaded.as_dict() if hasattr(loaded, "as_dict") else np.asarray(loaded)


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    return _loaded(folder)


def _check(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for id, wanted in expected.items():
        np.testing.assert_equal(found[id], wanted)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_gives_the_voxels_of_the_files(
    folder: Path, expected: dict[str, Any], profile: str, dicomweb_server: Callable[..., Server]
) -> None:
    server = dicomweb_server(folder, profile=profile)
    _check(_loaded(server.url), expected)
    # A compression is asked for by name only where the object is stored so: to ask for another has killed a server.
    for record in server.log:
        if "image/" in (accept := record.headers.get("accept", "")):
            sop_uid = record.path.partition("/instances/")[2].partition("/")[0]
            assert accept.endswith(f"transfer-syntax={server.store.instances[sop_uid].transfer_syntax}")


SWITCHES: list[dict[str, Any]] = [
    {"empty": "body"},
    {"wrapped": False},
    {"page_maximum": 12},
    {"page_maximum": 12, "page_notice": ""},
    {"page_maximum": 12, "page_notice": "206"},
    {"paging": "no-offset"},
    {"paging": "no-offset", "page_maximum": 12},
    {"page_repeat": True},
    {"filters": False},
    {"unknown_fields": "refuse"},
    {"levels": frozenset()},
    {"metadata": frozenset({"series"})},
    {"metadata": frozenset({"instance"})},
    {"metadata": frozenset()},
    {"metadata_full": False},
    {"metadata_order": "reversed"},
    {"metadata_list": False},
    {"numbers": True},
    {"binary": False},
    {"bulk_threshold": 0},
    {"bulk_threshold": 0, "bulk_base": "http://inner.example"},
    {"bulk_threshold": 0, "bulk_base": "file://"},
    {"objects": False, "frame_lists": False},
    {"objects": False, "accept_list": 406, "strict_quotes": True},
    {"objects": False, "single_part": 400},
    {"frames": False},
    {"chunked": True},
    {"compress": True},
    {"objects": False, "multipart": "M6+M17"},
    {"objects": False, "multipart": "M29-close"},
    {"faults": (Fault("close"),)},
    {"faults": (Fault("gzip"),)},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=",".join)
def test_every_habit_gives_the_voxels_of_the_files(
    folder: Path,
    expected: dict[str, Any],
    switches: dict[str, Any],
    dicomweb_server: Callable[..., Server],
) -> None:
    _check(_loaded(dicomweb_server(folder, **switches).url), expected)


@pytest.fixture
def session() -> Iterator[dl.Session]:
    with dl.open() as opened:
        yield opened


@pytest.mark.parametrize("filters", [True, False])
def test_filters_hold_whether_the_server_applies_them_or_not(
    folder: Path, session: dl.Session, dicomweb_server: Callable[..., Server], filters: bool
) -> None:
    server = dicomweb_server(folder, filters=filters)
    session.index(server.url, where={"Modality": "MR"})
    assert {row["Modality"] for row in session.list("series")} == {"MR"}


def test_a_database_that_brings_a_foreign_address_gets_no_credentials_there(
    folder: Path, tmp_path: Path, dicomweb_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = dicomweb_server(folder, auth="bearer:right")
    monkeypatch.setenv("A_TOKEN", "right")
    source = {"location": server.url, "auth": "env:A_TOKEN"}
    with dl.open(tmp_path / "db", sources=[source]) as session:
        session.index(server.url)
    server.log.clear()
    with dl.open(tmp_path / "db") as session, pytest.raises(dl.NetworkError) as caught:
        session.load(session.examine(modality="CT")[0])
    assert caught.value.code == "network.unauthorized"
    assert not any("authorization" in record.headers for record in server.log)
    assert "right" not in "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "db").glob("*.sql"))
