"""Other problems made of an instance: demand known, no substitution, prices alone, orders alone.

Pricing is an instance whose supply never binds, inventory one with a single price level: one kind of thing, so that
the same program, the same solution file and the same checker serve all of them. No figure is computed whose last bits
could depend on the machine, so that a variant has the same digest everywhere.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from desilo.cases.instance import CrossEffects, Floats, Instance

DECIMALS = 4
"""Of demand that was worked out."""


def known_demand(instance: Instance) -> Instance:
    """The same with one scenario: expected demand."""
    expected = rounded_up(instance.expected_demand)
    return replace(instance, scenarios=("1",), probability=np.ones(1), demand=expected[..., None])


def rounded_up(demand: Floats) -> Floats:
    """Demand with `DECIMALS` decimals; up, so that cross effects leave none below 0."""
    up: Floats = np.ceil(np.round(demand * 10**DECIMALS, 3)) / 10**DECIMALS
    return up


def without_substitution(instance: Instance) -> Instance:
    """The same with no cross effects."""
    none = np.zeros(0, dtype=np.int64)
    return replace(instance, cross_effects=CrossEffects(none, none, np.zeros((0, instance.periods))))


def prices_alone(instance: Instance) -> Instance:
    """The pricing problem: supply never binds, only rules on prices and promotions do.

    Whatever is asked for is bought at the first period's cost, and what a scenario leaves over is given back at that
    cost: expected profit is the expected margin.
    """
    nothing = np.zeros_like(instance.unit_cost)
    none = np.zeros(len(instance.items))
    cost = instance.unit_cost[:, 0]
    return replace(
        instance,
        unit_cost=np.repeat(cost[:, None], instance.periods, axis=1),
        salvage_value=cost,
        order_cost=nothing,
        holding_cost=nothing,
        lost_sale_cost=nothing,
        receipt=nothing,
        max_order=np.full_like(nothing, np.inf),
        initial_stock=none,
        min_order=none,
        lead_time=np.zeros_like(instance.lead_time),
        resources=tuple(resource for resource in instance.resources if resource.is_pricing_rule),
        service=(),
    )


def orders_alone(instance: Instance) -> Instance:
    """The inventory problem: every item at its reference level throughout."""
    item = np.arange(len(instance.items))
    own = (item, instance.reference)
    return replace(
        without_substitution(instance),
        levels=tuple((names[k],) for names, k in zip(instance.levels, instance.reference, strict=True)),
        price=instance.price[own][:, None],
        promo=instance.promo[own][:, None],
        reference=np.zeros_like(instance.reference),
        demand=instance.demand[item, :, instance.reference][:, :, None, :],
        max_price_changes=np.full(len(item), np.inf),
        resources=tuple(resource for resource in instance.resources if not resource.is_pricing_rule),
    )
