"""Writes the pages of ``docs/reference`` that are made from the code: ``python docs/generate.py``.

A test compares them with what this would write, so that they cannot be old.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, get_origin

import dicomlogic_core as dl
from dicomlogic_core import hookspecs, testing
from dicomlogic_core.cli.main import build_parser
from dicomlogic_core.option_names import CORE_OPTIONS
from dicomlogic_core.providers import Provider
from dicomlogic_core.testing.checks.common import COMMON
from dicomlogic_core.testing.checks.offline import CHECKS
from dicomlogic_core.testing.checks.outcome import Check, demands

FOLDER = Path(__file__).parent / "reference"
_MADE = "<!-- Made by docs/generate.py; change the code, then run it. -->\n"


def findings() -> str:
    """Every code a finding or error can carry."""
    lines = [
        "# Findings",
        "",
        "A finding says what is worth knowing about data: a stable code, a severity, what and where, and what to do.",
        "`note` needs nothing, `warning` should be read before measuring, `error` means that something is missing or",
        "wrong; the command line then ends with exit code 1. Errors carry these codes too; when none tells more, one",
        "that begins with `usage`, `source`, `header`, `geometry`, `pixels`, `plugin`, `write`, `job` or `cancelled`.",
    ]
    group = ""
    for code, (severity, meaning, remedy) in dl.CODES.items():
        if code.partition(".")[0] != group:
            group = code.partition(".")[0]
            lines += ["", f"## {group}", "", "| code | severity | meaning | what to do |", "|---|---|---|---|"]
        lines.append(_row(f"`{code}`", severity, meaning, remedy))
    return _page(lines)


def command_line() -> str:
    """Commands and options, from the parser itself."""
    parser = build_parser()
    lines = ["# Command line", "", str(parser.description), ""]
    lines += [
        "Every command prints a table for people, or with `--json` [the same records](json.md) for programs. JSON goes",
        "to stdout, progress and messages to stderr.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        _row("0", "done"),
        _row("1", "done, but with failures or with findings of severity error"),
        _row("2", "the request cannot be meant: wrong option, unknown keyword or identifier"),
        _row("3", "a source or the database cannot be reached, read or written"),
        _row("130", "interrupted; run the same command again to go on"),
        "",
        "Samples of `dicomlogic demo` carry such findings too: it ends with 1 for failures, and for findings in your",
        "own files (`--data`).",
    ]
    for name, command in _commands(parser):
        arguments = [action for action in command._actions if action.dest != "help"]
        lines += ["", f"## dicomlogic {name}", "", str(command.description), "", "| argument | meaning |", "|---|---|"]
        lines += [_row(f"`{_invocation(action)}`", _help(action, command)) for action in arguments]
    return _page(lines)


def _commands(parser: argparse.ArgumentParser) -> Iterable[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _invocation(action: argparse.Action) -> str:
    value = str(action.metavar or "") or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else "")
    if not action.option_strings:
        return value + ("..." if action.nargs in ("*", "+") else "")
    return ", ".join(action.option_strings) + (f" {value}" if value and action.nargs != 0 else "")


def _help(action: argparse.Action, command: argparse.ArgumentParser) -> str:
    return str(action.help or "") % {"default": action.default, "prog": command.prog}


def options() -> str:
    """What ``-o`` understands, from the core and the providers of this repository."""
    lines = [
        "# Options",
        "",
        'Given as `-o KEY=VALUE` on the command line, or as `options={"KEY": "VALUE"}` in Python. A name that nothing',
        "installed knows is refused.",
        *_option_table("the core", "Of indexing and loading, whatever the source and the adaptor.", CORE_OPTIONS),
    ]
    registry = dl.default_manager().registry
    for kind in ("source", "adaptor", "writer"):
        for provider in registry.providers(kind):
            known: Mapping[str, str] = getattr(provider, "options", {})
            if known:
                lines += _option_table(f"{kind} {provider.name}", f"{provider.label}.", known)
    return _page(lines)


def _option_table(title: str, label: str, known: Mapping[str, str]) -> list[str]:
    rows = [_row(f"`{name}`", text) for name, text in known.items()]
    return ["", f"## {title}", "", label, "", "| option | meaning |", "|---|---|", *rows]


def hooks() -> str:
    """The hooks, with their exact signatures."""
    lines = [
        "# Hooks",
        "",
        "A plugin is a module with some of these functions, marked `@hookimpl` and named by an entry point of the",
        "group `dicomlogic`; in a host such as 3D Slicer it may be an object given to `manager.register`.",
    ]
    for name, hook in vars(hookspecs).items():
        if name.startswith("dicomlogic_"):
            lines += ["", f"## `{name}{_signature(hook)}`", "", *_docstring(hook)]
    return _page(lines)


def _signature(function: Callable[..., Any]) -> str:
    # Annotations are text; quotes would only hide what they say.
    return str(inspect.signature(function)).replace("'", "")


def _docstring(function: Callable[..., Any]) -> list[str]:
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


def names() -> str:
    """Every public name with the first line of its docstring."""
    lines = [
        "# Python names",
        "",
        "All that `import dicomlogic_core as dl` offers. `help(dl.Session)` shows the rest of each text.",
        "",
        "| name | what it is |",
        "|---|---|",
    ]
    for name in sorted(dl.__all__, key=str.lower):
        value = getattr(dl, name)
        described = inspect.isclass(value) or inspect.isroutine(value)
        summary = (inspect.getdoc(value) or "").partition("\n")[0] if described else _VALUES.get(name, "")
        lines.append(_row(f"`{name}`", summary.replace("``", "`")))
    return _page(lines)


_VALUES = {
    "__version__": "The version, common to all distributions of this repository.",
    "CODES": "Every code of a finding, with severity, meaning and remedy.",
    "HTTP_OPTIONS": "Options of every HTTP source, with their meaning.",
    "hookimpl": "Marks a function as the implementation of a hook.",
    "Ref": "Any reference: `FrameRef`, `InstanceRef` or `BulkRef`.",
}


_RECORDS: Mapping[str, tuple[str, ...]] = {
    "Providers": ("SourceProvider", "FetcherProvider", "AdaptorProvider", "WriterProvider", "PrivateTag"),
    "Contracts": ("Source", "Fetcher", "Adaptor", "StudyAdaptor", "Writer"),
    "What workers are given": (
        "WorkContext",
        "FetchContext",
        "LoadContext",
        "Query",
        "SeriesView",
        "FrameTable",
        "StudyView",
    ),
    "What workers give": ("HeaderBatch", "Failure", "Unchanged", "FetchResult", "Loadable", "Finding"),
    "References and locations": ("StudyRef", "SeriesRef", "InstanceRef", "FrameRef", "BulkRef", "Location"),
}


def contracts() -> str:
    """Providers, contracts and the records that pass between the core and plugins."""
    lines = [
        "# Providers and contracts",
        "",
        "What a hook returns names a worker; the worker meets a contract: it has these methods, and inherits nothing.",
        "Shapes are those of arrays, millimetres are [LPS](../explanation/coordinates.md).",
    ]
    for title, members in _RECORDS.items():
        lines += ["", f"## {title}"]
        if title == "Providers":
            lines += ["", *_prose(Provider), "", "And what each kind has besides:"]
        for name in members:
            lines += ["", f"### {name}", "", *_described(getattr(dl, name))]
    return _page(lines)


def _described(value: type) -> list[str]:
    """The text of a class with its attributes, and its methods with their signatures."""
    lines = _prose(value)
    for base in value.__mro__[1:]:
        if base.__module__.startswith("dicomlogic_core") and base is not Provider:
            lines += ["", f"Also what `{base.__name__}` has."]
    for name, member in vars(value).items():
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        heading = name + (f": {_returned(function)}" if isinstance(member, property) else _signature(function))
        lines += ["", f"**`{heading}`**", "", *_prose(function)]
    return lines


def _returned(function: Any) -> str:
    return str(inspect.signature(function).return_annotation).replace("'", "")


def _prose(value: Any) -> list[str]:
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


def testing_names() -> str:
    """The public modules of ``dicomlogic_core.testing``, those that its docstring names, and what they define."""
    lines = [
        "# Testing names",
        "",
        "What `dicomlogic_core.testing` offers to the tests of plugins and programs, module by module:",
        "`from dicomlogic_core.testing import phantoms`. Its other modules are not for use from outside. `conformance`",
        'and `fixtures` need pytest: `pip install "dicomlogic-core[testing]"`.',
    ]
    for module in re.findall(r"`(\w+)`", testing.__doc__ or ""):
        loaded = importlib.import_module(f"{testing.__name__}.{module}")
        summary = (inspect.getdoc(loaded) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
        lines += ["", f"## {module}", "", summary, "", "| name | what it is |", "|---|---|"]
        lines += [_row(f"`{name}`", _summary(getattr(loaded, name))) for name in _own_names(loaded)]
    return _page(lines)


def conformance() -> str:
    """Every check of the conformance kit: what it demands, and where that stands."""
    lines = [
        "# Conformance",
        "",
        "What plugins promise, check by check. Every test class of `dicomlogic_core.testing.conformance` runs those of",
        "its kind as `test_NAME`, `dicomlogic plugins check` those that need nothing from the author; see",
        "[Test a plugin](../howto/test-a-plugin.md).",
        *_checks("every plugin", COMMON),
    ]
    for kind, checks in CHECKS.items():
        lines += _checks(f"{kind}s", [check for check in checks if check not in COMMON])
    return _page(lines)


def _checks(title: str, checks: Iterable[Check]) -> list[str]:
    rows = []
    for check in checks:
        what, where = (text.replace("``", "`") for text in demands(check))
        where = re.sub(r"docs/([\w/-]+\.md)", r"[\1](../\1)", where)
        rows.append(_row(f"`{check.__name__}`", what, where))
    return ["", f"## {title}", "", "| check | what is demanded | where that stands |", "|---|---|---|", *rows]


def _own_names(module: ModuleType) -> list[str]:
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


def _summary(value: Any) -> str:
    if inspect.isclass(value) or inspect.isroutine(value):
        return (inspect.getdoc(value) or "").partition("\n")[0].replace("``", "`")
    if get_origin(value) is not None:
        return "A type, for annotations."
    return f"`{value!r}`" if len(repr(value)) < 80 else f"A {type(value).__name__} of {len(value)}."


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _page(lines: Iterable[str]) -> str:
    return _MADE + "\n".join(lines).rstrip() + "\n"


PAGES = {
    "cli.md": command_line,
    "conformance.md": conformance,
    "contracts.md": contracts,
    "findings.md": findings,
    "hooks.md": hooks,
    "options.md": options,
    "python.md": names,
    "testing.md": testing_names,
}

if __name__ == "__main__":
    for file_name, make in PAGES.items():
        (FOLDER / file_name).write_text(make(), encoding="utf-8")
