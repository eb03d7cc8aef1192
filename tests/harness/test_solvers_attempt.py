"""What happens inside the process of a run, on the smallest problems of the library."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy
import pytest

from desilo.harness.solvers.library.entries import entries
from desilo.harness.solvers.running import by_highs
from desilo.harness.solvers.running.attempt import attempt
from desilo.harness.solvers.running.bench import ticket
from desilo.harness.solvers.running.presets import PRESETS, Preset
from desilo.harness.solvers.runs import DECOMPOSITION, Ending, Run, Setting

PROBLEM = "joint-features-S-1"


def asked(problem: str = PROBLEM, **given: Any) -> Run:
    entry = entries()[problem]
    setting = Setting(problem=problem, digest=entry.digest, **{"time_limit": 20.0, **given})
    return ticket(setting, entry.family)


def done(problem: str = PROBLEM, **given: Any) -> Run:
    return attempt(asked(problem, **given), lambda _: None)


def test_a_run_knows_all_that_there_is_to_know() -> None:
    found = done(gap=0.0)
    assert found.ending is Ending.OPTIMAL and found.note is None
    assert found.objective == pytest.approx(found.bound) and found.gap == pytest.approx(0, abs=1e-9)
    assert found.check is not None and found.check.feasible
    assert found.check.objective == pytest.approx(found.objective)
    assert list(found.seconds) == ["prepare", "build", "translate", "load", "solve", "check"]
    assert found.size["rows"] > 0 and found.size["integers"] > 0
    assert set(found.work) == {"simplex", "ipm", "crossover", "pdlp", "nodes", "presolved"}
    assert found.work["simplex"] > 0
    said = {name for name in dir(highspy.HighsInfo()) if not name.startswith("_")}
    assert set(found.info) == said
    assert found.info["simplex_iteration_count"] == found.work["simplex"]
    assert found.primal_dual_integral is not None and 0 < found.primal_dual_integral <= found.seconds["solve"]
    assert found.peak_memory is not None and 50 < found.peak_memory < 2000
    assert found.processor_seconds is not None and found.processor_seconds > 0
    assert (found.key, found.setting) == (asked(gap=0.0).key, asked(gap=0.0).setting)


def test_the_same_run_does_the_same_work() -> None:
    once, again = done(), done()
    assert (once.work, once.objective, once.bound) == (again.work, again.objective, again.bound)


def test_what_presolve_leaves_is_known() -> None:
    left, untouched = done().work["presolved"], done(preset="no-presolve")
    assert 0 < left < untouched.work["presolved"] == untouched.size["nonzeros"]


@pytest.mark.parametrize(
    "given",
    [
        {"formulation": "plain"},
        {"formulation": "pairs"},
        {"formulation": DECOMPOSITION},
        {"preset": "no-presolve"},
        {"preset": "threads-2"},
        {"seed": 3},
        {"permutation": 2},
    ],
    ids=str,
)
def test_however_it_is_solved_the_optimum_is_the_same(given: dict[str, Any]) -> None:
    found, expected = done(gap=0.0, **given), done(gap=0.0)
    assert found.ending is Ending.OPTIMAL and found.check is not None and found.check.feasible
    assert found.objective == pytest.approx(expected.objective, rel=1e-6)


def test_a_relaxation_bounds_the_program_and_has_no_solution_to_check() -> None:
    whole, relaxed = done(gap=0.0), done(formulation="tight-relaxed", preset="simplex")
    assert relaxed.ending is Ending.OPTIMAL and relaxed.check is None and relaxed.size["integers"] == 0
    assert relaxed.objective is not None and whole.objective is not None
    assert relaxed.objective >= whole.objective - 1e-6
    assert relaxed.primal_dual_integral is None


@pytest.mark.parametrize(("preset", "work"), [("simplex", "simplex"), ("ipm", "ipm"), ("pdlp", "pdlp")])
def test_a_preset_chooses_the_method_of_a_linear_program(preset: str, work: str) -> None:
    found = done("demand-tuna-S", preset=preset)
    assert found.ending is Ending.OPTIMAL and found.work[work] > 0
    assert found.sense == 1 and found.check is not None and found.check.feasible


def test_what_a_version_does_not_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = Preset("what there never was", {"mip_magic": True}, needs="a magician")
    monkeypatch.setattr(by_highs, "PRESETS", {**PRESETS, "magic": strange})
    found = done(preset="magic")
    assert found.ending is Ending.REFUSED
    assert found.note is not None and found.note.endswith("does not take mip_magic = True; a magician")


def test_an_error_is_recorded_with_the_phases_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OverflowError("too much")

    monkeypatch.setattr(by_highs, "load", broken)
    kept: list[Run] = []
    found = attempt(asked(), kept.append)
    assert (found.ending, found.note) == (Ending.ERROR, "OverflowError: too much")
    assert list(found.seconds) == ["prepare", "build", "translate"]
    assert kept[-1] == found and list(kept[0].seconds) == ["prepare"]


def test_another_problem_of_the_same_name_is_not_solved() -> None:
    other = asked()
    other = other.model_copy(update={"setting": other.setting.model_copy(update={"digest": "0" * 64})})
    found = attempt(other, lambda _: None)
    assert found.ending is Ending.ERROR and found.objective is None
    assert found.note is not None and "makes another problem of joint-features-S-1" in found.note


def test_memory_that_cannot_be_had_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(by_highs, "load", broken)
    assert done().ending is Ending.OUT_OF_MEMORY


def test_a_solution_that_is_none_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    true = by_highs.solve

    def untrue(program: Any, setting: Setting) -> Any:
        answer = true(program, setting)
        return replace(answer, objective=answer.objective * 1.01)

    monkeypatch.setattr(by_highs, "solve", untrue)
    found = done()
    assert found.ending is Ending.WRONG and found.note is not None and "for a solution worth" in found.note


def test_the_peak_of_memory_does_not_go_down() -> None:
    code = (
        "from desilo.harness.solvers.running.attempt import peak_memory as peak;"
        "before = peak(); held = bytearray(2**27); above = [peak() - before]; del held; print(*above, peak() - before)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert min(map(float, said.split())) >= 100


def test_the_process_ends_with_whoever_asked(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "desilo.harness.solvers.running.attempt", str(out)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    slow = asked("joint-substitution-S-1", time_limit=300.0)
    process.stdin.write(f"{slow.model_dump_json()}\n".encode())
    process.stdin.flush()
    until = time.monotonic() + 60
    while not out.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(30) == -9
