"""Checks for plugins of every kind: how they are found, what they promise, and what they must not do."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from dicomlogic_core.checks import import_cost, signature_problems
from dicomlogic_core.findings import CODES, Finding
from dicomlogic_core.offers import KINDS
from dicomlogic_core.testing.checks.outcome import Check, NotApplicable, require
from dicomlogic_core.testing.checks.subject import Subject
from dicomlogic_core.workers import CONTRACTS

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CODE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
PATIENT_NAME = "Phantom^"
"""How the names of the patients of the kit's phantoms begin."""


def is_found_by_its_entry_point(subject: Subject) -> None:
    """An installed distribution names the plugin in its entry points, group ``dicomlogic``, and nothing fails.

    Contract: docs/howto/test-a-plugin.md.
    """
    if not subject.installed:
        raise NotApplicable("the plugin is registered at run time")
    origin = subject.offer.origin
    require(origin.distribution, f"{origin.plugin} belongs to no distribution")
    failures = [str(failure) for failure in subject.manager.failures if failure.plugin == origin.plugin]
    require(not failures, "; ".join(failures))


def imports_nothing_heavy(subject: Subject) -> None:
    """Importing the plugin's module and asking its hooks loads no numpy, pydicom, requests or nrrd.

    Every command of every user imports it; what is heavy is imported by the workers' modules.
    Contract: docs/howto/test-a-plugin.md.
    """
    if not isinstance(subject.module, ModuleType):
        raise NotApplicable("the plugin is no module")
    if not subject.installed:
        raise NotApplicable("the plugin is registered at run time: a fresh process may not find it")
    _, heavy, problem = import_cost(subject.module)
    require(not problem, problem)
    require(not heavy, f"importing {subject.module.__name__} loads {', '.join(heavy)}; import them where they are used")


def provider_is_frozen_named_and_labelled(subject: Subject) -> None:
    """The provider is a frozen record with a name of lower-case words joined by hyphens, a label for people, and help.

    Contract: `Provider` in dicomlogic_core.providers.
    """
    provider = subject.provider
    kind = KINDS[subject.kind][1].__name__
    parameters: Any = getattr(type(provider), "__dataclass_params__", None)
    require(parameters and parameters.frozen, f"{type(provider).__name__} is not frozen; return a {kind} itself")
    require(_NAME.fullmatch(provider.name), f"the name {provider.name!r} is not lower-case words joined by hyphens")
    require(str(provider.label).strip(), f"{provider.name} has no label for people")
    for option, text in getattr(provider, "options", {}).items():
        require(str(text).strip(), f"option {option} of {provider.name} has no line of help")
    for field in ("schemes", "suffixes"):
        for value in getattr(provider, field, ()):
            require(value == value.lower(), f"{field} of {provider.name} are written in lower case, not {value!r}")
    if subject.kind in ("source", "fetcher"):
        require(provider.schemes, f"{provider.name} names no schemes, so it is never asked")
    if subject.kind == "writer":
        require(provider.format, f"{provider.name} names no format, so it is never asked")


def factory_makes_a_worker(subject: Subject) -> None:
    """The factory resolves and makes a worker without arguments, each time a new one or the same.

    Contract: `Provider.factory` in dicomlogic_core.providers.
    """
    subject.worker()


def worker_meets_its_protocol(subject: Subject) -> None:
    """Every method of the Protocol is there with exactly its arguments: none more, no ``*args``, no ``**kwargs``.

    Contract: the Protocols of dicomlogic_core.contracts.
    """
    worker = subject.worker()
    met = [contract for contract in CONTRACTS[subject.kind] if isinstance(worker, contract)]
    problems = [problem for contract in met for problem in signature_problems(worker, contract)]
    require(not problems, "; ".join(problems))


def package_is_typed(subject: Subject) -> None:
    """The package that holds the plugin has a file ``py.typed``, so that type checkers of its users see its types.

    Contract: docs/howto/test-a-plugin.md; PEP 561.
    """
    if not isinstance(subject.module, ModuleType) or not subject.installed:
        raise NotApplicable("the plugin is no installed module")
    top = subject.module.__name__.partition(".")[0]
    found = importlib.util.find_spec(top)
    places = list(found.submodule_search_locations or ()) if found else []
    require(places, f"{top} is a single module; only a package can hold py.typed")
    require(any(Path(place, "py.typed").is_file() for place in places), f"the package {top} has no file py.typed")


def nothing_is_printed(subject: Subject) -> None:
    """Workers print nothing: stdout belongs to the caller, messages go to ``logging`` or into findings.

    Contract: docs/howto/test-a-plugin.md.
    """
    _exercise(subject)
    said = subject.printed.getvalue()
    require(not said.strip(), f"this was printed: {said.strip()[:200]!r}")


def findings_are_complete(subject: Subject) -> None:
    """Every finding has a known code, a severity, a message and, unless it is a note, a remedy; no patient is named.

    Own codes begin with the name of the plugin or of the provider and a dot.
    Contract: `Finding` in dicomlogic_core.findings; docs/reference/findings.md.
    """
    own = {subject.provider_name, subject.offer.origin.plugin}
    for finding in _exercise(subject):
        problem = finding_problem(finding, own)
        require(not problem, problem)


def finding_problem(finding: Any, own: Iterable[str]) -> str:
    """What is wrong with a finding; "" for a good one. `own`: what codes of its plugin may begin with."""
    if not isinstance(finding, Finding) or not dataclasses.is_dataclass(finding):
        return f"{type(finding).__name__} is no Finding"
    code, text = finding.code, finding.message
    if not _CODE.fullmatch(code) or (code not in CODES and code.partition(".")[0] not in own):
        return f"the code {code!r} is not in the table of findings and does not begin with {' or '.join(own)} and a dot"
    if finding.severity not in ("note", "warning", "error"):
        return f"{code} has severity {finding.severity!r}; it is note, warning or error"
    if not text.strip():
        return f"{code} has no message"
    if PATIENT_NAME in text:
        return f"{code} tells who the patient is: {text!r}"
    if finding.severity != "note" and not finding.remedy.strip():
        return f"{code}, a {finding.severity}, says nothing about what to do"
    return ""


def _exercise(subject: Any) -> list[Finding]:
    """Let the worker do all that the kit has for it, and give what it found."""
    found: list[Finding] = subject.exercise()
    return found


COMMON: tuple[Check, ...] = (
    is_found_by_its_entry_point,
    imports_nothing_heavy,
    provider_is_frozen_named_and_labelled,
    factory_makes_a_worker,
    worker_meets_its_protocol,
    package_is_typed,
    nothing_is_printed,
    findings_are_complete,
)
