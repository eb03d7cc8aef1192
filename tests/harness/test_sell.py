"""First come first served, and the costing of given sales, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instances import make_instance, make_plan, make_resource, random_problem

from desilo.cases.instance import Activity, CrossEffects
from desilo.harness.sell import EFFECT_ON_PROFIT, demand_at, sell_first_come, settle


def test_every_cause_by_hand():
    # one item, 2 periods, 2 scenarios; 4 units at the start, 3 on the way, an order of 5 due in period 2
    instance = make_instance(
        [[[[6, 2]], [[10, 3]]]],
        price=10,
        unit_cost=[[4, 5]],
        order_cost=7,
        holding_cost=[[1, 2]],
        lost_sale_cost=3,
        salvage_value=0.5,
        initial_stock=4,
        receipt=[[0, 3]],
        lead_time=1,
        probability=np.array([0.25, 0.75]),
        resources=(make_resource({Activity.STOCK: [2.0]}, capacity=3, T=2, overage_cost=0.1),),
    )
    sold = sell_first_come(instance, make_plan([[5, 0]]))
    assert sold.sales[0].tolist() == [[4, 2], [8, 3]]
    assert sold.stock[0].tolist() == [[0, 2], [0, 7]]
    expected = {
        "revenue": [120, 50],
        "purchase": [20, 20],
        "order": [7, 7],
        "holding": [0, 2 + 14],
        "lost_sales": [3 * (2 + 2), 0],
        "overage": [0, 0.1 * (1 + 11)],
        "salvage": [0, 3.5],
    }
    for cause, money in expected.items():
        assert sold.breakdown[cause] == pytest.approx(money), cause
    assert sold.profit == pytest.approx([120 - 20 - 7 - 12, 50 - 20 - 7 - 16 - 1.2 + 3.5])
    assert sold.expected_profit == pytest.approx(0.25 * 81 + 0.75 * 9.3)
    assert sold.fill_rate == pytest.approx((0.25 * 12 + 0.75 * 5) / (0.25 * 16 + 0.75 * 5))
    assert sold.average_stock == pytest.approx(0.75 * 9 / 2)
    assert sold.overuse["shelf"].tolist() == [[0, 1], [0, 11]]


def test_lot_sizing_textbook_plan_costs_1380():
    instance = make_instance(np.reshape([90, 120, 80, 70], (1, 4, 1, 1)), price=0, order_cost=500, holding_cost=2)
    assert sell_first_come(instance, make_plan([[210, 0, 150, 0]])).expected_profit == -1380


def test_wagner_whitin_plan_costs_864():
    demand = [69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56]
    setup = [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114]
    instance = make_instance(np.reshape(demand, (1, 12, 1, 1)), price=0, order_cost=[setup], holding_cost=1)
    plan = make_plan([[98, 0, 97, 0, 121, 0, 0, 112, 0, 67, 135, 0]])
    assert sell_first_come(instance, plan).expected_profit == -864


def test_cross_effects_follow_the_other_items_price():
    # item 1 gains 2 (period 1) and 3 (period 2) units for every unit of money item 0 is dearer than today
    cross = CrossEffects(np.array([1]), np.array([0]), np.array([[2.0, 3.0]]))
    demand = np.full((2, 2, 2, 1), 10.0)
    demand[0, :, 1] = 6
    instance = make_instance(demand, price=[[10, 14], [5, 5]], cross_effects=cross)
    plan = make_plan(np.zeros((2, 2)), [[0, 1], [0, 0]])
    assert demand_at(instance, plan)[:, :, 0].tolist() == [[10, 6], [10, 10 + 3 * 4]]
    cheaper = replace(instance, reference=np.array([1, 0]))  # today is 14: period 1 is 4 cheaper
    assert demand_at(cheaper, plan)[1, :, 0].tolist() == [2, 10]


def test_orders_due_after_the_horizon_are_paid_but_never_arrive():
    instance = make_instance(np.full((1, 2, 1, 1), 5.0), unit_cost=1, lead_time=3, salvage_value=1)
    sold = sell_first_come(instance, make_plan([[4, 4]]))
    assert sold.sales.sum() == sold.stock.sum() == 0
    assert sold.expected_profit == -8


def test_quantities_too_small_to_be_an_order_are_none():
    instance = make_instance(np.full((1, 1, 1, 1), 5.0), order_cost=100)
    sold = sell_first_come(instance, make_plan([[1e-6]]))
    assert sold.expected_profit == 0
    assert sold.sales.sum() == 0


def test_hard_limits_are_not_enforced_but_reported():
    resource = make_resource({Activity.SALE: [1.0]}, capacity=[3, np.inf], T=2)
    instance = make_instance(np.full((1, 2, 1, 1), 5.0), initial_stock=10, resources=(resource,))
    sold = sell_first_come(instance, make_plan(np.zeros((1, 2))))
    assert sold.sales.ravel().tolist() == [5, 5]
    assert sold.overuse["shelf"].ravel().tolist() == [2, 0]
    assert sold.overage.tolist() == [0]


@pytest.mark.parametrize(
    "plan",
    [
        make_plan([[0.0]], 1),
        make_plan([[0.0]], -1),
        make_plan([[np.nan]]),
        make_plan([[-1.0]]),
        make_plan([[0.0, 0.0]]),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(plan):
    with pytest.raises(ValueError):
        sell_first_come(make_instance(np.ones((1, 1, 1, 1))), plan)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_selling_agrees_with_a_plain_loop(seed):
    instance, plan = random_problem(seed)
    sold = sell_first_come(instance, plan)
    price = plan.price(instance)
    for i in range(len(instance.items)):
        for w in range(len(instance.scenarios)):
            stock, money = instance.initial_stock[i], dict.fromkeys(EFFECT_ON_PROFIT, 0.0)
            for t in range(instance.periods):
                due = t - instance.lead_time[i]
                stock += instance.receipt[i, t] + (plan.order[i, due] if due >= 0 else 0)
                asked = instance.demand[i, t, plan.level[i, t], w]
                units = min(asked, stock)
                stock -= units
                money["revenue"] += price[i, t] * units
                money["purchase"] += instance.unit_cost[i, t] * plan.order[i, t]
                money["order"] += instance.order_cost[i, t] * (plan.order[i, t] > 0)
                money["holding"] += instance.holding_cost[i, t] * stock
                money["lost_sales"] += instance.lost_sale_cost[i, t] * (asked - units)
            money["salvage"] = instance.salvage_value[i] * stock
            for cause, by_item in sold.by_item.items():
                assert by_item[i, w] == pytest.approx(money[cause], abs=1e-9), cause


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_stock_balances_and_parts_add_up(seed):
    instance, plan = random_problem(seed)
    sold = sell_first_come(instance, plan)
    assert (sold.sales <= sold.demand + 1e-12).all()
    assert (sold.stock >= 0).all()
    again = settle(instance, plan, sold.sales)
    assert (again.profit == sold.profit).all()
    by_cause = sum(sign * sold.expected_breakdown[cause] for cause, sign in EFFECT_ON_PROFIT.items())
    assert sold.expected_profit == pytest.approx(by_cause)
