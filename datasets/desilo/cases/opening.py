"""Open a case: a bundled one by name, anybody's by its folder.

A case folder holds `case.toml` (`CaseHeader`), `assumptions.toml` (`Assumptions`, one table per figure), `items.csv`
(item, product, zone, volume) and `sales.csv` (item, period, units, price, unit_cost, feature). A period without a
record of an item has no row. Other files are left alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desilo.cases.case import Assumptions, Case
from desilo.cases.errors import BadInput, Problem
from desilo.cases.instance import Floats

BUNDLED = Path(__file__).parent / "bundled"

Text = Annotated[str, Field(min_length=1)]


class CaseHeader(BaseModel):
    """`case.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    title: Text
    currency: Text
    period_unit: Text
    source: Text
    licence: Text
    holdout: int  # first calendar period the planner must not see
    zones: Annotated[tuple[Text, ...], Field(min_length=1)]  # every price zone, in the order of display


_NAME = pa.Check.ne("", error="is blank; a name is expected")
_FINITE = pa.Check.lt(np.inf, error="must be finite")
_POSITIVE = pa.Check.gt(0, error="must be above 0")
_NOT_NEGATIVE = pa.Check.ge(0, error="must not be negative")
_SHARE = pa.Check.in_range(0, 1, error="must lie between 0 and 1")

ITEMS = pa.DataFrameSchema(
    {
        "item": pa.Column(str, _NAME),
        "product": pa.Column(str, _NAME),
        "zone": pa.Column(str, _NAME),
        "volume": pa.Column(float, [_POSITIVE, _FINITE], coerce=True),
    },
    strict=True,
)

SALES = pa.DataFrameSchema(
    {
        "item": pa.Column(str, _NAME),
        "period": pa.Column(int, coerce=True),
        "units": pa.Column(float, [_NOT_NEGATIVE, _FINITE], coerce=True),
        "price": pa.Column(float, [_POSITIVE, _FINITE], coerce=True),
        "unit_cost": pa.Column(float, [_NOT_NEGATIVE, _FINITE], coerce=True),
        "feature": pa.Column(float, _SHARE, coerce=True),
    },
    strict=True,
)


def bundled_cases() -> tuple[str, ...]:
    """Names of the cases that come with desilo, sorted."""
    return tuple(sorted(folder.name for folder in BUNDLED.iterdir() if (folder / "case.toml").is_file()))


def open_case(name_or_path: str | Path) -> Case:
    """The case of that name, or in that folder (`./tuna` is a folder where `tuna` is the bundled case).

    Raises:
        BadInput: with every problem found: an unknown name, a missing file, a wrong cell or key.
    """
    name = str(name_or_path)
    if name in bundled_cases():
        return _read(BUNDLED / name)
    if Path(name_or_path).is_dir():
        return _read(Path(name_or_path))
    known = ", ".join(bundled_cases())
    raise BadInput(
        [Problem(name, f"neither a bundled case nor a folder; bundled are {known}; or give a case folder")]
    )


def _read(folder: Path) -> Case:
    problems: list[Problem] = []
    header = _read_toml(folder / "case.toml", CaseHeader, problems)
    assumptions = _read_toml(folder / "assumptions.toml", Assumptions, problems)
    items = _read_table(folder / "items.csv", ITEMS, problems)
    sales = _read_table(folder / "sales.csv", SALES, problems)
    if header is None or assumptions is None or items is None or sales is None:
        raise BadInput(problems)
    problems += _contradictions(header, items, sales)
    if problems:
        raise BadInput(problems)

    periods = np.arange(sales["period"].min(), sales["period"].max() + 1)
    histories: dict[str, Floats] = {
        column: sales.pivot_table(index="item", columns="period", values=column)
        .reindex(index=items["item"], columns=periods)
        .to_numpy(dtype=float)
        for column in ("units", "price", "unit_cost", "feature")
    }
    return Case(
        name=header.name,
        title=header.title,
        items=tuple(items["item"]),
        products=tuple(items["product"]),
        zones=tuple(items["zone"]),
        volume=items["volume"].to_numpy(dtype=float),
        periods=periods,
        **histories,
        holdout=int(np.searchsorted(periods, header.holdout)),
        assumptions=assumptions,
        period_unit=header.period_unit,
        currency=header.currency,
        source=header.source,
        licence=header.licence,
    )


def _contradictions(header: CaseHeader, items: pd.DataFrame, sales: pd.DataFrame) -> Iterator[Problem]:
    """What is wrong between tables that are each well formed. Row k of a table is line k + 2 of its file."""
    known = set(items["item"])
    for row in items.index[items.duplicated("item")]:
        yield Problem("items.csv", f"item {items['item'][row]} appears twice; keep one row", row + 2, "item")
    for row in items.index[items.duplicated(["product", "zone"])]:
        pair = f"product {items['product'][row]} in zone {items['zone'][row]}"
        yield Problem("items.csv", f"{pair} appears twice; an item is a product in a zone", row + 2, "product")
    for row in items.index[~items["zone"].isin(header.zones)]:
        found, expected = items["zone"][row], ", ".join(header.zones)
        yield Problem(
            "items.csv", f"zone {found} is not among the zones of case.toml: {expected}", row + 2, "zone"
        )
    for zone in header.zones:
        if zone not in set(items["zone"]):
            yield Problem("case.toml", f"zone {zone} has no item in items.csv; remove it", column="zones")
    for row in sales.index[~sales["item"].isin(known)]:
        yield Problem(
            "sales.csv", f"item {sales['item'][row]} is not in items.csv; add it there", row + 2, "item"
        )
    for row in sales.index[sales.duplicated(["item", "period"])]:
        record = f"item {sales['item'][row]}, period {sales['period'][row]}"
        yield Problem("sales.csv", f"{record} appears twice; keep one row", row + 2, "period")
    for item in items["item"][
        ~items["item"].isin(sales.loc[sales["period"] < header.holdout, "item"])
    ].unique():
        yield Problem(
            "sales.csv", f"item {item} has no record before the hold-out period {header.holdout}; add its history"
        )
    if not sales["period"].min() < header.holdout <= sales["period"].max():
        span = f"{sales['period'].min()}..{sales['period'].max()}"
        yield Problem(
            "case.toml", f"{header.holdout} must lie after the first period of sales.csv, {span}", column="holdout"
        )


Model = TypeVar("Model", bound=BaseModel)


def _read_toml(path: Path, model: type[Model], problems: list[Problem]) -> Model | None:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        problems.append(Problem(path.name, f"missing in {path.parent}; a case folder needs it"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(path.name, f"is not TOML: {error}"))
    except ValidationError as error:
        for found in error.errors():
            key = ".".join(str(part) for part in found["loc"])
            problems.append(Problem(path.name, found["msg"], column=key))
    return None


def _read_table(path: Path, schema: pa.DataFrameSchema, problems: list[Problem]) -> pd.DataFrame | None:
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
        return schema.validate(raw, lazy=True)
    except FileNotFoundError:
        problems.append(Problem(path.name, f"missing in {path.parent}; a case folder needs it"))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        problems.append(Problem(path.name, f"is not a CSV table: {error}"))
    except pa.errors.SchemaErrors as error:
        problems += _failures(path.name, error)
    return None


def _failures(file: str, error: pa.errors.SchemaErrors) -> Iterator[Problem]:
    """Pandera's findings in words; what follows from a cell that is no number is left out."""
    for case in error.failure_cases.to_dict("records"):
        check, column, found = str(case["check"]), case["column"], case["failure_case"]
        if check == "column_in_schema":
            yield Problem(file, "is not a column of this table; remove it", column=found)
        elif check == "column_in_dataframe":
            yield Problem(file, "is missing; add the column", column=found)
        elif case["index"] is None or check.startswith("dtype"):
            continue
        elif check.startswith("coerce_dtype"):
            kind = "a whole number" if "int" in check else "a number"
            yield Problem(file, f"found {found!r}, expected {kind}", int(case["index"]) + 2, column)
        else:
            yield Problem(file, f"found {found!r}, {check}", int(case["index"]) + 2, column)
