"""`desilo data check`: each worry is found where it is planted, with its count, and nowhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from small_run import write_small_case

from desilo.cases.case import Case
from desilo.cases.opening import open_case
from desilo.harness.cli import Exit, main
from desilo.harness.inspection import Inspection, inspect

WEEKS, HOLDOUT = 130, 110


@cache
def plain() -> Case:
    """Two items whose prices move by themselves; sales follow them, with little noise."""
    rng = np.random.default_rng(1)
    price = np.round(np.where(rng.random((2, WEEKS)) < 0.3, rng.choice([1.6, 1.8], (2, WEEKS)), 2.0), 2)
    units = np.exp(5 - 2.5 * np.log(price) + rng.normal(0, 0.1, price.shape))
    return replace(
        open_case("tuna"),
        items=("a", "b"),
        products=("a", "b"),
        zones=("all", "all"),
        groups=("all", "all"),
        volume=np.ones(2),
        periods=np.arange(1, WEEKS + 1),
        units=units,
        price=price,
        unit_cost=np.full(price.shape, 1.0),
        feature=np.zeros(price.shape),
        holdout=HOLDOUT,
    )


def changed(**arrays: Callable[[np.ndarray], None]) -> Case:
    """The plain case after something was done to its tables."""
    tables = {name: getattr(plain(), name).copy() for name in arrays}
    for name, change in arrays.items():
        change(tables[name])
    return replace(plain(), **tables)


def kinds(found: Inspection) -> dict[str, int]:
    return {worry.kind: worry.count for worry in found.worries}


def test_a_plain_case_gives_no_worry() -> None:
    found = inspect(plain())
    assert kinds(found) == {}
    assert [row[-1] for row in found.table().rows] == ["set", "set"]


def spoil(item: int, periods: slice, value: float) -> Callable[[np.ndarray], None]:
    def change(table: np.ndarray) -> None:
        table[item, periods] = value

    return change


def scale(item: int, periods: slice, factor: float) -> Callable[[np.ndarray], None]:
    def change(table: np.ndarray) -> None:
        table[item, periods] *= factor

    return change


PLANTED: dict[str, tuple[dict[str, Callable[[np.ndarray], None]], int, str]] = {
    "price hardly moves": ({"price": spoil(0, slice(None), 2.0)}, 1, "a: 0 weeks"),
    "unit cost above price": ({"unit_cost": spoil(1, slice(120, 124), 3.0)}, 4, "b, week 12"),
    "outliers": ({"units": scale(0, slice(50, 51), 30.0)}, 1, "a, week 51: 29 times the fit"),
    "level shift": ({"units": scale(0, slice(60, None), 3.0)}, 1, "a: from week 61, +2"),
    "often nothing sold": ({"units": spoil(1, slice(0, 60), 0.0)}, 1, "b: 46%"),
    "gaps": ({"units": spoil(1, slice(0, 60), np.nan)}, 1, "b: 46%"),
    "small prices": ({"price": scale(0, slice(None), 0.1)}, 1, "a"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_worry_is_found_where_it_is_planted(kind: str) -> None:
    change, count, example = PLANTED[kind]
    (worry,) = [worry for worry in inspect(changed(**change)).worries if worry.kind == kind]
    assert worry.count == count
    assert worry.examples[0].startswith(example)


def test_no_elasticity_is_shown_where_the_price_never_moved() -> None:
    """What the group's would be for it is the other item's, and nobody uses it: the price is left as it is."""

    def stays(price: np.ndarray) -> None:
        price[0] = 2.0

    table = inspect(changed(price=stays)).table()
    shown = {name: column for name, *column in zip(table.header, *table.rows, strict=True)}
    assert shown["price"] == ["left", "set"]
    assert shown["own"][0] == "-" and float(shown["own"][1]) < -1


def test_a_short_history_has_no_season() -> None:
    assert "short history" in kinds(inspect(replace(plain(), holdout=40)))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", "data", "check", *arguments])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_shows_items_worries_and_the_end_in_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = str(write_small_case(tmp_path / "small"))
    assert run(monkeypatch, folder) == Exit.OK
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for item in open_case(folder).items:
        assert any(line.startswith(item) and " set" in line for line in out.splitlines())
    assert out.rstrip().splitlines()[-1].startswith("orange-juice: can be run; ")
    assert run(monkeypatch, folder, "--json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert [worry["kind"] for worry in told["worries"] if worry["kind"] in out] == [w["kind"] for w in told["worries"]]
    assert all(item["interval"][0] < item["elasticity"] < item["interval"][1] for item in told["items"])


def test_what_a_run_would_refuse_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = write_small_case(tmp_path / "small")
    sales = (folder / "sales.csv").read_text().splitlines()
    item = sales[1].split(",")[0]
    kept = [line for line in sales[1:] if not line.startswith(item) or int(line.split(",")[1]) < 90]
    (folder / "sales.csv").write_text("\n".join([sales[0], *kept]))
    assert run(monkeypatch, str(folder)) == Exit.BAD_INPUT
    assert item in capsys.readouterr().err
