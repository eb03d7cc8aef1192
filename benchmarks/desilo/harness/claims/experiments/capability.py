"""What do better forecasts, more price points and more optimised items bring, to isolated and to connected decisions?

Design: the same worlds with the forecast error of the estimated picture from naive (1, yesterday's) to perfect (0);
with 3 price points, every second one, instead of 5; and with a part of the items optimised, the others left as today.
In each, the same functions decide side by side (`isolated`), one after the other (`sequential`) and as one (`joint`,
to a gap of 0.5%), and are scored on nature. The status quo is the same at every capability.

Metrics, all in per cent of what the status quo realises, with the direction in which a claim would be confirmed:

B2  better capability accelerates creation and destruction alike. Creation: `connected_acceleration`, the realised gain
    of joint decisions with perfect less with naive forecasts: above 0. Destruction: `destruction_acceleration`, what
    isolated decisions leave on the table against joint ones, perfect less naive: above 0. In the strict reading
    isolated decisions destroy value outright: `isolated_acceleration` below 0. Slopes over the whole dial:
    `connected_slope`, `isolated_slope`, `destruction_slope`. `isolated_harm`: the most that isolated decisions lose
    against the status quo anywhere on the dial, 0 where they never do.
    Control: `null_destruction_acceleration`, null worlds: nothing.
A6  the difference is in the connection. `wiring_effect`: joint less isolated with the same blocks: above 0.
    `forecast_effect`: isolated, error 0.5 to 0.25. `ladder_effect`: isolated, 3 to 5 price points.
    `wiring_over_blocks`: the wiring's effect less that of the better of the two swaps, the same one for all worlds:
    above 0. `wiring_over_perfect_forecast`: the same against error 0.5 to 0, which nobody can have.
    Control: `null_wiring_effect`, null worlds: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from desilo.cases.instance import Bools, Instance
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Freedom
from desilo.harness.claims.dials import Ledger, at, firm_of, settings_of, slope, trials_at
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial
from desilo.harness.claims.firm import JOINT_GAP, OPTIONS
from desilo.harness.claims.world import YESTERDAY, Dials
from desilo.operating.decision import Decision, Function
from desilo.operating.desk import Desk
from desilo.operating.search import search
from desilo.operating.wiring import HAND_OFFS, as_one, hand_on, side_by_side

WORLDS = 30
"""At most."""

FIRM = Dials(items=3, periods=4, scenarios=3)

JOINT = replace(OPTIONS, gap=JOINT_GAP)

ERRORS = (YESTERDAY, 0.75, 0.5, 0.25, 0.0)
"""From naive to perfect."""

NAIVE, ESTIMATED, BETTER, PERFECT = YESTERDAY, 0.5, 0.25, 0.0

FEW, MANY = 3, 5
"""Price points."""

ALL = FIRM.items
"""Items optimised; the first so many."""


def trials(scale: Scale) -> Sequence[Trial]:
    """The dials one at a time from the firm as it is; null worlds at the errors between which claims are judged.

    The quick run has two periods, and leaves out what no claim is judged by.
    """
    full = scale.name == "full"
    plain = {"error": ESTIMATED, "levels": MANY, "optimised": ALL, "coupling": 1.0, "periods": 4 if full else 2}
    errors = ERRORS if full else (NAIVE, ESTIMATED, BETTER, PERFECT)
    settings = [
        *(plain | {"error": error} for error in errors),
        plain | {"levels": FEW},
        *(plain | {"error": error, "coupling": 0.0} for error in (NAIVE, ESTIMATED, PERFECT)),
    ]
    if full:
        settings += [plain | {"optimised": some} for some in range(1, ALL)]
    return trials_at(EXPERIMENT.name, scale, WORLDS, settings)


def work(trial: Trial) -> Figures:
    """Realised profit of every wiring, money."""
    setting = settings_of(trial)
    dials = replace(FIRM, periods=int(setting["periods"]), error=setting["error"], levels=int(setting["levels"]))
    problems = firm_of(trial, dials)
    pictures, picture = problems.pictures, problems.pictures.estimated
    ledger = Ledger(problems)
    today = ledger.enter("status quo", side_by_side(Desk("status-quo", OPTIONS), frozenset(), pictures))
    if setting["optimised"] < FIRM.items:
        optimised = np.arange(FIRM.items) < setting["optimised"]
        settled = Desk("status-quo", OPTIONS).settle(picture, today)
        ledger.enter("isolated", isolated_items(Desk("isolated", OPTIONS), picture, settled, optimised))
        ledger.enter("joint", joint_items(Desk("joint", JOINT), picture, settled, optimised))
        return ledger.figures
    ledger.enter("isolated", side_by_side(Desk("isolated", OPTIONS), frozenset(Function), pictures))
    ledger.enter("sequential", hand_on(Desk("sequential", OPTIONS), HAND_OFFS[0], pictures))
    ledger.enter("joint", as_one(Desk("joint", JOINT), picture))
    return ledger.figures


def isolated_items(desk: Desk, picture: Instance, today: Decision, optimised: Bools) -> Decision:
    """Pricing and inventory side by side, each for the optimised items (I,) only."""
    assert today.plan is not None
    level, stock = desk.prices(picture), desk.optimise(picture, _stock_of(picture, today.plan, optimised), today.plan)
    assert level is not None
    if stock.plan is None:
        return stock
    return desk.settle(picture, Plan(np.where(optimised[:, None], level, today.plan.level), stock.plan.order))


def _stock_of(picture: Instance, today: Plan, optimised: Bools) -> Freedom:
    return only_items(picture, today, optimised).at_levels(today.level)


def joint_items(desk: Desk, picture: Instance, today: Decision, optimised: Bools) -> Decision:
    """Prices and orders of the optimised items (I,) as one."""
    assert today.plan is not None
    return search(desk, picture, only_items(picture, today.plan, optimised), today, "joint")


def only_items(picture: Instance, today: Plan, optimised: Bools) -> Freedom:
    """Everything is open for the optimised items (I,), nothing for the others."""
    full = Freedom.full(picture)
    fixed = full.at_levels(today.level).at_orders(today.order)
    own = optimised[:, None]
    return Freedom(
        levels=np.where(own[..., None], full.levels, fixed.levels),
        order_lower=np.where(own, full.order_lower, fixed.order_lower),
        order_upper=np.where(own, full.order_upper, fixed.order_upper),
        setup=np.where(own, full.setup, fixed.setup),
    )


EXPERIMENT = Experiment(
    name="capability",
    question="What does better capability bring, to isolated and to connected decisions?",
    method=(
        "The same firms with forecasts from naive to perfect, with fewer price points and with a part of the items "
        "optimised; every time the same functions decide side by side, one after the other and as one. So the effect "
        "of a better block and the effect of the wiring are measured on the same decisions."
    ),
    trials=trials,
    work=work,
)


def gain(records: Records, wiring: str, **dials: float) -> pd.Series[float]:
    """Realised gain of a wiring over the status quo, % of the latter."""
    setting = {"error": ESTIMATED, "levels": MANY, "optimised": ALL, "coupling": 1.0} | dials
    found = at(records, **setting)
    return 100 * (found[wiring] / found["status quo"] - 1)


def errors_of(records: Records) -> list[float]:
    """The errors on record, from naive to perfect."""
    return [error for error in ERRORS if (records["error"] == error).any()]


def wiring_effect(records: Records, **dials: float) -> pd.Series[float]:
    """Joint less isolated, % of the status quo's profit."""
    return gain(records, "joint", **dials) - gain(records, "isolated", **dials)


def forecast_effect(records: Records, better: float = BETTER) -> pd.Series[float]:
    """A better forecast in the isolated wiring, % of the status quo's profit."""
    return gain(records, "isolated", error=better) - gain(records, "isolated")


def ladder_effect(records: Records) -> pd.Series[float]:
    """More price points in the isolated wiring, % of the status quo's profit."""
    return gain(records, "isolated") - gain(records, "isolated", levels=FEW)


def wiring_over_blocks(records: Records) -> pd.Series[float]:
    """The wiring's effect less that of the better block swap, the same for all worlds; % of the status quo's profit."""
    return wiring_effect(records) - max(forecast_effect(records), ladder_effect(records), key=pd.Series.mean)


def wiring_over_perfect_forecast(records: Records) -> pd.Series[float]:
    """The wiring's effect less that of knowing every expectation; % of the status quo's profit."""
    return wiring_effect(records) - forecast_effect(records, PERFECT)


def null_wiring_effect(records: Records) -> pd.Series[float]:
    """Joint less isolated where nothing touches, % of the status quo's profit."""
    return wiring_effect(records, coupling=0.0)


def connected_acceleration(records: Records) -> pd.Series[float]:
    """Gain of joint decisions, perfect less naive forecasts; % of the status quo's profit."""
    return gain(records, "joint", error=PERFECT) - gain(records, "joint", error=NAIVE)


def isolated_acceleration(records: Records) -> pd.Series[float]:
    """Gain of isolated decisions, perfect less naive forecasts; % of the status quo's profit."""
    return gain(records, "isolated", error=PERFECT) - gain(records, "isolated", error=NAIVE)


def destruction_acceleration(records: Records, coupling: float = 1.0) -> pd.Series[float]:
    """What isolated leaves on the table against joint, perfect less naive; % of the status quo's profit."""
    left = [wiring_effect(records, error=error, coupling=coupling) for error in (NAIVE, PERFECT)]
    return left[1] - left[0]


def null_destruction_acceleration(records: Records) -> pd.Series[float]:
    """`destruction_acceleration` where nothing touches."""
    return destruction_acceleration(records, coupling=0.0)


def connected_slope(records: Records) -> pd.Series[float]:
    """Gain of joint decisions over capability, from naive (0) to perfect (1); % of the status quo's profit."""
    errors = errors_of(records)
    return slope([gain(records, "joint", error=error) for error in errors], [YESTERDAY - error for error in errors])


def isolated_slope(records: Records) -> pd.Series[float]:
    """Gain of isolated decisions over capability, from naive (0) to perfect (1); % of the status quo's profit."""
    errors = errors_of(records)
    return slope([gain(records, "isolated", error=error) for error in errors], [YESTERDAY - error for error in errors])


def destruction_slope(records: Records) -> pd.Series[float]:
    """What isolated leaves on the table over capability, naive (0) to perfect (1); % of the status quo's profit."""
    return connected_slope(records) - isolated_slope(records)


def isolated_harm(records: Records) -> pd.Series[float]:
    """The most that isolated decisions lose against the status quo at any error; % of its profit, 0 or more."""
    gains = pd.concat([gain(records, "isolated", error=error) for error in errors_of(records)], axis=1)
    return (-gains.min(axis=1)).clip(lower=0)
