"""Shared resources: limits on what items use together, hard or soft.

Sets as in the functions, and
    R       (r, t) resources and periods with a finite capacity
    G       (r, j, m, t) hard pricing rules multiplied by a level     (tight formulation only)

Parameters
    c[r,t]          capacity
    h[r,t]          overage cost, money per unit above capacity; without one the limit is hard
    a[r,i,k]        amount used per unit of activity k: order, receipt, stock, sale, setup, promo, price

Variables
    over[r,t]       use above capacity; 0 if the limit is hard
    over[r,t,w]     the same for resources used by stock or sale, in every scenario

Constraints
    (R1)  use[r,t] <= c[r,t] + over[r,t]            resources that do not depend on the scenario
    (R2)  use[r,t,w] <= c[r,t] + over[r,t,w]        resources used by stock or sale
    (R3)  (R1) multiplied by y[j,m,t], for hard rules on promotions and prices: what i uses becomes a product of
          levels (w in pricing); an item that is no substitute of j counts with the least it can use
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import (
    SCENARIO_ACTIVITIES,
    Activity,
    Floats,
    Instance,
    Resource,
)
from desilo.formulations.freedom import Formulation
from desilo.formulations.inventory import arriving, ordered, placed, sold
from desilo.formulations.pricing import Block, price, product


def declare_resources(
    block: Block,
    pricing: Block,
    inventory: Block | None,
    instance: Instance,
    formulation: Formulation,
    scenarios: range,
) -> None:
    """Declare the shared resources on a block.

    Args:
        block: an empty Pyomo block.
        pricing: the pricing function.
        inventory: the inventory function; without it only the pricing function's own rules are declared.
        instance: the problem.
        formulation: tight adds the multiplied rows.
        scenarios: of demand.
    """
    resources = {
        r: resource
        for r, resource in enumerate(instance.resources)
        if inventory is not None or resource.is_pricing_rule
    }
    limited = [(r, t) for r, resource in resources.items() for t in pricing.T if np.isfinite(resource.capacity[t])]
    uncertain = {r for r, resource in resources.items() if SCENARIO_ACTIVITIES & set(resource.use)}
    block.R = pyo.Set(dimen=2, initialize=[(r, t) for r, t in limited if r not in uncertain])
    block.RW = pyo.Set(dimen=2, initialize=[(r, t) for r, t in limited if r in uncertain])
    block.over = pyo.Var(block.R, bounds=lambda _, r, t: (0, _most_over(resources[r], t)))
    block.over_in = pyo.Var(block.RW, scenarios, bounds=lambda _, r, t, w: (0, _most_over(resources[r], t)))

    def use(r: int, t: int, w: int = 0) -> Any:
        return sum(
            float(amount[i]) * _activity(pricing, inventory, instance, activity, int(i), t, w)
            for activity, amount in resources[r].use.items()
            for i in np.flatnonzero(amount)
        )

    @block.Constraint(block.R)
    def R1_limit(b: Block, r: int, t: int) -> Any:
        return use(r, t) <= float(resources[r].capacity[t]) + b.over[r, t]

    @block.Constraint(block.RW, scenarios)
    def R2_limit(b: Block, r: int, t: int, w: int) -> Any:
        return use(r, t, w) <= float(resources[r].capacity[t]) + b.over_in[r, t, w]

    partners: dict[int, set[int]] = {}
    for i, j in pricing.B:
        partners.setdefault(i, set()).add(j)
        partners.setdefault(j, set()).add(i)
    users = {r: _users(resource) for r, resource in resources.items()}
    multiplied = [
        (r, j, m, t)
        for r, t in block.R
        if resources[r].is_pricing_rule and np.isinf(resources[r].overage_cost[t])
        for j in sorted(partners)
        if partners[j] & users[r]
        for m in pricing.open_levels[j, t]
    ]
    block.G = pyo.Set(dimen=4, initialize=multiplied if formulation is Formulation.TIGHT else [])

    @block.Constraint(block.G)
    def R3_multiplied(b: Block, r: int, j: int, m: int, t: int) -> Any:
        terms: list[Any] = []
        least = 0.0
        for i in sorted(users[r]):
            used = _pricing_use(resources[r], instance, i)
            if i == j:
                least += used[m]
            elif i in partners[j]:
                terms += [
                    used[level] * product(pricing, i, level, j, m, t)
                    for level in pricing.open_levels[i, t]
                    if used[level]
                ]
            else:
                least += min(used[level] for level in pricing.open_levels[i, t])
        return sum(terms) + (least - float(resources[r].capacity[t])) * pricing.y[j, m, t] <= 0

    block.uncertain = frozenset(uncertain)


def overage_cost(block: Block, instance: Instance, probability: Floats) -> Any:
    """Expected cost of using soft limits above their capacity, money."""
    certain = sum(
        float(instance.resources[r].overage_cost[t]) * block.over[r, t]
        for r, t in block.R
        if np.isfinite(instance.resources[r].overage_cost[t])
    )
    expected = sum(
        float(probability[w]) * float(instance.resources[r].overage_cost[t]) * block.over_in[r, t, w]
        for r, t in block.RW
        if np.isfinite(instance.resources[r].overage_cost[t])
        for w in range(len(probability))
    )
    return certain + expected


def _most_over(resource: Resource, t: int) -> float | None:
    return 0.0 if np.isinf(resource.overage_cost[t]) else None


def _users(resource: Resource) -> set[int]:
    return {int(i) for amount in resource.use.values() for i in np.flatnonzero(amount)}


def _pricing_use(resource: Resource, instance: Instance, i: int) -> list[float]:
    """What item i uses of a pricing rule at each of its levels."""
    zero = np.zeros(len(instance.items))
    promo = resource.use.get(Activity.PROMO, zero)[i] * instance.promo[i]
    at_price = resource.use.get(Activity.PRICE, zero)[i] * np.nan_to_num(instance.price[i])
    used: list[float] = (promo + at_price).tolist()
    return used


def _activity(
    pricing: Block, inventory: Block | None, instance: Instance, activity: Activity, i: int, t: int, w: int
) -> Any:
    match activity:
        case Activity.PROMO:
            return sum(pricing.y[i, level, t] for level in pricing.open_levels[i, t] if instance.promo[i, level])
        case Activity.PRICE:
            return price(pricing, i, t)
        case Activity.ORDER:
            return ordered(inventory, i, t)
        case Activity.RECEIPT:
            return arriving(inventory, instance, i, t)
        case Activity.SETUP:
            return placed(inventory, i, t)
        case Activity.STOCK:
            return inventory.stock[i, t, w]  # type: ignore[union-attr]
        case Activity.SALE:
            return sold(inventory, i, t, w)
