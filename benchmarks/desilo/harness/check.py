"""The checker: is a plan feasible, and what does it earn? Independent of the models that made the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from desilo.cases.instance import SCENARIO_ACTIVITIES, Bools, Floats, Instance, Resource
from desilo.cases.plan import LARGEST_ORDER, SMALLEST_ORDER, Plan
from desilo.harness.recourse import best_recourse
from desilo.harness.sell import EFFECT_ON_PROFIT, Sales, placed_orders, sell_first_come, settle

TOLERANCE = 1e-6
"""A limit is broken when it is exceeded by more than this times max(1, |limit|)."""


class Rule(StrEnum):
    """What a plan can break."""

    LEVEL = "level"  # the level is one that the item has
    QUANTITY = "quantity"  # an order is a number from 0 to the largest order
    ARRIVAL = "arrival"  # an order arrives by the last period
    MIN_ORDER = "min_order"
    MAX_ORDER = "max_order"
    PRICE_CHANGES = "price_changes"
    RESOURCE = "resource"  # use of a hard limit <= capacity
    SERVICE = "service"  # fill rate >= target


@dataclass(frozen=True)
class Violation:
    """One rule broken in one place.

    Attributes:
        rule: the rule.
        name: the item, the resource or the scope of the service target.
        found: level index, units, arrival period, number of changes, units of the resource, or fill rate.
        limit: what `found` may be at most, or at least for a negative `quantity`, `min_order` and `service`.
        period: counted from 1; None for rules over the horizon.
        scenario: None where it does not matter.
    """

    rule: Rule
    name: str
    found: float
    limit: float
    period: int | None = None
    scenario: str | None = None

    @property
    def excess(self) -> float:
        """By how much the limit is missed."""
        return abs(self.found - self.limit)

    def __str__(self) -> str:
        found, limit, excess = (f"{figure:.7g}" for figure in (self.found, self.limit, self.excess))
        kind = {Rule.RESOURCE: "resource", Rule.SERVICE: "service target"}.get(self.rule, "item")
        place = f"{kind} {self.name}"
        if self.period is not None:
            place += f", period {self.period}"
        if self.scenario is not None:
            place += f", scenario {self.scenario}"
        message = {
            Rule.LEVEL: f"level index {found} does not exist, levels are 0 to {limit}",
            Rule.QUANTITY: f"ordered {found}, an order must be a number of units from 0 to {LARGEST_ORDER:g}",
            Rule.ARRIVAL: f"the order would arrive in period {found}, the last period is {limit}",
            Rule.MIN_ORDER: f"ordered {found}, the smallest order is {limit}, {excess} too little",
            Rule.MAX_ORDER: f"ordered {found}, the largest order is {limit}, {excess} too much",
            Rule.PRICE_CHANGES: f"{found} price changes, at most {limit} are allowed",
            Rule.RESOURCE: f"uses {found}, capacity {limit}, {excess} too much",
            Rule.SERVICE: f"fill rate {found}, at least {limit} is asked for, {excess} too little",
        }[self.rule]
        return f"{place}: {message}"


@dataclass(frozen=True)
class Check:
    """What the checker found.

    Money and units are expected values over the scenarios. They are nan when a level does not exist or an
    order is no number from 0 to 1e15: such a plan cannot be carried out. When a hard limit or a service target cannot
    be kept, they are those of the sales that break them least.

    Attributes:
        feasible: no violation.
        violations: every rule broken.
        profit: with best recourse in each scenario.
        profit_first_come: when demand is served first come, first served, hard stock and sale limits ignored.
        breakdown: money by cause, costs positive; profit = revenue - purchase - order - holding - lost_sales
            - overage + salvage; best recourse.
        fill_rate: expected sales / expected demand; best recourse.
        average_stock: end-of-period units of all items, mean over the periods; best recourse.
    """

    feasible: bool
    violations: tuple[Violation, ...]
    profit: float
    profit_first_come: float
    breakdown: dict[str, float]
    fill_rate: float
    average_stock: float


def check(instance: Instance, plan: Plan) -> Check:
    """Check a plan against every rule of the instance and work out its profit.

    Args:
        instance: the problem.
        plan: (I, T) levels and orders; their figures may be anything.

    Raises:
        ValueError: the arrays of the plan do not have the shape (I, T).
        RuntimeError: the recourse program could not be solved.
    """
    shape = (len(instance.items), instance.periods)
    if plan.level.shape != shape or plan.order.shape != shape:
        raise ValueError(f"levels {plan.level.shape} and orders {plan.order.shape} must both be {shape}")
    unusable = (*_levels(instance, plan), *_quantities(instance, plan))
    if unusable:
        nothing = dict.fromkeys(EFFECT_ON_PROFIT, np.nan)
        found = unusable + tuple(_orders(instance, plan))
        return Check(False, found, np.nan, np.nan, nothing, np.nan, np.nan)
    recourse = settle(instance, plan, best_recourse(instance, plan))
    violations = (
        *_orders(instance, plan),
        *_price_changes(instance, plan),
        *(broken for resource in instance.resources for broken in _resource(instance, resource, recourse)),
        *_service(instance, recourse),
    )
    return Check(
        feasible=not violations,
        violations=violations,
        profit=recourse.expected_profit,
        profit_first_come=sell_first_come(instance, plan).expected_profit,
        breakdown=recourse.expected_breakdown,
        fill_rate=recourse.fill_rate,
        average_stock=recourse.average_stock,
    )


def _levels(instance: Instance, plan: Plan) -> Iterator[Violation]:
    last = np.array([len(levels) - 1 for levels in instance.levels])
    for i, t in np.argwhere((plan.level < 0) | (plan.level > last[:, None])):
        yield Violation(Rule.LEVEL, instance.items[i], float(plan.level[i, t]), float(last[i]), int(t) + 1)


def _quantities(instance: Instance, plan: Plan) -> Iterator[Violation]:
    for i, t in np.argwhere(~((plan.order >= -SMALLEST_ORDER) & (plan.order <= LARGEST_ORDER))):  # nan is not, either
        found = float(plan.order[i, t])
        yield Violation(Rule.QUANTITY, instance.items[i], found, LARGEST_ORDER if found > 0 else 0.0, int(t) + 1)


def _orders(instance: Instance, plan: Plan) -> Iterator[Violation]:
    order = placed_orders(plan)
    least = np.broadcast_to(instance.min_order[:, None], order.shape)
    arrival = np.arange(1, instance.periods + 1) + instance.lead_time[:, None]
    rules = (
        (
            Rule.ARRIVAL,
            (order > 0) & (arrival > instance.periods),
            arrival,
            np.full(order.shape, instance.periods),
        ),
        (Rule.MIN_ORDER, (order > 0) & _above(least, order, scale=least), order, least),
        (Rule.MAX_ORDER, _above(order, instance.max_order), order, instance.max_order),
    )
    for rule, broken, found, limit in rules:
        for i, t in np.argwhere(broken):
            yield Violation(rule, instance.items[i], float(found[i, t]), float(limit[i, t]), int(t) + 1)


def _price_changes(instance: Instance, plan: Plan) -> Iterator[Violation]:
    before = np.column_stack([instance.reference, plan.level[:, :-1]])
    changes = (plan.level != before).sum(axis=1)
    for i in np.flatnonzero(_above(changes, instance.max_price_changes)):
        yield Violation(Rule.PRICE_CHANGES, instance.items[i], float(changes[i]), float(instance.max_price_changes[i]))


def _resource(instance: Instance, resource: Resource, sales: Sales) -> Iterator[Violation]:
    limit = resource.capacity[:, None]
    use = limit + sales.overuse[resource.name]
    broken = np.isinf(resource.overage_cost)[:, None] & _above(use, limit)
    everywhere = not SCENARIO_ACTIVITIES & resource.use.keys()
    for t, w in np.argwhere(broken):
        if everywhere and w > 0:  # the same in every scenario: said once
            continue
        scenario = None if everywhere else instance.scenarios[w]
        yield Violation(
            Rule.RESOURCE, resource.name, float(use[t, w]), float(resource.capacity[t]), int(t) + 1, scenario
        )


def _service(instance: Instance, sales: Sales) -> Iterator[Violation]:
    for target in instance.service:
        asked = float((sales.demand[target.items] @ instance.probability).sum())
        sold = float((sales.sales[target.items] @ instance.probability).sum())
        least = target.min_fill_rate * asked
        if least > sold + TOLERANCE * max(1.0, least):
            yield Violation(Rule.SERVICE, target.scope, sold / asked, target.min_fill_rate)


def _above(found: Floats, limit: Floats, scale: Floats | None = None) -> Bools:
    """Whether `found` exceeds `limit` by more than the tolerance; an infinite limit is never exceeded."""
    size = np.abs(limit if scale is None else scale)
    above: Bools = found > limit + TOLERANCE * np.maximum(1.0, size)
    return above
