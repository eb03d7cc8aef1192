"""Whatever is done to what a run, a bench, a history or a library keeps: commands go on, or say in words why not."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from mutations import fuzz, read_or_refused, spoilt
from small_claims import EXPERIMENT, SCALE
from small_run import Ear
from small_runs import bench, write

from desilo.harness.claims import conduct
from desilo.harness.claims.experiment import Scale
from desilo.harness.cli import Exit, main
from desilo.harness.solvers.library.standings import read_standings

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "orange-juice"
LIBRARY = ROOT / "results" / "library"
MADE = Path(tempfile.mkdtemp())
RUNS = write(bench(1, problems=3, seeds=(0, 1)), MADE / "bench")
SMALL = Scale("small", seed=SCALE.seed, worlds=3, windows=1, firms=1)
conduct.conduct([EXPERIMENT], SMALL, MADE / "claims", Ear(), 1, "desilo claims")


@pytest.fixture(scope="module", autouse=True)
def _tidy():
    yield
    shutil.rmtree(MADE)


def desilo(*arguments: str | Path) -> int:
    """Exit status of a command, whose words must be fit for people."""
    before = sys.argv
    sys.argv = ["desilo", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    raise AssertionError("a command ends with its exit status")


def holds(code: int, *expected: Exit) -> None:
    assert code in {Exit.OK, Exit.BAD_INPUT, *expected}


@fuzz
@given(spoilt((RUNS / "runs.jsonl").read_bytes()))
def test_runs_of_a_bench(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place, "runs.jsonl")
        runs.write_bytes(data)
        holds(desilo("compare", RUNS, runs, "--markdown", Path(place, "page.md")), Exit.REGRESSION)
        holds(desilo("track", "--history", Path(place, "history"), runs))


@fuzz
@given(spoilt((PUBLISHED / "summary.json").read_bytes()))
def test_the_summary_of_a_run(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(PUBLISHED / "run.json", place)
        Path(place, "summary.json").write_bytes(data)
        holds(desilo("report", place))


@fuzz
@given(spoilt((PUBLISHED / "run.json").read_bytes()))
def test_the_record_of_a_run(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(PUBLISHED / "summary.json", place)
        Path(place, "run.json").write_bytes(data)
        holds(desilo("report", place))


@pytest.mark.parametrize("name", ["run.json", "records/made-up.csv"])
def test_what_claims_keep(name: str) -> None:
    @fuzz
    @given(spoilt((MADE / "claims" / name).read_bytes()))
    def check(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(shutil.copytree(MADE / "claims", Path(place, "claims")))
            (folder / name).write_bytes(data)
            read_or_refused(lambda: conduct.load(folder))

    check()


@fuzz
@given(spoilt((LIBRARY / "standings.json").read_bytes()[:4000] + b"\n"), spoilt(b"{}"))
def test_standings(data: bytes, packed: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "standings.json").write_bytes(data)
        read_or_refused(lambda: read_standings(Path(place)))
