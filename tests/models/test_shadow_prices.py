"""Shadow prices of shared limits: what a little more really earns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import make_instance, make_plan, make_resource

from desilo.cases.instance import Activity, Instance
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Freedom
from desilo.operating.coordination.assembly import assemble, shadow_prices
from desilo.operating.coordination.limits import shared_limits, teams_of
from desilo.solving import Options


@pytest.fixture
def problem() -> tuple[Instance, Plan]:
    """Two items, two periods, two scenarios; a budget short at first, a soft limit on stock, promotion slots."""
    budget = make_resource({Activity.ORDER: [1.0, 2.0]}, [10.0, 1000.0], 2, name="budget")
    store = make_resource({Activity.STOCK: [1.0, 1.0]}, [1.0, 2.0], 2, overage_cost=0.5, name="store")
    slots = make_resource({Activity.PROMO: [1.0, 1.0]}, 0.0, 2, name="slots")
    demand = np.array([[6.0, 9.0], [5.0, 8.0]])[:, None, None, :]
    instance = make_instance(
        np.repeat(demand, 2, axis=1), price=((10.0,),), unit_cost=4.0, order_cost=1.0, resources=(budget, store, slots)
    )
    return instance, make_plan([[5.0, 9.0], [2.0, 8.0]])


def profit(instance: Instance, plan: Plan) -> float:
    """Of the best quantities where the plan orders, at its levels."""
    free = Freedom.full(instance).at_levels(plan.level).placing(plan.order > 0)
    teams = teams_of(instance)
    found = assemble(instance, free, teams, shared_limits(instance, teams), Options())
    assert found is not None
    return found.profit


def test_a_shadow_price_is_what_a_little_more_earns(problem: tuple[Instance, Plan]) -> None:
    instance, plan = problem
    prices = shadow_prices(instance, plan, Options())
    assert set(prices) == {"budget", "store"}  # slots are no matter of quantities
    assert prices["budget"][0] > 1 and prices["budget"][1] == 0
    for r, resource in enumerate(instance.resources[:2]):
        for t in range(2):
            more = resource.capacity + 1e-3 * (np.arange(2) == t)
            resources = list(instance.resources)
            resources[r] = replace(resource, capacity=more)
            gained = profit(replace(instance, resources=tuple(resources)), plan) - profit(instance, plan)
            assert prices[resource.name][t] == pytest.approx(gained / 1e-3, abs=1e-6)


def test_a_plan_that_cannot_keep_the_limits_has_no_shadow_prices(problem: tuple[Instance, Plan]) -> None:
    instance, plan = problem
    never = make_resource({Activity.RECEIPT: [1.0, 1.0]}, 0.0, 2)
    due = replace(instance, resources=(never,), receipt=np.ones((2, 2)))
    assert shadow_prices(due, plan, Options()) == {}
