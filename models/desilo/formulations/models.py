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

from desilo.cases.instance import Floats, Instance
from desilo.formulations.demand import declare_response, demand, demand_at_level
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.inventory import declare_inventory, ordered, placed, sold
from desilo.formulations.pricing import declare_pricing, price
from desilo.formulations.resources import declare_resources, overage_cost
from desilo.solving import collection_paused


@dataclass(frozen=True)
class Built:
    """A Pyomo model and the seconds it took to build."""

    model: Any
    seconds: float


def size_of(model: Any) -> int:
    """Number of variables of a model."""
    return sum(len(variable) for variable in model.component_objects(pyo.Var))


def joint_model(
    instance: Instance, freedom: Freedom | None = None, formulation: Formulation = Formulation.TIGHT
) -> Built:
    """Pricing, demand, inventory and shared resources as one model, within the freedom given.

    Args:
        instance: the problem.
        freedom: decisions left open; all of them if None.
        formulation: tight or plain.
    """
    started = time.perf_counter()
    freedom = freedom or Freedom.full(instance)
    scenarios = range(len(instance.scenarios))
    with collection_paused():
        m = pyo.ConcreteModel(name=instance.name)
        m.pricing, m.response = pyo.Block(), pyo.Block()
        m.inventory, m.resources = pyo.Block(), pyo.Block()
        declare_pricing(m.pricing, instance, freedom.levels, formulation)
        declare_response(m.response, m.pricing, instance, instance.demand, formulation)
        declare_inventory(m.inventory, m.pricing, m.response, instance, freedom, formulation)
        declare_resources(m.resources, m.pricing, m.inventory, instance, formulation, scenarios)
        _declare_service(m, instance)
        m.profit = pyo.Objective(expr=_profit(m, instance), sense=pyo.maximize)
    return Built(m, time.perf_counter() - started)


def pricing_model(instance: Instance, freedom: Freedom | None = None) -> Built:
    """Pricing for itself: expected margin at unlimited supply, under its own rules.

    Its objective is linear in demand, so the mean demand is exact. There is only a tight formulation: with cross
    effects the margin is linear in the pair variables alone.
    """
    started = time.perf_counter()
    freedom = freedom or Freedom.full(instance)
    with collection_paused():
        m = pyo.ConcreteModel(name=f"{instance.name} pricing")
        m.pricing, m.response, m.resources = pyo.Block(), pyo.Block(), pyo.Block()
        declare_pricing(m.pricing, instance, freedom.levels, Formulation.TIGHT)
        declare_response(m.response, m.pricing, instance, instance.expected_demand[..., None], Formulation.TIGHT)
        declare_resources(m.resources, m.pricing, None, instance, Formulation.TIGHT, range(1))
        margin = sum(
            (m.pricing.p[i, level, t] - float(instance.unit_cost[i, t]))
            * demand_at_level(m.response, m.pricing, i, level, t, 0)
            for i, level, t in m.pricing.A
        )
        m.margin = pyo.Objective(expr=margin - overage_cost(m.resources, instance, np.ones(1)), sense=pyo.maximize)
    return Built(m, time.perf_counter() - started)


def prefer_regular_prices(model: Any, instance: Instance, at_least: float) -> None:
    """Break ties of the pricing function: the most reference levels first, then the highest prices.

    Keeps the margin (P) at `at_least` and replaces the objective.
    """
    model.margin.deactivate()
    model.keep_margin = pyo.Constraint(expr=model.margin.expr >= at_least)
    one_more = 1.0 + sum(
        float(np.nanmax(instance.price[i])) for i in model.pricing.I for _ in model.pricing.T
    )  # above any sum of prices, so that prices rank after one more reference level
    regular = sum(model.pricing.y[i, level, t] for i, level, t in model.pricing.A if level == instance.reference[i])
    high = sum(price(model.pricing, i, t) for i in model.pricing.I for t in model.pricing.T)
    model.preference = pyo.Objective(expr=one_more * regular + high, sense=pyo.maximize)


def _declare_service(m: Any, instance: Instance) -> None:
    probability: Floats = instance.probability

    @m.Constraint(range(len(instance.service)))
    def S1_fill_rate(m: Any, k: int) -> Any:
        target = instance.service[k]
        served, asked = (
            sum(
                float(probability[w]) * of(int(i), t, w)
                for i in target.items
                for t in m.pricing.T
                for w in m.response.W
            )
            for of in (
                lambda i, t, w: sold(m.inventory, i, t, w),
                lambda i, t, w: demand(m.response, m.pricing, i, t, w),
            )
        )
        return served >= target.min_fill_rate * asked


def _profit(m: Any, instance: Instance) -> Any:
    probability = instance.probability.tolist()
    lost_sale, holding = instance.lost_sale_cost.tolist(), instance.holding_cost.tolist()
    revenue = sum(
        probability[w] * (m.pricing.p[i, level, t] + lost_sale[i][t]) * m.inventory.sales[i, level, t, w]
        for i, level, t in m.pricing.A
        for w in m.response.W
    )
    lost = sum(
        probability[w] * lost_sale[i][t] * demand(m.response, m.pricing, i, t, w)
        for i in m.pricing.I
        for t in m.pricing.T
        if lost_sale[i][t]
        for w in m.response.W
    )
    last = instance.periods - 1
    value_kept = [
        [-holding[i][t] + (float(instance.salvage_value[i]) if t == last else 0.0) for t in range(instance.periods)]
        for i in range(len(instance.items))
    ]
    kept = sum(
        probability[w] * value_kept[i][t] * m.inventory.stock[i, t, w]
        for i in m.pricing.I
        for t in m.pricing.T
        if value_kept[i][t]
        for w in m.response.W
    )
    purchase = sum(float(instance.unit_cost[i, t]) * ordered(m.inventory, i, t) for i, t in m.inventory.O)
    ordering = sum(float(instance.order_cost[i, t]) * placed(m.inventory, i, t) for i, t in m.inventory.Z)
    return revenue - lost + kept - purchase - ordering - overage_cost(m.resources, instance, instance.probability)
