"""The tables of an instance: their schemas, and reading one from CSV or parquet.

A CSV is read as text first, so that a problem can name its row, its column and the very text that is wrong;
then the text becomes numbers, then the table meets its schema. Rows are counted as an editor counts lines:
the header is line 1. A parquet table has no lines; its first record is row 2 as well.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet
from pandera.errors import SchemaErrors

from desilo.cases.findings import Findings, nearest, quoted
from desilo.cases.instance import Activity, Floats

LARGEST = 1e12
"""Figures beyond it leave the solver no digits for the others."""

MAX_FILE_BYTES = 2**30
"""A larger CSV is refused (as parquet the same table is about ten times smaller)."""

MAX_FIELD = 131_072
"""Characters a cell may have: where Python's own reader of CSV stops, too."""

MAX_ROWS = 100_000_000
"""A parquet table with more rows is refused."""

FORMULA = "'*[=+@-]"
"""Begins a name that a spreadsheet would take for a formula, or that would be read as if it had been guarded."""

GUARD = "'"
"""Stands before such a name in a CSV: what follows is text to a spreadsheet. Reading takes it off."""

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
CONTROL = "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
"""Characters that a name may not hold: they break lines or tell a terminal what to do."""


def _name(default: str | None = None) -> Any:
    """A column of names; with a default it may be left out. Only the default "" lets cells be blank."""
    return pa.Column(str, required=default is None, nullable=default == "", metadata={"default": default})


def _number(
    *,
    low: float | None = None,
    high: float | None = None,
    whole: bool = False,
    default: float | None = None,
) -> Any:
    """A column of numbers; with a default it may be left out, and blank cells take it (nan: stay blank)."""
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low, error=f"{low:g} or more"))
    if high is not None:
        checks.append(pa.Check.le(high, error=f"{high:g} or less"))
    if whole:
        whole_or_inf = pa.Check(lambda x: np.isinf(x) | (x % 1 == 0), error="a whole number")
        checks.append(whole_or_inf)
    return pa.Column(
        float, checks, required=default is None, nullable=default is not None, metadata={"default": default}
    )


def _is_name(column: Any) -> bool:
    return str(column.dtype) != "float64"


def _flag() -> Any:
    return pa.Column(
        float, pa.Check.isin([0.0, 1.0], error="0 or 1"), required=False, nullable=True, metadata={"default": 0.0}
    )


def _table(key: list[str], columns: Mapping[str, Any]) -> Any:
    return pa.DataFrameSchema(dict(columns), strict=True, unique=key)


_BLANK = float("nan")
_NO_LIMIT = float("inf")


def _period(default: float | None = None) -> Any:
    return _number(low=1, whole=True, default=default)


TABLES: Mapping[str, Any] = {
    "items": _table(
        ["item"],
        {
            "item": _name(),
            "unit_cost": _number(low=0),
            "group": _name(default=""),
            "order_cost": _number(low=0, default=0.0),
            "holding_cost": _number(low=0, default=0.0),
            "lost_sale_cost": _number(low=0, default=0.0),
            "salvage_value": _number(default=0.0),  # negative: disposal costs money
            "initial_stock": _number(low=0, default=0.0),
            "lead_time": _number(low=0, whole=True, default=0.0),
            "min_order": _number(low=0, default=0.0),
            "max_order": _number(low=0, default=_NO_LIMIT),
            "max_price_changes": _number(low=0, whole=True, default=_NO_LIMIT),
        },
    ),
    "item_periods": _table(
        ["item", "period"],
        {
            "item": _name(),
            "period": _period(),
            "unit_cost": _number(low=0, default=_BLANK),
            "order_cost": _number(low=0, default=_BLANK),
            "holding_cost": _number(low=0, default=_BLANK),
            "lost_sale_cost": _number(low=0, default=_BLANK),
            "max_order": _number(low=0, default=_BLANK),
            "receipt": _number(low=0, default=0.0),
        },
    ),
    "prices": _table(
        ["item", "level"],
        {
            "item": _name(),
            "level": _name(),
            "price": _number(low=0),
            "reference": _flag(),
            "promo": _flag(),
        },
    ),
    "demand": _table(
        ["item", "period", "level", "scenario"],
        {
            "item": _name(),
            "period": _period(),
            "level": _name(),
            "scenario": _name(default="1"),
            "demand": _number(low=0),
        },
    ),
    "scenarios": _table(["scenario"], {"scenario": _name(), "probability": _number(low=0, high=1)}),
    "cross_effects": _table(
        ["item", "other", "period"],
        {
            "item": _name(),
            "other": _name(),
            "period": _period(default=_BLANK),
            "effect": _number(),
        },
    ),
    "resources": _table(
        ["resource", "period"],
        {
            "resource": _name(),
            "period": _period(default=_BLANK),
            "capacity": _number(),
            "overage_cost": _number(low=0, default=_NO_LIMIT),
        },
    ),
    "resource_use": _table(
        ["resource", "item", "activity"],
        {
            "resource": _name(),
            "item": _name(),
            "activity": pa.Column(
                str, pa.Check.isin(list(Activity), error=f"one of {quoted(Activity)}"), required=True
            ),
            "amount": _number(),
        },
    ),
    "service": _table(["scope"], {"scope": _name(), "min_fill_rate": _number(low=0, high=1)}),
}
"""Schema of each table by file name without suffix: columns, types, ranges, defaults, key."""

REQUIRED_TABLES = ("items", "prices", "demand")

SUFFIXES = (".csv", ".parquet")
"""A table comes in one of these formats."""


@dataclass(frozen=True)
class Sheet:
    """One table that has been read.

    Attributes:
        file: its file name.
        frame: every column of the schema, typed, blanks replaced by defaults; the index is the row in the
            file. Cells with a problem are nan.
    """

    file: str
    frame: pd.DataFrame

    def column(self, name: str) -> Floats:
        """A column of numbers as an array."""
        return self.frame[name].to_numpy(dtype=float)

    def cell(self, row: int, name: str) -> Any:
        """One cell, by its row in the file."""
        return self.frame.loc[row, name]


def read_table(path: Path, schema: Any, findings: Findings) -> Sheet | None:
    """Read one table and hold it against its schema.

    Args:
        path: a .csv or .parquet file that exists.
        schema: from `TABLES`.
        findings: takes what is wrong.

    Returns:
        The table, or None when it has no usable rows and columns.
    """
    bad: set[tuple[str, int]] = set()  # cells already reported
    parquet = path.suffix == ".parquet"
    raw = _read_parquet(path, schema, bad, findings) if parquet else _read_csv(path, schema, findings)
    if raw is None:
        return None
    if raw.empty:
        findings.add(path.name, "no rows below the header; add the data or remove the file")
        return None
    frame = pd.DataFrame(index=raw.index)
    for name, column in schema.columns.items():
        if name not in raw:
            frame[name] = column.metadata["default"]
            continue
        convert = _to_names if _is_name(column) else _to_numbers
        frame[name] = convert(path.name, raw[name], bad, findings)
        if column.nullable:
            frame[name] = frame[name].fillna(column.metadata["default"])
    _meet_schema(path.name, schema, frame, raw, bad, findings)
    return Sheet(path.name, frame)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV; names that a spreadsheet would compute are guarded."""
    names = frame.select_dtypes(exclude="number").columns
    guarded = {name: frame[name].mask(frame[name].str.match(FORMULA), GUARD + frame[name]) for name in names}
    frame.assign(**guarded).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _unguarded(cells: Any) -> Any:
    return cells.mask(cells.str.match(GUARD + FORMULA), cells.str[1:])


def _read_csv(path: Path, schema: Any, findings: Findings) -> pd.DataFrame | None:
    """Every cell as stripped text; blank rows dropped; the index is the line in the file."""
    file = path.name
    try:
        text = read_text(path, findings, advice="write this table as parquet instead")
    except OSError as error:
        findings.add(file, f"cannot be read: {error.strerror}")
        return None
    if text is None:
        return None
    if not text.strip():
        findings.add(file, "the file is empty; a header line and rows are expected")
        return None
    lines = text.rstrip("\n").split("\n")
    if len(long := max(lines, key=len)) > MAX_FIELD and max(map(len, re.split('[,"]', long))) > MAX_FIELD:
        findings.add(file, f"a cell has more than {MAX_FIELD:,} characters; shorten it", lines.index(long) + 1)
        return None
    try:
        fields = _fields_per_line(lines)
        header = [name.strip() for name in next(csv.reader(lines[:1]), [])]
    except _QuoteError as broken:
        findings.add(file, f'{broken}; a cell with a comma or quote in it is written "like ""this"""', broken.row)
        return None
    ragged = [int(k) + 1 for k in np.flatnonzero(fields != len(header)) if lines[k].strip()]
    if "," not in lines[0] and (";" in lines[0] or "\t" in lines[0]):
        findings.add(file, "cells must be separated by commas, not by semicolons or tabs", 1)
        return None
    fine = _columns_match(file, header, schema, findings)
    if ragged:
        expected = f"{len(header)} are expected as in the header"
        findings.add_rows(file, None, ragged, lambda row: f"found {fields[row - 1]} cells; {expected}")
    if ragged or not fine:
        return None
    cells = pd.read_csv(
        io.StringIO("\n".join(lines)),
        header=None,
        names=list(range(len(header))),
        skiprows=1,
        dtype=str,
        na_filter=False,
        skip_blank_lines=False,
        index_col=False,
    )
    cells.index = pd.RangeIndex(2, len(cells) + 2)
    cells = cells.apply(lambda column: column.str.strip())
    cells.columns = pd.Index(header)
    if GUARD in text:
        cells = cells.apply(lambda column: _unguarded(column) if _is_name(schema.columns[column.name]) else column)
    filled: pd.DataFrame = cells[(cells != "").any(axis=1)]
    return filled


def read_text(path: Path, findings: Findings, most: int = MAX_FILE_BYTES, advice: str = "shorten it") -> str | None:
    """A UTF-8 file (byte order mark and any line ends tolerated) as text with ``\\n`` line ends.

    Args:
        path: of the file; a device or a pipe is read no further than is allowed, either.
        findings: takes what is wrong.
        most: bytes it may have.
        advice: what to do about a larger one.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        findings.add(path.name, f"larger than {most:,} bytes; {advice}")
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        found = f"byte 0x{data[error.start]:02x} at position {error.start + 1}"
        findings.add(path.name, f"not UTF-8 ({found}); save the file as UTF-8", row)
        return None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        row = text[: text.index("\0")].count("\n") + 1
        findings.add(path.name, "holds a zero byte, so it is not a text file; save it as UTF-8 text", row)
        return None
    return text


class _QuoteError(Exception):
    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


def _fields_per_line(lines: list[str]) -> Any:
    """Number of cells of each line; every line must hold whole cells."""
    quotes = next((k for k, line in enumerate(lines) if '"' in line), None)
    if quotes is None:
        return np.fromiter((line.count(",") for line in lines), dtype=int, count=len(lines)) + 1
    reader = csv.reader(lines, strict=True)
    fields: list[int] = []
    start = 1
    try:
        for cells in reader:
            if reader.line_num != start:
                raise _QuoteError(
                    f"a quoted cell runs on to line {start + 1}: close the quote, or take the line break out", start
                )
            fields.append(len(cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise _QuoteError(f"bad quoting ({error})", start) from None
    return np.array(fields)


def _read_parquet(path: Path, schema: Any, bad: set[tuple[str, int]], findings: Findings) -> pd.DataFrame | None:
    """Names as text, numbers as floats, null as blank."""
    try:
        parquet = pyarrow.parquet.ParquetFile(path)
        if parquet.metadata.num_rows > MAX_ROWS:
            findings.add(path.name, f"{parquet.metadata.num_rows:,} rows; at most {MAX_ROWS:,} are allowed")
            return None
        table = parquet.read()
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError, OverflowError) as error:
        findings.add(path.name, f"cannot be read as parquet: {str(error).splitlines()[0] if str(error) else error!r}")
        return None
    frame: dict[str, Any] = {}
    types = pyarrow.types
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if types.is_dictionary(kind):
            column, kind = column.cast(kind.value_type), kind.value_type
        if types.is_string(kind) or types.is_large_string(kind):
            values: Any = pd.Series(column.to_pylist(), dtype="str").fillna("").str.strip()
        elif types.is_integer(kind) or types.is_boolean(kind) or types.is_null(kind):
            values = pd.Series(column.to_pandas())
        elif types.is_floating(kind) or types.is_decimal(kind):
            values = pd.Series(column.to_pandas()).astype(float)
        else:
            findings.add(path.name, f"holds values of type {kind}; text or numbers are expected", column=name)
            values = pd.Series([""] * len(column), dtype="str")
            bad.update((name.strip(), row) for row in range(2, len(column) + 2))
        frame[name.strip()] = values
    if len(frame) < len(table.column_names):
        findings.add(path.name, "two columns have the same name; keep one")
        return None
    if not _columns_match(path.name, list(frame), schema, findings):
        return None
    cells = pd.DataFrame(frame)
    cells.index = pd.RangeIndex(2, len(cells) + 2)
    return cells


def _columns_match(file: str, header: list[str], schema: Any, findings: Findings) -> bool:
    known = list(schema.columns)
    fine = True
    for position, name in enumerate(header, start=1):
        if name not in known:
            columns = f"known columns: {', '.join(known)}"
            if name:
                message = f"unknown column '{name}'; {f'{nearest(name, known)} {columns}'.strip()}"
            else:
                message = f"cell {position} of the header is blank; name the column or remove it; {columns}"
            findings.add(file, message, 1, name or None)
            fine = False
        elif name in header[: position - 1]:
            findings.add(file, "the column is there twice; keep one", 1, name)
            fine = False
    for name in known:
        if schema.columns[name].required and name not in header:
            required = ", ".join(other for other in known if schema.columns[other].required)
            findings.add(file, f"the column is missing; required columns: {required}", 1, name)
            fine = False
    return fine


def _to_names(file: str, cells: Any, bad: set[tuple[str, int]], findings: Findings) -> Any:
    """Names as text, blank as missing. A parquet column of whole numbers becomes text; other types do not."""
    if pd.api.types.is_integer_dtype(cells):
        return cells.astype("str")
    if not pd.api.types.is_string_dtype(cells):
        findings.add(file, f"holds {cells.dtype} values; names are text", column=cells.name)
        bad.update((cells.name, row) for row in cells.index)
        return pd.Series("?", index=cells.index, dtype="str")
    control = cells.str.contains(CONTROL, regex=True)
    rows = cells.index[control]
    wrong = "a name has no line breaks or control characters"
    findings.add_rows(file, cells.name, rows, lambda row: f"found '{cells[row]}'; {wrong}")
    bad.update((cells.name, row) for row in rows)
    return cells.where((cells != "") & ~control)


def _to_numbers(file: str, cells: Any, bad: set[tuple[str, int]], findings: Findings) -> Any:
    """Numbers as floats, blank as nan; text that is no number of a usable size is reported and becomes nan."""
    if pd.api.types.is_string_dtype(cells):
        numeric = cells.str.fullmatch(_NUMBER)
        values = cells.where(numeric, "nan").to_numpy(dtype=object).astype(float)  # float() reads back repr exactly
        wrong = (~numeric & (cells != "")).to_numpy()
    else:
        values = cells.to_numpy(dtype=float, na_value=np.nan)
        wrong = np.zeros(len(values), dtype=bool)
    wrong = wrong | (np.abs(values) > LARGEST)
    rows = cells.index[wrong]
    findings.add_rows(file, cells.name, rows, lambda row: f"found '{cells[row]}'; {_what_number(str(cells[row]))}")
    bad.update((cells.name, row) for row in rows)
    return pd.Series(np.where(wrong, np.nan, values), index=cells.index)


def _what_number(text: str) -> str:
    if text.lower().lstrip("+-") in {"nan", "na", "n/a", "null", "none"}:
        return "a number is expected"
    if text.lower().lstrip("+-") in {"inf", "infinity"}:
        return "a finite number is expected (where no limit is meant, leave the cell blank)"
    if "," in text:
        return "a number with a decimal point and no thousands separators is expected"
    if text[-1:].isdigit() or text.endswith("."):
        return f"a number of at most {LARGEST:g} in size is expected; choose larger units"
    return "a number is expected"


def _meet_schema(
    file: str,
    schema: Any,
    frame: pd.DataFrame,
    raw: pd.DataFrame,
    bad: set[tuple[str, int]],
    findings: Findings,
) -> None:
    try:
        schema.validate(frame, lazy=True)
        return
    except SchemaErrors as error:
        failures = error.failure_cases
    keyed = failures["check"] == "multiple_fields_uniqueness"
    if keyed.any():
        _duplicates(file, frame, schema.unique, bad, findings)
    for (name, check), cases in failures[~keyed].groupby(["column", "check"], sort=False):
        rows = [int(row) for row in cases["index"] if (name, int(row)) not in bad]
        if check == "not_nullable":
            check = "a name" if _is_name(schema.columns[name]) else "a number"
        _unexpected(file, raw[name], str(check), rows, findings)
        bad.update((name, row) for row in rows)
        frame.loc[rows, name] = np.nan


def _unexpected(file: str, cells: Any, expected: str, rows: list[int], findings: Findings) -> None:
    def say(row: int) -> str:
        blank = pd.isna(cells[row]) or cells[row] == ""
        return ("blank" if blank else f"found '{cells[row]}'") + f"; {expected} is expected"

    findings.add_rows(file, cells.name, rows, say)


def _duplicates(file: str, frame: pd.DataFrame, key: list[str], bad: set[tuple[str, int]], findings: Findings) -> None:
    whole = frame.drop(index=list({row for name, row in bad if name in key}))
    again = whole[whole.duplicated(key)]

    def say(row: int) -> str:
        same = pd.Series(True, index=whole.index)
        for name in key:
            mine: Any = whole.loc[row, name]
            same &= whole[name].isna() if pd.isna(mine) else whole[name] == mine
        given = ", ".join(f"{name} {_plain(whole.loc[row, name])}" for name in key)
        return f"{given} is already in row {same.idxmax()}; keep one of the two"

    findings.add_rows(file, ", ".join(key), list(again.index), say)


def _plain(value: Any) -> str:
    """A key's value for people: names in quotes, periods as whole numbers."""
    if isinstance(value, str):
        return f"'{value}'"
    return "blank" if pd.isna(value) else f"{value:g}"
