"""Command line: init and import, the two ways to a case of one's own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import NUMBER, WHOLE

if TYPE_CHECKING:
    from desilo.cases.importing.case import Imported
    from desilo.cases.importing.columns import Role
    from desilo.cases.importing.export import Export


class Period(StrEnum):
    """Length of a period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Decimal(StrEnum):
    """Sign before the decimals of a figure."""

    POINT = "."
    COMMA = ","


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command("init")(init)
    app.command("import")(import_sales)


def init(
    folder: Annotated[Path, typer.Argument(help="New or empty folder.", show_default=False)],
    period: Annotated[Period, typer.Option(help="Length of a period.")] = Period.WEEK,
    currency: Annotated[str, typer.Option(help="Name of the money.")] = "EUR",
) -> None:
    """Write a commented case folder to fill in.

    Every operating figure stands at its documented default, with its reason.
    """
    from desilo.cases.starting import start_case

    start_case(folder, period.value, currency)
    typer.echo(f"{folder}: fill in case.toml, items.csv and sales.csv, then look through assumptions.toml")
    typer.echo(f"next: desilo data check {folder}")


def _column(meaning: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        help=f"Column: {meaning}.", metavar="COLUMN", show_default=False, rich_help_panel="Columns"
    )
    return option


def import_sales(
    sales: Annotated[Path, typer.Argument(help="CSV, .parquet or .xlsx file.", show_default=False)],
    out: Annotated[Path, typer.Option(help="New or empty folder for the case.", show_default=False)],
    date: Annotated[str | None, _column("day, week or month of a row")] = None,
    item: Annotated[str | None, _column("what was sold")] = None,
    units: Annotated[str | None, _column("units sold; returns are negative")] = None,
    price: Annotated[str | None, _column("price per unit")] = None,
    revenue: Annotated[str | None, _column("money taken for the row; price = revenue / units")] = None,
    unit_cost: Annotated[str | None, _column("what a unit cost to buy")] = None,
    stock: Annotated[str | None, _column("units in stock after the row")] = None,
    promo: Annotated[str | None, _column("promoted or not; yes, no or a share")] = None,
    zone: Annotated[str | None, _column("price zone; without it all rows are one")] = None,
    group: Annotated[str | None, _column("group of substitutes; without it a zone is one")] = None,
    margin: Annotated[
        float | None,
        typer.Option(**NUMBER, help="Share of the usual price, for unit costs without a column.", show_default=False),
    ] = None,
    period: Annotated[
        Period | None,
        typer.Option(help="Length of a period.", show_default="week; month if rows lie a month apart"),
    ] = None,
    holdout: Annotated[
        int | None,
        typer.Option(**WHOLE, help="First period planners must not see.", show_default="the last quarter"),
    ] = None,
    top: Annotated[
        int | None, typer.Option(**WHOLE, help="Items to keep: those that take most money.", show_default="all")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the case.", show_default="name of the folder")] = None,
    currency: Annotated[str, typer.Option(help="Name of the money.", show_default="told from the figures")] = "",
    date_format: Annotated[
        str | None, typer.Option(help="As in strptime, such as %d.%m.%Y.", show_default="told from the dates")
    ] = None,
    decimal: Annotated[Decimal | None, typer.Option(help="Decimal sign.", show_default="told from the figures")] = None,
    sheet: Annotated[str | None, typer.Option(help="Of an Excel file.", show_default="the first")] = None,
    encoding: Annotated[str, typer.Option(help="Of a CSV file, such as cp1252.")] = "utf-8",
) -> None:
    """Make a case of a sales export: a row a transaction, or an item and period.

    Columns that are not named are guessed from their names, or asked for on a
    terminal. Sales and unit costs are enough; every other figure gets its
    documented default, marked as assumed. PROVENANCE.md in the folder says
    what was done to the rows.
    """
    from desilo.cases.importing.case import How, import_case
    from desilo.cases.importing.columns import Role
    from desilo.cases.importing.export import read_export
    from desilo.cases.starting import name_of

    if margin is not None:
        margin_of(margin)
    if margin is not None and unit_cost is not None:
        raise BadInput([Problem("--margin", "unit costs come from --unit-cost; give one of the two")])
    if top is not None and top < 1:
        raise BadInput([Problem("--top", f"found {top}; a whole number of items from 1 on is expected")])
    export = read_export(sales, sheet=sheet, encoding=encoding)
    given = dict(zip(Role, (date, item, units, price, revenue, unit_cost, stock, promo, zone, group), strict=True))
    columns = _choose(export, {role: column for role, column in given.items() if column}, margin is not None)
    imported = import_case(
        export,
        How(
            columns,
            name=name or name_of(out),
            currency=currency,
            unit=period.value if period else None,
            date_format=date_format,
            decimal=decimal.value if decimal else None,
            margin=margin,
            holdout=holdout,
            top=top,
        ),
        out,
    )
    typer.echo(", ".join(f"{role}: {column}" for role, column in columns.items()))
    tell(imported, out)


def margin_of(given: float) -> float:
    """A margin, if it is one."""
    if not 0 <= given < 1:
        raise BadInput([Problem("--margin", f"found {given:g}; a share of the price from 0 to below 1 is expected")])
    return given


def tell(imported: Imported, folder: Path) -> None:
    """Say what was done to make a case, and what comes next."""
    for sentence in imported.account:
        typer.echo(fill(sentence, 80, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False))
    typer.echo(f"{imported.case.title} -> {folder}")
    typer.echo(f"next: desilo data check {folder}, then desilo run {folder} --quick")


def _choose(export: Export, given: Mapping[Role, str], margin: bool) -> dict[Role, str]:
    """The column of every role there is: given, guessed or asked for.

    Raises:
        BadInput: a given column is not there, or one that is needed is missing and nobody can be asked.
    """
    from desilo.cases.findings import did_you_mean, quoted
    from desilo.cases.importing.columns import MEANING, REQUIRED, Role, guess

    header = list(export.frame.columns)
    unknown = [
        Problem(f"--{role}", f"{export.file} has no column '{column}'; {did_you_mean(column, header)}")
        for role, column in given.items()
        if column not in header
    ]
    if unknown:
        raise BadInput(unknown)
    candidates = guess(header, given)
    chosen = dict(given) | {role: names[0] for role, names in candidates.items() if len(names) == 1}
    if margin:
        chosen.pop(Role.UNIT_COST, None)
    missing = [role for role in REQUIRED if role not in chosen]
    if not {Role.PRICE, Role.REVENUE} & set(chosen):
        missing.append(Role.PRICE)
    if Role.UNIT_COST not in chosen and not margin:
        missing.append(Role.UNIT_COST)
    if missing and sys.stdin.isatty():
        from rich.prompt import Prompt

        typer.echo(f"{export.file} has the columns {', '.join(header)}")
        for role in missing:
            chosen[role] = Prompt.ask(f"column of {MEANING[role]}", choices=header, show_choices=False)
    elif missing:
        advice = {
            Role.ITEM: "--item COLUMN; a table of a single item needs a column with its name",
            Role.PRICE: "--price COLUMN, or --revenue COLUMN",
            Role.UNIT_COST: "--unit-cost COLUMN, or --margin SHARE of the price (such as 0.3) to assume one",
        }
        asked = [f"which column holds {MEANING[role]}? Say {advice.get(role, f'--{role} COLUMN')}" for role in missing]
        known = f"its columns are {quoted(header, 30)}"
        raise BadInput([Problem(export.file, said) for said in (*asked, known)])
    return {role: chosen[role] for role in Role if role in chosen}
