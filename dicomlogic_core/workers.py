"""From a provider to the worker object it names."""

from __future__ import annotations

import importlib
from typing import Any

from dicomlogic_core.contracts import Adaptor, Fetcher, Source, StudyAdaptor, Writer
from dicomlogic_core.errors import UsageError
from dicomlogic_core.offers import Kind
from dicomlogic_core.providers import Provider

# A worker meets one of these.
CONTRACTS: dict[Kind, tuple[type, ...]] = {
    "source": (Source,),
    "fetcher": (Fetcher,),
    "adaptor": (Adaptor, StudyAdaptor),
    "writer": (Writer,),
}


def make_worker(kind: Kind, provider: Provider) -> Any:
    """Import and make the worker; raises whatever its module or constructor raises.

    Raises:
        UsageError: what was made lacks a method of its contract.
    """
    factory = provider.factory
    worker = resolve(factory)() if isinstance(factory, str) else factory()
    if not any(isinstance(worker, contract) for contract in CONTRACTS[kind]):
        wanted = " or ".join(contract.__name__ for contract in CONTRACTS[kind])
        raise UsageError(
            f"{type(worker).__name__}, made for {provider.name}, lacks a method of {wanted}",
            remedy="run: dicomlogic plugins check NAME",
        )
    return worker


def resolve(path: str) -> Any:
    """The object at ``package.module:Class``."""
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
