"""What does it cost to see to shared limits after plans are made, rather than before?

Design: the same firms, functions and shared limits (storage, spend, promotions), in three wirings; only when the limits
are known differs.

- *afterwards*: everybody plans as if there were no shared limits. Then the plans are put together, and what breaks a
  limit is cut so that it costs least: promotions go back to the reference price in periods with too many of them, and
  orders are cut. One model that knows everything decides what: the best repair there is.
- *beforehand*: the limits are known to whoever plans. `isolated`: pricing keeps to the promotions, inventory to storage
  and spend, side by side. `sequential`: the same, inventory knowing the prices. `teams`: every limit is divided among
  teams that decide on prices and orders of their own items (`coordinated`, strength `limits`); afterwards, the same
  teams with nothing divided.

The tightness of the limits is the coupling, 1 and above, where nothing else changes with it.

Metrics, in per cent of what the status quo realises with the same limits, at tightness 1.5 if not said otherwise, with
the direction in which the claim would be confirmed:

A10 trade-offs are resolved too late. `isolated_beforehand`, `sequential_beforehand`, `teams_beforehand`: realised
    profit with the limits known beforehand less with the same limits enforced afterwards: above 0. The sequential one
    is the plainest: nothing but the time differs, and both plans are made by the same two decisions. Side by side, the
    repair is the first to know prices and orders together, which may be worth more than time. `sequential_trend` and
    `teams_trend`: the same at tightness 2 less at 1: above 0. `isolated_cut`, `sequential_cut`, `teams_cut`: share of
    the units ordered that the repair takes away, per cent.
    Control: `null_sequential_beforehand`, `null_teams_beforehand`, null worlds, which have no limits: nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from desilo.cases.instance import Activity, Bools, Instance
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Freedom
from desilo.harness.claims.dials import Ledger, at, firm_of, settings_of, trials_at
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial
from desilo.harness.claims.firm import JOINT_GAP, OPTIONS
from desilo.harness.claims.world import Dials
from desilo.operating.deciding import coordinated
from desilo.operating.decision import Decision, Function, Pictures, Strength
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.wiring import HAND_OFFS, hand_on, side_by_side

WORLDS = 30
"""At most."""

FIRM = Dials(items=6, periods=3, scenarios=3)

LOOSE, TIGHT, TIGHTEST = 1.0, 1.5, 2.0

WIRINGS: Mapping[str, Callable[[Desk, Instance], Decision]] = {
    "isolated": lambda desk, picture: side_by_side(desk, frozenset(Function), Pictures.same(picture)),
    "sequential": lambda desk, picture: hand_on(desk, HAND_OFFS[0], Pictures.same(picture)),
    "teams": lambda desk, picture: coordinated(_to_joint_gap(desk), picture, Strength.LIMITS),
}
"""Each decides on a picture, with limits or without."""


def _to_joint_gap(desk: Desk) -> Desk:
    return Desk(desk.model, replace(desk.options, gap=JOINT_GAP))


def trials(scale: Scale) -> Sequence[Trial]:
    """Every tightness, and the null world; in the quick run one tightness and two periods."""
    periods, tightness = (3, (LOOSE, TIGHT, TIGHTEST)) if scale.name == "full" else (2, (TIGHT,))
    settings = [{"coupling": coupling, "periods": periods} for coupling in (*tightness, 0.0)]
    return trials_at(EXPERIMENT.name, scale, WORLDS, settings)


def work(trial: Trial) -> Figures:
    """By wiring, what is realised with limits known beforehand and enforced afterwards, money; and units ordered."""
    problems = firm_of(trial, replace(FIRM, periods=int(settings_of(trial)["periods"])))
    picture = problems.pictures.estimated
    ledger = Ledger(problems)
    ledger.enter("status quo", side_by_side(Desk("status-quo", OPTIONS), frozenset(), problems.pictures))
    for name, decide in WIRINGS.items():
        ledger.enter(f"{name} beforehand", decide(Desk(name, OPTIONS), picture))
        unlimited = decide(Desk(name, OPTIONS), replace(picture, resources=()))
        wanted = ledger.enter(f"{name} unlimited", unlimited)
        kept = ledger.enter(f"{name} afterwards", enforce(Desk(name, OPTIONS), picture, wanted))
        ledger.figures[f"{name} wanted"] = float(wanted.order.sum())
        ledger.figures[f"{name} kept"] = float(kept.order.sum())
    return ledger.figures


def enforce(desk: Desk, picture: Instance, plan: Plan) -> Decision:
    """A plan made without the shared limits, cut so that it keeps them, by the cut that costs least.

    Promotions may be undone, to the reference price, in periods in which there are too many; orders may be cut.
    """
    too_many = _promoted(picture, plan) & _over(picture, plan)
    if not too_many.any():
        return desk.settle(picture, plan)
    full = Freedom.full(picture)
    undone = full.at_levels(reference_levels(picture)).levels & too_many[:, :, None]
    levels = full.at_levels(plan.level).levels | undone
    return replace(
        desk.optimise(picture, replace(full.cutting(plan.order), levels=levels), function="repair"), repaired=True
    )


def _promoted(picture: Instance, plan: Plan) -> Bools:
    """(I, T) whether an item is on promotion."""
    promoted: Bools = picture.promo[np.arange(len(picture.items))[:, None], plan.level]
    return promoted


def _over(picture: Instance, plan: Plan) -> Bools:
    """(T,) whether more is on promotion than may be."""
    promoted = _promoted(picture, plan)
    over = np.zeros(picture.periods, dtype=bool)
    for resource in picture.resources:
        if set(resource.use) == {Activity.PROMO}:
            over |= resource.use[Activity.PROMO] @ promoted > resource.capacity
    return over


EXPERIMENT = Experiment(
    name="repair",
    question="What does it cost to see to shared limits after plans are made, rather than before?",
    method=(
        "The same functions plan for the same firms with the same shared limits: once knowing them, once as if there "
        "were none, their plans then cut to the limits in the way that costs least. The tighter the limits, the more "
        "there is to cut."
    ),
    trials=trials,
    work=work,
)


def beforehand(records: Records, wiring: str, coupling: float = TIGHT) -> pd.Series[float]:
    """Realised profit with limits known beforehand less enforced afterwards, % of the status quo's."""
    found = at(records, coupling=coupling)
    return 100 * (found[f"{wiring} beforehand"] - found[f"{wiring} afterwards"]) / found["status quo"]


def isolated_beforehand(records: Records) -> pd.Series[float]:
    """Side by side, limits known beforehand less enforced afterwards, % of the status quo's profit."""
    return beforehand(records, "isolated")


def sequential_beforehand(records: Records) -> pd.Series[float]:
    """One after the other, limits known beforehand less enforced afterwards, % of the status quo's profit."""
    return beforehand(records, "sequential")


def teams_beforehand(records: Records) -> pd.Series[float]:
    """Teams, limits divided beforehand less enforced afterwards, % of the status quo's profit."""
    return beforehand(records, "teams")


def sequential_trend(records: Records) -> pd.Series[float]:
    """`sequential_beforehand` with limits twice as tight, less with limits as they are."""
    return beforehand(records, "sequential", TIGHTEST) - beforehand(records, "sequential", LOOSE)


def teams_trend(records: Records) -> pd.Series[float]:
    """`teams_beforehand` with limits twice as tight, less with limits as they are."""
    return beforehand(records, "teams", TIGHTEST) - beforehand(records, "teams", LOOSE)


def null_sequential_beforehand(records: Records) -> pd.Series[float]:
    """`sequential_beforehand` where there are no limits."""
    return beforehand(records, "sequential", 0.0)


def null_teams_beforehand(records: Records) -> pd.Series[float]:
    """`teams_beforehand` where there are no limits."""
    return beforehand(records, "teams", 0.0)


def cut(records: Records, wiring: str, coupling: float = TIGHT) -> pd.Series[float]:
    """Share of the units ordered that the repair takes away, %."""
    found = at(records, coupling=coupling)
    return 100 * (1 - found[f"{wiring} kept"] / found[f"{wiring} wanted"])


def isolated_cut(records: Records) -> pd.Series[float]:
    """Side by side, share of the units ordered that the repair takes away, %."""
    return cut(records, "isolated")


def sequential_cut(records: Records) -> pd.Series[float]:
    """One after the other, share of the units ordered that the repair takes away, %."""
    return cut(records, "sequential")


def teams_cut(records: Records) -> pd.Series[float]:
    """Teams, share of the units ordered that the repair takes away, %."""
    return cut(records, "teams")
