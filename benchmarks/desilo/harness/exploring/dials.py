"""What a slider means: an instance and dials make an instance, by data alone.

A limit is scaled. Prices are kept within a range of today's by rules like any other of the format: a resource that
one item's price uses, so that every operating model obeys them and the checker knows them. Dials only ever add rules
or scale capacities: whatever a plan earns under tighter dials it can earn under looser ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import did_you_mean
from desilo.cases.instance import Activity, Bools, Floats, Instance, Resource

SAME_PRICE = 1e-9
"""Relative difference between prices that are one."""


@dataclass(frozen=True)
class PriceRange:
    """What a price may be, as shares of today's regular price; a level is fixed where both are the same.

    Attributes:
        low, high: of the regular price; 0 and inf for no floor and no cap.
    """

    low: float = 0.0
    high: float = math.inf


@dataclass(frozen=True)
class Dials:
    """Where the sliders stand; what is not named stands at neutral.

    Attributes:
        tightness: factor on the capacity of a resource, by its name; below 1 is tighter.
        prices: range by item, or by group for each of its items; an item keeps to its own and to its group's.
    """

    tightness: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, PriceRange] = field(default_factory=dict)

    def nowhere_tighter(self, other: Dials) -> bool:
        """Whether every plan that keeps the other's limits keeps these, so that what is proven here holds there."""
        limits = self.tightness.keys() | other.tightness.keys()
        looser = all(self.tightness.get(name, 1.0) >= other.tightness.get(name, 1.0) for name in limits)
        return looser and all(
            name in other.prices and mine.low <= other.prices[name].low and other.prices[name].high <= mine.high
            for name, mine in self.prices.items()
        )


def turned(instance: Instance, dials: Dials) -> Instance:
    """The instance with its limits and prices as the dials have them; the very same one where all stand at neutral.

    Raises:
        BadInput: with every dial that means nothing here: an unknown name, a factor that is not positive, a range
            without a price of the item in it.
    """
    problems = [*_unknown(instance, dials), *_meaningless(dials)]
    if problems:
        raise BadInput(problems)
    allowed = allowed_levels(instance, dials.prices)
    if problems := [
        Problem("prices", f"no price of item '{instance.items[i]}' lies in its range; widen it")
        for i in np.flatnonzero(~allowed.any(axis=1)).tolist()
    ]:
        raise BadInput(problems)
    limits = tuple(
        replace(limit, capacity=scaled(limit.capacity, factor))
        if (factor := dials.tightness.get(limit.name, 1.0)) != 1
        else limit
        for limit in instance.resources
    )
    return replace(instance, resources=(*limits, *_price_rules(instance, allowed)))


def scaled(capacity: Floats, factor: float) -> Floats:
    """Capacities (T,) times the factor; negative ones, which stand for lower limits, divided by it: below 1 is always
    tighter.
    """
    found: Floats = np.where(capacity >= 0, capacity * factor, capacity / factor)
    return found


def allowed_levels(instance: Instance, prices: Mapping[str, PriceRange]) -> Bools:
    """(I, K) the levels whose price lies in the ranges of the item and of its group."""
    share = instance.price / instance.reference_price[:, None]
    allowed = instance.has_level
    for i, names in enumerate(zip(instance.items, instance.groups, strict=True)):
        for name in set(names) & prices.keys():
            low, high = prices[name].low, prices[name].high
            allowed[i] &= (share[i] >= low * (1 - SAME_PRICE)) & (share[i] <= high * (1 + SAME_PRICE))
    return allowed


def _price_rules(instance: Instance, allowed: Bools) -> Iterator[Resource]:
    """A cap for every item whose dearest level is out of its range, a floor where the cheapest is."""
    highest = np.nanmax(np.where(allowed, instance.price, np.nan), axis=1)
    lowest = np.nanmin(np.where(allowed, instance.price, np.nan), axis=1)
    forever = np.ones(instance.periods)
    for i, item in enumerate(instance.items):
        one = np.zeros(len(instance.items))
        one[i] = 1.0
        if highest[i] < np.nanmax(instance.price[i]):
            yield Resource(f"highest price of {item}", highest[i] * forever, np.inf * forever, {Activity.PRICE: one})
        if lowest[i] > np.nanmin(instance.price[i]):
            yield Resource(f"lowest price of {item}", -lowest[i] * forever, np.inf * forever, {Activity.PRICE: -one})


def _unknown(instance: Instance, dials: Dials) -> Iterator[Problem]:
    limits = [resource.name for resource in instance.resources]
    priced = [*instance.items, *instance.groups]
    for place, given, known in (("limits", dials.tightness, limits), ("prices", dials.prices, priced)):
        for name in given:
            if name not in known:
                yield Problem(place, f"unknown name '{name}'; {did_you_mean(name, known)}")


def _meaningless(dials: Dials) -> Iterator[Problem]:
    for name, factor in dials.tightness.items():
        if not 0 < factor < math.inf:
            yield Problem("limits", f"found {factor:g} for '{name}'; a factor above 0 is expected")
    for name, span in dials.prices.items():
        if not 0 <= span.low <= span.high:
            found = f"found {span.low:g} to {span.high:g} for '{name}'"
            yield Problem("prices", f"{found}; shares of today's price are expected, the lower one first")
