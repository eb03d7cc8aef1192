"""The search for a plan where prices and orders meet in one model: all of it (joint), or prices for given orders.

A small model goes to the solver as it is. For a large one the solver's own search starts too late, so:

1.  Start from a plan: for the joint model the best one the functions come to by themselves.
2.  Solve the LP relaxation of the tight formulation by an interior-point method: a bound within a per cent or so.
3.  Solve the model restricted to the levels the relaxation uses and those of the best plan so far, stopping as soon
    as the asked gap to the bound is reached (relaxation-enforced neighbourhood search: Berthold 2014, J. Heuristics
    20, 1-29). Most pair variables vanish with the levels. Blocks of items that are no substitutes of each other come
    first, one at a time, each with its part of the time; orders are free for all items throughout.
    Neighbourhoods need no bound of their own: without the facility-location rows they are solved in half the time.
4.  Widen: the levels next to those of the best plan, all blocks together, then all levels of one period after another
    (relax-and-fix neighbourhoods: Pochet and Wolsey 2006, chapter 3).
5.  Give what time is left to the whole model, which also improves the bound.

The bound is the better of the relaxation's and the whole model's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np

from desilo.cases.instance import Bools, Instance, Ints
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.models import joint_model, size_of
from desilo.operating.decision import Decision, Step
from desilo.operating.desk import Desk
from desilo.operating.prices import level_shares
from desilo.solving import Stop, relative_gap, solve

SMALL = 3_000
"""Columns up to which a model goes to the solver as it is."""

USED = 0.05
"""A level that the relaxation chooses to this share is worth considering."""

BLOCK = 10
"""Items whose levels are opened together."""

WHOLE = 15.0
"""The whole model is worth the solver's own search if this many times the relaxation's seconds are left."""

PATIENCE = 60.0
"""Seconds for one neighbourhood where no time limit is asked for."""


def search(desk: Desk, picture: Instance, freedom: Freedom, best: Decision | None, function: str) -> Decision:
    """The best plan within the freedom given, from the best known plan on, with a proven bound."""
    built = joint_model(picture, freedom, desk.formulation)
    bound = math.inf
    if size_of(built.model) > SMALL:
        quick = replace(desk.limits(0.75), root="ipm")
        relaxed = solve(built.model, quick, built=built.seconds, relax=True)
        desk.steps.append(Step("search: relaxation", relaxed))
        if relaxed.stop is Stop.INFEASIBLE:
            return desk.failed()
        used = np.zeros_like(freedom.levels)
        if relaxed.stop is Stop.OPTIMAL:
            bound = relaxed.bound
            used = level_shares(built.model, picture) > USED
        if best is not None and relaxed.stop is not Stop.INTERRUPTED:
            left = desk.limits().time_limit
            worthwhile = left > WHOLE * relaxed.seconds.solve  # else the solver would not leave the root
            until = desk.spent + (left / 2 if worthwhile else left)
            best = _improve(desk, picture, freedom, best, bound, used, until)
        if best is not None and (relative_gap(best.objective, bound) <= desk.options.gap or desk.interrupted):
            return conclude(desk, best, bound)
    whole = desk.solve(picture, built, freedom, best.plan if best else None, function)
    if best is None or whole.stop in {Stop.INFEASIBLE, Stop.UNBOUNDED, Stop.ERROR}:
        return whole
    bound = min(bound, whole.bound)
    better = whole if whole.plan is not None and whole.objective >= best.objective else best
    return conclude(desk, better, bound, proven=whole.stop is Stop.OPTIMAL)


def _improve(
    desk: Desk, picture: Instance, freedom: Freedom, best: Decision, bound: float, used: Bools, until: float
) -> Decision:
    """The best plan found in the neighbourhoods, until that many seconds are spent."""
    gap = desk.options.gap
    target = bound / (1 + gap) if bound > 0 else bound / (1 - gap) if gap < 1 else -math.inf
    formulation = Formulation.PAIRS if desk.formulation is Formulation.TIGHT else desk.formulation
    for neighbourhoods in _rounds(picture):
        before = best.objective
        for done, neighbourhood in enumerate(neighbourhoods):
            left = until - desk.spent
            if best.objective >= target or left < 1.0 or desk.interrupted:
                return best
            share = left / (len(neighbourhoods) - done + 1)  # what is not used goes to those that follow
            limits = replace(
                desk.options,
                time_limit=PATIENCE if math.isinf(until) else max(share, min(left, 2.0)),
                gap=max(gap / (3 if neighbourhood.width is _Width.USED else 10), 1e-4),
                target=target if math.isfinite(target) else None,
            )
            assert best.plan is not None
            opened = replace(freedom, levels=_levels(picture, freedom, used, best.plan.level, neighbourhood))
            built = joint_model(picture, opened, formulation)
            found = desk.solve(picture, built, opened, best.plan, "search: levels", limits)
            if found.plan is not None and found.objective > best.objective:
                best = found
        if neighbourhood.width is _Width.ALL and best.objective <= before + 1e-6 * abs(before):
            return best
    raise AssertionError("the rounds do not end")


class _Width(Enum):
    """Which levels a neighbourhood opens besides those of the best plan."""

    USED = auto()  # by the relaxation
    NEAR = auto()  # and the next dearer and cheaper ones
    ALL = auto()


@dataclass(frozen=True)
class _Neighbourhood:
    """Where levels are opened, and how many; everywhere else they stay as in the best plan."""

    items: Ints
    periods: slice
    width: _Width


def _rounds(picture: Instance) -> Iterator[list[_Neighbourhood]]:
    """From the most promising on; the last round comes again and again."""
    blocks = _blocks(picture)
    horizon = slice(None)
    yield [_Neighbourhood(block, horizon, _Width.USED) for block in blocks]
    yield [_Neighbourhood(block, horizon, _Width.NEAR) for block in blocks]
    if len(blocks) > 1:
        yield [_Neighbourhood(np.arange(len(picture.items)), horizon, _Width.USED)]
    while True:
        yield [_Neighbourhood(block, slice(t, t + 1), _Width.ALL) for t in range(picture.periods) for block in blocks]


def _blocks(picture: Instance) -> list[Ints]:
    """Items in blocks of whole groups, each of at least `BLOCK` items while there are so many.

    What sells most comes first: most is gained there.
    """
    item = np.arange(len(picture.items))
    revenue = picture.reference_price * picture.expected_demand.sum(axis=1)[item, picture.reference]
    blocks: list[list[int]] = [[]]
    for group in dict.fromkeys(picture.groups):
        if len(blocks[-1]) >= BLOCK:
            blocks.append([])
        blocks[-1] += [i for i, other in enumerate(picture.groups) if other == group]
    return sorted((np.array(block) for block in blocks), key=lambda block: revenue[block].sum(), reverse=True)


def _levels(picture: Instance, freedom: Freedom, used: Bools, incumbent: Ints, where: _Neighbourhood) -> Bools:
    """(I, T, K) the levels to choose from in a neighbourhood of the incumbent levels (I, T)."""
    chosen = freedom.at_levels(incumbent).levels
    match where.width:
        case _Width.ALL:
            opened = freedom.levels
        case _Width.USED:
            opened = used
        case _Width.NEAR:
            price = np.where(picture.has_level, picture.price, np.inf)
            by_price = price.argsort(axis=1).argsort(axis=1)
            rank = np.take_along_axis(by_price, incumbent, axis=1)
            opened = used | (freedom.levels & (np.abs(by_price[:, None, :] - rank[:, :, None]) <= 1))
    levels = chosen.copy()
    levels[where.items, where.periods] |= opened[where.items, where.periods]
    return levels


def conclude(desk: Desk, best: Decision, bound: float, proven: bool = False) -> Decision:
    """The best plan with the best bound; optimal if they are as close as asked, however that came about.

    At a gap of 0 the solver's word counts: its bound and the plan's profit differ by its tolerances.
    """
    bound = max(bound, best.objective)
    close = proven or relative_gap(best.objective, bound) <= desk.options.gap
    stop = Stop.OPTIMAL if close else Stop.INTERRUPTED if desk.interrupted else Stop.TIME_LIMIT
    return replace(best, model=desk.model, stop=stop, bound=bound, steps=tuple(desk.steps))
