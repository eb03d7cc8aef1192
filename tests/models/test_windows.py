"""The rows (I20): every plan keeps them, the one violated most is found, and they make relaxations tight."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from awkward import awkward_instance
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from desilo.cases.generate import FAMILIES, Dials, Shape, generate
from desilo.cases.instance import Floats, Instance
from desilo.formulations import windows
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.formulations.windows import WindowRows
from desilo.operating.coordination import relaxation
from desilo.operating.coordination.limits import part_of, shared_limits, teams_of
from desilo.operating.coordination.relaxation import Stopped, relaxed
from desilo.operating.coordination.team import Team
from desilo.solving import Held, Options, Program, Stop, translate

few = settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate))

instances = st.builds(awkward_instance, st.integers(0, 10**6)) | st.builds(
    generate, st.sampled_from(("features", "newsvendor")), st.just("S"), st.integers(0, 10**6)
)


def built(instance: Instance) -> tuple[Program, WindowRows]:
    program = translate(joint_model(instance, None, Formulation.LADDER, windows=True).model)
    return program, WindowRows(program, instance)


def value(program: Program) -> float:
    held = Held(program, Options(gap=0))
    assert held.solve().stop is Stop.OPTIMAL
    return float(program.cost @ held.solution + program.offset)


def plans_own(program: Program, x: Floats) -> Floats:
    """A solution with `met` and `gain` as its plan has them."""
    x = x.copy()
    at = {
        name: {tuple(i): int(k) for k, i in zip(*program.columns_of(name, dimension), strict=True)}
        for name, dimension in (("y", 3), ("setup", 2), ("x", 3), ("met", 4), ("gain", 4))
    }
    lead = list(program.model.inventory.L.extract_values().values())
    for (i, k, level, u), column in at["met"].items():
        orders = (x[at["setup"][i, a]] for a in range(k - lead[i], u - lead[i] + 1) if (i, a) in at["setup"])
        x[column] = round(x[at["y"][i, level, u]]) * any(order > 0.5 for order in orders)
        if (i, k, level, u) in at["gain"]:
            x[at["gain"][i, k, level, u]] = x[column] * x[at["x"][i, level, u]]
    return x


@few
@given(instances, st.integers(0, 10**6))
def test_every_plan_keeps_the_rows(instance: Instance, seed: int) -> None:
    """A plan is the best one for costs drawn at random."""
    program, rows = built(instance)
    drawn = np.random.default_rng(seed).normal(size=len(program.cost)) * (np.abs(program.cost) + 1)
    bounded = np.minimum(program.upper, 1e3)
    held = Held(Program(**{**vars(program), "cost": drawn, "upper": bounded}), Options(gap=0.1))
    assume(held.solve().feasible)
    x = plans_own(program, held.solution)
    activity = program.matrix @ x
    slack = 1e-5 * (1 + np.abs(activity))
    assert np.all(activity <= program.row_upper + slack)
    assert np.all(activity >= program.row_lower - slack)
    assert not len(rows.I20_violated(x)[1])


@few
@given(instances)
def test_the_optimum_is_the_same_with_the_rows_that_its_relaxation_violates(instance: Instance) -> None:
    program, rows = built(instance)
    held = Held(program, Options(gap=0))
    outcome = held.solve()
    assume(outcome.stop is Stop.OPTIMAL)
    try:
        found = relaxed(program, rows, Options())
    except Stopped:
        assume(False)
    slack = 1e-6 * (1 + abs(outcome.objective))
    assert found.value >= outcome.objective - slack
    assert value(program.with_rows(*found.rows)) == pytest.approx(outcome.objective, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("family", ["retail", "features"])
def test_no_choice_of_levels_and_periods_is_violated_more(family: str) -> None:
    """Against all of them, at points drawn at random."""
    instance = FAMILIES[family].build(Shape(2, 3, 2, 2), np.random.default_rng(3), Dials())
    program, rows = built(instance)
    at = {
        name: {tuple(i): int(k) for k, i in zip(*program.columns_of(name, dimension), strict=True)}
        for name, dimension in (("sales", 4), ("stock", 3), ("met", 4), ("gain", 4))
    }
    rng = np.random.default_rng(5)
    for _ in range(5):
        x = rng.exponential(size=len(program.cost)) * 20
        x[list(at["met"].values())] = rng.uniform(size=len(at["met"]))
        matrix, most = rows.I20_violated(x)
        found = sorted(np.round(matrix @ x - most, 6).tolist())
        expected = []
        for i in range(len(instance.items)):
            for k in range(instance.periods):
                for w in range(len(instance.scenarios)):
                    cells = [(level, u) for (j, first, level, u) in at["met"] if (j, first) == (i, k)]
                    worst = 0.0
                    for chosen in chain.from_iterable(combinations(cells, n) for n in range(1, len(cells) + 1)):
                        last = max(u for _, u in chosen)
                        short = -instance.receipt[i, k : last + 1].sum()
                        short -= x[at["stock"][i, k - 1, w]] if k else instance.initial_stock[i]
                        for level, u in chosen:
                            short += x[at["sales"][i, level, u, w]]
                            short -= instance.demand[i, u, level, w] * x[at["met"][i, k, level, u]]
                            short -= x[at["gain"][i, k, level, u]] if (i, k, level, u) in at["gain"] else 0.0
                        worst = max(worst, short)
                    if worst > 1e-5 * instance.demand.max():
                        expected.append(round(worst, 6))
        assert found == pytest.approx(sorted(expected), abs=1e-5)
        assert len(found)


@pytest.mark.parametrize("seed", range(3))
def test_they_are_as_tight_as_facility_location(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """One item, lot sizing with prices: far tighter than big-M, and level by level no worse than flows."""
    monkeypatch.setattr(relaxation, "TAIL", 0.0)
    instance = FAMILIES["retail"].build(Shape(1, 8, 3, 4), np.random.default_rng(seed), Dials(coupling=0.0))
    program, rows = built(instance)
    bounds = {"windows": relaxed(program, rows, Options()).value}
    for formulation in (Formulation.TIGHT, Formulation.LADDER):
        plain = translate(joint_model(instance, None, formulation).model)
        held = Held(Program(**{**vars(plain), "integer": np.zeros_like(plain.integer)}), Options())
        bounds[formulation.value] = held.solve().objective
    best = value(program)
    assert best - 1e-6 * best <= bounds["windows"] <= bounds["tight"] + 1e-6 * best
    assert bounds["windows"] - best < 0.3 * (bounds["ladder"] - best)


@pytest.mark.parametrize("shrunk", [0.0, 0.1])
def test_it_goes_on_from_where_it_ended(monkeypatch: pytest.MonkeyPatch, shrunk: float) -> None:
    """At the same costs there is nothing to do; at others fewer rows are found, and it comes to the same."""
    monkeypatch.setattr(relaxation, "TAIL", 0.0)
    instance = FAMILIES["retail"].build(Shape(2, 8, 3, 4), np.random.default_rng(1), Dials())
    program, windows = built(instance)
    rounds: list[int] = []
    seen = windows.I20_violated
    windows.I20_violated = lambda x: (found := seen(x), rounds.append(len(found[1])))[0]  # type: ignore[method-assign]
    other = Program(**{**vars(program), "cost": program.cost * (1 - shrunk * (np.arange(len(program.cost)) % 3))})
    first = relaxed(program, windows, Options())
    anew = relaxed(other, windows, Options())
    added = sum(rounds) / 2
    rounds.clear()
    again = relaxed(other, windows, Options(), first)
    assert sum(rounds) < added / 2
    assert again.value == pytest.approx(anew.value, rel=1e-6)
    assert len(again.rows[1]) == len(again.basis.rows) - program.matrix.shape[0]


def test_searches_have_the_rows_of_a_relaxation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a team that forgets its models too."""
    instance = FAMILIES["retail"].build(Shape(3, 8, 3, 4), np.random.default_rng(1), Dials())
    teams = teams_of(instance)
    limits = shared_limits(instance, teams)
    team = Team(part_of(instance, teams[0]), limits, Options(), frugal=True)
    solved: list[int] = []
    start = Held.__init__
    seen = lambda self, program, *rest: (solved.append(program.matrix.shape[0]), start(self, program, *rest))[1]  # noqa: E731
    monkeypatch.setattr(Held, "__init__", seen)
    prices = np.zeros(len(limits))
    team.relax(prices)
    own = solved[-1]
    team.forget()
    assert team.decide(prices, 10.0, 1e-3) is not None
    assert solved[-1] > own


def test_an_order_that_costs_nothing_to_place_closes_no_window() -> None:
    instance = awkward_instance(1)
    free = np.zeros((len(instance.items), instance.periods), dtype=bool)
    free[:, 1] = True
    found = windows._windows(instance, free)
    assert not any(k <= 1 <= u for _, k, u in np.argwhere(found).tolist())
