"""A sales export as it comes: CSV, parquet or Excel, its cells untouched."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import Findings, quoted

MAX_BYTES = 2**30
"""A larger file is refused; so is an Excel file that unpacks to more."""

MAX_CELLS = 100_000_000
"""Rows x columns that are read of a sheet or a parquet file."""

MAX_ROWS = 20_000_000
"""An export with more rows is refused: they must fit in memory several times over."""

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

EXCEL = {".xlsx", ".xlsm"}

PARQUET, ZIP, OLD_EXCEL = b"PAR1", b"PK\3\4", b"\xd0\xcf\x11\xe0"
"""What files begin with, whatever they are called; an Excel file is a zip."""

HEADER_WITHIN = 5
"""Rows from the top in which a header is looked for that does not come first."""

LOOKED_AT = 50
"""Lines of a CSV from which its delimiter is told, rows of a sheet that are searched for formulas."""


@dataclass(frozen=True)
class Export:
    """A table of sales.

    Attributes:
        file: the file's name.
        digest: SHA-256 of the file.
        frame: its cells by column; texts, or what a typed file holds. The index is the row in the file, the header
            being row 1. No two columns have the same name.
        reading: how it was read, for people.
        short: rows of a CSV with fewer cells than the header.
    """

    file: str
    digest: str
    frame: pd.DataFrame
    reading: str
    short: tuple[int, ...] = ()


def read_export(path: Path, *, sheet: str | None = None, encoding: str = "utf-8") -> Export:
    """Read a table of sales, of whatever columns.

    Args:
        path: a CSV, parquet or Excel (.xlsx) file.
        sheet: of an Excel file; the first one that is not hidden otherwise.
        encoding: of a CSV file without a byte order mark.

    Raises:
        BadInput: it is none of these, or cannot be read.
    """
    findings = Findings()
    file = path.name
    try:
        if not path.is_file():
            raise BadInput([Problem(str(path), "a folder" if path.is_dir() else "does not exist")])
        if (size := path.stat().st_size) > MAX_BYTES:
            wide = f"{size / 2**30:.1f} GiB; at most {MAX_BYTES / 2**30:.0f} GiB is read"
            raise BadInput([Problem(file, f"{wide}: sum the sales by day or week before they are exported")])
        data = path.read_bytes()
    except OSError as error:
        raise BadInput([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    if not data:
        raise BadInput([Problem(file, "the file is empty; a header line and rows are expected")])
    if data.startswith(OLD_EXCEL):
        raise BadInput([Problem(file, "an Excel file of the old kind (.xls); save it as .xlsx or CSV")])
    suffix = path.suffix.lower()
    short: tuple[int, ...] = ()
    if data.startswith(PARQUET) or suffix == ".parquet":
        frame, reading = _parquet(file, data), "parquet"
    elif data.startswith(ZIP) or suffix in EXCEL:
        frame, reading = _excel(file, data, sheet)
    else:
        frame, reading, short = _csv(file, data, encoding)
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    frame = frame.drop(columns=[""], errors="ignore")
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    for name in twice:
        findings.add(file, "the column is there twice; rename or remove one", 1, name)
    if frame.empty or not len(frame.columns):
        findings.add(file, "no rows below the header; export the sales with it")
    if len(frame) > MAX_ROWS:
        findings.add(file, f"{len(frame):,} rows; at most {MAX_ROWS:,} are read: sum the sales by day or week first")
    findings.stop_if_any()
    return Export(file, hashlib.sha256(data).hexdigest(), frame, reading, short)


def _csv(file: str, data: bytes, encoding: str) -> tuple[pd.DataFrame, str, tuple[int, ...]]:
    text, encoding = _decoded(file, data, encoding)
    if not text.strip():
        raise BadInput([Problem(file, "the file is blank; a header line and rows are expected")])
    delimiter = _delimiter(text)
    try:
        cells = pd.read_csv(
            io.StringIO(text), sep=delimiter, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False
        )
    except pd.errors.EmptyDataError:
        raise BadInput([Problem(file, "the first line is blank; a header line is expected", 1)]) from None
    except pd.errors.ParserError as error:
        raise BadInput([_unparsed(file, str(error), delimiter)]) from None
    cells = cells.fillna("")
    reading = f"{encoding} text, cells between {DELIMITERS[delimiter]}"
    return _below_header(cells), reading, _short(text, delimiter, cells)


def _short(text: str, delimiter: str, cells: pd.DataFrame) -> tuple[int, ...]:
    """Rows with fewer cells than the widest; pandas takes what they lack for blank."""
    if not (cells.iloc[:, -1] == "").any():
        return ()
    try:
        counts = [len(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error:  # a cell longer than the module reads
        return ()
    return tuple(row for row, count in enumerate(counts, 1) if 0 < count < cells.shape[1])


def _decoded(file: str, data: bytes, encoding: str) -> tuple[str, str]:
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            encoding = name
    if b"\0" in data and not re.match(r"utf[_-]?(16|32)", encoding, re.IGNORECASE):
        raise BadInput([Problem(file, "not a text file; CSV (as UTF-8), parquet or Excel (.xlsx) is expected")])
    try:
        text = data.decode(encoding)
    except LookupError:
        raise BadInput([Problem("--encoding", f"unknown encoding '{encoding}'; for example utf-8, cp1252")]) from None
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        what = f"not {encoding} (byte 0x{data[error.start]:02x})"
        advice = "save it as UTF-8, or say what it is: --encoding cp1252 for most files from Windows"
        raise BadInput([Problem(file, f"{what}; {advice}", row)]) from None
    except UnicodeError as error:
        raise BadInput([Problem(file, f"not {encoding} ({error}); save it as UTF-8")]) from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), encoding


def _delimiter(text: str) -> str:
    """The one that cuts most of the first lines into as many cells as the header, and the header into most cells."""
    first = "\n".join(text.split("\n", LOOKED_AT)[:LOOKED_AT])

    def fit(delimiter: str) -> tuple[bool, int]:
        try:
            cells = [len(row) for row in csv.reader(io.StringIO(first), delimiter=delimiter) if any(row)]
        except csv.Error:
            return False, 0
        same = sum(count == cells[0] for count in cells) if cells else 0
        return 2 * same > len(cells) and cells[0] > 1, cells[0] if cells else 0

    return max(DELIMITERS, key=fit)


def _unparsed(file: str, error: str, delimiter: str) -> Problem:
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error):
        expected, row, saw = found.groups()
        if int(expected) <= 2 and int(row) <= HEADER_WITHIN:
            above = "does another line, a title or 'sep=', stand above the header? Remove it"
            return Problem(file, f"found {saw} cells where the first row has {expected}; {above}", int(row))
        quote = f'write a cell with one of the {DELIMITERS[delimiter]} in it "in quotes"'
        return Problem(file, f"found {saw} cells where the header has {expected}; {quote}", int(row))
    if found := re.search(r"EOF inside string starting at row (\d+)", error):
        return Problem(file, "a quoted cell is never closed", int(found[1]) + 1)
    return Problem(file, "cannot be read as a table of cells; export it again as CSV")


def _parquet(file: str, data: bytes) -> pd.DataFrame:
    try:
        source = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
        rows, columns = source.metadata.num_rows, source.metadata.num_columns
        if rows > MAX_ROWS or rows * columns > MAX_CELLS:
            limits = f"at most {MAX_ROWS:,} rows and {MAX_CELLS:,} cells are read: sum the sales by week first"
            raise BadInput([Problem(file, f"{rows:,} rows of {columns:,} columns; {limits}")])
        table = source.read()
        table.validate(full=True)
        names = table.column_names
        frame: pd.DataFrame = table.rename_columns([str(k) for k in range(len(names))]).to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError, OverflowError) as error:
        raise BadInput([Problem(file, f"cannot be read as parquet: {str(error).splitlines()[0]}")]) from None
    frame.columns = pd.Index(names)
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame


def _excel(file: str, data: bytes, sheet: str | None) -> tuple[pd.DataFrame, str]:
    try:
        from openpyxl import load_workbook

        if sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(data)).infolist()) > MAX_BYTES:
            raise BadInput([Problem(file, f"unpacks to more than {MAX_BYTES:,} bytes; export the sales as CSV")])
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        tables = {each.title: each for each in book.worksheets}  # charts have sheets of their own
        shown = [title for title, each in tables.items() if each.sheet_state == "visible"]
        chosen = next(iter([*shown, *tables]), "") if sheet is None else sheet
        if chosen not in tables:
            raise BadInput([Problem("--sheet", f"{file} has no sheet '{chosen}'; it has {quoted(tables)}")])
        cells = _cells(file, tables[chosen])
    except ImportError:
        message = 'Excel files are read with openpyxl: pip install "desilo[excel]", or save the sheet as CSV'
        raise BadInput([Problem(file, message)]) from None
    except BadInput:
        raise
    except Exception as error:  # whatever openpyxl trips over in a file that is none
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput([Problem(file, f"cannot be read as Excel (.xlsx): {reason}")]) from None
    if cells.empty:
        raise BadInput([Problem(file, f"sheet '{chosen}' is empty; a header line and rows are expected")])
    frame = _below_header(cells)
    blank = list(frame.columns[(frame == "").all()])
    if blank and _holds_formulas(data, chosen):
        what = f"column {quoted(blank)} holds formulas that were never worked out"
        raise BadInput([Problem(file, f"{what}; open it in Excel, save it, and import what was saved")])
    return frame, f"Excel, sheet '{chosen}'"


def _holds_formulas(data: bytes, sheet: str) -> bool:
    """Whether the first rows do. Other programs than Excel may write them without their values."""
    from openpyxl import load_workbook

    rows = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)[sheet].iter_rows(max_row=LOOKED_AT)
    return any(cell.data_type == "f" for row in rows for cell in row)


def _cells(file: str, sheet: Any) -> pd.DataFrame:
    """The cells of a sheet, blank ones as "". What a file says of its own size is not believed."""
    sheet.reset_dimensions()
    rows: list[list[Any]] = []
    width = 0
    for row in sheet.iter_rows(values_only=True):
        filled = max((k for k, cell in enumerate(row, start=1) if cell is not None), default=0)
        rows.append(["" if cell is None else cell for cell in row[:filled]])
        width = max(width, filled)
        if len(rows) * width > MAX_CELLS:
            far = f"a cell in column {width:,} and one in row {len(rows):,}: more than {MAX_CELLS:,} cells"
            raise BadInput([Problem(file, f"{far}; remove what stands far from the sales, or save the sheet as CSV")])
    while rows and not rows[-1]:
        rows.pop()
    return pd.DataFrame([row + [""] * (width - len(row)) for row in rows], dtype=object)


def _below_header(cells: pd.DataFrame) -> pd.DataFrame:
    """The rows that are not blank, under the names of the first one."""
    frame = cells.iloc[1:].copy()
    frame.columns = pd.Index([str(name) for name in cells.iloc[0]])
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    filled: pd.DataFrame = frame[(frame != "").any(axis=1)]
    return filled
