"""A full disk, a folder that nobody can write, a terminal of few letters: one sentence, and nothing half written."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from small_instances import make_instance
from small_runs import bench, write

from desilo.cases.generate import generate
from desilo.cases.reading import read_instance
from desilo.cases.writing import write_instance
from desilo.harness.cli import Exit, main
from desilo.harness.run import LOCK

resource = pytest.importorskip("resource")

RESULTS = Path(__file__).parents[2] / "results"
ENTRY = "inventory-newsvendor-S-1"


@pytest.fixture
def desilo(tmp_path, monkeypatch, capfd):
    """Run a `desilo` command beside an instance `one` and a sales export: exit status, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    write_instance(generate("features", "M", 1), "one")
    rows = [f"2024-{m:02}-{d:02},a,{d},2.5,1\n" for m in range(1, 13) for d in range(1, 29)]
    Path("sales.csv").write_text("date,item,units,price,unit cost\n" + "".join(rows))
    write(bench(1, problems=20), Path("bench"))
    shutil.copytree(RESULTS / "orange-juice", "made", ignore=shutil.ignore_patterns("report.html"))
    Path("new-board").mkdir()
    standings = json.loads((RESULTS / "library" / "standings.json").read_text(encoding="utf-8"))
    del standings["standings"][ENTRY]
    Path("new-board", "standings.json").write_text(json.dumps(standings), encoding="utf-8")
    shutil.copy(RESULTS / "library" / "sizes.json", "new-board")
    packed = RESULTS / "library" / "solutions" / f"{ENTRY}.json.gz"
    Path("best.json").write_bytes(gzip.decompress(packed.read_bytes()))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["desilo", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capfd.readouterr()

    return run


WRITING = {
    "generate": "generate --family features --size M --seed 2 --out {}",
    "import": "import sales.csv --out {}",
    "init": "init {}",
    "solve": "solve one --model status-quo --out {}.json",
    "export": "export one {}.mps",
    "compare": "compare bench --after seed=0,1 --before seed=1,2 --markdown {}.md --out {}",
    "track": "track bench --history {}",
    "describe": "data describe tuna --out {}",
    "report": "report made --out {}.html",
    "run": "run tuna --quick --out {}",
    "claims": "claims A1 --quick --out {}",
    "bench": "bench demand-tuna-S --quick --out {}",
    "submit": f"library submit {ENTRY} best.json --by Ada --standings {{}}-board",
    "publish": "library publish --standings {}-board",
    "library": f"library export {ENTRY} {{}}",
}
"""Commands that write, and where."""


LONGEST = 1500
"""Bytes of a file on the disk that is full."""


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", WRITING)
def test_on_a_full_disk_nothing_half_written_is_left(desilo, tmp_path, command):
    before = everything(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LONGEST, hard))  # no file gets longer: EFBIG, as a full disk is ENOSPC
    try:
        code, _, err = desilo(*WRITING[command].replace("{}", "new").split())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == Exit.UNEXPECTED, err
    (said,) = [line for line in err.splitlines() if line.startswith("error")]
    assert "new" in said and "; what was finished before is kept" in said
    after = everything(tmp_path)
    assert after.items() >= before.items()
    for name in after.keys() - before.keys():  # whole files only
        assert len(after[name]) < LONGEST and ".writing-" not in name


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write")
@pytest.mark.parametrize("command", WRITING)
def test_where_nothing_can_be_written_that_is_said(desilo, command):
    code, _, err = desilo(*WRITING[command].replace("{}", "/proc/new").split())
    assert code == Exit.BAD_INPUT, err
    assert "/proc/new" in err and "Traceback" not in err


@pytest.mark.parametrize(
    "command", ["track bench --history busy", "claims A1 --quick --out busy", "bench demand-tuna-S --quick --out busy"]
)
def test_the_second_in_a_folder_is_told_so(desilo, tmp_path, command):
    (tmp_path / "busy").mkdir()
    with FileLock(tmp_path / "busy" / LOCK):
        code, _, err = desilo(*command.split())
    assert code == Exit.BAD_INPUT
    assert "another run is at work in this folder; wait for it or choose another folder" in err


def test_a_terminal_of_few_letters_still_shows_every_name(tmp_path):
    write_instance(make_instance(np.full((1, 1, 1, 1), 5.0), unit_cost=4, items=("☃",), groups=("☃",)), tmp_path / "é")
    script = "import sys; from desilo.harness.cli import main; sys.argv[0] = 'desilo'; main()"
    arguments = ["solve", str(tmp_path / "é"), "--model", "status-quo"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments, "--out", str(tmp_path / "plan.json")],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (Exit.OK, b"")
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["levels"][0]["item"] == "☃"


NAMES = [
    *("<script>alert(1)</script>", 'a,b"c"', "\u200f\u202edlrow", "😀😀", "x" * 10_000, "[red]", "[/red]", "$\\frac$"),
    *("=cmd|'/c calc'!A0", "'=1", "''@x", "+1", "-1", "@x", "'", "|*b*|", "{x}", "%s", "#c", "\\", "a\u200bb", "RHS"),
]


@pytest.mark.parametrize("table_format", ["csv", "parquet"])
def test_any_name_comes_back_and_passes_through_every_command(desilo, table_format):
    """Items, groups, the instance and the money: written, read, solved, checked and exported."""
    from dataclasses import replace

    made = make_instance(np.full((len(NAMES), 1, 1, 1), 5.0), unit_cost=4, items=tuple(NAMES), groups=tuple(NAMES))
    for name in ("[/red]", NAMES[0]):
        instance = replace(made, name=name, title=name, currency=name)
        write_instance(instance, "named", table_format)
        assert read_instance("named").digest() == instance.digest()
        if table_format == "csv":  # no cell begins a formula
            cells = Path("named", "items.csv").read_text(encoding="utf-8").splitlines()[1:]
            assert not [cell for cell in cells if cell.lstrip('"')[0] in "=+-@\t\r"]
        assert desilo("solve", "named", "--model", "joint", "--out", "plan.json")[0] == Exit.OK
        code, out, err = desilo("check", "named", "plan.json")
        assert (code, err) == (Exit.OK, "")
        assert name in out
        assert desilo("export", "named", "out.mps")[0] == Exit.OK
