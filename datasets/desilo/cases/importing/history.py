"""From rows to a history: one record an item and period, gaps filled where nothing was sold and only there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from desilo.cases.defaults import PeriodUnit
from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import counted
from desilo.cases.importing.dates import Calendar
from desilo.cases.importing.rows import Rows
from desilo.cases.instance import Bools, Floats, Ints

MIN_RECORDS = 12
"""Periods with sales that an item must have before the hold-out: what the demand estimation asks for."""

LONGEST_PAUSE = {"day": 91, "week": 13, "month": 3}
"""An item without a row for longer was not on offer; for shorter, and others having rows, it sold nothing."""

HELD_OUT = 0.25
"""Share of the periods that planners do not see, unless said otherwise: they are what plans are scored on."""

LEAST_HELD_OUT = 3
"""Periods that a run plans at once: one window at least must have room."""


@dataclass(frozen=True)
class History:
    """I items over P periods.

    Attributes:
        products, zones: (I,) names.
        groups: (I,) names of groups of substitutes; "" where none is on record.
        calendar: what the period numbers stand for; None where the export numbers periods itself.
        periods: (P,) numbers, increasing by 1.
        units, price, unit_cost, feature: (I, P); nan where there is no record.
        account: what was done to the rows, a sentence each, with counts.
    """

    products: tuple[str, ...]
    zones: tuple[str, ...]
    groups: tuple[str, ...]
    calendar: Calendar | None
    periods: Ints
    units: Floats
    price: Floats
    unit_cost: Floats
    feature: Floats
    account: tuple[str, ...]


def history_of(rows: Rows, file: str, margin: float | None = None) -> History:
    """Sum rows by item and period.

    - A period's units are net of returns; not below 0.
    - Its price is the money taken over the units of the rows that sold, returns left out; the quoted price where
      nothing was sold.
    - Its unit cost is weighted by units; the item's last one where none is on record, or its next.
    - Its feature is the share of its rows that were promoted.
    - The first and the last period are dropped when days are missing that most other periods have.
    - A period that ends without stock is no record: what was demanded is not known. Nor is one whose rows name neither
      units nor money.
    - Its group is the one that most of its rows name.
    - An item without a row has sold nothing, at its last price, if others of its zone have rows, the item was sold
      before and after within `LONGEST_PAUSE` periods, and it was not out of stock; otherwise there is no record.

    Args:
        rows: of the export.
        file: its name, for messages.
        margin: share of the item's usual price, from which its unit cost is taken where there is no column of costs.

    Raises:
        BadInput: nothing is left, or a date is far from all others.
    """
    account = list(rows.account)
    frame = rows.frame
    if rows.dated:
        frame = _whole_periods(frame, rows.unit, account)
    if frame.empty or not (frame["units"] > 0).any():
        raise BadInput([Problem(file, "no row with units sold is left in a whole period; bring a longer history")])
    first, last = int(frame["period"].min()), int(frame["period"].max())
    _no_stray_dates(frame["period"], first, last, rows, file)
    calendar = Calendar(rows.unit, 0).starting(first) if rows.dated else None
    numbers = np.arange(first, last + 1)
    periods = np.arange(1, len(numbers) + 1) if rows.dated else numbers

    items = frame[["item", "zone"]].drop_duplicates().reset_index(drop=True)
    at: tuple[Ints, Ints] = (
        pd.MultiIndex.from_frame(items).get_indexer(pd.MultiIndex.from_frame(frame[["item", "zone"]])).astype(np.int64),
        frame["period"].to_numpy(np.int64) - first,
    )
    shape = (len(items), len(numbers))

    def total(values: Floats | Bools, chosen: Bools | None = None) -> Floats:
        into = np.zeros(shape)
        pick = np.ones(len(frame), dtype=bool) if chosen is None else chosen
        np.add.at(into, (at[0][pick], at[1][pick]), np.asarray(values, dtype=float)[pick])
        return into

    figures = {name: frame[name].to_numpy(float) for name in ("units", "revenue", "price", "unit_cost", "promo")}
    named = ~np.isnan(figures["units"])
    figures["units"] = np.nan_to_num(figures["units"])
    sold = figures["units"] > 0
    count = total(named)
    there = count > 0
    gross, taken = total(figures["units"], sold), total(figures["revenue"], sold)
    net = total(figures["units"])
    quoted = ~np.isnan(figures["price"]) & (figures["price"] > 0)
    price = np.where(gross > 0, _over(taken, gross), _over(total(figures["price"], quoted), total(quoted)))
    costed = ~np.isnan(figures["unit_cost"]) & sold
    shown = ~np.isnan(figures["unit_cost"])
    cost = _over(total(figures["unit_cost"] * figures["units"], costed), total(figures["units"], costed))
    cost = np.where(np.isnan(cost), _over(total(figures["unit_cost"], shown), total(shown)), cost)
    feature = _over(total(figures["promo"], named), count)

    account += _summed(rows, frame[named], int(there.sum()), net, gross, there)
    empty = _out_of_stock(frame, at, shape)
    units = np.where(there, np.maximum(net, 0), np.nan)
    zero, pauses = _sold_nothing(there, items["zone"].to_numpy(), LONGEST_PAUSE[rows.unit])
    zero &= total(~named) == 0
    units[zero], feature[zero] = 0.0, 0.0
    censored = empty & (there | zero)
    units[censored] = np.nan
    account += _said_of_gaps(rows.unit, int(zero.sum()), pauses, int((~there.any(axis=0)).sum()), int(censored.sum()))
    price = np.where(np.isnan(price), _carried(price), price)
    if margin is not None:
        usual = pd.DataFrame(price.T).median().to_numpy(np.float64)
        cost = np.broadcast_to((1 - margin) * usual[:, None], shape)
        account.append(f"Unit costs are assumed: the item's usual (median) price less a margin of {margin:.0%}.")
    known = ~np.isnan(cost)
    cost = np.where(known, cost, _carried(cost))
    on_record = ~np.isnan(units) & ~np.isnan(cost) & (price > 0)
    for lost, what in (
        (on_record & ~known, "The item's last unit cost, or its next, stands where there is none"),
        (~np.isnan(units) & ~on_record, "Without a price, or a unit cost in any period, there is no record"),
    ):
        if lost.any():
            account.append(f"{what}: {counted(int(lost.sum()), f'item {rows.unit}')}.")
    units, price, cost, feature = (np.where(on_record, figure, np.nan) for figure in (units, price, cost, feature))
    return History(
        tuple(items["item"]),
        tuple(items["zone"]),
        _groups(frame, items, account),
        calendar,
        periods,
        units,
        price,
        cost,
        feature,
        tuple(account),
    )


def _groups(frame: pd.DataFrame, items: pd.DataFrame, account: list[str]) -> tuple[str, ...]:
    """(I,) the group that most rows of each item name."""
    named = frame[frame["group"] != ""]
    rows = named.groupby(["item", "zone", "group"], sort=False).size().reset_index(name="rows")
    if (several := int(rows.duplicated(["item", "zone"]).sum())) > 0:
        account.append(f"Items in several groups are in the one of most rows: {counted(several, 'other group')}.")
    most = rows.sort_values("rows", kind="stable", ascending=False).drop_duplicates(["item", "zone"])
    return tuple(items.merge(most, how="left", on=["item", "zone"])["group"].fillna(""))


def _said_of_gaps(unit: PeriodUnit, zero: int, pauses: int, closed: int, censored: int) -> Iterable[str]:
    if zero:
        yield (
            "Nothing sold was recorded, at the last price, where an item has no row while others of its zone have "
            f"some: {counted(zero, f'item {unit}')}."
        )
    if pauses:
        longest = f"{LONGEST_PAUSE[unit]} {unit}s were taken as not on offer, no record"
        yield f"Items without a row for longer than {longest}: {counted(pauses, 'pause')}."
    if closed:
        yield f"No item has a row, so nothing is on record: {counted(closed, unit)}."
    if censored:
        yield (
            f"Ended without stock: {counted(censored, f'item {unit}')}. What customers would have bought is not known, "
            "so they are no record and take no part in the estimation."
        )


def _over(amount: Floats, count: Floats) -> Floats:
    ratio = np.full(amount.shape, np.nan)
    np.divide(amount, count, out=ratio, where=count > 0)
    return ratio


def _carried(figure: Floats) -> Floats:
    """(I, P) the item's last figure; before its first one that one."""
    carried: Floats = pd.DataFrame(figure.T).ffill().bfill().to_numpy(np.float64).T
    return carried


def _whole_periods(frame: pd.DataFrame, unit: str, account: list[str]) -> pd.DataFrame:
    """Without a first or last period that begins later, or ends earlier, than periods usually do.

    Where a period has one date, as in a table of weeks, every period is whole.
    """
    periods = frame.groupby("period").agg({"before": ["min", "nunique"], "after": "min"})
    if len(periods) < 3 or periods["before", "nunique"].median() == 1:
        return frame
    inner = periods.iloc[1:-1].median()
    dropped = {}
    if periods["before", "min"].iloc[0] > inner["before", "min"]:
        dropped["first"] = periods.index[0]
    if periods["after", "min"].iloc[-1] > inner["after", "min"]:
        dropped["last"] = periods.index[-1]
    for which, period in dropped.items():
        rows = int((frame["period"] == period).sum())
        account.append(f"The {which} {unit} is not whole and was dropped: {counted(rows, 'row')}.")
    return frame[~frame["period"].isin(list(dropped.values()))]


def _no_stray_dates(period: pd.Series, first: int, last: int, rows: Rows, file: str) -> None:
    recorded = np.sort(period.unique())
    if 2 * len(recorded) >= last - first + 1:
        return
    gaps = np.diff(recorded)
    wide = int(gaps.argmax())
    lone = recorded[wide + 1] if len(recorded) - wide - 1 < wide + 1 else recorded[wide]
    row = int(period.index[period == lone][0])
    what = f"only {len(recorded):,} of {last - first + 1:,} {rows.unit}s have rows"
    longer = "" if rows.unit == "month" else " If rows lie further apart than that, choose a longer --period"
    raise BadInput([Problem(file, f"{what}; is the date here a slip?{longer}", row)])


def _summed(rows: Rows, frame: pd.DataFrame, records: int, net: Floats, gross: Floats, there: Bools) -> Iterable[str]:
    if records < len(frame):
        yield f"{len(frame):,} rows were summed to {counted(records, 'record')} of an item and {rows.unit}."
    returned = frame.loc[frame["units"] < 0, "units"]
    if len(returned):
        below = int(((net < 0) & there).sum())
        what = f"{counted(len(returned), 'row')} of {-returned.sum():,.0f} units"
        more = f"; more came back than was sold in {counted(below, rows.unit)}: nothing sold" if below else ""
        yield f"Returns were taken off their {rows.unit}: {what}{more}."


def _out_of_stock(frame: pd.DataFrame, at: tuple[Ints, Ints], shape: tuple[int, int]) -> Bools:
    """(I, P) whether an item ended the period without stock; a period without a row ends as the one before."""
    stock = frame["stock"].to_numpy(float)
    known = ~np.isnan(stock)
    ends = np.full(shape, np.nan)
    order = np.argsort(frame["before"].to_numpy(), kind="stable")
    order = order[known[order]]
    ends[at[0][order], at[1][order]] = stock[order]  # the last of a period's rows stays
    return pd.DataFrame(ends.T).ffill().to_numpy().T <= 0


def _sold_nothing(there: Bools, zones: Ints, longest: int) -> tuple[Bools, int]:
    """(I, P) periods between an item's rows in which it sold nothing, and how many pauses were too long for that."""
    nothing, pauses = np.zeros_like(there), 0
    open_zone = {zone: there[zones == zone].any(axis=0) for zone in np.unique(zones)}
    for i, mine in enumerate(there):
        seen = np.flatnonzero(mine)
        for before, after in pairwise(seen):
            if after - before - 1 > longest:
                pauses += 1
            else:
                nothing[i, before + 1 : after] = open_zone[zones[i]][before + 1 : after]
    return nothing, pauses
