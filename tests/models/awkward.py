"""Tiny random instances in which every feature of the format may meet every other, however unreasonably."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from desilo.cases.instance import Activity, Bools, CrossEffects, Floats, Instance, Resource, ServiceTarget
from desilo.cases.reading import lowest_demand


def awkward_instance(seed: int) -> Instance:
    """Up to 3 items, periods, levels and scenarios, with whole-number figures, so that ties are common.

    Among what can happen: single levels, zero demand, scenarios of probability 0, lead times beyond the horizon,
    negative amounts, limits in some periods only, soft pricing rules, minimum orders nobody can use, orders that
    pay unsold, targets and limits that cannot be kept.
    """
    rng = np.random.default_rng(seed)
    I, T, W = (int(n) for n in rng.integers(1, 4, 3))
    K = int(rng.integers(1, 4 if I * T <= 6 else 3))
    price = np.sort(rng.integers(5, 15, (I, K)).astype(float), axis=1)
    own = np.where(rng.random(I) < 0.3, rng.integers(1, K + 1, I), K)
    price[np.arange(K) >= own[:, None]] = np.nan
    has_level = ~np.isnan(price)
    reference = rng.integers(0, own)
    demand = rng.integers(0, 9, (I, T, K, W)) * (rng.random((I, T, 1, 1)) < 0.9)
    probability = rng.dirichlet(np.ones(W))
    if W > 1 and rng.random() < 0.2:
        probability[0] = 0.0
        probability /= probability.sum()
    sometimes = rng.random((6, I)) < 0.5
    lead_time = rng.integers(0, 3, I)
    if rng.random() < 0.1:
        lead_time[0] = T + 1
    none = np.zeros(0, dtype=np.int64)
    instance = Instance(
        name=f"awkward-{seed}",
        title="Every feature at random",
        periods=T,
        items=tuple(f"item{i}" for i in range(I)),
        groups=("group",) * I,
        levels=tuple(tuple(f"level{k}" for k in range(n)) for n in own),
        price=price,
        reference=reference,
        promo=has_level & (rng.random((I, K)) < 0.4),
        scenarios=tuple(f"w{w}" for w in range(W)),
        probability=probability,
        demand=np.where(has_level[:, None, :, None], demand, 0).astype(float),
        unit_cost=_figures(rng, 1, 8, (I, T)),
        order_cost=_figures(rng, 0, 10, (I, T)) * sometimes[0][:, None],
        holding_cost=_figures(rng, 0, 3, (I, T)),
        lost_sale_cost=_figures(rng, 0, 3, (I, T)),
        max_order=np.where(rng.random((I, T)) < 0.5, np.inf, rng.integers(0, 15, (I, T))),
        receipt=_figures(rng, 0, 3, (I, T)),
        salvage_value=_figures(rng, -2, 10 if rng.random() < 0.2 else 4, I),
        initial_stock=_figures(rng, 0, 9, I),
        lead_time=lead_time,
        min_order=_figures(rng, 0, 8, I) * sometimes[1],
        max_price_changes=np.where(sometimes[2], np.inf, rng.integers(0, T + 1, I)),
        cross_effects=CrossEffects(none, none, np.zeros((0, T))),
        service=(ServiceTarget("all", np.arange(I), float(rng.choice([0.3, 0.7, 1.0]))),) * (rng.random() < 0.25),
    )
    regular = instance.reference_price
    resources = tuple(_resource(rng, f"r{n}", regular, T) for n in range(rng.integers(0, 4)))
    return _with_cross_effects(rng, replace(instance, resources=resources))


def _figures(rng: np.random.Generator, low: int, high: int, shape: Any) -> Floats:
    return rng.integers(low, high, shape).astype(float)


def _resource(rng: np.random.Generator, name: str, regular: Floats, T: int) -> Resource:
    """A limit on up to three activities, now and then with negative amounts, in some periods only, or soft."""
    amounts = [-1, 0, 1, 1, 2] if rng.random() < 0.5 else [0, 1, 1, 2]
    use = {
        Activity(name): rng.choice(amounts, len(regular)).astype(float)
        for name in rng.choice(list(Activity), size=rng.integers(1, 4), replace=False)
    }
    capacity = rng.integers(-3, 12, T) + use.get(Activity.PRICE, np.zeros_like(regular)) @ regular
    limited = rng.random(T) < 0.75
    limited[0] |= not limited.any()
    soft: Bools = limited & (rng.random(T) < rng.choice([0.0, 0.5, 1.0]))
    price = rng.choice([0.0, 0.5, 3.0])
    return Resource(name, np.where(limited, capacity, np.inf), np.where(soft, price, np.inf), use)


def _with_cross_effects(rng: np.random.Generator, instance: Instance) -> Instance:
    """Substitutes and complements, not in every period, weak enough to leave no demand below 0."""
    I, T = instance.unit_cost.shape
    pairs = [(i, j) for i in range(I) for j in range(I) if i != j and rng.random() < 0.4]
    if not pairs:
        return instance
    item, other = np.array(pairs).T
    effect = rng.choice([-0.5, 0.25, 0.5, 1.0], (len(pairs), 1)) * (rng.random((len(pairs), T)) < 0.8)
    own = np.where(instance.has_level[:, None, :, None], instance.demand + 4, 0)
    for scale in (1, 0.5, 0.25, 0.125, 0):
        crossed = replace(instance, demand=own, cross_effects=CrossEffects(item, other, scale * effect))
        if lowest_demand(crossed).min() >= 0:
            return crossed
    return instance
