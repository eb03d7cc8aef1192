"""One model for all functions, and the search for its plan.

A small model goes to the solver as it is. For a large one the solver's own search starts too late, so:

1.  Start from the best plan the functions come to by themselves.
2.  Solve the LP relaxation of the tight formulation by an interior-point method: a bound within a per cent or so.
3.  Solve the model restricted to the levels the relaxation uses and those of the best plan so far, stopping as soon
    as the asked gap to the bound is reached (relaxation-enforced neighbourhood search: Berthold 2014, J. Heuristics
    20, 1-29). Most pair variables vanish with the levels.
4.  Widen: the levels next to those of the best plan, then all levels of one period after another
    (relax-and-fix neighbourhoods: Pochet and Wolsey 2006, chapter 3).
5.  Give what time is left to the whole model, which also improves the bound.

The bound is the better of the relaxation's and the whole model's.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from desilo.cases.instance import Bools, Instance, Ints
from desilo.formulations.freedom import Freedom
from desilo.formulations.models import joint_model, size_of
from desilo.operating.decision import Decision, Function, Pictures, Step
from desilo.operating.desk import Desk
from desilo.operating.wiring import HAND_OFFS, hand_on, side_by_side
from desilo.solving import Stop, relative_gap, solve, values

SMALL = 3_000
"""Columns up to which a model goes to the solver as it is."""

USED = 0.05
"""A level that the relaxation chooses to this share is worth considering."""

PATIENCE = 60.0
"""Seconds for one neighbourhood where no time limit is asked for."""


def as_one(desk: Desk, picture: Instance) -> Decision:
    """Pricing, demand and inventory decided as one model on a picture of demand."""
    best = _start(desk, picture)
    everything = Freedom.full(picture)
    built = joint_model(picture, everything, desk.formulation)
    bound = math.inf
    if size_of(built.model) > SMALL:
        quick = replace(desk.limits(0.4), root="ipm")
        relaxed = solve(built.model, quick, built=built.seconds, relax=True)
        desk.steps.append(Step("search: relaxation", relaxed))
        if relaxed.stop is Stop.INFEASIBLE:
            return desk.failed()
        used = np.zeros_like(everything.levels)
        if relaxed.stop is Stop.OPTIMAL:
            bound = relaxed.objective
            y = values(built.model.pricing.y, (len(picture.items), picture.price.shape[1], picture.periods))
            used = y.transpose(0, 2, 1) > USED
        if best is not None and relaxed.stop is not Stop.INTERRUPTED:
            best = _improve(desk, picture, best, bound, used)
        if best is not None and (relative_gap(best.objective, bound) <= desk.options.gap or desk.interrupted):
            return _conclude(desk, best, bound)
    whole = desk.solve(picture, built, everything, best.plan if best else None, "joint")
    if best is None or whole.stop in {Stop.INFEASIBLE, Stop.UNBOUNDED, Stop.ERROR}:
        return whole
    bound = min(bound, whole.bound)
    return _conclude(desk, whole if whole.plan is not None and whole.objective >= best.objective else best, bound)


def _start(desk: Desk, picture: Instance) -> Decision | None:
    """The better of pricing handed on to inventory and inventory alone; None if neither has a plan."""
    quick = Desk(desk.model, replace(desk.limits(0.3), gap=max(desk.options.gap, 1e-3)), desk.formulation)
    pictures = Pictures.same(picture)
    plans = [hand_on(quick, HAND_OFFS[0], pictures)]
    if not quick.interrupted:
        plans.append(side_by_side(quick, frozenset({Function.INVENTORY}), pictures))
    desk.steps += [Step(f"start: {step.function}", step.outcome) for step in quick.steps]
    return max((plan for plan in plans if plan.plan), key=lambda plan: plan.objective, default=None)


def _improve(desk: Desk, picture: Instance, best: Decision, bound: float, used: Bools) -> Decision:
    """The best plan found in the neighbourhoods, within half of the time left."""
    everything = Freedom.full(picture)
    gap = desk.options.gap
    target = bound / (1 + gap) if bound > 0 else bound / (1 - gap)
    until = desk.limits(0.5).time_limit + desk.spent
    stale = 0  # neighbourhoods tried since the last gain
    for round_ in itertools.count():
        assert best.plan is not None
        levels = _neighbourhood(picture, used, best.plan.level, round_)
        left = until - desk.spent
        if best.objective >= target or left < 1.0 or stale > picture.periods or desk.interrupted:
            break
        limit = replace(
            desk.options,
            time_limit=min(left, PATIENCE) if math.isinf(until) else left,
            gap=max(gap / 2, 1e-4),
            target=target if math.isfinite(target) else None,
        )
        found = desk.optimise(picture, replace(everything, levels=levels), best.plan, "search: levels", limit)
        gained = found.plan is not None and found.objective > best.objective + 1e-6 * abs(best.objective)
        stale = 0 if gained else stale + 1
        best = found if gained else best
    return best


def _neighbourhood(picture: Instance, used: Bools, incumbent: Ints, round_: int) -> Bools:
    """(I, T, K) levels to choose from: those used, those near, then all of one period after another."""
    everything = Freedom.full(picture)
    levels = everything.at_levels(incumbent).levels
    if round_ == 0:
        return used | levels
    if round_ == 1:
        price = np.where(picture.has_level, picture.price, np.inf)
        by_price = price.argsort(axis=1).argsort(axis=1)
        rank = np.take_along_axis(by_price, incumbent, axis=1)
        near = np.abs(by_price[:, None, :] - rank[:, :, None]) <= 1
        return (near & everything.levels) | used
    period = round_ % picture.periods
    levels[:, period] = everything.levels[:, period]
    return levels


def _conclude(desk: Desk, best: Decision, bound: float) -> Decision:
    """The best plan with the best bound; optimal if they are as close as asked, however that came about."""
    bound = max(bound, best.objective)
    close = relative_gap(best.objective, bound) <= desk.options.gap
    stop = Stop.OPTIMAL if close else Stop.INTERRUPTED if desk.interrupted else Stop.TIME_LIMIT
    return replace(best, model=desk.model, stop=stop, bound=bound, steps=tuple(desk.steps))
