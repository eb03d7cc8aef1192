"""From a history to a case folder: the hold-out, the items that can be planned, the documented defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desilo.cases.case import Assumptions, Case, Figure
from desilo.cases.defaults import Measure, PeriodUnit, at_least_one, default_assumptions
from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import counted
from desilo.cases.folders import fresh_folder
from desilo.cases.importing.columns import Role
from desilo.cases.importing.export import Export
from desilo.cases.importing.figures import Decimal
from desilo.cases.importing.history import HELD_OUT, LEAST_HELD_OUT, MIN_RECORDS, History, history_of
from desilo.cases.importing.rows import ALL, read_rows
from desilo.cases.instance import Floats
from desilo.cases.keys import toml_value
from desilo.cases.markdown import plain
from desilo.cases.opening import read_case
from desilo.cases.tables import write_csv

NO_CURRENCY = "money"
"""What money is called where the figures show no currency and none was given."""


@dataclass(frozen=True)
class How:
    """How to make a case of an export.

    Attributes:
        columns: names of its columns by what they hold.
        name: of the case.
        currency: of the figures; told from them if "".
        unit, date_format, decimal: as in `read_rows`.
        margin: as in `history_of`.
        holdout: number of the first period that planners must not see; the last quarter otherwise.
        top: how many items to keep, those that took most money before the hold-out; all if None.
        licence: of the data.
        before: what was done to the rows before they came here, a sentence each.
    """

    columns: Mapping[Role, str]
    name: str
    currency: str = ""
    unit: PeriodUnit | None = None
    date_format: str | None = None
    decimal: Decimal | None = None
    margin: float | None = None
    holdout: int | None = None
    top: int | None = None
    licence: str = "own data"
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """A case that was written.

    Attributes:
        case: as it reads.
        account: what was done, a sentence each.
    """

    case: Case
    account: tuple[str, ...]


def import_case(export: Export, how: How, folder: Path) -> Imported:
    """Make a case folder of an export, wholly or not at all.

    Raises:
        BadInput: with every problem of the export, or the folder cannot be written.
    """
    rows = read_rows(export, how.columns, unit=how.unit, date_format=how.date_format, decimal=how.decimal)
    history = history_of(rows, export.file, how.margin)
    account = [
        *how.before,
        f"{counted(len(export.frame), 'row')} of {export.file} were read: {export.reading}.",
        *history.account,
    ]
    holdout = _holdout(history, how.holdout, rows.unit, export.file)
    currency = how.currency or rows.currency or NO_CURRENCY
    history, left_out = _plannable(history, holdout, rows.unit, how.top)
    account += left_out
    if not history.products:
        raise BadInput([Problem(export.file, f"no item is left; bring a longer history. {why}") for why in left_out])
    first = int(history.periods[0])
    account.append(
        f"{rows.unit.capitalize()}s {holdout} to {int(history.periods[-1])} are held out: no planner sees them."
    )
    assumptions = _assumptions(history, holdout - first, rows.unit, currency, Role.PROMO in how.columns)
    title = f"{how.name}: {counted(len(history.products), 'item')}, {counted(len(history.periods), rows.unit)}"
    source = export.file + ("" if how.margin is None else f", unit costs assumed: a margin of {how.margin:.0%}")
    header = {
        "name": how.name,
        "title": title,
        "period_unit": rows.unit,
        "currency": currency,
        "source": source,
        "licence": how.licence,
        "holdout": holdout,
        "zones": list(dict.fromkeys(history.zones)),
    }
    with fresh_folder(folder) as fresh:
        write_text(fresh / "case.toml", header_toml(header, _span(history, holdout)))
        write_text(fresh / "assumptions.toml", assumptions_toml(assumptions))
        _write_tables(history, fresh)
        write_text(fresh / "PROVENANCE.md", _provenance(export, how, account))
        case = read_case(fresh)
    return Imported(case, tuple(account))


def _holdout(history: History, asked: int | None, unit: PeriodUnit, file: str) -> int:
    """Number of the first period held out."""
    first, count = int(history.periods[0]), len(history.periods)
    if count < MIN_RECORDS + LEAST_HELD_OUT:
        needed = f"{MIN_RECORDS} to learn from and {LEAST_HELD_OUT} to plan for"
        shorter = "" if unit == "day" else ", or a shorter --period"
        raise BadInput([Problem(file, f"whole {unit}s: {count}; {needed} at least are expected{shorter}")])
    if asked is None:
        held_out = min(max(round(HELD_OUT * count), LEAST_HELD_OUT), count - MIN_RECORDS)
        return first + count - held_out
    if not first + MIN_RECORDS <= asked <= first + count - LEAST_HELD_OUT:
        span = f"{first + MIN_RECORDS} to {first + count - LEAST_HELD_OUT}"
        raise BadInput([Problem("--holdout", f"found {asked}; a {unit} from {span} is expected")])
    return asked


def _plannable(history: History, holdout: int, unit: PeriodUnit, top: int | None) -> tuple[History, list[str]]:
    """The items with a history before the hold-out that are still sold, and what is said of the others."""
    sells = history.units > 0
    past = holdout - int(history.periods[0])
    window = _today_window(unit)
    starts = range(past, len(history.periods) + 1 - LEAST_HELD_OUT)
    known = sells[:, :past].sum(axis=1) >= MIN_RECORDS
    current = known & np.array([[mine[max(0, s - window) : s].any() for s in starts] for mine in sells]).all(axis=1)
    taken = np.where(current, np.nansum((history.units * history.price)[:, :past], axis=1), -1.0)
    best = np.zeros_like(current)
    best[np.argsort(-taken, kind="stable")[:top]] = True
    said = []
    for wrong, why in (
        (~known, f"sold in fewer than {MIN_RECORDS} {unit}s before {unit} {holdout}: too little to learn from"),
        (known & ~current, f"no sales for {window} {unit}s on end around the hold-out: discontinued"),
        (current & ~best, f"below the {top} that take most money"),
    ):
        if wrong.any():
            names = [history.products[i] for i in np.flatnonzero(wrong)]
            said.append(f"Left out, {why}: {counted(len(names), 'item')}, {_some(names)}.")
    keep = np.flatnonzero(current & best)
    return (
        replace(
            history,
            products=tuple(history.products[i] for i in keep),
            zones=tuple(history.zones[i] for i in keep),
            groups=tuple(history.groups[i] for i in keep),
            units=history.units[keep],
            price=history.price[keep],
            unit_cost=history.unit_cost[keep],
            feature=history.feature[keep],
        ),
        said,
    )


def _some(names: list[str], at_most: int = 10) -> str:
    listed = ", ".join(names[:at_most])
    return listed if len(names) <= at_most else f"{listed} and {len(names) - at_most:,} more"


def _today_window(unit: PeriodUnit) -> int:
    return round(default_assumptions(Measure(unit, "", 1, 1, 1)).today_window.value)


def _assumptions(history: History, past: int, unit: PeriodUnit, currency: str, promoted: bool) -> Assumptions:
    """The defaults to the measure of today; the promotion slots from the data if they show promotions."""
    now = slice(max(0, past - _today_window(unit)), past)
    units, spend = history.units[:, now], history.units[:, now] * history.unit_cost[:, now]
    counts = [history.zones.count(zone) for zone in set(history.zones)]
    measure = Measure(
        unit,
        currency,
        spend=float(np.nanmean(np.nanmean(spend, axis=1))),
        unit_cost=float(np.nansum(spend) / np.nansum(units)),
        items=min(counts),
    )
    assumptions = default_assumptions(measure)
    share = float(np.nanmean(history.feature[:, :past]))
    if not promoted or share == 0:
        return assumptions
    practice = (
        f"today's practice, read from the data: {share:.1%} of the items promoted in the mean before the hold-out"
    )
    slots = Figure(
        value=at_least_one(round(share, 3), measure.items),
        unit=assumptions.promotion_slots.unit,
        reason=f"{practice}; at least one item",
        assumed=False,
    )
    return assumptions.model_copy(update={"promotion_slots": slots})


def _span(history: History, holdout: int) -> str:
    if history.calendar is None:
        return "the first period the planner must not see"
    begin, unit = history.calendar.first_day, history.calendar.unit
    return f"{unit} 1 begins {begin(1)}, {unit} {holdout}, the first the planner must not see, {begin(holdout)}"


def _write_tables(history: History, folder: Path) -> None:
    zoned = set(history.zones) != {ALL}
    names = [
        f"{product}@{zone}" if zoned else product for product, zone in zip(history.products, history.zones, strict=True)
    ]
    items = pd.DataFrame({"item": names, "product": history.products, "zone": history.zones, "volume": 1.0})
    if any(history.groups):
        items["group"] = history.groups
    write_csv(items, folder / "items.csv")
    item, t = np.nonzero(~np.isnan(history.units))

    def figures(values: Floats, digits: int) -> Floats:
        return np.round(values[item, t], digits)

    sales = pd.DataFrame(
        {
            "item": np.array(names, dtype=object)[item],
            "period": history.periods[t],
            "units": figures(history.units, 6),
            "price": figures(history.price, 6),
            "unit_cost": figures(history.unit_cost, 6),
            "feature": figures(history.feature, 4),
        }
    )
    write_csv(sales, folder / "sales.csv")


def header_toml(header: Mapping[str, Any], holdout_remark: str) -> str:
    """`case.toml`."""
    remarks = {"holdout": holdout_remark}
    lines = [
        f"{key} = {toml_value(value)}" + (f" # {remarks[key]}" if key in remarks else "")
        for key, value in header.items()
    ]
    return "\n".join(lines) + "\n"


def assumptions_toml(assumptions: Assumptions) -> str:
    """`assumptions.toml`: a table a figure."""
    top = (
        "# Operating figures of the case. Those marked `assumed = true` are documented defaults, chosen before any\n"
        "# result was seen and shown as assumed wherever they appear. Put in your own and say `assumed = false`.\n"
    )
    parts = [
        f"\n[{name}]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in getattr(assumptions, name))
        for name in Assumptions.model_fields
    ]
    return top + "".join(parts)


def write_text(path: Path, text: str) -> None:
    """UTF-8 with \\n line ends, whatever the system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def _provenance(export: Export, how: How, account: list[str]) -> str:
    columns = "\n".join(f"- {role}: {plain(name)}" for role, name in how.columns.items())
    done = "\n".join(f"- {plain(sentence)}" for sentence in account)
    return (
        f"# {plain(how.name)}: where it comes from\n\n"
        f"**Source.** {plain(export.file)}, SHA-256 `{export.digest}`. **Licence.** {plain(how.licence)}.\n\n"
        f"## Columns used\n{columns}\n\n## What was done\n{done}\n\n"
        "## What to keep in mind\n"
        "- `assumptions.toml` holds documented defaults. Stock, capacity, lead time and handling cost are not in these "
        "data.\n- `volume` in `items.csv` is 1 for every item: put in what a unit takes up.\n"
    )
