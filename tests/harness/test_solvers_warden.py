"""Commands that eat memory, ignore their end, die or leave others behind: every one is really ended."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from desilo.harness.solvers.running import warden
from desilo.harness.solvers.running.warden import End, Watched, watch

IGNORES_ITS_END = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
FOR_EVER = "while True: time.sleep(0.05)\n"


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warden, "PATIENCE", 0.2)


def watched(
    program: str,
    time_limit: float = 60.0,
    memory_limit: float = 1000.0,
    given: str = "",
    called_off: threading.Event | None = None,
) -> Watched:
    command = [sys.executable, "-c", program]
    called_off = called_off or threading.Event()
    return watch(command, given=given, time_limit=time_limit, memory_limit=memory_limit, called_off=called_off)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only the memory of it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_command_ends_by_itself_and_has_read_what_it_was_given() -> None:
    found = watched("import sys; print(input().upper(), file=sys.stderr)", given="bring this back")
    assert (found.end, found.status, found.signal) == (End.BY_ITSELF, 0, None)
    assert found.last_words == "BRING THIS BACK"


def test_an_exit_status_is_kept_with_the_last_words() -> None:
    found = watched("raise ValueError('x' * 5000 + 'the end')")
    assert (found.end, found.status) == (End.BY_ITSELF, 1)
    assert found.last_words.endswith("the end") and len(found.last_words) <= warden.LAST_WORDS


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_the_signal_a_command_dies_of_has_a_name(name: str) -> None:
    found = watched(f"import os, signal; os.kill(os.getpid(), signal.{name})")
    assert (found.end, found.signal) == (End.BY_ITSELF, name)


def test_a_command_that_ignores_its_time_limit_and_its_end_is_killed() -> None:
    found = watched(IGNORES_ITS_END + FOR_EVER, time_limit=0.5)
    assert (found.end, found.signal) == (End.OVERTIME, "SIGKILL")
    assert found.seconds >= 0.5


def test_a_command_that_eats_memory_is_ended_before_it_hurts() -> None:
    found = watched(
        IGNORES_ITS_END + "held = []\nwhile True: held.append(bytearray(2**22)); time.sleep(0.005)", 60, 200
    )
    assert found.end is End.OUT_OF_MEMORY
    assert 200 < found.memory < 1000


def test_what_is_claimed_at_once_meets_the_limit_of_addresses() -> None:
    found = watched("bytearray(20 * 2**30)", memory_limit=100)
    assert (found.end, found.status) == (End.BY_ITSELF, 1)
    assert found.last_words == "MemoryError" or found.last_words.endswith("\nMemoryError")


@pytest.mark.parametrize("leaves", [False, True], ids=["in the session", "that left the session"])
def test_nothing_of_a_command_is_left(tmp_path: Path, leaves: bool) -> None:
    noted = tmp_path / "pid"
    child = IGNORES_ITS_END + ("import os; os.setsid()\n" if leaves else "") + f"open({str(noted)!r}, 'w').write('')\n"
    program = (
        "import subprocess, sys, time, pathlib\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child + FOR_EVER!r}])\n"
        f"while not pathlib.Path({str(noted)!r}).exists(): time.sleep(0.01)\n"
        f"pathlib.Path({str(noted)!r}).write_text(str(child.pid))\n"
    )
    called_off = threading.Event()

    def call_off() -> None:
        while not (noted.exists() and noted.read_text()):
            time.sleep(0.02)
        called_off.set()

    threading.Thread(target=call_off, daemon=True).start()
    found = watched(program + FOR_EVER, called_off=called_off)
    assert found.end is End.CALLED_OFF
    assert not is_running(int(noted.read_text()))


def test_memory_is_that_of_all_its_processes() -> None:
    program = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; held = bytearray(2**28); time.sleep(60)'])\n"
    )
    found = watched(program + FOR_EVER, 60, 200)
    assert found.end is End.OUT_OF_MEMORY


def test_a_command_is_ended_when_it_is_called_off() -> None:
    called_off = threading.Event()
    threading.Timer(0.3, called_off.set).start()
    found = watched("import time\n" + FOR_EVER, called_off=called_off)
    assert (found.end, found.signal) == (End.CALLED_OFF, "SIGTERM")


def test_its_standard_input_closes_when_the_watching_process_is_killed(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    child = f"import os, sys; open({str(noted)!r}, 'w').write(str(os.getpid())); sys.stdin.read()"
    program = (
        "import sys, threading; from desilo.harness.solvers.running.warden import watch\n"
        f"watch([sys.executable, '-c', {child!r}], given='', time_limit=60, memory_limit=1000,"
        " called_off=threading.Event())"
    )
    watching = psutil.Popen([sys.executable, "-c", program])
    until = time.monotonic() + 30
    while not (noted.exists() and noted.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    watching.kill()
    watching.wait()
    pid = int(noted.read_text())
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_running(pid)
