"""Checks of what adaptors offer: `Adaptor.examine` and `StudyAdaptor.examine_study`."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.loadable import Loadable
from dicomlogic_core.series import StudyView
from dicomlogic_core.tags import keyword_of, tag_key
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject, Case
from dicomlogic_core.testing.checks.common import PATIENT_NAME
from dicomlogic_core.testing.checks.outcome import Broken, Check, described, first_difference, require
from dicomlogic_core.testing.checks.study_changes import (
    changed,
    damages,
    emptied,
    ids_elsewhere,
    interleaved,
    must_not_raise,
    questions,
    reversed_rows,
    same_views,
)
from dicomlogic_core.testing.checks.watch import network_use

_PICKLE_BASE, _PICKLE_PER_FRAME = 20_000, 400  # bytes
_FEW, _MANY = 100, 500
_PER_LOADABLE = 30  # a name, a quantity and the like may be looked up for each
_ALWAYS = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "SOPClassUID", "Modality"),
    *("NumberOfFrames", "InstanceNumber", "SliceThickness", "RescaleSlope", "SeriesNumber", "SeriesDescription"),
)


def something_is_offered(subject: AdaptorSubject) -> None:
    """Of the series that the tests name, or of one of the kit's phantoms, something is offered, with an explanation.

    Neither the name nor the explanation names the patient.
    Contract: `Adaptor.examine`; `Loadable.explanation` in dicomlogic_core.loadable.
    """
    for case, loadables in subject.offers:
        for loadable in loadables:
            require(loadable.name.strip(), f"a loadable of {case.name} has no name")
            require(PATIENT_NAME not in loadable.name + loadable.explanation, f"{loadable.name!r} names the patient")
            require(loadable.kind.strip(), f"{loadable.name!r} of {case.name} does not say of what kind it is")
            require(loadable.explanation.strip(), f"{loadable.name!r} of {case.name} does not explain its confidence")


def examine_answers_the_same_twice(subject: AdaptorSubject) -> None:
    """Asked again, and asked of a new worker that has seen nothing else, examine gives equal loadables.

    A worker keeps no state between series: studies are examined in any order, by any process.
    Contract: `Adaptor.examine`.
    """
    seasoned = subject.worker()
    first = [_shown(subject.examined(seasoned, case)) for case in subject.cases]
    for case, before in zip(subject.cases, first):
        for worker, who in ((seasoned, "a worker asked again"), (subject.worker(), "a new worker")):
            _same(before, _shown(subject.examined(worker, case)), f"{who} says something else of {case.name}")


def examine_leaves_its_input_alone(subject: AdaptorSubject) -> None:
    """After examine the columns, the frame table and the options of the study are what they were before.

    Contract: `Adaptor.examine`.
    """
    for case in subject.cases:
        before = _fingerprint(subject, case)
        subject.examined(subject.worker(), case)
        if changed := first_difference(before, _fingerprint(subject, case)):
            raise Broken(f"examining {case.name} changed its input: {changed}")


def order_does_not_matter(subject: AdaptorSubject) -> None:
    """Instances and series in another order, as another source lists them, give the same loadables and identifiers.

    Contract: `Adaptor.examine`; `Loadable.id` in dicomlogic_core.loadable.
    """
    for case in subject.cases:
        worker = subject.worker()
        wanted = _comparable(subject.examined(worker, case))
        orders = {
            "instances reversed": changed(case, reversed_rows),
            "instances interleaved": changed(case, interleaved),
            "series reversed": StudyView(case.study.study_uid, list(case.study)[::-1], options=case.study.options),
        }
        for what, study in orders.items():
            found = _comparable(subject.examined(worker, case, study, same_views(case, study)))
            _same(wanted, found, f"{case.name} with its {what}")


def examine_uses_no_network(subject: AdaptorSubject) -> None:
    """Examine looks at headers that the index holds; it connects to nothing.

    Contract: `Adaptor.examine`.
    """
    for case in subject.cases:
        worker = subject.worker()
        with network_use() as seen:
            subject.examined(worker, case)
        require(not seen, f"examining {case.name} used the network: {', '.join(seen[:3])}")


def examine_reads_by_column(subject: AdaptorSubject) -> None:
    """Values are read by column: a series of many instances leads to no more questions than one of few.

    Contract: `SeriesView` in dicomlogic_core.series; docs/explanation/flow.md.
    """
    worker = subject.worker()
    for case in subject.cases:
        (few, _), (many, offered) = (questions(subject, worker, case, size) for size in (_FEW, _MANY))
        require(
            len(many) <= 2 * len(few) + 20 + _PER_LOADABLE * offered,
            f"{_FEW} instances of {case.name} cost {len(few)} questions for a column, {_MANY} cost {len(many)}",
        )


def examine_reads_what_is_kept(subject: AdaptorSubject) -> None:
    """Columns that examine reads are among those the core always keeps, or named by the provider.

    Any other is empty whatever the files hold, unless another plugin happens to name it.
    Contract: `AdaptorProvider.tags` and `AdaptorProvider.requires` in dicomlogic_core.providers.
    """
    kept = wanted_tags(subject.manager.registry.wanted_tags())
    for case in subject.cases:
        asked, _ = questions(subject, subject.worker(), case, len(next(iter(case.study))))
        lost = dict.fromkeys(keyword_of(key) for key in asked if key not in kept.keys and key not in kept.items)
        require(not lost, f"{', '.join(lost)} is read of {case.name} and not kept: name it in tags of the provider")


def examine_never_raises(subject: AdaptorSubject) -> None:
    """Foreign, empty and damaged series give nothing, or loadables with findings; examine raises on none of them.

    Every column the provider names is tried absent, empty, unreadable, of another multiplicity and out of range.
    Contract: `Adaptor.examine`.
    """
    worker = subject.worker()
    for case in (*subject.catalogue, *subject.cases):
        must_not_raise(subject, worker, case, case.study, case.study, f"the foreign series {case.name}")
        empty = changed(case, emptied)
        must_not_raise(subject, worker, case, empty, empty, f"{case.name} without any value")
    keys = dict.fromkeys(tag_key(tag) for tag in (*_ALWAYS, *subject.provider.tags, *subject.provider.requires))
    for number, key in enumerate(keys):
        case = subject.cases[number % len(subject.cases)]
        for what, study in damages(case, key):
            must_not_raise(subject, worker, case, study, same_views(case, study), f"{case.name} with {what}")


def confidence_is_on_the_scale(subject: AdaptorSubject) -> None:
    """The confidence is a number from 0 to 1; `group` and `selected` are left to the core.

    Contract: `Loadable` in dicomlogic_core.loadable; docs/explanation/confidence.md.
    """
    for case in subject.cases:
        for loadable in subject.examined(subject.worker(), case):
            what = f"{loadable.name!r} of {case.name}"
            require(0 <= loadable.confidence <= 1, f"{what} has confidence {loadable.confidence}")
            require(not loadable.group and not loadable.selected, f"{what} sets group or selected, which the core does")


def ids_are_stable(subject: AdaptorSubject) -> None:
    """Identifiers are the same in another process and after indexing again, and no two loadables share one.

    Contract: `Loadable.id` in dicomlogic_core.loadable.
    """
    here = {case.name: _ids(subject.examined(subject.worker(), case)) for case in subject.cases}
    for name, ids in here.items():
        require(len(ids) == len(set(ids)), f"two loadables of {name} share an identifier")
    for case in subject.cases:
        again = _ids(subject.examined(subject.worker(), case))
        require(again == here[case.name], f"identifiers of {case.name} are others when examined again")
    if subject.installed:
        case = next(case for case, loadables in subject.offers if loadables)
        wanted = sorted(loadable.id for loadable in dict(_offers(subject))[case])
        got = ids_elsewhere(subject, case)
        require(got == wanted, f"another process gives {case.name} the identifiers {got}, this one {wanted}")


def frames_exist_and_come_once(subject: AdaptorSubject) -> None:
    """The frames a loadable claims are frames of its series, and none is claimed twice by one loadable.

    Contract: `Loadable.frames` in dicomlogic_core.loadable.
    """
    for case, loadables in subject.offers:
        known = {ref for view in case.study for ref in view.frames.refs()}
        # What has no pixels is claimed as a whole.
        known |= {view.instance(row).whole for view in case.study for row in range(len(view))}
        for loadable in loadables:
            what = f"{loadable.name!r} of {case.name}"
            unknown = [ref for ref in loadable.frames if ref not in known]
            require(not unknown, f"{what} claims {unknown[:1]}, which its study does not have")
            require(len(set(loadable.frames)) == len(loadable.frames), f"{what} claims a frame twice")
            foreign = {ref.series_uid for ref in loadable.frames} - set(loadable.series_uids)
            require(not foreign, f"{what} claims frames of series that series_uids does not name: {sorted(foreign)}")


def every_instance_is_accounted_for(subject: AdaptorSubject) -> None:
    """Of a series of which something is offered, every instance is claimed, or a finding says that it is left out.

    Contract: docs/explanation/reliability.md: nothing is left out silently.
    """
    for case, loadables in subject.offers:
        claimed = {ref.sop_uid for loadable in loadables for ref in loadable.frames}
        named = {place for loadable in loadables for finding in loadable.findings for place in finding.where}
        told = any(one.code == "series.left-out" for loadable in loadables for one in loadable.findings)
        mine = {uid for loadable in loadables if loadable.frames for uid in loadable.series_uids}
        for view in case.study:
            if view.series_uid not in mine:
                continue
            lost = [uid for uid in view.sop_uids if uid not in claimed and uid not in named]
            require(not lost or told, f"{len(lost)} instances of {case.name} are in no loadable and in no finding")


def alternatives_are_ranked(subject: AdaptorSubject) -> None:
    """Of alternatives that claim common frames one is the best, by confidence or by fewer findings, and is selected.

    Alternatives that tie would be chosen by the alphabet.
    Contract: docs/explanation/confidence.md.
    """
    mine = {loadable.group for _, loadables in subject.offers for loadable in loadables}
    for case, loadables in subject.examined_cases:
        groups: dict[str, list[Loadable]] = {}
        for loadable in loadables:
            groups.setdefault(loadable.group, []).append(loadable)
        for members in [members for group, members in groups.items() if group in mine]:
            chosen = [one for one in members if one.selected]
            require(len(chosen) == 1, f"of {[one.name for one in members]} of {case.name} {len(chosen)} are selected")
            rivals = [one for one in members if one.adaptor == chosen[0].adaptor]
            tied = [one.name for one in rivals if _rank(one) == _rank(chosen[0])]
            require(len(tied) == 1, f"{tied} of {case.name} are alternatives of equal confidence and findings")


def loadables_pickle_small(subject: AdaptorSubject) -> None:
    """A loadable pickles, comes back equal, and is small: no headers, no pixels, no handles, no paths.

    Contract: `Loadable` in dicomlogic_core.loadable.
    """
    for case, loadables in subject.offers:
        for loadable in loadables:
            what = f"{loadable.name!r} of {case.name}"
            try:
                data = pickle.dumps(loadable)
                back = pickle.loads(data)
            except Exception as error:
                raise Broken(f"{what} cannot be pickled: {described(error)}") from error
            require(back.as_dict() == loadable.as_dict(), f"{what} is another one after pickling")
            limit = _PICKLE_BASE + _PICKLE_PER_FRAME * len(loadable.frames)
            require(len(data) <= limit, f"{what} takes {len(data)} bytes as a pickle, more than {limit}")
            require(os.fsencode(case.folder) not in data, f"{what} holds the path of its files")


EXAMINING: tuple[Check, ...] = (
    something_is_offered,
    examine_answers_the_same_twice,
    examine_leaves_its_input_alone,
    order_does_not_matter,
    examine_uses_no_network,
    examine_reads_by_column,
    examine_reads_what_is_kept,
    examine_never_raises,
    confidence_is_on_the_scale,
    ids_are_stable,
    frames_exist_and_come_once,
    every_instance_is_accounted_for,
    alternatives_are_ranked,
    loadables_pickle_small,
)


# --- comparing -------------------------------------------------------------------------------------------------------


def _shown(loadables: Iterable[Loadable]) -> list[dict[str, object]]:
    return [loadable.as_dict() | {"claims": loadable.frames} for loadable in loadables]


def _comparable(loadables: Iterable[Loadable]) -> list[dict[str, object]]:
    """By identifier, without what may follow the order of instances: the places that findings name."""
    shown = [
        loadable.as_dict()
        | {"claims": loadable.frames, "findings": sorted((one.code, one.severity) for one in loadable.findings)}
        for loadable in loadables
    ]
    return sorted(shown, key=lambda one: str(one["id"]))


def _same(wanted: list[dict[str, object]], got: list[dict[str, object]], when: str) -> None:
    require(len(wanted) == len(got), f"{when}: {len(got)} loadables instead of {len(wanted)}")
    for before, after in zip(wanted, got):
        changed = first_difference(before, after)
        require(not changed, f"{when}: of {before['name']!r}, {changed}")


def _rank(loadable: Loadable) -> tuple[float, int]:
    return loadable.confidence, -len(loadable.findings)


def _ids(loadables: Iterable[Loadable]) -> list[str]:
    return sorted(loadable.id for loadable in loadables)


def _offers(subject: AdaptorSubject) -> Iterator[tuple[Case, list[Loadable]]]:
    yield from subject.offers


def _fingerprint(subject: AdaptorSubject, case: Case) -> Mapping[str, Any]:
    keys = [tag_key(tag) for tag in (*_ALWAYS, *subject.provider.tags)]
    found: dict[str, Any] = {"options": dict(case.study.options)}
    for view in case.study:
        for key in keys:
            found[f"{key} of {view.series_uid}"] = repr((list(view.text(key)), view.frames.text(key), view.items(key)))
        found[f"positions of {view.series_uid}"] = repr(view.frames.position.tolist())
        found[f"rows of {view.series_uid}"] = (list(view.sop_uids), view.frames.instance.tolist())
    return found
