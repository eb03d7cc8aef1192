"""The joint model by teams and whole: which comes first, what each adds, and what is left when somebody stops it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from desilo.cases.generate import FAMILIES, Dials, Shape, generate
from desilo.cases.instance import Instance
from desilo.operating import wiring
from desilo.operating.coordination.decomposition import decompose, decomposes
from desilo.operating.coordination.relaxation import Stopped
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, How, Method, OperatingModel, Pictures
from desilo.operating.desk import Desk
from desilo.solving import Options, Stop

TWO = Options(gap=0.0, threads=2)


@pytest.fixture(scope="module")
def lots() -> Instance:
    """Three teams, which prove less than the whole by themselves."""
    return FAMILIES["lot-sizing"].build(Shape(3, 4, 3, 1), np.random.default_rng(2), Dials())


@pytest.fixture(scope="module")
def optimum(lots: Instance) -> Decision:
    return jointly(lots, Method.MONOLITH)


def jointly(instance: Instance, method: Method = Method.DECOMPOSITION, options: Options = TWO) -> Decision:
    return decide(OperatingModel.JOINT, Pictures.same(instance), options, how=How(method))


def functions(found: Decision) -> set[str]:
    return {step.function for step in found.steps}


@pytest.mark.parametrize("threads", [1, 2])
def test_few_teams_and_the_whole_come_to_the_optimum(lots: Instance, optimum: Decision, threads: int) -> None:
    found = jointly(lots, options=replace(TWO, threads=threads))
    assert found.stop is Stop.OPTIMAL
    assert found.objective == pytest.approx(optimum.objective, rel=1e-6)
    assert found.bound == pytest.approx(optimum.objective, rel=1e-6)
    assert found.facts["method"] == Method.DECOMPOSITION.value
    assert {"search: prices", "joint"} <= functions(found)


def test_what_teams_prove_by_themselves_is_not_waited_for(lots: Instance) -> None:
    found = jointly(lots, options=replace(TWO, gap=0.2))
    assert found.stop is Stop.OPTIMAL
    assert "joint" not in functions(found)


@pytest.mark.parametrize("bound", [1.001, math.inf])
def test_the_better_plan_and_the_better_bound_are_taken(
    lots: Instance, optimum: Decision, monkeypatch: pytest.MonkeyPatch, bound: float
) -> None:
    """Teams that found nothing but a bound, beside a whole model that is not searched to its end."""
    less = replace(optimum, stop=Stop.TIME_LIMIT, bound=1.1 * optimum.objective)
    monkeypatch.setattr(wiring, "processes", answering(less))
    monkeypatch.setattr(wiring, "decompose", in_time(bound * optimum.objective))
    found = jointly(lots)
    assert found.stop is Stop.TIME_LIMIT
    assert found.objective == optimum.objective
    assert found.bound == pytest.approx(min(bound, 1.1) * optimum.objective)


def test_no_plan_anywhere_is_no_plan(lots: Instance, optimum: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = replace(optimum, stop=Stop.INFEASIBLE, plan=None, objective=math.nan, bound=-math.inf)
    monkeypatch.setattr(wiring, "processes", answering(nothing))
    monkeypatch.setattr(wiring, "decompose", in_time(math.inf))
    found = jointly(lots)
    assert (found.stop, found.plan, found.bound) == (Stop.INFEASIBLE, None, -math.inf)


def test_ctrl_c_while_the_whole_is_waited_for_keeps_the_teams_plan(
    lots: Instance, optimum: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "processes", answering(KeyboardInterrupt()))
    monkeypatch.setattr(wiring, "decompose", lambda *given, **more: replace(optimum, stop=Stop.TIME_LIMIT))
    found = jointly(lots)
    assert (found.stop, found.objective) == (Stop.INTERRUPTED, optimum.objective)
    monkeypatch.setattr(wiring, "decompose", in_time(math.inf))
    with pytest.raises(KeyboardInterrupt):
        jointly(lots)


def answering(answer: Decision | BaseException) -> Any:
    """A process of its own that answers so."""

    class Other(Executor):
        def submit(self, *given: Any, **more: Any) -> Future[Any]:
            future: Future[Any] = Future()
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
            return future

    @contextmanager
    def processes(count: int) -> Iterator[list[Executor]]:
        yield [Other()] * count

    return processes


def in_time(bound: float) -> Any:
    """A decomposition that had too little time for a plan."""
    return lambda desk, *given, **more: Decision(desk.model, Stop.TIME_LIMIT, None, math.nan, bound, ())


def test_few_teams_are_asked_by_themselves_only_where_the_whole_is_searched_beside_them() -> None:
    """Three teams of substitutes, twenty of lots; 10,800 and 21,060 flow columns."""
    assert decomposes(generate("substitution", "S", 1), threads=2)
    assert not decomposes(generate("substitution", "S", 1), threads=1)
    assert not decomposes(generate("lot-sizing", "M", 1), threads=2)


@pytest.mark.parametrize(
    ("ended", "stop"), [(Stopped(Stop.TIME_LIMIT), Stop.TIME_LIMIT), (KeyboardInterrupt(), Stop.INTERRUPTED)]
)
def test_a_plan_given_is_there_though_the_first_round_was_not_ended(
    lots: Instance, optimum: Decision, monkeypatch: pytest.MonkeyPatch, ended: BaseException, stop: Stop
) -> None:
    def relaxed(*given: Any, **more: Any) -> Any:
        raise ended

    monkeypatch.setattr("desilo.operating.coordination.team.relaxed", relaxed)
    found = decompose(Desk("joint", Options(gap=0.0)), lots, lambda: None, given=optimum.plan)
    assert (found.stop, found.bound) == (stop, math.inf)
    assert found.objective == pytest.approx(optimum.objective)
