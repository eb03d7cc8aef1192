"""The operating models: who decides what, knowing what, in which order.

Every one ends in a full plan. All use the joint formulation with decisions taken away (`Freedom`), and every plan's
profit is that of the same model with levels and orders fixed: only the wiring differs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from desilo.cases.instance import Bools, Floats, Instance, Ints
from desilo.cases.plan import SMALLEST_ORDER, Plan
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.models import joint_model
from desilo.operating.decision import Decision, Function, OperatingModel, Pictures, Step
from desilo.operating.prices import chosen_levels, plan_prices
from desilo.operating.rule import rule_of_thumb
from desilo.solving import Options, Stop, solve, values

HAND_OFFS: tuple[tuple[Function, ...], ...] = (
    (Function.DEMAND, Function.PRICING, Function.INVENTORY),
    (Function.DEMAND, Function.INVENTORY, Function.PRICING),
    (Function.PRICING, Function.DEMAND, Function.INVENTORY),
    (Function.PRICING, Function.INVENTORY, Function.DEMAND),
    (Function.INVENTORY, Function.DEMAND, Function.PRICING),
    (Function.INVENTORY, Function.PRICING, Function.DEMAND),
)
"""Every order in which the functions can hand their plans on; the first is `sequential` on an instance."""

ALONE: dict[OperatingModel, frozenset[Function]] = {
    OperatingModel.STATUS_QUO: frozenset(),
    OperatingModel.PRICING_ONLY: frozenset({Function.PRICING}),
    OperatingModel.DEMAND_ONLY: frozenset({Function.DEMAND}),
    OperatingModel.INVENTORY_ONLY: frozenset({Function.INVENTORY}),
    OperatingModel.ISOLATED: frozenset(Function),
}
"""Operating models whose functions decide side by side, and which of them are optimised."""


def decide(
    model: OperatingModel,
    pictures: Pictures,
    options: Options = Options(),
    formulation: Formulation = Formulation.TIGHT,
) -> Decision:
    """Let an operating model decide.

    Args:
        model: which one.
        pictures: what the company believes demand to be.
        options: gap and limits; the time limit holds for all decisions of the operating model together.
        formulation: how inventory and joint problems are written down.

    Returns:
        The decision; without a plan if a step has no solution (its `stop` says why).
    """
    desk = Desk(model.value, options, formulation)
    if model in ALONE:
        return side_by_side(desk, ALONE[model], pictures)
    match model:
        case OperatingModel.SEQUENTIAL:
            return hand_on(desk, HAND_OFFS[0], pictures)
        case OperatingModel.JOINT:
            return as_one(desk, pictures.estimated)
        case OperatingModel.CLAIRVOYANT:
            return clairvoyant(desk, pictures.estimated)
        case _:
            raise NotImplementedError(f"{model} follows with the decomposition")


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


def as_one(desk: Desk, picture: Instance) -> Decision:
    """One model, started from the best plan the functions come to by themselves."""
    start: Decision | None = None
    for model in (OperatingModel.SEQUENTIAL, OperatingModel.INVENTORY_ONLY):
        quick = replace(desk.limits(0.2), gap=max(desk.options.gap, 1e-3))
        known = decide(model, Pictures.same(picture), quick, desk.formulation)
        desk.steps += [Step(f"start: {step.function}", step.outcome) for step in known.steps]
        if known.plan is not None and (start is None or known.objective > start.objective):
            start = known
    return desk.optimise(picture, Freedom.full(picture), start.plan if start else None, "joint")


def clairvoyant(desk: Desk, picture: Instance) -> Decision:
    """Every scenario known beforehand: the expected value of the best plan for each. A bound, not a plan.

    Service targets hold in expectation over the scenarios, so each scenario alone is freed of them.
    """
    bound = objective = 0.0
    count = len(picture.scenarios)
    for w in range(count):
        known = replace(
            picture,
            scenarios=(picture.scenarios[w],),
            probability=np.ones(1),
            demand=picture.demand[..., w : w + 1],
            service=(),
        )
        built = joint_model(known, None, desk.formulation)
        outcome = solve(built.model, desk.limits(1 / (count - w)), built=built.seconds)
        desk.steps.append(Step(f"scenario {picture.scenarios[w]}", outcome))
        if outcome.stop is Stop.INFEASIBLE:
            return desk.failed()
        bound += picture.probability[w] * outcome.bound
        objective += picture.probability[w] * outcome.objective
    return Decision(desk.model, desk.stop(), None, objective, bound, tuple(desk.steps))


class Desk:
    """Where an operating model's decisions are worked out: the steps so far and the time left."""

    def __init__(self, model: str, options: Options, formulation: Formulation = Formulation.TIGHT) -> None:
        self.model = model
        self.options = options
        self.formulation = formulation
        self.steps: list[Step] = []

    def prices(self, picture: Instance) -> Ints | None:
        """Levels of the pricing function deciding for itself; None if its rules cannot be kept."""
        level, steps = plan_prices(picture, self.limits(0.5))
        self.steps += steps
        return level

    def optimise(
        self, picture: Instance, freedom: Freedom, start: Plan | None = None, function: str = "inventory"
    ) -> Decision:
        """The best plan within the freedom given."""
        built = joint_model(picture, freedom, self.formulation)
        if start is not None:
            _start_from(built.model, start)
        outcome = solve(built.model, self.limits(), built=built.seconds, warm=start is not None)
        self.steps.append(Step(function, outcome))
        if not outcome.feasible:
            return self.failed()
        level, setup = _integers(built.model, picture)
        return self.polish(picture, freedom.at_levels(level).placing(setup), outcome.bound)

    def polish(self, picture: Instance, fixed: Freedom, bound: float) -> Decision:
        """The plan with its integers fixed and everything else solved again as an LP, free of solver dust."""
        built = joint_model(picture, fixed, Formulation.PLAIN)
        for variable in built.model.inventory.setup.values():
            variable.fix(1)
        outcome = solve(built.model, replace(self.options, time_limit=math.inf), built=built.seconds)
        self.steps.append(Step("orders", outcome))
        if not outcome.feasible:
            return self.failed(Stop.ERROR)
        order = values(built.model.inventory.order, picture.unit_cost.shape)
        plan = Plan(fixed.levels.argmax(axis=2), np.where(order > SMALLEST_ORDER, order, 0.0))
        best = max(bound, outcome.objective)
        return Decision(self.model, self.stop(), plan, outcome.objective, best, tuple(self.steps))

    def settle(self, picture: Instance, plan: Plan) -> Decision:
        """Plans made apart, put together: if they break a hard limit, orders are cut by the cut that costs least."""
        given = Freedom.full(picture).at_levels(plan.level)
        built = joint_model(picture, given.at_orders(plan.order), Formulation.PLAIN)
        outcome = solve(built.model, replace(self.options, gap=0.0), built=built.seconds)
        self.steps.append(Step("recourse", outcome))
        if outcome.feasible:
            return Decision(self.model, self.stop(), plan, outcome.objective, math.nan, tuple(self.steps))
        if outcome.stop is not Stop.INFEASIBLE:
            return self.failed()
        self.steps.pop()  # that the plans do not fit together is not how the operating model ends
        return replace(self.optimise(picture, given.cutting(plan.order), function="repair"), repaired=True)

    def limits(self, share: float = 1.0) -> Options:
        """The options with a share of the time that is left."""
        spent = sum(step.outcome.seconds.total for step in self.steps)
        return replace(self.options, time_limit=max(0.1, (self.options.time_limit - spent) * share))

    def stop(self) -> Stop:
        """Optimal if every step was; else why the first fell short. How a start was found does not matter."""
        decided = [step for step in self.steps if not step.function.startswith("start: ")]
        return next((s.outcome.stop for s in decided if s.outcome.stop is not Stop.OPTIMAL), Stop.OPTIMAL)

    def failed(self, stop: Stop | None = None) -> Decision:
        """No plan: the last step says why."""
        last = self.steps[-1].outcome
        bound = -math.inf if last.stop is Stop.INFEASIBLE else last.bound
        return Decision(self.model, stop or last.stop, None, math.nan, bound, tuple(self.steps))


def reference_levels(instance: Instance) -> Ints:
    """(I, T) today's regular levels."""
    level: Ints = np.repeat(instance.reference[:, None], instance.periods, axis=1)
    return level


def _integers(model: object, instance: Instance) -> tuple[Ints, Bools]:
    """(I, T) chosen levels and (I, T) whether an order is placed, from a solved model."""
    count, periods = instance.unit_cost.shape
    inventory = model.inventory  # type: ignore[attr-defined]
    y = values(model.pricing.y, (count, instance.price.shape[1], periods))  # type: ignore[attr-defined]
    setup: Floats = values(inventory.setup, (count, periods))
    order: Floats = values(inventory.order, (count, periods))
    weighed = np.zeros((count, periods), dtype=bool)
    for index in inventory.Z:
        weighed[index] = True
    return chosen_levels(y), np.where(weighed, setup > 0.5, order > SMALLEST_ORDER)


def _start_from(model: object, plan: Plan) -> None:
    """Hand the integers of a plan to the model's variables; the solver completes the rest."""
    for (i, level, t), variable in model.pricing.y.items():  # type: ignore[attr-defined]
        variable.set_value(float(plan.level[i, t] == level))
    for (i, t), variable in model.inventory.setup.items():  # type: ignore[attr-defined]
        variable.set_value(float(plan.order[i, t] > SMALLEST_ORDER))
