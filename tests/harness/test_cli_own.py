"""`desilo init` and `desilo import`: from nothing, and from an export, to a case that can be run."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from desilo.cases.case import Assumptions
from desilo.cases.defaults import DEFAULTS, Measure, default_assumptions
from desilo.cases.errors import BadInput
from desilo.cases.opening import open_case
from desilo.harness.cli import Exit, main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", *arguments])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def export(path: Path, header: str = "day,product,qty,till,cost") -> Path:
    """Two products, a row a week each."""
    days = pd.date_range("2021-01-04", periods=40, freq="7D")
    rows = [f"{day:%Y-%m-%d},{name},{20 + k},{2 - 0.2 * (k % 3)},1" for k, day in enumerate(days) for name in "ab"]
    path.write_text("\n".join([header, *rows]))
    return path


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_init_writes_a_folder_that_lacks_nothing_but_sales(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, period: str
) -> None:
    folder = tmp_path / "shop"
    assert run(monkeypatch, "init", str(folder), "--period", period, "--currency", "CHF") == Exit.OK
    assert "next: desilo data check" in capsys.readouterr().out
    with pytest.raises(BadInput) as refused:
        open_case(folder)
    assert {problem.file for problem in refused.value.problems} == {"items.csv", "sales.csv"}
    example = [line.removeprefix("#   ") for line in (folder / "case.toml").read_text().splitlines() if "#   " in line]
    assert example[0] == (folder / "items.csv").read_text().strip()
    assert example[2] == (folder / "sales.csv").read_text().strip()
    (folder / "items.csv").write_text("\n".join(example[:2]))
    rows = [example[3].replace(",1,", f",{t},", 1) for t in range(1, 91)]
    (folder / "sales.csv").write_text("\n".join([example[2], *rows]))
    case = open_case(folder)
    assert (case.name, case.period_unit, case.currency) == ("shop", period, "CHF")
    assert case.units[0, :3].tolist() == [120, 120, 120]


def test_init_leaves_a_folder_alone_that_has_something_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").touch()
    assert run(monkeypatch, "init", str(tmp_path)) == Exit.BAD_INPUT
    assert "is not empty; nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_every_default_has_its_reason_and_is_marked_as_assumed() -> None:
    assert list(tomllib.loads(DEFAULTS.read_text("utf-8"))) == list(Assumptions.model_fields)
    for unit in ("day", "week", "month"):
        found = default_assumptions(Measure(unit, "EUR", spend=2000, unit_cost=4, items=5))  # type: ignore[arg-type]
        for name in Assumptions.model_fields:
            figure = getattr(found, name)
            assert figure.assumed
            assert "{" not in figure.reason + figure.unit
        assert found.receiving_overtime.value == pytest.approx(0.06)
        assert found.promotion_slots.value == 0.25
    assert default_assumptions(Measure("week", "EUR", 2000, 4, items=2)).promotion_slots.value == 0.5
    assert default_assumptions(Measure("week", "EUR", 2000, 4, items=5)).order_cost.value == pytest.approx(26)


def test_import_says_what_it_took_and_did(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sales, folder = export(tmp_path / "till.csv"), tmp_path / "shop"
    assert run(monkeypatch, "import", str(sales), "--out", str(folder), "--price", "till") == Exit.OK
    out = capsys.readouterr().out
    assert "date: day, item: product, units: qty, price: till, unit-cost: cost" in out
    assert "- 80 rows of till.csv were read" in out
    assert "Weeks 31 to 40 are held out" in out
    page = (folder / "PROVENANCE.md").read_text()
    said = re.findall(r"^- (.*(?:\n  .*)*)", out, re.MULTILINE)
    assert len(said) == 3
    assert all(" ".join(sentence.split()) in page for sentence in said)
    assert "- price: till" in page


def test_a_column_that_cannot_be_guessed_is_named_by_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    sales = export(tmp_path / "till.csv")
    assert run(monkeypatch, "import", str(sales), "--out", str(tmp_path / "shop")) == Exit.BAD_INPUT
    error, columns = capsys.readouterr().err.splitlines()
    assert "which column holds price per unit? Say --price COLUMN, or --revenue COLUMN" in error
    assert "its columns are 'day', 'product', 'qty', 'till', 'cost'" in columns
    assert run(monkeypatch, "import", str(sales), "--out", str(tmp_path / "x"), "--price", "til") == Exit.BAD_INPUT
    assert "no column 'til'; did you mean 'till'?" in capsys.readouterr().err


def test_on_a_terminal_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("rich.prompt.Prompt.ask", lambda text, **_: {"column of price per unit": "till"}[text])
    sales, folder = export(tmp_path / "till.csv"), tmp_path / "shop"
    assert run(monkeypatch, "import", str(sales), "--out", str(folder)) == Exit.OK
    assert open_case(folder).price.max() == 2.0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--margin", "1.5"], "a share of the price from 0 to below 1"),
        (["--margin", "0.3", "--unit-cost", "cost"], "give one of the two"),
        (["--holdout", "5"], "found 5; a week from 13 to 38 is expected"),
        (["--encoding", "klingon"], "unknown encoding 'klingon'"),
        (["--name", "../x"], "a name without slashes"),
        (["--date-format", "%d.%m.%Y"], "a date dd.mm.yyyy is expected"),
    ],
)
def test_options_that_do_not_fit(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    text: str,
) -> None:
    sales = export(tmp_path / "till.csv")
    given = ["import", str(sales), "--out", str(tmp_path / "shop"), "--price", "till", *arguments]
    assert run(monkeypatch, *given) == Exit.BAD_INPUT
    assert text in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["till.csv"]
