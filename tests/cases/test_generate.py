"""Generated instances: frozen digests, the reference family's recipe, dials that turn one thing, feasible plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from desilo.cases.errors import BadInput
from desilo.cases.generate import DEMAND_LEFT, FAMILIES, Dials, features_with_plan, generate
from desilo.cases.instance import Activity, Instance
from desilo.cases.reading import lowest_demand, read_instance
from desilo.harness.cli import generate as command

DIGESTS = {
    "retail": "b9fbd3f378ab517b",
    "substitution": "0449e28392543687",
    "lot-sizing": "62fccdb78992f410",
    "newsvendor": "2e976b3e7137eaae",
    "features": "0e8c43a628500317",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_instance_for_ever(family: str) -> None:
    assert generate(family, "S", 1).digest()[:16] == DIGESTS[family]
    assert generate(family, "S", 2).digest()[:16] != DIGESTS[family]


def test_retail_follows_its_recipe() -> None:
    x = generate("retail", "M", 5)
    assert x.demand.shape == (100, 26, 5, 10)
    ref = x.reference_price
    np.testing.assert_allclose(x.price / ref[:, None], np.tile([0.7, 0.85, 1, 1.15, 1.3], (100, 1)), atol=1e-5)
    assert (x.reference == 2).all()
    assert ref.min() >= 10
    assert ref.max() <= 50
    share = x.unit_cost / ref[:, None]
    assert share.min() >= 0.45 - 1e-5
    assert share.max() <= 0.6 + 1e-5
    np.testing.assert_allclose(x.holding_cost, 0.02 * np.repeat(ref[:, None], 26, axis=1), atol=1e-4)
    assert x.promo.tolist() == [[True, True, False, False, False]] * 100
    base = x.initial_stock
    tau = np.sqrt((x.order_cost[:, 0] - 5) / (0.5 * x.holding_cost[:, 0] * base))
    assert tau.min() >= 2 - 1e-3
    assert tau.max() <= 4 + 1e-3
    storage, spend, promotions = x.resources
    assert storage.capacity[0] == pytest.approx(storage.use[Activity.STOCK] @ base, abs=1e-3)
    np.testing.assert_array_equal(spend.use[Activity.ORDER], x.unit_cost[:, 0])
    assert spend.capacity[0] == pytest.approx(0.95 * (x.unit_cost[:, 0] @ base), abs=1e-3)
    assert promotions.capacity[0] == 25
    assert all(np.isinf(resource.overage_cost).all() for resource in x.resources)


def test_retail_demand_is_exponential_in_price_with_seasonal_mean() -> None:
    x = generate("retail", "M", 5, uncertainty=0)
    assert x.demand.shape == (100, 26, 5, 1)
    slope = np.log(x.demand[..., 0] / x.demand[:, :, [2], 0]) / (np.array([0.7, 0.85, 0.5, 1.15, 1.3]) - 1)
    elasticity = -slope[:, :, [0, 1, 3, 4]]
    assert elasticity.min() >= 1.2 - 1e-3
    assert elasticity.max() <= 3 + 1e-3
    np.testing.assert_allclose(elasticity, np.broadcast_to(elasticity[:, :1, :1], elasticity.shape), rtol=1e-3)
    season = x.demand[:, :, 2, 0] / x.initial_stock[:, None]
    np.testing.assert_allclose(season.reshape(100, 2, 13).mean(axis=2), 1, atol=1e-4)  # whole cycles
    np.testing.assert_allclose(season.std(axis=1), 0.35 / np.sqrt(2), atol=1e-4)
    noise = generate("retail", "M", 5).demand[:, :, 2] / x.demand[:, :, 2]
    assert noise.mean() == pytest.approx(1, abs=0.01)
    assert np.log(noise).std() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("family", FAMILIES)
def test_dials_turn_one_thing(family: str) -> None:
    x = generate(family, "S", 6)

    def nameless(instance: Instance) -> str:
        return replace(instance, name="").digest()

    loose, tight = generate(family, "S", 6, coupling=0), generate(family, "S", 6, coupling=2)
    assert x.resources
    assert not loose.resources
    assert nameless(replace(loose, resources=x.resources)) == nameless(x)
    if family != "features":
        same = replace(tight, resources=x.resources, initial_stock=x.initial_stock)
        assert nameless(same) == nameless(x)
    for before, after in zip(x.resources, tight.resources, strict=True):
        if Activity.PRICE not in before.use:
            assert (after.capacity <= before.capacity).all()
    certain = generate(family, "S", 6, uncertainty=0)
    assert certain.scenarios == ("1",)
    np.testing.assert_array_equal(certain.price, x.price)
    apart = generate(family, "S", 6, substitution=0)
    assert len(apart.cross_effects) == 0
    np.testing.assert_array_equal(apart.demand, x.demand)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("substitution", [1.0, 50.0])
def test_demand_stays_positive(family: str, substitution: float) -> None:
    x = generate(family, "S", 3, substitution=substitution)
    own = lowest_demand(replace(x, cross_effects=generate(family, "S", 3, substitution=0).cross_effects))
    assert (lowest_demand(x) >= DEMAND_LEFT * own.min(axis=2, keepdims=True) - 1e-9).all()
    assert len(x.cross_effects) == {"substitution": 36}.get(family, len(x.cross_effects))


@pytest.mark.parametrize("family", ["retail", "substitution", "newsvendor"])
@pytest.mark.parametrize("coupling", [1.0, 4.0])
def test_ordering_nothing_at_reference_prices_keeps_every_limit(family: str, coupling: float) -> None:
    x = generate(family, "S", 1, coupling=coupling)
    for resource in x.resources:
        use = resource.use.get(Activity.STOCK, 0 * x.initial_stock) @ x.initial_stock
        use += resource.use.get(Activity.PRICE, 0 * x.initial_stock) @ x.reference_price
        assert (use <= resource.capacity + 1e-8).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from(["S", "M"]), coupling=st.sampled_from([0.5, 1.0, 5.0]))
def test_the_plan_behind_features_is_feasible(seed: int, size: str, coupling: float) -> None:
    """Every limit of the instance, recomputed item by item."""
    shape = FAMILIES["features"].sizes[size]
    x, plan = features_with_plan(shape, np.random.default_rng(seed), Dials(coupling=coupling))
    I, T, W = len(x.items), x.periods, len(x.scenarios)
    price, cross = plan.price(x), x.cross_demand(plan.price(x))
    sold, stock, wanted = np.zeros((I, T, W)), np.zeros((I, T, W)), np.zeros((I, T, W))
    arriving = np.zeros((I, T))
    for i in range(I):
        assert (plan.level[i] < len(x.levels[i])).all()
        changes = np.count_nonzero(np.diff(np.append(x.reference[i], plan.level[i])))
        assert changes <= x.max_price_changes[i]
        for t in range(T):
            order = plan.order[i, t]
            if order:
                assert x.min_order[i] <= order <= x.max_order[i, t]
                assert t + x.lead_time[i] < T
            due = t - x.lead_time[i]
            arriving[i, t] = x.receipt[i, t] + (plan.order[i, due] if due >= 0 else 0)
            for w in range(W):
                had = (stock[i, t - 1, w] if t else x.initial_stock[i]) + arriving[i, t]
                wanted[i, t, w] = x.demand[i, t, plan.level[i, t], w] + cross[i, t]
                sold[i, t, w] = min(wanted[i, t, w], had)
                stock[i, t, w] = had - sold[i, t, w]
    done = {
        Activity.ORDER: plan.order[..., None],
        Activity.RECEIPT: arriving[..., None],
        Activity.STOCK: stock,
        Activity.SALE: sold,
        Activity.SETUP: (plan.order > 0)[..., None],
        Activity.PROMO: x.promo[np.arange(I)[:, None], plan.level][..., None],
        Activity.PRICE: price[..., None],
    }
    for resource in x.resources:
        used = sum(np.einsum("i,itw->tw", amount, done[activity]) for activity, amount in resource.use.items())
        hard = np.isinf(resource.overage_cost)
        assert (used <= resource.capacity[:, None] + 1e-9)[hard].all()
    for target in x.service:
        expected = wanted[target.items].sum(axis=(0, 1)) @ x.probability
        assert sold[target.items].sum(axis=(0, 1)) @ x.probability >= target.min_fill_rate * expected - 1e-9


def test_features_uses_every_feature() -> None:
    made = [generate("features", "S", seed) for seed in range(60)]
    assert {activity for x in made for resource in x.resources for activity in resource.use} == set(Activity)
    used = {
        "lead time": any(x.lead_time.any() for x in made),
        "min order": any(x.min_order.any() for x in made),
        "max order": any(np.isfinite(x.max_order).any() for x in made),
        "receipt": any(x.receipt.any() for x in made),
        "price changes": any(np.isfinite(x.max_price_changes).any() for x in made),
        "cross effects by period": any((np.ptp(x.cross_effects.effect, axis=1) > 0).any() for x in made),
        "complements": any((x.cross_effects.effect < 0).any() for x in made),
        "negative amounts": any((a < 0).any() for x in made for r in x.resources for a in r.use.values()),
        "soft limits": any(np.isfinite(r.overage_cost).any() for x in made for r in x.resources),
        "some periods": any(np.isinf(r.capacity).any() for x in made for r in x.resources),
        "service": {len(x.service) for x in made} == {0, 1, 2, 3},
        "ragged ladders": any(np.isnan(x.price).any() for x in made),
        "costs by period": any(np.ptp(x.unit_cost, axis=1).any() for x in made),
    }
    assert all(used.values()), used
    assert max(x.has_level.sum(axis=1).astype(float).prod() ** x.periods for x in made) <= 27**3


@pytest.mark.parametrize(
    ("arguments", "place", "text"),
    [
        (("retial", "S", 1), "family", "did you mean 'retail'?"),
        (("retail", "XXL", 1), "size", "known: S, M, L, XL"),
        (("retail", "S", -1), "seed", "0 or more"),
        (("retail", "S", 1, 1.0, 1e300), "uncertainty", "found 1e+300"),
        (("retail", "S", 1, -1.0), "coupling", "from 0 to 1e+06"),
        (("retail", "S", 1, 1.0, float("nan")), "uncertainty", "found nan"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, str, int], place: str, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        generate(*arguments)
    (problem,) = caught.value.problems
    assert problem.file == place
    assert text in problem.message


def test_command_writes_the_instance_it_names(tmp_path: Path) -> None:
    app = typer.Typer()
    command.register(app)
    options = "--family newsvendor --size S --seed 4 --coupling 2 --format parquet --out"
    result = CliRunner().invoke(app, [*options.split(), str(tmp_path / "x")])
    assert result.exit_code == 0, result.output
    instance = read_instance(tmp_path / "x")
    assert instance.digest() == generate("newsvendor", "S", 4, coupling=2).digest()
    assert result.output.startswith("newsvendor-S-4-coupling-2: 10 items")
    assert instance.digest() in result.output
    assert (tmp_path / "x" / "demand.parquet").exists()
