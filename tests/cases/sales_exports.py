"""Sales exports of a made-up shop, and cases made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desilo.cases.importing.case import How, Imported, import_case
from desilo.cases.importing.columns import Role, guess
from desilo.cases.importing.export import read_export


def weekly(items: int = 3, weeks: int = 80, seed: int = 1, first: str = "2021-01-04") -> pd.DataFrame:
    """A row an item and week: date (Mondays), item, units, price, unit cost; a price cut about every fifth week."""
    rng = np.random.default_rng(seed)
    dates = np.repeat(pd.date_range(first, periods=weeks, freq="7D").to_numpy(), items)
    k = np.tile(np.arange(items), weeks)
    regular = 2.0 + k
    price = np.round(regular * np.where(rng.random(len(k)) < 0.2, rng.choice([0.7, 0.8, 0.9], len(k)), 1.0), 2)
    units = rng.poisson(60 * (price / regular) ** -2.5) + 1
    return pd.DataFrame(
        {"date": dates, "item": [f"item {i}" for i in k], "units": units, "price": price, "unit cost": 0.6 * regular}
    )


def bring(file: Path, folder: Path, columns: Mapping[Role, str] | None = None, **how: Any) -> Imported:
    """Import with the columns guessed from their names."""
    export = read_export(file)
    candidates = guess(list(export.frame.columns), columns or {})
    guessed = {role: names[0] for role, names in candidates.items() if names}
    return import_case(export, How({**guessed, **(columns or {})}, name=folder.name, **how), folder)


def bring_frame(frame: pd.DataFrame, tmp_path: Path, **how: Any) -> Imported:
    """Import a table by way of a CSV."""
    frame.to_csv(tmp_path / "sales.csv", index=False)
    return bring(tmp_path / "sales.csv", tmp_path / "case", **how)
