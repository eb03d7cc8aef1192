"""Command line: the instance library, and the gate that a solver must pass."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from desilo.harness.cli import Exit

AS_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command()(gate)


def gate(as_json: AS_JSON = False) -> None:
    """Have the installed solver solve tiny problems with known answers.

    The answers were found by enumeration. A version of the solver must get all
    of them right before its times count.

    Exit status: 0 passed; 5 failed; 1 anything else.
    """
    from desilo.harness.solvers.gate import WAYS, failures
    from desilo.harness.solvers.tiny import read
    from desilo.solving.highs import SOLVER

    programs = read()
    found = failures(programs)
    wrong = len({failure.program for failure in found})
    if as_json:
        status = "failed" if found else "passed"
        facts = {"status": status, "solver": SOLVER, "programs": len(programs), "wrong": wrong}
        typer.echo(json.dumps({**facts, "failures": [vars(failure) for failure in found]}))
    elif not found:
        typer.echo(f"{SOLVER} solves all {len(programs)} programs rightly, each in {len(WAYS)} ways.")
    else:
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("program", "solved with", "expected", "found"):
            table.add_column(name)
        for failure in found:
            table.add_row(failure.program, failure.way, failure.expected, failure.found)
        Console(highlight=False).print(table)
        typer.echo(f"{SOLVER} solves {wrong} of {len(programs)} programs wrongly.")
    if found:
        raise typer.Exit(Exit.REGRESSION)
