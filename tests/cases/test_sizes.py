"""Small files that promise something huge are refused in words, at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from small_folders import refusal, replace, write, write_case

from desilo.cases.importing.export import read_export
from desilo.cases.opening import read_case
from desilo.cases.reading import read_instance


def test_a_horizon_that_the_demand_table_does_not_fill(tmp_path: Path) -> None:
    folder = write(tmp_path / "x", {"instance.toml": 'name = "a"\ntitle = "b"\nperiods = 33333333\n'})
    (found,) = refusal(lambda: read_instance(folder))
    assert "3 items x 33,333,333 periods = 99,999,999, but demand.csv has 16 rows" in str(found)


def test_a_history_of_few_rows_but_many_items_and_periods(tmp_path: Path) -> None:
    folder, count = write_case(tmp_path / "x"), 12_000
    names = [f"p{k}" for k in range(count)]
    items = pd.DataFrame({"item": names, "product": names, "zone": "north", "volume": 1})
    items.to_csv(folder / "items.csv", index=False)
    sales = pd.DataFrame({"item": [*names[1:], names[0]], "period": range(count), "units": 1, "price": 1})
    sales.assign(unit_cost=1, feature=0).to_csv(folder / "sales.csv", index=False)
    replace(folder / "case.toml", 'zones = ["north", "south"]', 'zones = ["north"]')
    replace(folder / "case.toml", "holdout = 4", f"holdout = {count - 1}")
    found = refusal(lambda: read_case(folder))
    assert any("12,000 (items) x 12,000 (periods) = 144,000,000" in problem.message for problem in found)


def test_more_scenarios_than_memory(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "x")
    text = (folder / "assumptions.toml").read_text()
    head, _, tail = text.partition("[scenarios]\nvalue = ")
    (folder / "assumptions.toml").write_text(f"{head}[scenarios]\nvalue = 1000000000\n{tail.partition(chr(10))[2]}")
    (found,) = refusal(lambda: read_case(folder))
    assert "1,000,000,000 (scenarios)" in found.message and "make one of them smaller" in found.message


@pytest.mark.parametrize("name", ["instance.toml", "items.csv"])
def test_a_file_without_end_is_read_no_further_than_allowed(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "x", {"instance.toml": 'notes = "' + "x" * 2**20 + '"', "items.csv": "x" * 200_000})
    said = [str(problem) for problem in refusal(lambda: read_instance(folder))]
    assert any(name in problem and ("larger than" in problem or "a cell has more" in problem) for problem in said)


def test_a_sheet_with_one_cell_at_its_far_end(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD20000"] = "date", 1
    book.save(tmp_path / "far.xlsx")
    (found,) = refusal(lambda: read_export(tmp_path / "far.xlsx"))
    assert "a cell in column 16,384 and one in row 20,000" in found.message
