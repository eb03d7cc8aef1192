"""Worlds: generated firms, small enough to be decided to a proven gap thousands of times.

A world is what a firm really faces (nature) and what it believes (two pictures: yesterday's, and the one that a better
demand function has). The recipe is frozen: it was written down before any claim was tested on it, and nothing in it
was tuned to an outcome. It was changed once, before any claim was looked at: with elasticities of 1.5 to 3, of which a
third to a half went to substitutes, every price rose to the top of the ladder and no limit ever bound. Now elasticities
are those of the bundled orange juice (median -3.0), and by the figures below the best price of a group, about
c + p / (elasticity x what is not lost to substitutes), lies near today's on average: as it would be at a firm that has
set prices for years. With reference price p, unit cost c and expected demand d of an item, money a unit:

- p U(10, 50), c 45-65% of p, d U(20, 100) a period, a season of 35% over 8 periods, substitutes in groups of three;
- own elasticity U(2.5, 4), demand exponential in the price ratio; a fifth to two fifths of what an item loses by a
  dearer price go to its two substitutes;
- demand noise lognormal, sigma 0.25 for every item and period, independent;
- holding 2% of p a period, an order 0.5 x holding x d x tau^2 with tau U(1, 3), leftovers worth 80% of c;
- lead time 0 or 1; stock at the beginning enough for a period and the lead time;
- limits on storage, spend and promotions: one period's reference stock, spend, and a quarter of the items.

What the dials do at 0 and 1 is said in `Dials`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from desilo.cases.instance import Activity, Floats, Instance, Resource
from desilo.harness.experiment import Problems
from desilo.operating.decision import Pictures
from desilo.operating.picture import bearable_share, sparse_effects

LADDER = np.array([0.8, 0.9, 1.0, 1.1, 1.2])
"""Price levels, as shares of the reference price; cheaper than it is a promotion."""

GROUP = 3
"""Substitutes in a group."""

NATURE = 40
"""Scenarios on which plans are scored."""

YESTERDAY = 1.0
"""Forecast error of the demand function as it is."""


@dataclass(frozen=True)
class Dials:
    """What can be turned without changing anything else; the random numbers stay the same.

    Attributes:
        items: in the firm, a multiple of three.
        periods: planned.
        scenarios: of the planner.
        coupling: how far decisions touch each other. At 0 nothing one function decides matters to another: stock is
            there for everything, carrying it costs nothing and what is left is worth what it cost; there are no order
            costs, no shared limits and no substitutes; and nobody errs about how demand responds to prices. At 1 all
            is as in the recipe; above 1 the limits are tighter.
        error: forecast error of the estimated picture, as a share of yesterday's: 0 knows every expectation.
        levels: price points, 3 or 5.
    """

    items: int = 6
    periods: int = 4
    scenarios: int = 3
    coupling: float = 1.0
    error: float = 0.5
    levels: int = 5


def world(seed: int, dials: Dials = Dials()) -> Problems:
    """The pictures and the nature of a firm.

    Args:
        seed: 0 or more; the same seed is the same firm, whatever the dials.
        dials: see there.
    """
    I, T = dials.items, dials.periods
    rng = np.random.default_rng([seed, I, T])
    price = rng.uniform(10, 50, I)
    unit_cost = price * rng.uniform(0.45, 0.65, I)
    base = rng.uniform(20, 100, I)
    phase = rng.uniform(0, 2 * np.pi, I // GROUP).repeat(GROUP)  # substitutes have the same season
    season = 1 + 0.35 * np.sin(2 * np.pi * np.arange(T) / 8 + phase[:, None])
    elasticity = rng.uniform(2.5, 4, I)
    lost_to_substitutes = rng.uniform(0.2, 0.4, I)
    cycle = rng.uniform(1, 3, I)
    volume = rng.uniform(0.5, 2, I)
    lead_time = rng.integers(0, 2, I)
    misjudged_level, misjudged_response = rng.standard_normal((2, I))
    noise = rng.standard_normal((I, T, NATURE + dials.scenarios))

    touching = min(dials.coupling, 1.0)
    holding = touching * 0.02 * price
    stock = base * (1 + lead_time)
    # decisions that do not touch: everything that could be sold at the lowest price is there
    plenty = (season * base[:, None]).sum(axis=1) * np.exp(4 * 0.2) * 3
    initial_stock = touching * stock + (1 - touching) * plenty
    steps = LADDER if dials.levels == len(LADDER) else LADDER[:: (len(LADDER) - 1) // (dials.levels - 1)]

    def demand(error: float, noise: Floats) -> Floats:
        """(I, T, K, W) what is believed with an error, 0 being the truth; known figures of mean 1 as noise."""
        level = np.exp(0.2 * error * misjudged_level)
        response = elasticity * np.exp(0.4 * touching * error * misjudged_response)
        own = np.exp(-response[:, None] * (steps - 1))
        expected = (level * base)[:, None, None] * season[:, :, None] * own[:, None, :]
        return np.asarray(expected[..., None] * noise[:, :, None, :])

    spread = np.exp(0.25 * noise - 0.25**2 / 2)
    planned = spread[..., NATURE:] / spread[..., NATURE:].mean(axis=2, keepdims=True)
    gain = _gain_of_substitutes(touching * lost_to_substitutes * elasticity * base / price, season)
    picture = Instance(
        name=f"world-{seed}",
        title="A generated firm",
        periods=T,
        items=tuple(f"item-{i + 1}" for i in range(I)),
        groups=tuple(f"group-{i // GROUP + 1}" for i in range(I)),
        levels=tuple(tuple(f"{step:g}" for step in steps) for _ in range(I)),
        price=price[:, None] * steps,
        reference=np.full(I, len(steps) // 2),
        promo=np.tile(steps < 1, (I, 1)),
        scenarios=tuple(str(w + 1) for w in range(dials.scenarios)),
        probability=np.full(dials.scenarios, 1 / dials.scenarios),
        demand=demand(dials.error, planned),
        unit_cost=np.tile(unit_cost[:, None], T),
        order_cost=np.tile((0.5 * holding * base * cycle**2)[:, None], T),
        holding_cost=np.tile(holding[:, None], T),
        lost_sale_cost=np.zeros((I, T)),
        max_order=np.full((I, T), np.inf),
        receipt=np.zeros((I, T)),
        salvage_value=unit_cost * (1 - 0.2 * touching),
        initial_stock=initial_stock,
        lead_time=lead_time,
        min_order=np.zeros(I),
        max_price_changes=np.full(I, np.inf),
        cross_effects=sparse_effects(gain),
        resources=_limits(dials.coupling, volume, unit_cost, base, initial_stock, T),
    )
    nature = replace(
        picture,
        scenarios=tuple(str(w + 1) for w in range(NATURE)),
        probability=np.full(NATURE, 1 / NATURE),
        demand=demand(0.0, spread[..., :NATURE]),
    )
    yesterday = replace(picture, demand=demand(YESTERDAY, planned))
    return Problems(Pictures(_bearable(yesterday, gain), _bearable(picture, gain)), _bearable(nature, gain))


def _gain_of_substitutes(lost: Floats, season: Floats) -> Floats:
    """(I, I, T) units gained by the row's item for a unit of money on the column's price.

    What an item loses (I,) goes to the others of its group in equal parts.
    """
    group = np.arange(len(lost)) // GROUP
    others = (group[:, None] == group) & ~np.eye(len(lost), dtype=bool)
    return np.asarray((others * lost / (GROUP - 1))[:, :, None] * season)


def _bearable(seen: Instance, gain: Floats) -> Instance:
    """The instance with its cross effects, smaller where cheap substitutes would leave an item less than no demand."""
    share = bearable_share(seen.demand, seen.price, seen.reference_price, gain)
    return replace(seen, cross_effects=sparse_effects(gain * share[:, None, :]))


def _limits(
    coupling: float, volume: Floats, unit_cost: Floats, base: Floats, stock: Floats, periods: int
) -> tuple[Resource, ...]:
    """Shared limits, divided by the coupling; none without it."""
    if coupling == 0:
        return ()
    promotions = np.ceil(len(base) / 4 / max(coupling, 1.0))  # a whole number of them, at least one

    def limit(name: str, capacity: float, use: dict[Activity, Floats]) -> Resource:
        return Resource(name, np.full(periods, capacity), np.full(periods, np.inf), use)

    return (
        # stock at the beginning always fits
        limit("storage", max(float(volume @ base) / coupling, float(volume @ stock)), {Activity.STOCK: volume}),
        limit("spend", float(unit_cost @ base) / coupling, {Activity.ORDER: unit_cost}),
        limit("promotions", float(promotions), {Activity.PROMO: np.ones(len(base))}),
    )
