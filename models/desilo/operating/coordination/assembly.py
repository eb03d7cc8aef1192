"""Plans of all teams put together: what they earn, and who uses how much of the limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from desilo.cases.instance import PRICING_ACTIVITIES, Activity, Floats, Instance, Ints
from desilo.cases.plan import SMALLEST_ORDER, Plan
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.models import joint_model
from desilo.operating.coordination.limits import Limits, standing_use, usage
from desilo.solving import Held, Options, Program, hand_back, labels, translate, values


@dataclass(frozen=True)
class Assembly:
    """One plan of all teams with its recourse.

    Attributes:
        plan: levels and orders.
        profit: expected, money.
        by_team: (teams,) what each team contributes, before what going over a limit together costs.
        use: (teams, n) of the limits.
        prices: (n,) what a little more of a hard limit would earn, set-ups and levels given; 0 for soft ones.
    """

    plan: Plan
    profit: float
    by_team: Floats
    use: Floats
    prices: Floats


def assemble(
    picture: Instance, freedom: Freedom, teams: list[Ints], limits: Limits, options: Options
) -> Assembly | None:
    """The best plan with one level per item and period and a set-up paid wherever an order may be placed: an LP.

    Args:
        picture: the problem.
        freedom: one level per item and period; where orders may be placed, and how large.
        teams: items by team.
        limits: what they share.
        options: of the solver; no time limit holds here.

    Returns:
        None if the limits cannot be kept.
    """
    model, program = _with_setups_paid(picture, freedom)
    found = list(labels(program.columns))
    held = Held(program, replace(options, time_limit=math.inf))
    if not held.solve().feasible:
        return None
    x = held.solution
    hand_back(program, x)
    order = values(model.inventory.order, picture.unit_cost.shape)
    plan = Plan(freedom.levels.argmax(axis=2), np.where(order > SMALLEST_ORDER, order, 0.0))

    team_of = np.zeros(len(picture.items), dtype=np.int64)
    for k, items in enumerate(teams):
        team_of[items] = k
    used = usage(program, picture, limits)
    team = np.array([team_of[_owner(picture, name, index)] for name, index in found], dtype=np.int64)
    gains = program.cost * x
    gains[used.overage] = 0.0
    by_team = np.zeros(len(teams))
    np.add.at(by_team, team, gains)
    entries = sparse.coo_array(used.matrix)
    standing = standing_use(picture, limits)
    use: Floats = np.array([standing[items].sum(axis=0) for items in teams])
    np.add.at(use, (team[entries.col], entries.row), entries.data * x[entries.col])
    prices = np.where(np.isinf(limits.ceiling), np.abs(held.row_duals[used.rows]), 0.0)
    return Assembly(plan, float(program.cost @ x + program.offset), by_team, use, prices)


def shadow_prices(picture: Instance, plan: Plan, options: Options) -> dict[str, Floats]:
    """What one more unit of a limit would earn, levels and set-ups of a plan given: duals of the LP of its quantities.

    Args:
        picture: the problem.
        plan: its orders may be changed where they are placed, its levels not.
        options: of the solver; no time limit holds here.

    Returns:
        (T,) money by resource, 0 where it is not short; without the rules on prices, promotions and set-ups, which
        leave quantities alone. Empty if the plan cannot keep the limits.
    """
    free = Freedom.full(picture).at_levels(plan.level)
    _, program = _with_setups_paid(picture, free.placing(plan.order > SMALLEST_ORDER))
    held = Held(program, replace(options, time_limit=math.inf))
    if not held.solve().feasible:
        return {}
    firm = PRICING_ACTIVITIES | {Activity.SETUP}
    prices = {r: np.zeros(picture.periods) for r, one in enumerate(picture.resources) if not set(one.use) <= firm}
    for row, (name, index) in enumerate(labels(program.row_parts)):
        if name in ("R1_limit", "R2_limit") and index[0] in prices:  # of a scenario: weighed by its probability
            prices[index[0]][index[1]] += abs(held.row_duals[row])
    return {picture.resources[r].name: money for r, money in prices.items()}


def _with_setups_paid(picture: Instance, freedom: Freedom) -> tuple[Any, Program]:
    """The joint model and its program, with a set-up paid wherever an order may be placed: no integers are left."""
    model = joint_model(picture, freedom, Formulation.PLAIN).model
    program = translate(model)
    paid = np.array([name == "setup" for name, _ in labels(program.columns)], dtype=bool)
    return model, replace(program, lower=np.where(paid, 1.0, program.lower), integer=np.zeros_like(program.integer))


def _owner(picture: Instance, name: str, index: tuple[int, ...]) -> int:
    """The item a column belongs to; for going over a limit, one that uses it."""
    if not name.startswith("over"):
        return index[0]
    users = [np.flatnonzero(amount) for amount in picture.resources[index[0]].use.values()]
    return int(np.concatenate(users)[0]) if any(map(len, users)) else 0
