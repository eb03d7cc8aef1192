"""Statistics of experiments against published and hand-computed figures."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.harness.measure import (
    GainInterval,
    capture,
    cost_matrix,
    harsanyi,
    leakage,
    paired_bootstrap,
    shapley,
    shifted_geometric_mean,
)
from desilo.harness.sell import EFFECT_ON_PROFIT

FUNCTIONS = ("P", "D", "I")
SETS = [frozenset(part) for size in (1, 2, 3) for part in combinations(FUNCTIONS, size)]
money = st.floats(-1e4, 1e4)


@given(isolated=money, gain=st.floats(0.1, 1e4), share=st.floats(-2, 2))
@settings(max_examples=50, deadline=None)
def test_captured_is_the_share_of_the_gain(isolated: float, gain: float, share: float) -> None:
    found = capture(isolated, isolated + share * gain, isolated + gain)
    assert found == pytest.approx(share, abs=1e-6)


def test_nothing_is_captured_of_no_gain() -> None:
    assert capture(1000.0, 1001.0, 1000.0) is None
    assert capture(1000.0, 1001.0, 1000.0 + 1e-6) is None
    assert capture(1000.0, 999.0, 990.0) is None
    assert capture(1000.0, 999.0, float("inf")) is None
    assert capture(-1000.0, -990.0, -980.0) == pytest.approx(0.5)


def worth(*values: float) -> dict[frozenset[str], float]:
    """Worth of P, D, I, PD, PI, DI, PDI."""
    return dict(zip(SETS, values, strict=True))


# --- paired bootstrap


def test_bootstrap_mean_is_over_observations_and_interval_over_clusters():
    found = paired_bootstrap([0, 0, 0], [1, 2, 6], ["x", "x", "y"], seed=1)
    assert found.estimate == pytest.approx(3)
    # only three resamples differ: xx 1.5, xy 3, yy 6
    assert found.low in (1.5, 3.0)
    assert found.high == 6.0
    assert found.clusters == 2


def test_bootstrap_of_one_cluster_is_unknown_and_says_so():
    found = paired_bootstrap([1, 2], [2, 4], ["x", "x"], seed=1)
    assert found.estimate == 1.5
    assert np.isnan([found.low, found.high]).all()
    assert not found.known
    assert not found.excludes_zero
    assert "1 independent" in found.note
    assert "unknown" in str(found)


def test_bootstrap_repeated_observations_of_a_cluster_do_not_narrow_the_interval():
    once = paired_bootstrap(np.zeros(12), np.arange(12.0), range(12), seed=1)
    many = paired_bootstrap(np.zeros(60), np.repeat(np.arange(12.0), 5), np.repeat(range(12), 5).tolist(), seed=1)
    assert (many.low, many.high) == (once.low, once.high)


def test_bootstrap_is_the_interval_of_the_mean_for_normal_data():
    gains = np.random.default_rng(7).normal(1.0, 2.0, 200)
    found = paired_bootstrap(np.zeros(200), gains, range(200), seed=1)
    half = 1.96 * gains.std(ddof=1) / np.sqrt(200)
    assert found.low == pytest.approx(gains.mean() - half, abs=0.05)
    assert found.high == pytest.approx(gains.mean() + half, abs=0.05)
    assert found.excludes_zero
    assert found.note == ""


def test_bootstrap_uses_pairs_and_turns_with_the_sign():
    base = np.random.default_rng(1).normal(0, 1000, 30)
    gain = np.linspace(1, 2, 30)
    found = paired_bootstrap(base, base + gain, range(30), seed=3)
    assert 1 < found.low < found.estimate < found.high < 2
    turned = paired_bootstrap(base + gain, base, range(30), seed=3)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=0.01)


def test_bootstrap_of_equal_gains_has_no_width():
    found = paired_bootstrap([1, 2, 3], [1, 2, 3], "abc", seed=1)
    assert (found.estimate, found.low, found.high) == (0, 0, 0)
    assert not found.excludes_zero
    assert "only 3" in found.note


@pytest.mark.parametrize(
    ("a", "b", "clusters"), [([], [], []), ([1], [1, 2], ["x"]), ([1], [1], []), ([1], [np.nan], ["x"])]
)
def test_bootstrap_refuses_what_is_no_paired_sample(a, b, clusters):
    with pytest.raises(ValueError):
        paired_bootstrap(a, b, clusters, seed=1)


# --- gains between MIPs


def test_gain_interval_spans_both_gaps():
    gain = GainInterval(objective_a=100, bound_a=104, objective_b=107, bound_b=110)
    assert (gain.plan, gain.low, gain.high) == (7, 3, 10)
    assert not gain.includes_zero


def test_gain_interval_without_gaps_is_the_gain():
    gain = GainInterval(100, 100, 107, 107)
    assert gain.low == gain.plan == gain.high == 7


def test_gain_hidden_by_the_gap_includes_zero():
    assert GainInterval(objective_a=100, bound_a=108, objective_b=107, bound_b=110).includes_zero


@settings(max_examples=50, deadline=None)
@given(a=money, b=money, gap_a=st.floats(0, 10), gap_b=st.floats(0, 10), x=st.floats(0, 1), y=st.floats(0, 1))
def test_gain_interval_holds_every_optimum_within_the_gaps(a, b, gap_a, gap_b, x, y):
    gain = GainInterval(a, a + gap_a, b, b + gap_b)
    assert gain.low - 1e-9 <= (b + y * gap_b) - (a + x * gap_a) <= gain.high + 1e-9


# --- leakage, cost matrix


def test_leakage_is_booked_minus_realised():
    assert leakage({"pricing": 10.0, "inventory": 5.0}, 9.0) == 6.0


def test_cost_matrix_rows_add_up_to_the_change_of_profit():
    base = dict(zip(EFFECT_ON_PROFIT, (100.0, 40.0, 5.0, 3.0, 2.0, 1.0, 4.0), strict=True))
    pricing = base | {"revenue": 120.0, "purchase": 55.0}
    inventory = base | {"holding": 1.0, "lost_sales": 2.5, "salvage": 3.0, "overage": 0.0, "order": 6.0}
    matrix = cost_matrix(base, {"pricing": pricing, "inventory": inventory})
    assert list(matrix.index) == ["pricing", "inventory"]
    assert matrix.loc["pricing"].to_dict() == dict.fromkeys(EFFECT_ON_PROFIT, 0.0) | {
        "revenue": 20.0,
        "purchase": -15.0,
        "profit": 5.0,
    }
    assert matrix.loc["inventory", "holding"] == 2.0
    assert matrix.loc["inventory", "profit"] == pytest.approx(-1 + 2 - 0.5 + 1 - 1)


# --- interaction and attribution


def test_shapley_of_the_textbook_game():
    assert shapley(worth(2, 3, 4, 6, 9, 8, 15)) == pytest.approx({"P": 13 / 3, "D": 13 / 3, "I": 19 / 3})


def test_harsanyi_dividends_by_hand():
    dividends = harsanyi(worth(2, 3, 4, 6, 9, 8, 15))
    assert dividends.pop(frozenset()) == 0
    assert dividends == worth(2, 3, 4, 1, 3, 1, 1)


@settings(max_examples=50, deadline=None)
@given(values=st.lists(money, min_size=7, max_size=7), empty=money)
def test_dividends_and_shapley_values_add_up(values, empty):
    game = {**worth(*values), frozenset[str](): empty}
    dividends = harsanyi(game)
    for part in SETS:
        assert sum(dividend for below, dividend in dividends.items() if below <= part) == pytest.approx(
            game[part], abs=1e-6
        )
    assert sum(shapley(game).values()) == pytest.approx(values[-1] - empty, abs=1e-6)


def test_a_function_that_adds_the_same_everywhere_gets_just_that():
    assert shapley(worth(5, 1, 2, 6, 7, 10, 15))["P"] == pytest.approx(5)


def test_missing_set_is_named():
    game = worth(2, 3, 4, 6, 9, 8, 15)
    del game[frozenset({"P", "I"})]
    with pytest.raises(ValueError, match=r"\['I', 'P'\]"):
        shapley(game)


# --- means and errors


@pytest.mark.parametrize(("shift", "expected"), [(10, 18.924895), (1, 12.049124)])
def test_shifted_geometric_mean(shift, expected):
    assert shifted_geometric_mean([1, 10, 100], shift) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize("values", [[], [-10.0]])
def test_shifted_geometric_mean_needs_values_above_minus_shift(values):
    with pytest.raises(ValueError):
        shifted_geometric_mean(values, 10)
