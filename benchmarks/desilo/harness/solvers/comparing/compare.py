"""Is the solver worse than before? Decided on work that is the same on every machine; the clock stands beside it.

- *Unit*: a problem with its formulation, solver and preset. Its value is the logarithm of (work + shift) after over
  before, averaged over seeds and permutations: across versions these differ by luck (Lodi and Tramontani 2013,
  Performance variability in mixed-integer programming). A problem's value is the mean of its units.
- *Cut runs*: a run that was stopped by a limit would have needed at least the work that it did. A pair with one such
  run counts as far as that work proves a change, else as none; a pair of two says nothing.
- *Interval*: of the mean over problems, which are resampled whole: paired bootstrap (BCa) and Student, the wider of
  both ends. With m metrics that could show something by luck each is taken at 1 - 5%/m (Bonferroni). If there is only
  one problem, its seeds and permutations are the sample, and it is all that is judged.
- *Regression*: the whole interval of the ratio lies above 1 + margin. *Solved*: problems of which fewer runs are solved
  against those of which more are, an exact sign test at the same level. *Size* has no noise: any problem that grows by
  more than the margin is a regression. A wrong answer or a new failure always is.

With identical work nothing can differ. With other seeds something does by luck in at most 5% of all comparisons.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Literal

import numpy as np
from scipy import stats

from desilo.cases.instance import Floats
from desilo.harness.claims.statistics import by_student, cautious, corrected
from desilo.harness.measure import Interval
from desilo.harness.records import Known, Record
from desilo.harness.solvers.comparing.correctness import Matter, contradictions, new_failures
from desilo.harness.solvers.comparing.metrics import DECIDING, METRICS, Kind, Metric, Totals, is_solved, totals
from desilo.harness.solvers.comparing.pairing import UNIT, Pair, Pairing
from desilo.harness.solvers.runs import Ending, Run

MARGIN = 0.05
"""Changes that are not worth a word."""

SEED = 1
"""Of the resampling: the same runs give the same verdict."""


class Verdict(StrEnum):
    """What a comparison comes to."""

    WRONG = "wrong answer or failure"
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    NO_DIFFERENCE = "no difference"


class Change(Record):
    """A metric before and after, over the pairs for which it is known on both sides."""

    metric: str
    kind: Kind
    decides: bool
    before: Known  # shifted geometric mean
    after: Known
    ratio: Known  # of the shifted geometric means
    low: Known  # its interval at the level corrected for multiplicity; not known from one pair
    high: Known
    sample: int  # problems; pairs, if there is one problem
    larger: int  # of them, by what they need or are, beyond rounding
    smaller: int
    verdict: Verdict


class Solved(Record):
    """Problems of which fewer, and of which more, runs are solved than before."""

    lost: tuple[str, ...]
    gained: tuple[str, ...]
    chance: float  # of at least so uneven a split by luck
    verdict: Verdict


class Side(Record):
    """Before or after."""

    name: str
    versions: dict[str, tuple[str, ...]]  # several only where solvers differ
    machines: tuple[str, ...]
    totals: Totals


class Comparison(Record):
    """What a comparison found."""

    schema_version: Literal[1] = 1
    verdict: Verdict
    identical: bool  # the same work, size and endings in every pair
    margin: float
    level: float  # of each interval
    before: Side
    after: Side
    pairs: int
    problems: int
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    matters: tuple[Matter, ...]  # wrong after
    mended: tuple[Matter, ...]  # wrong before
    solved: Solved
    changes: tuple[Change, ...]


def compare(
    pairing: Pairing,
    before: Sequence[Run],
    after: Sequence[Run],
    deciding: Sequence[str] = DECIDING,
    margin: float = MARGIN,
    names: tuple[str, str] = ("before", "after"),
) -> Comparison:
    """Compare runs before with runs after.

    Args:
        pairing: of the runs.
        before, after: all of them; a wrong answer counts with or without a partner.
        deciding: metrics that decide, by name.
        margin: relative change of a mean, or of a size, up to which there is no difference.
        names: of the sides.
    """
    pairs = pairing.pairs
    level = level_for(deciding)
    matters = _matters(pairs, before, after)
    solved = judge_solved(pairs, level)
    changes = [judge(METRICS[name], pairs, level, margin, name in deciding) for name in METRICS]
    verdicts = [solved.verdict, *(change.verdict for change in changes if change.decides)]
    if matters:
        verdict = Verdict.WRONG
    else:
        verdict = next((v for v in (Verdict.REGRESSION, Verdict.IMPROVEMENT) if v in verdicts), Verdict.NO_DIFFERENCE)
    return Comparison(
        verdict=verdict,
        identical=all(map(identical, pairs)),
        margin=margin,
        level=level,
        before=_side(names[0], before, [run for pair in pairs for run in pair.before]),
        after=_side(names[1], after, [run for pair in pairs for run in pair.after]),
        pairs=len(pairs),
        problems=len({pair.problem for pair in pairs}),
        only_before=pairing.only_before,
        only_after=pairing.only_after,
        matters=tuple(matters),
        mended=tuple(_wrong(before, [*before, *after])),
        solved=solved,
        changes=tuple(change for change in changes if change.sample),
    )


def level_for(deciding: Sequence[str]) -> float:
    """Of each interval, such that all hold with 95%: of the noisy metrics that decide, and of what is solved."""
    return corrected(1 + sum(not METRICS[name].kind.exact for name in deciding))


def judge(metric: Metric, pairs: Sequence[Pair], level: float, margin: float, decides: bool = True) -> Change:
    """What became of a metric."""
    known = [(pair, ratio) for pair in pairs if (ratio := log_ratio(metric, pair)) is not None]
    values = sample(known)
    if metric.kind.exact or len(values) < 2 or not values.any():
        mean = float(values.mean()) if len(values) else math.nan
        exact = metric.kind.exact or (len(values) > 0 and not values.any())
        found = Interval(mean, *((mean, mean) if exact else (math.nan, math.nan)), level, len(values))
    else:
        found = cautious(values, level, SEED)
    return Change(
        metric=metric.name,
        kind=metric.kind,
        decides=decides,
        before=_mean(metric, [pair.before for pair, _ in known]),
        after=_mean(metric, [pair.after for pair, _ in known]),
        ratio=math.exp(found.estimate),
        low=math.exp(found.low),
        high=math.exp(found.high),
        sample=len(values),
        larger=int((values > 1e-9).sum()),
        smaller=int((values < -1e-9).sum()),
        verdict=exact_verdict(metric.kind, values, margin) if metric.kind.exact else verdict(found, margin),
    )


def _mean(metric: Metric, sides: Sequence[Sequence[Run]]) -> float | None:
    """Shifted geometric mean, without the last digits that make less than nothing of nothing."""
    known = [mean for runs in sides if (mean := log_mean(metric, runs)) is not None]
    return float(f"{math.exp(np.mean(known)) - metric.shift:.9f}") if known else None


def differs(metric: Metric, pairs: Sequence[Pair], level: float, margin: float) -> bool:
    """Whether `judge` would find a difference; the bootstrap is spared where Student's interval finds none."""
    known = [(pair, ratio) for pair in pairs if (ratio := log_ratio(metric, pair)) is not None]
    values = sample(known)
    if len(values) < 2 or verdict(by_student(values, level), margin) is Verdict.NO_DIFFERENCE:
        return False
    return verdict(cautious(values, level, SEED), margin) is not Verdict.NO_DIFFERENCE


def verdict(found: Interval, margin: float) -> Verdict:
    """By where the interval of the logarithm of a ratio lies; one that is not known lies nowhere."""
    if found.low > math.log1p(margin):
        return Verdict.REGRESSION
    return Verdict.IMPROVEMENT if found.high < -math.log1p(margin) else Verdict.NO_DIFFERENCE


def exact_verdict(kind: Kind, values: Floats, margin: float) -> Verdict:
    """Of logarithms of ratios without noise, (n,) one a problem: of each, or of their mean."""
    if kind is Kind.REDUCTION and len(values):
        values = values.mean(keepdims=True)
    if (values > math.log1p(margin)).any():
        return Verdict.REGRESSION
    return Verdict.IMPROVEMENT if (values < -math.log1p(margin)).any() else Verdict.NO_DIFFERENCE


def sample(known: Sequence[tuple[Pair, float]]) -> Floats:
    """The independent observations: one a problem; of a single problem its pairs."""
    values = by_problem(known)
    return values if len(values) > 1 else np.array([value for _, value in known])


def by_problem(known: Sequence[tuple[Pair, float]]) -> Floats:
    """One value a problem: the mean over its units of the means over their seeds and permutations."""
    units: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for pair, value in known:
        units[pair.problem][pair.unit].append(value)
    return np.array([np.mean([np.mean(values) for values in found.values()]) for found in units.values()])


def log_ratio(metric: Metric, pair: Pair) -> float | None:
    """Logarithm of (metric + shift) after over before, as far as it is proven; None where nothing is."""
    old, new = log_mean(metric, pair.before), log_mean(metric, pair.after)
    if old is None or new is None:
        return None
    if metric.kind is not Kind.WORK:
        return new - old
    old_whole, new_whole = (all(is_solved(run) for run in side) for side in (pair.before, pair.after))
    match old_whole, new_whole:
        case True, True:
            return new - old
        case True, False:
            return max(0.0, new - old)
        case False, True:
            return min(0.0, new - old)
        case _:
            return None


def log_mean(metric: Metric, runs: Iterable[Run]) -> float | None:
    """Mean logarithm of (metric + shift); None where a figure is not known, or is one of a wrong answer."""
    values = [None if run.ending is Ending.WRONG else metric.of(run) for run in runs]
    shifted = [value + metric.shift for value in values if value is not None]
    if len(shifted) < len(values) or min(shifted) <= 0:
        return None
    return float(np.log(shifted).mean())


def judge_solved(pairs: Sequence[Pair], level: float) -> Solved:
    """Whether more problems lost solved runs than gained some, beyond luck."""
    shares: defaultdict[str, float] = defaultdict(float)
    for pair in pairs:
        shares[pair.problem] += _share_solved(pair.after) - _share_solved(pair.before)
    lost = tuple(name for name, change in shares.items() if change < -1e-9)
    gained = tuple(name for name, change in shares.items() if change > 1e-9)
    chance = float(stats.binomtest(len(lost), len(lost) + len(gained)).pvalue) if lost or gained else 1.0
    if chance > 1 - level:
        return Solved(lost=lost, gained=gained, chance=chance, verdict=Verdict.NO_DIFFERENCE)
    worse = len(lost) > len(gained)
    return Solved(lost=lost, gained=gained, chance=chance, verdict=Verdict.REGRESSION if worse else Verdict.IMPROVEMENT)


def _share_solved(runs: Sequence[Run]) -> float:
    return sum(is_solved(run) for run in runs) / len(runs)


def identical(pair: Pair) -> bool:
    """Whether work, size and endings are the same."""

    def facts(runs: Sequence[Run]) -> set[tuple[object, ...]]:
        return {(run.ending, *sorted(run.work.items()), *sorted(run.size.items())) for run in runs}

    return facts(pair.before) == facts(pair.after) and len(facts(pair.before)) == 1


def _matters(pairs: Sequence[Pair], before: Sequence[Run], after: Sequence[Run]) -> list[Matter]:
    found = _wrong(after, [*before, *after])
    return found + [Matter(unit=pair.unit, run=run.key, what=what) for pair, run, what in new_failures(pairs)]


def _wrong(runs: Sequence[Run], known: Sequence[Run]) -> list[Matter]:
    wrong = contradictions(runs, known)
    return [
        Matter(unit=" ".join(str(getattr(run.setting, name)) for name in UNIT), run=run.key, what=wrong[run.key])
        for run in runs
        if run.key in wrong
    ]


def _side(name: str, runs: Sequence[Run], paired: Sequence[Run]) -> Side:
    names = dict.fromkeys(part for run in runs for part in run.versions)
    return Side(
        name=name,
        versions={
            part: tuple(dict.fromkeys(run.versions[part] for run in runs if part in run.versions)) for part in names
        },
        machines=tuple(dict.fromkeys(", ".join(str(part) for part in run.machine.values()) for run in runs)),
        totals=totals(paired),
    )
