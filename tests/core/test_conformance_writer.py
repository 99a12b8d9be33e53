"""Each check of writers fails on a plugin made for it, for its own reason, and passes for a good one."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dicomlogic_core import Volume, WriteError, WriterProvider, replacing
from dicomlogic_core.testing.checks import writers
from dicomlogic_core.testing.checks.outcome import outcome_of
from dicomlogic_core.testing.checks.writer_subject import ReadBack, WriterSubject
from dicomlogic_core.testing.checks.writers import WRITERS
from dicomlogic_core.testing.fakes import fake_plugin


class Good:
    """Arrays and grids of volumes as ``.npz`` without dates."""

    def write(self, obj, path, options):
        if not isinstance(obj, Volume):
            raise WriteError(f"a {type(obj).__name__} is no volume", remedy="load a volume")
        target = path.with_name(path.name + ".npy")
        with replacing(target) as file:
            file.write(self.data(obj))
        return [target]

    def data(self, volume):
        stream = io.BytesIO()
        np.save(stream, self.array(volume))
        return stream.getvalue() + volume.geometry.ijk_to_lps.tobytes()

    def array(self, volume):
        return np.asarray(volume)


def read(paths) -> ReadBack:
    data = paths[0].read_bytes()
    matrix = np.frombuffer(data[-128:]).reshape(4, 4)
    return ReadBack(array=np.load(io.BytesIO(data[:-128])), ijk_to_lps=matrix)


class Silent(Good):
    def write(self, obj, path, options):
        super().write(obj, path, options)
        return []


class Littering(Good):
    def write(self, obj, path, options):
        path.with_name("log.txt").write_text("done")
        return super().write(obj, path, options)


class Renaming(Good):
    def write(self, obj, path, options):
        (written,) = super().write(obj, path, options)
        return [written.rename(written.with_suffix(".xyz"))]


class Greedy(Good):
    def write(self, obj, path, options):
        if not isinstance(obj, Volume):
            path.with_name(path.name + ".npy").write_text(repr(obj))
            return [path.with_name(path.name + ".npy")]
        return super().write(obj, path, options)


class Puzzled(Good):
    def write(self, obj, path, options):
        obj.geometry  # noqa: B018  # an AttributeError for what is no volume
        return super().write(obj, path, options)


class Rounding(Good):
    def array(self, volume):
        return (np.asarray(volume) // 2 * 2).astype(volume.array.dtype)


class Flipping(Good):
    def array(self, volume):
        return np.asarray(volume).swapaxes(0, 2)


class Moving(Good):
    def data(self, volume):
        data = super().data(volume)
        matrix = np.array(volume.geometry.ijk_to_lps) @ np.diag([-1, -1, 1, 1])  # RAS by mistake
        return data[:-128] + matrix.tobytes()


class Shortening(Good):
    """Takes what follows the last dot for a suffix."""

    def write(self, obj, path, options):
        return super().write(obj, path.with_suffix(""), options)


class Escaping(Good):
    def write(self, obj, path, options):
        if obj is not None and "/" in getattr(obj, "name", ""):
            (path.parent / obj.name.splitlines()[0]).with_suffix(".txt").resolve().parent.mkdir(exist_ok=True)
            path.parent.parent.joinpath("escaped.txt").write_text("out")
        return super().write(obj, path, options)


class Tidying(Good):
    """Removes what it takes for its own old files."""

    def write(self, obj, path, options):
        for old in path.parent.glob(f"{path.name}*"):
            old.unlink()
        return super().write(obj, path, options)


class Numbering(Good):
    count = 0

    def write(self, obj, path, options):
        taken = path.with_name(path.name + ".npy").exists()
        return super().write(obj, path.with_name(path.name + "-1") if taken else path, options)


class Dating(Good):
    def data(self, volume):
        return str(int(time.time())).encode().ljust(16) + super().data(volume)


class Scaling(Good):
    def write(self, obj, path, options):
        if isinstance(obj, Volume) and not obj.lazy:
            obj.array.setflags(write=True)
            obj.array[0] += 1
        return super().write(obj, path, options)


class Direct(Good):
    """Writes under the final name from the first byte on."""

    def write(self, obj, path, options):
        if not isinstance(obj, Volume):
            raise WriteError("no volume", remedy="load a volume")
        target = path.with_name(path.name + ".npy")
        try:
            with open(target, "wb") as file:
                file.write(b"x")
                file.write(self.data(obj))
        except OSError as error:
            raise WriteError(str(error), where=str(target), remedy="free some space") from error
        return [target]


class Silencing(Good):
    """Gives what it has when frames cannot be had."""

    def array(self, volume):
        try:
            return np.asarray(volume)
        except Exception:
            return np.zeros(1)


class Bare(Good):
    def write(self, obj, path, options):
        if not isinstance(obj, Volume):
            raise WriteError("no volume", remedy="load a volume")
        target = path.with_name(path.name + ".npy")
        try:
            target.write_bytes(self.data(obj))
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return [target]


class Short(Good):
    """Passes over how many bytes the system took."""

    def write(self, obj, path, options):
        if not isinstance(obj, Volume):
            raise WriteError("no volume", remedy="load a volume")
        target = path.with_name(path.name + ".npy")
        with open(target, "wb", buffering=0) as file:
            file.write(self.data(obj))
        return [target]


class Telling(Good):
    def data(self, volume):
        return repr(volume.metadata).encode() + super().data(volume)


class TellingInArrays(Good):
    """Metadata as an array of text in a compressed archive, where no search of the file finds it."""

    def data(self, volume):
        stream = io.BytesIO()
        np.savez_compressed(stream, metadata=np.array(repr(volume.metadata)))
        return stream.getvalue()


class Speechless(Good):
    def write(self, obj, path, options):
        super().write(obj, path, options)


class WholeNumbers(Good):
    def array(self, volume):
        return np.trunc(np.asarray(volume)).astype(volume.array.dtype)


BAD = [
    (writers.accepted_objects_are_written, Speechless, "write gives NoneType; it gives the paths"),
    (writers.what_is_written_reads_back_equal, WholeNumbers, "a Volume of float32 reads back with"),
    (writers.patients_are_not_named_unasked, TellingInArrays, "object.npy names the patient"),
    (writers.accepted_objects_are_written, Silent, "tells of no file"),
    (writers.accepted_objects_are_written, Littering, "leaves log.txt, object.npy, and tells object.npy"),
    (writers.accepted_objects_are_written, Renaming, "makes object.xyz; the provider says .npy"),
    (writers.other_objects_are_refused, Greedy, "is written although the provider does not accept it"),
    (writers.other_objects_are_refused, Puzzled, "is refused by AttributeError"),
    (writers.what_is_written_reads_back_equal, Rounding, "other values"),
    (writers.what_is_written_reads_back_equal, Flipping, "reads back with shape (7, 6, 5) instead of (5, 6, 7)"),
    (writers.what_is_written_reads_back_equal, Moving, "a grid that is"),
    (writers.files_carry_the_name_they_were_given, Shortening, "asked to write '1.2.840.10008.1'"),
    (writers.hostile_texts_stay_inside, Escaping, "makes escaped.txt outside the folder"),
    (writers.other_files_are_left_alone, Tidying, "object, which was there before, is changed"),
    (writers.other_files_are_left_alone, Numbering, "written again, the files are object-1.npy"),
    (writers.the_same_object_gives_the_same_bytes, Dating, "has other bytes when written again"),
    (writers.objects_are_left_alone, Scaling, "writing changed the Volume"),
    (writers.a_failure_leaves_nothing, Direct, "after a failure, object.npy is left"),
    (writers.a_failure_leaves_nothing, Silencing, "is written without a word"),
    (writers.a_full_disk_is_told, Direct, "after a full disk the folder holds"),
    (writers.a_full_disk_is_told, Bare, "a full disk ends with OSError"),
    (writers.a_full_disk_is_told, Short, "a file is cut at 65536 bytes"),
    (writers.a_missing_folder_is_told, Bare, "ends with FileNotFoundError"),
    (writers.patients_are_not_named_unasked, Telling, "object.npy names the patient"),
]


@pytest.fixture
def subject_of() -> Iterator:
    made = []

    def make(worker, **arguments) -> WriterSubject:
        provider = WriterProvider(
            name="npy", label="npy", factory=worker, format="npy", accepts=frozenset({"volume"}), suffixes=(".npy",)
        )
        made.append(WriterSubject("npy", plugin=fake_plugin(provider), read=read, **arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(("check", "worker", "reason"), BAD, ids=[f"{one.__name__}-{text}" for _, one, text in BAD])
def test_a_bad_writer_fails_for_its_own_reason(check, worker, reason, subject_of):
    outcome = outcome_of(check, subject_of(worker), "writer:npy")
    if check is writers.a_full_disk_is_told and os.name == "nt":
        pytest.skip("this system cannot limit the size of files")
    assert outcome.status == "failed", outcome.message
    assert reason in outcome.message


def test_a_good_writer_passes_every_check(subject_of):
    subject = subject_of(Good)
    outcomes = [outcome_of(check, subject, "writer:npy") for check in WRITERS]
    assert {one.check: one.message for one in outcomes if one.status != "passed"} == {}


def test_every_check_has_a_bad_writer():
    assert {check for check, _, _ in BAD} == set(WRITERS)


def test_what_the_kit_has_no_sample_of_is_not_looked_at(subject_of):
    provider = WriterProvider(name="odd", label="odd", factory=Good, format="odd", accepts=frozenset({"dose"}))
    subject = WriterSubject("odd", plugin=fake_plugin(provider))
    outcome = outcome_of(writers.accepted_objects_are_written, subject, "writer:odd")
    subject.close()
    assert outcome.status == "not applicable"
    assert "needs objects of dose: name functions that make them in `objects`" in outcome.message


def test_objects_of_the_author_are_written(subject_of, tmp_path):
    class Text:
        def write(self, obj, path, options):
            target = Path(f"{path}.npy")
            target.write_text(obj["text"])
            return [target]

    subject = subject_of(Text, objects=[lambda: {"text": "mine"}])
    (path,) = subject.write(subject.objects()[0], tmp_path)
    assert path.read_text() == "mine"
    assert outcome_of(writers.accepted_objects_are_written, subject, "writer:npy").status == "passed"
    assert outcome_of(writers.a_full_disk_is_told, subject, "writer:npy").status == "not applicable"
