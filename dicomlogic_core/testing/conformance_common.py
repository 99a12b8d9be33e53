"""What the conformance classes have in common: their subject, tests made of checks, and the guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from dicomlogic_core.testing.checks import common
from dicomlogic_core.testing.checks.outcome import Check, NotApplicable
from dicomlogic_core.testing.checks.subject import Subject

Test = Callable[["Conformance"], None]


def test_of(check: Check) -> Test:
    """A test method that runs a check; name and docstring are those of the check."""
    name = f"test_{check.__name__}"

    def test(self: Conformance) -> None:
        __tracebackhide__ = True
        if reason := self.left_out.get(name):
            pytest.skip(f"left out: {reason}")
        try:
            check(self.subject)
        except NotApplicable as nothing:
            pytest.skip(str(nothing))

    test.__name__ = name
    test.__qualname__ = name
    test.__doc__ = check.__doc__
    return test


test_of.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test where it is imported


class Conformance:
    """Inherit from the class of a kind; pytest then runs every check of the kind.

    A standard test may not vanish quietly: a subclass that overrides or removes one is refused, unless the new one is
    marked ``pytest.mark.xfail(reason=...)``. What does not apply to a plugin is named in `left_out`, with the reason.

    Attributes:
        provider_name: the name of the provider under test.
        plugin: the plugin itself when it is registered at run time (an object, a module); by default it is found by
            its entry point, as users find it.
        left_out: name of a test -> why it cannot hold for this plugin; it is shown as skipped with that reason.
    """

    provider_name: ClassVar[str] = ""
    plugin: ClassVar[Any] = None
    left_out: ClassVar[Mapping[str, str]] = {}

    subject: ClassVar[Any]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if problems := tampering(cls):
            raise TypeError(f"{cls.__name__}: {'; '.join(problems)}")

    @classmethod
    def make_subject(cls) -> Subject:
        """The subject of all checks of a class."""
        raise TypeError(f"{cls.__name__} inherits from Conformance; inherit from the class of a kind")

    @classmethod
    def setup_class(cls) -> None:
        """Called by pytest before the first test of the class."""
        cls.subject = cls.make_subject()

    @classmethod
    def teardown_class(cls) -> None:
        """Called by pytest after the last test of the class."""
        cls.subject.close()

    def test_no_standard_test_is_missing(self) -> None:
        """Every standard test is still there, or a reason says why not.

        Contract: docs/howto/test-a-plugin.md.
        """
        problems = tampering(type(self))
        assert not problems, "; ".join(problems)

    test_is_found_by_its_entry_point = test_of(common.is_found_by_its_entry_point)
    test_imports_nothing_heavy = test_of(common.imports_nothing_heavy)
    test_provider_is_frozen_named_and_labelled = test_of(common.provider_is_frozen_named_and_labelled)
    test_factory_makes_a_worker = test_of(common.factory_makes_a_worker)
    test_worker_meets_its_protocol = test_of(common.worker_meets_its_protocol)
    test_package_is_typed = test_of(common.package_is_typed)
    test_nothing_is_printed = test_of(common.nothing_is_printed)
    test_findings_are_complete = test_of(common.findings_are_complete)


def tampering(cls: type[Conformance]) -> list[str]:
    """Standard tests of a class that were overridden or removed without a reason, and reasons that name no test."""
    standard = {
        name: value
        for base in reversed(cls.__mro__)
        if base.__module__.startswith("dicomlogic_core.testing.")
        for name, value in vars(base).items()
        if name.startswith("test_")
    }
    problems = [
        f"{name} was {'removed' if getattr(cls, name, None) is None else 'overridden'} without a reason; mark it "
        "pytest.mark.xfail(reason=...), or name it in left_out"
        for name, value in standard.items()
        if getattr(cls, name, None) is not value and not _has_reason(getattr(cls, name, None))
    ]
    for name, reason in cls.left_out.items():
        if name not in standard:
            problems.append(f"left_out names {name}, which is no standard test")
        elif not reason.strip():
            problems.append(f"left_out gives no reason for {name}")
    return problems


def _has_reason(test: Any) -> bool:
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in getattr(test, "pytestmark", ()))
