"""The models: functions put together.

Joint = pricing + demand response + inventory + shared resources + the links + the profit objective. The links are
the response's and the inventory's own rows, which speak of the pricing block's levels: nothing is rewritten.

    (S1)  sum_{i in scope, t, w} pi[w] sold[i,t,w] >= b sum_{i in scope, t, w} pi[w] demand[i,t,w]     service target b
    (J)   maximise  sum_w pi[w] ( sum p[i,l] sales[i,l,t,w] - sum g[i,t] (demand[i,t,w] - sold[i,t,w])
                                  - sum h[i,t] stock[i,t,w] + sum v[i] stock[i,T-1,w] - overage in w )
                    - sum c[i,t] order[i,t] - sum K[i,t] setup[i,t] - overage
          with probability pi, lost-sale cost g, holding cost h, salvage value v, unit cost c, order cost K
    (P)   maximise  sum (p[i,l] - c[i,t]) x mean demand - overage of pricing rules: pricing alone, unlimited supply
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Instance
from desilo.formulations.demand import declare_response, demand, demand_at_level
from desilo.formulations.extent import require_memory
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.inventory import declare_inventory, sold
from desilo.formulations.pricing import declare_pricing
from desilo.formulations.resources import declare_resources, overage_cost
from desilo.solving import collection_paused, delayed_block, delayed_model, entries, members


@dataclass(frozen=True)
class Built:
    """A Pyomo model and the seconds it took to build."""

    model: Any
    seconds: float


def size_of(model: Any) -> int:
    """Number of variables of a model."""
    return sum(len(variable) for variable in model.component_objects(pyo.Var))


def joint_model(
    instance: Instance,
    freedom: Freedom | None = None,
    formulation: Formulation = Formulation.TIGHT,
    windows: bool = False,
) -> Built:
    """Pricing, demand, inventory and shared resources as one model, within the freedom given.

    Args:
        instance: the problem.
        freedom: decisions left open; all of them if None.
        formulation: how tightly it is written down.
        windows: with what the rows of `windows` speak of, for whoever adds them.

    Raises:
        BadInput: memory is too small for it.
    """
    started = time.perf_counter()
    freedom = freedom or Freedom.full(instance)
    require_memory(instance, freedom, formulation)
    with collection_paused():
        m = delayed_model(instance.name)
        m.pricing, m.response, m.inventory, m.resources = (delayed_block() for _ in range(4))
        declare_pricing(m.pricing, instance, freedom.levels, formulation)
        declare_response(m.response, m.pricing, instance, instance.demand, formulation)
        declare_inventory(m.inventory, m.pricing, m.response, instance, freedom, formulation, windows)
        declare_resources(m.resources, m.pricing, m.inventory, instance, formulation, instance.probability)
        _declare_service(m, instance)
        _declare_profit(m, instance)
    return Built(m, time.perf_counter() - started)


def pricing_model(instance: Instance, freedom: Freedom | None = None) -> Built:
    """Pricing for itself: expected margin at unlimited supply, under its own rules.

    Its objective is linear in demand, so the mean demand is exact. There is only a tight formulation: with cross
    effects the margin is linear in the pair variables alone.
    """
    started = time.perf_counter()
    freedom = freedom or Freedom.full(instance)
    with collection_paused():
        m = delayed_model(f"{instance.name} pricing")
        m.pricing, m.response, m.resources = (delayed_block() for _ in range(3))
        declare_pricing(m.pricing, instance, freedom.levels, Formulation.TIGHT)
        declare_response(m.response, m.pricing, instance, instance.expected_demand[..., None], Formulation.TIGHT)
        declare_resources(m.resources, m.pricing, None, instance, Formulation.TIGHT, np.ones(1))
        m.unit_cost = pyo.Param(m.pricing.I, m.pricing.T, default=entries(instance.unit_cost))
        m.margin = pyo.Objective(rule=_margin, sense=pyo.maximize)
    return Built(m, time.perf_counter() - started)


def _margin(m: Any) -> Any:
    """(P)"""
    return sum(
        (m.pricing.p[i, level] - m.unit_cost[i, t]) * demand_at_level(m.response, m.pricing, i, level, t, 0)
        for i, level, t in m.pricing.A
    ) - overage_cost(m.resources)


def prefer_regular_prices(model: Any, instance: Instance, at_least: float) -> None:
    """Break ties of the pricing function: the most reference levels first, then the highest prices.

    Keeps the margin (P) at `at_least` and replaces the objective.
    """
    model.margin.deactivate()
    model.keep_margin = pyo.Constraint(rule=lambda m: _margin(m) >= at_least)
    # above any sum of prices, so that prices rank after one more reference level
    one_more = 1.0 + instance.periods * float(np.nanmax(instance.price, axis=1).sum())
    is_reference = np.arange(instance.price.shape[1]) == instance.reference[:, None]
    worth = one_more * is_reference + np.nan_to_num(instance.price)
    model.worth = pyo.Param(model.pricing.I, model.pricing.K, default=entries(worth))
    model.preference = pyo.Objective(
        rule=lambda m: sum(m.worth[i, level] * m.pricing.y[i, level, t] for i, level, t in m.pricing.A),
        sense=pyo.maximize,
    )


def _declare_service(m: Any, instance: Instance) -> None:
    """(S1)"""
    targets = instance.service
    scope = np.zeros((len(targets), len(instance.items)), dtype=bool)
    for k, target in enumerate(targets):
        scope[k, target.items] = True
    m.targets = pyo.RangeSet(0, len(targets) - 1)
    m.scope = pyo.Set(m.targets, initialize=members(scope))
    m.S = pyo.Set(initialize=np.flatnonzero(scope.any(axis=1)).tolist())
    m.b = pyo.Param(m.targets, default=entries(np.array([target.min_fill_rate for target in targets])))
    m.pi = pyo.Param(m.response.W, default=entries(instance.probability))

    @m.Constraint(m.S)
    def S1_fill_rate(m: Any, k: int) -> Any:
        served = sum(
            m.pi[w] * sold(m.inventory, m.pricing, i, t, w)
            for i in m.scope[k]
            for t in m.pricing.T
            for w in m.response.W
        )
        asked = sum(
            m.pi[w] * demand(m.response, m.pricing, i, t, w)
            for i in m.scope[k]
            for t in m.pricing.T
            for w in m.response.W
        )
        return served >= m.b[k] * asked


def _declare_profit(m: Any, instance: Instance) -> None:
    """(J)"""
    I, T, W = m.pricing.I, m.pricing.T, m.response.W
    kept = -instance.holding_cost
    kept[:, -1] += instance.salvage_value
    m.g = pyo.Param(I, T, default=entries(instance.lost_sale_cost))
    m.c = pyo.Param(I, T, default=entries(instance.unit_cost))
    m.K = pyo.Param(I, T, default=entries(instance.order_cost))
    m.kept = pyo.Param(I, T, default=entries(kept))  # - holding cost, + salvage value in the last period

    @m.Objective(sense=pyo.maximize)
    def profit(m: Any) -> Any:
        inventory = m.inventory
        revenue = sum(
            m.pi[w] * (m.pricing.p[i, level] + m.g[i, t]) * inventory.sales[i, level, t, w]
            for i, level, t in m.pricing.A
            for w in W
        )
        lost = sum(m.pi[w] * m.g[i, t] * demand(m.response, m.pricing, i, t, w) for i in I for t in T for w in W)
        kept = sum(m.pi[w] * m.kept[i, t] * inventory.stock[i, t, w] for i in I for t in T for w in W)
        purchase = sum(m.c[i, t] * inventory.order[i, t] for i, t in inventory.O)
        ordering = sum(m.K[i, t] * inventory.setup[i, t] for i, t in inventory.Z)
        return revenue - lost + kept - purchase - ordering - overage_cost(m.resources)
