from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desilo.cases.case import Case
from desilo.cases.instance import Instance
from desilo.cases.opening import open_case
from desilo.harness.nature import ACTUAL_SHARE, nature
from desilo.operating.forecast import estimated
from desilo.operating.picture import picture

START = 140


@pytest.fixture(scope="module")
def case() -> Case:
    return open_case("orange-juice").select_zones(("low",))


@pytest.fixture(scope="module")
def plan_on(case: Case) -> Instance:
    return picture(case, START, estimated, seed=1)


@pytest.fixture(scope="module")
def scored_on(case: Case, plan_on: Instance) -> Instance:
    return nature(case, START, plan_on, scenarios=50, seed=1)


def test_nature_is_the_template_but_for_demand(plan_on: Instance, scored_on: Instance) -> None:
    kept = {name: getattr(plan_on, name) for name in ("name", "scenarios", "probability", "demand", "cross_effects")}
    assert replace(scored_on, **kept).digest() == plan_on.digest()
    assert scored_on.demand.shape == (11, 8, 7, 50)
    assert scored_on.probability.sum() == pytest.approx(1)
    assert scored_on.name != plan_on.name


def test_nature_is_not_the_picture(plan_on: Instance, scored_on: Instance) -> None:
    levels = plan_on.has_level[:, None, :].repeat(8, axis=1)
    ratio = scored_on.expected_demand[levels] / plan_on.expected_demand[levels]
    assert np.std(np.log(ratio)) > 0.1
    assert 0.5 < np.median(ratio) < 2  # of the same market all the same


def test_other_draws_than_the_planners_for_the_same_seed(case: Case, plan_on: Instance) -> None:
    same_size = nature(case, START, plan_on, scenarios=20, seed=1)
    log_planned, log_scored = (
        np.log(i.demand[:, :, 0] / i.demand[:, :, 0].mean(axis=-1, keepdims=True)) for i in (plan_on, same_size)
    )
    assert abs(np.corrcoef(log_planned.ravel(), log_scored.ravel())[0, 1]) < 0.2


def test_what_happened_is_part_of_nature(case: Case, plan_on: Instance, scored_on: Instance) -> None:
    """An item that sold 3 per cent more in one held-out period sells more there in nature, and hardly elsewhere."""
    units = case.units.copy()
    first = START - int(case.periods[0])
    units[0, first + 2] *= 1.03
    busier = nature(replace(case, units=units), START, plan_on, scenarios=50, seed=1)
    change = np.log(busier.expected_demand[0] / scored_on.expected_demand[0]).mean(axis=1)
    assert change[2] == pytest.approx(np.sqrt(ACTUAL_SHARE) * np.log(1.03), rel=0.5)
    assert change[2] > 3 * np.abs(np.delete(change, 2)).max()


def test_demand_is_never_negative(scored_on: Instance) -> None:
    cheapest = np.repeat(scored_on.price[:, :1], scored_on.periods, axis=1)
    for i, own in enumerate(scored_on.levels):
        lost = scored_on.cross_demand(cheapest)[i]  # an item has no effect on itself
        assert (scored_on.demand[i, :, : len(own)] + lost[:, None, None] >= 0).all()


def test_the_seed_decides_and_nothing_else(case: Case, plan_on: Instance, scored_on: Instance) -> None:
    assert nature(case, START, plan_on, scenarios=50, seed=1).digest() == scored_on.digest()
    other = nature(case, START, plan_on, scenarios=50, seed=2)
    assert not np.array_equal(other.demand, scored_on.demand)


def test_beyond_the_history_nature_draws_only(case: Case) -> None:
    last = int(case.periods[-1])
    template = picture(case, last, estimated, seed=1, periods=3)
    beyond = nature(case, last, template, scenarios=50, seed=1)
    assert np.isfinite(beyond.demand).all()
    spread = np.log(beyond.demand[:, :, 0]).std(axis=2).mean(axis=0)
    assert spread[0] < spread[1:].min()


def test_a_template_of_another_case_is_refused(plan_on: Instance) -> None:
    with pytest.raises(ValueError, match="other items"):
        nature(open_case("orange-juice"), START, plan_on, scenarios=5, seed=1)
