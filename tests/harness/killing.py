"""Killed at any moment: a command is ended by SIGKILL before any one of the changes that it makes to a folder."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path

from desilo.harness.cli import main

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
"""What Python announces before it changes a file system, besides opening a file to write; see its audit events."""

FOREVER = 0
"""Before no change."""

SERVER = multiprocessing.get_context("forkserver")
"""Starts a process in no time: from one that has the modules loaded, but has solved nothing, so has no threads."""
SERVER.set_forkserver_preload(["pandas", "pyomo.environ", "matplotlib.figure", "desilo.operating.deciding"])


def killed_before(change: int, folder: Path, *arguments: str | Path) -> bool:
    """Whether a command was killed before that change to what is in the folder, counted from 1.

    It ends before when there are fewer. Code that is not Python's announces nothing: its files are written between
    two changes that are announced.
    """
    process = SERVER.Process(target=_run, args=(change, str(folder), [*map(str, arguments)]))
    process.start()
    process.join()
    if process.exitcode == -signal.SIGKILL:
        return True
    assert process.exitcode == 0, (process.exitcode, arguments)
    return False


def _run(change: int, folder: str, arguments: list[str]) -> None:
    left = change

    def before(event: str, given: tuple[object, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in CHANGES or writes) and str(given[0]).startswith(folder):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(before)
    sys.argv = ["desilo", *arguments]
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = sys.stderr = nowhere
        main()


def everything(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its name, without locks and what was being written."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: data for name, data in found.items() if ".writing-" not in name}
