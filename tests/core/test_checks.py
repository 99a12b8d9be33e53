"""Checking one plugin: each check is seen failing on a plugin made for it."""

from __future__ import annotations

import pytest

from dicomlogic_core import AdaptorProvider, PluginManager, UsageError, check_plugin, hookimpl

PLUGIN = """
from dicomlogic_core import AdaptorProvider, WriterProvider, hookimpl
{heavy}

@hookimpl
def dicomlogic_adaptors():
    yield AdaptorProvider(name="a", label="a", factory="{worker}:Worker"{fields})
"""

WORKER = """
class Worker:
    def examine(self, series, study):
        return []

    def load(self, loadable, context):
        return None
"""


def installed(site, *, worker=WORKER, heavy="", fields="") -> PluginManager:
    (site.folder / "zz_worker.py").write_text(worker)
    site.install("zz-a", code=PLUGIN.format(worker="zz_worker", heavy=heavy, fields=fields), version="2.0")
    return PluginManager(environ={"DICOMLOGIC_PLUGINS": "zz-a"})


@pytest.fixture(autouse=True)
def _fresh_processes_see_the_site(site, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(site.folder))


def test_a_good_plugin(site):
    report = check_plugin("ZZ_a", installed(site))
    assert report.problems == ()
    assert (report.name, report.distribution, report.version) == ("zz-a", "zz-a", "2.0")
    assert report.workers == ("adaptor:a",)
    assert report.seconds is not None
    assert report.heavy == ()
    assert "no problems found" in report.as_text()
    assert report.as_dict()["problems"] == []


@pytest.mark.parametrize(
    ("worker", "shown"),
    [
        (WORKER.replace("series, study", "series"), ["examine takes (series)", "promises (series, study)"]),
        (WORKER.replace("context", "**kwargs"), ["load takes (loadable, **kwargs)", "promises (loadable, context)"]),
        (WORKER.replace("loadable, context", "context, loadable"), ["load takes (context, loadable)"]),
        (WORKER.replace("loadable, context", "loadable, *, context"), ["context (by keyword only)"]),
        (WORKER.replace("loadable, context", "loadable, context, more=None"), ["(loadable, context, more)"]),
    ],
)
def test_a_wrong_signature_is_shown_beside_the_promised_one(site, worker, shown):
    (problem,) = check_plugin("zz-a", installed(site, worker=worker)).problems
    for text in shown:
        assert text in problem


def test_names_of_annotations_and_defaults_do_not_matter(site):
    worker = WORKER.replace("loadable, context", "loadable: int, context: str = ''")
    assert check_plugin("zz-a", installed(site, worker=worker)).problems == ()


def test_a_worker_that_cannot_be_made(site):
    (problem,) = check_plugin("zz-a", installed(site, worker="import zz_nothing")).problems
    assert "adaptor:a" in problem
    assert "zz_nothing" in problem


def test_a_missing_dependency(site):
    (problem,) = check_plugin("zz-a", installed(site, fields=', needs={"zz_none": "zz-none>=1"}')).problems
    assert 'unavailable: needs zz-none>=1 (pip install "zz-none>=1")' in problem


def test_heavy_modules_that_the_plugins_module_pulls_in(site):
    report = check_plugin("zz-a", installed(site, heavy="import numpy"))
    assert report.heavy == ("numpy",)
    assert "numpy" in report.problems[0]


def test_a_plugin_that_failed_or_is_blocked(site):
    site.install("zz-b", code="1 / 0")
    manager = installed(site)
    assert check_plugin("zz-b", manager).problems == ("blocked: not named in DICOMLOGIC_PLUGINS",)
    (problem,) = check_plugin("zz-b", PluginManager(environ={"DICOMLOGIC_PLUGINS": "zz-b"})).problems
    assert "ZeroDivisionError" in problem


def test_an_object_registered_at_run_time_has_no_import_to_measure():
    class Plugin:
        @hookimpl
        def dicomlogic_adaptors(self):
            return [AdaptorProvider(name="a", label="a", factory=lambda: None)]

    manager = PluginManager(discover=False, environ={})
    manager.register(Plugin(), "mine")
    report = check_plugin("mine", manager)
    assert report.seconds is None
    assert "lacks a method" in report.problems[0]


def test_an_unknown_plugin_says_what_is_known(site):
    with pytest.raises(UsageError, match="zz-a"):
        check_plugin("nope", installed(site))
