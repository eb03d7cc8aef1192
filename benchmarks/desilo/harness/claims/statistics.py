"""From one value a cluster to a mean that can be judged: intervals, multiplicity, power.

- *Interval*: 95%, by a bootstrap over clusters (worlds, windows, firms), BCa.
- *Multiplicity*: a test is judged by a wider interval, at the level 1 - 5%/m with m the number of all tests in the
  register (Bonferroni): the chance that any of them misses its mean is at most 5%, and so is the chance that anything
  in the table is found by luck. So far out a bootstrap from some dozens of clusters is too short, and Student's
  interval too where values are skewed: what is judged is the hull of both. A control must lie within its tolerance with
  its 95% interval (an equivalence test); to widen it would only make it fail for want of data.
- *Power*: what a mean must be away from a bound to be told from it in 80% of all samples,
  (z(1 - a/2) + z(80%)) x deviation / sqrt(clusters), with a = 5%/m; Normal approximation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from desilo.cases.instance import Floats
from desilo.harness.measure import Interval, paired_bootstrap

LEVEL = 0.95
POWER = 0.80

MOST_UNKNOWN = 0.05
"""Share of clusters without a value up to which the others are taken to speak for all."""

LEAST_CLUSTERS = 30
"""Behind every interval."""


@dataclass(frozen=True)
class Measured:
    """A mean over clusters.

    Attributes:
        shown: its 95% interval.
        judged: the interval at the level corrected for multiplicity.
        unknown: clusters without a value.
        detectable: distance from a bound that would be told apart with 80% power; nan when unknown.
    """

    shown: Interval
    judged: Interval
    unknown: int
    detectable: float


def corrected(tests: int) -> float:
    """Level of each of some intervals at which all hold with 95%."""
    return 1 - (1 - LEVEL) / tests


def measure(values: pd.Series[float], tests: int, seed: int) -> Measured:
    """The mean of a metric, to be shown and to be judged.

    Args:
        values: one a cluster; nan where it is not known. Too many unknown ones leave no interval.
        tests: judged together.
        seed: of the resampling.
    """
    level = corrected(tests)
    known = values.dropna()
    unknown = len(values) - len(known)
    if len(known) < 2 or unknown > MOST_UNKNOWN * len(values):
        nothing = Interval(float(known.mean()) if len(known) else np.nan, np.nan, np.nan, LEVEL, len(known))
        return Measured(nothing, nothing, unknown, np.nan)
    found: Floats = np.asarray(known, dtype=np.float64)
    shown = paired_bootstrap(np.zeros_like(found), found, list(known.index), seed, LEVEL)
    wide = cautious(found, level, seed)
    judged = Interval(wide.estimate, min(shown.low, wide.low), max(shown.high, wide.high), level, len(found))
    return Measured(shown, judged, unknown, detectable(found, level))


def cautious(values: Floats, level: float, seed: int) -> Interval:
    """The hull of the bootstrap's interval of a mean and Student's.

    Args:
        values: (n,) one a cluster, at least two.
        level: confidence of either.
        seed: of the resampling.
    """
    found = paired_bootstrap(np.zeros_like(values), values, range(len(values)), seed, level)
    student = by_student(values, level)
    low, high = min(found.low, student.low), max(found.high, student.high)
    return Interval(found.estimate, low, high, level, len(values))


def by_student(values: Floats, level: float) -> Interval:
    """Student's interval of the mean of at least two values, one a cluster."""
    mean, count = float(values.mean()), len(values)
    reach = float(stats.t.ppf((1 + level) / 2, count - 1)) * float(values.std(ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - reach, mean + reach, level, count)


def detectable(values: Floats, level: float) -> float:
    """Distance of the mean from a bound that this many clusters tell apart with 80% power."""
    return _deviations(level) * float(values.std(ddof=1)) / math.sqrt(len(values))


def clusters_needed(effect: float, tests: int) -> int:
    """How many clusters tell apart an effect, in standard deviations between clusters, with 80% power."""
    return math.ceil((_deviations(corrected(tests)) / effect) ** 2)


def _deviations(level: float) -> float:
    return float(stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(POWER))
