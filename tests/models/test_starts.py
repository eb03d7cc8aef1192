"""Inventory starts from the rule of thumb, whatever the time: what the solver is handed, and what it is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from desilo.cases.generate import generate
from desilo.cases.instance import Instance
from desilo.cases.plan import SMALLEST_ORDER, Plan
from desilo.operating import desk
from desilo.operating.deciding import decide
from desilo.operating.decision import OperatingModel, Pictures
from desilo.operating.desk import reference_levels
from desilo.operating.rule import rule_of_thumb
from desilo.solving import Options, Outcome, solve

INSTANCE = generate("lot-sizing", "S", 1, coupling=0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, dict[Any, float | None]]]]:
    """Every model handed to the solver with a start, and the start: values of set-ups and levels."""
    seen: list[tuple[Any, dict[str, dict[Any, float | None]]]] = []

    def watched(model: Any, options: Options = Options(), *, warm: bool = False, **more: Any) -> Outcome:
        if warm:
            held = {"setup": model.inventory.setup.extract_values(), "level": model.pricing.y.extract_values()}
            seen.append((model, held))
        return solve(model, options, warm=warm, **more)

    monkeypatch.setattr(desk, "solve", watched)
    return seen


def by_the_rule(instance: Instance, level: Any) -> Plan:
    return Plan(level, rule_of_thumb(instance))


@pytest.mark.parametrize("model", [OperatingModel.INVENTORY_ONLY, OperatingModel.ISOLATED, OperatingModel.SEQUENTIAL])
def test_inventory_is_handed_the_rule_of_thumb(model: OperatingModel, started: list[Any]) -> None:
    decision = decide(model, Pictures.same(INSTANCE), Options(gap=0.01))
    assert decision.plan is not None
    level = decision.plan.level if model is OperatingModel.SEQUENTIAL else reference_levels(INSTANCE)
    expected = by_the_rule(INSTANCE, level)
    ((_, held),) = started
    assert held["setup"]
    assert held["setup"] == {cell: float(expected.order[cell] > SMALLEST_ORDER) for cell in held["setup"]}
    assert 0 < sum(held["setup"].values()) < len(held["setup"]), "a start that orders always or never shows nothing"
    assert held["level"] == {(i, k, t): float(expected.level[i, t] == k) for i, k, t in held["level"]}


def test_what_the_solver_is_handed_earns_the_status_quo_at_least(started: list[Any]) -> None:
    """The start completed by the solver, before any search: its set-ups with the best quantities."""
    today = decide(OperatingModel.STATUS_QUO, Pictures.same(INSTANCE))
    decide(OperatingModel.INVENTORY_ONLY, Pictures.same(INSTANCE), Options(gap=0.01))
    ((model, held),) = started
    for cell, value in held["setup"].items():
        model.inventory.setup[cell].fix(value)
    completed = solve(model)
    assert completed.feasible
    assert np.isfinite(today.objective)
    assert completed.objective >= today.objective - 1e-6 * abs(today.objective)
