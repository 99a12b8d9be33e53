"""The closed manager and the fakes: a whole run without anything installed."""

from __future__ import annotations

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core import AdaptorProvider, FetcherProvider, PixelError, SourceProvider, WriterProvider
from dicomlogic_core.testing.fakes import FakeAdaptor, FakeFetcher, FakeSource, FakeWriter, closed_manager, fake_plugin

SERIES = "1.2.3"


def _header(number: int) -> dict[str, object]:
    def element(vr: str, *values: object) -> dict[str, object]:
        return {"vr": vr, "Value": list(values)}

    return {
        "00080016": element("UI", "1.2.840.10008.5.1.4.1.1.7"),
        "00080018": element("UI", f"{SERIES}.{number}"),
        "00080060": element("CS", "OT"),
        "0008103E": element("LO", "made up"),
        "00100020": element("LO", "42"),
        "0020000D": element("UI", "1.2"),
        "0020000E": element("UI", SERIES),
        "00280002": element("US", 1),
        "00280004": element("CS", "MONOCHROME2"),
        "00280010": element("US", 2),
        "00280011": element("US", 3),
        "00280100": element("US", 8),
        "00280101": element("US", 8),
        "00280102": element("US", 7),
        "00280103": element("US", 0),
    }


@pytest.fixture
def frames() -> dict[str, list[bytes]]:
    return {f"{SERIES}.{number}": [bytes([number] * 6)] for number in range(3)}


def _open(frames: dict[str, list[bytes]]) -> dl.Session:
    headers = [_header(number) for number in range(3)]
    plugin = fake_plugin(
        SourceProvider(name="fake", label="fake", factory=lambda: FakeSource(headers), schemes=("fake",)),
        FetcherProvider(name="fake", label="fake", factory=lambda: FakeFetcher(frames), schemes=("fake",)),
        AdaptorProvider(name="fake", label="fake", factory=FakeAdaptor),
        WriterProvider(name="fake", label="fake", factory=FakeWriter, format="txt", accepts=frozenset({"ndarray"})),
    )
    return dl.open(manager=closed_manager(plugin))


def test_a_closed_manager_knows_no_installed_plugin() -> None:
    names = {record.name for record in closed_manager().records()}
    assert not any("dicomweb" in name or "scalar" in name for name in names)


def test_from_index_to_file(frames: dict[str, list[bytes]], tmp_path: object) -> None:
    with _open(frames) as session:
        assert session.index("fake://somewhere").instances == 3
        assert session.index("fake://somewhere").skipped == 3
        (loadable,) = session.examine()
        array = session.load(loadable)
        np.testing.assert_array_equal(sorted(array[:, 0, 0]), [0, 1, 2])
        (path,) = session.write(array, str(tmp_path), format="txt", name="made-up")
        assert path.read_text(encoding="utf-8").startswith("array(")


def test_filters_and_missing_frames(frames: dict[str, list[bytes]]) -> None:
    del frames[f"{SERIES}.1"]
    with _open(frames) as session:
        assert session.index("fake://somewhere", where={"PatientID": "43"}).instances == 0
        session.index("fake://somewhere", where={"PatientID": "42"})
        with pytest.raises(PixelError, match="not given"):
            session.load(session.examine()[0])
