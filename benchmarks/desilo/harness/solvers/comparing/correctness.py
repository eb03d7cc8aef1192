"""What is wrong for certain, whatever the noise: answers that contradict a solution, and new failures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from desilo.harness.records import Record
from desilo.harness.solvers.comparing.metrics import is_solved
from desilo.harness.solvers.comparing.pairing import Pair
from desilo.harness.solvers.judgement import judged
from desilo.harness.solvers.runs import Ending, Run

BROKEN = frozenset({Ending.ERROR, Ending.REFUSED, Ending.CRASHED})
"""Failures that no noise explains: one of them is one too many."""

AT_A_LIMIT = frozenset({Ending.OVERTIME, Ending.OUT_OF_MEMORY})
"""Failures close to which a run may be by chance: all runs must show them, where all were solved before."""


class Matter(Record):
    """Something wrong with a run."""

    unit: str
    run: str  # its key
    what: str


def contradictions(runs: Sequence[Run], known: Sequence[Run]) -> dict[str, str]:
    """Runs whose answer cannot be right, by key.

    A solution that desilo's checker finds feasible is a fact; no bound and no claim of optimality or infeasibility
    can stand against it (`judgement`).

    Args:
        runs: to look at.
        known: all runs whose solutions count, on the same problems.
    """
    best = _best(known)
    return {
        run.key: what
        for run in runs
        if (what := _wrong_with(run, best.get((run.setting.problem, run.setting.digest)))) is not None
    }


def new_failures(pairs: Sequence[Pair]) -> Iterable[tuple[Pair, Run, str]]:
    """Failures after that there were none of before: of the same setting, or of every run of the unit."""
    units: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        units[pair.unit].append(pair)
    for members in units.values():
        always = all(run.ending in AT_A_LIMIT for pair in members for run in pair.after)
        solved = all(is_solved(run) for pair in members for run in pair.before)
        for pair in members:
            for run in pair.after:
                broken = run.ending in BROKEN and not any(old.ending in BROKEN for old in pair.before)
                if broken or (always and solved):
                    yield pair, run, f"{run.ending}{f': {run.note}' if run.note else ''}"


def _best(runs: Sequence[Run]) -> dict[tuple[str, str], Run]:
    """For every problem the run with the best solution that the checker finds feasible."""
    best: dict[tuple[str, str], Run] = {}
    for run in runs:
        if run.objective is None or run.ending is Ending.WRONG or run.check is None or not run.check.feasible:
            continue
        name = (run.setting.problem, run.setting.digest)
        other = best.get(name)
        if other is None or run.sense * run.objective < run.sense * (other.objective or 0):
            best[name] = run
    return best


def _wrong_with(run: Run, best: Run | None) -> str | None:
    if run.ending is not Ending.WRONG:
        run = judged(run, known=None if best is None else best.objective)
    return (run.note or "wrong answer") if run.ending is Ending.WRONG else None
