"""Demand response: what is asked for at the chosen prices, in every scenario.

Sets as in pricing, and
    w       demand scenarios
    X       items whose demand moves with other items' prices; C[i] those others, in two: before and after i in order

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

from collections.abc import Callable
from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Floats, Instance
from desilo.formulations.freedom import Formulation
from desilo.formulations.pricing import Block
from desilo.solving import entries, wherever


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
    tight = formulation is not Formulation.PLAIN
    cross = instance.cross_effects
    acts = np.flatnonzero(np.any(cross.effect != 0, axis=1)) if len(cross) else np.zeros(0, dtype=np.int64)
    pairs = list(zip(cross.item[acts].tolist(), cross.other[acts].tolist(), strict=True))
    moved = np.zeros(len(instance.items), dtype=bool)
    moved[[i for i, _ in pairs]] = True

    block.W = pyo.RangeSet(0, demand.shape[3] - 1)
    block.X = pyo.Set(initialize=np.flatnonzero(moved).tolist())
    block.moves = pyo.Set(pricing.I, initialize=wherever(moved))
    block.C = pyo.Set(dimen=2, initialize=pairs)
    block.tight = tight
    block.D = pyo.Param(pricing.I, pricing.K, pricing.T, block.W, default=entries(demand.transpose(0, 2, 1, 3)))
    block.r = pyo.Param(pricing.I, default=entries(instance.reference_price))
    effects = cross.effect[acts].tolist()
    block.e = pyo.Param(
        block.C,
        pricing.T,
        initialize={(*pair, t): value for pair, row in zip(pairs, effects, strict=True) for t, value in enumerate(row)},
    )

    def gained(b: Block, i: int, j: int, m: int, t: int) -> Any:
        """Units of i gained at level m of j."""
        return b.e[i, j, t] * (pricing.p[j, m] - b.r[j])

    if tight:
        block.before = pyo.Set(block.X, initialize=_others(pairs, lambda i, j: j < i))
        block.after = pyo.Set(block.X, initialize=_others(pairs, lambda i, j: j > i))
        block.x = pyo.Var([(i, level, t) for i, level, t in pricing.A if moved[i]])

        @block.Constraint(block.x.index_set())
        def D1_cross_demand(b: Block, i: int, level: int, t: int) -> Any:
            return b.x[i, level, t] == sum(
                gained(b, i, j, m, t) * pricing.w[j, m, i, level, t] for j in b.before[i] for m in pricing.levels[j, t]
            ) + sum(
                gained(b, i, j, m, t) * pricing.w[i, level, j, m, t] for j in b.after[i] for m in pricing.levels[j, t]
            )
    else:
        block.others = pyo.Set(block.X, initialize=_others(pairs, lambda i, j: True))
        block.x = pyo.Var(block.X, pricing.T)

        @block.Constraint(block.X, pricing.T)
        def D2_cross_demand(b: Block, i: int, t: int) -> Any:
            return b.x[i, t] == sum(
                gained(b, i, j, m, t) * pricing.y[j, m, t] for j in b.others[i] for m in pricing.levels[j, t]
            )


def demand_at_level(block: Block, pricing: Block, i: int, level: int, t: int, w: int) -> Any:
    """Units demanded at a level: 0 unless it is chosen (tight); before cross effects (plain)."""
    own = block.D[i, level, t, w] * pricing.y[i, level, t]
    return own + sum(block.x[i, level, t] for _ in block.moves[i]) if block.tight else own


def demand(block: Block, pricing: Block, i: int, t: int, w: int) -> Any:
    """Units demanded at the chosen prices."""
    total = sum(demand_at_level(block, pricing, i, level, t, w) for level in pricing.levels[i, t])
    return total if block.tight else total + sum(block.x[i, t] for _ in block.moves[i])


def _others(pairs: list[tuple[int, int]], which: Callable[[int, int], bool]) -> dict[int, list[int]]:
    """By item: some of the others whose prices move its demand."""
    others: dict[int, list[int]] = {i: [] for i, _ in pairs}
    for i, j in pairs:
        if which(i, j):
            others[i].append(j)
    return others


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
