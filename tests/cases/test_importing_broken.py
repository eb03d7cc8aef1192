"""Exports that cannot be used are answered with what is wrong and where, in words for people; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sales_exports import bring, bring_frame, weekly
from small_folders import refusal

from desilo.cases.errors import Problem
from desilo.cases.importing.export import MAX_BYTES, read_export

FRAME = weekly(weeks=40)
GOOD = FRAME.to_csv(index=False)
HEADER, FIRST, *_ = GOOD.splitlines()


def changed(column: str, value: str, row: int = 3) -> str:
    """The good export with another cell in a row, counted as an editor does."""
    frame = FRAME.astype(str)
    frame.loc[row - 2, column] = value
    return frame.to_csv(index=False)


def with_line(line: str) -> str:
    lines = GOOD.splitlines()
    return "\n".join([*lines[:10], line, *lines[10:]])


BROKEN: dict[str, tuple[str | bytes, int | None, str | None, str]] = {
    # content, row, column, text
    "empty": ("", None, None, "the file is empty"),
    "blank": ("\n \n", None, None, "a header line and rows are expected"),
    "blank first line": ("\r" + GOOD.splitlines()[0], 1, None, "a header line is expected"),
    "header only": (HEADER, None, None, "no rows below the header"),
    "binary": (bytes(range(256)) * 20, None, None, "not a text file"),
    "old Excel": (b"\xd0\xcf\x11\xe0" + bytes(600), None, None, "save it as .xlsx or CSV"),
    "parquet, cut off": (b"PAR1" + bytes(40), None, None, "cannot be read as parquet"),
    "Windows' letters": (GOOD.replace("item 0", "Käse").encode("cp1252"), 2, None, "--encoding cp1252"),
    "dates of two kinds": (changed("date", "01/02/2021"), 3, "date", "found '01/02/2021'; a date yyyy-mm-dd"),
    "day or month": (GOOD.replace("2021-01-04", "x"), 2, "date", "found 'x'"),
    "no date at all": (FRAME.assign(date="soon").to_csv(index=False), None, "date", "no dates that can be read"),
    "blank date": (changed("date", ""), 3, "date", "blank; a date is expected"),
    "blank item": (changed("item", ""), 3, "item", "blank; a name is expected"),
    "text in a figure": (changed("units", "many"), 3, "units", "found 'many'; a figure with a decimal point"),
    "blank units": (changed("units", ""), 3, "units", "blank; a number of units"),
    "nan": (changed("price", "nan"), 3, "price", "found 'nan'; a figure"),
    "infinite": (changed("price", "inf"), 3, "price", "found 'inf'; a figure"),
    "too large": (changed("units", "1e300"), 3, "units", "found '1e300'; a figure"),
    "negative price": (changed("price", "-2.5"), 3, "price", "found '-2.5'; a price of 0 or more"),
    "no price": (changed("price", ""), 3, "price", "blank; a price is expected"),
    "negative cost": (changed("unit cost", "-2.5"), 3, "unit cost", "found '-2.5'; a cost of 0 or more"),
    "formula": (changed("units", "=1+1"), 3, "units", "found '=1+1', a formula; export its value"),
    "formula for a name": (changed("item", "=1+1"), 3, "item", "found '=1+1', a formula"),
    "two currencies": (changed("price", "$2.00").replace("3.0", "€3.0"), None, None, "several currencies, EUR, USD"),
    "column twice": (GOOD.replace("unit cost", "price", 1), 1, "price", "the column is there twice"),
    "a cell too many": (with_line("2021-02-01,item 1,5,2,1,9"), 11, None, "found 6 cells where the header has 5"),
    "a cell too few": (with_line("2021-02-01,item 1"), 11, "units", "blank; a number of units"),
    "open quote": (GOOD.replace(FIRST, FIRST.replace("item", '"item')), 2, None, "never closed"),
    "a day far off": (GOOD + "2121-05-03,item 1,2,3,1\n", 122, None, "is the date here a slip?"),
    "one period": ("\n".join(GOOD.splitlines()[:4]), None, None, "whole weeks: 1; 12 to learn from"),
    "nothing sold": (FRAME.assign(units=0).to_csv(index=False), None, None, "no row with units sold"),
    "title above the header": ("Sales 2021\n\n" + GOOD, 3, None, "stand above the header? Remove it"),
    "Excel's own first line": ("sep=,\n" + GOOD, 2, None, "stand above the header? Remove it"),
    "UTF-16 without its mark": (GOOD.encode("utf-16-le"), None, None, "not a text file"),
    "zero byte": (GOOD.replace("item 1", "it\0em", 1), None, None, "not a text file"),
}


@pytest.mark.parametrize("title", BROKEN)
def test_a_broken_export(tmp_path: Path, title: str) -> None:
    content, row, column, text = BROKEN[title]
    file = tmp_path / "sales.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = refusal(lambda: bring(file, tmp_path / "case"))
    assert any((p.row, p.column) == (row, column) and text in p.message for p in found), found
    assert len(found) <= 4, "one slip must not turn into a flood"
    assert [path.name for path in tmp_path.iterdir()] == ["sales.csv"], "nothing is half-written"


def test_a_date_that_may_be_two_is_asked_about(tmp_path: Path) -> None:
    frame = FRAME[FRAME["date"].dt.day <= 12].copy()
    frame["date"] = frame["date"].dt.strftime("%d/%m/%Y")
    (found,) = refusal(lambda: bring_frame(frame, tmp_path))
    assert "may be dd/mm/yyyy or mm/dd/yyyy" in found.message
    assert '--date-format "%d/%m/%Y"' in found.message


def test_thousands_that_may_be_decimals_are_asked_about(tmp_path: Path) -> None:
    frame = weekly()
    frame["units"] = "1,234"
    frame["price"], frame["unit cost"] = 3, 2
    (found,) = refusal(lambda: bring_frame(frame, tmp_path))
    assert found.message.startswith("'1,234' may be thousands or decimals")
    assert (bring_frame(frame, tmp_path, decimal=".").case.units == 1234).all()


def test_a_file_beyond_the_limit_is_not_even_read(tmp_path: Path) -> None:
    (tmp_path / "large.csv").touch()
    os.truncate(tmp_path / "large.csv", 2 * MAX_BYTES)  # takes no room
    (found,) = refusal(lambda: read_export(tmp_path / "large.csv"))
    assert found.message.startswith("2.0 GiB; at most 1 GiB is read")


def test_an_excel_file_that_unpacks_to_a_flood_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openpyxl")
    FRAME.to_excel(tmp_path / "sales.xlsx", index=False)
    monkeypatch.setattr("desilo.cases.importing.export.MAX_BYTES", 10_000)
    monkeypatch.setattr(Path, "stat", lambda self, **_: os.stat_result([0o100644, *[1] * 9]))
    assert "unpacks to more than 10,000 bytes" in refusal(lambda: read_export(tmp_path / "sales.xlsx"))[0].message


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: None], ids=["folder", "missing"])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "sales.csv")
    (found,) = refusal(lambda: read_export(tmp_path / "sales.csv"))
    assert found.message in {"a folder", "does not exist"}


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "mine.txt").write_text("mine")
    (found,) = refusal(lambda: bring_frame(FRAME, tmp_path))
    assert found == Problem(str(tmp_path / "case"), "is not empty; nothing was written, choose another folder")
    assert [path.name for path in (tmp_path / "case").iterdir()] == ["mine.txt"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    (tmp_path / "sales.csv").write_text(GOOD)
    with pytest.raises(OSError, match=r"No space left on device: '.*case'"):
        bring(tmp_path / "sales.csv", tmp_path / "case")
    assert [path.name for path in tmp_path.iterdir()] == ["sales.csv"]


def test_names_of_every_kind_are_kept_or_made_harmless(tmp_path: Path) -> None:
    names = ["<b>bold</b>", "a, b", "two\nlines", "Crème ☃ 商品", "-20% pack", "@home", '6" pipe']
    frame = weekly(items=len(names))
    frame["item"] = frame["item"].map({f"item {k}": name for k, name in enumerate(names)})
    imported = bring_frame(frame, tmp_path)
    assert set(imported.case.products) == {
        "<b>bold</b>", "a, b", "two lines", "Crème ☃ 商品", "-20% pack", "@home", '6" pipe'
    }  # fmt: skip
    cells = {line.split(",")[0] for line in (tmp_path / "case" / "items.csv").read_text().splitlines()}
    assert {"'-20% pack", "'@home"} < cells  # text to a spreadsheet, too


def test_weeks_that_begin_again_every_year_are_refused(tmp_path: Path) -> None:
    frame = weekly(weeks=120)
    day = frame["date"].dt.isocalendar()
    numbered = frame.assign(week=day["week"], Year=day["year"]).drop(columns="date")
    (found,) = refusal(lambda: bring_frame(numbered, tmp_path))
    assert (found.column, "begins again with every 'Year'" in found.message) == ("week", True)
    once = numbered.assign(week=(frame["date"] - frame["date"].min()).dt.days // 7 + 1)
    assert len(bring_frame(once, tmp_path).case.periods) == 120


def test_numbered_days_are_not_taken_for_weeks(tmp_path: Path) -> None:
    frame = weekly().assign(day=lambda table: table.groupby("item").cumcount()).drop(columns="date")
    (found,) = refusal(lambda: bring_frame(frame, tmp_path, unit="week"))
    assert "numbers days, which cannot be told to weeks" in found.message


def test_free_samples_are_left_out_and_counted(tmp_path: Path) -> None:
    frame = pd.concat([FRAME, FRAME.iloc[[0]].assign(price=0.0)])
    imported = bring_frame(frame, tmp_path)
    assert imported.case.units[0, 0] == FRAME["units"][0]
    assert any(sentence.endswith("were left out: 1 row.") for sentence in imported.account)


def test_more_returned_than_sold_is_nothing_sold(tmp_path: Path) -> None:
    frame = FRAME.copy()
    frame.loc[0, "units"] = -5
    imported = bring_frame(frame, tmp_path)
    order = imported.case.items.index("item 0")
    assert imported.case.units[order, 0] == 0
    assert not np.isnan(imported.case.price[order, 0])


def account(frame: pd.DataFrame, tmp_path: Path) -> str:
    return " ".join(bring_frame(frame, tmp_path).account)


def test_what_may_not_be_as_it_looks_is_said(tmp_path: Path) -> None:
    """Doubled rows, orders that were called off, names that differ in capitals: counted, and asked about."""
    for k in range(4):
        (tmp_path / f"{k}").mkdir()
    doubts = ("Copies of another row", "which were counted as sold", "differ in capitals alone")
    plain = account(FRAME, tmp_path / "0")
    assert not any(doubt in plain for doubt in doubts)
    assert "cell for cell, were counted like any other: 50%" in account(pd.concat([FRAME, FRAME]), tmp_path / "1")
    states = FRAME.assign(**{"Order Status": np.where(np.arange(len(FRAME)) % 3, "Completed", "Cancelled")})
    assert "Order Status says 'Cancelled' or the like in 40 rows, which were" in account(states, tmp_path / "2")
    shouted = FRAME["item"].where(np.arange(len(FRAME)) % 2 == 0, FRAME["item"].str.upper())
    assert "items apart: 6 names, first 'item 0' and 'ITEM 0'" in account(FRAME.assign(item=shouted), tmp_path / "3")


def test_letters_of_two_bytes_are_read_where_said(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_bytes(GOOD.encode("utf-16-le"))
    assert read_export(tmp_path / "sales.csv", encoding="utf-16-le").frame["item"].iloc[0] == "item 0"
