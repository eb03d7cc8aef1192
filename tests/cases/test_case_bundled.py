"""The bundled tables hold what their source holds.

The figures below were found from the R package's own records without the preparing script, in plain loops:
for `orangeJuice`, round(exp(logmove) / ounces of the pack) summed over store records; for `tuna`, sums of `MOVE#` and
means of exp(`LPRICE#`) over the rows with WEEK <= 331.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from desilo.cases.opening import BUNDLED, bundled_cases, open_case

OJ_RAW_UNITS = {  # over the 9,649 recorded store weeks, before scaling to all stores
    "tropicana-premium-64": 2_090_157,
    "tropicana-premium-96": 749_541,
    "floridas-natural-64": 489_472,
    "tropicana-64": 2_541_973,
    "minute-maid-64": 2_749_733,
    "minute-maid-96": 450_002,
    "citrus-hill-64": 829_950,
    "tree-fresh-64": 409_009,
    "florida-gold-64": 511_820,
    "dominicks-64": 2_990_370,
    "dominicks-128": 609_668,
}
OJ_FULL_WEEKS = {74: (9_192, 91_330), 100: (5_866, 99_127), 107: (14_989, 94_062)}
"""Weeks with all 83 stores, so nothing is scaled: units of minute-maid-64, units of all products."""

TUNA_UNITS = {
    "star-kist-6": 6_746_746,
    "chicken-of-the-sea-6": 5_325_527 - 579_037,  # week 76 is left out
    "bumble-bee-solid-6": 832_330,
    "bumble-bee-chunk-6": 4_534_627,
    "geisha-6": 938_120,
    "hh-chunk-lite-6": 2_748_057,
}


def test_the_bundled_cases_are_these() -> None:
    assert bundled_cases() == ("orange-juice", "tuna")


@pytest.mark.parametrize("name", bundled_cases())
def test_checksums_match(name: str) -> None:
    lines = (BUNDLED / name / "SHA256SUMS").read_text().splitlines()
    sums = {file: digest for digest, file in (line.split("  ") for line in lines)}
    assert set(sums) == {"items.csv", "sales.csv"}
    for file, digest in sums.items():
        assert hashlib.sha256((BUNDLED / name / file).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", bundled_cases())
def test_a_bundled_case_is_complete_and_says_where_it_is_from(name: str) -> None:
    case = open_case(name)
    assert case.name == name
    assert "bayesm" in case.source
    assert case.licence == "GPL-2.0-or-later"
    provenance = (BUNDLED / name / "PROVENANCE.md").read_text()
    assert "python datasets/prepare/bayesm.py" in provenance
    assert "GPL-2" in provenance
    shape = (len(case.items), len(case.periods))
    assert np.all(np.diff(case.periods) == 1)
    missing = np.isnan(case.units)
    for history in (case.units, case.price, case.unit_cost, case.feature):
        assert history.shape == shape
        np.testing.assert_array_equal(np.isnan(history), missing)


def test_orange_juice_shape_and_zones() -> None:
    case = open_case("orange-juice")
    assert case.units.shape == (33, 121)
    assert case.periods[case.holdout] == 131
    assert not np.isnan(case.units).any()
    cells = list(zip(case.products, case.zones, strict=True))
    assert len(set(cells)) == 33  # every product exactly once in every zone
    assert set(case.zones) == {"low", "mid", "high"}
    assert case.items == tuple(f"{product}@{zone}" for product, zone in cells)


def test_orange_juice_prices_rise_with_the_zone() -> None:
    case = open_case("orange-juice")
    relative = case.price[:, : case.holdout].mean(axis=1)
    mean = {zone: relative[np.array(case.zones) == zone].mean() for zone in ("low", "mid", "high")}
    assert mean["low"] < mean["mid"] < mean["high"]


def test_orange_juice_units_are_the_source_s() -> None:
    case = open_case("orange-juice")
    products = np.array(case.products)
    for week, (one, every) in OJ_FULL_WEEKS.items():
        column = case.units[:, week - case.periods[0]]
        assert column[products == "minute-maid-64"].sum() == one
        assert column.sum() == every
    for product, raw in OJ_RAW_UNITS.items():
        scaled = case.units[products == product].sum()
        assert 1.02 < scaled / raw < 1.06  # 83 x 121 store weeks over the 9,649 recorded ones: 1.041


def test_orange_juice_prices_are_per_pack() -> None:
    """Chain median of product 11's price per ounce in week 60, times 128, is 4.79 in the source."""
    case = open_case("orange-juice")
    row = case.items.index("dominicks-128@high")  # the zone of 56 of the 83 stores
    assert case.price[row, 60 - 40] == pytest.approx(4.79)
    revenue, cost = np.sum(case.units * case.price), np.sum(case.units * case.unit_cost)
    # The source's own store records: revenue 31,848,023, cost 24,423,689 over 14,421,695 units.
    units = case.units.sum()
    assert revenue / units == pytest.approx(31_848_023 / 14_421_695, rel=0.005)
    assert cost / units == pytest.approx(24_423_689 / 14_421_695, rel=0.005)


def test_tuna_agrees_with_the_source() -> None:
    case = open_case("tuna")
    assert case.units.shape == (6, 331)
    assert case.periods[case.holdout] == 301
    assert set(case.zones) == {"chain"}
    units = dict(zip(case.products, np.nansum(case.units, axis=1), strict=True))
    assert units == TUNA_UNITS
    price = dict(zip(case.products, np.nanmean(case.price, axis=1), strict=True))
    assert price["star-kist-6"] == pytest.approx(0.7966241, abs=1e-4)
    assert price["geisha-6"] == pytest.approx(1.4589132, abs=1e-4)
    cost = dict(zip(case.products, np.nanmean(case.unit_cost, axis=1), strict=True))
    assert cost["hh-chunk-lite-6"] == pytest.approx(0.5384888, abs=1e-4)


def test_tuna_leaves_gaps_open() -> None:
    case = open_case("tuna")
    gaps = case.periods[np.isnan(case.units).all(axis=0)]
    assert gaps.tolist() == [211, 219, 262, 263, 264, 265, 278, 279, 284, 285, 314, 315, 316, 317]
    row = case.items.index("chicken-of-the-sea-6@chain")
    alone = np.isnan(case.units[row]) & ~np.isnan(case.units).all(axis=0)
    assert case.periods[alone].tolist() == [76]


def load_script() -> ModuleType:
    """The preparing script, which is no part of the installed package."""
    path = Path(__file__).parents[2] / "datasets" / "prepare" / "bayesm.py"
    spec = importlib.util.spec_from_file_location("prepare_bayesm", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_zones_are_the_natural_breaks_of_price_levels() -> None:
    """Three clear groups of stores around a chain mean; one product, two weeks of different prices."""
    pytest.importorskip("rdata")
    level = {1: 1.00, 2: 0.80, 3: 1.21, 4: 0.81, 5: 1.01, 6: 1.20, 7: 0.99}
    records = pd.DataFrame(
        [
            {"store": store, "product": "p", "period": period, "price": price * share}
            for store, share in level.items()
            for period, price in ((1, 2.0), (2, 3.0))
        ]
    )
    zones = load_script().price_zones(records)
    assert zones.to_dict() == {2: "low", 4: "low", 7: "mid", 1: "mid", 5: "mid", 6: "high", 3: "high"}


def test_the_script_rebuilds_the_tables(tmp_path: Path) -> None:
    """Needs the source: set DESILO_BAYESM to the .deb or to the unpacked package."""
    source = os.environ.get("DESILO_BAYESM")
    if not source:
        pytest.skip("DESILO_BAYESM does not name the R package bayesm")
    pytest.importorskip("rdata")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rdata on R's compact row names
        load_script().rebuild(Path(source), tmp_path)
    for name in bundled_cases():
        for file in ("items.csv", "sales.csv", "SHA256SUMS"):
            assert (tmp_path / name / file).read_bytes() == (BUNDLED / name / file).read_bytes()
