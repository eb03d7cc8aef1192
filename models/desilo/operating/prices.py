"""The pricing function deciding for itself, split into the parts that have nothing to do with each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from desilo.cases.instance import CrossEffects, Floats, Instance, Ints
from desilo.formulations.models import prefer_regular_prices, pricing_model
from desilo.operating.decision import Step
from desilo.solving import Options, Stop, solve, values

TIE = 1e-9
"""Relative difference in margin below which two price plans are as good as each other."""


def plan_prices(instance: Instance, options: Options) -> tuple[Ints | None, tuple[Step, ...]]:
    """Levels that maximise expected (price - unit cost) x demand under the pricing function's own rules.

    Ties go to the reference level, then to the higher price. An item and period that no rule or cross effect ties
    to another is decided by comparing its levels; the rest by one model per connected part.

    Args:
        instance: the problem.
        options: the time limit holds for all parts together.

    Returns:
        (I, T) levels, or None if a part has no solution; and the steps that used the solver.
    """
    level = _best_alone(instance)
    steps: list[Step] = []
    remaining = options.time_limit
    parts = _parts(instance)
    for done, (items, periods) in enumerate(parts):
        part = _restrict(instance, items, periods)
        share = replace(options, time_limit=max(remaining / min(2, len(parts) - done), 0.1))
        chosen, step = _solve_part(part, share)
        steps += step
        if chosen is None:
            return None, tuple(steps)
        level[np.ix_(items, periods)] = chosen
        remaining -= sum(s.outcome.seconds.total for s in step)
    return level, tuple(steps)


def _solve_part(part: Instance, options: Options) -> tuple[Ints | None, list[Step]]:
    built = pricing_model(part)
    outcome = solve(built.model, options, built=built.seconds)
    steps = [Step("pricing", outcome)]
    if not outcome.feasible:
        return None, steps
    chosen = chosen_levels(built.model, part)
    if options.gap == 0 and outcome.stop is Stop.OPTIMAL:
        prefer_regular_prices(built.model, part, outcome.objective - TIE * max(1.0, abs(outcome.objective)))
        tie = solve(built.model, options, warm=True)
        steps.append(Step("pricing-ties", tie))
        if tie.feasible:
            chosen = chosen_levels(built.model, part)
    return chosen, steps


def level_shares(model: Any, instance: Instance) -> Floats:
    """(I, T, K) y of a solved model: 1 at the chosen level, or the share that a relaxation gives to a level."""
    y = values(model.pricing.y, (len(instance.items), instance.price.shape[1], instance.periods))
    return y.transpose(0, 2, 1)


def chosen_levels(model: Any, instance: Instance) -> Ints:
    """(I, T) the chosen levels of a solved model."""
    level: Ints = level_shares(model, instance).argmax(axis=2)
    return level


def _best_alone(instance: Instance) -> Ints:
    """(I, T) the level of largest expected margin, each item and period for itself."""
    margin = (instance.price[:, None, :] - instance.unit_cost[:, :, None]) * instance.expected_demand
    margin = np.where(instance.has_level[:, None, :], margin, -np.inf)
    best = margin.max(axis=2, keepdims=True)
    tied = margin >= best - TIE * np.maximum(1.0, np.abs(best))
    at_reference = np.zeros_like(tied)
    np.put_along_axis(at_reference, np.broadcast_to(instance.reference[:, None, None], best.shape), True, 2)
    rank = np.where(at_reference, np.inf, np.nan_to_num(instance.price[:, None, :]))
    level: Ints = np.where(tied, rank, -1.0).argmax(axis=2)
    return level


def _parts(instance: Instance) -> list[tuple[Ints, Ints]]:
    """(items, periods) of each connected part with more than one item and period, or with a rule of its own."""
    count, periods = len(instance.items), instance.periods
    node = np.arange(count * periods).reshape(count, periods)
    edges: list[tuple[Ints, Ints]] = []
    ruled = np.zeros((count, periods), dtype=bool)
    cross = instance.cross_effects
    for t in range(periods):
        acts = cross.effect[:, t] != 0
        edges.append((node[cross.item[acts], t], node[cross.other[acts], t]))
    for resource in instance.resources:
        if resource.is_pricing_rule:
            users = np.flatnonzero(sum(np.abs(amount) for amount in resource.use.values()))
            for when in np.flatnonzero(np.isfinite(resource.capacity)):
                ruled[users, when] = True
                edges.append((node[users[:-1], when], node[users[1:], when]))
    for limited in np.flatnonzero(np.isfinite(instance.max_price_changes)):
        ruled[limited] = True
        edges.append((node[limited, :-1], node[limited, 1:]))
    while True:
        start, end = (np.concatenate(side) if edges else np.zeros(0, int) for side in zip(*edges, strict=True))
        graph = sparse.coo_array((np.ones(len(start)), (start, end)), shape=(node.size, node.size))
        label = connected_components(graph, directed=False)[1].reshape(count, periods)
        parts = []
        for part in np.unique(label):
            items, times = np.nonzero(label == part)
            parts.append((np.unique(items), np.unique(times), len(items)))
        ragged = [(i, t) for i, t, size in parts if len(i) * len(t) > size]
        if not ragged:
            return [(i, t) for i, t, size in parts if size > 1 or ruled[i[0], t[0]]]
        for items, times in ragged:  # a part is a whole block of items and periods
            block = node[np.ix_(items, times)].reshape(-1)
            edges.append((block[:-1], block[1:]))


def _restrict(instance: Instance, items: Ints, periods: Ints) -> Instance:
    """The pricing function's view of some items and periods; what others use of a rule is theirs by construction."""
    position = np.full(len(instance.items), -1)
    position[items] = np.arange(len(items))
    cross = instance.cross_effects
    inside = (position[cross.item] >= 0) & (position[cross.other] >= 0)
    block = np.ix_(items, periods)
    pick = [int(i) for i in items]
    return replace(
        instance,
        periods=len(periods),
        items=tuple(instance.items[i] for i in pick),
        groups=tuple(instance.groups[i] for i in pick),
        levels=tuple(instance.levels[i] for i in pick),
        price=instance.price[items],
        reference=instance.reference[items],
        promo=instance.promo[items],
        demand=instance.demand[block],
        unit_cost=instance.unit_cost[block],
        order_cost=instance.order_cost[block],
        holding_cost=instance.holding_cost[block],
        lost_sale_cost=instance.lost_sale_cost[block],
        max_order=instance.max_order[block],
        receipt=instance.receipt[block],
        salvage_value=instance.salvage_value[items],
        initial_stock=instance.initial_stock[items],
        lead_time=instance.lead_time[items],
        min_order=instance.min_order[items],
        max_price_changes=instance.max_price_changes[items],
        cross_effects=CrossEffects(
            position[cross.item[inside]], position[cross.other[inside]], cross.effect[np.ix_(inside, periods)]
        ),
        resources=tuple(
            replace(
                resource,
                capacity=resource.capacity[periods],
                overage_cost=resource.overage_cost[periods],
                use={activity: amount[items] for activity, amount in resource.use.items()},
            )
            for resource in instance.resources
            if resource.is_pricing_rule and any(np.any(amount[items]) for amount in resource.use.values())
        ),
        service=(),
    )
