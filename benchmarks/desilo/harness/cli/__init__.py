"""The command line. Each module holds the commands of one subject; `main` turns errors into exit codes.

Exit codes: 0 done; 1 anything unexpected, such as a full disk; 2 bad input, or a place that cannot be used; 3 stopped
by a limit with a plan; 4 infeasible; 5 a regression, or a wrong answer, was found.

Commands import what they work with when they run, not when they are registered: help and shell completion answer
without loading Pyomo, pandas and the solver.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from enum import IntEnum
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.cases.folders import NO_FAULT_OF_THE_PLACE


class Exit(IntEnum):
    """Exit status of every command."""

    OK = 0
    UNEXPECTED = 1
    BAD_INPUT = 2
    LIMIT = 3
    INFEASIBLE = 4
    REGRESSION = 5  # or a wrong answer


LARGEST = 2**31 - 1
"""The solver's largest whole number."""


def application() -> typer.Typer:
    """The `desilo` command with all its subcommands."""
    from desilo.harness.cli import (
        bench,
        check,
        claims,
        compare,
        data,
        explore,
        generate,
        library,
        own,
        run,
        solve,
        track,
    )

    app = typer.Typer(name="desilo", no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(root)
    for module in (run, explore, claims, own, data, generate, solve, check, library, bench, compare, track):
        module.register(app)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"desilo {version('desilo')}")
        raise typer.Exit


VERSION = typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)


def root(version: Annotated[bool, VERSION] = False) -> None:
    """The benchmark for connected decisions: pricing, demand and inventory, one at a time and jointly."""


def main() -> None:
    """Entry point of the `desilo` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name may have letters that the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    try:
        _require_text(sys.argv[1:])
        application()(prog_name="desilo")
    except BadInput as bad:
        for problem in bad.problems:
            complain(f"error: {problem}")
        sys.exit(Exit.BAD_INPUT)
    except Exception as error:
        if os.environ.get("DESILO_DEBUG"):
            raise
        said, code = _in_words(error)
        complain(f"error: {said}")
        sys.exit(code)


def _require_text(arguments: Iterable[str]) -> None:
    """What is typed goes into records, names and messages: it must be text, names of files too.

    Raises:
        BadInput: it holds bytes that are none.
    """
    strange = [argument for argument in arguments if any("\ud800" <= letter <= "\udfff" for letter in argument)]
    if strange:
        raise BadInput([Problem(ascii(each), "holds bytes that are no text; rename it") for each in strange])


def _in_words(error: Exception) -> tuple[str, Exit]:
    """What happened, in one sentence, and its exit status: a useless place is bad input, a full disk is not."""
    if isinstance(error, OSError) and error.filename is not None:
        problem = str(Problem(os.fsdecode(error.filename), error.strerror or str(error)))
        if error.errno not in NO_FAULT_OF_THE_PLACE:
            return f"{problem}; name another place", Exit.BAD_INPUT
        return f"{problem}; what was finished before is kept", Exit.UNEXPECTED
    if isinstance(error, MemoryError):
        return "memory ran out; what was finished before is kept", Exit.UNEXPECTED
    return f"{type(error).__name__}: {error} (set DESILO_DEBUG=1 for the traceback)", Exit.UNEXPECTED


def whole(given: str | int) -> int:
    """Reads a whole number of the command line."""
    try:
        return int(given)
    except ValueError:
        raise typer.BadParameter(f"found '{given}'; a whole number is expected") from None


def number(given: str | float) -> float:
    """Reads a number of the command line; nan and inf are for the commands to refuse."""
    try:
        return float(given)
    except ValueError:
        raise typer.BadParameter(f"found '{given}'; a number is expected") from None


WHOLE: dict[str, Any] = {"parser": whole, "metavar": "<int>"}
NUMBER: dict[str, Any] = {"parser": number, "metavar": "<float>"}
"""What an option of that kind is read by."""

CLUSTER = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Work on this Dask cluster, e.g. tcp://host:8786.", show_default="here"),
]


def complain(message: str) -> None:
    """A message for people, on standard error."""
    typer.echo(message, err=True)
