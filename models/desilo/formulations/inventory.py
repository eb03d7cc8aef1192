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

from desilo.cases.instance import Instance
from desilo.formulations.demand import cross_demand_range, demand, demand_at_level
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.order_bounds import order_bounds
from desilo.formulations.pricing import Block

SMALLEST_DEMAND = 1e-6
"""Units. Demand below it is not divided by."""


def declare_inventory(
    block: Block,
    pricing: Block,
    response: Block,
    instance: Instance,
    freedom: Freedom,
    formulation: Formulation,
) -> None:
    """Declare the inventory function on a block.

    Args:
        block: an empty Pyomo block.
        pricing, response: the blocks that say what is asked for at which level.
        instance: the problem.
        freedom: what may be ordered.
        formulation: tight adds the facility-location rows.
    """
    tight = formulation is Formulation.TIGHT
    items, periods = pricing.I, pricing.T
    scenarios = response.W
    lead = instance.lead_time.tolist()
    open_levels = pricing.open_levels
    bounds = order_bounds(instance, freedom)
    most_asked = np.maximum(0.0, bounds.most_demand)
    least_cross, most_cross = cross_demand_range(instance)

    orderable = [(i, t) for i in items for t in periods if bounds.upper[i, t] > 0]
    weighed = bounds.weighed
    block.O = pyo.Set(dimen=2, initialize=orderable)
    block.Z = pyo.Set(dimen=2, initialize=[(i, t) for i, t in orderable if weighed[i, t]])
    arcs = [(i, a, t) for i, a in block.Z for t in periods if t >= a + lead[i]] if tight else []
    block.F = pyo.Set(dimen=3, initialize=arcs)
    sourced = sorted({i for i, _, _ in arcs})
    moved = [(i, a, t) for i, a, t in arcs if i in response.moves]
    by_level = {i for i in sourced if i not in response.moves}
    split = [arc for arc in arcs if arc[0] in by_level]
    mixed = [arc for arc in arcs if arc[0] not in by_level]
    # groups of levels whose flows are told apart
    channels = {
        (i, t): [[level] for level in open_levels[i, t]] if i in by_level else [open_levels[i, t]]
        for i in sourced
        for t in periods
    }
    served = [(i, t, c) for i, t in channels for c in range(len(channels[i, t]))]

    block.order = pyo.Var(block.O, bounds=lambda _, i, t: (float(freedom.order_lower[i, t]), float(bounds.upper[i, t])))
    block.setup = pyo.Var(block.Z, domain=pyo.Binary)
    block.sales = pyo.Var(pricing.A, scenarios, bounds=(0, None))
    block.stock = pyo.Var(items, periods, scenarios, bounds=(0, None))
    block.v = pyo.Var([(i, a, level, t) for i, a, t in mixed for level in open_levels[i, t]], bounds=(0, 1))
    block.g = pyo.Var(moved)
    ways = [(i, a, t, c) for i, a, t in arcs for c in range(len(channels[i, t]))]
    block.flow = pyo.Var(ways, scenarios, bounds=(0, None))
    block.flow0 = pyo.Var(served, scenarios, bounds=(0, None))
    block.open_levels = open_levels
    block.lead = lead

    first = instance.initial_stock
    on_the_way = instance.receipt

    @block.Constraint(items, periods, scenarios)
    def I1_stock(b: Block, i: int, t: int, w: int) -> Any:
        before = b.stock[i, t - 1, w] if t else float(first[i])
        arriving = float(on_the_way[i, t]) + ordered(b, i, t - lead[i])
        return b.stock[i, t, w] == before + arriving - sold(b, i, t, w)

    if tight:

        @block.Constraint(pricing.A, scenarios)
        def I2_sales(b: Block, i: int, level: int, t: int, w: int) -> Any:
            return b.sales[i, level, t, w] <= demand_at_level(response, pricing, i, level, t, w)
    else:

        @block.Constraint(pricing.A, scenarios)
        def I2_sales(b: Block, i: int, level: int, t: int, w: int) -> Any:
            return b.sales[i, level, t, w] <= float(most_asked[i, t, level, w]) * pricing.y[i, level, t]

        @block.Constraint(items, periods, scenarios)
        def I3_demand(b: Block, i: int, t: int, w: int) -> Any:
            return sold(b, i, t, w) <= demand(response, pricing, i, t, w)

    @block.Constraint(block.Z)
    def I4_setup(b: Block, i: int, t: int) -> Any:
        return b.order[i, t] <= float(bounds.upper[i, t]) * b.setup[i, t]

    @block.Constraint(block.Z)
    def I5_minimum(b: Block, i: int, t: int) -> Any:
        return b.order[i, t] >= float(bounds.least[i]) * b.setup[i, t]

    @block.Constraint(mixed)
    def I6_setup_level(b: Block, i: int, a: int, t: int) -> Any:
        return sum(b.v[i, a, level, t] for level in open_levels[i, t]) == b.setup[i, a]

    @block.Constraint([(i, a, level, t) for i, a, t in mixed for level in open_levels[i, t]])
    def I7_level(b: Block, i: int, a: int, level: int, t: int) -> Any:
        return b.v[i, a, level, t] <= pricing.y[i, level, t]

    @block.Constraint(mixed, scenarios)
    def I8_flow(b: Block, i: int, a: int, t: int, w: int) -> Any:
        own = sum(response.D[i, level, t, w] * b.v[i, a, level, t] for level in open_levels[i, t])
        return b.flow[i, a, t, 0, w] <= (own + b.g[i, a, t] if i in response.moves else own)

    @block.Constraint(moved)
    def I12_gained(b: Block, i: int, a: int, t: int) -> Any:
        return b.g[i, a, t] <= float(most_cross[i, t]) * b.setup[i, a]

    @block.Constraint(moved)
    def I13_gained(b: Block, i: int, a: int, t: int) -> Any:
        gained = sum(response.x[i, level, t] for level in open_levels[i, t])
        return b.g[i, a, t] <= gained - float(least_cross[i, t]) * (1 - b.setup[i, a])

    @block.Constraint(block.Z if tight else [], scenarios)
    def I9_source(b: Block, i: int, a: int, w: int) -> Any:
        due = range(a + lead[i], instance.periods)
        return sum(b.flow[i, a, t, c, w] for t in due for c in range(len(channels[i, t]))) <= b.order[i, a]

    sources = {(i, t): [a for a in periods if (i, a, t) in block.F] for i in sourced for t in periods}

    @block.Constraint(served, scenarios)
    def I10_split(b: Block, i: int, t: int, c: int, w: int) -> Any:
        unweighed = [a for a in periods if (i, a) in block.O and (i, a) not in block.Z]
        delivered = b.flow0[i, t, c, w] + sum(b.flow[i, a, t, c, w] for a in sources[i, t])
        sales = sum(b.sales[i, level, t, w] for level in channels[i, t][c])
        if any(a + lead[i] <= t for a in unweighed):  # orders that cost nothing extra may serve it too
            return delivered <= sales
        return delivered == sales

    @block.Constraint(sourced, periods, scenarios)
    def I11_first_stock(b: Block, i: int, t: int, w: int) -> Any:
        there = float(first[i] + on_the_way[i, : t + 1].sum())
        return sum(b.flow0[i, u, c, w] for u in range(t + 1) for c in range(len(channels[i, u]))) <= there

    @block.Constraint(split, scenarios)
    def I14_share(b: Block, i: int, a: int, t: int, w: int) -> Any:
        asked = [(c, float(most_asked[i, t, level, w])) for c, level in enumerate(open_levels[i, t])]
        return sum(b.flow[i, a, t, c, w] / units for c, units in asked if units > SMALLEST_DEMAND) <= b.setup[i, a]

    scarce = bounds.available[:, :, None, None] < most_asked if tight else np.zeros_like(most_asked, dtype=bool)

    @block.Constraint([(i, level, t, w) for i, level, t in pricing.A for w in scenarios if scarce[i, t, level, w]])
    def I15_available(b: Block, i: int, level: int, t: int, w: int) -> Any:
        return b.sales[i, level, t, w] <= float(bounds.available[i, t]) * pricing.y[i, level, t]


def ordered(block: Block, i: int, t: int) -> Any:
    """Units ordered in a period; 0 before the horizon and where no order may be placed."""
    return block.order[i, t] if (i, t) in block.O else 0.0


def placed(block: Block, i: int, t: int) -> Any:
    """1 if an order is placed; meaningful where set-ups are weighed (Z), 0 elsewhere."""
    return block.setup[i, t] if (i, t) in block.Z else 0.0


def arriving(block: Block, instance: Instance, i: int, t: int) -> Any:
    """Units arriving in a period: the order due and what was already on the way."""
    return float(instance.receipt[i, t]) + ordered(block, i, t - block.lead[i])


def sold(block: Block, i: int, t: int, w: int) -> Any:
    """Units sold in a period and scenario, at whichever level."""
    return sum(block.sales[i, level, t, w] for level in block.open_levels[i, t])
