"""The operating models on an instance.

Every one ends in a full plan. All use the joint formulation with decisions taken away (`Freedom`), and every plan's
profit is that of the same model with levels and orders fixed: only the wiring differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from desilo.cases.instance import Floats, Instance, Ints
from desilo.cases.plan import SMALLEST_ORDER, Plan
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.models import joint_model
from desilo.operating.decision import Decision, OperatingModel, Step
from desilo.operating.prices import chosen_levels, plan_prices
from desilo.operating.rule import rule_of_thumb
from desilo.solving import Options, Outcome, Stop, solve, values


def decide(
    model: OperatingModel,
    instance: Instance,
    options: Options = Options(),
    formulation: Formulation = Formulation.TIGHT,
) -> Decision:
    """Let an operating model decide.

    Args:
        model: which one.
        instance: the problem.
        options: gap and limits; the time limit holds for every decision of the operating model together.
        formulation: how inventory and joint problems are written down.

    Returns:
        The decision; without a plan if a step has no solution (its `stop` says why).
    """
    return _Desk(model, instance, options, formulation).decide()


@dataclass
class _Desk:
    """The work of one operating model: its steps so far and the time left."""

    model: OperatingModel
    instance: Instance
    options: Options
    formulation: Formulation

    def __post_init__(self) -> None:
        self.steps: list[Step] = []
        self.free = Freedom.full(self.instance)

    def decide(self) -> Decision:
        reference = np.repeat(self.instance.reference[:, None], self.instance.periods, axis=1)
        match self.model:
            case OperatingModel.STATUS_QUO:
                return self.settle(Plan(reference, rule_of_thumb(self.instance)))
            case OperatingModel.PRICING_ONLY:
                level = self.plan_prices()
                return (
                    self.failed() if level is None else self.settle(Plan(level, rule_of_thumb(self.instance)))
                )
            case OperatingModel.INVENTORY_ONLY:
                return self.optimise(self.free.at_levels(reference))
            case OperatingModel.SEQUENTIAL:
                level = self.plan_prices()
                return self.failed() if level is None else self.optimise(self.free.at_levels(level))
            case OperatingModel.ISOLATED:
                level, stock = self.plan_prices(), self.optimise(self.free.at_levels(reference))
                if level is None or stock.plan is None:
                    return self.failed()
                return self.settle(Plan(level, stock.plan.order))
            case OperatingModel.INVENTORY_FIRST:
                stock = self.optimise(self.free.at_levels(reference))
                if stock.plan is None:
                    return stock
                return self.optimise(self.free.at_orders(stock.plan.order), start=stock.plan)
            case OperatingModel.JOINT:
                return self.joint()
            case OperatingModel.CLAIRVOYANT:
                return self.clairvoyant()

    def plan_prices(self) -> Ints | None:
        """Levels of the pricing function deciding for itself."""
        level, steps = plan_prices(self.instance, self.limits(0.5))
        self.steps += steps
        return level

    def optimise(
        self, freedom: Freedom, start: Plan | None = None, function: str = "inventory", share: float = 1.0
    ) -> Decision:
        """The best plan within the freedom given."""
        built = joint_model(self.instance, freedom, self.formulation)
        if start is not None:
            _start_from(built.model, self.instance, start)
        options = self.limits(share)
        outcome = solve(built.model, options, built=built.seconds, warm=start is not None)
        self.steps.append(Step(function, outcome))
        if not outcome.feasible:
            return self.failed()
        y = values(built.model.pricing.y, _ilt(self.instance))
        shape = self.instance.unit_cost.shape
        order = values(built.model.inventory.order, shape)
        weighed = np.zeros(shape, dtype=bool)
        for index in built.model.inventory.Z:
            weighed[index] = True
        setup = np.where(weighed, values(built.model.inventory.setup, shape) > 0.5, order > SMALLEST_ORDER)
        return self.polish(freedom, chosen_levels(y), setup, outcome)

    def polish(self, freedom: Freedom, level: Ints, setup: Floats, found: Outcome) -> Decision:
        """The plan with the integers rounded and everything else solved again as an LP, free of solver dust."""
        fixed = freedom.at_levels(level).placing(setup.astype(bool))
        built = joint_model(self.instance, fixed, Formulation.PLAIN)
        for variable in built.model.inventory.setup.values():
            variable.fix(1)
        outcome = solve(built.model, replace(self.options, time_limit=math.inf), built=built.seconds)
        self.steps.append(Step("orders", outcome))
        if not outcome.feasible:
            return self.failed(Stop.ERROR)
        order = values(built.model.inventory.order, self.instance.unit_cost.shape)
        order = np.where(order > SMALLEST_ORDER, order, 0.0)
        return Decision(
            self.model,
            self.stop(),
            Plan(level, order),
            outcome.objective,
            max(found.bound, outcome.objective),
            tuple(self.steps),
        )

    def settle(self, plan: Plan) -> Decision:
        """Plans made apart, put together: if they break a hard limit, orders are cut by the cut that costs least."""
        built = joint_model(
            self.instance, self.free.at_levels(plan.level).at_orders(plan.order), Formulation.PLAIN
        )
        outcome = solve(built.model, replace(self.options, gap=0.0), built=built.seconds)
        self.steps.append(Step("recourse", outcome))
        if outcome.feasible:
            return Decision(self.model, self.stop(), plan, outcome.objective, math.nan, tuple(self.steps))
        if outcome.stop is not Stop.INFEASIBLE:
            return self.failed()
        cut = self.optimise(self.free.at_levels(plan.level).cutting(plan.order), function="repair")
        return replace(cut, repaired=True)

    def joint(self) -> Decision:
        """One model, started from the best plan the other operating models come to."""
        start: Decision | None = None
        for model in (OperatingModel.SEQUENTIAL, OperatingModel.INVENTORY_ONLY):
            share = replace(
                self.options, time_limit=self.options.time_limit / 8, gap=max(self.options.gap, 1e-3)
            )
            known = decide(model, self.instance, share, self.formulation)
            self.steps += [Step(f"start: {step.function}", step.outcome) for step in known.steps]
            if known.plan is not None and (start is None or known.objective > start.objective):
                start = known
        return self.optimise(self.free, start=start.plan if start else None, function="joint")

    def clairvoyant(self) -> Decision:
        """Every scenario known beforehand: the expected value of the best plan for each. A bound, not a plan.

        Service targets hold in expectation over the scenarios, so each scenario alone is freed of them.
        """
        bound = objective = 0.0
        count = len(self.instance.scenarios)
        for w in range(count):
            known = replace(
                self.instance,
                scenarios=(self.instance.scenarios[w],),
                probability=np.ones(1),
                demand=self.instance.demand[..., w : w + 1],
                service=(),
            )
            built = joint_model(known, None, self.formulation)
            outcome = solve(built.model, self.limits(1 / (count - w)), built=built.seconds)
            self.steps.append(Step(f"scenario {self.instance.scenarios[w]}", outcome))
            if outcome.stop is Stop.INFEASIBLE:
                return self.failed()
            bound += self.instance.probability[w] * outcome.bound
            objective += self.instance.probability[w] * outcome.objective
        return Decision(self.model, self.stop(), None, objective, bound, tuple(self.steps))

    def limits(self, share: float) -> Options:
        """The options with a share of the time that is left."""
        spent = sum(step.outcome.seconds.total for step in self.steps)
        return replace(self.options, time_limit=max(0.1, (self.options.time_limit - spent) * share))

    def stop(self) -> Stop:
        """Optimal if every step that has a say was; else the first reason to stop short of it."""
        short = [
            step.outcome.stop
            for step in self.steps
            if not step.function.startswith("start:") and step.outcome.stop is not Stop.OPTIMAL
        ]
        short = [stop for stop in short if stop is not Stop.INFEASIBLE] if self.steps else short
        return short[0] if short else Stop.OPTIMAL

    def failed(self, stop: Stop | None = None) -> Decision:
        """No plan: the last step says why."""
        last = self.steps[-1].outcome
        bound = last.bound if last.stop is not Stop.INFEASIBLE else -math.inf
        return Decision(self.model, stop or last.stop, None, math.nan, bound, tuple(self.steps))


def _start_from(model: object, instance: Instance, plan: Plan) -> None:
    """Hand the integers of a plan to the model's variables; the solver completes the rest."""
    for (i, level, t), variable in model.pricing.y.items():  # type: ignore[attr-defined]
        variable.set_value(float(plan.level[i, t] == level))
    for (i, t), variable in model.inventory.setup.items():  # type: ignore[attr-defined]
        variable.set_value(float(plan.order[i, t] > SMALLEST_ORDER))


def _ilt(instance: Instance) -> tuple[int, int, int]:
    return len(instance.items), instance.price.shape[1], instance.periods
