"""The public names: the same results as the commands, as tables."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest

import desilo
from desilo.cases.errors import BadInput


@pytest.fixture(scope="module")
def joint() -> desilo.Solved:
    return desilo.solve(desilo.generate("features", "M", 2), "joint", gap=0)


def test_a_plan_and_its_check_agree(joint: desilo.Solved) -> None:
    checked = desilo.check(joint.instance, joint)
    assert (joint.status, checked.feasible) == ("optimal", True)
    assert checked.profit == pytest.approx(joint.objective, rel=1e-6)
    costs = checked.breakdown.drop(["revenue", "salvage"]).sum()
    assert checked.breakdown[["revenue", "salvage"]].sum() - costs == pytest.approx(checked.profit)
    assert checked.violations.empty


def test_tables_hold_every_price_and_order(joint: desilo.Solved) -> None:
    instance = joint.instance
    assert joint.prices.set_index(["item", "period"]).shape == (len(instance.items) * instance.periods, 2)
    assert joint.orders["units"].sum() == pytest.approx(joint.plan.order.sum())
    first = joint.prices.iloc[0]
    assert first["price"] == instance.price[0, list(instance.levels[0]).index(first["level"])]
    assert joint.steps["seconds"].sum() == pytest.approx(joint.decision.seconds.total)


def test_a_plan_goes_through_a_file(joint: desilo.Solved, tmp_path: Path) -> None:
    joint.write(tmp_path / "plan.json")
    assert desilo.check(joint.instance, tmp_path / "plan.json").profit == desilo.check(joint.instance, joint).profit


def test_what_a_plan_breaks_is_a_table(joint: desilo.Solved) -> None:
    limit = joint.instance.max_order.max()
    order = joint.plan.order.copy()
    order[0, 0] = 10 * limit + 1
    broken = desilo.check(joint.instance, type(joint.plan)(joint.plan.level, order))
    assert not broken.feasible and "max_order" in set(broken.violations["rule"])


def test_wrong_names_are_answered_all_at_once() -> None:
    with pytest.raises(BadInput) as bad:
        desilo.solve("nowhere", "jont", method="monolit")
    assert [str(problem).split(";")[0] for problem in bad.value.problems] == [
        "model: found 'jont'",
        "method: found 'monolit'",
    ]


def test_there_is_no_plan_to_read_where_there_is_none() -> None:
    nothing = desilo.solve(desilo.generate("newsvendor", "S", 1), "clairvoyant")
    with pytest.raises(ValueError, match="there is no plan"):
        _ = nothing.plan


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import desilo, sys, json; print(json.dumps([m for m in ('pandas', 'pyomo', 'highspy') if m in sys.modules]))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(loaded) == []


def test_every_public_name_is_there() -> None:
    assert all(getattr(desilo, name).__doc__ for name in desilo.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'solv'"):
        _ = desilo.solv


def test_the_example_is_true() -> None:
    import desilo.api

    found = doctest.testmod(desilo.api)
    assert found.attempted > 0 and found.failed == 0
