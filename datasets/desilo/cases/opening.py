"""Open a case: a bundled one by name, anybody's by its folder.

A case folder holds

- `case.toml`: `CaseHeader`;
- `assumptions.toml`: `Assumptions`, one table per figure;
- `items.csv`: item, product, zone, volume; an item is a product in a price zone; optional group: its substitutes,
  all of its zone otherwise;
- `sales.csv`: item, period, units, price, unit_cost, feature; no row where there is no record.

The two tables may be parquet instead. Other files are left alone.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from desilo.cases.case import Assumptions, Case, Figure
from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import Findings, quoted, spelt
from desilo.cases.instance import Floats
from desilo.cases.keys import Line, Model, read_keys
from desilo.cases.tables import LARGEST, SUFFIXES, read_table

BUNDLED = Path(__file__).parent / "bundled"

WINDOWS = Path(__file__).parent / "windows"
"""Planning problems of bundled cases, a folder each in the instance format: `datasets/prepare/windows.py` estimated
demand once and froze them. The last figures of an estimate depend on the solver; what solvers are compared on must not.
"""

MAX_CELLS = 100_000_000
"""Items x periods of a history, and items x periods x levels x scenarios of a plan (0.8 GB each)."""

MIN_RECORDED = 0.5
"""Share of the periods between the first and the last with a record; below it labels are not consecutive."""

Text = Annotated[Line, Field(min_length=1)]


def _without_slashes(name: str) -> str:
    if "/" in name or "\\" in name:
        raise ValueError(f"found {spelt(name)}; a name without slashes is expected, as files are named after it")
    return name


class CaseHeader(BaseModel):
    """`case.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[Text, AfterValidator(_without_slashes)]
    title: Text
    currency: Text
    period_unit: Text
    source: Text
    licence: Text
    holdout: Annotated[int, Field(ge=-int(LARGEST), le=int(LARGEST))]  # first calendar period the planner must not see
    zones: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]  # every price zone


_POSITIVE = pa.Check.gt(0, error="a number above 0")
_NOT_NEGATIVE = pa.Check.ge(0, error="0 or more")
_WHOLE = pa.Check(lambda values: values % 1 == 0, error="a whole number")
_SHARE = pa.Check.in_range(0, 1, error="a share between 0 and 1")

ITEMS = pa.DataFrameSchema(
    {
        "item": pa.Column(str),
        "product": pa.Column(str),
        "zone": pa.Column(str),
        "volume": pa.Column(float, _POSITIVE),
        "group": pa.Column(str, required=False, nullable=True, metadata={"default": ""}),
    },
    strict=True,
    unique=["item"],
)

SALES = pa.DataFrameSchema(
    {
        "item": pa.Column(str),
        "period": pa.Column(float, _WHOLE),
        "units": pa.Column(float, _NOT_NEGATIVE),
        "price": pa.Column(float, _POSITIVE),
        "unit_cost": pa.Column(float, _NOT_NEGATIVE),
        "feature": pa.Column(float, _SHARE),
    },
    strict=True,
    unique=["item", "period"],
)


def bundled_cases() -> tuple[str, ...]:
    """Names of the cases that come with desilo, sorted."""
    return tuple(sorted(header.parent.name for header in BUNDLED.glob("*/case.toml")))


def open_case(name_or_path: str | Path) -> Case:
    """The bundled case of that name, or the case in that folder (`tuna` is bundled, `./tuna` a folder).

    Raises:
        BadInput: with every problem found: an unknown name, a missing file, wrong cells and keys.
    """
    name = str(name_or_path)
    if name in bundled_cases():
        return read_case(BUNDLED / name)
    try:
        if Path(name).is_dir():
            return read_case(Path(name))
    except OSError as error:
        raise BadInput([Problem(name, f"cannot be read: {error.strerror}")]) from None
    known = quoted(bundled_cases())
    raise BadInput([Problem(name, f"neither a bundled case nor a folder; bundled are {known}")])


def read_case(folder: Path) -> Case:
    """The case in a folder.

    Raises:
        BadInput: with every problem found.
    """
    findings = Findings()
    header = _read_toml(folder / "case.toml", CaseHeader, findings)
    assumptions = _read_toml(folder / "assumptions.toml", Assumptions, findings)
    items = _read_table(folder, "items", ITEMS, findings)
    sales = _read_table(folder, "sales", SALES, findings)
    if header is None or assumptions is None or items is None or sales is None:
        raise BadInput(findings.problems)
    findings.stop_if_any()
    _compare(header, items, sales, findings)
    _measure(assumptions, items, sales, findings)
    findings.stop_if_any()

    periods = np.arange(int(sales["period"].min()), int(sales["period"].max()) + 1)

    def history(column: str) -> Floats:
        table = sales.set_index(["item", "period"])[column].unstack()  # noqa: PD010  pivot_table would average
        values: Floats = table.reindex(index=items["item"], columns=periods).to_numpy(dtype=float)
        return values

    return Case(
        name=header.name,
        title=header.title,
        items=tuple(items["item"]),
        products=tuple(items["product"]),
        zones=tuple(items["zone"]),
        groups=tuple(_group(*cells) for cells in zip(items["group"], items["zone"], strict=True)),
        volume=items["volume"].to_numpy(dtype=float),
        periods=periods,
        units=history("units"),
        price=history("price"),
        unit_cost=history("unit_cost"),
        feature=history("feature"),
        holdout=header.holdout - int(periods[0]),
        assumptions=assumptions,
        period_unit=header.period_unit,
        currency=header.currency,
        source=header.source,
        licence=header.licence,
    )


def _group(group: str, zone: str) -> str:
    """Substitutes share a zone: the same group elsewhere is another one. Without one, the whole zone is."""
    return f"{group}@{zone}" if group else zone


def _compare(header: CaseHeader, items: pd.DataFrame, sales: pd.DataFrame, findings: Findings) -> None:
    """Find what is wrong between files that are each well formed."""

    def report(file: str, column: str, cells: pd.Series, message: str) -> None:
        findings.add_rows(file, column, list(cells.index), lambda row: f"'{cells[row]}' {message}")

    twice = items.loc[items.duplicated(["product", "zone"]), "product"]
    report("items.csv", "product", twice, "is in its zone twice; keep one row")
    strange = items.loc[~items["zone"].isin(header.zones), "zone"]
    report("items.csv", "zone", strange, f"is not a zone of case.toml: {quoted(header.zones)}")
    if empty := sorted(set(header.zones) - set(items["zone"])):
        findings.add("case.toml", f"no item of items.csv is in {quoted(empty)}; remove it", column="zones")

    unknown = sales.loc[~sales["item"].isin(items["item"]), "item"]
    report("sales.csv", "item", unknown, "is not in items.csv; add it there")
    trained = sales.loc[sales["period"] < header.holdout, "item"]
    untrained = items.loc[~items["item"].isin(trained), "item"]
    report(
        "items.csv",
        "item",
        untrained,
        f"has no row in sales.csv before period {header.holdout}; add its history",
    )
    first, last = int(sales["period"].min()), int(sales["period"].max())
    if not first < header.holdout <= last:
        message = f"found {header.holdout}; expected a period after the first of sales.csv: {first + 1} to {last}"
        findings.add("case.toml", message, column="holdout")
    if (recorded := sales["period"].nunique()) < MIN_RECORDED * (last - first + 1):
        message = f"only {recorded:,} periods between {first} and {last}; number the periods consecutively"
        findings.add("sales.csv", message, column="period")


def _measure(assumptions: Assumptions, items: pd.DataFrame, sales: pd.DataFrame, findings: Findings) -> None:
    """Find what would not fit into memory."""
    plan = {name: int(getattr(assumptions, name).value) for name in ("horizon", "ladder_levels", "scenarios")}
    periods = int(sales["period"].max() - sales["period"].min()) + 1
    for file, sizes in (
        ("sales.csv", {"items": len(items), "periods": periods}),
        ("assumptions.toml", {"items": len(items), **plan}),
    ):
        if (cells := math.prod(sizes.values())) > MAX_CELLS:
            product = " x ".join(f"{size:,} ({name})" for name, size in sizes.items())
            advice = "make one of them smaller, or bring fewer items (desilo import --top)"
            findings.add(file, f"too large: {product} = {cells:,}; at most {MAX_CELLS:,} are allowed: {advice}")


def _read_table(folder: Path, name: str, schema: Any, findings: Findings) -> pd.DataFrame | None:
    present = [path for suffix in SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
    if len(present) == 1:
        sheet = read_table(present[0], schema, findings)
        return None if sheet is None else sheet.frame
    if present:
        findings.add(present[1].name, f"{present[0].name} is there too; keep one of the two")
    else:
        findings.add(f"{name}.csv", f"missing from {folder}; add it")
    return None


def _read_toml(path: Path, model: type[Model], findings: Findings) -> Model | None:
    def known(place: tuple[Any, ...]) -> list[str]:
        return list((Figure if place else model).model_fields)

    if path.is_file():
        return read_keys(path, model, findings, known)
    findings.add(path.name, f"missing from {path.parent}; a case needs it")
    return None
