"""Which wiring realises what, on real sales?

Design: every bundled case, each of its price zones alone, in the last 30 windows of three weeks of its history, one
after the other. Each is planned on what was known at its start: demand is estimated from the weeks before it (and
before the case's hold-out), so that early windows know less, as firms do. The wirings of the experiment `wirings` but
for the three orders of hand-offs in which pricing comes after inventory. Plans are scored on nature, of which what
really happened is part (`desilo.harness.nature`). Prices, sales and wholesale costs are the chain's; stock, capacity,
lead time, order and holding costs are assumed (see each case's assumptions). Zones share their weeks: what counts as
one observation is a window, over all zones.

Metrics are those of `desilo.harness.claims.metrics`, `on` the records of one case (`case="orange-juice"`, `"tuna"`), in
per cent of the status quo's profit if not said otherwise. Where a claim would be confirmed:

A1  `pricing_booked` and `pricing_realised` 2 to 5 (per cent of the margin).
A2  `accuracy_gain` 10 to 20: error on the window's actual sales at its actual prices and features, per cent smaller.
A3  `stock_cut(KEEPING_SERVICE)` 10 to 30 (per cent) with `fill_change(KEEPING_SERVICE)` not below 0 (points).
A4  `leakage` above 0; A5 `interaction("joint")` above 0; B4 `spill(function)` below 0.
A6  `over("joint", "isolated")` above 0. A7 not here: in a zone alone there is one team, with nobody to coordinate.

Control of A2: `looked_ahead` nothing: the estimated picture's error is the same if what comes after a window's start is
hidden from it. Of the others: a real case has no null world; the wirings' null worlds are the control of the measuring.
What joint decisions gain is understated by at most `open_gap("joint")` (per cent of what is promised).

Time limits may bind here, and a plan then depends on the machine: `stopped` says so, `bound` what is proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from desilo.cases.case import Case
from desilo.cases.instance import Floats
from desilo.cases.opening import open_case
from desilo.harness.claims.experiment import Experiment, Figures, Scale, Trial
from desilo.harness.claims.firm import compare
from desilo.harness.experiment import (
    FORECASTERS,
    FULL,
    HANDED_ON,
    JOINT,
    PRICING_LAST,
    SIDE_BY_SIDE,
    prepare,
    sized,
)
from desilo.operating.forecast import Response, estimated, forecast_error
from desilo.solving import Options

CASES = ("orange-juice", "tuna")

QUICK_WINDOWS = 1
"""Of every zone, in the quick run."""

SECONDS, QUICK_SECONDS = 30.0, 8.0
"""For every decision of a window. Most take one; only where prices and orders meet does the limit bind."""

SETTINGS = replace(FULL, ladder_levels=5, starts=1, tightness=(1.0,), tightness_starts=1)
"""Three weeks, 8 scenarios, nature of 200."""

GAP = 2e-3

JOINT_GAP = 1.5e-2

MODELS = (*SIDE_BY_SIDE, *(name for name in HANDED_ON if name not in PRICING_LAST), JOINT)


def trials(scale: Scale) -> Sequence[Trial]:
    """Every window of every zone; a real case has no dial of coupling."""
    full = scale.name == "full"
    windows = scale.windows if full else min(scale.windows, QUICK_WINDOWS)
    seconds = SECONDS if full else QUICK_SECONDS
    found = []
    for name in CASES:
        case = open_case(name)
        for zone in dict.fromkeys(case.zones):
            for start in starts_of(case, windows):
                at: dict[str, float | str] = {"case": name, "zone": zone, "start": start, "seconds": seconds}
                found.append(Trial(EXPERIMENT.name, f"{name}-{zone}-{start}", at))
    return found


def starts_of(case: Case, windows: int) -> Sequence[int]:
    """Calendar periods at which the last windows start, one after the other."""
    end = int(case.periods[-1]) + 1
    return range(end - windows * SETTINGS.horizon, end, SETTINGS.horizon)


def work(trial: Trial) -> Figures:
    """What every wiring promises and realises, and how far the pictures are from what was sold."""
    case = open_case(str(trial.at["case"])).select_zones((str(trial.at["zone"]),))
    case, start = sized(case, SETTINGS), int(trial.at["start"])
    errors = {
        f"held-out error {name}": forecast_error(case, forecaster, start, SETTINGS.horizon).at_actual_prices
        for name, forecaster in {**FORECASTERS, "unseen": _estimated_unseen}.items()
    }
    options = Options(gap=GAP, time_limit=float(trial.at["seconds"]), threads=1, seed=SETTINGS.seed)
    return errors | compare(prepare(case, start, SETTINGS)[1.0], options, JOINT_GAP, MODELS)


def _estimated_unseen(case: Case, start: int) -> Response:
    """The estimated picture of a planner to whom nothing from the start on was told: the same, if none looks ahead."""
    known = case.periods < start

    def told(history: Floats) -> Floats:
        return np.where(known, history, np.nan)

    hidden = replace(case, units=told(case.units), price=told(case.price), feature=told(case.feature))
    return estimated(hidden, start)


EXPERIMENT = Experiment(
    name="windows",
    question="Which wiring realises what, on real sales?",
    method=(
        "Windows of three weeks of real sales, each price zone alone. Demand is estimated from what was known at the "
        "window's start, every wiring decides on it, and the plans are sold to a richer model of demand that has seen "
        "what really happened. Operating figures that no price data tell are assumed. A window over all zones is one "
        "observation."
    ),
    trials=trials,
    work=work,
)
