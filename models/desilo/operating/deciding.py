"""The operating models: who decides what, knowing what, in which order.

Every one ends in a full plan. All use the joint formulation with decisions taken away (`Freedom`), and every plan's
profit is that of the same model with levels and orders fixed: only the wiring differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from desilo.cases.instance import Instance
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model, size_of
from desilo.operating.coordination.protocol import coordinate
from desilo.operating.coordination.relaxation import Stopped
from desilo.operating.decision import Decision, Function, How, OperatingModel, Pictures, Step, Strength
from desilo.operating.desk import Desk
from desilo.operating.search import SMALL
from desilo.operating.wiring import HAND_OFFS, as_one, hand_on, side_by_side
from desilo.solving import Options, Stop, solve

__all__ = ["ALONE", "HAND_OFFS", "Desk", "as_one", "clairvoyant", "coordinated", "decide", "hand_on", "side_by_side"]

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
    how: How = How(),
) -> Decision:
    """Let an operating model decide.

    Args:
        model: which one.
        pictures: what the company believes demand to be.
        options: gap and limits; the time limit holds for all decisions of the operating model together.
        formulation: how inventory and joint problems are written down.
        how: choices that single operating models leave open.

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
            return as_one(desk, pictures.estimated, how)
        case OperatingModel.COORDINATED:
            return coordinated(desk, pictures.estimated, how.strength, how.executors)
        case _:
            return clairvoyant(desk, pictures.estimated)


def coordinated(desk: Desk, picture: Instance, strength: Strength, executors: Sequence[Executor] = ()) -> Decision:
    """Teams plan apart on one picture of demand, coordinated as strongly as asked."""
    try:
        found = coordinate(desk, picture, executors)
    except Stopped as stopped:
        return desk.failed(stopped.args[0])
    return desk.failed() if found is None else replace(found.decisions[strength], steps=tuple(desk.steps))


def clairvoyant(desk: Desk, picture: Instance) -> Decision:
    """Every scenario known beforehand: the expected value of the best plan for each. A bound, not a plan.

    Service targets hold in expectation over the scenarios, so each scenario alone is freed of them. A large model
    is left at its relaxation, which bounds the best plan too: then the objective is unknown.
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
        limits = desk.limits(1 / (count - w))
        large = size_of(built.model) > SMALL
        outcome = solve(built.model, replace(limits, root="ipm") if large else limits, built=built.seconds, relax=large)
        desk.steps.append(Step(f"scenario {picture.scenarios[w]}", outcome))
        if outcome.stop is Stop.INFEASIBLE:
            return desk.failed()
        if picture.probability[w] > 0:  # 0 x inf is no number
            bound += picture.probability[w] * outcome.bound
            objective += picture.probability[w] * (np.nan if large else outcome.objective)
    return Decision(desk.model, desk.stop(), None, objective, bound, tuple(desk.steps))
