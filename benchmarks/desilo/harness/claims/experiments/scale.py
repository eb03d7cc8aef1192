"""Does what is manageable at small scale break at scale?

Design: firms of 3, 6, 12 and 24 items that share the same three limits, which grow with the items. Each is decided by
the status quo, each function alone, all three side by side, and in the usual order of hand-offs. Firms of different
sizes are different draws of the same recipe; promotions are a whole number, so that the small firms have a third of
their items and the large ones a quarter.

Metrics, by cluster (a seed, with a firm of every size):

B3  `leakage_growth`: what is booked less what is realised, isolated, per cent of the status quo's profit, largest less
    smallest firm: above 0. `leakage_an_item(items)`: in money an item; `leakage_growth_money`: largest less smallest.
    `leakage_at(items)` and `disconnection_at(items)`, what isolated decisions lose against the usual hand-offs, per
    cent of the status quo's profit; `disconnection_growth`: largest less smallest, above 0.
    Control: `on(..., coupling=0.0)`: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from desilo.harness.claims import metrics
from desilo.harness.claims.claim import Metric
from desilo.harness.claims.dials import firm_of, trials_at
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial
from desilo.harness.claims.firm import booked, decide_as
from desilo.harness.claims.metrics import named, on
from desilo.harness.claims.world import Dials
from desilo.harness.experiment import ISOLATED, SEQUENTIAL, STATUS_QUO, subset_name
from desilo.operating.decision import Function

WORLDS = 36
"""At most."""

ITEMS = (3, 6, 12, 24)

SMALLEST, LARGEST = ITEMS[0], ITEMS[-1]


def trials(scale: Scale) -> Sequence[Trial]:
    """A firm of every size; null worlds of the smallest and the largest."""
    coupled = [{"coupling": 1.0, "items": float(items)} for items in ITEMS]
    return trials_at(
        EXPERIMENT.name,
        scale,
        WORLDS,
        [*coupled, *({"coupling": 0.0, "items": float(items)} for items in (SMALLEST, LARGEST))],
    )


def work(trial: Trial) -> Figures:
    """What the functions book and what is realised."""
    problems = firm_of(trial, Dials(items=int(trial.at["items"])))
    alone = {function: subset_name(frozenset({function})) for function in Function}
    results = {name: decide_as(name, problems) for name in (STATUS_QUO, *alone.values(), ISOLATED, SEQUENTIAL)}
    figures: dict[str, float] = {}
    for name, found in results.items():
        figures |= found.figures(name)
    gains = booked(results[STATUS_QUO], {f: results[name] for f, name in alone.items()}, problems.pictures)
    return figures | {f"booked by {function}": money for function, money in gains.items()}


EXPERIMENT = Experiment(
    name="scale",
    question="Does what is manageable at small scale break at scale?",
    method=(
        "Firms of 3 to 24 items under the same shared limits, grown with them. What the functions book is set against "
        "what they realise side by side, for each size."
    ),
    trials=trials,
    work=work,
)


def leakage_at(items: int) -> Metric:
    """What is booked less what is realised, isolated; per cent of the status quo's profit."""
    return on(metrics.leakage, items=float(items))


def leakage_an_item(items: int) -> Metric:
    """The same in money an item."""

    def metric(records: Records) -> pd.Series[float]:
        return on(metrics.leakage_money, items=float(items))(records) / items

    return named(metric, f"leakage an item, {items} items, money")


def disconnection_at(items: int) -> Metric:
    """What isolated decisions lose against the usual hand-offs, per cent of the status quo's profit."""
    return on(metrics.over(SEQUENTIAL, ISOLATED), items=float(items))


def leakage_growth(records: Records) -> pd.Series[float]:
    """Leakage of the largest firm less that of the smallest, per cent of the status quo's profit of each."""
    return leakage_at(LARGEST)(records) - leakage_at(SMALLEST)(records)


def leakage_growth_money(records: Records) -> pd.Series[float]:
    """Leakage an item of the largest firm less that of the smallest, money."""
    return leakage_an_item(LARGEST)(records) - leakage_an_item(SMALLEST)(records)


def disconnection_growth(records: Records) -> pd.Series[float]:
    """What isolated decisions lose against the usual hand-offs, largest less smallest firm; per cent."""
    return disconnection_at(LARGEST)(records) - disconnection_at(SMALLEST)(records)
