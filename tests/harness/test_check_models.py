"""The models and the checker, written apart, agree on what a plan earns and that it is feasible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import make_resource, random_problem

from desilo.cases.instance import Activity, Instance, ServiceTarget
from desilo.harness.check import check
from desilo.operating.deciding import decide
from desilo.operating.decision import OperatingModel, Pictures
from desilo.solving import Options


def rich_problem(seed: int) -> Instance:
    """A small instance with limits of every kind."""
    instance, _ = random_problem(seed)
    rng = np.random.default_rng(seed)
    I, T = len(instance.items), instance.periods
    resources = (
        *instance.resources,
        make_resource({Activity.ORDER: np.ones(I), Activity.SETUP: np.full(I, 2.0)}, 12, T, name="budget"),
        make_resource({Activity.RECEIPT: np.ones(I)}, 5, T, overage_cost=0.7, name="dock"),
        make_resource({Activity.PRICE: np.ones(I)}, instance.reference_price.sum() + 1, T, name="image"),
    )
    return replace(
        instance,
        min_order=rng.integers(0, 4, I).astype(float),
        max_price_changes=rng.integers(1, 4, I).astype(float),
        salvage_value=np.minimum(instance.salvage_value, instance.unit_cost.min(axis=1) / 2),
        resources=resources if seed % 2 else instance.resources,
        service=() if seed % 3 else (ServiceTarget("all", np.arange(I), 0.5),),
    )


@pytest.mark.parametrize("model", [OperatingModel.JOINT, OperatingModel.SEQUENTIAL, OperatingModel.STATUS_QUO])
def test_objective_of_a_model_is_the_profit_of_its_plan(model):
    with_plan = 0
    for seed in range(100, 112):
        instance = rich_problem(seed)
        decision = decide(model, Pictures.same(instance), Options(gap=0))
        if decision.plan is not None:
            with_plan += 1
            found = check(instance, decision.plan)
            assert found.violations == (), seed
            assert found.profit == pytest.approx(decision.objective, rel=1e-6, abs=1e-6), seed
    assert with_plan >= 5
