"""From header text to the values of ctkDICOM columns, and back from what CTK may have stored."""

from __future__ import annotations

import datetime
import re

_INT32 = 2**31
_INTEGER = re.compile(r"\s*[+-]?\d+\s*\Z")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})\Z")


def first_value(text: str | None) -> str | None:
    """The first value of a backslash list, as CTK puts it into a column."""
    return None if text is None else text.partition("\\")[0].rstrip()


def iso_date(text: str | None) -> str | None:
    """``YYYYMMDD`` as ``YYYY-MM-DD``; None for anything else, an impossible day included."""
    value = first_value(text)
    return _date(value) if value is not None and len(value) == 8 else None


def _date(text: str) -> str | None:
    match = _DATE.match(text)
    if match is None:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None


def stored_date(value: object) -> str:
    """A date column in any form that CTK and we write (ISO text, compact text, integer) as ``YYYY-MM-DD``.

    An impossible date comes back as its raw text; NULL as "".
    """
    text = plain_text(value)
    return _date(text) or text


def integer(text: str | None) -> int | None:
    """A 32-bit integer from the first value; 0 when absent or empty, None when unreadable or out of range."""
    value = first_value(text)
    if not value or not value.strip():
        return 0
    if not _INTEGER.match(value) or len(value) > 32:
        return None
    number = int(value)
    return number if -_INT32 <= number < _INT32 else None


def plain_text(value: object) -> str:
    """Whatever a column holds as text; "" for NULL."""
    if value is None:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def local_timestamp(now: datetime.datetime | None = None) -> str:
    """InsertTimestamp: local time with milliseconds and no zone, as CTK writes it."""
    moment = now or datetime.datetime.now()
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def utc_timestamp() -> str:
    """DisplayedFieldsUpdatedTimestamp: UTC as SQLite's CURRENT_TIMESTAMP gives it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def utc_now() -> str:
    """UTC in ISO form, for our own tables."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
