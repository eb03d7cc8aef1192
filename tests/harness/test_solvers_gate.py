"""The correctness gate: its answers, what it notices, and the command."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from desilo.harness.cli import Exit, main
from desilo.harness.solvers.gate import gate, tiny
from desilo.harness.solvers.gate.tiny import Known, Tiny
from desilo.solving import Outcome
from desilo.solving.highs import Held

PROGRAMS = tiny.read()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def small(**figures: object) -> Tiny:
    """min x + 3 z with x + z >= 4.5, x up to 3, z whole and up to 4: 7.5 at x = 2.5 or 9 at x = 1.5 and so on."""
    program = Tiny(
        sense=1,
        cost=np.array([1.0, 3.0]),
        matrix=np.array([[1.0, 1.0]]),
        row_lower=np.array([4.5]),
        row_upper=np.array([np.inf]),
        lower=np.zeros(2),
        upper=np.array([3.0, 4.0]),
        integer=np.array([False, True]),
    )
    return replace(program, **figures)  # type: ignore[arg-type]


def test_the_frozen_programs_are_those_that_are_drawn_and_their_answers_those_of_enumeration() -> None:
    assert [known.name for known in PROGRAMS] == [known.name for known in tiny.draw()]
    for frozen, drawn in zip(PROGRAMS, tiny.draw(), strict=True):
        for name, figure in vars(drawn.program).items():
            assert np.array_equal(getattr(frozen.program, name), figure), (frozen.name, name)
        same = drawn.optimum if drawn.optimum is None else pytest.approx(drawn.optimum, rel=1e-12)
        assert frozen.optimum == same, frozen.name


def test_the_programs_are_of_every_sort() -> None:
    assert 50 <= len(PROGRAMS) <= 100
    assert {known.optimum is None for known in PROGRAMS} == {True, False}
    assert {known.program.sense for known in PROGRAMS} == {1, -1}
    assert any(known.program.integer.all() for known in PROGRAMS)
    assert any(not known.program.integer.any() for known in PROGRAMS)


def test_enumeration_by_hand() -> None:
    assert tiny.enumerate_optimum(small()) == 2.5 + 3 * 2
    assert tiny.enumerate_optimum(small(integer=np.zeros(2, dtype=bool))) == 3 + 3 * 1.5
    assert tiny.enumerate_optimum(small(row_upper=np.array([4.6]), upper=np.array([0.2, 4.0]))) is None


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_enumeration_agrees_with_another_program(kind: str) -> None:
    """SciPy's, on programs that are not in the gate; it may have HiGHS's mistakes, enumeration has not."""
    for seed in range(1000, 1010):
        program = tiny.KINDS[kind](np.random.default_rng(seed))
        found = milp(
            program.sense * program.cost,
            integrality=program.integer,
            bounds=Bounds(program.lower, program.upper),
            constraints=LinearConstraint(program.matrix, program.row_lower, program.row_upper),
            options={"mip_rel_gap": 0, "presolve": False},
        )
        optimum = tiny.enumerate_optimum(program)
        assert (found.status == 2) == (optimum is None)
        if optimum is not None:
            assert program.sense * found.fun == pytest.approx(optimum, abs=1e-6)


def test_the_installed_solver_passes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "gate", "--json") == Exit.OK
    facts = json.loads(capsys.readouterr().out)
    assert facts["status"] == "passed"
    assert facts["programs"] == len(PROGRAMS)
    assert facts["failures"] == []


def test_what_the_gate_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that stops at another value, says there is nothing, proves too much, or sells one thing for another."""
    known = Known("small", small(), 8.5)
    honest = Held.solve
    assert gate.failures([known]) == []

    def found(**wrong: object) -> set[str]:
        monkeypatch.setattr(Held, "solve", lambda held: replace(honest(held), **wrong))  # type: ignore[arg-type]
        noticed = gate.failures([known])
        assert len(noticed) == len(gate.WAYS)
        return {failure.found for failure in noticed}

    assert found(objective=9.0) == {"optimal, 9"}
    assert found(bound=8.7) == {"bound 8.7"}
    assert found(stop=gate.Stop.INFEASIBLE, feasible=False) == {"infeasible"}
    monkeypatch.setattr(Held, "solve", honest)
    assert {f.found for f in gate.failures([replace(known, optimum=None)])} == {"optimal, 8.5"}


def test_a_solution_that_is_none_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Held, "solution", property(lambda held: np.array([4.0, 1.5])))
    assert {failure.found for failure in gate.failures([Known("small", small(), 8.5)])} == {
        "a solution that misses a row, a bound or a whole number by 1"
    }


def test_a_solver_with_a_wrong_answer_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = Held.solve

    def dearer(held: Held) -> Outcome:
        outcome = honest(held)
        return replace(outcome, objective=outcome.objective + outcome.sense)

    monkeypatch.setattr(Held, "solve", dearer)
    assert run(monkeypatch, "gate") == Exit.REGRESSION
    assert "covering 0" in capsys.readouterr().out
