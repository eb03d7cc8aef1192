"""The checker: profits known from the literature, planted violations found and named, feasible plans let through."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from small_instances import make_instance, make_plan, make_resource, random_problem

from desilo.cases.instance import Activity, CrossEffects, Instance, ServiceTarget
from desilo.harness.check import TOLERANCE, Rule, check
from desilo.harness.sell import EFFECT_ON_PROFIT, sell_first_come

seeds = st.integers(0, 10**6)


def one_item(periods: int = 2, **figures) -> Instance:
    """Demand of 10 in every period, at a price of 10 (level 0, today's) or 8 (level 1, promotional)."""
    return make_instance(np.full((1, periods, 2, 1), 10.0), price=[[10, 8]], promo=np.array([[False, True]]), **figures)


# --- profits from the literature


@pytest.mark.parametrize(
    ("holding", "penalty", "mean", "deviation", "stock", "cost", "cells"),
    [(0.18, 0.70, 50, 8, 56.603956, 1.997605, 44), (2, 18, 120, 10, 132.815516, 35.099666, 10)],
)
def test_newsvendor_normal(holding, penalty, mean, deviation, stock, cost, cells):
    # Equally likely cells of the normal distribution, each at its mean: the optimal stock lies on the edge of a
    # cell (the critical ratio is a multiple of 1/cells), so the expected cost is that of the continuous problem.
    density = norm.pdf(norm.ppf(np.linspace(0, 1, cells + 1)))
    demand = mean - deviation * cells * np.diff(density)
    instance = make_instance(demand.reshape(1, 1, 1, cells), price=0, holding_cost=holding, lost_sale_cost=penalty)
    found = check(instance, make_plan([[stock]]))
    assert found.feasible
    assert found.profit == pytest.approx(-cost, abs=2e-6)


def test_newsvendor_profit_uniform():
    demand = 25 + 150 * (np.arange(28) + 0.5) / 28  # the optimal order is the edge of the 15th cell
    instance = make_instance(demand.reshape(1, 1, 1, 28), price=25, unit_cost=10, salvage_value=-3)
    found = check(instance, make_plan([[25 + 150 * 15 / 28]]))
    assert found.profit == pytest.approx(977.678571, abs=1e-6)
    known = np.mean(
        [check(replace(instance, demand=np.full((1, 1, 1, 28), d)), make_plan([[d]])).profit for d in demand]
    )
    assert known - found.profit == pytest.approx(522.321429, abs=1e-6)


def test_lot_sizing_textbook():
    instance = make_instance(np.reshape([90, 120, 80, 70], (1, 4, 1, 1)), price=0, order_cost=500, holding_cost=2)
    found = check(instance, make_plan([[210, 0, 150, 0]]))
    assert found.feasible
    assert found.profit == found.profit_first_come == -1380
    assert found.breakdown == dict.fromkeys(EFFECT_ON_PROFIT, 0.0) | {"order": 1000, "holding": 380}


def test_wagner_whitin():
    demand = [69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56]
    setup = [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114]
    instance = make_instance(np.reshape(demand, (1, 12, 1, 1)), price=0, order_cost=[setup], holding_cost=1)
    assert check(instance, make_plan([[98, 0, 97, 0, 121, 0, 0, 112, 0, 67, 135, 0]])).profit == -864


# --- planted violations


def planted() -> dict[str, tuple]:
    """name: (instance, plan, rule, name, period, found, limit)"""
    none = np.zeros((1, 2))
    order = make_plan([[6, 0]])
    promo = make_plan(none, [[0, 1]])

    def shelf(activity, capacity, amount=1.0):
        return (make_resource({activity: [amount]}, capacity, T=2),)

    full = {"initial_stock": 20, "receipt": [[0, 5]]}
    return {
        "level too high": (one_item(), make_plan(none, [[0, 2]]), Rule.LEVEL, "item0", 2, 2, 1),
        "level negative": (one_item(), make_plan(none, [[-1, 0]]), Rule.LEVEL, "item0", 1, -1, 1),
        "order negative": (one_item(), make_plan([[0, -3]]), Rule.QUANTITY, "item0", 2, -3, 0),
        "order no number": (one_item(), make_plan([[np.nan, 0]]), Rule.QUANTITY, "item0", 1, np.nan, 0),
        "order infinite": (one_item(), make_plan([[np.inf, 0]]), Rule.QUANTITY, "item0", 1, np.inf, 1e15),
        "order too large": (one_item(), make_plan([[1e300, 0]]), Rule.QUANTITY, "item0", 1, 1e300, 1e15),
        "arrives late": (one_item(lead_time=1), make_plan([[0, 4]]), Rule.ARRIVAL, "item0", 2, 3, 2),
        "too small": (one_item(min_order=7), order, Rule.MIN_ORDER, "item0", 1, 6, 7),
        "too large": (one_item(max_order=[[5, 9]]), order, Rule.MAX_ORDER, "item0", 1, 6, 5),
        "price change": (one_item(max_price_changes=0), promo, Rule.PRICE_CHANGES, "item0", None, 1, 0),
        "first change": (
            one_item(max_price_changes=1, reference=1),
            make_plan(none, [[0, 1]]),
            Rule.PRICE_CHANGES,
            "item0",
            None,
            2,
            1,
        ),
        "resource order": (
            one_item(resources=shelf(Activity.ORDER, 5)), order, Rule.RESOURCE, "shelf", 1, 6, 5,
        ),
        "resource receipt": (
            one_item(resources=shelf(Activity.RECEIPT, [9, 10]), lead_time=1, receipt=[[1, 5]]),
            order, Rule.RESOURCE, "shelf", 2, 11, 10,
        ),
        "resource setup": (
            one_item(resources=shelf(Activity.SETUP, 0)), order, Rule.RESOURCE, "shelf", 1, 1, 0,
        ),
        "resource promo": (
            one_item(resources=shelf(Activity.PROMO, 0)), promo, Rule.RESOURCE, "shelf", 2, 1, 0,
        ),
        "resource price": (
            one_item(resources=shelf(Activity.PRICE, 17, 2.0)), promo, Rule.RESOURCE, "shelf", 1, 20, 17,
        ),
        "resource stock": (
            one_item(resources=shelf(Activity.STOCK, [9, 99]), **full),
            make_plan(none), Rule.RESOURCE, "shelf", 1, 10, 9,
        ),
        "resource sale, at least": (
            one_item(resources=shelf(Activity.SALE, [-4, -12], -1.0), **full),
            make_plan(none), Rule.RESOURCE, "shelf", 2, -10, -12,
        ),
        "service": (
            one_item(service=(ServiceTarget("all", np.array([0]), 0.9),), initial_stock=16),
            make_plan(none), Rule.SERVICE, "all", None, 0.8, 0.9,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("case", planted())
def test_planted_violation_is_found_and_named(case):
    instance, plan, rule, name, period, amount, limit = planted()[case]
    found = check(instance, plan)
    assert not found.feasible
    (broken,) = found.violations
    assert (broken.rule, broken.name, broken.period) == (rule, name, period)
    assert broken.found == pytest.approx(amount, nan_ok=True)
    assert broken.limit == pytest.approx(limit)
    assert name in str(broken)
    if period is not None:
        assert f"period {period}" in str(broken)


def test_every_rule_has_a_planted_violation():
    assert {case[2] for case in planted().values()} == set(Rule)
    assert all(any(name.startswith(f"resource {activity}") for name in planted()) for activity in Activity)


def test_scenario_of_a_violation_is_named():
    demand = np.reshape([9.0, 2.0], (1, 1, 1, 2))
    shelf = (make_resource({Activity.STOCK: [1]}, capacity=3, T=1),)
    found = check(make_instance(demand, initial_stock=8, resources=shelf), make_plan([[0.0]]))
    (broken,) = found.violations
    assert broken.scenario == "w1"
    assert broken.excess == pytest.approx(3)
    assert str(broken) == "resource shelf, period 1, scenario w1: uses 6, capacity 3, 3 too much"


def test_all_violations_are_reported_at_once():
    instance = one_item(
        periods=3,
        min_order=7,
        max_order=8,
        max_price_changes=0,
        resources=(make_resource({Activity.SETUP: [1]}, 0, 3),),
    )
    found = check(instance, make_plan([[6, 9, 0]], [[1, 1, 0]]))
    assert [broken.rule for broken in found.violations] == [
        Rule.MIN_ORDER, Rule.MAX_ORDER, Rule.PRICE_CHANGES, Rule.RESOURCE, Rule.RESOURCE,
    ]  # fmt: skip


def test_a_plan_that_cannot_be_carried_out_has_no_profit():
    found = check(one_item(max_order=5), make_plan([[np.nan, 6]], [[7, 0]]))
    assert [broken.rule for broken in found.violations] == [Rule.LEVEL, Rule.QUANTITY, Rule.MAX_ORDER]
    assert np.isnan([found.profit, found.profit_first_come, found.fill_rate, *found.breakdown.values()]).all()


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        check(one_item(), make_plan(np.zeros((1, 3))))


# --- no false alarms


@pytest.mark.parametrize("capacity", [0.0, 0.5, 10.0, 1e6])
def test_tolerance_edges(capacity):
    size = max(1.0, capacity)
    for activity in (Activity.RECEIPT, Activity.STOCK):
        limit = make_resource({activity: [1]}, capacity, T=1)
        instance = make_instance(np.zeros((1, 1, 1, 1)), resources=(limit,))
        for share, feasible in ((0.9, True), (1.1, False)):
            amount = capacity + share * TOLERANCE * size
            on_the_way = replace(instance, receipt=np.array([[amount]]))
            assert check(on_the_way, make_plan([[0.0]])).feasible is feasible


def test_tolerance_of_order_limits():
    instance = one_item(min_order=5, max_order=5)
    assert check(instance, make_plan([[5 - 4e-6, 5 + 4e-6]])).feasible
    assert len(check(instance, make_plan([[5 - 6e-6, 5 + 6e-6]])).violations) == 2
    assert check(instance, make_plan([[1e-6, -1e-6]])).feasible  # no order at all


def test_limits_met_exactly_are_kept():
    target = ServiceTarget("all", np.array([0]), 0.8)
    shelf = make_resource(
        {Activity.ORDER: [1], Activity.PROMO: [2], Activity.STOCK: [1], Activity.SALE: [1]}, [6 + 6, 12], T=2
    )
    instance = one_item(
        min_order=6, max_order=6, max_price_changes=1, receipt=[[0, 10]], resources=(shelf,), service=(target,)
    )
    assert check(instance, make_plan([[6, 0]], [[0, 1]])).feasible


def test_soft_limits_are_paid_not_broken():
    shelf = make_resource({Activity.ORDER: [1]}, capacity=4, T=2, overage_cost=0.5)
    found = check(one_item(resources=(shelf,)), make_plan([[6, 4]]))
    assert found.feasible
    assert found.breakdown["overage"] == 1.0
    assert found.profit == 100 - 1


def test_periods_without_capacity_are_not_limited():
    shelf = make_resource({Activity.SALE: [1], Activity.STOCK: [1]}, [np.inf, 5], T=2)
    found = check(one_item(initial_stock=15, resources=(shelf,)), make_plan(np.zeros((1, 2))))
    assert found.feasible
    assert found.fill_rate == 0.75


# --- properties


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_best_recourse_earns_at_least_first_come(seed):
    instance, plan = random_problem(seed)
    found = check(instance, plan)
    sold = sell_first_come(instance, plan)
    hard = [r.name for r in instance.resources if np.isinf(r.overage_cost).any()]
    if all((sold.overuse[name] <= 1e-9).all() for name in hard):
        assert found.feasible
        assert found.profit >= sold.expected_profit - 1e-6


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(0.01, 100))
def test_scaling_money_scales_profit(seed, scale):
    instance, plan = random_problem(seed)
    dearer = {
        field.name: getattr(instance, field.name) * scale
        for field in fields(instance)
        if field.name == "price" or field.name.endswith("_cost") or field.name == "salvage_value"
    }
    limits = tuple(replace(r, overage_cost=r.overage_cost * scale) for r in instance.resources)
    before, after = check(instance, plan), check(replace(instance, **dearer, resources=limits), plan)
    assert after.feasible == before.feasible
    if before.feasible:  # else several least violations may tie
        assert after.profit == pytest.approx(scale * before.profit, rel=1e-6, abs=1e-6 * scale)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_splitting_a_scenario_changes_nothing(seed):
    instance, plan = random_problem(seed)
    target = (ServiceTarget("all", np.arange(len(instance.items)), 0.5),)
    instance = replace(instance, service=target)
    split = replace(
        instance,
        scenarios=(*instance.scenarios, "twin"),
        probability=np.append(instance.probability, 0.5 * instance.probability[0])
        * np.append([0.5], np.ones(len(instance.scenarios))),
        demand=np.concatenate([instance.demand, instance.demand[..., :1]], axis=3),
    )
    before, after = check(instance, plan), check(split, plan)
    assert after.feasible == before.feasible
    if before.feasible:
        assert after.profit == pytest.approx(before.profit, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0, 5))
def test_relaxing_a_limit_never_hurts(seed, room):
    instance, plan = random_problem(seed)
    target = ServiceTarget("all", np.arange(len(instance.items)), 0.3)
    looser = replace(
        instance,
        resources=tuple(replace(r, capacity=r.capacity + room) for r in instance.resources),
        service=(replace(target, min_fill_rate=0.3 / (1 + room)),),
    )
    before, after = check(replace(instance, service=(target,)), plan), check(looser, plan)
    if before.feasible:
        assert after.feasible
        assert after.profit >= before.profit - 1e-6


def test_cross_effects_count_in_profit():
    cross = CrossEffects(np.array([1]), np.array([0]), np.array([[2.0]]))
    instance = make_instance(
        np.full((2, 1, 2, 1), 10.0), price=[[10, 14], [5, 5]], cross_effects=cross, initial_stock=30
    )
    assert check(instance, make_plan(np.zeros((2, 1)), [[1], [0]])).profit == 14 * 10 + 5 * 18


# --- independence


def test_the_checker_shares_no_code_with_the_models():
    code = "import sys, desilo.harness.check; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    models = ("desilo.formulations", "desilo.solving", "desilo.operating", "pyomo", "highspy")
    assert [name for name in loaded if name.startswith(models)] == []
