"""The loading loop: every plugin on its own, and a record of each one, whatever became of it."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from dicomlogic_core.discovery import Discovery, FoundPlugin
from dicomlogic_core.errors import UsageError
from dicomlogic_core.hooks import Hooks
from dicomlogic_core.plugin_records import PluginFailure, PluginOrigin, Stage, describe, plugin_error
from dicomlogic_core.selection import DISABLE, ONLY, Selection

log = logging.getLogger("dicomlogic")

# Built-ins come through the same door as everybody's plugins. They are reached by name at run time, since built-ins
# import the face and nothing of the core may import them.
BUILTINS = {"builtin": "dicomlogic_core.builtin.plugin"}


class PluginSet:
    """Plugins registered in their fixed order: built-ins, entry points, then whatever is added at run time.

    Attributes:
        hooks: the registered ones, to be asked.
        origins: name -> where it comes from, in order.
        implemented: name -> hooks it implements.
        blocked: origins of plugins that the environment refuses -> why.
        failures: what went wrong.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.hooks = Hooks()
        self.origins: dict[str, PluginOrigin] = {}
        self.implemented: dict[str, tuple[str, ...]] = {}
        self.blocked: dict[PluginOrigin, str] = {}
        self.failures: list[PluginFailure] = []

    def load_builtins(self) -> None:
        """Register what comes with the core."""
        from dicomlogic_core import __version__

        for name, module in BUILTINS.items():
            origin = PluginOrigin(plugin=name, distribution="dicomlogic-core", version=__version__)
            if reason := self.selection.why_blocked(origin, builtin=True):
                self.blocked[origin] = reason
                continue
            try:
                plugin = importlib.import_module(module)
            except Exception as error:
                self.fail(origin, "import", error)
                continue
            self.add(plugin, origin)

    def load_found(self, discovery: Discovery) -> None:
        """Import and register what is installed."""
        self.failures.extend(discovery.failures)
        for failure in discovery.failures:
            log.warning("%s", failure)
        for found in discovery.plugins:
            for note in found.origin.notes:
                log.warning("%s", note)
            if reason := self.selection.why_blocked(found.origin, entry_name=found.entry_name):
                self.blocked[found.origin] = reason
            else:
                self._load_one(found)
        self._warn_of_unknown_names(discovery)

    def _load_one(self, found: FoundPlugin) -> None:
        try:
            plugin = found.load()
        except (Exception, SystemExit) as error:  # a module that ends the process on import ends only itself
            package = found.value.partition(":")[0].partition(".")[0]
            hint = ""
            if found.editable and isinstance(error, ModuleNotFoundError) and error.name == package:
                hint = "; an editable install made while Python runs is importable after a restart"
            self.fail(found.origin, "import", error, hint)
            return
        self.add(plugin, found.origin)

    def _warn_of_unknown_names(self, discovery: Discovery) -> None:
        known = [(found.origin, found.entry_name) for found in discovery.plugins]
        known += [(PluginOrigin(plugin=name, distribution="dicomlogic-core"), "") for name in BUILTINS]
        if unknown := self.selection.unknown(known):
            names = ", ".join(sorted(origin.plugin for origin, _ in known))
            log.warning("%s or %s names no plugin: %s (known: %s)", ONLY, DISABLE, ", ".join(unknown), names)

    def add(self, plugin: Any, origin: PluginOrigin) -> PluginFailure | None:
        """Register one; the failure when it was refused."""
        try:
            implemented = self.hooks.add(plugin, origin.plugin)
        except Exception as error:  # dir() and getattr() run the plugin's code
            return self.fail(origin, "register", error)
        self.implemented[origin.plugin] = implemented
        self.origins[origin.plugin] = origin
        return None

    def remove(self, name: str) -> None:
        """Forget a plugin and its failures."""
        self.hooks.remove(name)
        self.origins.pop(name, None)
        self.implemented.pop(name, None)
        self.failures = [failure for failure in self.failures if failure.plugin != name]

    def fail(self, origin: PluginOrigin, stage: Stage, error: BaseException, hint: str = "") -> PluginFailure:
        """Record a failure once, with one warning in the log.

        Raises:
            PluginError: from the failure, when failures are to be raised (``DICOMLOGIC_STRICT_PLUGINS``).
        """
        if self.selection.strict:
            raise plugin_error(origin, stage, error) from error
        text = str(error) if isinstance(error, UsageError) else describe(error)
        failure = PluginFailure(
            plugin=origin.plugin,
            distribution=origin.distribution,
            version=origin.version,
            stage=stage,
            error=text + hint,
        )
        if failure not in self.failures:
            self.failures.append(failure)
            log.warning("%s", failure)
            log.debug("plugin %s", origin.plugin, exc_info=error)
        return failure
