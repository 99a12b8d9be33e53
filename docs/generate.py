"""Writes the pages of ``docs/reference`` that are made from the code: ``python docs/generate.py``.

A test compares them with what this would write, so that they cannot be old.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import dicomlogic_core as dl
from dicomlogic_core import hookspecs, testing
from dicomlogic_core.cli.main import build_parser
from dicomlogic_core.option_names import CORE_OPTIONS
from dicomlogic_core.providers import Provider
from dicomlogic_core.testing.checks.common import COMMON
from dicomlogic_core.testing.checks.offline import CHECKS
from dicomlogic_core.testing.checks.outcome import Check, demands

sys.path.insert(0, str(Path(__file__).parent))  # tests load this file by its path
from markdown_of import described, docstring, own_names, page, prose, row, signature, summary_of

FOLDER = Path(__file__).parent / "reference"


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
        lines.append(row(f"`{code}`", severity, meaning, remedy))
    return page(lines)


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
        row("0", "done"),
        row("1", "done, but with failures or with findings of severity error"),
        row("2", "the request cannot be meant: wrong option, unknown keyword or identifier"),
        row("3", "a source or the database cannot be reached, read or written"),
        row("130", "interrupted; run the same command again to go on"),
        "",
        "Samples of `dicomlogic demo` carry such findings too: it ends with 1 for failures, and for findings in your",
        "own files (`--data`).",
    ]
    for name, command in _commands(parser):
        arguments = [action for action in command._actions if action.dest != "help"]
        lines += ["", f"## dicomlogic {name}", "", str(command.description), "", "| argument | meaning |", "|---|---|"]
        lines += [row(f"`{_invocation(action)}`", _help(action, command)) for action in arguments]
    return page(lines)


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
    return page(lines)


def _option_table(title: str, label: str, known: Mapping[str, str]) -> list[str]:
    rows = [row(f"`{name}`", text) for name, text in known.items()]
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
            lines += ["", f"## `{name}{signature(hook)}`", "", *docstring(hook)]
    return page(lines)


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
        lines.append(row(f"`{name}`", summary.replace("``", "`")))
    return page(lines)


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
            lines += ["", *prose(Provider), "", "And what each kind has besides:"]
        for name in members:
            lines += ["", f"### {name}", "", *described(getattr(dl, name))]
    return page(lines)


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
        lines += [row(f"`{name}`", summary_of(getattr(loaded, name))) for name in own_names(loaded)]
    return page(lines)


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
    return page(lines)


def _checks(title: str, checks: Iterable[Check]) -> list[str]:
    rows = []
    for check in checks:
        what, where = (text.replace("``", "`") for text in demands(check))
        where = re.sub(r"docs/([\w/-]+\.md)", r"[\1](../\1)", where)
        rows.append(row(f"`{check.__name__}`", what, where))
    return ["", f"## {title}", "", "| check | what is demanded | where that stands |", "|---|---|---|", *rows]


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
