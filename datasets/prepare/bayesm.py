"""Rebuild the tables of the bundled cases `orange-juice` and `tuna` from the R package bayesm.

Get the package (Debian main, GPL-2 or later; any mirror), then rebuild both cases in place::

    apt-get download r-cran-bayesm
    pip install "desilo[prepare]"
    python datasets/prepare/bayesm.py r-cran-bayesm_*.deb

SOURCE may also be the unpacked package: any folder that holds `orangeJuice.rda` and `tuna.rda` somewhere
below. Written are `items.csv`, `sales.csv` and their `SHA256SUMS`; `case.toml`, `assumptions.toml` and
`PROVENANCE.md` are written by hand and left alone. Every choice made here is explained in `PROVENANCE.md`.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import tempfile
import tomllib
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import rdata
import typer

BUNDLED = Path(__file__).parents[1] / "desilo" / "cases" / "bundled"

ORANGE_JUICE = {  # brand number in the source: product, ounces per pack
    1: ("tropicana-premium-64", 64),
    2: ("tropicana-premium-96", 96),
    3: ("floridas-natural-64", 64),
    4: ("tropicana-64", 64),
    5: ("minute-maid-64", 64),
    6: ("minute-maid-96", 96),
    7: ("citrus-hill-64", 64),
    8: ("tree-fresh-64", 64),
    9: ("florida-gold-64", 64),
    10: ("dominicks-64", 64),
    11: ("dominicks-128", 128),
}
OUNCES_PER_GALLON = 128

TUNA = {  # brand number in the source: product, ounces per can; 6 is left out
    1: ("star-kist-6", 6.0),
    2: ("chicken-of-the-sea-6", 6.0),
    3: ("bumble-bee-solid-6", 6.12),
    4: ("bumble-bee-chunk-6", 6.12),
    5: ("geisha-6", 6.0),
    7: ("hh-chunk-lite-6", 6.5),
}
OUNCES_PER_POUND = 16
TUNA_GAP = 332
"""Weeks 332-371 are missing in one block; the case ends before it."""


def orange_juice(source: dict[str, Any], holdout: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items and sales of `orange-juice`: an item is a product in a price zone.

    Args:
        source: the R object `orangeJuice`.
        holdout: first week that must not shape the zones.
    """
    raw = source["yx"].astype(float)
    brand = raw["brand"].astype(int)
    pack = brand.map({number: ounces for number, (_, ounces) in ORANGE_JUICE.items()})
    per_ounce = raw[[f"price{number}" for number in ORANGE_JUICE]].to_numpy()[np.arange(len(raw)), brand - 1]
    records = pd.DataFrame(
        {
            "store": raw["store"].astype(int),
            "period": raw["week"].astype(int),
            "product": brand.map({number: name for number, (name, _) in ORANGE_JUICE.items()}),
            "units": (np.exp(raw["logmove"]) / pack).round(),
            "price": per_ounce * pack,
            "unit_cost": per_ounce * pack * (1 - raw["profit"] / 100),
            "feature": raw["feat"],
        }
    )
    zone = price_zones(records[records["period"] < holdout])
    records["zone"] = records["store"].map(zone)
    records["item"] = records["product"] + "@" + records["zone"]

    sales = records.groupby(["item", "period"], sort=False).agg(
        units=("units", "sum"),
        stores=("store", "size"),
        price=("price", "median"),
        unit_cost=("unit_cost", "median"),
        feature=("feature", "mean"),
    )
    in_zone = zone.value_counts()
    zone_of_row = sales.index.get_level_values("item").str.split("@").str[1]
    sales["units"] *= in_zone[zone_of_row].to_numpy() / sales["stores"]

    items = pd.DataFrame(
        [
            {
                "item": f"{name}@{place}",
                "product": name,
                "zone": place,
                "volume": ounces / OUNCES_PER_GALLON,
            }
            for place in ("low", "mid", "high")
            for name, ounces in ORANGE_JUICE.values()
        ]
    )
    return items, sales.reset_index()


def price_zones(records: pd.DataFrame) -> pd.Series:
    """Zone of every store: natural breaks of its price level.

    A store's price level is the mean, over its records, of its price over the chain's mean price of the same
    product and week. Natural breaks: the least sum of squares within zones, found by enumeration.
    """
    chain = records.groupby(["product", "period"])["price"].transform("mean")
    level = (records["price"] / chain).groupby(records["store"]).mean().sort_values()
    values = level.to_numpy()

    def spread(breaks: tuple[int, int]) -> float:
        return float(sum(part.var() * len(part) for part in np.split(values, breaks)))

    first, second = min(combinations(range(1, len(values)), 2), key=spread)
    names = np.repeat(["low", "mid", "high"], [first, second - first, len(values) - second])
    return pd.Series(names, index=level.index)


def tuna(source: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items and sales of `tuna`: chain level, one zone.

    Args:
        source: the R object `tuna`.
    """
    source = source.astype(float)
    source = source[source["WEEK"] < TUNA_GAP]
    tables = []
    for number, (name, _) in TUNA.items():
        table = pd.DataFrame(
            {
                "item": f"{name}@chain",
                "period": source["WEEK"].astype(int),
                "units": source[f"MOVE{number}"],
                "price": np.exp(source[f"LPRICE{number}"]),
                "unit_cost": np.exp(source[f"LWHPRIC{number}"]),
                "feature": source[f"NSALE{number}"],
            }
        )
        # One wholesale price, exp(-10.4), is a slip of the source: its record is left out, no figure made up.
        tables.append(table[table["unit_cost"] > 0.1 * table["price"]])
    items = pd.DataFrame(
        [
            {"item": f"{name}@chain", "product": name, "zone": "chain", "volume": ounces / OUNCES_PER_POUND}
            for name, ounces in TUNA.values()
        ]
    )
    return items, pd.concat(tables)


def write_tables(folder: Path, items: pd.DataFrame, sales: pd.DataFrame) -> None:
    """Write `items.csv`, `sales.csv` (in the items' order, then by period) and `SHA256SUMS`."""
    order = {item: position for position, item in enumerate(items["item"])}
    sales = sales.assign(position=sales["item"].map(order)).sort_values(["position", "period"])
    sales = sales[["item", "period", "units", "price", "unit_cost", "feature"]]
    sales = sales.round({"units": 1, "price": 4, "unit_cost": 4, "feature": 4})
    sums = ""
    for name, table in (("items.csv", items), ("sales.csv", sales)):
        content = table.to_csv(index=False, lineterminator="\n").encode()
        (folder / name).write_bytes(content)
        sums += f"{hashlib.sha256(content).hexdigest()}  {name}\n"
    (folder / "SHA256SUMS").write_text(sums)


def unpack(package: Path, folder: Path) -> None:
    """Unpack a Debian package's files into a folder."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def read(source: Path, name: str) -> Any:
    """The R object `name` from `name.rda` somewhere below the folder."""
    found = sorted(source.rglob(f"{name}.rda"))
    if not found:
        raise typer.BadParameter(f"no {name}.rda below {source}")
    return rdata.read_rda(found[0])[name]


def rebuild(
    source: Annotated[Path, typer.Argument(exists=True, help="The .deb, or the unpacked package's folder.")],
    out: Annotated[Path, typer.Option(help="Folder with the case folders.")] = BUNDLED,
) -> None:
    """Rebuild items.csv, sales.csv and SHA256SUMS of both cases."""
    with tempfile.TemporaryDirectory() as scratch:
        if source.is_file():
            unpack(source, Path(scratch))
            source = Path(scratch)
        oj, cans = read(source, "orangeJuice"), read(source, "tuna")
    holdout = tomllib.loads((BUNDLED / "orange-juice" / "case.toml").read_text())["holdout"]
    for name, (items, sales) in {"orange-juice": orange_juice(oj, holdout), "tuna": tuna(cans)}.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        write_tables(folder, items, sales)
        typer.echo(f"{folder}: {len(items)} items, {len(sales)} records")


if __name__ == "__main__":
    typer.run(rebuild)
