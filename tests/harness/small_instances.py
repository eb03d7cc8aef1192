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
        "cross_effects": CrossEffects(
            np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, periods))
        ),
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
