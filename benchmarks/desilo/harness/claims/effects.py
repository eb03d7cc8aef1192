"""What connecting earns in money and per cent, against every baseline."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from desilo.harness.claims.experiment import Records
from desilo.harness.claims.metrics import BEST_SEQUENTIAL, Values, figure
from desilo.harness.claims.statistics import LEVEL
from desilo.harness.experiment import ISOLATED, JOINT
from desilo.harness.measure import Interval, paired_bootstrap
from desilo.operating.decision import OperatingModel, Strength

COMPARED = {BEST_SEQUENTIAL: BEST_SEQUENTIAL, Strength.REPAIR.value: "coordinated", JOINT: JOINT}
"""Operating models that connect, and what they are called."""

BASELINES = (ISOLATED, BEST_SEQUENTIAL, OperatingModel.INVENTORY_ONLY.value, OperatingModel.STATUS_QUO.value)


@dataclass(frozen=True)
class Effect:
    """What one operating model realises more than another.

    Attributes:
        model: the one.
        over: the other.
        money: mean gain of a cluster over its horizon, 95%.
        percent: of the baseline's profit, cluster by cluster, 95%.
    """

    model: str
    over: str
    money: Interval
    percent: Interval


def effects(records: Records, seed: int) -> tuple[Effect, ...]:
    """Every operating model that connects against every baseline but itself.

    Args:
        records: one trial a cluster, with every operating model.
        seed: of the resampling.
    """
    every = pd.DataFrame({name: figure(records, name, "profit") for name in (*COMPARED, *BASELINES)}).dropna()
    profits = {name: every[name] for name in every}
    return tuple(
        _effect(profits[model], profits[over], COMPARED[model], over, seed)
        for model in COMPARED
        for over in BASELINES
        if model != over
    )


def _effect(ours: Values, theirs: Values, model: str, over: str, seed: int) -> Effect:
    clusters = list(ours.index)
    money = paired_bootstrap(theirs, ours, clusters, seed, LEVEL)
    percent = paired_bootstrap(0 * theirs, 100 * (ours / theirs - 1), clusters, seed, LEVEL)
    return Effect(model, over, money, percent)
