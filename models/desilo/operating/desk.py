"""Where an operating model's decisions are worked out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from desilo.cases.instance import Bools, Floats, Instance, Ints
from desilo.cases.plan import SMALLEST_ORDER, Plan
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.models import Built, joint_model, size_of
from desilo.operating.decision import Decision, Step
from desilo.operating.prices import chosen_levels, plan_prices
from desilo.operating.rule import rule_of_thumb
from desilo.solving import Options, Outcome, Seconds, Size, Stop, assign, solve, values
from desilo.solving.highs import SOLVER

LARGE = 10_000
"""Columns from which an interior-point method solves the root relaxation sooner than the simplex method."""


class Desk:
    """The steps of an operating model so far, and the time left."""

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

    def orders(self, picture: Instance, level: Ints) -> Decision:
        """The best orders at given levels (I, T), from the rule of thumb's on."""
        start = Plan(level, rule_of_thumb(picture))
        return self.optimise(picture, Freedom.full(picture).at_levels(level), start)

    def optimise(
        self,
        picture: Instance,
        freedom: Freedom,
        start: Plan | None = None,
        function: str = "inventory",
        options: Options | None = None,
    ) -> Decision:
        """The best plan within the freedom given."""
        return self.solve(picture, joint_model(picture, freedom, self.formulation), freedom, start, function, options)

    def solve(
        self,
        picture: Instance,
        built: Built,
        freedom: Freedom,
        start: Plan | None,
        function: str,
        options: Options | None = None,
    ) -> Decision:
        """The best plan of a model already built from the freedom given."""
        options = options or self.limits()
        if size_of(built.model) > LARGE:
            options = replace(options, root="ipm")
        if start is not None:
            start_from(built.model, start)
        outcome = solve(built.model, options, built=built.seconds, warm=start is not None)
        self.steps.append(Step(function, outcome))
        if not outcome.feasible:
            return self.failed()
        level, setup = integers(built.model, picture)
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
        idle = [cell for cell in built.model.inventory.setup if order[cell] <= SMALLEST_ORDER]
        if idle:  # paid for in the model, but no order: left out it earns more
            return self.polish(picture, fixed.placing(order > SMALLEST_ORDER), bound)
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

    @property
    def spent(self) -> float:
        """Seconds of all steps so far."""
        return sum(step.outcome.seconds.total for step in self.steps)

    @property
    def interrupted(self) -> bool:
        """Whether somebody pressed Ctrl-C."""
        return any(step.outcome.stop is Stop.INTERRUPTED for step in self.steps)

    def limits(self, share: float = 1.0) -> Options:
        """The options with a share of the time that is left."""
        return replace(self.options, time_limit=max(0.1, (self.options.time_limit - self.spent) * share))

    def note(self, function: str, seconds: float, objective: float | None, bound: float) -> None:
        """Add a step of more than one solve, perhaps in other processes: what it came to, and how long it took."""
        outcome = Outcome(
            stop=Stop.OPTIMAL,
            feasible=objective is not None,
            objective=math.nan if objective is None else objective,
            bound=bound,
            sense=-1,
            simplex_iterations=0,
            ipm_iterations=0,
            nodes=0,
            seconds=Seconds(solve=seconds),
            size=Size(),
            solver=SOLVER,
            options=self.options,
        )
        self.steps.append(Step(function, outcome))

    def stop(self) -> Stop:
        """Optimal if every step was; else why the first fell short. How a plan was searched for does not matter."""
        decided = [step for step in self.steps if not step.function.startswith(("start: ", "search: "))]
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


def integers(model: Any, instance: Instance) -> tuple[Ints, Bools]:
    """(I, T) chosen levels and (I, T) whether an order is placed, from a solved model."""
    count, periods = instance.unit_cost.shape
    inventory = model.inventory
    setup: Floats = values(inventory.setup, (count, periods))
    order: Floats = values(inventory.order, (count, periods))
    weighed = np.zeros((count, periods), dtype=bool)
    for index in inventory.Z:
        weighed[index] = True
    return chosen_levels(model, instance), np.where(weighed, setup > 0.5, order > SMALLEST_ORDER)


def start_from(model: Any, plan: Plan) -> None:
    """Hand the integers of a plan to the model's variables; the solver completes the rest."""
    chosen = plan.level[:, None, :] == np.arange(len(model.pricing.K))[:, None]  # (I, K, T)
    assign(model.pricing.y, chosen.astype(np.float64))
    if hasattr(model.pricing, "u"):
        assign(model.pricing.u, chosen.cumsum(axis=1).astype(np.float64))
    assign(model.inventory.setup, (plan.order > SMALLEST_ORDER).astype(np.float64))
