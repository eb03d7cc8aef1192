from __future__ import annotations

from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from desilo.cases.case import Case
from desilo.cases.errors import BadInput
from desilo.cases.instance import Activity, Instance
from desilo.cases.opening import open_case
from desilo.cases.reading import read_instance
from desilo.cases.writing import write_instance
from desilo.operating.forecast import Forecaster, estimated, forecast_error, naive
from desilo.operating.picture import picture, scenario_factors
from desilo.operating.today import today, window_of

START = 131
FORECASTERS = pytest.mark.parametrize("forecaster", [naive, estimated])


@pytest.fixture(scope="module")
def case() -> Case:
    return open_case("orange-juice").select_zones(("mid",))


@pytest.fixture(scope="module")
def instance(case: Case) -> Instance:
    return picture(case, START, estimated, seed=1)


def with_items(case: Case, pick: list[int]) -> Case:
    """The same case with some of its items."""
    part = {
        field.name: getattr(case, field.name)[pick]
        for field in fields(case)
        if isinstance(getattr(case, field.name), np.ndarray) and field.name != "periods"
    }
    names = {name: tuple(getattr(case, name)[k] for k in pick) for name in ("items", "products", "zones", "groups")}
    return replace(case, **part, **names)


def later_data_changed(case: Case, first: int) -> Case:
    """Everything from an index on replaced by something else, some of it by nothing."""
    rng = np.random.default_rng(0)
    changed = {}
    for name in ("units", "price", "unit_cost", "feature"):
        table = getattr(case, name).copy()
        table[:, first:] = rng.uniform(0.1, 0.9, table[:, first:].shape)
        table[0, first:] = np.nan
        changed[name] = table
    return replace(case, **changed)


@FORECASTERS
@pytest.mark.parametrize("start", [120, START, 145])
def test_the_planner_sees_nothing_from_the_start_on(case: Case, forecaster: Forecaster, start: int) -> None:
    changed = later_data_changed(case, start - int(case.periods[0]))
    one = picture(case, start, forecaster, seed=1)
    other = picture(changed, start, forecaster, seed=1)
    assert not np.array_equal(one.unit_cost, other.unit_cost)
    announced = {"unit_cost": one.unit_cost, "salvage_value": one.salvage_value}
    assert replace(other, **announced).digest() == one.digest()


def test_costs_are_announced_and_stay_as_today_beyond_the_history(case: Case) -> None:
    last = int(case.periods[-1])
    instance = picture(case, last - 1, naive, seed=1, periods=4)
    assert np.array_equal(instance.unit_cost[:, :2], case.unit_cost[:, -2:])
    now = today(case, last - 1)
    assert np.array_equal(instance.unit_cost[:, 2:], np.stack([now.unit_cost] * 2, axis=1))
    assert (instance.salvage_value[:, None] < instance.unit_cost).all()


def test_the_elasticities_are_those_before_the_hold_out(case: Case) -> None:
    first, later = estimated(case, START), estimated(case, START + 12)
    assert np.array_equal(first.own, later.own)
    assert np.array_equal(first.cross, later.cross)
    assert not np.array_equal(first.level, later.level)


@FORECASTERS
def test_scenarios_have_the_forecast_as_their_mean(case: Case, forecaster: Forecaster) -> None:
    instance = picture(case, START, forecaster, seed=1, scenarios=7, periods=3)
    response = forecaster(case, START)
    price = np.where(instance.has_level, instance.price, instance.reference_price[:, None])
    expected = response.at_own_prices(
        np.arange(START, START + 3), price, instance.promo.astype(float), instance.reference_price
    )
    assert instance.expected_demand == pytest.approx(expected * instance.has_level[:, None, :])
    assert instance.demand.shape == (11, 3, 7, 7)


def test_items_stay_as_correlated_as_they_were(case: Case) -> None:
    response = estimated(case, START)
    factors = scenario_factors(response, 1, 5000, np.random.default_rng(0))
    drawn, past = np.corrcoef(np.log(factors[:, 0])), np.corrcoef(response.residuals)
    assert np.abs(past - np.eye(len(past))).max() > 0.3  # there is something to keep
    assert np.abs(drawn - past).max() < 0.1


@pytest.mark.parametrize("pick", [[0, 3, 4], [4, 5, 10]])
def test_no_price_vector_makes_demand_negative(case: Case, pick: list[int]) -> None:
    """By enumeration of every price vector."""
    instance = picture(with_items(case, pick), START, estimated, seed=1, periods=2, scenarios=5)
    assert len(instance.cross_effects) > 0
    items = np.arange(3)
    lowest = np.inf
    for levels in product(*(range(len(own)) for own in instance.levels)):
        price = np.repeat(instance.price[items, levels][:, None], 2, axis=1)
        demand = instance.demand[items, :, levels] + instance.cross_demand(price)[:, :, None]
        lowest = min(lowest, float(demand.min()))
    assert lowest >= 0


def test_the_worst_price_vector_of_all_items_leaves_some_demand(instance: Instance) -> None:
    """An item at its dearest, the others at their cheapest: with substitutes only, nothing is worse."""
    assert (instance.cross_effects.effect >= 0).all()
    lost = instance.cross_demand(np.repeat(instance.price[:, :1], instance.periods, axis=1))
    lowest = np.where(instance.has_level[:, None, :, None], instance.demand, np.inf).min(axis=(2, 3)) + lost
    assert (lowest >= 0).all()
    assert "scaled down" in instance.notes
    assert lowest.min() < 1e-3  # by no more than needed


def test_the_picture_survives_its_files(case: Case, tmp_path: Path) -> None:
    small = picture(case, START, estimated, seed=1, periods=2, scenarios=3)
    write_instance(small, tmp_path / "small")
    assert read_instance(tmp_path / "small").digest() == small.digest()


def test_cross_effects_are_the_slope_of_demand(case: Case) -> None:
    response, price, calendar = estimated(case, START), today(case, START).price, np.array([START])
    no_feature, step = np.zeros((11, 1)), 1e-6
    effects = response.cross_effects(calendar, price)[:, :, 0]
    for j in range(11):
        up, down = (
            response.demand(calendar, (price + sign * step * (np.arange(11) == j))[:, None], no_feature)
            for sign in (1, -1)
        )
        slope = (up - down)[:, 0] / (2 * step)
        others = np.arange(11) != j
        assert effects[others, j] == pytest.approx(slope[others], rel=1e-5, abs=1e-5)


def test_the_ladder_stays_in_the_range_seen(case: Case, instance: Instance) -> None:
    past = case.price[:, : START - int(case.periods[0])]
    now = today(case, START)
    assert np.array_equal(instance.reference_price, now.price)
    for i, own in enumerate(instance.levels):
        price = instance.price[i, : len(own)]
        assert (np.diff(price) > 0).all()
        assert np.array_equal(price, np.round(price, 2))
        assert np.nanmin(past[i]) <= price[0] <= price[-1] <= np.nanmax(past[i])
        assert own == tuple(f"{p:.2f}" for p in price)
        assert np.array_equal(instance.promo[i, : len(own)], price <= 0.85 * now.price[i])
        assert not instance.promo[i, len(own) :].any()
        assert not instance.promo[i, instance.reference[i]]


def test_a_feature_lifts_promotional_levels(case: Case, instance: Instance) -> None:
    response = estimated(case, START)
    not_featured = response.at_own_prices(
        np.arange(START, START + 8), instance.price, np.zeros((11, 7)), instance.reference_price
    )
    ratio = instance.expected_demand / not_featured
    lift = np.exp(response.feature)[:, None, None]
    promo = instance.promo[:, None, :]
    assert np.nanmax(abs(ratio - np.where(promo, lift, 1))) < 1e-9
    assert (response.feature >= 0).all()


def test_limits_come_from_today(case: Case, instance: Instance) -> None:
    now, assume = today(case, START), case.assumptions
    window = window_of(case, START)
    spend = (case.units * case.unit_cost)[:, window].sum(axis=0).mean()
    limits = {resource.name: resource for resource in instance.resources}
    assert limits["open to buy"].capacity == pytest.approx(assume.open_to_buy.value * spend)
    assert np.isinf(limits["open to buy"].overage_cost).all()
    assert limits["cold store"].capacity == pytest.approx(assume.cold_store.value * now.units @ case.volume)
    assert limits["receiving"].capacity == pytest.approx(assume.receiving_labour.value * now.units.sum())
    assert (limits["promotion slots mid"].capacity == 2).all()
    image = limits["price image mid"]
    assert image.use[Activity.PRICE].sum() == pytest.approx(1)
    assert image.use[Activity.PRICE] @ instance.reference_price == pytest.approx(image.capacity[0])
    assert instance.groups == case.zones


def test_tightness_moves_operating_limits_only(case: Case, instance: Instance) -> None:
    tight = picture(case, START, estimated, seed=1, tightness=0.8)
    for before, after in zip(instance.resources, tight.resources, strict=True):
        factor = 1 if before.is_pricing_rule else 0.8
        assert after.capacity == pytest.approx(factor * before.capacity)
    assert replace(tight, resources=instance.resources).digest() == instance.digest()


def test_the_seed_decides_and_nothing_else(case: Case, instance: Instance) -> None:
    assert picture(case, START, estimated, seed=1).digest() == instance.digest()
    assert not np.array_equal(picture(case, START, estimated, seed=2).demand, instance.demand)


def test_the_naive_picture_reproduces_todays_sales(case: Case) -> None:
    response, window = naive(case, START), window_of(case, START)
    expected = response.demand(case.periods[window], case.price[:, window], case.feature[:, window])
    assert expected.mean(axis=1) == pytest.approx(today(case, START).units)
    assert not response.cross.any()
    assert (response.own < 0).all()


def test_the_estimated_forecast_is_better_on_the_hold_out() -> None:
    whole = open_case("orange-juice")
    old, new = forecast_error(whole, naive), forecast_error(whole, estimated)
    assert new.at_actual_prices < 0.8 * old.at_actual_prices
    assert new.at_todays_prices < old.at_todays_prices
    assert new.at_actual_prices < new.at_todays_prices  # knowing the prices is worth something


def test_zones_are_estimated_apart() -> None:
    whole = estimated(open_case("orange-juice"), START)
    zones = np.array(open_case("orange-juice").zones)
    assert not whole.cross[zones[:, None] != zones].any()


@pytest.mark.parametrize("start", [40, 51, 162])
def test_a_start_outside_the_history_is_refused(case: Case, start: int) -> None:
    with pytest.raises(BadInput, match="start between 52 and 161"):
        picture(case, start, naive, seed=1)


def test_items_without_a_past_are_named(case: Case) -> None:
    units = case.units.copy()
    units[2, :85] = np.nan
    units[4, :91] = 0
    with pytest.raises(BadInput) as refused:
        picture(replace(case, units=units), START, estimated, seed=1)
    assert [case.items[k] in str(p) for k, p in zip((2, 4), refused.value.problems, strict=True)] == [True] * 2


def test_gaps_in_the_records_are_bridged(case: Case) -> None:
    rng = np.random.default_rng(2)
    gap = rng.random(case.units.shape) < 0.2
    holes = {name: np.where(gap, np.nan, getattr(case, name)) for name in ("units", "price", "unit_cost", "feature")}
    instance = picture(replace(case, **holes), START, estimated, seed=1)
    assert np.isfinite(instance.demand).all()
    assert np.isfinite(instance.unit_cost).all()
