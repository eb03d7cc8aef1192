"""Runs of solvers: problems x formulations x solvers x presets x seeds x permutations x repeats.

Every run is in a process of its own with hard limits (`warden`), in an order drawn at random: whatever else the machine
is doing, it does not hit all runs of one kind. A run is on record as soon as it has ended; the same command goes on
from there. The folder holds `runs.jsonl`, one run a line, and `bench.json`, what was asked for last.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import islice, product
from pathlib import Path
from random import Random
from threading import Event
from typing import Literal, Protocol

from desilo.cases.errors import BadInput, Problem
from desilo.cases.folders import NO_FAULT_OF_THE_PLACE, TEMPORARY, unwritable
from desilo.formulations.freedom import Formulation
from desilo.harness.cluster import Cluster
from desilo.harness.experiment import source_digest
from desilo.harness.records import Record, read_record, sweep, write_record, write_text
from desilo.harness.run import Watcher, locked
from desilo.harness.solvers.judgement import judged
from desilo.harness.solvers.library.entries import Entry, select
from desilo.harness.solvers.library.standings import Standing, Standings
from desilo.harness.solvers.running.others import OTHERS
from desilo.harness.solvers.running.presets import DEFAULT, PRESETS
from desilo.harness.solvers.running.warden import End, Watched, watch
from desilo.harness.solvers.runs import DECOMPOSITION, RELAXED, RUNS, Ending, Run, Setting, read_runs
from desilo.operating.executors import ONE_THREAD

BENCH = "bench.json"

COMMAND = (sys.executable, "-m", "desilo.harness.solvers.running.attempt")
"""What does a run: finds it as a line of JSON on standard input, writes what came of it to the file named last."""


class Asked(Record):
    """What is asked of a bench: every combination that means something."""

    patterns: tuple[str, ...] = ()  # of entries of the library; none is all
    formulations: tuple[str, ...] = ("tight",)
    solvers: tuple[str, ...] = ("highs",)
    presets: tuple[str, ...] = (DEFAULT,)
    seeds: tuple[int, ...] = (0,)
    permutations: tuple[int, ...] = (0,)
    repeats: int = 1
    gap: float = 1e-4  # relative
    time_limit: float = 60.0  # seconds, of the solver
    grace: float = 120.0  # seconds beyond it for everything else, after which a run is ended
    memory_limit: int = 4096  # MB
    order_seed: int = 0
    jobs: int = 1


FORMULATIONS = (*(f"{name}{suffix}" for suffix in ("", RELAXED) for name in Formulation), DECOMPOSITION)
"""How a problem can be written down."""

QUICK = Asked(
    patterns=(
        "demand+S",
        "inventory-lot-sizing-S-*",
        "inventory-newsvendor-S-1",
        "inventory-orange-juice-mid-S",
        "inventory-tuna-month-S-known",
        "pricing-retail-S-1",
        "pricing-substitution-S-3-known-separate",
        "pricing-tuna-month-S-known",
        "joint-features-S-1",
        "joint-lot-sizing-S-1",
    ),
    formulations=("tight", "plain"),
    time_limit=10,
)
"""A bench of under two minutes."""


class BenchRecord(Record):
    """A bench: enough to run it again."""

    schema_version: Literal[1] = 1
    command: str
    asked: Asked
    runs: int
    left_out: dict[str, int]  # combinations that mean nothing, by why
    versions: dict[str, dict[str, str]]  # by solver
    machine: dict[str, str | int]


class Observer(Watcher[Run], Protocol):
    """A watcher who is also told what is under way."""

    def started(self, run: Run) -> None:
        """A run has begun."""


@dataclass(frozen=True)
class Benched:
    """A bench that is done.

    Attributes:
        record: what was asked for.
        runs: every run that was asked for, in order.
    """

    record: BenchRecord
    runs: tuple[Run, ...]


def bench(
    asked: Asked,
    folder: Path,
    observer: Observer,
    command: str,
    standings: Standings | None = None,
    cluster: Cluster | None = None,
) -> Benched:
    """Run, or go on with, a bench.

    Args:
        asked: which runs.
        folder: where they are kept; made if need be. Runs that are there and were not asked for stay.
        observer: told what happens.
        command: what was asked for, for the record.
        standings: what is known of the problems; a run that contradicts it is wrong. None if nothing is.
        cluster: whose workers each have a run at a time; None for this machine.

    Raises:
        BadInput: no such problems, or the folder cannot be used.
        KeyboardInterrupt: after everything under way has been ended; what had ended is on record.
    """
    entries = {entry.name: entry for entry in select(asked.patterns)}
    settings, left_out = grid(asked, list(entries.values()))
    tickets = [ticket(setting, entries[setting.problem].family) for setting in settings]
    known = standings or Standings()
    with locked(folder):
        kept = _kept(folder, tickets)
        sweep(folder)
        record = BenchRecord(
            command=command,
            asked=asked,
            runs=len(tickets),
            left_out=left_out,
            versions={solver: dict(versions_of(solver)) for solver in asked.solvers},
            machine={**machine(), **({} if cluster is None else cluster.machine)},
        )
        write_record(record, folder / BENCH)
        _write(folder, kept)
        done = {run.key: run for run in kept}
        waiting = Random(asked.order_seed).sample(tickets, len(tickets))
        waiting = [each for each in waiting if each.key not in done]
        observer.begin(len(tickets), len(tickets) - len(waiting))
        for ended in _work_off(waiting, asked, folder, observer, cluster):
            run = _held_against(known.of(entries[ended.setting.problem]), ended)
            _append(folder, run)
            done[run.key] = run
            observer.finished(run)
        _write(folder, done.values())
    return Benched(record, tuple(done[each.key] for each in tickets))


# ---- which runs


def grid(asked: Asked, chosen: Sequence[Entry]) -> tuple[list[Setting], dict[str, int]]:
    """Every setting that means something, and how many combinations do not, by why."""
    settings: list[Setting] = []
    left_out: Counter[str] = Counter()
    for entry, formulation, solver, preset, permutation in product(
        chosen, asked.formulations, asked.solvers, asked.presets, asked.permutations
    ):
        why = _meaningless(entry, formulation, solver, preset, permutation)
        if why:
            left_out[why] += len(asked.seeds) * asked.repeats
            continue
        settings += [
            Setting(
                problem=entry.name,
                digest=entry.digest,
                formulation=formulation,
                solver=solver,
                preset=preset,
                seed=seed,
                permutation=permutation,
                repeat=repeat,
                gap=asked.gap,
                time_limit=asked.time_limit,
                memory_limit=asked.memory_limit,
            )
            for seed, repeat in product(asked.seeds, range(asked.repeats))
        ]
    return settings, dict(left_out)


def _meaningless(entry: Entry, formulation: str, solver: str, preset: str, permutation: int) -> str:
    """Why there is no such run; empty if there is."""
    option = PRESETS[preset]
    linear = entry.family == "demand"
    relaxation = linear or formulation.endswith(RELAXED)
    if linear and formulation != "tight":
        return "demand problems are linear programs, written down in one way: tight"
    if formulation == DECOMPOSITION:
        if entry.family != "joint":
            return "what is decomposed is joint problems"
        if solver != "highs" or permutation or option.method or option.options.keys() - {"threads"}:
            return "a decomposition solves many programs: it takes threads, no other preset, solver or permutation"
    if solver != "highs" and (preset != DEFAULT or permutation):
        return "presets and permutations are HiGHS's; other solvers take the program as it is written"
    if relaxation and solver != "highs" and not OTHERS[solver].relaxations:
        return f"{solver} is run on programs with integers"
    if relaxation and not option.relaxations:
        return f"{preset} says nothing about programs without integers"
    if not relaxation and not option.integers:
        return f"{preset} is a method for linear programs: tight-relaxed, plain-relaxed, or demand problems"
    return ""


def ticket(setting: Setting, family: str) -> Run:
    """A run of which only the setting is known; should its process die without a word, it has crashed."""
    versions = dict(versions_of(setting.solver))
    text = f"{setting.model_dump_json()} {sorted(versions.items())}"
    key = hashlib.sha256(text.encode()).hexdigest()
    return Run(key=key, setting=setting, family=family, versions=versions, machine=machine(), ending=Ending.CRASHED)


@cache
def versions_of(solver: str) -> Mapping[str, str]:
    """Of all that the runs of a solver depend on; wheels that are not installed are left out."""
    wheels = {"highs": ("highspy", "highspy-extras")}.get(solver) or ("highspy", OTHERS[solver].wheel)
    installed = {}
    for name in (*wheels, "pyomo", "numpy"):
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return {"desilo": source_digest(_SOURCES), "python": platform.python_version(), **installed}


_SOURCES = (
    "desilo.formulations",
    "desilo.operating",
    "desilo.solving",
    *(f"desilo.harness.solvers.running.{name}" for name in ("attempt", "by_highs", "others", "permutation", "presets")),
)
"""What makes a program and has it solved."""


@cache
def machine() -> dict[str, str | int]:
    """Where this is."""
    return {
        "cores": os.cpu_count() or 1,
        "processor": platform.processor() or platform.machine(),
        "platform": platform.platform(),
    }


# ---- running them


def _work_off(
    waiting: Sequence[Run], asked: Asked, folder: Path, observer: Observer, cluster: Cluster | None
) -> Iterator[Run]:
    """Every run as soon as it has ended."""
    left = iter(waiting)
    called_off = Event()
    pool = ThreadPoolExecutor(asked.jobs)

    def begin(each: Run) -> Future[Run]:
        observer.started(each)
        if cluster is not None:
            return cluster.submit(elsewhere, each, asked.grace)
        return pool.submit(apart, each, asked.grace, folder, called_off)

    running: set[Future[Run]] = set()
    try:
        while True:
            running |= {begin(each) for each in islice(left, asked.jobs - len(running))}
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    finally:
        called_off.set()
        pool.shutdown()


def _held_against(standing: Standing, run: Run) -> Run:
    if standing.digest != run.setting.digest:  # of another version of the problem
        return run
    known = None if standing.best is None else standing.best.value
    return judged(run, known, None if standing.bound is None else standing.bound.value)


def apart(run: Run, grace: float, folder: Path, called_off: Event) -> Run:
    """Do what a run asks for in a process of its own.

    Args:
        run: of which only the setting is known.
        grace: seconds beyond the solver's time limit.
        folder: for a file that is gone afterwards.
        called_off: when set, the process is ended.

    Raises:
        OSError: the disk is full, which is no failure of the run.
    """
    out = folder / f"{TEMPORARY}{run.key}.json"
    watched = watch(
        [*COMMAND, str(out)],
        given=run.model_dump_json(),
        time_limit=run.setting.time_limit + grace,
        memory_limit=run.setting.memory_limit,
        called_off=called_off,
        environment={**os.environ, **ONE_THREAD, "PYTHONHASHSEED": "0"},
    )
    known = read_record(Run, out) if out.exists() else run.model_copy(update={"note": "its process said nothing"})
    out.unlink(missing_ok=True)
    if (full := _full_disk(watched)) is not None:
        raise OSError(full, os.strerror(full), str(folder))
    return concluded(known, watched)


def elsewhere(run: Run, grace: float) -> Run:
    """The same on a worker of a cluster, which the record names: seconds of two machines are not to be compared.

    It is not called off: once begun, it ends by itself or at its limits.
    """
    here = run.model_copy(update={"machine": machine() | {"host": platform.node()}})
    with tempfile.TemporaryDirectory() as folder:
        return apart(here, grace, Path(folder), Event())


def concluded(run: Run, watched: Watched) -> Run:
    """What is known of a run, and how its process ended."""
    memory = max(watched.memory, run.peak_memory or 0.0)
    run = run.model_copy(update={"peak_memory": memory})
    if watched.end is End.BY_ITSELF and watched.status == 0:
        return run
    ending, note = _failure(watched, list(run.seconds))
    return run.model_copy(update={"ending": ending, "note": note})


def _full_disk(watched: Watched) -> int | None:
    """The error of the system that a command died of, if it is one of a disk that is full or broken."""
    *_, last = watched.last_words.splitlines() or [""]
    found = re.match(r"OSError: \[Errno (\d+)\]", last)
    return int(found[1]) if found and watched.status > 0 and int(found[1]) in NO_FAULT_OF_THE_PLACE else None


def _failure(watched: Watched, phases: Sequence[str]) -> tuple[Ending, str]:
    *_, last = watched.last_words.splitlines() or [""]
    came = f"done by then: {', '.join(phases) or 'nothing'}"
    if watched.end is End.OVERTIME:
        return Ending.OVERTIME, f"ended after {watched.seconds:.0f} s; {came}"
    if watched.end is End.OUT_OF_MEMORY:
        return Ending.OUT_OF_MEMORY, f"ended at {watched.memory:.0f} MB; {came}"
    if "MemoryError" in watched.last_words or "bad_alloc" in watched.last_words:
        return Ending.OUT_OF_MEMORY, last
    died = f"died of {watched.signal}" if watched.signal else f"exit status {watched.status}"
    return Ending.CRASHED, f"{died}: {last}" if last else died


# ---- keeping them


def _kept(folder: Path, tickets: Sequence[Run]) -> list[Run]:
    """The runs that the folder holds.

    Raises:
        BadInput: it holds something else, or runs of other versions: whoever compares it would compare a mixture.
    """
    if not (folder / RUNS).exists():
        if any(entry.name != BENCH and not entry.name.startswith(".") for entry in folder.iterdir()):
            what = "holds files, but no bench; nothing was written; choose another folder with --out"
            raise BadInput([Problem(str(folder), what)])
        return []
    kept = read_runs(folder)
    versions = {run.setting.solver: run.versions for run in kept}
    problems = []
    for solver, now in {each.setting.solver: each.versions for each in tickets}.items():
        before = versions.get(solver, now)
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        if changed:
            names = ", ".join(f"{name} {before.get(name, 'none')[:12]}" for name in changed)
            now_names = ", ".join(f"{name} {now.get(name, 'none')[:12]}" for name in changed)
            what = f"holds runs of {solver} with {names}; now it is {now_names}; choose another folder with --out"
            problems.append(Problem(str(folder), what))
    if problems:
        raise BadInput(problems)
    return kept


def _append(folder: Path, run: Run) -> None:
    """Put a run on record, at once; what a full disk leaves of the line is left out when it is read."""
    path = folder / RUNS
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{run.model_dump_json()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error) from None


def _write(folder: Path, runs: Iterable[Run]) -> None:
    """All runs, in the order of their settings: the same runs make the same file."""
    ordered = sorted(runs, key=lambda run: tuple(run.setting.model_dump().values()))
    write_text("".join(f"{run.model_dump_json()}\n" for run in ordered), folder / RUNS)
