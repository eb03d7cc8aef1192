"""The primal-dual integral, and whether what a solver says can be true."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desilo.harness.solvers.judgement import TOLERANCE, judged
from desilo.harness.solvers.running.answer import primal_dual_integral
from desilo.harness.solvers.runs import Check, Ending, Run, Setting

INF = math.inf


@pytest.mark.parametrize(
    ("moments", "integral"),
    [
        ([], 10.0),  # nothing was ever known
        ([(0.0, 80.0, 100.0)], 2.0),
        ([(2.0, 80.0, 100.0), (4.0, 90.0, 90.0)], 2 * 1 + 2 * 0.2),
        ([(1.0, INF, 100.0), (5.0, 80.0, 100.0)], 5 + 5 * 0.2),
        ([(0.0, 80.0, -INF)], 10.0),
        ([(0.0, -1.0, 1.0)], 10.0),  # signs differ
        ([(0.0, 0.0, 0.0)], 0.0),
        ([(4.0, 80.0, 100.0), (12.0, 100.0, 100.0)], 4 + 6 * 0.2),  # what comes after the end does not count
    ],
)
def test_the_integral_is_the_area_under_the_gap(moments: list[tuple[float, float, float]], integral: float) -> None:
    assert primal_dual_integral(moments, 10.0) == pytest.approx(integral)


MOMENTS = st.lists(st.tuples(st.floats(0, 10), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=5)


@given(MOMENTS.map(sorted), st.floats(0.1, 10))
def test_it_lies_between_0_and_the_seconds_whatever_the_unit_of_money(
    moments: list[tuple[float, float, float]], end: float
) -> None:
    found = primal_dual_integral(moments, end)
    assert -1e-9 <= found <= end + 1e-9
    scaled = [(time, 8 * objective, 8 * bound) for time, objective, bound in moments]
    assert primal_dual_integral(scaled, end) == pytest.approx(found)


def run(sense: int = -1, formulation: str = "tight", **known: Any) -> Run:
    """A run with objective and bound 100."""
    setting = Setting(problem="p", digest="d", formulation=formulation)
    given = {"ending": Ending.OPTIMAL, "objective": 100.0, "bound": 100.0, **known}
    check = None if setting.relaxed else Check(feasible=True, objective=100.0)
    return Run(
        **{"key": "k", "setting": setting, "family": "joint", "versions": {}, "machine": {}, "check": check, **given},
        sense=sense,
    )


@pytest.mark.parametrize("sense", [-1, 1])
def test_the_truth_is_left_alone(sense: int) -> None:
    once = run(sense)
    assert judged(once) is judged(once, 100.0, 100.0) is once
    near = TOLERANCE / 2 * sense
    assert judged(once, 100 * (1 - near), 100 * (1 + near)) is once


UNTRUE: list[tuple[dict[str, Any], dict[str, float], str]] = [
    ({"check": Check(feasible=False, objective=100.0, violations=("a", "b", "c"))}, {}, "no solution: a, and 2 more"),
    ({"check": Check(feasible=True, objective=90.0)}, {}, "an objective of 100 for a solution worth 90"),
    ({"bound": 90.0}, {}, "a bound of 90 for a solution worth 100"),
    ({}, {"known": 110.0}, "100 is called optimal, but a solution worth 110 is known"),
    ({"ending": Ending.TIME_LIMIT}, {"known": 110.0}, "a bound of 100, but a solution worth 110 is known"),
    ({"bound": None}, {"known": 110.0}, "100 is called optimal, but a solution worth 110 is known"),
    ({}, {"proven": 90.0}, "an objective of 100, but 90 is a proven bound"),
    (
        {"ending": Ending.INFEASIBLE, "objective": None, "bound": None, "check": None},
        {"known": 50.0},
        "infeasible, but a solution worth 50 is known",
    ),
]


@pytest.mark.parametrize(("known", "standing", "said"), UNTRUE)
def test_what_cannot_be_true_is_wrong(known: dict[str, Any], standing: dict[str, float], said: str) -> None:
    found = judged(run(**known), **standing)
    assert found.ending is Ending.WRONG and found.note is not None and said in found.note


@pytest.mark.parametrize(("known", "standing", "_"), UNTRUE)
def test_so_it_is_when_costs_are_minimised(known: dict[str, Any], standing: dict[str, float], _: str) -> None:
    def costs(run: Run) -> Run:
        check = run.check and run.check.model_copy(update={"objective": -(run.check.objective or 0)})
        objective, bound = (None if figure is None else -figure for figure in (run.objective, run.bound))
        return run.model_copy(update={"sense": 1, "check": check, "objective": objective, "bound": bound})

    assert judged(costs(run(**known)), **{name: -figure for name, figure in standing.items()}).ending is Ending.WRONG


@pytest.mark.parametrize("sense", [-1, 1])
def test_a_relaxation_may_be_better_than_what_is_proven_but_not_worse_than_what_is_known(sense: int) -> None:
    relaxed = run(sense, "tight-relaxed")
    assert judged(relaxed, proven=100 + sense * 10.0) is relaxed
    assert judged(relaxed, known=100 - sense * 10.0).ending is Ending.WRONG


def test_a_note_is_kept_beside_what_is_wrong() -> None:
    found = judged(run(note="said before", bound=90.0))
    assert found.note is not None and found.note.startswith("said before; a bound of 90")
