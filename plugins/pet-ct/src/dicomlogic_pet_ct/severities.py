"""Findings as they are told: errors among them, errors that something made harmless, and where they are about."""

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


def about(findings: Iterable[Finding], series_uid: str) -> list[Finding]:
    """The findings, each once, those that name no place with their series."""
    placed = (one if one.where else replace(one, where=(series_uid,)) for one in findings)
    return list(dict.fromkeys(placed))
