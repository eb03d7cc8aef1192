"""`desilo bench` as it is typed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from desilo.harness.cli import Exit, main
from desilo.harness.cli.run import INTERRUPTED
from desilo.harness.solvers.library.entries import select
from desilo.harness.solvers.running import bench as benching
from desilo.harness.solvers.running.bench import Asked, grid
from desilo.harness.solvers.runs import read_runs

SAYS = """
import json, sys
run = json.loads(sys.stdin.readline())
known = {"optimal": {"objective": 1.0, "bound": 1.0}}.get(WHAT, {})
known["check"] = {"feasible": WHAT != "wrong", "objective": 1.0}
with open(sys.argv[1], "w") as file:
    json.dump({**run, **known, "ending": WHAT, "seconds": {"solve": 1.0}, "gap": 0.5}, file)
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def says(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """Lets a program that says this stand in for every run."""
    monkeypatch.setattr(benching, "COMMAND", (sys.executable, "-c", SAYS.replace("WHAT", repr(ending))))


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", "bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_real_run_through_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "demand-tuna-S", "--out", "bench", "--json", "--time-limit", "30") == Exit.OK
    printed = json.loads(capsys.readouterr().out)
    assert printed["command"] == "desilo bench demand-tuna-S --out bench --json --time-limit 30"
    (totals,) = printed["totals"]
    assert (totals["formulation"], totals["solver"], totals["preset"]) == ("tight", "highs", "default")
    assert (totals["runs"], totals["solved"], totals["wrong"], totals["endings"]) == (1, 1, 0, {})
    (run,) = read_runs(Path("bench"))
    assert run.setting.time_limit == 30 and run.check is not None and run.check.feasible


def test_a_table_says_what_became_of_the_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, "time-limit")
    asked = ("demand-tuna-S", "joint-features-S-1", "--presets", "default,pdlp", "--seeds", "0,1")
    assert command(monkeypatch, *asked) == Exit.OK
    said = capsys.readouterr()
    assert "6 runs, of which 0 are on record" in said.err
    assert "0 of 4" in said.out and "4 time-limit" in said.out and "50.00%" in said.out
    assert "2 combinations left out: pdlp is a method for linear programs" in said.out
    assert len(read_runs(Path("results", "runs", "bench"))) == 6
    assert all(len(line) <= 80 for line in said.out.split("mean:")[0].splitlines())
    assert command(monkeypatch, *asked) == Exit.OK
    assert "6 runs, of which 6 are on record" in capsys.readouterr().err


def test_a_wrong_answer_is_told_by_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, "wrong")
    assert command(monkeypatch, "demand-tuna-S") == Exit.REGRESSION


def test_all_that_is_wrong_with_the_asking_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--formulations tigth --presets ipx --solvers cplex --seeds 1,x --permutations -1 --repeats 0 --gap nan"
    more = "--time-limit 0 --grace -1 --memory-limit 0 --order-seed -1 --jobs 0"
    assert command(monkeypatch, *options.split(), *more.split()) == Exit.BAD_INPUT
    said = capsys.readouterr().err
    for option in (*options.split()[::2], *more.split()[::2]):
        assert f"error: {option}: found" in said
    assert "did you mean 'tight'?" in said and "known: 'highs', 'scip', 'cbc'" in said
    assert not Path("results").exists()


def test_an_unknown_problem_is_bad_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "demand-tuna-X") == Exit.BAD_INPUT
    assert "did you mean 'demand-tuna-" in capsys.readouterr().err


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(benching, "bench", interrupted)
    assert command(monkeypatch, "demand-tuna-S", "--out", "bench") == INTERRUPTED
    assert "what has ended is kept in bench: the same command goes on from there" in capsys.readouterr().err


def test_quick_is_a_bench_of_small_problems_that_can_be_narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asked] = []

    def remembered(what: Asked, *_: object) -> None:
        asked.append(what)
        raise KeyboardInterrupt

    monkeypatch.setattr(benching, "bench", remembered)
    command(monkeypatch, "--quick")
    command(monkeypatch, "--quick", "demand-tuna-S", "--formulations", "plain", "--time-limit", "5")
    assert asked[0] == benching.QUICK
    assert asked[1] == benching.QUICK.model_copy(
        update={"patterns": ("demand-tuna-S",), "formulations": ("plain",), "time_limit": 5.0}
    )
    settings, _ = grid(benching.QUICK, select(benching.QUICK.patterns))
    assert {setting.problem.split("-")[0] for setting in settings} == {"pricing", "demand", "inventory", "joint"}
    assert len(settings) <= 60


def test_the_workflow_for_other_projects_uses_commands_that_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "benchmarks" / "track-solver.yml").read_text(encoding="utf-8")
    used = re.findall(r"^(?:.*run: |# +| +)desilo (\w+)(.*)$", text, re.MULTILINE)
    assert {name for name, _ in used} == {"gate", "bench", "compare"}
    for name, rest in used:
        monkeypatch.setattr(sys, "argv", ["desilo", name, "--help"])
        with pytest.raises(SystemExit):
            main()
        said = capsys.readouterr().out
        assert all(option in said for option in re.findall(r"--[a-z-]+", rest)), (name, rest)
