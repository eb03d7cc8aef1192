"""What do functions lose that pursue their own scorecards, and how much of it does a protocol save?

With misalignment m from 0 to 1 every function maximises (1 - m) x profit + m x its own scorecard. Each scorecard is
expressed in the figures that the function decides on, so that the formulations and the solver stay the same:

- *pricing* is paid for revenue. (1 - m) (p - c) + m p = (p + m c) - c: the price of a unit sold counts m unit costs
  more, what is paid for it does not change.
- *inventory* is paid for stock turn. It plans for profit less m x 4 x holding cost: stock counts up to five times.
- *demand* is paid for accuracy at yesterday's prices. It gets the level right as before, but how demand responds to
  prices does not enter its scorecard: the response moves from the estimated one (m = 0) to yesterday's (m = 1),
  geometrically, level by level.

Without a protocol the functions decide side by side (`isolated`), or hand their plans on (`sequential`). With one,
teams of items decide on prices and orders within divided limits (`limits`) and at transfer prices (`prices`). Nobody is
better aligned for it: a team's objective departs from profit by as much as those of its functions do together, revenue
and stock turn in full. All are scored on nature with the true figures; plans that do not fit together are put together
with the true figures too, which favours the silos. In a null world only prices are left to be misaligned: all wirings
lose the same, and a protocol saves nothing.

Why it is a fair reading of "despite misalignment": the people are the same, their incentives are the same, and only
what they must agree on beforehand differs. What it leaves out: people who lie to the protocol.

Metrics, in per cent of what the status quo realises, at m = 1 if not said otherwise, with the direction in which the
claim would be confirmed:

A11 the system must work despite misalignment. `loss_without`, `loss_sequential`, `loss_limits`, `loss_prices`: what a
    wiring realises at m = 0 less at m = 1; the first above 0. `saved_by_prices`, `saved_by_limits`: the loss without a
    protocol less the loss with it: above 0. `gain_despite`: what misaligned functions still gain over the status quo
    with transfer prices: above 0; `gain_without`: the same without a protocol. `saved_halfway`: at m = 0.5.
    Control: `null_saved_by_prices`, `null_saved_by_limits`, null worlds: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from desilo.cases.instance import Floats, Instance
from desilo.cases.plan import Plan
from desilo.harness.claims.dials import Ledger, at, firm_of, settings_of, trials_at
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial
from desilo.harness.claims.firm import JOINT_GAP, OPTIONS
from desilo.harness.claims.world import Dials
from desilo.operating.coordination.protocol import coordinate
from desilo.operating.decision import Pictures, Strength
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.picture import bearable_share, sparse_effects
from desilo.operating.wiring import side_by_side

WORLDS = 30
"""At most."""

FIRM = Dials(items=6, periods=3, scenarios=3)

TEAMS = replace(OPTIONS, gap=JOINT_GAP)

TURN = 4.0
"""How many times more a unit of stock costs inventory's scorecard than the firm, at m = 1."""

ALIGNED, HALFWAY, MISALIGNED = 0.0, 0.5, 1.0


def trials(scale: Scale) -> Sequence[Trial]:
    """The dial of misalignment; null worlds at its ends. In the quick run its ends only, and two periods."""
    periods, dial = (3, (ALIGNED, HALFWAY, MISALIGNED)) if scale.name == "full" else (2, (ALIGNED, MISALIGNED))
    settings = [
        *({"misalignment": m, "coupling": 1.0, "periods": periods} for m in dial),
        *({"misalignment": m, "coupling": 0.0, "periods": periods} for m in (ALIGNED, MISALIGNED)),
    ]
    return trials_at(EXPERIMENT.name, scale, WORLDS, settings)


def work(trial: Trial) -> Figures:
    """Realised profit of every wiring, money."""
    setting = settings_of(trial)
    m = setting["misalignment"]
    problems = firm_of(trial, replace(FIRM, periods=int(setting["periods"])))
    ledger = Ledger(problems)
    ledger.enter("status quo", side_by_side(Desk("status-quo", OPTIONS), frozenset(), problems.pictures))

    believed = accurate_today(problems.pictures, m)
    desk = Desk("isolated", OPTIONS)
    level = desk.prices(for_revenue(believed, m))
    assert level is not None, "reference prices keep every rule"
    to_turn = for_turn(believed, m)
    stock = desk.orders(to_turn, reference_levels(believed))
    assert stock.plan is not None, "no order is always a plan"
    ledger.enter("isolated", desk.settle(believed, Plan(level, stock.plan.order)))
    ledger.enter("sequential", Desk("sequential", OPTIONS).orders(to_turn, level))

    found = coordinate(Desk("coordinated", TEAMS), for_turn(for_revenue(believed, m), m))
    assert found is not None, "today's plan can always be carried out"
    for strength in (Strength.LIMITS, Strength.PRICES):
        ledger.enter(strength.value, found.decisions[strength])
    return ledger.figures


def accurate_today(pictures: Pictures, m: float) -> Instance:
    """The estimated picture with a share m of yesterday's response to prices; the same at reference prices."""
    seen = pictures.estimated
    response, yesterdays = _response(seen), _response(pictures.yesterday)
    demand = seen.demand * (yesterdays / response) ** m
    cross = seen.cross_effects
    effects = np.zeros((len(seen.items), len(seen.items), seen.periods))
    effects[cross.item, cross.other] = cross.effect
    share = bearable_share(demand, seen.price, seen.reference_price, effects)
    return replace(seen, demand=demand, cross_effects=sparse_effects(effects * share[:, None, :]))


def _response(seen: Instance) -> Floats:
    """(I, T, K, W) demand at a level over demand at the reference level."""
    at_reference = seen.demand[np.arange(len(seen.items)), :, seen.reference]
    return np.asarray(seen.demand / at_reference[:, :, None, :])


def for_revenue(seen: Instance, m: float) -> Instance:
    """What a unit sold brings, as pricing's scorecard has it; unit costs do not vary over time."""
    return replace(seen, price=seen.price + m * seen.unit_cost[:, :1])


def for_turn(seen: Instance, m: float) -> Instance:
    """What stock costs, as inventory's scorecard has it."""
    return replace(seen, holding_cost=seen.holding_cost * (1 + TURN * m))


EXPERIMENT = Experiment(
    name="scorecards",
    question="What do functions lose that pursue their own scorecards, and how much of it does a protocol save?",
    method=(
        "Pricing is paid for revenue, inventory for stock turn and demand for accuracy at yesterday's prices, in "
        "growing parts of what they pursue. The same misaligned functions decide without a protocol, and in teams "
        "that have agreed on limits and transfer prices; all are scored by what the firm really earns."
    ),
    trials=trials,
    work=work,
)


def loss(records: Records, wiring: str, m: float = MISALIGNED, coupling: float = 1.0) -> pd.Series[float]:
    """What a wiring realises aligned less misaligned, % of the status quo's profit."""
    before, after = (at(records, misalignment=x, coupling=coupling) for x in (ALIGNED, m))
    return 100 * (before[wiring] - after[wiring]) / before["status quo"]


def loss_without(records: Records) -> pd.Series[float]:
    """Side by side, without a protocol; % of the status quo's profit."""
    return loss(records, "isolated")


def loss_sequential(records: Records) -> pd.Series[float]:
    """One after the other, without a protocol; % of the status quo's profit."""
    return loss(records, "sequential")


def loss_limits(records: Records) -> pd.Series[float]:
    """Teams within divided limits; % of the status quo's profit."""
    return loss(records, "limits")


def loss_prices(records: Records) -> pd.Series[float]:
    """Teams at transfer prices; % of the status quo's profit."""
    return loss(records, "prices")


def saved_by_limits(records: Records) -> pd.Series[float]:
    """Loss side by side less loss within divided limits, % of the status quo's profit."""
    return loss(records, "isolated") - loss(records, "limits")


def saved_by_prices(records: Records) -> pd.Series[float]:
    """Loss side by side less loss at transfer prices, % of the status quo's profit."""
    return loss(records, "isolated") - loss(records, "prices")


def saved_beyond_half(records: Records) -> pd.Series[float]:
    """Half the loss side by side less the loss at transfer prices, % of the status quo's profit."""
    return loss_without(records) / 2 - loss_prices(records)


def saved_halfway(records: Records) -> pd.Series[float]:
    """`saved_by_prices` at half the misalignment."""
    return loss(records, "isolated", HALFWAY) - loss(records, "prices", HALFWAY)


def null_saved_by_limits(records: Records) -> pd.Series[float]:
    """`saved_by_limits` where nothing touches."""
    return loss(records, "isolated", coupling=0.0) - loss(records, "limits", coupling=0.0)


def null_saved_by_prices(records: Records) -> pd.Series[float]:
    """`saved_by_prices` where nothing touches."""
    return loss(records, "isolated", coupling=0.0) - loss(records, "prices", coupling=0.0)


def gain(records: Records, wiring: str, m: float = MISALIGNED) -> pd.Series[float]:
    """Realised gain of misaligned functions over the status quo, % of the latter."""
    found = at(records, misalignment=m, coupling=1.0)
    return 100 * (found[wiring] / found["status quo"] - 1)


def gain_despite(records: Records) -> pd.Series[float]:
    """Misaligned, at transfer prices, over the status quo, % of its profit."""
    return gain(records, "prices")


def gain_without(records: Records) -> pd.Series[float]:
    """Misaligned, side by side, over the status quo, % of its profit."""
    return gain(records, "isolated")
