"""How much figures differ when nothing has changed: machine noise apart from seeds and permutations, and A/A trials.

The logarithm of a figure is the sum of its unit, of the path that a seed and a permutation give the solver, and of the
machine, seen when a run is repeated. The variances of the last two are estimated from the mean squares within and
between paths (method of moments for nested, unbalanced data: Searle, Casella and McCulloch 1992, Variance Components).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from desilo.harness.records import Known, Record
from desilo.harness.solvers.comparing.compare import MARGIN, Verdict, differs, judge_solved, level_for
from desilo.harness.solvers.comparing.metrics import DECIDING, METRICS, Kind, Metric, is_solved
from desilo.harness.solvers.comparing.pairing import Pair
from desilo.harness.solvers.runs import Run, Setting

Groups = dict[tuple[object, ...], list[Run]]


class Noise(Record):
    """Standard deviations of a figure, relative: exp(deviation of the logarithm) - 1. Null where not to be told.

    Where no run was repeated, `machine` is null and `path` holds both together.
    """

    metric: str
    side: str
    machine: Known  # between repeats
    path: Known  # between seeds and permutations, machine noise taken off


@dataclass(frozen=True)
class Trials:
    """Comparisons of a bench with itself.

    Attributes:
        same: of how many the verdict was "no difference".
        count: how many there were; 0 where there was nothing to split.
    """

    same: int
    count: int


def noise(runs: Sequence[Run], metric: Metric, side: str) -> Noise:
    """Variance components of a metric over the runs that were solved."""
    paths = [
        [[math.log(value + metric.shift) for run in path if (value := metric.of(run)) is not None] for path in unit]
        for unit in _paths(runs)
    ]
    units = [known for unit in paths if (known := [path for path in unit if path])]
    machine, between = components(units)
    if metric.kind is Kind.WORK and math.isnan(machine):  # the same every time: nobody needs to repeat it
        machine = 0.0
    return Noise(metric=metric.name, side=side, machine=_relative(machine), path=_relative(between))


def components(units: Sequence[Sequence[Sequence[float]]]) -> tuple[float, float]:
    """Variance within and between groups that are nested in units.

    Args:
        units: of each the groups, of each group the values, at least one.

    Returns:
        Both; nan where there is nothing to tell it from. Without a group of two, the second is the sum of both.
    """
    groups = [np.array(group) for unit in units for group in unit]
    degrees = sum(len(group) - 1 for group in groups)
    if not degrees:
        return math.nan, _between(units, 0.0)
    within = float(sum(((group - group.mean()) ** 2).sum() for group in groups) / degrees)
    return within, _between(units, within)


def _between(units: Sequence[Sequence[Sequence[float]]], within: float) -> float:
    degrees = sum(len(unit) - 1 for unit in units)
    if not degrees:
        return math.nan
    squares, weight = 0.0, 0.0
    for unit in units:
        counts = np.array([len(group) for group in unit])
        means = np.array([np.mean(group) for group in unit])
        squares += float((counts * (means - np.average(means, weights=counts)) ** 2).sum())
        weight += counts.sum() - (counts**2).sum() / counts.sum()
    return float(max(0.0, (squares / degrees - within) / (weight / degrees)))


def trials_of_work(runs: Sequence[Run], trials: int, seed: int, margin: float = MARGIN) -> Trials:
    """Compare half of the seeds and permutations of every unit with the other half, divided at random each time.

    Args:
        runs: of one set of versions.
        trials: how many times.
        seed: of the dividing.
        margin: as in `compare`.
    """
    level = level_for(DECIDING)
    metrics = [METRICS[name] for name in DECIDING if METRICS[name].kind is Kind.WORK]

    def same(pairs: Sequence[Pair]) -> bool:
        solved = judge_solved(pairs, level).verdict is Verdict.NO_DIFFERENCE
        return solved and not any(differs(metric, pairs, level, margin) for metric in metrics)

    units = list(_grouped(runs, ("seed", "permutation", "repeat")).values())
    return _trials([list(_grouped(unit, ("repeat",)).values()) for unit in units], trials, seed, same)


def trials_of_clock(runs: Sequence[Run], trials: int, seed: int, margin: float = MARGIN) -> Trials:
    """Compare half of the repeats of every run with the other half, by the seconds of the solver."""
    level = level_for(["seconds"])

    def same(pairs: Sequence[Pair]) -> bool:
        return not differs(METRICS["seconds"], pairs, level, margin)

    paths = list(_grouped(runs, ("repeat",)).values())
    return _trials([[[run] for run in path] for path in paths], trials, seed, same)


def _trials(
    units: Sequence[Sequence[Sequence[Run]]], trials: int, seed: int, same: Callable[[Sequence[Pair]], bool]
) -> Trials:
    """Divide the parts of every unit that has several, and ask whether both halves are the same."""
    divided = [unit for unit in units if len(unit) > 1]
    if len({unit[0][0].setting.problem for unit in divided}) < 2:
        return Trials(0, 0)
    rng = np.random.default_rng(seed)
    return Trials(sum(same(list(_divide(divided, rng))) for _ in range(trials)), trials)


def _divide(units: Sequence[Sequence[Sequence[Run]]], rng: np.random.Generator) -> Iterator[Pair]:
    for number, unit in enumerate(units):
        order, half = rng.permutation(len(unit)), len(unit) // 2
        before, after = (tuple(run for part in side for run in unit[part]) for side in (order[:half], order[-half:]))
        yield Pair(before[0].setting.problem, str(number), before, after)


def _paths(runs: Sequence[Run]) -> Iterator[list[list[Run]]]:
    """Of each unit its paths, of each path its repeats; solved runs only."""
    solved = [run for run in runs if is_solved(run)]
    for unit in _grouped(solved, ("seed", "permutation", "repeat")).values():
        yield list(_grouped(unit, ("repeat",)).values())


def _grouped(runs: Sequence[Run], apart: Sequence[str]) -> Groups:
    """Runs with the same setting but for some fields."""
    fields = [name for name in Setting.model_fields if name not in apart]
    found: defaultdict[tuple[object, ...], list[Run]] = defaultdict(list)
    for run in runs:
        found[tuple(getattr(run.setting, name) for name in fields)].append(run)
    return dict(found)


def _relative(variance: float) -> float | None:
    return None if math.isnan(variance) else math.expm1(math.sqrt(variance))
