"""`desilo solve` and `export`: every exit status, strict JSON, profits the checker and other solvers agree with."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import highspy
import numpy as np
import pytest
from small_instances import make_instance
from typer.main import get_command

from desilo.cases.generate import generate
from desilo.cases.instance import ServiceTarget
from desilo.cases.plan import read_plan
from desilo.cases.writing import write_instance
from desilo.formulations.models import pricing_model
from desilo.harness.check import check
from desilo.harness.cli import Exit, application, main
from desilo.harness.cli.solve import EXPORTED, FORMULATIONS, MODELS
from desilo.operating import deciding
from desilo.operating.decision import Decision, OperatingModel
from desilo.solving import Options, Stop, solve

PLANS = [model for model in MODELS if model != "clairvoyant"]
SMALL = generate("features", "S", 1)


@pytest.fixture
def desilo(tmp_path, monkeypatch, capfd):
    """Run a `desilo` command beside the instance folder `small`: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    write_instance(SMALL, "small")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["desilo", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return int(stop.value.code or 0), out, err

    return run


def strict(text: str) -> dict:
    """One JSON object without nan and infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads(text, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def stub(monkeypatch, **facts) -> None:
    """Let `decide` come to this instead."""
    decision = Decision(**{"model": "joint", "stop": Stop.OPTIMAL, "plan": None, "objective": math.nan} | facts)
    monkeypatch.setattr(deciding, "decide", lambda *_: decision)


# ---- plans


@pytest.mark.parametrize("model", PLANS)
def test_the_checker_earns_what_solve_says(desilo, model):
    code, out, err = desilo("solve", "small", "--model", model, "--gap", "0", "--json", "--out", "plan.json")
    solved = strict(out)
    assert (code, err, solved["status"]) == (0, "", "optimal")
    assert {"bound", "gap", "seconds", "solver", "steps"} <= solved.keys()
    assert solved["gap"] <= 1e-6
    code, out, _ = desilo("check", "small", "plan.json", "--json")
    checked = strict(out)
    assert (code, checked["feasible"]) == (0, True)
    assert solved["objective"] == pytest.approx(checked["profit"], rel=1e-7)
    plan = json.loads(Path("plan.json").read_text())
    assert (solved["levels"], solved["orders"]) == (plan["levels"], plan["orders"])


@pytest.mark.parametrize("seed", range(2, 6))
def test_joint_is_best_on_random_features(desilo, seed):
    instance = generate("features", "S", seed)
    write_instance(instance, "random")
    earned = {}
    for model in ("status-quo", "isolated", "sequential", "joint"):
        code, out, _ = desilo("solve", "random", "--model", model, "--gap", "0", "--json", "--out", "plan.json")
        if code == Exit.INFEASIBLE:
            assert model != "joint"
            continue
        earned[model] = strict(out)["objective"]
        checked = check(instance, read_plan(instance, "plan.json"))
        assert checked.feasible
        assert earned[model] == pytest.approx(checked.profit, rel=1e-7, abs=1e-6)
    assert max(earned.values()) <= earned["joint"] + 1e-6 * abs(earned["joint"])
    _, out, _ = desilo("solve", "random", "--model", "clairvoyant", "--gap", "0", "--json")
    assert strict(out)["bound"] >= earned["joint"] - 1e-6 * abs(earned["joint"])


def test_all_formulations_earn_the_same(desilo):
    tight, *others = (
        strict(desilo("solve", "small", "--model", "joint", "--gap", "0", "--json", "--formulation", name)[1])
        for name in FORMULATIONS
    )
    assert [tight["formulation"], *(other["formulation"] for other in others)] == list(FORMULATIONS)
    assert [other["objective"] for other in others] == pytest.approx([tight["objective"]] * len(others), rel=1e-7)


def test_people_get_profit_bound_and_steps(desilo):
    code, out, err = desilo("solve", "small", "--model", "joint")
    assert (code, err) == (0, "")
    assert out.startswith("features-S-1, joint: optimal\nexpected profit  503.86\nbound            503.86, gap 0.0000%")
    assert "HiGHS" in out


def test_the_log_leaves_standard_output_to_the_result(desilo):
    code, out, err = desilo("solve", "small", "--model", "inventory-only", "--json", "--log")
    assert code == 0
    strict(out)
    assert "Running HiGHS" in err


# ---- exit statuses


def test_infeasible_is_4_with_nothing_written(desilo):
    served = make_instance(
        np.full((1, 2, 1, 1), 5.0), max_order=1.0, service=(ServiceTarget("all", np.array([0]), 1.0),)
    )
    write_instance(served, "served")
    code, out, err = desilo("solve", "served", "--model", "joint", "--json", "--out", "plan.json")
    found = strict(out)
    assert (code, found["status"]) == (4, "infeasible")
    assert [found[name] for name in ("objective", "bound", "gap", "levels", "orders")] == [None] * 5
    assert "infeasible" in err
    assert "plan.json is not written" in err


def test_unbounded_is_1_and_says_why(desilo):
    write_instance(make_instance(np.full((1, 2, 1, 1), 5.0), unit_cost=1.0, salvage_value=2.0), "free")
    code, out, err = desilo("solve", "free", "--model", "inventory-only", "--json")
    assert (code, strict(out)["status"]) == (1, "unbounded")
    assert "earns without limit" in err


@pytest.mark.parametrize("stop", [Stop.TIME_LIMIT, Stop.INTERRUPTED, Stop.OTHER_LIMIT])
def test_a_limit_is_3_with_a_plan_and_1_without(desilo, monkeypatch, stop):
    plan = deciding.decide(OperatingModel.STATUS_QUO, deciding.Pictures.same(SMALL)).plan
    stub(monkeypatch, stop=stop, plan=plan, objective=100.0, bound=110.0)
    code, out, err = desilo("solve", "small", "--model", "joint", "--json", "--out", "plan.json")
    found = strict(out)
    assert (code, found["status"], found["gap"]) == (3, stop.value, pytest.approx(0.1))
    assert stop.value in err
    assert np.array_equal(read_plan(SMALL, "plan.json").level, plan.level)

    stub(monkeypatch, stop=stop, bound=math.inf)
    code, out, err = desilo("solve", "small", "--model", "joint", "--json")
    found = strict(out)
    assert (code, found["objective"], found["bound"], found["gap"]) == (1, None, None, None)
    assert "no plan" in err


def test_plans_put_together_after_a_limit_have_no_bound(desilo, monkeypatch):
    plan = deciding.decide(OperatingModel.STATUS_QUO, deciding.Pictures.same(SMALL)).plan
    stub(monkeypatch, stop=Stop.TIME_LIMIT, plan=plan, objective=100.0, bound=math.nan)
    code, out, _ = desilo("solve", "small", "--model", "isolated", "--json")
    found = strict(out)
    assert (code, found["objective"], found["bound"], found["gap"]) == (3, 100.0, None, None)


def test_ctrl_c_before_there_is_a_plan_is_1(desilo, monkeypatch):
    def interrupted(*_) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deciding, "decide", interrupted)
    assert desilo("solve", "small", "--model", "joint") == (1, "", "interrupted before there was a plan\n")


def test_anything_else_is_1_without_a_traceback(desilo, monkeypatch):
    def broken(*_) -> None:
        raise ValueError("out of luck")

    monkeypatch.setattr(deciding, "decide", broken)
    code, out, err = desilo("solve", "small", "--model", "joint")
    assert (code, out) == (1, "")
    assert "out of luck" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "jont"], "did you mean 'joint'?"),
        (["--model", "joint", "--method", "magic"], "--method: found 'magic'"),
        (["--model", "coordinated", "--strength", "mild"], "--strength: found 'mild'"),
        (["--model", "joint", "--gap", "-1"], "--gap: found -1; a number of 0 or more"),
        (["--model", "joint", "--gap", "nan"], "--gap: found nan"),
        (["--model", "joint", "--gap", "inf"], "--gap: found inf"),
        (["--model", "joint", "--time-limit", "0"], "--time-limit: found 0; a number of seconds above 0"),
        (["--model", "joint", "--time-limit", "nan"], "--time-limit: found nan"),
        (["--model", "joint", "--threads", "0"], "--threads: found 0"),
        (["--model", "joint", "--threads", "10000000000"], "--threads: found 10000000000"),
        (["--model", "joint", "--seed", "-1"], "--seed: found -1"),
        (["--model", "joint", "--formulation", "loose"], "--formulation: found 'loose'"),
        (["--model", "clairvoyant", "--out", "plan.json"], "a bound, not a plan"),
        (["--model", "joint", "--out", "small"], "small: cannot be written: it is a folder"),
        (["--model", "joint", "--out", "small/items.csv/plan.json"], "cannot be written"),
        (["--model", "joint", "--gap", "much"], "--gap"),
        (["--model", "joint", "--speed", "much"], "--speed"),
        ([], "--model"),
    ],
)
def test_bad_options_are_2_before_anything_is_solved(desilo, monkeypatch, options, said):
    monkeypatch.setattr(deciding, "decide", lambda *_: pytest.fail("solved"))
    code, out, err = desilo("solve", "small", *options, "--json")
    assert (code, out) == (2, "")
    assert said in err


def test_every_bad_option_is_named_at_once(desilo):
    code, _, err = desilo("solve", "small", "--model", "best", "--gap", "-1", "--threads", "0", "--seed", "-1")
    assert code == 2
    assert len(err.splitlines()) == 4


def test_a_broken_instance_is_2_and_says_where(desilo):
    with Path("small", "prices.csv").open("a") as table:
        table.write("ghost,low,1.0,0,0\n")
    for command in (("solve", "small", "--model", "joint", "--json"), ("export", "small", "out.mps")):
        code, out, err = desilo(*command)
        assert (code, out) == (2, "")
        assert "prices.csv, row" in err
        assert "ghost" in err
    shutil.rmtree("small")
    code, _, err = desilo("solve", "small", "--model", "joint")
    assert code == 2
    assert "does not exist" in err


def test_clairvoyant_is_a_bound_without_levels_and_orders(desilo):
    code, out, _ = desilo("solve", "small", "--model", "clairvoyant", "--gap", "0", "--json")
    found = strict(out)
    assert (code, found["levels"], found["orders"]) == (0, None, None)
    assert found["bound"] == pytest.approx(found["objective"], rel=1e-6)


# ---- export


def another_solver(path: str) -> float:
    """The optimum of an MPS file, found by a HiGHS that knows nothing of desilo."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("mip_rel_gap", 0.0)
    assert highs.readModel(path) == highspy.HighsStatus.kOk
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return highs.getInfo().objective_function_value


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("model", EXPORTED)
def test_another_solver_finds_the_same_optimum(desilo, model, formulation):
    code, out, _ = desilo("export", "small", "--model", model, "--formulation", formulation, "out.mps")
    assert code == 0
    assert out.startswith(f"features-S-1, {model}, {formulation}: ")
    expected = (
        solve(pricing_model(SMALL).model, Options(gap=0)).objective
        if model == "pricing-only"
        else strict(desilo("solve", "small", "--model", model, "--gap", "0", "--json")[1])["objective"]
    )
    assert another_solver("out.mps") == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["out.mps", "--model", "isolated"], "isolated is not one mathematical program"),
        (["out.mps", "--model", "coordinated"], "coordinated is not one mathematical program"),
        (["out.mps", "--model", "joined"], "--model: found 'joined'"),
        (["out.lp"], "ends in .mps"),
        (["small/items.csv/out.mps"], "cannot be written"),
    ],
)
def test_bad_exports_are_2_with_nothing_written(desilo, tmp_path, options, said):
    code, out, err = desilo("export", "small", *options)
    assert (code, out) == (2, "")
    assert said in err
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


# ---- the application


def test_every_operating_model_has_its_place():
    assert MODELS.keys() == {model.value for model in OperatingModel}
    assert EXPORTED.keys() <= MODELS.keys()


def test_every_option_has_help():
    def commands(group):
        for command in group.commands.values():
            yield from commands(command) if hasattr(command, "commands") else [command]

    silent = [
        f"{command.name} {parameter.name}"
        for command in commands(get_command(application()))
        for parameter in command.params
        if not parameter.help
    ]
    assert silent == []


def test_version_and_completion(desilo, monkeypatch):
    code, out, _ = desilo("--version")
    assert code == 0
    assert out.startswith("desilo ")
    monkeypatch.setenv("_DESILO_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "desilo solve small --model jo")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert desilo()[1].split() == ["joint"]
