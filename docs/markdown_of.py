"""Signatures, docstrings and tables as Markdown, for `generate.py`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, get_origin

import dicomlogic_core as dl
from dicomlogic_core.providers import Provider

_MADE = "<!-- Made by docs/generate.py; change the code, then run it. -->\n"


def signature(function: Callable[..., Any]) -> str:
    """The signature of a function, annotations as they are written."""
    # Annotations are text; quotes would only hide what they say.
    return str(inspect.signature(function)).replace("'", "")


def docstring(function: Callable[..., Any]) -> list[str]:
    """The text of a hook: its example becomes a block that runs."""
    text = inspect.getdoc(function) or ""
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        if line.startswith(".. versionadded::"):
            line = f"Since version {line.split('::')[1].strip()}."
        if line == "Example::":
            used = [name for name in dl.__all__ if f" {name}(" in text]
            lines += ["Example:", "", "```python", f"from dicomlogic_core import {', '.join([*used, 'hookimpl'])}", ""]
            inside = True
        elif inside and line and not line.startswith(" "):
            lines = [*_trimmed(lines), "```", "", line]
            inside = False
        elif inside:
            if line or lines[-1]:
                lines.append(line[4:])
        else:
            lines.append(line.replace("``", "`"))
    return [*_trimmed(lines), "```"] if inside else lines


def _trimmed(lines: Sequence[str]) -> list[str]:
    kept = list(lines)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def described(value: type) -> list[str]:
    """The text of a class with its attributes, and its methods with their signatures."""
    lines = prose(value)
    for base in value.__mro__[1:]:
        if base.__module__.startswith("dicomlogic_core") and base is not Provider:
            lines += ["", f"Also what `{base.__name__}` has."]
    for name, member in vars(value).items():
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        heading = name + (f": {_returned(function)}" if isinstance(member, property) else signature(function))
        lines += ["", f"**`{heading}`**", "", *prose(function)]
    return lines


def _returned(function: Any) -> str:
    return str(inspect.signature(function).return_annotation).replace("'", "")


def prose(value: Any) -> list[str]:
    """A docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    inside = False
    for line in (inspect.getdoc(value) or "").replace("``", "`").split("\n"):
        if line in ("Attributes:", "Args:", "Raises:", "Returns:"):
            inside = True
            lines += [*([""] if lines and lines[-1] else []), line, ""]
        elif inside and re.match(r"    \S", line):
            name, colon, text = line.strip().partition(": ")
            lines.append(f"- `{name}`: {text}" if colon else f"- {line.strip()}")
        elif inside and line.startswith("        "):
            lines.append(f"  {line.strip()}")
        else:
            inside = inside and not line
            lines.append(line)
    return _trimmed(lines)


def own_names(module: ModuleType) -> list[str]:
    """What a module offers: its ``__all__``, else what it defines without an underscore."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__, key=str.lower)
    found: list[str] = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            places = [one for target in targets for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
            found += [place.id for place in places if isinstance(place, ast.Name)]
    return sorted((name for name in found if not name.startswith("_")), key=str.lower)


def summary_of(value: Any) -> str:
    """What a name is, in a line."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return (inspect.getdoc(value) or "").partition("\n")[0].replace("``", "`")
    if get_origin(value) is not None:
        return "A type, for annotations."
    return f"`{value!r}`" if len(repr(value)) < 80 else f"A {type(value).__name__} of {len(value)}."


def row(*cells: str) -> str:
    """A row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page(lines: Iterable[str]) -> str:
    """A page that says how it was made."""
    return _MADE + "\n".join(lines).rstrip() + "\n"
