"""`desilo check`: tables for people, one JSON object for programs, exit codes for both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_instances import make_instance, make_plan, make_resource

from desilo.cases.instance import Activity
from desilo.cases.plan import Plan, write_plan
from desilo.cases.writing import write_instance
from desilo.harness.check import check
from desilo.harness.cli import main

INSTANCE = make_instance(
    np.reshape([6.0, 2, 10, 3], (1, 2, 1, 2)),
    unit_cost=4,
    order_cost=7,
    holding_cost=1,
    initial_stock=4,
    currency="EUR",
    resources=(make_resource({Activity.ORDER: [1]}, capacity=5, T=2),),
)


@pytest.fixture
def desilo_check(tmp_path, monkeypatch, capsys):
    """Run `desilo check` on a plan for `INSTANCE`: exit code, stdout, stderr."""
    write_instance(INSTANCE, tmp_path / "small")

    def run(plan: Plan | str, *options: str) -> tuple[int, str, str]:
        solution = Path(tmp_path, "solution.json")
        if isinstance(plan, Plan):
            write_plan(INSTANCE, plan, solution)
        else:
            solution.write_text(plan)
        monkeypatch.setattr("sys.argv", ["desilo", "check", str(tmp_path / "small"), str(solution), *options])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return run


def test_json_is_one_object_with_everything(desilo_check):
    plan = make_plan([[5, 2]])
    code, out, err = desilo_check(plan, "--json")
    found, expected = json.loads(out), check(INSTANCE, plan)
    assert (code, err) == (0, "")
    assert found["feasible"] is True
    assert found["violations"] == []
    assert found["instance"] == "small"
    for name in ("profit", "profit_first_come", "breakdown", "fill_rate", "average_stock"):
        assert found[name] == pytest.approx(getattr(expected, name))


def test_infeasible_plan_exits_4_and_names_the_violation(desilo_check):
    code, out, _ = desilo_check(make_plan([[8, 0]]), "--json")
    found = json.loads(out)
    assert code == 4
    assert found["feasible"] is False
    (broken,) = found["violations"]
    assert (broken["rule"], broken["name"], broken["period"], broken["scenario"]) == ("resource", "shelf", 1, None)
    assert (broken["found"], broken["limit"], broken["excess"]) == (8, 5, 3)
    assert broken["message"] == "resource shelf, period 1: uses 8, capacity 5, 3 too much"


def test_people_get_a_table(desilo_check):
    code, out, _ = desilo_check(make_plan([[5, 2]]))
    assert code == 0
    assert "small: feasible" in out
    assert "EUR" in out
    expected = check(INSTANCE, make_plan([[5, 2]]))
    assert f"{expected.profit:,.2f}" in out
    assert f"{-expected.breakdown['purchase']:,.2f}" in out


def test_people_see_what_is_broken(desilo_check):
    code, out, _ = desilo_check(make_plan([[8, 9]]))
    assert code == 4
    assert "INFEASIBLE" in out
    assert "2 rules broken" in out
    assert "resource shelf, period 2: uses 9, capacity 5, 4 too much" in out


@pytest.mark.parametrize("solution", ["{", '{"instance": "small", "levels": [], "orders": []}'])
def test_bad_input_exits_2_without_a_traceback(desilo_check, solution):
    code, out, err = desilo_check(solution, "--json")
    assert code == 2
    assert out == ""
    assert "solution.json" in err
    assert "Traceback" not in err
