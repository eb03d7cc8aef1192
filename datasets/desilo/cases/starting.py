"""A case folder to fill in: every file with its explanation, every operating figure at its documented default."""

from __future__ import annotations

import re
from pathlib import Path

from desilo.cases.defaults import Measure, PeriodUnit, default_assumptions
from desilo.cases.errors import BadInput, Problem
from desilo.cases.folders import fresh_folder
from desilo.cases.importing.case import assumptions_toml, write_text
from desilo.cases.keys import toml_value
from desilo.cases.opening import ITEMS, SALES
from desilo.cases.tables import CONTROL

SPEND, UNIT_COST, ITEM_COUNT = 1000.0, 1.0, 10
"""What the figures in money are made for: an item bought for so much a period, at so much a unit, among so many."""

_HEADER = """\
# A case: a sales history with its assumptions. Fill in this file, items.csv and sales.csv, look through
# assumptions.toml, then `desilo data check` the folder.
name = {name} # on one line, without slashes: files are named after it
title = {title} # one line for people
period_unit = {unit} # day, week, month or quarter: the season of the demand model is a year of them
currency = {currency}
source = "your own records"
licence = "own data"
holdout = 79 # first period the planner must not see; plans are scored on what follows, a quarter of the history, say
zones = ["all"] # price zones: where the same price is asked

# items.csv: an item is a product in a price zone; volume is the room a unit takes up, in any measure; an
# optional group names its substitutes, whose prices act on each other's sales (all of its zone otherwise). For example
#   item,product,zone,volume
#   juice,juice,all,1
# sales.csv: a row an item and period, periods numbered consecutively; price and unit_cost per unit, feature: the
# share of the stores that promoted it, 0 to 1. No row where nothing is known (also when the item was out of stock);
# 0 units where it was on offer and nothing was sold. For example
#   item,period,units,price,unit_cost,feature
#   juice,1,120,2.49,1.60,0
#   juice,2,310,1.99,1.60,1
"""


def name_of(folder: Path) -> str:
    """The name of a case after its folder: files are named after it, and it is shown on one line."""
    return re.sub(rf"[/\\]|{CONTROL}", "-", folder.resolve().name).strip() or "case"


def start_case(folder: Path, period_unit: PeriodUnit = "week", currency: str = "EUR") -> None:
    """Write a case folder to fill in, wholly or not at all.

    Raises:
        BadInput: the folder has something in it, or cannot be written; the currency is not text on one line.
    """
    if re.search(CONTROL, currency):
        raise BadInput([Problem("--currency", f"found {currency!r}; text on one line is expected")])
    name = name_of(folder)
    measure = Measure(period_unit, currency, SPEND, UNIT_COST, ITEM_COUNT)
    remark = (
        f"#\n# Figures in money are made for items bought for {SPEND:,.0f} {currency} a {period_unit} each, at "
        f"{UNIT_COST:g} {currency} a unit: bring them to\n# your scale (`desilo import` does).\n"
    )
    top, figures = assumptions_toml(default_assumptions(measure)).split("\n\n", 1)
    with fresh_folder(folder) as fresh:
        filled = _HEADER.format(
            name=toml_value(name),
            title=toml_value(f"{name}: a title"),
            unit=toml_value(period_unit),
            currency=toml_value(currency),
        )
        write_text(fresh / "case.toml", filled)
        write_text(fresh / "assumptions.toml", f"{top}\n{remark}\n{figures}")
        for table, schema in (("items", ITEMS), ("sales", SALES)):
            write_text(
                fresh / f"{table}.csv",
                ",".join(name for name, column in schema.columns.items() if column.required) + "\n",
            )
