"""Examining a study: isolation of plugins, groups, selection, what is missing. With real managers and adaptors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from dicomlogic_core import AdaptorProvider, FrameRef, Loadable, SeriesView, StudyView, UsageError, finding, hookimpl
from dicomlogic_core.examine import Examination, examine_study
from dicomlogic_core.groups import grouped
from dicomlogic_core.testing.fakes import closed_manager, fake_plugin
from dicomlogic_core.testing.phantom_objects import ct_slice
from dicomlogic_core.testing.phantoms import regular
from dicomlogic_core.testing.views import study_view

CT = "1.2.840.10008.5.1.4.1.1.2"
RTDOSE = "1.2.840.10008.5.1.4.1.1.481.2"


def study(count: int = 3) -> StudyView:
    return study_view([ct_slice(number, one, name="examine") for number, one in enumerate(regular(count))])


def loadable(name: str, series: SeriesView | None = None, rows: Iterable[int] | None = None, **values: Any) -> Loadable:
    view = series if series is not None else next(iter(study()))
    return Loadable(
        adaptor=values.pop("adaptor", "fake"),
        kind="volume",
        name=name,
        study_uid=view.study_uid,
        series_uids=(view.series_uid,),
        frames=view.frames.refs(list(range(len(view.frames)) if rows is None else rows)),
        **values,
    )


class Examiner:
    """An adaptor whose answer is a function."""

    def __init__(self, examine: Callable[[SeriesView, StudyView], Iterable[Loadable]]) -> None:
        self._examine = examine

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        return self._examine(series, study)

    def load(self, loadable: Loadable, context: Any) -> Any:
        return loadable


def adaptor(name: str, examine: Callable[..., Iterable[Loadable]], **values: Any) -> Any:
    return fake_plugin(AdaptorProvider(name=name, label=name, factory=lambda: Examiner(examine), **values))


def run(*plugins: object, view: StudyView | None = None, options: dict[str, str] | None = None) -> Examination:
    manager = closed_manager(*plugins)
    return examine_study(view or study(), manager.registry, options=options, manager=manager)


# --- isolation ----------------------------------------------------


def test_a_failing_adaptor_costs_the_others_nothing():
    def fail(series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        yield loadable("half", series, adaptor="broken")
        raise ZeroDivisionError("no slices")

    found = run(adaptor("broken", fail), adaptor("good", lambda series, _: [loadable("fine", series, adaptor="good")]))
    assert [one.name for one in found.loadables] == ["fine"]
    (failed,) = found.findings
    assert failed.code == "plugin.failed"
    assert "ZeroDivisionError: no slices" in failed.message
    assert failed.where == (next(iter(study())).series_uid,)


def test_an_option_that_cannot_be_meant_is_the_users_to_correct():
    def refuse(series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        raise UsageError("irregular=stretch is not known")

    with pytest.raises(UsageError, match="stretch"):
        run(adaptor("fake", refuse))


def test_an_adaptor_that_cannot_be_made_is_a_finding():
    def broken() -> Any:
        raise RuntimeError("no licence")

    provider = AdaptorProvider(name="broken", label="", factory=broken)
    found = run(fake_plugin(provider), adaptor("good", lambda series, _: [loadable("fine", series, adaptor="good")]))
    assert [one.name for one in found.loadables] == ["fine"]
    assert [one.code for one in found.findings] == ["plugin.failed"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda series: ["text"], "gave str"),
        (lambda series: [loadable("x", series, adaptor="other")], "'other'"),
        (lambda series: [replace(loadable("x", series), series_uids=())], "names no series"),
        (lambda series: None, "NoneType"),
    ],
)
def test_answers_of_another_shape_are_refused(answer, reason):
    found = run(adaptor("fake", lambda series, _: answer(series)))
    assert found.loadables == ()
    assert reason in found.findings[0].message


def test_an_adaptor_of_studies_is_asked_once():
    asked = []

    class Whole:
        def examine_study(self, study: StudyView) -> Iterable[Loadable]:
            asked.append(study.study_uid)
            return []

        def load(self, loadable: Loadable, context: Any) -> Any:
            return None

    datasets = [ct_slice(number, one, name="examine") for number, one in enumerate(regular(2))]
    datasets[1].SeriesInstanceUID = "1.2.3"
    run(fake_plugin(AdaptorProvider(name="whole", label="", factory=Whole)), view=study_view(datasets))
    assert len(asked) == 1


def test_a_plugin_may_amend_what_was_found():
    class Site:
        @hookimpl
        def dicomlogic_amend_loadables(self, study: StudyView, loadables: list[Loadable]) -> None:
            loadables[:] = [replace(one, confidence=0.1) for one in loadables if one.name != "hidden"]

    examine = adaptor("fake", lambda series, _: [loadable("a", series, [0]), loadable("hidden", series, [1])])
    found = run(examine, Site())
    assert [(one.name, one.confidence, one.selected) for one in found.loadables] == [("a", 0.1, True)]


def test_options_reach_adaptors():
    seen = []
    run(adaptor("fake", lambda _, study: seen.append(dict(study.options)) or []), options={"irregular": "split"})
    assert seen == [{"irregular": "split"}]


# --- what is missing ------------------------------------------------


def test_objects_without_a_plugin_are_named_with_what_to_install():
    dose = ct_slice(0, regular(1)[0], name="examine")
    dose.SOPClassUID = RTDOSE
    found = run(adaptor("ct", lambda series, _: [], sop_classes=frozenset([CT])), view=study_view([dose]))
    (missing,) = found.findings
    assert missing.code == "plugin.missing"
    assert "RTDOSE needs dicomlogic-rt" in missing.message
    assert "pip install dicomlogic-rt" in missing.remedy


def test_what_was_offered_is_not_called_missing():
    found = run(adaptor("fake", lambda series, _: [loadable("x", series)]))
    assert found.findings == ()


def test_instances_that_no_loadable_uses_are_told_with_the_loadables_of_their_series():
    def examine(series, _):
        return [loadable("two", series, [0, 1]), loadable("one", series, [1])]

    for one in run(adaptor("fake", examine)).loadables:
        (left,) = one.findings
        assert left.code == "series.left-out"
        assert left.message.startswith("1 of 3 instances")
        assert left.where == (next(iter(study())).sop_uids[2],)


@pytest.mark.parametrize(("sop_class", "severity"), [("1.2.840.10008.5.1.4.1.1.88.11", "note"), (CT, "warning")])
def test_series_of_which_nothing_is_made_are_told(sop_class: str, severity: str):
    objects = [ct_slice(number, one, name="examine") for number, one in enumerate(regular(2))]
    for one in objects:
        one.SOPClassUID = sop_class
    found = run(adaptor("ct", lambda series, _: [], sop_classes=frozenset([CT])), view=study_view(objects))
    (left,) = found.findings
    assert (left.code, left.severity) == ("series.left-out", severity)


def test_columns_that_were_not_kept_are_named():
    view = study()
    next(iter(view)).columns.missing_keys = frozenset(["00541001"])
    (again,) = run(adaptor("fake", lambda series, _: [loadable("x", series)]), view=view).findings
    assert again.code == "index.again"
    assert "Units" in again.message


# --- groups and selection -----------------------------------------------


def test_equal_confidence_goes_to_fewer_findings_then_to_the_name_in_every_order():
    view = next(iter(study()))
    note = finding("geometry.tilt", "tilted")
    candidates = [
        loadable("z", view, adaptor="a", confidence=0.5, findings=(note,)),
        loadable("y", view, adaptor="b", confidence=0.5),
        loadable("x", view, adaptor="c", confidence=0.5),
        loadable("w", view, adaptor="a", confidence=0.4),
    ]
    for order in itertools.permutations(candidates):
        found = grouped(order, {})
        assert [one.name for one in found if one.selected] == ["y"]
        assert len({one.group for one in found}) == 1


def test_two_good_parts_are_both_selected_and_the_whole_joins_one_of_them():
    view = next(iter(study(10)))
    whole = loadable("whole", view, confidence=0.45)
    small, large = (
        loadable("small", view, range(3), confidence=0.5),
        loadable("large", view, range(3, 10), confidence=0.5),
    )
    found = {one.name: one for one in grouped([whole, small, large], {})}
    assert {name for name, one in found.items() if one.selected} == {"small", "large"}
    assert found["whole"].group == found["large"].group


def test_a_sequence_takes_all_volumes_into_its_group():
    view = next(iter(study(10)))
    sequence = loadable("sequence", view, confidence=1.0)
    parts = [loadable(f"part {number}", view, [number, number + 5], confidence=0.5) for number in range(5)]
    found = grouped([*parts, sequence], {})
    assert [one.name for one in found if one.selected] == ["sequence"]
    assert {one.group for one in found} == {sequence.id}


def test_loadables_without_frames_stand_alone():
    view = next(iter(study()))
    plans = [replace(loadable(name, view, []), id="") for name in ("plan a", "plan b")]
    found = grouped(plans, {})
    assert all(one.selected for one in found)


def test_what_was_asked_for_wins_its_group():
    view = next(iter(study(10)))
    fill = loadable("fill", view, confidence=0.45, options={"irregular": "fill"})
    as_is = loadable("as is", view, confidence=0.4, options={"irregular": "as-is"})
    runs = [
        loadable(f"run {number}", view, rows, confidence=0.35, options={"irregular": "split"})
        for number, rows in enumerate((range(4), range(4, 10)))
    ]
    offered = [fill, as_is, *runs]

    def selected(options: dict[str, str]) -> set[str]:
        return {one.name for one in grouped(offered, options) if one.selected}

    assert selected({}) == {"fill"}
    assert selected({"irregular": "as-is"}) == {"as is"}
    assert selected({"irregular": "split"}) == {"run 0", "run 1"}
    assert selected({"axis": "EchoTime"}) == {"fill"}


def test_the_order_of_plugins_changes_nothing():
    def offer(name: str, confidence: float) -> Any:
        return adaptor(name, lambda series, _: [loadable(name, series, adaptor=name, confidence=confidence)])

    plugins = [offer("a", 0.5), offer("b", 0.5), offer("c", 0.9)]
    answers = [run(*order).loadables for order in itertools.permutations(plugins)]
    assert {tuple(one.name for one in answer if one.selected) for answer in answers} == {("c",)}
    assert len({frozenset(one.id for one in answer) for answer in answers}) == 1


def test_the_same_thing_offered_twice_is_kept_once():
    twice = adaptor("fake", lambda series, _: [loadable("x", series), loadable("x", series)])
    assert len(run(twice).loadables) == 1


def test_frames_of_another_series_do_not_contest():
    here, there = (FrameRef(study_uid="1", series_uid=uid, sop_uid=uid + ".1") for uid in ("1.2", "1.3"))
    a, b = (
        Loadable(
            adaptor="x", kind="volume", name=ref.series_uid, study_uid="1", series_uids=(ref.series_uid,), frames=(ref,)
        )
        for ref in (here, there)
    )
    assert all(one.selected for one in grouped([a, b], {}))
