"""The experiments of the claims: what a firm comes to in every wiring, and what is read off the records."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from desilo.harness.claims import metrics
from desilo.harness.claims.experiment import Records, Scale, Trial
from desilo.harness.claims.experiments import adoption, population, scale, windows, wirings
from desilo.harness.claims.firm import CONNECTED_PAIR, KEEPING_SERVICE, OPTIONS, compare, decide_as, keep_service
from desilo.harness.claims.world import Dials, world
from desilo.harness.experiment import HANDED_ON, ISOLATED, JOINT, PRICING_LAST, SIDE_BY_SIDE, STATUS_QUO
from desilo.operating.decision import Function, Strength

SMALL = Dials(items=3, periods=2, scenarios=2, levels=3)

MODELS = (*SIDE_BY_SIDE, *(name for name in HANDED_ON if name not in PRICING_LAST), JOINT)


@cache
def small(seed: int, coupling: float) -> dict[str, float]:
    """A very small firm in every wiring."""
    return compare(world(seed, replace(SMALL, coupling=coupling)), models=MODELS)


@cache
def table() -> Records:
    """Two of them, and their null worlds."""
    return pd.DataFrame(
        [
            {"cluster": f"world-{seed}", "coupling": coupling, **small(seed, coupling)}
            for coupling in (1.0, 0.0)
            for seed in range(2)
        ]
    )


def coupled() -> Records:
    return table()[table()["coupling"] == 1]


def test_a_null_world_is_null() -> None:
    """Without coupling, prices alone bring all there is, however the functions are wired."""
    null = table()[table()["coupling"] == 0]
    for model in (ISOLATED, JOINT, CONNECTED_PAIR, *(name for name in HANDED_ON if f"{name}: profit" in null)):
        assert metrics.over(model, "pricing-only")(null).abs().max() < 1e-4
        assert metrics.interaction(model)(null).abs().max() < 1e-4
    for function in (Function.DEMAND, Function.INVENTORY):
        assert metrics.spill(function)(null).abs().max() < 1e-4
    assert metrics.gain("pricing-only")(null).max() > 0.01


def test_coupled_worlds_are_not_null() -> None:
    assert metrics.over(JOINT, ISOLATED)(coupled()).abs().max() > 0.1
    assert metrics.leakage(coupled()).abs().max() > 0.1


@pytest.mark.parametrize("connected", [False, True])
def test_dividends_and_shapley_values_add_up_to_the_gain_of_all(connected: bool) -> None:
    sets = [frozenset(some) for size in (1, 2, 3) for some in combinations(Function, size)]
    gain = metrics.gain(JOINT if connected else ISOLATED)(coupled())
    dividends = sum(metrics.dividend(those, connected)(coupled()) for those in sets)
    assert np.allclose(dividends, gain)
    assert np.allclose(sum(metrics.shapley_value(function, connected)(coupled()) for function in Function), gain)
    assert np.allclose(sum(metrics.marginal(position, connected)(coupled()) for position in (1, 2, 3)), gain)
    shares = sum(metrics.shapley_share(function, connected)(coupled()).mean() for function in Function)
    assert shares == pytest.approx(1)


def test_interaction_is_all_dividends_of_more_than_one_function() -> None:
    sets = [frozenset(some) for size in (2, 3) for some in combinations(Function, size)]
    assert np.allclose(
        metrics.interaction(ISOLATED)(coupled()),
        sum(metrics.dividend(those, connected=False)(coupled()) for those in sets),
    )


def test_effects_of_all_causes_add_up_to_the_gain() -> None:
    causes = ("revenue", "purchase", "order", "holding", "lost_sales", "overage", "salvage")
    for model in ("pricing-only", ISOLATED):
        gain = metrics.gain(model)(coupled())
        assert np.allclose(sum(metrics.effect(model, cause)(coupled()) for cause in causes), gain)
        areas = [metrics.area_effect(model, area)(coupled()) for area in (Function.PRICING, Function.INVENTORY)]
        assert np.allclose(areas[0] + areas[1], gain)


def test_pooled_share_is_the_ratio_of_the_sums() -> None:
    part, whole = pd.Series([1.0, 2.0, 9.0]), pd.Series([2.0, 4.0, 10.0])
    assert metrics.pooled_share(part, whole).mean() == pytest.approx(12 / 16)
    assert np.ptp(metrics.pooled_share(whole / 2, whole)) == pytest.approx(0)


def test_best_sequential_promises_most() -> None:
    best = metrics.best_sequential(coupled())
    promised = {name: coupled()[f"{name}: promise"].mean() for name in HANDED_ON if f"{name}: promise" in coupled()}
    assert promised[best] == max(promised.values())


def test_one_trial_a_cluster_is_asked_for() -> None:
    with pytest.raises(ValueError, match="more than one trial"):
        metrics.gain(JOINT)(table())
    assert len(metrics.on(metrics.gain(JOINT), coupling=0.0)(table())) == 2


def test_inventory_bound_to_todays_service_promises_it() -> None:
    problems = world(1, SMALL)
    today = decide_as(STATUS_QUO, problems)
    free, bound = decide_as("inventory-only", problems), keep_service(problems, today)
    assert bound.objective <= free.objective * (1 + OPTIONS.gap)
    assert bound.objective >= today.objective * (1 - 1e-9)  # today's plan is open to it
    assert not math.isnan(coupled()[f"{KEEPING_SERVICE}: profit"].sum())


def test_teams_tell_less_than_a_centre_must_know() -> None:
    two_teams = compare(world(1, replace(SMALL, items=6)), models=MODELS)
    records = pd.DataFrame([{"cluster": "world-1", **two_teams}])
    assert metrics.told(Strength.LIMITS, "revealed")(records).iloc[0] > 0
    assert (
        metrics.told(Strength.LIMITS, "revealed")(records).iloc[0]
        <= metrics.told(Strength.REPAIR, "revealed")(records).iloc[0]
    )
    assert metrics.promised_over("repair", "limits")(records).iloc[0] >= -1e-9


def test_a_trial_repeats_itself() -> None:
    again = compare(world(1, SMALL), models=MODELS)
    assert {name: repr(value) for name, value in again.items()} == {
        name: repr(value) for name, value in small(1, 1.0).items()
    }


def test_trials_of_real_cases_are_windows_of_every_zone() -> None:
    trials = windows.trials(Scale("full", seed=1, worlds=1, windows=10, firms=1))
    juice = [trial for trial in trials if trial.at["case"] == "orange-juice"]
    assert len(juice) == 30
    assert len({trial.slug for trial in trials}) == len({trial.cluster for trial in trials}) == len(trials)
    assert len(windows.trials(Scale("quick", seed=1, worlds=1, windows=10, firms=1))) < len(trials)


def test_every_world_has_a_null_world() -> None:
    trials = wirings.trials(Scale("quick", seed=5, worlds=2, windows=1, firms=1))
    assert [(trial.cluster, trial.at["coupling"]) for trial in trials] == [
        (f"world-{seed}", coupling) for seed in (5, 6) for coupling in (1.0, 0.0)
    ]
    planted = wirings.trials(Scale("quick", seed=5, worlds=2, windows=1, firms=1, coupling=0.0))
    assert {trial.at["coupled"] for trial in planted} == {0.0}
    assert isinstance(planted[0], Trial)


def test_the_lorenz_curve_rises_ever_faster_from_nothing_to_all() -> None:
    gains = np.random.default_rng(1).exponential(size=200)
    firms, returns = population.lorenz(gains)
    assert firms[0] == returns[0] == 0
    assert firms[-1] == 1
    assert returns[-1] == pytest.approx(1)
    assert (np.diff(returns) >= 0).all()
    assert (np.diff(returns, 2) >= -1e-12).all()
    assert (returns <= firms + 1e-12).all()


def test_the_top_fifth_of_equal_firms_has_a_fifth() -> None:
    assert population.share_of_top(np.ones(50)) == pytest.approx(20)
    assert population.share_of_top(np.r_[np.zeros(40), np.ones(10)]) == pytest.approx(100)
    assert math.isnan(population.share_of_top(-np.ones(5)))


def firms(effect: float, count: int = 200) -> Records:
    """A population in which the wiring is worth so much and the rest is chance."""
    rng = np.random.default_rng(3)
    wiring = rng.integers(5, size=count)
    noise = rng.exponential(size=count)
    return pd.DataFrame(
        {
            "cluster": [f"firm-{k}" for k in range(count)],
            "coordination": np.array(list(population.COORDINATION))[wiring],
            "error": rng.choice(population.ERROR, count),
            "coupling": rng.choice(population.COUPLING, count),
            "status quo": 10.0,
            "own": 10 + effect * wiring + noise,
            "isolated": 10 + noise,
        }
    )


def test_what_drives_returns_is_found() -> None:
    driven = firms(effect=5)
    assert population.explained("coordination")(driven).mean() > 90
    assert population.coordination_over_capability(driven).mean() > 90
    assert abs(population.placebo_explained(driven).mean()) < 5
    assert abs(population.explained("coordination")(firms(effect=0)).mean()) < 5


def test_pseudo_values_have_the_figure_as_their_mean() -> None:
    some = firms(effect=1)
    values = population.top_share(some)
    assert list(values.index) == list(some["cluster"])
    assert values.mean() == pytest.approx(population.share_of_top(population.returns(some)), abs=1)
    times = population.multiple(some).mean()
    assert times == pytest.approx(4 * values.mean() / (100 - values.mean()), rel=0.05)


def test_where_the_wiring_is_worth_nothing_the_placebo_is_the_population() -> None:
    null = firms(effect=0)
    idle = null["coordination"] == "none"
    null["own"] = null["isolated"].where(~idle, null["status quo"])
    assert population.top_share_over_placebo(null).to_numpy() == pytest.approx(0, abs=1e-9)


def test_a_firm_without_a_plan_is_unknown_and_takes_nothing_from_the_others() -> None:
    some = firms(effect=1)
    one = some.copy()
    one.loc[7, "own"] = np.nan
    values = population.top_share(one)
    assert list(values.index) == list(some["cluster"])
    assert values.isna().sum() == 1 and np.isnan(values["firm-7"])
    assert values.dropna().to_list() == population.top_share(some.drop(index=7)).to_list()


def test_firms_of_a_population_draw_by_themselves() -> None:
    trials = population.trials(Scale("full", seed=1, worlds=1, windows=1, firms=200))
    more = population.trials(Scale("full", seed=1, worlds=1, windows=1, firms=300))
    assert trials == more[:200]
    assert {trial.at["coordination"] for trial in trials} == set(population.COORDINATION)
    assert len({trial.slug for trial in more}) == 300


def test_a_firm_of_a_population_is_worked_out() -> None:
    nobody = Trial("population", "firm-1", {"coordination": "none", "coupling": 0.0, "error": 1.0, "coupled": 0.0})
    found = population.work(nobody)
    assert found["own"] == found["status quo"]
    assert found["isolated"] > found["status quo"]  # without coupling, better prices are all gain


def test_halves_that_do_not_touch_lose_nothing() -> None:
    trial = next(t for t in adoption.trials(Scale("full", 1, 1, 1, 1)) if t.at["coupling"] == 0)
    records = pd.DataFrame([{"cluster": trial.cluster, **trial.at, **adoption.work(trial)}])
    for wiring in adoption.WIRINGS:
        for spread in ("together", "scattered"):
            assert abs(adoption.shortfall(wiring, spread)(records).iloc[0]) < 1e-4
            assert adoption.share_of_gain(wiring, spread)(records).iloc[0] == pytest.approx(50, abs=0.01)


def test_leakage_is_compared_between_sizes() -> None:
    trials = [t for t in scale.trials(Scale("full", 1, 1, 1, 1)) if t.at["coupling"] == 0]
    records = pd.DataFrame([{"cluster": t.cluster, **t.at, **scale.work(t)} for t in trials])
    grown = scale.leakage_growth(records).iloc[0]
    assert grown == pytest.approx(
        scale.leakage_at(scale.LARGEST)(records).iloc[0] - scale.leakage_at(scale.SMALLEST)(records).iloc[0]
    )
    assert scale.disconnection_growth(records).iloc[0] == pytest.approx(0, abs=1e-4)
