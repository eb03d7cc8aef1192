"""Firms at work: what an operating model comes to on what a firm believes, and what that earns in nature.

The verbs that experiments share. Nothing is decided here that `desilo.harness.experiment` does not decide the same way.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from desilo.cases.instance import Instance, ServiceTarget
from desilo.cases.plan import Plan
from desilo.harness.check import check
from desilo.harness.experiment import (
    HANDED_ON,
    JOINT,
    PRICING_LAST,
    SIDE_BY_SIDE,
    STATUS_QUO,
    Problems,
    decide,
    forecaster_of,
    margin_planned,
    price_claim,
    score,
    subset_name,
    told_for,
)
from desilo.harness.records import Score
from desilo.harness.sell import EFFECT_ON_PROFIT, demand_at, sell_first_come
from desilo.operating.coordination.limits import teams_of
from desilo.operating.coordination.protocol import Protocol, coordinate
from desilo.operating.decision import Decision, Function, Pictures, Strength
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.wiring import as_one
from desilo.solving import Options, Stop

CONNECTED_PAIR = "connected pricing+inventory"
"""Prices and orders decided as one on yesterday's picture."""

KEEPING_SERVICE = "inventory-only, keeping service"
"""Inventory alone, bound to the fill rate that today's plan promises."""

OPTIONS = Options(gap=1e-3, time_limit=600, threads=1, seed=1)
"""On worlds. No time limit binds: a decision takes seconds, and is the same whenever it is taken."""

JOINT_GAP = 5e-3
"""The same where prices and orders meet in one model, of all items or of a team's. Its plans are hardly better at a
fifth of the gap; what takes time is the proof."""


@dataclass(frozen=True)
class Result:
    """A plan, what was promised and what came of it.

    Attributes:
        plan: levels and orders.
        objective: expected profit with best recourse on the picture of whoever decided last, money.
        bound: no plan of the last decision problem promises more; nan where none was solved, inf if not proven.
        promise: expected profit with best recourse on the estimated picture, money.
        score: of the plan in nature, first come first served.
        stopped: whether a time limit cut a decision short.
        forecast_error: sum over items and periods of |expected demand in nature - on the decider's picture| at the
            plan's prices, over the sum of the former.
    """

    plan: Plan
    objective: float
    bound: float
    promise: float
    score: Score
    stopped: bool
    forecast_error: float

    @property
    def profit(self) -> float:
        """In nature, money."""
        return self.score.profit

    @property
    def margin(self) -> float:
        """Revenue less the unit costs of what is sold in nature, money."""
        return self.score.gross_margin * self.score.breakdown["revenue"]

    def figures(self, name: str) -> dict[str, float]:
        """For a record, each under the name of the operating model; money but for `fill`, `stock` and `error`."""
        figures = {
            "profit": self.profit,
            "promise": self.promise,
            "objective": self.objective,
            "bound": self.bound,
            "margin": self.margin,
            "fill": self.score.fill_rate,
            "stock": self.score.average_stock,
            "error": self.forecast_error,
            "stopped": float(self.stopped),
        }
        figures |= {cause: self.score.breakdown[cause] for cause in EFFECT_ON_PROFIT}
        return {f"{name}: {figure}": value for figure, value in figures.items()}


def result_of(problems: Problems, decision: Decision, picture: Instance | None = None) -> Result:
    """A decision scored.

    Args:
        problems: what it was made on, and nature.
        decision: with a plan.
        picture: of whoever decided; the estimated one if not given.

    Raises:
        RuntimeError: there is no plan.
    """
    plan = decision.plan
    if plan is None:
        raise RuntimeError(f"{problems.nature.name}: {decision.model} ended {decision.stop} without a plan")
    estimated = problems.pictures.estimated
    expected = demand_at(problems.nature, plan) @ problems.nature.probability
    believed = demand_at(picture or estimated, plan) @ (picture or estimated).probability
    return Result(
        plan=plan,
        objective=decision.objective,
        bound=decision.bound,
        promise=check(estimated, plan).profit,
        score=score(problems.nature, sell_first_come(problems.nature, plan)),
        stopped=decision.stop is not Stop.OPTIMAL,
        forecast_error=float(np.abs(expected - believed).sum() / expected.sum()),
    )


def decide_as(model: str, problems: Problems, options: Options = OPTIONS, joint_gap: float = JOINT_GAP) -> Result:
    """One of `desilo.harness.experiment.MODELS` that ends in a single plan."""
    if model in {JOINT, *PRICING_LAST}:
        options = replace(options, gap=joint_gap)
    decision = decide(Desk(model, options), model, problems.pictures)
    return result_of(problems, decision, problems.instances()[forecaster_of(model)])


def decide_connected(
    functions: frozenset[Function], problems: Problems, options: Options = OPTIONS, joint_gap: float = JOINT_GAP
) -> Result:
    """Some functions decide as one, the others stay as they are today.

    Prices and orders are connected where both are decided; a function that is connected to nobody decides as if
    isolated. Everybody works on the estimated picture if demand is among them.
    """
    if not functions >= {Function.PRICING, Function.INVENTORY}:
        name = next(name for name, those in SIDE_BY_SIDE.items() if those == functions)
        return decide_as(name, problems, options)
    pictures = problems.pictures
    picture = pictures.estimated if Function.DEMAND in functions else pictures.yesterday
    return result_of(problems, as_one(Desk("connected", replace(options, gap=joint_gap)), picture), picture)


@dataclass(frozen=True)
class Apart:
    """What teams that plan apart came to.

    Attributes:
        results: by strength of coordination.
        told: by strength: rounds, messages, and numbers that the office told and that the teams revealed.
        bound: no joint plan promises more; inf if not proven.
    """

    results: Mapping[Strength, Result]
    told: Mapping[Strength, Mapping[str, float]]
    bound: float

    def figures(self) -> dict[str, float]:
        """For a record, by strength."""
        figures = {"bound of the prices": self.bound}
        for strength, found in self.results.items():
            figures |= found.figures(strength.value)
            figures |= {f"{strength.value}: {what}": number for what, number in self.told[strength].items()}
        return figures


def decide_apart(problems: Problems, options: Options = replace(OPTIONS, gap=JOINT_GAP)) -> Apart:
    """Teams plan apart on the estimated picture, coordinated in every strength.

    Raises:
        RuntimeError: not even today's plan can be carried out.
    """
    picture = problems.pictures.estimated
    found = coordinate(Desk("coordinated", options), picture)
    if found is None:
        raise RuntimeError(f"{picture.name}: today's plan cannot be carried out")
    told = {}
    for strength in found.decisions:
        counts = Protocol(told_for(strength, found.protocol.messages)).as_dict()
        told[strength] = {
            "rounds": float(counts["rounds"]),
            "messages": float(counts["messages"]),
            "told": float(counts["numbers_told_to_teams"]),
            "revealed": float(counts["numbers_revealed_by_teams"]),
        }
    results = {strength: result_of(problems, decision) for strength, decision in found.decisions.items()}
    return Apart(results, told, found.bound)


def booked(today: Result, alone: Mapping[Function, Result], pictures: Pictures) -> dict[Function, float]:
    """What each function books for itself when it alone is optimised, money.

    Pricing: expected margin at unlimited supply above that of the reference prices, on yesterday's picture. Demand:
    profit that today's rules promise with the estimated picture above what they promise with yesterday's, both on the
    estimated one. Inventory: the profit it plans above the status quo's, both on yesterday's picture.
    """
    return {
        Function.PRICING: price_claim(pictures.yesterday, alone[Function.PRICING].plan.level),
        Function.DEMAND: alone[Function.DEMAND].promise - today.promise,
        Function.INVENTORY: alone[Function.INVENTORY].objective - today.objective,
    }


def keep_service(problems: Problems, today: Result, options: Options = OPTIONS) -> Result:
    """Inventory alone, bound to the fill rate that today's plan promises on yesterday's picture."""
    yesterday = problems.pictures.yesterday
    promised = check(yesterday, today.plan).fill_rate
    everything = ServiceTarget("all", np.arange(len(yesterday.items)), math.floor(promised * 1e6) / 1e6)
    bound_to = replace(yesterday, service=(everything,))
    decision = Desk("inventory, keeping service", options).orders(bound_to, reference_levels(bound_to))
    return result_of(problems, decision, yesterday)


def compare(
    problems: Problems,
    options: Options = OPTIONS,
    joint_gap: float = JOINT_GAP,
    models: Collection[str] = (*SIDE_BY_SIDE, *HANDED_ON, JOINT),
) -> dict[str, float]:
    """A firm in every wiring, for a record; coordinated too if it has more than one team.

    Args:
        problems: of the firm.
        options: of every decision.
        joint_gap: where prices and orders meet in one model.
        models: that end in a single plan; all that are side by side among them.
    """
    results = {name: decide_as(name, problems, options, joint_gap) for name in models}
    pair = frozenset({Function.PRICING, Function.INVENTORY})
    results[CONNECTED_PAIR] = decide_connected(pair, problems, options, joint_gap)
    results[KEEPING_SERVICE] = keep_service(problems, results[STATUS_QUO], options)
    alone = {function: results[subset_name(frozenset({function}))] for function in Function}
    yesterday = problems.pictures.yesterday
    figures = {
        "planned margin today": margin_planned(yesterday, reference_levels(yesterday)),
        "numbers known": float(numbers_known(problems.pictures.estimated)),
    }
    for function, money in booked(results[STATUS_QUO], alone, problems.pictures).items():
        figures[f"booked by {function}"] = money
    for name, found in results.items():
        figures |= found.figures(name)
    if len(teams_of(problems.pictures.estimated)) > 1:
        figures |= decide_apart(problems, replace(options, gap=joint_gap)).figures()
    return figures


def numbers_known(picture: Instance) -> int:
    """Numbers that whoever decides for all must know: demand, cross effects, prices and costs."""
    by_item = picture.demand.size + picture.price.size + picture.cross_effects.effect.size
    costs = (picture.unit_cost, picture.order_cost, picture.holding_cost, picture.lost_sale_cost, picture.initial_stock)
    return by_item + sum(cost.size for cost in costs)
