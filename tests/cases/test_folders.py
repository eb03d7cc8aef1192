"""Files and folders are written wholly or not at all: on a full disk, after a kill, with two at it at the same time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desilo.cases.errors import BadInput, Problem
from desilo.cases.folders import fresh_file, fresh_folder

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "plan.json"
    for text in ("one", "two"):
        with fresh_file(path) as fresh:
            fresh.write_text(text)
            assert fresh.suffix == path.suffix
        assert path.read_text() == text
    assert names(path.parent) == ["plan.json"]


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt(), ValueError("of somebody else")])
def test_a_file_that_could_not_be_written_leaves_the_one_before(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "plan.json"
    path.write_text("before")
    with pytest.raises(type(error)) as raised, fresh_file(path) as fresh:
        fresh.write_text("half")
        raise error
    assert names(tmp_path) == ["plan.json"]
    assert path.read_text() == "before"
    if error is FULL:
        assert (raised.value.filename, raised.value.strerror) == (str(path), FULL.strerror)


@pytest.mark.parametrize("there", ["nothing", "empty", "replaceable"])
def test_a_folder_on_a_full_disk_is_left_as_it_was(tmp_path: Path, there: str) -> None:
    folder = tmp_path / "shop"
    if there != "nothing":
        folder.mkdir()
    if there == "replaceable":
        (folder / "case.toml").write_text("before")
    with pytest.raises(OSError, match=r"No space left on device: '.*shop'"), fresh_folder(folder, lambda _: True) as x:
        (x / "case.toml").write_text("half")
        raise FULL
    assert names(tmp_path) == ([] if there == "nothing" else ["shop"])
    if there == "replaceable":
        assert (folder / "case.toml").read_text() == "before"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write")
def test_a_folder_that_cannot_be_written_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"/proc/shop: cannot be written: "), fresh_folder("/proc/shop"):
        pass


@pytest.mark.parametrize("there", [False, True])
def test_of_two_who_write_one_folder_one_is_refused_and_nothing_is_mixed(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "shop"
    if there:
        folder.mkdir()

    def write(who: str, meanwhile: str | None = None) -> None:
        with fresh_folder(folder) as fresh:
            for name in ("assumptions.toml", "case.toml"):
                (fresh / name).write_text(who)
            if meanwhile is not None:
                write(meanwhile)

    with pytest.raises(BadInput, match="cannot be written") as refused:
        write("slow", meanwhile="fast")
    assert isinstance(refused.value.problems[0], Problem)
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(
        ("assumptions.toml", "case.toml"), "fast"
    )
    assert names(tmp_path) == ["shop"]


WRITER = """
import sys
from pathlib import Path
from desilo.cases.folders import fresh_file
for k in range(10**9):
    with fresh_file(Path(sys.argv[1])) as fresh:
        fresh.write_text(f"{k % 10}" * 100_000)
    if k == 2:
        print("begun", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_what_is_killed_while_it_writes_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()  # it is at it
            writer.send_signal(signal.SIGKILL)
        text = path.read_text()
        assert len(text) == 100_000
        assert set(text) == {text[0]}
