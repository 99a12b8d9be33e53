"""The plugin manager: the one object through which plugins are found, listed, added and asked."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicomlogic_core import discovery
from dicomlogic_core.errors import PluginError, UsageError
from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.loadable import Loadable
from dicomlogic_core.plugin_list import make_records
from dicomlogic_core.plugin_records import PluginFailure, PluginOrigin, PluginRecord, Stage, describe, plugin_error
from dicomlogic_core.plugin_set import PluginSet
from dicomlogic_core.registry import Registry
from dicomlogic_core.selection import Selection, normalised

if TYPE_CHECKING:
    import requests

    from dicomlogic_core.hooks import Answer
    from dicomlogic_core.series import StudyView

_HTTP_SESSION = "dicomlogic_http_session"
_AMEND = "dicomlogic_amend_loadables"
_STAGES: dict[str, Stage] = {_AMEND: "examine"}


class PluginManager:
    """Plugins of this process. A failing one is recorded and costs the others nothing.

    Args:
        discover: find installed plugins; without it only built-ins and registered objects are known (for tests).
        environ: the environment that allows and refuses plugins; that of the process by default.

    Raises:
        PluginError: a plugin failed and ``DICOMLOGIC_STRICT_PLUGINS`` is set.
    """

    def __init__(self, *, discover: bool = True, environ: Mapping[str, str] | None = None) -> None:
        self._discover = discover
        self._environ = os.environ if environ is None else environ
        self._lock = threading.RLock()
        self._added: dict[str, Any] = {}
        self._sessions: dict[tuple[str, str], requests.Session | None] = {}
        self._versions: dict[tuple[str, str], str] = {}
        self.registry = Registry(self)
        self._set = self._loaded()

    # --- which plugins -----------------------------------------------------------------------------------------------

    def register(self, plugin: Any, name: str = "") -> str:
        """Add a module or object with hook implementations; returns the name it is known by.

        What was collected before is asked for again, so the next examine uses it.

        Raises:
            UsageError: another plugin has that name.
            PluginError: it was refused (stage ``register``); the reason is recorded too.
        """
        with self._lock:
            name = name or self._free_name(getattr(plugin, "__name__", type(plugin).__name__))
            if name in self._set.origins:
                raise UsageError(f"a plugin called {name} is already registered", remedy="give it another name")
            self._set.remove(name)  # what an earlier try left: its failure
            origin = PluginOrigin(plugin=name)
            if failure := self._set.add(plugin, origin):
                raise PluginError(failure.error, plugin=name, stage="register")
            self._added[name] = plugin
            self._forget_answers()
        return name

    def unregister(self, name: str) -> None:
        """Remove a plugin and what it offers.

        Raises:
            UsageError: there is none of that name.
        """
        with self._lock:
            if name not in self._set.origins:
                raise UsageError(f"there is no plugin called {name}", remedy=f"known: {', '.join(self._set.origins)}")
            self._set.remove(name)
            self._added.pop(name, None)
            self._forget_answers()

    @contextmanager
    def temporarily(self, plugin: Any, name: str = "") -> Iterator[str]:
        """A plugin for the length of a ``with`` block; gives the name it is known by."""
        name = self.register(plugin, name)
        try:
            yield name
        finally:
            self.unregister(name)

    def rediscover(self) -> Sequence[PluginRecord]:
        """Look again, after ``pip install`` or ``pip uninstall`` in this process; registered objects stay."""
        with self._lock:
            self._set = self._loaded()
            self._forget_answers()
        return self.records()

    def _loaded(self) -> PluginSet:
        plugins = PluginSet(Selection.from_environment(self._environ))
        plugins.load_builtins()
        if self._discover:
            plugins.load_found(discovery.discover())
        for name, plugin in self._added.items():
            plugins.add(plugin, PluginOrigin(plugin=name))
        self._note_upgrades(plugins)
        return plugins

    def _note_upgrades(self, plugins: PluginSet) -> None:
        for name, origin in plugins.origins.items():
            imported = self._versions.setdefault((origin.distribution, name), origin.version)
            if imported != origin.version:
                note = f"version {imported} is still in use; restart Python to use {origin.version}"
                plugins.origins[name] = replace(origin, version=imported, notes=(*origin.notes, note))

    def _free_name(self, name: str) -> str:
        numbered = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
        return next(candidate for candidate in numbered if candidate not in self._set.origins)

    def _forget_answers(self) -> None:
        self.registry.clear()
        self._sessions.clear()

    # --- what is known of them ---------------------------------------------------------------------------------------

    @property
    def failures(self) -> Sequence[PluginFailure]:
        """What went wrong so far, from discovery to the making of workers."""
        return tuple(self._set.failures)

    @property
    def strict(self) -> bool:
        """Whether failures are raised (``DICOMLOGIC_STRICT_PLUGINS``)."""
        return self._set.selection.strict

    def origin(self, plugin: str) -> PluginOrigin:
        """Where a registered plugin comes from."""
        return self._set.origins.get(plugin, PluginOrigin(plugin=plugin))

    def plugin(self, name: str) -> Any:
        """The module or object registered under a name; None when there is none."""
        return self._set.hooks.plugin(name)

    def record_failure(self, origin: PluginOrigin, stage: Stage, error: Exception) -> None:
        """Keep a failure for the list and warn once in the log.

        Raises:
            PluginError: when failures are to be raised.
        """
        self._set.fail(origin, stage, error)

    def records(self) -> list[PluginRecord]:
        """Every plugin that was found or added, in the order of registration; then those that were not registered."""
        return make_records(self._set, self.registry)

    def why_absent(self, distribution: str) -> str:
        """Why nothing of a distribution can be used, and what to do about it."""
        for record in self.records():
            if normalised(record.distribution) != normalised(distribution):
                continue
            if record.status == "ok":
                return f"pip install --upgrade {distribution} ({record.version} does not handle it)"
            return f"{distribution} is installed but {record.status}: {record.error}"
        return f"pip install {distribution}"

    # --- questions to plugins ----------------------------------------------------------------------------------------

    def ask(self, hook: str) -> Iterable[Answer]:
        """Every plugin's answer or error, in registration order, for a hook without arguments."""
        return self._set.hooks.ask(hook, {})

    def each(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """(plugin name, result) of every plugin that implements the hook, in registration order; failures are recorded.

        Raises:
            UsageError: there is no such hook.
        """
        for answer in self._set.hooks.ask(hook, arguments):
            if answer.error is None:
                yield answer.plugin, answer.value
            else:
                self.record_failure(self.origin(answer.plugin), _STAGES.get(hook, "provide"), answer.error)

    def http_session(self, origin: str, purpose: str) -> requests.Session | None:
        """The HTTP session that the host gives for an origin; None when the core is to make its own. Asked once."""
        key = (origin, purpose)
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = self._first_session(origin, purpose)
            return self._sessions[key]

    def _first_session(self, origin: str, purpose: str) -> requests.Session | None:
        for answer in self._set.hooks.ask_last_first(_HTTP_SESSION, {"origin": origin, "purpose": purpose}):
            error = answer.error or _session_problem(answer.value)
            if error is not None:
                self.record_failure(self.origin(answer.plugin), "provide", error)
            elif answer.value is not None:
                session: requests.Session = answer.value
                return session
        return None

    def amend(self, study: StudyView, loadables: Sequence[Loadable]) -> tuple[list[Loadable], list[Finding]]:
        """Let plugins change what was found in a study; a change that fails is dropped and becomes a finding.

        Raises:
            PluginError: instead of the finding, when failures are to be raised.
        """
        kept = list(loadables)
        findings = []
        # Asked one after the other, so that each gets its own copy of what the one before left.
        arguments: dict[str, Any] = {"study": study, "loadables": list(kept)}
        for answer in self._set.hooks.ask(_AMEND, arguments):
            if problem := _amend_problem(answer, arguments["loadables"]):
                origin = self.origin(answer.plugin)
                if self.strict:
                    raise plugin_error(origin, "examine", answer.error or UsageError(problem)) from answer.error
                message = f"the plugin {origin} could not amend the loadables: {problem}; its changes were dropped"
                findings.append(finding("plugin.failed", message, where=(study.study_uid,)))
            else:
                kept = arguments["loadables"]
            arguments["loadables"] = list(kept)
        return kept, findings

    def __repr__(self) -> str:
        return f"PluginManager({len(self._set.origins)} plugins, {len(self._set.failures)} failures)"

    def _repr_html_(self) -> str:
        from dicomlogic_core.faces import LONGEST_SENTENCE, table_html

        head = ["name", "distribution", "version", "status", "provides", "error"]
        rows = [record.as_dict() for record in self.records()]
        lines = [[", ".join(v) if isinstance(v := row[key], list) else v for key in head] for row in rows]
        return table_html(head, lines, len(lines), longest=LONGEST_SENTENCE)


def _session_problem(session: Any) -> UsageError | None:
    if session is None or callable(getattr(session, "request", None)):
        return None
    return UsageError(f"{_HTTP_SESSION} answered {type(session).__name__}", remedy="return a requests.Session or None")


def _amend_problem(answer: Answer, loadables: Sequence[Any]) -> str:
    if answer.error is not None:
        return describe(answer.error)
    if answer.value is not None:
        return f"it returned {type(answer.value).__name__} instead of changing the list in place"
    foreign = [type(loadable).__name__ for loadable in loadables if not isinstance(loadable, Loadable)]
    if foreign:
        return f"it left {foreign[0]} in the list"
    if len({loadable.id for loadable in loadables}) != len(loadables):
        return "it left two loadables with one id"
    return ""


_default: PluginManager | None = None
_default_lock = threading.Lock()


def default_manager() -> PluginManager:
    """The manager of this process, made at the first call; sessions use it unless they are given another one.

    Raises:
        PluginError: a plugin failed and ``DICOMLOGIC_STRICT_PLUGINS`` is set.
    """
    global _default
    with _default_lock:
        if _default is None:
            _default = PluginManager()
        return _default
