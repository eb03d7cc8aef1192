"""Instances built in memory, from the few figures that a test is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from desilo.cases.instance import Activity, CrossEffects, Floats, Instance, Resource
from desilo.cases.plan import Plan


def make_instance(demand: Any, price: Any = ((10.0,),), **figures: Any) -> Instance:
    """An instance with no cost, no stock and no limit, except for the figures given.

    Args:
        demand: (I, T, K, W) units.
        price: (I, K) money; a single item's row serves all.
        figures: fields of `Instance`; scalars and (I,) arrays are stretched to the field's shape.
    """
    demand = np.asarray(demand, dtype=float)
    items, periods, levels, scenarios = demand.shape
    per_period = ("unit_cost", "order_cost", "holding_cost", "lost_sale_cost", "max_order", "receipt")
    per_item = ("salvage_value", "initial_stock", "lead_time", "min_order", "max_price_changes", "reference")
    shapes = dict.fromkeys(per_period, (items, periods)) | dict.fromkeys(per_item, (items,))
    values: dict[str, Any] = {
        "name": "small",
        "title": "A small instance",
        "periods": periods,
        "items": tuple(f"item{i}" for i in range(items)),
        "levels": tuple(tuple(f"level{k}" for k in range(levels)) for _ in range(items)),
        "price": np.broadcast_to(np.asarray(price, dtype=float), (items, levels)),
        "promo": np.zeros((items, levels), dtype=bool),
        "scenarios": tuple(f"w{w}" for w in range(scenarios)),
        "probability": np.full(scenarios, 1 / scenarios),
        "demand": demand,
        "cross_effects": CrossEffects(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, periods))),
    }
    for name, shape in shapes.items():
        given = np.asarray(figures.pop(name, np.inf if name.startswith("max_") else 0.0), dtype=float)
        if given.ndim == 1 and len(shape) == 2 and len(given) == items:
            given = given[:, None]
        values[name] = np.broadcast_to(given, shape).copy()
    values |= figures
    for name in ("lead_time", "reference"):
        values[name] = values[name].astype(np.int64)
    values.setdefault("groups", values["items"])
    return Instance(**values)


def make_plan(order: Any, level: Any = 0) -> Plan:
    """A plan from (I, T) orders and levels; one level serves all."""
    order = np.asarray(order, dtype=float)
    return Plan(np.broadcast_to(np.asarray(level, dtype=np.int64), order.shape).copy(), order)


def make_resource(
    use: Mapping[Activity, Sequence[float]],
    capacity: Any,
    T: int,
    overage_cost: Any = np.inf,
    name: str = "shelf",
) -> Resource:
    """A resource; one capacity and one overage cost serve all periods."""

    def stretch(figure: Any) -> Floats:
        return np.broadcast_to(np.asarray(figure, dtype=float), T).copy()

    amounts = {activity: np.asarray(amount, dtype=float) for activity, amount in use.items()}
    return Resource(name, stretch(capacity), stretch(overage_cost), amounts)


def random_problem(seed: int) -> tuple[Instance, Plan]:
    """A small instance with every cost, up to two soft or hard limits, and integer figures; a plan for it."""
    rng = np.random.default_rng(seed)
    I, T, K, W = rng.integers(1, 4), rng.integers(1, 5), 3, rng.integers(1, 4)
    limits = {Activity.STOCK: 6, Activity.SALE: 5}
    resources = tuple(
        make_resource(
            {activity: rng.integers(0, 3, I)},
            capacity=rng.integers(1, size * I, T),
            T=T,
            overage_cost=rng.choice([0.5, np.inf]),
            name=activity.value,
        )
        for activity, size in limits.items()
        if rng.random() < 0.5
    )
    instance = make_instance(
        rng.integers(0, 9, (I, T, K, W)),
        price=rng.integers(5, 15, (I, K)),
        unit_cost=rng.integers(1, 6, (I, T)),
        order_cost=rng.integers(0, 10, (I, T)),
        holding_cost=rng.integers(0, 3, (I, T)),
        lost_sale_cost=rng.integers(0, 3, (I, T)),
        salvage_value=rng.integers(-2, 8, I),
        initial_stock=rng.integers(0, 9, I),
        receipt=rng.integers(0, 3, (I, T)),
        lead_time=rng.integers(0, 3, I),
        probability=rng.dirichlet(np.ones(W)),
        resources=resources,
    )
    order = rng.integers(0, 12, (I, T)) * (rng.random((I, T)) < 0.6)
    order[np.arange(T) + instance.lead_time[:, None] >= T] = 0
    return instance, make_plan(order, rng.integers(0, K, (I, T)))
