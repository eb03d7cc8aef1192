"""The rows of an export as dates, names and figures, or everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from desilo.cases.defaults import PeriodUnit
from desilo.cases.findings import Findings, counted
from desilo.cases.importing.columns import Role
from desilo.cases.importing.dates import formats_that_fit, ordinals, read_dates, spelt_out, unit_of
from desilo.cases.importing.export import Export
from desilo.cases.importing.figures import (
    CURRENCIES,
    DECIMALS,
    Decimal,
    ambiguous,
    decimals_that_fit,
    texts_of,
    to_figures,
)
from desilo.cases.instance import Floats, Ints
from desilo.cases.tables import CONTROL

FIGURES = (Role.UNITS, Role.PRICE, Role.REVENUE, Role.UNIT_COST, Role.STOCK)

NO, YES = {"", "0", "no", "n", "false", "none", "-", "nein"}, {"1", "yes", "y", "true", "x", "t", "ja", "j"}
"""Words of a promotion column, in lower case."""

YEARS = {"year", "jahr", "yr", "año", "calendaryear", "fiscalyear"}
"""Names of a column that says which year a week or month is of."""

CALLED_OFF = r"\b(?:cancel|return|refund|void|reject|storn)"
"""Begins what a column of states says of a row that is no sale."""

EXCEL_DAYS = 30_000
"""Numbers from here on, 1982 as Excel counts days, are more than any history numbers."""

DOUBLED = 0.4
"""Share of rows that are copies of another from which on it is worth asking whether all of them are sales."""

ALL = "all"
"""The price zone of an export without zones."""


@dataclass(frozen=True)
class Rows:
    """Sales, a row of the export each.

    Attributes:
        frame: `item`, `zone`, `group` (text; a group may be blank), `period` (ordinal of its unit, or its own number),
            `before`, `after` (days of its period before and after it), and figures, nan where there are none: `units`,
            `revenue`, `price`, `unit_cost`, `stock`, `promo`.
        unit: length of a period.
        dated: whether periods come from dates; otherwise the export numbers them itself.
        currency: read off the figures; "" if they show none.
        account: how cells were read, a sentence each.
    """

    frame: pd.DataFrame
    unit: PeriodUnit
    dated: bool
    currency: str
    account: tuple[str, ...]


def read_rows(
    export: Export,
    columns: Mapping[Role, str],
    *,
    unit: PeriodUnit | None = None,
    date_format: str | None = None,
    decimal: Decimal | None = None,
) -> Rows:
    """Make sense of every cell.

    Args:
        export: the table.
        columns: names of its columns by what they hold.
        unit: length of a period; weeks otherwise, or months where rows lie a month apart.
        date_format: of the dates, as in `strptime`; told from the dates otherwise.
        decimal: sign of the figures; told from them otherwise.

    Raises:
        BadInput: with every cell that holds something else, and what cannot be told.
    """
    findings, account = Findings(), list[str]()
    cells = {
        role: export.frame[name] if role in FIGURES else _as_text(export.frame[name]) for role, name in columns.items()
    }
    frame = pd.DataFrame(index=export.frame.index)
    frame["item"] = _names(export.file, cells[Role.ITEM], findings, account)
    frame["zone"] = _names(export.file, cells[Role.ZONE], findings, account) if Role.ZONE in cells else ALL
    grouped = Role.GROUP in cells
    frame["group"] = _names(export.file, cells[Role.GROUP], findings, account, blank=True) if grouped else ""
    periods = _periods(export.file, cells[Role.DATE], unit, date_format, findings, account)
    if periods is not None and not periods[-1]:
        _numbered_once(export, columns[Role.DATE], periods[0], findings)
    figures, currency = _figures(export.file, {r: cells[r] for r in FIGURES if r in cells}, decimal, findings, account)
    for role in FIGURES:
        frame[role.replace("-", "_")] = figures.get(role, np.nan)
    frame["promo"] = _promo(export.file, cells[Role.PROMO], findings) if Role.PROMO in cells else 0.0
    _sensible(export, frame, cells, findings)
    findings.stop_if_any()
    if periods is None:
        raise AssertionError("dates that cannot be read are a problem")
    account += _doubts(export, columns, frame["item"])
    unknown = frame["units"].isna()
    if unknown.any():
        account.append(f"Without units and money, so nothing is on record: {counted(int(unknown.sum()), 'row')}.")
    frame["period"], frame["before"], frame["after"], unit, dated = periods
    if Role.REVENUE not in cells:
        frame["revenue"] = frame["units"] * frame["price"]
    if Role.REVENUE in cells and Role.PRICE in cells:
        account.append("The price is revenue over units; the price column speaks for rows without units only.")
    free = (frame["units"] > 0) & (frame["revenue"] == 0)
    if free.any():
        account.append(f"Units at no price, samples or corrections, were left out: {counted(int(free.sum()), 'row')}.")
        frame = frame[~free]
    return Rows(frame, unit, dated, currency, tuple(account))


def _doubts(export: Export, columns: Mapping[Role, str], items: pd.Series) -> list[str]:
    """What may not be as it looks, and was taken as it is."""
    said = []
    try:
        copies = pd.util.hash_pandas_object(export.frame, index=False).duplicated().mean()
    except TypeError:  # cells of a parquet file that are lists
        copies = 0.0
    if copies > DOUBLED:
        said.append(f"Copies of another row, cell for cell, were counted like any other: {copies:.0%}. Is each a sale?")
    for name in export.frame.columns.difference([*columns.values()], sort=False):
        if "status" in name.lower():
            states = export.frame[name].astype("str")
            off = states[states.str.contains(CALLED_OFF, case=False)]
            if len(off):
                what = f"Column {name} says '{off.iloc[0]}' or the like in {counted(len(off), 'row')}"
                said.append(f"{what}, which were counted as sold: export without them if they were not.")
    names = pd.Series(items.unique())
    alike = names[names.str.casefold().duplicated(keep=False)]
    if len(alike):
        what = f"{counted(len(alike), 'name')}, {_two(alike)}"
        said.append(f"Names that differ in capitals alone are items apart: {what}.")
    return said


def _two(alike: pd.Series) -> str:
    first = alike.iloc[0]
    other = alike[(alike.str.casefold() == first.casefold()) & (alike != first)].iloc[0]
    return f"first '{first}' and '{other}'"


def _as_text(cells: pd.Series) -> pd.Series:
    """A column of texts, unless it is one of numbers; a typed date becomes its ISO text."""
    if pd.api.types.is_bool_dtype(cells):
        return cells.map({True: "1", False: "0"})
    if pd.api.types.is_numeric_dtype(cells):
        return cells
    if not pd.api.types.is_object_dtype(cells):
        return cells.astype("str").where(cells.notna(), "").astype("str")
    if cells.map(lambda cell: isinstance(cell, (int, float)) and not isinstance(cell, bool)).all():
        return cells.astype(float)
    return cells.map(_cell).astype("str")


def _cell(cell: Any) -> str:
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _names(file: str, cells: pd.Series, findings: Findings, account: list[str], *, blank: bool = False) -> pd.Series:
    """Names on one line; some may be blank if asked."""
    if pd.api.types.is_numeric_dtype(cells):
        cells = cells.map(_cell)
    cells = cells.astype("str")
    named = cells.str.replace(f"{CONTROL}+", " ", regex=True).str.strip()
    broken = cells.str.strip().str.contains(CONTROL, regex=True)
    missing, formula = (named == "") & (not blank), named.str.startswith("=")
    findings.add_rows(file, str(cells.name), list(cells.index[missing]), lambda row: "blank; a name is expected")
    findings.add_rows(
        file,
        str(cells.name),
        list(cells.index[formula]),
        lambda row: f"found {cells[row]!r}, a formula; export its value",
    )
    if broken.any():
        changed = f"{named[broken].nunique():,}, first '{named[broken].iloc[0]}'"
        account.append(f"Names were changed (line breaks became blanks): {changed}.")
    return named


def _periods(
    file: str,
    cells: pd.Series,
    unit: PeriodUnit | None,
    date_format: str | None,
    findings: Findings,
    account: list[str],
) -> tuple[Ints, Ints, Ints, PeriodUnit, bool] | None:
    """Periods, days of the period before and after each row, the unit, and whether they come from dates."""
    column = str(cells.name)
    if pd.api.types.is_numeric_dtype(cells):
        cells = cells.map(_cell)
    texts = cells.str.strip()
    blank = texts == ""
    findings.add_rows(file, column, list(cells.index[blank]), lambda row: "blank; a date is expected")
    known = pd.Series(texts[~blank].unique())
    if known.empty:
        return None
    if date_format is None and known.str.fullmatch(r"-?\d{1,5}").all():
        named = _unit_named(column)
        if unit is not None and named not in {unit, None}:
            what = f"numbers {named}s, which cannot be told to {unit}s without their dates; leave --period out"
            findings.add(file, what, column=column)
        numbered = unit or named or "week"
        if named is None and known.astype(int).min() >= EXCEL_DAYS:
            what = f"'{known[0]}' may be a day as Excel counts them; format the column as a date before it is exported"
            findings.add(file, f"{what}, or name it week or day if that is what it numbers", column=column)
        account.append(f"Column {column} numbers {numbered}s; the numbers are kept.")
        numbers: Ints = pd.to_numeric(texts.where(~blank, "0")).to_numpy(np.int64)
        return numbers, np.zeros_like(numbers), np.zeros_like(numbers), numbered, False
    formats = (date_format,) if date_format else formats_that_fit(known)
    if len(formats) != 1:
        if formats:
            example = _told_apart(known, formats)
            what = f"'{example}' may be " + " or ".join(spelt_out(name) for name in formats)
            advice = f'say which with --date-format "{formats[0]}" or "{formats[1]}"'
            findings.add(file, f"{what}, and so may every other date; {advice}", column=column)
        else:
            advice = "write them as 2024-05-31, or say how they are written, as in --date-format %d.%m.%Y"
            findings.add(file, f"no dates that can be read, such as '{known[0]}'; {advice}", column=column)
        return None
    by_text = dict(zip(known, read_dates(known, formats[0]), strict=True))
    dates = pd.Series(texts.map(by_text))
    strange = dates.isna() & ~blank
    shown = spelt_out(formats[0])
    findings.add_rows(
        file, column, list(cells.index[strange]), lambda row: f"found '{cells[row]}'; a date {shown} is expected"
    )
    if blank.any() or strange.any():
        return None
    unit = unit or unit_of(dates)
    account.append(f"Dates are written {shown}; periods are {unit}s{' from Monday to Sunday' * (unit == 'week')}.")
    return *ordinals(dates, unit), unit, True


def _unit_named(column: str) -> PeriodUnit | None:
    units: tuple[PeriodUnit, ...] = ("day", "week", "month")
    return next((unit for unit in units if unit in column.lower()), None)


def _numbered_once(export: Export, column: str, numbers: Ints, findings: Findings) -> None:
    """Find numbers that begin again every year: a week's is then that of several weeks."""
    for name in export.frame.columns:
        if name != column and re.sub(r"[\W_]", "", name.lower()) in YEARS:
            years = export.frame[name].astype("str").groupby(numbers).nunique()
            if years.median() > 1:
                what = f"begins again with every '{name}': bring both into one column, as in 2024-W05 or 2024-05"
                findings.add(export.file, what, column=column)


def _told_apart(texts: pd.Series, formats: Sequence[str]) -> str:
    one, other = (read_dates(texts, name) for name in formats[:2])
    return str(texts[one != other].iloc[0])


def _figures(
    file: str, cells: Mapping[Role, pd.Series], decimal: Decimal | None, findings: Findings, account: list[str]
) -> tuple[dict[Role, Floats], str]:
    texts = [text for column in cells.values() for text in texts_of(column)]
    signs = DECIMALS[:1] if not texts else (decimal,) if decimal else decimals_that_fit(texts)
    if len(signs) > 1:
        text = ambiguous(texts)
        findings.add(file, f"'{text}' may be thousands or decimals; say which with --decimal . or --decimal ,")
    figures = {}
    for role, column in cells.items():
        figures[role], wrong = to_figures(column, signs[0])
        say = partial(_no_figure, column, signs[0])
        findings.add_rows(file, str(column.name), list(column.index[wrong]), say)
    found = {CURRENCIES[sign] for text in texts for sign in CURRENCIES if sign in text}
    if signs[0] == "," and len(signs) == 1:
        account.append("Figures have a decimal comma.")
    if len(found) > 1:
        findings.add(file, f"figures in several currencies, {', '.join(sorted(found))}; bring them to one")
    return figures, next(iter(found), "")


def _no_figure(cells: pd.Series, decimal: Decimal, row: int) -> str:
    text = str(cells[row])
    if text.startswith("="):
        return f"found '{text[:40]}', a formula; export its value"
    return f"found '{text[:40]}'; a figure with a decimal {'point' if decimal == '.' else 'comma'} is expected"


def _promo(file: str, cells: pd.Series, findings: Findings) -> Floats:
    """Shares from 0 to 1; a word that is neither yes nor no is a promotion's name."""
    if pd.api.types.is_numeric_dtype(cells):
        share: Floats = cells.to_numpy(dtype=float, na_value=0.0)
    else:
        words = cells.str.strip().str.lower()
        numbers = pd.to_numeric(words.str.replace(",", "."), errors="coerce")
        share = np.where(words.isin(NO), 0.0, np.where(words.isin(YES), 1.0, numbers.fillna(1.0)))
    share = np.nan_to_num(share)
    wrong = (share < 0) | (share > 1)
    expected = "yes or no, or a share from 0 to 1, is expected"
    findings.add_rows(file, str(cells.name), list(cells.index[wrong]), lambda row: f"found '{cells[row]}'; {expected}")
    return share


def _sensible(export: Export, frame: pd.DataFrame, cells: Mapping[Role, pd.Series], findings: Findings) -> None:
    """Find figures that are missing or cannot be. A row that names neither units nor money is not known, unless cut."""

    def report(role: Role, wrong: pd.Series, expected: str) -> None:
        if role in cells:
            shown = cells[role]
            rows = list(frame.index[wrong & ~already[role]])
            findings.add_rows(
                export.file,
                str(shown.name),
                rows,
                lambda row: f"{_found(shown[row])}; {expected} is expected",
            )

    already = {
        role: frame[role.replace("-", "_")].isna() & (cells[role].astype("str").str.strip() != "") & cells[role].notna()
        for role in FIGURES
        if role in cells
    }
    units, sold = frame["units"], frame["units"] > 0
    money = frame["revenue"] if Role.REVENUE in cells else frame["price"]
    report(Role.UNITS, units.isna() & (money.notna() | frame.index.isin(export.short)), "a number of units")
    report(Role.REVENUE, frame["revenue"].isna() & units.notna() & (units != 0), "the money taken")
    report(Role.REVENUE, np.sign(frame["revenue"]) * np.sign(units) < 0, "revenue of the same sign as the units")
    if Role.REVENUE not in cells:
        report(Role.PRICE, frame["price"].isna() & sold, "a price")
    report(Role.PRICE, frame["price"] < 0, "a price of 0 or more")
    report(Role.UNIT_COST, frame["unit_cost"] < 0, "a cost of 0 or more")


def _found(cell: Any) -> str:
    blank = pd.isna(cell) or str(cell).strip() == ""
    return "blank" if blank else f"found '{cell}'"
