"""Best recourse against enumeration, against another linear program, and by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from small_instances import make_instance, make_plan, make_resource, random_problem

from desilo.cases.generate import generate
from desilo.cases.instance import Activity, Instance, ServiceTarget
from desilo.cases.plan import Plan
from desilo.harness.check import Rule, check
from desilo.harness.recourse import best_recourse
from desilo.harness.sell import arrivals, demand_at, settle

seeds = st.integers(0, 10**6)


def profit(instance: Instance, plan: Plan) -> float:
    return settle(instance, plan, best_recourse(instance, plan)).expected_profit


# --- by hand


def test_units_are_kept_for_a_better_price():
    instance = make_instance(np.full((1, 2, 2, 1), 5.0), price=[[5, 10]], holding_cost=1, initial_stock=6)
    plan = make_plan(np.zeros((1, 2)), [[0, 1]])
    found = check(instance, plan)
    assert found.profit_first_come == 5 * 5 + 10 * 1 - 1
    assert found.profit == 1 * 5 + 10 * 5 - 5
    # waiting costs more than the better price brings
    assert check(replace(instance, holding_cost=np.full((1, 2), 6.0)), plan).profit == 5 * 5 + 10 * 1 - 6


def test_units_are_kept_for_salvage_unless_losing_the_sale_costs_more():
    instance = make_instance(np.full((1, 1, 1, 1), 5.0), price=4, initial_stock=5, salvage_value=6)
    plan = make_plan([[0.0]])
    assert check(instance, plan).profit == 30
    assert check(replace(instance, lost_sale_cost=np.array([[2.5]])), plan).profit == 20


def test_a_service_target_makes_the_shop_sell_at_a_loss_where_it_is_cheapest():
    # keeping a unit for salvage earns 6, selling it 4 (period 1) or 5 (period 2): half the demand must be served
    instance = make_instance(
        np.full((1, 2, 2, 1), 4.0), price=[[4, 5]], initial_stock=8, salvage_value=6,
        service=(ServiceTarget("item0", np.array([0]), 0.5),),
    )  # fmt: skip
    found = check(instance, make_plan(np.zeros((1, 2)), [[0, 1]]))
    assert found.feasible
    assert found.profit == pytest.approx(4 * 5 + 4 * 6)
    assert found.fill_rate == pytest.approx(0.5)


def test_a_service_target_is_met_in_expectation():
    # scenario 1 has no stock problem; it makes up for the shortage of scenario 0
    demand = np.reshape([10.0, 2.0], (1, 1, 1, 2))
    instance = make_instance(demand, initial_stock=6, service=(ServiceTarget("all", np.array([0]), 8 / 12),))
    assert check(instance, make_plan([[0.0]])).feasible
    strict = replace(instance, service=(ServiceTarget("all", np.array([0]), 8.1 / 12),))
    (broken,) = check(strict, make_plan([[0.0]])).violations
    assert (broken.rule, broken.scenario) == (Rule.SERVICE, None)


def test_a_stock_limit_forces_cheap_sales_now():
    # without the limit all 5 units wait for the price of 10; the shelf holds 2
    shelf = make_resource({Activity.STOCK: [1]}, capacity=[2, 9], T=2)
    instance = make_instance(np.full((1, 2, 2, 1), 5.0), price=[[5, 10]], initial_stock=5, resources=(shelf,))
    found = check(instance, make_plan(np.zeros((1, 2)), [[0, 1]]))
    assert found.feasible
    assert found.profit == pytest.approx(3 * 5 + 2 * 10)


def test_a_soft_stock_limit_is_paid_while_it_pays():
    shelf = make_resource({Activity.STOCK: [1]}, capacity=[2, 9], T=2, overage_cost=4)
    instance = make_instance(np.full((1, 2, 2, 1), 5.0), price=[[5, 10]], initial_stock=5, resources=(shelf,))
    found = check(instance, make_plan(np.zeros((1, 2)), [[0, 1]]))
    assert found.profit == pytest.approx(50 - 3 * 4)
    assert found.breakdown["overage"] == pytest.approx(12)


def test_a_shared_sale_limit_goes_to_the_better_item():
    counter = make_resource({Activity.SALE: [1, 2]}, capacity=6, T=1)
    instance = make_instance(np.full((2, 1, 1, 1), 4.0), price=[[3], [8]], initial_stock=4, resources=(counter,))
    # item 1 earns 4 a unit of capacity, item 0 earns 3
    assert profit(instance, make_plan(np.zeros((2, 1)))) == pytest.approx(3 * 8)


@pytest.mark.parametrize("most", [1e12, 1e15])
def test_the_least_violation_may_be_as_large_as_the_largest_order(most):
    instance = generate("retail", "S", 0)
    order = np.zeros(instance.unit_cost.shape)
    order[0, 0] = most
    found = check(instance, make_plan(order))
    stored = [broken for broken in found.violations if broken.rule is Rule.RESOURCE and broken.excess > most / 10]
    assert {broken.period for broken in stored} == set(range(1, instance.periods + 1))
    assert found.average_stock == pytest.approx(most, rel=1e-6)


def test_least_violation_when_limits_cannot_be_kept():
    # 9 units on hand, 2 can be sold: 7 stay on a shelf for 4, whatever the price of waiting
    shelf = make_resource({Activity.STOCK: [1]}, capacity=4, T=1)
    instance = make_instance(np.full((1, 1, 1, 1), 2.0), price=1, salvage_value=5, initial_stock=9, resources=(shelf,))
    found = check(instance, make_plan([[0.0]]))
    (broken,) = found.violations
    assert broken.found == pytest.approx(7)
    assert broken.excess == pytest.approx(3)
    assert found.profit == pytest.approx(2 * 1 + 7 * 5)  # not 45, the profit without the limit


# --- enumeration


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_enumeration_of_integer_sales(seed):
    """Two items on a shared sale limit of unit amounts: a network, so integer sales contain an optimum."""
    rng = np.random.default_rng(seed)
    I, T, K = 2, 2, 2
    instance = make_instance(
        rng.integers(0, 4, (I, T, K, 1)),
        price=rng.integers(1, 9, (I, K)),
        holding_cost=rng.integers(0, 3, (I, T)),
        lost_sale_cost=rng.integers(0, 3, (I, T)),
        salvage_value=rng.integers(-2, 6, I),
        initial_stock=rng.integers(0, 5, I),
        resources=(
            make_resource({Activity.SALE: [1, 1]}, rng.integers(0, 5, T), T, overage_cost=rng.choice([1, np.inf])),
        ),
    )
    plan = make_plan(rng.integers(0, 3, (I, T)), rng.integers(0, K, (I, T)))
    demand = demand_at(instance, plan)[:, :, 0].astype(int)
    supply = instance.initial_stock[:, None] + np.cumsum(arrivals(instance, plan), axis=1)
    hard = np.isinf(instance.resources[0].overage_cost[0])
    best = -np.inf
    for flat in product(*(range(units + 1) for units in demand.ravel())):
        sales = np.reshape(flat, (I, T, 1)).astype(float)
        if (np.cumsum(sales[:, :, 0], axis=1) <= supply).all():
            sold = settle(instance, plan, sales)
            if not hard or (sold.overuse["shelf"] <= 0).all():
                best = max(best, sold.expected_profit)
    assert profit(instance, plan) == pytest.approx(best, abs=1e-6)


# --- another linear program


def optimum(instance: Instance, plan: Plan) -> float | None:
    """The recourse of all scenarios as one dense program in sales and overage; None if infeasible."""
    I, T, W = len(instance.items), instance.periods, len(instance.scenarios)
    nothing = settle(instance, plan, np.zeros((I, T, W)))
    R, n = len(instance.resources), I * T * W
    rows, right, gain = [], [], np.zeros(n + R * T * W)
    index = np.arange(n).reshape(I, T, W)
    over = n + np.arange(R * T * W).reshape(R, T, W)
    stock = nothing.stock
    for i, t, w in np.ndindex(I, T, W):
        kept = instance.holding_cost[i, t:].sum() - instance.salvage_value[i]
        worth = plan.price(instance)[i, t] + instance.lost_sale_cost[i, t] + kept
        gain[index[i, t, w]] = instance.probability[w] * worth
        row = np.zeros_like(gain)
        row[index[i, : t + 1, w]] = 1
        rows.append(row)
        right.append(stock[i, t, w])
    bounds = [(0, units) for units in nothing.demand.ravel()]
    for r, resource in enumerate(instance.resources):
        sale, shelf = (resource.use.get(a, np.zeros(I)) for a in (Activity.SALE, Activity.STOCK))
        for t, w in np.ndindex(T, W):
            row = np.zeros_like(gain)
            row[index[:, t, w]] += sale
            for i in range(I):
                row[index[i, : t + 1, w]] -= shelf[i]
            row[over[r, t, w]] = -1
            rows.append(row)
            right.append(resource.capacity[t] - shelf @ stock[:, t, w])
            cost = resource.overage_cost[t]
            bounds.append((0, None if np.isfinite(cost) else 0))
            gain[over[r, t, w]] = -instance.probability[w] * cost if np.isfinite(cost) else 0
    for target in instance.service:
        row = np.zeros_like(gain)
        row[index[target.items].ravel()] = -np.tile(instance.probability, len(target.items) * T)
        rows.append(row)
        asked = (nothing.demand[target.items] @ instance.probability).sum()
        right.append(-target.min_fill_rate * asked)
    found = linprog(-gain, A_ub=np.array(rows), b_ub=right, bounds=bounds, method="highs")
    if found.status == 2:
        return None
    assert found.status == 0
    return nothing.expected_profit + nothing.expected_breakdown["overage"] - found.fun


@settings(max_examples=80, deadline=None)
@given(seeds, st.sampled_from([None, 0.2, 0.6]))
def test_recourse_is_the_optimum_of_one_big_program(seed, fill_rate):
    instance, plan = random_problem(seed)
    if fill_rate is not None:
        scope = np.arange(len(instance.items))[: 1 + seed % 2]
        instance = replace(instance, service=(ServiceTarget("scope", scope, fill_rate),))
    expected = optimum(instance, plan)
    found = check(instance, plan)
    assert found.feasible == (expected is not None)
    if expected is not None:
        assert found.profit == pytest.approx(expected, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_sales_stay_within_demand_and_stock(seed):
    instance, plan = random_problem(seed)
    sales = best_recourse(instance, plan)
    supply = instance.initial_stock[:, None] + np.cumsum(arrivals(instance, plan), axis=1)
    assert (sales >= 0).all()
    assert (sales <= demand_at(instance, plan)).all()
    assert (np.cumsum(sales, axis=1) <= supply[:, :, None] + 1e-7).all()
