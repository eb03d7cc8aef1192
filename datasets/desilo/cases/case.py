"""A case: a company's sales history plus the operating assumptions under which it plans.

Estimating demand turns a case into instances; see `desilo.operating.picture`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from desilo.cases.errors import BadInput, Problem
from desilo.cases.instance import Floats, Ints
from desilo.cases.tables import LARGEST


class Figure(BaseModel):
    """One operating figure with its reason. Assumed unless the data say otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    value: Annotated[float, Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]
    unit: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    assumed: bool = True


def _between(low: float, high: float, whole: bool = False) -> AfterValidator:
    """A figure whose value lies in [low, high] and, if asked, is a whole number."""

    def check(figure: Figure) -> Figure:
        if not low <= figure.value <= high or (whole and figure.value % 1):
            kind = "a whole number" if whole else "a value"
            limits = f"not below {low:g}" if high == inf else f"between {low:g} and {high:g}"
            raise ValueError(f"found {figure.value:g}; {kind} {limits} is expected")
        return figure

    return AfterValidator(check)


Count = Annotated[Figure, _between(1, inf, whole=True)]
Share = Annotated[Figure, _between(0, 1)]
Amount = Annotated[Figure, _between(0, inf)]


class Assumptions(BaseModel):
    """Everything about the operation that public price data do not tell. Marked as assumed wherever shown.

    "Today" is the last `today_window` periods of the training history: its mean sales, prices and spend.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    today_window: Count  # periods that make up "today"
    horizon: Count  # periods planned at once
    scenarios: Count  # demand scenarios the planner uses
    ladder_levels: Annotated[Figure, _between(2, inf, whole=True)]  # price points per item
    ladder_low: Share  # quantile of the item's observed prices at the bottom of the ladder
    ladder_high: Share  # quantile at the top: the ladder never leaves the observed range
    promo_depth: Share  # a level at or below this share of the reference price is promotional (featured)
    promotion_slots: Share  # promotional items per zone and period, as a share of the zone's items
    price_image: Amount  # basket weighted by today's sales, per zone: at most this share of today's basket price
    lead_time: Annotated[Figure, _between(0, inf, whole=True)]  # periods
    order_cost: Amount  # money per order line
    min_order: Amount  # units, share of today's mean sales per period
    holding_cost: Amount  # per period, share of the unit cost
    lost_sale_cost: Amount  # goodwill per unit of unmet demand, share of the reference margin
    salvage_value: Share  # per unit left at the end, share of the cheapest unit cost of the horizon
    initial_stock: Amount  # periods of today's mean sales
    cold_store: Amount  # end-of-period stock volume, in periods of today's mean sales volume
    cold_store_overflow: Amount  # money per unit of volume and period stored above the cold store
    open_to_buy: Amount  # spend per period at cost, share of today's mean spend
    receiving_labour: Amount  # units received per period, share of today's mean; above it overtime is paid
    receiving_overtime: Amount  # money per unit received above the receiving labour

    @model_validator(mode="after")
    def _agree(self) -> Assumptions:
        if self.ladder_low.value >= self.ladder_high.value:
            found = f"found ladder_low {self.ladder_low.value:g} and ladder_high {self.ladder_high.value:g}"
            raise ValueError(f"{found}; ladder_low must lie below ladder_high")
        if self.lead_time.value >= self.horizon.value:
            found = f"found lead_time {self.lead_time.value:g} and horizon {self.horizon.value:g}"
            raise ValueError(f"{found}; lead_time must be shorter than the horizon, or nothing ordered can be sold")
        return self


@dataclass(frozen=True)
class Case:
    """A sales history of I items over P calendar periods, and the assumptions.

    Attributes:
        name: identifier of the case.
        title: one line for people.
        items: I names; an item is a product in a price zone.
        products: I product names.
        zones: I price-zone names.
        groups: I names of groups of substitutes, each in one zone: within it prices act on each other's demand.
        volume: (I,) storage volume per unit (e.g. gallons).
        periods: (P,) calendar labels, increasing by 1.
        units: (I, P) units sold; nan where there is no record.
        price: (I, P) shelf price per unit; nan where there is no record.
        unit_cost: (I, P) wholesale cost per unit; nan where there is no record.
        feature: (I, P) share of the stores that featured the item, 0..1; nan where there is no record.
        holdout: index of the first period the planner must not see.
        assumptions: operating figures.
        period_unit, currency, source, licence: for people.
    """

    name: str
    title: str
    items: tuple[str, ...]
    products: tuple[str, ...]
    zones: tuple[str, ...]
    groups: tuple[str, ...]
    volume: Floats
    periods: Ints
    units: Floats
    price: Floats
    unit_cost: Floats
    feature: Floats
    holdout: int
    assumptions: Assumptions
    period_unit: str
    currency: str
    source: str
    licence: str

    def __repr__(self) -> str:
        first, last = self.periods[[0, -1]]
        return f"<Case {self.name}: {len(self.items)} items, {self.period_unit}s {first} to {last}>"

    @property
    def sales(self) -> pd.DataFrame:
        """One row a record: item, product, zone, period (calendar), units, price and unit_cost (per unit), feature."""
        item, period = np.nonzero(~np.isnan(self.units))
        return pd.DataFrame(
            {
                "item": np.array(self.items)[item],
                "product": np.array(self.products)[item],
                "zone": np.array(self.zones)[item],
                "period": self.periods[period],
                "units": self.units[item, period],
                "price": self.price[item, period],
                "unit_cost": self.unit_cost[item, period],
                "feature": self.feature[item, period],
            }
        )

    @property
    def figures(self) -> pd.DataFrame:
        """One row an operating figure: value, unit, reason, and whether it is assumed."""
        return pd.DataFrame.from_dict(self.assumptions.model_dump(), orient="index").rename_axis("figure")

    def select_zones(self, zones: tuple[str, ...]) -> Case:
        """The same case with the items of some zones only.

        Raises:
            BadInput: a zone is not one of the case's.
        """
        known = ", ".join(sorted(set(self.zones)))
        unknown = sorted(set(zones) - set(self.zones))
        if unknown or not zones:
            wrong = [f"zone {zone!r} is not in this case" for zone in unknown] or ["no zone is chosen"]
            raise BadInput([Problem(self.name, f"{what}; its zones are {known}") for what in wrong])
        keep = np.isin(np.array(self.zones), zones)
        pick = [index for index, kept in enumerate(keep) if kept]
        return replace(
            self,
            items=tuple(self.items[k] for k in pick),
            products=tuple(self.products[k] for k in pick),
            zones=tuple(self.zones[k] for k in pick),
            groups=tuple(self.groups[k] for k in pick),
            volume=self.volume[pick],
            units=self.units[pick],
            price=self.price[pick],
            unit_cost=self.unit_cost[pick],
            feature=self.feature[pick],
        )
