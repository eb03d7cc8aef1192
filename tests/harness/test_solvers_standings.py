"""The standings: what enters, what is refused, what is found wrong; and the commands of the library."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from desilo.cases.errors import BadInput
from desilo.cases.reading import read_instance
from desilo.formulations.freedom import Formulation
from desilo.harness.cli import Exit, library, main
from desilo.harness.solvers.library import page
from desilo.harness.solvers.library.entries import entries, find
from desilo.harness.solvers.library.standings import (
    Mark,
    Offer,
    Receipt,
    is_better,
    read_standings,
    solution_path,
    submit,
    wrong,
)
from desilo.harness.solvers.runs import Ending, Run, Setting
from desilo.solving import Options, solve, translate
from desilo.solving.highs import mps_name
from desilo.solving.levels import start

ENTRY, DEMAND = find("inventory-newsvendor-S-1"), find("demand-history-S-1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three plans as files: the best one, one that orders less, one that costs more than the budget."""
    model = ENTRY.program_model()
    solve(model, Options(gap=0.0))
    made = tmp_path_factory.mktemp("plans")
    ENTRY.problem.write(ENTRY.solution(model), made / "best.json")
    for name, factor in {"less": 0.9, "more": 10.0}.items():
        plan = json.loads((made / "best.json").read_text())
        plan["orders"] = [{**order, "quantity": factor * order["quantity"]} for order in plan["orders"]]
        (made / f"{name}.json").write_text(json.dumps(plan))
    return made


def worth(path: Path) -> float:
    found = ENTRY.check(ENTRY.problem.read(path)).objective
    assert found is not None
    return found


def offer(standings: Path, solution: Path | None = None, bound: float | None = None, who: str = "Ada") -> Receipt:
    return submit(ENTRY, Offer(who, date(2026, 1, 2), "by hand", solution, bound), standings)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", "library", *arguments])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


# ---- what enters


def test_only_what_is_better_enters(folder: Path, tmp_path: Path) -> None:
    assert offer(tmp_path, folder / "less.json").entered == {"solution"}
    assert offer(tmp_path, folder / "less.json", who="Eve").entered == set()
    assert read_standings(tmp_path).of(ENTRY).best.who == "Ada"  # type: ignore[union-attr]
    assert offer(tmp_path, folder / "best.json", who="Eve").entered == {"solution"}
    assert offer(tmp_path, folder / "less.json").entered == set()
    best = read_standings(tmp_path).of(ENTRY).best
    assert best is not None
    assert (best.who, best.value) == ("Eve", pytest.approx(worth(folder / "best.json"), rel=1e-12))
    assert list(wrong(ENTRY, read_standings(tmp_path).of(ENTRY), tmp_path)) == []


def test_what_is_not_feasible_never_enters(folder: Path, tmp_path: Path) -> None:
    answer = offer(tmp_path, folder / "more.json")
    assert answer.check is not None
    assert not answer.check.feasible
    assert "resource budget" in answer.said[1]
    assert not (tmp_path / "standings.json").exists()


@pytest.mark.parametrize("formulation", ENTRY.formulations)
def test_what_other_solvers_write_is_read_too(formulation: Formulation, folder: Path, tmp_path: Path) -> None:
    model = ENTRY.program_model(formulation)
    solve(model, Options(gap=0.0))
    program = translate(model)
    lines = [
        f"{mps_name(name)}  {value:.17g} (obj:0)"
        for name, value in zip(program.column_names(), start(program), strict=True)
        if value
    ]
    path = tmp_path / "columns.sol"
    path.write_text("\n".join(["=obj= 1", "# Columns", *lines, "# Dual", lines[0].replace("  ", " 9")]))
    assert offer(tmp_path, path).entered == {"solution"}
    best = read_standings(tmp_path).of(ENTRY).best
    assert best is not None
    assert best.value == pytest.approx(worth(folder / "best.json"), rel=1e-6)
    (tmp_path / "none.sol").write_text("x1 1\nx2 2\n")
    with pytest.raises(BadInput, match=re.escape("names no column of inventory-newsvendor-S-1")):
        offer(tmp_path, tmp_path / "none.sol")


def test_bounds_enter_if_tighter_and_not_against_a_solution(folder: Path, tmp_path: Path) -> None:
    best = worth(folder / "best.json")
    assert offer(tmp_path, folder / "best.json", bound=1.5 * best).entered == {"solution", "bound"}
    assert offer(tmp_path, bound=1.6 * best).entered == set()
    assert offer(tmp_path, bound=1.2 * best).entered == {"bound"}
    refused = offer(tmp_path, bound=0.9 * best)
    assert refused.refuted
    assert refused.entered == set()
    assert offer(tmp_path, bound=best * (1 - 1e-8)).entered == {"bound"}  # within the tolerance: it closes the gap
    standing = read_standings(tmp_path).of(ENTRY)
    assert standing.gap < 1e-6


def test_a_solution_strikes_out_the_bound_it_refutes(folder: Path, tmp_path: Path) -> None:
    less, best = worth(folder / "less.json"), worth(folder / "best.json")
    offer(tmp_path, folder / "less.json", bound=(less + best) / 2)
    answer = offer(tmp_path, folder / "best.json")
    assert answer.refuted
    assert answer.entered == {"solution"}
    assert read_standings(tmp_path).of(ENTRY).bound is None


def test_what_is_better_depends_on_the_sense() -> None:
    assert is_better(ENTRY, 11, 10)
    assert is_better(DEMAND, 9, 10)
    assert not is_better(ENTRY, 10 + 1e-6, 10)
    assert not is_better(DEMAND, 10 - 1e-6, 10)


# ---- what is found wrong


def test_whatever_was_tampered_with_is_found(folder: Path, tmp_path: Path) -> None:
    offer(tmp_path, folder / "less.json", bound=1e6)
    standing = read_standings(tmp_path).of(ENTRY)
    assert standing.best is not None
    dearer = standing.best.model_copy(update={"value": standing.best.value * 1.01})
    tight = Mark(value=standing.best.value * 0.9, who="Eve", when=date(2026, 1, 2), how="")
    for change, said in (
        ({"digest": "0" * 64}, "another problem"),
        ({"best": dearer}, "is worth"),
        ({"bound": tight}, "contradicts the bound"),
    ):
        (found,) = wrong(ENTRY, standing.model_copy(update=change), tmp_path)
        assert said in found
    path = solution_path(ENTRY, tmp_path)
    path.write_bytes(gzip.compress((folder / "best.json").read_bytes()))
    assert "not the one that entered" in next(wrong(ENTRY, standing, tmp_path))
    path.write_bytes(path.read_bytes()[:50])
    assert "cannot be read" in next(wrong(ENTRY, standing, tmp_path))
    path.unlink()
    assert "cannot be read" in next(wrong(ENTRY, standing, tmp_path))


def test_standings_that_cannot_be_read_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "standings.json").write_text("{}{")
    with pytest.raises(BadInput, match="no standings that can be read"):
        read_standings(tmp_path)


# ---- the commands


def test_submit_says_what_was_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board = ("--standings", str(tmp_path))
    name, best = ENTRY.name, str(folder / "best.json")
    assert run(monkeypatch, "submit", name, best, "--by", "Ada", *board) == Exit.OK
    assert "entered" in capsys.readouterr().out
    assert run(monkeypatch, "submit", name, best, "--by", "Ada", *board) == Exit.OK
    assert "not better" in capsys.readouterr().out
    assert run(monkeypatch, "submit", name, str(folder / "more.json"), "--by", "Ada", *board) == Exit.INFEASIBLE
    assert run(monkeypatch, "submit", name, "--by", "Ada", "--bound", "1", "--how", "x", *board) == Exit.REGRESSION
    assert "there is a solution of" in capsys.readouterr().out
    assert run(monkeypatch, "submit", name, "--by", " ", "--bound", "1", *board) == Exit.BAD_INPUT
    complaint = capsys.readouterr().err
    assert "--how" in complaint
    assert "--by" in complaint
    assert run(monkeypatch, "submit", name, "--by", "Ada", *board) == Exit.BAD_INPUT
    assert run(monkeypatch, "submit", "inventory-newsvendor-S-9", best, "--by", "Ada", *board) == Exit.BAD_INPUT
    assert run(monkeypatch, "verify", name, *board) == Exit.OK


def test_verify_ends_with_1_when_something_is_wrong(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(tmp_path, folder / "best.json")
    text = (tmp_path / "standings.json").read_text()
    (tmp_path / "standings.json").write_text(text.replace(f'"{ENTRY.name}"', f'"{ENTRY.name}0"'))
    assert run(monkeypatch, "verify", ENTRY.name, "--standings", str(tmp_path)) == Exit.UNEXPECTED
    assert f"did you mean '{ENTRY.name}'" in capsys.readouterr().err
    (tmp_path / "standings.json").write_text(text)
    solution_path(ENTRY, tmp_path).unlink()
    assert run(monkeypatch, "verify", ENTRY.name, "--standings", str(tmp_path)) == Exit.UNEXPECTED
    assert "WRONG" in capsys.readouterr().out


def test_list_is_for_people_and_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "list", "demand+real", "--standings", str(tmp_path)) == Exit.OK
    printed = capsys.readouterr().out
    assert "demand-tuna-S" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert run(monkeypatch, "list", "demand+real", "--json", "--standings", str(tmp_path)) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in found] == [line.split()[0] for line in printed.splitlines() if "demand-" in line]
    assert found[0]["sense"] == "minimise"
    assert found[0]["best"] is None


def test_export_writes_what_other_solvers_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(tmp_path / "board", folder / "best.json")
    out = tmp_path / "out"
    assert run(monkeypatch, "export", ENTRY.name, str(out), "--standings", str(tmp_path / "board")) == Exit.OK
    assert "maximise" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {
        ENTRY.name,
        f"{ENTRY.name}-tight.mps",
        f"{ENTRY.name}-plain.mps",
        f"{ENTRY.name}.json",
    }
    assert read_instance(out / ENTRY.name).digest() == ENTRY.digest
    assert worth(out / f"{ENTRY.name}.json") == pytest.approx(worth(folder / "best.json"))
    mps = tmp_path / "one.mps"
    assert run(monkeypatch, "export", DEMAND.name, "--out", str(mps)) == Exit.OK
    assert "minimise" in capsys.readouterr().out
    assert mps.exists()
    for wrongly in ((), (str(out), "--out", str(mps)), ("--out", "one.lp"), ("--out", str(mps), "--formulation", "x")):
        assert run(monkeypatch, "export", DEMAND.name, *wrongly) == Exit.BAD_INPUT


def test_without_a_checkout_the_way_to_one_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(library, "published", lambda: None)
    assert run(monkeypatch, "verify") == Exit.BAD_INPUT
    assert "checkout" in capsys.readouterr().err
    assert run(monkeypatch, "list", "S") == Exit.OK
    assert "checkout" in capsys.readouterr().err


def test_the_driver_fills_standings_and_leaves_alone_what_is_solved(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "drivers.standings", "60", str(tmp_path), DEMAND.name, "joint-features-S-1"]
    for said in (2, 0):
        done = subprocess.run(command, cwd=root / "benchmarks", capture_output=True, text=True, check=True)
        assert done.stdout.count("entered; bound") == said
    for entry in (DEMAND, find("joint-features-S-1")):
        standing = read_standings(tmp_path).of(entry)
        assert standing.gap < 1e-6
        assert list(wrong(entry, standing, tmp_path)) == []


# ---- the page


def finished(problem: str, ending: Ending, seconds: float, **other: object) -> Run:
    setting = Setting(problem=problem, digest=find(problem).digest, **other)  # type: ignore[arg-type]
    family = find(problem).family
    timed = {"solve": seconds}
    return Run(key="", setting=setting, family=family, versions={}, machine={}, ending=ending, seconds=timed)


def test_times_are_medians_of_the_default_alone() -> None:
    done = [finished(ENTRY.name, Ending.OPTIMAL, seconds) for seconds in (1.0, 2.0, 9.0)]
    others = [
        finished(ENTRY.name, Ending.OPTIMAL, 100.0, preset="simplex"),
        finished(ENTRY.name, Ending.OPTIMAL, 100.0, formulation="plain"),
        finished(ENTRY.name, Ending.WRONG, 100.0),
        finished(DEMAND.name, Ending.TIME_LIMIT, 61.0, time_limit=60.0),
    ]
    assert page.times_of([*done, *others]) == {ENTRY.name: (2.0, True), DEMAND.name: (60.0, False)}


def test_the_spread_is_told_in_orders_of_magnitude() -> None:
    told = "\n".join(page._spread({"a": (0.01, True), "b": (20.0, True), "c": (60.0, False)}))
    assert "solves 2 of the 3" in told
    assert "3.3 orders of magnitude" in told


PUBLISHED = Path(__file__).parents[2] / "results" / "library"


def test_what_is_published_is_of_this_library() -> None:
    """Sizes are of these problems, and small solutions are right; the rest by `desilo library verify`."""
    standings = read_standings(PUBLISHED)
    sizes = page.Sizes.model_validate_json((PUBLISHED / "sizes.json").read_bytes())
    text = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    for name, known in sizes.entries.items():
        assert known.digest == find(name).digest
        assert f"`{name}`" in text
    assert set(sizes.entries) == set(entries())
    assert set(standings.standings) <= set(entries())
    for name in ("inventory-lot-sizing-S-1", "demand-history-S-1", "pricing-tuna-month-S-known"):
        assert standings.of(find(name)).gap < 1e-4
        assert list(wrong(find(name), standings.of(find(name)), PUBLISHED)) == []
