"""Opening prices: those of a sample of teams that share a sample of the limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from desilo.cases.instance import PRICING_ACTIVITIES, Activity, Floats, Instance, Ints
from desilo.cases.variants import without_substitution
from desilo.formulations.models import joint_model
from desilo.operating.coordination.limits import Limits, part_of
from desilo.solving import Held, Options, Stop, labels, translate

COLUMNS = 120_000
"""The sample's relaxation may be about so large."""

TEAMS = 200
"""So many stand for any number; what room there is beyond them goes to scenarios."""

SCENARIOS = 3
"""At most so many scenarios; the price of a limit in a scenario is then its probability's share of the period's."""

PAIRS = 20_000
"""Pair variables of cross effects up to which the sample has them. With more of them its relaxation takes longer than
the rounds of prices that it saves."""

BY_COUNT = PRICING_ACTIVITIES | {Activity.SETUP}
"""Activities that count choices; all others count units."""


def opening_prices(instance: Instance, teams: list[Ints], limits: Limits, options: Options) -> Floats:
    """(n,) prices of the limits in the relaxation of a sample, each limit scaled to the sample's share of its use."""
    rng = np.random.default_rng(options.seed)
    arcs = instance.periods * (instance.periods + 1) // 2
    each = arcs * instance.price.shape[1] * len(instance.items) / len(teams)  # columns of a team and scenario
    count = int(np.clip(COLUMNS // each, 1, min(TEAMS, len(teams))))  # teams first: a few are not like the rest
    depth = int(np.clip(COLUMNS // (each * count), 1, min(SCENARIOS, len(instance.scenarios))))
    chosen = np.sort(rng.choice(len(teams), count, replace=False))
    items = np.sort(np.concatenate([teams[k] for k in chosen]))
    scenarios = np.sort(rng.choice(len(instance.scenarios), depth, replace=False))
    weight = instance.probability[scenarios]
    part = part_of(instance, items)
    if len(part.cross_effects) * part.periods * part.price.shape[1] ** 2 > PAIRS:
        part = without_substitution(part)
    part = replace(
        part,
        scenarios=tuple(instance.scenarios[w] for w in scenarios),
        probability=weight / weight.sum(),
        demand=part.demand[..., scenarios],
        resources=tuple(
            replace(mine, capacity=mine.capacity * _share(instance, items, r)) for r, mine in enumerate(part.resources)
        ),
    )
    built = joint_model(part)
    program = translate(built.model)
    held = Held(replace(program, integer=np.zeros_like(program.integer)), replace(options, root="ipm"))
    if held.solve().stop is not Stop.OPTIMAL:
        return np.zeros(len(limits))
    dual = dict(zip(labels(program.row_parts), held.row_duals.tolist(), strict=True))
    prices = np.zeros(len(limits))
    for n, (name, index) in enumerate(limits.keys):
        if name == "R2_limit":
            period = sum(dual.get((name, (*index[:2], w)), 0.0) for w in range(len(scenarios)))
            prices[n] = instance.probability[index[2]] * period
        else:
            prices[n] = dual.get((name, index), 0.0)
    return np.clip(prices, 0.0, limits.ceiling)


def _share(instance: Instance, items: Ints, r: int) -> float:
    """The part of a resource that some items would use at today's prices, each activity at the pace of demand."""
    demand = instance.expected_demand[np.arange(len(instance.items)), :, instance.reference].mean(axis=1)
    pace = np.zeros(len(instance.items))
    for activity, amount in instance.resources[r].use.items():
        pace += np.abs(amount) * (1.0 if activity in BY_COUNT else demand)
    return float(pace[items].sum() / pace.sum()) if pace[items].sum() > 0 else 1.0
