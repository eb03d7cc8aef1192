"""Does the gain of deciding as one survive if a figure is other than assumed, once everybody has planned again?

One figure at a time is lowered and raised: in the world as in every picture of it, so that whoever plans knows it and
nature has it, too. The best sequential plan and the joint one are made anew, with their certificates, and scored as in
the run. The figures as they are go the same way: what is compared differs in one figure and nothing else.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import ValidationError

from desilo.cases.case import Assumptions, Case
from desilo.cases.instance import Floats
from desilo.cases.plan import Plan
from desilo.harness.check import check
from desilo.harness.experiment import (
    FORECASTERS,
    HANDED_ON,
    JOINT,
    SEQUENTIAL,
    Estimates,
    Problems,
    Settings,
    Task,
    digest_of,
    key_of,
    source_digest,
    work,
)
from desilo.harness.nature import nature
from desilo.harness.records import Cell, CellRecord, Replanned, Variant, read_record, records_in, write_record
from desilo.operating.decision import Pictures
from desilo.operating.forecast import Response, saying
from desilo.operating.picture import picture
from desilo.operating.today import today
from desilo.solving import Options, Stop

if TYPE_CHECKING:
    from desilo.harness.run import Watcher

SENSITIVITY = "sensitivity"
"""Folder of the records in a run's folder."""

SIDES: tuple[Literal["low", "high"], ...] = ("low", "high")

PART = 0.2
"""Share of a run's time that one plan may take at most."""

NATURE = "nature"
"""Names nature's response beside those of the forecasters."""


@dataclass(frozen=True)
class Dial:
    """A figure that may be off.

    Attributes:
        figure: an operating figure of the case, or what `DEMAND` knows, or the unit costs.
        label: for people.
        low, high: factors on it that are tried; or, if `added`, what is added to it.
        added: see there.
        limit: whether it is how tight a shared limit is.
    """

    figure: str
    label: str
    low: float = 0.75
    high: float = 1.25
    added: bool = False
    limit: bool = False

    def of(self, side: str) -> float:
        """What is tried on a side, `low` or `high`."""
        return self.low if side == "low" else self.high

    def by(self, side: str) -> str:
        """The same for people."""
        return f"{self.of(side):+g}" if self.added else f"{self.of(side) - 1:+.0%}"


DIALS = (
    Dial("demand", "demand"),
    Dial("elasticities", "elasticities"),
    Dial("spread", "spread of demand"),
    Dial("unit_cost", "unit costs", 0.9, 1.1),  # a quarter more would leave no margin
    Dial("order_cost", "order cost"),
    Dial("min_order", "smallest order"),
    Dial("holding_cost", "holding cost"),
    Dial("lost_sale_cost", "lost-sale cost"),
    Dial("salvage_value", "salvage value", high=1.1),  # at most the unit cost
    Dial("initial_stock", "first stock"),
    Dial("lead_time", "lead time", -1, 1, added=True),
    Dial("cold_store_overflow", "cost of overflow"),
    Dial("receiving_overtime", "cost of overtime"),
    Dial("cold_store", "cold store", limit=True),
    Dial("open_to_buy", "open to buy", limit=True),
    Dial("receiving_labour", "receiving", limit=True),
    Dial("promotion_slots", "promotion slots", 0.5, 1.5, limit=True),  # of two slots, one
    Dial("price_image", "price image", 0.95, 1.05, limit=True),  # a quarter dearer is no rule any more
)
"""Every figure that may be off. Not among them is what sets the size of the problem (how long is planned ahead, how
many scenarios and price points there are) and what is called today, a promotion, or a price that was seen."""

Altered = Callable[[Response, float, Floats], Response]


def _level(response: Response, factor: float, price: Floats) -> Response:
    return replace(response, level=response.level + np.log(factor))


def _elasticities(response: Response, factor: float, price: Floats) -> Response:
    """Demand at today's prices (I,) stays."""
    x = np.log(price / response.base_price)
    at_today = response.own * x + response.cross @ x
    steeper = {name: factor * getattr(response, name) for name in ("own", "cross", "own_featured")}
    return replace(response, level=response.level + (1 - factor) * at_today, **steeper)


def _spread(response: Response, factor: float, price: Floats) -> Response:
    """Expected demand stays."""
    return replace(response, residuals=factor * response.residuals)


DEMAND: Mapping[str, Altered] = {"demand": _level, "elasticities": _elasticities, "spread": _spread}
"""What a dial does to demand: from a response, a factor and today's prices (I,) to a response."""


def dial_of(variant: Variant) -> Dial | None:
    """The figure that is other than assumed; None if all are as they are."""
    return next((dial for dial in DIALS if dial.figure == variant.figure), None)


def name_of(variant: Variant) -> str:
    """A variant for people."""
    dial = dial_of(variant)
    return "all as it is" if dial is None else f"{dial.label} {dial.by(variant.side)}"


def changed(case: Case, variant: Variant) -> Case | None:
    """The case with another figure; None if no such case can be."""
    dial = dial_of(variant)
    if dial is None or dial.figure in DEMAND:
        return case
    by = dial.of(variant.side)
    if dial.figure == "unit_cost":
        return replace(case, unit_cost=by * case.unit_cost)
    figures = case.assumptions.model_dump()
    own = figures[dial.figure]
    own["value"] = own["value"] + by if dial.added else own["value"] * by
    try:
        return replace(case, assumptions=Assumptions.model_validate(figures))
    except ValidationError:
        return None


def responses(estimates: Estimates, case: Case, start: int) -> dict[str, Response]:
    """How demand responds as each forecaster has it at a start, and as nature does."""
    return estimates.responses(case, start) | {NATURE: estimates.nature}


def problems_of(case: Case, known: Mapping[str, Response], settings: Settings, variant: Variant) -> Problems | None:
    """What is planned and scored on where a figure is other than assumed; None if no such world can be.

    Args:
        case: as assumed.
        known: how demand responds at the start, see `responses`.
        settings: of the run.
        variant: which figure, and the start.
    """
    other, dial = changed(case, variant), dial_of(variant)
    if other is None:
        return None
    if dial is not None and dial.figure in DEMAND:
        price = today(other, variant.start).price
        known = {name: DEMAND[dial.figure](each, dial.of(variant.side), price) for name, each in known.items()}
    pictures = Pictures(
        *(picture(other, variant.start, saying(known[name]), seed=settings.seed) for name in FORECASTERS)
    )
    scored = nature(
        other,
        variant.start,
        pictures.estimated,
        scenarios=settings.nature_scenarios,
        seed=settings.seed,
        response=known[NATURE],
    )
    return Problems(pictures, replace(scored, name=pictures.estimated.name))


@dataclass(frozen=True)
class Again:
    """A variant with all that is needed to plan under it elsewhere.

    Attributes:
        variant: which figure is other than assumed, and the start.
        case, known, settings: as in `problems_of`.
        orders: of hand-offs; the one that promises most is the best sequential plan.
        plan: the run's joint plan, from which a search may start.
        key: everything that the result depends on.
    """

    variant: Variant
    case: Case
    known: Mapping[str, Response]
    settings: Settings
    orders: tuple[str, ...]
    plan: Plan | None
    key: Mapping[str, str]


def tasks_of(
    estimates: Estimates,
    case: Case,
    settings: Settings,
    starts: Sequence[int],
    cells: Sequence[CellRecord],
    plans: Mapping[int, Plan],
) -> list[Again]:
    """Every variant, start by start; those in which nothing is different are left out.

    Args:
        estimates, case, settings: of the run.
        starts: for which to plan again.
        cells: of the run; they say which order of hand-offs promises most.
        plans: the run's joint plans, by start.
    """
    digest, orders = digest_of(case), orders_of(cells)
    tasks = []
    for start in starts:
        known = responses(estimates, case, start)
        given = {"orders": ", ".join(orders), "plan": _digest(plans.get(start))} | _source()
        as_it_is: dict[str, str] = {}
        for variant in _variants(start):
            problems = problems_of(case, known, settings, variant)
            if problems is not None and problems.digests() != as_it_is:
                as_it_is = as_it_is or problems.digests()
                key = key_of(Cell(start=start, tightness=1.0, model=JOINT), settings, digest, problems) | given
                tasks.append(Again(variant, case, known, settings, orders, plans.get(start), key))
    return tasks


def _variants(start: int) -> Iterator[Variant]:
    yield Variant(start=start)
    for dial in DIALS:
        for side in SIDES:
            yield Variant(start=start, figure=dial.figure, side=side)


def orders_of(cells: Sequence[CellRecord]) -> tuple[str, ...]:
    """The usual order of hand-offs, and the one that promises most at the figures as they are."""
    promised: defaultdict[str, list[float]] = defaultdict(list)
    for record in cells:
        if record.cell.model in HANDED_ON and record.promise is not None and record.promise.profit is not None:
            promised[record.cell.model].append(record.promise.profit)
    known = {model: fmean(own) for model, own in promised.items()}
    return tuple(dict.fromkeys([SEQUENTIAL, max(known, key=lambda model: known[model], default=SEQUENTIAL)]))


def _digest(plan: Plan | None) -> str:
    return "" if plan is None else hashlib.sha256(plan.level.tobytes() + plan.order.tobytes()).hexdigest()


@cache
def _source() -> dict[str, str]:
    return {"sensitivity": source_digest(("desilo.harness.sensitivity",))}


def replan(again: Again) -> Replanned:
    """Plan in every order asked for, then as one from the best of these plans, and score all of it."""
    problems = problems_of(again.case, again.known, again.settings, again.variant)
    assert problems is not None, "such a world can be"
    estimated, settings = problems.pictures.estimated, again.settings
    plans = [] if again.plan is None else [again.plan]
    records = []
    for model in (*again.orders, JOINT):
        promises = {k: found.profit for k, plan in enumerate(plans) if (found := check(estimated, plan)).feasible}
        best = plans[max(promises, key=lambda k: promises[k])] if promises else None
        task = Task(
            cell=Cell(start=again.variant.start, tightness=1.0, model=model),
            problems=problems,
            prices={},
            options=Options(gap=settings.gap_of(model), seed=settings.seed, time_limit=PART * settings.time_limit),
            sample=settings.clairvoyant_scenarios,
            key={},
            run_limit=settings.time_limit,
            known=best,
        )
        record, made = work(task)
        plans += made.values()
        records.append(record)
    return Replanned(variant=again.variant, key=dict(again.key), cells=tuple(records))


def plan_again(
    pool: Executor, tasks: Sequence[Again], settings: Settings, folder: Path, watcher: Watcher[Replanned]
) -> tuple[Replanned, ...]:
    """Work off what is not on record yet, and keep each as soon as it is done.

    Args:
        pool: that works.
        tasks: in their order.
        settings: of the run.
        folder: of the run.
        watcher: told what happens.

    Raises:
        KeyboardInterrupt: a solver was interrupted.
    """
    found = {task.variant: on_record(folder, task, settings.time_limit) for task in tasks}
    done = {variant: record for variant, record in found.items() if record is not None}
    watcher.begin(len(tasks), len(done))
    waiting = [task for task in tasks if task.variant not in done]
    running: set[Future[Replanned]] = set()
    while waiting or running:
        while waiting and len(running) < settings.jobs:
            running.add(pool.submit(replan, waiting.pop(0)))
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            record = future.result()
            if any(step.stop is Stop.INTERRUPTED for cell in record.cells for step in cell.steps):
                raise KeyboardInterrupt
            write_record(record, path_of(folder, record.variant))
            done[record.variant] = record
            watcher.finished(record)
    return tuple(done[task.variant] for task in tasks)


def replanned_in(folder: Path, variants: Sequence[Variant]) -> tuple[Replanned, ...]:
    """The records of variants that are in a run's folder.

    Raises:
        BadInput: one cannot be read.
    """
    return records_in(
        Replanned, {variant: path_of(folder, variant) for variant in variants}, lambda found: found.variant
    )


def path_of(folder: Path, variant: Variant) -> Path:
    """The record of a variant in a run's folder."""
    return folder / SENSITIVITY / f"{variant.slug}.json"


def on_record(folder: Path, task: Again, run_limit: float) -> Replanned | None:
    """The record of a variant if it can be used."""
    try:
        record = read_record(Replanned, path_of(folder, task.variant))
    except (OSError, ValueError):
        return None
    longer = any(cell.stop is Stop.TIME_LIMIT and run_limit > cell.run_limit for cell in record.cells)
    return record if (record.variant, record.key) == (task.variant, task.key) and not longer else None
