"""Other solvers on the exported program. Those whose wheels are not installed are skipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desilo.harness.solvers.library.entries import entries
from desilo.harness.solvers.running import others
from desilo.harness.solvers.running.attempt import attempt
from desilo.harness.solvers.running.bench import ticket, versions_of
from desilo.harness.solvers.running.others import OTHERS
from desilo.harness.solvers.runs import Ending, Run, Setting

HERE: list[Any] = [
    pytest.param(name, marks=pytest.mark.skipif(other.missing, reason=f"{other.wheel} is not installed"))
    for name, other in OTHERS.items()
]


def done(problem: str = "joint-features-S-1", **given: Any) -> Run:
    entry = entries()[problem]
    setting = Setting(problem=problem, digest=entry.digest, **{"time_limit": 20.0, **given})
    return attempt(ticket(setting, entry.family), lambda _: None)


@pytest.mark.parametrize("solver", HERE)
@pytest.mark.parametrize("formulation", ["tight", "plain"])
def test_another_solver_finds_the_same_optimum(solver: str, formulation: str) -> None:
    ours, theirs = (done(solver=name, formulation=formulation, gap=0.0) for name in ("highs", solver))
    assert theirs.ending is Ending.OPTIMAL and theirs.note is None
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)
    assert theirs.check is not None and theirs.check.feasible
    assert theirs.check.objective == pytest.approx(ours.objective, rel=1e-6)
    assert theirs.size == ours.size and theirs.work["nodes"] >= 0 and theirs.seconds["solve"] > 0


@pytest.mark.parametrize("solver", HERE)
def test_its_time_limit_holds_and_its_bound_is_no_lie(solver: str) -> None:
    found = done("joint-substitution-S-1", solver=solver, time_limit=1.0)
    assert found.ending is Ending.TIME_LIMIT and found.seconds["solve"] < 20
    if found.objective is not None and found.bound is not None:
        assert found.bound >= found.objective


@pytest.mark.parametrize("solver", [each for each in HERE if OTHERS[str(each.values[0])].relaxations])
def test_linear_programs_too(solver: str) -> None:
    ours, theirs = (done(formulation="tight-relaxed", solver=name) for name in ("highs", solver))
    assert theirs.ending is Ending.OPTIMAL
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)


@pytest.mark.parametrize("solver", OTHERS)
def test_a_solver_that_is_not_there_says_what_to_install(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(others.OTHERS, solver, replace(OTHERS[solver], wheel="no-such-wheel"))  # type: ignore[index]
    found = done(solver=solver)
    assert found.ending is Ending.REFUSED
    assert (
        found.note == "no-such-wheel is not installed: pip install 'no-such-wheel', or desilo with its extra `solvers`"
    )
    assert "no-such-wheel" not in versions_of(solver)


def test_values_of_cbc_are_read_to_the_last_digit(tmp_path: Path) -> None:
    rows, columns = np.array([1.0, 2.0]), np.array([0.1, 1 / 3, 1e-17])
    path = tmp_path / "saved.bin"
    parts = [np.array([2, 3], dtype=np.int32), np.array([42.0]), rows, rows, columns, -columns]
    path.write_bytes(b"".join(part.tobytes() for part in parts))
    assert np.array_equal(others._saved(path), columns)
