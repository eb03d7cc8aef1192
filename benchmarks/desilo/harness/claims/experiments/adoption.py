"""What does uneven adoption do to what connecting is worth?

Design: in each generated firm half of the items adopt: their prices and orders are decided, connected (`joint`) or side
by side (`isolated`), while the others keep today's prices and today's orders. Adopters are whole groups of substitutes
(`together`) or every second item (`scattered`), so that the line runs through the groups. Each half is tried as well as
the other half: what both bring, each by itself, against what all bring at once needs no assumption about which items
are worth more. Everything is solved to a gap of 0.5% where prices and orders meet, else 0.1%.

Metrics, in per cent of the status quo's profit:

C2  uneven adoption splits an organisation. `shortfall(wiring, spread)`: mean gain of the two halves less half the gain
    of all: below 0; for `joint` and `together` or `scattered`. `splitting(wiring)`: the same gain, scattered less
    together: below 0 if a line through the groups costs more. `share_of_gain(wiring, spread)`: what half the adopters
    bring, per cent of what all bring (50 if nothing is lost).
    Control: `on(..., coupling=0.0)`: nothing.

For functions that adopt one after the other see `wirings` (`marginal`, `falling`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from desilo.cases.instance import Bools
from desilo.harness.claims.claim import Metric
from desilo.harness.claims.dials import Ledger, firm_of, trials_at
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial
from desilo.harness.claims.experiments.capability import isolated_items, joint_items
from desilo.harness.claims.firm import JOINT_GAP, OPTIONS
from desilo.harness.claims.metrics import by_cluster, named, pooled_share
from desilo.harness.claims.world import Dials
from desilo.operating.desk import Desk
from desilo.operating.wiring import side_by_side

WORLDS = 40
"""At most."""

FIRM = Dials()

_item = np.arange(FIRM.items)

ADOPTERS: Mapping[str, Bools] = {
    "together": _item < FIRM.items // 2,
    "together, others": _item >= FIRM.items // 2,
    "scattered": _item % 2 == 0,
    "scattered, others": _item % 2 == 1,
    "all": _item >= 0,
}
"""(I,) who adopts."""

WIRINGS = ("isolated", "joint")


def trials(scale: Scale) -> Sequence[Trial]:
    """Every firm, and its null world."""
    return trials_at(EXPERIMENT.name, scale, WORLDS, [{"coupling": 1.0}, {"coupling": 0.0}])


def work(trial: Trial) -> Figures:
    """Realised profit by wiring and adopters, money."""
    problems = firm_of(trial, FIRM)
    picture = problems.pictures.estimated
    ledger = Ledger(problems)
    plan = ledger.enter("status quo", side_by_side(Desk("status-quo", OPTIONS), frozenset(), problems.pictures))
    today = Desk("status-quo", OPTIONS).settle(picture, plan)
    joint = replace(OPTIONS, gap=JOINT_GAP)
    for name, adopt in ADOPTERS.items():
        ledger.enter(f"isolated, {name}", isolated_items(Desk("isolated", OPTIONS), picture, today, adopt))
        ledger.enter(f"joint, {name}", joint_items(Desk("joint", joint), picture, today, adopt))
    return ledger.figures


EXPERIMENT = Experiment(
    name="adoption",
    question="What does uneven adoption do to what connecting is worth?",
    method=(
        "Half of a firm's items adopt, the others stay as they are today: whole groups of substitutes, or every second "
        "item. What the two halves bring, each by itself, is set against what all bring at once."
    ),
    trials=trials,
    work=work,
)


def gain(records: Records, wiring: str, adopters: str) -> pd.Series[float]:
    """Realised gain over the status quo, per cent of it."""
    found = by_cluster(records)
    return 100 * (found[f"{wiring}, {adopters}"] / found["status quo"] - 1)


def half(records: Records, wiring: str, spread: str) -> pd.Series[float]:
    """Realised gain of one half of the items, mean of both halves; per cent of the status quo's profit."""
    return (gain(records, wiring, spread) + gain(records, wiring, f"{spread}, others")) / 2


def shortfall(wiring: str = "joint", spread: str = "scattered") -> Metric:
    """Mean gain of the two halves less half the gain of all, per cent of the status quo's profit."""

    def metric(records: Records) -> pd.Series[float]:
        return half(records, wiring, spread) - gain(records, wiring, "all") / 2

    return named(metric, f"half the adopters less half of all, {wiring}, {spread}, per cent")


def splitting(wiring: str = "joint") -> Metric:
    """Mean gain of a half, scattered less together; per cent of the status quo's profit."""

    def metric(records: Records) -> pd.Series[float]:
        return half(records, wiring, "scattered") - half(records, wiring, "together")

    return named(metric, f"half the adopters, scattered less together, {wiring}, per cent")


def share_of_gain(wiring: str = "joint", spread: str = "scattered") -> Metric:
    """What a half brings, per cent of what all bring."""

    def metric(records: Records) -> pd.Series[float]:
        return 100 * pooled_share(half(records, wiring, spread), gain(records, wiring, "all"))

    return named(metric, f"half the adopters, {wiring}, {spread}, per cent of what all bring")
