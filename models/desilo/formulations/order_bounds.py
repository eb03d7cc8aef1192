"""What is known about orders before solving: how large they need be, and where placing one matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from desilo.cases.instance import Activity, Bools, Floats, Instance
from desilo.formulations.demand import cross_demand_range
from desilo.formulations.freedom import Freedom

UNIT_ACTIVITIES = frozenset({Activity.ORDER, Activity.RECEIPT, Activity.STOCK})
"""Activities that grow with the units ordered, sold or not."""

LEAST_SETUP_ORDER = 2e-6
"""Units. Where a negative set-up amount rewards placing an order: just above what still counts as no order."""

RAY_TOLERANCE = 1e-9
"""Relative gain below which ordering without end gains nothing."""

_ROUNDS = 2
"""What resources ask of an order can depend on other orders, theirs on others again: how far to follow.

Farther means looser bounds: with many items in a limit of both signs they grow by a factor each time.
"""


@dataclass(frozen=True)
class OrderBounds:
    """What is known about orders before solving.

    Attributes:
        upper: (I, T) no order need be larger; 0 where none may be placed.
        least: (I,) smallest order if one is placed.
        weighed: (I, T) whether an order costs or binds something besides its units, so that set-ups matter.
        most_demand: (I, T, K, W) most that can be asked for at a level.
        speculative: whether there are orders that may gain something without being sold.
        available: (I, T) most that can be there to sell: all orders due by then, at their bounds.
    """

    upper: Floats
    least: Floats
    weighed: Bools
    most_demand: Floats
    available: Floats
    speculative: bool


def order_bounds(instance: Instance, freedom: Freedom) -> OrderBounds:
    """Bounds on orders from what can still be sold.

    Units of an order beyond the most that can be asked for from its arrival to the end are left over in every
    scenario. If salvage does not cover buying and keeping them and no resource rewards having them, no order need be
    larger. Otherwise it may be larger up to where a resource stops asking for it or begins to stand in its way; if
    units can be ordered without end at a gain, their orders stay unlimited and the problem is unbounded.
    """
    count, periods = instance.unit_cost.shape
    most = instance.demand + cross_demand_range(instance)[1][:, :, None, None]
    asked = np.where(freedom.levels[:, :, :, None], most, 0.0).max(axis=2)  # (I, T, W)
    remaining = np.cumsum(asked[:, ::-1], axis=1)[:, ::-1].max(axis=2)  # (I, T) from t to the end
    keeping = np.cumsum(instance.holding_cost[:, ::-1], axis=1)[:, ::-1]
    due = np.minimum(np.arange(periods) + instance.lead_time[:, None], periods - 1)

    setup_amounts = [resource.use[Activity.SETUP] for resource in instance.resources if Activity.SETUP in resource.use]
    setup_used = np.any([amount != 0 for amount in setup_amounts], axis=0) if setup_amounts else np.zeros(count, bool)
    setup_rewarded = np.any([amount < 0 for amount in setup_amounts], axis=0) if setup_amounts else setup_used
    least = np.where(setup_rewarded, np.maximum(instance.min_order, LEAST_SETUP_ORDER), instance.min_order)

    def bounded_by(units: Floats) -> Floats:
        bound = np.maximum(np.maximum(units, least[:, None]), freedom.order_lower)
        upper: Floats = np.where(freedom.setup, np.minimum(freedom.order_upper, bound), 0.0)
        return upper

    sellable = np.take_along_axis(remaining, due, axis=1)
    upper = bounded_by(sellable)
    left_over = _LeftOver.of(instance, freedom, np.take_along_axis(keeping, due, axis=1))
    if left_over.cells:
        cell = tuple(np.array(left_over.cells).T)
        for _ in range(_ROUNDS):
            units = sellable.copy()
            units[cell] += left_over.wanted(instance, freedom, asked.max(axis=2), upper)
            before, upper = upper, bounded_by(units)
            if np.array_equal(before, upper):
                break
        endless = left_over.endless(freedom)
        upper[cell] = np.where(endless, np.inf, upper[cell])
    weighed = (instance.order_cost > 0) | (least > 0)[:, None] | setup_used[:, None]
    available = instance.initial_stock[:, None] + np.cumsum(_arriving(instance, upper), axis=1)
    return OrderBounds(upper, least, weighed & np.isfinite(upper), most, available, bool(left_over.cells))


def _arriving(instance: Instance, order: Floats) -> Floats:
    """(I, T) units arriving: orders (I, T) when they are due, and what was already on the way."""
    arriving = instance.receipt.copy()
    for i, lead in enumerate(instance.lead_time.tolist()):
        arriving[i, lead:] += order[i, : max(0, instance.periods - lead)]
    return arriving


@dataclass(frozen=True)
class _LeftOver:
    """What units ordered and never sold do, for orders (i, t) where they may gain something.

    Attributes:
        cells: n orders (i, t).
        gain: (n,) money per unit: salvage - unit cost - holding cost.
        use: (n, R, T) of each resource, per unit; 0 where it is not limited.
        overage_cost: (R, T) money per unit; inf where hard.
        capacity: (R, T); 0 where it is not limited.
    """

    cells: list[tuple[int, int]]
    gain: Floats
    use: Floats
    overage_cost: Floats
    capacity: Floats

    @classmethod
    def of(cls, instance: Instance, freedom: Freedom, keeping: Floats) -> _LeftOver:
        """keeping: (I, T) money to hold a unit of the order of t from its arrival to the end."""
        count, periods = instance.unit_cost.shape
        gain = instance.salvage_value[:, None] - instance.unit_cost - keeping
        none = np.zeros(count)
        rewarded = none.astype(bool)
        for resource in instance.resources:
            for activity in UNIT_ACTIVITIES:
                rewarded |= resource.use.get(activity, none) < 0
        cells = [(int(i), int(t)) for i, t in np.argwhere(freedom.setup & ((gain > 0) | rewarded[:, None]))]
        limits = [np.isfinite(resource.capacity) for resource in instance.resources]
        use = np.zeros((len(cells), len(limits), periods))
        for n, (i, t) in enumerate(cells):
            due = t + instance.lead_time[i]
            for r, resource in enumerate(instance.resources):
                use[n, r, t] += resource.use.get(Activity.ORDER, none)[i]
                use[n, r, due] += resource.use.get(Activity.RECEIPT, none)[i]
                use[n, r, due:] += resource.use.get(Activity.STOCK, none)[i]
                use[n, r, ~limits[r]] = 0.0
        shape = (len(limits), periods)
        capacity = np.array([resource.capacity for resource in instance.resources]).reshape(shape)
        return cls(
            cells=cells,
            gain=np.array([gain[cell] for cell in cells]),
            use=use,
            overage_cost=np.array([resource.overage_cost for resource in instance.resources]).reshape(shape),
            capacity=np.where(np.isfinite(capacity), capacity, 0.0),
        )

    def wanted(self, instance: Instance, freedom: Freedom, asked: Floats, upper: Floats) -> Floats:
        """(n,) units beyond which no resource changes whether another one pays, at orders up to `upper` (I, T)."""
        arriving = _arriving(instance, upper)
        price = np.where(freedom.levels, np.nan_to_num(instance.price)[:, None, :], 0.0).max(axis=2)
        most = {
            Activity.ORDER: upper,
            Activity.RECEIPT: arriving,
            Activity.STOCK: instance.initial_stock[:, None] + np.cumsum(arriving, axis=1),
            Activity.SALE: asked,
            Activity.SETUP: np.ones_like(upper),
            Activity.PROMO: np.ones_like(upper),
            Activity.PRICE: price,
        }
        highest, lowest = np.zeros_like(self.capacity), np.zeros_like(self.capacity)  # use by everything, (R, T)
        for r, resource in enumerate(instance.resources):
            for activity, amount in resource.use.items():
                highest[r] += np.maximum(amount, 0.0) @ most[activity]
                lowest[r] += np.minimum(amount, 0.0) @ most[activity]
        room = np.where(self.use > 0, self.capacity - lowest, np.where(self.use < 0, highest - self.capacity, 0.0))
        units: Floats = np.divide(room, np.abs(self.use), out=np.zeros_like(room), where=self.use != 0)
        most_units: Floats = units.max(axis=(1, 2), initial=0.0)
        largest = np.array([freedom.order_upper[cell] for cell in self.cells])
        return np.where((self.gain > 0) & np.isfinite(largest), largest, most_units)

    def endless(self, freedom: Freedom) -> Bools:
        """(n,) orders that together gain without end, soft limits paid.

        They are a ray d >= 0 of the linear program: use d <= overage, gain d > overage cost.
        """
        limited = np.any(self.use != 0, axis=0)
        soft = np.isfinite(self.overage_cost[limited])
        use = self.use[:, limited].T
        unlimited = np.isinf([freedom.order_upper[cell] for cell in self.cells])
        ray: Any = linprog(
            np.concatenate([-self.gain, self.overage_cost[limited][soft]]),
            A_ub=np.hstack([use, -np.eye(len(soft))[:, soft]]),
            b_ub=np.zeros(len(soft)),
            bounds=[(0, float(free)) for free in unlimited] + [(0, None)] * int(soft.sum()),
        )
        if -ray.fun <= RAY_TOLERANCE * max(1.0, np.abs(self.gain).max()):
            return np.zeros(len(self.cells), dtype=bool)
        return np.asarray(ray.x[: len(self.cells)] > RAY_TOLERANCE)
