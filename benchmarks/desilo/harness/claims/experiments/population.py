"""Do returns concentrate in few firms, and is it coordination that makes them?

Design: a population of generated firms. Each draws by itself, and independently of everything else: how its functions
are wired (not optimised at all, side by side, one after the other, coordinated, as one), how tightly its decisions are
coupled, and how good its forecast is. Its return is what it realises more than its status quo, in money. In the placebo
population the same firms have drawn the same, but nobody coordinates: who optimises at all decides side by side,
whatever the wiring drawn.

Metrics, one value a firm. A figure of a whole population, such as the share of the top fifth, has no value a firm:
what is given are its jackknife pseudo-values (Tukey 1958), whose mean is the figure with its bias removed and whose
spread is that of its estimate.

B1  `top_share`: of all returns, per cent, that the best fifth of the firms take: 64 to 84 (article: 74). `multiple`:
    what a firm of the top fifth earns over one of the rest: 5 to 10 (article: 7.2). `top_share_over_placebo`: points
    above the placebo population's: above 0. `explained("coordination")`, `("coupling")`, `("error")`: per cent of the
    variance of returns that a factor explains by itself; `coordination_over_capability`: the first less the last: above
    0. Losses count as negative returns, so that a top fifth may take more than all; `top_share_of_gains` counts them as
    nothing. The curve itself: `lorenz`.
    Control: `placebo_explained`, what the drawn wiring explains where nobody follows it: nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from desilo.cases.instance import Floats
from desilo.harness.claims.claim import Metric
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial
from desilo.harness.claims.firm import JOINT_GAP, OPTIONS, decide_apart, decide_as
from desilo.harness.claims.metrics import named
from desilo.harness.claims.world import Dials, world
from desilo.harness.experiment import COORDINATED, ISOLATED, JOINT, SEQUENTIAL, STATUS_QUO, margin_planned
from desilo.operating.decision import Strength
from desilo.operating.desk import reference_levels

COORDINATION = {
    "none": STATUS_QUO,
    "side by side": ISOLATED,
    "handed on": SEQUENTIAL,
    "coordinated": COORDINATED,
    "as one": JOINT,
}
"""How a firm's functions can be wired."""

COUPLING = (0.0, 0.5, 1.0, 1.5)

ERROR = (0.0, 0.25, 0.5, 0.75, 1.0)

FIRST = 1_000_000
"""Firms are other worlds than those of the other experiments."""

DRAWS = 2
"""Marks the random draws of what a firm is like."""

TOP = 0.2


def trials(scale: Scale) -> Sequence[Trial]:
    """One a firm."""
    return [_firm(FIRST + scale.seed + k, scale.coupling) for k in range(scale.firms)]


def _firm(number: int, touching: float) -> Trial:
    rng = np.random.default_rng([DRAWS, number])
    coordination = list(COORDINATION)[rng.integers(len(COORDINATION))]
    coupling, error = COUPLING[rng.integers(len(COUPLING))], ERROR[rng.integers(len(ERROR))]
    at: dict[str, float | str] = {
        "coordination": coordination,
        "coupling": coupling,
        "error": error,
        "coupled": coupling * touching,
    }
    return Trial(EXPERIMENT.name, f"firm-{number}", at)


def work(trial: Trial) -> Figures:
    """What the firm realises as it is wired, and as an isolated one."""
    dials = Dials(coupling=float(trial.at["coupled"]), error=float(trial.at["error"]))
    problems = world(int(trial.cluster.removeprefix("firm-")), dials)
    wiring = COORDINATION[str(trial.at["coordination"])]
    today, isolated = (decide_as(name, problems) for name in (STATUS_QUO, ISOLATED))
    # where decisions hardly touch, most of the profit is stock that is there anyway: the gap is one of the margin
    yesterday = problems.pictures.yesterday
    gap = JOINT_GAP * min(1.0, margin_planned(yesterday, reference_levels(yesterday)) / today.objective)
    if wiring == COORDINATED:
        own = decide_apart(problems, replace(OPTIONS, gap=gap)).results[Strength.REPAIR]
    else:
        own = {STATUS_QUO: today, ISOLATED: isolated}.get(wiring) or decide_as(wiring, problems, joint_gap=gap)
    return {
        "status quo": today.profit,
        "own": own.profit,
        "isolated": isolated.profit,
        "stopped": float(max(found.stopped for found in (today, isolated, own))),
    }


EXPERIMENT = Experiment(
    name="population",
    question="Do returns concentrate in few firms, and is it coordination that makes them?",
    method=(
        "Firms that differ in how their functions are wired, how tightly their decisions are coupled and how good "
        "their forecasts are, all drawn independently. Returns are set against a placebo population: the same firms, "
        "but nobody coordinates."
    ),
    trials=trials,
    work=work,
)


def returns(records: Records, placebo: bool = False) -> Floats:
    """(n,) what firms realise more than their status quo, money: nothing for who does not optimise, placebo or not."""
    own = records["own"]
    if placebo:
        own = own.where(records["coordination"] == "none", records["isolated"])
    return np.asarray(own - records["status quo"], dtype=np.float64)


def lorenz(gains: Floats) -> tuple[Floats, Floats]:
    """(n + 1,) share of firms, poorest first, and (n + 1,) the share of all returns they have.

    Args:
        gains: (n,) returns, of which more are gained than lost.
    """
    ranked = np.sort(gains)
    return np.linspace(0, 1, len(gains) + 1), np.concatenate([[0.0], np.cumsum(ranked)]) / ranked.sum()


def share_of_top(gains: Floats) -> float:
    """Per cent of all returns (n,) that the best fifth of the firms have; nan where there are none."""
    if gains.sum() <= 0:
        return float("nan")
    return 100 * (1 - float(np.interp(1 - TOP, *lorenz(gains))))


def top_share(records: Records) -> pd.Series[float]:
    """Share of all returns that the best fifth take, per cent; pseudo-values."""
    return _pseudo_values(records, lambda some: share_of_top(returns(some)))


def top_share_of_gains(records: Records) -> pd.Series[float]:
    """The same, losses counted as nothing."""
    return _pseudo_values(records, lambda some: share_of_top(np.maximum(returns(some), 0)))


def placebo_top_share_of_gains(records: Records) -> pd.Series[float]:
    """The same where nobody coordinates, losses counted as nothing."""
    return _pseudo_values(records, lambda some: share_of_top(np.maximum(returns(some, placebo=True), 0)))


def top_share_over_placebo(records: Records) -> pd.Series[float]:
    """Share of the top fifth, points above the placebo population's, losses counted as nothing in both.

    Where nobody coordinates the returns may add up to nearly nothing or to a loss, of which there is no share.
    """
    return top_share_of_gains(records) - placebo_top_share_of_gains(records)


def multiple(records: Records) -> pd.Series[float]:
    """What a firm of the top fifth earns over one of the rest, times; pseudo-values."""
    return _pseudo_values(records, lambda some: _multiple(share_of_top(returns(some))))


def explained(factor: str, placebo: bool = False) -> Metric:
    """Per cent of the variance of returns that a factor explains by itself; pseudo-values."""

    def metric(records: Records) -> pd.Series[float]:
        return _pseudo_values(records, lambda some: _share_explained(returns(some, placebo), some[factor]))

    return named(metric, f"variance of returns that {factor} explains, per cent")


def placebo_explained(records: Records) -> pd.Series[float]:
    """Per cent of the variance of returns that the drawn wiring explains where nobody follows it; pseudo-values.

    Of the firms that optimise at all.
    """
    return explained("coordination", placebo=True)(records[records["coordination"] != "none"])


def coordination_over_capability(records: Records) -> pd.Series[float]:
    """What coordination explains of the variance of returns less what the forecast explains, points; pseudo-values.

    Of the firms that optimise at all: whether they do is no question of coordination.
    """
    optimise = records[records["coordination"] != "none"]
    return explained("coordination")(optimise) - explained("error")(optimise)


def _multiple(share: float) -> float:
    """Returns a firm in the top fifth over those in the rest, from the top's share in per cent; nan without any."""
    if not share < 100:
        return float("nan")
    return (share / TOP) / ((100 - share) / (1 - TOP))


def _share_explained(gains: Floats, factor: pd.Series) -> float:
    """Omega squared of a one-way analysis of variance, per cent: freed of what groups differ by chance (Hays 1963)."""
    group, members = np.unique(factor.to_numpy(), return_inverse=True)
    count = np.bincount(members)
    mean = np.bincount(members, weights=gains) / count
    total = float(((gains - gains.mean()) ** 2).sum())
    between = float(count @ (mean - gains.mean()) ** 2)
    if total <= 0 or len(group) < 2:
        return 0.0
    noise = (total - between) / (len(gains) - len(group))
    return 100 * (between - (len(group) - 1) * noise) / (total + noise)


def _pseudo_values(records: Records, of: Callable[[Records], float]) -> pd.Series[float]:
    """What each firm contributes to a figure of the whole population (jackknife); nan for firms that are not known."""
    known = records.dropna(subset=["own", "isolated", "status quo"])
    count, whole = len(known), of(known)
    without = [of(known.drop(index=label)) for label in known.index]
    values = pd.Series(count * whole - (count - 1) * np.array(without), index=known["cluster"])
    return values.reindex(records["cluster"])
