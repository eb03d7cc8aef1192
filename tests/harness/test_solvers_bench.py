"""A bench: which runs, in which order, what is kept, and what becomes of runs that go wrong."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from desilo.cases.errors import BadInput
from desilo.harness.cli.run import INTERRUPTED
from desilo.harness.run import LOCK
from desilo.harness.solvers.library.entries import select
from desilo.harness.solvers.library.standings import Best, Standing, Standings
from desilo.harness.solvers.running import bench as benching
from desilo.harness.solvers.running.bench import BENCH, Asked, BenchRecord, bench, grid, ticket
from desilo.harness.solvers.runs import RUNS, Ending, Run, Setting, read_runs

SMALL = Asked(patterns=("joint-features-S-1", "demand-tuna-S"), seeds=(0, 1, 2), time_limit=20.0)

PUPPET = """
import json, os, signal, sys, time
run = json.loads(sys.stdin.readline())
problem = run["setting"]["problem"]
def say(**known):
    with open(sys.argv[1], "w") as file:
        json.dump({**run, **known}, file)
"""
"""Stands in for a run: a program that is given it as a run is, and can say what came of it."""


class Ear:
    """Remembers what is told; presses Ctrl-C after some runs."""

    def __init__(self, patience: int = 10**6) -> None:
        self.patience = patience
        self.begun: list[tuple[str, int]] = []
        self.ended: list[Run] = []

    def note(self, text: str) -> None: ...

    def begin(self, total: int, done: int) -> None:
        self.total, self.on_record = total, done

    def started(self, run: Run) -> None:
        self.begun.append((run.setting.problem, run.setting.seed))

    def finished(self, run: Run) -> None:
        self.ended.append(run)
        if len(self.ended) == self.patience:
            raise KeyboardInterrupt


@pytest.fixture
def puppet(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets a program stand in for every run."""

    def let(program: str) -> None:
        monkeypatch.setattr(benching, "COMMAND", (sys.executable, "-c", PUPPET + program))

    return let


# ---- which runs


def test_the_grid_is_every_combination_that_means_something() -> None:
    asked = Asked(
        patterns=("joint-features-S-1", "demand-tuna-S"),
        formulations=("tight", "plain-relaxed", "decomposition"),
        solvers=("highs", "cbc"),
        presets=("default", "pdlp", "no-heuristics"),
        seeds=(0, 1),
        permutations=(0, 7),
        repeats=2,
    )
    settings, left_out = grid(asked, select(asked.patterns))
    shapes = {(s.problem, s.formulation, s.solver, s.preset, s.permutation) for s in settings}
    joint, demand = asked.patterns
    whole = {(joint, "tight", "highs", preset, order) for preset in ("default", "no-heuristics") for order in (0, 7)}
    relaxed = {(joint, "plain-relaxed", "highs", preset, order) for preset in ("default", "pdlp") for order in (0, 7)}
    others = {(joint, "decomposition", "highs", "default", 0), (joint, "tight", "cbc", "default", 0)}
    linear = {(demand, "tight", "highs", preset, order) for preset in ("default", "pdlp") for order in (0, 7)}
    assert shapes == whole | relaxed | others | linear
    assert len(settings) == len(set(settings)) == 2 * 2 * len(shapes)
    assert len(settings) + sum(left_out.values()) == 2 * 3 * 2 * 3 * 2 * 2 * 2
    assert all(why for why in left_out)


def test_the_key_depends_on_the_setting_and_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(problem="p", digest="d")
    key = ticket(setting, "joint").key
    assert ticket(setting, "joint").key == key and len(key) == 64
    assert ticket(setting.model_copy(update={"seed": 1}), "joint").key != key
    now = dict(benching.versions_of("highs"))
    monkeypatch.setattr(benching, "versions_of", lambda solver: {**now, "highspy": "0.1"})
    assert ticket(setting, "joint").key != key


# ---- real runs


def test_a_bench_is_kept_in_its_folder(tmp_path: Path) -> None:
    asked = Asked(patterns=("joint-features-S-1",), presets=("default", "pdlp"), repeats=2)
    done = bench(asked, tmp_path, Ear(), "desilo bench")
    once, again = done.runs
    assert (once.setting.repeat, again.setting.repeat) == (0, 1) and once.work == again.work
    assert once.ending is Ending.OPTIMAL and once.check is not None and once.check.feasible
    assert tuple(read_runs(tmp_path)) == done.runs
    record = BenchRecord.model_validate_json((tmp_path / BENCH).read_bytes())
    assert record == done.record and record.asked == asked
    assert (record.runs, list(record.left_out.values())) == (2, [2])
    assert {entry.name for entry in tmp_path.iterdir()} == {RUNS, BENCH, LOCK}


# ---- order, going on


def test_the_order_is_drawn_and_can_be_drawn_again(puppet: Callable[[str], None], tmp_path: Path) -> None:
    puppet("say(ending='optimal')")
    orders = []
    for number, seed in enumerate((0, 0, 1)):
        ear = Ear()
        bench(SMALL.model_copy(update={"order_seed": seed}), tmp_path / str(number), ear, "")
        orders.append(ear.begun)
    assert orders[0] == orders[1] != orders[2] and sorted(orders[0]) == sorted(orders[2])


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_interrupted_is_gone_on_with(puppet: Callable[[str], None], tmp_path: Path, jobs: int) -> None:
    puppet("say(ending='optimal', objective=float(len(run['key'])))")
    asked = SMALL.model_copy(update={"jobs": jobs})
    with pytest.raises(KeyboardInterrupt):
        bench(asked, tmp_path / "stopped", Ear(patience=2), "")
    kept = read_runs(tmp_path / "stopped")
    assert 2 <= len(kept) <= 1 + jobs
    ear = Ear()
    bench(asked, tmp_path / "stopped", ear, "")
    assert (ear.total, ear.on_record, len(ear.ended)) == (6, len(kept), 6 - len(kept))
    bench(asked, tmp_path / "whole", Ear(), "")
    stopped, whole = ((tmp_path / name / RUNS) for name in ("stopped", "whole"))
    assert _without_memory(stopped) == _without_memory(whole)


def _without_memory(path: Path) -> list[Run]:
    return [run.model_copy(update={"peak_memory": None}) for run in read_runs(path)]


def test_a_torn_line_is_done_again(puppet: Callable[[str], None], tmp_path: Path) -> None:
    puppet("say(ending='optimal')")
    bench(SMALL, tmp_path, Ear(), "")
    path = tmp_path / RUNS
    path.write_bytes(path.read_bytes()[:-30])
    ear = Ear()
    bench(SMALL, tmp_path, ear, "")
    assert len(ear.ended) == 1 and len(read_runs(tmp_path)) == 6


def test_more_can_be_asked_for_later(puppet: Callable[[str], None], tmp_path: Path) -> None:
    puppet("say(ending='optimal')")
    bench(SMALL, tmp_path, Ear(), "")
    ear = Ear()
    done = bench(SMALL.model_copy(update={"seeds": (2, 3)}), tmp_path, ear, "")
    assert {run.setting.seed for run in ear.ended} == {3}
    assert len(done.runs) == 4 and len(read_runs(tmp_path)) == 8


def test_runs_of_other_versions_are_not_mixed(
    puppet: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puppet("say(ending='optimal')")
    bench(SMALL, tmp_path, Ear(), "")
    now = dict(benching.versions_of("highs"))
    monkeypatch.setattr(benching, "versions_of", lambda solver: {**now, "highspy": "0.1"})
    before = (tmp_path / RUNS).read_bytes()
    with pytest.raises(BadInput, match=rf"runs of highs with highspy {now['highspy']}; now it is highspy 0.1; choose"):
        bench(SMALL, tmp_path, Ear(), "")
    assert (tmp_path / RUNS).read_bytes() == before


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="holds files, but no bench"):
        bench(SMALL, tmp_path, Ear(), "")


def test_two_benches_do_not_meet_in_one_folder(tmp_path: Path) -> None:
    with FileLock(tmp_path / LOCK), pytest.raises(BadInput, match="another run is at work in this folder"):
        bench(SMALL, tmp_path, Ear(), "")


# ---- what goes wrong


def only(puppet: Callable[[str], None], folder: Path, program: str, **limits: Any) -> Run:
    """The run of a bench of one."""
    puppet(program)
    asked = Asked(patterns=("demand-tuna-S",), **{"time_limit": 20.0, "grace": 20.0, **limits})
    return bench(asked, folder, Ear(), "").runs[0]


def test_a_run_that_ignores_its_time_limit_is_ended_and_says_how_far_it_came(
    puppet: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desilo.harness.solvers.running.warden.PATIENCE", 0.2)
    program = "say(seconds={'build': 0.25}); signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"
    found = only(puppet, tmp_path, program, time_limit=0.5, grace=1.0)
    assert found.ending is Ending.OVERTIME and found.note is not None
    assert found.note.startswith("ended after") and found.note.endswith("done by then: build")
    assert found.seconds == {"build": 0.25}


def test_a_run_that_eats_memory_is_ended(puppet: Callable[[str], None], tmp_path: Path) -> None:
    program = "held = []\nwhile True: held.append(bytearray(2**22)); time.sleep(0.002)"
    found = only(puppet, tmp_path, program, memory_limit=150)
    assert found.ending is Ending.OUT_OF_MEMORY and found.peak_memory is not None and found.peak_memory > 150


@pytest.mark.parametrize(
    ("program", "ending", "note"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", Ending.CRASHED, "died of SIGSEGV"),
        ("print('no licence', file=sys.stderr); sys.exit(3)", Ending.CRASHED, "exit status 3: no licence"),
        ("raise MemoryError", Ending.OUT_OF_MEMORY, "MemoryError"),
        ("print('std::bad_alloc', file=sys.stderr); os.abort()", Ending.OUT_OF_MEMORY, "std::bad_alloc"),
        ("pass", Ending.CRASHED, "its process said nothing"),
        ("say(ending='error', note='it says so')", Ending.ERROR, "it says so"),
    ],
)
def test_a_run_that_dies_is_recorded_as_what_it_is(
    puppet: Callable[[str], None], tmp_path: Path, program: str, ending: Ending, note: str
) -> None:
    found = only(puppet, tmp_path, program)
    assert (found.ending, found.note) == (ending, note)
    assert read_runs(tmp_path) == [found]


def test_a_run_is_held_against_what_is_known(puppet: Callable[[str], None], tmp_path: Path) -> None:
    puppet("say(ending='optimal', objective=100.0, bound=100.0, sense=1)")
    asked = Asked(patterns=("demand-tuna-S", "demand-tuna-M"))
    one, other = select(asked.patterns)
    mark = {"value": 50.0, "who": "somebody", "when": date(2026, 1, 1), "how": "by hand"}
    best = Best.model_validate({**mark, "solution": "0" * 64})
    standings = {one.name: Standing(digest=one.digest, best=best), other.name: Standing(digest="older", best=best)}
    done = bench(asked, tmp_path, Ear(), "", Standings(standings=standings))
    assert {run.setting.problem: run.ending for run in done.runs} == {
        one.name: Ending.WRONG,
        other.name: Ending.OPTIMAL,
    }
    assert "a solution worth 50 is known" in (done.runs[0].note or "")


# ---- killed


HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""A background shell has Ctrl-C ignored."""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_bench_that_is_stopped_leaves_no_process(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-c", f"{HEARING}; from desilo.harness.cli import main; main()", "bench"]
    asked = ["joint-substitution-S-1", "--time-limit", "300", "--out", str(tmp_path / "out")]
    bencher = psutil.Popen([*command, *asked])
    until = time.monotonic() + 60
    children: list[psutil.Process] = []
    while not children and time.monotonic() < until:
        time.sleep(0.1)
        children = bencher.children()
    bencher.send_signal(how)
    assert bencher.wait(timeout=60) == (INTERRUPTED if how is signal.SIGINT else -how)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert children and not alive
    assert read_runs(tmp_path / "out") == []
