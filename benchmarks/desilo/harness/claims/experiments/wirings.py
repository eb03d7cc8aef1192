"""Which wiring of the same three functions realises what?

Design: each generated firm is decided in every wiring of the same blocks, data and solver: all 2 x 2 x 2 sets of
functions side by side; the six orders of hand-offs; teams that plan apart, in three strengths of coordination; all as
one (`joint`); prices and orders as one on yesterday's picture; inventory alone bound to today's service. Every plan is
scored on nature. Each firm also has a null world, in which no decision touches another.

Metrics are those of `desilo.harness.claims.metrics`, on `coupling=1` for tests and `coupling=0` for controls, in per
cent of the status quo's profit if not said otherwise. Where a claim would be confirmed:

A1  `pricing_booked` and `pricing_realised` 2 to 5 (per cent of the margin).
A3  `stock_cut(KEEPING_SERVICE)` 10 to 30 (per cent) with `fill_change(KEEPING_SERVICE)` not below 0 (points); and
    `stock_cut()` of inventory left to itself beside it.
A4  `leakage` above 0, `leaked_share` (per cent of what is booked); `dilution` above 0. Null: `dilution` nothing;
    `leakage` only what yesterday's forecast is off, which is nothing on average.
A5  `interaction("joint")` and `interaction("repair")` above 0; terms by `dividend`, shares by `shapley_share`. Null.
A6  `over("joint", "isolated")` above 0. Null.
A7  `beyond_share(strength, 0.8)` above 0; `capture`, `told`, `revealed_share`, `prices_fail` beside it.
    Null: `over("repair", "isolated")`.
A9  `falling(1, connected=False)`, `falling(2, connected=False)` above 0; connected beside them. Null: demand and
    inventory bring nothing, so pricing alone is worth as much wherever it comes: `falling` nothing.
B4  `spill(function)` below 0 for every function; all of the matrix by `area_effect` and `effect`. Null.

Where prices and orders meet in one model (joint, teams, prices after orders) it is solved to a gap of 0.5%, all else to
0.1%: gains are off by up to that much of the promised profit.
"""

from __future__ import annotations

from collections.abc import Sequence

from desilo.harness.claims.dials import firm_of, trials_at
from desilo.harness.claims.experiment import Experiment, Figures, Scale, Trial
from desilo.harness.claims.firm import compare
from desilo.harness.claims.world import Dials
from desilo.harness.experiment import HANDED_ON, JOINT, PRICING_LAST, SIDE_BY_SIDE

WORLDS = 36
"""At most."""


def trials(scale: Scale) -> Sequence[Trial]:
    """Every firm, and its null world; the quick run leaves out the hand-offs that take as long as joint decisions."""
    hand_offs = {"hand-offs": float(len(HANDED_ON) if scale.name == "full" else len(HANDED_ON) - len(PRICING_LAST))}
    return trials_at(EXPERIMENT.name, scale, WORLDS, [{"coupling": 1.0, **hand_offs}, {"coupling": 0.0, **hand_offs}])


def work(trial: Trial) -> Figures:
    """What every wiring promises and realises."""
    handed_on = [name for name in HANDED_ON if trial.at["hand-offs"] == len(HANDED_ON) or name not in PRICING_LAST]
    return compare(firm_of(trial, Dials()), models=(*SIDE_BY_SIDE, *handed_on, JOINT))


EXPERIMENT = Experiment(
    name="wirings",
    question="Which wiring of the same three functions realises what?",
    method=(
        "Pricing, demand and inventory decide in every set side by side, in every order of hand-offs, coordinated in "
        "three strengths, and as one: the same blocks, data and solver, scored on demand that no planner saw. What a "
        "function books is set against what is realised, function by function and cause by cause."
    ),
    trials=trials,
    work=work,
)
