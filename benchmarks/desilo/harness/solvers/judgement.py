"""Is what a solver says true? It is held against the check of its solution and against what others have proven."""

from __future__ import annotations

from collections.abc import Iterator

from desilo.harness.solvers.runs import Ending, Run

TOLERANCE = 1e-4
"""Figures that differ by a smaller share do not contradict each other: first-order methods are no more exact."""


def judged(run: Run, known: float | None = None, proven: float | None = None) -> Run:
    """The run, `WRONG` if what its solver says cannot be true.

    Args:
        run: a finished one.
        known: objective of the best solution that anybody has found; None if there is none.
        proven: the best bound that anybody has proven; None if there is none.
    """
    wrong = list(_contradictions(run, known, proven))
    if not wrong:
        return run
    said = "; ".join(wrong if run.note is None else [run.note, *wrong])
    return run.model_copy(update={"ending": Ending.WRONG, "note": said})


def _contradictions(run: Run, known: float | None, proven: float | None) -> Iterator[str]:
    def better(one: float | None, other: float | None, share: float = TOLERANCE) -> bool:
        if one is None or other is None:
            return False
        return run.sense * (other - one) > share * max(1.0, abs(one), abs(other))

    if known is not None and run.ending in {Ending.INFEASIBLE, Ending.UNBOUNDED}:
        yield f"{run.ending}, but a solution worth {known:.10g} is known"
    if better(known, run.bound):
        yield f"a bound of {run.bound:.10g}, but a solution worth {known:.10g} is known"
    if run.ending is Ending.OPTIMAL and better(known, run.objective, TOLERANCE + run.setting.gap):
        yield f"{run.objective:.10g} is called optimal, but a solution worth {known:.10g} is known"
    if not run.setting.relaxed and better(run.objective, proven):
        yield f"an objective of {run.objective:.10g}, but {proven:.10g} is a proven bound"
    if run.check is None:
        return
    if not run.check.feasible:
        first, *others = run.check.violations or ("the checker does not say why",)
        yield f"no solution: {first}" + (f", and {len(others)} more" if others else "")
    if better(run.objective, run.check.objective):
        yield f"an objective of {run.objective:.10g} for a solution worth {run.check.objective:.10g}"
    if better(run.check.objective, run.bound):
        yield f"a bound of {run.bound:.10g} for a solution worth {run.check.objective:.10g}"
