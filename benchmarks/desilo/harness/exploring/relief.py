"""What has to give where no plan keeps all limits: the least that they must be exceeded by, all together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from desilo.cases.instance import Floats, Instance
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.solving import Held, Options, labels, translate

NOTHING = 1e-6
"""Relative to the limit: what is exceeded by less is kept."""


def least_relief(instance: Instance, options: Options) -> dict[str, Floats] | None:
    """How far the hard limits must be exceeded, so that the sum of the shares of the limits is least.

    The joint model with every hard limit made soft, and nothing but what is used above them as its objective.

    Args:
        instance: the problem.
        options: of the solver.

    Returns:
        (T,) units of the resource, the most in any scenario, by the name of each that has to give; None where no
        plan was found even so.
    """
    hard = {r: np.isinf(one.overage_cost) & np.isfinite(one.capacity) for r, one in enumerate(instance.resources)}
    soft = tuple(
        replace(one, overage_cost=np.where(hard[r], 1.0, one.overage_cost)) for r, one in enumerate(instance.resources)
    )
    program = translate(joint_model(replace(instance, resources=soft), None, Formulation.PLAIN).model)
    found = [
        (column, index[0], index[1], instance.probability[index[2]] if name == "over_in" else 1.0)
        for column, (name, index) in enumerate(labels(program.columns))
        if name in ("over", "over_in") and hard[index[0]][index[1]]
    ]
    cost = np.zeros_like(program.cost)
    for column, r, t, weight in found:
        cost[column] = weight / _size(instance.resources[r].capacity[t])
    held = Held(replace(program, cost=cost, offset=0.0, sense=1), options)
    if not held.solve().feasible:
        return None
    more: dict[str, Floats] = {}
    for column, r, t, _ in found:
        over = float(held.solution[column])
        limit = instance.resources[r]
        if over > NOTHING * _size(limit.capacity[t]):
            exceeded = more.setdefault(limit.name, np.zeros(instance.periods))
            exceeded[t] = max(exceeded[t], over)
    return more


def _size(capacity: float) -> float:
    return abs(float(capacity)) or 1.0
