"""What a check looks at: a provider found as users find it, the workers it makes, and a folder to work in."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.manager import PluginManager
from dicomlogic_core.offers import Kind, Offer
from dicomlogic_core.selection import ONLY
from dicomlogic_core.testing.checks.outcome import Broken, described
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_core.workers import make_worker


class Subject:
    """One provider under test. Close it when done.

    Args:
        kind: ``source``, ``fetcher``, ``adaptor`` or ``writer``.
        provider_name: name of the provider.
        plugin: the plugin itself, when it is registered at run time; by default it is found by its entry point.

    Attributes:
        printed: what workers wrote to stdout and stderr so far.
    """

    def __init__(self, kind: Kind, provider_name: str, *, plugin: Any = None) -> None:
        self.kind = kind
        self.provider_name = provider_name
        self.plugin = plugin
        self.printed = io.StringIO()
        self._folder = tempfile.TemporaryDirectory(prefix="dicomlogic-check-")
        self._count = 0
        self._stack = contextlib.ExitStack()

    def close(self) -> None:
        """Close what was opened, and remove the folder."""
        self._stack.close()
        self._folder.cleanup()

    @property
    def label(self) -> str:
        """``kind:name``."""
        return f"{self.kind}:{self.provider_name}"

    def new_folder(self) -> Path:
        """An empty folder that lives as long as the subject."""
        self._count += 1
        folder = Path(self._folder.name).resolve() / f"{self._count:03d}"
        folder.mkdir()
        return folder

    @cached_property
    def manager(self) -> PluginManager:
        """A manager of the built-ins and the provider's plugin only, so that what else is installed changes nothing.

        Raises:
            Broken: no installed plugin has such a provider, or two have.
        """
        if self.plugin is not None:
            return closed_manager(self.plugin)
        everything = PluginManager(environ={})
        offers = everything.registry.offers(self.kind)
        taken = f"the {self.kind} name {self.provider_name!r} of "
        for clash in [failure.error for failure in everything.failures if failure.error.startswith(taken)]:
            raise Broken(clash)
        for offer in offers:
            if offer.provider.name == self.provider_name:
                return PluginManager(environ={ONLY: offer.origin.distribution or "none"})
        known = ", ".join(f"{self.kind}:{offer.provider.name}" for offer in offers) or "none"
        failures = "; ".join(map(str, everything.failures))
        raise Broken(
            f"no installed plugin gives {self.label} (there is {known}): "
            + (failures or "is it installed, with an entry point in group dicomlogic, and is the name its provider's?")
        )

    @cached_property
    def offer(self) -> Offer:
        """The provider with the plugin it comes from.

        Raises:
            Broken: there is none, or it cannot be used.
        """
        for offer in self.manager.registry.offers(self.kind):
            if offer.provider.name == self.provider_name:
                if offer.unavailable:
                    raise Broken(f"{self.label} is {offer.unavailable}; install it for the tests: {offer.install}")
                return offer
        failures = "; ".join(map(str, self.manager.failures)) or "it offers none of that name"
        raise Broken(f"the plugin gives no {self.label}: {failures}")

    @property
    def provider(self) -> Any:
        """The provider."""
        return self.offer.provider

    @property
    def installed(self) -> bool:
        """True when it was found by its entry point, so that other processes find it too."""
        return self.plugin is None

    @property
    def module(self) -> Any:
        """The plugin itself: its module, or the object that was registered."""
        return self.manager.plugin(self.offer.origin.plugin)

    def worker(self) -> Any:
        """A new worker.

        Raises:
            Broken: it cannot be made.
        """
        try:
            return make_worker(self.kind, self.provider)
        except DicomLogicError as error:
            raise Broken(f"{self.label}: {error}") from error
        except Exception as error:
            raise Broken(f"the worker of {self.label} cannot be made: {described(error)}") from error

    def kept(self, context: Any) -> Any:
        """Enter a context that lives as long as the subject."""
        return self._stack.enter_context(context)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Keep what is printed inside the block."""
        with contextlib.redirect_stdout(self.printed), contextlib.redirect_stderr(self.printed):
            yield
