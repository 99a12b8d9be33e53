"""``dicomlogic``: arguments in, exit code out.

Only the standard library is imported here, so that ``--help`` answers at once; commands import what they need.

Exit codes: 0 ok, 1 done but with failures or error findings, 2 usage, 3 source or database failure, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from dicomlogic_core import __version__

USAGE_FAILURE, SOURCE_FAILURE, INTERRUPTED = 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as stop:  # --help, --version, and what argparse refuses
        return int(stop.code or 0)
    try:
        code = _run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _complain("interrupted; what was finished stays, run the same command again to go on")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has had enough (`| head`).
        _drop_output()
        return 0
    except OSError as error:  # the disk or a folder, where no step of the work has more to say
        place = f" [{error.filename}]" if error.filename else ""
        what = error.strerror or str(error).partition("\n")[0]  # pydicom adds a traceback to its own
        _complain(f"{what}{place} -> check the disk and the folder, then run again")
        _drop_output()
        return SOURCE_FAILURE


def _run(args: argparse.Namespace) -> int:
    from dicomlogic_core import Cancelled, DatabaseError, DicomLogicError, SourceError, UsageError
    from dicomlogic_core.cli import commands

    try:
        return int(getattr(commands, f"run_{args.command}")(args))
    except UsageError as error:
        _complain(error)
        return USAGE_FAILURE
    except (SourceError, DatabaseError) as error:
        _complain(error)
        return SOURCE_FAILURE
    except Cancelled as error:
        _complain(error)
        return INTERRUPTED
    except DicomLogicError as error:
        _complain(error)
        return 1


def _drop_output() -> None:
    """Keep the interpreter's last flush quiet: what it has left nobody can take."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(what: object) -> None:
    from dicomlogic_core.cli.output import message

    message(f"dicomlogic: {what}")


def build_parser() -> argparse.ArgumentParser:
    """The command line as documented; ``docs/reference/cli.md`` is made from it."""
    parser = argparse.ArgumentParser(
        prog="dicomlogic",
        description="Index DICOM from files and DICOMweb into a ctkDICOM database; make volumes of it, with checks.",
        epilog="Start with: dicomlogic demo",
    )
    parser.add_argument("--version", action="version", version=f"dicomlogic {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    demo = _command(commands, "demo", "show the whole way, from a DICOMweb server to volumes and pictures")
    demo.add_argument("--data", metavar="FOLDER", help="your own DICOM files instead of the samples")
    demo.add_argument("--to", metavar="FOLDER", default="dicomlogic-demo", help="where to put everything (%(default)s)")

    index = _command(commands, "index", "read headers from folders, files or servers into a database")
    index.add_argument(
        "locations", nargs="+", metavar="LOCATION", help="folder, file or https://HOST/dicom-web[/studies/UID]"
    )
    _add_db(index)
    _add_where(index, "only what matches; repeat for more")
    _add_options(index, "source option, e.g. auth=env:TOKEN")

    listing = _command(commands, "list", "show what is in a database; patient fields are shown")
    _add_db(listing)
    listing.add_argument(
        "--level",
        choices=("patient", "study", "series", "instance"),
        default="study",
        help="one row for each (%(default)s)",
    )
    _add_where(listing, "only what matches; repeat for more")

    examine = _command(commands, "examine", "say what can be loaded, how sure that is, and what is wrong with it")
    examine.add_argument("uids", nargs="*", metavar="UID", help="study, series or loadable; everything by default")
    _add_db(examine)
    _add_where(examine, "only loadables whose first series matches")
    _add_options(examine, "adaptor option, as a finding's remedy names it")

    export = _command(commands, "export", "write loadables to files")
    export.add_argument(
        "uids", nargs="*", metavar="UID|LOADABLE", help="study, series or loadable; everything by default"
    )
    _add_db(export)
    export.add_argument("--to", metavar="OUT", required=True, help="folder to write into")
    export.add_argument(
        "--format", default="auto", help="name of a writer's format, e.g. nrrd or json (%(default)s: what fits each)"
    )
    export.add_argument("--all", action="store_true", help="also the alternatives that are not selected")
    export.add_argument("--jobs", metavar="N", type=_count, default=1, help="loadables at the same time (%(default)s)")
    _add_where(export, "only loadables whose first series matches")
    _add_source(export)
    _add_options(export, "adaptor, source or writer option")

    preview = _command(commands, "preview", "write a picture of a loadable's slices")
    preview.add_argument("uid", metavar="UID|LOADABLE", help="series or loadable")
    _add_db(preview)
    preview.add_argument("--to", metavar="FILE.png", required=True, help="picture to write")
    _add_source(preview)
    _add_options(preview, "adaptor or source option")

    plugins = _command(commands, "plugins", "list plugins and what each provides, or check one")
    plugins.add_argument("action", nargs="?", choices=("check",), help="load one strictly and run the conformance kit")
    plugins.add_argument("name", nargs="?", metavar="NAME", help="plugin to check")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.set_defaults(command=name)
    parser.add_argument("--json", action="store_true", help="print records as JSON on stdout")
    return parser


def _add_db(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--db", metavar="DIR", help="database folder ($DICOMLOGIC_DB, else ./dicomlogic-db)")


def _add_where(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--where", metavar="KEYWORD=VALUE", type=_pair, action="append", default=[], help=help)


def _add_options(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument(
        "-o", "--option", metavar="KEY=VALUE", dest="options", type=_pair, action="append", default=[], help=help
    )


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source", metavar="URL", help="name the server again when it needs credentials, with -o auth=... as for index"
    )


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
