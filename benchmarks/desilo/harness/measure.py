"""Statistics of experiments: gains with intervals, leakage, interaction between functions, forecast error."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import fsum
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from desilo.cases.instance import Floats
from desilo.harness.sell import EFFECT_ON_PROFIT

RESAMPLES = 9999
FEW_CLUSTERS = 10
"""With fewer clusters a bootstrap interval is too narrow to be trusted."""

ROUNDING = 1e-6
"""A gain of a smaller share of the profit before it is one of rounding."""

Coalition = frozenset[str]


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval.

    Attributes:
        estimate: the mean.
        low, high: ends of the interval; nan when they are unknown.
        level: confidence, e.g. 0.95.
        clusters: number of independent observations behind it.
    """

    estimate: float
    low: float
    high: float
    level: float
    clusters: int

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign is established at this level; False when the interval is unknown."""
        return self.known and (self.low > 0 or self.high < 0)

    @property
    def note(self) -> str:
        """What a reader must know of the interval; empty if nothing."""
        if not self.known:
            return f"no interval: {self.clusters} independent observation(s)"
        if self.clusters < FEW_CLUSTERS:
            return f"only {self.clusters} independent observations: the interval is likely too narrow"
        return ""

    def __str__(self) -> str:
        if not self.known:
            return f"{self.estimate:.6g} (interval unknown)"
        return f"{self.estimate:.6g} [{self.low:.6g}, {self.high:.6g}]"


def paired_bootstrap(
    values_a: npt.ArrayLike,
    values_b: npt.ArrayLike,
    clusters: Sequence[Hashable],
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Mean gain of b over a, mean(b - a), with a bootstrap interval over clusters.

    Observations of one cluster (an instance or a case) share their data, so whole clusters are resampled, and
    both values of a pair together. BCa interval (Efron 1987) by scipy; percentile where BCa is not defined.

    Args:
        values_a, values_b: (n,) the same observations under a and under b.
        clusters: (n,) the instance or case each observation belongs to.
        seed: of the resampling.
        level: confidence.

    Returns:
        The interval; its ends are nan with a single cluster, because one cluster says nothing about others.

    Raises:
        ValueError: lengths differ, nothing is given, or a value is not finite.
    """
    a, b = np.asarray(values_a, dtype=float), np.asarray(values_b, dtype=float)
    if not (a.ndim == 1 and a.shape == b.shape == (len(clusters),) and a.size):
        raise ValueError(f"need as many values a {a.shape} as b {b.shape} and clusters ({len(clusters)},)")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values must be finite")
    names = list(dict.fromkeys(clusters))
    member = np.array([names.index(cluster) for cluster in clusters])
    total: Floats = np.bincount(member, weights=b - a).astype(float)
    count: Floats = np.bincount(member).astype(float)
    gain = float(total.sum() / count.sum())
    if len(names) == 1:
        return Interval(gain, np.nan, np.nan, level, 1)
    if np.allclose(total / count, gain, rtol=1e-12, atol=0):
        return Interval(gain, gain, gain, level, len(names))

    def mean_gain(total: Floats, count: Floats, axis: int) -> Floats:
        mean: Floats = total.sum(axis=axis) / count.sum(axis=axis)
        return mean

    def interval(method: Literal["BCa", "percentile"]) -> tuple[float, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # seen below, as nan
            found = stats.bootstrap(
                (total, count),
                mean_gain,
                paired=True,
                vectorized=True,
                n_resamples=RESAMPLES,
                confidence_level=level,
                method=method,
                rng=np.random.default_rng(seed),
            )
        return float(found.confidence_interval.low), float(found.confidence_interval.high)

    low, high = interval("BCa")
    if not (np.isfinite(low) and np.isfinite(high)):
        low, high = interval("percentile")
    return Interval(gain, low, high, level, len(names))


@dataclass(frozen=True)
class GainInterval:
    """Gain of model b over model a in sample, when both are MIPs that may have stopped with a gap.

    The optimum of a maximisation lies between its plan's objective and its bound. So

    - the gain of b's plan over a's plan is `plan`, exactly;
    - the gain between the two optima lies in [low, high] = [objective_b - bound_a, bound_b - objective_a];
    - a value known exactly (a plan re-costed, not optimised) has bound = objective.

    The interval is about unfinished search only, not about sampling: it holds for certain on this instance.

    Attributes:
        objective_a, bound_a: profit of a's plan and upper bound on it.
        objective_b, bound_b: the same for b.
    """

    objective_a: float
    bound_a: float
    objective_b: float
    bound_b: float

    @property
    def plan(self) -> float:
        """Gain of the plan found by b over the plan found by a."""
        return self.objective_b - self.objective_a

    @property
    def low(self) -> float:
        """The optimum of b is at least this much above the optimum of a."""
        return self.objective_b - self.bound_a

    @property
    def high(self) -> float:
        """The optimum of b is at most this much above the optimum of a."""
        return self.bound_b - self.objective_a

    @property
    def includes_zero(self) -> bool:
        """Whether the gaps leave open if there is a gain at all."""
        return self.low <= 0 <= self.high


def leakage(booked: Mapping[str, float], realised: float) -> float:
    """Gains that the functions book for themselves, minus the gain that the company realises."""
    return fsum(booked.values()) - realised


def capture(isolated: float, coordinated: float, joint: float) -> float | None:
    """Share of what deciding as one gains that coordination has: (coordinated - isolated) / (joint - isolated).

    Below 0 where coordination earns less than isolated functions, above 1 where it earns more than joint.

    Args:
        isolated, coordinated, joint: profits; an upper bound for joint gives a share of what any plan could gain.

    Returns:
        None where joint gains nothing above rounding, or without end.
    """
    gain = joint - isolated
    if not ROUNDING * abs(isolated) < gain < np.inf:
        return None
    return (coordinated - isolated) / gain


def cost_matrix(base: Mapping[str, float], plans: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """What each function's plan changes in every cause of profit.

    Args:
        base: realised breakdown of the plan compared with (money by cause, costs positive).
        plans: realised breakdown by function.

    Returns:
        A row a function, a column a cause, and `profit`, their sum. Entries are effects on profit: a cost
        that rises is negative.
    """
    effects = {
        function: {cause: sign * (money[cause] - base[cause]) for cause, sign in EFFECT_ON_PROFIT.items()}
        for function, money in plans.items()
    }
    matrix = pd.DataFrame.from_dict(effects, orient="index", columns=list(EFFECT_ON_PROFIT)).astype(float)
    matrix.index.name = "function"
    return matrix.assign(profit=matrix.sum(axis=1))


def harsanyi(values: Mapping[Coalition, float]) -> dict[Coalition, float]:
    """Harsanyi dividends: what each set of functions adds beyond all its subsets (Harsanyi 1959).

    The dividend of a pair is its interaction: the gain of connecting the two beyond the gain of each alone.

    Args:
        values: worth of every non-empty set of the functions; the empty set is worth 0 unless given.

    Raises:
        ValueError: the worth of some set is missing.
    """
    players = frozenset[str]().union(*values)
    subsets = _subsets(players)
    missing = [sorted(subset) for subset in subsets if subset and subset not in values]
    if missing:
        raise ValueError(f"no value for {missing}")
    dividends: dict[Coalition, float] = {}
    for subset in subsets:  # small sets first
        beneath = fsum(dividend for part, dividend in dividends.items() if part < subset)
        dividends[subset] = values.get(subset, 0.0) - beneath
    return dividends


def shapley(values: Mapping[Coalition, float]) -> dict[str, float]:
    """Shapley value of each function: every dividend shared equally by the functions in it (Shapley 1953).

    The values add up to the worth of all functions together, minus that of the empty set.

    Raises:
        ValueError: the worth of some set is missing.
    """
    dividends = harsanyi(values)
    return {
        player: fsum(dividend / len(part) for part, dividend in dividends.items() if player in part)
        for player in sorted(frozenset[str]().union(*values))
    }


def shifted_geometric_mean(values: npt.ArrayLike, shift: float) -> float:
    """exp(mean(log(value + shift))) - shift, the usual mean of solving times.

    Args:
        values: (n,) at least one, each above -shift.
        shift: in the unit of the values; lessens the weight of the small ones.

    Raises:
        ValueError: nothing is given, or a value is not above -shift.
    """
    shifted = np.asarray(values, dtype=float) + shift
    if not (shifted.size and (shifted > 0).all()):
        raise ValueError(f"need at least one value, all above {-shift}")
    return float(stats.gmean(shifted)) - shift


def _subsets(players: Coalition) -> list[Coalition]:
    ordered = sorted(players)
    sizes = range(len(ordered) + 1)
    return [frozenset(subset) for subset in chain.from_iterable(combinations(ordered, size) for size in sizes)]
