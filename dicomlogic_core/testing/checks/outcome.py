"""How a check tells what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Check = Callable[[Any], None]
"""Takes the subject of its kind; the docstring says what is demanded and, after ``Contract:``, where that stands."""

Status = Literal["passed", "failed", "not applicable"]


class Broken(AssertionError):
    """A contract is not met; the text says what was expected, what was seen and what to change."""


class NotApplicable(Exception):
    """A check has nothing to look at; the text says what would have to be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a check found.

    Attributes:
        worker: ``kind:name`` of the provider.
        check: name of the check.
        message: what is wrong, or why there was nothing to look at.
    """

    worker: str
    check: str
    status: Status
    message: str = ""

    def as_dict(self) -> dict[str, object]:
        """The JSON shape of the command line."""
        return {"worker": self.worker, "check": self.check, "status": self.status, "message": self.message}


def require(condition: object, message: str) -> None:
    """Nothing when the condition holds.

    Raises:
        Broken: it does not.
    """
    if not condition:
        raise Broken(message)


def demands(check: Check) -> tuple[str, str]:
    """What a check demands, and the place of the contract, from its docstring."""
    text = " ".join((check.__doc__ or "").split())
    what, _, where = text.partition("Contract:")
    return what.strip(), where.strip().rstrip(".")


def outcome_of(check: Check, subject: Any, worker: str) -> Outcome:
    """Run a check; whatever it raises becomes its outcome."""
    name = check.__name__
    try:
        check(subject)
    except Broken as broken:
        return Outcome(worker=worker, check=name, status="failed", message=str(broken))
    except NotApplicable as reason:
        return Outcome(worker=worker, check=name, status="not applicable", message=str(reason))
    except Exception as error:  # a worker of somebody else may raise anything
        return Outcome(worker=worker, check=name, status="failed", message=described(error))
    return Outcome(worker=worker, check=name, status="passed")


def described(error: BaseException) -> str:
    """Kind and text of an exception, and the line that raised it."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({place.tb_frame.f_code.co_filename}, line {place.tb_lineno})" if place else ""
    return f"{type(error).__name__}: {error}{where}"


def first_difference(wanted: Mapping[str, Any], got: Mapping[str, Any]) -> str:
    """The first key whose values differ, with both; "" when none does."""
    for key in wanted.keys() | got.keys():
        if wanted.get(key) != got.get(key):
            return f"{key} was {_short(wanted.get(key))}, then {_short(got.get(key))}"
    return ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:119] + "…"
