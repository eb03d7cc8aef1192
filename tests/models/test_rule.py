"""The rule of thumb, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_instances import make_instance

from desilo.operating.rule import SAFETY_FACTOR, rule_of_thumb


def orders(demand: Any, **figures: Any) -> list[float]:
    """Of one item with (T,) or (T, W) demand at its only level."""
    demand = np.asarray(demand, dtype=float)
    demand = demand.reshape(len(demand), -1)
    return rule_of_thumb(make_instance(demand[None, :, None, :], **figures))[0].tolist()


def test_free_ordering_follows_demand() -> None:
    assert orders([10, 20, 0, 5]) == [10, 20, 0, 5]


def test_stock_on_hand_and_on_the_way_comes_first() -> None:
    # 10 + 20 covered; 25 + 3 on the way covers 10, leaves 18 - 20 = -2 in period 2; then all of 5
    assert orders([10, 20, 5], initial_stock=25, receipt=[[0, 3, 0]]) == [0, 2, 5]


def test_an_order_covers_the_economic_cycle() -> None:
    # sqrt(2 x 80 / (1 x 10)) = 4 periods; the second order has only two left to cover
    assert orders([10] * 6, order_cost=80, holding_cost=1) == [40, 0, 0, 0, 20, 0]


def test_the_cycle_is_at_most_the_horizon_and_all_of_it_where_holding_is_free() -> None:
    assert orders([10] * 3, order_cost=1e6, holding_cost=1) == [30, 0, 0]
    assert orders([10] * 3, order_cost=1, holding_cost=0) == [30, 0, 0]


def test_orders_are_placed_a_lead_time_ahead_and_none_that_comes_too_late() -> None:
    # expected stock 5, -5, -15, -25: the order of period 1 arrives in period 3 and fills all that is short by then
    assert orders([10, 10, 10, 10], initial_stock=15, lead_time=2) == [15, 10, 0, 0]


def test_safety_stock_is_for_the_lead_time_and_the_period_itself() -> None:
    # standard deviation 3 a period; over two periods 3 sqrt 2
    demand = [[7, 13], [7, 13], [7, 13]]
    assert orders(demand) == pytest.approx([10 + SAFETY_FACTOR * 3, 10, 10])
    assert orders(demand, lead_time=1) == pytest.approx([20 + SAFETY_FACTOR * 3 * np.sqrt(2), 10, 0])


def test_probabilities_weigh_the_scenarios() -> None:
    # 5 and 20 at .8 and .2: mean 8, variance .8 x 9 + .2 x 144 = 36
    assert orders([[5, 20]], probability=np.array([0.8, 0.2])) == pytest.approx([8 + SAFETY_FACTOR * 6])


def test_minimum_and_maximum_orders() -> None:
    assert orders([10, 10, 10], min_order=25) == [25, 0, 25]
    assert orders([10, 10, 10], max_order=[[4, 30, 30]]) == [4, 16, 10]
    assert orders([10, 10], min_order=25, max_order=20) == [0, 0]


def test_it_looks_at_the_reference_level_only() -> None:
    demand = np.array([[[[10.0], [99.0]]]])  # (1, 1, 2, 1)
    assert rule_of_thumb(make_instance(demand, [[5.0, 3.0]])).tolist() == [[10]]
    assert rule_of_thumb(make_instance(demand, [[5.0, 3.0]], reference=1)).tolist() == [[99]]
