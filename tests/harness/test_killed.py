"""Killed at any moment, the same command comes to the same: nothing half written is ever taken for whole."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from small_runs import bench, write

from desilo.cases.folders import BEGUN
from desilo.cases.generate import generate
from desilo.cases.writing import write_instance
from desilo.harness.solvers.library.entries import find
from desilo.harness.solvers.library.standings import Offer, read_standings, solution_path, submit, wrong
from desilo.solving import Options, solve

if "forkserver" not in multiprocessing.get_all_start_methods():
    pytest.skip("needs processes that begin as copies", allow_module_level=True)

from killing import FOREVER, everything, killed_before

ENTRY = find("inventory-newsvendor-S-1")

WRITING = {
    "generate": ("generate --family features --size S --seed 2 --out {}/new", 4),
    "import": ("import sales.csv --out {}/new", 4),
    "solve": ("solve one --model status-quo --out {}/plan.json", 4),
    "export": ("export one {}/out.mps", 4),
    "compare": ("compare bench --after seed=0,1 --before seed=1,2 --markdown {}/page.md --out {}", 7),
    "track": ("track bench --history {}/history", 7),
}
"""Commands that write, where, and before every how many changes they are killed."""

FILLING = {"init": "init {}/new", "import": WRITING["import"][0]}
"""Commands that fill a folder, empty or not there yet."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_instance(generate("features", "S", 1), folder / "one")
    rows = [f"2024-{m:02}-{d:02},a,{d},2.5,1\n" for m in range(1, 13) for d in range(1, 29)]
    (folder / "sales.csv").write_text("date,item,units,price,unit cost\n" + "".join(rows))
    write(bench(1, problems=4), folder / "bench")
    return folder


@pytest.mark.parametrize("name", WRITING)
def test_a_command_that_is_killed_and_given_again(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(inputs)
    command, every = WRITING[name]

    def killed(change: int, folder: Path) -> bool:
        folder.mkdir(exist_ok=True)
        return killed_before(change, folder, *command.replace("{}", str(folder)).split())

    assert not killed(FOREVER, tmp_path / "whole")
    whole = everything(tmp_path / "whole")
    assert whole
    for change in count(every, every):
        folder = tmp_path / f"{change}"
        if not killed(change, folder):
            break
        kept = everything(folder)
        assert kept.items() <= whole.items(), "what is there is whole"
        assert not killed(FOREVER, folder)
        assert everything(folder) == whole
    assert change > every, "it was killed at least once"


@pytest.mark.parametrize("name", FILLING)
def test_a_folder_that_was_empty_is_filled_after_a_kill(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Before every change: what was moved in so far is no reason to refuse."""
    monkeypatch.chdir(inputs)
    command = FILLING[name]

    def killed(change: int, folder: Path) -> bool:
        (folder / "new").mkdir(parents=True, exist_ok=True)
        return killed_before(change, folder, *command.replace("{}", str(folder)).split())

    assert not killed(FOREVER, tmp_path / "whole")
    whole = everything(tmp_path / "whole")
    parts = []
    for change in count(1):
        folder = tmp_path / f"{change}"
        assert killed(change, folder)
        parts.append(everything(folder))
        assert parts[-1].items() <= whole.items()
        if len(parts[-1]) == len(whole) and not (folder / "new" / BEGUN).exists():
            break  # nothing is left to do
        assert not killed(FOREVER, folder)
        assert everything(folder) == whole
        assert [path.name for path in (folder / "new").iterdir() if path.name.startswith(".")] == []
    assert any(0 < len(part) < len(whole) for part in parts), "it was killed between two files"


def test_a_submission_that_is_killed_leaves_standings_that_hold(tmp_path: Path) -> None:
    """Before every single change: the solution on record is there, and given again the better one enters."""
    model = ENTRY.program_model()
    solve(model, Options(gap=0.0))
    best, less = tmp_path / "best.json", tmp_path / "less.json"
    ENTRY.problem.write(ENTRY.solution(model), best)
    plan = json.loads(best.read_text())
    less.write_text(json.dumps(plan | {"orders": [o | {"quantity": 0.9 * o["quantity"]} for o in plan["orders"]]}))
    before = tmp_path / "before"
    submit(ENTRY, Offer("Ada", date(2026, 1, 2), "by hand", less), before)
    command = ("library", "submit", ENTRY.name, best, "--by", "Eve", "--standings")

    def killed(change: int, board: Path) -> bool:
        if not board.exists():
            shutil.copytree(before, board)
        return killed_before(change, board, *command, board)

    assert not killed(FOREVER, tmp_path / "whole")
    whole = everything(tmp_path / "whole")
    assert whole.keys() == everything(before).keys()
    entered = []
    for change in count(1):
        board = tmp_path / f"{change}"
        if not killed(change, board):
            break
        standing = read_standings(board).of(ENTRY)
        assert list(wrong(ENTRY, standing, board)) == []
        assert standing.best is not None
        entered.append(standing.best.who)
        assert not killed(FOREVER, board)
        assert everything(board) == whole
    assert entered == sorted(entered) and set(entered) == {"Ada", "Eve"}, "a step at which it enters"
    laid = [name for name in everything(tmp_path / "1") if ".new." in name]
    assert laid == [] and solution_path(ENTRY, tmp_path / "1").exists()
