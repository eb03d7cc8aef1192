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

from desilo.cases.instance import PRICING_ACTIVITIES, SCENARIO_ACTIVITIES, Activity, Floats, Instance
from desilo.formulations.freedom import Formulation
from desilo.formulations.inventory import arriving, ordered, placed, sold
from desilo.formulations.pricing import Block, price
from desilo.solving import between, entries, members, true_at


def declare_resources(
    block: Block,
    pricing: Block,
    inventory: Block | None,
    instance: Instance,
    formulation: Formulation,
    probability: Floats,
) -> None:
    """Declare the shared resources on a block.

    Args:
        block: an empty Pyomo block.
        pricing: the pricing function.
        inventory: the inventory function; without it only the pricing function's own rules are declared.
        instance: the problem.
        formulation: tight adds the multiplied rows.
        probability: (W,) of the demand scenarios.
    """
    resources, activities = instance.resources, set(Activity) if inventory is not None else PRICING_ACTIVITIES
    count, periods = instance.unit_cost.shape
    capacity = np.array([resource.capacity for resource in resources]).reshape(-1, periods)
    price_of_more = np.array([resource.overage_cost for resource in resources]).reshape(-1, periods)
    counted = np.array([inventory is not None or resource.is_pricing_rule for resource in resources], dtype=bool)
    uncertain = np.array([bool(SCENARIO_ACTIVITIES & set(resource.use)) for resource in resources], dtype=bool)
    hard = np.isinf(price_of_more)
    certain_limit = np.isfinite(capacity) & (counted & ~uncertain)[:, None]
    uncertain_limit = np.isfinite(capacity) & (counted & uncertain)[:, None]
    most_over = np.where(hard, 0.0, np.inf)

    block.resources = pyo.RangeSet(0, len(resources) - 1)
    block.W = pyo.RangeSet(0, len(probability) - 1)
    block.R = pyo.Set(dimen=2, initialize=true_at(certain_limit))
    block.RW = pyo.Set(dimen=2, initialize=true_at(uncertain_limit))
    block.soft = pyo.Set(dimen=2, initialize=true_at(certain_limit & ~hard))
    block.soft_in = pyo.Set(dimen=2, initialize=true_at(uncertain_limit & ~hard))
    block.c = pyo.Param(block.resources, pricing.T, default=entries(capacity))
    block.h = pyo.Param(block.resources, pricing.T, default=entries(price_of_more))
    block.pi = pyo.Param(block.W, default=entries(probability))
    block.over = pyo.Var(block.R, bounds=between(0, most_over))
    block.over_in = pyo.Var(block.RW, block.W, bounds=between(0, np.repeat(most_over[..., None], len(block.W), axis=2)))

    used = sorted(activity for activity in activities if any(activity in resource.use for resource in resources))
    for activity in used:
        amount = np.array([resource.use.get(activity, np.zeros(count)) for resource in resources])
        block.add_component(f"a_{activity}", pyo.Param(block.resources, pricing.I, default=entries(amount)))
        block.add_component(f"users_{activity}", pyo.Set(block.resources, initialize=members(amount != 0)))

    def use(b: Block, r: int, t: int, w: int = 0) -> Any:
        total: Any = 0.0
        for activity in used:
            amount, users = b.component(f"a_{activity}"), b.component(f"users_{activity}")
            total += sum(amount[r, i] * _activity(pricing, inventory, activity, i, t, w) for i in users[r])
        return total

    @block.Constraint(block.R)
    def R1_limit(b: Block, r: int, t: int) -> Any:
        return use(b, r, t) <= b.c[r, t] + b.over[r, t]

    @block.Constraint(block.RW, block.W)
    def R2_limit(b: Block, r: int, t: int, w: int) -> Any:
        return use(b, r, t, w) <= b.c[r, t] + b.over_in[r, t, w]

    if formulation is not Formulation.PLAIN:
        _declare_multiplied(block, pricing, instance, [(r, t) for r, t in block.R if hard[r, t]])


def _declare_multiplied(block: Block, pricing: Block, instance: Instance, limits: list[tuple[int, int]]) -> None:
    """(R3) for the limits (r, t) among them that are rules on promotions and prices."""
    partner = np.zeros((len(instance.items),) * 2, dtype=bool)
    for i, j in pricing.B:
        partner[i, j] = partner[j, i] = True
    zero = np.zeros(len(instance.items))
    used = np.array(  # (R, I, K) what item i uses of a rule at each of its levels
        [
            resource.use.get(Activity.PROMO, zero)[:, None] * instance.promo
            + resource.use.get(Activity.PRICE, zero)[:, None] * np.nan_to_num(instance.price)
            for resource in instance.resources
        ]
    ).reshape(len(instance.resources), *instance.price.shape)
    users = np.array([sum(abs(amount) for amount in r.use.values()) for r in instance.resources])
    users = users.reshape(-1, len(zero)) != 0
    with_partners = users[:, None, :] & partner  # (R, j, i)
    rules = [(r, t) for r, t in limits if instance.resources[r].is_pricing_rule]
    cheapest = {
        (r, i, t): min(used[r, i, level] for level in pricing.levels[i, t])
        for r, t in rules
        for i in np.flatnonzero(users[r]).tolist()
    }
    alone = users[:, None, :] & ~partner & ~np.eye(len(zero), dtype=bool)  # (R, j, i)
    others = {(r, j): np.flatnonzero(alone[r, j]).tolist() for r, _ in rules for j in pricing.I}
    least = {
        (r, j, m, t): used[r, j, m] * users[r, j] + elsewhere
        for r, t in rules
        for j in np.flatnonzero(with_partners[r].any(axis=1)).tolist()
        for elsewhere in [sum(cheapest[r, i, t] for i in others[r, j])]
        for m in pricing.levels[j, t]
    }
    block.G = pyo.Set(dimen=4, initialize=list(least))
    block.least = pyo.Param(block.G, initialize=least)
    block.used = pyo.Param(block.resources, pricing.I, pricing.K, default=entries(used))
    before = np.tri(len(zero), k=-1, dtype=bool)  # (j, i) with i < j
    block.before = pyo.Set(block.resources, pricing.I, initialize=members(with_partners & before))
    block.after = pyo.Set(block.resources, pricing.I, initialize=members(with_partners & before.T))

    @block.Constraint(block.G)
    def R3_multiplied(b: Block, r: int, j: int, m: int, t: int) -> Any:
        return (
            sum(
                b.used[r, i, level] * pricing.w[i, level, j, m, t]
                for i in b.before[r, j]
                for level in pricing.levels[i, t]
            )
            + sum(
                b.used[r, i, level] * pricing.w[j, m, i, level, t]
                for i in b.after[r, j]
                for level in pricing.levels[i, t]
            )
            + (b.least[r, j, m, t] - b.c[r, t]) * pricing.y[j, m, t]
            <= 0
        )


def overage_cost(block: Block) -> Any:
    """Expected cost of using soft limits above their capacity, money."""
    certain = sum(block.h[r, t] * block.over[r, t] for r, t in block.soft)
    return certain + sum(
        block.pi[w] * block.h[r, t] * block.over_in[r, t, w] for r, t in block.soft_in for w in block.W
    )


def _activity(pricing: Block, inventory: Block | None, activity: Activity, i: int, t: int, w: int) -> Any:
    match activity:
        case Activity.PROMO:
            return sum(pricing.y[i, level, t] for level in pricing.promo[i, t])
        case Activity.PRICE:
            return price(pricing, i, t)
        case Activity.ORDER:
            return ordered(inventory, i, t)
        case Activity.RECEIPT:
            return arriving(inventory, i, t)
        case Activity.SETUP:
            return placed(inventory, i, t)
        case Activity.STOCK:
            return inventory.stock[i, t, w]  # type: ignore[union-attr]
        case Activity.SALE:
            return sold(inventory, pricing, i, t, w)
