"""Conduct experiments: work off every trial that is not on record yet, and keep each as soon as it is done.

The folder holds `trials/EXPERIMENT/TRIAL.json`, one record a trial, from which a later run goes on; `run.json`, what
was run; and `records/EXPERIMENT.csv`, one row a trial, from which every figure is computed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeGuard

import numpy as np
import pandas as pd

import desilo.cases
from desilo.cases.errors import BadInput, Problem
from desilo.harness.claims.experiment import Experiment, Records, Scale, Trial
from desilo.harness.cluster import Cluster
from desilo.harness.experiment import source_digests, versions
from desilo.harness.records import Known, Record, read_record, sweep, write_record, write_text
from desilo.harness.run import Watcher, locked
from desilo.harness.workers import workers
from desilo.operating.executors import Here

TRIALS, TABLES, RUN = "trials", "records", "run.json"

DIGITS = 9
"""Significant digits of a figure that is kept."""

AHEAD = 3
"""Trials handed out for each worker, so that none waits."""


class TrialRecord(Record):
    """What came of a trial. Reused by a later run if `key` agrees and it came to something."""

    schema_version: Literal[1] = 1
    experiment: str
    cluster: str
    at: dict[str, float | str]
    key: dict[str, str]  # everything that the figures depend on, by name
    seconds: float
    figures: dict[str, Known]
    problem: str = ""  # why it came to nothing; its figures are then unknown


class ClaimsRun(Record):
    """What was run: enough to run it again."""

    schema_version: Literal[1] = 1
    command: str
    scale: dict[str, float | str]
    trials: dict[str, int]  # by experiment
    seconds: dict[str, float]  # of all trials together, by experiment
    versions: dict[str, str]
    digests: dict[str, str]  # SHA-256 of sources and data
    machine: dict[str, str]


@dataclass(frozen=True)
class Conducted:
    """Experiments that are done.

    Attributes:
        run: what was run.
        tables: the records, by the experiment's name.
    """

    run: ClaimsRun
    tables: Mapping[str, Records]


def conduct(
    experiments: Sequence[Experiment],
    scale: Scale,
    folder: Path,
    watcher: Watcher[TrialRecord],
    jobs: int,
    command: str,
    cluster: Cluster | None = None,
) -> Conducted:
    """Run, or go on with, experiments.

    Stopped at any moment, by whatever, the next run in the same folder goes on from there.

    Args:
        experiments: which.
        scale: how much of them.
        folder: of the run; made if need be.
        watcher: told what happens.
        jobs: trials worked on at the same time.
        command: what was asked for, for the record.
        cluster: to work on; None for this machine.

    Raises:
        BadInput: the folder cannot be used.
        KeyboardInterrupt: after the workers have been ended; finished trials are on record.
    """
    with locked(folder), workers(jobs, cluster) as pool:
        _require_own(folder)
        sweep(folder)
        done: dict[tuple[str, str], TrialRecord] = {}
        waiting: list[tuple[Experiment, Trial]] = []
        trials = {experiment.name: list(experiment.trials(scale)) for experiment in experiments}
        for experiment in experiments:
            key, again = key_of(experiment), 0
            for trial in trials[experiment.name]:
                record, there = on_record(folder, trial, key)
                if record is None:
                    waiting.append((experiment, trial))
                    again += there
                else:
                    done[experiment.name, trial.slug] = record
            if again:
                watcher.note(f"{experiment.name}: {again} trials are worked out again, what they depend on has changed")
            _remove_strangers(folder, experiment.name, trials[experiment.name])
        watcher.begin(len(done) + len(waiting), len(done))
        for record, slug in _work_off(pool, waiting, 1 if isinstance(pool, Here) else AHEAD * jobs):
            write_record(record, _path(folder, record.experiment, slug))
            done[record.experiment, slug] = record
            if record.problem:
                watcher.note(f"{record.experiment}, {slug}: {record.problem}; its figures are unknown")
            watcher.finished(record)
        records = {name: [done[name, trial.slug] for trial in own] for name, own in trials.items()}
        for name, own in records.items():
            write_text(to_csv(tabulate(own)), _table_path(folder, name))
        described = describe(experiments, scale, records, command)
        if cluster is not None:
            described = described.model_copy(update={"machine": described.machine | cluster.machine})
        write_record(described, folder / RUN)
    return load(folder)


def load(folder: Path) -> Conducted:
    """What a folder holds.

    Raises:
        BadInput: no such run, or its records cannot be read.
    """
    try:
        run = read_record(ClaimsRun, folder / RUN)
        return Conducted(run, {name: read_csv(_table_path(folder, name)) for name in run.trials})
    except (OSError, ValueError) as error:
        what = f"holds no run of claims that can be read: {str(error).splitlines()[0]}"
        raise BadInput([Problem(str(folder), what)]) from None


def tabulate(records: Sequence[TrialRecord]) -> Records:
    """One row a trial: cluster, dials, figures; what is not known is nan."""
    rows = [
        {"cluster": record.cluster, **record.at}
        | {name: np.nan if figure is None else figure for name, figure in record.figures.items()}
        for record in records
    ]
    return pd.DataFrame(rows)


def to_csv(table: Records) -> str:
    """The table as text; figures keep all their digits."""
    return table.to_csv(index=False, lineterminator="\n")


def read_csv(path: Path) -> Records:
    """A table as it was written; only empty cells are not known."""
    return pd.read_csv(path, dtype={"cluster": str}, keep_default_na=False, na_values=[""])


def on_record(folder: Path, trial: Trial, key: Mapping[str, str]) -> tuple[TrialRecord | None, bool]:
    """The record of a trial if it can be used, and whether there is one at all."""
    try:
        record = read_record(TrialRecord, _path(folder, trial.experiment, trial.slug))
    except FileNotFoundError:
        return None, False
    except (OSError, ValueError):
        return None, True
    same = (record.cluster, record.at, record.key) == (trial.cluster, dict(trial.at), dict(key))
    return (record if same and not record.problem else None), True


def worked_out(work: Callable[[Trial], Mapping[str, float]], trial: Trial, key: Mapping[str, str]) -> TrialRecord:
    """The record of a trial; runs in a worker."""
    started, problem = time.perf_counter(), ""
    figures: dict[str, float | None] = {}
    try:
        figures |= {name: float(f"{figure:.{DIGITS}g}") for name, figure in work(trial).items()}
    except RuntimeError as error:  # no plan: the other trials are worth having all the same
        problem = str(error)
    seconds = round(time.perf_counter() - started, 3)
    return TrialRecord(
        experiment=trial.experiment,
        cluster=trial.cluster,
        at=dict(trial.at),
        key=dict(key),
        seconds=seconds,
        figures=figures,
        problem=problem,
    )


def _work_off(
    pool: Executor, waiting: Sequence[tuple[Experiment, Trial]], ahead: int
) -> Iterator[tuple[TrialRecord, str]]:
    """Every record as soon as it is there, with its trial's slug."""
    left = iter(waiting)
    running: dict[Future[TrialRecord], Trial] = {}
    exhausted = False
    while running or not exhausted:
        while not exhausted and len(running) < ahead:
            following = next(left, None)
            if following is None:
                exhausted = True
                break
            experiment, trial = following
            running[pool.submit(worked_out, experiment.work, trial, key_of(experiment))] = trial
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            trial = running.pop(future)
            yield future.result(), trial.slug


def key_of(experiment: Experiment) -> dict[str, str]:
    """Everything that an experiment's figures depend on, besides the trial."""
    return {**_digests(), "experiment": _digest_of_work(experiment.work.__module__), **versions()}


@cache
def _digests() -> dict[str, str]:
    return {**source_digests(), "cases": _digest_of_cases()}


def _digest_of_cases() -> str:
    """SHA-256 of the data contract and the bundled data."""
    sha = hashlib.sha256()
    for root in (Path(place) for place in desilo.cases.__path__):
        for file in sorted(path for path in root.rglob("*") if path.suffix in {".py", ".csv", ".toml"}):
            sha.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return sha.hexdigest()


@cache
def _digest_of_work(module: str) -> str:
    """SHA-256 of an experiment's source and of all that it imports from the harness.

    Comments, docstrings of modules and metrics are left out: metrics are worked out anew from the records.
    """
    sources: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            tree = _tree_of(name)
            sources[name] = ast.unparse(tree)
            waiting += [part.module for part in tree.body if isinstance(part, ast.ImportFrom) and _is_ours(part.module)]
    return hashlib.sha256("\n".join(sources[name] for name in sorted(sources)).encode()).hexdigest()


def _tree_of(module: str) -> ast.Module:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise AssertionError(f"{module} has no source")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    tree.body = [part for part in tree.body if not _is_metric(part) and not isinstance(part, ast.Expr)]
    return tree


def _is_ours(module: str | None) -> TypeGuard[str]:
    return module is not None and module.startswith("desilo.harness.")


def _is_metric(part: ast.stmt) -> bool:
    """Whether it is a function of the records."""
    if not isinstance(part, ast.FunctionDef) or not part.args.args:
        return False
    first = part.args.args[0].annotation
    return first is not None and ast.unparse(first) == "Records"


def describe(
    experiments: Sequence[Experiment], scale: Scale, records: Mapping[str, Sequence[TrialRecord]], command: str
) -> ClaimsRun:
    """What was run, with which versions, where."""
    own = {f"experiment {experiment.name}": key_of(experiment)["experiment"] for experiment in experiments}
    return ClaimsRun(
        command=command,
        scale=asdict(scale),
        trials={name: len(rows) for name, rows in records.items()},
        seconds={name: round(sum(row.seconds for row in rows), 1) for name, rows in records.items()},
        versions={"python": platform.python_version(), **versions()},
        digests={**_digests(), **own},
        machine={
            "cores": str(os.cpu_count() or 1),
            "processor": platform.machine(),
            "system": platform.system(),
        },
    )


def _path(folder: Path, experiment: str, slug: str) -> Path:
    return folder / TRIALS / experiment / f"{slug}.json"


def _table_path(folder: Path, experiment: str) -> Path:
    return folder / TABLES / f"{experiment}.csv"


def _require_own(folder: Path) -> None:
    """The folder is new, or a run of claims has been at work in it.

    Raises:
        BadInput: it holds something else.
    """
    entries = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    if entries and TRIALS not in entries:
        what = "holds files, but no run of claims; nothing was written; choose another folder with --out"
        raise BadInput([Problem(str(folder), what)])
    (folder / TRIALS).mkdir(exist_ok=True)


def _remove_strangers(folder: Path, experiment: str, trials: Sequence[Trial]) -> None:
    """Records of trials that are no part of this run."""
    names = {f"{trial.slug}.json" for trial in trials}
    for path in (folder / TRIALS / experiment).glob("*.json"):
        if path.name not in names:
            path.unlink()
