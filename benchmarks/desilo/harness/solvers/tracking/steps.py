"""The version at which a metric changed.

For a metric with noise the mean change from each version to the next, over the problems that both have, is summed up to
a level for each version; optimal partitioning (PELT: Killick, Fearnhead and Eckley 2012, Optimal detection of
changepoints with a linear computational cost) splits the levels where that lowers their squared deviation by more than
the penalty 2 s^2 log(versions), s^2 the variance of a level by seeds and permutations (BIC: Yao 1988). That only
proposes: a step is what the interval of `compare` confirms, from all runs of the segment before to all of the segment
after, at the level corrected for every metric and every place where a step could have been. Sizes have no noise: any
change is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import ruptures

from desilo.cases.instance import Floats
from desilo.harness.claims.statistics import corrected
from desilo.harness.records import Known, Record
from desilo.harness.solvers.comparing.compare import MARGIN, Change, Verdict, by_problem, judge, log_ratio
from desilo.harness.solvers.comparing.metrics import METRICS, Kind, Metric
from desilo.harness.solvers.comparing.pairing import Pair, pair
from desilo.harness.solvers.runs import Run
from desilo.harness.solvers.tracking.history import Series

SEARCHED = ("iterations", "nodes", "presolved", "rows", "columns", "nonzeros", "processor")
"""Metrics in which steps are looked for. Of the clocks the processor's feels a busy machine least."""


class Step(Record):
    """A metric is not after a version what it was before."""

    package: str
    metric: str
    kind: Kind
    last: str  # version before the step
    first: str  # version after it
    ratio: Known  # of shifted geometric means, over the problems, segment to segment
    low: Known
    high: Known
    sample: int  # problems; settings, if there is one problem
    larger: int
    smaller: int


def find_steps(series: Series, metrics: Sequence[str] = SEARCHED, margin: float = MARGIN) -> tuple[Step, ...]:
    """The steps of a series, metric by metric.

    Args:
        series: versions that count, each with runs of some problem that its neighbours have too.
        metrics: by name; those of the clock are left out where the machines differ.
        margin: as in `compare`.
    """
    runs = [bench.runs for bench in series.benches]
    if len(runs) < 2:
        return ()
    one_machine = len({repr(sorted(run.machine.items())) for side in runs for run in side}) == 1
    searched = [METRICS[name] for name in metrics if METRICS[name].kind is not Kind.CLOCK or one_machine]
    noisy = [metric for metric in searched if not metric.kind.exact]
    level = corrected(max(1, len(noisy) * (len(runs) - 1)))
    found = []
    for metric in searched:
        places = _changes(metric, runs) if metric.kind is Kind.SIZE else _proposed(metric, runs)
        ends = [0, *places, len(runs)]
        for start, place, end in zip(ends, ends[1:-1], ends[2:], strict=False):
            change = judge(metric, _across(runs[start:place], runs[place:end]), level, margin)
            if metric.kind is Kind.SIZE or change.verdict is not Verdict.NO_DIFFERENCE:
                found.append(_step(series, metric, place, change))
    return tuple(found)


def _step(series: Series, metric: Metric, place: int, change: Change) -> Step:
    return Step(
        package=series.package,
        metric=metric.name,
        kind=metric.kind,
        last=series.versions[place - 1],
        first=series.versions[place],
        **{name: getattr(change, name) for name in ("ratio", "low", "high", "sample", "larger", "smaller")},
    )


def _proposed(metric: Metric, runs: Sequence[Sequence[Run]]) -> list[int]:
    """Places before which a new segment may begin."""
    changes = [_values(metric, old, new) for old, new in pairwise(runs)]
    levels = np.cumsum([0.0, *(float(values.mean()) if len(values) else 0.0 for values in changes)])
    # a change is the difference of two levels; most are no steps, and a step moves its mean, not its variance
    variances = [float(values.var(ddof=1)) / len(values) / 2 for values in changes if len(values) > 1]
    penalty = 2 * float(np.median(variances)) * math.log(len(runs)) if variances else 0.0
    search = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(levels[:, None])
    return [int(place) for place in search.predict(pen=max(penalty, 1e-12))[:-1]]


def _changes(metric: Metric, runs: Sequence[Sequence[Run]]) -> list[int]:
    """Places before which the size of any problem is another."""
    return [
        place
        for place, (old, new) in enumerate(pairwise(runs), start=1)
        if (np.abs(_values(metric, old, new)) > 1e-9).any()
    ]


def _values(metric: Metric, old: Sequence[Run], new: Sequence[Run]) -> Floats:
    known = [(each, log_ratio(metric, each)) for each in pair(old, new).pairs]
    return by_problem([(each, ratio) for each, ratio in known if ratio is not None])


def _across(before: Sequence[Sequence[Run]], after: Sequence[Sequence[Run]]) -> list[Pair]:
    """The same settings before and after, whatever the versions within."""
    old, new = ([run for side in sides for run in side] for sides in (before, after))
    return list(pair(old, new).pairs)
