"""What a run keeps: one JSON file a cell, one for the run. The schema is versioned; what is not known is null."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import schema_problems
from desilo.cases.folders import TEMPORARY, fresh_file
from desilo.harness.sell import EFFECT_ON_PROFIT
from desilo.operating.decision import Strength
from desilo.solving import Stop

SchemaVersion = Literal[1]
"""Raised whenever a record of an older version can no longer be read."""


def _known(figure: object) -> object:
    """JSON has no nan and no infinity: what is not known is null."""
    return None if isinstance(figure, float) and not math.isfinite(figure) else figure


Known = Annotated[float | None, BeforeValidator(_known)]
"""A finite figure, or None where it is not known."""


def _every_cause(breakdown: dict[str, float]) -> dict[str, float]:
    """Sums over causes need each of them, and no other."""
    if breakdown.keys() != EFFECT_ON_PROFIT.keys():
        raise ValueError(f"money by cause of profit is expected: {', '.join(EFFECT_ON_PROFIT)}")
    return breakdown


COUNTS = ("seed", "scenarios", "nature_scenarios", "clairvoyant_scenarios")
"""Settings of a run that its summary is computed with."""


def _counted(settings: dict[str, Any]) -> dict[str, Any]:
    for name in COUNTS:
        if type(settings.get(name)) is not int:
            raise ValueError(f"a whole number '{name}' is expected")
    return settings


class Record(BaseModel):
    """A part of a record: read-only, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepRecord(Record):
    """One decision of one function, with all that the solver says about it; see `desilo.solving.Outcome`."""

    function: str
    stop: Stop
    feasible: bool
    objective: Known
    bound: Known
    gap: Known
    sense: int
    simplex_iterations: int
    ipm_iterations: int
    nodes: int
    seconds: dict[str, float]
    size: dict[str, int]
    solver: str
    options: dict[str, bool | int | Known | str]


class Score(Record):
    """A plan sold first come first served on one picture of demand; expected over its scenarios, over the horizon."""

    profit: float  # money
    breakdown: Annotated[dict[str, float], AfterValidator(_every_cause)]  # money by cause of profit, costs positive
    gross_margin: float  # share of the revenue left after the unit costs of what is sold
    fill_rate: float
    average_stock: float  # units at the end of a period, all items
    sampled_profit: float  # money, mean over the scenarios that the clairvoyant plan is worked out for


class PlanFacts(Record):
    """What a plan does, in figures that can be set side by side. Periods are counted from 1."""

    promotions: tuple[tuple[str, int], ...]  # item, period
    price_index: float  # price over reference price, weighted by expected reference sales
    orders: int  # order lines placed
    units_ordered: tuple[float, ...]  # by period
    stock: tuple[float, ...]  # expected end-of-period units on nature, by period
    contribution: tuple[float, ...]  # on nature, by period: sales at price less unit cost, less lost sales; money
    supplied_before: int  # periods in which nothing ordered in the plan can be sold yet


class Promise(Record):
    """A plan on the estimated picture, the best that was known beforehand, with best recourse in each scenario."""

    profit: Known  # money, expected
    feasible: bool
    violations: tuple[str, ...]


class Scarcity(Record):
    """What one more unit of a shared limit would earn on the estimated picture, levels and set-ups of a plan given."""

    limit: str
    prices: tuple[float, ...]  # shadow prices by period, money


class Coordinated(Record):
    """What teams that plan apart came to with one strength of coordination, and what was told for it."""

    promise: Promise
    nature: Score
    rounds: int
    messages: int
    told: int  # numbers that the coordinating office told the teams
    revealed: int  # numbers that the teams told it
    plan: str | None = None  # SHA-256 of the plan's file


class Coordination(Record):
    """The teams of a cell, and every strength of coordination that ended in a plan; the last one's is the cell's."""

    teams: int
    joint_bound: Known  # proven by the transfer prices: no joint plan promises more; money
    strengths: dict[Strength, Coordinated]


class Cell(Record):
    """One operating model on one problem."""

    start: int  # calendar period
    tightness: float  # factor on the shared capacities
    model: str

    @property
    def slug(self) -> str:
        """Name of the cell's files."""
        return f"{self.start}-t{self.tightness:g}-{self.model.replace(' ', '-').replace('>', '-')}"

    def plan_file(self, strength: Strength = Strength.REPAIR) -> str:
        """Name of the file with the cell's plan, or with that of a weaker coordination."""
        return f"{self.slug}.json" if strength is Strength.REPAIR else f"{self.slug}-{strength}.json"


class CellRecord(Record):
    """What became of a cell. Reused by a later run if `key` agrees and more time would not help."""

    schema_version: SchemaVersion = 1
    cell: Cell
    key: dict[str, str]  # everything that the result depends on
    limit: float  # seconds the cell was given
    run_limit: float  # seconds the whole run was given
    stop: Stop
    objective: Known  # as in `desilo.operating.decision.Decision`
    bound: Known
    gap: Known
    repaired: bool
    seconds: float
    steps: tuple[StepRecord, ...]
    claim: float  # money the pricing function sees in the plan's prices, on yesterday's picture
    plan: str | None = None  # SHA-256 of the plan's file
    facts: PlanFacts | None = None
    promise: Promise | None = None
    estimated: Score | None = None
    nature: Score | None = None
    coordination: Coordination | None = None  # of the operating model `coordinated`
    scarcity: tuple[Scarcity, ...] = ()  # of the operating model `joint`

    @property
    def plans(self) -> dict[str, str | None]:
        """SHA-256 of every plan's file, by its name."""
        strengths = {} if self.coordination is None else self.coordination.strengths
        return {self.cell.plan_file(): self.plan} | {
            self.cell.plan_file(s): found.plan for s, found in strengths.items()
        }

    def signed(self, digests: Mapping[str, str]) -> Self:
        """The record once its plans are on file, with the SHA-256 of every file by its name."""
        found = self.coordination
        if found is not None:
            strengths = {
                s: each.model_copy(update={"plan": digests[self.cell.plan_file(s)]})
                for s, each in found.strengths.items()
            }
            found = found.model_copy(update={"strengths": strengths})
        return self.model_copy(update={"plan": digests.get(self.cell.plan_file()), "coordination": found})


class Variant(Record):
    """A start with one figure other than it is, or with all as they are; see `desilo.harness.sensitivity`."""

    start: int  # calendar period
    figure: str = ""  # none: all as they are
    side: Literal["", "low", "high"] = ""

    @property
    def slug(self) -> str:
        """Name of the variant's file."""
        return "-".join([str(self.start), self.figure or "as-it-is", *([self.side] if self.side else [])])


class Replanned(Record):
    """What became of a variant: cells as in the run, without their plans. Reused by a later run if `key` agrees."""

    schema_version: SchemaVersion = 1
    variant: Variant
    key: dict[str, str]  # everything that the result depends on
    cells: tuple[CellRecord, ...]  # orders of hand-offs, then the joint model


class Assumption(Record):
    """An operating figure and where it comes from."""

    name: str
    value: float
    unit: str
    reason: str
    assumed: bool


class Elasticity(Record):
    """An item's own-price elasticity as estimated before the hold-out; see `desilo.operating.identification`."""

    item: str
    own: float
    low: Known  # 95% interval of the item's own records; None without end
    high: Known


class RunRecord(Record):
    """What was run: enough to run it again, and to read the records without the case."""

    schema_version: SchemaVersion = 1
    settings: Annotated[dict[str, Any], AfterValidator(_counted)]
    case: str
    title: str
    currency: str
    period_unit: str
    source: str
    licence: str
    items: int
    horizon: int
    starts: tuple[int, ...]
    cells: tuple[Cell, ...]
    assumptions: tuple[Assumption, ...]
    forecast_errors: dict[str, Known]  # by forecaster: WAPE on the held-out periods at the actual prices
    versions: dict[str, str]
    digests: dict[str, str]  # of the case and of every instance
    machine: dict[str, str]
    elasticities: tuple[Elasticity, ...] = ()
    prices_left: tuple[str, ...] = ()  # items whose price moved too seldom to be decided on
    variants: tuple[Variant, ...] = ()  # that were asked for, start by start


AnyRecord = TypeVar("AnyRecord", bound=Record)
Subject = TypeVar("Subject", Cell, Variant)


def write_record(record: Record, path: Path) -> None:
    """Write a record as JSON, wholly or not at all."""
    write_text(record.model_dump_json(indent=1) + "\n", path)


def read_record(kind: type[AnyRecord], path: Path) -> AnyRecord:
    """Read a record.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such record.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        place, message = schema_problems(error, lambda _: kind.model_fields)[0]
        raise ValueError(f"{place}: {message}" if place else message) from None


def records_in(
    kind: type[AnyRecord], places: Mapping[Subject, Path], of: Callable[[AnyRecord], Subject]
) -> tuple[AnyRecord, ...]:
    """The records that are there.

    Args:
        kind: of record.
        places: where the record of each subject, a cell or a variant, would be.
        of: what a record is of.

    Raises:
        BadInput: one cannot be read, or is of something else.
    """
    found = []
    for subject, path in places.items():
        noun = type(subject).__name__.lower()
        if path.exists():
            try:
                found.append(read_record(kind, path))
                if of(found[-1]) != subject:
                    raise ValueError(f"its figures are another {noun}'s")
            except (OSError, ValueError) as error:
                why = str(error).splitlines()[0]
                what = f"is no record of a {noun}: {why}; the same `desilo run` works it out again"
                raise BadInput([Problem(str(path), what)]) from None
    return tuple(found)


def write_text(text: str, path: Path) -> None:
    """Write a file wholly or not at all.

    Raises:
        BadInput: it cannot be written there.
        OSError: the disk is full.
    """
    with fresh_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8", newline="\n")


def sweep(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for left in [*folder.rglob(f"{TEMPORARY}*")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
