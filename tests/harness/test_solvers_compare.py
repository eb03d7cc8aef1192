"""Comparing benches: worked by hand, planted, and where nothing has changed."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_runs import VERSIONS, bench, run, write

from desilo.cases.errors import BadInput
from desilo.harness.cli import main
from desilo.harness.solvers.comparing.compare import Comparison, Verdict, compare, judge, log_ratio
from desilo.harness.solvers.comparing.metrics import METRICS, totals
from desilo.harness.solvers.comparing.noise import components, noise, trials_of_clock, trials_of_work
from desilo.harness.solvers.comparing.page import headline
from desilo.harness.solvers.comparing.pairing import Pair, pair, require_comparable, select
from desilo.harness.solvers.comparing.profiles import figure_of, profiles
from desilo.harness.solvers.runs import Check, Ending, Run

NEWER = VERSIONS | {"highspy": "1.16.0"}


def compared(before: list[Run], after: list[Run], *fields: str) -> Comparison:
    return compare(pair(before, after, fields), before, after)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


# means and profiles, by hand


def test_totals_by_hand() -> None:
    runs = [
        run("a", seconds=2.0),
        run("b", seconds=6.0),
        run("c", seconds=60.0, ending=Ending.TIME_LIMIT, left=0.25, time_limit=60.0),
        run("d", seconds=3.0, ending=Ending.WRONG, time_limit=60.0),  # an answer that is wrong solves nothing
    ]
    found = totals(runs)
    assert (found.runs, found.solved, found.wrong, found.failed) == (4, 2, 1, 0)
    assert found.seconds_1 == pytest.approx((3 * 7 * 61 * 61) ** (1 / 4) - 1)
    assert found.seconds_10 == pytest.approx((12 * 16 * 70 * 70) ** (1 / 4) - 10)
    assert found.par10 == pytest.approx((2 + 6 + 600 + 600) / 4)
    assert found.gap_at_limit == 0.25 and found.peak_memory == 200


def test_mean_and_profile_can_be_worked_out_from_the_raw_lines(tmp_path: Path) -> None:
    place = write(bench(7, problems=6), tmp_path)
    lines = [json.loads(line) for line in (place / "runs.jsonl").read_text().splitlines()]
    seconds = [line["seconds"]["solve"] if line["ending"] == "optimal" else 60.0 for line in lines]
    by_hand = math.prod(s + 1 for s in seconds) ** (1 / len(seconds)) - 1
    runs = [Run.model_validate(line) for line in lines]
    assert totals(runs).seconds_1 == pytest.approx(by_hand)
    found = profiles({"a": [1.0, 4.0, math.inf, math.inf], "b": [2.0, 2.0, 3.0, math.inf]})
    assert [found["a"].share(factor) for factor in (1, 1.9, 2, 100)] == [0.25, 0.25, 0.5, 0.5]
    assert [found["b"].share(factor) for factor in (1, 2, 100)] == [0.5, 0.75, 0.75]
    assert figure_of(METRICS["seconds"], [run(seconds=1.0), run(seconds=4.0)]) == pytest.approx(2.0)
    assert figure_of(METRICS["seconds"], [run(ending=Ending.CRASHED)]) == math.inf


@given(st.lists(st.tuples(st.floats(0.01, 1e3), st.floats(0.01, 1e3)), min_size=1, max_size=20))
def test_a_profile_begins_with_the_wins_and_never_falls(times: list[tuple[float, float]]) -> None:
    found = profiles({"a": [a for a, _ in times], "b": [b for _, b in times]})
    assert found["a"].share(1) + found["b"].share(1) >= 1
    shares = [found["a"].share(factor) for factor in (1, 2, 8, 1e6)]
    assert shares == sorted(shares) and shares[-1] == 1


# one metric


def single(before: Run, after: Run) -> Pair:
    return Pair(before.setting.problem, before.setting.problem, (before,), (after,))


def test_a_run_that_was_cut_counts_as_far_as_its_work_proves() -> None:
    metric = METRICS["iterations"]
    whole, longer, cut_early, cut_late = (
        run(iterations=900),
        run(iterations=1900),
        run(iterations=400, ending=Ending.TIME_LIMIT),
        run(iterations=3900, ending=Ending.TIME_LIMIT),
    )
    assert log_ratio(metric, single(whole, longer)) == pytest.approx(math.log(2))
    assert log_ratio(metric, single(whole, cut_early)) == 0  # it might have been done at once, for all we know
    assert log_ratio(metric, single(whole, cut_late)) == pytest.approx(math.log(4))
    assert log_ratio(metric, single(cut_late, whole)) == pytest.approx(-math.log(4))
    assert log_ratio(metric, single(cut_early, cut_late)) is None
    assert log_ratio(metric, single(whole, run(ending=Ending.WRONG))) is None


def test_a_ratio_by_hand() -> None:
    pairs = [
        single(run("a", iterations=0), run("a", iterations=100)),
        single(run("b", iterations=300), run("b", iterations=700)),
        single(run("c", iterations=900), run("c", iterations=900)),
    ]
    found = judge(METRICS["iterations"], pairs, level=0.95, margin=0.05)
    assert found.ratio == pytest.approx((2 * 2 * 1) ** (1 / 3))
    assert found.before == pytest.approx((100 * 400 * 1000) ** (1 / 3) - 100)
    assert (found.larger, found.smaller, found.verdict) == (2, 0, Verdict.NO_DIFFERENCE)  # of three problems


# the whole comparison


def test_the_same_work_is_never_a_difference() -> None:
    for seed in range(20):
        before = bench(seed, problems=8)
        slower = [each.model_copy(update={"seconds": {"solve": 1.9 * each.seconds["solve"]}}) for each in before]
        found = compared(before, slower)
        assert found.verdict is Verdict.NO_DIFFERENCE and found.identical


def halves(world: int, factor: float) -> tuple[list[Run], list[Run]]:
    """The same problems with other seeds on each side."""
    before = bench(world, problems=15, seeds=range(3), limit=20.0)
    return before, bench(world, problems=15, seeds=range(3, 6), limit=20.0, factor=factor)


@pytest.mark.parametrize(("factor", "different"), [(1.0, 0), (2.0, 98)])
def test_other_seeds_are_told_from_more_work(factor: float, different: int) -> None:
    """Of 100 worlds: without a margin to hide behind, with problems that run into the time limit on either side."""
    verdicts = []
    for world in range(100):
        before, after = halves(world, factor)
        verdicts.append(compare(pair(before, after, ["seed"]), before, after, margin=0).verdict)
    assert verdicts.count(Verdict.IMPROVEMENT) + verdicts.count(Verdict.REGRESSION) == different


@pytest.mark.parametrize(("factor", "verdict"), [(1.4, Verdict.REGRESSION), (0.7, Verdict.IMPROVEMENT)])
def test_a_planted_change_is_found(factor: float, verdict: Verdict) -> None:
    found = compared(bench(3, limit=1e6), bench(3, factor=factor, limit=1e6, versions=NEWER))
    assert found.verdict is verdict
    change = next(each for each in found.changes if each.metric == "iterations")
    assert change.low is not None and change.high is not None and change.low <= change.ratio <= change.high
    assert change.ratio == pytest.approx(factor, rel=0.06)  # less for the shift
    swapped = compared(bench(3, factor=factor, limit=1e6, versions=NEWER), bench(3, limit=1e6))
    assert {found.verdict, swapped.verdict} == {Verdict.REGRESSION, Verdict.IMPROVEMENT}


def test_a_slowdown_into_the_time_limit_is_found() -> None:
    quick = [run(f"p{n}", iterations=1000 + n, seconds=0.5, seed=s) for n in range(6) for s in range(2)]
    cut = [
        run(f"p{n}", iterations=50_000 + n, seconds=60.0, ending=Ending.TIME_LIMIT, seed=s)
        for n in range(6)
        for s in range(2)
    ]
    found = compared(quick, cut)
    assert found.verdict is Verdict.REGRESSION and len(found.solved.lost) == 6


def test_a_larger_program_is_no_matter_of_luck() -> None:
    before = [run(f"p{n}") for n in range(5)]
    after = [run(f"p{n}", nonzeros=550 if n == 3 else 500) for n in range(5)]
    found = compared(before, after)
    assert found.verdict is Verdict.REGRESSION
    assert compared(after, before).verdict is Verdict.IMPROVEMENT
    nonzeros = next(each for each in found.changes if each.metric == "nonzeros")
    assert (nonzeros.larger, nonzeros.smaller) == (1, 0)


def test_presolve_may_give_here_and_take_there() -> None:
    before = [run(f"p{n}") for n in range(5)]
    uneven = [run(f"p{n}", presolved=(440, 360)[n % 2]) for n in range(5)]
    assert compared(before, uneven).verdict is Verdict.NO_DIFFERENCE
    worse = [run(f"p{n}", presolved=(500, 390)[n % 2]) for n in range(5)]
    assert compared(before, worse).verdict is Verdict.REGRESSION
    assert compared(worse, before).verdict is Verdict.IMPROVEMENT


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (run(ending=Ending.WRONG, note="better than the proven bound"), "better than the proven bound"),
        (
            run(objective=90.0, bound=90.0, check=Check(feasible=True, objective=90.0)),
            "a bound of 90, but a solution worth 100 is known",
        ),
        (run(objective=98.0, bound=101.0, check=Check(feasible=True, objective=98.0)), "98 is called optimal"),
        (
            run(objective=None, bound=None, check=None, ending=Ending.INFEASIBLE),
            "infeasible, but a solution worth 100 is known",
        ),
        (run(objective=None, bound=99.0, check=None, ending=Ending.TIME_LIMIT), "a bound of 99"),
        (run(objective=None, bound=None, check=None, ending=Ending.CRASHED, note="signal 11"), "crashed: signal 11"),
        (run(objective=None, bound=None, check=None, ending=Ending.OUT_OF_MEMORY), "out-of-memory"),
    ],
)
def test_what_is_wrong_is_found_in_a_single_run(after: Run, says: str) -> None:
    others = [run(f"p{n}") for n in range(5)]
    found = compared([run(), *others], [after, *others])
    assert found.verdict is Verdict.WRONG
    assert len(found.matters) == 1 and says in found.matters[0].what
    back = compared([after, *others], [run(), *others])
    assert back.verdict is not Verdict.WRONG


def test_a_solution_that_the_checker_refuses_proves_nothing() -> None:
    better = run(objective=120.0, bound=120.0, check=Check(feasible=False, objective=120.0))
    assert compared([better], [run()]).matters == ()


def test_within_the_gap_two_optima_may_differ() -> None:
    close = run(objective=99.995, bound=100.004, check=Check(feasible=True, objective=99.995))
    assert compared([run()], [close]).verdict is Verdict.NO_DIFFERENCE


def test_memory_at_its_limit_once_is_luck_always_is_not() -> None:
    before = [run(seed=s) for s in range(3)]
    gone = [run(seed=s, ending=Ending.OUT_OF_MEMORY, objective=None, bound=None, check=None) for s in range(3)]
    assert compared(before, [gone[0], *before[1:]]).matters == ()
    assert len(compared(before, gone).matters) == 3


def test_one_pair_is_no_verdict_and_the_seeds_of_one_problem_are_about_this_problem() -> None:
    found = compared([run(iterations=100)], [run(iterations=100_000)])
    assert found.verdict is Verdict.NO_DIFFERENCE and not found.identical
    assert headline(found).startswith("no verdict on work: one pair")
    seeds = range(5)
    before, after = ([run(seed=s, iterations=i * (10 + s)) for s in seeds] for i in (100, 100_000))
    assert compared(before, after).verdict is Verdict.REGRESSION


# pairing


def test_runs_are_paired_by_setting_and_the_others_are_said() -> None:
    found = pair([run("a"), run("b"), run("c", seed=1)], [run("b", versions=NEWER), run("d", versions=NEWER)])
    assert [each.problem for each in found.pairs] == ["b"]
    assert found.only_before == (
        "a tight highs default seed=0 permutation=0",
        "c tight highs default seed=1 permutation=0",
    )
    assert found.only_after == ("d tight highs default seed=0 permutation=0",)


def test_two_presets_of_one_bench() -> None:
    runs = [
        run(f"p{n}", preset=p, iterations=i) for n in range(8) for p, i in (("default", 500), ("no-presolve", 2000))
    ]
    before, after = (select(runs, {"preset": (name,)}, "--before") for name in ("default", "no-presolve"))
    assert compared(before, after, "preset").verdict is Verdict.REGRESSION


def comparable(before: list[Run], after: list[Run]) -> None:
    require_comparable(pair(before, after), before, after)


def test_no_pair_is_bad_input_and_says_which_field_differs() -> None:
    with pytest.raises(BadInput, match="time_limit is '60' and '30'"):
        comparable([run(time_limit=60.0)], [run(time_limit=30.0)])


def test_several_versions_on_a_side_are_bad_input() -> None:
    with pytest.raises(BadInput, match=r"several versions of highspy.*--before highspy=1\.15\.1"):
        comparable([run(), run(versions=NEWER)], [run()])


# noise


def test_variance_components_are_recovered() -> None:
    rng = np.random.default_rng(5)
    units = [
        [list(unit + path + rng.normal(0, 0.1, rng.integers(1, 5))) for path in rng.normal(0, 0.4, rng.integers(2, 6))]
        for unit in rng.normal(0, 3, 2000)
    ]
    machine, path = components(units)
    assert math.sqrt(machine) == pytest.approx(0.1, rel=0.03)
    assert math.sqrt(path) == pytest.approx(0.4, rel=0.03)


def test_variance_components_by_hand() -> None:
    # one unit, two paths with two repeats: within (0.5 + 0.5) / 2, between 2 x (1 + 1) / 1
    assert components([[[0.0, 1.0], [2.0, 3.0]]]) == pytest.approx((0.5, (4 - 0.5) / 2))
    assert components([[[0.0], [2.0]]])[1] == pytest.approx(2.0) and math.isnan(components([[[0.0], [2.0]]])[0])


def test_noise_of_the_machine_is_not_that_of_the_seeds() -> None:
    runs = bench(2, seeds=range(4), repeats=4, limit=1e6)
    clock, work = (noise(runs, METRICS[name], "before") for name in ("seconds", "iterations"))
    assert clock.machine is not None and clock.path is not None and work.path is not None
    assert 0.01 < clock.machine < 0.06 < clock.path
    assert work.machine == 0 and work.path > 0.1


def test_a_bench_divided_at_random_is_no_different_from_itself() -> None:
    runs = bench(4, seeds=range(4), repeats=4, limit=20.0)
    work, clock = (trials(runs, 100, seed=1, margin=0) for trials in (trials_of_work, trials_of_clock))
    assert (work.same, work.count) == (98, 100) and (clock.same, clock.count) == (99, 100)
    single_seed = bench(4, seeds=[0])
    assert trials_of_work(single_seed, 100, seed=1).count == trials_of_clock(single_seed, 100, seed=1).count == 0


# the command


def test_command_tells_a_regression_and_writes_it_down(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a = write(bench(1), tmp_path / "a")
    b = write(bench(1, factor=1.5, versions=NEWER), tmp_path / "b")
    out, comment = tmp_path / "out", tmp_path / "comment.md"
    monkeypatch.setenv("COLUMNS", "80")
    assert command(monkeypatch, "compare", a, b, "--out", out, "--markdown", comment) == 5
    printed = capfd.readouterr().out
    assert printed.startswith("REGRESSION: iterations +") and "highspy 1.15.1 -> 1.16.0" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert {path.name for path in out.iterdir()} == {"comparison.json", "profiles.svg"}
    assert json.loads((out / "comparison.json").read_text())["verdict"] == "regression"
    text = comment.read_text()
    assert text.startswith("**❌ REGRESSION") and text.index("|metric|") < text.index("<details>")
    picture = (out / "profiles.svg").read_bytes()
    assert command(monkeypatch, "compare", a, b, "--out", out, "--json") == 5
    assert json.loads(capfd.readouterr().out)["changes"][0]["metric"] == "iterations"
    assert (out / "profiles.svg").read_bytes() == picture
    assert command(monkeypatch, "compare", a, a) == 0
    assert capfd.readouterr().out.startswith("no difference: identical work")
    assert command(monkeypatch, "compare", a, "--before", "seed=0", "--after", "seed=1") == 0
    assert command(monkeypatch, "compare", a, "--aa", "--trials", "20") == 0
    assert "work: no difference in 20 of 20 trials" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--metric", "iteration"], "--metric: found 'iteration'; did you mean 'iterations'?"),
        (["--before", "preset"], "--before: found 'preset'; FIELD=VALUE is expected"),
        (["--before", "preest=default"], "did you mean 'preset'?"),
        (["--after", "preset=defualt"], "did you mean 'default'?"),
        (["--margin", "-1"], "--margin: found -1"),
    ],
)
def test_bad_input_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], says: str
) -> None:
    place = write([run()], tmp_path / "a")
    assert command(monkeypatch, "compare", place, *arguments) == 2
    assert says in capfd.readouterr().err


def test_a_folder_without_runs_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, "compare", tmp_path, tmp_path) == 2
    assert "runs.jsonl: cannot be read" in capfd.readouterr().err
    assert command(monkeypatch, "compare", write([], tmp_path / "empty")) == 2
    assert "there are no runs" in capfd.readouterr().err
