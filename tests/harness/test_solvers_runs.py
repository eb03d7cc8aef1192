"""The record of a run, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desilo.cases.errors import BadInput
from desilo.harness.solvers.runs import RUNS, Check, Ending, Run, Setting, read_runs


def run(problem: str = "lot-sizing-S-1", objective: float | None = 12.5) -> Run:
    return Run(
        key=problem.rjust(64, "0"),
        setting=Setting(problem=problem, digest="a" * 64),
        family="inventory",
        versions={"highspy": "1.11.0"},
        machine={"cores": 2},
        ending=Ending.OPTIMAL,
        objective=objective,
        seconds={"solve": 0.25},
        work={"nodes": 1},
        check=Check(feasible=True, objective=objective),
    )


def written(folder: Path, *runs: Run) -> Path:
    path = folder / RUNS
    path.write_text("".join(f"{each.model_dump_json()}\n" for each in runs), encoding="utf-8")
    return path


@given(st.floats())
def test_a_run_is_read_as_it_was_written_and_what_is_not_finite_is_not_known(objective: float) -> None:
    once = run(objective=objective)
    again = Run.model_validate_json(once.model_dump_json())
    assert again == once
    assert (once.objective is None) == (objective in (float("inf"), -float("inf")) or objective != objective)


def test_runs_are_read_from_their_folder_or_file_in_order(tmp_path: Path) -> None:
    runs = [run("b"), run("a")]
    path = written(tmp_path, *runs)
    assert read_runs(tmp_path) == read_runs(path) == runs


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, run("a"), run("b"))
    whole = path.read_bytes()
    for cut in (1, 40, len(whole) // 2 - 1):
        path.write_bytes(whole[:-cut])
        assert [each.setting.problem for each in read_runs(tmp_path)] == ["a"]


def test_every_broken_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, run("a"), run("b"), run("c"))
    first, second, third = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([first[:-9], second, third.replace('"optimal"', '"fine"'), ""]), encoding="utf-8")
    with pytest.raises(BadInput) as raised:
        read_runs(tmp_path)
    said = [str(problem) for problem in raised.value.problems]
    assert len(said) == 2
    assert f"{path}, row 1: is no run" in said[0]
    assert f"{path}, row 3, column ending: is no run: found 'fine'; 'optimal', " in said[1]


def test_where_there_are_no_runs_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a folder made by `desilo bench`"):
        read_runs(tmp_path)
