"""How the functions are wired when each decides for itself: side by side, or handing their plans on."""

from __future__ import annotations

from collections.abc import Sequence

from desilo.cases.instance import Ints
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Freedom
from desilo.operating.decision import Decision, Function, Pictures
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.rule import rule_of_thumb

HAND_OFFS: tuple[tuple[Function, ...], ...] = (
    (Function.DEMAND, Function.PRICING, Function.INVENTORY),
    (Function.DEMAND, Function.INVENTORY, Function.PRICING),
    (Function.PRICING, Function.DEMAND, Function.INVENTORY),
    (Function.PRICING, Function.INVENTORY, Function.DEMAND),
    (Function.INVENTORY, Function.DEMAND, Function.PRICING),
    (Function.INVENTORY, Function.PRICING, Function.DEMAND),
)
"""Every order in which the functions can hand their plans on; the first is `sequential` on an instance."""


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
    stock = desk.optimise(picture, Freedom.full(picture).at_levels(reference_levels(picture)))
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
            case Function.PRICING if done is None or done.plan is None:
                level = desk.prices(picture)
                if level is None:
                    return desk.failed()
            case Function.PRICING:
                done = desk.optimise(picture, Freedom.full(picture).at_orders(done.plan.order), done.plan, "pricing")
            case Function.INVENTORY:
                known = reference_levels(picture) if level is None else level
                done = desk.optimise(picture, Freedom.full(picture).at_levels(known))
        if done is not None and done.plan is None:
            return done
    assert done is not None, "a hand-off includes inventory"
    return done
