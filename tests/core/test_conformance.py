"""What all conformance classes share: their guard, the checks of every kind, and the command that runs them."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomlogic_core import AdaptorProvider
from dicomlogic_core.cli.main import main
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.checks import common
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject
from dicomlogic_core.testing.checks.common import COMMON
from dicomlogic_core.testing.checks.offline import CHECKS
from dicomlogic_core.testing.checks.outcome import Broken, NotApplicable, demands, outcome_of
from dicomlogic_core.testing.checks.service_subject import ServiceSubject
from dicomlogic_core.testing.conformance import (
    AdaptorConformance,
    FetcherConformance,
    SourceConformance,
    WriterConformance,
)
from dicomlogic_core.testing.fakes import fake_plugin

CLASSES = {
    "adaptor": AdaptorConformance,
    "fetcher": FetcherConformance,
    "source": SourceConformance,
    "writer": WriterConformance,
}


# --- the classes and their guard -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
def test_the_class_of_a_kind_has_a_test_for_every_check(kind):
    tests = {name for name in dir(CLASSES[kind]) if name.startswith("test_")} - {"test_no_standard_test_is_missing"}
    assert tests == {f"test_{check.__name__}" for check in CHECKS[kind]}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_test_says_what_is_demanded_and_where_that_stands(kind):
    for check in CHECKS[kind]:
        what, where = demands(check)
        assert what.endswith(".") and where, check.__name__
        assert getattr(CLASSES[kind], f"test_{check.__name__}").__doc__ == check.__doc__


@pytest.mark.parametrize("kind", CLASSES)
def test_the_place_of_every_contract_exists(kind):
    docs = Path(__file__).resolve().parents[2] / "docs"
    for check in CHECKS[kind]:
        _, where = demands(check)
        for page in re.findall(r"docs/([\w/-]+\.md)", where):
            assert (docs / page).is_file(), (check.__name__, page)
        for name, module in re.findall(r"`([\w.]+)`(?:[^;`]* in (dicomlogic_core[\w.]*))?", where):
            first, *rest = name.split(".")
            found = getattr(importlib.import_module(module or "dicomlogic_core"), first)
            for part in rest:
                assert hasattr(found, part) or part in found.__annotations__, (check.__name__, name)


def test_a_standard_test_cannot_be_overridden():
    with pytest.raises(TypeError, match="test_ids_are_stable was overridden without a reason"):

        class TestMine(AdaptorConformance):
            def test_ids_are_stable(self):
                pass


def test_a_standard_test_cannot_be_removed():
    with pytest.raises(TypeError, match="test_ids_are_stable was removed without a reason"):

        class TestMine(AdaptorConformance):
            test_ids_are_stable = None


def test_an_xfail_needs_its_reason():
    with pytest.raises(TypeError, match="test_ids_are_stable was overridden"):

        class TestMine(AdaptorConformance):
            @pytest.mark.xfail
            def test_ids_are_stable(self):
                pass


def test_a_known_weakness_is_marked_with_its_reason():
    class TestMine(AdaptorConformance):
        @pytest.mark.xfail(reason="identifiers are those of a service")
        def test_ids_are_stable(self):
            super().test_ids_are_stable()

    assert TestMine().test_no_standard_test_is_missing() is None


def test_what_is_left_out_is_named_with_its_reason():
    class TestMine(AdaptorConformance):
        left_out = {"test_ids_are_stable": "there are none"}

    with pytest.raises(pytest.skip.Exception, match="left out: there are none"):
        TestMine().test_ids_are_stable()
    with pytest.raises(TypeError, match="left_out gives no reason for test_ids_are_stable"):
        type("TestMine", (AdaptorConformance,), {"left_out": {"test_ids_are_stable": " "}})
    with pytest.raises(TypeError, match="left_out names test_mine, which is no standard test"):
        type("TestMine", (AdaptorConformance,), {"left_out": {"test_mine": "none"}})


def test_what_is_changed_after_the_class_was_made_is_seen_by_a_test(monkeypatch):
    class TestMine(AdaptorConformance):
        pass

    monkeypatch.setattr(TestMine, "test_ids_are_stable", lambda self: None)
    with pytest.raises(AssertionError, match="test_ids_are_stable was overridden"):
        TestMine().test_no_standard_test_is_missing()


def test_a_broken_contract_fails_and_what_cannot_be_looked_at_is_skipped():
    class TestMine(AdaptorConformance):
        provider_name = "no such adaptor"

    TestMine.setup_class()
    try:
        with pytest.raises(Broken, match="no installed plugin gives adaptor:no such adaptor"):
            TestMine().test_something_is_offered()
    finally:
        TestMine.teardown_class()

    class TestWeb(SourceConformance):
        provider_name = "web"
        plugin = fake_plugin()

    TestWeb.setup_class()
    try:
        with pytest.raises(pytest.skip.Exception, match="registered at run time"):
            TestWeb().test_is_found_by_its_entry_point()
    finally:
        TestWeb.teardown_class()


def test_a_subject_leaves_no_folder_behind():
    subject = ServiceSubject("source", "files")
    folder = subject.new_folder()
    subject.close()
    assert not folder.exists()


# --- checks of every kind --------------------------------------------------------------------------------------------

PLUGIN = """
from dicomlogic_core import AdaptorProvider, Finding, Loadable, hookimpl
{heavy}

class Worker:
    def examine(self, series, study):
        {examine}
        yield Loadable(
            adaptor="zz", kind="volume", name="CT", study_uid=series.study_uid, series_uids=(series.series_uid,),
            frames=series.frames.refs(), explanation="all of it", findings=({findings}),
        )

    def load(self, {arguments}):
        return "loaded"

@hookimpl
def dicomlogic_adaptors():
    yield {provider}
"""
GOOD = {
    "heavy": "",
    "examine": "",
    "findings": "",
    "arguments": "loadable, context",
    "provider": 'AdaptorProvider(name="zz", label="zz", factory="zz_kit.plugin:Worker", modalities=frozenset({"CT"}))',
}


@pytest.fixture
def package(site, monkeypatch) -> Iterator:
    """``package(**changes)``: the subject of a plugin installed as a package; ``typed=False`` leaves out py.typed."""
    made = []

    def make(*, typed: bool = True, **changes) -> AdaptorSubject:
        folder = site.folder / "zz_kit"
        folder.mkdir()
        (folder / "__init__.py").write_text('"""A plugin."""\n')
        (folder / "plugin.py").write_text(PLUGIN.format(**(GOOD | changes)))
        if typed:
            (folder / "py.typed").touch()
        site.install("zz-kit", code=None, entry_points="[dicomlogic]\nzz-kit = zz_kit.plugin\n")
        made.append(AdaptorSubject("zz", series=[phantoms.ct(3)]))
        return made[-1]

    monkeypatch.setenv("PYTHONPATH", str(site.folder))
    yield make
    for one in made:
        one.close()


def _provider(**changes) -> str:
    return f"__import__('dataclasses').replace({GOOD['provider']}, **{changes!r})"


BAD = [
    (common.is_found_by_its_entry_point, {"heavy": "1 / 0"}, "ZeroDivisionError"),
    (common.imports_nothing_heavy, {"heavy": "import numpy"}, "importing zz_kit.plugin loads numpy"),
    (common.imports_nothing_heavy, {"provider": "__import__('numpy') and " + GOOD["provider"]}, "loads numpy"),
    (common.provider_is_frozen_named_and_labelled, {"provider": _provider(label=" ")}, "has no label for people"),
    (common.provider_is_frozen_named_and_labelled, {"provider": _provider(options={"a": ""})}, "has no line of help"),
    (common.factory_makes_a_worker, {"provider": _provider(factory="zz_kit.plugin:Nobody")}, "has no attribute"),
    (common.worker_meets_its_protocol, {"arguments": "loadable, **kwargs"}, "takes (loadable, **kwargs)"),
    (common.worker_meets_its_protocol, {"arguments": "loadable, context, more=1"}, "promises (loadable, context)"),
    (common.package_is_typed, {"typed": False}, "the package zz_kit has no file py.typed"),
    (common.nothing_is_printed, {"examine": "print('hello')"}, "this was printed: 'hello'"),
    (common.nothing_is_printed, {"examine": "import sys; sys.stderr.write('psst')"}, "this was printed: 'psst'"),
    (
        common.findings_are_complete,
        {"findings": "Finding(code='Odd Code', severity='note', message='odd'),"},
        "'Odd Code' is not in the table of findings",
    ),
]


@pytest.mark.parametrize(
    ("check", "changes", "reason"), BAD, ids=[f"{one.__name__}-{n}" for n, (one, _, _) in enumerate(BAD)]
)
def test_a_bad_plugin_fails_for_its_own_reason(check, changes, reason, package):
    outcome = outcome_of(check, package(**changes), "adaptor:zz")
    assert outcome.status == "failed"
    assert reason in outcome.message


def test_a_good_plugin_passes_every_check(package):
    subject = package()
    outcomes = [outcome_of(check, subject, "adaptor:zz") for check in COMMON]
    assert {one.check: one.message for one in outcomes if one.status != "passed"} == {}


def test_every_common_check_has_a_bad_plugin():
    assert {check for check, _, _ in BAD} == set(COMMON)


@pytest.mark.parametrize("name", ["Two Words", "a_b", "-a", ""])
def test_names_are_words_joined_by_hyphens(name):
    provider = AdaptorProvider(name=name or "x", label="x", factory=lambda: None)
    object.__setattr__(provider, "name", name or "x.y")
    subject = AdaptorSubject(provider.name, plugin=fake_plugin(provider))
    outcome = outcome_of(common.provider_is_frozen_named_and_labelled, subject, "adaptor:x")
    subject.close()
    assert outcome.status == "failed"
    assert "is not lower-case words joined by hyphens" in outcome.message


def test_a_plugin_that_is_a_single_module_cannot_be_typed(site, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(site.folder))
    code = PLUGIN.format(**GOOD).replace("zz_kit.plugin:", "zz_single_plugin:")
    site.install("zz-single", code=code)
    subject = AdaptorSubject("zz", series=[phantoms.ct(3)])
    outcome = outcome_of(common.package_is_typed, subject, "adaptor:zz")
    subject.close()
    assert "zz_single_plugin is a single module; only a package can hold py.typed" in outcome.message


def test_another_plugin_of_the_same_name_is_not_tested_in_its_place(site, package):
    subject = package()
    other = "from dicomlogic_core import AdaptorProvider, hookimpl\n@hookimpl\ndef dicomlogic_adaptors():\n"
    site.install("aa-kit", code=other + "    yield AdaptorProvider(name='zz', label='zz', factory='aa:B')\n")
    outcome = outcome_of(common.is_found_by_its_entry_point, subject, "adaptor:zz")
    assert outcome.status == "failed"
    assert "the adaptor name 'zz' of zz-kit (zz-kit 1.0) was taken before by aa-kit" in outcome.message


def test_whatever_a_check_raises_becomes_its_outcome():
    def raising(subject):
        """Raises. Contract: none."""
        raise KeyError("odd")

    def idle(subject):
        """Nothing. Contract: none."""
        raise NotApplicable("nothing here")

    failed, skipped = outcome_of(raising, None, "adaptor:zz"), outcome_of(idle, None, "adaptor:zz")
    assert failed.status == "failed" and "KeyError: 'odd'" in failed.message and "test_conformance.py" in failed.message
    assert skipped.as_dict() == {
        "worker": "adaptor:zz",
        "check": "idle",
        "status": "not applicable",
        "message": "nothing here",
    }


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(capsys, monkeypatch, site):
    """``command(*arguments)``: exit code and output of ``plugins check``, among the plugins of the site only."""
    import dicomlogic_core.manager as module

    monkeypatch.setattr(module, "_default", None)
    monkeypatch.setenv("DICOMLOGIC_PLUGINS", "zz-kit")

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["plugins", "check", *arguments])
        return code, capsys.readouterr().out

    yield run
    monkeypatch.setattr(module, "_default", None)


def test_the_command_runs_the_offline_part_of_the_kit(package, command):
    package()
    code, told = command("zz-kit", "--json")
    record = json.loads(told)
    assert [one["check"] for one in record["checks"]] == [check.__name__ for check in CHECKS["adaptor"]]
    failed = {one["check"] for one in record["checks"] if one["status"] == "failed"}
    assert len(record["problems"]) == len(failed)
    assert code == (1 if failed else 0)


def test_the_command_says_what_must_be_mended(package, command):
    package(findings="Finding(code='odd', severity='note', message='odd'),")
    code, told = command("zz-kit")
    assert code == 1
    assert "adaptor:zz: " in told and " passed, " in told and " failed" in told
    assert "problem: adaptor:zz: findings_are_complete: the code 'odd' is not in the table of findings" in told


def test_a_plugin_that_cannot_be_used_is_not_tried(package, command):
    package(arguments="loadable")
    code, told = command("zz-kit", "--json")
    record = json.loads(told)
    assert code == 1
    assert record["checks"] == []
    assert "promises (loadable, context)" in record["problems"][0]


def test_the_command_needs_no_pytest(package, command, monkeypatch):
    package()
    monkeypatch.setitem(sys.modules, "pytest", None)
    for name in [name for name in sys.modules if name.startswith("dicomlogic_core.testing.checks")]:
        monkeypatch.delitem(sys.modules, name)
    code, _ = command("zz-kit")
    assert code in (0, 1)
