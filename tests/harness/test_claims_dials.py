"""The experiments that turn a dial: capability, cadence, scorecards, and when limits are seen to."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.cases.instance import Activity
from desilo.cases.plan import Plan
from desilo.harness.claims.dials import at, settings_of, slope
from desilo.harness.claims.experiment import Scale, Trial
from desilo.harness.claims.experiments import capability
from desilo.harness.claims.world import Dials, world
from desilo.operating.desk import reference_levels
from desilo.operating.rule import rule_of_thumb

EXPERIMENTS = (capability,)


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
        where = {"error": 0.0, "levels": 5.0, "optimised": capability.ALL, "coupling": 0.0, "coupled": 0.0}
        figures = capability.work(Trial("capability", "world-2", where))
        assert figures["joint"] == pytest.approx(figures["isolated"], rel=1e-6)
        assert figures["stopped"] == 0

    def test_items_left_as_today_keep_their_prices_and_orders(self) -> None:
        picture = world(5, capability.FIRM).pictures.estimated
        today = Plan(reference_levels(picture), rule_of_thumb(picture))
        own = np.array([True, False, False])
        freedom = capability._only(picture, today, own)
        assert freedom.levels[0].all() and (freedom.levels[1:].sum(axis=2) == 1).all()
        np.testing.assert_array_equal(freedom.order_upper[1:], today.order[1:])
        np.testing.assert_array_equal(freedom.order_lower[1:], today.order[1:])
