"""The planner's picture: the instance a company plans on, made from what it knows at the start."""

from __future__ import annotations

import numpy as np

from desilo.cases.case import Case
from desilo.cases.instance import Activity, Bools, CrossEffects, Floats, Instance, Ints, Resource
from desilo.operating.forecast import Forecaster, Response, substitutes
from desilo.operating.identification import too_thin
from desilo.operating.today import Today, index_of, today

PLANNER_STREAM = 0
"""Marks the planner's random draws, so that no seed makes them those of nature."""

BELOW_ZERO_MARGIN = 1e-9
"""Relative; keeps demand at the worst price vector from being negative by rounding."""


def picture(
    case: Case,
    start: int,
    forecaster: Forecaster,
    *,
    periods: int | None = None,
    scenarios: int | None = None,
    seed: int,
    tightness: float = 1.0,
) -> Instance:
    """The instance planned on at the calendar period `start`.

    Only what lies before the start is used, but for the wholesale costs of the horizon, which are taken as
    announced by the suppliers; beyond the history they stay as today.

    Args:
        case: the case.
        start: first calendar period planned.
        forecaster: `desilo.operating.forecast.naive` or `estimated`.
        periods: horizon, instead of the assumed one.
        scenarios: number of demand scenarios, instead of the assumed one.
        seed: of the scenarios.
        tightness: factor on the capacities of cold store, open-to-buy and receiving.

    Raises:
        BadInput: the start does not fit the history, or items have too few records before it.
    """
    assume = case.assumptions
    T = round(assume.horizon.value) if periods is None else periods
    W = round(assume.scenarios.value) if scenarios is None else scenarios
    now = today(case, start)
    response = forecaster(case, start)
    calendar = np.arange(start, start + T)

    price, reference, promo = price_ladder(case, start, now)
    factors = scenario_factors(response, T, W, np.random.default_rng([PLANNER_STREAM, start, seed]))
    feature = featured(case, start, promo)
    demand = demand_at_levels(response, calendar, price, feature, now.price)[..., None] * factors[:, :, None, :]
    effects = response.cross_effects(calendar, now.price)
    share = bearable_share(demand, price, now.price, effects)
    unit_cost = announced_costs(case, start, T, now)
    items = len(case.items)
    constant = np.ones((items, T))
    return Instance(
        name=f"{case.name}-{start}",
        title=f"{case.title}, {T} {case.period_unit}s from {start}",
        periods=T,
        items=case.items,
        groups=substitutes(case),
        levels=tuple(tuple(f"{p:.2f}" for p in row if not np.isnan(p)) for row in price),
        price=price,
        reference=reference,
        promo=promo,
        scenarios=tuple(str(w + 1) for w in range(W)),
        probability=np.full(W, 1 / W),
        demand=demand,
        unit_cost=unit_cost,
        order_cost=assume.order_cost.value * constant,
        holding_cost=assume.holding_cost.value * now.unit_cost[:, None] * constant,
        lost_sale_cost=assume.lost_sale_cost.value * np.maximum(now.price - now.unit_cost, 0)[:, None] * constant,
        max_order=np.inf * constant,
        receipt=0 * constant,
        # at the cheapest cost of the horizon: what is left over must not pay for having been bought
        salvage_value=assume.salvage_value.value * unit_cost.min(axis=1),
        initial_stock=assume.initial_stock.value * now.units,
        lead_time=np.full(items, round(assume.lead_time.value)),
        min_order=assume.min_order.value * now.units,
        max_price_changes=np.full(items, np.inf),
        cross_effects=sparse_effects(effects * share[:, None, :]),
        resources=shared_resources(case, now, T, tightness),
        period_unit=case.period_unit,
        currency=case.currency,
        source=case.source,
        licence=case.licence,
        notes=_notes(effects, share),
    )


def price_ladder(case: Case, start: int, now: Today) -> tuple[Floats, Ints, Bools]:
    """(I, K) prices, rising, nan beyond an item's own; (I,) index of the reference; (I, K) promotional.

    Equal steps between two quantiles of the prices seen before the start, in whole cents; the step nearest to
    the reference price is replaced by it. A level at or below `promo_depth` of it is promotional. An item whose
    price moved too seldom to learn from has its reference price alone.
    """
    assume = case.assumptions
    past = index_of(case, start)
    low, high = np.nanquantile(
        case.price[:, :past],
        [assume.ladder_low.value, assume.ladder_high.value],
        axis=1,
    )
    thin = too_thin(case, min(past, case.holdout))
    low[thin] = high[thin] = now.price[thin]
    K = round(assume.ladder_levels.value)
    price = np.full((len(case.items), K), np.nan)
    reference = np.zeros(len(case.items), dtype=np.int64)
    for i, regular in enumerate(now.price):
        steps = np.linspace(low[i], high[i], K)
        steps[np.argmin(abs(steps - regular))] = regular
        steps = np.unique(np.round(steps, 2))
        price[i, : len(steps)] = steps
        reference[i] = np.argmin(abs(steps - regular))
    return price, reference, price <= assume.promo_depth.value * now.price[:, None]


def featured(case: Case, start: int, promo: Bools) -> Floats:
    """(I, K) share of the stores that feature a level: a promotional one as widely as the item ever was before."""
    before = np.nan_to_num(case.feature[:, : index_of(case, start)])
    share: Floats = promo * before.max(axis=1, keepdims=True)
    return share


def demand_at_levels(
    response: Response, calendar: Ints, price: Floats, feature: Floats, reference_price: Floats
) -> Floats:
    """(I, T, K) expected units at every own level and the feature (I, K) that goes with it, other items at their
    reference prices; 0 beyond an item's own levels.
    """
    return np.nan_to_num(response.at_own_prices(calendar, price, feature, reference_price))


def scenario_factors(response: Response, periods: int, scenarios: int, rng: np.random.Generator) -> Floats:
    """(I, T, W) demand over its expectation, with mean 1 over the scenarios.

    A scenario draws one past week per period for all items at once: they stay as correlated as they were.
    """
    weeks = rng.integers(response.residuals.shape[1], size=(periods, scenarios))
    factors = np.exp(response.residuals[:, weeks])
    scaled: Floats = factors / factors.mean(axis=2, keepdims=True)
    return scaled


def bearable_share(demand: Floats, price: Floats, reference_price: Floats, effects: Floats) -> Floats:
    """(I, T) share of an item's cross effects at which no price vector makes its demand negative, at most 1.

    The effects are additive and the same in every scenario, demand at a high own price in a bad one is small:
    the format refuses an instance in which the sum can be negative.

    Args:
        demand: (I, T, K, W) before cross effects.
        price: (I, K), nan beyond an item's own levels.
        reference_price: (I,).
        effects: (I, I, T) units of the row's demand per unit of money on the column's price.
    """
    lowest = np.where(np.isnan(price)[:, None, :, None], np.inf, demand).min(axis=(2, 3))
    above = np.stack([np.nanmin(price, axis=1), np.nanmax(price, axis=1)]) - reference_price
    # not above 0, as the ends of a ladder lie on both sides of the reference
    worst = (effects * above[:, None, :, None]).min(axis=0).sum(axis=1)
    share: Floats = np.ones_like(lowest)
    np.divide(lowest * (1 - BELOW_ZERO_MARGIN), -worst, out=share, where=worst < 0)
    np.minimum(share, 1, out=share)
    return share


def sparse_effects(effects: Floats) -> CrossEffects:
    """The pairs that have an effect in some period.

    Args:
        effects: (I, I, T).
    """
    item, other = np.nonzero(effects.any(axis=2))
    return CrossEffects(item, other, effects[item, other])


def announced_costs(case: Case, start: int, periods: int, now: Today) -> Floats:
    """(I, T) wholesale costs of the horizon as they came to be; today's where they are not on record."""
    first = index_of(case, start)
    known = case.unit_cost[:, first : first + periods]
    ahead = np.pad(known, ((0, 0), (0, periods - known.shape[1])), constant_values=np.nan)
    cost: Floats = np.where(np.isnan(ahead), now.unit_cost[:, None], ahead)
    return cost


def shared_resources(case: Case, now: Today, periods: int, tightness: float) -> tuple[Resource, ...]:
    """Cold store, open-to-buy and receiving of the chain; promotion slots and price image of each zone."""
    assume = case.assumptions

    def resource(
        name: str, activity: Activity, amount: Floats, capacity: float, overage_cost: float = np.inf
    ) -> Resource:
        return Resource(
            name, np.full(periods, capacity, np.float64), np.full(periods, overage_cost), {activity: amount}
        )

    operating = [
        resource(
            "cold store",
            Activity.STOCK,
            case.volume,
            tightness * assume.cold_store.value * float(now.units @ case.volume),
            assume.cold_store_overflow.value,
        ),
        resource(
            "open to buy",
            Activity.ORDER,
            now.unit_cost,  # amounts do not vary by period: an order is charged at today's cost
            tightness * assume.open_to_buy.value * float(now.units @ now.unit_cost),
        ),
        resource(
            "receiving",
            Activity.RECEIPT,
            np.ones(len(case.items)),
            tightness * assume.receiving_labour.value * now.units.sum(),
            assume.receiving_overtime.value,
        ),
    ]
    rules = []
    zones = np.array(case.zones)
    for zone in dict.fromkeys(case.zones):
        member = (zones == zone).astype(np.float64)
        weight = member * now.units / (member @ now.units)
        slots = round(assume.promotion_slots.value * member.sum())
        basket = assume.price_image.value * float(weight @ now.price)
        rules.append(resource(f"promotion slots {zone}", Activity.PROMO, member, slots))
        rules.append(resource(f"price image {zone}", Activity.PRICE, weight, basket))
    return (*operating, *rules)


def _notes(effects: Floats, share: Floats) -> str:
    shrunk = share[effects.any(axis=1)]
    if not (shrunk < 1).any():
        return ""
    return (
        "Cross effects were scaled down so that no price vector makes demand negative: to "
        f"{np.median(shrunk):.0%} of the estimate in the median over items and periods, {shrunk.min():.0%} "
        "at the lowest."
    )
