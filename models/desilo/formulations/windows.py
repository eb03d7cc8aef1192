"""Windows: what is sold while no order arrives comes from the stock before.

An order that is placed now and then is paid in full or not at all, and a relaxation pays a part of it. The rows here
say of every window of periods what such a part can serve. They are as tight as facility location for the costs that
companies have, with a fraction of the columns, but there are exponentially many: a relaxation gets those it violates.

Sets as in the other functions, and
    V       (i,k,u): periods k <= u < k + H[i] in which no order can arrive that costs nothing to place
    S       any levels and periods (l,u) with u from k to e

Parameters
    H[i]        periods a window has at most: one more than an order lasts by the economic order quantity

Variables
    met[i,k,l,u] in [0, 1]      1 if level l is chosen in u and an order arrives in k..u
    gain[i,k,l,u]               cross effects met: x[i,l,u] met[i,k,l,u]                (items that have any)

Constraints
    (I16) met[i,k,l,u] <= y[i,l,u]                                                  for (i,k,u) in V, l
    (I17) sum_l met[i,k,l,u] <= sum_{a: k <= a + L <= u} setup[i,a]                 for (i,k,u) in V
    (I18) gain[i,k,l,u] <= Xmax[i,u] met[i,k,l,u]                                   Xmin, Xmax: least and most
    (I19) gain[i,k,l,u] <= x[i,l,u] - Xmin[i,u] (y[i,l,u] - met[i,k,l,u])           that cross effects can add
    (I20) sum_{(l,u) in S} (sales[i,l,u,w] - D[i,l,u,w] met[i,k,l,u] - gain[i,k,l,u])
              <= stock[i,k-1,w] + sum_{k <= t <= e} k[i,t]                          for i, k, w, S; where violated

(I20) are the inequalities of lot sizing with Wagner-Whitin costs (Pochet and Wolsey 1994, Mathematical Programming 67,
297-323; without prices and scenarios Barany, Van Roy and Wolsey 1984, Management Science 30, 1255-1261), level by level
and scenario by scenario, with the set-up multiplied by the level as in (I6): `met` does not depend on the scenario. For
given i, k, w and e the most violated S are all terms that are positive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
from scipy import sparse

from desilo.cases.instance import Bools, Floats, Instance, Ints
from desilo.formulations.demand import cross_demand_range
from desilo.formulations.pricing import Block
from desilo.solving import Program, entries, members, true_at

UNKNOWN = 4
"""`H` where placing an order costs no money, but takes what is shared."""

VIOLATED = 1e-5
"""Share of the largest demand by which a row must be violated to be worth adding."""


def declare_windows(
    block: Block, pricing: Block, response: Block, instance: Instance, levels: Bools, weighed: Bools, free: Bools
) -> None:
    """Declare what the rows (I20) speak of, on the block of the inventory function.

    Args:
        block: of the inventory function.
        pricing, response: the blocks that say what is asked for at which level.
        instance: the problem.
        levels: (I, T, K) that may be chosen.
        weighed: (I, T) in which placing an order costs or binds something besides its units.
        free: (I, T) in which an order may arrive that did not.
    """
    items, periods = pricing.I, pricing.T
    times = np.arange(instance.periods)
    due = times + instance.lead_time[:, None]  # (I, a)
    windows = _windows(instance, free)  # (I, k, u)
    arrives = (due[:, None, None] >= times[:, None, None]) & (due[:, None, None] <= times[:, None])  # (I, k, u, a)
    cells = windows[..., None] & levels[:, None]  # (I, k, u, l)
    moved = cells & np.array([i in response.X for i in items])[:, None, None, None]
    least_cross, most_cross = cross_demand_range(instance)

    block.V = pyo.Set(dimen=3, initialize=true_at(windows))
    block.V_level = pyo.Set(dimen=4, initialize=true_at(cells, axes=(0, 1, 3, 2)))
    block.V_moved = pyo.Set(dimen=4, initialize=true_at(moved, axes=(0, 1, 3, 2)))
    block.arrives = pyo.Set(
        items, periods, periods, initialize=members(windows[..., None] & weighed[:, None, None] & arrives)
    )
    block.Xleast = pyo.Param(items, periods, default=entries(least_cross))
    block.Xmost = pyo.Param(items, periods, default=entries(most_cross))

    block.met = pyo.Var(block.V_level, bounds=(0, 1))
    block.gain = pyo.Var(block.V_moved)

    @block.Constraint(block.V_level)
    def I16_level(b: Block, i: int, k: int, level: int, u: int) -> Any:
        return b.met[i, k, level, u] <= pricing.y[i, level, u]

    @block.Constraint(block.V)
    def I17_setup(b: Block, i: int, k: int, u: int) -> Any:
        met = sum(b.met[i, k, level, u] for level in pricing.levels[i, u])
        return met <= sum(b.setup[i, a] for a in b.arrives[i, k, u])

    @block.Constraint(block.V_moved)
    def I18_gain(b: Block, i: int, k: int, level: int, u: int) -> Any:
        return b.gain[i, k, level, u] <= b.Xmost[i, u] * b.met[i, k, level, u]

    @block.Constraint(block.V_moved)
    def I19_gain(b: Block, i: int, k: int, level: int, u: int) -> Any:
        unmet = pricing.y[i, level, u] - b.met[i, k, level, u]
        return b.gain[i, k, level, u] <= response.x[i, level, u] - b.Xleast[i, u] * unmet


def _windows(instance: Instance, free: Bools) -> Bools:
    """(I, k, u) windows in which no order arrives that costs nothing to place."""
    times = np.arange(instance.periods)
    length = times - times[:, None]
    freely = np.cumsum(np.pad(free, ((0, 0), (1, 0))), axis=1)  # (I, T + 1) such arrivals before a period
    closed = freely[:, None, 1:] == freely[:, :-1, None]
    windows: Bools = (length >= 0) & (length < _reach(instance)[:, None, None]) & closed
    return windows


def _reach(instance: Instance) -> Ints:
    """(I,) H."""
    reference = np.take_along_axis(instance.expected_demand, instance.reference[:, None, None], axis=2)[..., 0]
    pace, holding = reference.mean(axis=1), instance.holding_cost.mean(axis=1)
    cost = instance.order_cost.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        economic = np.where(cost > 0, np.sqrt(2 * cost / (holding * pace)), 0.0)
        smallest = np.where(instance.min_order > 0, instance.min_order / pace, 0.0)
    lasts = np.minimum(np.fmax(economic, smallest), instance.periods)
    reach = np.where(lasts > 0, np.ceil(lasts).astype(np.int64) + 1, UNKNOWN)
    return np.minimum(reach, instance.periods)


class WindowRows:
    """The rows (I20) of a program, found where a relaxation violates them.

    Args:
        program: a joint model with windows.
        instance: the problem.
    """

    def __init__(self, program: Program, instance: Instance) -> None:
        count, periods, levels, scenarios = instance.demand.shape
        reach = int(_reach(instance).max())
        self._columns = program.matrix.shape[1]  # stands for no column
        sales = self._placed(program, "sales", (count, levels, periods + reach, scenarios))
        stock = self._placed(program, "stock", (count, periods, scenarios))
        met = self._placed(program, "met", (count, periods, levels, periods + reach))
        gain = self._placed(program, "gain", (count, periods, levels, periods + reach))
        start = np.arange(periods)[:, None]
        end = start + np.arange(reach)  # (k, r): u = k + r
        self._met = met[:, start, :, end].transpose(2, 0, 1, 3)  # (i, k, r, l)
        self._gain = gain[:, start, :, end].transpose(2, 0, 1, 3)
        sold = sales[:, :, end].transpose(0, 2, 3, 1, 4)  # (i, k, r, l, w)
        self._sales = np.where((self._met < self._columns)[..., None], sold, self._columns)
        demand = np.pad(instance.demand, ((0, 0), (0, reach), (0, 0), (0, 0)))
        self._demand = demand[:, end]  # (i, k, r, l, w)
        self._stock = np.concatenate([np.full((count, 1, scenarios), self._columns), stock[:, :-1]], axis=1)
        arriving = np.pad(instance.receipt, ((0, 0), (0, reach)))[:, end].cumsum(axis=2)
        first_stock = instance.initial_stock[:, None] * np.eye(1, periods)
        self._there = first_stock[..., None] + arriving  # (i, k, r) besides the stock of k - 1
        self._tolerance = VIOLATED * float(instance.demand.max(initial=0.0))

    def _placed(self, program: Program, name: str, shape: tuple[int, ...]) -> Ints:
        """Columns of a variable by index; the number of columns where there is none."""
        placed = np.full(shape, self._columns)
        columns, index = program.columns_of(name, len(shape))
        placed[tuple(index.T)] = columns
        return placed

    def I20_violated(self, x: Floats) -> tuple[sparse.csr_array, Floats]:
        """Rows (n, columns) and what they are at most (n,): for every i, k, w what x (columns,) violates most."""
        x = np.append(x, 0.0)
        unmet = x[self._sales] - self._demand * x[self._met][..., None] - x[self._gain][..., None]
        unmet = np.where(self._sales < self._columns, np.maximum(unmet, 0.0), 0.0)
        excess = unmet.sum(axis=3).cumsum(axis=2) - self._there[..., None]  # (i, k, r, w)
        last = excess.argmax(axis=2)
        worst = np.take_along_axis(excess, last[:, :, None], axis=2)[:, :, 0] - x[self._stock]
        i, k, w = np.nonzero(worst > self._tolerance)
        end = last[i, k, w]
        chosen = (unmet[i, k, :, :, w] > 0) & (np.arange(unmet.shape[2])[:, None] <= end[:, None, None])
        row, r, level = np.nonzero(chosen)
        at = (i[row], k[row], r, level)
        one, of_one = np.ones(len(row)), np.arange(len(i))
        entries_of = (
            (row, self._sales[(*at, w[row])], one),
            (row, self._met[at], -self._demand[(*at, w[row])]),
            (row, self._gain[at], -one),
            (of_one, self._stock[i, k, w], -np.ones(len(i))),
        )
        rows, columns, figures = (np.concatenate(part) for part in zip(*entries_of, strict=True))
        there = columns < self._columns
        matrix = sparse.coo_array((figures[there], (rows[there], columns[there])), shape=(len(i), self._columns))
        return sparse.csr_array(matrix), self._there[i, k, end]
