"""Freeze planning problems of the bundled cases as instance folders for the library.

    python datasets/prepare/windows.py

Run once; `desilo library verify` says whether what is there is what was frozen. Another version of the solver may
estimate demand a little differently: running this again makes other problems, which then need other names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from desilo.cases.opening import WINDOWS, open_case
from desilo.cases.reading import read_instance
from desilo.cases.variants import rounded_up
from desilo.cases.writing import write_instance
from desilo.operating.forecast import estimated
from desilo.operating.picture import picture


@dataclass(frozen=True)
class Window:
    """What is frozen: some periods of a case, as its planner sees them."""

    name: str
    case: str
    start: int  # calendar period; the first of the hold-out or later
    periods: int
    scenarios: int
    zones: tuple[str, ...] = ()  # all of them if none is named


FROZEN = (
    Window("orange-juice-mid", "orange-juice", 131, 3, 8, ("mid",)),
    Window("orange-juice-month", "orange-juice", 135, 4, 8),
    Window("orange-juice-season", "orange-juice", 140, 8, 10),
    Window("tuna-month", "tuna", 301, 4, 10),
    Window("tuna-quarter", "tuna", 305, 13, 10),
)

SEED = 1


def freeze(window: Window) -> None:
    """Estimate demand on what lies before the window, and write the planner's picture of it."""
    case = open_case(window.case)
    if window.zones:
        case = case.select_zones(window.zones)
    found = picture(case, window.start, estimated, periods=window.periods, scenarios=window.scenarios, seed=SEED)
    cross = replace(found.cross_effects, effect=np.trunc(found.cross_effects.effect * 1e6) / 1e6)
    instance = replace(found, name=window.name, demand=rounded_up(found.demand), cross_effects=cross)
    write_instance(instance, WINDOWS / window.name, "parquet")
    if read_instance(WINDOWS / window.name).digest() != instance.digest():
        raise AssertionError(f"{window.name} does not read as it was written")


if __name__ == "__main__":
    for window in FROZEN:
        freeze(window)
        print(window.name)
