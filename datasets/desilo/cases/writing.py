"""Writing an instance folder: `read_instance(write_instance(x))` has the digest of x."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from desilo.cases.errors import BadInput, Problem
from desilo.cases.folders import fresh_folder
from desilo.cases.instance import Floats, Instance
from desilo.cases.keys import toml_value
from desilo.cases.reading import HEADER, PERIOD_COLUMNS, Header, is_instance_folder
from desilo.cases.tables import write_csv

TableFormat = Literal["csv", "parquet"]


def write_instance(instance: Instance, path: Path | str, table_format: TableFormat = "csv") -> None:
    """Write an instance folder, wholly or not at all: into a folder beside it, which then takes the name.

    Args:
        instance: what to write.
        path: the folder. It may exist if it is empty or holds an instance (then replaced) and nothing else.
        table_format: of the tables.

    Raises:
        BadInput: the folder holds something else, or cannot be written.
    """
    if table_format not in ("csv", "parquet"):
        raise BadInput([Problem(str(path), f"unknown table format '{table_format}'; csv or parquet is expected")])
    with fresh_folder(path, is_instance_folder, "holds files that are no instance's") as fresh:
        _write_files(instance, fresh, table_format)


def _write_files(instance: Instance, folder: Path, table_format: TableFormat) -> None:
    keys = {name: getattr(instance, name) for name in Header.model_fields}
    lines = [f"{name} = {toml_value(value)}\n" for name, value in keys.items() if value != ""]
    (folder / HEADER).write_text("".join(lines), encoding="utf-8", newline="\n")
    for name, frame in _tables(instance).items():
        if table_format == "parquet":
            frame.to_parquet(folder / f"{name}.parquet", index=False)
        else:
            write_csv(frame, folder / f"{name}.csv")


def _tables(x: Instance) -> dict[str, pd.DataFrame]:
    """The tables by name; optional ones only where they say something. Blank is nan."""
    items, levels = (
        np.array(x.items, dtype=object),
        np.array([name for own in x.levels for name in own], dtype=object),
    )
    scenarios = np.array(x.scenarios, dtype=object)
    common = {name: _common(getattr(x, name)) for name in PERIOD_COLUMNS}
    common["max_order"] = x.max_order.max(axis=1)  # a period can limit orders further, not lift the limit
    item_columns = [*PERIOD_COLUMNS[:4], "salvage_value", "initial_stock", "lead_time", "min_order"]
    figures = {name: common.get(name, getattr(x, name)) for name in [*item_columns, "max_order", "max_price_changes"]}
    tables = {
        "items": pd.DataFrame({"item": items, "group": x.groups} | {k: _blank(v) for k, v in figures.items()}),
        "item_periods": _item_periods(x, items, common),
    }
    item, slot = np.nonzero(x.has_level)
    tables["prices"] = pd.DataFrame(
        {
            "item": items[item],
            "level": levels,
            "price": x.price[item, slot],
            "reference": (slot == x.reference[item]).astype(int),
            "promo": x.promo[item, slot].astype(int),
        }
    )
    row, t, w = (a.ravel() for a in np.indices((len(item), x.periods, len(scenarios))))
    demand = {"item": items[item[row]], "period": t + 1, "level": levels[row]}
    if x.scenarios != ("1",):
        demand["scenario"] = scenarios[w]
        tables["scenarios"] = pd.DataFrame({"scenario": scenarios, "probability": x.probability})
    tables["demand"] = pd.DataFrame(demand | {"demand": x.demand[item[row], t, slot[row], w]})
    cross = x.cross_effects
    n, period = _base_and_overrides(cross.effect)
    tables["cross_effects"] = pd.DataFrame(
        {
            "item": items[cross.item[n]],
            "other": items[cross.other[n]],
            "period": _period_column(period),
            "effect": cross.effect[n, np.maximum(period, 0)],
        }
    )
    tables["resources"], tables["resource_use"] = _resources(x, items)
    scopes = [target.scope for target in x.service]
    rates = [target.min_fill_rate for target in x.service]
    tables["service"] = pd.DataFrame({"scope": scopes, "min_fill_rate": rates})
    return {name: frame for name, frame in tables.items() if len(frame)}


def _item_periods(x: Instance, items: Any, common: dict[str, Floats]) -> pd.DataFrame:
    columns = {name: np.where(getattr(x, name) == common[name][:, None], np.nan, getattr(x, name)) for name in common}
    columns["receipt"] = np.where(x.receipt == 0, np.nan, x.receipt)
    said = {name: ~np.isnan(figure) for name, figure in columns.items()}
    item, t = np.nonzero(np.any(list(said.values()), axis=0))
    own = {name: columns[name][item, t] for name in columns if said[name].any()}
    return pd.DataFrame({"item": items[item], "period": t + 1} | own)


def _resources(x: Instance, items: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    capacity, overage = [], []
    limits, uses = [], []
    for resource in x.resources:
        limited = np.isfinite(resource.capacity)
        if not limited.any():
            raise BadInput([Problem("resources.csv", f"resource '{resource.name}' has no capacity in any period")])
        if limited.all():
            _, period = _base_and_overrides(np.stack([resource.capacity, resource.overage_cost])[None])
        else:
            period = np.flatnonzero(limited)
        capacity.append(resource.capacity[np.maximum(period, 0)])
        overage.append(resource.overage_cost[np.maximum(period, 0)])
        limits.append(pd.DataFrame({"resource": resource.name, "period": _period_column(period)}))
        for activity, amount in resource.use.items():
            used = np.flatnonzero(amount) if amount.any() else np.array([0])
            uses.append(
                pd.DataFrame(
                    {
                        "resource": resource.name,
                        "item": items[used],
                        "activity": activity.value,
                        "amount": amount[used],
                    }
                )
            )
    if not limits:
        return pd.DataFrame(), pd.DataFrame()
    figures = {"capacity": np.concatenate(capacity), "overage_cost": _blank(np.concatenate(overage))}
    return pd.concat(limits, ignore_index=True).assign(**figures), pd.concat(uses, ignore_index=True)


def _base_and_overrides(figures: Floats) -> tuple[Any, Any]:
    """Rows that say (n, T) figures: one for every period (-1, the first one's figure), one per deviation.

    Figures may also be (n, 2, T): two figures that share their rows. Returns (row of figures, period index).
    """
    differs = figures != figures[..., :1]
    if differs.ndim == 3:
        differs = differs.any(axis=1)
    differs = np.concatenate([np.ones((len(differs), 1), dtype=bool), differs], axis=1)
    n, period = np.nonzero(differs)
    return n, period - 1


def _period_column(period: Any) -> Any:
    """1.. with blank for -1, written as whole numbers."""
    return pd.array([None if t < 0 else int(t) + 1 for t in period], dtype="Int64")


def _common(figure: Floats) -> Floats:
    first: Floats = figure[:, 0]
    return first


def _blank(figure: Any) -> Any:
    """No limit is a blank cell."""
    return np.where(np.isinf(figure), np.nan, figure) if figure.dtype.kind == "f" else figure
