"""What must hold for every instance, whatever its figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from awkward import awkward_instance
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from desilo.cases.generate import generate
from desilo.cases.instance import CrossEffects, Instance
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Freedom
from desilo.formulations.models import joint_model
from desilo.harness.check import check
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, OperatingModel, Pictures
from desilo.solving import Options, Stop, solve

instances = st.builds(awkward_instance, st.integers(0, 10**6)) | st.builds(
    generate, st.just("features"), st.just("S"), st.integers(0, 10**6)
)
few = settings(max_examples=8, deadline=None)


def exactly(model: OperatingModel, instance: Instance) -> Decision:
    return decide(model, Pictures.same(instance), Options(gap=0))


def joint_profit(instance: Instance) -> float:
    """-inf if there is no plan; unbounded problems are left out."""
    decision = exactly(OperatingModel.JOINT, instance)
    assume(decision.stop is not Stop.UNBOUNDED)
    assert decision.stop in {Stop.OPTIMAL, Stop.INFEASIBLE}
    return decision.objective if decision.plan is not None else -np.inf


def close(profit: float) -> Any:
    return pytest.approx(profit, rel=1e-6, abs=1e-6)


@few
@given(instances)
def test_joint_is_no_worse_than_any_other_plan_costed_in_the_joint_model(instance: Instance) -> None:
    joint = exactly(OperatingModel.JOINT, instance)
    assume(joint.plan is not None)
    others = (
        OperatingModel.STATUS_QUO,
        OperatingModel.PRICING_ONLY,
        OperatingModel.INVENTORY_ONLY,
        OperatingModel.ISOLATED,
        OperatingModel.SEQUENTIAL,
    )
    for model in others:
        plan = exactly(model, instance).plan
        if plan is not None:
            costed = cost_in_the_joint_model(instance, plan)
            assert costed == close(check(instance, plan).profit)
            assert joint.objective >= costed - 1e-6 * max(1, abs(costed))
    assert exactly(OperatingModel.CLAIRVOYANT, instance).bound >= joint.objective - 1e-6 * max(1, abs(joint.objective))


def cost_in_the_joint_model(instance: Instance, plan: Plan) -> float:
    given_plan = Freedom.full(instance).at_levels(plan.level).at_orders(plan.order)
    return solve(joint_model(instance, given_plan).model, Options(gap=0)).objective


@few
@given(instances, st.integers(0, 3))
def test_relaxing_limits_never_hurts(instance: Instance, which: int) -> None:
    profit = joint_profit(instance)
    relaxed = (
        replace(instance, service=()),
        replace(instance, max_price_changes=instance.max_price_changes + 1),
        replace(instance, max_order=instance.max_order * 1.5, min_order=instance.min_order / 2),
        replace(instance, resources=tuple(replace(r, capacity=r.capacity + 1) for r in instance.resources)),
    )[which]
    decision = exactly(OperatingModel.JOINT, relaxed)
    if decision.stop is not Stop.UNBOUNDED and profit > -np.inf:
        assert decision.objective >= profit - 1e-6 * max(1, abs(profit))


@few
@given(instances, st.sampled_from([0.01, 8.0, 1000.0]))
def test_scaling_money_scales_profit(instance: Instance, factor: float) -> None:
    assume(all(set(r.use) & {"price"} == set() for r in instance.resources))  # a price rule is not in money
    scaled = replace(
        instance,
        **{
            name: getattr(instance, name) * factor
            for name in ("price", "unit_cost", "order_cost", "holding_cost", "lost_sale_cost", "salvage_value")
        },
        cross_effects=replace(instance.cross_effects, effect=instance.cross_effects.effect / factor),
        resources=tuple(replace(r, overage_cost=r.overage_cost * factor) for r in instance.resources),
    )
    assert joint_profit(scaled) / factor == pytest.approx(joint_profit(instance), rel=1e-6, abs=1e-4)


@few
@given(instances)
def test_splitting_a_scenario_changes_nothing(instance: Instance) -> None:
    split = replace(
        instance,
        scenarios=(*instance.scenarios, "again"),
        probability=np.append(
            instance.probability[:-1], [instance.probability[-1] / 3, instance.probability[-1] * 2 / 3]
        ),
        demand=np.concatenate([instance.demand, instance.demand[..., -1:]], axis=3),
    )
    assert joint_profit(split) == close(joint_profit(instance))


@few
@given(instances, st.integers(0, 10**6))
def test_the_order_of_items_does_not_matter(instance: Instance, seed: int) -> None:
    new = np.random.default_rng(seed).permutation(len(instance.items))
    position = np.argsort(new)
    arrays = [k for k, figures in vars(instance).items() if isinstance(figures, np.ndarray) and k != "probability"]
    cross = instance.cross_effects
    moved = replace(
        instance,
        **{name: getattr(instance, name)[new] for name in arrays},
        **{name: tuple(getattr(instance, name)[i] for i in new) for name in ("items", "groups", "levels")},
        cross_effects=CrossEffects(position[cross.item], position[cross.other], cross.effect),
        resources=tuple(replace(r, use={k: a[new] for k, a in r.use.items()}) for r in instance.resources),
        service=tuple(replace(target, items=position[target.items]) for target in instance.service),
    )
    assert joint_profit(moved) == close(joint_profit(instance))


@few
@given(instances, st.sampled_from([1e-2, 0.2]))
def test_a_plan_of_any_gap_is_feasible_and_earns_its_objective(instance: Instance, gap: float) -> None:
    for model in (OperatingModel.JOINT, OperatingModel.SEQUENTIAL, OperatingModel.ISOLATED):
        decision = decide(model, Pictures.same(instance), Options(gap=gap))
        if decision.plan is not None:
            found = check(instance, decision.plan)
            assert found.violations == ()
            assert found.profit == close(decision.objective)
    exact = joint_profit(instance)
    joint = decide(OperatingModel.JOINT, Pictures.same(instance), Options(gap=gap))
    if joint.plan is not None:
        assert joint.gap <= gap + 1e-9
        assert joint.objective - 1e-6 * max(1, abs(exact)) <= exact <= joint.bound + 1e-6 * max(1, abs(exact))
