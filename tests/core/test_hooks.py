"""How a plugin's implementations are checked before they are registered, and asked one by one."""

from __future__ import annotations

import pluggy
import pytest

import dicomlogic_core
from dicomlogic_core import UsageError, hookimpl
from dicomlogic_core.hooks import Hooks

ARGUMENTS = {"dicomlogic_http_session": ["origin", "purpose"], "dicomlogic_amend_loadables": ["study", "loadables"]}


class Good:
    @hookimpl
    def dicomlogic_adaptors(self):
        return ["a"]


def _left(hooks: Hooks) -> list[str]:
    return [answer.plugin for name in hooks.known for answer in hooks.ask(name, dict.fromkeys(ARGUMENTS.get(name, ())))]


def _refused(plugin) -> str:
    hooks = Hooks()
    hooks.add(Good(), "good")
    with pytest.raises(UsageError) as caught:
        hooks.add(plugin, "bad")
    assert _left(hooks) == ["good"]
    assert hooks.plugin("bad") is None
    hooks.add(type("Other", (Good,), {})(), "bad")  # the name is free again
    assert _left(hooks) == ["good", "bad"]
    return str(caught.value)


def test_a_misspelt_hook_is_refused_with_plugin_hook_core_version_and_the_right_name():
    class Bad(Good):
        @hookimpl
        def dicomlogic_adaptor(self):
            return []

    text = _refused(Bad())
    for part in ("bad", "dicomlogic_adaptor,", dicomlogic_core.__version__, "did you mean dicomlogic_adaptors?"):
        assert part in text


def test_a_hook_of_a_later_core_is_passed_over_when_it_is_optional():
    class Later(Good):
        @hookimpl(optionalhook=True)
        def dicomlogic_commands(self):
            return []

    assert Hooks().add(Later(), "later") == ("dicomlogic_adaptors",)


def test_an_unmarked_hook_is_refused():
    class Bad:
        def dicomlogic_adaptors(self):
            return []

    assert "@hookimpl" in _refused(Bad())


def test_what_implements_no_hook_is_refused_with_where_to_look():
    assert "entry point" in _refused(object())


def test_a_marker_of_another_project_is_not_ours():
    class Bad:
        @pluggy.HookimplMarker("pytest")
        def dicomlogic_adaptors(self):
            return []

    assert "not marked" in _refused(Bad())


def test_an_argument_the_hook_lacks_is_refused_and_nothing_is_left():
    class Bad:
        @hookimpl
        def dicomlogic_adaptors(self):
            return []

        @hookimpl
        def dicomlogic_http_session(self, origin, url):
            return None

    text = _refused(Bad())
    assert "url" in text
    assert "dicomlogic_http_session" in text


def test_an_argument_with_a_default_is_refused_since_it_would_never_be_passed():
    class Bad:
        @hookimpl
        def dicomlogic_http_session(self, origin, purpose="dicomweb"):
            return None

    assert "purpose" in _refused(Bad())


@pytest.mark.parametrize("options", [{"wrapper": True}, {"hookwrapper": True}])
def test_wrappers_are_refused(options):
    class Bad:
        @hookimpl(**options)
        def dicomlogic_adaptors(self):
            return (yield)

    assert "wrapper" in _refused(Bad())


def test_a_class_is_refused_with_the_hint_to_make_an_object():
    assert "Good()" in _refused(Good)


def test_the_same_object_twice_is_refused():
    hooks = Hooks()
    plugin = Good()
    hooks.add(plugin, "one")
    with pytest.raises(UsageError, match="same object as the plugin one"):
        hooks.add(plugin, "two")
    assert _left(hooks) == ["one"]


def test_a_taken_name_is_refused():
    hooks = Hooks()
    hooks.add(Good(), "one")
    with pytest.raises(UsageError, match="already registered"):
        hooks.add(Good(), "one")
    assert _left(hooks) == ["one"]


def test_fewer_arguments_than_the_hook_has_are_fine():
    class Plugin:
        @hookimpl
        def dicomlogic_http_session(self, purpose):
            return purpose

    hooks = Hooks()
    hooks.add(Plugin(), "p")
    assert [a.value for a in hooks.ask("dicomlogic_http_session", {"origin": 1, "purpose": 2})] == [2]


def test_an_implementation_may_have_another_name():
    class Plugin:
        @hookimpl(specname="dicomlogic_adaptors")
        def find_them(self):
            return [1]

    hooks = Hooks()
    assert hooks.add(Plugin(), "p") == ("dicomlogic_adaptors",)
    assert [answer.value for answer in hooks.ask("dicomlogic_adaptors", {})] == [[1]]


def test_asked_in_registration_order_also_with_tryfirst_and_trylast():
    def plugin(value, **options):
        class Plugin:
            @hookimpl(**options)
            def dicomlogic_adaptors(self):
                return [value]

        return Plugin()

    hooks = Hooks()
    hooks.add(plugin("a", trylast=True), "a")
    hooks.add(plugin("b"), "b")
    hooks.add(plugin("c", tryfirst=True), "c")
    hooks.add(plugin("d"), "d")
    assert [a.value for a in hooks.ask("dicomlogic_adaptors", {})] == [["a"], ["b"], ["c"], ["d"]]
    assert [a.plugin for a in hooks.ask_last_first("dicomlogic_adaptors", {})] == ["c", "d", "b", "a"]


def test_an_unknown_hook_cannot_be_asked():
    with pytest.raises(UsageError, match="dicomlogic_adaptors"):
        list(Hooks().ask("dicomlogic_adaptor", {}))


def test_one_that_raises_costs_the_others_nothing_and_a_keyboard_interrupt_is_not_swallowed():
    class Raising:
        def __init__(self, error):
            self.error = error

        @hookimpl
        def dicomlogic_adaptors(self):
            yield "first"
            raise self.error

    hooks = Hooks()
    hooks.add(Raising(ValueError("late")), "bad")
    hooks.add(Good(), "good")
    bad, good = hooks.ask("dicomlogic_adaptors", {})
    assert (bad.value, str(bad.error)) == (None, "late")
    assert good.value == ["a"]
    hooks.add(Raising(KeyboardInterrupt()), "interrupt")
    with pytest.raises(KeyboardInterrupt):
        list(hooks.ask("dicomlogic_adaptors", {}))
