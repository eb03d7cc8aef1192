"""What gives reason to doubt a case: worries with counts and examples, and what the records say of every item.

Everything is told from the periods before the hold-out, as the planner sees them, but for what is plainly wrong
wherever it stands (a unit cost above the price, a gap).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import ruptures

from desilo.cases.case import Case
from desilo.cases.findings import counted
from desilo.cases.instance import Bools, Floats
from desilo.harness.describe import Table
from desilo.operating.forecast import LARGEST_GROUP, YEAR, fit, substitutes
from desilo.operating.identification import INSEPARABLE, MIN_AWAY, Evidence, evidence, too_thin

EXAMPLES = 3
"""Of a worry, written out; the others are counted."""

FEW_RECORDS = 30
"""Periods with sales; with fewer an item's elasticity is mostly that of its group."""

SELDOM = 0.2
"""Share of periods on offer without a sale from which on the demand model, which is fitted on sales, overstates."""

FAR = 6.0
"""Median absolute deviations (scaled to standard deviations) at which a record is an outlier."""

SHIFT, SHIFT_PERIODS = 0.4, 8
"""A level that moves by this in logs, a half up or a third down, and stays for so many periods."""

SHIFT_PENALTY = 8.0
"""Of a change of level, in variances times the log of the records; larger than the usual 2 to 3, as sales that run
above or below for a while are no change of level."""

SMALL_PRICE = 0.5
"""A price below is moved by one per cent or more when it is set in whole cents."""


@dataclass(frozen=True)
class Worry:
    """One thing to doubt.

    Attributes:
        kind: one word or two.
        count: items or records that it is about.
        message: what was found, what comes of it, what can be done.
        examples: the first few.
    """

    kind: str
    count: int
    message: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """What was found in a case.

    Attributes:
        case: its name.
        worries: the gravest kinds first.
        items: their names.
        left: (I,) whether an item's price is left as it is.
        evidence: what the records say about elasticities.
    """

    case: str
    worries: tuple[Worry, ...]
    items: tuple[str, ...]
    left: Bools
    evidence: Evidence

    def table(self) -> Table:
        """One row an item."""
        e = self.evidence
        columns = {
            "sold": [str(n) for n in e.records],
            "moved": [str(n) for n in e.away],
            "own": [  # nobody uses, and nothing supports, the group's for an item that stays at its price
                "-" if left and not np.isfinite(low) else f"{own:.1f}"
                for own, low, left in zip(e.own, e.low, self.left, strict=True)
            ],
            "95%": [interval(low, high) for low, high in zip(e.low, e.high, strict=True)],
            "explained": [f"{share:.0%}" for share in e.explained["all"]],
            "price": ["left" if left else "set" for left in self.left],
        }
        return Table(
            "Items", ("item", *columns), tuple(zip(self.items, *columns.values(), strict=True)), text_columns=1
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values; an interval without end is null."""
        e = self.evidence

        def finite(value: float) -> float | None:
            return round(float(value), 4) if np.isfinite(value) else None

        items = [
            {
                "item": name,
                "periods_sold": int(e.records[i]),
                "prices": int(e.prices[i]),
                "periods_off_usual_price": int(e.away[i]),
                "elasticity": finite(e.own[i]),
                "interval": [finite(e.low[i]), finite(e.high[i])],
                "price_explained_by": {driver: finite(share[i]) for driver, share in e.explained.items()},
                "price_left": bool(self.left[i]),
            }
            for i, name in enumerate(self.items)
        ]
        return {"case": self.case, "worries": [asdict(worry) for worry in self.worries], "items": items}


def interval(low: float, high: float) -> str:
    """Of an elasticity, for people."""
    return f"{low:.1f} to {high:.1f}" if np.isfinite(low) else "unknown"


def inspect(case: Case) -> Inspection:
    """Look a case over; demand is estimated once."""
    found = evidence(case, fit(case, case.holdout))
    left = too_thin(case, case.holdout)
    worries = (*_identification(case, found, left), *_records(case, found), *_history(case))
    return Inspection(case.name, worries, case.items, left, found)


def _of_items(kind: str, case: Case, which: Bools, message: str, notes: Sequence[str] | None = None) -> Iterator[Worry]:
    """A worry about items, if it is about any."""
    chosen = np.flatnonzero(which)
    if len(chosen):
        shown = tuple(case.items[i] + (f": {notes[i]}" if notes else "") for i in chosen[:EXAMPLES])
        yield Worry(kind, len(chosen), f"{counted(len(chosen), 'item')}: {message}", shown)


def _of_records(
    kind: str, case: Case, which: Bools, message: str, size: Floats, say: Callable[[float], str]
) -> Iterator[Worry]:
    """A worry about records (I, P), the largest by absolute size first, if it is about any."""
    item, t = np.nonzero(which)
    if len(item):
        first = np.argsort(-abs(size[item, t]), kind="stable")[:EXAMPLES]
        shown = tuple(
            f"{case.items[item[k]]}, {case.period_unit} {case.periods[t[k]]}: {say(size[item[k], t[k]])}" for k in first
        )
        count = f"{counted(len(item), 'record')} of {counted(len(np.unique(item)), 'item')}"
        yield Worry(kind, len(item), f"{count}: {message}", shown)


def _identification(case: Case, e: Evidence, left: Bools) -> Iterator[Worry]:
    """Whether the response to prices can be told."""
    yield from _of_items(
        "price hardly moves",
        case,
        left,
        f"off the usual price in fewer than {MIN_AWAY} {case.period_unit}s with sales, so what another price would do "
        "is not known. The price is left as it is; orders are still planned. A trial of other prices would tell.",
        [counted(away, case.period_unit) for away in e.away],
    )
    together = ~left & (e.explained["all"] >= INSEPARABLE)
    causes = ["other prices", "promotion", "season"]
    strongest = [max(causes, key=lambda cause: e.explained[cause][i]) for i in range(len(left))]
    shares = [f"{e.explained[cause][i]:.0%} goes with {cause}" for i, cause in enumerate(strongest)]
    yield from _of_items(
        "price not told apart",
        case,
        together,
        f"{INSEPARABLE:.0%} or more of how the price moves goes along with promotion, season or other prices of the "
        "group. What the price did and what they did cannot be told apart: trust the elasticity little.",
        shares,
    )
    yield from _of_items(
        "elasticity unsure",
        case,
        ~left & ~together & (e.high >= 0),
        "the item's own records do not tell its elasticity from 0; the estimate is mostly its group's (pooled).",
        [interval(low, high) for low, high in zip(e.low, e.high, strict=True)],
    )
    yield from _of_items(
        "few records",
        case,
        e.records < FEW_RECORDS,
        f"sold in fewer than {FEW_RECORDS} {case.period_unit}s before the hold-out; the estimate is mostly the "
        "group's (pooled).",
        [counted(n, case.period_unit) for n in e.records],
    )
    yield from _of_items(
        "elasticity at its limit",
        case,
        ~left & e.at_limit,
        "sales do not fall with the price, or hardly: the estimate is the smallest elasticity allowed, -0.5. Look for "
        "what raised price and sales together.",
    )


def _records(case: Case, e: Evidence) -> Iterator[Worry]:
    """Whether records look right."""
    with np.errstate(invalid="ignore"):
        margin = 1 - case.unit_cost / case.price
        yield from _of_records(
            "unit cost above price",
            case,
            margin < 0,
            "sold below what they cost. Is the unit cost net of tax as the price is, and per the same unit?",
            margin,
            lambda margin: f"margin {margin:.0%}",
        )
    spread = 1.4826 * np.nanmedian(abs(e.residuals), axis=1, keepdims=True)
    yield from _of_records(
        "outliers",
        case,
        np.nan_to_num(abs(e.residuals)) > FAR * np.maximum(spread, 0.05),
        "sold far more or less than price, promotion and season explain: a bulk order, a stock-out, a slip? The "
        "estimation bears with them (it fits medians), the mean of today does not.",
        np.nan_to_num(e.residuals),
        lambda residual: f"{np.exp(residual):.2g} times the fit",
    )
    shifts = [_shift(row) for row in e.residuals]
    notes = [
        "" if at is None else f"from {case.period_unit} {case.periods[at]}, {np.expm1(size):+.0%}"
        for at, size in shifts
    ]
    yield from _of_items(
        "level shift",
        case,
        np.array([at is not None for at, _ in shifts]),
        "sales moved to another level and stayed there: a new shop, a new pack, a rival? If what was before says "
        "nothing about what comes, leave it out.",
        notes,
    )
    offered = np.isfinite(case.units).sum(axis=1)
    nothing = (case.units == 0).sum(axis=1) / np.maximum(offered, 1)
    yield from _of_items(
        "often nothing sold",
        case,
        nothing > SELDOM,
        f"nothing sold in more than {SELDOM:.0%} of the {case.period_unit}s on offer. Demand is fitted on those with "
        "sales and so overstated: choose longer periods, or leave the item out.",
        [f"{share:.0%}" for share in nothing],
    )
    missing = 1 - offered / case.units.shape[1]
    yield from _of_items(
        "gaps",
        case,
        missing > SELDOM,
        f"no record in more than {SELDOM:.0%} of the {case.period_unit}s: introduced later, not on offer, or out of "
        "stock. What is not on record is not filled in.",
        [f"{share:.0%}" for share in missing],
    )


def _shift(residuals: Floats) -> tuple[int | None, float]:
    """Index of the largest lasting change of level, and its size; None if there is none."""
    known = np.flatnonzero(np.isfinite(residuals))
    r = residuals[known]
    if len(r) < 3 * SHIFT_PERIODS:
        return None, 0.0
    noise = np.median(abs(np.diff(r))) / 0.954  # of the difference of two draws, in standard deviations of one
    found = ruptures.Pelt(model="l2", min_size=SHIFT_PERIODS, jump=1).fit(np.clip(r, *np.quantile(r, [0.05, 0.95])))
    ends = found.predict(pen=SHIFT_PENALTY * max(noise, 0.05) ** 2 * np.log(len(r)))
    levels = [float(np.median(part)) for part in np.split(r, ends[:-1])]
    steps = np.diff(levels)
    if not len(steps) or abs(steps).max() < SHIFT:
        return None, 0.0
    largest = int(abs(steps).argmax())
    return int(known[ends[largest]]), float(steps[largest])


def _history(case: Case) -> Iterator[Worry]:
    """Whether the history as a whole will do."""
    year = YEAR.get(case.period_unit)
    if year is None:
        yield Worry("no season", 1, f"the length of a '{case.period_unit}' is not known, so demand has no season")
    elif case.holdout < 2 * year:
        what = "has no season" if case.holdout < year else "cannot tell season from trend"
        length = "a year" if case.holdout < year else "two years"
        yield Worry("short history", 1, f"less than {length} before the hold-out: demand {what}")
    if case.period_unit == "day":
        what = "the demand model knows no days of the week; weeks are planned better: import dates with --period week"
        yield Worry("days", 1, what)
    small = np.nanmedian(case.price, axis=1) < SMALL_PRICE
    yield from _of_items(
        "small prices",
        case,
        small,
        "prices are set in whole cents, coarse for these; give units and prices per 10 or 100",
    )
    yield from _of_items(
        "large group",
        case,
        np.array([own != group for own, group in zip(substitutes(case), case.groups, strict=True)]),
        f"more than {LARGEST_GROUP} items in one group: how their prices act on each other is not estimated. Say which "
        "are substitutes in a column `group` of items.csv (`desilo import --group`).",
    )
