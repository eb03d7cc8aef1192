"""What a run found, computed from its records alone: figures (`summarise`), sentences, Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import fsum, inf
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from desilo.cases.errors import BadInput, Problem
from desilo.harness.experiment import (
    CLAIRVOYANT,
    COORDINATED,
    HANDED_ON,
    ISOLATED,
    JOINT,
    SEQUENTIAL,
    SIDE_BY_SIDE,
    STATUS_QUO,
    forecaster_of,
)
from desilo.harness.measure import (
    ROUNDING,
    GainInterval,
    Interval,
    capture,
    cost_matrix,
    harsanyi,
    leakage,
    paired_bootstrap,
    shapley,
)
from desilo.harness.records import Assumption, CellRecord, Known, Promise, Record, Variant, read_record
from desilo.harness.run import Finished
from desilo.harness.sell import EFFECT_ON_PROFIT
from desilo.harness.sensitivity import DIALS, SIDES
from desilo.operating.decision import Function, OperatingModel, Strength
from desilo.solving import Stop

SchemaVersion = Literal[1]

INVENTORY_ONLY = OperatingModel.INVENTORY_ONLY.value
BEST_SEQUENTIAL = OperatingModel.SEQUENTIAL.value
"""Stands for the order of hand-offs that promises most."""

TABLE = (
    STATUS_QUO,
    f"{Function.PRICING}-only",
    f"{Function.DEMAND}-only",
    INVENTORY_ONLY,
    ISOLATED,
    BEST_SEQUENTIAL,
    COORDINATED,
    JOINT,
    CLAIRVOYANT,
)
"""The rows shown to people; the other cells are in the records."""

SAYS_NOTHING = 3.0
"""A bound of so many times the status quo's profit is one from before the relaxation was solved."""

NEXT_TO_NOTHING = 1e-3
"""Share of the profit that a gain must exceed for a part of it to say anything; solvers leave so much open."""

CHANGED = 0.25
"""Share by which a cost figure is lowered and raised to see what hangs on it."""

COST_FIGURES = {
    "purchase": "unit cost",
    "order": "order cost",
    "holding": "holding cost",
    "lost_sales": "lost-sale cost",
    "overage": "overtime and overflow",
    "salvage": "salvage value",
}
"""What the causes of profit are proportional to, when sales are given."""

BASELINES = {
    JOINT: (ISOLATED, BEST_SEQUENTIAL, INVENTORY_ONLY, COORDINATED),
    COORDINATED: (ISOLATED, BEST_SEQUENTIAL),
    BEST_SEQUENTIAL: (ISOLATED,),
}
"""What operating models are compared with, besides the status quo."""


class Estimate(Record):
    """A mean over the starts and its 95% interval, from a paired bootstrap over the starts."""

    mean: float
    low: Known
    high: Known
    starts: int

    @property
    def certain(self) -> bool:
        """Whether its sign is established."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class InSample(Record):
    """Gain of one model over another as the planner sees it; the gaps of the solves leave [low, high] open."""

    plan: float  # of the plans found
    low: Known  # between the optima
    high: Known


class Gain(Record):
    """What one operating model earns more than another, per start."""

    model: str
    over: str
    realised: Estimate  # on nature
    percent: float  # of the baseline's realised profit
    in_sample: InSample | None  # on the estimated picture

    @property
    def earns_more(self) -> bool:
        """Whether there is a realised gain at all, above rounding."""
        return self.percent > 100 * ROUNDING


class Row(Record):
    """An operating model in the table: means over the starts."""

    model: str
    label: str
    starts: int
    profit: Estimate | None  # realised on nature; for the clairvoyant a bound
    gain: Estimate | None  # over the status quo
    promised: Known  # expected profit on the estimated picture, first come first served
    margin: Known  # gross, realised, share of the revenue
    forecast_error: Known  # WAPE on the held-out periods of the picture planned on
    stock: Known  # realised end-of-period units
    fill_rate: Known
    gap: Known  # the largest
    seconds: Known
    note: str = ""


class Order(Record):
    """One order of hand-offs."""

    model: str
    promised: float
    realised: float


class Booking(Record):
    """What the functions book, against what comes in. Money per start."""

    booked: dict[str, float]
    total: float
    realised: float  # gain of `isolated` over the status quo
    leakage: Estimate
    cost_matrix: dict[str, dict[str, float]]  # function: cause: effect on profit


class Interaction(Record):
    """Realised gains of the functions side by side, taken apart; money per start."""

    dividends: dict[str, float]  # Harsanyi dividends, by functions joined with "+"
    shapley: dict[str, float]  # Shapley values
    total: Estimate  # gain of all together beyond the sum of each alone
    joint_excess: Estimate | None  # joint beyond isolated


class Captured(Record):
    """One strength of coordination: means over the starts."""

    strength: Strength
    profit: Estimate  # realised
    gain: Estimate  # over isolated, realised
    gain_in_sample: float  # promised
    capture: Known  # share of what joint gains over isolated, realised; unknown where joint gains nothing
    capture_in_sample: Known
    capture_of_bound: Known  # share in sample of what any plan could gain at most
    rounds: float
    messages: float
    told: float  # numbers, by the coordinating office to the teams
    revealed: float  # numbers, by the teams


class Coordinating(Record):
    """What coordinating teams that plan apart captures of the gain of deciding as one, by strength."""

    starts: int
    teams: int  # the most on any start
    joint_gain: Estimate  # of joint over isolated, realised
    strengths: tuple[Captured, ...]


class Tightness(Record):
    """Joint against sequential at one tightness of the shared limits."""

    tightness: float
    starts: int
    profit: dict[str, float]  # realised, by operating model
    gain: Gain  # joint over sequential


class Difference(Record):
    """Means over the starts of what the joint plan and the best sequential plan do."""

    promotions: dict[str, float]
    price_index: dict[str, float]
    orders: dict[str, float]
    units_ordered: dict[str, float]
    first_half: dict[str, float]  # share of the units ordered in the first half of the horizon
    stock: dict[str, float]
    more_contribution: float  # joint over sequential: sales at price less unit cost, less lost sales; money
    more_before_orders: float  # the part of it from the periods before anything ordered can be sold
    supplied_before: int  # those periods
    more_ordered: float  # joint over sequential, relative
    more_stock: float
    more_promoted: tuple[str, ...]  # items that joint promotes more
    less_promoted: tuple[str, ...]


class Sensitivity(Record):
    """What joint earns more than the best sequential plan, realised, were a cost figure other than it is."""

    figure: str
    low: float  # money a window, the figure lower by `CHANGED`
    high: float


class Side(Record):
    """A figure other than assumed, and everybody's plans made anew for it."""

    by: str  # how much lower or higher
    gain: Gain | None  # of joint over the best sequential plan; None without plans
    change: Estimate | None  # of what is realised, against the figures as they are
    within_gaps: bool  # whether the solver's gaps leave open that anything changes in sample


class Tried(Record):
    """A figure that was lowered and raised; a side that changes nothing, or cannot be, is missing."""

    figure: str
    label: str
    limit: bool  # how tight a shared limit is
    sides: dict[Literal["low", "high"], Side]


class Replanning(Record):
    """Joint over the best sequential plan where figures are other than assumed; see `desilo.harness.sensitivity`."""

    starts: tuple[int, ...]
    as_it_is: Gain
    tried: tuple[Tried, ...]  # what changes most first


class Scenarios(Record):
    """How many there are: the planner's, nature's, and those of nature's with a bound of perfect information."""

    planner: int
    nature: int
    clairvoyant: int


class Summary(Record):
    """All that the table, the sentences, the Markdown and the plots show."""

    schema_version: SchemaVersion = 1
    case: str
    title: str
    currency: str
    period_unit: str
    horizon: int
    items: int
    starts: tuple[int, ...]
    scenarios: Scenarios
    confidence: float
    missing: tuple[str, ...]  # cells without a plan
    rows: tuple[Row, ...]
    gains: tuple[Gain, ...]
    orders: tuple[Order, ...]
    best_promised: str
    best_realised: str
    booking: Booking | None
    interaction: Interaction | None
    coordinating: Coordinating | None = None
    tightness: tuple[Tightness, ...]
    difference: Difference | None
    sensitivity: tuple[Sensitivity, ...] = ()
    replanning: Replanning | None = None
    forecast_errors: dict[str, Known]
    assumptions: tuple[Assumption, ...]
    prices_left: tuple[str, ...] = ()  # items whose price moved too seldom to be decided on
    settings: dict[str, Any]
    versions: dict[str, str]
    wins_at: tuple[float, ...]  # tightness at which joint beats sequential, realised


class _Results:
    """The records of a run by model, start and tightness."""

    def __init__(self, finished: Finished) -> None:
        self.seed = int(finished.record.settings["seed"])
        self.starts = finished.record.starts
        self.cells = {
            (record.cell.model, record.cell.start, record.cell.tightness): record for record in finished.cells
        }
        self.planned = {key for key, record in self.cells.items() if record.nature is not None}
        orders = [
            Order(
                model=model,
                promised=fmean(self.promise(model, start) for start in self.starts),
                realised=fmean(self.profit(model, start) for start in self.starts),
            )
            for model in HANDED_ON
            if self.common(model) == self.starts
        ]
        self.orders = tuple(orders)
        # known before nature: what the plans promise on the best picture there is
        self.best = max(orders, key=lambda order: order.promised).model if orders else SEQUENTIAL

    def name(self, model: str) -> str:
        return self.best if model == BEST_SEQUENTIAL else model

    def record(self, model: str, start: int, tightness: float = 1.0) -> CellRecord:
        return self.cells[self.name(model), start, tightness]

    def common(self, *models: str, tightness: float = 1.0) -> tuple[int, ...]:
        """The starts for which all the models have a plan."""
        return tuple(
            start
            for start in self.starts
            if all((self.name(model), start, tightness) in self.planned for model in models)
        )

    def profit(self, model: str, start: int, tightness: float = 1.0) -> float:
        scored = self.record(model, start, tightness).nature
        assert scored is not None
        return scored.profit

    def promise(self, model: str, start: int, tightness: float = 1.0) -> float:
        return _promised(self.record(model, start, tightness).promise)

    def estimate(self, before: Mapping[int, float], after: Mapping[int, float]) -> Estimate:
        starts = list(after)
        found: Interval = paired_bootstrap(
            [before[start] for start in starts], [after[start] for start in starts], starts, self.seed
        )
        return Estimate(mean=found.estimate, low=found.low, high=found.high, starts=found.clusters)

    def gain(self, model: str, over: str, tightness: float = 1.0, among: Sequence[int] | None = None) -> Gain | None:
        """On the starts, or some of them, for which both have a plan; None if there is none."""
        starts = self.common(model, over, tightness=tightness)
        if among is not None:
            starts = tuple(start for start in starts if start in among)
        if not starts:
            return None
        before = {start: self.profit(over, start, tightness) for start in starts}
        after = {start: self.profit(model, start, tightness) for start in starts}
        realised = self.estimate(before, after)
        return Gain(
            model=model,
            over=over,
            realised=realised,
            percent=100 * realised.mean / abs(fmean(before.values())),
            in_sample=self.in_sample(model, over, starts, tightness),
        )

    def in_sample(self, model: str, over: str, starts: Sequence[int], tightness: float) -> InSample:
        """On the estimated picture; a plan made on another one is re-costed there, which leaves nothing open."""
        found = []
        for start in starts:
            of_a, of_b = (self.optimum(name, start, tightness) for name in (over, model))
            found.append(GainInterval(*of_a, *of_b))
        return InSample(
            plan=fmean(gain.plan for gain in found),
            low=fmean(gain.low for gain in found),
            high=fmean(gain.high for gain in found),
        )

    def optimum(self, model: str, start: int, tightness: float) -> tuple[float, float]:
        """Objective and bound of a model's last decision on the estimated picture."""
        record, promise = self.record(model, start, tightness), self.promise(model, start, tightness)
        last_known = record.gap is not None and record.bound is None  # plans put together: nothing is left open
        if forecaster_of(record.cell.model) != "estimated" or last_known:
            return promise, promise
        return promise, max(promise, float("inf") if record.bound is None else record.bound)


SUMMARY = "summary.json"


def published(folder: Path) -> Summary | None:
    """The summary that a folder keeps; None if there is none.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return read_record(Summary, folder / SUMMARY)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadInput([Problem(str(folder / SUMMARY), f"is no summary of a run: {error}")]) from None


def summarise(finished: Finished) -> Summary:
    """Everything a run found."""
    results, run = _Results(finished), finished.record
    gains = [results.gain(model, STATUS_QUO) for model in TABLE if model not in (STATUS_QUO, CLAIRVOYANT)]
    gains += [results.gain(model, baseline) for model, baselines in BASELINES.items() for baseline in baselines]
    tightness = _tightness(results, finished)
    return Summary(
        case=run.case,
        title=run.title,
        currency=run.currency,
        period_unit=run.period_unit,
        horizon=run.horizon,
        items=run.items,
        starts=run.starts,
        scenarios=Scenarios(
            planner=int(run.settings["scenarios"]),
            nature=int(run.settings["nature_scenarios"]),
            clairvoyant=int(run.settings["clairvoyant_scenarios"]),
        ),
        confidence=0.95,
        missing=_missing(finished),
        rows=tuple(_row(results, model, run.forecast_errors) for model in TABLE),
        gains=tuple(gain for gain in gains if gain is not None),
        orders=results.orders,
        best_promised=results.best,
        best_realised=max(results.orders, key=lambda order: order.realised).model if results.orders else "",
        booking=_booking(results),
        interaction=_interaction(results),
        coordinating=_coordinating(results),
        tightness=tightness,
        difference=_difference(results),
        sensitivity=_sensitivity(results),
        replanning=_replanning(finished),
        forecast_errors=run.forecast_errors,
        assumptions=run.assumptions,
        prices_left=run.prices_left,
        settings=run.settings,
        versions=run.versions,
        wins_at=tuple(level.tightness for level in tightness if level.gain.earns_more),
    )


def _promised(promise: Promise | None) -> float:
    assert promise is not None and promise.profit is not None
    return promise.profit


def _missing(finished: Finished) -> tuple[str, ...]:
    there = {record.cell: record for record in finished.cells}
    return tuple(
        cell.slug
        for cell in finished.record.cells
        if cell not in there or (there[cell].bound is None if cell.model == CLAIRVOYANT else there[cell].plan is None)
    )


def _row(results: _Results, model: str, errors: Mapping[str, float | None]) -> Row:
    if model == CLAIRVOYANT:
        return _clairvoyant_row(results)
    starts = results.common(model)
    if not starts:
        return _empty_row(model, "no plan in the time given")
    records = [results.record(model, start) for start in starts]
    natures = [record.nature for record in records if record.nature is not None]
    profit = {start: results.profit(model, start) for start in starts}
    gain = None if model == STATUS_QUO else results.gain(model, STATUS_QUO)
    gaps = [record.gap for record in records]
    notes = []
    if len(starts) < len(results.starts):
        notes.append(f"a plan for {len(starts)} of {len(results.starts)} starts only")
    short = sum(record.stop is Stop.TIME_LIMIT for record in records)
    if short and model != JOINT:
        notes.append(f"stopped by the time limit for {short} of {len(starts)} starts: it could do better with more")
    if any(record.repaired for record in records):
        notes.append("orders cut where the plans broke a shared limit together")
    if all(record.coordination is not None and record.coordination.teams == 1 for record in records):
        notes.append(
            "one team, with nobody to share a limit with: what joint earns more it finds by searching more widely"
        )
    return Row(
        model=results.name(model),
        label=model if model != BEST_SEQUENTIAL else f"sequential {_short(results.best)}",
        starts=len(starts),
        profit=results.estimate(dict.fromkeys(starts, 0.0), profit),
        gain=gain.realised if gain else None,
        promised=fmean(record.estimated.profit for record in records if record.estimated is not None),
        margin=fmean(score.gross_margin for score in natures),
        forecast_error=errors.get(forecaster_of(results.name(model))),
        stock=fmean(score.average_stock for score in natures),
        fill_rate=fmean(score.fill_rate for score in natures),
        gap=None if None in gaps else max(gap for gap in gaps if gap is not None),
        seconds=fmean(record.seconds for record in records),
        note="; ".join(notes),
    )


def _empty_row(model: str, note: str) -> Row:
    return Row(
        model=model,
        label=model,
        starts=0,
        profit=None,
        gain=None,
        promised=None,
        margin=None,
        forecast_error=None,
        stock=None,
        fill_rate=None,
        gap=None,
        seconds=None,
        note=note,
    )


def _clairvoyant_row(results: _Results) -> Row:
    """Bounds on a sample of nature's scenarios; the gain is over the status quo on the same sample."""
    bound, before, seconds = {}, {}, []
    for start in results.common(STATUS_QUO):
        record = results.cells.get((CLAIRVOYANT, start, 1.0))
        scored = results.record(STATUS_QUO, start).nature
        if record is None or record.bound is None or scored is None:
            continue
        if record.bound < SAYS_NOTHING * abs(scored.sampled_profit):
            bound[start], before[start] = record.bound, scored.sampled_profit
            seconds.append(record.seconds)
    if not bound:
        return _empty_row(CLAIRVOYANT, "no bound in the time given")
    return _empty_row(CLAIRVOYANT, "a bound, not a plan").model_copy(
        update={
            "starts": len(bound),
            "profit": results.estimate(dict.fromkeys(bound, 0.0), bound),
            "gain": results.estimate(before, bound),
            "seconds": fmean(seconds),
        }
    )


def _booking(results: _Results) -> Booking | None:
    alone = {function.value: f"{function}-only" for function in Function}
    starts = results.common(STATUS_QUO, ISOLATED, *alone.values())
    if not starts:
        return None
    booked: dict[int, dict[str, float]] = {}
    for start in starts:
        status_quo, stock = (results.record(model, start).objective for model in (STATUS_QUO, INVENTORY_ONLY))
        assert status_quo is not None and stock is not None
        booked[start] = {
            Function.PRICING.value: results.record(alone[Function.PRICING], start).claim,
            Function.DEMAND.value: results.promise(alone[Function.DEMAND], start) - results.promise(STATUS_QUO, start),
            Function.INVENTORY.value: stock - status_quo,
        }
    realised = {start: results.profit(ISOLATED, start) - results.profit(STATUS_QUO, start) for start in starts}
    leaks = {start: leakage(booked[start], realised[start]) for start in starts}
    matrix = cost_matrix(
        _mean_breakdown(results, STATUS_QUO, starts),
        {
            function: _mean_breakdown(results, model, starts)
            for function, model in (alone | {"all, isolated": ISOLATED}).items()
        },
    )
    return Booking(
        booked={name: fmean(booked[start][name] for start in starts) for name in alone},
        total=fmean(fsum(claims.values()) for claims in booked.values()),
        realised=fmean(realised.values()),
        leakage=results.estimate(dict.fromkeys(starts, 0.0), leaks),
        cost_matrix={
            str(function): {str(cause): float(money) for cause, money in effects.items()}
            for function, effects in matrix.to_dict("index").items()
        },
    )


def _mean_breakdown(results: _Results, model: str, starts: Sequence[int]) -> dict[str, float]:
    scores = [results.record(model, start).nature for start in starts]
    known = [score.breakdown for score in scores if score is not None]
    return {cause: fmean(breakdown[cause] for breakdown in known) for cause in known[0]}


def _interaction(results: _Results) -> Interaction | None:
    starts = results.common(*SIDE_BY_SIDE)
    if not starts:
        return None
    worth = {
        start: {
            frozenset(function.value for function in optimised): results.profit(model, start)
            - results.profit(STATUS_QUO, start)
            for model, optimised in SIDE_BY_SIDE.items()
        }
        for start in starts
    }
    mean = {part: fmean(worth[start][part] for start in starts) for part in worth[starts[0]]}
    everyone = frozenset(function.value for function in Function)
    together = {start: worth[start][everyone] for start in starts}
    apart = {start: fsum(worth[start][frozenset({function.value})] for function in Function) for start in starts}
    excess = results.gain(JOINT, ISOLATED)
    dividends = harsanyi(mean)
    return Interaction(
        dividends={
            "+".join(optimised): dividends[frozenset(function.value for function in optimised)]
            for size in range(1, len(Function) + 1)
            for optimised in combinations(Function, size)
        },
        shapley=shapley(mean),
        total=results.estimate(apart, together),
        joint_excess=None if excess is None else excess.realised,
    )


def _captured(isolated: float, coordinated: float, joint: float) -> float | None:
    """As `capture`, if there is something to share."""
    return capture(isolated, coordinated, joint) if joint - isolated > NEXT_TO_NOTHING * abs(isolated) else None


def _coordinating(results: _Results) -> Coordinating | None:
    """On the starts on which isolated, coordinated and joint all have a plan."""
    starts = results.common(ISOLATED, COORDINATED, JOINT)
    found = {
        start: coordination
        for start in starts
        if (coordination := results.record(COORDINATED, start).coordination) is not None
    }
    if not found:
        return None
    isolated, joint = ({start: results.profit(model, start) for start in found} for model in (ISOLATED, JOINT))
    promised = {model: fmean(results.promise(model, start) for start in found) for model in (ISOLATED, JOINT)}
    bound = fmean(
        min(results.optimum(JOINT, start, 1.0)[1], float("inf") if each.joint_bound is None else each.joint_bound)
        for start, each in found.items()
    )
    strengths = []
    for strength in Strength:
        if any(strength not in each.strengths for each in found.values()):
            continue
        own = {start: each.strengths[strength] for start, each in found.items()}
        profit = {start: each.nature.profit for start, each in own.items()}
        in_sample = fmean(_promised(each.promise) for each in own.values())
        captures = (
            _captured(fmean(isolated.values()), fmean(profit.values()), fmean(joint.values())),
            *(_captured(promised[ISOLATED], in_sample, whole) for whole in (promised[JOINT], bound)),
        )
        strengths.append(
            Captured(
                strength=strength,
                profit=results.estimate(dict.fromkeys(found, 0.0), profit),
                gain=results.estimate(isolated, profit),
                gain_in_sample=in_sample - promised[ISOLATED],
                capture=captures[0],
                capture_in_sample=captures[1],
                capture_of_bound=captures[2],
                rounds=fmean(each.rounds for each in own.values()),
                messages=fmean(each.messages for each in own.values()),
                told=fmean(each.told for each in own.values()),
                revealed=fmean(each.revealed for each in own.values()),
            )
        )
    return Coordinating(
        starts=len(found),
        teams=max(each.teams for each in found.values()),
        joint_gain=results.estimate(isolated, joint),
        strengths=tuple(strengths),
    )


def _tightness(results: _Results, finished: Finished) -> tuple[Tightness, ...]:
    """Every level on the same starts: those that were tried at all levels."""
    levels = sorted({cell.tightness for cell in finished.record.cells})
    tried = [
        start
        for start in results.starts
        if all(start in results.common(SEQUENTIAL, JOINT, tightness=level) for level in levels)
    ]
    found = []
    for level in levels:
        starts = tried or results.common(SEQUENTIAL, JOINT, tightness=level)
        gain = results.gain(JOINT, SEQUENTIAL, level, among=starts)
        if gain is None:
            continue
        models = (STATUS_QUO, INVENTORY_ONLY, ISOLATED, SEQUENTIAL, JOINT)
        found.append(
            Tightness(
                tightness=level,
                starts=len(starts),
                profit={
                    model: fmean(results.profit(model, start, level) for start in starts)
                    for model in models
                    if set(starts) <= set(results.common(model, tightness=level))
                },
                gain=gain,
            )
        )
    return tuple(found)


def _difference(results: _Results) -> Difference | None:
    starts = results.common(JOINT, BEST_SEQUENTIAL)
    if not starts:
        return None
    facts = {
        name: [f for f in (results.record(name, start).facts for start in starts) if f is not None]
        for name in (BEST_SEQUENTIAL, JOINT)
    }
    promoted = {name: [item for plan in plans for item, _ in plan.promotions] for name, plans in facts.items()}
    more = {
        item: promoted[JOINT].count(item) - promoted[BEST_SEQUENTIAL].count(item)
        for item in dict.fromkeys(promoted[JOINT] + promoted[BEST_SEQUENTIAL])
    }
    ranked = sorted(more, key=lambda item: -abs(more[item]))
    ordered = {name: fmean(fsum(plan.units_ordered) for plan in plans) for name, plans in facts.items()}
    early = {
        name: fmean(fsum(plan.units_ordered[: len(plan.units_ordered) // 2]) for plan in plans)
        for name, plans in facts.items()
    }
    stock = {name: fmean(fmean(plan.stock) for plan in plans) for name, plans in facts.items()}
    before = facts[JOINT][0].supplied_before

    def lead(until: int | None) -> float:
        """How much more the joint plan contributes up to a period."""
        earned = {name: fmean(fsum(plan.contribution[:until]) for plan in plans) for name, plans in facts.items()}
        return earned[JOINT] - earned[BEST_SEQUENTIAL]

    return Difference(
        promotions={name: fmean(len(plan.promotions) for plan in plans) for name, plans in facts.items()},
        price_index={name: fmean(plan.price_index for plan in plans) for name, plans in facts.items()},
        orders={name: fmean(plan.orders for plan in plans) for name, plans in facts.items()},
        units_ordered=ordered,
        first_half={name: _ratio(early[name], ordered[name]) for name in facts},
        stock=stock,
        more_contribution=lead(None),
        more_before_orders=lead(before),
        supplied_before=before,
        more_ordered=_ratio(ordered[JOINT], ordered[BEST_SEQUENTIAL]) - 1,
        more_stock=_ratio(stock[JOINT], stock[BEST_SEQUENTIAL]) - 1,
        more_promoted=tuple(item for item in ranked if more[item] > 0)[:3],
        less_promoted=tuple(item for item in ranked if more[item] < 0)[:3],
    )


def _sensitivity(results: _Results) -> tuple[Sensitivity, ...]:
    """The plans are not made anew and nature's demand knows no costs: sales stay, money moves with the figure."""
    starts = results.common(JOINT, BEST_SEQUENTIAL)
    if not starts:
        return ()
    joint, other = (_mean_breakdown(results, model, starts) for model in (JOINT, BEST_SEQUENTIAL))
    more = {cause: EFFECT_ON_PROFIT[cause] * (joint[cause] - other[cause]) for cause in EFFECT_ON_PROFIT}
    gain = fsum(more.values())
    found = [
        Sensitivity(figure=figure, low=gain - CHANGED * more[cause], high=gain + CHANGED * more[cause])
        for cause, figure in COST_FIGURES.items()
    ]
    return tuple(sorted(found, key=lambda each: -abs(each.high - each.low)))


def _replanning(finished: Finished) -> Replanning | None:
    """On the starts for which every variant is there; on the first one, as far as it came, if that is none."""
    found = {record.variant: record for record in finished.replanned}
    begun = [variant.start for variant in found if not variant.figure]
    whole = [start for start in begun if all(v in found for v in finished.record.variants if v.start == start)]
    starts = tuple(whole or begun[:1])

    def gained(figure: str, side: Literal["", "low", "high"]) -> tuple[Gain, dict[int, float]] | None:
        """In all, and what is realised at every start; None where one has no plans."""
        variants = [Variant(start=start, figure=figure, side=side) for start in starts]
        if not starts or not all(variant in found for variant in variants):
            return None
        cells = tuple(cell for variant in variants for cell in found[variant].cells)
        there = _Results(Finished(finished.record.model_copy(update={"starts": starts}), cells))
        gain = there.gain(JOINT, BEST_SEQUENTIAL)
        if gain is None or gain.realised.starts < len(starts):
            return None
        return gain, {start: there.profit(JOINT, start) - there.profit(BEST_SEQUENTIAL, start) for start in starts}

    as_it_is = gained("", "")
    if as_it_is is None:
        return None
    results, tried = _Results(finished), []
    for dial in DIALS:
        sides: dict[Literal["low", "high"], Side] = {}
        for side in SIDES:
            if not any((v.figure, v.side) == (dial.figure, side) and v.start in starts for v in found):
                continue
            other = gained(dial.figure, side)
            sides[side] = Side(
                by=dial.by(side),
                gain=None if other is None else other[0],
                change=None if other is None else results.estimate(as_it_is[1], other[1]),
                within_gaps=other is not None and _overlap(as_it_is[0].in_sample, other[0].in_sample),
            )
        if sides:
            tried.append(Tried(figure=dial.figure, label=dial.label, limit=dial.limit, sides=sides))
    tried.sort(key=lambda each: max(abs(s.change.mean) if s.change else 0 for s in each.sides.values()), reverse=True)
    return Replanning(starts=starts, as_it_is=as_it_is[0], tried=tuple(tried))


def _overlap(one: InSample | None, other: InSample | None) -> bool:
    """Whether the ranges that the gaps leave open have anything in common; an end that is not known is far away."""
    if one is None or other is None:
        return True
    (low, high), (from_, to) = (
        (-inf if each.low is None else each.low, inf if each.high is None else each.high) for each in (one, other)
    )
    return low <= to and from_ <= high


def _ratio(part: float, whole: float) -> float:
    """1 where there is nothing on either side."""
    return part / whole if whole else 1.0 if not part else float("inf")


def _short(order: str) -> str:
    """`sequential demand>pricing>inventory` as D>P>I."""
    return ">".join(function[0].upper() for function in order.removeprefix("sequential ").split(">"))
