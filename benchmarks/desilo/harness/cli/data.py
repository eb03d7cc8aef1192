"""Command line: the cases that come with desilo, and a look into any case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from desilo.cases.errors import BadInput, Problem

if TYPE_CHECKING:
    from desilo.harness import describe

CASE = Annotated[str, typer.Argument(help="Name of a bundled case, or a case folder.")]
OUT = Annotated[
    Path | None,
    typer.Option(help="Write CASE.md and its charts (PNG) into this folder instead of printing.", file_okay=False),
]

GAP = 2
"""Blanks between two columns."""


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
        try:
            typer.echo(describe.write_description(history, out))
        except OSError as error:
            raise BadInput([Problem(str(out), f"cannot be written: {error.strerror}")]) from None
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
    """Names and figures stay in one piece; what a narrow terminal breaks is running text and headers of figures."""
    columns = list(zip(table.header, *table.rows, strict=True))
    natural = sum(max(map(len, cells)) for cells in columns) + GAP * (len(columns) - 1)
    shown = RichTable(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    shown.show_edge, shown.pad_edge, shown.padding = False, False, (0, GAP - 1, 0, 0)
    for k, (name, *cells) in enumerate(columns):
        figures = k >= table.text_columns
        breaks = figures and natural > console.width and len(name) > max(map(len, cells))
        header = name.replace(" ", "\n") if breaks else name
        whole = figures or not any(" " in cell for cell in cells)
        shown.add_column(header, justify="right" if figures else "left", no_wrap=whole, overflow="fold")
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown, markup=False)
    console.print()
