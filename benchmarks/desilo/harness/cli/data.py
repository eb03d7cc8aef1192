"""Command line: the cases that come with desilo, and a look into any case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

if TYPE_CHECKING:
    from desilo.harness import describe

CASE = Annotated[str, typer.Argument(help="Name of a bundled case, or a case folder.")]
OUT = Annotated[
    Path | None,
    typer.Option(help="Write CASE.md and its charts (PNG) into this folder instead of printing.", file_okay=False),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    data = typer.Typer(name="data", help="Bundled cases and what is in a case.", no_args_is_help=True)
    data.command("list")(list_cases)
    data.command("describe")(describe_case)
    app.add_typer(data)


def list_cases() -> None:
    """List the bundled cases."""
    from desilo.cases.opening import bundled_cases, open_case
    from desilo.harness import describe

    rows = []
    for name in bundled_cases():
        case = open_case(name)
        span = f"{case.period_unit} {case.periods[0]} to {case.periods[-1]}"
        rows.append((name, case.title, case.licence, span, str(len(case.items)), str(len(case.periods))))
    header = ("case", "title", "licence", "span", "items", "periods")
    _print(Console(), describe.Table("Bundled cases", header, tuple(rows), text_columns=4))


def describe_case(case: CASE, out: OUT = None) -> None:
    """Show a case: its items and their history, and every operating figure with its reason."""
    from desilo.cases.opening import open_case
    from desilo.harness import describe

    history = open_case(case)
    if out is not None:
        typer.echo(describe.write_description(history, out))
        return
    console = Console()
    for table in (
        describe.case_facts(history),
        describe.item_summary(history),
        describe.history_summary(history),
        describe.assumption_summary(history),
    ):
        _print(console, table)


def _print(console: Console, table: describe.Table) -> None:
    shown = RichTable(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for k, name in enumerate(table.header):
        if k < table.text_columns:
            shown.add_column(name, overflow="fold")
        else:
            shown.add_column(name, justify="right", no_wrap=True)
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown, markup=False)
