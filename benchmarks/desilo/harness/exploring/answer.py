"""What is worked out for a question: what an operating model decides under the dials, beside a run's own plan."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from desilo.cases.instance import Floats, Instance
from desilo.cases.plan import Plan
from desilo.harness.check import Violation, check
from desilo.harness.exploring.dials import Dials, turned
from desilo.harness.exploring.opening import Problems
from desilo.harness.exploring.relief import least_relief
from desilo.harness.recourse import best_recourse
from desilo.harness.sell import fixed_use, scenario_use, sell_first_come, settle
from desilo.operating.coordination.assembly import shadow_prices
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, OperatingModel, Pictures
from desilo.operating.desk import Desk
from desilo.operating.search import conclude
from desilo.operating.wiring import as_one
from desilo.solving import Options, Stop

RELIEF_SECONDS = 10.0
"""For finding out what has to give."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        problems: as they are at neutral.
        dials: where the sliders stand.
        model: who decides.
        options: gap and limits of the solver.
        own: a plan to set beside what is decided, as a rule the run's; None for none.
        known: plans from which the joint model starts its search, once they are made to keep the limits.
        bound: proven for the joint model under dials that are nowhere tighter, money.
    """

    problems: Problems
    dials: Dials
    model: OperatingModel
    options: Options
    own: Plan | None = None
    known: tuple[Plan, ...] = ()
    bound: float = math.inf


@dataclass(frozen=True)
class Scored:
    """A plan under the dials.

    Attributes:
        plan: levels and orders.
        profit: expected on the planner's picture with best recourse, money.
        realised: expected on nature, sold first come first served, money; None where nature is not known.
        violations: rules that it breaks; none for a plan that was decided under these dials.
        use: (T,) expected use of every limit in its own units, by name.
        scarcity: (T,) what one more unit would earn, money, by name; see `shadow_prices`.
    """

    plan: Plan
    profit: float
    realised: float | None
    violations: tuple[Violation, ...]
    use: Mapping[str, Floats]
    scarcity: Mapping[str, Floats]


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes:
        question: as asked.
        instance: the planner's picture under the dials.
        decision: what was decided, with its status and bound.
        found: the plan decided on; None if there is none.
        own: the plan it is set beside, under the same dials.
        relief: what has to give where no plan keeps the limits, see `least_relief`; None where that was not asked, or
            nothing was found.
    """

    question: Question
    instance: Instance
    decision: Decision
    found: Scored | None
    own: Scored | None
    relief: Mapping[str, Floats] | None


def answer(question: Question) -> Answer:
    """Solve and score.

    Raises:
        BadInput: a dial means nothing here.
    """
    problems, dials, options = question.problems, question.dials, question.options
    pictures = Pictures(turned(problems.pictures.yesterday, dials), turned(problems.pictures.estimated, dials))
    nature = None if problems.nature is None else turned(problems.nature, dials)
    decision = _decide(question, pictures)
    own = question.own
    relief = None
    if decision.plan is None and decision.stop is Stop.INFEASIBLE:
        seconds = min(options.time_limit, RELIEF_SECONDS)
        relief = least_relief(pictures.estimated, replace(options, gap=0.0, time_limit=seconds))
    return Answer(
        question=question,
        instance=pictures.estimated,
        decision=decision,
        found=None if decision.plan is None else score(pictures.estimated, nature, decision.plan, options),
        own=None if own is None else score(pictures.estimated, nature, own, options),
        relief=relief,
    )


def _decide(question: Question, pictures: Pictures) -> Decision:
    if question.model is not OperatingModel.JOINT:
        return decide(question.model, pictures, question.options)
    picture, options = pictures.estimated, question.options
    desk = Desk(question.model, replace(options, time_limit=options.time_limit / 2))
    starts = [desk.settle(picture, plan) for plan in question.known]
    best = max((start for start in starts if start.plan), key=lambda start: start.objective, default=None)
    if best is None:
        found = decide(question.model, pictures, options)
    else:
        desk.options = options
        desk.steps = [replace(step, function=f"start: {step.function}") for step in desk.steps]
        found = as_one(desk, picture, given=replace(best, repaired=False))
    if found.plan is None or found.bound <= question.bound:
        return found
    return conclude(desk, found, question.bound, proven=found.stop is Stop.OPTIMAL)


def score(instance: Instance, nature: Instance | None, plan: Plan, options: Options) -> Scored:
    """What a plan earns and uses."""
    found = check(instance, plan)
    sold = settle(instance, plan, best_recourse(instance, plan))
    use = {
        limit.name: scenario_use(limit, sold.sales, sold.stock) @ instance.probability
        + fixed_use(instance, plan, limit)
        for limit in instance.resources
    }
    return Scored(
        plan=plan,
        profit=found.profit,
        realised=None if nature is None else sell_first_come(nature, plan).expected_profit,
        violations=found.violations,
        use=use,
        scarcity=shadow_prices(instance, plan, options),
    )
