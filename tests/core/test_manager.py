"""The plugin manager: every public promise about broken, blocked, clashing and late plugins."""

from __future__ import annotations

import logging
import threading

import pytest
import requests

from dicomlogic_core import AdaptorProvider, Loadable, PluginError, PluginManager, UsageError, hookimpl, manager

GOOD = """
from dicomlogic_core import AdaptorProvider, hookimpl

@hookimpl
def dicomlogic_adaptors():
    yield AdaptorProvider(name={name!r}, label="x", factory="nowhere:Nothing")
"""


def make(**environ: str) -> PluginManager:
    """A manager that sees what is installed, in an environment of its own."""
    return PluginManager(environ={f"DICOMLOGIC_{name}": value for name, value in environ.items()})


def closed(**environ: str) -> PluginManager:
    """A manager that discovers nothing."""
    return PluginManager(discover=False, environ={f"DICOMLOGIC_{name}": value for name, value in environ.items()})


def by_name(plugins: PluginManager) -> dict:
    return {record.name: record for record in plugins.records()}


def adaptor_names(plugins: PluginManager) -> list[str]:
    return [provider.name for provider in plugins.registry.providers("adaptor")]


class Adaptors:
    """A plugin made at run time."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def dicomlogic_adaptors(self):
        return [AdaptorProvider(name=name, label="x", factory=lambda: None) for name in self.names]


# --- discovery, import, registration ------------------------------------------------------------------------------


def test_a_broken_import_costs_the_others_nothing(site, caplog):
    site.install("zz-a", code=GOOD.format(name="a"))
    site.install("zz-b", code="import a_module_that_is_not_there", version="3.1")
    site.install("zz-c", code=GOOD.format(name="c"))
    plugins = make(PLUGINS="zz-a,zz-b,zz-c")
    assert adaptor_names(plugins) == ["a", "c"]
    (failure,) = plugins.failures
    assert (failure.plugin, failure.distribution, failure.version, failure.stage) == ("zz-b", "zz-b", "3.1", "import")
    assert "a_module_that_is_not_there" in failure.error
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert by_name(plugins)["zz-b"].status == "failed"
    assert by_name(plugins)["zz-a"].as_dict() == {
        "name": "zz-a",
        "distribution": "zz-a",
        "version": "1.0",
        "status": "ok",
        "hooks": ["dicomlogic_adaptors"],
        "provides": ["adaptor:a"],
        "error": "",
        "notes": [],
    }


@pytest.mark.parametrize("code", ["raise SystemExit('needs a licence')", "def broken(:", "1 / 0"])
def test_whatever_an_import_does_is_recorded(site, code):
    site.install("zz-a", code=code)
    plugins = make(PLUGINS="zz-a")
    assert [failure.stage for failure in plugins.failures] == ["import"]


def test_a_keyboard_interrupt_during_import_is_not_swallowed(site):
    site.install("zz-a", code="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        make(PLUGINS="zz-a")


def test_strict_raises_from_the_original_cause(site):
    site.install("zz-a", code=GOOD.format(name="a"))
    site.install("zz-b", code="import a_module_that_is_not_there")
    with pytest.raises(PluginError) as caught:
        make(PLUGINS="zz-a,zz-b", STRICT_PLUGINS="1")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert (caught.value.plugin, caught.value.stage, caught.value.version) == ("zz-b", "import", "1.0")


def test_strict_raises_what_a_provider_hook_raises():
    class Bad:
        @hookimpl
        def dicomlogic_adaptors(self):
            raise ValueError("no")

    plugins = closed(STRICT_PLUGINS="1")
    plugins.register(Bad())
    with pytest.raises(PluginError) as caught:
        plugins.registry.providers("adaptor")
    assert isinstance(caught.value.__cause__, ValueError)


def test_one_entry_point_name_in_two_distributions(site, caplog):
    site.install("zz-a", name="same", code=GOOD.format(name="a"))
    site.install("zz-b", name="same", code=GOOD.format(name="b"))
    plugins = make(PLUGINS="same")
    assert adaptor_names(plugins) == ["a", "b"]
    records = by_name(plugins)
    for name in ("zz-a:same", "zz-b:same"):
        assert records[name].status == "ok"
        assert "zz-a" in records[name].notes[0]
        assert "zz-b" in records[name].notes[0]
    assert "zz-b" in caplog.text


def test_a_plugin_refused_at_registration_is_failed_and_offers_nothing(site):
    site.install("zz-a", code=GOOD.format(name="a") + "\n@hookimpl\ndef dicomlogic_adaptor():\n    return []\n")
    plugins = make(PLUGINS="zz-a")
    assert adaptor_names(plugins) == []
    (failure,) = plugins.failures
    assert failure.stage == "register"
    assert "dicomlogic_adaptor" in failure.error
    assert by_name(plugins)["zz-a"].status == "failed"


@pytest.mark.parametrize("first", ["zz-a", "zz-b"])
def test_one_adaptor_name_in_two_distributions_first_by_distribution_wins(site, first):
    for distribution in [first, "zz-b" if first == "zz-a" else "zz-a"]:
        code = GOOD.format(name="same").replace('label="x"', f'label="{distribution}"')
        site.install(distribution, code=code)
    plugins = make(PLUGINS="zz-a,zz-b")
    assert plugins.registry.provider("adaptor", "same").label == "zz-a"
    (failure,) = plugins.failures
    assert (failure.plugin, failure.stage) == ("zz-b", "provide")
    assert "zz-a" in failure.error
    assert "zz-b" in failure.error


# --- the environment ----------------------------------------------------------------------------------------------


def test_only_these(site):
    for name in ("zz-a", "zz-b", "zz-c"):
        site.install(name, code=GOOD.format(name=name))
    plugins = make(PLUGINS=" zz-a , ZZ_C ", DISABLE_PLUGINS="zz-c")
    assert adaptor_names(plugins) == ["zz-a"]
    records = by_name(plugins)
    assert (records["zz-b"].status, records["zz-b"].error) == ("blocked", "not named in DICOMLOGIC_PLUGINS")
    assert (records["zz-c"].status, records["zz-c"].error) == ("blocked", "named in DICOMLOGIC_DISABLE_PLUGINS")
    assert "builtin" in records


@pytest.mark.parametrize("value", ["", "none"])
def test_no_entry_points_but_builtins(site, value):
    site.install("zz-a", code="raise RuntimeError('imported')")
    plugins = make(PLUGINS=value)
    assert [record.name for record in plugins.records() if record.status == "ok"] == ["builtin"]
    assert plugins.failures == ()


def test_builtins_can_be_disabled(site):
    plugins = make(PLUGINS="none", DISABLE_PLUGINS="builtin")
    assert by_name(plugins)["builtin"].status == "blocked"
    assert plugins.registry.providers("source") == []


def test_a_name_that_matches_nothing_is_a_warning_with_the_known_names(site, caplog):
    site.install("zz-a", code=GOOD.format(name="a"))
    make(PLUGINS="zz-a,zz-typo")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "zz-typo" in record.getMessage()
    known = record.getMessage().split("known: ")[1]
    assert "zz-a" in known
    assert "builtin" in known


# --- while the process runs ---------------------------------------------------------------------------------------


def test_rediscover_finds_what_was_installed_and_drops_what_was_removed(site):
    plugins = make(PLUGINS="zz-a")
    assert adaptor_names(plugins) == []
    site.install("zz-a", code=GOOD.format(name="a"))
    assert "zz-a" in [record.name for record in plugins.rediscover()]
    assert adaptor_names(plugins) == ["a"]
    site.uninstall("zz-a")
    plugins.rediscover()
    assert adaptor_names(plugins) == []
    assert "zz-a" not in by_name(plugins)


def test_rediscover_tries_again_what_failed(site):
    site.install("zz-a", code="import zz_needed_module" + GOOD.format(name="a"))
    plugins = make(PLUGINS="zz-a")
    assert len(plugins.failures) == 1
    (site.folder / "zz_needed_module.py").write_text("")
    plugins.rediscover()
    assert plugins.failures == ()
    assert by_name(plugins)["zz-a"].status == "ok"


def test_rediscover_keeps_the_order_and_registered_objects(site):
    site.install("zz-b", code=GOOD.format(name="b"))
    plugins = make(PLUGINS="zz-a,zz-b")
    plugins.register(Adaptors("late"))
    site.install("zz-a", code=GOOD.format(name="a"))
    plugins.rediscover()
    assert adaptor_names(plugins) == ["a", "b", "late"]


def test_an_editable_install_that_cannot_be_imported_yet_says_restart(site):
    site.install("zz-a", code=None, editable=True)
    (failure,) = make(PLUGINS="zz-a").failures
    assert "restart" in failure.error


def test_a_missing_submodule_of_an_editable_install_does_not_say_restart(site):
    (site.folder / "zz_package").mkdir()
    (site.folder / "zz_package" / "__init__.py").write_text("")
    site.install("zz-a", module="zz_package.plugin", code=None, editable=True)
    (failure,) = make(PLUGINS="zz-a").failures
    assert "zz_package.plugin" in failure.error
    assert "restart" not in failure.error


def test_an_upgrade_during_the_process_is_noted(site):
    site.install("zz-a", code=GOOD.format(name="a"), version="1.0")
    plugins = make(PLUGINS="zz-a")
    site.uninstall("zz-a")
    site.install("zz-a", code=GOOD.format(name="b"), version="2.0")
    plugins.rediscover()
    record = by_name(plugins)["zz-a"]
    assert record.version == "1.0"
    assert "restart Python to use 2.0" in record.notes[0]
    assert adaptor_names(plugins) == ["a"]


def test_a_late_register_is_used_by_the_next_question():
    plugins = closed()
    assert adaptor_names(plugins) == []
    assert plugins.register(Adaptors("late"), "mine") == "mine"
    assert adaptor_names(plugins) == ["late"]
    record = by_name(plugins)["mine"]
    assert (record.distribution, record.status, record.provides) == ("", "ok", ("adaptor:late",))
    plugins.unregister("mine")
    assert adaptor_names(plugins) == []
    assert "mine" not in by_name(plugins)


def test_registering_something_bad_raises_and_is_recorded():
    plugins = closed()
    with pytest.raises(PluginError) as caught:
        plugins.register(Adaptors, "mine")
    assert caught.value.stage == "register"
    assert "register an object" in str(caught.value)
    assert by_name(plugins)["mine"].status == "failed"
    plugins.register(Adaptors("a"), "mine")
    assert adaptor_names(plugins) == ["a"]
    assert by_name(plugins)["mine"].status == "ok"


def test_a_taken_name_is_refused_and_not_held_against_its_owner():
    plugins = closed()
    with pytest.raises(UsageError, match="already registered"):
        plugins.register(Adaptors("a"), "builtin")
    assert by_name(plugins)["builtin"].status == "ok"


def test_names_of_objects_are_made_unique():
    plugins = closed()
    assert [plugins.register(Adaptors(name)) for name in "ab"] == ["Adaptors", "Adaptors-2"]


def test_unregister_of_an_unknown_name_says_what_is_known():
    with pytest.raises(UsageError, match="builtin"):
        closed().unregister("nope")


def test_temporarily():
    plugins = closed()
    with pytest.raises(ZeroDivisionError), plugins.temporarily(Adaptors("a")):
        assert adaptor_names(plugins) == ["a"]
        raise ZeroDivisionError
    assert adaptor_names(plugins) == []


def test_a_failure_is_recorded_and_logged_once_however_often_it_is_met(caplog):
    class Bad:
        @hookimpl
        def dicomlogic_adaptors(self):
            raise ValueError("no")

    plugins = closed()
    plugins.register(Bad(), "bad")
    for _ in range(3):
        plugins.registry.clear()
        plugins.records()
    assert [failure.stage for failure in plugins.failures] == ["provide"]
    assert len(caplog.records) == 1
    plugins.unregister("bad")
    assert plugins.failures == ()


# --- asking plugins -----------------------------------------------------------------------------------------------


def test_each_gives_name_and_result_in_registration_order_and_records_failures():
    class Bad:
        @hookimpl
        def dicomlogic_adaptors(self):
            yield from ()
            raise ValueError("no")

    plugins = closed(DISABLE_PLUGINS="builtin")
    plugins.register(Adaptors("a"), "one")
    plugins.register(Bad(), "two")
    plugins.register(Adaptors("b"), "three")
    assert [name for name, _ in plugins.each("dicomlogic_adaptors")] == ["one", "three"]
    assert [(failure.plugin, failure.error) for failure in plugins.failures] == [("two", "ValueError: no")]


class Sessions:
    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    @hookimpl
    def dicomlogic_http_session(self, origin, purpose):
        self.asked.append((origin, purpose))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_http_session_last_registered_wins_none_and_failures_are_passed_over():
    plugins = closed()
    with requests.Session() as session:
        first, host, none = Sessions(requests), Sessions(session), Sessions(None)
        bad, wrong = Sessions(ValueError("no")), Sessions("text")
        for plugin in (first, host, none, bad, wrong):
            plugins.register(plugin)
        assert plugins.http_session("https://a", "dicomweb") is session
        assert plugins.http_session("https://a", "dicomweb") is session
    assert [len(plugin.asked) for plugin in (first, host, none, bad, wrong)] == [0, 1, 1, 1, 1]
    assert [failure.error for failure in plugins.failures] == [
        "dicomlogic_http_session answered str -> return a requests.Session or None",
        "ValueError: no",
    ]
    plugins.http_session("https://b", "dicomweb")
    assert host.asked == [("https://a", "dicomweb"), ("https://b", "dicomweb")]


def test_http_session_is_none_when_nobody_has_one_and_a_later_plugin_is_asked():
    plugins = closed()
    assert plugins.http_session("https://a", "dicomweb") is None
    with requests.Session() as session:
        plugins.register(Sessions(session))
        assert plugins.http_session("https://a", "dicomweb") is session


class Study:
    study_uid = "1.2.3"


def _loadable(name: str) -> Loadable:
    return Loadable(adaptor="a", kind="volume", name=name, study_uid="1.2.3", series_uids=("1.2.3.4",), frames=())


class Amend:
    def __init__(self, change):
        self.change = change

    @hookimpl
    def dicomlogic_amend_loadables(self, study, loadables):
        return self.change(loadables)


def test_amend_each_sees_what_the_one_before_left():
    plugins = closed()
    one, two = _loadable("one"), _loadable("two")
    seen = []
    plugins.register(Amend(lambda loadables: loadables.append(two)))
    plugins.register(Amend(lambda loadables: seen.append(list(loadables))))
    given = [one]
    assert plugins.amend(Study(), given) == ([one, two], [])
    assert seen == [[one, two]]
    assert given == [one]


def _raise_after_clearing(loadables):
    loadables.clear()
    raise ValueError("no")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_raise_after_clearing, "ValueError: no"),
        (lambda loadables: [], "returned list"),
        (lambda loadables: loadables.append("text"), "left str"),
        (lambda loadables: loadables.append(loadables[0]), "one id"),
    ],
)
def test_a_change_that_fails_is_dropped_and_becomes_a_finding(change, said):
    plugins = closed()
    one, two = _loadable("one"), _loadable("two")
    plugins.register(Amend(change), "bad")
    plugins.register(Amend(lambda loadables: loadables.append(two)))
    loadables, (finding,) = plugins.amend(Study(), [one])
    assert loadables == [one, two]
    assert (finding.code, finding.severity, finding.where) == ("plugin.failed", "error", ("1.2.3",))
    assert said in finding.message
    assert "bad" in finding.message


def test_a_change_that_fails_raises_when_failures_are_to_be_raised():
    plugins = closed(STRICT_PLUGINS="1")
    plugins.register(Amend(_raise_after_clearing), "bad")
    with pytest.raises(PluginError) as caught:
        plugins.amend(Study(), [_loadable("one")])
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.stage == "examine"


def test_a_keyboard_interrupt_in_amend_is_not_swallowed():
    class Bad:
        @hookimpl
        def dicomlogic_amend_loadables(self):
            raise KeyboardInterrupt

    plugins = closed()
    plugins.register(Bad())
    with pytest.raises(KeyboardInterrupt):
        plugins.amend(Study(), [])


def test_the_notebook_face_lists_plugins_and_failures_escaped(site):
    site.install("zz-a", code="raise ValueError('<script>')")
    text = make(PLUGINS="zz-a")._repr_html_()
    assert "writer:nrrd" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


# --- the process's own manager ------------------------------------------------------------------------------------


def test_default_manager_is_made_once_by_whichever_thread_is_first(monkeypatch):
    monkeypatch.setattr(manager, "_default", None)
    made = []
    threads = [threading.Thread(target=lambda: made.append(manager.default_manager())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(map(id, made))) == 1


def test_why_absent_distinguishes_not_installed_blocked_failed_and_too_old(site):
    site.install("zz-blocked")
    site.install("zz-failed", code="1 / 0")
    site.install("zz-good", code=GOOD.format(name="a"))
    plugins = make(PLUGINS="zz-failed,zz-good")
    assert plugins.why_absent("zz-good") == "pip install --upgrade zz-good (1.0 does not handle it)"
    assert plugins.why_absent("zz-none") == "pip install zz-none"
    assert "blocked: not named in DICOMLOGIC_PLUGINS" in plugins.why_absent("zz-blocked")
    assert "failed: import: ZeroDivisionError" in plugins.why_absent("ZZ_failed")
