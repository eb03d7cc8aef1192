"""The command line. Each module holds the commands of one subject; `main` turns errors into exit codes.

Exit codes: 0 done; 1 anything unexpected; 2 bad input; 3 stopped by a limit with a plan; 4 infeasible.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum

import typer
from rich.console import Console

from desilo.cases.errors import BadInput


class Exit(IntEnum):
    """Exit status of every command."""

    OK = 0
    UNEXPECTED = 1
    BAD_INPUT = 2
    LIMIT = 3
    INFEASIBLE = 4


app = typer.Typer(
    name="desilo",
    help="The benchmark for connected decisions: pricing, demand and inventory, one at a time and jointly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the `desilo` command."""
    from desilo.harness.cli import check, data, generate, run, solve

    for module in (run, data, generate, solve, check):
        module.register(app)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app()
    except BadInput as bad:
        for problem in bad.problems:
            errors.print(f"error: {problem}", markup=False)
        sys.exit(Exit.BAD_INPUT)
    except KeyboardInterrupt:
        errors.print("interrupted", markup=False)
        sys.exit(Exit.UNEXPECTED)
    except Exception as error:
        if os.environ.get("DESILO_DEBUG"):
            raise
        kind = type(error).__name__
        errors.print(f"error: {kind}: {error} (set DESILO_DEBUG=1 for the traceback)", markup=False)
        sys.exit(Exit.UNEXPECTED)
