"""Sales exports of ordinary shapes become cases; what is done to their rows is what the docstrings say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sales_exports import bring, bring_frame, weekly

from desilo.cases.importing.columns import Role
from desilo.cases.opening import BUNDLED, open_case


@pytest.mark.parametrize("name", ["tuna", "orange-juice"])
def test_a_bundled_case_comes_back_from_a_flat_table(tmp_path: Path, name: str) -> None:
    """Without its assumptions, and with gaps filled where an item sold nothing while others did."""
    case = open_case(name)
    items = pd.read_csv(BUNDLED / name / "items.csv")
    flat = pd.read_csv(BUNDLED / name / "sales.csv").merge(items, on="item").drop(columns=["item", "volume"])
    flat.rename(columns={"period": "week"}).to_csv(tmp_path / "flat.csv", index=False)
    holdout = int(case.periods[case.holdout])
    again = bring(tmp_path / "flat.csv", tmp_path / name, holdout=holdout).case
    assert set(again.items) == set(case.items)
    assert again.holdout == case.holdout
    np.testing.assert_array_equal(again.periods, case.periods)
    order = [again.items.index(item) for item in case.items]
    recorded = ~np.isnan(case.units)
    for figure in ("units", "price", "unit_cost", "feature"):
        np.testing.assert_allclose(getattr(again, figure)[order][recorded], getattr(case, figure)[recorded], atol=1e-6)
    filled = ~np.isnan(again.units[order]) & ~recorded
    assert (again.units[order][filled] == 0).all()
    assert filled.sum() <= 1


def test_a_week_is_summed_netted_and_priced(tmp_path: Path) -> None:
    """Two sales at different prices, a return, and a price of revenue over units."""
    frame = weekly()
    monday = frame["date"][0]
    more = pd.DataFrame(
        {"date": [monday, monday], "item": "item 0", "units": [10, -4], "price": [1.0, 2.0], "unit cost": [1.6, 1.0]}
    )
    first = frame.iloc[0]
    imported = bring_frame(pd.concat([frame, more]), tmp_path)
    case = imported.case
    assert case.units[0, 0] == first["units"] + 10 - 4
    assert case.price[0, 0] == pytest.approx((first["units"] * first["price"] + 10) / (first["units"] + 10), abs=1e-6)
    assert case.unit_cost[0, 0] == pytest.approx((first["units"] * 1.2 + 16) / (first["units"] + 10), abs=1e-6)
    assert any("1 row of 4 units" in sentence for sentence in imported.account)


def test_revenue_instead_of_price_is_the_same_case(tmp_path: Path) -> None:
    frame = weekly()
    priced = bring_frame(frame, tmp_path).case
    frame["revenue"] = frame["units"] * frame["price"]
    (tmp_path / "r").mkdir()
    by_revenue = bring_frame(frame.drop(columns="price"), tmp_path / "r").case
    np.testing.assert_allclose(by_revenue.price, priced.price, atol=1e-6)
    np.testing.assert_array_equal(by_revenue.units, priced.units)
    assert by_revenue.assumptions == priced.assumptions


def test_commas_points_and_dots_are_the_same_case(tmp_path: Path) -> None:
    """Semicolons, decimal commas, dd.mm.yyyy, thousands points, a currency sign and a byte order mark."""
    frame = weekly()
    frame["units"] *= 100
    plain = bring_frame(frame, tmp_path).case
    german = pd.DataFrame(
        {
            "Datum": frame["date"].dt.strftime("%d.%m.%Y"),
            "Artikel": frame["item"],
            "Menge": [f"{n:,}".replace(",", ".") for n in frame["units"]],
            "Preis": [f"{p:.2f} €".replace(".", ",") for p in frame["price"]],
            "Einkaufspreis": [f"{p:.2f} €".replace(".", ",") for p in frame["unit cost"]],
        }
    )
    german.to_csv(tmp_path / "german.csv", sep=";", index=False, encoding="utf-8-sig")
    case = bring(tmp_path / "german.csv", tmp_path / "german").case
    np.testing.assert_array_equal(case.units, plain.units)
    np.testing.assert_allclose(case.price, plain.price)
    np.testing.assert_allclose(case.unit_cost, plain.unit_cost)
    assert case.currency == "EUR"


def test_days_missing_at_either_end_drop_the_week(tmp_path: Path) -> None:
    """Of a shop that is closed on Sundays: a week that ends on Saturday is whole."""
    days = pd.date_range("2021-01-06", "2022-06-25", freq="D")  # Wednesday to Saturday
    days = days[days.day_of_week < 6]
    frame = pd.DataFrame({"date": days, "item": "soap", "units": 2, "price": 3.0, "unit cost": 2.0})
    case = bring_frame(frame, tmp_path).case
    assert (case.units == 12).all()
    assert len(case.periods) == 76
    assert "week 1 begins 2021-01-11" in (tmp_path / "case" / "case.toml").read_text()


@pytest.mark.parametrize(("last", "months"), [("2022-12-31", 24), ("2023-02-28", 26), ("2023-02-27", 25)])
def test_a_short_month_is_whole(tmp_path: Path, last: str, months: int) -> None:
    days = pd.date_range("2021-01-01", last, freq="D")
    frame = pd.DataFrame({"date": days, "item": "soap", "units": 2, "price": 3.0, "unit cost": 2.0})
    assert len(bring_frame(frame, tmp_path, unit="month").case.periods) == months


@pytest.mark.parametrize("months", [18, 24])
def test_months_are_told_from_their_distance(tmp_path: Path, months: int) -> None:
    frame = weekly(weeks=months)
    frame["date"] = np.repeat(pd.date_range("2021-01-31", periods=months, freq="ME").to_numpy(), 3)
    case = bring_frame(frame, tmp_path).case
    assert (case.period_unit, len(case.periods), case.holdout) == ("month", months, months * 3 // 4 + (months == 18))
    assert case.assumptions.lead_time.value == 0


def test_a_gap_is_no_sale_only_while_the_item_was_on_offer(tmp_path: Path) -> None:
    frame = weekly()
    week = frame.groupby("item").cumcount()
    gap = {"item 0": [10], "item 1": range(20, 40), "item 2": [*range(5), 10]}
    gone = np.array([w in gap[i] for w, i in zip(week, frame["item"], strict=True)])
    shut = week == 50
    imported = bring_frame(frame[~gone & ~shut], tmp_path)
    case = imported.case
    order = [case.items.index(f"item {k}") for k in range(3)]
    units, price = case.units[order], case.price[order]
    assert units[0, 10] == units[2, 10] == 0, "others sold"
    assert price[0, 10] == price[0, 9]
    assert np.isnan(units[1, 20:40]).all(), "too long for chance"
    assert np.isnan(units[2, :5]).all(), "not on offer yet"
    assert np.isnan(units[:, 50]).all(), "closed"
    assert np.isnan(units).sum() == 20 + 5 + 3


def test_a_week_that_ends_without_stock_is_no_record(tmp_path: Path) -> None:
    frame = weekly()
    frame["stock"] = 50
    week = frame.groupby("item").cumcount()
    frame.loc[(frame["item"] == "item 0") & week.isin([7, 30]), "stock"] = 0
    frame = frame[~((frame["item"] == "item 0") & (week == 31))]  # nothing to sell, so no row
    imported = bring_frame(frame, tmp_path)
    assert np.argwhere(np.isnan(imported.case.units)).tolist() == [[0, 7], [0, 30], [0, 31]]
    assert any("Ended without stock: 3 item weeks" in sentence for sentence in imported.account)


def test_items_that_cannot_be_planned_are_left_out_and_named(tmp_path: Path) -> None:
    frame = weekly(items=4, weeks=100)
    week = frame.groupby("item").cumcount()
    late = (frame["item"] == "item 1") & (week < 70)
    ended = (frame["item"] == "item 2") & (week > 40)
    midway = (frame["item"] == "item 3") & (week < 40)
    imported = bring_frame(frame[~(late | ended | midway)], tmp_path)
    assert imported.case.items == ("item 0", "item 3")
    said = " ".join(imported.account)
    assert "fewer than 12 weeks before week 76: too little to learn from: 1 item, item 1." in said
    assert "discontinued: 1 item, item 2." in said


def test_a_margin_stands_for_unit_costs_and_is_said(tmp_path: Path) -> None:
    case = bring_frame(weekly().drop(columns="unit cost"), tmp_path, margin=0.3).case
    usual = np.median(case.price, axis=1, keepdims=True)
    np.testing.assert_allclose(case.unit_cost, np.broadcast_to(0.7 * usual, case.price.shape), atol=1e-6)
    assert "assumed: a margin of 30%" in case.source


def test_promotions_come_with_their_slots(tmp_path: Path) -> None:
    frame = weekly()
    frame["promo"] = np.where(frame["price"] < frame.groupby("item")["price"].transform("max"), "yes", "")
    case = bring_frame(frame, tmp_path).case
    np.testing.assert_array_equal(case.feature, case.price < case.price.max(axis=1, keepdims=True))
    assert not case.assumptions.promotion_slots.assumed
    assert case.assumptions.promotion_slots.value == pytest.approx(1 / 3, abs=1e-3)


def test_zones_make_items_of_a_product(tmp_path: Path) -> None:
    north, south = weekly(), weekly(seed=2)
    frame = pd.concat([north.assign(zone="north"), south.assign(zone="south")])
    case = bring_frame(frame, tmp_path).case
    assert len(case.items) == 6
    assert set(case.zones) == {"north", "south"}
    assert case.items[0] == "item 0@north"


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
def test_typed_files_are_the_same_case(tmp_path: Path, suffix: str) -> None:
    frame = weekly()
    expected = bring_frame(frame, tmp_path).case
    file = tmp_path / f"typed.{suffix}"
    if suffix == "xlsx":
        pytest.importorskip("openpyxl")
        frame.to_excel(file, index=False)
    else:
        frame.to_parquet(file)
    case = bring(file, tmp_path / suffix).case
    for figure in ("units", "price", "unit_cost"):
        np.testing.assert_allclose(getattr(case, figure), getattr(expected, figure))


def test_a_given_column_wins_over_a_guess(tmp_path: Path) -> None:
    frame = weekly().rename(columns={"price": "till"}).assign(price=99.0)
    case = bring_frame(frame, tmp_path, columns={Role.PRICE: "till"}).case
    assert case.price.max() == 4.0


def test_numbers_and_blanks_of_a_sheet_are_not_taken_for_texts(tmp_path: Path) -> None:
    """1.234 as a number is 1.234, whatever a text would be."""
    pytest.importorskip("openpyxl")
    frame = weekly().astype({"price": object})
    frame["price"] = 1.234
    frame["stock"] = [None, 5, "7"] * (len(frame) // 3)
    frame.to_excel(tmp_path / "typed.xlsx", index=False)
    case = bring(tmp_path / "typed.xlsx", tmp_path / "case").case
    assert (case.price == 1.234).all()


def test_the_best_sellers_are_kept_if_asked(tmp_path: Path) -> None:
    imported = bring_frame(weekly(items=4), tmp_path, top=2)
    taken = weekly(items=4).query("date < '2022-02-28'").assign(taken=lambda f: f["units"] * f["price"])
    best = taken.groupby("item")["taken"].sum().nlargest(2).index
    assert set(imported.case.items) == set(best)
    assert any("below the 2 that take most money: 2 items" in sentence for sentence in imported.account)


def test_an_empty_folder_is_filled_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    before = (tmp_path / "case").stat().st_ino
    bring_frame(weekly(), tmp_path)
    assert (tmp_path / "case").stat().st_ino == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case", "sales.csv"]


def test_an_item_without_any_unit_cost_is_left_out_and_said(tmp_path: Path) -> None:
    frame = weekly().astype({"unit cost": object})
    frame.loc[frame["item"] == "item 1", "unit cost"] = ""
    frame.loc[0, "unit cost"] = ""
    imported = bring_frame(frame, tmp_path)
    assert imported.case.items == ("item 0", "item 2")
    assert imported.case.unit_cost[0, 0] == imported.case.unit_cost[0, 1]
    said = " ".join(imported.account)
    assert "stands where there is none: 1 item week." in said
    assert "a unit cost in any period, there is no record: 80 item weeks." in said


def test_substitutes_are_the_group_that_most_rows_name(tmp_path: Path) -> None:
    frame = weekly(items=4)
    kind = {"item 0": "soap", "item 1": "soap", "item 2": "tea", "item 3": ""}
    frame["product group"] = frame["item"].map(kind)
    frame.loc[1, "product group"] = "tea"  # item 1, once
    imported = bring_frame(frame, tmp_path)
    groups = dict(zip(imported.case.items, imported.case.groups, strict=True))
    assert groups == {"item 0": "soap@all", "item 1": "soap@all", "item 2": "tea@all", "item 3": "all"}
    assert any("in the one of most rows: 1 other group." in sentence for sentence in imported.account)


def test_a_row_without_units_and_money_is_no_record(tmp_path: Path) -> None:
    """Not known is not nothing sold; a row with one of the two is a problem, see `test_importing_broken`."""
    frame = weekly().astype({"units": object, "price": object})
    week = frame.groupby("item").cumcount()
    frame.loc[(frame["item"] == "item 0") & week.isin([5, 6]), ["units", "price"]] = ""
    imported = bring_frame(frame, tmp_path)
    assert np.argwhere(np.isnan(imported.case.units)).tolist() == [[0, 5], [0, 6]]
    assert any("nothing is on record: 2 rows" in sentence for sentence in imported.account)
