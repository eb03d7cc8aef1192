"""Whatever stands in an Excel file: it becomes a case, or is refused in words for people."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sales_exports import bring, weekly
from small_folders import refusal
from test_importing_fuzz import bring_or_refuse

from desilo.cases.importing.export import read_export

openpyxl = pytest.importorskip("openpyxl")

FRAME = weekly(items=2, weeks=20)


def book(change: Callable[[Any, Any], object], file: Path) -> Path:
    """A workbook of good sales after a change of it and its first sheet."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Sales"
    sheet.append(list(FRAME.columns))
    for date, *others in FRAME.itertuples(index=False):
        sheet.append([date.to_pydatetime(), *others])
    change(made, sheet)
    made.save(file)
    return file


VALUES = st.one_of(
    st.sampled_from(["#DIV/0!", "#N/A", "=1+1", "=A1", "", " ", "'", "\n", "1,5", "Total", "x" * 32_000, "-"]),
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)) | st.times() | st.dates(dt.date(1900, 3, 1)),
    st.timedeltas(dt.timedelta(0), dt.timedelta(days=10**4)),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=5),
)


@st.composite
def spoilt(draw: st.DrawFn) -> Callable[[Any, Any], None]:
    cells = draw(st.lists(st.tuples(st.integers(1, 45), st.integers(1, 8), VALUES), max_size=4))
    merged = draw(st.none() | st.tuples(*[st.integers(1, 6)] * 4))
    title, formats = draw(st.booleans()), draw(st.sampled_from(["General", "0%", "yyyy-mm-dd", "@", "[h]:mm", ";;;"]))

    def change(_: Any, sheet: Any) -> None:
        for row, column, value in cells:
            cell = sheet.cell(row, column, value)
            cell.number_format = formats
        if title:
            sheet.insert_rows(1)
        if merged is not None:
            top, left, height, width = merged
            sheet.merge_cells(start_row=top, start_column=left, end_row=top + height, end_column=left + width)

    return change


@settings(max_examples=30, deadline=None)
@given(spoilt())
def test_cells_of_every_kind(change: Callable[[Any, Any], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bring_or_refuse(book(change, Path(folder, "sales.xlsx")))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_spoilt_file(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = book(lambda *_: None, Path(folder, "sales.xlsx"))
        content = bytearray(file.read_bytes())
        places = st.integers(0, 10**6).map(lambda place: 4 + place % (len(content) - 4))  # it holds the time of day
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(places)] = data.draw(st.integers(0, 255))
        file.write_bytes(content[: data.draw(places) + 1])
        bring_or_refuse(file)


def test_the_first_sheet_that_is_shown_is_read(tmp_path: Path) -> None:
    def change(made: Any, _: Any) -> None:
        lists = made.create_sheet("Lists", 0)
        lists.append(["a", "b"])
        lists.sheet_state = "hidden"

    file = book(change, tmp_path / "sales.xlsx")
    assert read_export(file).reading == "Excel, sheet 'Sales'"
    assert "no rows below the header" in refusal(lambda: read_export(file, sheet="Lists"))[0].message
    (found,) = refusal(lambda: read_export(file, sheet="Sale"))
    assert "no sheet 'Sale'; it has 'Lists', 'Sales'" in found.message


def test_formulas_that_were_never_worked_out_are_named(tmp_path: Path) -> None:
    def change(_: Any, sheet: Any) -> None:
        for row in range(2, sheet.max_row + 1):
            sheet.cell(row, 4, f"=E{row}*2")

    (found,) = refusal(lambda: read_export(book(change, tmp_path / "sales.xlsx")))
    assert found.message.startswith("column 'price' holds formulas that were never worked out")


def test_days_as_excel_counts_them_are_not_taken_for_weeks(tmp_path: Path) -> None:
    def change(_: Any, sheet: Any) -> None:
        for row in range(2, sheet.max_row + 1):
            days = sheet.cell(row, 1).value - dt.datetime(1899, 12, 30)
            sheet.cell(row, 1, days.days).number_format = "General"

    file = book(change, tmp_path / "sales.xlsx")
    (found,) = refusal(lambda: bring(file, tmp_path / "case"))
    assert found.column == "date" and "may be a day as Excel counts them" in found.message
