"""The main job: work out every cell of a run that is not on record yet, and keep each as soon as it is done."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from filelock import FileLock, Timeout

from desilo.cases.case import Assumptions, Case
from desilo.cases.errors import BadInput, Problem
from desilo.cases.folders import NO_FAULT_OF_THE_PLACE
from desilo.cases.plan import Plan, read_plan, write_plan
from desilo.cases.writing import write_instance
from desilo.harness.cluster import Cluster
from desilo.harness.experiment import (
    AT_EVERY_TIGHTNESS,
    CLAIRVOYANT,
    COORDINATED,
    JOINT,
    SIDE_BY_SIDE,
    Estimates,
    PricePlan,
    Problems,
    Settings,
    Task,
    cells_of,
    digest_of,
    key_of,
    prepare,
    prepare_case,
    price_plan,
    settings_dict,
    starts_of,
    versions,
)
from desilo.harness.nature import response_of
from desilo.harness.records import (
    Assumption,
    Cell,
    CellRecord,
    Elasticity,
    Replanned,
    RunRecord,
    read_record,
    records_in,
    sweep,
    write_record,
)
from desilo.harness.schedule import LEAST, deadline_of, free_time, work_off
from desilo.harness.sensitivity import plan_again, replanned_in, tasks_of
from desilo.harness.workers import workers
from desilo.operating.decision import Function, Strength
from desilo.operating.forecast import Response, fit, forecast_error, saying
from desilo.operating.identification import evidence, too_thin
from desilo.solving import Options, Stop

RUN, RECORDS, PLANS, INSTANCES = "run.json", "records", "plans", "instances"


Done = TypeVar("Done", contravariant=True)


class Watcher(Protocol[Done]):
    """Told what happens while cells of a run, or trials of experiments, are under way."""

    def note(self, text: str) -> None:
        """Something worth saying."""

    def begin(self, total: int, done: int) -> None:
        """So many of them, of which so many are on record."""

    def finished(self, record: Done) -> None:
        """One is done and on record."""


class Silent(Watcher[Any]):
    """Keeps it to itself."""

    def note(self, text: str) -> None:
        """Nothing."""
        return

    def begin(self, total: int, done: int) -> None:
        """Nothing."""
        return

    def finished(self, record: Any) -> None:
        """Nothing."""
        return


@dataclass(frozen=True)
class Finished:
    """A run as far as it came.

    Attributes:
        record: what was run.
        cells: one record a cell, in the order of the run; those that were not begun in time are missing.
        replanned: one record a variant that was asked for, as far as it came.
    """

    record: RunRecord
    cells: tuple[CellRecord, ...]
    replanned: tuple[Replanned, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every cell has what was asked of it: a plan, or the bound."""
        wanted = len(self.cells) == len(self.record.cells)
        return wanted and all(
            cell.plan is not None or (cell.cell.model == CLAIRVOYANT and cell.bound is not None) for cell in self.cells
        )


def folder_of(settings: Settings) -> Path:
    """Where a run is kept unless somebody says otherwise."""
    name = Path(settings.case).resolve().name if Path(settings.case).is_dir() else settings.case
    return Path("results", "runs", f"{name}{'-quick' if settings.quick else ''}-seed{settings.seed}")


def run(
    settings: Settings,
    folder: Path,
    watcher: Watcher[CellRecord | Replanned],
    cluster: Cluster | None = None,
    sensitivity: int = 0,
) -> Finished:
    """Run, or go on with, the experiment of the settings.

    Stopped at any moment, by whatever, the next run with the same settings in the same folder goes on from there.

    Args:
        settings: what to run.
        folder: of the run; made if need be.
        watcher: told what happens.
        cluster: to work on; None for this machine.
        sensitivity: for the first so many starts, plan again under every figure other than assumed, whatever time
            that takes; see `desilo.harness.sensitivity`.

    Raises:
        BadInput: the case or the folder cannot be used.
        KeyboardInterrupt: after the workers have been ended; finished cells are on record.
    """
    deadline = deadline_of(settings)
    case = prepare_case(settings)
    with locked(folder), workers(settings.jobs, cluster) as pool:
        before = _earlier(folder)
        sweep(folder)
        watcher.note("estimating demand" if before is None else "going on with what is there")
        estimates = _estimate(pool, case)
        problems, errors, elasticities = _prepare_all(pool, case, settings, estimates)
        described = describe(case, settings, problems, errors, elasticities)
        if cluster is not None:
            described = described.model_copy(update={"machine": described.machine | cluster.machine})
        write_record(described, folder / RUN)
        _write_instances(problems, folder, described, before)
        _remove_strangers(folder, described.cells)
        keys = {
            cell: key_of(cell, settings, described.digests["case"], problems[cell.start][cell.tightness])
            for cell in described.cells
        }
        done: dict[Cell, CellRecord] = {}
        for cell, key in keys.items():
            found, why = on_record(folder, cell, key, settings.time_limit)
            if found is not None:
                done[cell] = found
            elif why:
                watcher.note(f"{cell.slug}: worked out again, {why}")
        watcher.note(f"{described.items:,} items, {len(keys)} cells, at most {_minutes(settings.time_limit)}")
        watcher.begin(len(keys), len(done))
        waiting = sorted((cell for cell in keys if cell not in done), key=_turn)
        prices = _decide_prices(pool, {cell.start: problems[cell.start][1.0] for cell in waiting}, settings, deadline)
        tasks = [
            Task(
                cell=cell,
                problems=problems[cell.start][cell.tightness],
                prices=prices[cell.start],
                options=Options(gap=settings.gap_of(cell.model), seed=settings.seed),
                sample=settings.clairvoyant_scenarios,
                key=keys[cell],
                run_limit=settings.time_limit,
            )
            for cell in waiting
        ]

        def known(joint: Cell) -> tuple[Plan | None, float]:
            """The plan of the others that promises most on the same problem, and what transfer prices prove."""
            same = [r for cell, r in done.items() if (cell.start, cell.tightness) == (joint.start, joint.tightness)]
            bounds = [r.coordination.joint_bound for r in same if r.coordination is not None]
            bound = min((bound for bound in bounds if bound is not None), default=math.inf)
            promises = {
                r.cell: r.promise.profit
                for r in same
                if r.promise is not None and r.promise.feasible and r.promise.profit is not None
            }
            if not promises:
                return None, bound
            best = max(promises, key=lambda cell: promises[cell])
            picture = problems[best.start][best.tightness].pictures.estimated
            return read_plan(picture, folder / PLANS / best.plan_file()), bound

        for record, plans in work_off(pool, tasks, settings, deadline, known):
            kept = keep(folder, record, plans, problems)
            done[kept.cell] = kept
            watcher.finished(kept)
        finished = Finished(described, tuple(done[cell] for cell in described.cells if cell in done))
        if sensitivity == 0:
            return finished
        watcher.note("planning again under every figure other than assumed")
        joint = {
            cell.start: read_plan(problems[cell.start][1.0].pictures.estimated, folder / PLANS / cell.plan_file())
            for cell, record in done.items()
            if (cell.model, cell.tightness) == (JOINT, 1.0) and record.plan is not None
        }
        asked = tasks_of(estimates, case, settings, described.starts[:sensitivity], finished.cells, joint)
        described = described.model_copy(update={"variants": tuple(task.variant for task in asked)})
        write_record(described, folder / RUN)
        return replace(finished, record=described, replanned=plan_again(pool, asked, settings, folder, watcher))


def load(folder: Path) -> Finished:
    """A run from its folder alone.

    Raises:
        BadInput: it is no run's folder, or a record cannot be read.
    """
    try:
        record = read_record(RunRecord, folder / RUN)
    except (FileNotFoundError, NotADirectoryError):
        what = f"holds no {RUN}; the folder of a `desilo run` is expected"
        raise BadInput([Problem(str(folder), what)]) from None
    except (OSError, ValueError) as error:
        what = f"holds a {RUN} that this version cannot read: {_first_line(error)}; run it again"
        raise BadInput([Problem(str(folder), what)]) from None
    places = {cell: _record_path(folder, cell) for cell in record.cells}
    cells = records_in(CellRecord, places, lambda found: found.cell)
    return Finished(record, cells, replanned_in(folder, record.variants))


def on_record(folder: Path, cell: Cell, key: Mapping[str, str], run_limit: float) -> tuple[CellRecord | None, str]:
    """The record of a cell if it can be used; otherwise why not, empty if there is none."""
    path = _record_path(folder, cell)
    try:
        record = read_record(CellRecord, path)
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError):
        return None, "its record cannot be read"
    if record.cell != cell:
        return None, "its record is of another cell"
    changed = sorted(name for name in {*record.key, *key} if record.key.get(name) != key.get(name))
    if changed:
        return None, f"changed since: {', '.join(changed)}"
    if record.stop is Stop.TIME_LIMIT and run_limit > record.run_limit:
        return None, f"it was stopped by the time limit of {record.run_limit:g} s"
    if any(digest != _digest(folder / PLANS / name) for name, digest in record.plans.items()):
        return None, "its plan is missing or was changed"
    return record, ""


def keep(
    folder: Path, record: CellRecord, plans: Mapping[str, Plan], problems: Mapping[int, Mapping[float, Problems]]
) -> CellRecord:
    """Write the plans, then the record: a record says that its plans are there."""
    estimated = problems[record.cell.start][record.cell.tightness].pictures.estimated
    digests = {}
    for name in _plan_files(record.cell):
        path = folder / PLANS / name
        if name in plans:
            write_plan(estimated, plans[name], path)
            digests[name] = _sha256(path)
        else:
            path.unlink(missing_ok=True)
    record = record.signed(digests)
    write_record(record, _record_path(folder, record.cell))
    return record


def _record_path(folder: Path, cell: Cell) -> Path:
    return folder / RECORDS / f"{cell.slug}.json"


def _plan_files(cell: Cell) -> tuple[str, ...]:
    """Names of the files that can hold a cell's plans."""
    return (
        tuple(cell.plan_file(strength) for strength in Strength) if cell.model == COORDINATED else (cell.plan_file(),)
    )


def instances_path(folder: Path, start: int, tightness: float) -> Path:
    """Folder of the instances of a start: one folder a picture of demand."""
    return folder / INSTANCES / f"{start}-t{tightness:g}"


def _digest(path: Path) -> str | None:
    return _sha256(path) if path.is_file() else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _turn(cell: Cell) -> tuple[bool, bool]:
    """Should time be short: first what takes a second, as no orders are decided on; then what every table needs."""
    decided = SIDE_BY_SIDE.get(cell.model)
    return decided is None or Function.INVENTORY in decided, cell.model not in AT_EVERY_TIGHTNESS


def _minutes(seconds: float) -> str:
    return f"{seconds:g} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def describe(
    case: Case,
    settings: Settings,
    problems: Mapping[int, Mapping[float, Problems]],
    errors: Mapping[str, float],
    elasticities: Sequence[Elasticity] = (),
) -> RunRecord:
    """What is run, on which data, with which versions, where."""
    digests = {"case": digest_of(case)}
    for start, by_tightness in problems.items():
        for tightness, problem in by_tightness.items():
            digests |= {f"{start}-t{tightness:g} {name}": digest for name, digest in problem.digests().items()}
    figures = {name: getattr(case.assumptions, name) for name in Assumptions.model_fields}
    return RunRecord(
        settings=settings_dict(settings),
        case=case.name,
        title=case.title,
        currency=case.currency,
        period_unit=case.period_unit,
        source=case.source,
        licence=case.licence,
        items=len(case.items),
        horizon=settings.horizon,
        starts=starts_of(case, settings),
        cells=cells_of(case, settings),
        assumptions=tuple(Assumption(name=name, **figure.model_dump()) for name, figure in figures.items()),
        forecast_errors=dict(errors),
        versions={"python": platform.python_version(), **versions()},
        digests=digests,
        machine={
            "cores": str(os.cpu_count() or 1),
            "processor": platform.machine(),
            "system": platform.system(),
        },
        elasticities=tuple(elasticities),
        prices_left=tuple(item for item, thin in zip(case.items, too_thin(case, case.holdout), strict=True) if thin),
    )


def _estimate(pool: Executor, case: Case) -> Estimates:
    """What the history says about demand."""
    fitted = pool.submit(fit, case, case.holdout), pool.submit(response_of, case)
    return Estimates(*(future.result() for future in fitted))


def _prepare_all(
    pool: Executor, case: Case, settings: Settings, estimates: Estimates
) -> tuple[dict[int, dict[float, Problems]], dict[str, float], tuple[Elasticity, ...]]:
    """The problems of every start, the forecast error of every picture, and the elasticities estimated."""
    prepared = {start: pool.submit(prepare, case, start, settings, estimates) for start in starts_of(case, settings)}
    responses = estimates.responses(case, int(case.periods[case.holdout]))
    judged = {name: pool.submit(_judge, case, response) for name, response in responses.items()}
    found = {name: future.result() for name, future in judged.items()}
    return (
        {start: future.result() for start, future in prepared.items()},
        {name: error for name, (error, _) in found.items()},
        found["estimated"][1],
    )


def _judge(case: Case, response: Response) -> tuple[float, tuple[Elasticity, ...]]:
    """The error of a response on the hold-out, and its elasticities."""
    error = forecast_error(case, saying(response)).at_actual_prices
    weighed = evidence(case, response)
    own = zip(case.items, weighed.own.tolist(), weighed.low.tolist(), weighed.high.tolist(), strict=True)
    return error, tuple(Elasticity(item=item, own=at, low=low, high=high) for item, at, low, high in own)


def _write_instances(
    problems: Mapping[int, Mapping[float, Problems]], folder: Path, now: RunRecord, before: RunRecord | None
) -> None:
    """The instances, so that anybody can check the plans; those that are there already are left alone."""
    for start, by_tightness in problems.items():
        for tightness, problem in by_tightness.items():
            place = instances_path(folder, start, tightness)
            for name, instance in problem.instances().items():
                title = f"{place.name} {name}"
                same = before is not None and before.digests.get(title) == now.digests[title]
                if not (same and (place / name).is_dir()):
                    write_instance(instance, place / name, "parquet")


def _remove_strangers(folder: Path, cells: Sequence[Cell]) -> None:
    """Records and plans of cells that are no part of this run."""
    own = {
        RECORDS: {f"{cell.slug}.json" for cell in cells},
        PLANS: {name for cell in cells for name in _plan_files(cell)},
    }
    for part, names in own.items():
        for path in (folder / part).glob("*.json"):
            if path.name not in names:
                path.unlink()


def _earlier(folder: Path) -> RunRecord | None:
    """The run that the folder holds, None if it holds nothing.

    Raises:
        BadInput: it holds something else.
    """
    path = folder / RUN
    if not folder.is_dir() or all(entry.name == LOCK for entry in folder.iterdir()):
        return None
    try:
        return read_record(RunRecord, path)
    except FileNotFoundError:
        what = "holds files, but no run; nothing was written"
    except (OSError, ValueError) as error:
        what = f"holds a {RUN} that this version cannot read: {_first_line(error)}"
    raise BadInput([Problem(str(folder), f"{what}; choose another folder with --out")])


LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other run out of the folder. The system lets go of the lock when the process ends, however it ends.

    Raises:
        BadInput: the folder cannot be written, or another run is at work in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in NO_FAULT_OF_THE_PLACE:
            raise OSError(error.errno, error.strerror, str(folder)) from None
        what = f"cannot be used for the run: {error.strerror}; choose another folder"
        raise BadInput([Problem(str(folder), what)]) from None
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        what = "another run is at work in this folder; wait for it or choose another folder"
        raise BadInput([Problem(str(folder), what)]) from None
    try:
        yield
    finally:
        lock.release()


def _decide_prices(
    pool: Executor, problems: Mapping[int, Problems], settings: Settings, deadline: float
) -> dict[int, dict[str, PricePlan]]:
    """What the pricing function decides by itself, by start and picture."""
    left = deadline - time.monotonic()
    free = max(free_time(left, left), LEAST)
    rounds = max(1, math.ceil(2 * len(problems) / settings.jobs))
    options = Options(gap=settings.gap, seed=settings.seed, time_limit=max(free / rounds, LEAST))
    plans = {
        start: {
            "yesterday": pool.submit(price_plan, problem.pictures.yesterday, options),
            "estimated": pool.submit(price_plan, problem.pictures.estimated, options),
        }
        for start, problem in problems.items()
    }
    found = {start: {name: plan.result() for name, plan in own.items()} for start, own in plans.items()}
    steps = [step for own in found.values() for plan in own.values() for step in plan.steps]
    if any(step.outcome.stop is Stop.INTERRUPTED for step in steps):
        raise KeyboardInterrupt
    return found
