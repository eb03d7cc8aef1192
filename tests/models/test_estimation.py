from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.formulations.estimation import EstimationOptions, Records, estimate

FREE = EstimationOptions(pooling=0, min_own_elasticity=0, min_group_elasticity=0)

# Brownlee (1965), Statistical Theory and Methodology in Science and Engineering: air flow, water temperature, acid
# concentration, stack loss; R's `stackloss`.
STACKLOSS = np.array(
    [
        [80, 27, 89, 42], [80, 27, 88, 37], [75, 25, 90, 37], [62, 24, 87, 28], [62, 22, 87, 18],
        [62, 23, 87, 18], [62, 24, 93, 19], [62, 24, 93, 20], [58, 23, 87, 15], [58, 18, 80, 14],
        [58, 18, 89, 14], [58, 17, 88, 13], [58, 18, 82, 11], [58, 19, 93, 12], [50, 18, 89, 8],
        [50, 18, 86, 7], [50, 19, 72, 8], [50, 19, 79, 8], [50, 20, 80, 9], [56, 20, 82, 15],
        [70, 20, 91, 15],
    ],
    dtype=np.float64,
)  # fmt: skip


def records(log_units: np.ndarray, log_price: np.ndarray, covariates: np.ndarray | None = None) -> Records:
    """Without a season; free coefficients."""
    if covariates is None:
        covariates = np.zeros((*log_price.shape, 0))
    K = covariates.shape[2]
    bounds = np.tile([-np.inf, np.inf], (K, 1))
    return Records(log_units, log_price, covariates, bounds, np.zeros((log_price.shape[1], 0)))


def random_market(seed: int, items: int = 3, weeks: int = 30) -> Records:
    rng = np.random.default_rng(seed)
    return records(rng.normal(5, 1, (items, weeks)), rng.normal(0, 0.2, (items, weeks)))


def test_least_absolute_deviations_on_stackloss() -> None:
    """The third coefficient is negative, so it may stand for the own-price elasticity."""
    air, water, acid, loss = STACKLOSS.T
    found = estimate(records(loss[None], acid[None], np.stack([air, water], axis=1)[None]), FREE)
    assert found.level == pytest.approx([-39.689855], abs=1e-6)
    assert found.covariates[0] == pytest.approx([0.831884, 0.573913], abs=1e-6)
    assert found.own == pytest.approx([-0.060870], abs=1e-6)
    assert 2 * found.objective == pytest.approx(42.081159, abs=1e-6)  # tau = 1/2 halves every deviation


def test_a_market_without_noise_is_recovered_exactly() -> None:
    rng = np.random.default_rng(1)
    own = np.array([-2.5, -3.0, -1.5])
    cross = np.array([[0, 0.5, 0.2], [0.1, 0, 0.9], [0.3, 0.0, 0]])
    level, lift, wave = np.array([5.0, 6.0, 7.0]), np.array([0.5, 0.2, 0.9]), 0.3
    x = rng.normal(0, 0.2, (3, 40))
    feature = rng.random((3, 40))
    season = np.sin(np.arange(40))[:, None]
    y = level[:, None] + own[:, None] * x + cross @ x + lift[:, None] * feature + wave * season[:, 0]
    market = Records(y, x, feature[:, :, None], np.array([[0.0, np.inf]]), season)
    found = estimate(market, EstimationOptions(pooling=0))
    assert found.objective == pytest.approx(0, abs=1e-7)
    for got, expected in [
        (found.level, level),
        (found.own, own),
        (found.cross, cross),
        (found.covariates[:, 0], lift),
        (found.season, [wave]),
    ]:
        assert got == pytest.approx(np.asarray(expected), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0, 0.005, 0.1]))
def test_signs_hold_whatever_the_data_say(seed: int, pooling: float) -> None:
    options = EstimationOptions(pooling=pooling, min_own_elasticity=0.7, min_group_elasticity=0.4)
    found = estimate(random_market(seed), options)
    assert (found.own <= -0.7 + 1e-7).all()
    assert (found.cross >= 0).all()
    assert (np.diag(found.cross) == 0).all()
    assert (found.cross.sum(axis=1) <= -found.own - 0.4 + 1e-7).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.2, 0.5, 0.85]))
def test_the_fit_is_the_quantile(seed: int, tau: float) -> None:
    """With a free level per item at most a share tau of its records lies below the fit, 1 - tau above."""
    market = random_market(seed)
    found = estimate(market, replace(FREE, tau=tau))
    x = market.log_price
    residual = market.log_units - (found.level[:, None] + found.own[:, None] * x + found.cross @ x)
    below, above = (residual < -1e-7).mean(axis=1), (residual > 1e-7).mean(axis=1)
    assert (below <= tau + 1e-9).all()
    assert (above <= 1 - tau + 1e-9).all()


def test_pooling_pulls_the_items_to_their_group() -> None:
    market = random_market(3)
    apart, together = (estimate(market, EstimationOptions(pooling=p)) for p in (0, 10))
    assert np.ptp(together.own) == pytest.approx(0, abs=1e-7)
    assert np.ptp(together.cross[~np.eye(3, dtype=bool)]) == pytest.approx(0, abs=1e-7)
    assert np.ptp(apart.own) > 0.1
    assert apart.objective < together.objective


def test_what_is_not_on_record_is_left_out() -> None:
    market = random_market(4)
    gaps = market.log_units.copy()
    gaps[:, 20:] = np.nan
    short = records(market.log_units[:, :20], market.log_price[:, :20])
    options = EstimationOptions(pooling=0.005)
    with_gaps, without = estimate(replace(market, log_units=gaps), options), estimate(short, options)
    assert with_gaps.objective == pytest.approx(without.objective, abs=1e-9)


def test_selling_twice_as_much_moves_the_levels_only() -> None:
    market = random_market(5)
    once = estimate(market, EstimationOptions())
    twice = estimate(replace(market, log_units=market.log_units + np.log(2)), EstimationOptions())
    assert twice.objective == pytest.approx(once.objective)
    assert twice.own == pytest.approx(once.own, abs=1e-6)
    assert twice.level == pytest.approx(once.level + np.log(2), abs=1e-6)


def test_limits_that_contradict_each_other_are_reported() -> None:
    market = records(np.ones((1, 3)), np.zeros((1, 3)), np.ones((1, 3, 1)))
    with pytest.raises(RuntimeError, match="infeasible"):
        estimate(replace(market, covariate_bounds=np.array([[1.0, -1.0]])))


@pytest.mark.parametrize("wrong", [{"tau": 1.0}, {"pooling": -1.0}, {"min_own_elasticity": -0.1}])
def test_options_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not negative"):
        EstimationOptions(**wrong)
