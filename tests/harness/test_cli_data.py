"""`desilo data`: what is bundled, what is in a case, and what happens with a broken one."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from desilo.cases.case import Assumptions
from desilo.cases.opening import open_case
from desilo.harness import describe
from desilo.harness.cli import Exit, data, main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", "data", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_list_names_every_case_with_its_size_and_licence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "list") == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    juice = next(line for line in lines if "orange-juice" in line).split()
    assert juice[-2:] == ["33", "121"]
    tuna = next(line for line in lines if "tuna" in line).split()
    assert tuna[-2:] == ["6", "331"]
    assert "GPL-2.0-or-later" in tuna


def test_describe_shows_items_and_marks_what_is_assumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "describe", "tuna") == Exit.OK
    out = capsys.readouterr().out
    assert all(item in out for item in open_case("tuna").items)
    figures = [line for line in out.splitlines() if line.strip().startswith(tuple(Assumptions.model_fields))]
    assert len(figures) == len(Assumptions.model_fields)
    assert all("assumed" in line or "from the data" in line for line in figures)
    assert "█" in out


def test_describe_writes_a_page_whose_charts_are_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "describe", "tuna", "--out", str(tmp_path / "new")) == Exit.OK
    page = tmp_path / "new" / "tuna.md"
    assert capsys.readouterr().out.strip() == str(page)
    text = page.read_text()
    images = sorted(path.name for path in page.parent.glob("*.png"))
    assert len(images) == len(describe.CHARTS)
    for image in images:
        assert f"]({image})" in text
        assert (page.parent / image).read_bytes().startswith(b"\x89PNG")


def test_an_unknown_case_ends_with_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "describe", "tunna") == Exit.BAD_INPUT
    error = capsys.readouterr().err
    assert "orange-juice" in error
    assert "Traceback" not in error


def test_a_broken_folder_ends_with_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "describe", str(tmp_path)) == Exit.BAD_INPUT
    error = capsys.readouterr().err
    assert all(file in error for file in ("case.toml", "assumptions.toml", "items.csv", "sales.csv"))


def test_the_item_summary_is_right() -> None:
    """Recomputed from the case's arrays for one item with gaps."""
    case = open_case("tuna")
    table = describe.item_summary(case)
    k = case.items.index("chicken-of-the-sea-6@chain")
    row = dict(zip(table.header, table.rows[k], strict=True))
    seen = ~np.isnan(case.units[k])
    price, units, cost = case.price[k, seen], case.units[k, seen], case.unit_cost[k, seen]
    assert row["mean price"] == f"{price.mean():.2f}"
    assert row["units a week"] == f"{units.mean():,.0f}"
    assert row["margin"] == f"{(units @ (price - cost)) / (units @ price):.1%}"
    assert row["no record"] == str((~seen).sum()) == "15"


def test_a_sparkline_shows_low_high_and_gaps() -> None:
    assert describe.sparkline(np.array([1.0, 8.0, np.nan, 2.0])) == "▁█ ▂"
    assert describe.sparkline(np.full(3, 5.0)) == "▅▅▅"


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)), min_size=1, max_size=100).filter(
        lambda values: not np.isnan(values).all()
    ),
    width=st.integers(1, 40),
)
def test_a_sparkline_fits_and_is_blank_only_where_nothing_is_recorded(values: list[float], width: int) -> None:
    line = describe.sparkline(np.array(values), width)
    parts = np.array_split(np.array(values), min(width, len(values)))
    assert [mark == " " for mark in line] == [bool(np.isnan(part).all()) for part in parts]


def test_no_name_or_figure_is_broken_in_a_narrow_terminal() -> None:
    """Nor is one cut off: every item stands on a line with its figures."""
    case = open_case("orange-juice")
    for table in (describe.item_summary(case), describe.history_summary(case)):
        shown = StringIO()
        data._print(Console(file=shown, width=80), table)
        lines = [line.rstrip() for line in shown.getvalue().splitlines()]
        assert max(map(len, lines)) <= 80
        for row in table.rows:
            assert any(all(cell.rstrip() in line for cell in row) for line in lines), row
