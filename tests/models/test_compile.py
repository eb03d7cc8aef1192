"""A model says the same whichever way it goes to the solver: by templates, or index by index as Pyomo has it."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from awkward import awkward_instance
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from test_golden import tiny_records

from desilo.cases.generate import FAMILIES, generate
from desilo.cases.instance import Instance
from desilo.formulations import models
from desilo.formulations.estimation import EstimationOptions, build_estimation
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model, prefer_regular_prices, pricing_model
from desilo.solving import (
    Options,
    Program,
    Stop,
    assign,
    between,
    delayed_block,
    delayed_model,
    entries,
    guard,
    members,
    solve,
    table,
    translate,
    true_at,
    values,
    wherever,
)
from desilo.solving.compile import NEVER_HOLDS

few = settings(max_examples=25, deadline=None)
Row = tuple[float, float, dict[str, float]]


# ---- what a program says


def said(program: Program) -> tuple[dict[str, Row], dict[str, tuple[float, float, bool, float]], float, int]:
    """Rows and columns by name, offset and sense."""
    columns = program.column_names()
    matrix = program.matrix.tocsr()
    rows: dict[str, Row] = {}
    for k, name in enumerate(program.row_names()):
        here = slice(matrix.indptr[k], matrix.indptr[k + 1])
        terms = {columns[j]: v for j, v in zip(matrix.indices[here], matrix.data[here], strict=True)}
        assert len(terms) == here.stop - here.start, "duplicates are added up"
        assert name not in rows
        rows[name] = program.row_lower[k], program.row_upper[k], terms
    figures = zip(program.lower, program.upper, program.integer, program.cost, strict=True)
    return rows, dict(zip(columns, figures, strict=True)), program.offset, program.sense


def said_by_pyomo(model: Any) -> tuple[dict[str, Row], dict[str, tuple[float, float, bool, float]], float, int]:
    """The same from Pyomo's standard form alone, with nothing of ours in between."""
    form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    matrix = form.A.tocsr()
    rows: dict[str, Row] = {}
    for k, (row, kind) in enumerate(form.rows):
        here = slice(matrix.indptr[k], matrix.indptr[k + 1])
        terms = {form.columns[j].name: v for j, v in zip(matrix.indices[here], matrix.data[here], strict=True)}
        low, high, _ = rows.get(row.name, (-math.inf, math.inf, {}))
        rhs = float(form.rhs[k])
        rows[row.name] = rhs if kind <= 0 else low, rhs if kind >= 0 else high, terms
    (objective,) = form.objectives
    offset = float(form.c_offset[0])
    for v, c in zip(form.columns, form.c.toarray().reshape(-1), strict=True):
        if v.fixed:  # Pyomo 6.9 leaves them in here and there
            offset += c * v.value
            for name, (low, high, terms) in rows.items():
                moved = terms.pop(v.name, 0.0) * v.value
                rows[name] = low - moved, high - moved, terms
    rows = {name: row for name, row in rows.items() if row[:2] != (-math.inf, math.inf)}
    columns = {
        v.name: (*(b if b is not None else s * math.inf for b, s in zip(v.bounds, (-1, 1), strict=True)), c)
        for v, c in zip(form.columns, form.c.toarray().reshape(-1), strict=True)
        if not v.fixed
    }
    integer = {v.name: not v.is_continuous() for v in form.columns}
    full = {name: (low, high, integer[name], cost) for name, (low, high, cost) in columns.items()}
    return rows, full, offset, 1 if objective.sense == pyo.minimize else -1


def upright(rows: dict[str, Row]) -> dict[str, Row]:
    """Rows with their first coefficient positive: a rule whose one side is a number at some indices turns there.

    Rows that say nothing are left out.
    """
    turned = {}
    for name, (low, high, terms) in rows.items():
        sign = -1.0 if terms and terms[min(terms)] < 0 else 1.0
        low, high = (low, high) if sign > 0 else (-high, -low)
        if terms or low > 0 or high < 0:
            turned[name] = low, high, {column: sign * value for column, value in terms.items()}
    return turned


def assert_same(one: Any, other: Any) -> None:
    close = pytest.approx
    one, other = (upright(one[0]), *one[1:]), (upright(other[0]), *other[1:])
    assert one[0].keys() == other[0].keys()
    for name, (low, high, terms) in one[0].items():
        expected = other[0][name]
        assert (low, high) == close(expected[:2], rel=1e-9, abs=1e-9), name
        assert terms.keys() == expected[2].keys(), name
        assert terms == close(expected[2], rel=1e-9, abs=1e-9), name
    assert one[1].keys() == other[1].keys()
    for name, figures in one[1].items():
        assert figures == close(other[1][name], rel=1e-9, abs=1e-9), name
    assert one[2] == close(other[2], rel=1e-9, abs=1e-9)
    assert one[3] == other[3]


def outside(program: Program) -> set[str]:
    """Components that were translated by Pyomo."""
    return {name for name, _ in program.expanded}


# ---- random models: ordinary Pyomo, declared on whatever makes models and blocks

Declare = Callable[[Any, np.random.Generator], None]
BY_TEMPLATE: dict[str, Declare] = {}
BY_INDEX: dict[str, Declare] = {}


def ingredient(kind: dict[str, Declare]) -> Callable[[Declare], Declare]:
    def keep(declare: Declare) -> Declare:
        kind[declare.__name__] = declare
        return declare

    return keep


def base(m: Any, rng: np.random.Generator) -> None:
    """Sets, figures and variables for the ingredients."""
    m.I, m.T = pyo.RangeSet(0, 3), pyo.RangeSet(1, 3)
    m.N = pyo.Set(initialize=["a", "b", "c"])
    cells = [(i, t) for i in m.I for t in m.T if rng.random() < 0.7] or [(0, 1)]
    m.S = pyo.Set(dimen=2, initialize=cells)
    m.L = pyo.Set(m.I, initialize={i: [int(k) for k in range(4) if rng.random() < 0.5] for i in m.I})
    figures = rng.integers(-3, 4, (4, 4)).astype(float)
    m.a = pyo.Param(m.I, m.T, default=entries(figures))
    m.c = pyo.Param(m.I, initialize={i: float(rng.integers(1, 5)) for i in m.I})
    m.d = pyo.Param(m.N, initialize={n: float(rng.integers(1, 5)) for n in m.N}, mutable=True)
    m.k = pyo.Param(initialize=float(rng.integers(1, 5)), mutable=True)
    m.lead = pyo.Param(m.T, default=entries(rng.integers(0, 2, 4)))
    domains = [pyo.Reals, pyo.NonNegativeReals, pyo.Integers]
    m.x = pyo.Var(m.I, m.T, bounds=between(-rng.integers(1, 9, (4, 4)), rng.integers(1, 9, (4, 4))))
    m.s = pyo.Var(m.S, bounds=lambda m, i, t: (-i, 2 * t), domain=domains[rng.integers(3)])
    m.n = pyo.Var(m.N, bounds=(-9, None), domain=pyo.NonNegativeIntegers if rng.random() < 0.5 else pyo.Reals)
    m.z = pyo.Var(bounds=(-5, 5))
    for v in (m.x[0, 1], m.s[cells[0]], m.n["b"], m.z):
        if rng.random() < 0.25:
            v.fix(int(rng.integers(1, 4)), skip_validation=True)
    if rng.random() < 0.3:
        m.x[1, 2].setub(3)
    if rng.random() < 0.3:
        m.x[1, 3].domain = pyo.Binary


@ingredient(BY_TEMPLATE)
def sums(m: Any, rng: np.random.Generator) -> None:
    m.sums = pyo.Constraint(m.I, rule=lambda m, i: sum(m.a[i, t] * m.x[i, t] for t in m.T) + 2 * m.z <= m.c[i])


@ingredient(BY_TEMPLATE)
def double_sums(m: Any, rng: np.random.Generator) -> None:
    m.double_sums = pyo.Constraint(
        m.N,
        rule=lambda m, n: m.n[n] >= sum((m.x[i, t] - m.k) / m.c[i] for i, t in m.S) - sum(m.s[i, t] for i, t in m.S),
    )


@ingredient(BY_TEMPLATE)
def members_at_an_index(m: Any, rng: np.random.Generator) -> None:
    m.u = pyo.Var(m.I, pyo.RangeSet(0, 3), bounds=(0, 7))
    m.indexed = pyo.Constraint(m.I, m.T, rule=lambda m, i, t: sum(m.u[i, k] for k in m.L[i]) == m.x[i, t] + t * i)


@ingredient(BY_TEMPLATE)
def nested_members(m: Any, rng: np.random.Generator) -> None:
    m.J = pyo.Set(m.T, initialize=members(rng.random((4, 4)) < 0.5))
    m.q = pyo.Var(m.I, pyo.RangeSet(0, 3), bounds=(0, 7))
    m.nested = pyo.Constraint(m.T, rule=lambda m, t: sum(m.c[i] * m.q[i, k] for i in m.J[t] for k in m.L[i]) + m.z <= 9)


@ingredient(BY_TEMPLATE)
def sets_in_arrays(m: Any, rng: np.random.Generator) -> None:
    m.Q = pyo.Set(dimen=2, initialize=true_at(rng.random((3, 4)) < 0.6, axes=(1, 0)))
    m.r = pyo.Var(m.Q, m.T, bounds=(0, 6))
    m.in_arrays = pyo.Constraint(m.Q, rule=lambda m, i, j: sum(m.r[i, j, t] - m.a[i, t] for t in m.T) <= i * m.z)
    m.all_of_it = pyo.Constraint(m.T, rule=lambda m, t: sum(m.c[i] * m.r[i, j, t] for i, j in m.Q) >= -t)


@ingredient(BY_TEMPLATE)
def shifted(m: Any, rng: np.random.Generator) -> None:
    m.later = pyo.Set(m.T, initialize=wherever(np.arange(4) > 1))
    m.shift = pyo.Constraint(
        m.I, m.T, rule=lambda m, i, t: m.x[i, t] - sum(m.x[i, t - m.lead[t] - 0] for _ in m.later[t]) <= m.a[i, t]
    )


@ingredient(BY_TEMPLATE)
def indirect(m: Any, rng: np.random.Generator) -> None:
    """Indices that are parameters, and members that are not taken apart."""
    m.first = pyo.Param(initialize=1)
    m.next = pyo.Param(m.I, default=entries((np.arange(4) + 1) % 4))
    m.indirect = pyo.Constraint(m.I, rule=lambda m, i: m.x[m.next[i], m.first] + m.x[(m.next[m.next[i]], 2)] <= m.c[i])
    m.whole = pyo.Constraint(m.I, rule=lambda m, i: sum(m.s[cell] - m.a[cell] for cell in m.S) >= -90 * m.c[i])


@ingredient(BY_TEMPLATE)
def ranged(m: Any, rng: np.random.Generator) -> None:
    m.ranged = pyo.Constraint(m.S, rule=lambda m, i, t: (-m.c[i], m.s[i, t] + m.x[i, t] - 1, 4 * m.k))
    m.chained = pyo.Constraint(m.T, rule=lambda m, t: pyo.inequality(-t, 2 * m.x[0, t], t + 1))


@ingredient(BY_TEMPLATE)
def duplicates(m: Any, rng: np.random.Generator) -> None:
    m.repeated = pyo.Constraint(m.I, rule=lambda m, i: sum(m.x[0, t] - m.x[i, t] for t in m.T) + m.x[i, 1] <= 5)
    m.counted = pyo.Constraint(m.I, rule=lambda m, i: sum(m.x[i, 1] for t in m.T) >= -m.d["a"])


@ingredient(BY_TEMPLATE)
def named(m: Any, rng: np.random.Generator) -> None:
    m.e = pyo.Expression(m.I, m.T, rule=lambda m, i, t: m.a[i, t] * m.x[i, t] + 1)
    m.total = pyo.Expression(expr=3 * m.z + m.k)
    m.named = pyo.Constraint(m.I, rule=lambda m, i: sum(m.e[i, t] for t in m.T) - m.e[i, 1] <= m.total)


@ingredient(BY_TEMPLATE)
def one_row(m: Any, rng: np.random.Generator) -> None:
    m.one_row = pyo.Constraint(
        rule=lambda m: sum(m.d[n] * m.n[n] for n in m.N) + m.x[0, 1] >= -sum(m.c[i] for i in m.I)
    )


@ingredient(BY_TEMPLATE)
def off(m: Any, rng: np.random.Generator) -> None:
    m.off = pyo.Constraint(m.I, rule=lambda m, i: m.x[i, 1] >= 100)
    m.off.deactivate()


@ingredient(BY_TEMPLATE)
def powers(m: Any, rng: np.random.Generator) -> None:
    m.powers = pyo.Constraint(m.I, rule=lambda m, i: m.c[i] ** 2 * m.x[i, 2] - pyo.exp(m.k / 4) <= abs(m.k) + i**2)


@ingredient(BY_TEMPLATE)
def unlimited(m: Any, rng: np.random.Generator) -> None:
    m.room = pyo.Param(m.I, default=entries(np.where(rng.random(4) < 0.5, np.inf, 3.0)))
    m.unlimited = pyo.Constraint(m.I, rule=lambda m, i: m.x[i, 1] + m.x[i, 2] <= m.room[i])


@ingredient(BY_INDEX)
def skipped(m: Any, rng: np.random.Generator) -> None:
    m.skipped = pyo.Constraint(m.I, rule=lambda m, i: pyo.Constraint.Skip if i == 2 else m.x[i, 1] <= 1)


@ingredient(BY_INDEX)
def branching(m: Any, rng: np.random.Generator) -> None:
    m.branching = pyo.Constraint(m.I, rule=lambda m, i: m.x[i, 1] <= (1 if i in {1, 2} else m.x[0, 2]))


@ingredient(BY_INDEX)
def branching_by_name(m: Any, rng: np.random.Generator) -> None:
    """Nothing in it fails when it is called with placeholders: only comparing rows finds it out."""
    m.by_name = pyo.Constraint(m.I, rule=lambda m, i: m.x[i, 1] <= (1 if str(i) == "3" else 2))


@ingredient(BY_INDEX)
def looping(m: Any, rng: np.random.Generator) -> None:
    def rule(m: Any, i: int) -> Any:
        total: Any = m.z
        for t in m.T:
            total += m.x[i, t]
        return total <= 6

    m.looping = pyo.Constraint(m.I, rule=rule)


@ingredient(BY_INDEX)
def lists_in_sums(m: Any, rng: np.random.Generator) -> None:
    m.lists = pyo.Constraint(m.T, rule=lambda m, t: sum(m.x[i, t] * u for i in [0, 2] for u in m.T) <= 40)


@ingredient(BY_INDEX)
def slices(m: Any, rng: np.random.Generator) -> None:
    m.slices = pyo.Constraint(m.I, rule=lambda m, i: sum(m.x[i, :]) <= 8)


@ingredient(BY_INDEX)
def filtered(m: Any, rng: np.random.Generator) -> None:
    m.filtered = pyo.Constraint(m.T, rule=lambda m, t: sum(m.x[i, t] for i in m.I if i != 1) <= 4)


@ingredient(BY_INDEX)
def indexed_block(m: Any, rng: np.random.Generator) -> None:
    def rule(b: Any, i: int) -> None:
        b.w = pyo.Var(bounds=(0, i + 1))
        b.row = pyo.Constraint(expr=b.w + m.x[i, 1] <= 5)

    m.blocks = pyo.Block(m.I, rule=rule)


@ingredient(BY_INDEX)
def listed(m: Any, rng: np.random.Generator) -> None:
    m.listed = pyo.ConstraintList()
    m.listed.add(m.x[0, 1] + m.n["c"] <= 8)
    m.listed.add((-4, m.x[2, 2] + m.x[2, 3], 4))


@ingredient(BY_INDEX)
def touched(m: Any, rng: np.random.Generator) -> None:
    m.touched = pyo.Constraint(m.I, rule=lambda m, i: m.x[i, 3] <= 2)
    m.touched[1].deactivate()
    m.touched[2].set_value(m.x[2, 3] >= -1)


def build(names: list[str], seed: int, model: Any, block: Callable[[], Any], linear: bool = True) -> Any:
    """The ingredients on a model, every other one on a block of it."""
    rng = np.random.default_rng(seed)
    base(model, rng)
    for name in names:
        (BY_TEMPLATE | BY_INDEX)[name](model, rng)
    model.inner = block()
    model.inner.J = pyo.RangeSet(0, 1)
    model.inner.v = pyo.Var(model.inner.J, bounds=(0, 3))
    model.inner.row = pyo.Constraint(model.inner.J, rule=lambda b, j: b.v[j] + model.x[j, 1] <= 6)
    sense = rng.choice([pyo.minimize, pyo.maximize])

    def goal(m: Any) -> Any:
        total = sum(m.c[i] * m.x[i, t] for i in m.I for t in m.T) + sum(m.d[n] * m.n[n] for n in m.N) + m.z + 7
        total += sum(m.inner.v[j] for j in m.inner.J)
        return total if linear else total + m.k * m.x[0, 1] ** 2 + 2 * m.x[0, 1] * m.z + 3 * m.z**2

    model.goal = pyo.Objective(rule=goal, sense=pyo.minimize if not linear else sense)
    return model


models_of = st.lists(st.sampled_from(sorted(BY_TEMPLATE | BY_INDEX)), unique=True, max_size=8)


@few
@given(models_of, st.integers(0, 10**6))
def test_random_models_say_the_same_both_ways(names: list[str], seed: int) -> None:
    ordinary = build(names, seed, pyo.ConcreteModel(), pyo.Block)
    ours = build(names, seed, delayed_model(), delayed_block)
    program, expanded = translate(ours), translate(ordinary)
    try:
        expected = said_by_pyomo(ordinary)
    except NEVER_HOLDS:  # a row without variables: there it is for the solver to say so
        expected = said(expanded)
        assert any(not terms for _, _, terms in expected[0].values())
    assert_same(said(program), expected)
    assert_same(said(expanded), expected)
    assert_same(said(translate(ours)), expected)
    by_template = {getattr(c, "local_name", "") for c in ours.component_objects(pyo.Constraint)} - outside(program)
    assert by_template >= {n for n in names if n in {"sums", "nested", "one_row", "off", "powers", "repeated"}}
    one, other = (solve(m, Options(gap=0, time_limit=2)) for m in (ours, ordinary))
    if Stop.TIME_LIMIT not in (one.stop, other.stop):
        assert one.stop == other.stop
    if one.stop is other.stop is Stop.OPTIMAL:
        assert one.objective == pytest.approx(other.objective, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("delayed", [False, True])
def test_a_row_of_fixed_variables_that_cannot_hold_is_for_the_solver(delayed: bool) -> None:
    """Pyomo's standard form refuses it; the other rows are what they are."""
    model = delayed_model() if delayed else pyo.ConcreteModel()
    model.x = pyo.Var(range(3), bounds=(0, 9))
    model.limit = pyo.Constraint(range(3), rule=lambda m, i: (None, 2 * m.x[i] + 1, 5) if i else m.x[i] <= 5)
    model.total = pyo.Constraint(expr=(1, sum(model.x.values()), 20))
    model.cost = pyo.Objective(expr=model.x[0] + 2 * model.x[1] - model.x[2])
    before = said(translate(model))
    assert solve(model).stop is Stop.OPTIMAL
    model.x[1].fix(3)
    rows = said(translate(model))[0]
    assert rows.pop("limit[1]") == (-math.inf, -2.0, {})
    assert rows.pop("total") == (-2.0, 17.0, {"x[0]": 1.0, "x[2]": 1.0})
    assert rows == {name: row for name, row in before[0].items() if name in {"limit[0]", "limit[2]"}}
    assert solve(model).stop is Stop.INFEASIBLE


@pytest.mark.parametrize("name", sorted(BY_TEMPLATE))
def test_what_can_be_a_template_is_one(name: str) -> None:
    for seed in range(5):
        program = translate(build([name], seed, delayed_model(), delayed_block))
        assert outside(program) == set()


@pytest.mark.parametrize("name", sorted(BY_INDEX))
def test_what_cannot_be_a_template_is_left_to_pyomo_and_said(name: str) -> None:
    program = translate(build([name, "sums"], 1, delayed_model(), delayed_block))
    assert outside(program)
    assert "sums" not in outside(program)
    assert all(reason for _, reason in program.expanded)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6))
def test_quadratic_objectives_reach_the_same_optimum(seed: int) -> None:
    ours, ordinary = (
        build(["sums", "ranged"], seed, m, b, linear=False)
        for m, b in ((delayed_model(), delayed_block), (pyo.ConcreteModel(), pyo.Block))
    )
    for m in (ours, ordinary):
        for v in m.component_data_objects(pyo.Var):
            v.domain = pyo.Reals
    program = translate(ours)
    point = np.random.default_rng(seed).random(len(program.variables))
    for variable, value in zip(program.variables, point, strict=True):
        variable.set_value(float(value))
    square = program.hessian
    assume(square is not None)
    full = square + square.T - np.diag(square.diagonal())
    assert program.cost @ point + point @ full @ point / 2 + program.offset == pytest.approx(pyo.value(ours.goal))
    one, other = (solve(m, Options(time_limit=1)) for m in (ours, ordinary))
    if one.stop is other.stop is Stop.OPTIMAL:
        assert one.objective == pytest.approx(other.objective, rel=1e-5, abs=1e-5)
        assert one.objective == pytest.approx(pyo.value(ours.goal), rel=1e-5, abs=1e-5)


def test_integers_and_squares_together_are_refused() -> None:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.Integers, bounds=(0, 3))
    m.goal = pyo.Objective(expr=(m.x - 1) ** 2)
    with pytest.raises(ValueError, match="quadratic"):
        solve(m)


ASKED: list[Callable[[Any], Any]] = [
    list,
    len,
    lambda s: (0, 1, 2) in s,
    lambda s: ("a", 1, 2) in s,
    lambda s: (0.0, 1, 2) in s,
    lambda s: 0 in s,
    lambda s: s.ordered_data(),
    lambda s: [s.ord(member) for member in s],
    lambda s: list(reversed(s)),
    lambda s: s.add((9, 9, 9)) or list(s),
    lambda s: s.clear() or list(s),
    lambda s: sorted(s * s),
    lambda s: (s.dimen, s.isfinite(), str(s)),
]


@few
@given(st.integers(0, 10**6))
def test_a_set_kept_in_arrays_is_the_set_pyomo_makes(seed: int) -> None:
    mask = np.random.default_rng(seed).random((2, 3, 3)) < 0.4
    for ask in ASKED:
        answers = []
        for m in (delayed_model(), pyo.ConcreteModel(), delayed_model().clone()):
            m.S = pyo.Set(dimen=3, initialize=true_at(mask, axes=(0, 2, 1)))
            answers += [ask(m.clone().S), ask(m.S)]
        assert all(answer == answers[0] for answer in answers)


def test_translating_leaves_sets_in_arrays() -> None:
    m = joint_model(generate("features", "S", 1), formulation=Formulation.PLAIN).model
    assert translate(m).expanded == ()
    assert hasattr(m.pricing.A, "arrays")
    assert len(m.pricing.A) == len(list(m.pricing.A)) == len(m.pricing.y)
    assert not hasattr(m.pricing.A, "arrays")


# ---- our formulations


def both_routes(build_one: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Program, Any]:
    """The program by templates, and what Pyomo says of the model declared the ordinary way."""
    program = translate(build_one())
    with monkeypatch.context() as patch:
        patch.setattr(models, "delayed_model", lambda name: pyo.ConcreteModel(name=name))
        patch.setattr(models, "delayed_block", pyo.Block)
        ordinary = build_one()
    return program, ordinary


SMALL = [generate(family, "S", 3) for family in sorted(FAMILIES) if family != "retail"]
SMALL += [generate("features", "S", seed) for seed in range(3)] + [awkward_instance(seed) for seed in range(12)]


@pytest.mark.parametrize("instance", SMALL, ids=lambda instance: str(instance.name))
@pytest.mark.parametrize("formulation", list(Formulation))
def test_formulations_say_the_same_both_ways(
    instance: Instance, formulation: Formulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, ordinary = both_routes(lambda: joint_model(instance, None, formulation).model, monkeypatch)
    assert program.expanded == ()
    try:
        expected = said_by_pyomo(ordinary)
    except NEVER_HOLDS:
        pytest.skip("Pyomo does not translate a row without variables that cannot hold")
    assert_same(said(program), expected)


def test_pricing_alone_says_the_same_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def ties() -> Any:
        instance = generate("features", "S", 2)
        model = pricing_model(instance).model
        prefer_regular_prices(model, instance, 10.0)
        return model

    program, ordinary = both_routes(ties, monkeypatch)
    assert program.expanded == ()
    assert_same(said(program), said_by_pyomo(ordinary))


# ---- solving again


def lot(mutable: bool = True) -> Any:
    """Buy x for a changing price p to meet a changing demand d."""
    m = delayed_model("lot")
    m.I = pyo.RangeSet(0, 2)
    m.d = pyo.Param(m.I, initialize={0: 1.0, 1: 2.0, 2: 3.0}, mutable=mutable)
    m.p = pyo.Param(m.I, default=entries(np.array([1.0, 1.0, 1.0])), mutable=mutable)
    m.x = pyo.Var(m.I, bounds=(0, 9))
    m.calls = 0

    def rule(m: Any, i: int) -> Any:
        m.calls += 1
        return m.x[i] >= m.d[i]

    m.meet = pyo.Constraint(m.I, rule=rule)
    m.cost = pyo.Objective(rule=lambda m: sum(m.p[i] * m.x[i] for i in m.I))
    return m


def test_changed_parameters_count_without_rebuilding() -> None:
    m = lot()
    assert solve(m).objective == pytest.approx(6)
    calls = m.calls
    m.d[1] = 5.0
    assert solve(m).objective == pytest.approx(9)
    m.p[1] = 2.0
    assert solve(m).objective == pytest.approx(14)
    m.x[0].fix(4)
    assert solve(m).objective == pytest.approx(17)
    m.x[0].unfix()
    m.x[2].setlb(8)
    assert solve(m).objective == pytest.approx(19)
    assert m.calls == calls, "the rule was called anew"
    assert translate(m).expanded == ()


def test_rows_that_somebody_asked_for_count_as_they_are() -> None:
    m = lot()
    solve(m)
    m.meet[2].set_value(m.x[2] >= 7)
    m.meet[0].deactivate()
    assert solve(m).objective == pytest.approx(9)
    assert outside(translate(m)) == {"meet"}


def test_solutions_come_back_as_variables_arrays_and_tables() -> None:
    m = lot()
    solve(m)
    assert m.x[1].value == pytest.approx(2)
    assert values(m.x, (3,)) == pytest.approx(np.array([1.0, 2.0, 3.0]))
    assert [v.value for v in m.x.values()] == pytest.approx([1, 2, 3])
    assert m.x.get_values() == pytest.approx({0: 1.0, 1: 2.0, 2: 3.0})
    assert table(m.x).to_dict("list") == {"index0": [0, 1, 2], "value": pytest.approx([1, 2, 3])}
    assign(m.x, np.array([4.0, 5.0, 6.0]))
    assert (m.x[1].value, m.x[2].value) == (5, 6)
    assert pyo.value(m.cost) == pytest.approx(15)
    m.x[0].set_value(8)
    assert values(m.x, (3,)).tolist() == [8, 5, 6]


def test_the_same_model_serves_pyomos_own_writers(tmp_path: Any) -> None:
    m = build(sorted(BY_TEMPLATE | BY_INDEX), 4, delayed_model(), delayed_block)
    ordinary = build(sorted(BY_TEMPLATE | BY_INDEX), 4, pyo.ConcreteModel(), pyo.Block)
    translate(m)
    for model, name in ((m, "ours.lp"), (ordinary, "ordinary.lp"), (m.clone(), "clone.lp")):
        model.write(str(tmp_path / name), io_options={"symbolic_solver_labels": True})
    texts = {path.name: sorted(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert texts["ours.lp"] == texts["ordinary.lp"] == texts["clone.lp"]


def test_components_that_have_no_place_are_refused() -> None:
    m = delayed_model()
    m.x = pyo.Var([1, 2], bounds=(0, 1))
    m.sos = pyo.SOSConstraint(var=m.x, sos=1)
    m.goal = pyo.Objective(expr=m.x[1] + m.x[2])
    with pytest.raises(ValueError, match="sos"):
        translate(m)


def test_the_example_of_the_page_does_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "models" / "on-the-way-to-highs.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(code, {})
    first, second, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("18.0 (('first_items_only', ")
    assert second == "27.0"
    assert len(rows) == 4


def test_estimation_goes_by_templates() -> None:
    program = translate(build_estimation(tiny_records(), EstimationOptions()))
    assert program.expanded == ()


# ---- versions of Pyomo


def test_without_templates_models_are_ordinary_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MISSING", "Pyomo 99 lacks what templates are made of")
    guard.works.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="Pyomo 99"):
            m = build(["sums"], 1, delayed_model(), delayed_block)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert type(delayed_model()) is pyo.ConcreteModel  # once is enough
        program = translate(m)
        assert ("sums", "Pyomo 99 lacks what templates are made of") in program.expanded
        assert_same(said(program), said_by_pyomo(m))
    finally:
        monkeypatch.undo()
        guard.works.cache_clear()
    assert guard.works()


def test_a_pyomo_that_means_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from desilo.solving import templates

    monkeypatch.setattr(templates, "_times", lambda number, value, frame: value)
    assert "another meaning" in guard._trial()


def test_ctrl_c_while_a_rule_is_templatized_is_heard() -> None:
    keys = iter([KeyboardInterrupt])  # pressed once

    def pressed(j: Any) -> Any:
        for key in keys:
            raise key
        return j

    m = delayed_model("m")
    m.I, m.J = pyo.RangeSet(2), pyo.RangeSet(3)
    m.x = pyo.Var(m.I, m.J)

    @m.Constraint(m.I)
    def each(m: Any, i: Any) -> Any:
        return sum(pressed(j) for j in m.J) + m.x[i, 1] <= 1

    m.cost = pyo.Objective(expr=0)
    with pytest.raises(KeyboardInterrupt):
        translate(m)
