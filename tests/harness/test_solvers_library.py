"""The library: entries stay what they are, variants mean what they say, and every kind of problem is checked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.cases.errors import BadInput
from desilo.cases.generate import FAMILIES as GENERATORS
from desilo.cases.generate import Dials, Shape, generate
from desilo.cases.instance import Instance
from desilo.cases.opening import WINDOWS
from desilo.cases.reading import read_instance
from desilo.cases.variants import known_demand, orders_alone, prices_alone, without_substitution
from desilo.formulations.estimation import Coefficients, EstimationOptions, Records, estimate
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import pricing_model
from desilo.harness.solvers.library.entries import FAMILIES, SIZES, entries, find, select
from desilo.harness.solvers.library.problems import Estimation, Planning
from desilo.solving import Options, Stop, solve

ENTRIES = entries()
SMALL = [entry for entry in ENTRIES.values() if entry.size == "S"]


def tiny(generator: str, seed: int = 1, **dials: float) -> Instance:
    """A generated instance that any solver is done with at once."""
    made = GENERATORS[generator].build(Shape(3, 2, 3, 2), np.random.default_rng(seed), Dials(**dials))
    return replace(made, name="tiny")


# ---- the table


def test_there_are_enough_entries_of_every_sort() -> None:
    assert len(ENTRIES) >= 60
    for family in FAMILIES:
        own = [entry for entry in ENTRIES.values() if entry.family == family]
        tags = {tag for entry in own for tag in entry.tags}
        assert {"real", "generated", "stochastic", "deterministic"} <= tags, family
        assert {entry.size for entry in own} == set(SIZES), family
        if family != "inventory":  # at given prices there is nothing to substitute
            assert {"substitution" in entry.tags for entry in own} == {True, False}, family


def test_names_are_slugs_that_begin_with_the_family() -> None:
    for name, entry in ENTRIES.items():
        assert name.startswith(f"{entry.family}-{entry.source}-{entry.size}")
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzSMLX0123456789-."), name
    assert len({entry.digest for entry in ENTRIES.values()}) == len(ENTRIES)


@pytest.mark.parametrize("entry", SMALL, ids=lambda entry: entry.name)
def test_every_entry_is_the_problem_it_was(entry) -> None:  # type: ignore[no-untyped-def]
    """All of them: `desilo library verify`."""
    problem = entry.problem
    assert problem.digest() == entry.digest
    if isinstance(problem, Planning):
        assert problem.instance.name == entry.name
        assert (len(problem.instance.scenarios) == 1) == ("deterministic" in entry.tags)
        assert (len(problem.instance.cross_effects) > 0) == ("substitution" in entry.tags)


@pytest.mark.parametrize("family", FAMILIES)
def test_large_entries_are_the_problems_they_were(family: str) -> None:
    entry = next(entry for entry in ENTRIES.values() if entry.family == family and entry.size == "L")
    assert entry.problem.digest() == entry.digest


def test_every_frozen_window_is_used() -> None:
    sources = {entry.source for entry in ENTRIES.values()}
    assert {folder.name for folder in WINDOWS.iterdir()} <= sources


# ---- choosing


def test_entries_are_chosen_by_name_wildcard_family_size_and_tag() -> None:
    assert select([]) == tuple(ENTRIES.values())
    assert [entry.name for entry in select(["joint-retail-S-1"])] == ["joint-retail-S-1"]
    assert {entry.family for entry in select(["pricing", "joint-*"])} == {"pricing", "joint"}
    assert all(
        entry.size == "S" and "real" in entry.tags and entry.family == "joint" for entry in select(["joint+S+real"])
    )
    assert set(select(["joint+S+real"])) < set(select(["joint+S"])) < set(select(["S"]))


def test_all_that_fits_nothing_is_named_with_a_hint() -> None:
    with pytest.raises(BadInput) as caught:
        select(["joint-retail-S-9", "pricng", "demand+real+XL"])
    hints = [problem.message for problem in caught.value.problems]
    assert "did you mean 'joint-retail-S-" in hints[0]
    assert "did you mean 'pricing'" in hints[1]
    assert hints[2] == "no entry fits all parts of 'demand+real+XL'"
    with pytest.raises(BadInput, match="did you mean 'demand-tuna-S'"):
        find("demand-tuna-s")


# ---- variants


@pytest.mark.parametrize("formulation", [Formulation.TIGHT, Formulation.PLAIN])
def test_a_pricing_problem_is_the_pricing_function_at_unlimited_supply(formulation: Formulation) -> None:
    """The expected margin of the pricing model's own optimum, to the solver's tolerance."""
    for generator in ("substitution", "retail"):
        alone = prices_alone(tiny(generator))
        problem = Planning(alone)
        model = problem.model(formulation)
        outcome = solve(model, Options(gap=0.0))
        found = problem.check(problem.solution(model))
        margin = solve(pricing_model(alone).model, Options(gap=0.0)).objective
        assert outcome.stop is Stop.OPTIMAL
        assert found.feasible
        assert found.objective == pytest.approx(margin, rel=1e-6)


def test_an_inventory_problem_has_one_level_and_keeps_the_other_limits() -> None:
    whole = tiny("substitution")
    alone = orders_alone(whole)
    assert alone.price[:, 0].tolist() == whole.reference_price.tolist()
    assert alone.demand.shape == (*whole.demand.shape[:2], 1, whole.demand.shape[3])
    assert {resource.name for resource in alone.resources} == {"storage", "spend"}
    assert len(alone.cross_effects) == 0


def test_known_demand_is_expected_demand_and_never_less() -> None:
    window = read_instance(WINDOWS / "tuna-month")
    known = known_demand(window)
    assert known.demand.shape[3] == 1
    assert np.all(known.demand[..., 0] >= window.expected_demand - 1e-9)
    assert np.all(known.demand[..., 0] <= window.expected_demand + 1.1e-4)
    assert len(without_substitution(window).cross_effects) == 0


# ---- checks


def market(seed: int) -> Records:
    """Records of three items with gaps, in figures that a plain program can be written for."""
    rng = np.random.default_rng(seed)
    units = rng.normal(3, 1, (3, 12))
    units[rng.random(units.shape) < 0.1] = np.nan
    feature = rng.random((3, 12, 1)) * (rng.random((3, 12, 1)) < 0.4)
    return Records(units, rng.normal(0, 0.2, (3, 12)), feature, np.array([[0.0, 1.0]]), rng.normal(size=(12, 2)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.3, 0.5]), st.sampled_from([0.0, 0.005, 0.1]))
def test_the_loss_of_a_fit_is_the_optimum_of_its_program(seed: int, tau: float, pooling: float) -> None:
    records, options = market(seed), EstimationOptions(tau=tau, pooling=pooling)
    fitted = estimate(records, options)
    found = Estimation("market", records, options).check(fitted)
    assert found.feasible
    assert found.objective == pytest.approx(fitted.objective, abs=1e-6)


def test_any_other_fit_loses_more() -> None:
    records = market(1)
    problem, best = Estimation("market", records), estimate(market(1))
    rng = np.random.default_rng(0)
    for _ in range(20):
        other = replace(best, level=best.level + rng.normal(0, 0.1, 3), own=best.own - rng.uniform(0, 1, 3))
        found = problem.check(other)
        assert found.feasible
        assert found.objective is not None
        assert found.objective >= best.objective - 1e-9


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"own": np.full(3, -0.4)}, "own: above -e_min, by 0.1"),
        ({"cross": np.full((3, 3), -0.2) * ~np.eye(3, dtype=bool)}, "cross: negative, by 0.2"),
        ({"cross": 0.1 * np.eye(3)}, "cross: an item's effect on itself, by 0.1"),
        ({"cross": np.full((3, 3), 1.0) * ~np.eye(3, dtype=bool)}, "(E2): the group gains by dearer prices, by 1.25"),
        ({"covariates": np.full((3, 1), -0.5)}, "covariates: below their limit, by 0.5"),
        ({"covariates": np.full((3, 1), 1.5)}, "covariates: above their limit, by 0.5"),
    ],
)
def test_a_fit_that_breaks_a_rule_is_none(wrong: dict[str, object], said: str) -> None:
    plain = Coefficients(np.zeros(3), np.full(3, -1.0), np.zeros((3, 3)), np.zeros((3, 1)), np.zeros(2))
    problem = Estimation("market", market(1))
    assert problem.check(plain).feasible
    found = problem.check(replace(plain, **wrong))  # type: ignore[arg-type]
    assert not found.feasible
    assert said in found.violations


# ---- files


@pytest.mark.parametrize("name", ["demand-history-S-1", "joint-features-S-1"])
def test_solutions_are_read_as_they_were_written(name: str, tmp_path: Path) -> None:
    entry = find(name)
    model = entry.program_model()
    solve(model)
    solution = entry.solution(model)
    entry.problem.write(solution, tmp_path / "solution.json")
    again = entry.problem.read(tmp_path / "solution.json")
    for field, figure in vars(solution).items():
        assert np.array_equal(getattr(again, field), figure)
    assert entry.check(again) == entry.check(solution)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON is expected"),
        ('{"instance": "market"}', "level: missing"),
        ('{"instance": "other", "level": [0], "own": [], "cross": [[1], []], "covariates": [], "season": []}', "other"),
    ],
)
def test_a_file_that_is_no_fit_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "fit.json").write_text(text)
    with pytest.raises(BadInput, match=said):
        Estimation("market", market(1)).read(tmp_path / "fit.json")


def test_records_are_exported_without_nan(tmp_path: Path) -> None:
    records = market(1)
    Estimation("market", records).export(tmp_path / "market")
    found = json.loads((tmp_path / "market" / "records.json").read_text())
    units = np.array(found["log_units"], dtype=float)
    assert np.array_equal(units, records.log_units, equal_nan=True)
    assert np.isnan(units).any()
    assert found["options"]["tau"] == 0.5


def test_generated_histories_turn_on_their_dials_alone() -> None:
    """Without noise and pooling the truth fits perfectly; without substitution only demand differs."""
    noisy, known, separate = (
        find(name).problem for name in ("demand-history-S-1", "demand-history-S-2-known", "demand-history-S-3-separate")
    )
    assert isinstance(known, Estimation)
    free = replace(known, options=EstimationOptions(pooling=0, min_own_elasticity=0, min_group_elasticity=0))
    model = free.model()
    assert solve(model).objective == pytest.approx(0, abs=1e-3)  # but for the rounding of the records
    assert {type(noisy), type(separate)} == {Estimation}
    assert generate("retail", "S", 1, substitution=0).digest() != generate("retail", "S", 1).digest()
