"""Exact answers from the literature, found by the operating models on instances that state the same problem."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from small_instances import make_instance, make_resource

from desilo.cases.generate import generate
from desilo.cases.instance import Activity, CrossEffects, Floats, Instance, ServiceTarget
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, OperatingModel, Pictures
from desilo.operating.prices import plan_prices
from desilo.solving import Options, solve


def exactly(model: OperatingModel, instance: Instance, **options: Any) -> Decision:
    decision = decide(model, Pictures.same(instance), Options(gap=0), **options)
    assert model is OperatingModel.CLAIRVOYANT or decision.plan is not None
    return decision


def uniform(low: float, high: float, count: int) -> Floats:
    """Equally likely values: the middles of equal parts."""
    return low + (high - low) * (np.arange(count) + 0.5) / count


def normal(mean: float, sd: float, count: int) -> Floats:
    """Equally likely values: the means of parts of equal probability, so that costs at their edges are exact."""
    edge = stats.norm.ppf(np.linspace(0, 1, count + 1))
    return mean + sd * count * -np.diff(stats.norm.pdf(edge))


# ---- inventory alone


@pytest.mark.parametrize(
    ("holding", "shortage", "mean", "sd", "order", "cost"),
    [(0.18, 0.70, 50, 8, 56.603956, 1.997605), (2, 18, 120, 10, 132.815516, 35.099666)],
)
def test_newsvendor_with_normal_demand(
    holding: float, shortage: float, mean: float, sd: float, order: float, cost: float
) -> None:
    demand = normal(mean, sd, 500)
    instance = make_instance(demand[None, None, None, :], [[0.0]], holding_cost=holding, lost_sale_cost=shortage)
    decision = exactly(OperatingModel.INVENTORY_ONLY, instance)
    assert decision.objective == pytest.approx(-cost, rel=1e-4)
    assert decision.plan.order[0, 0] == pytest.approx(order, abs=0.02 * sd)


def test_newsvendor_with_uniform_demand_and_what_knowing_it_is_worth() -> None:
    demand = uniform(25, 175, 600)[None, None, None, :]
    instance = make_instance(demand, [[25.0]], unit_cost=10, salvage_value=-3)
    decision = exactly(OperatingModel.JOINT, instance)
    assert decision.plan.order[0, 0] == pytest.approx(105.357143, abs=150 / 600)
    assert decision.objective == pytest.approx(977.678571, abs=5e-3)
    few = make_instance(uniform(25, 175, 40)[None, None, None, :], [[25.0]], unit_cost=10, salvage_value=-3)
    known = exactly(OperatingModel.CLAIRVOYANT, few)
    assert known.objective - 977.678571 == pytest.approx(522.321429, abs=1e-3)


def test_service_target_of_a_normal_demand() -> None:
    demand = normal(100, 30, 400)[None, None, None, :]
    for fill_rate, order in ((0.95, 118.220422), (0.98, 133.436916)):
        service = (ServiceTarget("all", np.arange(1), fill_rate),)
        instance = make_instance(demand, [[0.0]], unit_cost=1, service=service)
        decision = exactly(OperatingModel.INVENTORY_ONLY, instance)
        assert decision.plan.order[0, 0] == pytest.approx(order, abs=0.2)


WAGNER_WHITIN = {
    "demand": [69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56],
    "order_cost": [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114],
}


@pytest.mark.parametrize("formulation", list(Formulation))
def test_wagner_whitin(formulation: Formulation) -> None:
    demand = np.array(WAGNER_WHITIN["demand"], float)[None, :, None, None]
    order_cost = np.array([WAGNER_WHITIN["order_cost"]])
    instance = make_instance(demand, [[0.0]], order_cost=order_cost, holding_cost=1, lost_sale_cost=1000)
    decision = exactly(OperatingModel.INVENTORY_ONLY, instance, formulation=formulation)
    assert decision.objective == pytest.approx(-864, abs=1e-6)


def test_textbook_lot_sizes() -> None:
    demand = np.array([90.0, 120, 80, 70])[None, :, None, None]
    instance = make_instance(demand, [[0.0]], order_cost=500, holding_cost=2, lost_sale_cost=1000)
    decision = exactly(OperatingModel.INVENTORY_ONLY, instance)
    assert decision.objective == pytest.approx(-1380, abs=1e-6)
    assert decision.plan.order == pytest.approx(np.array([[210, 0, 150, 0]]), abs=1e-6)


# ---- price and quantity


def price_setting(price: Floats, demand: Floats) -> Instance:
    """One item, one period, unit cost 10; demand (K, W)."""
    return make_instance(demand[None, None], price[None, :], unit_cost=10)


def test_price_setting_newsvendor_with_additive_noise() -> None:
    best = 10 + 10 * np.sqrt(2)
    noise = uniform(-50, 50, 200)
    price = np.sort(np.append(np.arange(21, 28.5, 1.0), best))
    instance = price_setting(price, 200 - 5 * price[:, None] + noise)
    joint = exactly(OperatingModel.JOINT, instance)
    assert price[joint.plan.level[0, 0]] == best
    assert joint.plan.order[0, 0] == pytest.approx(87.867966, abs=1)
    assert joint.objective == pytest.approx(828.427125, abs=0.02)
    sequential = exactly(OperatingModel.SEQUENTIAL, instance)
    assert price[sequential.plan.level[0, 0]] == 25
    assert sequential.objective == pytest.approx(825, abs=1e-6)


def test_price_setting_newsvendor_with_multiplicative_noise() -> None:
    best = 15 + 5 * np.sqrt(3)
    noise = uniform(0.5, 1.5, 100)
    price = np.sort(np.append(np.arange(18, 28.0, 1.0), best))
    instance = price_setting(price, 1e5 / price[:, None] ** 2 * noise)
    joint = exactly(OperatingModel.JOINT, instance)
    assert price[joint.plan.level[0, 0]] == best
    assert joint.objective == pytest.approx(1924.500897, abs=0.05)
    sequential = exactly(OperatingModel.SEQUENTIAL, instance)
    assert price[sequential.plan.level[0, 0]] == 20
    assert sequential.objective == pytest.approx(1875, abs=1e-6)


def test_double_marginalisation() -> None:
    price = np.arange(20, 100.0, 2.5)

    def buys(cost: float) -> tuple[float, float]:
        """Units and profit of whoever sets the retail price."""
        instance = make_instance((100 - price)[None, None, :, None], price[None, :], unit_cost=cost)
        decision = exactly(OperatingModel.JOINT, instance)
        return float(decision.plan.order.sum()), decision.objective

    assert buys(20)[1] == pytest.approx(1600, abs=1e-6)
    wholesale = max(np.arange(20, 100, 10.0), key=lambda w: (w - 20) * buys(w)[0])
    units, retailer = buys(wholesale)
    assert wholesale == 60
    assert retailer + (wholesale - 20) * units == pytest.approx(1200, abs=1e-6)


@pytest.mark.parametrize("formulation", list(Formulation))
def test_three_products_with_linear_demand(formulation: Formulation) -> None:
    a = np.array([120.0, 100, 80])
    B = np.array([[2, -0.5, -0.3], [-0.4, 1.5, -0.2], [-0.1, -0.3, 1]])
    best = np.array([60.642648, 70.919182, 79.358325])
    price = best[:, None] + np.array([-20, -4, 0, 4.0])
    reference = price[:, 0]
    others = B - np.diag(np.diag(B))
    own = a[:, None] - np.diag(B)[:, None] * price - (others @ reference)[:, None]
    item, other = np.nonzero(others)
    instance = make_instance(
        own[:, None, :, None],
        price,
        unit_cost=np.array([20.0, 25, 30]),
        cross_effects=CrossEffects(item, other, -others[item, other][:, None]),
    )
    for model in (OperatingModel.JOINT, OperatingModel.SEQUENTIAL):
        decision = exactly(model, instance, formulation=formulation)
        assert decision.plan.level.tolist() == [[2], [2], [2]]
        assert decision.objective == pytest.approx(5287.433301, abs=1e-5)


# ---- known facts


def test_uncoupled_lot_sizing_with_a_price_ladder_has_an_integral_relaxation() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        T, K = int(rng.integers(2, 7)), int(rng.integers(1, 5))
        price = np.sort(rng.uniform(10, 20, K))
        demand = rng.uniform(20, 60, (1, T, 1, 1)) * np.exp(-rng.uniform(0.05, 0.2) * (price - 10))[None, None, :, None]
        instance = make_instance(
            demand,
            price[None, :],
            unit_cost=rng.uniform(4, 9, (1, T)),
            order_cost=rng.uniform(0, 300, (1, T)),
            holding_cost=rng.uniform(0, 2, (1, T)),
            lost_sale_cost=rng.uniform(0, 3, (1, T)),
            lead_time=rng.integers(0, 2, 1),
        )
        model = joint_model(instance).model
        assert solve(model, relax=True).objective == pytest.approx(solve(model, Options(gap=0)).objective, rel=1e-7)


def test_the_shared_rows_dual_makes_isolated_pricing_find_the_joint_prices() -> None:
    """Linear demand a - b p: at dual m of the shared row, p = (a / b + c + m) / 2. Everything lies on the ladder."""
    rng = np.random.default_rng(2)
    for dual in (2.0, 4.0, 6.0):
        a, b, c = 20.0 * rng.integers(4, 7, 4), np.full(4, 2.0), 2.0 * rng.integers(2, 6, 4)
        best = (a / b + c + dual) / 2
        price = best[:, None] + np.arange(-4, 5.0)
        capacity = float((a - b * best).sum())
        instance = make_instance(
            (a[:, None] - b[:, None] * price)[:, None, :, None],
            price,
            unit_cost=c,
            resources=(make_resource({Activity.ORDER: np.ones(4)}, capacity, 1),),
        )
        joint = exactly(OperatingModel.JOINT, instance)
        assert joint.plan.level.tolist() == [[4]] * 4
        charged = replace(instance, unit_cost=instance.unit_cost + dual)
        assert plan_prices(charged, Options(gap=0))[0].tolist() == [[4]] * 4
        assert plan_prices(instance, Options(gap=0))[0].tolist() != [[4]] * 4
        assert joint.objective > exactly(OperatingModel.SEQUENTIAL, instance).objective + 1e-6


@pytest.mark.parametrize("family", ["retail", "substitution", "lot-sizing", "newsvendor"])
def test_without_coupling_handing_on_is_as_good_as_deciding_together(family: str) -> None:
    instance = generate(family, "S", 3, coupling=0, uncertainty=0, substitution=0)
    zero = np.zeros_like(instance.unit_cost)
    instance = replace(
        instance,
        order_cost=zero,
        receipt=zero,
        unit_cost=np.repeat(instance.unit_cost[:, :1], instance.periods, axis=1),  # buying ahead never pays
        max_order=np.full_like(zero, np.inf),
        min_order=np.zeros(len(zero)),
        initial_stock=np.zeros(len(zero)),
        lead_time=np.zeros(len(zero), dtype=np.int64),
        lost_sale_cost=zero,
    )
    joint, sequential = (exactly(model, instance) for model in (OperatingModel.JOINT, OperatingModel.SEQUENTIAL))
    assert joint.objective == pytest.approx(sequential.objective, rel=1e-6)
    assert joint.objective > 0
