"""Runs a command in a session of its own, within hard limits of time and memory that really end it.

Time is the wall clock. Memory is what all processes of the session hold in physical memory together, looked at every
`LOOK` seconds; pages that they share count once for each. What is claimed faster than that meets a second limit where
the system has one (Linux): the address space of every process, `SLACK` above the memory limit, since solvers, threads
and numerical libraries reserve addresses that they never use.

A command that is over a limit is asked to end, and `PATIENCE` seconds later its whole session is killed, with all that
descends from it. It is given a pipe as standard input, which closes when this process dies, however it dies: a command
that is not to go on alone ends itself then.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from threading import Event

import psutil

LOOK = 0.05
"""Seconds between two looks at a command."""

PATIENCE = 2.0
"""Seconds that a command has to end by itself once it is asked to."""

SLACK = 4096
"""MB of address space above the memory limit."""

MB = 2**20

LAST_WORDS = 2000
"""Bytes of what a command says on standard error that are kept: the last ones."""


class End(Enum):
    """How a command came to its end."""

    BY_ITSELF = auto()
    OVERTIME = auto()
    OUT_OF_MEMORY = auto()
    CALLED_OFF = auto()


@dataclass(frozen=True)
class Watched:
    """A command that has ended.

    Attributes:
        end: how.
        status: exit status; below 0 the signal that it died of.
        seconds: wall clock, from its start until nothing of it was left.
        memory: MB, the most that was seen of all its processes together.
        last_words: the end of what it said on standard error.
    """

    end: End
    status: int
    seconds: float
    memory: float
    last_words: str

    @property
    def signal(self) -> str | None:
        """Name of the signal that it died of."""
        if self.status >= 0:
            return None
        try:
            return signal.Signals(-self.status).name
        except ValueError:  # of the system alone
            return f"signal {-self.status}"


def watch(
    command: Sequence[str],
    *,
    given: str,
    time_limit: float,
    memory_limit: float,
    called_off: Event,
    environment: Mapping[str, str] | None = None,
) -> Watched:
    """Run a command until it ends, or is ended.

    Args:
        command: program and arguments.
        given: a line that it finds on standard input.
        time_limit: seconds, wall clock.
        memory_limit: MB of physical memory, all its processes together.
        called_off: when set, the command is ended.
        environment: its environment variables; None for those of this process.
    """
    started = time.monotonic()
    most = 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
            env=environment,
        )
        try:
            _limit_addresses(process.pid, int((memory_limit + SLACK) * MB))
            _tell(process, given)
            end = None
            while end is None:
                most = max(most, _memory(process.pid))
                if _has_ended(process):
                    end = End.BY_ITSELF
                elif most > memory_limit:
                    end = End.OUT_OF_MEMORY
                elif time.monotonic() - started > time_limit:
                    end = End.OVERTIME
                elif called_off.is_set():
                    end = End.CALLED_OFF
        finally:
            _end(process)
        seconds = time.monotonic() - started
        said.seek(max(0, said.tell() - LAST_WORDS))
        last_words = said.read().decode(errors="replace").strip()
    return Watched(end, process.returncode, seconds, most, last_words)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ends within `LOOK` seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LOOK)
    return process.returncode is not None


def _tell(process: subprocess.Popen[bytes], given: str) -> None:
    if process.stdin is None:
        raise AssertionError("there is a pipe")
    with contextlib.suppress(BrokenPipeError):  # it has ended already
        process.stdin.write(f"{given}\n".encode())
        process.stdin.flush()


def _limit_addresses(pid: int, size: int) -> None:
    if hasattr(resource, "prlimit"):
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, (size, size))


def _memory(leader: int) -> float:
    """MB of physical memory of a session."""
    total = 0
    for process in _session(leader):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / MB


def _session(leader: int) -> Iterator[psutil.Process]:
    """The processes of a session."""
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(pid) == leader:
                yield psutil.Process(pid)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a command: ask it to end, wait a little, kill what is left."""
    session = set(_session(process.pid))
    with contextlib.suppress(psutil.Error):
        session |= set(psutil.Process(process.pid).children(recursive=True))  # some may have left the session
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    session |= set(_session(process.pid))
    for each in session:
        with contextlib.suppress(psutil.Error):
            each.kill()
    process.wait()
    psutil.wait_procs(session, timeout=PATIENCE)
    if process.stdin is not None:
        process.stdin.close()
