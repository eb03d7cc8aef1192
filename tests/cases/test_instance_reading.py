"""Reading an instance: every broken input is named by file, row and column; nothing else is ever raised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_folders import GOOD, refusal, swapped, with_line, write

from desilo.cases.errors import Problem
from desilo.cases.generate import generate
from desilo.cases.instance import Activity, Instance
from desilo.cases.reading import lowest_demand, read_instance
from desilo.cases.writing import write_instance


def problems(folder: Path) -> tuple[Problem, ...]:
    return refusal(lambda: read_instance(folder))


@pytest.fixture
def good(tmp_path: Path) -> Instance:
    return read_instance(write(tmp_path / "tiny", {}))


def test_good_instance_is_read_as_written(good: Instance) -> None:
    assert good.items == ("apple", "pear", "soap")
    assert good.groups == ("fruit", "fruit", "soap")
    assert good.levels == (("01", "1"), ("x",), ("x",))
    np.testing.assert_array_equal(good.price, [[2, 3], [3, np.nan], [4, np.nan]])
    np.testing.assert_array_equal(good.reference, [1, 0, 0])
    np.testing.assert_array_equal(good.promo, [[True, False], [False, False], [False, False]])
    assert good.scenarios == ("high", "low")
    np.testing.assert_array_equal(good.probability, [0.25, 0.75])
    assert good.demand[0, :, :, :].tolist() == [[[20, 20], [10, 10]]] * 2
    np.testing.assert_array_equal(good.max_order, [[9, 5], [np.inf, np.inf], [np.inf, np.inf]])
    np.testing.assert_array_equal(good.unit_cost, [[1, 1], [1.5, 1.5], [2, 2]])
    np.testing.assert_array_equal(good.receipt, [[0, 3], [0, 0], [0, 0]])
    np.testing.assert_array_equal(good.lead_time, [0, 1, 0])
    np.testing.assert_array_equal(good.min_order, [2, 0, 0])
    assert np.isinf(good.max_price_changes).all()
    np.testing.assert_array_equal(good.cross_effects.effect, [[2, 3]])
    room, cash = good.resources
    np.testing.assert_array_equal(room.capacity, [100, 80])
    np.testing.assert_array_equal(room.overage_cost, [np.inf, 0.5])
    np.testing.assert_array_equal(cash.capacity, [50, np.inf])
    assert cash.use.keys() == {Activity.ORDER}
    np.testing.assert_array_equal(room.use[Activity.STOCK], [1, 2, 0])
    assert [target.items.tolist() for target in good.service] == [[0, 1], [2], [0, 1, 2]]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({name: text.replace("\n", "\r\n") for name, text in GOOD.items()}, id="CRLF"),
        pytest.param({name: "\ufeff" + text for name, text in GOOD.items()}, id="byte order mark"),
        pytest.param({name: text.rstrip("\n") for name, text in GOOD.items()}, id="no last line end"),
        pytest.param({"items.csv": GOOD["items.csv"].replace(",", " , ")}, id="spaces around cells"),
        pytest.param({"items.csv": GOOD["items.csv"] + "\n  \n,,,,,\n"}, id="blank lines at the end"),
        pytest.param({"items.csv": GOOD["items.csv"].replace("pear,", '"pear",')}, id="quotes"),
        pytest.param({"items.csv": GOOD["items.csv"].replace("1.5", "+15e-1")}, id="exponent"),
        pytest.param({".items.csv.swp": "x"}, id="an editor's hidden file"),
    ],
)
def test_tolerated_spellings_mean_the_same(tmp_path: Path, good: Instance, changes: dict[str, str]) -> None:
    assert read_instance(write(tmp_path / "other", changes)).digest() == good.digest()


BROKEN = [
    # files
    ("missing file", {"items.csv": None}, "items.csv", None, None, "the file is missing"),
    ("no header file", {"instance.toml": None}, "instance.toml", None, None, "the file is missing"),
    ("unknown file", {"price.csv": "x"}, "price.csv", None, None, "did you mean 'prices.csv'?"),
    ("two formats", {"items.parquet": b"x"}, "items.parquet", None, None, "items.csv is there too"),
    ("empty file", {"demand.csv": ""}, "demand.csv", None, None, "the file is empty"),
    ("blank file", {"demand.csv": "\n \n"}, "demand.csv", None, None, "the file is empty"),
    ("header only", {"prices.csv": "item,level,price,reference\n"}, "prices.csv", None, None, "no rows"),
    ("UTF-16", {"items.csv": GOOD["items.csv"].encode("utf-16")}, "items.csv", 1, None, "byte 0xff at position 1"),
    (
        "Latin-1",
        {"items.csv": GOOD["items.csv"].replace("pear", "pär").encode("latin-1")},
        "items.csv",
        3,
        None,
        "not UTF-8 (byte 0xe4",
    ),
    ("zero byte", with_line("items.csv", "a\0b,1,,,,"), "items.csv", 5, None, "zero byte"),
    ("open quote", swapped("items.csv", "pear", '"pear'), "items.csv", 3, None, "quot"),
    ("text after quote", swapped("items.csv", "pear", '"pe"ar'), "items.csv", 3, None, "bad quoting"),
    ("line break in cell", swapped("items.csv", "pear", '"pe\nar"'), "items.csv", 3, None, "runs on"),
    ("short row", with_line("items.csv", "kiwi,1"), "items.csv", 5, None, "found 2 cells; 6 are expected"),
    ("long row", with_line("items.csv", "kiwi,1,,,,,7"), "items.csv", 5, None, "found 7 cells; 6 are expected"),
    (
        "semicolons",
        {"items.csv": GOOD["items.csv"].replace(",", ";")},
        "items.csv",
        1,
        None,
        "separated by commas",
    ),
    ("not parquet", {"items.csv": None, "items.parquet": b"PAR1"}, "items.parquet", None, None, "as parquet"),
    # columns
    ("missing column", swapped("items.csv", "unit_cost", "group "), "items.csv", 1, "unit_cost", "column is missing"),
    ("unknown column", swapped("items.csv", "group", "gruop"), "items.csv", 1, "gruop", "did you mean 'group'?"),
    ("known columns", swapped("items.csv", "group", "zzzz"), "items.csv", 1, "zzzz", "max_price_changes"),
    ("column twice", swapped("items.csv", "group", "unit_cost"), "items.csv", 1, "unit_cost", "there twice"),
    ("column without name", swapped("items.csv", "group", ""), "items.csv", 1, None, "cell 3 of the header is blank"),
    # cells
    ("NaN", swapped("demand.csv", "apple,1,01,20", "apple,1,01,NaN"), "demand.csv", 2, "demand", "found 'NaN'"),
    ("blank number", swapped("demand.csv", "apple,1,01,20", "apple,1,01, "), "demand.csv", 2, "demand", "blank"),
    ("text", swapped("demand.csv", "apple,1,01,20", "apple,1,01,lots"), "demand.csv", 2, "demand", "'lots'"),
    ("underscore", swapped("demand.csv", "apple,1,01,20", "apple,1,01,2_0"), "demand.csv", 2, "demand", "'2_0'"),
    ("inf", swapped("items.csv", ",2,9,", ",2,inf,"), "items.csv", 2, "max_order", "leave the cell blank"),
    ("overflow", swapped("items.csv", "pear,1.5", "pear,1e400"), "items.csv", 3, "unit_cost", "found '1e400'"),
    ("too large", swapped("items.csv", "pear,1.5", "pear,1e13"), "items.csv", 3, "unit_cost", "at most 1e+12"),
    ("comma", swapped("items.csv", "pear,1.5", 'pear,"1,5"'), "items.csv", 3, "unit_cost", "decimal point"),
    ("negative demand", swapped("demand.csv", ",20,", ",-20,"), "demand.csv", 2, "demand", "found '-20'; 0 or more"),
    ("negative cost", swapped("items.csv", "pear,1.5", "pear,-1.5"), "items.csv", 3, "unit_cost", "'-1.5'"),
    ("lead time", swapped("items.csv", ",,,1\n", ",,,1.5\n"), "items.csv", 3, "lead_time", "whole number"),
    ("flag", swapped("prices.csv", "pear,x,3,1", "pear,x,3,2"), "prices.csv", 4, "reference", "0 or 1"),
    ("blank name", swapped("items.csv", "pear", " "), "items.csv", 3, "item", "blank; a name"),
    ("blank level", swapped("prices.csv", "pear,x", "pear,"), "prices.csv", 4, "level", "blank; a name"),
    ("blank scenario", swapped("demand.csv", "20,low", "20,"), "demand.csv", 2, "scenario", "blank; a name"),
    ("tab in a name", swapped("items.csv", "pear", "pe\tar"), "items.csv", 3, "item", "control characters"),
    # keys
    ("item twice", with_line("items.csv", "pear,1,,,,"), "items.csv", 5, "item", "'pear' is already in row 3"),
    ("level twice", with_line("prices.csv", "pear,x,1,,"), "prices.csv", 6, "item, level", "already in row 4"),
    (
        "demand twice",
        with_line("demand.csv", "soap,2,x,4,high"),
        "demand.csv",
        18,
        "item, period, level, scenario",
        "item 'soap', period 2, level 'x', scenario 'high' is already in row 17",
    ),
    (
        "every period twice",
        with_line("resources.csv", "room,1,,"),
        "resources.csv",
        5,
        "resource, period",
        "period blank is already in row 2",
    ),
    (
        "cross effect twice",
        with_line("cross_effects.csv", "pear,apple,1,2"),
        "cross_effects.csv",
        4,
        "item, other, period",
        "already in row 3",
    ),
    # references between tables
    ("unknown item", swapped("prices.csv", "pear", "paer"), "prices.csv", 4, "item", "did you mean 'pear'?"),
    ("unknown item in demand", swapped("demand.csv", "pear", "kiwi"), "demand.csv", 10, "item", "'kiwi'"),
    ("unknown other", swapped("cross_effects.csv", "apple", "kiwi"), "cross_effects.csv", 2, "other", "'kiwi'"),
    ("itself", swapped("cross_effects.csv", ",apple,2", ",pear,2"), "cross_effects.csv", 2, "other", "item itself"),
    ("unknown level", swapped("demand.csv", "pear,1,x", "pear,1,1"), "demand.csv", 10, "level", "no level '1'"),
    ("level is text", swapped("demand.csv", "apple,1,01", "apple,1,001"), "demand.csv", 2, "level", "'01', '1'"),
    ("unknown scenario", swapped("demand.csv", "20,low", "20,lo"), "demand.csv", 2, "scenario", "mean 'low'?"),
    ("no demand", with_line("scenarios.csv", "odd,0"), "scenarios.csv", 4, "scenario", "no demand for scenario 'odd'"),
    ("period 0", swapped("demand.csv", "apple,1,01", "apple,0,01"), "demand.csv", 2, "period", "1 or more"),
    ("period 3", swapped("demand.csv", "apple,1,01", "apple,3,01"), "demand.csv", 2, "period", "found 3; periods run"),
    ("period 1.5", swapped("demand.csv", "apple,1,01", "apple,1.5,01"), "demand.csv", 2, "period", "whole"),
    ("period 1e300", swapped("demand.csv", "apple,1,01", "apple,1e300,01"), "demand.csv", 2, "period", "found '1e300'"),
    ("period in resources", swapped("resources.csv", "80,2", "80,9"), "resources.csv", 3, "period", "found 9"),
    ("no reference", swapped("prices.csv", "apple,1,3,1", "apple,1,3,0"), "prices.csv", 2, "reference", "'apple'"),
    ("two references", swapped("prices.csv", "01,2,0", "01,2,1"), "prices.csv", 3, "reference", "(rows 2, 3)"),
    ("no level", with_line("items.csv", "kiwi,1,,,,"), "prices.csv", None, "item", "'kiwi' has no price level"),
    (
        "missing demand",
        swapped("demand.csv", "pear,2,x,5,high\n", ""),
        "demand.csv",
        None,
        "demand",
        "item 'pear', period 2, level 'x', scenario 'high'",
    ),
    ("probability", swapped("scenarios.csv", "0.25", "0.2"), "scenarios.csv", None, "probability", "sum to 0.95"),
    ("probability 2", swapped("scenarios.csv", "0.25", "2"), "scenarios.csv", 2, "probability", "1 or less"),
    ("activity", swapped("resource_use.csv", "stock", "stok"), "resource_use.csv", 2, "activity", "'receipt'"),
    ("unknown resource", swapped("resource_use.csv", "cash", "cahs"), "resource_use.csv", 4, "resource", "'cash'?"),
    ("resource without use", with_line("resources.csv", "dock,1,,"), "resources.csv", 5, "resource", "no item uses"),
    ("use without resources", {"resources.csv": None}, "resources.csv", None, None, "uses 'room', 'cash'"),
    ("resources without use", {"resource_use.csv": None}, "resources.csv", 2, "resource", "no item uses"),
    ("scope", swapped("service.csv", "fruit", "friut"), "service.csv", 2, "scope", "did you mean 'fruit'?"),
    ("fill rate", swapped("service.csv", "0.9", "1.1"), "service.csv", 3, "min_fill_rate", "1 or less"),
    ("order sizes", swapped("items.csv", ",2,9,", ",20,9,"), "items.csv", 2, "max_order", "below min_order 20"),
    (
        "order sizes in a period",
        swapped("item_periods.csv", ",5,", ",1,"),
        "item_periods.csv",
        2,
        "max_order",
        "max_order 1 is below min_order 2 of item 'apple'",
    ),
    (
        "demand below 0",
        swapped("cross_effects.csv", "apple,2", "apple,6"),
        "cross_effects.csv",
        None,
        "effect",
        "item 'pear', period 1, scenario 'high': demand falls to -1 ",
    ),
    # instance.toml
    ("TOML syntax", {"instance.toml": 'name = "a"\ntitle = \n'}, "instance.toml", 2, None, "not valid TOML"),
    ("TOML missing key", swapped("instance.toml", "periods = 2", ""), "instance.toml", None, "periods", "missing"),
    ("TOML type", swapped("instance.toml", "= 2", '= "2"'), "instance.toml", 3, "periods", "found '2'"),
    (
        "TOML bool",
        swapped("instance.toml", "= 2", "= true"),
        "instance.toml",
        3,
        "periods",
        "found true; a whole",
    ),
    ("TOML range", swapped("instance.toml", "= 2", "= 0"), "instance.toml", 3, "periods", "found 0"),
    ("TOML key", with_line("instance.toml", 'curency = "EUR"'), "instance.toml", 4, "curency", "'currency'?"),
    ("TOML blank name", swapped("instance.toml", "tiny", " "), "instance.toml", 1, "name", "not blank"),
    (
        "too long",
        swapped("instance.toml", "= 2", "= 90000000"),
        "instance.toml",
        None,
        "periods",
        "demand.csv has 16 rows",
    ),
    (
        "no float",
        swapped("instance.toml", "= 2", "= " + "9" * 400),
        "instance.toml",
        3,
        "periods",
        "found a number of more than 60 digits",
    ),
]


@pytest.mark.parametrize(
    ("changes", "file", "row", "column", "text"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_broken_input_is_named(
    tmp_path: Path, changes: dict[str, str | bytes | None], file: str, row: int | None, column: str | None, text: str
) -> None:
    found = problems(write(tmp_path / "x", changes))
    assert any((p.file, p.row, p.column) == (file, row, column) and text in p.message for p in found), found
    assert len(found) <= 4, "one slip must not turn into a flood"


def test_all_problems_of_all_files_at_once(tmp_path: Path) -> None:
    names = ["TOML key", "negative cost", "NaN", "two references", "scope", "activity", "unknown file"]
    cases = [case for case in BROKEN if case[0] in names]
    changes = {name: content for case in cases for name, content in case[1].items()}
    found = problems(write(tmp_path / "x", changes))
    assert {(case[2], case[3], case[4]) for case in cases} == {(p.file, p.row, p.column) for p in found}


def test_a_faulty_figure_does_not_hide_faults_elsewhere(tmp_path: Path) -> None:
    demand = GOOD["demand.csv"].replace("pear,1,x", "pear,1,y").replace("soap,2,x,4,low", "soap,2,x,-4,low")
    changes = swapped("prices.csv", "pear,x,3", "pear,x,?") | {"demand.csv": demand}
    found = problems(write(tmp_path / "x", changes))
    places = {(p.file, p.row, p.column) for p in found}
    assert places == {
        ("prices.csv", 4, "price"),
        ("demand.csv", 10, "level"),
        ("demand.csv", 11, "level"),
        ("demand.csv", 16, "demand"),
    }
    changes = swapped("demand.csv", "pear,2,x,5,high\n", "") | with_line("service.csv", "pear,7")
    changes |= swapped("scenarios.csv", "0.25", "0.5") | swapped("prices.csv", "pear,x,3", "pear,x,-3")
    found = problems(write(tmp_path / "y", changes))
    assert [p.file for p in found] == ["prices.csv", "service.csv", "scenarios.csv", "demand.csv"]


def test_many_problems_of_one_kind_are_counted(tmp_path: Path) -> None:
    wrong = GOOD["demand.csv"].replace(",20,", ",?,").replace(",10,", ",?,")
    found = problems(write(tmp_path / "x", {"demand.csv": wrong}))
    assert [p.row for p in found] == [2, 3, 4, None]
    assert found[-1].message == "and 5 more like this"


def test_ambiguous_scope(tmp_path: Path) -> None:
    items = GOOD["items.csv"].replace("fruit", "soap")
    found = problems(write(tmp_path / "x", {"items.csv": items, "service.csv": "scope,min_fill_rate\nsoap,0.5\n"}))
    assert [(p.file, p.row, p.column) for p in found] == [("service.csv", 2, "scope")]
    assert "ambiguous" in found[0].message


@pytest.mark.parametrize("what", ["nothing", "file", "empty folder"])
def test_not_an_instance_folder(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    if what == "file":
        path.write_text("x")
    elif what == "empty folder":
        path.mkdir()
    assert problems(path)[0].file == str(path)


def test_no_order_at_all_suits_any_minimum_order(tmp_path: Path) -> None:
    instance = read_instance(write(tmp_path / "x", swapped("item_periods.csv", ",5,", ",0,")))
    assert instance.max_order[0, 1] == 0


def test_defaults(tmp_path: Path) -> None:
    minimal: dict[str, str | bytes | None] = dict.fromkeys(GOOD)
    minimal |= {
        "instance.toml": GOOD["instance.toml"],
        "items.csv": "item,unit_cost\nNA,1\n",
        "prices.csv": "item,level,price,reference\nNA,None,2,1\n",
        "demand.csv": "item,period,level,demand\nNA,1,None,2\nNA,2,None,3\n",
    }
    instance = read_instance(write(tmp_path / "x", minimal))
    assert (instance.items, instance.groups, instance.levels) == (("NA",), ("NA",), (("None",),))
    assert instance.scenarios == ("1",)
    assert instance.demand.ravel().tolist() == [2, 3]
    assert instance.resources == instance.service == ()


def test_probabilities_are_scaled_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "x", {"scenarios.csv": "scenario,probability\nhigh,0.3333333\nlow,0.6666666\n"})
    instance = read_instance(folder)
    assert instance.probability.sum() == pytest.approx(1, abs=1e-15)
    write_instance(instance, folder)
    assert read_instance(folder).digest() == instance.digest()


def test_lowest_demand_by_enumeration() -> None:
    """Against every price vector of a small instance."""
    instance = generate("features", "S", 4)
    assert len(instance.cross_effects)
    count = [len(own) for own in instance.levels]
    lowest = np.full((len(count), instance.periods, len(instance.scenarios)), np.inf)
    for levels in np.ndindex(*count):
        chosen = np.array(levels)
        price = np.repeat(instance.price[np.arange(len(count)), chosen][:, None], instance.periods, axis=1)
        demand = instance.demand[np.arange(len(count)), :, chosen] + instance.cross_demand(price)[..., None]
        lowest = np.minimum(lowest, demand)
    np.testing.assert_allclose(lowest_demand(instance), lowest, rtol=1e-12)


def test_parquet_types(tmp_path: Path, good: Instance) -> None:
    """Whole-number names, flags as booleans and categorical text in parquet tables mean the same as text."""
    write_instance(good, tmp_path / "x", "parquet")
    prices = pd.read_parquet(tmp_path / "x" / "prices.parquet")
    prices["item"] = prices["item"].astype("category")
    prices["promo"] = prices["promo"].astype(bool)
    prices.to_parquet(tmp_path / "x" / "prices.parquet")
    assert read_instance(tmp_path / "x").digest() == good.digest()
    prices["level"] = [1.0, 2.0, 3.0, 4.0]
    prices["price"] = pd.to_datetime("2020-01-01")
    prices.to_parquet(tmp_path / "x" / "prices.parquet")
    assert {p.column for p in problems(tmp_path / "x")} >= {"level", "price"}
