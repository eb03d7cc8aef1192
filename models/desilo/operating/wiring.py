"""How the functions are wired: side by side, handing their plans on, or as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module

from desilo.cases.instance import Instance, Ints
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Formulation, Freedom
from desilo.operating.coordination.decomposition import MANY, can_decompose, decompose, decomposes
from desilo.operating.coordination.limits import teams_of
from desilo.operating.decision import Decision, Function, How, Method, Pictures, Step
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.executors import processes
from desilo.operating.rule import rule_of_thumb
from desilo.operating.search import conclude, search
from desilo.solving import Options, Stop

HAND_OFFS: tuple[tuple[Function, ...], ...] = (
    (Function.DEMAND, Function.PRICING, Function.INVENTORY),
    (Function.DEMAND, Function.INVENTORY, Function.PRICING),
    (Function.PRICING, Function.DEMAND, Function.INVENTORY),
    (Function.PRICING, Function.INVENTORY, Function.DEMAND),
    (Function.INVENTORY, Function.DEMAND, Function.PRICING),
    (Function.INVENTORY, Function.PRICING, Function.DEMAND),
)
"""Every order in which the functions can hand their plans on; the first is `sequential` on an instance."""

FEW = 0.35
"""Share of the time for a decomposition with fewer than `MANY` teams on one thread: enough for its better bound. The
better plan is in most cases found in the whole model."""

LEAST = 0.1
"""Share of its time that must be left when a decomposition ends for a search in the whole model to get anywhere."""


def side_by_side(desk: Desk, optimised: frozenset[Function], pictures: Pictures) -> Decision:
    """Each function for itself on yesterday's prices; those not optimised stay as they are today.

    Without pricing the levels are the reference levels, without inventory the orders are the rule of thumb's,
    without demand everybody works on yesterday's picture.
    """
    picture = pictures.estimated if Function.DEMAND in optimised else pictures.yesterday
    level: Ints | None = reference_levels(picture)
    if Function.PRICING in optimised:
        level = desk.prices(picture)
    if level is None:
        return desk.failed()
    if Function.INVENTORY not in optimised:
        return desk.settle(picture, Plan(level, rule_of_thumb(picture)))
    stock = desk.orders(picture, reference_levels(picture))
    if stock.plan is None or Function.PRICING not in optimised:
        return stock
    return desk.settle(picture, Plan(level, stock.plan.order))


def hand_on(desk: Desk, order: Sequence[Function], pictures: Pictures) -> Decision:
    """One function after the other, each knowing what those before it decided.

    Pricing before inventory assumes unlimited supply; after it, it plans for the orders that are placed. Inventory
    before pricing plans for the reference levels. Whoever comes before demand works on yesterday's picture.
    """
    picture = pictures.yesterday
    level: Ints | None = None
    done: Decision | None = None
    for function in order:
        match function:
            case Function.DEMAND:
                picture = pictures.estimated
            case Function.PRICING if done is not None:
                done = _prices_for(desk, picture, done)
            case Function.PRICING:
                level = desk.prices(picture)
                if level is None:
                    return desk.failed()
            case Function.INVENTORY:
                done = desk.orders(picture, reference_levels(picture) if level is None else level)
        if done is not None and done.plan is None:
            return done
    assert done is not None, "a hand-off includes inventory"
    return done


def as_one(desk: Desk, picture: Instance, how: How = How(), given: Decision | None = None) -> Decision:
    """Pricing, demand and inventory decided as one model on a picture of demand.

    Decomposition comes first where it is asked for or, left to itself, where that is the better choice (`decomposes`);
    what time it leaves goes to the search in the whole model. Where teams are few and a second thread may work, the
    whole model is searched beside it.

    Args:
        desk: where it is worked out.
        picture: what is believed about demand.
        how: the method.
        given: the best plan known beforehand; None: one is made.
    """
    known = cache(lambda: given or _start(desk, picture))
    wanted = how.method is Method.DECOMPOSITION
    wanted = wanted or (how.method is Method.AUTO and decomposes(picture, desk.options.threads))
    if not (wanted and can_decompose(picture)):
        method, done = Method.MONOLITH, search(desk, picture, Freedom.full(picture), known(), "joint")
    elif len(teams_of(picture)) < MANY and desk.options.threads > 1 and not how.executors:
        method, done = Method.DECOMPOSITION, _beside_the_whole(desk, picture, known, how)
    else:
        method, done = Method.DECOMPOSITION, _before_the_whole(desk, picture, known, how, given)
    return replace(done, steps=tuple(desk.steps), facts={"method": method.value})


def _before_the_whole(
    desk: Desk, picture: Instance, known: Callable[[], Decision | None], how: How, given: Decision | None
) -> Decision:
    """By decomposition; what time that leaves goes to a search in the whole model. Few teams leave most of it."""
    few = len(teams_of(picture)) < MANY
    apart = Desk(desk.model, desk.limits(FEW if few else 1.0), desk.formulation)
    best = decompose(apart, picture, known, how.checkpoint, how.executors, given.plan if given else None)
    desk.steps += apart.steps
    if best.stop is not Stop.TIME_LIMIT or desk.limits().time_limit < LEAST * desk.options.time_limit:
        return best
    start = _best([best, known()]) if few or best.plan is None else best
    found = search(desk, picture, Freedom.full(picture), start, "joint")
    if found.plan is None:
        return found
    return conclude(desk, found, min(best.bound, found.bound), proven=found.stop is Stop.OPTIMAL)


def _beside_the_whole(desk: Desk, picture: Instance, known: Callable[[], Decision | None], how: How) -> Decision:
    """By decomposition, and in a process of its own by the whole model: few teams do not say all about it.

    The whole model is searched as it would be without the teams, from the same plan and for the same time.
    """
    with processes(1) as (other,):
        other.submit(import_module, __name__)  # takes a while, as finding a start does
        start = known()
        if desk.interrupted:
            return desk.failed(Stop.INTERRUPTED) if start is None else conclude(desk, start, math.inf)
        limits = desk.limits()
        apart = Desk(desk.model, replace(limits, threads=limits.threads - 1), desk.formulation)
        whole = other.submit(_whole, desk.model, replace(limits, threads=1), desk.formulation, picture, start)
        best = decompose(apart, picture, lambda: start, how.checkpoint, given=start.plan if start else None)
        desk.steps += apart.steps
        if best.stop is not Stop.TIME_LIMIT:
            return best
        try:
            found = whole.result()
        except KeyboardInterrupt:
            if best.plan is None:
                raise
            return replace(best, stop=Stop.INTERRUPTED)
    desk.steps += found.steps
    better, bound = _best([best, found]), min(best.bound, found.bound)
    if better is None:
        return replace(found, bound=bound)
    return conclude(desk, better, bound, proven=found.stop is Stop.OPTIMAL)


def _whole(
    model: str, options: Options, formulation: Formulation, picture: Instance, start: Decision | None
) -> Decision:
    """What the whole model comes to, in another process."""
    return search(Desk(model, options, formulation), picture, Freedom.full(picture), start, "joint")


def _best(decisions: Iterable[Decision | None]) -> Decision | None:
    """The one whose plan is worth most; None without any."""
    planned = (decision for decision in decisions if decision is not None and decision.plan is not None)
    return max(planned, key=lambda decision: decision.objective, default=None)


def _prices_for(desk: Desk, picture: Instance, stock: Decision) -> Decision:
    """The best prices for the orders that are placed, from the better of today's and the pricing function's own on."""
    assert stock.plan is not None
    order = stock.plan.order
    quick = Desk(desk.model, desk.limits(0.3), desk.formulation)  # a start that fails is no failure
    starts = [quick.settle(picture, Plan(reference_levels(picture), order))]
    level = quick.prices(picture)
    if level is not None:
        starts.append(quick.settle(picture, Plan(level, order)))
    desk.steps += [Step(f"start: {step.function}", step.outcome) for step in quick.steps]
    best = _best(start for start in starts if not start.repaired)
    return search(desk, picture, Freedom.full(picture).at_orders(order), best, "pricing")


def _start(desk: Desk, picture: Instance) -> Decision | None:
    """The better of pricing handed on to inventory and inventory alone; None if there is no plan.

    Where the time runs out on one of them, the status quo may be better than what was found by then.
    """
    quick = Desk(desk.model, replace(desk.limits(0.3), gap=max(desk.options.gap, 1e-3)), desk.formulation)
    pictures = Pictures.same(picture)
    plans = [hand_on(quick, HAND_OFFS[0], pictures)]
    if not quick.interrupted:
        plans.append(side_by_side(quick, frozenset({Function.INVENTORY}), pictures))
    desk.steps += [Step(f"start: {step.function}", step.outcome) for step in quick.steps]
    if any(plan.stop is Stop.TIME_LIMIT for plan in plans):
        today = Desk(desk.model, desk.limits(0.15), desk.formulation)
        plans.append(replace(side_by_side(today, frozenset(), pictures), repaired=False))
        desk.steps += [Step(f"start: {step.function}", step.outcome) for step in today.steps]
    return _best(plans)
