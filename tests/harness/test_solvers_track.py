"""Histories: appended, ordered, and split where something changed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from small_runs import VERSIONS, bench, run, write

from desilo.harness.cli import main
from desilo.harness.solvers.comparing.metrics import METRICS
from desilo.harness.solvers.runs import Run
from desilo.harness.solvers.tracking import environments
from desilo.harness.solvers.tracking.environments import Environment, NotInstalled, link_source, make, requirements
from desilo.harness.solvers.tracking.history import (
    BENCHES,
    Bench,
    Line,
    Series,
    Status,
    VersionRecord,
    append,
    read_history,
    series_of,
    version_order,
)
from desilo.harness.solvers.tracking.steps import find_steps
from desilo.harness.solvers.tracking.track import combinations

NUMBERS = ("1.11.0", "1.12.0", "1.13.0", "1.13.1", "1.15.0", "1.15.1")


def version(number: str) -> dict[str, str]:
    return VERSIONS | {"highspy": number}


def measured(runs: list[Run]) -> Bench:
    number = runs[0].versions["highspy"]
    return Bench(number, VersionRecord(versions=version(number), status=Status.MEASURED), tuple(runs))


def series(*sides: list[Run]) -> Series:
    return Series("highspy", tuple(map(measured, sides)))


def with_luck(world: int, factors: dict[str, float], limit: float = 1e6) -> Series:
    """Versions whose luck is their own: other seeds, said to be the same."""
    sides = []
    for number, (name, factor) in enumerate(factors.items()):
        runs = bench(world, seeds=range(3 * number, 3 * number + 3), factor=factor, limit=limit, versions=version(name))
        sides.append(
            [
                each.model_copy(
                    update={"setting": each.setting.model_copy(update={"seed": each.setting.seed - 3 * number})}
                )
                for each in runs
            ]
        )
    return series(*sides)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_versions_are_in_the_order_of_their_numbers() -> None:
    given = ["1.9.0", "1.10.0", "1.10.0rc1", "1.2", "main"]
    assert sorted(given, key=version_order) == ["main", "1.2", "1.9.0", "1.10.0rc1", "1.10.0"]


def test_a_step_is_found_where_it_was_planted() -> None:
    factors = dict.fromkeys(NUMBERS, 1.0) | dict.fromkeys(NUMBERS[3:], 2.0)
    steps = find_steps(with_luck(6, factors), ["iterations"])
    assert [(step.last, step.first) for step in steps] == [("1.13.0", "1.13.1")]
    assert steps[0].low is not None and steps[0].high is not None and steps[0].low < 2 < steps[0].high * 1.1


def test_luck_alone_makes_no_step() -> None:
    found = [find_steps(with_luck(world, dict.fromkeys(NUMBERS, 1.0)), ["iterations", "nodes"]) for world in range(20)]
    assert sum(map(bool, found)) == 0


def test_two_versions_are_enough_and_the_same_work_is_no_step() -> None:
    old, new = (bench(1, factor=factor, versions=version(name)) for factor, name in ((1, "1.15.0"), (1.5, "1.15.1")))
    (step,) = find_steps(series(old, new), ["iterations"])
    assert step.ratio == pytest.approx(1.4, abs=0.1)
    assert find_steps(series(old, bench(1, versions=version("1.15.1"))), ["iterations", "nodes", "nonzeros"]) == ()
    assert find_steps(series(old), ["iterations"]) == ()


def test_any_change_of_a_size_is_a_step() -> None:
    sides = [
        [
            run(f"p{n}", nonzeros=501 if n == 2 and number >= "1.13.1" else 500, versions=version(number))
            for n in range(4)
        ]
        for number in NUMBERS
    ]
    (step,) = find_steps(series(*sides), ["nonzeros"])
    assert (step.last, step.first, step.larger, step.sample) == ("1.13.0", "1.13.1", 1, 4)


def test_the_clock_of_two_machines_is_not_compared() -> None:
    old, new = bench(1, versions=version("1.15.0")), bench(1, factor=4, versions=version("1.15.1"))
    elsewhere = [each.model_copy(update={"machine": {"processor": "other"}}) for each in new]
    assert {step.metric for step in find_steps(series(old, new), ["iterations", "seconds"])} == {
        "iterations",
        "seconds",
    }
    assert {step.metric for step in find_steps(series(old, elsewhere), ["iterations", "seconds"])} == {"iterations"}


def test_series_differ_in_one_package_only(tmp_path: Path) -> None:
    pyomo = {name: VERSIONS | {"pyomo": name} for name in ("6.9.5", "6.10.0")}
    for number, versions in enumerate((version("1.13.1"), version("1.12.0"), VERSIONS, *pyomo.values())):
        append(write([run(versions=versions)], tmp_path / f"{number}"), tmp_path / "history")
    gone = VersionRecord(versions=version("1.14.0"), status=Status.FAILED_GATE)
    found = series_of([*read_history(tmp_path / "history"), Bench("gone", gone, ())])
    assert [(each.package, each.versions) for each in found] == [
        ("highspy", ("1.12.0", "1.13.1", "1.14.0", "1.15.1")),
        ("pyomo", ("6.9.5", "6.10.0", "6.10.1")),
    ]
    assert found[0].counting.versions == ("1.12.0", "1.13.1", "1.15.1")


def test_command_appends_once_and_writes_the_page(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    history = tmp_path / "history"
    old = write(bench(1, problems=8, versions=version("1.15.0")), tmp_path / "old")
    new = write(bench(1, problems=8, factor=2, versions=version("1.15.1")), tmp_path / "new")
    assert command(monkeypatch, "track", new, old, "--history", history) == 0
    printed = capfd.readouterr()
    assert f"{new}: 24 new runs" in printed.err and "iterations changes from highspy 1.15.0 to 1.15.1" in printed.out
    lines = [Line.model_validate_json(line) for line in (history / "history.jsonl").read_text().splitlines()]
    assert len(lines) == 16 and all(len(line.runs) == 3 and (history / line.file).exists() for line in lines)
    before = {path.relative_to(history): path.read_bytes() for path in history.rglob("*.*") if path.is_file()}
    assert command(monkeypatch, "track", old, "--history", history, "--json") == 0
    printed = capfd.readouterr()
    assert f"{old}: 0 new runs" in printed.err
    assert "iterations" in {step["metric"] for step in json.loads(printed.out)["steps"]}
    assert {path.relative_to(history): path.read_bytes() for path in history.rglob("*.*") if path.is_file()} == before
    page = (history / "README.md").read_text()
    assert "**iterations** changes from highspy 1.15.0 to 1.15.1" in page and "](highspy.svg)" in page
    assert (history / "highspy.svg").exists()


def test_a_version_that_fails_the_gate_has_its_row_and_does_not_count(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    history = tmp_path / "history"
    for number in ("1.13.1", "1.15.1"):
        append(write(bench(1, problems=4, versions=version(number)), tmp_path / number), history)
    record = VersionRecord(
        versions=version("1.14.0"),
        status=Status.FAILED_GATE,
        gate={"programs": 40, "wrong": 3},
    )
    (history / BENCHES / "wrong.json").write_text(record.model_dump_json())
    assert command(monkeypatch, "track", "--history", history) == 0
    assert "highspy 1.14.0, pyomo 6.10.1: failed the gate, 0 runs" in capfd.readouterr().out
    assert "|1.14.0|3 of 40 wrong|-|" in (history / "README.md").read_text()


def test_a_version_that_contradicts_another_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wrong = run("lot-1", objective=90.0, bound=90.0, versions=version("1.13.1"))
    for number, runs in enumerate(([wrong, run("lot-2", versions=version("1.13.1"))], [run("lot-1"), run("lot-2")])):
        append(write(runs, tmp_path / f"{number}"), tmp_path / "history")
    assert command(monkeypatch, "track", "--history", tmp_path / "history") == 0
    page = (tmp_path / "history" / "README.md").read_text()
    assert "- wrong: highspy 1.13.1, lot-1: a bound of 90, but a solution worth 100 is known" in page
    assert "|1.13.1|not asked|2/2|1|0|" in page and "|1.15.1|not asked|2/2|0|0|" in page


def test_bad_input_is_said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    history = tmp_path / "history"
    assert command(monkeypatch, "track", "--history", history, "--highspy", "1.13.1,newest") == 2
    assert "--highspy: found 'newest'; versions with commas" in capfd.readouterr().err
    assert command(monkeypatch, "track", "--history", history) == 2
    assert "there is no such history" in capfd.readouterr().err
    assert command(monkeypatch, "track", tmp_path / "nothing", "--history", history) == 2
    assert "cannot be read" in capfd.readouterr().err


def test_one_package_at_a_time() -> None:
    here = requirements()
    found = combinations({"highspy": ["1.11.0", here["highspy"]], "pyomo": ["6.9.5", here["pyomo"]]})
    assert found == [
        {"highspy": "1.11.0", "pyomo": here["pyomo"]},
        {"highspy": here["highspy"], "pyomo": here["pyomo"]},
        {"highspy": here["highspy"], "pyomo": "6.9.5"},
    ]


SHIM = """#!/bin/sh
case "$*" in *" gate "*) echo '{{"programs": 66, "wrong": {wrong}}}'; exit {status};; esac
exec {python} "$@"
"""


def here_instead(monkeypatch: pytest.MonkeyPatch, root: Path, wrong: int) -> None:
    """An environment that is this one, with a solver that the gate finds wrong so many times."""

    def make(pins: dict[str, str], _: Path) -> Environment:
        python = root / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(SHIM.format(wrong=wrong, status=5 if wrong else 0, python=sys.executable))
        python.chmod(0o755)
        return Environment(root, link_source(root))

    monkeypatch.setattr(environments, "make", make)


def test_a_version_is_benched_once_it_has_passed_the_gate(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    history, version = tmp_path / "history", requirements()["highspy"]
    asked = ("track", "--highspy", version, "--history", history, "demand-tuna-S", "--time-limit", "10")
    here_instead(monkeypatch, tmp_path / "wrong", wrong=8)
    assert command(monkeypatch, *asked) == 0
    assert "8 of 66 programs with known answers are solved wrongly" in capfd.readouterr().out
    (bench,) = read_history(history)
    assert bench.record.status is Status.FAILED_GATE and not bench.runs and not bench.counts
    here_instead(monkeypatch, tmp_path / "right", wrong=0)
    assert command(monkeypatch, *asked) == 0
    (bench,) = read_history(history)
    assert bench.counts and [run.setting.problem for run in bench.runs] == ["demand-tuna-S"]
    assert METRICS["iterations"].of(bench.runs[0]) and METRICS["nonzeros"].of(bench.runs[0])
    assert bench.runs[0].setting.time_limit == 10 and bench.versions["highspy"] == version
    assert f"desilo track --highspy {version} --history DIR demand-tuna-S --time-limit 10" in bench.record.command
    capfd.readouterr()
    assert command(monkeypatch, *asked) == 0
    said = capfd.readouterr().err
    assert "1 runs, of which 1 are on record" in said, said


def test_a_bench_that_is_none_is_said_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    here_instead(monkeypatch, tmp_path / "right", wrong=0)
    assert command(monkeypatch, "track", "--highspy", "1.13.1", "--history", tmp_path / "h", "no-such-problem") == 0
    printed = capfd.readouterr()
    assert "did you mean" in printed.err or "known:" in printed.err
    assert "highspy 1.13.1" in printed.out and "desilo bench ended with status 2" in printed.out


def test_what_is_needed_is_pinned_to_what_is_here() -> None:
    here = requirements()
    assert {"pyomo", "highspy", "numpy", "scipy", "typer", "pydantic-core"} <= here.keys()
    assert "pytest" not in here and "desilo" not in here  # extras are not needed; the source is linked


def test_a_version_that_cannot_be_installed_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(environments, "requirements", dict)
    with pytest.raises(NotInstalled, match=r"highspy==0\.0\.1"):
        make({"highspy": "0.0.1"}, tmp_path)
    assert not list(tmp_path.glob("*/ready.json"))
