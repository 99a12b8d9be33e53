"""Plugins registered with pluggy and asked one by one, so that no plugin's mistake costs another one anything.

pluggy finds implementations and checks their arguments. What it leaves to us: it registers misspelt hooks without a
word, leaves half a plugin behind when registering fails (before 1.7), and throws all answers away when one raises.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pluggy

from dicomlogic_core import hookspecs
from dicomlogic_core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What one plugin said to one question: a value, or the error it raised instead."""

    plugin: str
    value: Any = None
    error: Exception | None = None


class Hooks:
    """The plugins in the order they came, and their hook implementations."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._order: dict[str, int] = {}
        self.known = tuple(sorted(name for name in vars(self._pluggy.hook) if not name.startswith("_")))

    def add(self, plugin: Any, name: str) -> tuple[str, ...]:
        """Register a module or object; returns the hooks it implements.

        Raises:
            UsageError: no hook, an unknown or unmarked one, a wrapper, a wrong argument, or something registered
                before. Nothing of the plugin is left then.
        """
        if name in self._order:
            raise UsageError(f"a plugin called {name} is already registered", remedy="give it another name")
        hooks = tuple(self._checked(plugin, name))
        try:
            self._pluggy.register(plugin, name=name)
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._pluggy.get_plugin(name) is plugin:
                self._pluggy.unregister(plugin, name)
            if isinstance(error, pluggy.PluginValidationError):
                raise UsageError(
                    " ".join(str(error).split()), remedy="take the arguments of the hook's page"
                ) from error
            other = self._pluggy.get_name(plugin)
            raise UsageError(f"{name} is the same object as the plugin {other}", remedy="register it once") from error
        self._order[name] = max(self._order.values(), default=0) + 1
        return hooks

    def remove(self, name: str) -> None:
        """Unregister a plugin; one that is not registered is passed over."""
        if self._order.pop(name, None) is not None:
            self._pluggy.unregister(name=name)

    def plugin(self, name: str) -> Any:
        """The registered module or object, or None."""
        return self._pluggy.get_plugin(name)

    def ask(self, hook: str, arguments: Mapping[str, Any]) -> Iterator[Answer]:
        """Ask every plugin that implements a hook, in registration order; a generator is run to its end.

        Raises:
            UsageError: there is no such hook.
        """
        # pluggy's own order is the reverse, where a plugin that comes late would displace the earlier ones.
        for implementation in sorted(self._implementations(hook), key=lambda one: self._order[one.plugin_name]):
            yield _answer(implementation, arguments)

    def ask_last_first(self, hook: str, arguments: Mapping[str, Any]) -> Iterator[Answer]:
        """The same in pluggy's order: the last registered first, those marked ``tryfirst`` before it."""
        for implementation in reversed(self._implementations(hook)):
            yield _answer(implementation, arguments)

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        if hook not in self.known:
            raise UsageError(f"{hook} is no hook", remedy=f"known: {', '.join(self.known)}")
        implementations: list[pluggy.HookImpl] = getattr(self._pluggy.hook, hook).get_hookimpls()
        return implementations

    def _checked(self, plugin: Any, name: str) -> Iterator[str]:
        if inspect.isclass(plugin):
            raise UsageError(f"{name} is a class", remedy=f"register an object: {plugin.__name__}()")
        marked = False
        for attribute in dir(plugin):
            options = self._pluggy.parse_hookimpl_opts(plugin, attribute)
            if options is None:
                if attribute in self.known and callable(getattr(plugin, attribute, None)):
                    raise UsageError(
                        f"{attribute} of the plugin {name} is not marked",
                        remedy="put @hookimpl (from dicomlogic_core) before it",
                    )
                continue
            marked = True
            hook = options.get("specname") or attribute
            if hook in self.known:
                _check_implementation(getattr(plugin, attribute), hook, name, options)
                yield hook
            elif not options.get("optionalhook"):
                raise UsageError(_unknown(hook, name, self.known), remedy=_similar(hook, self.known))
        if not marked:
            raise UsageError(
                f"the plugin {name} implements no hook",
                remedy="name the module (in the entry point) or object that has the functions marked @hookimpl",
            )


def _answer(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Answer:
    plugin = implementation.plugin_name
    try:
        value = implementation.function(*(arguments[name] for name in implementation.argnames))
        # A generator raises only when it is run.
        return Answer(plugin=plugin, value=list(value) if isinstance(value, Iterator) else value)
    except Exception as error:
        return Answer(plugin=plugin, error=error)


def _check_implementation(function: Any, hook: str, name: str, options: Mapping[str, Any]) -> None:
    if options.get("hookwrapper") or options.get("wrapper"):
        raise UsageError(
            f"{hook} of the plugin {name} is a wrapper; a wrapper's failure would take the other plugins with it",
            remedy="implement the hook without wrapper=True",
        )
    arguments = set(inspect.signature(getattr(hookspecs, hook)).parameters)
    for parameter in inspect.signature(function).parameters.values():
        # pluggy never passes an argument that has a default: the plugin would always see its own default.
        if parameter.name in arguments and parameter.default is not parameter.empty:
            raise UsageError(
                f"the argument {parameter.name} of {hook} in the plugin {name} has a default and would never be passed",
                remedy="remove the default",
            )


def _unknown(hook: str, name: str, known: tuple[str, ...]) -> str:
    from dicomlogic_core import __version__

    return (
        f"the plugin {name} implements {hook}, which dicomlogic-core {__version__} does not have "
        f"(hooks: {', '.join(known)})"
    )


def _similar(hook: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(hook, known, n=1)
    return f"did you mean {close[0]}?" if close else "use a core that has it, or mark it @hookimpl(optionalhook=True)"
