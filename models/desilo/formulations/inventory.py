"""Inventory: what to order when, and what is sold and kept in every demand scenario.

Sets as in pricing and demand, and
    O       (i, t) periods in which an order may be placed
    Z       the part of O where placing an order costs or binds something besides its units
    F       (i, a, t) with (i, a) in Z: an order placed in a can be sold in t >= a + L[i]   (tight formulation only)

Parameters
    L[i]            lead time, periods
    s0[i], k[i,t]   initial stock and units already on the way, units
    lo[i], q[i,t]   smallest order if one is placed; bound on an order, units
    M[i,t]          no larger order can pay: what can still be sold, units
    S[i,t]          most that can be there, units: first stock, on the way, and all orders due by then at their bounds
    U[i,l,t,w]      most that can be asked for at level l: D[i,l,t,w] + the most cross effects can add

Variables
    order[i,t] >= 0             units ordered
    setup[i,t]                  1 if an order is placed, binary
    sales[i,l,t,w] >= 0         units sold at level l
    stock[i,t,w] >= 0           units on hand at the end of the period
    v[i,a,l,t] in [0, 1]        setup[i,a] y[i,l,t]                              (tight)
    g[i,a,t]                    setup[i,a] x[i,t]: cross effects met by the order    (tight, items that have any)
    flow[i,a,t,w] >= 0          units ordered in a and sold in t                (tight)
    flow0[i,t,w] >= 0           units of the first stock and on the way, sold in t   (tight)
    flow[i,a,t,l,w], flow0[i,t,l,w]     the same level by level, for items without cross effects    (tight)

Constraints
    (I1)  stock[i,t,w] = stock[i,t-1,w] + k[i,t] + order[i,t-L] - sum_l sales[i,l,t,w]
    (I2)  sales[i,l,t,w] <= demand at level l                                   (tight: 0 unless l is chosen)
          sales[i,l,t,w] <= U[i,l,t,w] y[i,l,t]                                 (plain)
    (I3)  sum_l sales[i,l,t,w] <= demand[i,t,w]                                 (plain)
    (I4)  order[i,t] <= min(q, M)[i,t] setup[i,t]           for (i,t) in Z
    (I5)  order[i,t] >= lo[i] setup[i,t]                    for (i,t) in Z
    (I6)  sum_l v[i,a,l,t] = setup[i,a]                     for (i,a,t) in F
    (I7)  v[i,a,l,t] <= y[i,l,t]                            for (i,a,t) in F, l
    (I8)  flow[i,a,t,w] <= sum_l D[i,l,t,w] v[i,a,l,t] + g[i,a,t]          for (i,a,t) in F, w
    (I9)  sum_t flow[i,a,t,w] <= order[i,a]                 for (i,a) in Z, w
    (I10) flow0[i,t,w] + sum_a flow[i,a,t,w] = sum_l sales[i,l,t,w]
    (I11) sum_{u <= t} flow0[i,u,w] <= s0[i] + sum_{u <= t} k[i,u]
    (I12) g[i,a,t] <= Xmax[i,t] setup[i,a]                                  Xmin, Xmax: least and most that
    (I13) g[i,a,t] <= x[i,t] - Xmin[i,t] (1 - setup[i,a])                   cross effects can add
    (I14) sum_l flow[i,a,t,l,w] / D[i,l,t,w] <= setup[i,a]  for (i,a,t) in F, w, no cross effects    (tight)
    (I15) sales[i,l,t,w] <= S[i,t] y[i,l,t]                 where S[i,t] < U[i,l,t,w]   (tight)

(I6)-(I14) are the facility-location reformulation of lot sizing (Krarup and Bilde 1977; Pochet and Wolsey 2006,
Production Planning by Mixed Integer Programming, section 7.4), scenario by scenario, with the set-up multiplied by
the price level: v does not depend on the scenario, so a fractional set-up cannot serve cheap levels in one
scenario and dear ones in another, and there are |L| + |W| variables per (i,a,t) instead of |L| |W|. (I12) and (I13)
are McCormick's (1976) envelope of the product from above. Without cross effects demand at a level is a figure: (I10)
holds level by level, v = flow / D is not needed and (I14) stands for (I6)-(I8). With one scenario, the relaxation of
a single item that shares nothing then has integral optima.
(I15) is (I2) for supply instead of demand: without it a relaxation that mixes a cheap level with a dear one sells the
mean of their demands where neither could be served, above all from the first stock before an order can arrive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Bools, Instance, Ints
from desilo.formulations.demand import cross_demand_range, demand, demand_at_level
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.order_bounds import order_bounds
from desilo.formulations.pricing import Block
from desilo.formulations.windows import declare_windows
from desilo.solving import between, entries, members, true_at, wherever

SMALLEST_DEMAND = 1e-6
"""Units. Demand below it is not divided by."""


def declare_inventory(
    block: Block,
    pricing: Block,
    response: Block,
    instance: Instance,
    freedom: Freedom,
    formulation: Formulation,
    windows: bool = False,
) -> None:
    """Declare the inventory function on a block.

    Args:
        block: an empty Pyomo block.
        pricing, response: the blocks that say what is asked for at which level.
        instance: the problem.
        freedom: what may be ordered.
        formulation: tight adds the facility-location rows.
        windows: declare what the rows of `windows` speak of; not in the plain formulation.
    """
    tight = formulation is not Formulation.PLAIN
    items, periods, levels, scenarios = pricing.I, pricing.T, pricing.K, response.W
    horizon = instance.periods
    times = np.arange(horizon)
    lead = instance.lead_time
    bounds = order_bounds(instance, freedom)
    most_asked = np.maximum(0.0, bounds.most_demand)  # (I, T, K, W)
    least_cross, most_cross = cross_demand_range(instance)

    orderable = bounds.upper > 0
    weighed = orderable & bounds.weighed
    block.O = pyo.Set(dimen=2, initialize=true_at(orderable))
    block.Z = pyo.Set(dimen=2, initialize=true_at(weighed))
    block.in_O = pyo.Set(items, periods, initialize=wherever(orderable))
    block.in_Z = pyo.Set(items, periods, initialize=wherever(weighed))
    block.due = pyo.Set(items, periods, initialize=wherever(_delivered(orderable, lead)))
    block.later = pyo.Set(periods, initialize=wherever(times > 0))

    first = instance.initial_stock[:, None] * np.eye(1, horizon)  # (I, T)
    block.L = pyo.Param(items, default=entries(lead))
    block.s0 = pyo.Param(items, periods, default=entries(first))
    block.k = pyo.Param(items, periods, default=entries(instance.receipt))
    block.M = pyo.Param(items, periods, default=entries(bounds.upper))
    block.lo = pyo.Param(items, default=entries(bounds.least))
    block.U = pyo.Param(items, levels, periods, scenarios, default=entries(most_asked.transpose(0, 2, 1, 3)))

    block.order = pyo.Var(block.O, bounds=between(freedom.order_lower, bounds.upper))
    block.setup = pyo.Var(block.Z, domain=pyo.Binary)
    block.sales = pyo.Var(pricing.A, scenarios, bounds=(0, None))
    block.stock = pyo.Var(items, periods, scenarios, bounds=(0, None))

    @block.Constraint(items, periods, scenarios)
    def I1_stock(b: Block, i: int, t: int, w: int) -> Any:
        before = b.s0[i, t] + sum(b.stock[i, t - 1, w] for _ in b.later[t])
        return b.stock[i, t, w] == before + arriving(b, i, t) - sold(b, pricing, i, t, w)

    @block.Constraint(block.Z)
    def I4_setup(b: Block, i: int, t: int) -> Any:
        return b.order[i, t] <= b.M[i, t] * b.setup[i, t]

    @block.Constraint(block.Z)
    def I5_minimum(b: Block, i: int, t: int) -> Any:
        return b.order[i, t] >= b.lo[i] * b.setup[i, t]

    @block.Constraint(pricing.A, scenarios)
    def I2_sales(b: Block, i: int, level: int, t: int, w: int) -> Any:
        most = b.U[i, level, t, w] * pricing.y[i, level, t]
        return b.sales[i, level, t, w] <= (demand_at_level(response, pricing, i, level, t, w) if tight else most)

    if not tight:

        @block.Constraint(items, periods, scenarios)
        def I3_demand(b: Block, i: int, t: int, w: int) -> Any:
            return sold(b, pricing, i, t, w) <= demand(response, pricing, i, t, w)

        return

    scarce = (bounds.available[:, :, None, None] < most_asked) & freedom.levels[..., None]
    block.scarce = pyo.Set(dimen=4, initialize=true_at(scarce, axes=(0, 2, 1, 3)))
    block.S = pyo.Param(items, periods, default=entries(bounds.available))

    @block.Constraint(block.scarce)
    def I15_available(b: Block, i: int, level: int, t: int, w: int) -> Any:
        return b.sales[i, level, t, w] <= b.S[i, t] * pricing.y[i, level, t]

    some_order = _delivered(orderable & ~weighed, lead)  # orders that cost nothing extra may serve later periods too
    if windows:
        declare_windows(block, pricing, response, instance, freedom.levels, weighed, some_order)
    if not formulation.traces_orders:
        return

    # facility location: which order serves which period
    moves = np.array([i in response.X for i in items])
    arcs = weighed[:, :, None] & (times >= times[:, None] + lead[:, None, None])  # (I, a, t)
    sourced = np.logical_or.reduce(arcs, axis=(1, 2))
    by_level = sourced & ~moves
    moved, split = arcs & moves[:, None, None], arcs & by_level[:, None, None]
    mixed = arcs & ~split
    shared = np.logical_or.accumulate(some_order, axis=1)
    # channels: groups of levels whose flows are told apart; one per level where demand at a level is a figure
    channel = np.where(by_level[:, None, None], freedom.levels.cumsum(axis=2) - 1, 0)  # (I, T, K) of each level
    grouped = freedom.levels[:, :, None, :] & (channel[:, :, None, :] == np.arange(len(levels))[:, None])
    channels = grouped.any(axis=3) & sourced[:, None, None]  # (I, T, c)
    asked = np.einsum("itck,itkw->itwc", grouped & by_level[:, None, None, None], most_asked)

    block.F = pyo.Set(dimen=3, initialize=true_at(arcs))
    block.mixed = pyo.Set(dimen=3, initialize=true_at(mixed))
    block.moved = pyo.Set(dimen=3, initialize=true_at(moved))
    block.split = pyo.Set(dimen=3, initialize=true_at(split))
    block.sourced = pyo.Set(initialize=np.flatnonzero(sourced).tolist())
    at_levels = mixed[..., None] & freedom.levels[:, None]
    block.at_levels = pyo.Set(dimen=4, initialize=true_at(at_levels, axes=(0, 1, 3, 2)))
    block.channels = pyo.Set(items, periods, initialize=members(channels))
    block.group = pyo.Set(items, periods, levels, initialize=members(grouped))
    block.asked_for = pyo.Set(items, periods, scenarios, initialize=members(asked > SMALLEST_DEMAND))
    block.serves = pyo.Set(items, periods, initialize=members(arcs))
    block.sources = pyo.Set(items, periods, initialize=members(arcs.transpose(0, 2, 1)))
    block.until = pyo.Set(periods, initialize=members(times <= times[:, None]))
    block.served = pyo.Set(dimen=3, initialize=true_at(channels & ~shared[:, :, None]))
    block.shared = pyo.Set(dimen=3, initialize=true_at(channels & shared[:, :, None]))

    block.Xmin = pyo.Param(items, periods, default=entries(least_cross))
    block.Xmax = pyo.Param(items, periods, default=entries(most_cross))
    block.there = pyo.Param(items, periods, default=entries((first + instance.receipt).cumsum(axis=1)))
    block.asked = pyo.Param(items, periods, scenarios, levels, default=entries(asked))

    block.v = pyo.Var(block.at_levels, bounds=(0, 1))
    block.g = pyo.Var(block.moved)
    block.flow = pyo.Var(true_at(arcs[..., None] & channels[:, None]), scenarios, bounds=(0, None))
    block.flow0 = pyo.Var(true_at(channels), scenarios, bounds=(0, None))

    @block.Constraint(block.mixed)
    def I6_setup_level(b: Block, i: int, a: int, t: int) -> Any:
        return sum(b.v[i, a, level, t] for level in pricing.levels[i, t]) == b.setup[i, a]

    @block.Constraint(block.at_levels)
    def I7_level(b: Block, i: int, a: int, level: int, t: int) -> Any:
        return b.v[i, a, level, t] <= pricing.y[i, level, t]

    @block.Constraint(block.mixed, scenarios)
    def I8_flow(b: Block, i: int, a: int, t: int, w: int) -> Any:
        own = sum(response.D[i, level, t, w] * b.v[i, a, level, t] for level in pricing.levels[i, t])
        return b.flow[i, a, t, 0, w] <= own + sum(b.g[i, a, t] for _ in response.moves[i])

    @block.Constraint(block.Z, scenarios)
    def I9_source(b: Block, i: int, a: int, w: int) -> Any:
        return sum(b.flow[i, a, t, c, w] for t in b.serves[i, a] for c in b.channels[i, t]) <= b.order[i, a]

    def delivered(b: Block, i: int, t: int, c: int, w: int) -> Any:
        return b.flow0[i, t, c, w] + sum(b.flow[i, a, t, c, w] for a in b.sources[i, t])

    def sold_in(b: Block, i: int, t: int, c: int, w: int) -> Any:
        return sum(b.sales[i, level, t, w] for level in b.group[i, t, c])

    @block.Constraint(block.served, scenarios)
    def I10_split(b: Block, i: int, t: int, c: int, w: int) -> Any:
        return delivered(b, i, t, c, w) == sold_in(b, i, t, c, w)

    @block.Constraint(block.shared, scenarios)
    def I10_shared(b: Block, i: int, t: int, c: int, w: int) -> Any:
        return delivered(b, i, t, c, w) <= sold_in(b, i, t, c, w)

    @block.Constraint(block.sourced, periods, scenarios)
    def I11_first_stock(b: Block, i: int, t: int, w: int) -> Any:
        return sum(b.flow0[i, u, c, w] for u in b.until[t] for c in b.channels[i, u]) <= b.there[i, t]

    @block.Constraint(block.moved)
    def I12_gained(b: Block, i: int, a: int, t: int) -> Any:
        return b.g[i, a, t] <= b.Xmax[i, t] * b.setup[i, a]

    @block.Constraint(block.moved)
    def I13_gained(b: Block, i: int, a: int, t: int) -> Any:
        gained = sum(response.x[i, level, t] for level in pricing.levels[i, t])
        return b.g[i, a, t] <= gained - b.Xmin[i, t] * (1 - b.setup[i, a])

    @block.Constraint(block.split, scenarios)
    def I14_share(b: Block, i: int, a: int, t: int, w: int) -> Any:
        return sum(b.flow[i, a, t, c, w] / b.asked[i, t, w, c] for c in b.asked_for[i, t, w]) <= b.setup[i, a]


def ordered(block: Block, i: int, t: int) -> Any:
    """Units ordered in a period; 0 where no order may be placed."""
    return sum(block.order[i, t] for _ in block.in_O[i, t])


def placed(block: Block, i: int, t: int) -> Any:
    """1 if an order is placed; meaningful where set-ups are weighed (Z), 0 elsewhere."""
    return sum(block.setup[i, t] for _ in block.in_Z[i, t])


def arriving(block: Block, i: int, t: int) -> Any:
    """Units arriving in a period: the order due and what was already on the way."""
    return block.k[i, t] + sum(block.order[i, t - block.L[i]] for _ in block.due[i, t])


def sold(block: Block, pricing: Block, i: int, t: int, w: int) -> Any:
    """Units sold in a period and scenario, at whichever level."""
    return sum(block.sales[i, level, t, w] for level in pricing.levels[i, t])


def _delivered(placed: Bools, lead: Ints) -> Bools:
    """(I, T) where an order placed in (I, T) arrives."""
    delivered = np.zeros_like(placed)
    item, period = np.nonzero(placed)
    due = period + lead[item]
    inside = due < placed.shape[1]
    delivered[item[inside], due[inside]] = True
    return delivered
