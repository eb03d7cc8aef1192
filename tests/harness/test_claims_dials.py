"""The experiments that turn a dial: capability, cadence, scorecards, and when limits are seen to."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.cases.instance import Activity
from desilo.cases.plan import Plan
from desilo.harness.check import check
from desilo.harness.claims.dials import at, settings_of, slope
from desilo.harness.claims.experiment import Scale, Trial
from desilo.harness.claims.experiments import cadence, capability, repair, scorecards
from desilo.harness.claims.firm import OPTIONS
from desilo.harness.claims.world import Dials, world
from desilo.harness.experiment import price_claim
from desilo.harness.sell import arrivals, sell_first_come
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.rule import rule_of_thumb

EXPERIMENTS = (cadence, capability, repair, scorecards)


@pytest.mark.parametrize("coupling", [0.25, 0.5, 1.0, 2.0])
def test_stock_at_the_beginning_fits_however_tight_the_coupling(coupling: float) -> None:
    firm = world(3, Dials(items=3, coupling=coupling)).nature
    storage = next(resource for resource in firm.resources if Activity.STOCK in resource.use)
    assert storage.use[Activity.STOCK] @ firm.initial_stock <= storage.capacity.min() * (1 + 1e-12)
    assert np.isfinite(storage.capacity).all()


def test_records_at_a_setting_are_one_a_cluster() -> None:
    records = pd.DataFrame({"cluster": ["a", "a", "b", "b"], "error": [0.0, 1.0, 0.0, 1.0], "gain": [1.0, 2, 3, 4]})
    assert at(records, error=1.0)["gain"].to_dict() == {"a": 2.0, "b": 4.0}
    with pytest.raises(ValueError, match="more than one trial"):
        at(records)


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4))
@settings(max_examples=20, deadline=None)
def test_slope_is_that_of_least_squares(values: list[float]) -> None:
    dial = [0.0, 0.3, 0.5, 1.0]
    found = slope([pd.Series([value], index=["a"]) for value in values], dial)
    assert found["a"] == pytest.approx(np.polyfit(dial, values, 1)[0], abs=1e-9)


def _table(rows: list[dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame([{"cluster": f"world-{k}", **row} for row in rows for k in (1, 2)])


def test_a_scale_without_coupling_turns_every_trial_into_a_null_world() -> None:
    scale = Scale("full", seed=4, worlds=2, windows=1, firms=1, coupling=0.0)
    for module in EXPERIMENTS:
        found = module.EXPERIMENT.trials(scale)
        assert {settings_of(trial)["coupled"] for trial in found} == {0.0}
        assert len({trial.slug for trial in found}) == len(found)
        assert {trial.cluster for trial in found} == {"world-4", "world-5"}


class TestCapability:
    def test_swaps_and_wiring_are_told_apart(self) -> None:
        plain = {"levels": 5, "optimised": capability.ALL, "coupling": 1.0, "status quo": 100.0}
        records = _table(
            [
                {**plain, "error": 1.0, "isolated": 90.0, "joint": 101.0},
                {**plain, "error": 0.5, "isolated": 95.0, "joint": 110.0},
                {**plain, "error": 0.25, "isolated": 97.0, "joint": 113.0},
                {**plain, "error": 0.0, "isolated": 99.0, "joint": 116.0},
                {**plain, "error": 0.5, "levels": 3, "isolated": 92.0, "joint": 104.0},
            ]
        )
        assert capability.wiring_effect(records).tolist() == pytest.approx([15, 15])
        assert capability.forecast_effect(records).tolist() == pytest.approx([2, 2])
        assert capability.ladder_effect(records).tolist() == pytest.approx([3, 3])
        assert capability.wiring_over_blocks(records).tolist() == pytest.approx([12, 12])
        assert capability.destruction_acceleration(records).tolist() == pytest.approx([6, 6])
        assert capability.isolated_harm(records).tolist() == pytest.approx([10, 10])

    def test_nothing_is_to_be_connected_where_nothing_touches(self) -> None:
        where = {"error": 0.0, "levels": 5.0, "optimised": 3.0, "periods": 2.0, "coupling": 0.0, "coupled": 0.0}
        figures = capability.work(Trial("capability", "world-2", where))
        assert figures["joint"] == pytest.approx(figures["isolated"], rel=1e-6)
        assert figures["stopped"] == 0

    def test_items_left_as_today_keep_their_prices_and_orders(self) -> None:
        picture = world(5, capability.FIRM).pictures.estimated
        today = Plan(reference_levels(picture), rule_of_thumb(picture))
        own = np.array([True, False, False])
        freedom = capability.only_items(picture, today, own)
        assert freedom.levels[0].all() and (freedom.levels[1:].sum(axis=2) == 1).all()
        np.testing.assert_array_equal(freedom.order_upper[1:], today.order[1:])
        np.testing.assert_array_equal(freedom.order_lower[1:], today.order[1:])


class TestRepair:
    def test_plans_are_cut_to_limits_that_were_not_known(self) -> None:
        picture = world(2, replace(repair.FIRM, coupling=1.5)).pictures.estimated
        desk = Desk("sequential", OPTIONS)
        wanted = repair.WIRINGS["sequential"](desk, replace(picture, resources=())).plan
        assert wanted is not None
        assert not check(picture, wanted).feasible
        kept = repair.enforce(desk, picture, wanted).plan
        assert kept is not None
        assert check(picture, kept).feasible
        assert (kept.order <= wanted.order + 1e-6).all()
        changed = kept.level != wanted.level
        assert (kept.level[changed] == reference_levels(picture)[changed]).all()
        assert repair._promoted(picture, wanted)[changed].all()

    def test_a_plan_that_keeps_the_limits_is_left_alone(self) -> None:
        picture = world(2, repair.FIRM).pictures.estimated
        plan = repair.WIRINGS["sequential"](Desk("sequential", OPTIONS), picture).plan
        assert plan is not None
        found = repair.enforce(Desk("sequential", OPTIONS), picture, plan).plan
        assert found is not None
        np.testing.assert_array_equal(found.order, plan.order)
        np.testing.assert_array_equal(found.level, plan.level)

    def test_time_does_not_matter_where_there_are_no_limits(self) -> None:
        figures = repair.work(Trial("repair", "world-2", {"coupling": 0.0, "periods": 2, "coupled": 0.0}))
        for wiring in repair.WIRINGS:
            assert figures[f"{wiring} beforehand"] == pytest.approx(figures[f"{wiring} afterwards"], rel=1e-9)

    def test_metrics(self) -> None:
        figures = {"status quo": 200.0, "sequential beforehand": 220.0, "sequential afterwards": 210.0}
        records = _table([{"coupling": 1.5, **figures, "sequential wanted": 80.0, "sequential kept": 60.0}])
        assert repair.sequential_beforehand(records).tolist() == pytest.approx([5, 5])
        assert repair.sequential_cut(records).tolist() == pytest.approx([25, 25])


class TestScorecards:
    @given(st.floats(0, 1), st.integers(1, 50))
    @settings(max_examples=10, deadline=None)
    def test_pricing_maximises_profit_and_revenue_in_parts(self, m: float, seed: int) -> None:
        seen = world(seed, scorecards.FIRM).pictures.estimated
        carded = scorecards.for_revenue(seen, m)
        margin = (carded.price - carded.unit_cost[:, :1])[:, None] * carded.expected_demand
        both = (1 - m) * (seen.price - seen.unit_cost[:, :1]) + m * seen.price
        np.testing.assert_allclose(margin, both[:, None] * seen.expected_demand)
        level = np.zeros((len(seen.items), seen.periods), dtype=np.int64)
        cross = [s.cross_demand(Plan(level, 0.0 * level).price(s)) for s in (seen, carded)]
        np.testing.assert_allclose(cross[0], cross[1], atol=1e-9)

    def test_demand_keeps_its_accuracy_at_todays_prices_and_loses_the_response(self) -> None:
        pictures = world(7, scorecards.FIRM).pictures
        seen, item = pictures.estimated, np.arange(scorecards.FIRM.items)
        carded = scorecards.accurate_today(pictures, 1.0)
        at_reference = carded.demand[item, :, seen.reference]
        np.testing.assert_allclose(at_reference, seen.demand[item, :, seen.reference])
        np.testing.assert_allclose(scorecards._response(carded), scorecards._response(pictures.yesterday))
        np.testing.assert_allclose(scorecards.accurate_today(pictures, 0.0).demand, seen.demand)

    def test_a_protocol_saves_nothing_where_nothing_touches(self) -> None:
        figures = [
            scorecards.work(
                Trial("scorecards", "world-3", {"misalignment": m, "periods": 2, "coupling": 0, "coupled": 0})
            )
            for m in (0.0, 1.0)
        ]
        lost = {wiring: figures[0][wiring] - figures[1][wiring] for wiring in ("isolated", "limits", "prices")}
        assert lost["isolated"] > 0
        assert lost["limits"] == pytest.approx(lost["isolated"], rel=1e-6)
        assert lost["prices"] == pytest.approx(lost["isolated"], rel=1e-6)

    def test_metrics(self) -> None:
        aligned = {"misalignment": 0.0, "coupling": 1.0, "status quo": 50.0, "isolated": 60.0, "prices": 70.0}
        records = _table([aligned, {**aligned, "misalignment": 1.0, "isolated": 45.0, "prices": 65.0}])
        assert scorecards.loss_without(records).tolist() == pytest.approx([30, 30])
        assert scorecards.saved_by_prices(records).tolist() == pytest.approx([20, 20])
        assert scorecards.gain_despite(records).tolist() == pytest.approx([30, 30])


class TestCadence:
    def test_the_problem_that_is_left_goes_on_from_what_was_done(self) -> None:
        firm = world(6, cadence.FIRM).nature
        path = replace(firm, scenarios=("1",), probability=np.ones(1), demand=firm.demand[..., :1])
        plan = Plan(reference_levels(path), rule_of_thumb(path))
        whole = sell_first_come(path, plan)
        for now in (1, 3, 5):
            done = Plan(plan.level, np.where(np.arange(path.periods) < now, plan.order, 0.0))
            left = cadence.what_is_left(path, now, whole.stock[:, now - 1, 0], arrivals(path, done)[:, now:])
            rest = sell_first_come(left, Plan(plan.level[:, now:], plan.order[:, now:]))
            np.testing.assert_allclose(rest.sales, whole.sales[:, now:], atol=1e-9)
            np.testing.assert_allclose(rest.stock, whole.stock[:, now:], atol=1e-9)

    def test_what_is_there_or_on_its_way_fits_into_storage(self) -> None:
        picture = world(6, replace(cadence.FIRM, coupling=2.0)).pictures.estimated
        stock, arriving = 10 * picture.initial_stock, np.full((3, 4), 500.0)
        left = cadence.what_is_left(picture, 2, stock, arriving)
        nothing = Plan(reference_levels(left), np.zeros((3, 4)))
        assert check(left, nothing).feasible

    def test_pricing_for_itself_does_not_change_its_mind(self) -> None:
        picture = world(8, cadence.FIRM).pictures.estimated
        level = Desk("pricing", OPTIONS).prices(picture)
        left = cadence.what_is_left(picture, 4, picture.initial_stock, picture.receipt[:, 4:])
        anew = Desk("pricing", OPTIONS).prices(left)
        assert level is not None
        assert anew is not None
        np.testing.assert_array_equal(cadence.Planner("pricing", 1e-3, level).prices(left), level[:, 4:])
        margin = [price_claim(left, chosen) for chosen in (level[:, 4:], anew)]
        assert margin[0] == pytest.approx(margin[1], rel=5e-3)

    def test_neither_wiring_nor_cadence_matters_where_nothing_touches(self) -> None:
        at_null = {"coupling": 0.0, "periods": 2.0, "coupled": 0.0}
        figures = cadence.work(Trial("cadence", "world-3", at_null))
        profits = [value for name, value in figures.items() if name.endswith("profit") and "status quo" not in name]
        assert len(profits) == len(cadence.WIRINGS) * 3
        np.testing.assert_allclose(profits, profits[0], rtol=1e-6)

    def test_metrics(self) -> None:
        rows = []
        for coupling, chased in ((0.0, 2.0), (1.0, 7.0)):
            row = {"coupling": coupling, "coupled": coupling, "periods": 4.0, "status quo: profit": 400.0}
            for wiring in cadence.WIRINGS:
                for k, often in enumerate((cadence.ONCE, cadence.TWICE, cadence.ALWAYS)):
                    chases = chased * k if wiring == "crosswise" else 0.0
                    earned = 400.0 + (40 * coupling * (k + 1) if wiring == "connected" else 0.0)
                    row |= {f"{wiring} {often}: {what}": chases for what in ("spread", "prices", "bullwhip")}
                    row[f"{wiring} {often}: profit"] = earned
            rows.append(row)
        records = _table(rows)
        assert cadence.connecting(records).tolist() == pytest.approx([30, 30])
        assert cadence.more_with_coupling(records).tolist() == pytest.approx([30, 30])
        assert cadence.more_with_cadence(records).tolist() == pytest.approx([20, 20])
        assert cadence.null_connecting(records).tolist() == pytest.approx([0, 0])
        assert cadence.chaos_of_orders(records).tolist() == pytest.approx([14, 14])
        assert cadence.chaos_of_orders(records.assign(coupled=0.0)).tolist() == [0, 0]
        assert cadence.chaos_of_profit(records).tolist() == pytest.approx([14, 14])
        assert cadence.null_chaos_of_profit(records).tolist() == pytest.approx([4, 4])
        assert cadence.bullwhip_over_connected(records).tolist() == pytest.approx([14, 14])
