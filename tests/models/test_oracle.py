"""The operating models against the oracle: same status, same value, plans that the checker accepts."""

from __future__ import annotations

import numpy as np
import pytest
from awkward import awkward_instance
from oracle import Answer, best, price_plans

from desilo.cases.generate import generate
from desilo.cases.instance import Floats, Instance, Ints
from desilo.formulations.freedom import Formulation
from desilo.harness.check import check
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, Function, OperatingModel, Pictures
from desilo.operating.desk import Desk
from desilo.operating.rule import rule_of_thumb
from desilo.operating.wiring import hand_on
from desilo.solving import Options, Stop

TOLERANCE = 1e-6
"""Relative difference in profit that counts as none."""

STOP = {"optimal": Stop.OPTIMAL, "infeasible": Stop.INFEASIBLE, "unbounded": Stop.UNBOUNDED}

INSTANCES = [("features", seed) for seed in range(12)] + [("awkward", seed) for seed in range(24)]


def make(kind: str, seed: int) -> Instance:
    return awkward_instance(seed) if kind == "awkward" else generate(kind, "S", seed)


def exactly(model: OperatingModel, instance: Instance, formulation: Formulation = Formulation.TIGHT) -> Decision:
    return decide(model, Pictures.same(instance), Options(gap=0), formulation)


def reference_levels(instance: Instance) -> Ints:
    return np.repeat(instance.reference[:, None], instance.periods, axis=1)


def assert_same(instance: Instance, decision: Decision, answer: Answer) -> None:
    assert decision.stop is STOP[answer.status]
    if answer.status != "optimal":
        assert decision.plan is None
        return
    assert decision.objective == pytest.approx(answer.profit, rel=TOLERANCE, abs=TOLERANCE)
    assert not decision.bound < answer.profit - TOLERANCE * max(1, abs(answer.profit))  # nan: none is claimed
    assert decision.plan is not None
    found = check(instance, decision.plan)
    assert found.violations == ()
    # an order placed for a set-up's reward is of the least size there is, which the oracle gets for nothing
    assert found.profit == pytest.approx(decision.objective, rel=TOLERANCE, abs=TOLERANCE)


def put_together(instance: Instance, level: Ints, order: Floats) -> tuple[Answer, bool]:
    """The best of levels and orders planned apart, and whether orders had to be cut for it."""
    as_planned = best(instance, level, order=order)
    if as_planned.status == "optimal":
        return as_planned, False
    return best(instance, level, cut=order), True


@pytest.mark.parametrize(("kind", "seed"), INSTANCES)
def test_operating_models_find_what_the_oracle_finds(kind: str, seed: int) -> None:
    instance = make(kind, seed)
    plans = price_plans(instance)
    joint = best(instance)
    at_reference = best(instance, reference_levels(instance))
    for formulation in Formulation:
        assert_same(instance, exactly(OperatingModel.JOINT, instance, formulation), joint)
        assert_same(instance, exactly(OperatingModel.INVENTORY_ONLY, instance, formulation), at_reference)

    alone = {
        model: exactly(model, instance)
        for model in (OperatingModel.SEQUENTIAL, OperatingModel.PRICING_ONLY, OperatingModel.ISOLATED)
    }
    level = plans[0] if plans else None
    for decision in alone.values():
        if level is None:
            assert decision.stop is Stop.INFEASIBLE
        elif decision.plan is not None:
            assert any(np.array_equal(decision.plan.level, plan) for plan in plans)
            level = decision.plan.level
    if level is None:
        return
    assert_same(instance, alone[OperatingModel.SEQUENTIAL], best(instance, level))
    inventory = exactly(OperatingModel.INVENTORY_ONLY, instance)
    orders = {OperatingModel.PRICING_ONLY: rule_of_thumb(instance)}
    if inventory.plan is None:
        assert alone[OperatingModel.ISOLATED].stop is inventory.stop
    else:
        orders[OperatingModel.ISOLATED] = inventory.plan.order
    for model, order in orders.items():
        answer, cut = put_together(instance, level, order)
        assert_same(instance, alone[model], answer)
        if answer.status == "optimal":
            assert alone[model].repaired == cut


@pytest.mark.parametrize(("kind", "seed"), [("features", 624), *(("awkward", seed) for seed in range(200, 208))])
def test_pricing_after_inventory_finds_the_best_prices_for_the_orders(kind: str, seed: int) -> None:
    instance = make(kind, seed)
    inventory = exactly(OperatingModel.INVENTORY_ONLY, instance)
    order = (Function.DEMAND, Function.INVENTORY, Function.PRICING)
    decision = hand_on(Desk("sequential", Options(gap=0)), order, Pictures.same(instance))
    if inventory.plan is None:
        assert decision.stop is inventory.stop
    else:
        assert_same(instance, decision, best(instance, order=inventory.plan.order))


def combinations(instance: Instance) -> int:
    """Vectors of levels times sets of orders."""
    T = instance.periods
    orders = ((np.arange(T) + instance.lead_time[:, None] < T) & (instance.max_order > 0)).sum()
    return int(np.prod(instance.has_level.sum(axis=1).astype(float) ** T) * 2.0**orders)


def test_the_oracle_finds_what_enumeration_finds() -> None:
    statuses = set()
    for instance in (awkward_instance(seed) for seed in range(100, 140)):
        if combinations(instance) <= 100:
            program, enumerated = best(instance), best(instance, enumerated=True)
            assert program.status == enumerated.status
            assert program.profit == pytest.approx(enumerated.profit, rel=TOLERANCE, abs=TOLERANCE, nan_ok=True)
            statuses.add(program.status)
    assert {"optimal", "infeasible"} <= statuses
