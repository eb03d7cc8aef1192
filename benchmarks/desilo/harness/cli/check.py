"""Command line: check."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from desilo.harness.cli import Exit

if TYPE_CHECKING:
    from desilo.cases.instance import Instance
    from desilo.harness.check import Check, Violation

SHOWN = 20
"""Violations shown to people; `--json` has them all."""


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command("check")(check_solution)


def check_solution(
    instance: Annotated[Path, typer.Argument(help="Folder of the instance.")],
    solution: Annotated[Path, typer.Argument(help="Solution file (JSON): levels and orders.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Check a solution: is it feasible, and what does it earn? Independent of the models.

    Exit status: 0 the plan is feasible; 4 it is not; 2 the instance or the solution cannot be read.
    """
    from desilo.cases.plan import read_plan
    from desilo.cases.reading import read_instance
    from desilo.harness.check import check

    problem = read_instance(instance)
    found = check(problem, read_plan(problem, solution))
    if as_json:
        typer.echo(json.dumps(_as_dict(problem, found)))
    else:
        _show(problem, found)
    if not found.feasible:
        raise typer.Exit(Exit.INFEASIBLE)


def _as_dict(instance: Instance, found: Check) -> dict[str, Any]:
    return {
        "instance": instance.name,
        "status": "feasible" if found.feasible else "infeasible",
        "feasible": found.feasible,
        "violations": [_violation(broken) for broken in found.violations],
        "profit": _number(found.profit),
        "profit_first_come": _number(found.profit_first_come),
        "breakdown": {cause: _number(money) for cause, money in found.breakdown.items()},
        "fill_rate": _number(found.fill_rate),
        "average_stock": _number(found.average_stock),
    }


def _violation(broken: Violation) -> dict[str, Any]:
    return {
        "rule": broken.rule.value,
        "name": broken.name,
        "period": broken.period,
        "scenario": broken.scenario,
        "found": _number(broken.found),
        "limit": _number(broken.limit),
        "excess": _number(broken.excess),
        "message": str(broken),
    }


def _number(figure: float) -> float | None:
    """JSON has no nan and no infinity."""
    return figure if math.isfinite(figure) else None


def _show(instance: Instance, found: Check) -> None:
    screen = Console(highlight=False, soft_wrap=True)
    screen.print(f"{instance.name}: {'feasible' if found.feasible else 'INFEASIBLE'}", markup=False)
    if math.isfinite(found.profit):
        screen.print(_profit_table(instance, found), markup=False)
    if found.violations:
        screen.print(f"\n{len(found.violations)} rules broken")
        _show_violations(screen, found.violations)


def _profit_table(instance: Instance, found: Check) -> Table:
    from desilo.harness.sell import EFFECT_ON_PROFIT

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("expected, best recourse")
    table.add_column(instance.currency or "money", justify="right")
    for cause, sign in EFFECT_ON_PROFIT.items():
        table.add_row(cause.replace("_", " "), f"{sign * found.breakdown[cause]:,.2f}")
    table.add_section()
    table.add_row("profit", f"{found.profit:,.2f}", style="bold")
    table.add_row("profit, first come first served", f"{found.profit_first_come:,.2f}")
    table.add_section()
    table.add_row("fill rate", f"{found.fill_rate:.2%}")
    table.add_row("average stock, units", f"{found.average_stock:,.2f}")
    return table


def _show_violations(screen: Console, violations: Sequence[Violation]) -> None:
    for broken in violations[:SHOWN]:
        screen.print(f"  {broken}", markup=False)
    if len(violations) > SHOWN:
        screen.print(f"  and {len(violations) - SHOWN} more; --json lists them all")
