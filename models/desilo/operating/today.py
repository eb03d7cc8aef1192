"""What the company calls today: its recent sales, regular prices and costs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from desilo.cases.case import Case
from desilo.cases.errors import BadInput, Problem
from desilo.cases.instance import Floats

MIN_RECORDS = 12
"""Periods with sales an item must have before the start and the hold-out, to say anything about its demand."""


@dataclass(frozen=True)
class Today:
    """The last `today_window` periods before the start.

    Attributes:
        units: (I,) mean units sold per period.
        price: (I,) reference price: the median price of the periods without a feature, in whole cents.
        unit_cost: (I,) mean wholesale cost of a unit sold; times the units it is the mean spend.
    """

    units: Floats
    price: Floats
    unit_cost: Floats


def index_of(case: Case, start: int) -> int:
    """The index of a calendar period; the period after the last one is allowed.

    Raises:
        BadInput: the history does not reach to the period before it.
    """
    first, last, unit = int(case.periods[0]), int(case.periods[-1]), case.period_unit
    if not first + MIN_RECORDS <= start <= last + 1:
        raise BadInput(
            [
                Problem(
                    case.name,
                    f"cannot plan from {unit} {start}: the history has {unit}s {first} to {last}; "
                    f"start between {first + MIN_RECORDS} and {last + 1}",
                )
            ]
        )
    return start - first


def window_of(case: Case, start: int) -> slice:
    """The indices of the periods that make up today."""
    now = index_of(case, start)
    return slice(max(0, now - round(case.assumptions.today_window.value)), now)


def today(case: Case, start: int) -> Today:
    """What is known of every item just before the calendar period `start`.

    Raises:
        BadInput: items without enough records before the start, or with none in the window.
    """
    now, window = index_of(case, start), window_of(case, start)
    past = min(now, case.holdout)  # the elasticities are estimated on these periods
    recorded = np.isfinite(case.price) & np.isfinite(case.unit_cost) & (case.units > 0)
    problems = [
        Problem(
            case.name,
            f"item {item}: {recorded[i, :past].sum()} records with sales, price and cost before "
            f"{case.period_unit} {case.periods[0] + past}, {recorded[i, window].sum()} in the "
            f"{window.stop - window.start} before {start}; expected at least {MIN_RECORDS} and 1; leave the item "
            "out or start later",
        )
        for i, item in enumerate(case.items)
        if recorded[i, :past].sum() < MIN_RECORDS or not recorded[i, window].any()
    ]
    if problems:
        raise BadInput(problems)
    regular = np.where(np.nan_to_num(case.feature[:, window]) < 0.5, case.price[:, window], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an item featured all the time has no regular price
        price = np.nanmedian(regular, axis=1)
    price = np.where(np.isnan(price), np.nanmedian(case.price[:, window], axis=1), price)
    units = case.units[:, window]
    spend = units * case.unit_cost[:, window]
    return Today(
        units=np.nanmean(units, axis=1),
        price=np.round(price, 2),
        unit_cost=np.nansum(spend, axis=1) / np.nansum(np.where(np.isnan(spend), 0, units), axis=1),
    )
