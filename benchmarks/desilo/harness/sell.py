"""What a plan sells and earns once demand is known.

`sell_first_come` serves every demand as long as there is stock; `settle` costs any given sales. Both take the
instance as it is: the planner's own, or nature's, with other scenarios than those the plan was made for.
Sets and shapes as in `desilo.cases.instance`: items I, periods T, scenarios W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from desilo.cases.instance import Activity, Floats, Instance, Resource
from desilo.cases.plan import SMALLEST_ORDER, Plan

EFFECT_ON_PROFIT: Mapping[str, int] = {
    "revenue": +1,
    "purchase": -1,
    "order": -1,
    "holding": -1,
    "lost_sales": -1,
    "overage": -1,
    "salvage": +1,
}
"""The causes of profit: +1 adds to it, -1 is a cost."""


@dataclass(frozen=True)
class Sales:
    """Sales of a plan in every scenario, and what they earn.

    Attributes:
        demand: (I, T, W) units asked for at the chosen prices.
        sales: (I, T, W) units sold.
        stock: (I, T, W) units on hand at the end of the period.
        by_item: (I, W) money by cause of profit, without `overage`, which belongs to no item.
        overage: (W,) money paid for use above soft limits.
        overuse: (T, W) units of every resource used above its capacity, hard or soft, by resource name.
        probability: (W,) of the scenarios.
    """

    demand: Floats
    sales: Floats
    stock: Floats
    by_item: Mapping[str, Floats]
    overage: Floats
    overuse: Mapping[str, Floats]
    probability: Floats

    @cached_property
    def breakdown(self) -> dict[str, Floats]:
        """(W,) money by cause of profit; costs are positive."""
        totals = {cause: money.sum(axis=0) for cause, money in self.by_item.items()} | {"overage": self.overage}
        return {cause: totals[cause] for cause in EFFECT_ON_PROFIT}

    @cached_property
    def profit(self) -> Floats:
        """(W,) money."""
        profit = np.zeros_like(self.overage)
        for cause, money in self.breakdown.items():
            profit += EFFECT_ON_PROFIT[cause] * money
        return profit

    @property
    def expected_profit(self) -> float:
        """Money, weighted by probability."""
        return float(self.profit @ self.probability)

    @property
    def expected_breakdown(self) -> dict[str, float]:
        """Money by cause of profit, weighted by probability."""
        return {cause: float(money @ self.probability) for cause, money in self.breakdown.items()}

    @property
    def fill_rate(self) -> float:
        """Expected sales over expected demand of all items and periods; 1 when nothing is asked for."""
        asked = float((self.demand @ self.probability).sum())
        return float((self.sales @ self.probability).sum()) / asked if asked > 0 else 1.0

    @property
    def average_stock(self) -> float:
        """Expected end-of-period units of all items together, mean over the periods."""
        return float((self.stock @ self.probability).sum(axis=0).mean())


def sell_first_come(instance: Instance, plan: Plan) -> Sales:
    """Serve demand first come, first served: in every period sell what is asked for as far as stock reaches.

    Hard limits on stock and sale are not enforced; their overuse is returned.

    Args:
        instance: scenarios of any number; only demand, costs and limits at the chosen levels are read.
        plan: levels that exist and finite orders >= 0.

    Raises:
        ValueError: the plan does not fit the instance.
    """
    _require_fit(instance, plan)
    demand = demand_at(instance, plan)
    arriving = arrivals(instance, plan)
    sales = np.empty_like(demand)
    on_hand = np.broadcast_to(instance.initial_stock[:, None], (demand.shape[0], demand.shape[2]))
    for t in range(instance.periods):
        on_hand = on_hand + arriving[:, t, None]
        sales[:, t] = np.minimum(demand[:, t], on_hand)
        on_hand = on_hand - sales[:, t]
    return settle(instance, plan, sales)


def settle(instance: Instance, plan: Plan, sales: Floats) -> Sales:
    """Cost given sales.

    Args:
        instance: the problem.
        plan: levels that exist and finite orders >= 0.
        sales: (I, T, W) units, within demand and stock.
    """
    demand = demand_at(instance, plan)
    supply = instance.initial_stock[:, None] + np.cumsum(arrivals(instance, plan), axis=1)
    stock = np.maximum(supply[:, :, None] - np.cumsum(sales, axis=1), 0.0)  # rounding leaves -1e-12 units
    placed = placed_orders(plan)
    same = sales.shape[0], sales.shape[2]  # purchase and order cost do not depend on the scenario

    def over_periods(money_per_unit: Floats, units: Floats) -> Floats:
        money: Floats = np.einsum("it,itw->iw", money_per_unit, units)
        return money

    by_item = {
        "revenue": over_periods(plan.price(instance), sales),
        "purchase": np.broadcast_to((instance.unit_cost * placed).sum(axis=1, keepdims=True), same),
        "order": np.broadcast_to((instance.order_cost * (placed > 0)).sum(axis=1, keepdims=True), same),
        "holding": over_periods(instance.holding_cost, stock),
        "lost_sales": over_periods(instance.lost_sale_cost, demand - sales),
        "salvage": instance.salvage_value[:, None] * stock[:, -1],
    }
    overage = np.zeros(sales.shape[2])
    overuse = {}
    for resource in instance.resources:
        use = scenario_use(resource, sales, stock) + fixed_use(instance, plan, resource)[:, None]
        over = np.maximum(use - resource.capacity[:, None], 0.0)
        soft = np.isfinite(resource.overage_cost)
        overage += resource.overage_cost[soft] @ over[soft]
        overuse[resource.name] = over
    return Sales(demand, sales, stock, by_item, overage, overuse, instance.probability)


def demand_at(instance: Instance, plan: Plan) -> Floats:
    """(I, T, W) units asked for at the chosen prices, cross effects included, never below 0."""
    item, period = np.ogrid[: len(instance.items), : instance.periods]
    own: Floats = instance.demand[item, period, plan.level]
    return np.maximum(own + instance.cross_demand(plan.price(instance))[:, :, None], 0.0)


def placed_orders(plan: Plan) -> Floats:
    """(I, T) units ordered, with quantities too small to be an order set to 0."""
    return np.where(plan.order > SMALLEST_ORDER, plan.order, 0.0)


def arrivals(instance: Instance, plan: Plan) -> Floats:
    """(I, T) units arriving: orders due and units already on the way. Orders due after T never arrive."""
    arriving: Floats = instance.receipt.astype(float)
    placed = placed_orders(plan)
    for i, lead in enumerate(instance.lead_time):
        arriving[i, lead:] += placed[i, : max(instance.periods - lead, 0)]
    return arriving


def fixed_use(instance: Instance, plan: Plan, resource: Resource) -> Floats:
    """(T,) units of the resource used whatever the scenario."""
    placed = placed_orders(plan)
    item = np.arange(len(instance.items))[:, None]
    amount_of = {
        Activity.ORDER: placed,
        Activity.RECEIPT: arrivals(instance, plan),
        Activity.SETUP: (placed > 0).astype(float),
        Activity.PROMO: instance.promo[item, plan.level].astype(float),
        Activity.PRICE: plan.price(instance),
    }
    use = np.zeros(instance.periods)
    for activity, amount in resource.use.items():
        if activity in amount_of:
            use += amount @ amount_of[activity]
    return use


def scenario_use(resource: Resource, sales: Floats, stock: Floats) -> Floats:
    """(T, W) units of the resource used by stock and sales."""
    use = np.zeros(sales.shape[1:])
    for activity, units in ((Activity.STOCK, stock), (Activity.SALE, sales)):
        if activity in resource.use:
            use += np.tensordot(resource.use[activity], units, axes=1)
    return use


def _require_fit(instance: Instance, plan: Plan) -> None:
    shape = (len(instance.items), instance.periods)
    if plan.level.shape != shape or plan.order.shape != shape:
        raise ValueError(f"levels {plan.level.shape} and orders {plan.order.shape} must both be {shape}")
    count = np.array([len(levels) for levels in instance.levels])[:, None]
    if ((plan.level < 0) | (plan.level >= count)).any():
        raise ValueError("the plan chooses a level that the item does not have")
    if not (np.isfinite(plan.order) & (plan.order >= -SMALLEST_ORDER)).all():
        raise ValueError("the plan has an order that is negative or no number")
