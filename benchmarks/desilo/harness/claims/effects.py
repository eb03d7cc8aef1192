"""What connecting earns in money and per cent, against every baseline, on the generated firms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from desilo.harness.claims.statistics import LEVEL
from desilo.harness.measure import Interval, paired_bootstrap


@dataclass(frozen=True)
class Effect:
    """What one operating model realises more than another.

    Attributes:
        model: the one.
        over: the other.
        money: mean gain of a firm over the horizon, 95%.
        percent: of the baseline's profit, firm by firm, 95%.
    """

    model: str
    over: str
    money: Interval
    percent: Interval


def effects(
    profits: Mapping[str, pd.Series[float]], models: Sequence[str], baselines: Sequence[str], seed: int
) -> tuple[Effect, ...]:
    """Every model against every baseline but itself.

    Args:
        profits: realised, by operating model, each by cluster.
        models, baselines: names among them.
        seed: of the resampling.
    """
    return tuple(_effect(profits, model, over, seed) for model in models for over in baselines if model != over)


def _effect(profits: Mapping[str, pd.Series[float]], model: str, over: str, seed: int) -> Effect:
    ours, theirs = profits[model], profits[over]
    clusters = list(ours.index)
    nothing = 0 * theirs
    return Effect(
        model,
        over,
        paired_bootstrap(theirs, ours, clusters, seed, LEVEL),
        paired_bootstrap(nothing, 100 * (ours / theirs - 1), clusters, seed, LEVEL),
    )
