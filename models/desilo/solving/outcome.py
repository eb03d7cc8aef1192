"""What a solve brought back: why it stopped, kept apart from what there is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Stop(StrEnum):
    """Why the solver stopped. It says nothing about whether there is a solution."""

    OPTIMAL = "optimal"  # to the asked gap
    TIME_LIMIT = "time-limit"
    INTERRUPTED = "interrupted"  # by Ctrl-C
    OTHER_LIMIT = "other-limit"  # iterations, nodes, memory, objective target
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    ERROR = "error"  # the solver could not say


@dataclass(frozen=True)
class Options:
    """How to solve.

    Attributes:
        time_limit: seconds for the solver itself; inf for none.
        gap: relative MIP gap at which to stop: |bound - objective| / |objective|.
        target: stop at a solution at least as good as this; None for none.
        seed: random seed of the solver.
        threads: threads of the solver.
        root: method for the root relaxation, HiGHS's `mip_lp_solver`/`solver`: "choose", "simplex" or "ipm".
        log: print the solver's log to standard output.
    """

    time_limit: float = math.inf
    gap: float = 1e-4
    target: float | None = None
    seed: int = 0
    threads: int = 1
    root: str = "choose"
    log: bool = False

    def __post_init__(self) -> None:
        if not (self.time_limit > 0 and self.gap >= 0 and self.threads >= 1 and self.seed >= 0):
            raise ValueError(f"{self}: time limit and threads are positive, gap and seed are not negative")


@dataclass(frozen=True)
class Seconds:
    """Wall-clock seconds by phase."""

    build: float = 0.0  # rules to Pyomo components
    translate: float = 0.0  # Pyomo components to arrays
    load: float = 0.0  # arrays into HiGHS
    solve: float = 0.0  # HiGHS

    @property
    def total(self) -> float:
        """All phases."""
        return self.build + self.translate + self.load + self.solve

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(
            self.build + other.build,
            self.translate + other.translate,
            self.load + other.load,
            self.solve + other.solve,
        )


@dataclass(frozen=True)
class Size:
    """Size of the model as HiGHS received it."""

    rows: int = 0
    columns: int = 0
    integers: int = 0
    nonzeros: int = 0


@dataclass(frozen=True)
class Outcome:
    """The typed result of one solve.

    Attributes:
        stop: why it stopped.
        feasible: whether there is a solution; only then may one be read.
        objective: of the solution, nan if there is none.
        bound: proven bound on every solution's objective (above it when maximising); infinite if none was proven.
        sense: +1 minimising, -1 maximising.
        simplex_iterations, ipm_iterations, nodes: the solver's deterministic work.
        seconds: by phase.
        size: of the model.
        solver: name and version.
        options: as asked.
    """

    stop: Stop
    feasible: bool
    objective: float
    bound: float
    sense: int
    simplex_iterations: int
    ipm_iterations: int
    nodes: int
    seconds: Seconds
    size: Size
    solver: str
    options: Options

    @property
    def gap(self) -> float:
        """|bound - objective| / |objective|; inf without a solution or bound."""
        return relative_gap(self.objective, self.bound)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for records."""
        return {**asdict(self), "gap": self.gap}


def relative_gap(objective: float, bound: float) -> float:
    """|bound - objective| / |objective|, with 0/0 = 0; inf if either is unknown."""
    if not (math.isfinite(objective) and math.isfinite(bound)):
        return math.inf
    difference = abs(bound - objective)
    if difference <= 1e-9:
        return 0.0
    return difference / abs(objective) if objective else math.inf
