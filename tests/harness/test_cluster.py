"""Grids and decompositions on a real Dask cluster: a scheduler, three worker processes, one of them killed meanwhile.

Records are compared as they are written, byte for byte, but for what a clock or a machine says, and how much was done
at a time (`BESIDE`).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from small_claims import Ear as ClaimsEar
from small_claims import trials, work
from small_run import Ear, small_settings, write_small_case

import desilo
from desilo import api
from desilo.cases.errors import BadInput
from desilo.cases.generate import FAMILIES, Dials, Shape
from desilo.cases.instance import Instance
from desilo.cases.writing import write_instance
from desilo.harness import cluster as clustering
from desilo.harness import sensitivity
from desilo.harness.claims.conduct import conduct
from desilo.harness.claims.experiment import Experiment, Figures, Scale, Trial
from desilo.harness.cli import main
from desilo.harness.cluster import Cluster, connected
from desilo.harness.experiment import Settings
from desilo.harness.run import run
from desilo.harness.solvers.running.bench import Asked, bench
from desilo.harness.solvers.runs import RUNS, Ending, read_runs
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, How, Method, OperatingModel, Pictures
from desilo.operating.executors import ONE_THREAD, Here
from desilo.solving import Options

distributed = pytest.importorskip("distributed")

BESIDE = {
    "seconds",
    "limit",
    "processor_seconds",
    "peak_memory",
    "primal_dual_integral",
    "machine",
    "jobs",
    "time_limit",
}
"""Fields of records that may differ."""


Found = TypeVar("Found")


def wait_for(something: Callable[[], Found]) -> Found:
    """What it returns as soon as that is true."""
    until = time.monotonic() + 60
    while not (found := something()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)
    return found


class Dask:
    """A scheduler, and workers in processes of their own, started as from a command line."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start("scheduler", "--port", "0", "--no-show")
        wait_for(self.file.exists)
        self.address = json.loads(self.file.read_text())["address"]
        self.client = distributed.Client(self.address, set_as_default=False)
        self.fill()

    def start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        common = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(self.file))
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *common, *options]
        self.processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        return self.processes[-1]

    def fill(self) -> None:
        """Three workers, whatever has become of others."""
        wait_for(self.is_full)

    def is_full(self) -> bool:
        """Whether three workers are there; for one that has died, another is started, also if it dies only now."""
        alive = [process for process in self.processes if process.poll() is None]
        for _ in range(4 - len(alive)):
            self.start("worker", "--no-nanny", "--nthreads", "1")
        return len(alive) == 4 and len(self.client.nthreads()) == 3

    def kill_one_at_work(self) -> None:
        """A worker that has something to do."""
        busy = wait_for(lambda: [address for address, tasks in self.client.processing().items() if tasks])
        os.kill(self.process_of(busy[0]), signal.SIGKILL)

    def process_of(self, worker: str) -> int:
        process: int = self.client.run(os.getpid, workers=[worker])[worker]
        return process

    def of_scheduler(self, name: str) -> Any:
        return self.client.run_on_scheduler(read_attribute, name=name)

    def end(self) -> None:
        self.client.close()
        for process in self.processes:
            process.kill()
            process.wait()


def read_attribute(dask_scheduler: Any, name: str) -> Any:
    found = getattr(dask_scheduler, name)
    return found if isinstance(found, int) else len(found)


def allow_failures(dask_scheduler: Any, count: int) -> None:
    dask_scheduler.allowed_failures = count


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    started = Dask(tmp_path_factory.mktemp("dask"))
    yield started
    started.end()


@pytest.fixture
def cluster(dask: Dask) -> Iterator[Cluster]:
    dask.fill()
    with connected(dask.address) as found:
        assert found is not None and found.size == 3
        yield found


def kept(folder: Path) -> dict[str, Any]:
    """Everything that a run has written, by path, without what a clock or a machine says."""
    return {
        path.relative_to(folder).as_posix(): timeless(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def timeless(path: Path) -> Any:
    if path.suffix == ".jsonl":
        return [without_them(json.loads(line)) for line in path.read_text().splitlines()]
    return without_them(json.loads(path.read_bytes())) if path.suffix == ".json" else path.read_bytes()


def without_them(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: without_them(own) for name, own in part.items() if name not in BESIDE}
    return [without_them(own) for own in part] if isinstance(part, list) else part


class Killer:
    """In the middle of a grid, kills a worker that is at work."""

    def __init__(self, dask: Dask, *after: int) -> None:
        self.dask, self.after = dask, after
        self.finished_ones: list[Any] = []

    def note(self, text: str) -> None: ...

    def begin(self, total: int, done: int) -> None: ...

    def started(self, run: Any) -> None: ...

    def finished(self, record: Any) -> None:
        self.finished_ones.append(record)
        if len(self.finished_ones) in self.after:
            self.dask.kill_one_at_work()


# ---- grids

SCALE = Scale("small", seed=1, worlds=12, windows=2, firms=3)


def slow_work(trial: Trial) -> Figures:
    """Takes long enough for a worker to be killed in the middle of it."""
    time.sleep(0.05)
    return work(trial)


EXPERIMENT = Experiment("made-up", "Is there an effect?", "Draw it.", trials, slow_work)


def test_claims_on_a_cluster_are_those_of_one_process(dask: Dask, cluster: Cluster, tmp_path: Path) -> None:
    conduct([EXPERIMENT], SCALE, tmp_path / "here", ClaimsEar(), 1, "desilo claims")
    ear = Killer(dask, 5)
    conduct([EXPERIMENT], SCALE, tmp_path / "there", ear, cluster.size, "desilo claims", cluster)
    assert kept(tmp_path / "there") == kept(tmp_path / "here")
    assert len(ear.finished_ones) == 24 == len(list((tmp_path / "there" / "trials" / "made-up").iterdir()))


def test_a_run_on_a_cluster_is_that_of_one_process(
    dask: Dask, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensitivity, "DIALS", sensitivity.DIALS[:2])
    case = write_small_case(tmp_path / "case")
    settings = small_settings(case, starts=1, tightness=(1.0,), time_limit=1e5)  # the clock decides nothing
    here = run(settings, tmp_path / "here", Ear(), sensitivity=1)
    cells = len(here.record.cells)
    ear = Killer(dask, 3, cells + 1)
    there = run(replace(settings, jobs=3), tmp_path / "there", ear, cluster, sensitivity=1)
    assert here.complete and there.complete
    assert kept(tmp_path / "there") == kept(tmp_path / "here")
    slugs = [record.cell.slug for record in ear.finished_ones[:cells]]
    assert sorted(slugs) == sorted(cell.slug for cell in here.record.cells)
    assert {record.variant for record in ear.finished_ones[cells:]} == set(here.record.variants)
    assert len(ear.finished_ones) == cells + len(here.record.variants) == cells + 5


def test_a_run_from_python_is_worked_out_on_the_cluster(
    dask: Dask, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(case: str, quick: bool, seed: int, time_limit: float | None, jobs: int | None) -> Settings:
        return small_settings(Path(case), starts=1, tightness=(1.0,), time_limit=1e5, jobs=jobs or 1)

    monkeypatch.setattr(api, "settings_of", small)
    case = write_small_case(tmp_path / "case")
    here = desilo.run(case, out=tmp_path / "here")
    there = desilo.run(case, out=tmp_path / "there", cluster=dask.address)
    assert there.finished.record.machine["cluster"].startswith("3 workers on ")
    assert there.finished.record.settings["jobs"] == 3
    assert kept(there.folder) == kept(here.folder)


def test_a_bench_on_a_cluster_is_that_of_one_process(dask: Dask, cluster: Cluster, tmp_path: Path) -> None:
    asked = Asked(patterns=("joint-features-S-1",), formulations=("tight", "plain"), seeds=(0, 1), time_limit=60.0)
    bench(asked, tmp_path / "here", Killer(dask), "desilo bench")
    ear = Killer(dask, 1)
    bench(asked.model_copy(update={"jobs": 3}), tmp_path / "there", ear, "desilo bench", cluster=cluster)
    here, there = kept(tmp_path / "here"), kept(tmp_path / "there")
    assert [worked(run) for run in there[RUNS]] == [worked(run) for run in here[RUNS]]
    assert len({run.key for run in ear.finished_ones}) == len(ear.finished_ones) == 4
    runs = read_runs(tmp_path / "there")
    assert {run.ending for run in runs} == {Ending.OPTIMAL}
    assert {run.machine["host"] for run in runs} == {socket.gethostname()}


def worked(run: dict[str, Any]) -> dict[str, Any]:
    """A run, of what the solver says of itself only what no clock says."""
    return {**run, "info": {name: figure for name, figure in run["info"].items() if "time" not in name}}


def test_ctrl_c_calls_off_what_is_waiting_and_the_next_run_goes_on(
    dask: Dask, cluster: Cluster, tmp_path: Path
) -> None:
    class Impatient(ClaimsEar):
        def finished(self, record: Any) -> None:
            super().finished(record)
            if len(self.worked_out) == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), connected(dask.address) as another:
        conduct([EXPERIMENT], SCALE, tmp_path, Impatient(), 3, "desilo claims", another)
    wait_for(lambda: dask.of_scheduler("tasks") == 0)
    ear = ClaimsEar()
    conduct([EXPERIMENT], SCALE, tmp_path, ear, 3, "desilo claims", cluster)
    assert (ear.on_record, len(ear.worked_out)) == (4, 20)


# ---- teams


@pytest.fixture(scope="module")
def shop() -> Instance:
    built = FAMILIES["newsvendor"].build(Shape(6, 1, 3, 3), np.random.default_rng(1), Dials())
    return replace(built, name="shop", title="shop")


@pytest.mark.parametrize("model", [OperatingModel.JOINT, OperatingModel.COORDINATED])
def test_teams_on_a_cluster_come_to_what_they_come_to_here(
    dask: Dask, cluster: Cluster, shop: Instance, model: OperatingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count(1)
    submit = Cluster._submit

    def deadly(self: Cluster, fn: Any, **where: Any) -> Future[Any]:
        number = next(asked)  # offices ask side by side
        process = dask.process_of(*where["workers"]) if number == 12 else None
        future = submit(self, fn, **where)
        if process:  # at once: teams so small have answered before anybody looks
            os.kill(process, signal.SIGKILL)
        return future

    expected = decided(shop, model, (Here(), Here(), Here()))
    monkeypatch.setattr(Cluster, "_submit", deadly)
    with cluster.one_by_one() as executors:
        found = decided(shop, model, executors)
    assert next(asked) > 12
    assert found.plan is not None and expected.plan is not None
    assert (found.stop, found.objective, found.bound) == (expected.stop, expected.objective, expected.bound)
    np.testing.assert_array_equal(found.plan.level, expected.plan.level)
    np.testing.assert_array_equal(found.plan.order, expected.plan.order)
    assert found.facts == expected.facts


def test_solve_on_a_cluster_prints_what_python_comes_to(
    dask: Dask,
    cluster: Cluster,
    shop: Instance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_instance(shop, tmp_path / "shop")
    options = f"--model joint --method decomposition --gap 0.01 --cluster {dask.address} --json"
    monkeypatch.setattr("sys.argv", ["desilo", "solve", str(tmp_path / "shop"), *options.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    expected = decided(shop, OperatingModel.JOINT, (Here(), Here(), Here()))
    found = json.loads(capsys.readouterr().out)
    assert (found["objective"], found["bound"]) == (expected.objective, expected.bound)


def test_python_solves_on_a_cluster_what_it_solves_here(dask: Dask, cluster: Cluster, shop: Instance) -> None:
    expected = decided(shop, OperatingModel.JOINT, (Here(), Here(), Here()))
    found = desilo.solve(shop, "joint", method="decomposition", gap=0.01, cluster=dask.address)
    assert (found.objective, found.bound) == (expected.objective, expected.bound)
    assert expected.plan is not None
    np.testing.assert_array_equal(found.plan.order, expected.plan.order)


def decided(instance: Instance, model: OperatingModel, executors: tuple[Executor, ...]) -> Decision:
    how = How(Method.DECOMPOSITION, executors=executors)
    return decide(model, Pictures.same(instance), Options(gap=0.01), how=how)


# ---- said in words


def said(arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says that cannot do what it is asked."""
    monkeypatch.setattr("sys.argv", ["desilo", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    return err


@pytest.mark.parametrize("command", ["run tuna", "claims A4 --quick", "bench joint-features-S-1"])
def test_a_cluster_that_does_not_answer_is_said_before_anything_is_written(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clustering, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:  # and nobody listens to it
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        err = said(f"{command} --out {tmp_path / 'out'} --cluster {address}", monkeypatch, capsys)
    assert err.startswith(f"error: --cluster: no Dask scheduler answers at {address}: ") and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_address_that_is_none_and_a_missing_dask_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "unknown address scheme" in said("run tuna --cluster nowhere://x", monkeypatch, capsys)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'desilo[cluster]'" in said("run tuna --cluster tcp://x:1", monkeypatch, capsys)


def test_a_cluster_is_for_teams_that_plan_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--method decomposition" in said("solve shop --model joint --cluster tcp://x:1", monkeypatch, capsys)
    with pytest.raises(BadInput, match="cluster: is for teams that plan apart"):
        desilo.solve("shop", "joint", cluster="tcp://x:1")


def test_workers_that_would_come_to_other_results_are_named(
    dask: Dask, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = set(dask.client.nthreads())
    real = clustering.installed()
    monkeypatch.setattr(clustering, "installed", lambda: {**real, "highspy": "0.1"})
    late = cluster.submit(len, "abc").exception(60)
    assert isinstance(late, BadInput) and "highspy" in str(late)
    with pytest.raises(BadInput) as refused, connected(dask.address):
        pass
    named = {problem.file: problem.message for problem in refused.value.problems}
    assert {f"worker {address}" for address in addresses} <= named.keys()
    assert f"has highspy {real['highspy']} (here 0.1)" in named[f"worker {addresses.pop()}"]


def test_a_worker_of_many_threads_is_refused(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = dict.fromkeys(dask.client.nthreads(), 4)
    monkeypatch.setattr(distributed.Client, "nthreads", lambda self: threads)
    with pytest.raises(BadInput, match=r"4 threads.*--nthreads 1"), connected(dask.address):
        pass


def test_work_that_kills_its_workers_is_given_up(dask: Dask, cluster: Cluster) -> None:
    dask.client.run_on_scheduler(allow_failures, count=0)
    error = cluster.submit(os._exit, 1).exception(120)
    dask.client.run_on_scheduler(allow_failures, count=3)
    assert isinstance(error, RuntimeError) and "memory" in str(error)


def test_a_cluster_that_is_gone_is_said(dask: Dask, cluster: Cluster) -> None:
    """The last test: it leaves no scheduler to the next."""
    waiting = cluster.submit(time.sleep, 60)
    dask.scheduler.kill()
    error = waiting.exception(120)
    assert isinstance(error, RuntimeError) and "gone" in str(error)
