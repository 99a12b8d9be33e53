"""Files that appear whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from dicomlogic_core import WriteError, files, replacing


class Reluctant(io.RawIOBase):
    """A file that takes three bytes at a time, as one on a disk that is nearly full takes less than it is given."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("xb", buffering=0)

    def write(self, data) -> int:
        return self._file.write(bytes(data)[:3])

    def close(self) -> None:
        self._file.close()
        super().close()


@pytest.mark.parametrize("data", [b"eleven bytes", memoryview(b"view of it"), np.arange(12, dtype="<u4").reshape(3, 4)])
def test_every_byte_is_taken(data, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "open", lambda path, *rest, **more: Reluctant(Path(path)), raising=False)
    with replacing(tmp_path / "a.bin") as file:
        assert file.write(data) == memoryview(data).nbytes
    assert (tmp_path / "a.bin").read_bytes() == bytes(data)


def test_places_in_the_file_can_be_returned_to(tmp_path):
    with replacing(tmp_path / "a.bin") as file:
        file.write(b"....body")
        file.seek(0)
        file.write(b"head")
    assert (tmp_path / "a.bin").read_bytes() == b"headbody"


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"older")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.bin") as file:
        file.write(b"newer")
        1 / 0  # noqa: B018
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"older"


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WriteError, match="could not be written: No such file"), replacing(tmp_path / "no" / "a.bin"):
        pass
