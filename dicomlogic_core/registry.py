"""Providers by kind and name, and the worker objects they stand for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from dicomlogic_core.errors import PluginError, UsageError
from dicomlogic_core.known_plugins import distribution_for_object, distribution_for_scheme
from dicomlogic_core.offers import KINDS, Kind, Offer, collect
from dicomlogic_core.plugin_records import PluginOrigin, Stage, plugin_error
from dicomlogic_core.providers import AdaptorProvider, FetcherProvider, Provider, SourceProvider, WriterProvider
from dicomlogic_core.tags import TagLike, tag_key, tag_vr
from dicomlogic_core.workers import make_worker

if TYPE_CHECKING:
    from dicomlogic_core.hooks import Answer
    from dicomlogic_core.series import SeriesView

_DICOM = "1.2.840.10008."  # root of the standard's own UIDs


class Plugins(Protocol):
    """What the registry asks the manager for."""

    def ask(self, hook: str) -> Iterable[Answer]:
        """What every plugin that implements a hook without arguments says."""

    def origin(self, plugin: str) -> PluginOrigin:
        """Where a plugin comes from."""

    def record_failure(self, origin: PluginOrigin, stage: Stage, error: Exception) -> None:
        """Keep a failure; raises when failures are to be raised."""

    @property
    def strict(self) -> bool:
        """Whether failures are to be raised."""

    def why_absent(self, distribution: str) -> str:
        """Why nothing of a distribution can be used: not installed, blocked or failed, and what to do."""


class Registry:
    """All providers, collected when first asked for. Workers are made once; all methods may be called from any thread.

    A `kind` is ``source``, ``fetcher``, ``adaptor`` or ``writer``.
    """

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._lock = threading.RLock()
        self._offers: dict[Kind, dict[str, Offer]] | None = None
        self._workers: dict[tuple[str, str], Any] = {}

    def clear(self) -> None:
        """Forget providers and workers; the next question collects them anew."""
        with self._lock:
            self._offers = None
            self._workers.clear()

    # --- providers ---------------------------------------------------------------------------------------------------

    def offers(self, kind: Kind) -> list[Offer]:
        """What plugins offer, in registration order, also what is unavailable."""
        return list(self._collected(kind).values())

    def providers(self, kind: Kind) -> list[Provider]:
        """The providers that can be used, in registration order."""
        return [offer.provider for offer in self.offers(kind) if not offer.unavailable]

    def provider(self, kind: Kind, name: str) -> Any:
        """The provider of a name.

        Raises:
            UsageError: there is none of that name, or it needs something that is not installed.
        """
        return self._offer(kind, name).provider

    def origin(self, kind: Kind, name: str) -> PluginOrigin:
        """The plugin behind a provider, for messages and provenance."""
        return self._offer(kind, name).origin

    def error(self, kind: Kind, name: str, stage: Stage, error: BaseException, *, where: str = "") -> PluginError:
        """The error to raise from `error`, which a worker raised without meaning to; for a finding, its text.

        Raises:
            PluginError: at once, when failures are to be raised (``DICOMLOGIC_STRICT_PLUGINS``).
        """
        made = plugin_error(self.origin(kind, name), stage, error, where=where)
        if self._plugins.strict:
            raise made from error
        return made

    def worker(self, kind: Kind, name: str) -> Any:
        """The worker object of a provider, made at the first call.

        Raises:
            UsageError: there is none of that name, or it needs something that is not installed.
            PluginError: it could not be made (stage ``create``).
        """
        with self._lock:
            key = (kind, name)
            if key not in self._workers:
                offer = self._offer(kind, name)
                try:
                    self._workers[key] = make_worker(kind, offer.provider)
                except Exception as error:
                    self._plugins.record_failure(offer.origin, "create", error)
                    raise plugin_error(offer.origin, "create", error) from error
            return self._workers[key]

    # --- who handles what --------------------------------------------------------------------------------------------

    def for_scheme(self, kind: Kind, scheme: str) -> Any:
        """The source or fetcher of a URL scheme (``file`` for paths).

        Raises:
            UsageError: none handles it; says what is known and what to install.
        """
        scheme = scheme.lower()
        return self._first(
            kind,
            lambda provider: isinstance(provider, SourceProvider | FetcherProvider) and scheme in provider.schemes,
            f"{scheme}:// locations",
            distribution_for_scheme(scheme),
            lambda provider: getattr(provider, "schemes", ()),
        )

    def for_format(self, format: str, kind_of_object: str) -> WriterProvider:
        """The writer of a format that takes objects of a kind (``volume``, ``sequence``, ``segmentation`` ...).

        For the format ``auto`` the first writer made for the kind, or else the first that takes any object.

        Raises:
            UsageError: none does; says what is known.
        """
        made_for_it = any(_takes_kind(provider, format, kind_of_object) for provider in self.providers("writer"))
        provider: WriterProvider = self._first(
            "writer",
            lambda provider: _takes_kind(provider, format, kind_of_object, any_kind=not made_for_it),
            f"a {kind_of_object} as {format}",
            "",
            lambda provider: [f"{provider.format} ({', '.join(sorted(provider.accepts)) or 'anything'})"],  # type: ignore[attr-defined]
        )
        return provider

    def adaptors_for(self, series: SeriesView) -> list[AdaptorProvider]:
        """The adaptors whose filters let the series through; no worker is imported for it."""
        adaptors = [provider for provider in self.providers("adaptor") if isinstance(provider, AdaptorProvider)]
        if not adaptors:
            return []
        classes = {text for text in series.text("SOPClassUID") if text}
        modalities = {text for text in series.text("Modality") if text}
        return [
            provider
            for provider in adaptors
            if _takes_class(provider, classes)
            and (not provider.modalities or not modalities.isdisjoint(provider.modalities))
            and all(_has_value(series, tag) for tag in provider.requires)
        ]

    def wanted_tags(self) -> tuple[TagLike, ...]:
        """Columns that adaptors read or require, each once; also those of adaptors that lack a dependency today."""
        wanted: dict[str, TagLike] = {}
        for offer in self.offers("adaptor"):
            if isinstance(offer.provider, AdaptorProvider):
                for tag in (*offer.provider.tags, *offer.provider.requires):
                    wanted.setdefault(tag_key(tag), tag)
        return tuple(wanted.values())

    def missing_plugin(self, sop_class: str) -> str | None:
        """The distribution that would handle objects of a SOP class, when no adaptor that works names that class."""
        for provider in self.providers("adaptor"):
            if isinstance(provider, AdaptorProvider) and sop_class in provider.sop_classes:
                return None
        return distribution_for_object(sop_class) or None

    def why_missing(self, distribution: str) -> str:
        """Why nothing of a distribution can be used and what to do: install it, unblock it, or see its failure."""
        return self._plugins.why_absent(distribution)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _collected(self, kind: Kind) -> dict[str, Offer]:
        with self._lock:
            if self._offers is None:
                self._offers = collect(self._plugins.ask, self._plugins.origin, self._plugins.record_failure)
            try:
                return self._offers[kind]
            except KeyError:
                raise UsageError(f"{kind!r} is no kind of provider", remedy=f"use one of {', '.join(KINDS)}") from None

    def _offer(self, kind: Kind, name: str) -> Offer:
        offers = self._collected(kind)
        if name not in offers:
            known = ", ".join(offers) or "none"
            raise UsageError(f"there is no {kind} called {name}", remedy=f"known: {known}; see: dicomlogic plugins")
        offer = offers[name]
        if offer.unavailable:
            raise UsageError(f"the {kind} {name} is {offer.unavailable}", remedy=offer.install)
        return offer

    def _first(
        self,
        kind: Kind,
        matches: Callable[[Provider], bool],
        what: str,
        distribution: str,
        handled: Callable[[Provider], Any],
    ) -> Any:
        offers = [offer for offer in self.offers(kind) if matches(offer.provider)]
        for offer in offers:
            if not offer.unavailable:
                return offer.provider
        if offers:
            raise UsageError(
                f"the {kind} {offers[0].provider.name} is {offers[0].unavailable}", remedy=offers[0].install
            )
        known = ", ".join(dict.fromkeys(one for provider in self.providers(kind) for one in handled(provider)))
        remedy = f"known: {known or 'none'}"
        if distribution:
            remedy = f"{self.why_missing(distribution)}; {remedy}"
        raise UsageError(f"no {kind} handles {what}", remedy=remedy)


def _takes_kind(provider: Provider, format: str, kind: str, *, any_kind: bool = False) -> bool:
    if not isinstance(provider, WriterProvider):
        return False
    if format != provider.format and not (format == "auto" and provider.automatic):
        return False
    return kind in provider.accepts or (any_kind and not provider.accepts)


def _takes_class(provider: AdaptorProvider, classes: set[str]) -> bool:
    if not provider.sop_classes or not classes.isdisjoint(provider.sop_classes):
        return True
    return provider.private_classes and not all(uid.startswith(_DICOM) for uid in classes or ("",))


def _has_value(series: SeriesView, tag: TagLike) -> bool:
    key = tag_key(tag)
    if tag_vr(key) == "SQ":
        return any(series.items(key))
    return bool(series.first(key))
