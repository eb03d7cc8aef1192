"""`desilo run`: plans that hold, records that are used again when and only when they may be, kills and limits."""

from __future__ import annotations

import json
import math
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock
from small_run import Ear, small_settings, write_small_case

from desilo.cases.case import Case
from desilo.cases.errors import BadInput
from desilo.cases.instance import Instance
from desilo.cases.opening import bundled_cases
from desilo.cases.plan import read_plan
from desilo.cases.reading import read_instance
from desilo.harness import run as run_module
from desilo.harness.check import check
from desilo.harness.cli import Exit, main
from desilo.harness.cli.run import INTERRUPTED
from desilo.harness.experiment import (
    CLAIRVOYANT,
    COORDINATED,
    FULL,
    JOINT,
    MODELS,
    PRICING_LAST,
    QUICK,
    Settings,
    Task,
    cells_of,
    prepare,
    prepare_case,
    settings_of,
    starts_of,
)
from desilo.harness.records import CellRecord
from desilo.harness.report import summarise
from desilo.harness.run import Finished, load, run
from desilo.harness.schedule import GENEROUS, SHARE, free_time, next_of, share_of_time
from desilo.harness.sell import sell_first_come
from desilo.operating.coordination.relaxation import Stopped
from desilo.operating.decision import Decision, Strength
from desilo.operating.desk import Desk
from desilo.operating.forecast import Response, fit
from desilo.solving import Options, Stop


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_case(tmp_path_factory.mktemp("case") / "small")


@pytest.fixture(scope="module")
def whole(case: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    """A run that nothing came between."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run(small_settings(case), folder, Ear())


@pytest.fixture
def copy(whole: tuple[Path, Finished], tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole[0], tmp_path / "run"))


def without_time(record: CellRecord) -> dict[str, Any]:
    """A record without what the clock has a part in."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            timed = {"seconds", "limit", "run_limit", "time_limit"}
            return {name: strip(part) for name, part in value.items() if name not in timed}
        return [strip(part) for part in value] if isinstance(value, list) else value

    found: dict[str, Any] = strip(record.model_dump(mode="json"))
    return found


def same(one: Finished, other: Finished) -> bool:
    return [without_time(cell) for cell in one.cells] == [without_time(cell) for cell in other.cells]


def test_every_plan_is_on_file_holds_and_earns_what_its_record_says(whole: tuple[Path, Finished]) -> None:
    folder, finished = whole
    assert finished.complete
    instances = {path: read_instance(path) for path in (folder / "instances").glob("*/*")}
    for record in finished.cells:
        if record.cell.model == CLAIRVOYANT:
            continue
        place = folder / "instances" / f"{record.cell.start}-t{record.cell.tightness:g}"
        picture, nature = (instances[place / name] for name in ("estimated", "nature"))
        scored = {record.cell.plan_file(): (record.promise, record.nature)}
        if record.coordination is not None:
            strengths = record.coordination.strengths.items()
            assert [strength for strength, _ in strengths] == list(Strength)
            scored |= {record.cell.plan_file(strength): (each.promise, each.nature) for strength, each in strengths}
        assert set(scored) == set(record.plans)
        for name, (promise, score) in scored.items():
            plan = read_plan(picture, folder / "plans" / name)
            found = check(picture, plan)
            assert found.feasible
            assert promise is not None and promise.feasible and score is not None
            assert promise.profit == pytest.approx(found.profit, rel=1e-9)
            assert score.profit == pytest.approx(sell_first_come(nature, plan).expected_profit, rel=1e-9)


def test_one_team_that_plans_apart_comes_to_its_own_joint_plan(whole: tuple[Path, Finished]) -> None:
    by_cell = {(r.cell.start, r.cell.model): r for r in whole[1].cells if r.cell.tightness == 1}
    for start in whole[1].record.starts:
        record, joint = by_cell[start, COORDINATED], by_cell[start, JOINT]
        assert record.coordination is not None and record.coordination.teams == 1
        assert record.promise is not None and joint.promise is not None and joint.promise.profit is not None
        assert record.promise.profit == pytest.approx(joint.promise.profit, rel=1e-5)
    note = next(row.note for row in summarise(whole[1]).rows if row.model == COORDINATED)
    assert "one team" in note


def test_no_plan_promises_more_than_joint_nor_earns_more_than_the_clairvoyant_bound(
    whole: tuple[Path, Finished],
) -> None:
    by_cell = {(r.cell.start, r.cell.tightness, r.cell.model): r for r in whole[1].cells}
    compared = 0
    for (start, tightness, _), record in by_cell.items():
        joint = by_cell[start, tightness, JOINT].bound
        bound = by_cell.get((start, tightness, CLAIRVOYANT))
        if record.promise is not None and record.promise.profit is not None and joint is not None:
            assert record.promise.profit <= joint + 1e-6 * abs(joint)
        if record.nature is not None and bound is not None and bound.bound is not None:
            assert record.nature.sampled_profit <= bound.bound + 1e-6 * abs(bound.bound)
            compared += 1
    assert compared > 20


def test_pictures_and_nature_differ_in_demand_only_and_tightness_in_shared_capacities_only(case: Path) -> None:
    settings = small_settings(case)
    opened = prepare_case(settings)
    start = starts_of(opened, settings)[0]
    problems = prepare(opened, start, settings)
    loose, tight = problems[1.0], problems[0.5]
    assert (tight.nature.demand == loose.nature.demand).all()
    for one, other in zip(loose.nature.resources, tight.nature.resources, strict=True):
        factor = 1.0 if one.is_pricing_rule else 0.5
        assert other.capacity == pytest.approx(factor * one.capacity)
    other = prepare(opened, start, replace(settings, seed=4))[1.0]
    assert not (other.nature.demand == loose.nature.demand).all()


def test_the_grid_has_every_model_on_every_start_and_some_at_other_tightness(case: Path) -> None:
    settings = small_settings(case)
    cells = cells_of(prepare_case(settings), settings)
    assert {cell.model for cell in cells if cell.tightness == 1} == set(MODELS)
    assert sum(cell.tightness == 1 for cell in cells) == 2 * len(MODELS)
    assert {cell.start for cell in cells if cell.tightness != 1} == {131}
    assert len(set(cells)) == len(cells)


def test_windows_do_not_overlap_and_lie_in_the_hold_out(case: Path) -> None:
    for horizon in (2, 4, 7):
        for wanted in (1, 3, 50):
            settings = small_settings(case, horizon=horizon, starts=wanted)
            starts = starts_of(prepare_case(settings), settings)
            assert 1 <= len(starts) <= wanted
            assert starts[0] == 131 and starts[-1] + horizon - 1 <= 160
            assert all(b - a >= horizon for a, b in pairwise(starts))


def test_a_finished_run_is_not_worked_out_again(case: Path, whole: tuple[Path, Finished], copy: Path) -> None:
    ear = Ear()
    again = run(small_settings(case), copy, ear)
    assert again.cells == whole[1].cells and ear.worked_out == []


def test_what_is_missing_broken_or_changed_is_worked_out_again_and_said(
    case: Path, whole: tuple[Path, Finished], copy: Path
) -> None:
    (copy / "records" / "131-t1-joint.json").unlink()
    broken = copy / "records" / "131-t1-isolated.json"
    broken.write_text(broken.read_text()[:200])
    plan = copy / "plans" / "159-t1-joint.json"
    plan.write_text(plan.read_text().replace('"quantity": ', '"quantity": 1'))
    (copy / "plans" / "159-t1-coordinated-limits.json").unlink()
    (copy / "plans" / "159-t1-joint-limits.json").write_text("{}")
    (copy / "records" / ".writing-x.json").write_text("{")
    (copy / "records" / "999-t1-joint.json").write_text("{}")
    ear = Ear()
    again = run(small_settings(case), copy, ear)
    again_worked_out = {"131-t1-joint", "131-t1-isolated", "159-t1-joint", "159-t1-coordinated"}
    assert {r.cell.slug for r in ear.worked_out} == again_worked_out
    assert any("131-t1-isolated" in note and "cannot be read" in note for note in ear.notes)
    assert any("159-t1-joint" in note and "plan" in note for note in ear.notes)
    assert same(again, whole[1])
    assert {path.stem for path in (copy / "records").iterdir()} == {cell.slug for cell in again.record.cells}
    plans = {path.name for path in (copy / "plans").iterdir()}
    assert plans == {name for record in again.cells if record.plan is not None for name in record.plans}


def test_a_changed_setting_is_named(case: Path, copy: Path) -> None:
    ear = Ear()
    run(small_settings(case, gap=1e-5, joint_gap=1e-5, starts=1, tightness=(1.0,)), copy, ear)
    assert ear.on_record == 0
    assert sum("changed since: gap" in note for note in ear.notes) == len(ear.worked_out)


def test_more_time_is_given_only_to_what_ran_out_of_it(case: Path, copy: Path) -> None:
    path = copy / "records" / "131-t1-joint.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"stop": "time-limit"}))
    ear = Ear()
    run(small_settings(case, time_limit=100), copy, ear)
    assert ear.worked_out == []
    run(small_settings(case, time_limit=150), copy, ear)
    assert [r.cell.slug for r in ear.worked_out] == ["131-t1-joint"]


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
sys.path.insert(0, {tests!r})
from pathlib import Path
from small_run import Ear, small_settings
from desilo.harness.run import run
run(small_settings(Path({case!r}), jobs={jobs}), Path({folder!r}), Ear())
"""


def start_elsewhere(case: Path, folder: Path, jobs: int) -> subprocess.Popen[bytes]:
    script = SCRIPT.format(tests=str(Path(__file__).parent), case=str(case), folder=str(folder), jobs=jobs)
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_records(process: subprocess.Popen[bytes], folder: Path, count: int) -> None:
    while len(list((folder / "records").glob("[0-9]*.json"))) < count:
        assert process.poll() is None, "ended before it could be stopped"
        time.sleep(0.01)


def test_a_run_that_is_killed_goes_on_to_the_same_results(
    case: Path, whole: tuple[Path, Finished], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    process = start_elsewhere(case, folder, jobs=2)
    wait_for_records(process, folder, 5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ear = Ear()
    again = run(small_settings(case), folder, ear)
    assert 5 <= ear.on_record < len(again.cells)
    assert ear.on_record + len(ear.worked_out) == len(again.cells)
    assert same(again, whole[1])
    assert again.record.digests == whole[1].record.digests


def test_ctrl_c_ends_the_workers_and_keeps_what_is_finished(case: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start_elsewhere(case, folder, jobs=2)
    wait_for_records(process, folder, 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) != 0
    with FileLock(folder / run_module.LOCK).acquire(timeout=0):
        pass
    assert len(load(folder).cells) >= 3


def test_a_watcher_that_stops_the_run_leaves_it_to_go_on(case: Path, tmp_path: Path) -> None:
    class Stopping(Ear):
        def finished(self, record: CellRecord) -> None:
            super().finished(record)
            if len(self.worked_out) == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(small_settings(case), tmp_path / "run", Stopping())
    assert len(load(tmp_path / "run").cells) == 4


def test_a_team_that_cannot_answer_leaves_the_cell_without_a_plan_and_the_others_alone(
    case: Path, whole: tuple[Path, Finished], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise Stopped(Stop.ERROR)

    monkeypatch.setattr("desilo.operating.coordination.team.Team.value_of", stopped)
    (copy / "records" / "131-t1-coordinated.json").unlink()
    again = run(small_settings(case), copy, Ear())
    assert not again.complete
    assert [
        (cell.cell.slug, cell.stop) for cell in again.cells if not cell.promise and cell.cell.model != CLAIRVOYANT
    ] == [("131-t1-coordinated", Stop.ERROR)]
    assert not list((copy / "plans").glob("131-t1-coordinated*"))
    assert "a plan for 1 of 2 starts only" in next(r.note for r in summarise(again).rows if r.model == COORDINATED)


def test_teams_whose_time_is_up_could_do_better_with_more(
    case: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1000.0])
    monkeypatch.setattr("desilo.harness.experiment.time", SimpleNamespace(monotonic=clock.__next__))
    (copy / "records" / "131-t1-coordinated.json").unlink()
    by_slug = {record.cell.slug: record for record in run(small_settings(case), copy, Ear()).cells}
    record = by_slug["131-t1-coordinated"]
    assert (record.stop, record.seconds) == (Stop.TIME_LIMIT, 1000.0) and record.plan is not None


def test_what_transfer_prices_prove_bounds_a_joint_model_that_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_teams = write_small_case(tmp_path / "small", zones=("low", "mid"))

    def unfinished(desk: Desk, picture: Instance, freedom: object, start: Decision, function: str) -> Decision:
        return replace(start, bound=math.inf, stop=Stop.TIME_LIMIT)

    monkeypatch.setattr("desilo.operating.wiring.search", unfinished)
    settings = small_settings(two_teams, middle_zone=False, starts=1, tightness=(1.0,))
    by_slug = {record.cell.slug: record for record in run(settings, tmp_path / "run", Ear()).cells}
    joint, coordination = by_slug["131-t1-joint"], by_slug["131-t1-coordinated"].coordination
    assert coordination is not None and coordination.joint_bound is not None and joint.objective is not None
    assert joint.bound == pytest.approx(max(coordination.joint_bound, joint.objective), rel=1e-12)


def test_a_joint_cell_decomposes_where_that_is_better_and_is_never_worse_than_what_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desilo.operating.wiring.decomposes", lambda picture, threads: True)
    two_teams = write_small_case(tmp_path / "small", zones=("low", "mid"))
    settings = small_settings(two_teams, middle_zone=False, starts=1, tightness=(1.0,))
    by_slug = {record.cell.slug: record for record in run(settings, tmp_path / "run", Ear()).cells}
    joint = by_slug["131-t1-joint"]
    assert "search: prices" in [step.function for step in joint.steps]
    promised = {slug: r.promise.profit for slug, r in by_slug.items() if r.promise is not None and r.promise.profit}
    assert max(promised.values()) == pytest.approx(promised["131-t1-joint"], rel=1e-6)
    assert joint.bound is not None and joint.bound >= promised["131-t1-joint"]


def test_demand_is_estimated_once_for_the_planner_and_once_for_nature(
    case: Path, whole: tuple[Path, Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []

    def counted(case: Case, past: int, *options: Any, **more: Any) -> Response:
        fitted.append(past)
        return fit(case, past, *options, **more)

    for module in ("harness.run", "harness.nature", "operating.forecast"):
        monkeypatch.setattr(f"desilo.{module}.fit", counted)
    monkeypatch.setattr("desilo.harness.run.work_off", lambda *_: iter(()))
    record = run(small_settings(case), tmp_path / "run", Ear()).record
    opened = prepare_case(small_settings(case))
    assert fitted == [opened.holdout, len(opened.periods)]
    assert record.digests == whole[1].record.digests
    assert record.forecast_errors == whole[1].record.forecast_errors
    for start in record.starts:  # each by itself: the same problems
        for tightness, problems in prepare(opened, start, small_settings(case)).items():
            for name, digest in problems.digests().items():
                assert record.digests[f"{start}-t{tightness:g} {name}"] == digest


def test_one_run_at_a_time_in_a_folder(case: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with FileLock(folder / run_module.LOCK), pytest.raises(BadInput, match="another run is at work"):
        run(small_settings(case), folder, Ear())


def test_a_folder_that_is_no_runs_is_left_alone(case: Path, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds files, but no run"):
        run(small_settings(case), tmp_path, Ear())
    assert {path.name for path in tmp_path.iterdir()} <= {"precious.txt", run_module.LOCK}
    with pytest.raises(BadInput, match="cannot be used"):
        run(small_settings(case), tmp_path / "precious.txt" / "run", Ear())
    (tmp_path / "precious.txt").rename(tmp_path / "run.json")
    with pytest.raises(BadInput, match="cannot read"):
        run(small_settings(case), tmp_path, Ear())


def waiting_tasks(case: Path, settings: Settings) -> list[Task]:
    opened = prepare_case(settings)
    problems = prepare(opened, 131, settings)[1.0]
    return [Task(cell, problems, {}, Options(), 2, {}, 1.0) for cell in cells_of(opened, settings)]


def test_the_shared_time_is_used_up_and_not_exceeded(case: Path) -> None:
    settings = small_settings(case, time_limit=100.0, jobs=2)
    waiting = [task for task in waiting_tasks(case, settings) if task.cell.model in SHARE]
    clocks = [0.0, 0.0]  # of the two workers
    while waiting:
        clocks.sort()
        left = [100.0 - clock for clock in clocks]
        task = next_of(waiting, left[0], 100.0)
        clocks[0] += share_of_time(task, waiting, 100.0, left)
        waiting.remove(task)
    assert max(clocks) <= 100.0 + 1e-9
    assert min(clocks) >= 90.0


def test_cells_that_cost_little_come_first_but_leave_the_others_their_part(case: Path) -> None:
    settings = small_settings(case, time_limit=100.0, jobs=2)
    waiting = waiting_tasks(case, settings)
    assert next_of(waiting, 100.0, 100.0).cell.model == "status-quo"
    assert next_of(waiting, 40.0, 100.0).cell.model == COORDINATED
    apart = [task for task in waiting if task.cell.model != COORDINATED]
    assert next_of(apart, 40.0, 100.0).cell.model == JOINT
    cheap = [task for task in waiting if task.cell.model not in SHARE]
    assert next_of(cheap, 40.0, 100.0).cell.model == "status-quo"
    assert share_of_time(cheap[0], waiting, 100.0, [100.0, 100.0]) <= 50.0
    assert next_of(waiting, 40.0, 42.0).cell.model == "status-quo", "estimating demand took long"


def test_what_was_left_of_cheap_cells_gets_its_part_before_the_last_orders_of_hand_offs(case: Path) -> None:
    settings = small_settings(case, time_limit=100.0, jobs=2)
    waiting = [t for t in waiting_tasks(case, settings) if t.cell.model in ("isolated", JOINT, *PRICING_LAST)]
    clocks, turns = [60.0, 60.0], []
    while waiting:
        clocks.sort()
        left = [100.0 - clock for clock in clocks]
        task = next_of(waiting, left[0], 100.0)
        share = share_of_time(task, waiting, 100.0, left)
        assert share > 0.1
        clocks[0] += share
        waiting.remove(task)
        turns.append(task.cell.model)
    assert max(clocks) <= 100.0 + 1e-9
    first = {model: turns.index(model) for model in turns}
    assert first[JOINT] < first["isolated"] < min(first[model] for model in PRICING_LAST)


def test_one_cheap_cell_of_many_does_not_get_half_of_the_time(case: Path) -> None:
    settings = small_settings(case, time_limit=100.0, jobs=1, starts=4)
    cheap = [task for task in waiting_tasks(case, settings) if task.cell.model not in SHARE]
    many, few = (share_of_time(cheap[0], some, 100.0, [100.0]) for some in (cheap, cheap[:2]))
    assert many == pytest.approx(GENEROUS * free_time(100.0, 100.0) / len(cheap)) and many < few
    assert few == free_time(100.0, 100.0) / 2


def test_the_default_time_limit_grows_with_the_items(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in bundled_cases():
        assert settings_of(name, False, 1, None, 2).time_limit == FULL.time_limit == 350
        assert settings_of(name, True, 1, None, 2).time_limit == QUICK.time_limit
    items = len(prepare_case(small_settings(case)).items)
    monkeypatch.setattr("desilo.harness.experiment.FOR_AN_ITEM", 1000.0)
    assert settings_of(str(case), False, 1, None, 2).time_limit == 1000.0 * items
    assert settings_of(str(case), False, 1, 20.0, 2).time_limit == 20.0


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_bad_input_is_said_and_exits_2(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "run", "orange-jiuce", "--quick") == Exit.BAD_INPUT
    assert "orange-juice" in capfd.readouterr().err
    assert command(monkeypatch, "run", "--jobs", "0") == Exit.BAD_INPUT
    assert command(monkeypatch, "run", "--seed", "-1") == Exit.BAD_INPUT
    assert command(monkeypatch, "run", "--time-limit", "nan") == Exit.BAD_INPUT
    assert command(monkeypatch, "report", str(tmp_path)) == Exit.BAD_INPUT
    assert "Traceback" not in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_time_says_what_has_no_plan_and_exits_3(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], case: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = ("run", str(case), "--quick", "--time-limit", "1", "--jobs", "1", "--out", str(out))
    assert command(monkeypatch, *arguments) == Exit.LIMIT
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    assert "131-t1-joint" in json.loads((out / "summary.json").read_text())["missing"]
    assert "without a plan" in said.out


def test_ctrl_c_exits_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(*_: object) -> Finished:
        raise KeyboardInterrupt

    monkeypatch.setattr("desilo.harness.run.run", interrupted)
    assert command(monkeypatch, "run", "--out", str(tmp_path / "run")) == INTERRUPTED
    assert "the same command goes on from there" in capfd.readouterr().err


def test_tasks_can_be_sent_to_another_process(case: Path) -> None:
    settings = small_settings(case)
    opened = prepare_case(settings)
    problems = prepare(opened, 131, settings)[1.0]
    task = Task(cells_of(opened, settings)[0], problems, {}, Options(), 2, {}, 1.0)
    assert pickle.loads(pickle.dumps(task)).problems.digests() == problems.digests()
