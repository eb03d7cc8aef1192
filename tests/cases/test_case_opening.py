"""A case folder is read whatever the order of its rows; a broken one says everything that is wrong, and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_folders import SALES, refusal, replace, write_case

from desilo.cases.errors import BadInput, Problem
from desilo.cases.opening import open_case


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_case(tmp_path / "shop")


def problems(folder: Path) -> tuple[Problem, ...]:
    return refusal(lambda: open_case(folder))


def test_a_folder_becomes_a_case(folder: Path) -> None:
    case = open_case(str(folder))
    assert case.items == ("a@north", "b@north", "a@south", "b@south")
    assert case.periods.tolist() == [1, 2, 3, 4, 5]
    assert case.holdout == 3
    assert case.units[1].tolist() == [11, 12, 13, 14, 15]
    assert np.argwhere(np.isnan(case.price)).tolist() == [[2, 2]]
    assert case.assumptions.lead_time.value == 1


def test_a_zone_is_a_group_unless_items_are_told_apart(folder: Path) -> None:
    assert open_case(folder).groups == ("north", "north", "south", "south")
    items = pd.read_csv(folder / "items.csv").assign(group=["soap", "", "soap", "tea"])
    items.to_csv(folder / "items.csv", index=False)
    assert open_case(folder).groups == ("soap@north", "north", "soap@south", "tea@south")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(SALES))))
def test_the_order_of_rows_and_columns_does_not_matter(order: list[int], folder: Path) -> None:
    expected = open_case(write_case(folder))
    sales = pd.read_csv(folder / "sales.csv").iloc[order, ::-1]
    sales.to_csv(folder / "sales.csv", index=False)
    case = open_case(folder)
    for name in ("periods", "units", "price", "unit_cost", "feature"):
        np.testing.assert_array_equal(getattr(case, name), getattr(expected, name))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.integers(0, len(SALES) - 1),
    column=st.sampled_from(["period", "units", "price", "unit_cost", "feature"]),
    text=st.sampled_from(["x", "", "-1", "1.5.2", "inf", "nan"]),
)
def test_a_bad_cell_is_named_by_row_and_column(row: int, column: str, text: str, folder: Path) -> None:
    sales = pd.read_csv(write_case(folder) / "sales.csv", dtype=str)
    if (column, text) == ("period", "-1"):
        text = "2.5"
    sales.loc[row, column] = text
    sales.to_csv(folder / "sales.csv", index=False)
    assert [(found.file, found.row, found.column) for found in problems(folder)] == [("sales.csv", row + 2, column)]


def test_an_unknown_name_lists_the_bundled_cases() -> None:
    with pytest.raises(BadInput, match=r"orange-juce: .*'orange-juice', 'tuna'"):
        open_case("orange-juce")


def test_an_empty_folder_misses_all_four_files(tmp_path: Path) -> None:
    files = {"case.toml", "assumptions.toml", "items.csv", "sales.csv"}
    assert {found.file for found in problems(tmp_path)} == files


def test_problems_of_all_files_are_said_at_once(folder: Path) -> None:
    replace(folder / "case.toml", "holdout = 4", 'holdout = "soon"\nholdouts = 4')
    replace(folder / "assumptions.toml", "[min_order]", "[mini_order]")
    replace(folder / "items.csv", "a@north,a,north,0.5", "a@north,a,north,0")
    replace(folder / "sales.csv", "a@north,1,1.0,2.1,1.25,0.25", "a@north,1,1.0,2.1,1.25,25")
    found = problems(folder)
    assert {(each.file, each.row, each.column) for each in found} == {
        ("case.toml", 8, "holdout"),
        ("case.toml", 9, "holdouts"),
        ("assumptions.toml", None, "min_order"),
        ("assumptions.toml", 70, "mini_order"),
        ("items.csv", 2, "volume"),
        ("sales.csv", 2, "feature"),
    }
    assert any("a share between 0 and 1" in each.message for each in found)


def test_files_that_contradict_each_other(folder: Path) -> None:
    replace(folder / "case.toml", 'zones = ["north", "south"]', 'zones = ["north", "west"]')
    replace(folder / "sales.csv", "b@south,1,", "c@south,1,")
    found = {(each.file, each.row, each.column) for each in problems(folder)}
    assert found == {
        ("items.csv", 4, "zone"),
        ("items.csv", 5, "zone"),
        ("case.toml", None, "zones"),
        ("sales.csv", 16, "item"),
    }


def test_an_item_and_period_may_be_there_only_once(folder: Path) -> None:
    replace(folder / "sales.csv", "a@north,2,", "a@north,1,")
    (found,) = problems(folder)
    assert (found.file, found.row) == ("sales.csv", 3)


def test_a_product_may_be_in_a_zone_only_once(folder: Path) -> None:
    replace(folder / "items.csv", "b@south,b,south", "b@south,a,south")
    (found,) = problems(folder)
    assert (found.file, found.row, found.column) == ("items.csv", 5, "product")


@pytest.mark.parametrize("holdout", [1, 6])
def test_the_hold_out_lies_within_the_history(holdout: int, folder: Path) -> None:
    replace(folder / "case.toml", "holdout = 4", f"holdout = {holdout}")
    found = problems(folder)
    assert ("case.toml", "holdout") in {(each.file, each.column) for each in found}


def test_an_item_without_training_history_is_named(folder: Path) -> None:
    sales = pd.read_csv(folder / "sales.csv")
    sales[(sales["item"] != "b@north") | (sales["period"] >= 4)].to_csv(folder / "sales.csv", index=False)
    (found,) = problems(folder)
    assert (found.file, found.row, found.column) == ("items.csv", 3, "item")


def test_calendar_labels_that_are_not_consecutive_are_refused(folder: Path) -> None:
    """Dates written as whole numbers would otherwise make a history of millions of empty periods."""
    sales = pd.read_csv(folder / "sales.csv")
    sales["period"] = 20_240_000 + 100 * sales["period"]
    sales.to_csv(folder / "sales.csv", index=False)
    replace(folder / "case.toml", "holdout = 4", "holdout = 20240400")
    (found,) = problems(folder)
    assert "consecutively" in found.message


def test_what_is_no_table_and_no_toml_is_said(folder: Path) -> None:
    (folder / "case.toml").write_text("name = ")
    (folder / "sales.csv").write_bytes(b"")
    assert {each.file for each in problems(folder)} == {"case.toml", "sales.csv"}
