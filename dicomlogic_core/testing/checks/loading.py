"""Checks of what adaptors make: `Adaptor.load`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dicomlogic_core.errors import Cancelled, DicomLogicError, UsageError
from dicomlogic_core.frame_array import FrameArray
from dicomlogic_core.loadable import Loadable
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject, Case
from dicomlogic_core.testing.checks.outcome import Check, NotApplicable, described, require


def every_loadable_loads(subject: AdaptorSubject) -> None:
    """What is offered can be loaded, twice, with the same result.

    Only what carries an error finding, or has confidence 0.2 or less, may refuse: by a DicomLogicError with a remedy.
    Contract: `Adaptor.load`; docs/explanation/confidence.md.
    """
    for case, loadable, made in subject.objects:
        what = f"{loadable.name!r} of {case.name}"
        require(made is not None, f"loading {what} gives None")
        again, _ = subject.load(case, loadable)
        for first, second in zip(_arrays(made), _arrays(again)):
            same = first.dtype == second.dtype and np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
            require(same, f"{what} is another array when loaded again")


def objects_say_what_they_are(subject: AdaptorSubject) -> None:
    """Objects have the `kind` that their loadable told, a name, findings, and a geometry or `as_dict` to be written by.

    Sessions choose the writer by the kind, and write what no other writer takes as JSON.
    Contract: `Loadable.kind` in dicomlogic_core.loadable; docs/tutorial/an-adaptor.md.
    """
    for case, loadable, made in subject.objects:
        what = f"{loadable.name!r} of {case.name}"
        kind = getattr(made, "kind", None)
        require(
            kind == loadable.kind,
            f"{what} is told as {loadable.kind!r}, and loading gives a {type(made).__name__} "
            + (f"of kind {kind!r}" if kind else "without a kind"),
        )
        for name in ("name", "findings"):
            require(hasattr(made, name), f"the {type(made).__name__} of {what} has no {name}")
        written = any(hasattr(made, name) for name in ("array", "volumes", "layers", "as_dict"))
        require(written, f"the {type(made).__name__} of {what} has no as_dict, so no writer takes it")


def arrays_are_read_only(subject: AdaptorSubject) -> None:
    """Arrays cannot be written to, are in C order and in the byte order of the machine.

    Contract: `Volume.array` in dicomlogic_core.objects.
    """
    arrays = [(case, loadable, one) for case, loadable, made in subject.objects for one in _arrays(made)]
    if not arrays:
        raise NotApplicable("nothing that was loaded holds an array")
    for case, loadable, array in arrays:
        what = f"the array of {loadable.name!r} of {case.name}"
        require(not array.flags.writeable, f"{what} can be written to")
        require(array.flags.c_contiguous, f"{what} is not in C order")
        require(array.dtype.isnative, f"{what} is {array.dtype}, not in the byte order of the machine")


def lazy_gives_the_same_array(subject: AdaptorSubject) -> None:
    """Loaded with ``lazy=True`` the array is the same; shape and type are known at once, frame k costs frame k only.

    An adaptor that must have all frames refuses ``lazy=True`` by a UsageError.
    Contract: `LoadContext.stack`; docs/howto/lazy-volumes.md.
    """
    looked = False
    for case, loadable, made in subject.objects:
        if not hasattr(made, "array") and not hasattr(made, "volumes"):
            continue
        try:
            lazy, watched = subject.load(case, loadable, lazy=True)
        except UsageError:
            continue  # refused by name
        looked = True
        what = f"{loadable.name!r} of {case.name}, lazy"
        for volume, wanted in zip(getattr(lazy, "volumes", (lazy,)), _arrays(made)):
            _is_lazy(volume, wanted, watched.fetched, what)
    if not looked:
        raise NotApplicable("nothing that was loaded is a volume that may be lazy")


def _is_lazy(volume: Any, wanted: np.ndarray[Any, Any], fetched: list[Any], what: str) -> None:
    array = volume.array
    require(array.shape == wanted.shape, f"{what}: shape {array.shape} instead of {wanted.shape}")
    require(array.dtype == wanted.dtype, f"{what}: type {array.dtype} instead of {wanted.dtype}")
    if isinstance(array, FrameArray):
        require(not fetched, f"{what}: {len(fetched)} frames are fetched before one is asked for")
        k = array.shape[0] // 2
        frame = np.asarray(array[k])
        origin = volume.provenance[k] if k < len(volume.provenance) else None
        allowed = {(origin.sop_uid, frame_number) for frame_number in (0, origin.frame)} if origin else set()
        cost = {(ref.sop_uid, getattr(ref, "frame", 0)) for ref in fetched}  # 0: the whole instance
        require(cost <= allowed, f"{what}: frame {k} cost {len(cost)} frames")
        require(np.array_equal(frame, wanted[k], equal_nan=wanted.dtype.kind == "f"), f"{what}: frame {k} differs")
        fetched.clear()
    whole = np.asarray(volume)
    require(np.array_equal(whole, wanted, equal_nan=wanted.dtype.kind == "f"), f"{what}: the array differs")
    fetched.clear()


def cancel_stops_loading(subject: AdaptorSubject) -> None:
    """When the caller wants it to stop, loading ends with Cancelled instead of giving an object without its pixels.

    Contract: `WorkContext.cancelled`.
    """
    looked = False
    for case, loadable, made in subject.objects:
        if not loadable.frames or not _arrays(made):
            continue
        looked = True
        what = f"{loadable.name!r} of {case.name}"
        try:
            subject.load(case, loadable, cancel=lambda: True)
        except Cancelled:
            continue
        except Exception as error:
            require(False, f"cancelled while loading, {what} raises {described(error)}")
        require(False, f"cancelled while loading, {what} is given all the same")
    if not looked:
        raise NotApplicable("nothing that is loaded needs frames")


def a_lost_frame_is_told(subject: AdaptorSubject) -> None:
    """When a file is gone, loading raises a DicomLogicError or gives an error finding: never less without a word.

    Contract: `Adaptor.load`; docs/explanation/reliability.md.
    """
    looked = False
    for case, loadables in subject.offers:
        files = [one for one in case.folder.rglob("*") if one.is_file()]
        if len(files) < 2:
            continue
        for loadable in loadables:
            looked |= bool(loadable.frames) and _told(subject, case, loadable)
    if not looked:
        raise NotApplicable("nothing that is loaded needs frames of several files")


def _told(subject: AdaptorSubject, case: Case, loadable: Loadable) -> bool:
    found = case.study.instance(loadable.frames[len(loadable.frames) // 2].sop_uid)
    assert found is not None
    series, row = found
    paths = [Path(location.path) for location in series.locations(row) if location.path]
    if not paths:
        return False
    kept = {path: path.read_bytes() for path in paths}
    for path in kept:
        path.unlink()
    try:
        made, watched = subject.load(case, loadable)
    except DicomLogicError:
        return True
    except Exception as error:
        require(False, f"{loadable.name!r} of {case.name} with a file lost raises {described(error)}")
    finally:
        for path, data in kept.items():
            path.write_bytes(data)
    told = any(one.severity == "error" for one in getattr(made, "findings", ()))
    used = any(ref.sop_uid == series.sop_uids[row] for ref in watched.fetched)
    require(told or not used, f"{loadable.name!r} of {case.name} is loaded without a word although a file is gone")
    return True


def results_can_be_told_as_json(subject: AdaptorSubject) -> None:
    """Metadata of volumes, and `as_dict` of other objects, are JSON: writers and notebooks need no plugin to show them.

    Contract: `Volume.metadata` in dicomlogic_core.objects.
    """
    for case, loadable, made in subject.objects:
        for one in getattr(made, "volumes", (made,)):
            what = f"{loadable.name!r} of {case.name}"
            told = dict(one.metadata) if hasattr(one, "metadata") else one.as_dict() if hasattr(one, "as_dict") else {}
            try:
                json.dumps(told, allow_nan=False)
            except (TypeError, ValueError) as error:
                require(False, f"{what} has metadata that is no JSON: {error}")


LOADING: tuple[Check, ...] = (
    every_loadable_loads,
    objects_say_what_they_are,
    arrays_are_read_only,
    lazy_gives_the_same_array,
    cancel_stops_loading,
    a_lost_frame_is_told,
    results_can_be_told_as_json,
)


def _arrays(made: Any) -> list[np.ndarray[Any, Any]]:
    holders = getattr(made, "volumes", (made,))
    found = [getattr(one, name) for one in holders for name in ("array", "layers") if hasattr(one, name)]
    return [one for one in found if isinstance(one, np.ndarray)]
