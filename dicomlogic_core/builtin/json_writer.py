"""Objects that can say themselves as JSON, as files: `JsonWriter`, and the one form of JSON that writers make."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dicomlogic_core import WriteError, replacing


class JsonWriter:
    """Writes what an object's method ``as_dict()`` gives as ``.json``: strict, and equal bytes for equal objects."""

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write to `path` with the suffix added; numbers that are not finite become null.

        Raises:
            WriteError: the object has no ``as_dict()`` or it holds what JSON cannot, the disk is full or the folder
                cannot be written.
        """
        if not callable(getattr(obj, "as_dict", None)):
            raise WriteError(f"a {type(obj).__name__} cannot be written as .json", remedy="use another format")
        return [write_json(path.with_name(path.name + ".json"), obj.as_dict())]


def write_json(target: Path, value: Any) -> Path:
    """Write a value as a JSON file.

    Raises:
        WriteError: the value holds what JSON cannot, or the file cannot be written.
    """
    try:
        text = _text(_strict(value), "\n")
    except (TypeError, ValueError, RecursionError) as error:
        raise WriteError(
            f"JSON cannot hold this: {error}", where=str(target), remedy="report it to the author"
        ) from error
    with replacing(target) as file:
        data = memoryview((text + "\n").encode("utf-8", "replace"))
        while data:  # an unbuffered file may take less than it is given
            data = data[file.write(data) :]
    return target


def _strict(value: Any) -> Any:
    """The value with texts as keys and with null for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _strict(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(one) for one in value]
    return value


def _text(value: Any, line: str) -> str:
    """JSON with one key of an object on a line, sorted; lists of plain values, such as points, stay on theirs.

    `line` is the line break with the indentation of what surrounds the value.
    """
    inner = line + " "
    if isinstance(value, dict) and value:
        rows = (f"{_plain(key)}: {_text(one, inner)}" for key, one in sorted(value.items()))
        return "{" + inner + ("," + inner).join(rows) + line + "}"
    if isinstance(value, list) and _holds_objects(value):
        return "[" + inner + ("," + inner).join(_text(one, inner) for one in value) + line + "]"
    return _plain(value)


def _holds_objects(values: list[Any]) -> bool:
    return any(isinstance(one, dict) or (isinstance(one, list) and _holds_objects(one)) for one in values)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
