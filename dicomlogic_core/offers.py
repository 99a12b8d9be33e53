"""What plugins offer: their providers, checked, with name clashes settled."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dicomlogic_core.errors import UsageError
from dicomlogic_core.plugin_records import PluginOrigin, Stage
from dicomlogic_core.providers import AdaptorProvider, FetcherProvider, Provider, SourceProvider, WriterProvider
from dicomlogic_core.tags import tag_key

if TYPE_CHECKING:
    from dicomlogic_core.hooks import Answer

Kind = Literal["source", "fetcher", "adaptor", "writer"]

KINDS: dict[Kind, tuple[str, type[Provider]]] = {
    "source": ("dicomlogic_sources", SourceProvider),
    "fetcher": ("dicomlogic_fetchers", FetcherProvider),
    "adaptor": ("dicomlogic_adaptors", AdaptorProvider),
    "writer": ("dicomlogic_writers", WriterProvider),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provider and the plugin it comes from.

    Attributes:
        unavailable: ``unavailable: needs X``, or "" when it can be used.
        install: the command that makes it available.
    """

    kind: Kind
    provider: Provider
    origin: PluginOrigin
    unavailable: str = ""
    install: str = ""


def collect(
    ask: Callable[[str], Iterable[Answer]],
    origin: Callable[[str], PluginOrigin],
    record: Callable[[PluginOrigin, Stage, Exception], None],
) -> dict[Kind, dict[str, Offer]]:
    """Ask all plugins for their providers: kind -> name -> offer.

    A plugin of which one answer is bad loses all of them: half a plugin (a source without its fetcher) helps nobody.
    The first to take a name keeps it; the second is recorded as a failure that names both.
    """
    answers: list[tuple[Kind, str, list[Provider]]] = []
    failed: set[str] = set()
    for kind, (hook, provider_type) in KINDS.items():
        for answer in ask(hook):
            try:
                if answer.error is not None:
                    raise answer.error
                answers.append((kind, answer.plugin, _checked(answer.value, hook, provider_type)))
            except Exception as error:
                failed.add(answer.plugin)
                record(origin(answer.plugin), "provide", error)
    offers: dict[Kind, dict[str, Offer]] = {kind: {} for kind in KINDS}
    for kind, plugin, providers in answers:
        if plugin in failed:
            continue
        for provider in providers:
            first = offers[kind].setdefault(provider.name, _offer(kind, provider, origin(plugin)))
            if first.provider is not provider:
                record(origin(plugin), "provide", _clash(kind, provider.name, first.origin, origin(plugin)))
    return offers


def _checked(answer: Any, hook: str, provider_type: type[Provider]) -> list[Provider]:
    if answer is None:
        return []
    if isinstance(answer, Provider) or not isinstance(answer, Iterable):
        raise UsageError(
            f"{hook} answered {type(answer).__name__}", remedy=f"return a list of {provider_type.__name__}"
        )
    providers = list(answer)
    for provider in providers:
        if not isinstance(provider, provider_type):
            raise UsageError(
                f"{hook} answered with {type(provider).__name__}", remedy=f"return {provider_type.__name__} objects"
            )
        _check_provider(provider)
    return providers


def _check_provider(provider: Provider) -> None:
    if not isinstance(provider.name, str) or not provider.name.strip():
        raise UsageError(f"{type(provider).__name__} without a name", remedy="give it one, unique within its kind")
    factory = provider.factory
    if not callable(factory) and (not isinstance(factory, str) or not all(factory.partition(":"))):
        raise UsageError(
            f"the factory of {provider.name} is {factory!r}", remedy='use "package.module:Class" or a callable'
        )
    if isinstance(provider, AdaptorProvider):
        for tag in (*provider.tags, *provider.requires):
            tag_key(tag)


def _offer(kind: Kind, provider: Provider, origin: PluginOrigin) -> Offer:
    missing = [package for module, package in provider.needs.items() if not _is_installed(module)]
    if not missing:
        return Offer(kind=kind, provider=provider, origin=origin)
    return Offer(
        kind=kind,
        provider=provider,
        origin=origin,
        unavailable=f"unavailable: needs {', '.join(missing)}",
        install=" ".join(["pip install", *(f'"{package}"' for package in missing)]),
    )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        # A dotted name whose parent is missing, or a module that is being imported without a specification.
        return False


def _clash(kind: Kind, name: str, first: PluginOrigin, second: PluginOrigin) -> UsageError:
    return UsageError(
        f"the {kind} name {name!r} of {second} was taken before by {first}",
        remedy=f"give it another name, or leave one of them out, such as DICOMLOGIC_DISABLE_PLUGINS={second.plugin}",
    )
