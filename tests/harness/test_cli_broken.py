"""Mistakes on the command line: said in our words with exit status 2, nothing solved, nothing overwritten."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from small_instances import make_instance, make_plan, make_resource

from desilo.cases.generate import generate
from desilo.cases.instance import Activity
from desilo.cases.opening import BUNDLED
from desilo.cases.plan import write_plan
from desilo.cases.writing import write_instance
from desilo.harness.cli import Exit, main
from desilo.harness.cli.solve import EXPORTED, MODELS

ONE = make_instance(np.full((1, 1, 1, 1), 5.0), unit_cost=4)


@pytest.fixture
def desilo(tmp_path, monkeypatch, capfd):
    """Run a `desilo` command beside the instance folder `one`: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    write_instance(ONE, "one")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["desilo", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capfd.readouterr()
        assert not any(words in err for words in ("Traceback", "Input should", "Value error", "validation error"))
        return int(stop.value.code or 0), out, err

    return run


# ---- options

SOLVE, RUN = ("solve", "one", "--model", "joint"), ("run", "tuna")
GENERATE = ("generate", "--family", "features", "--size", "S", "--out", "new")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((*SOLVE, "--gap", "much"), "'--gap': found 'much'; a number is expected"),
        ((*SOLVE, "--threads", "1.5"), "'--threads': found '1.5'; a whole number is expected"),
        ((*SOLVE, "--seed", "9" * 5000), "a whole number is expected"),
        ((*GENERATE, "--seed", "x"), "'--seed': found 'x'; a whole number is expected"),
        ((*GENERATE, "--seed", "1", "--coupling", "nan"), "coupling: found nan"),
        ((*GENERATE, "--seed", "1", "--uncertainty", "1e300"), "uncertainty: found 1e+300; a number from 0 to 1e+06"),
        ((*RUN, "--time-limit", "long"), "'--time-limit': found 'long'; a number is expected"),
        ((*RUN, "--time-limit", "0"), "--time-limit: found 0; a number of seconds from 1 to 1e+06 is expected"),
        ((*RUN, "--time-limit", "nan"), "--time-limit: found nan"),
        ((*RUN, "--jobs", "0"), "--jobs: found 0; a whole number from 1 to 1000 is expected"),
        ((*RUN, "--jobs", "9" * 30), "--jobs: found 999"),
        ((*RUN, "--seed", "-1"), "--seed: found -1; a whole number from 0 to 2147483647 is expected"),
        ((*RUN, "--seed", "9" * 30), "--seed: found 999"),
    ],
)
def test_a_bad_option_is_2(desilo, tmp_path, command, said):
    code, out, err = desilo(*command)
    assert (code, out) == (Exit.BAD_INPUT, "")
    assert said in err
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_every_bad_option_of_a_run_is_named_at_once(desilo):
    code, _, err = desilo(*RUN, "--seed", "-1", "--jobs", "0", "--time-limit", "nan")
    assert code == Exit.BAD_INPUT
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["--seed", "--time-limit", "--jobs"]


# ---- places


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("command", [(*SOLVE, "--out", "pipe.mps"), ("export", "one", "pipe.mps")])
def test_a_device_is_not_replaced_by_a_file(desilo, tmp_path, command):
    os.mkfifo("pipe.mps")
    code, _, err = desilo(*command)
    assert code == Exit.BAD_INPUT
    assert "pipe.mps: cannot be written: it is not a plain file" in err
    assert (tmp_path / "pipe.mps").is_fifo()


@pytest.mark.parametrize("command", [(*SOLVE, "--out", "new/deep/x"), ("export", "one", "new/deep/x.mps")])
def test_a_folder_to_write_into_is_made(desilo, command):
    assert desilo(*command)[0] == Exit.OK
    assert Path(command[-1]).is_file()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("solve", "one/items.csv", "--model", "joint"), "one/items.csv: is not a folder"),
        (("export", "nowhere", "o.mps"), "nowhere: does not exist"),
        (("check", "one", "one"), "one: cannot be read: Is a directory; a solution file is expected"),
        (("check", "one", "nowhere.json"), "nowhere.json: cannot be read: No such file"),
        (("data", "describe", "one/items.csv"), "neither a bundled case nor a folder"),
        (
            ("data", "describe", "tuna", "--out", "one/items.csv/x"),
            "one/items.csv/x/tuna-prices.png: cannot be written",
        ),
        (("run", "one/items.csv"), "neither a bundled case nor a folder"),
        (("run", "tuna", "--out", "one/items.csv"), "one/items.csv: cannot be used for the run"),
        (("run", "tuna", "--out", "one"), "one: holds files, but no run"),
        (("report", "one/items.csv"), "one/items.csv: holds no run.json"),
    ],
)
def test_a_place_that_is_none_is_2(desilo, command, said):
    code, out, err = desilo(*command)
    assert (code, out) == (Exit.BAD_INPUT, "")
    assert said in err


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 2}', "[]"])
def test_a_broken_record_of_a_run_is_2(desilo, text):
    Path("made").mkdir()
    Path("made", "run.json").write_text(text)
    code, out, err = desilo("report", "made")
    assert (code, out) == (Exit.BAD_INPUT, "")
    assert "made: holds a run.json that this version cannot read: " in err


# ---- instances and plans


@pytest.mark.parametrize("model", MODELS)
def test_one_item_one_period_one_level(desilo, model):
    """Five sold at 10, bought at 4."""
    code, out, err = desilo("solve", "one", "--model", model, "--json")
    assert (code, err) == (Exit.OK, "")
    assert json.loads(out)["objective"] == pytest.approx(30)


@pytest.mark.parametrize("model", EXPORTED)
def test_one_item_one_period_one_level_is_exported(desilo, model):
    assert desilo("export", "one", "out.mps", "--model", model)[0] == Exit.OK


@pytest.mark.parametrize("model", MODELS)
def test_a_capacity_that_nothing_keeps_is_4(desilo, model):
    shelf = make_resource({Activity.ORDER: [1]}, capacity=-5, T=1)
    write_instance(make_instance(np.full((1, 1, 1, 1), 5.0), unit_cost=4, resources=(shelf,)), "full")
    code, _, err = desilo("solve", "full", "--model", model, "--json")
    assert code == Exit.INFEASIBLE
    assert "no plan keeps every limit" in err


@pytest.mark.parametrize("name", ["=SUM(A1)", "sœap, ☃", "[red]soap[/]", 'so"ap'])
def test_any_item_name_is_solved_checked_and_exported(desilo, name):
    instance = make_instance(np.full((1, 2, 1, 1), 5.0), unit_cost=4, max_order=3, items=(name,), groups=(name,))
    write_instance(instance, "named")
    assert desilo("solve", "named", "--model", "joint", "--out", "plan.json")[0] == Exit.OK
    assert desilo("check", "named", "plan.json")[0] == Exit.OK
    assert desilo("export", "named", "out.mps")[0] == Exit.OK
    write_plan(instance, make_plan([[4, 0]]), "plan.json")
    code, out, _ = desilo("check", "named", "plan.json")
    assert code == Exit.INFEASIBLE
    assert f"item {name}, period 1: ordered 4, the largest order is 3" in out


@pytest.mark.parametrize("quantity", ["1e300", "NaN", "Infinity", "-1e300", "-5"])
def test_an_impossible_quantity_is_2(desilo, quantity):
    """Not a solver that gives up, nor a plan that is merely infeasible."""
    write_plan(ONE, make_plan([[5]]), "plan.json")
    text = Path("plan.json").read_text()
    assert desilo("check", "one", "plan.json")[0] == Exit.OK
    Path("plan.json").write_text(text.replace("5.0", quantity))
    code, out, err = desilo("check", "one", "plan.json", "--json")
    assert (code, out) == (Exit.BAD_INPUT, "")
    assert "plan.json, column orders[0].quantity: found " in err
    assert "a number of units from 0 to 1e+15 is expected" in err


def test_the_largest_quantity_is_only_infeasible_where_a_limit_says_so(desilo):
    instance = generate("features", "S", 1)
    write_instance(instance, "small")
    order = np.zeros(instance.unit_cost.shape)
    order[:, 0] = 1e15
    write_plan(instance, make_plan(order), "plan.json")
    code, out, err = desilo("check", "small", "plan.json", "--json")
    assert (code, err) == (Exit.INFEASIBLE, "")
    assert json.loads(out)["violations"]


# ---- cases


def test_a_lead_time_that_a_run_has_no_room_for_is_2(desilo):
    """The case itself plans longer ahead, so it is no fault of the case."""
    Path("shop").mkdir()
    for path in (BUNDLED / "tuna").iterdir():
        if path.suffix in {".toml", ".csv"}:
            text = path.read_text()
            if path.name == "assumptions.toml":
                text = text.replace("[lead_time]\nvalue = 1\n", "[lead_time]\nvalue = 4\n")
                assert "value = 4\n" in text
            Path("shop", path.name).write_text(text)
    code, _, err = desilo("run", "shop", "--quick", "--out", "made")
    assert code == Exit.BAD_INPUT
    assert "lead_time 4 in assumptions.toml leaves nothing ordered to be sold" in err
    assert not Path("made").exists()
