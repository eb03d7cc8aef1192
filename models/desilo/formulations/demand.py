"""Demand response: what is asked for at the chosen prices, in every scenario.

Sets as in pricing, and
    w       demand scenarios
    X       items whose demand moves with other items' prices; C[i] those others

Parameters
    D[i,l,t,w]      demand at the item's own level before cross effects, units
    e[i,j,t]        units gained per unit of money by which j's price lies above its reference
    r[j]            reference price of j

Variables
    x[i,l,t]        units gained from other items' prices if level l is chosen, else 0   (tight)
    x[i,t]          units gained from other items' prices                                (plain)

Constraints
    (D1)  x[i,l,t] = sum_{j in C[i]} e[i,j,t] sum_m (p[j,m] - r[j]) w[i,l,j,m,t]        (tight)
    (D2)  x[i,t] = sum_{j in C[i]} e[i,j,t] sum_m (p[j,m] - r[j]) y[j,m,t]              (plain)

Expressions
    demand at level l:  D[i,l,t,w] y[i,l,t] + x[i,l,t]      (tight; 0 unless l is chosen)
    demand:             sum_l D[i,l,t,w] y[i,l,t] + x
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Floats, Instance
from desilo.formulations.freedom import Formulation
from desilo.formulations.pricing import Block, product


def declare_response(
    block: Block, pricing: Block, instance: Instance, demand: Floats, formulation: Formulation
) -> None:
    """Declare the demand response on a block.

    Args:
        block: an empty Pyomo block.
        pricing: the block that holds the pricing function.
        instance: the problem.
        demand: (I, T, K, W) demand at each own level; the instance's scenarios, or their mean with W = 1.
        formulation: tight multiplies the cross effects by the own level.
    """
    tight = formulation is Formulation.TIGHT
    scenarios = range(demand.shape[3])
    reference = instance.reference_price
    effects: dict[int, list[tuple[int, list[float]]]] = {}
    cross = instance.cross_effects
    for i, j, effect in zip(cross.item.tolist(), cross.other.tolist(), cross.effect, strict=True):
        if np.any(effect != 0):
            effects.setdefault(i, []).append((j, effect.tolist()))

    block.W = pyo.Set(initialize=scenarios)
    block.X = pyo.Set(initialize=sorted(effects))
    block.tight = tight
    block.D = pyo.Param(
        pricing.A,
        block.W,
        initialize={
            (i, level, t, w): value for i, level, t in pricing.A for w, value in enumerate(demand[i, t, level].tolist())
        },
    )
    moved = [(i, level, t) for i, level, t in pricing.A if i in effects]

    if tight:
        block.x = pyo.Var(moved)

        @block.Constraint(moved)
        def D1_cross_demand(b: Block, i: int, level: int, t: int) -> Any:
            return b.x[i, level, t] == sum(
                effect[t] * (pricing.p[j, m, t] - float(reference[j])) * product(pricing, i, level, j, m, t)
                for j, effect in effects[i]
                for m in pricing.open_levels[j, t]
            )
    else:
        block.x = pyo.Var(block.X, pricing.T)

        @block.Constraint(block.X, pricing.T)
        def D2_cross_demand(b: Block, i: int, t: int) -> Any:
            return b.x[i, t] == sum(
                effect[t] * (pricing.p[j, m, t] - float(reference[j])) * pricing.y[j, m, t]
                for j, effect in effects[i]
                for m in pricing.open_levels[j, t]
            )

    block.moves = frozenset(effects)


def demand_at_level(block: Block, pricing: Block, i: int, level: int, t: int, w: int) -> Any:
    """Units demanded at a level: 0 unless it is chosen (tight); before cross effects (plain)."""
    own = block.D[i, level, t, w] * pricing.y[i, level, t]
    return own + block.x[i, level, t] if block.tight and i in block.moves else own


def demand(block: Block, pricing: Block, i: int, t: int, w: int) -> Any:
    """Units demanded at the chosen prices."""
    total = sum(demand_at_level(block, pricing, i, level, t, w) for level in pricing.open_levels[i, t])
    return total + block.x[i, t] if not block.tight and i in block.moves else total


def cross_demand_range(instance: Instance) -> tuple[Floats, Floats]:
    """(I, T) the least and the most demand any choice of the other items' prices can add, units."""
    shape = (len(instance.items), instance.periods)
    least, most = np.zeros(shape), np.zeros(shape)
    cross = instance.cross_effects
    if len(cross):
        above = instance.price - instance.reference_price[:, None]
        low = np.nanmin(above, axis=1)[cross.other, None] * cross.effect
        high = np.nanmax(above, axis=1)[cross.other, None] * cross.effect
        np.add.at(least, cross.item, np.minimum(low, high))
        np.add.at(most, cross.item, np.maximum(low, high))
    return least, most
