"""Verdicts come from intervals and controls alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from small_claims import EXPERIMENT, SCALE, claim, effect

from desilo.harness.claims.claim import Region, Test, above, below, between, null
from desilo.harness.claims.statistics import LEVEL, clusters_needed, corrected, detectable, measure
from desilo.harness.claims.verdict import Verdict, judge, verdict
from desilo.harness.measure import Interval

FINITE = st.floats(-1e6, 1e6)
OUTCOMES = st.lists(st.booleans(), min_size=1, max_size=6)


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, LEVEL, 30)


@given(OUTCOMES, OUTCOMES)
def test_a_verdict_follows_from_what_was_found(held: list[bool], nulls: list[bool]) -> None:
    found = verdict(held, nulls)
    assert (found is Verdict.VOID) == (not all(nulls))
    assert (found is Verdict.REPRODUCED) == (all(nulls) and all(held))
    assert (found is Verdict.NOT_REPRODUCED) == (all(nulls) and not any(held))
    assert found is not Verdict.OUTSIDE


def test_without_tests_a_claim_is_outside() -> None:
    assert verdict([], []) is Verdict.OUTSIDE


@given(OUTCOMES, st.integers(0, 5))
def test_one_more_test_that_holds_never_makes_a_verdict_worse(held: list[bool], which: int) -> None:
    order = [Verdict.NOT_REPRODUCED, Verdict.PARTLY, Verdict.REPRODUCED]
    better = [holds or k == which % len(held) for k, holds in enumerate(held)]
    assert order.index(verdict(better, [True])) >= order.index(verdict(held, [True]))


@given(FINITE, FINITE, FINITE)
def test_an_interval_holds_only_if_all_of_it_is_inside(low: float, high: float, bound: float) -> None:
    low, high = min(low, high), max(low, high)
    assert above(bound).holds(interval(low, high)) == (low > bound)
    assert below(bound).holds(interval(low, high)) == (high < bound)
    assert between(bound, bound + 10).holds(interval(low, high)) == (bound <= low and high <= bound + 10)
    assert not (above(bound).holds(interval(low, high)) and below(bound).holds(interval(low, high)))


def test_nothing_holds_of_what_is_unknown_and_no_effect_is_no_sign() -> None:
    unknown = Interval(1.0, np.nan, np.nan, LEVEL, 1)
    assert not any(region.holds(unknown) for region in (above(0), below(0), between(-9, 9), null(9)))
    nothing = interval(0.0, 0.0)
    assert null(0.1).holds(nothing) and not above(0).holds(nothing) and not below(0).holds(nothing)


def test_regions_read_as_they_are_meant_and_empty_ones_cannot_be() -> None:
    assert [str(r) for r in (above(0), below(1), between(2, 5), null(0.1))] == [
        "above 0",
        "below 1",
        "2 to 5",
        "within ±0.1",
    ]
    with pytest.raises(ValueError):
        Region(3, 3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 100))
def test_what_is_judged_is_wider_than_what_is_shown_and_both_hold_the_mean(seed: int, together: int) -> None:
    values = pd.Series(np.random.default_rng(seed).lognormal(0, 1, 40))
    found = measure(values, together, 1)
    assert found.judged.low <= found.shown.low <= found.shown.estimate <= found.shown.high <= found.judged.high
    assert found.shown.estimate == pytest.approx(values.mean())
    assert found.shown.clusters == 40


def test_signs_change_sides_with_the_values() -> None:
    values = pd.Series(np.random.default_rng(5).normal(1, 1, 60))
    found, mirrored = measure(values, 10, 1), measure(-values, 10, 1)
    assert above(0).holds(found.judged) and below(0).holds(mirrored.judged)
    assert mirrored.judged.low == pytest.approx(-found.judged.high, abs=0.1)


def test_levels_and_power_are_textbook() -> None:
    assert corrected(1) == LEVEL
    assert corrected(50) == pytest.approx(0.999)
    # two-sided z-test, 80% power: n = ((1.959964 + 0.841621) / 0.5)^2 = 31.4
    assert clusters_needed(0.5, 1) == 32
    values = np.array([-1.0, 1.0] * 16)
    assert detectable(values, LEVEL) == pytest.approx(
        (1.959964 + 0.841621) * values.std(ddof=1) / np.sqrt(32), rel=1e-6
    )


def test_the_judged_interval_covers_at_its_level_where_values_are_skewed() -> None:
    """Of 200 samples of 30 lognormal values, judged at 99%, all but a few cover the mean."""
    rng = np.random.default_rng(3)
    samples = rng.lognormal(0, 0.5, (200, 30))
    t = [stats.t.interval(0.99, 29, s.mean(), s.std(ddof=1) / 30**0.5) for s in samples]
    wide = [measure(pd.Series(s), 5, 1).judged for s in samples]
    mean = np.exp(0.125)
    missed = sum(not found.low <= mean <= found.high for found in wide)
    assert missed <= sum(not low <= mean <= high for low, high in t)
    assert missed <= 8


def test_too_many_unknown_values_leave_no_interval() -> None:
    values = pd.Series(np.arange(100.0))
    assert measure(values.mask(values < 5), 1, 1).shown.known
    assert measure(values.mask(values < 5), 1, 1).unknown == 5
    assert not measure(values.mask(values < 6), 1, 1).shown.known
    assert not measure(pd.Series([], dtype=float), 1, 1).judged.known


def records(coupling: float) -> dict[str, pd.DataFrame]:
    scale = replace(SCALE, coupling=coupling)
    rows = [{"cluster": t.cluster, **t.at, **EXPERIMENT.work(t)} for t in EXPERIMENT.trials(scale)]
    return {"made-up": pd.DataFrame(rows)}


def test_an_effect_is_reproduced_and_in_the_null_world_it_is_not() -> None:
    assert judge(claim(), records(1.0), SCALE, 2).verdict is Verdict.REPRODUCED
    planted = judge(claim(), records(0.0), replace(SCALE, coupling=0.0), 2)
    assert planted.verdict is Verdict.NOT_REPRODUCED and planted.control_passed


def test_a_control_that_is_not_null_voids_the_verdict() -> None:
    tables = records(1.0)
    tables["made-up"].loc[tables["made-up"]["coupling"] == 0, "effect"] += 0.2
    found = judge(claim(), tables, SCALE, 2)
    assert found.verdict is Verdict.VOID and found.control_passed is False


def test_bundled_cases_stay_out_where_the_dial_of_coupling_is_turned() -> None:
    generated = claim().tests[0]
    real = Test("there", EXPERIMENT, effect, "units", above(0), domain="tuna")
    touching = replace(claim(), tests=(generated, real))
    assert touching.tests_at(1.0) == (generated, real)
    assert touching.tests_at(0.0) == (generated,)
    assert replace(touching, coupling=False).tests_at(0.0) == (generated, real)


def test_a_claim_has_tests_and_controls_or_a_reason_why_not() -> None:
    with pytest.raises(ValueError):
        replace(claim(), tests=())
    with pytest.raises(ValueError):
        replace(claim(), controls=())
    with pytest.raises(ValueError):
        replace(claim(), beyond="about the weather")
    outside = replace(claim(), tests=(), controls=(), beyond="about the weather")
    found = judge(outside, {}, SCALE, 2)
    assert found.verdict is Verdict.OUTSIDE and found.control_passed is None
