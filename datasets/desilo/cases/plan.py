"""A plan: the here-and-now decisions for the whole horizon, and its file."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from desilo.cases.findings import SHOWN, Findings, beyond_python, did_you_mean, quoted, schema_problems, spelt
from desilo.cases.folders import fresh_file
from desilo.cases.instance import Bools, Floats, Instance, Ints
from desilo.cases.tables import read_text

SMALLEST_ORDER = 1e-6
"""Units; an order below this is no order (solver tolerance)."""

MAX_BYTES = 2**28
"""A larger solution file is refused: two million entries take some 30 bytes each, and a thousand once they are read."""

LARGEST_ORDER = 1e15
"""Units: a thousand periods of the largest demand. Where more is ordered, single units are lost in rounding."""


@dataclass(frozen=True)
class Plan:
    """One price level per item and period, and one order quantity.

    Attributes:
        level: (I, T) index of the chosen level.
        order: (I, T) units ordered, 0 where no order is placed.
    """

    level: Ints
    order: Floats

    def price(self, instance: Instance) -> Floats:
        """(I, T) the chosen prices."""
        chosen: Floats = instance.price[np.arange(len(instance.items))[:, None], self.level]
        return chosen


def _possible(units: float) -> float:
    if not -SMALLEST_ORDER <= units <= LARGEST_ORDER:  # nan is not, either
        raise ValueError(f"found {units:g}; a number of units from 0 to {LARGEST_ORDER:g} is expected")
    return units


_Period = Annotated[int, Field(ge=1)]
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Level(BaseModel):
    model_config = _STRICT

    item: str
    period: _Period
    level: str


class _Order(BaseModel):
    model_config = _STRICT

    item: str
    period: _Period
    quantity: Annotated[float, AfterValidator(_possible)]


class _Solution(BaseModel):
    """A solution file."""

    model_config = _STRICT

    instance: str
    levels: list[_Level]
    orders: list[_Order]


def read_plan(instance: Instance, path: Path | str) -> Plan:
    """Read a solution file.

    Args:
        instance: what it is a solution of.
        path: a JSON file with one level per item and period, and the orders; a missing order is 0. A negative
            quantity within `SMALLEST_ORDER` of 0 is a solver's rounding and becomes 0.

    Raises:
        BadInput: with everything that is wrong. Whether the plan is feasible is not checked here.
    """
    path = Path(path)
    findings = Findings()
    solution = _read_solution(path, findings)
    findings.stop_if_any()
    if solution is None:
        raise AssertionError("a solution or a problem")
    if solution.instance != instance.name:
        findings.add(
            path.name,
            f"solves instance '{solution.instance}', not '{instance.name}'; name that one",
            None,
            "instance",
        )
    items = {name: i for i, name in enumerate(instance.items)}
    slots = [{name: k for k, name in enumerate(own)} for own in instance.levels]
    shape = (len(instance.items), instance.periods)
    level = np.full(shape, -1, dtype=np.int64)
    order = np.full(shape, np.nan)
    wrong: list[tuple[str, str]] = []
    unreadable = 0  # level entries that could not be placed
    for n, entry in enumerate(solution.levels):
        place = f"levels[{n}]"
        problem = _misplaced(entry, items, instance.periods, level >= 0)
        if problem is None:
            i, t = items[entry.item], entry.period - 1
            slot = slots[i].get(entry.level)
            if slot is None:
                known = quoted(instance.levels[i])
                problem = f"item '{entry.item}' has no level '{entry.level}'; its levels: {known}"
            else:
                level[i, t] = slot
        if problem is not None:
            wrong.append((place, problem))
            unreadable += 1
    for n, sent in enumerate(solution.orders):
        problem = _misplaced(sent, items, instance.periods, ~np.isnan(order))
        if problem is not None:
            wrong.append((f"orders[{n}]", problem))
        else:
            order[items[sent.item], sent.period - 1] = max(sent.quantity, 0.0)
    if not unreadable:
        for i, t in np.argwhere(level < 0):
            wrong.append(("levels", f"no level for item '{instance.items[i]}' in period {t + 1}; add one"))
    _add_all(path.name, wrong, findings)
    findings.stop_if_any()
    return Plan(level, np.nan_to_num(order))


def _read_solution(path: Path, findings: Findings) -> _Solution | None:
    twice: list[tuple[str, str]] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object; by itself JSON would let the last of the same keys win."""
        found = dict(pairs)
        if len(found) < len(pairs):
            where = ", ".join(f"{key} {spelt(found[key])}" for key in ("item", "period") if key in found)
            for key, count in Counter(key for key, _ in pairs).items():
                if count > 1:
                    said = f"the key is there {count} times in one object" + (f" ({where})" if where else "")
                    twice.append((key, f"{said}; keep one"))
        return found

    try:
        text = read_text(path, findings, MAX_BYTES)
        if text is None:
            return None
        values = json.loads(text, object_pairs_hook=unique)
        _add_all(path.name, twice, findings)
        return _Solution.model_validate(values)
    except OSError as error:
        findings.add(str(path), f"cannot be read: {error.strerror}; a solution file is expected")
    except ValidationError as error:
        known: dict[str, type[BaseModel]] = {"levels": _Level, "orders": _Order}
        problems = schema_problems(error, lambda place: (known[place[0]] if place else _Solution).model_fields)
        _add_all(path.name, problems, findings)
    except json.JSONDecodeError as error:
        findings.add(path.name, f"not valid JSON: {error.msg} at character {error.colno}", error.lineno)
    except (ValueError, RecursionError) as error:
        findings.add(path.name, f"not usable JSON: {beyond_python(error)}")
    return None


def _misplaced(entry: _Level | _Order, items: dict[str, int], periods: int, taken: Bools) -> str | None:
    """What is wrong with an entry's item and period, if anything."""
    if entry.item not in items:
        return f"unknown item '{entry.item}'; {did_you_mean(entry.item, items)}"
    if entry.period > periods:
        return f"found {spelt(entry.period)}; periods run from 1 to {periods}"
    if taken[items[entry.item], entry.period - 1]:
        return f"item '{entry.item}', period {entry.period} is there already; keep one of the two"
    return None


def _add_all(file: str, problems: list[tuple[str, str]], findings: Findings) -> None:
    """Note (place, message) problems, a few of each part of the file."""
    for part in dict.fromkeys(place.split("[")[0] for place, _ in problems):
        own = [problem for problem in problems if problem[0].split("[")[0] == part]
        for place, message in own[:SHOWN]:
            findings.add(file, message, column=place or None)
        findings.add_count(file, part or None, len(own) - SHOWN)


def as_solution(instance: Instance, plan: Plan) -> dict[str, Any]:
    """A plan as its file has it. Orders of 0 are left out; figures keep full precision."""
    cells = [(i, t) for i in range(len(instance.items)) for t in range(instance.periods)]
    return {
        "instance": instance.name,
        "levels": [
            {"item": instance.items[i], "period": t + 1, "level": instance.levels[i][plan.level[i, t]]}
            for i, t in cells
        ],
        "orders": [
            {"item": instance.items[i], "period": t + 1, "quantity": float(plan.order[i, t])}
            for i, t in cells
            if plan.order[i, t]
        ],
    }


def write_plan(instance: Instance, plan: Plan, path: Path | str) -> None:
    """Write a solution file, wholly or not at all.

    Raises:
        BadInput: the file cannot be written there.
        OSError: the disk is full.
    """
    path = Path(path)
    solution = as_solution(instance, plan)
    with fresh_file(path) as fresh:
        fresh.write_text(json.dumps(solution, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
