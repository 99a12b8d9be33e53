"""What plugins return from hooks: small frozen records that name a worker class by string, or hold a callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dicomlogic_core.tags import PrivateTag, TagLike

__all__ = ["AdaptorProvider", "FetcherProvider", "PrivateTag", "Provider", "SourceProvider", "WriterProvider"]

Factory = str | Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What all providers carry.

    Attributes:
        name: unique within its kind, e.g. ``scalar-volume``; the first to take it keeps it.
        label: for people.
        factory: ``"package.module:Class"``, or a callable without arguments for objects made at run time.
        needs: optional dependency, import name -> what to install; the provider is listed as unavailable without it.
    """

    name: str
    label: str
    factory: Factory
    needs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProvider(Provider):
    """A metadata source.

    Attributes:
        schemes: ``file``, ``http``, ``https``, ``ahi`` ...
        options: names of the ``-o`` options it understands -> one line of help.
        filters: what it can be filtered by besides attributes of headers, such as ModalitiesInStudy.
    """

    schemes: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetcherProvider(Provider):
    """A bulk-data fetcher.

    Attributes:
        schemes: as of sources.
        concurrency: batches fetched at once.
        client: for schemes other than those of the web: what makes the client that `WorkContext.http` gives, called
            with (location, options); it must have a method ``close``. A string as `factory`, or a callable.
    """

    schemes: tuple[str, ...] = ()
    concurrency: int = 8
    client: str | Callable[[str, Mapping[str, Any]], Any] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptorProvider(Provider):
    """An adaptor.

    Attributes:
        sop_classes: SOP class UIDs it handles; empty means any.
        private_classes: it also handles classes that PS3.6 does not have, and instances without a class.
        modalities: modalities it handles; empty means any.
        requires: tags that must have a value in some instance of the series.
        tags: columns it reads; the index keeps them whatever their size.
        options: names of the ``-o`` options it understands -> one line of help.
    """

    sop_classes: frozenset[str] = frozenset()
    private_classes: bool = False
    modalities: frozenset[str] = frozenset()
    requires: tuple[TagLike, ...] = ()
    tags: tuple[TagLike, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterProvider(Provider):
    """A writer.

    Attributes:
        format: the name given to ``--format``.
        accepts: kinds of objects; empty means any.
        suffixes: of its files.
        options: names of the ``-o`` options it understands -> one line of help.
        automatic: False for a format that is written only when it is named, such as an object for other systems.
    """

    format: str = ""
    accepts: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    automatic: bool = True
