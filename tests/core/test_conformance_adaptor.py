"""Each check of adaptors fails on a plugin made for it, for its own reason, and passes for a good one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from dicomlogic_core import AdaptorProvider, Finding, FrameArray, Geometry, GeometryError, Loadable, Volume, hookimpl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.checks import examining, loading, placing
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject
from dicomlogic_core.testing.checks.examining import EXAMINING
from dicomlogic_core.testing.checks.loading import LOADING
from dicomlogic_core.testing.checks.outcome import outcome_of
from dicomlogic_core.testing.checks.placing import PLACING
from dicomlogic_core.testing.fakes import FakePlugin

CHECKS = (*EXAMINING, *LOADING, *PLACING)
SERIES = (phantoms.ct(4),)


def two_series(folder):
    """Two CT series of one study."""

    def same_study(number, dataset):
        dataset.StudyInstanceUID = "1.2.3"

    for name in ("one", "two"):
        phantoms.write_ct(folder / name, phantoms.regular(3), name=name, change=same_study)


class Good:
    """Volumes of axial CT slices, as plain as can be."""

    def examine(self, series, study):
        positions = series.frames.position
        if len(positions) < 2 or not np.isfinite(positions).all():
            return
        yield self.loadable(series, np.argsort(positions[:, 2], kind="stable"))

    def loadable(self, series, rows, **changes):
        values = {
            "adaptor": "good",
            "kind": "volume",
            "name": "CT",
            "study_uid": series.study_uid,
            "series_uids": (series.series_uid,),
            "frames": series.frames.refs(rows),
            "explanation": "slices sorted along z",
        }
        return Loadable(**(values | changes))

    def load(self, loadable, context):
        return self.volume(loadable, context)

    def volume(self, loadable, context, **changes):
        series = context.series(loadable.series_uids[0])
        rows = series.frames.rows_of(loadable.frames)
        first, last = series.frames.position[rows[0]], series.frames.position[rows[-1]]
        spacing = series.frames.numbers("PixelSpacing", 2)[rows[0]]
        array = context.stack(loadable.frames)
        matrix = np.diag([spacing[1], spacing[0], 1.0, 1.0])
        matrix[:3, 2], matrix[:3, 3] = (last - first) / (len(rows) - 1), first
        values = {
            "array": array,
            "geometry": Geometry(size_ijk=array.shape[:0:-1] + array.shape[:1], ijk_to_lps=matrix),
            "provenance": loadable.frames,
            "name": loadable.name,
        }
        return Volume(**(values | changes))


class Unexplained(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows, explanation="")


class Naming(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows, name=f"CT of {series.first('PatientName')}")


class Remembering(Good):
    seen = 0

    def examine(self, series, study):
        self.seen += 1
        for one in super().examine(series, study):
            yield dataclasses.replace(one, name=f"CT {self.seen}")


class Writing(Good):
    def examine(self, series, study):
        series.frames.position[:, 2] += 1
        return super().examine(series, study)


class Unsorted(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, range(len(rows)))


class FirstSeries(Good):
    """Offers the series that comes first."""

    def examine_study(self, study):
        series = next(iter(study))
        return super().examine(series, study)


class Calling(Good):
    def examine(self, series, study):
        with contextlib.suppress(OSError), socket.socket() as one:
            one.settimeout(0.01)
            one.connect(("127.0.0.1", 9))
        return super().examine(series, study)


class OneByOne(Good):
    def examine(self, series, study):
        for row in range(len(series)):
            series.text("Modality")[row]
        return super().examine(series, study)


class Curious(Good):
    """Reads what its provider does not name."""

    def examine(self, series, study):
        series.text("EchoTrainLength")
        return super().examine(series, study)


class Careless(Good):
    def examine(self, series, study):
        if series.first("SliceThickness"):
            float(series.first("SliceThickness"))
        return super().examine(series, study)


class Sure(Good):
    def loadable(self, series, rows, **changes):
        one = super().loadable(series, rows)
        object.__setattr__(one, "confidence", 2.0)
        return one


class Selecting(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows, selected=True)


class Random(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows, id=uuid.uuid4().hex)


class Twice(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, [*rows, rows[0]])


class Inventing(Good):
    def loadable(self, series, rows, **changes):
        refs = series.frames.refs(rows)
        return super().loadable(series, rows, frames=(*refs, dataclasses.replace(refs[0], frame=99)))


class Dropping(Good):
    """Its plugin takes away what the core says of instances that are left out."""

    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows[1:])


class Tying(Good):
    def examine(self, series, study):
        for one in super().examine(series, study):
            yield from (one, dataclasses.replace(one, id="", name="CT again", options={"again": "true"}))


class Large(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows, explanation="long " * 10_000)


class Knowing(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows, explanation=f"from {series.locations(0)[0].path}")


class Refusing(Good):
    def load(self, loadable, context):
        raise GeometryError("not today", remedy="try tomorrow")


class Changing(Good):
    count = 0

    def load(self, loadable, context):
        self.count += 1
        return self.volume(loadable, context, array=np.asarray(context.stack(loadable.frames)) + self.count)


class Bare(Good):
    def load(self, loadable, context):
        return context.stack(loadable.frames)


class Renamed(Good):
    def loadable(self, series, rows, **changes):
        return super().loadable(series, rows, kind="map")


class Nameless(Good):
    def load(self, loadable, context):
        return Untold()


class Shifted(Good):
    def load(self, loadable, context):
        good = self.volume(loadable, context)
        matrix = np.array(good.geometry.ijk_to_lps)
        matrix[2, 3] += 0.5
        return dataclasses.replace(good, geometry=Geometry(size_ijk=good.geometry.size_ijk, ijk_to_lps=matrix))


class Transposed(Good):
    """Takes the two values of PixelSpacing for those of the other axis."""

    def load(self, loadable, context):
        good = self.volume(loadable, context)
        matrix = np.array(good.geometry.ijk_to_lps)
        matrix[0, 0], matrix[1, 1] = matrix[1, 1], matrix[0, 0]
        return dataclasses.replace(good, geometry=Geometry(size_ijk=good.geometry.size_ijk, ijk_to_lps=matrix))


class Backward(Good):
    """Right places, and slices in the other order."""

    def load(self, loadable, context):
        return self.volume(loadable, context, array=context.stack(loadable.frames[::-1]))


class Mirrored(Good):
    def load(self, loadable, context):
        array = np.ascontiguousarray(np.asarray(context.stack(loadable.frames))[:, :, ::-1])
        return self.volume(loadable, context, array=array)


class Smeared(Good):
    def load(self, loadable, context):
        array = np.asarray(context.stack(loadable.frames), dtype=np.float32)
        return self.volume(loadable, context, array=array + np.roll(array, 1, axis=1))


class Anonymous(Good):
    def load(self, loadable, context):
        return self.volume(loadable, context, provenance=loadable.frames[:-1])


class Filling(Good):
    def load(self, loadable, context):
        return self.volume(loadable, context, provenance=(None, *loadable.frames[1:]))


@dataclasses.dataclass
class Open:
    array: np.ndarray
    findings: tuple = ()


class Untold:
    kind = "volume"
    name = "CT"
    findings = ()


class Writable(Good):
    def load(self, loadable, context):
        return Open(np.array(context.stack(loadable.frames)))


class Turned(Good):
    def load(self, loadable, context):
        return self.volume(loadable, context, array=np.asfortranarray(context.stack(loadable.frames)))


class Impatient(Good):
    """Looks at the values although nobody asked for them."""

    def load(self, loadable, context):
        array = context.stack(loadable.frames)
        np.asarray(array).max()
        return self.volume(loadable, context, array=array)


class Wholesale(Good):
    """Fetches everything when one frame is asked for."""

    def load(self, loadable, context):
        array = context.stack(loadable.frames)
        if not isinstance(array, np.ndarray):
            whole = array
            array = FrameArray(whole.shape, whole.dtype, lambda wanted: np.array(whole.read()[list(wanted)]))
        return self.volume(loadable, context, array=array)


class Deaf(Good):
    def load(self, loadable, context):
        series = context.series(loadable.series_uids[0])
        try:
            return self.volume(loadable, context)
        except Exception:
            size = series.frames.size()[0]
            return Open(np.zeros((len(loadable.frames), *size)))


class Secretive(Good):
    def load(self, loadable, context):
        return self.volume(loadable, context, metadata={"positions": np.zeros(3)})


BAD = [
    (examining.something_is_offered, Unexplained, "does not explain its confidence"),
    (examining.something_is_offered, Naming, "names the patient"),
    (examining.examine_answers_the_same_twice, Remembering, "name was 'CT 1'"),
    (examining.examine_leaves_its_input_alone, Writing, "changed its input: positions of"),
    (examining.order_does_not_matter, Unsorted, "ct 4 with its instances reversed"),
    (examining.order_does_not_matter, FirstSeries, "two_series with its series reversed"),
    (examining.examine_uses_no_network, Calling, "socket.connect"),
    (examining.examine_reads_by_column, OneByOne, "questions for a column, 500 cost"),
    (examining.examine_reads_what_is_kept, Curious, "EchoTrainLength is read of ct 4 and not kept"),
    (examining.examine_never_raises, Careless, "00180050 = 'abc': ValueError"),
    (examining.confidence_is_on_the_scale, Sure, "has confidence 2.0"),
    (examining.confidence_is_on_the_scale, Selecting, "sets group or selected"),
    (examining.ids_are_stable, Random, "are others when examined again"),
    (examining.frames_exist_and_come_once, Twice, "claims a frame twice"),
    (examining.frames_exist_and_come_once, Inventing, "which its study does not have"),
    (examining.every_instance_is_accounted_for, Dropping, "1 instances of ct 4 are in no loadable"),
    (examining.alternatives_are_ranked, Tying, "alternatives of equal confidence"),
    (examining.loadables_pickle_small, Large, "bytes as a pickle"),
    (examining.loadables_pickle_small, Knowing, "holds the path of its files"),
    (loading.every_loadable_loads, Refusing, "is offered as if it could be loaded: GeometryError: not today"),
    (loading.every_loadable_loads, Changing, "is another array when loaded again"),
    (loading.objects_say_what_they_are, Bare, "told as 'volume', and loading gives a ndarray without a kind"),
    (loading.objects_say_what_they_are, Renamed, "told as 'map', and loading gives a Volume of kind 'volume'"),
    (loading.objects_say_what_they_are, Nameless, "has no as_dict, so no writer takes it"),
    (placing.every_pixel_comes_to_its_voxel, Backward, "of the frame that slice 1 names is voxel [(2, "),
    (
        placing.every_pixel_comes_to_its_voxel,
        Mirrored,
        "row 10, column 6 of the frame that slice 1 names is voxel [(1, 10, 17)]",
    ),
    (placing.every_pixel_comes_to_its_voxel, Smeared, "and changes 2 voxels"),
    (placing.every_slice_lies_in_its_place, Shifted, "lies 0.500 mm off"),
    (placing.every_slice_lies_in_its_place, Transposed, "rows and columns of the grid are off by 0.100 mm"),
    (placing.provenance_covers_every_slice, Anonymous, "3 origins for 4 slices"),
    (placing.provenance_covers_every_slice, Filling, "slices (0,) have no origin, missing is ()"),
    (loading.arrays_are_read_only, Writable, "can be written to"),
    (loading.arrays_are_read_only, Turned, "is not in C order"),
    (loading.lazy_gives_the_same_array, Impatient, "4 frames are fetched before one is asked for"),
    (loading.lazy_gives_the_same_array, Wholesale, "frame 2 cost 4 frames"),
    (loading.cancel_stops_loading, Deaf, "is given all the same"),
    (loading.a_lost_frame_is_told, Deaf, "is loaded without a word although a file is gone"),
    (loading.results_can_be_told_as_json, Secretive, "metadata that is no JSON"),
]


class Silencing(FakePlugin):
    """A plugin that takes findings away when it amends."""

    @hookimpl
    def dicomlogic_amend_loadables(self, study, loadables):
        loadables[:] = [dataclasses.replace(one, findings=()) for one in loadables]


@pytest.fixture
def subject_of() -> Iterator:
    made = []

    def make(worker, series=SERIES) -> AdaptorSubject:
        one = AdaptorProvider(name="good", label="Good", factory=worker, modalities=frozenset({"CT"}))
        plugin = (Silencing if worker is Dropping else FakePlugin)([one])
        made.append(AdaptorSubject("good", plugin=plugin, series=series))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(("check", "worker", "reason"), BAD, ids=[worker.__name__ for _, worker, _ in BAD])
def test_a_bad_adaptor_fails_for_its_own_reason(check, worker, reason, subject_of):
    series = (two_series,) if worker is FirstSeries else SERIES
    outcome = outcome_of(check, subject_of(worker, series), "adaptor:good")
    assert outcome.status == "failed"
    assert reason in outcome.message


def test_a_good_adaptor_passes_every_check(subject_of):
    subject = subject_of(Good, (phantoms.ct(4), phantoms.enhanced_ct(4)))
    outcomes = [outcome_of(check, subject, "adaptor:good") for check in CHECKS]
    assert {one.check: one.message for one in outcomes if one.status != "passed"} == {}


def test_every_check_has_a_bad_adaptor():
    assert {check for check, _, _ in BAD} == set(CHECKS)


def test_series_it_is_never_asked_about_are_no_proof(subject_of):
    subject = subject_of(Good, (phantoms.mr(),))
    outcome = outcome_of(examining.something_is_offered, subject, "adaptor:good")
    assert outcome.status == "failed"
    assert "never asked about mr: check sop_classes, modalities and requires" in outcome.message


def test_by_default_it_is_tried_on_the_phantoms_it_is_asked_about(subject_of):
    names = [case.name for case in subject_of(Good, ()).cases]
    assert "ct 8" in names and "enhanced ct" in names and "mr" not in names


def test_identifiers_that_depend_on_the_process(site, monkeypatch):
    """Python's own hash of a text is another one in every process."""
    code = """
    from dicomlogic_core import AdaptorProvider, Loadable, hookimpl

    class Worker:
        def examine(self, series, study):
            refs = series.frames.refs()
            yield Loadable(
                adaptor="zz", kind="volume", name="CT", study_uid=series.study_uid, series_uids=(series.series_uid,),
                frames=refs, explanation="all of it", id=str(hash(refs[0].sop_uid)),
            )

        def load(self, loadable, context):
            return None

    @hookimpl
    def dicomlogic_adaptors():
        yield AdaptorProvider(name="zz", label="zz", factory=Worker, modalities=frozenset({"CT"}))
    """
    site.install("zz-hash", code=code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site.folder), os.environ.get("PYTHONPATH", "")]))
    subject = AdaptorSubject("zz", series=[phantoms.ct(3)])
    try:
        outcome = outcome_of(examining.ids_are_stable, subject, "adaptor:zz")
    finally:
        subject.close()
    assert outcome.status == "failed"
    assert "another process gives ct 3 the identifiers" in outcome.message


def test_an_own_code_begins_with_the_name_of_the_plugin():
    from dicomlogic_core.testing.checks.common import finding_problem

    def made(code: str, **values) -> Finding:
        return Finding(**({"code": code, "severity": "warning", "message": "odd", "remedy": "look"} | values))

    assert finding_problem(made("good.odd"), {"good"}) == ""
    assert finding_problem(made("geometry.gap"), {"good"}) == ""
    assert "does not begin with good and a dot" in finding_problem(made("other.odd"), {"good"})
    assert "says nothing about what to do" in finding_problem(made("good.odd", remedy=""), {"good"})
    assert "tells who the patient is" in finding_problem(made("good.odd", message="of Phantom^Tricky"), {"good"})
    assert "has severity 'bad'" in finding_problem(made("good.odd", severity="bad"), {"good"})
    assert "has no message" in finding_problem(made("good.odd", message=" "), {"good"})
