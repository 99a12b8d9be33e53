"""Errors among findings, and errors that something made harmless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dicomlogic_core import Finding


def has_errors(findings: Iterable[Finding]) -> bool:
    """True when one of them forbids a value."""
    return any(one.severity == "error" for one in findings)


def as_warnings(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, errors as warnings: for values that do not hang on what they are about."""
    return [replace(one, severity="warning") if one.severity == "error" else one for one in findings]
