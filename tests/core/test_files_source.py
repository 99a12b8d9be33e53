"""Walking folders: every file once, in one order, with what goes wrong as a value and never an exception."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from dicomlogic_core.builtin.files_source import FilesSource
from dicomlogic_core.contracts import Failure, HeaderBatch, Query, Unchanged
from dicomlogic_core.errors import SourceError
from dicomlogic_core.work import Work

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links and POSIX permissions")


def _scan(folder: Path | str, known: dict[str, str] | None = None, work: Work | None = None) -> list[object]:
    return list(FilesSource().scan(Query(location=str(folder)), (known or {}).get, work or Work()))


def _keys(items: list[object]) -> list[str]:
    return [key for item in items if isinstance(item, HeaderBatch) for key in item.keys]


def _write(folder: Path, *names: str, data: bytes = b"x") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_order_is_that_of_the_relative_path_whatever_the_file_system_says(tmp_path: Path) -> None:
    names = ["a.dcm", "a/2", "a/10", "a/b/1", "a-b", "B", "ä", "z/z/z", "a0"]
    random.Random(1).shuffle(names)
    _write(tmp_path, *names)
    found = [Path(key).relative_to(tmp_path).as_posix() for key in _keys(_scan(tmp_path))]
    assert found == sorted(names)


def test_heads_are_short_and_more_is_read_on_request(tmp_path: Path) -> None:
    data = bytes(range(256)) * 100
    _write(tmp_path, "a", data=data)
    (batch,) = _scan(tmp_path)
    assert isinstance(batch, HeaderBatch)
    assert batch.headers == [data[:8192]]
    assert batch.more is not None
    assert batch.more(0, 20_000)[:20_000] == data[:20_000]
    assert batch.more(0, 10**9) == data
    assert batch.sizes == [len(data)]


def test_many_files_come_in_batches_and_each_batch_keeps_its_own_files(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"{number:04d}").write_bytes(b"%04d" % number)
    batches = [item for item in _scan(tmp_path) if isinstance(item, HeaderBatch)]
    assert [len(batch.headers) for batch in batches] == [256, 256, 88]
    # `more` of an early batch must still read its own file after later ones were made.
    assert batches[0].more is not None
    assert batches[0].more(3, 4) == b"0003"


def test_unchanged_files_are_counted_and_a_changed_one_is_read_again(tmp_path: Path) -> None:
    _write(tmp_path, "a", "b", "c")
    (batch,) = _scan(tmp_path)
    assert isinstance(batch, HeaderBatch)
    known = dict(zip(batch.keys, batch.versions))
    assert _scan(tmp_path, known) == [Unchanged(count=3)]
    status = (tmp_path / "b").stat()
    os.utime(tmp_path / "b", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    again = _scan(tmp_path, known)
    assert _keys(again) == [str(tmp_path / "b")]
    assert again[-1] == Unchanged(count=2)


def test_a_file_set_back_in_time_is_read_again(tmp_path: Path) -> None:
    _write(tmp_path, "a")
    (batch,) = _scan(tmp_path)
    assert isinstance(batch, HeaderBatch)
    os.utime(tmp_path / "a", ns=(0, 0))
    assert _keys(_scan(tmp_path, dict(zip(batch.keys, batch.versions)))) == [str(tmp_path / "a")]


def test_a_single_file_and_a_file_url(tmp_path: Path) -> None:
    _write(tmp_path, "with space.dcm", "other.dcm")
    wanted = [str(tmp_path / "with space.dcm")]
    assert _keys(_scan(tmp_path / "with space.dcm")) == wanted
    assert _keys(_scan((tmp_path / "with space.dcm").as_uri())) == wanted


def test_an_empty_folder_gives_nothing(tmp_path: Path) -> None:
    assert _scan(tmp_path) == []


def test_a_missing_location_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        _scan(tmp_path / "nowhere")
    assert "nowhere" in str(caught.value)


@posix
def test_links_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    _write(tmp_path / "data", "a", "sub/b")
    (tmp_path / "data/sub/up").symlink_to(tmp_path / "data", target_is_directory=True)
    (tmp_path / "data/self").symlink_to(tmp_path / "data/self")
    _write(tmp_path / "elsewhere", "c")
    (tmp_path / "data/link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    items = _scan(tmp_path / "data")
    names = [Path(key).relative_to(tmp_path / "data").as_posix() for key in _keys(items)]
    assert names == ["a", "link/c", "sub/b"]
    failures = [item for item in items if isinstance(item, Failure)]
    assert [Path(item.location).name for item in failures] == ["self"]
    assert failures[0].error.code == "file.unreadable"


@posix
def test_a_pipe_does_not_block_the_scan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _write(tmp_path, "a")
    assert _keys(_scan(tmp_path)) == [str(tmp_path / "a")]


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_a_failure_and_the_rest_goes_on(tmp_path: Path) -> None:
    _write(tmp_path, "a", "closed/b", "secret")
    (tmp_path / "closed").chmod(0)
    (tmp_path / "secret").chmod(0)
    try:
        items = _scan(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert _keys(items) == [str(tmp_path / "a")]
    assert {Path(item.location).name for item in items if isinstance(item, Failure)} == {"closed", "secret"}


def test_a_file_that_vanishes_between_listing_and_reading_is_a_failure(tmp_path: Path) -> None:
    _write(tmp_path, "a", "b")

    def known(key: str) -> None:
        Path(key).unlink()

    items = list(FilesSource().scan(Query(location=str(tmp_path)), known, Work()))
    assert [type(item) for item in items] == [Failure, Failure]
    assert all(item.error.where for item in items if isinstance(item, Failure))


@pytest.mark.parametrize("magic", [b"MZ\x90\0", b"\x7fELF", b"#!/bin/sh\n", b"\xcf\xfa\xed\xfe"])
def test_a_preamble_that_looks_like_a_program_is_told(magic: bytes, tmp_path: Path) -> None:
    _write(tmp_path, "a.dcm", data=magic.ljust(128, b"\0") + b"DICM")
    _write(tmp_path, "program", data=magic.ljust(200, b"\0"))
    work = Work()
    assert len(_keys(_scan(tmp_path, work=work))) == 2
    assert [(item.code, item.where) for item in work.findings] == [
        ("file.preamble-executable", (str(tmp_path / "a.dcm"),))
    ]
