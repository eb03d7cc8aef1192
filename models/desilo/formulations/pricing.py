"""Pricing: one price level per item and period.

Sets
    i, j    items
    t       periods 0..T-1
    l, m    price levels; A the (i, l, t) that may be chosen, levels[i,t] those of an item and period
    B       pairs i < j of items whose prices act on each other's demand

Parameters
    p[i,l]      price of the level, money per unit
    n[i]        price changes allowed over the horizon (items without a limit have no rows)
    y0[i,l,t]   1 if l is the reference level and t the first period: the level before it

Variables
    y[i,l,t]        1 if level l is chosen, binary (ladder formulation: its bounds only, (P6) makes it so)
    u[i,l,t]        1 if the level chosen is l or one before it, binary (ladder formulation only)
    change[i,t]     1 if the level differs from the period before (in t = 0: from the reference level)
    w[i,l,j,m,t]    y[i,l,t] y[j,m,t], for the pairs in B (not in the plain formulation)

Constraints
    (P1)  sum_l y[i,l,t] = 1                            for each i, t
    (P2)  y[i,l,t] - y[i,l,t-1] <= change[i,t]          for each (i,l,t) in A, i limited
    (P3)  sum_t change[i,t] <= n[i]                     for each limited i
    (P4)  sum_m w[i,l,j,m,t] = y[i,l,t]                 for each (i,j) in B, l, t
    (P5)  sum_l w[i,l,j,m,t] = y[j,m,t]                 for each (i,j) in B, m, t
    (P6)  sum_{m <= l} y[i,m,t] = u[i,l,t]              for each (i,l,t) in A with a level after it

(P4) and (P5) are (P1) multiplied by a binary: the first level of the reformulation-linearisation technique of
Sherali and Adams (1990, SIAM J. Discrete Math. 3, 411-430). They make products of two items' levels linear.
(P6) is for branching: that y[i,l,t] = 0 says next to nothing, that the price is at most or above a rung of the ladder
takes half of it away (Beale and Tomlin 1970, in Proc. 5th Int. Conf. on Operational Research, 447-454, of ordered sets;
Yildiz and Vielma 2013, Operations Research Letters 41, 654-658, of such binaries).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Bools, Instance
from desilo.formulations.freedom import Formulation
from desilo.solving import entries, members, true_at, wherever

Block = Any  # a Pyomo block; Pyomo is untyped


def declare_pricing(block: Block, instance: Instance, levels: Bools, formulation: Formulation) -> None:
    """Declare the pricing function on a block.

    Args:
        block: an empty Pyomo block.
        instance: the problem.
        levels: (I, T, K) the levels that may be chosen.
        formulation: plain does without the pair variables, ladder has the binaries along the price ladder.
    """
    count, periods, most_levels = levels.shape
    limited = np.isfinite(instance.max_price_changes)
    change_counts = levels & limited[:, None, None]
    at_reference = np.arange(most_levels) == instance.reference[:, None]
    before = np.zeros((count, most_levels, periods), dtype=bool)  # whether the level was open the period before
    before[:, :, 1:] = levels.transpose(0, 2, 1)[:, :, :-1]

    block.I = pyo.RangeSet(0, count - 1)
    block.T = pyo.RangeSet(0, periods - 1)
    block.K = pyo.RangeSet(0, most_levels - 1)
    block.A = pyo.Set(dimen=3, initialize=true_at(levels, axes=(0, 2, 1)))
    block.levels = pyo.Set(block.I, block.T, initialize=members(levels))
    block.promo = pyo.Set(block.I, block.T, initialize=members(levels & instance.promo[:, None, :]))
    block.limited = pyo.Set(initialize=np.flatnonzero(limited).tolist())
    block.counted = pyo.Set(dimen=3, initialize=true_at(change_counts, axes=(0, 2, 1)))
    block.open_before = pyo.Set(block.I, block.K, block.T, initialize=wherever(before))

    block.p = pyo.Param(block.I, block.K, default=entries(instance.price))
    block.n = pyo.Param(block.I, default=entries(instance.max_price_changes))
    block.y0 = pyo.Param(block.I, block.K, block.T, default=entries(at_reference[:, :, None] * np.eye(1, periods)))

    ladder = formulation is Formulation.LADDER
    block.y = pyo.Var(block.A, domain=pyo.UnitInterval if ladder else pyo.Binary)
    block.change = pyo.Var(block.limited, block.T, bounds=(0, 1))

    @block.Constraint(block.I, block.T)
    def P1_one_level(b: Block, i: int, t: int) -> Any:
        return sum(b.y[i, level, t] for level in b.levels[i, t]) == 1

    @block.Constraint(block.counted)
    def P2_change(b: Block, i: int, level: int, t: int) -> Any:
        before = b.y0[i, level, t] + sum(b.y[i, level, t - 1] for _ in b.open_before[i, level, t])
        return b.y[i, level, t] - before <= b.change[i, t]

    @block.Constraint(block.limited)
    def P3_changes(b: Block, i: int) -> Any:
        return sum(b.change[i, t] for t in b.T) <= b.n[i]

    if formulation is not Formulation.PLAIN:
        _declare_pairs(block, levels, pairs_of_substitutes(instance))
    if ladder:
        _declare_ladder(block, levels)


def _declare_pairs(block: Block, levels: Bools, pairs: list[tuple[int, int]]) -> None:
    """(P4), (P5): the pair variables."""
    open_levels = {(i, t): np.flatnonzero(levels[i, t]).tolist() for i in _in_pairs(pairs) for t in block.T}
    block.B = pyo.Set(dimen=2, initialize=pairs)
    block.w = pyo.Var(
        [
            (i, level, j, m, t)
            for i, j in pairs
            for t in block.T
            for level in open_levels[i, t]
            for m in open_levels[j, t]
        ],
        bounds=(0, 1),
    )

    @block.Constraint([(i, level, j, t) for i, j in pairs for t in block.T for level in open_levels[i, t]])
    def P4_pair(b: Block, i: int, level: int, j: int, t: int) -> Any:
        return sum(b.w[i, level, j, m, t] for m in b.levels[j, t]) == b.y[i, level, t]

    @block.Constraint([(i, j, m, t) for i, j in pairs for t in block.T for m in open_levels[j, t]])
    def P5_pair(b: Block, i: int, j: int, m: int, t: int) -> Any:
        return sum(b.w[i, level, j, m, t] for level in b.levels[i, t]) == b.y[j, m, t]


def _declare_ladder(block: Block, levels: Bools) -> None:
    """(P6): the rungs of the price ladder, of levels (I, T, K) that may be chosen."""
    after = levels[:, :, ::-1].cumsum(axis=2)[:, :, ::-1] - levels  # (I, T, K) levels open after this one
    up_to = levels[:, None] & np.tri(levels.shape[2], dtype=bool)[:, None]  # (I, K, T, K)
    block.rungs = pyo.Set(dimen=3, initialize=true_at(levels & (after > 0), axes=(0, 2, 1)))
    block.up_to = pyo.Set(block.I, block.K, block.T, initialize=members(up_to))

    block.u = pyo.Var(block.rungs, domain=pyo.Binary)

    @block.Constraint(block.rungs)
    def P6_rung(b: Block, i: int, level: int, t: int) -> Any:
        return sum(b.y[i, m, t] for m in b.up_to[i, level, t]) == b.u[i, level, t]


def pairs_of_substitutes(instance: Instance) -> list[tuple[int, int]]:
    """Pairs i < j linked by a cross effect, in order."""
    cross = instance.cross_effects
    acts = np.any(cross.effect != 0, axis=1) if len(cross) else np.zeros(0, dtype=bool)
    both = zip(cross.item[acts].tolist(), cross.other[acts].tolist(), strict=True)
    return sorted({(min(i, j), max(i, j)) for i, j in both})


def price(block: Block, i: int, t: int) -> Any:
    """The chosen price of item i in period t, money per unit."""
    return sum(block.p[i, level] * block.y[i, level, t] for level in block.levels[i, t])


def _in_pairs(pairs: list[tuple[int, int]]) -> list[int]:
    return sorted({i for pair in pairs for i in pair})
