"""The public names: the same results as the commands, as tables."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_run import write_small_case
from small_runs import bench, write

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
    assert checked.profit_first_come <= checked.profit and 0 < checked.fill_rate <= 1 and checked.average_stock > 0


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
    row = broken.violations.set_index("rule").loc["max_order"]
    assert row["excess"] == pytest.approx(row["found"] - row["limit"]) and "too much" in row["message"]


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


def test_what_changes_between_two_plans_is_a_table(joint: desilo.Solved) -> None:
    before = desilo.solve(joint.instance, "sequential", gap=0)
    found = desilo.compare(before, joint)
    assert found.gain.low == pytest.approx(found.gain.plan) == pytest.approx(joint.objective - before.objective)
    sign = found.breakdown.index.isin(["revenue", "salvage"]) * 2 - 1
    assert (sign * found.breakdown["change"]).sum() == pytest.approx(found.gain.plan)
    assert len(found.prices) == (before.plan.level != joint.plan.level).sum() > 0
    assert (found.orders["after"] - found.orders["before"]).sum() == pytest.approx(
        (joint.plan.order - before.plan.order).sum()
    )
    with pytest.raises(ValueError, match="two problems"):
        desilo.compare(desilo.solve(desilo.generate("newsvendor", "S", 1), "status-quo"), joint)
    with pytest.raises(TypeError, match="a plan and a bench"):
        desilo.compare(joint, "bench")  # type: ignore[call-overload]


def test_a_rule_of_thumb_leaves_nothing_open(joint: desilo.Solved) -> None:
    usual = desilo.solve(joint.instance, "status-quo")
    assert (usual.bound, usual.gap) == (usual.objective, 0)


def test_a_case_is_tables_and_planning_problems() -> None:
    case = desilo.open_case("tuna")
    assert case.sales.notna().all(axis=None) and len(case.sales) == (case.units >= 0).sum()
    assert case.figures.loc["lead_time", "value"] == case.assumptions.lead_time.value
    problem = desilo.picture(case, periods=2, scenarios=3)
    assert problem.demand.shape[1::2] == (2, 3) and problem.name == f"tuna-{case.periods[case.holdout]}"
    with pytest.raises(desilo.BadInput, match="cannot plan from week 0"):
        desilo.picture(case, 0)


def test_a_case_is_no_instance() -> None:
    with pytest.raises(TypeError, match=r"tuna is a case; desilo\.picture"):
        desilo.solve(desilo.open_case("tuna"))  # type: ignore[arg-type]


def test_benches_are_compared_in_a_table(tmp_path: Path) -> None:
    before, after = (write(bench(1, factor=factor), tmp_path / str(factor)) for factor in (1.0, 1.5))
    found = desilo.compare(before, after)
    assert (found.verdict, desilo.compare(before, before).verdict) == ("regression", "no difference")
    assert desilo.compare(before, after, margin=0.9).verdict == "no difference"
    decides = desilo.compare(before, after, metrics=["seconds"]).changes["decides"]
    assert decides[decides].index.to_list() == ["seconds"]
    some = desilo.compare(before, after, only_before=["seed=0"], only_after=["seed=0"])
    assert some.found.pairs < found.found.pairs
    with pytest.raises(BadInput, match="metrics: found 'iteration'; did you mean 'iterations'"):
        desilo.compare(before, after, metrics=["iteration"])
    with pytest.raises(BadInput, match="only_before: no run has a field 'sed'"):
        desilo.compare(before, after, only_before=["sed=0"])
    with pytest.raises(ValueError, match="found a margin of -1"):
        desilo.compare(before, after, margin=-1)
    change = found.changes.loc["iterations"]
    assert 1 < change["low"] < change["ratio"] < change["high"] and change["verdict"] == "regression"


@pytest.mark.parametrize("wrong", [{"periods": 0}, {"scenarios": 0}, {"tightness": 0.0}, {"seed": -1}])
def test_a_planning_problem_has_something_to_plan(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"found .*{next(iter(wrong))}.*expected"):
        desilo.picture(desilo.open_case("tuna"), **wrong)


@pytest.mark.parametrize("wrong", [{"time_limit": 0}, {"jobs": 0}, {"seed": -1}, {"sensitivity": -1}])
def test_a_run_takes_no_limit_for_none(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="above 0 s, 1 job or more, seed 0 or more, 0 starts or more"):
        desilo.run("tuna", out=tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_figures_of_an_array_do_not_flood_a_notebook(joint: desilo.Solved) -> None:
    shown = [desilo.open_case("tuna"), joint.instance, joint, desilo.check(joint.instance, joint)]
    assert [repr(each) for each in shown] == [
        "<Case tuna: 6 items, weeks 1 to 331>",
        "<Instance features-M-2: 6 items, 4 periods, 2 scenarios, 2 shared limits>",
        f"<Solved features-M-2, joint: optimal, expected profit {joint.objective:,.2f}, gap {joint.gap:.4%}>",
        f"<Checked: feasible, profit {joint.objective:,.2f}>",
    ]


def test_a_script_needs_no_protection_from_the_processes_that_it_starts(tmp_path: Path) -> None:
    write_small_case(tmp_path / "case")
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "import desilo\n"
        "from desilo.harness.run import Silent, run\n"
        "from small_run import small_settings\n"
        "print('begun')\n"
        "shop = desilo.generate('newsvendor', 'S', 1)\n"
        "print(desilo.solve(shop, method='decomposition', threads=2, gap=0.01).status)\n"
        "run(small_settings(Path('case'), jobs=2, starts=1, tightness=(1.0,)), Path('run'), Silent())\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\noptimal\n", "")


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import desilo, sys, json; print(json.dumps([m for m in ('pandas', 'pyomo', 'highspy') if m in sys.modules]))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(loaded) == []


def test_every_public_name_is_there() -> None:
    assert all(getattr(desilo, name).__doc__ for name in desilo.__all__)
    assert set(desilo.__all__) <= set(dir(desilo))
    with pytest.raises(AttributeError, match="has no attribute 'solv'"):
        _ = desilo.solv


def test_the_example_is_true() -> None:
    import desilo.api

    found = doctest.testmod(desilo.api)
    assert found.attempted > 0 and found.failed == 0
