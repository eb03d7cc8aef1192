r"""Best recourse: what to sell in every scenario once levels and orders are fixed.

In scenario w (probability π) sales s and stock x of item i in period t solve, with p the chosen price, b the
lost-sale cost, h the holding cost, v the salvage value, A the units that have arrived up to t:

    max   Σ π [Σ (p + b) s - Σ h x + Σ v x_T - Σ overage cost x overage]                       (1)
    s.t.  x_t = x_(t-1) + arriving_t - s_t,   0 ≤ s ≤ demand,   x ≥ 0                          (2)
          Σ amount x activity ≤ capacity (+ overage)   for resources that use stock or sales   (3)
          Σ π Σ s ≥ fill rate x expected demand        for service targets                     (4)

Without (3) and (4) every item and scenario stands alone and (2) is a nested family of limits
Σ_(τ≤t) s_τ ≤ A_t, a polymatroid: serving the periods in the order of what a sale gains over keeping the unit
to the end, p_t + b_t + Σ_(τ≥t) h_τ - v, is optimal (Edmonds 1970). Where those sales respect (3) and (4) they
are optimal with them too. Only the rest needs the linear program: linked items together, scenarios apart
unless (4) links them. Nothing here is shared with the models it checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from desilo.cases.instance import (
    SCENARIO_ACTIVITIES,
    Activity,
    Bools,
    Floats,
    Instance,
    Ints,
    Resource,
    ServiceTarget,
)
from desilo.cases.plan import Plan
from desilo.harness.sell import arrivals, demand_at, fixed_use, scenario_use

NEGLIGIBLE = 1e-9
"""Relative to max(1, |limit|): a limit exceeded by less is kept; the room given to the least violation, which may be
so large that it is known no better than relative to itself."""


@dataclass(frozen=True)
class _Rows:
    """n rows of limits: matrix on (s, x) minus slack <= right.

    Attributes:
        matrix: (n, columns of s and x).
        right: (n,).
        cost: (n,) of a unit of slack; inf for a hard row.
        unit: (n,) in which a violation is counted.
    """

    matrix: Any
    right: Floats
    cost: Floats
    unit: Floats


@dataclass(frozen=True)
class _Limit:
    """Rows (3) of one resource: what is left of its capacity for stock and sales, (T,)."""

    resource: Resource
    left: Floats
    items: Ints


def best_recourse(instance: Instance, plan: Plan) -> Floats:
    """(I, T, W) sales that maximise expected profit within stock, hard limits and service targets.

    If no sales can respect them all, the sales that earn most within a least total violation, each violation
    relative to max(1, |limit|).

    Args:
        instance: the problem.
        plan: levels that exist and finite orders >= 0.

    Raises:
        RuntimeError: the linear program could not be solved.
    """
    recourse = _Recourse(instance, plan)
    sales = recourse.uncoupled()
    for limits, targets in recourse.linked():
        everywhere = np.arange(len(instance.scenarios))
        parts: list[_Limit | ServiceTarget] = [*limits, *targets]
        items = np.unique(np.concatenate([part.items for part in parts]))
        over = np.zeros(len(everywhere), dtype=bool)
        for limit in limits:
            over |= recourse.exceeded(limit, sales)
        for w in everywhere[over]:
            sales[np.ix_(items, recourse.all_periods, [w])] = recourse.program(items, everywhere[[w]], limits)
        if any(recourse.missed(target, sales) for target in targets):
            sales[items] = recourse.program(items, everywhere, limits, targets)
    return sales


class _Recourse:
    def __init__(self, instance: Instance, plan: Plan) -> None:
        self.instance = instance
        self.all_periods = np.arange(instance.periods)
        self.demand = demand_at(instance, plan)
        self.margin = plan.price(instance) + instance.lost_sale_cost  # (I, T) gained by a sale
        self.arriving = arrivals(instance, plan)
        self.arriving[:, 0] += instance.initial_stock
        self.limits = []
        for resource in instance.resources:
            amounts = [resource.use[activity] for activity in resource.use if activity in SCENARIO_ACTIVITIES]
            items = np.flatnonzero(np.any(amounts, axis=0)) if amounts else np.array([], dtype=int)
            if items.size and np.isfinite(resource.capacity).any():
                left = resource.capacity - fixed_use(instance, plan, resource)
                self.limits.append(_Limit(resource, left, items))

    def uncoupled(self) -> Floats:
        """Optimal sales (I, T, W) without limits and targets; ties are sold early."""
        holding = self.instance.holding_cost
        still_to_hold = np.cumsum(holding[:, ::-1], axis=1)[:, ::-1]
        gain = self.margin + still_to_hold - self.instance.salvage_value[:, None]
        room = np.repeat(np.cumsum(self.arriving, axis=1)[:, :, None], self.demand.shape[2], axis=2)
        sales = np.zeros_like(self.demand)
        item = np.arange(len(gain))
        for period in np.argsort(-gain, axis=1, kind="stable").T:  # (I,) every item's next best period
            later = (self.all_periods >= period[:, None])[:, :, None]
            sold = np.minimum(self.demand[item, period], np.where(later, room, np.inf).min(axis=1))
            sold = np.where(gain[item, period, None] >= 0, np.maximum(sold, 0.0), 0.0)
            sales[item, period] = sold
            room -= later * sold[:, None, :]
        return sales

    def linked(self) -> list[tuple[list[_Limit], list[ServiceTarget]]]:
        """Limits and service targets that share items, directly or through others."""
        parts: list[_Limit | ServiceTarget] = [
            *self.limits,
            *(target for target in self.instance.service if target.min_fill_rate > 0),
        ]
        touches = np.zeros((len(parts), len(self.instance.items)))
        for row, part in enumerate(parts):
            touches[row, part.items] = 1
        _, label = sparse.csgraph.connected_components(sparse.csr_array(touches @ touches.T), directed=False)
        groups = [[part for part, its in zip(parts, label, strict=True) if its == own] for own in np.unique(label)]
        return [
            (
                [part for part in group if isinstance(part, _Limit)],
                [part for part in group if isinstance(part, ServiceTarget)],
            )
            for group in groups
        ]

    def exceeded(self, limit: _Limit, sales: Floats) -> Bools:
        """(W,) whether the sales use more than is left in some period."""
        stock = np.cumsum(self.arriving, axis=1)[:, :, None] - np.cumsum(sales, axis=1)
        use = scenario_use(limit.resource, sales, stock)
        above: Bools = use > (limit.left + NEGLIGIBLE * _size(limit.resource.capacity))[:, None]
        return np.asarray(above.any(axis=0))

    def missed(self, target: ServiceTarget, sales: Floats) -> bool:
        """Whether expected sales fall short of the target."""
        least = self.least_sales(target)
        sold = (sales[target.items] @ self.instance.probability).sum()
        return bool(sold < least - NEGLIGIBLE * max(1.0, least))

    def least_sales(self, target: ServiceTarget) -> float:
        """Expected units that the target asks for."""
        return target.min_fill_rate * float((self.demand[target.items] @ self.instance.probability).sum())

    def program(
        self, items: Ints, scenarios: Ints, limits: list[_Limit], targets: Sequence[ServiceTarget] = ()
    ) -> Floats:
        """Optimal sales (items, T, scenarios) of (1)-(4); columns are s, x and a slack for every (3), (4)."""
        T, S = self.instance.periods, len(scenarios)
        size = len(items) * T * S
        # a scenario on its own needs no weight; several are weighted so that their mean weight is 1
        weight = self.instance.probability[scenarios] * S if S > 1 else np.ones(1)
        demand = self.demand[np.ix_(items, self.all_periods, scenarios)]
        keeping = self.instance.holding_cost[items].copy()
        keeping[:, -1] -= self.instance.salvage_value[items]
        step = sparse.eye_array(T) - sparse.eye_array(T, k=-1)
        carried = sparse.kron(sparse.kron(sparse.eye_array(len(items)), step), sparse.eye_array(S))
        rows = [self.limit_rows(limit, items, weight) for limit in limits]
        rows += [self.target_row(target, items, scenarios) for target in targets]
        overage_cost, unit = (np.concatenate([getattr(row, name) for row in rows]) for name in ("cost", "unit"))
        hard = np.isinf(overage_cost)

        matrix: Any = sparse.vstack([row.matrix for row in rows])
        limit_matrix: Any = sparse.hstack([matrix, -sparse.eye_array(len(hard))], format="csr")
        none = sparse.csr_array((size, len(hard)))
        balance_matrix: Any = sparse.hstack([sparse.eye_array(size), carried, none], format="csr")

        def solve(cost: Floats, hard_slack: Floats) -> Any:
            highest = np.concatenate([demand.ravel(), np.full(size, np.inf), np.where(hard, hard_slack, np.inf)])
            bounds: Any = np.column_stack([np.zeros_like(highest), highest])
            return linprog(
                cost,
                A_ub=limit_matrix,
                b_ub=np.concatenate([row.right for row in rows]),
                A_eq=balance_matrix,
                b_eq=np.repeat(self.arriving[items].ravel(), S),
                bounds=bounds,
                method="highs",
            )

        loss = np.concatenate(
            [
                (-self.margin[items][:, :, None] * weight).ravel(),
                (keeping[:, :, None] * weight).ravel(),
                np.where(hard, 0.0, overage_cost),
            ]
        )
        found = solve(loss, np.zeros_like(unit))
        if found.status != 0:  # some limit cannot be kept: find the least violation, then the best within it
            violation = np.concatenate([np.zeros(2 * size), np.where(hard, 1 / unit, 0.0)])
            found = solve(violation, np.full_like(unit, np.inf))
            if found.status == 0:
                least = found.x[2 * size :]
                found = solve(loss, least + NEGLIGIBLE * np.maximum(unit, least))
        if found.status != 0:
            raise RuntimeError(f"the recourse program was not solved: {found.message}")
        sales: Floats = np.clip(found.x[:size].reshape(demand.shape), 0.0, demand)
        return sales

    def limit_rows(self, limit: _Limit, items: Ints, weight: Floats) -> _Rows:
        """Rows (3): one a limited period and scenario."""
        resource, S = limit.resource, len(weight)
        period = np.flatnonzero(np.isfinite(resource.capacity))
        pick = sparse.kron(sparse.eye_array(self.instance.periods, format="csr")[period], sparse.eye_array(S))
        unused = np.zeros(len(self.instance.items))
        amounts = (resource.use.get(activity, unused)[items] for activity in (Activity.SALE, Activity.STOCK))
        soft = np.isfinite(resource.overage_cost[period])[:, None]
        price = np.where(soft, resource.overage_cost[period][:, None], 0.0) * weight
        return _Rows(
            matrix=sparse.hstack([sparse.kron(amount[None, :], pick) for amount in amounts]),
            right=np.repeat(limit.left[period], S),
            cost=np.where(soft, price, np.inf).ravel(),
            unit=np.repeat(_size(resource.capacity[period]), S),
        )

    def target_row(self, target: ServiceTarget, items: Ints, scenarios: Ints) -> _Rows:
        """Row (4), with its sign turned."""
        counted = np.repeat(np.isin(items, target.items).astype(float), self.instance.periods)
        sold = np.kron(counted, self.instance.probability[scenarios])
        least = np.array([self.least_sales(target)])
        row = sparse.csr_array(np.concatenate([-sold, np.zeros_like(sold)])[None, :])
        return _Rows(matrix=row, right=-least, cost=np.array([np.inf]), unit=_size(least))


def _size(limit: Floats) -> Floats:
    return np.maximum(1.0, np.abs(limit))
