"""SearchImageSets: criteria and order (service model 2023-07-19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dicomlogic_ahi.testing.answers import ServiceError
from dicomlogic_ahi.testing.records import SEARCHED, text_of
from dicomlogic_ahi.testing.sets import ImageSet

_MOMENTS = {"createdAt": "created_at", "updatedAt": "updated_at"}
_DATE_TIME = "DICOMStudyDateAndTime"
_DEFAULT_SORT = {"sortField": "updatedAt", "sortOrder": "DESC"}


def search(sets: Sequence[ImageSet], criteria: Any, most_filters: int) -> tuple[list[ImageSet], dict[str, str]]:
    """The image sets that meet all filters, in the order asked for, and that order.

    Raises:
        ServiceError: criteria that the model does not allow.
    """
    if not isinstance(criteria, dict) or set(criteria) - {"filters", "sort"}:
        raise _invalid("searchCriteria has the members filters and sort")
    filters = criteria.get("filters")
    if filters is not None and not (isinstance(filters, list) and 1 <= len(filters) <= most_filters):
        raise _invalid(f"searchCriteria.filters must have 1 to {most_filters} members")
    tests = [_checked(entry) for entry in filters or ()]
    order = _checked_sort(criteria.get("sort") or _DEFAULT_SORT)
    found = [one for one in sets if all(_meets(one, *test) for test in tests)]
    found.sort(key=lambda one: one.image_set_id)
    found.sort(key=lambda one: _fact(one, order["sortField"]), reverse=order["sortOrder"] == "DESC")
    return found, order


def _checked(entry: Any) -> tuple[str, str, list[Any]]:
    """Operator, member and values of a filter."""
    if not isinstance(entry, dict) or set(entry) != {"operator", "values"}:
        raise _invalid("a filter has the members operator and values")
    operator, values = entry["operator"], entry["values"]
    if operator not in ("EQUAL", "BETWEEN"):
        raise _invalid("operator must be EQUAL or BETWEEN")
    if not isinstance(values, list) or len(values) != (2 if operator == "BETWEEN" else 1):
        raise _invalid(f"{operator} takes {2 if operator == 'BETWEEN' else 1} values")
    if not all(isinstance(value, dict) and len(value) == 1 for value in values):
        raise _invalid("a value has exactly one member")
    names = {name for value in values for name in value}
    (name, *others) = names
    if others or (name not in SEARCHED and name not in _MOMENTS and name not in (_DATE_TIME, "isPrimary")):
        raise _invalid("a filter is about one known member")
    if operator == "BETWEEN" and name not in (*_MOMENTS, _DATE_TIME):
        raise _invalid("BETWEEN is for dates")
    return operator, name, [_checked_value(name, value[name]) for value in values]


def _checked_value(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _invalid(f"{name} is a number of seconds")
        return value
    if name == "isPrimary":
        if not isinstance(value, bool):
            raise _invalid("isPrimary is true or false")
        return value
    if name == _DATE_TIME:
        if not isinstance(value, dict) or not str(value.get("DICOMStudyDate", "")).isdigit():
            raise _invalid("DICOMStudyDateAndTime needs DICOMStudyDate")
        return (value["DICOMStudyDate"], value.get("DICOMStudyTime", ""))
    if not isinstance(value, str) or len(value) > 256:
        raise _invalid(f"{name} is text")
    return value


def _meets(image_set: ImageSet, operator: str, name: str, values: list[Any]) -> bool:
    if name == "isPrimary":
        return bool(image_set.is_primary == values[0])
    if name in SEARCHED:
        return bool(text_of(image_set, *SEARCHED[name]) == values[0])
    fact = _fact(image_set, name)
    if operator == "EQUAL" and name in _MOMENTS:
        return bool(int(fact) == int(values[0]))
    if operator == "EQUAL":
        date, time = values[0]
        return bool(fact[0] == date and time in ("", fact[1]))
    low, high = values
    if name == _DATE_TIME:
        high = (high[0], high[1] or "~")  # a date alone lasts to the end of its day
    return bool(low <= fact <= high)


def _fact(image_set: ImageSet, name: str) -> Any:
    if name in _MOMENTS:
        return getattr(image_set, _MOMENTS[name])
    return (text_of(image_set, "Study", "StudyDate"), text_of(image_set, "Study", "StudyTime"))


def _checked_sort(sort: Any) -> dict[str, str]:
    if not isinstance(sort, dict) or set(sort) != {"sortField", "sortOrder"}:
        raise _invalid("sort has the members sortField and sortOrder")
    if sort["sortField"] not in (*_MOMENTS, _DATE_TIME) or sort["sortOrder"] not in ("ASC", "DESC"):
        raise _invalid("no such order")
    return sort


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
