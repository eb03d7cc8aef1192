"""What a run consists of: starts in the held-out periods x tightness of the shared limits x operating models."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from itertools import chain, combinations
from pathlib import Path

import numpy as np

from desilo.cases.case import Assumptions, Case
from desilo.cases.errors import BadInput, Problem
from desilo.cases.instance import Floats, Instance, Ints
from desilo.cases.opening import open_case
from desilo.cases.plan import Plan
from desilo.harness.check import check
from desilo.harness.nature import nature
from desilo.harness.records import (
    Cell,
    CellRecord,
    Coordinated,
    Coordination,
    PlanFacts,
    Promise,
    Scarcity,
    Score,
    StepRecord,
)
from desilo.harness.sell import EFFECT_ON_PROFIT, Sales, placed_orders, sell_first_come
from desilo.operating.coordination.assembly import shadow_prices
from desilo.operating.coordination.limits import teams_of
from desilo.operating.coordination.protocol import Message, Protocol, coordinate
from desilo.operating.coordination.relaxation import Stopped
from desilo.operating.deciding import clairvoyant
from desilo.operating.decision import Decision, Function, OperatingModel, Pictures, Step, Strength
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.forecast import Forecaster, Response, brought_up_to_date, estimated, naive, saying
from desilo.operating.picture import picture
from desilo.operating.prices import plan_prices
from desilo.operating.search import conclude
from desilo.operating.wiring import HAND_OFFS, as_one, hand_on, side_by_side
from desilo.solving import Options, Stop


@dataclass(frozen=True)
class Settings:
    """What is run. Every figure here can be tuned without touching code below.

    Attributes:
        case: name of a bundled case or a case folder.
        quick: whether this is the small run.
        seed: of scenarios, nature, solver and resampling.
        time_limit: seconds for the whole run.
        jobs: cells worked on at the same time.
        middle_zone: only the middle price zone of the case; otherwise all zones share the limits.
        horizon: periods planned at once.
        scenarios: the planner's, per picture.
        ladder_levels: price points per item.
        starts: windows in the held-out periods, as far as there is room; they do not overlap.
        tightness: factors on the shared capacities; 1 is always among them.
        tightness_starts: on how many of the starts the factors other than 1 are tried.
        nature_scenarios: on which plans are scored.
        clairvoyant_scenarios: the first so many of them, for which the bound of perfect information is worked out.
        gap: relative MIP gap at which a function's own decision is good enough.
        joint_gap: the same where prices and orders of all items meet in one model.
    """

    case: str
    quick: bool
    seed: int
    time_limit: float
    jobs: int
    middle_zone: bool
    horizon: int
    scenarios: int
    ladder_levels: int
    starts: int
    tightness: tuple[float, ...]
    tightness_starts: int
    nature_scenarios: int
    clairvoyant_scenarios: int
    gap: float
    joint_gap: float

    def gap_of(self, model: str) -> float:
        """Relative MIP gap at which a cell of this operating model is good enough."""
        return self.joint_gap if model in {JOINT, *PRICING_LAST} else self.gap


FULL = Settings(
    case="orange-juice",
    quick=False,
    seed=1,
    time_limit=350,
    jobs=2,
    middle_zone=False,
    horizon=3,
    scenarios=8,
    ladder_levels=7,
    starts=4,
    tightness=(0.7, 1.0, 1.5),
    tightness_starts=1,
    nature_scenarios=200,
    clairvoyant_scenarios=1,
    gap=0.001,
    joint_gap=0.009,
)

QUICK = replace(
    FULL,
    quick=True,
    time_limit=55,
    middle_zone=True,
    ladder_levels=5,
    starts=3,
)


FOR_AN_ITEM, FOR_AN_ITEM_QUICKLY = 5.0, 1.0
"""Seconds for each item that a run has, where that is more than the time limit of `FULL` and `QUICK`."""


def settings_of(case: str, quick: bool, seed: int, time_limit: float | None, jobs: int | None) -> Settings:
    """The settings of a run; what is None is as its size and the case's have it.

    Args:
        case: name of a bundled case, or a case folder.
        quick: the small run.
        seed, time_limit, jobs: as in `Settings`.

    Raises:
        BadInput: the time limit depends on a case that cannot be used.
    """
    size = QUICK if quick else FULL
    settings = replace(size, case=case, seed=seed, jobs=jobs or min(size.jobs, os.cpu_count() or 1))
    if time_limit is None:
        each = FOR_AN_ITEM_QUICKLY if quick else FOR_AN_ITEM
        time_limit = max(size.time_limit, each * len(prepare_case(settings).items))
    return replace(settings, time_limit=time_limit)


FORECASTERS: Mapping[str, Forecaster] = {"yesterday": naive, "estimated": estimated}

STATUS_QUO = OperatingModel.STATUS_QUO.value
ISOLATED = OperatingModel.ISOLATED.value
JOINT = OperatingModel.JOINT.value
CLAIRVOYANT = OperatingModel.CLAIRVOYANT.value
COORDINATED = OperatingModel.COORDINATED.value


def subset_name(optimised: frozenset[Function]) -> str:
    """Operating models side by side have names; the pairs are called by their functions."""
    if not optimised:
        return OperatingModel.STATUS_QUO.value
    if optimised == frozenset(Function):
        return OperatingModel.ISOLATED.value
    if len(optimised) == 1:
        return f"{next(iter(optimised))}-only"
    return "+".join(function for function in Function if function in optimised)


SIDE_BY_SIDE: Mapping[str, frozenset[Function]] = {
    subset_name(frozenset(subset)): frozenset(subset)
    for subset in chain.from_iterable(combinations(Function, size) for size in range(len(Function) + 1))
}
"""Every set of functions optimised side by side, by the operating model's name."""

HANDED_ON: Mapping[str, tuple[Function, ...]] = {f"sequential {'>'.join(order)}": order for order in HAND_OFFS}
"""Every order of hand-offs."""

PRICING_LAST = tuple(
    name for name, order in HANDED_ON.items() if order.index(Function.PRICING) > order.index(Function.INVENTORY)
)
"""Orders in which pricing plans for orders that are placed: as hard to solve as the joint model."""

MODELS = (*SIDE_BY_SIDE, *HANDED_ON, COORDINATED, CLAIRVOYANT, JOINT)

SEQUENTIAL = next(iter(HANDED_ON))
"""Demand, then pricing, then inventory: the usual order, and the one tried at every tightness."""

AT_EVERY_TIGHTNESS = (
    OperatingModel.STATUS_QUO.value,
    OperatingModel.INVENTORY_ONLY.value,
    OperatingModel.ISOLATED.value,
    SEQUENTIAL,
    JOINT,
)


def forecaster_of(model: str) -> str:
    """Whose picture the last decision of an operating model is made on."""
    if model in SIDE_BY_SIDE:
        return "estimated" if Function.DEMAND in SIDE_BY_SIDE[model] else "yesterday"
    if model in HANDED_ON:
        return "yesterday" if HANDED_ON[model][-1] is Function.DEMAND else "estimated"
    return "estimated"


def prepare_case(settings: Settings) -> Case:
    """The case with the zones, the horizon and the ladder of the settings.

    Raises:
        BadInput: there is no such case, or it has no room for a single start.
    """
    case = open_case(settings.case)
    if settings.middle_zone:
        zones = list(dict.fromkeys(case.zones))
        case = case.select_zones((zones[len(zones) // 2],))
    return sized(case, settings)


def sized(case: Case, settings: Settings) -> Case:
    """A case with the horizon, the scenarios and the ladder of the settings.

    Raises:
        BadInput: it has no room for a single start.
    """
    if (lead_time := case.assumptions.lead_time.value) >= settings.horizon:
        room = f"the {settings.horizon} {case.period_unit}s that a run plans at once"
        message = f"lead_time {lead_time:g} in assumptions.toml leaves nothing ordered to be sold in {room}; shorten it"
        raise BadInput([Problem(case.name, message)])
    figures = {"horizon": settings.horizon, "scenarios": settings.scenarios, "ladder_levels": settings.ladder_levels}
    asked = case.assumptions.model_dump()
    for name, value in figures.items():
        if asked[name]["value"] != value:
            asked[name] |= {"value": value, "reason": "chosen for this run's size", "assumed": True}
    case = replace(case, assumptions=Assumptions.model_validate(asked))
    if not starts_of(case, settings):
        held_out = len(case.periods) - case.holdout
        raise BadInput(
            [
                Problem(
                    case.name,
                    f"holds out {held_out} {case.period_unit}s, fewer than the {settings.horizon} planned at once; "
                    "let `holdout` in case.toml begin earlier",
                )
            ]
        )
    return case


def starts_of(case: Case, settings: Settings) -> tuple[int, ...]:
    """Calendar periods at which plans start: windows within the hold-out that do not overlap, spread over it."""
    room = (len(case.periods) - case.holdout) // settings.horizon
    count = min(settings.starts, room)
    windows = np.linspace(0, room - 1, count).round().astype(int) if count > 1 else np.arange(count)
    return tuple(int(case.periods[case.holdout]) + settings.horizon * int(k) for k in windows)


def cells_of(case: Case, settings: Settings) -> tuple[Cell, ...]:
    """Every cell of the run, the assumed limits first."""
    starts = starts_of(case, settings)
    assumed = [Cell(start=start, tightness=1.0, model=model) for model in MODELS for start in starts]
    others = [
        Cell(start=start, tightness=tightness, model=model)
        for tightness in sorted({*settings.tightness} - {1.0})
        for model in AT_EVERY_TIGHTNESS
        for start in starts[: settings.tightness_starts]
    ]
    return (*assumed, *others)


@dataclass(frozen=True)
class Problems:
    """What a plan is made on and scored on: three instances that differ in demand and cross effects only."""

    pictures: Pictures
    nature: Instance

    def digests(self) -> dict[str, str]:
        """SHA-256 of each."""
        return {name: instance.digest() for name, instance in self.instances().items()}

    def instances(self) -> dict[str, Instance]:
        """Each under its name."""
        return {"yesterday": self.pictures.yesterday, "estimated": self.pictures.estimated, "nature": self.nature}


@dataclass(frozen=True)
class Estimates:
    """What the history says about demand, the same for every start in the hold-out.

    Attributes:
        planner: estimated on the periods before the hold-out.
        nature: estimated on all of them.
    """

    planner: Response
    nature: Response

    def responses(self, case: Case, start: int) -> dict[str, Response]:
        """What each of `FORECASTERS` says at a start in the hold-out."""
        return {"yesterday": naive(case, start), "estimated": brought_up_to_date(case, start, self.planner)}


def prepare(case: Case, start: int, settings: Settings, estimates: Estimates | None = None) -> dict[float, Problems]:
    """The problems of a start by tightness; nothing but the shared capacities differs between them.

    Args:
        case: of `sized`.
        start: calendar period.
        settings: of the run.
        estimates: where they are known already, for a start in the hold-out.
    """
    if estimates is None:
        responses = {name: forecaster(case, start) for name, forecaster in FORECASTERS.items()}
    else:
        responses = estimates.responses(case, start)
    base: Problems | None = None
    problems: dict[float, Problems] = {}
    first = start in starts_of(case, settings)[: settings.tightness_starts]
    for tightness in [1.0, *(level for level in settings.tightness if first and level != 1)]:
        suffix = "" if tightness == 1 else f"-t{tightness:g}"
        seen = {
            name: replace(found, name=found.name + suffix)
            for name, found in (
                (name, picture(case, start, saying(response), seed=settings.seed, tightness=tightness))
                for name, response in responses.items()
            )
        }
        pictures = Pictures(seen["yesterday"], seen["estimated"])
        _require_same_but_demand(pictures.yesterday, pictures.estimated)
        if base is None:
            scored = nature(
                case,
                start,
                pictures.estimated,
                scenarios=settings.nature_scenarios,
                seed=settings.seed,
                response=None if estimates is None else estimates.nature,
            )
            # the same name, so that `desilo check` takes a plan on any of the three
            base = Problems(pictures, replace(scored, name=pictures.estimated.name))
            problems[tightness] = base
        else:
            same = replace(base.nature, name=pictures.estimated.name, resources=pictures.estimated.resources)
            problems[tightness] = Problems(pictures, same)
        _require_same_but_demand(pictures.estimated, problems[tightness].nature)
    return problems


def _require_same_but_demand(one: Instance, other: Instance) -> None:
    """The instances agree on everything but demand: its scenarios, its cross effects."""
    theirs = {name: getattr(one, name) for name in ("scenarios", "probability", "demand", "cross_effects")}
    if replace(other, **theirs).digest() != one.digest():
        raise AssertionError(f"{one.name} and {other.name} differ in more than demand")


@dataclass(frozen=True)
class PricePlan:
    """What the pricing function decides by itself on a picture.

    Attributes:
        level: (I, T); None if its rules cannot be kept.
        steps: what was solved.
    """

    level: Ints | None
    steps: tuple[Step, ...]


def price_plan(picture: Instance, options: Options) -> PricePlan:
    """Let the pricing function decide by itself."""
    return PricePlan(*plan_prices(picture, options))


class Informed(Desk):
    """A desk to which the pricing function's own decision on each picture is known.

    Most operating models begin with it and no shared limit enters it: decided once, it is the same for all of them
    whatever the time. Its seconds count for every operating model, but take nothing from the cell's time.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task.cell.model, task.options)
        self.task = task

    def prices(self, picture: Instance) -> Ints | None:
        """The known decision; a picture that is not the task's own is decided on here."""
        for name, plan in self.task.prices.items():
            if picture is self.task.problems.instances()[name]:
                self.steps += plan.steps
                given = sum(step.outcome.seconds.total for step in plan.steps)
                self.options = replace(self.options, time_limit=self.options.time_limit + given)
                return None if plan.level is None else plan.level.copy()
        return super().prices(picture)


@dataclass(frozen=True)
class Task:
    """A cell with all that is needed to work it out elsewhere.

    Attributes:
        cell: which one.
        problems: what it is planned and scored on.
        prices: what the pricing function decides by itself, by picture.
        options: gap, time limit and seed of the solver.
        sample: nature's scenarios for the clairvoyant plan.
        key: everything that the result depends on.
        run_limit: seconds for the whole run.
        known: the best plan of the others on the estimated picture, from which the joint model starts its search.
        bound: proven for the joint model by the coordinated one's transfer prices.
    """

    cell: Cell
    problems: Problems
    prices: Mapping[str, PricePlan]
    options: Options
    sample: int
    key: Mapping[str, str]
    run_limit: float
    known: Plan | None = None
    bound: float = math.inf


Worked = tuple[CellRecord, Mapping[str, Plan]]
"""A cell's record, and its plans by the names of their files."""


def work(task: Task) -> Worked:
    """Let the operating model decide, and score its plan."""
    if task.cell.model == COORDINATED:
        return _work_apart(task)
    decision = _decide(task)
    record = _record(task, decision)
    if decision.plan is None:
        return record, {}
    if task.cell.model == JOINT:
        short = shadow_prices(task.problems.pictures.estimated, decision.plan, task.options)
        scarcity = tuple(Scarcity(limit=limit, prices=tuple(prices.tolist())) for limit, prices in short.items())
        record = record.model_copy(update={"scarcity": scarcity})
    return record, {task.cell.plan_file(): decision.plan}


def _work_apart(task: Task) -> Worked:
    """Let teams plan apart: one protocol has every strength of coordination."""
    desk, picture = Informed(task), task.problems.pictures.estimated
    started = time.monotonic()
    try:
        found = coordinate(desk, picture)
    except Stopped as stopped:
        return _record(task, desk.failed(stopped.args[0])), {}
    if found is None:
        return _record(task, desk.failed()), {}
    seconds = time.monotonic() - started  # of the teams too, whose solves are no steps of the desk
    plans = {strength: decided.plan for strength, decided in found.decisions.items() if decided.plan is not None}
    coordination = Coordination(
        teams=len(teams_of(picture)),
        joint_bound=found.bound,
        strengths={strength: _coordinated(task, plan, strength, found.protocol) for strength, plan in plans.items()},
    )
    decision = replace(found.decisions[Strength.REPAIR], steps=tuple(desk.steps))
    if seconds > task.options.time_limit:
        decision = replace(decision, stop=Stop.TIME_LIMIT)
    return (
        _record(task, decision).model_copy(update={"seconds": seconds, "coordination": coordination}),
        {task.cell.plan_file(strength): plan for strength, plan in plans.items()},
    )


def _coordinated(task: Task, plan: Plan, strength: Strength, protocol: Protocol) -> Coordinated:
    nature = task.problems.nature
    told = Protocol(told_for(strength, protocol.messages)).as_dict()
    return Coordinated(
        promise=_promise(task.problems.pictures.estimated, plan),
        nature=score(nature, sell_first_come(nature, plan), task.sample),
        rounds=told["rounds"],
        messages=told["messages"],
        told=told["numbers_told_to_teams"],
        revealed=told["numbers_revealed_by_teams"],
    )


def told_for(strength: Strength, messages: Sequence[Message]) -> list[Message]:
    """Limits end when teams first carry out a choice; repair needs no more telling than prices."""
    if strength is not Strength.LIMITS:
        return list(messages)
    last = min(message.round for message in messages if message.what == "choice")
    return [message for message in messages if message.round <= last]


def _record(task: Task, decision: Decision) -> CellRecord:
    """What came of a decision, its plan scored."""
    plan, pictures = decision.plan, task.problems.pictures
    found = decision.as_dict()
    steps = tuple(
        StepRecord.model_validate({"function": step.function, **step.outcome.as_dict()}) for step in decision.steps
    )
    record = CellRecord(
        cell=task.cell,
        key=dict(task.key),
        limit=task.options.time_limit,
        run_limit=task.run_limit,
        stop=decision.stop,
        objective=found["objective"],
        bound=found["bound"],
        gap=found["gap"],
        repaired=decision.repaired,
        seconds=found["seconds"],
        steps=steps,
        claim=0.0 if plan is None else price_claim(pictures.yesterday, plan.level),
    )
    if plan is None:
        return record
    sold = sell_first_come(task.problems.nature, plan)
    return record.model_copy(
        update={
            "facts": _facts(pictures.estimated, plan, sold),
            "promise": _promise(pictures.estimated, plan),
            "estimated": score(pictures.estimated, sell_first_come(pictures.estimated, plan), task.sample),
            "nature": score(task.problems.nature, sold, task.sample),
        }
    )


def _promise(picture: Instance, plan: Plan) -> Promise:
    found = check(picture, plan)
    return Promise(
        profit=found.profit,
        feasible=found.feasible,
        violations=tuple(str(broken) for broken in found.violations),
    )


def _decide(task: Task) -> Decision:
    model, pictures = task.cell.model, task.problems.pictures
    desk = Informed(task)
    if model == CLAIRVOYANT:
        return clairvoyant(desk, _first_scenarios(task.problems.nature, task.sample))
    if model != JOINT or task.known is None:
        return decide(desk, model, pictures)
    start = desk.settle(pictures.estimated, task.known)
    desk.steps = [replace(step, function=f"start: {step.function}") for step in desk.steps]
    found = as_one(desk, pictures.estimated, given=start if start.plan else None)
    if found.plan is None or found.bound <= task.bound:
        return found
    return conclude(desk, found, task.bound, proven=found.stop is Stop.OPTIMAL)


def decide(desk: Desk, model: str, pictures: Pictures) -> Decision:
    """Let one of `MODELS` that ends in a single plan decide: side by side, handing on, or as one."""
    if model in SIDE_BY_SIDE:
        return side_by_side(desk, SIDE_BY_SIDE[model], pictures)
    if model in HANDED_ON:
        return hand_on(desk, HANDED_ON[model], pictures)
    return as_one(desk, pictures.estimated)


def _first_scenarios(instance: Instance, count: int) -> Instance:
    weight = instance.probability[:count]
    return replace(
        instance,
        scenarios=instance.scenarios[:count],
        probability=weight / weight.sum(),
        demand=instance.demand[..., :count],
    )


def price_claim(instance: Instance, level: Ints) -> float:
    """What the pricing function sees in its prices: expected margin at unlimited supply, above the reference's."""
    return margin_planned(instance, level) - margin_planned(instance, reference_levels(instance))


def margin_planned(instance: Instance, level: Ints) -> float:
    """Expected margin of prices (I, T) at unlimited supply, money."""
    item, period = np.ogrid[: len(instance.items), : instance.periods]
    price: Floats = instance.price[item, level]
    demand = instance.expected_demand[item, period, level] + instance.cross_demand(price)
    return float(((price - instance.unit_cost) * demand).sum())


def score(instance: Instance, sold: Sales, sample: int = 1) -> Score:
    """What was sold on an instance, in the figures that are kept; `sample` scenarios are the clairvoyant plan's."""
    weight = sold.probability[:sample]
    revenue = sold.expected_breakdown["revenue"]
    cost = float((instance.unit_cost * (sold.sales @ sold.probability)).sum())
    return Score(
        profit=sold.expected_profit,
        breakdown={cause: sold.expected_breakdown[cause] for cause in EFFECT_ON_PROFIT},
        gross_margin=1 - cost / revenue if revenue > 0 else 0.0,
        fill_rate=sold.fill_rate,
        average_stock=sold.average_stock,
        sampled_profit=float(sold.profit[:sample] @ weight / weight.sum()),
    )


def _facts(instance: Instance, plan: Plan, sold: Sales) -> PlanFacts:
    item = np.arange(len(instance.items))[:, None]
    promoted = instance.promo[item, plan.level]
    usual = instance.expected_demand[item, np.arange(instance.periods), instance.reference[:, None]]
    relative = plan.price(instance) / instance.reference_price[:, None]
    placed = placed_orders(plan)
    margin = (plan.price(instance) - instance.unit_cost)[:, :, None] * sold.sales
    lost = instance.lost_sale_cost[:, :, None] * (sold.demand - sold.sales)
    return PlanFacts(
        promotions=tuple((instance.items[i], int(t) + 1) for i, t in np.argwhere(promoted)),
        price_index=float((relative * usual).sum() / usual.sum()),
        orders=int((placed > 0).sum()),
        units_ordered=tuple(placed.sum(axis=0).tolist()),
        stock=tuple((sold.stock @ sold.probability).sum(axis=0).tolist()),
        contribution=tuple(((margin - lost) @ sold.probability).sum(axis=0).tolist()),
        supplied_before=int(instance.lead_time.min()),
    )


def key_of(cell: Cell, settings: Settings, case_digest: str, problems: Problems) -> dict[str, str]:
    """Everything the result of a cell depends on, but for the time it is given."""
    own = {
        "sample": str(settings.clairvoyant_scenarios),
        "gap": f"{settings.gap_of(cell.model):g}",
        "seed": str(settings.seed),
    }
    return own | {"case": case_digest} | problems.digests() | versions() | source_digests()


@cache
def versions() -> dict[str, str]:
    """Of what the results depend on."""
    return {name: importlib.metadata.version(name) for name in ("desilo", "pyomo", "highspy", "numpy")}


@cache
def source_digests() -> dict[str, str]:
    """SHA-256 of the sources that make plans and of those that score them."""
    parts = {
        "models": ("desilo.formulations", "desilo.operating", "desilo.solving"),
        "scoring": tuple(f"desilo.harness.{name}" for name in ("check", "recourse", "sell", "experiment")),
    }
    return {name: source_digest(modules) for name, modules in parts.items()}


def source_digest(modules: tuple[str, ...]) -> str:
    """SHA-256 of the sources of modules and packages."""
    sha = hashlib.sha256()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise AssertionError(f"{name} has no source")
        source = Path(spec.origin)
        for file in sorted(source.parent.rglob("*.py")) if source.name == "__init__.py" else [source]:
            sha.update(f"{name}/{file.relative_to(source.parent).as_posix()}\n".encode() + file.read_bytes())
    return sha.hexdigest()


def digest_of(case: Case) -> str:
    """SHA-256 of everything in a case."""
    sha = hashlib.sha256()
    for field in fields(case):
        value = getattr(case, field.name)
        sha.update(f"{field.name}:".encode())
        if isinstance(value, np.ndarray):
            sha.update(f"{value.dtype.kind}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
        elif isinstance(value, Assumptions):
            sha.update(value.model_dump_json().encode())
        else:
            sha.update(repr(value).encode())
    return sha.hexdigest()


def settings_dict(settings: Settings) -> dict[str, object]:
    """Plain values, for records."""
    return asdict(settings)
