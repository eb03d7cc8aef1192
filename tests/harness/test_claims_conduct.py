"""Trials are kept, gone on from, and worked out again only where something they depend on has changed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from small_claims import EXPERIMENT, SCALE, Ear, claim, work

from desilo.cases.errors import BadInput
from desilo.harness import run as run_module
from desilo.harness.claims import catalogue, register
from desilo.harness.claims import conduct as conduct_module
from desilo.harness.claims.answer import LIST, PAGE, PICTURES, detailed, look, page
from desilo.harness.claims.conduct import Conducted, conduct, load, read_csv
from desilo.harness.claims.experiment import Experiment, Trial
from desilo.harness.cli import Exit, main
from desilo.harness.cli.run import INTERRUPTED


def run(folder: Path, ear: Ear, experiment: Experiment = EXPERIMENT, jobs: int = 1) -> Conducted:
    return conduct([experiment], SCALE, folder, ear, jobs, "desilo claims")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Conducted]:
    folder = tmp_path_factory.mktemp("claims") / "run"
    return folder, run(folder, Ear())


@pytest.fixture
def copy(whole: tuple[Path, Conducted], tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole[0], tmp_path / "copy"))


def test_the_records_are_one_row_a_trial_and_read_as_they_were(whole: tuple[Path, Conducted]) -> None:
    folder, done = whole
    table = done.tables["made-up"]
    assert list(table.columns) == ["cluster", "coupling", "effect", "unknown"]
    assert len(table) == 80 and table["unknown"].isna().all()
    pd.testing.assert_frame_equal(read_csv(folder / "records" / "made-up.csv"), table)
    trial = Trial("made-up", "7", {"coupling": 1.0})
    row = table[(table["cluster"] == "7") & (table["coupling"] == 1)]
    assert row["effect"].item() == float(f"{work(trial)['effect']:.9g}")
    loaded = load(folder)
    assert loaded.run == done.run
    pd.testing.assert_frame_equal(loaded.tables["made-up"], table)


def test_what_is_on_record_is_not_worked_out_again(whole: tuple[Path, Conducted], copy: Path) -> None:
    ear = Ear()
    again = run(copy, ear)
    assert (ear.total, ear.on_record, ear.worked_out) == (80, 80, [])
    pd.testing.assert_frame_equal(again.tables["made-up"], whole[1].tables["made-up"])


def test_what_is_missing_broken_or_changed_is_worked_out_again_and_said(
    whole: tuple[Path, Conducted], copy: Path
) -> None:
    trials = copy / "trials" / "made-up"
    (trials / "1-coupling-1.0.json").unlink()
    broken, other = trials / "2-coupling-1.0.json", trials / "3-coupling-1.0.json"
    broken.write_text(broken.read_text()[:100])
    other.write_text(json.dumps(json.loads(other.read_text()) | {"key": {"models": "others"}}))
    (trials / ".writing-x").write_text("{")
    (trials / "99-coupling-1.0.json").write_text("{}")
    ear = Ear()
    again = run(copy, ear)
    assert {record.cluster for record in ear.worked_out} == {"1", "2", "3"}
    assert any("2 trials are worked out again" in note for note in ear.notes)
    assert len(list(trials.iterdir())) == 80
    pd.testing.assert_frame_equal(again.tables["made-up"], whole[1].tables["made-up"])


def test_a_metric_that_changes_costs_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(sys.modules[work.__module__].__file__ or "").read_text()
    monkeypatch.syspath_prepend(tmp_path)

    def digest(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        return conduct_module._digest_of_work(name)

    same = digest("claims_a", source)
    assert (
        digest("claims_b", source.replace('["effect"]\n\n\ndef effect_of', '["effect"] * 2\n\n\ndef effect_of')) == same
    )
    assert digest("claims_c", source.replace("(3 + drawn)", "(4 + drawn)")) != same


def unlucky_work(trial: Trial) -> Mapping[str, float]:
    """As `work`, but one world ends without a plan."""
    if trial.cluster == "3":
        raise RuntimeError("no plan")
    return work(trial)


def test_a_trial_that_comes_to_nothing_is_unknown_and_tried_again(tmp_path: Path) -> None:
    ear = Ear()
    done = run(tmp_path / "run", ear, replace(EXPERIMENT, work=unlucky_work))
    assert done.tables["made-up"].set_index("cluster").loc["3", "effect"].isna().all()
    assert done.tables["made-up"]["effect"].notna().sum() == 78
    assert sum("no plan" in note for note in ear.notes) == 2
    again = Ear()
    run(tmp_path / "run", again, replace(EXPERIMENT, work=unlucky_work))
    assert {record.cluster for record in again.worked_out} == {"3"}


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
sys.path.insert(0, {tests!r})
from dataclasses import replace
from pathlib import Path
import test_claims_conduct as here
from small_claims import Ear
here.run(Path({folder!r}), Ear(), here.SLOW, jobs={jobs})
"""


def slow_work(trial: Trial) -> Mapping[str, float]:
    """As `work`, but it takes a while."""
    time.sleep(0.05)
    return work(trial)


SLOW = replace(EXPERIMENT, work=slow_work)


def start_elsewhere(folder: Path, jobs: int) -> subprocess.Popen[bytes]:
    script = SCRIPT.format(tests=str(Path(__file__).parent), folder=str(folder), jobs=jobs)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(folder.rglob("[0-9]*.json"))) < 5:
        assert process.poll() is None, "ended before it could be stopped"
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("how", "jobs"), [(signal.SIGKILL, 1), (signal.SIGINT, 2)])
def test_a_run_that_is_stopped_goes_on_to_the_same_records(
    how: signal.Signals, jobs: int, whole: tuple[Path, Conducted], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    process = start_elsewhere(folder, jobs)
    process.send_signal(how)
    assert process.wait(timeout=20) != 0
    with FileLock(folder / run_module.LOCK).acquire(timeout=5):
        pass
    ear = Ear()
    again = run(folder, ear, SLOW)
    assert 5 <= ear.on_record < 80 and ear.on_record + len(ear.worked_out) == 80
    pd.testing.assert_frame_equal(again.tables["made-up"], whole[1].tables["made-up"])


def test_a_folder_that_is_no_runs_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds files, but no run of claims"):
        run(tmp_path, Ear())
    with pytest.raises(BadInput, match="no run of claims that can be read"):
        load(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"precious.txt", run_module.LOCK}


def test_the_page_is_written_from_the_records_alone(whole: tuple[Path, Conducted]) -> None:
    claims = (claim("A4"), claim("A7"))
    written = page(look(claims, whole[1], 4))
    assert page(look(claims, load(whole[0]), 4)) == written
    changed = whole[1].tables["made-up"].copy()
    changed["effect"] *= 1.5
    assert page(look(claims, replace(whole[1], tables={"made-up": changed}), 4)) != written


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", "claims", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The register holds two made-up claims."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(register, "CLAIMS", (claim("A4"), claim("A7")))
    monkeypatch.setattr(register, "TOGETHER", 4)
    monkeypatch.setattr(catalogue, "EXPERIMENTS", (EXPERIMENT,))
    monkeypatch.setattr(catalogue, "QUICK", SCALE)


@pytest.mark.usefixtures("made_up")
def test_the_command_prints_one_json_list_and_writes_the_page(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert command(monkeypatch, "--quick", "--json", "--jobs", "1", "--out", str(out)) == Exit.OK
    said = capfd.readouterr()
    printed = json.loads(said.out)
    assert [each["id"] for each in printed] == ["A4", "A7"]
    assert set(printed[0]) == {"id", "verdict", "estimate", "low", "high", "unit", "control_passed"}
    assert printed[0]["verdict"] == "reproduced" and printed[0]["control_passed"] is True
    assert printed[0]["low"] <= printed[0]["estimate"] <= printed[0]["high"]
    assert "80 of 80 trials" in said.err
    outcome = look(register.CLAIMS, load(out), register.TOGETHER)
    assert (out / PAGE).read_text() == page(outcome)
    assert json.loads((out / LIST).read_text()) == detailed(outcome)
    assert {path.name for path in (out / PICTURES).iterdir()} == {"A4.svg", "A7.svg"}
    assert load(out).run.command == "desilo claims --quick"


@pytest.mark.usefixtures("made_up")
def test_some_claims_in_a_planted_null_world(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, "a7", "--quick", "--json", "--jobs", "1", "--coupling", "0", "--seed", "9") == Exit.OK
    printed = json.loads(capfd.readouterr().out)
    assert [(each["id"], each["verdict"]) for each in printed] == [("A7", "not reproduced")]
    folder = tmp_path / "results" / "runs" / "claims-quick-seed9-coupling0"
    assert load(folder).run.command == "desilo claims A7 --quick --seed 9 --coupling 0"
    assert not (folder / PAGE).exists()


@pytest.mark.usefixtures("made_up")
def test_bad_input_is_said_all_at_once_and_exits_2(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, "A44", "X", "--seed", "-1", "--jobs", "0", "--coupling", "nan") == Exit.BAD_INPUT
    said = capfd.readouterr().err
    assert "unknown claim 'A44'; did you mean 'A4'?" in said and "unknown claim 'X'" in said
    assert all(option in said for option in ("--seed", "--jobs", "--coupling"))
    assert "Traceback" not in said and list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("made_up")
def test_ctrl_c_exits_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> Conducted:
        raise KeyboardInterrupt

    monkeypatch.setattr(conduct_module, "conduct", interrupted)
    assert command(monkeypatch) == INTERRUPTED
    assert "the same command goes on from there" in capfd.readouterr().err
