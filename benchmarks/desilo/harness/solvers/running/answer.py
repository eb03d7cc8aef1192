"""What a solver brings back for a program, whichever solver it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from desilo.cases.instance import Floats
from desilo.harness.solvers.runs import Ending


@dataclass(frozen=True)
class Answer:
    """What a solver says; what is not known is nan.

    Attributes:
        ending: why it stopped.
        objective, bound: in the program's own sense.
        solution: (n,) values of the columns as written; None if there is no solution.
        seconds: wall clock by phase.
        work: iterations, nodes, nonzeros that presolve left: the same on every machine.
        info: all that the solver says of itself.
        integral: the primal-dual integral, seconds.
        note: for people.
    """

    ending: Ending
    objective: float = math.nan
    bound: float = math.nan
    solution: Floats | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    work: Mapping[str, int] = field(default_factory=dict)
    info: Mapping[str, int | float] = field(default_factory=dict)
    integral: float = math.nan
    note: str | None = None


Moment = tuple[float, float, float]
"""Seconds since the solve began; best objective and proven bound from then on, infinite where there is none."""


def primal_dual_integral(moments: Sequence[Moment], end: float) -> float:
    """The gap integrated over the seconds of a solve, from 0 to `end`.

    The gap is |objective - bound| / max(|objective|, |bound|), and 1 as long as one of them is missing or their signs
    differ (Berthold 2013, Measuring the impact of primal heuristics, Operations Research Letters 41(6), 611-614). The
    `primal_dual_integral` in HiGHS's info is another one: it begins with the first solution, so that a solver is not
    charged for finding none, and its gap can be more than 1.

    Args:
        moments: in the order of time.
        end: seconds.
    """
    total, since, gap = 0.0, 0.0, 1.0
    for time, objective, bound in moments:
        now = min(max(time, since), end)
        total += gap * (now - since)
        since, gap = now, _gap(objective, bound)
    return total + gap * max(0.0, end - since)


def _gap(objective: float, bound: float) -> float:
    if objective == bound:
        return 0.0
    if not (math.isfinite(objective) and math.isfinite(bound)) or min(objective, bound) < 0 < max(objective, bound):
        return 1.0
    return abs(objective - bound) / max(abs(objective), abs(bound))
