"""An instance: one fully specified planning problem, as arrays.

Sets: items i (I of them), periods t = 1..T (index 0..T-1 here), price levels l of an item (ragged, padded to
K = the largest number of levels), demand scenarios w (W), shared resources r.
Files and meaning: the instance format, `datasets/instance-format.md`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Activity(StrEnum):
    """What of an item a resource counts, per period."""

    ORDER = "order"  # units ordered in the period
    RECEIPT = "receipt"  # units arriving in the period: orders due and units already on the way
    STOCK = "stock"  # units on hand at the end of the period, in every scenario
    SALE = "sale"  # units sold in the period, in every scenario
    SETUP = "setup"  # 1 if an order is placed
    PROMO = "promo"  # 1 if a promotional level is chosen
    PRICE = "price"  # the chosen price


PRICING_ACTIVITIES = frozenset({Activity.PROMO, Activity.PRICE})
"""A resource used by these only is a rule of the pricing function itself."""

SCENARIO_ACTIVITIES = frozenset({Activity.STOCK, Activity.SALE})
"""Activities that depend on the demand scenario."""


@dataclass(frozen=True)
class Resource:
    """A limit shared by items: sum of amount x activity <= capacity (+ overage at a cost), every period.

    Attributes:
        name: its name.
        capacity: (T,) units of the resource; inf where the period is not limited.
        overage_cost: (T,) money per unit used above capacity; inf marks a hard limit.
        use: amounts per unit of activity, (I,) for each activity that uses the resource; may be negative.
    """

    name: str
    capacity: Floats
    overage_cost: Floats
    use: Mapping[Activity, Floats]

    @property
    def is_pricing_rule(self) -> bool:
        """Whether only prices and promotions use it."""
        return set(self.use) <= PRICING_ACTIVITIES


@dataclass(frozen=True)
class ServiceTarget:
    """Expected sales over the horizon >= min_fill_rate x expected demand, over the items in scope.

    Attributes:
        scope: an item, a group or ``all``, as written by the user.
        items: (n,) indices of the items in scope.
        min_fill_rate: between 0 and 1.
    """

    scope: str
    items: Ints
    min_fill_rate: float


@dataclass(frozen=True)
class CrossEffects:
    """Demand of ``item`` gained per unit of money by which ``other``'s price lies above its reference price.

    Attributes:
        item: (n,) index of the item whose demand moves.
        other: (n,) index of the item whose price moves it; never equal to ``item``; pairs are unique.
        effect: (n, T) units per period and unit of money; may be negative (complements).
    """

    item: Ints
    other: Ints
    effect: Floats

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class Instance:
    """One planning problem. Arrays are read-only by convention: make a changed copy with `dataclasses.replace`.

    Attributes:
        name: identifier, repeated in solution files.
        title: one line for people.
        periods: T, the number of periods.
        items: I names, in file order.
        groups: I group names (an item's own name when it has none).
        levels: I tuples of level names, in file order.
        price: (I, K) money per unit; nan beyond an item's own levels.
        reference: (I,) index of today's regular level.
        promo: (I, K) whether the level is promotional; False beyond an item's own levels.
        scenarios: W names.
        probability: (W,) sums to 1.
        demand: (I, T, K, W) units at each own level before cross effects; 0 beyond an item's own levels.
        unit_cost, order_cost, holding_cost, lost_sale_cost: (I, T) money per unit ordered, per order placed, per
            unit of end-of-period stock, per unit of unmet demand.
        max_order: (I, T) units; inf when unlimited.
        receipt: (I, T) units already on the way, arriving in the period.
        salvage_value: (I,) money per unit left after the last period.
        initial_stock: (I,) units.
        lead_time: (I,) periods; an order of period t can be sold from t + lead_time.
        min_order: (I,) units, if an order is placed.
        max_price_changes: (I,) number of changes over the horizon; inf when free.
        cross_effects: see `CrossEffects`.
        resources: shared limits.
        service: service targets.
        period_unit, currency, source, licence, notes: for people, may be empty.
    """

    name: str
    title: str
    periods: int
    items: tuple[str, ...]
    groups: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    price: Floats
    reference: Ints
    promo: Bools
    scenarios: tuple[str, ...]
    probability: Floats
    demand: Floats
    unit_cost: Floats
    order_cost: Floats
    holding_cost: Floats
    lost_sale_cost: Floats
    max_order: Floats
    receipt: Floats
    salvage_value: Floats
    initial_stock: Floats
    lead_time: Ints
    min_order: Floats
    max_price_changes: Floats
    cross_effects: CrossEffects
    resources: tuple[Resource, ...] = ()
    service: tuple[ServiceTarget, ...] = ()
    period_unit: str = ""
    currency: str = ""
    source: str = ""
    licence: str = ""
    notes: str = ""

    def __repr__(self) -> str:
        counts = f"{len(self.items)} items, {self.periods} periods, {len(self.scenarios)} scenarios"
        return f"<Instance {self.name}: {counts}, {len(self.resources)} shared limits>"

    @property
    def has_level(self) -> Bools:
        """(I, K) whether the item has that level."""
        return ~np.isnan(self.price)

    @property
    def reference_price(self) -> Floats:
        """(I,) today's regular price."""
        price: Floats = self.price[np.arange(len(self.items)), self.reference]
        return price

    @property
    def expected_demand(self) -> Floats:
        """(I, T, K) probability-weighted demand at each own level."""
        mean: Floats = self.demand @ self.probability
        return mean

    def cross_demand(self, price: Floats) -> Floats:
        """(I, T) units of demand each item gains from the other items' prices.

        Args:
            price: (I, T) chosen prices.
        """
        gained = np.zeros((len(self.items), self.periods))
        cross = self.cross_effects
        above = (price - self.reference_price[:, None])[cross.other]
        np.add.at(gained, cross.item, cross.effect * above)
        return gained

    def digest(self) -> str:
        """SHA-256 of everything that defines the problem: names, sets and figures (texts for people left out)."""
        sha = hashlib.sha256()
        for field in fields(self):
            if field.name not in {"title", "period_unit", "currency", "source", "licence", "notes"}:
                _feed(sha, getattr(self, field.name))
        return sha.hexdigest()


def _feed(sha: Any, value: object) -> None:
    if isinstance(value, np.ndarray):
        sha.update(f"{value.dtype.kind}{value.shape}".encode())
        sha.update(np.ascontiguousarray(value + 0).tobytes())  # + 0 turns -0.0 into 0.0
    elif isinstance(value, (tuple, list)):
        sha.update(f"[{len(value)}".encode())
        for part in value:
            _feed(sha, part)
    elif isinstance(value, Mapping):
        _feed(sha, [part for key in sorted(value) for part in (key, value[key])])
    elif isinstance(value, (Resource, ServiceTarget, CrossEffects)):
        _feed(sha, [getattr(value, field.name) for field in fields(value)])
    else:
        sha.update(repr(value).encode())
