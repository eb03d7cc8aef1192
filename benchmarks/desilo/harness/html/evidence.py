"""What the plans of a run do, read once more from the run's folder: prices, orders, shared limits, response to prices.

A published run keeps its figures, not its plans: then there is nothing here to show, and the page says so.
Sets and shapes as in `desilo.cases.instance`: items I, periods T, levels K, scenarios W.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from desilo.cases.errors import BadInput, Problem
from desilo.cases.instance import Floats, Instance
from desilo.cases.plan import Plan, read_plan
from desilo.cases.reading import read_instance
from desilo.harness.experiment import CLAIRVOYANT
from desilo.harness.records import Cell, CellRecord
from desilo.harness.report import TABLE, Summary
from desilo.harness.run import PLANS, Finished, instances_path
from desilo.harness.sell import EFFECT_ON_PROFIT, Sales, fixed_use, placed_orders, scenario_use, sell_first_come

PICTURES = ("yesterday", "estimated", "nature")

OFTEN = 0.95
"""The use that a limit stays below in so large a share of the scenarios."""


@dataclass(frozen=True)
class Window:
    """The plans of one start at the assumed limits.

    Attributes:
        start: first calendar period.
        pictures: the instance by name, see `PICTURES`.
        plans: by operating model, in the order of the table.
        records: of the same plans.
    """

    start: int
    pictures: Mapping[str, Instance]
    plans: Mapping[str, Plan]
    records: Mapping[str, CellRecord]

    @cached_property
    def sales(self) -> Mapping[str, Sales]:
        """What each plan sells on nature."""
        return {model: sell_first_come(self.pictures["nature"], plan) for model, plan in self.plans.items()}

    @property
    def calendar(self) -> range:
        """(T,) calendar periods."""
        return range(self.start, self.start + self.pictures["nature"].periods)


@dataclass(frozen=True)
class LimitUse:
    """One shared limit in one calendar period, in units of the limit.

    Attributes:
        mean, often: by operating model, what its plan uses on nature: the mean over the scenarios and their
            `OFTEN` quantile.
    """

    limit: str
    period: int
    capacity: float
    soft: bool
    mean: Mapping[str, float]
    often: Mapping[str, float]


@dataclass(frozen=True)
class ItemChange:
    """What one plan does with an item instead of another, means over the starts.

    Attributes:
        price: mean price over the window, of the one and of the other.
        promoted: periods at a promotional level.
        ordered: units ordered.
        profit: on nature, money a window; without overage, which belongs to no item.
    """

    item: str
    price: tuple[float, float]
    promoted: tuple[float, float]
    ordered: tuple[float, float]
    profit: tuple[float, float]


@dataclass(frozen=True)
class ItemResponse:
    """How an item's demand responds to prices at today's regular price, the mean over the starts.

    Attributes:
        demand: expected units a period at today's prices, on the estimated picture.
        own: own-price elasticity by picture; None where an item has no two levels without a promotion.
        cross: sum of the elasticities to the other items' prices, by picture.
    """

    item: str
    demand: float
    own: Mapping[str, float | None]
    cross: Mapping[str, float]


def read_windows(finished: Finished, summary: Summary, folder: Path) -> tuple[Window, ...]:
    """The windows of a run whose plans are in its folder.

    Raises:
        BadInput: an instance or a plan cannot be read.
    """
    models = dict.fromkeys(summary.best_promised if m == "sequential" else m for m in TABLE if m != CLAIRVOYANT)
    known = {record.cell: record for record in finished.cells if record.plan is not None}
    windows = []
    for start in finished.record.starts:
        place = instances_path(folder, start, 1.0)
        records = {m: known[c] for m in models if (c := Cell(start=start, tightness=1.0, model=m)) in known}
        if not records or not all((place / name).is_dir() for name in PICTURES):
            continue
        with _unless_changed(place, "remove that folder, and the same `desilo run` writes it anew"):
            pictures = {name: read_instance(place / name) for name in PICTURES}
        with _unless_changed(folder / PLANS, "the same `desilo run` makes what is missing or changed anew"):
            plans = {
                m: read_plan(pictures["estimated"], folder / PLANS / record.cell.plan_file())
                for m, record in records.items()
            }
        windows.append(Window(start, pictures, plans, records))
    return tuple(windows)


@contextmanager
def _unless_changed(place: Path, remedy: str) -> Iterator[None]:
    """Says of files that cannot be read what to do: a run wrote them, nobody else should have."""
    try:
        yield
    except BadInput as bad:
        raise BadInput([*bad.problems, Problem(str(place), f"is not as its run left it; {remedy}")]) from None


def calendars(windows: Sequence[Window]) -> dict[str, object]:
    """Prices and orders of every plan as plain values, for the page's script."""
    if not windows:
        return {}
    first = windows[0].pictures["estimated"]

    def of(plan: Plan, instance: Instance) -> dict[str, object]:
        item = np.arange(len(instance.items))[:, None]
        return {
            "price": np.round(plan.price(instance), 4).tolist(),
            "promo": instance.promo[item, plan.level].astype(int).tolist(),
            "order": np.round(placed_orders(plan)).tolist(),
        }

    return {
        "items": first.items,
        "models": list(dict.fromkeys(model for window in windows for model in window.plans)),
        "windows": [
            {
                "start": window.start,
                "periods": list(window.calendar),
                "plans": {model: of(plan, window.pictures["estimated"]) for model, plan in window.plans.items()},
            }
            for window in windows
        ],
    }


def limit_use(windows: Sequence[Window], models: Sequence[str]) -> tuple[LimitUse, ...]:
    """Every limited period of every shared limit, limits in the order of the case, then by time."""
    found: list[LimitUse] = []
    for window in windows:
        nature = window.pictures["nature"]
        shown = [model for model in models if model in window.plans]
        for resource in nature.resources:
            use = {}
            for model in shown:
                sold = window.sales[model]
                fixed = fixed_use(nature, window.plans[model], resource)
                use[model] = scenario_use(resource, sold.sales, sold.stock) + fixed[:, None]
            for t in np.flatnonzero(np.isfinite(resource.capacity) & (resource.capacity > 0)).tolist():
                found.append(
                    LimitUse(
                        limit=resource.name,
                        period=window.calendar[t],
                        capacity=float(resource.capacity[t]),
                        soft=bool(np.isfinite(resource.overage_cost[t])),
                        mean={model: float(use[model][t] @ nature.probability) for model in shown},
                        often={model: float(np.quantile(use[model][t], OFTEN)) for model in shown},
                    )
                )
    order = {name: k for k, name in enumerate(dict.fromkeys(use.limit for use in found))}
    return tuple(sorted(found, key=lambda use: (order[use.limit], use.period)))


def shadow_prices(windows: Sequence[Window], model: str) -> dict[str, dict[int, float]]:
    """Shadow prices on record by limit and calendar period; see `desilo.harness.records.Scarcity`."""
    found: dict[str, dict[int, float]] = {}
    for window in windows:
        for short in window.records[model].scarcity if model in window.records else ():
            found.setdefault(short.limit, {}).update(zip(window.calendar, short.prices, strict=True))
    return found


def item_changes(windows: Sequence[Window], one: str, other: str) -> tuple[ItemChange, ...]:
    """What the plans of one operating model do instead of another's, over the windows that have both."""
    both = [window for window in windows if one in window.plans and other in window.plans]
    if not both:
        return ()

    def mean(figure: str) -> Floats:
        """(2, I) of the one and of the other."""
        found: Floats = np.mean([[_by_item(w, model)[figure] for model in (one, other)] for w in both], axis=0)
        return found

    columns = [mean(figure) for figure in ("price", "promoted", "ordered", "profit")]
    return tuple(
        ItemChange(item, *((float(column[0, i]), float(column[1, i])) for column in columns))
        for i, item in enumerate(both[0].pictures["nature"].items)
    )


def _by_item(window: Window, model: str) -> dict[str, Floats]:
    """(I,) figures of a plan."""
    instance, plan, sold = window.pictures["nature"], window.plans[model], window.sales[model]
    money = sum(EFFECT_ON_PROFIT[cause] * by_item @ sold.probability for cause, by_item in sold.by_item.items())
    return {
        "price": plan.price(instance).mean(axis=1),
        "promoted": instance.promo[np.arange(len(instance.items))[:, None], plan.level].sum(axis=1).astype(float),
        "ordered": placed_orders(plan).sum(axis=1),
        "profit": np.asarray(money),
    }


def responses(windows: Sequence[Window]) -> tuple[ItemResponse, ...]:
    """How every item responds, as each picture of demand has it."""
    if not windows:
        return ()
    own = {name: np.array([_own(window.pictures[name]) for window in windows]) for name in PICTURES}
    cross = {name: np.mean([_cross(window.pictures[name]) for window in windows], axis=0) for name in PICTURES}
    demand = np.mean([_at_reference(window.pictures["estimated"]).mean(axis=1) for window in windows], axis=0)
    known = {name: ~np.isnan(figures).all(axis=0) for name, figures in own.items()}
    return tuple(
        ItemResponse(
            item,
            float(demand[i]),
            {name: float(np.nanmean(own[name][:, i])) if known[name][i] else None for name in PICTURES},
            {name: float(cross[name][i]) for name in PICTURES},
        )
        for i, item in enumerate(windows[0].pictures["estimated"].items)
    )


def _at_reference(instance: Instance) -> Floats:
    """(I, T) expected units at today's regular prices."""
    item, period = np.ogrid[: len(instance.items), : instance.periods]
    found: Floats = instance.expected_demand[item, period, instance.reference[:, None]]
    return found


def _own(instance: Instance) -> Floats:
    """(I,) slope of log expected demand on log price over the levels without a promotion, exact for a constant
    elasticity; nan where there are no two such levels."""
    demand = instance.expected_demand.mean(axis=1)
    found = np.full(len(instance.items), np.nan)
    for i in range(len(found)):
        usable = instance.has_level[i] & ~instance.promo[i] & (demand[i] > 0)
        if np.unique(instance.price[i, usable]).size > 1:
            found[i] = np.polyfit(np.log(instance.price[i, usable]), np.log(demand[i, usable]), 1)[0]
    return found


def _cross(instance: Instance) -> Floats:
    """(I,) sum over the other items of the elasticity of demand to their prices, at today's prices."""
    effects, expected = instance.cross_effects, _at_reference(instance)
    moved = effects.effect * instance.reference_price[effects.other][:, None]
    total = np.zeros_like(expected)
    np.add.at(total, effects.item, moved)
    share: Floats = (total / np.where(expected > 0, expected, np.inf)).mean(axis=1)
    return share
