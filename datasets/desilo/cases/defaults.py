"""What a case assumes where nothing is known but sales and unit costs: `defaults.toml`, made to a case's measure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desilo.cases.case import Assumptions, Figure

PeriodUnit = Literal["day", "week", "month"]

DEFAULTS = Path(__file__).with_name("defaults.toml")

DIGITS = 3
"""Significant digits of a figure in money; more would look like knowledge."""


@dataclass(frozen=True)
class Measure:
    """What the defaults depend on.

    Attributes:
        period_unit: of the case.
        currency: of the case.
        spend: what the mean item's purchases cost in a period, money.
        unit_cost: mean over the units sold, money per unit.
        items: in the smallest price zone.
    """

    period_unit: PeriodUnit
    currency: str
    spend: float
    unit_cost: float
    items: int


def default_assumptions(measure: Measure) -> Assumptions:
    """Every operating figure at its documented default, marked as assumed."""
    figures = {name: _figure(entry, measure) for name, entry in tomllib.loads(DEFAULTS.read_text("utf-8")).items()}
    slots = figures["promotion_slots"]
    figures["promotion_slots"] = slots.model_copy(update={"value": at_least_one(slots.value, measure.items)})
    return Assumptions.model_validate(figures)


def at_least_one(share: float, items: int) -> float:
    """A share of the items that comes to one of them, if it is smaller."""
    return max(share, round(1 / items, 3))


def _figure(entry: dict[str, Any], measure: Measure) -> Figure:
    chosen = {key: _of_period(given, measure.period_unit) for key, given in entry.items()}
    value, share = float(chosen["value"]), f"{chosen['value']:.2%}".replace("0%", "%")
    if "share_of" in chosen:
        value = float(f"{value * getattr(measure, chosen['share_of']):.{DIGITS}g}")
    words = {
        "period": measure.period_unit,
        "periods": f"{measure.period_unit}s",
        "currency": measure.currency,
        "share": share,
    }
    return Figure(value=value, unit=chosen["unit"].format(**words), reason=chosen["reason"].format(**words))


def _of_period(given: Any, period_unit: PeriodUnit) -> Any:
    return given[period_unit] if isinstance(given, dict) else given
