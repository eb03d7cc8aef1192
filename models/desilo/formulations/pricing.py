"""Pricing: one price level per item and period.

Sets
    i, j    items
    t       periods 0..T-1
    l, m    price levels; A the (i, l, t) that may be chosen
    B       pairs i < j of items whose prices act on each other's demand

Parameters
    p[i,l]      price of the level, money per unit
    n[i]        price changes allowed over the horizon (items without a limit have no rows)

Variables
    y[i,l,t]        1 if level l is chosen, binary
    change[i,t]     1 if the level differs from the period before (in t = 0: from the reference level)
    w[i,l,j,m,t]    y[i,l,t] y[j,m,t], for the pairs in B (tight formulation only)

Constraints
    (P1)  sum_l y[i,l,t] = 1                            for each i, t
    (P2)  y[i,l,t] - y[i,l,t-1] <= change[i,t]          for each (i,l,t) in A, i limited
    (P3)  sum_t change[i,t] <= n[i]                     for each limited i
    (P4)  sum_m w[i,l,j,m,t] = y[i,l,t]                 for each (i,j) in B, l, t
    (P5)  sum_l w[i,l,j,m,t] = y[j,m,t]                 for each (i,j) in B, m, t

(P4) and (P5) are (P1) multiplied by a binary: the first level of the reformulation-linearisation technique of
Sherali and Adams (1990, SIAM J. Discrete Math. 3, 411-430). They make products of two items' levels linear.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Bools, Instance
from desilo.formulations.freedom import Formulation

Block = Any  # a Pyomo block; Pyomo is untyped


def declare_pricing(block: Block, instance: Instance, levels: Bools, formulation: Formulation) -> None:
    """Declare the pricing function on a block.

    Args:
        block: an empty Pyomo block.
        instance: the problem.
        levels: (I, T, K) the levels that may be chosen.
        formulation: tight declares the pair variables.
    """
    items, periods = range(len(instance.items)), range(instance.periods)
    open_levels = {(i, t): np.flatnonzero(levels[i, t]).tolist() for i in items for t in periods}
    limited = [i for i in items if np.isfinite(instance.max_price_changes[i])]

    block.I = pyo.Set(initialize=items)
    block.T = pyo.Set(initialize=periods)
    block.A = pyo.Set(
        dimen=3, initialize=[(i, level, t) for i in items for t in periods for level in open_levels[i, t]]
    )
    block.limited = pyo.Set(initialize=limited)
    block.B = pyo.Set(dimen=2, initialize=pairs_of_substitutes(instance) if formulation is Formulation.TIGHT else [])
    block.open_levels = open_levels

    block.p = pyo.Param(block.A, initialize={(i, level, t): float(instance.price[i, level]) for i, level, t in block.A})
    block.n = pyo.Param(block.limited, initialize={i: float(instance.max_price_changes[i]) for i in limited})

    block.y = pyo.Var(block.A, domain=pyo.Binary)
    block.change = pyo.Var(block.limited, block.T, bounds=(0, 1))
    block.w = pyo.Var(
        [
            (i, level, j, m, t)
            for i, j in block.B
            for t in periods
            for level in open_levels[i, t]
            for m in open_levels[j, t]
        ],
        bounds=(0, 1),
    )

    @block.Constraint(block.I, block.T)
    def P1_one_level(b: Block, i: int, t: int) -> Any:
        return sum(b.y[i, level, t] for level in open_levels[i, t]) == 1

    def before(b: Block, i: int, level: int, t: int) -> Any:
        """The choice of the period before; the reference level before the first."""
        if t == 0:
            return float(level == instance.reference[i])
        return b.y[i, level, t - 1] if levels[i, t - 1, level] else 0.0

    @block.Constraint([(i, level, t) for i, level, t in block.A if i in set(limited)])
    def P2_change(b: Block, i: int, level: int, t: int) -> Any:
        return b.y[i, level, t] - before(b, i, level, t) <= b.change[i, t]

    @block.Constraint(block.limited)
    def P3_changes(b: Block, i: int) -> Any:
        return sum(b.change[i, t] for t in periods) <= b.n[i]

    @block.Constraint([(i, level, j, t) for i, j in block.B for t in periods for level in open_levels[i, t]])
    def P4_pair(b: Block, i: int, level: int, j: int, t: int) -> Any:
        return sum(b.w[i, level, j, m, t] for m in open_levels[j, t]) == b.y[i, level, t]

    @block.Constraint([(i, j, m, t) for i, j in block.B for t in periods for m in open_levels[j, t]])
    def P5_pair(b: Block, i: int, j: int, m: int, t: int) -> Any:
        return sum(b.w[i, level, j, m, t] for level in open_levels[i, t]) == b.y[j, m, t]


def pairs_of_substitutes(instance: Instance) -> list[tuple[int, int]]:
    """Pairs i < j linked by a cross effect, in order."""
    cross = instance.cross_effects
    acts = np.any(cross.effect != 0, axis=1) if len(cross) else np.zeros(0, dtype=bool)
    both = zip(cross.item[acts].tolist(), cross.other[acts].tolist(), strict=True)
    return sorted({(min(i, j), max(i, j)) for i, j in both})


def product(block: Block, i: int, level: int, j: int, m: int, t: int) -> Any:
    """y[i,level,t] y[j,m,t] as one variable, whichever way round the pair is stored."""
    return block.w[i, level, j, m, t] if i < j else block.w[j, m, i, level, t]


def price(block: Block, i: int, t: int) -> Any:
    """The chosen price of item i in period t, money per unit."""
    return sum(block.p[i, level, t] * block.y[i, level, t] for level in block.open_levels[i, t])
