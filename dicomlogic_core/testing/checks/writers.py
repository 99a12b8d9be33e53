"""Checks of writers: `Writer.write`."""

from __future__ import annotations

import contextlib
import gzip
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.testing import sample_objects
from dicomlogic_core.testing.checks.outcome import Broken, Check, NotApplicable, described, require
from dicomlogic_core.testing.checks.writer_subject import WriterSubject

_STEMS = ("plain", "1.2.840.10008.1", "two words", "größe", "..dots", "-dash", "a" * 180)
_FULL_AT = 64 << 10  # bytes
_ENCODINGS = ("utf-8", "utf-16-le", "utf-32-le")  # the last is that of arrays of text


def accepted_objects_are_written(subject: WriterSubject) -> None:
    """Every kind of object that the provider accepts is written, into files of its suffixes that are told.

    Contract: `Writer.write`, `WriterProvider` in dicomlogic_core.providers.
    """
    for made in subject.objects():
        folder = subject.new_folder()
        paths = subject.write(made, folder)
        what = f"writing a {type(made).__name__}"
        require(paths, f"{what} tells of no file")
        there = sorted(path for path in folder.rglob("*") if path.is_file())
        require(there == sorted(paths), f"{what} leaves {_names(there)}, and tells {_names(paths)}")
        suffixes = subject.provider.suffixes
        fits = not suffixes or any(path.name.endswith(tuple(suffixes)) for path in paths)
        require(fits, f"{what} makes {_names(paths)}; the provider says {', '.join(suffixes)}")


def other_objects_are_refused(subject: WriterSubject) -> None:
    """An object of another kind is refused by a DicomLogicError with a reason, and leaves nothing behind.

    Contract: `Writer.write`: WriteError.
    """
    if not subject.provider.accepts:
        raise NotApplicable("the provider says that it takes anything")
    others: list[Any] = [object(), None, "text"]
    others += [] if subject.accepts("volume") else [sample_objects.volume()]
    others += [] if subject.accepts("sequence") else [sample_objects.volume_sequence()]
    for other in others:
        folder = subject.new_folder()
        what = f"an object of type {type(other).__name__}"
        try:
            subject.write(other, folder)
        except DicomLogicError as error:
            require(error.message.strip(), f"{what} is refused without a reason")
        except Exception as error:
            raise Broken(f"{what} is refused by {described(error)}, not by a DicomLogicError") from error
        else:
            raise Broken(f"{what} is written although the provider does not accept it")
        _nothing_left(folder, f"after refusing {what}")


def what_is_written_reads_back_equal(subject: WriterSubject) -> None:
    """An independent reader finds the same values, the same grid in LPS mm, and the values of the axis.

    Contract: `Writer.write`; docs/explanation/coordinates.md.
    """
    looked = False
    for made in subject.objects():
        if not hasattr(made, "array") and not hasattr(made, "volumes"):
            continue
        what = f"a {type(made).__name__} of {np.asarray(made).dtype}"
        back = subject.read(subject.write(made, subject.new_folder()))
        wanted = np.asarray(made)
        array = np.asarray(back.array)
        if hasattr(made, "volumes") and array.shape != wanted.shape and array.ndim == wanted.ndim:
            array = np.moveaxis(array, -1, 0)  # volumes as components of one image
        require(array.shape == wanted.shape, f"{what} reads back with shape {array.shape} instead of {wanted.shape}")
        require(np.array_equal(array, wanted), f"{what} reads back with {int((array != wanted).sum())} other values")
        if back.ijk_to_lps is not None:
            off = float(np.abs(back.ijk_to_lps - made.geometry.ijk_to_lps).max())
            require(off <= 1e-6, f"{what} reads back with a grid that is {off:.6g} mm off")
        if back.axis is not None:
            require(back.axis == made.axes[0].values, f"{what} reads back with axis {back.axis}")
        looked = True
    if not looked:
        raise NotApplicable("the objects hold no array: test what they read back as in a test of your own")


def files_carry_the_name_they_were_given(subject: WriterSubject) -> None:
    """Files lie in the folder of `path`, and their names begin with its name, dots, blanks and letters included.

    Contract: `Writer.write`: a file name without suffix, in an existing folder.
    """
    made = subject.objects()[0]
    for stem in _STEMS:
        folder = subject.new_folder()
        paths = subject.write(made, folder, stem=stem)
        outside = [path for path in paths if path.resolve().parent != folder]
        require(not outside, f"{_names(outside)} lies outside the folder that was named")
        wrong = [path.name for path in paths if not path.name.startswith(stem)]
        require(not wrong, f"asked to write {stem!r}, it writes {wrong[:1]}")


def hostile_texts_stay_inside(subject: WriterSubject) -> None:
    """Names and header texts with path separators, newlines or other letters change neither place nor form of a file.

    Contract: `Writer.write`; docs/explanation/reliability.md.
    """
    subject.only_volumes()
    parent = subject.new_folder()
    folder = parent / "inside"
    folder.mkdir()
    made = sample_objects.volume(name="../../escaped\n:=\x00<b>")
    paths = subject.write(made, folder)
    outside = [path for path in parent.rglob("*") if path.is_file() and path.parent != folder]
    require(not outside, f"a hostile name makes {_names(outside)} outside the folder")
    with contextlib.suppress(NotApplicable):
        back = subject.read(paths)
        require(np.array_equal(back.array, np.asarray(made)), "beside a hostile name the values read back differ")


def other_files_are_left_alone(subject: WriterSubject) -> None:
    """Only the files that are told are written: what lies beside them stays as it is; writing again replaces them.

    Contract: `Writer.write`.
    """
    made, folder = subject.objects()[0], subject.new_folder()
    neighbours = {
        folder / name: name.encode() for name in ("other.txt", "object", "object.bak", ".hidden", "objects.x")
    }
    for path, data in neighbours.items():
        path.write_bytes(data)
    paths = subject.write(made, folder)
    again = subject.write(made, folder)
    require(sorted(paths) == sorted(again), f"written again, the files are {_names(again)} instead of {_names(paths)}")
    for path, data in neighbours.items():
        require(path.is_file() and path.read_bytes() == data, f"{path.name}, which was there before, is changed")


def the_same_object_gives_the_same_bytes(subject: WriterSubject) -> None:
    """Written twice, more than a second apart, an object gives equal files: no time, no random name inside.

    Contract: `Writer.write`.
    """
    first = [_contents(subject.write(made, subject.new_folder())) for made in subject.objects()]
    time.sleep(1.1)  # times in files have whole seconds
    second = [_contents(subject.write(made, subject.new_folder())) for made in subject.objects()]
    for before, after in zip(first, second):
        require(before.keys() == after.keys(), f"written again, there are {sorted(after)} instead of {sorted(before)}")
        changed = [name for name in before if before[name] != after[name]]
        require(not changed, f"{changed[:1]} has other bytes when written again")


def objects_are_left_alone(subject: WriterSubject) -> None:
    """Writing does not change the object.

    Contract: `Writer.write`; values never change after they are made.
    """
    for made in subject.objects():
        before = (repr(made), _values(made))
        subject.write(made, subject.new_folder())
        same = repr(made) == before[0] and np.array_equal(_values(made), before[1])
        require(same or getattr(made, "lazy", False), f"writing changed the {type(made).__name__}")


def a_failure_leaves_nothing(subject: WriterSubject) -> None:
    """When frames cannot be had in the middle, the error comes through and no file is left, whole or in part.

    Contract: `Writer.write`: a temporary name and a final rename.
    """
    subject.only_volumes()
    folder = subject.new_folder()
    try:
        subject.write(sample_objects.lazy_volume(failing=True), folder)
    except DicomLogicError:
        pass
    except Exception as error:
        raise Broken(f"a frame that cannot be had ends with {described(error)}") from error
    else:
        raise Broken("a volume of which a frame cannot be had is written without a word")
    _nothing_left(folder, "after a failure")


def a_full_disk_is_told(subject: WriterSubject) -> None:
    """When the system takes no more bytes, a DicomLogicError says so, nothing is left, and an older file stays whole.

    Contract: `Writer.write`: WriteError.
    """
    subject.only_volumes()
    folder = subject.new_folder()
    older = _contents(subject.write(sample_objects.volume(), folder))
    large = sample_objects.large_volume()
    try:
        with _full_after(_FULL_AT):
            subject.write(large, folder)
    except DicomLogicError as error:
        require(error.remedy, f"a full disk is told without a remedy: {error}")
    except NotApplicable:
        raise
    except Exception as error:
        raise Broken(f"a full disk ends with {described(error)}, not with a WriteError") from error
    else:
        sizes = [path.stat().st_size for path in folder.rglob("*")]
        require(max(sizes) < _FULL_AT, f"a file is cut at {max(sizes)} bytes, where the disk was full, without a word")
        raise NotApplicable("what it writes is too small to fill a disk")
    there = _contents(path for path in folder.rglob("*") if path.is_file())
    require(there == older, f"after a full disk the folder holds {sorted(there)}, before it held {sorted(older)}")


def a_missing_folder_is_told(subject: WriterSubject) -> None:
    """A folder that cannot be written into ends with a DicomLogicError.

    Contract: `Writer.write`: WriteError.
    """
    made, folder = subject.objects()[0], subject.new_folder()
    try:
        subject.write(made, folder / "not there")
    except DicomLogicError:
        pass
    except Exception as error:
        raise Broken(f"a folder that is not there ends with {described(error)}, not with a WriteError") from error


def patients_are_not_named_unasked(subject: WriterSubject) -> None:
    """Attributes that tell who the patient is are in no file unless an option asks for them.

    Contract: `identifies_patient` in dicomlogic_core.privacy.
    """
    subject.only_volumes()
    for made in (sample_objects.volume(), sample_objects.volume_sequence()):
        if not subject.accepts("sequence") and hasattr(made, "volumes"):
            continue
        for name, data in _contents(subject.write(made, subject.new_folder())).items():
            found = any(sample_objects.PATIENT.encode(form) in _unpacked(data) for form in _ENCODINGS)
            require(not found, f"{name} names the patient")


WRITERS: tuple[Check, ...] = (
    accepted_objects_are_written,
    other_objects_are_refused,
    what_is_written_reads_back_equal,
    files_carry_the_name_they_were_given,
    hostile_texts_stay_inside,
    other_files_are_left_alone,
    the_same_object_gives_the_same_bytes,
    objects_are_left_alone,
    a_failure_leaves_nothing,
    a_full_disk_is_told,
    a_missing_folder_is_told,
    patients_are_not_named_unasked,
)


def _names(paths: Any) -> str:
    return ", ".join(path.name for path in paths) or "nothing"


def _contents(paths: Any) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def _values(made: Any) -> Any:
    return np.asarray(made).copy() if hasattr(made, "array") or hasattr(made, "volumes") else np.zeros(0)


def _nothing_left(folder: Path, when: str) -> None:
    left = [path.name for path in folder.rglob("*")]
    require(not left, f"{when}, {', '.join(left)} is left")


def _unpacked(data: bytes) -> bytes:
    """The bytes with what is compressed in them, by gzip or as a zip archive, unpacked as well."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return data + b"".join(archive.read(name) for name in archive.namelist())
    start = data.find(b"\x1f\x8b\x08")
    with contextlib.suppress(OSError, EOFError):
        return data + (gzip.decompress(data[start:]) if start >= 0 else b"")
    return data


@contextlib.contextmanager
def _full_after(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes in the block: the nearest to a full disk that a test may do.

    Raises:
        NotApplicable: this system has no such limit.
    """
    try:
        import resource
    except ImportError:
        raise NotApplicable("this system cannot limit the size of files") from None
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
