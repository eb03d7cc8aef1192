"""The door to HiGHS: what comes back, what goes in, what is refused."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.cases.generate import generate
from desilo.formulations.models import joint_model
from desilo.solving import Options, Stop, relative_gap, solve, translate, write_mps
from desilo.solving.highs import run


def knapsack(sense: int = pyo.maximize, sign: int = 1) -> Any:
    """Best 2 of 3 + 5 within weight 5, values 4, 3, 2 with weights 4, 3, 2: optimum 5 (items 2 and 3), constant 1."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(3), domain=pyo.Binary)
    weight, value = (4, 3, 2), (4, 3, 2)
    m.limit = pyo.Constraint(expr=sum(weight[i] * m.x[i] for i in range(3)) <= 5.5)
    m.value = pyo.Objective(expr=sign * (1 + sum(value[i] * m.x[i] for i in range(3))), sense=sense)
    return m


def hard_knapsack() -> Any:
    """One hundred items in eight knapsacks at once: plans by the second, no proof for hours."""
    rng = np.random.default_rng(0)
    weight = rng.integers(100, 1000, (8, 100))
    value = weight.sum(axis=0) / 8 + rng.integers(0, 200, 100)
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(100), domain=pyo.Binary)
    m.limits = pyo.Constraint(
        range(8), rule=lambda m, k: sum(int(weight[k, i]) * m.x[i] for i in m.x) <= int(weight[k].sum()) // 2
    )
    m.value = pyo.Objective(expr=sum(float(value[i]) * m.x[i] for i in m.x), sense=pyo.maximize)
    return m


# ---- statuses and bounds


@pytest.mark.parametrize(("sense", "sign"), [(pyo.maximize, 1), (pyo.minimize, -1)])
def test_optimal(sense: int, sign: int) -> None:
    outcome = solve(knapsack(sense, sign), Options(gap=0))
    assert (outcome.stop, outcome.feasible, outcome.sense) == (Stop.OPTIMAL, True, -sign)
    assert outcome.objective == pytest.approx(sign * 6)
    assert outcome.bound == pytest.approx(sign * 6)
    assert outcome.gap == pytest.approx(0, abs=1e-9)
    assert (outcome.size.rows, outcome.size.columns, outcome.size.integers, outcome.size.nonzeros) == (1, 3, 3, 3)


def test_solution_is_loaded_only_if_there_is_one() -> None:
    m = knapsack()
    solve(m, Options(gap=0))
    assert [round(m.x[i].value) for i in range(3)] == [0, 1, 1]
    m.more = pyo.Constraint(expr=m.x[0] + m.x[1] == 2)
    outcome = solve(m)
    assert (outcome.stop, outcome.feasible) == (Stop.INFEASIBLE, False)
    assert math.isnan(outcome.objective)
    assert outcome.bound == -math.inf  # nothing exceeds it when maximising
    assert [round(m.x[i].value) for i in range(3)] == [0, 1, 1]


def test_infeasible_when_minimising_is_bounded_by_infinity() -> None:
    m = knapsack(pyo.minimize, -1)
    m.more = pyo.Constraint(expr=m.x[0] + m.x[1] == 2)
    assert solve(m).bound == math.inf


@pytest.mark.parametrize("domain", [pyo.Reals, pyo.Integers])
def test_unbounded_and_infeasible_are_told_apart(domain: Any) -> None:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(2), domain=domain, bounds=(0, None))
    m.z = pyo.Var(domain=pyo.Binary)
    m.row = pyo.Constraint(expr=m.x[0] - m.x[1] + m.z == 1)
    m.gain = pyo.Objective(expr=m.x[0] + m.x[1], sense=pyo.maximize)
    outcome = solve(m)
    assert (outcome.stop, outcome.feasible, outcome.bound) == (Stop.UNBOUNDED, False, math.inf)
    m.impossible = pyo.Constraint(expr=m.x[0] + m.x[1] <= -1)
    assert solve(m).stop is Stop.INFEASIBLE


def test_time_limit_with_and_without_a_solution() -> None:
    model = joint_model(generate("retail", "S", 1)).model
    nothing = solve(model, Options(time_limit=1e-3, gap=0))
    assert (nothing.stop, nothing.feasible) == (Stop.TIME_LIMIT, False)
    assert math.isnan(nothing.objective) and nothing.bound == math.inf and nothing.gap == math.inf
    something = solve(hard_knapsack(), Options(time_limit=0.5, gap=0))
    assert (something.stop, something.feasible) == (Stop.TIME_LIMIT, True)
    assert something.bound > something.objective
    assert 0 < something.gap < math.inf


def test_a_relaxation_bounds_the_program() -> None:
    relaxed = solve(knapsack(), relax=True)
    assert relaxed.objective == pytest.approx(1 + 5.5)
    assert relaxed.size.integers == 0


def test_linear_program_without_integers_is_its_own_bound() -> None:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 3))
    m.gain = pyo.Objective(expr=2 * m.x + 1, sense=pyo.maximize)
    outcome = solve(m)
    assert (outcome.objective, outcome.bound, outcome.nodes) == (7, 7, 0)


@pytest.mark.parametrize(
    ("objective", "bound", "gap"),
    [
        (100, 101, 0.01),
        (-100, -99, 0.01),
        (0, 0, 0),
        (0, 1, math.inf),
        (math.nan, 1, math.inf),
        (1, math.inf, math.inf),
    ],
)
def test_relative_gap(objective: float, bound: float, gap: float) -> None:
    assert relative_gap(objective, bound) == pytest.approx(gap)


# ---- what goes in


def test_warm_start_is_the_incumbent_when_time_is_too_short_for_another() -> None:
    m = hard_knapsack()
    good = solve(m, Options(time_limit=1.5, gap=0))
    hasty = Options(time_limit=0.05, gap=0)
    assert solve(m, hasty, warm=True).objective >= good.objective - 1e-6 > solve(hard_knapsack(), hasty).objective


def test_partial_warm_start_is_completed() -> None:
    m = knapsack()
    m.x[1].set_value(1)
    assert solve(m, Options(gap=0), warm=True).objective == pytest.approx(6)


@pytest.mark.parametrize("wrong", [{"time_limit": 0}, {"gap": -1e-3}, {"threads": 0}, {"seed": -1}])
def test_senseless_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", "[_ ]")):
        Options(**wrong)


def test_options_that_highs_does_not_know_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="solver = magic"):
        solve(knapsack(), Options(root="magic"))


def test_models_that_are_not_linear_programs_are_refused() -> None:
    m = knapsack()
    m.square = pyo.Constraint(expr=m.x[0] * m.x[1] <= 1)
    with pytest.raises(ValueError, match="square"):
        solve(m)
    m = knapsack()
    m.value.deactivate()
    with pytest.raises(ValueError):
        solve(m)


def test_the_version_that_returns_wrong_optima_is_excluded() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    (highs,) = [line for line in pyproject["project"]["dependencies"] if line.startswith("highspy")]
    assert "!=1.14.0" in highs
    assert highspy.Highs().version() != "1.14.0"


# ---- Ctrl-C


def test_ctrl_c_returns_the_incumbent() -> None:
    code = """
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
        sys.path.insert(0, {folder!r})
        from test_solving import hard_knapsack
        from desilo.solving import Options, solve
        model = hard_knapsack()
        print("solving", flush=True)
        outcome = solve(model, Options(gap=0, time_limit=60))
        print(outcome.stop.value, outcome.feasible, outcome.bound >= outcome.objective)
    """
    script = textwrap.dedent(code).format(folder=str(Path(__file__).parent))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "solving\n"
    try:
        process.wait(timeout=1.5)  # let it find a solution
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out.split() == ["interrupted", "True", "True"]


def test_ctrl_c_is_heard_though_highs_ends_before_it_looks_up() -> None:
    waits = (KeyboardInterrupt, (False, None), (True, None))
    highs = Mock(**{"wait.side_effect": waits, "getModelStatus.return_value": highspy.HighsModelStatus.kOptimal})
    assert run(highs) == highspy.HighsModelStatus.kInterrupt


# ---- translation


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_translation_agrees_with_pyomo(seed: int) -> None:
    """Objective and constraint bodies at a random point, bounds and integrality, whatever the model looks like."""
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(1, 6)), int(rng.integers(0, 6))
    m = pyo.ConcreteModel()
    domains = [pyo.Reals, pyo.NonNegativeReals, pyo.Binary, pyo.Integers]
    m.x = pyo.Var(range(n), domain=lambda m, i: domains[rng.integers(4)])
    for i in range(n):
        if rng.random() < 0.3:
            m.x[i].setub(float(rng.integers(1, 9)))
        m.x[i].set_value(float(rng.integers(0, 2)))
        if n > 1 and i and rng.random() < 0.2:
            m.x[i].fix()

    m.x[n - 1].unfix()

    def expression() -> Any:
        """Repeated terms, constants and zero coefficients included; never a constant."""
        picked = rng.integers(0, n, 4)
        return sum(float(rng.integers(-3, 4)) * m.x[i] for i in picked) + float(rng.integers(-5, 6)) + 20 * m.x[n - 1]

    m.rows = pyo.ConstraintList()
    for _ in range(rows):
        body, kind = expression(), rng.integers(4)
        low, high = -float(rng.integers(30, 40)), float(rng.integers(30, 40))
        m.rows.add([body <= high, body >= low, body == high, (low, body, high)][kind])
    m.goal = pyo.Objective(expr=expression(), sense=rng.choice([pyo.minimize, pyo.maximize]))
    program = translate(m)
    point = np.array([variable.value for variable in program.variables])
    assert program.sense == m.goal.sense
    assert program.cost @ point + program.offset == pytest.approx(pyo.value(m.goal))
    activity = program.matrix @ point
    slack: dict[str, tuple[float, float]] = {}
    for k, row in enumerate(program.row_names()):
        below, above = slack.get(row, (math.inf, math.inf))  # a row with two bounds may have become two
        slack[row] = min(below, activity[k] - program.row_lower[k]), min(above, program.row_upper[k] - activity[k])
    assert len(slack) == rows
    for row in m.rows.values():
        expected = (math.inf if row.lower is None else row.lslack(), math.inf if row.upper is None else row.uslack())
        assert slack[row.name] == pytest.approx(expected)
    for k, variable in enumerate(program.variables):
        low, high = variable.bounds
        assert program.lower[k] == (-math.inf if low is None else low)
        assert program.upper[k] == (math.inf if high is None else high)
        assert program.integer[k] == (not variable.is_continuous())
        assert not variable.fixed


def test_exported_file_says_the_same_and_has_names(tmp_path: Path) -> None:
    instance = generate("features", "S", 5)
    model = joint_model(instance).model
    path = tmp_path / "joint.mps"
    size = write_mps(model, path)
    assert list(tmp_path.iterdir()) == [path]
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("mip_rel_gap", 0.0)
    assert highs.readModel(str(path)) == highspy.HighsStatus.kOk
    highs.run()
    expected = solve(model, replace(Options(), gap=0.0))
    assert (highs.getNumRow(), highs.getNumCol()) == (size.rows, size.columns)
    assert highs.getInfo().objective_function_value == pytest.approx(expected.objective, rel=1e-7)
    names = highs.getLp().col_names_
    assert len(set(names)) == size.columns
    assert any(name.startswith("pricing.y[") for name in names)
    assert any(name.startswith("inventory.I1_stock[") for name in highs.getLp().row_names_)
