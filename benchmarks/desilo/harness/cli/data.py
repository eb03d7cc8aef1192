"""Command line: the cases that come with desilo, and a look into any case."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import NUMBER, WHOLE

if TYPE_CHECKING:
    from desilo.harness import describe

CASE = Annotated[str, typer.Argument(help="Name of a bundled case, or a case folder.")]
OUT = Annotated[
    Path | None,
    typer.Option(help="Write CASE.md and its charts (PNG) into this folder instead of printing.", file_okay=False),
]

READING = (
    "sold, moved: {unit}s before the hold-out with sales, and those off the usual price. own: elasticity to the "
    "item's own price, its group's items pooled; 95%: its interval by the item's own records. explained: share of the "
    "price's movement that goes with promotion, season and other prices. price: set by the plan, or left as it is."
)
"""How the table of items is to be read."""

GAP = 2
"""Blanks between two columns."""


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    data = typer.Typer(name="data", help="Bundled cases and what is in a case.", no_args_is_help=True)
    data.command("list")(list_cases)
    data.command("describe")(describe_case)
    data.command("check")(check_case)
    data.command("panel")(make_panel)
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


def check_case(
    case: CASE, json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False
) -> None:
    """Say what is broken in a case, and what in it gives reason to doubt.

    Every item is shown with its price elasticity, the 95% interval that its own
    records give it, how much of its price's movement promotion, season and other
    prices explain, and whether its price is decided on or left as it is.

    Exit status: 0 it can be run, whatever the worries; 2 it is broken.
    """
    from desilo.cases.opening import open_case
    from desilo.harness.experiment import FULL, sized, starts_of
    from desilo.harness.inspection import inspect
    from desilo.operating.today import today

    history = open_case(case)
    for start in starts_of(sized(history, FULL), FULL):
        today(history, start)  # refuses what a run would refuse
    found = inspect(history)
    if json:
        typer.echo(dumps(found.as_dict(), indent=1, ensure_ascii=False))
        return
    console = Console(highlight=False)
    _print(console, found.table())
    console.print(Padding(Text(READING.format(unit=history.period_unit), style="dim"), (0, 0, 1, 0)))
    for worry in found.worries:
        console.print(Text(worry.kind, style="bold"))
        console.print(Padding(Text(worry.message), (0, 0, 0, 2)))
        for example in worry.examples:
            console.print(Padding(Text(f"- {example}"), (0, 0, 0, 2)))
        if worry.examples and (more := worry.count - len(worry.examples)) > 0:
            console.print(Padding(Text(f"- and {more:,} more"), (0, 0, 0, 2)))
    kinds = len(found.worries)
    said = "nothing to worry about" if not kinds else f"{kinds} kind{'s' if kinds > 1 else ''} of worry"
    console.print(Text(f"{history.name}: can be run; {said}"), soft_wrap=True)


def make_panel(
    folder: Annotated[Path, typer.Argument(help="New or empty folder for the case.", show_default=False)],
    products: Annotated[int, typer.Option(**WHOLE, help="Products to keep: those that take most money.")] = 300,
    margin: Annotated[float, typer.Option(**NUMBER, help="Share of the usual price, for unit costs.")] = 0.25,
) -> None:
    """Make a case of hundreds of products, to see that all of it works at that size.

    The data, a year of grocery purchases said to be simulated, come with a package:
    pip install "desilo[panel]". PROVENANCE.md in the folder says which products
    are taken and what may be done with the data.
    """
    from desilo.cases.importing.panel import import_panel
    from desilo.harness.cli.own import margin_of, tell

    if products < 1:
        raise BadInput([Problem("--products", f"found {products}; a whole number from 1 on is expected")])
    tell(import_panel(folder, products, margin_of(margin)), folder)


def _print(console: Console, table: describe.Table) -> None:
    """Figures stay in one piece; what a narrow terminal breaks is headers of figures and running text, names last."""
    columns = list(zip(table.header, *table.rows, strict=True))
    natural = sum(max(map(len, cells)) for cells in columns) + GAP * (len(columns) - 1)
    shown = RichTable(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    shown.show_edge, shown.pad_edge, shown.padding = False, False, (0, GAP - 1, 0, 0)
    for k, (name, *cells) in enumerate(columns):
        figures = k >= table.text_columns
        breaks = figures and natural > console.width and len(name) > max(map(len, cells))
        header = name.replace(" ", "\n") if breaks else name
        shown.add_column(header, justify="right" if figures else "left", no_wrap=figures, overflow="fold")
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown, markup=False)
    console.print()
