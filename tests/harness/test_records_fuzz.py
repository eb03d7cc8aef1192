"""Whatever is done to what a run, a bench, a history or a library keeps: commands go on, or say in words why not."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import fuzz, read_or_refused, spoilt
from small_claims import EXPERIMENT, SCALE
from small_run import Ear, small_settings, write_small_case
from small_runs import bench, write

from desilo.cases.errors import BadInput
from desilo.harness import run
from desilo.harness.claims import conduct
from desilo.harness.claims.experiment import Scale
from desilo.harness.cli import Exit, main
from desilo.harness.exploring.opening import open_explored
from desilo.harness.report import summarise
from desilo.harness.solvers.library.standings import read_standings
from desilo.harness.words import to_markdown

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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run."""
    folder = tmp_path_factory.mktemp("run")
    write_small_case(folder / "case")
    go_on(folder / "made", folder / "case")
    return folder / "made"


def go_on(folder: Path, case: Path) -> None:
    """The small run, from what is there."""
    run.run(small_settings(case, starts=1, tightness=(1.0,), time_limit=40.0), folder, Ear())


@pytest.mark.parametrize("name", ["run.json", "records/131-t1-joint.json", "records/131-t1-coordinated.json"])
def test_the_records_of_a_run(made: Path, name: str) -> None:
    """Read and summed up: the report's figures, sentences and pictures come from these alone."""
    whole = (made / name).read_bytes()
    read_or_refused(lambda: to_markdown(summarise(run.load(made))))

    @settings(fuzz, max_examples=60)
    @given(spoilt(whole))
    def check(data: bytes) -> None:
        (made / name).write_bytes(data)
        read_or_refused(lambda: to_markdown(summarise(run.load(made))))

    try:
        check()
    finally:
        (made / name).write_bytes(whole)


def test_any_file_of_a_run(made: Path) -> None:
    """Reported, explored and gone on with; what a run mends by itself, or once what it says is removed, is whole."""
    names = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file() and path.name != run.LOCK)

    @settings(fuzz, max_examples=6)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(shutil.copytree(made, Path(place, "made")))
            file = folder / data.draw(st.sampled_from(names))
            whole = file.read_bytes()
            file.unlink()
            match data.draw(st.sampled_from(["spoilt", "lost", "folder"])):
                case "spoilt":
                    file.write_bytes(data.draw(spoilt(whole)))
                case "folder":
                    file.mkdir()
            holds(desilo("report", folder))
            read_or_refused(lambda: open_explored(str(folder)))
            if not read_or_refused(lambda: go_on(folder, made.parent / "case")):
                return
            if not read_or_refused(lambda: open_explored(str(folder))):
                shutil.rmtree(folder / "instances" / "131-t1")
                go_on(folder, made.parent / "case")
            assert open_explored(str(folder)).report is not None

    check()


def test_a_record_with_a_cause_less_or_of_another_cell_is_refused(made: Path) -> None:
    joint, isolated = (made / "records" / f"131-t1-{model}.json" for model in ("joint", "isolated"))
    whole = joint.read_text()
    for text, said in (
        (isolated.read_text(), "its figures are another cell's"),
        (whole.replace('"salvage"', '"scrap"'), "money by cause of profit is expected"),
    ):
        joint.write_text(text)
        with pytest.raises(BadInput, match=said):
            run.load(made)
    joint.write_text(whole)


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
