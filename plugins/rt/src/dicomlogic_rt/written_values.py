"""Values as PS3.5 6.2 allows them in a file: texts of their length, terms of their letters, decimal strings."""

from __future__ import annotations

SHORT_TEXT, LONG_TEXT, SHORT_PARAGRAPH = 16, 64, 1024
"""Characters of SH and CS, LO, ST."""


def decimal(value: float) -> str:
    """A decimal string of at most 16 characters, 10 digits, at least 0.00001 exact below 100 m."""
    return "0" if abs(value) < 1e-9 else f"{value:.10g}"


def term(value: str) -> str:
    """A value of CS: upper case letters, digits, spaces and underscores."""
    letters = (one if (one.isascii() and one.isalnum()) or one == " " else "_" for one in value.upper())
    return text("".join(letters), SHORT_TEXT)


def text(value: str, most: int) -> str:
    """At most so many characters, without those that separate values or control a terminal."""
    return "".join(one if one.isprintable() else " " for one in value.replace("\\", "/"))[:most].strip()
