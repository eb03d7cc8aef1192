"""What a history can say about prices, on markets whose elasticities are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desilo.cases.case import Case
from desilo.cases.opening import open_case
from desilo.formulations.estimation import EstimationOptions
from desilo.operating import forecast
from desilo.operating.forecast import MIN_FEATURED, NOTICED, STEEPEST, fit, naive
from desilo.operating.identification import INSEPARABLE, MIN_AWAY, evidence, too_thin
from desilo.operating.picture import featured, picture, price_ladder
from desilo.operating.today import today

WEEKS, HOLDOUT, OWN = 110, 104, -2.5


def market(seed: int, items: int = 1, noise: float = 0.2, promotion: float = 0.0) -> Case:
    """Items with a fifth of the weeks at a lower price; promoted then, with a gain, if there is one."""
    case = open_case("tuna")
    rng = np.random.default_rng(seed)
    cut = rng.random((items, WEEKS)) < 0.2
    price = np.where(cut, 0.8, 1.0) * np.exp(rng.normal(0, 0.01, (items, WEEKS)))
    units = np.exp(5 + OWN * np.log(price) + promotion * cut + rng.normal(0, noise, (items, WEEKS)))
    names = tuple(f"item {k}" for k in range(items))
    return replace(
        case,
        items=names,
        products=names,
        zones=("all",) * items,
        groups=("all",) * items,
        volume=np.ones(items),
        periods=np.arange(1, WEEKS + 1),
        units=units,
        price=price,
        unit_cost=np.full((items, WEEKS), 0.6),
        feature=cut.astype(float) if promotion else np.zeros((items, WEEKS)),
        holdout=HOLDOUT,
    )


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = []
    for seed in range(25):
        case = market(seed)
        found = evidence(case, fit(case, case.holdout))
        covered.append(bool(found.low[0] <= OWN <= found.high[0]))
        assert found.high[0] - found.low[0] < 2.5, "and says something"
    assert 21 <= sum(covered) <= 25


def test_more_noise_makes_the_interval_wider() -> None:
    widths = []
    for noise in (0.1, 0.4):
        case = market(1, noise=noise)
        found = evidence(case, fit(case, case.holdout))
        widths.append(found.high[0] - found.low[0])
    assert widths[1] > 2 * widths[0]


def test_a_price_that_moves_with_its_promotion_is_not_told_apart() -> None:
    case = market(2, promotion=0.5)
    found = evidence(case, fit(case, case.holdout))
    assert found.explained["promotion"][0] > INSEPARABLE
    assert found.explained["all"][0] >= found.explained["promotion"][0]
    assert found.explained["season"][0] < 0.2


def test_shares_explained_are_shares() -> None:
    case = open_case("tuna")
    found = evidence(case, fit(case, case.holdout))
    for share in found.explained.values():
        assert ((share >= -1e-9) & (share <= 1)).all()
    for driver in ("other prices", "promotion", "season"):
        assert (found.explained["all"] >= found.explained[driver] - 1e-9).all()


def test_an_item_alone_has_no_other_prices() -> None:
    case = market(3)
    assert evidence(case, fit(case, case.holdout)).explained["other prices"][0] == pytest.approx(0)


@pytest.mark.parametrize(("away", "left"), [(0, True), (MIN_AWAY - 1, True), (MIN_AWAY, False)])
def test_an_item_whose_price_hardly_moved_is_left_at_it(away: int, left: bool) -> None:
    """Counted before the hold-out only; the other item keeps its ladder."""
    case = market(4, items=2)
    case.price[0] = 1.0
    case.price[0, :away] = 0.8
    case.price[0, HOLDOUT:] = 0.5
    assert too_thin(case, HOLDOUT).tolist() == [left, False]
    price, reference, promo = price_ladder(case, HOLDOUT + 1, today(case, HOLDOUT + 1))
    levels = np.isfinite(price).sum(axis=1)
    assert (levels[0] == 1) == left
    assert levels[1] > 1
    assert price[0, reference[0]] == 1.0
    assert not promo[0, reference[0]]


def test_no_price_that_moves_still_makes_a_problem_to_plan() -> None:
    case = market(5, items=2)
    case.price[:] = 1.0
    found = evidence(case, fit(case, case.holdout))
    assert np.isinf(found.high).all()
    seen = picture(case, HOLDOUT + 1, naive, periods=3, scenarios=2, seed=1)
    assert seen.levels == (("1.00",), ("1.00",))


def test_no_bundled_item_is_too_thin() -> None:
    for name in ("tuna", "orange-juice"):
        case = open_case(name)
        assert not too_thin(case, case.holdout).any()


def test_only_prices_of_the_own_group_act_on_an_item() -> None:
    case = replace(market(1, items=4), groups=("a", "b", "a", "b"))
    found = fit(case, case.holdout)
    apart = np.array(case.groups)[:, None] != np.array(case.groups)
    assert (found.cross[apart] == 0).all()
    alone = fit(replace(case, groups=("a", "b", "c", "d")), case.holdout)
    assert (alone.cross == 0).all()
    instance = picture(case, HOLDOUT, lambda *_: found, seed=1)
    assert instance.groups == case.groups


def test_in_a_group_too_large_every_item_is_by_itself_but_pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    case = market(1, items=4)
    monkeypatch.setattr(forecast, "LARGEST_GROUP", 3)
    found = fit(case, case.holdout, EstimationOptions(pooling=10))
    assert (found.cross == 0).all()
    assert np.ptp(found.own) < 1e-6, "one elasticity for all"
    assert picture(case, HOLDOUT, lambda *_: found, seed=1).groups == case.items


def seldom(case: Case, weeks: int, share: float) -> Case:
    """Promoted by that share of the stores in the first so many of the weeks in which it was."""
    first = np.cumsum(case.feature, axis=1) <= weeks
    return replace(case, feature=share * case.feature * first)


def test_features_too_few_or_too_small_to_tell_do_nothing() -> None:
    case = market(1)

    def gain(weeks: int, share: float) -> tuple[float, float]:
        feature = np.zeros_like(case.units)
        feature[:, 10 : 10 + weeks] = share
        found = fit(
            replace(case, feature=feature, units=case.units * np.exp(0.8 * (feature > 0))), WEEKS, own_featured=True
        )
        return float(found.feature[0]), float(found.own_featured[0])

    assert gain(2 * MIN_FEATURED, 1.0)[0] > 0.3
    assert gain(MIN_FEATURED - 1, 1.0) == gain(WEEKS, NOTICED / 2) == (0, 0)


def test_a_feature_does_not_make_demand_explode() -> None:
    """Six features at nearly the same price, and sales that fall with it by chance: a slope of anything fits."""
    case = seldom(market(1, promotion=0.5), MIN_FEATURED, 1.0)
    own = case.feature[0] > 0
    price, units = case.price.copy(), case.units.copy()
    price[0, own] = 0.8 + 0.0001 * np.arange(own.sum())
    units[0, own] = 300 * 0.5 ** np.arange(own.sum())
    found = fit(replace(case, price=price, units=units), WEEKS, EstimationOptions(pooling=0), own_featured=True)
    assert found.own_featured[0] >= -STEEPEST


def test_a_promotion_is_as_wide_as_it_ever_was() -> None:
    case = seldom(market(1, items=2, promotion=0.5), WEEKS, 0.4)
    late = case.feature.copy()
    late[:, HOLDOUT:] = 1.0  # not seen before the start
    promo = np.array([[True, False], [True, False]])
    np.testing.assert_allclose(featured(replace(case, feature=late), HOLDOUT, promo), 0.4 * promo)
