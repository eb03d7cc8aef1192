"""What sliders mean, what is answered to them, and the process that does it; the page is in `test_explore_app.py`."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_instances import make_instance, make_resource, random_problem
from small_run import Ear, small_settings, write_small_case

from desilo.cases.errors import BadInput
from desilo.cases.generate import generate
from desilo.cases.instance import Activity, Instance, ServiceTarget
from desilo.cases.plan import Plan
from desilo.cases.writing import write_instance
from desilo.harness.check import check
from desilo.harness.cli import Exit, main
from desilo.harness.exploring import words
from desilo.harness.exploring.answer import Answer, Question, answer
from desilo.harness.exploring.dials import Dials, PriceRange, scaled, turned
from desilo.harness.exploring.opening import Problems, open_explored
from desilo.harness.exploring.relief import least_relief
from desilo.harness.exploring.solver import Solver, Superseded
from desilo.harness.run import run
from desilo.operating.decision import OperatingModel, Pictures
from desilo.solving import Options, Stop

EXACT = Options(gap=0.0)


def alone(instance: Instance) -> Problems:
    return Problems(1, Pictures.same(instance), None, {})


NEUTRAL = Dials()


def ask(instance: Instance, dials: Dials = NEUTRAL, model: str = "joint", own: Plan | None = None) -> Answer:
    return answer(Question(alone(instance), dials, OperatingModel(model), EXACT, own))


@given(st.integers(0, 10_000))
def test_dials_at_neutral_leave_the_instance_as_it_is(seed: int) -> None:
    instance, _ = random_problem(seed)
    limits = {resource.name: 1.0 for resource in instance.resources}
    anything = {name: PriceRange() for name in (*instance.items, *instance.groups)}
    assert turned(instance, Dials()).digest() == instance.digest()
    assert turned(instance, Dials(limits, anything)).digest() == instance.digest()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0.05, 0.99), st.floats(1.01, 20))
def test_below_one_is_tighter_for_lower_limits_too(capacities: list[float], less: float, more: float) -> None:
    capacity = np.array(capacities)
    assert (scaled(capacity, less) <= capacity).all() and (scaled(capacity, more) >= capacity).all()


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([(0.5, 1.0), (0.4, 0.8), (1.0, 1.6)]),
    st.sampled_from([(PriceRange(0.9, 1.2), PriceRange(0.8, 1.3)), (PriceRange(1, 1), PriceRange(0.5))]),
)
def test_tightening_never_raises_the_certified_bound(
    seed: int, factors: tuple[float, float], ranges: tuple[PriceRange, PriceRange]
) -> None:
    instance, _ = random_problem(seed)
    instance = replace(instance, salvage_value=np.minimum(instance.salvage_value, 0))  # else there is no bound
    tight, loose = (
        Dials({limit.name: factor for limit in instance.resources}, {instance.items[0]: span})
        for factor, span in zip(factors, ranges, strict=True)
    )
    assert loose.nowhere_tighter(tight) and (not instance.resources or not tight.nowhere_tighter(loose))
    low, high = (ask(instance, dials).decision for dials in (tight, loose))
    if high.plan is None:
        assert low.plan is None and high.stop is Stop.INFEASIBLE
    elif low.plan is not None:
        assert low.bound <= high.bound + 1e-6 * max(1, abs(high.bound))


def priced() -> Instance:
    """Two items of a group and one alone, three levels each: 8, 10 (today's) and 12; dearer is better."""
    demand = np.broadcast_to(np.array([5.0, 5.0, 5.0])[None, None, :, None], (3, 2, 3, 1))
    return make_instance(
        demand, price=((8.0, 10.0, 12.0),), unit_cost=1.0, reference=np.array([1, 1, 1]), groups=("g", "g", "h")
    )


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ({}, [12, 12, 12]),
        ({"g": PriceRange(0, 1.0)}, [10, 10, 12]),
        ({"item0": PriceRange(0.8, 0.8), "h": PriceRange(1, 1)}, [8, 12, 10]),
        ({"g": PriceRange(0.8, 1.0), "item0": PriceRange(0.7, 0.9)}, [8, 10, 12]),
    ],
)
def test_prices_keep_to_the_ranges_of_item_and_group(prices: dict[str, PriceRange], expected: list[float]) -> None:
    for model in ("joint", "sequential"):
        found = ask(priced(), Dials({}, prices), model)
        assert found.found is not None and found.decision.stop is Stop.OPTIMAL
        assert found.found.plan.price(priced()).tolist() == [[price] * 2 for price in expected]


def test_a_floor_is_a_rule_that_the_checker_knows() -> None:
    instance = priced()
    above = turned(instance, Dials({}, {"item2": PriceRange(1.1)}))
    at_reference = Plan(np.ones((3, 2), dtype=np.int64), np.zeros((3, 2)))
    (first, second) = check(above, at_reference).violations
    assert (first.name, first.period, second.period) == ("lowest price of item2", 1, 2)
    assert check(instance, at_reference).feasible


def test_dials_that_mean_nothing_are_all_named() -> None:
    instance = replace(priced(), resources=(make_resource({Activity.ORDER: [1, 1, 1]}, 9, 2),))
    dials = Dials({"shelf": 0.0, "shel": 1.0}, {"gg": PriceRange(), "g": PriceRange(1.2, 0.9)})
    with pytest.raises(BadInput) as refused:
        turned(instance, dials)
    said = [problem.message for problem in refused.value.problems]
    assert len(said) == 4 and "did you mean 'shelf'" in said[0] and "did you mean 'g'" in said[1]
    with pytest.raises(BadInput, match="no price of item 'item0' lies in its range"):
        turned(instance, Dials({}, {"item0": PriceRange(1.01, 1.19)}))


def test_what_has_to_give_is_the_least_and_what_it_advises_is_enough() -> None:
    """20 units in stock that nobody asks for, room for 16 at neutral: at 50% of it 12 are too many."""
    limit = make_resource({Activity.STOCK: [1.0]}, 16.0, 2)
    instance = make_instance(np.zeros((1, 2, 1, 2)), initial_stock=20.0, resources=(limit,))
    assert least_relief(instance, EXACT) == {"shelf": pytest.approx([4, 4])}
    found = ask(instance, Dials({"shelf": 0.5}))
    assert found.found is None and found.decision.stop is Stop.INFEASIBLE
    said = words.why_no_plan(found, "week", 131)
    assert said.endswith("shelf by 12 in week 131: 125% on its slider is enough")
    assert words.bound(found) == ("–", "no plan is possible") and words.profit(found) == "–"
    assert words.in_short(found) == "joint, infeasible: no plan keeps the limits"
    enough = ask(instance, Dials({"shelf": 1.25}))
    assert enough.found is not None and words.why_no_plan(enough, "week", 131) == ""


def test_a_clash_of_prices_is_said_as_one() -> None:
    instance = replace(priced(), resources=(make_resource({Activity.PRICE: [0, 0, 1.0]}, 10, 2),))
    found = ask(instance, Dials({}, {"h": PriceRange(1.2, 1.2)}))
    said = words.why_no_plan(found, "week", 1)
    assert "shelf by 2 in week 1: 120%" in said or "lowest price of item2 by 2 in week 1: widen the range" in said


def test_a_limit_that_an_operating_model_runs_into_is_not_blamed_on_the_limits() -> None:
    """Pricing wants the dear level, at which what is asked for cannot be served; the joint model sells it cheaper."""
    demand = np.array([1.0, 9.0])[None, None, :, None]
    instance = make_instance(demand, price=((8.0, 10.0),), unit_cost=1.0, max_order=4.0)
    instance = replace(instance, service=(ServiceTarget("all", np.array([0]), 1.0),))
    found = ask(instance, model="sequential")
    assert found.found is None and found.relief == {}
    assert "Try joint" in words.why_no_plan(found, "week", 1)
    assert ask(instance).found is not None


def test_a_plan_stands_beside_its_own_under_the_same_dials() -> None:
    instance = generate("features", "M", 2)
    own = ask(instance)
    assert own.found is not None
    found = ask(instance, Dials({"r2": 0.5}), own=own.found.plan)
    assert found.own is not None and found.found is not None
    assert found.found.profit <= own.found.profit and found.found.violations == ()
    assert found.found.profit == pytest.approx(check(found.instance, found.found.plan).profit)
    said = words.beside(found, "week", 5)
    assert ("breaks these limits" in said) == bool(found.own.violations)
    rows = list(words.limit_rows(found, 5))
    assert {row["limit"] for row in rows} == {resource.name for resource in instance.resources}
    for row in words.plan_rows(found):
        i = instance.items.index(row["item"])
        was = own.found.plan.price(instance)[i, 0]
        here = found.found.plan.price(instance)[i, 0]
        assert row["price0"] == (f"{here:,.2f}" if here == was else f"{here:,.2f} (was {was:,.2f})")


def test_what_is_known_of_looser_dials_is_used_and_proves_no_more_than_is_true() -> None:
    instance = generate("features", "M", 2)
    loose = ask(instance)
    assert loose.found is not None
    question = Question(alone(instance), Dials({instance.resources[0].name: 0.9}), OperatingModel.JOINT, EXACT)
    plain = answer(question)
    helped = answer(replace(question, known=(loose.found.plan,), bound=loose.decision.bound))
    assert helped.decision.objective == pytest.approx(plain.decision.objective)
    assert helped.decision.stop is Stop.OPTIMAL and plain.decision.bound <= helped.decision.bound + 1e-6
    assert helped.decision.steps[0].function.startswith("start: ")


def test_a_newer_question_ends_the_older_one_and_a_killed_process_is_said() -> None:
    hard = Question(alone(generate("retail", "S", 1)), Dials(), OperatingModel.JOINT, EXACT)
    easy = Question(alone(priced()), Dials(), OperatingModel.JOINT, EXACT)
    ended: list[str] = []

    def older() -> None:
        try:
            solver.answer(hard)
        except Superseded:
            ended.append("superseded")

    with Solver() as solver:
        thread = threading.Thread(target=older)
        thread.start()
        while not solver.busy:
            thread.join(0.01)
        found = solver.answer(easy)
        thread.join()
        assert ended == ["superseded"] and found.found is not None
        assert solver.answer(easy).found is not None  # by the same process
        worker = solver.process
        assert worker is not None
        killed = threading.Timer(0.2, worker.kill)
        killed.start()
        with pytest.raises(RuntimeError, match="ended from outside"):
            solver.answer(hard)
        assert solver.answer(easy).found is not None
        last = solver.process
    assert last is not None and not last.is_alive() and not worker.is_alive()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explore")
    run(small_settings(write_small_case(place / "case"), starts=1, tightness=(1.0,)), place / "run", Ear())
    return place


def test_a_run_a_case_and_an_instance_can_be_explored(ran: Path) -> None:
    explored = open_explored(str(ran / "run"))
    (problems,) = explored.problems
    assert explored.report is not None and "joint" in problems.plans and problems.nature is not None
    found = answer(Question(problems, Dials(), OperatingModel.JOINT, EXACT, problems.plans["joint"]))
    assert found.found is not None and found.own is not None and found.own.violations == ()
    assert found.found.profit == pytest.approx(found.own.profit, rel=1e-5)
    assert found.found.realised is not None

    (of_case,) = open_explored(str(ran / "case")).problems
    assert of_case.plans == {} and of_case.nature is not None and of_case.start == problems.start
    write_instance(problems.instance, ran / "instance")
    (single,) = open_explored(str(ran / "instance")).problems
    assert single.instance.digest() == problems.instance.digest() and single.nature is None


@pytest.mark.parametrize(
    ("what", "said"),
    [("nothing", "neither a folder nor a bundled case"), (".", "holds neither run.json of a run"), ("kept", "run it")],
)
def test_what_cannot_be_explored_says_why(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, said: str
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "run.json").write_bytes((ran / "run" / "run.json").read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=said):
        open_explored(what)


def explore(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", "explore", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_without_the_extra_the_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    assert explore(monkeypatch, "tuna") == Exit.BAD_INPUT
    assert "pip install 'desilo[explore]'" in capsys.readouterr().err


def test_a_port_that_is_none_is_bad_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(monkeypatch, "tuna", "--port", "70000") == Exit.BAD_INPUT
    assert "0 to 65535" in capsys.readouterr().err
