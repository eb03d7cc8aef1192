"""A small instance folder and a small case folder that are fine, to be broken."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from desilo.cases.errors import BadInput, Problem
from desilo.cases.opening import BUNDLED

FOREIGN = re.compile(
    "[Ii]nput should|[Ee]xtra inputs|[Vv]alue error|validation error|pydantic|pandera|dtype|DataFrame|datetime|"
    "Traceback|sys\\.|_[A-Z]|None|True|False",
)
"""Words of the libraries underneath, and of Python: none of them is for people who bring data."""


def refusal(read: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems that reading comes to, every one in words of our own."""
    with pytest.raises(BadInput) as refused:
        read()
    for problem in refused.value.problems:
        assert not FOREIGN.search(str(problem)), problem
    return refused.value.problems


GOOD = {
    "instance.toml": 'name = "tiny"\ntitle = "Two items"\nperiods = 2\n',
    "items.csv": (
        "item,unit_cost,group,min_order,max_order,lead_time\napple,1,fruit,2,9,\npear,1.5,fruit,,,1\nsoap,2,,,,0\n"
    ),
    "prices.csv": "item,level,price,reference,promo\napple,01,2,0,1\napple,1,3,1,\npear,x,3,1,0\nsoap,x,4,1,0\n",
    "demand.csv": (
        "item,period,level,demand,scenario\n"
        + "".join(
            f"{item},{t},{level},{units},{w}\n"
            for item, level, units in (("apple", "01", 20), ("apple", "1", 10), ("pear", "x", 5), ("soap", "x", 4))
            for t in (1, 2)
            for w in ("low", "high")
        )
    ),
    "scenarios.csv": "scenario,probability\nhigh,0.25\nlow,0.75\n",
    "item_periods.csv": "item,period,unit_cost,max_order,receipt\napple,2,,5,3\n",
    "cross_effects.csv": "item,other,effect,period\npear,apple,2,\npear,apple,3,2\n",
    "resources.csv": "resource,capacity,period,overage_cost\nroom,100,,\nroom,80,2,0.5\ncash,50,1,\n",
    "resource_use.csv": "resource,item,activity,amount\nroom,apple,stock,1\nroom,pear,stock,2\ncash,apple,order,1\n",
    "service.csv": "scope,min_fill_rate\nfruit,0.5\nsoap,0.9\nall,0.1\n",
}


def write(folder: Path, files: dict[str, str | bytes | None]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in (GOOD | files).items():
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def with_line(file: str, line: str) -> dict[str, str | bytes | None]:
    return {file: GOOD[file] + line + "\n"}


def swapped(file: str, old: str, new: str) -> dict[str, str | bytes | None]:
    assert old in GOOD[file]
    return {file: GOOD[file].replace(old, new, 1)}


HEADER = """
name = "shop"
title = "Two products in two zones"
currency = "EUR"
period_unit = "week"
source = "made up"
licence = "CC0-1.0"
holdout = 4
zones = ["north", "south"]
"""
ITEMS = [(f"{product}@{zone}", product, zone, 0.5) for zone in ("north", "south") for product in ("a", "b")]
SALES = [
    (item, period, 10.0 * row + period, 2.0 + 0.1 * period, 1.25, 0.25)
    for row, (item, *_) in enumerate(ITEMS)
    for period in range(1, 6)
    if (row, period) != (2, 3)  # one gap
]


def write_case(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "case.toml").write_text(HEADER)
    shutil.copy(BUNDLED / "tuna" / "assumptions.toml", folder)
    pd.DataFrame(ITEMS, columns=["item", "product", "zone", "volume"]).to_csv(folder / "items.csv", index=False)
    columns = ["item", "period", "units", "price", "unit_cost", "feature"]
    pd.DataFrame(SALES, columns=columns).to_csv(folder / "sales.csv", index=False)
    return folder


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
