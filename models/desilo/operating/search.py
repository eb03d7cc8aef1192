"""The search for a plan where prices and orders meet in one model: all of it (joint), or prices for given orders.

A small model goes to the solver as it is. For a large one the solver's own search starts too late, so:

1.  Start from a plan: for the joint model the best one the functions come to by themselves.
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
from desilo.operating.decision import Decision, Step
from desilo.operating.desk import Desk
from desilo.solving import Stop, relative_gap, solve, values

SMALL = 3_000
"""Columns up to which a model goes to the solver as it is."""

USED = 0.05
"""A level that the relaxation chooses to this share is worth considering."""

WHOLE = 10.0
"""The whole model is worth the solver's own search if this many times the relaxation's seconds are left."""

PATIENCE = 60.0
"""Seconds for one neighbourhood where no time limit is asked for."""


def search(desk: Desk, picture: Instance, freedom: Freedom, best: Decision | None, function: str) -> Decision:
    """The best plan within the freedom given, from the best known plan on, with a proven bound."""
    built = joint_model(picture, freedom, desk.formulation)
    bound = math.inf
    if size_of(built.model) > SMALL:
        quick = replace(desk.limits(0.4), root="ipm")
        relaxed = solve(built.model, quick, built=built.seconds, relax=True)
        desk.steps.append(Step("search: relaxation", relaxed))
        if relaxed.stop is Stop.INFEASIBLE:
            return desk.failed()
        used = np.zeros_like(freedom.levels)
        if relaxed.stop is Stop.OPTIMAL:
            bound = relaxed.objective
            y = values(built.model.pricing.y, (len(picture.items), picture.price.shape[1], picture.periods))
            used = y.transpose(0, 2, 1) > USED
        if best is not None and relaxed.stop is not Stop.INTERRUPTED:
            left = desk.limits().time_limit
            worthwhile = left > WHOLE * relaxed.seconds.solve  # else the solver would not leave the root
            until = desk.spent + (left / 2 if worthwhile else left)
            best = _improve(desk, picture, freedom, best, bound, used, until)
        if best is not None and (relative_gap(best.objective, bound) <= desk.options.gap or desk.interrupted):
            return _conclude(desk, best, bound)
    whole = desk.solve(picture, built, freedom, best.plan if best else None, function)
    if best is None or whole.stop in {Stop.INFEASIBLE, Stop.UNBOUNDED, Stop.ERROR}:
        return whole
    bound = min(bound, whole.bound)
    better = whole if whole.plan is not None and whole.objective >= best.objective else best
    return _conclude(desk, better, bound, proven=whole.stop is Stop.OPTIMAL)


def _improve(
    desk: Desk, picture: Instance, freedom: Freedom, best: Decision, bound: float, used: Bools, until: float
) -> Decision:
    """The best plan found in the neighbourhoods, until that many seconds are spent."""
    gap = desk.options.gap
    target = bound / (1 + gap) if bound > 0 else bound / (1 - gap) if gap < 1 else -math.inf
    stale = 0  # neighbourhoods tried since the last gain
    for round_ in itertools.count():
        assert best.plan is not None
        levels = _neighbourhood(picture, freedom, used, best.plan.level, round_)
        left = until - desk.spent
        if best.objective >= target or left < 1.0 or stale > picture.periods or desk.interrupted:
            break
        limit = replace(
            desk.options,
            time_limit=PATIENCE if math.isinf(until) else max(left / 2, min(left, 2.0)),
            gap=max(gap / 2, 1e-4),
            target=target if math.isfinite(target) else None,
        )
        found = desk.optimise(picture, replace(freedom, levels=levels), best.plan, "search: levels", limit)
        gained = found.plan is not None and found.objective > best.objective + 1e-6 * abs(best.objective)
        stale = 0 if gained else stale + 1
        best = found if gained else best
    return best


def _neighbourhood(picture: Instance, freedom: Freedom, used: Bools, incumbent: Ints, round_: int) -> Bools:
    """(I, T, K) levels to choose from: those used, those near, then all of one period after another."""
    levels = freedom.at_levels(incumbent).levels
    if round_ == 0:
        return used | levels
    if round_ == 1:
        price = np.where(picture.has_level, picture.price, np.inf)
        by_price = price.argsort(axis=1).argsort(axis=1)
        rank = np.take_along_axis(by_price, incumbent, axis=1)
        near = np.abs(by_price[:, None, :] - rank[:, :, None]) <= 1
        return np.asarray((near & freedom.levels) | used, dtype=np.bool_)
    period = round_ % picture.periods
    levels[:, period] = freedom.levels[:, period]
    return levels


def _conclude(desk: Desk, best: Decision, bound: float, proven: bool = False) -> Decision:
    """The best plan with the best bound; optimal if they are as close as asked, however that came about.

    At a gap of 0 the solver's word counts: its bound and the plan's profit differ by its tolerances.
    """
    bound = max(bound, best.objective)
    close = proven or relative_gap(best.objective, bound) <= desk.options.gap
    stop = Stop.OPTIMAL if close else Stop.INTERRUPTED if desk.interrupted else Stop.TIME_LIMIT
    return replace(best, model=desk.model, stop=stop, bound=bound, steps=tuple(desk.steps))
