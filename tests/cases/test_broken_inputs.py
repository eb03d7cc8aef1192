"""What people bring by mistake: cases, solution files and instances, each fault named where it is, in our words.

More of the same, about instances alone, is in `test_instance_reading`, about options in `test_cli_broken`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from small_folders import GOOD, refusal, replace, swapped, with_line, write, write_case

from desilo.cases.opening import open_case
from desilo.cases.plan import as_solution, read_plan
from desilo.cases.reading import read_instance
from desilo.cases.writing import write_instance

Place = tuple[str, int | None, str | None]

ITEMS_ONLY = "item,unit_cost\napple,1\npear,1\nsoap,1\n"

INSTANCES: dict[str, tuple[dict[str, str | bytes | None], Place, str]] = {
    "empty TOML": ({"instance.toml": ""}, ("instance.toml", None, "name"), "missing; it is required"),
    "Latin-1 TOML": (
        {"instance.toml": GOOD["instance.toml"].replace("tiny", "tïny").encode("latin-1")},
        ("instance.toml", 1, None),
        "not UTF-8",
    ),
    "UTF-16 TOML": ({"instance.toml": GOOD["instance.toml"].encode("utf-16")}, ("instance.toml", 1, None), "not UTF-8"),
    "UTF-16 without mark": ({"items.csv": ITEMS_ONLY.encode("utf-16-le")}, ("items.csv", 1, None), "zero byte"),
    "key twice": (with_line("instance.toml", "periods = 3"), ("instance.toml", 4, None), "not valid TOML"),
    "a table in it": (with_line("instance.toml", "[more]\na = 1"), ("instance.toml", 4, "more"), "unknown key"),
    "name a number": (
        swapped("instance.toml", '"tiny"', "5"),
        ("instance.toml", 1, "name"),
        "found 5; text is expected",
    ),
    "name a list": (swapped("instance.toml", '"tiny"', '["a"]'), ("instance.toml", 1, "name"), "found ['a']; text"),
    "name on two lines": (
        swapped("instance.toml", "tiny", r"ti\nny"),
        ("instance.toml", 1, "name"),
        "text on one line without control characters is expected",
    ),
    "title a date": (
        swapped("instance.toml", '"Two items"', "2020-01-01"),
        ("instance.toml", 2, "title"),
        "found 2020-01-01; text is expected",
    ),
    "periods -1": (swapped("instance.toml", "= 2", "= -1"), ("instance.toml", 3, "periods"), "found -1; 1 or more"),
    "periods 2.0": (swapped("instance.toml", "= 2", "= 2.0"), ("instance.toml", 3, "periods"), "a whole number"),
    "periods nan": (swapped("instance.toml", "= 2", "= nan"), ("instance.toml", 3, "periods"), "a whole number"),
    "periods far too large": (
        swapped("instance.toml", "= 2", "= 0x" + "F" * 5000),
        ("instance.toml", 3, "periods"),
        "1e+08 or less is expected",
    ),
    "periods without end": (
        swapped("instance.toml", "= 2", "= " + "9" * 5000),
        ("instance.toml", None, None),
        "a number has thousands of digits",
    ),
    "nested without end": (with_line("instance.toml", "x = " + "[" * 5000), ("instance.toml", None, None), "TOML"),
    "no item": ({"items.csv": "item,unit_cost\n"}, ("items.csv", None, None), "no rows below the header"),
    "empty optional table": ({"service.csv": ""}, ("service.csv", None, None), "the file is empty"),
    "negative period": (
        swapped("demand.csv", "apple,1,01", "apple,-1,01"),
        ("demand.csv", 2, "period"),
        "found '-1'; 1 or more",
    ),
    "negative probability": (
        swapped("scenarios.csv", "0.25", "-0.25"),
        ("scenarios.csv", 2, "probability"),
        "found '-0.25'; 0 or more",
    ),
    "no probability at all": (
        {"scenarios.csv": "scenario,probability\nhigh,0\nlow,0\n"},
        ("scenarios.csv", None, "probability"),
        "sum to 0; they must sum to 1",
    ),
    "demand without its scenario": (
        with_line("demand.csv", "soap,2,x,4,odd"),
        ("demand.csv", 18, "scenario"),
        "unknown scenario 'odd'",
    ),
    "negative lead time": (swapped("items.csv", ",,,1\n", ",,,-1\n"), ("items.csv", 3, "lead_time"), "0 or more"),
    "half a price change": (
        {"items.csv": "item,unit_cost,group,max_price_changes\napple,1,fruit,1.5\npear,1,,\nsoap,1,,\n"},
        ("items.csv", 2, "max_price_changes"),
        "a whole number is expected",
    ),
}


@pytest.mark.parametrize("title", INSTANCES)
def test_a_broken_instance(tmp_path: Path, title: str) -> None:
    changes, place, text = INSTANCES[title]
    found = refusal(lambda: read_instance(write(tmp_path / "x", changes)))
    assert any((p.file, p.row, p.column) == place and text in p.message for p in found), found
    assert len(found) <= 4, "one slip must not turn into a flood"


@pytest.mark.parametrize("name", ["=SUM(A1)", "sœap ☃", "[red]soap[/]", "so,ap", 'so"ap', "s" * 500, "\u202esoap"])
def test_any_name_on_one_line_will_do(tmp_path: Path, name: str) -> None:
    cell = '"' + name.replace('"', '""') + '"'
    changes: dict[str, str | bytes | None] = {
        file: text.replace("soap", f" {cell}".strip()) for file, text in GOOD.items()
    }
    assert read_instance(write(tmp_path / "x", changes)).items == ("apple", "pear", name)


@pytest.mark.parametrize("lead_time", [2, 1_000_000_000_000])
def test_a_lead_time_beyond_the_horizon_leaves_what_is_there(tmp_path: Path, lead_time: int) -> None:
    instance = read_instance(write(tmp_path / "x", swapped("items.csv", ",,,1\n", f",,,{lead_time}\n")))
    assert instance.lead_time[1] == lead_time


def test_a_column_of_another_type_is_one_fault(tmp_path: Path) -> None:
    """Not as many as it has cells."""
    write_instance(read_instance(write(tmp_path / "csv", {})), tmp_path / "x", "parquet")
    for table, column, value in (("demand", "demand", [1.0]), ("items", "group", b"fruit")):
        frame = pd.read_parquet(tmp_path / "x" / f"{table}.parquet")
        frame[column] = [value] * len(frame)
        frame.to_parquet(tmp_path / "x" / f"{table}.parquet")
    found = refusal(lambda: read_instance(tmp_path / "x"))
    assert {(p.file, p.column) for p in found} == {("demand.parquet", "demand"), ("items.parquet", "group")}
    assert len(found) == 2
    assert all("text or numbers are expected" in p.message for p in found)


def test_a_folder_that_cannot_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where permissions do not bind (as they do not bind root) the system's refusal is played."""
    instance, case = write(tmp_path / "instance", {}), write_case(tmp_path / "case")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    for folder, read in ((instance, read_instance), (case, open_case)):
        (found,) = refusal(lambda folder=folder, read=read: read(folder))  # type: ignore[misc]
        assert str(found) == f"{folder}: cannot be read: Permission denied"


# ---- cases

CASES: dict[str, tuple[str, str, str, Place, str]] = {
    # file, old, new, place, text
    "hold-out a text": ("case.toml", "= 4", '= "4"', ("case.toml", 8, "holdout"), "found '4'; a whole number"),
    "hold-out 4.0": ("case.toml", "= 4", "= 4.0", ("case.toml", 8, "holdout"), "found 4.0; a whole number"),
    "hold-out too large": ("case.toml", "= 4", "= 0x" + "F" * 5000, ("case.toml", 8, "holdout"), "more than 60 digits"),
    "key twice": ("case.toml", "= 4", "= 4\nholdout = 5", ("case.toml", 9, None), "not valid TOML"),
    "blank name": ("case.toml", '"shop"', '" "', ("case.toml", 2, "name"), "not blank"),
    "name on two lines": ("case.toml", '"shop"', r'"a\nb"', ("case.toml", 2, "name"), "text on one line"),
    "name a path": ("case.toml", '"shop"', '"../x"', ("case.toml", 2, "name"), "a name without slashes"),
    "no zones": ("case.toml", '["north", "south"]', "[]", ("case.toml", 9, "zones"), "a list that is not empty"),
    "zones a text": ("case.toml", '["north", "south"]', '"north"', ("case.toml", 9, "zones"), "a list is expected"),
    "zone a number": ("case.toml", '"south"', "1", ("case.toml", 9, "zones[1]"), "found 1; text is expected"),
    "figure a text": (
        "assumptions.toml",
        "VALUE",
        '"1"',
        ("assumptions.toml", 58, "lead_time.value"),
        "found '1'; a finite",
    ),
    "figure a truth": (
        "assumptions.toml",
        "VALUE",
        "true",
        ("assumptions.toml", 58, "lead_time.value"),
        "found true; a",
    ),
    "figure nan": (
        "assumptions.toml",
        "VALUE",
        "nan",
        ("assumptions.toml", 58, "lead_time.value"),
        "found nan; a finite",
    ),
    "figure inf": (
        "assumptions.toml",
        "VALUE",
        "inf",
        ("assumptions.toml", 58, "lead_time.value"),
        "found inf; a finite",
    ),
    "figure too large": (
        "assumptions.toml",
        "VALUE",
        "1e300",
        ("assumptions.toml", 58, "lead_time.value"),
        "found 1e+300; 1e+12 or less is expected",
    ),
    "lead time -1": (
        "assumptions.toml",
        "VALUE",
        "-1",
        ("assumptions.toml", 58, "lead_time"),
        "found -1; a whole number not below 0",
    ),
    "lead time 1.5": ("assumptions.toml", "VALUE", "1.5", ("assumptions.toml", 58, "lead_time"), "found 1.5; a whole"),
    "lead time beyond the horizon": (
        "assumptions.toml",
        "VALUE",
        "50",
        ("assumptions.toml", None, None),
        "found lead_time 50 and horizon 8; lead_time must be shorter",
    ),
    "figure without its table": (
        "assumptions.toml",
        "[lead_time]",
        "[lead_times]",
        ("assumptions.toml", 58, "lead_times"),
        "did you mean 'lead_time'?",
    ),
    "header only": ("sales.csv", "ROWS", "", ("sales.csv", None, None), "no rows below the header"),
    "negative units": ("sales.csv", "a@north,1,1.0", "a@north,1,-1.0", ("sales.csv", 2, "units"), "found '-1.0'; 0 or"),
    "period too large": ("sales.csv", "a@north,1,", "a@north,1e300,", ("sales.csv", 2, "period"), "at most 1e+12"),
}


@pytest.mark.parametrize("title", CASES)
def test_a_broken_case(tmp_path: Path, title: str) -> None:
    file, old, new, place, text = CASES[title]
    path = write_case(tmp_path / "shop") / file
    whole = path.read_text()
    if old == "VALUE":
        path.write_text(re.sub(r"(?<=\[lead_time\]\nvalue = ).*", new, whole))
    elif old == "ROWS":
        path.write_text(whole.splitlines()[0])
    else:
        replace(path, old, new)
    found = refusal(lambda: open_case(tmp_path / "shop"))
    assert any((p.file, p.row, p.column) == place and text in p.message for p in found), found
    assert len(found) <= 2, "one slip must not turn into a flood"


@pytest.mark.parametrize("file", ["case.toml", "assumptions.toml", "items.csv", "sales.csv"])
@pytest.mark.parametrize("fault", ["missing", "empty", "a folder", "UTF-16", "Latin-1"])
def test_a_file_of_a_case_that_cannot_be_read(tmp_path: Path, file: str, fault: str) -> None:
    path = write_case(tmp_path / "shop") / file
    text = path.read_text()
    path.unlink()
    match fault:
        case "empty":
            path.touch()
        case "a folder":
            path.mkdir()
        case "UTF-16":
            path.write_text(text, encoding="utf-16")
        case "Latin-1":
            path.write_text(text + "# é", encoding="latin-1")
    assert {p.file for p in refusal(lambda: open_case(tmp_path / "shop"))} == {file}


def test_a_table_of_a_case_in_both_formats(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "shop")
    pd.read_csv(folder / "sales.csv").to_parquet(folder / "sales.parquet")
    (found,) = refusal(lambda: open_case(folder))
    assert str(found) == "sales.parquet: sales.csv is there too; keep one of the two"
    (folder / "sales.csv").unlink()
    assert open_case(folder).periods.tolist() == [1, 2, 3, 4, 5]


# ---- solution files

SOLUTIONS: dict[str, tuple[str, str, Place, str]] = {
    # old, new, place, text
    "list twice": (
        '"orders"',
        '"levels": [], "orders"',
        ("plan.json", None, "levels"),
        "2 times in one object; keep one",
    ),
    "quantity twice": (
        '"quantity": 7',
        '"quantity": 7, "quantity": 8',
        ("plan.json", None, "quantity"),
        "2 times in one object (item 'apple', period 2); keep one",
    ),
    "order twice": (
        '"orders": [',
        '"orders": [{"item": "apple", "period": 2, "quantity": 1}, ',
        ("plan.json", None, "orders[1]"),
        "item 'apple', period 2 is there already",
    ),
    "1e300": (
        ": 7",
        ": 1e300",
        ("plan.json", None, "orders[0].quantity"),
        "found 1e+300; a number of units from 0 to 1e+15",
    ),
    "beyond floats": (": 7", ": 1e999", ("plan.json", None, "orders[0].quantity"), "found inf; a number of units"),
    "nan": (": 7", ": NaN", ("plan.json", None, "orders[0].quantity"), "found nan; a number of units"),
    "negative": (": 7", ": -5", ("plan.json", None, "orders[0].quantity"), "found -5; a number of units from 0"),
    "null": (": 7", ": null", ("plan.json", None, "orders[0].quantity"), "found null; a finite number is expected"),
    "truth": (": 7", ": true", ("plan.json", None, "orders[0].quantity"), "found true; a finite number is expected"),
    "text": (": 7", ': "7"', ("plan.json", None, "orders[0].quantity"), "found '7'; a finite number is expected"),
    "no number at all": ("WHOLE", "null", ("plan.json", None, None), "found null; keys with their values are expected"),
    "a list": ("WHOLE", "[]", ("plan.json", None, None), "found []; keys with their values are expected"),
    "a table": ("WHOLE", "item,period,level\n", ("plan.json", 1, None), "not valid JSON"),
    "levels missing": ('"levels"', '"level"', ("plan.json", None, "levels"), "missing; it is required"),
    "orders null": ("ORDERS", "null", ("plan.json", None, "orders"), "found null; a list is expected"),
    "orders of text": ("ORDERS", '["a"]', ("plan.json", None, "orders[0]"), "found 'a'; keys with their values"),
    "nested": ("WHOLE", "[" * 100_000, ("plan.json", None, None), "brackets are nested too deeply"),
}


@pytest.mark.parametrize("title", SOLUTIONS)
def test_a_broken_solution(tmp_path: Path, title: str) -> None:
    old, new, place, text = SOLUTIONS[title]
    instance = read_instance(write(tmp_path / "x", {}))
    path = tmp_path / "plan.json"
    levels = [
        {"item": item, "period": t, "level": level}
        for item, level in zip(instance.items, "1xx", strict=True)
        for t in (1, 2)
    ]
    whole = json.dumps(
        {"instance": "tiny", "levels": levels, "orders": [{"item": "apple", "period": 2, "quantity": 7}]}
    )
    path.write_text(whole)
    assert as_solution(instance, read_plan(instance, path)) == json.loads(whole)
    if old == "WHOLE":
        path.write_text(new)
    elif old == "ORDERS":
        path.write_text(whole[: whole.index('"orders": ')] + f'"orders": {new}}}')
    else:
        replace(path, old, new)
    found = refusal(lambda: read_plan(instance, path))
    assert any((p.file, p.row, p.column) == place and text in p.message for p in found), found
