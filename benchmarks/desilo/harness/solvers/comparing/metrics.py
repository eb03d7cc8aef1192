"""What of a run is compared: deterministic work, the size of the program, the clock.

- *Shifted geometric mean* of values v with shift s: exp(mean(log(v + s))) - s (Achterberg 2007, Constraint Integer
  Programming, appendix A). The shift keeps runs that are over at once from counting as much as long ones.
- *PAR10*: mean seconds, a run that is not solved counting ten times its time limit.
- *Seconds of a run that is not solved* are otherwise its time limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from desilo.harness.measure import shifted_geometric_mean
from desilo.harness.records import Known, Record
from desilo.harness.solvers.runs import Ending, Run

SOLVED = frozenset({Ending.OPTIMAL, Ending.INFEASIBLE, Ending.UNBOUNDED})
"""Endings that say all there is to say about the problem."""

FAILED = frozenset({Ending.ERROR, Ending.REFUSED, Ending.OVERTIME, Ending.OUT_OF_MEMORY, Ending.CRASHED})
"""Endings that a solver should not have."""

PENALTY = 10
"""Of PAR10."""


WORK = ("simplex", "ipm", "crossover", "pdlp")
"""Methods whose iterations are counted."""


class Kind(StrEnum):
    """How a metric behaves when nothing has changed."""

    WORK = "work"  # the same on every machine; differs between seeds and permutations
    SIZE = "size"  # always the same; no problem may grow
    REDUCTION = "reduction"  # the same for the same order of rows and columns; some grow where others shrink
    CLOCK = "clock"  # differs from run to run

    @property
    def exact(self) -> bool:
        """Whether a change is one, without noise to tell it from."""
        return self in {Kind.SIZE, Kind.REDUCTION}


@dataclass(frozen=True)
class Metric:
    """A figure of a run.

    Attributes:
        name: as the command line has it.
        kind: how it behaves.
        shift: of its geometric mean, in its unit.
        unit: of the figure.
        of: the figure of a run; None where it is not known.
    """

    name: str
    kind: Kind
    shift: float
    unit: str
    of: Callable[[Run], float | None]


def is_solved(run: Run) -> bool:
    """Whether the run ended by itself with an answer that nothing speaks against."""
    return run.ending in SOLVED


def seconds_to_solve(run: Run) -> float:
    """Wall-clock seconds in the solver; the time limit if it did not solve."""
    return run.seconds.get("solve", run.setting.time_limit) if is_solved(run) else run.setting.time_limit


def iterations(run: Run) -> float | None:
    """Iterations of all methods together: a change of method is no change of the metric."""
    counts = [run.work[name] for name in WORK if name in run.work]
    return float(sum(counts)) if counts else None


def _of(part: str, name: str) -> Callable[[Run], float | None]:
    return lambda run: getattr(run, part).get(name)


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("iterations", Kind.WORK, 100, "iterations", iterations),
        *(Metric(name, Kind.WORK, 100, "iterations", _of("work", name)) for name in WORK),
        Metric("nodes", Kind.WORK, 10, "nodes", _of("work", "nodes")),
        Metric("presolved", Kind.REDUCTION, 100, "nonzeros", _of("work", "presolved")),
        *(Metric(name, Kind.SIZE, 0, name, _of("size", name)) for name in ("rows", "columns", "integers", "nonzeros")),
        Metric("seconds", Kind.CLOCK, 1, "s", seconds_to_solve),
        *(Metric(phase, Kind.CLOCK, 0.1, "s", _of("seconds", phase)) for phase in ("build", "translate", "load")),
        Metric("processor", Kind.CLOCK, 1, "s", lambda run: run.processor_seconds),
        Metric("memory", Kind.CLOCK, 100, "MB", lambda run: run.peak_memory),
    )
}

DECIDING = ("iterations", "nodes", "presolved", "nonzeros")
"""Metrics that decide unless others are asked for; whether problems are solved always does."""


class Totals(Record):
    """The usual figures of some runs. Means are shifted geometric ones, in seconds or MB."""

    runs: int
    solved: int
    wrong: int
    failed: int
    seconds_1: float  # shift 1 s
    seconds_10: float  # shift 10 s
    par10: float
    gap_at_limit: Known  # mean of the runs that were stopped by a limit; at most 1
    peak_memory: Known  # largest, MB


def totals(runs: Sequence[Run]) -> Totals:
    """The usual figures of at least one run."""
    seconds = np.array([seconds_to_solve(run) for run in runs])
    solved = np.array([is_solved(run) for run in runs])
    limits = np.array([run.setting.time_limit for run in runs])
    stopped = [run for run in runs if run.ending in {Ending.TIME_LIMIT, Ending.OTHER_LIMIT, Ending.OVERTIME}]
    memory = [run.peak_memory for run in runs if run.peak_memory is not None]
    return Totals(
        runs=len(runs),
        solved=int(solved.sum()),
        wrong=sum(run.ending is Ending.WRONG for run in runs),
        failed=sum(run.ending in FAILED for run in runs),
        seconds_1=shifted_geometric_mean(seconds, 1),
        seconds_10=shifted_geometric_mean(seconds, 10),
        par10=float(np.where(solved, seconds, PENALTY * limits).mean()),
        gap_at_limit=float(np.mean([min(1.0, 1.0 if run.gap is None else run.gap) for run in stopped]))
        if stopped
        else None,
        peak_memory=max(memory, default=None),
    )
