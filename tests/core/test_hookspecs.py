"""The six hooks: their names, their arguments and what their pages say."""

from __future__ import annotations

import inspect

import pytest

import dicomlogic_core
from dicomlogic_core import hookspecs
from dicomlogic_core.hooks import Hooks

HOOKS = {
    "dicomlogic_sources": [],
    "dicomlogic_fetchers": [],
    "dicomlogic_adaptors": [],
    "dicomlogic_writers": [],
    "dicomlogic_http_session": ["origin", "purpose"],
    "dicomlogic_amend_loadables": ["study", "loadables"],
}


def test_there_are_six_hooks_with_these_arguments():
    assert list(Hooks().known) == sorted(HOOKS)
    for name, arguments in HOOKS.items():
        assert list(inspect.signature(getattr(hookspecs, name)).parameters) == arguments


@pytest.mark.parametrize("name", HOOKS)
def test_each_docstring_says_when_it_is_called_what_a_failure_means_and_shows_an_example(name):
    text = inspect.getdoc(getattr(hookspecs, name))
    assert "Called once" in text
    assert "None" in text
    assert "exception" in text or "with the same rules for names, None and exceptions" in text
    assert "versionadded:: " in text


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_in_each_docstring_can_be_registered(name):
    example = inspect.getdoc(getattr(hookspecs, name)).split("Example::")[1].split("..")[0]
    plugin = type("Example", (), {})()
    namespace = {face: getattr(dicomlogic_core, face) for face in dicomlogic_core.__all__}
    exec(inspect.cleandoc(example), namespace)
    setattr(plugin, name, namespace[name])
    hooks = Hooks()
    assert hooks.add(plugin, "example") == (name,)
    if not HOOKS[name]:
        (answer,) = hooks.ask(name, {})
        assert answer.error is None
        assert answer.value[0].factory
