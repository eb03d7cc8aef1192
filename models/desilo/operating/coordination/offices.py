"""Where teams work: side by side in processes of their own, each with its own items' figures and nothing else.

A request and its reply are messages over a pipe. An office answers one request after the other; it ends when the
pipe is closed, and with it when whoever asks is gone.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from desilo.cases.instance import Instance
from desilo.operating.coordination.limits import Limits, flow_columns
from desilo.operating.coordination.team import Team
from desilo.solving import Options

REMEMBERED = 3_000_000
"""Flow columns of all teams up to which their models stay in memory: about 3 GB."""


@dataclass(frozen=True)
class Request:
    """What a team is asked.

    Attributes:
        team: which one.
        verb: a method of `Team`.
        arguments: of the method, or what finds them when its turn comes.
        instance: of a team made for this request only; then `team` is a name for the reply.
    """

    team: int
    verb: str
    arguments: tuple[Any, ...] | Callable[[], tuple[Any, ...]]
    instance: Instance | None = None

    def ready(self) -> Request:
        """With its arguments found."""
        return replace(self, arguments=self.found)

    @property
    def found(self) -> tuple[Any, ...]:
        """The arguments as they are now."""
        return self.arguments() if callable(self.arguments) else self.arguments


class Office:
    """Some teams, answering requests."""

    def __init__(self, instances: dict[int, Instance], limits: Limits, options: Options, frugal: bool) -> None:
        self._limits, self._options = limits, options
        self._teams = {k: Team(instance, limits, options, frugal) for k, instance in instances.items()}

    def answer(self, request: Request) -> Any:
        """The reply."""
        if request.instance is None:
            team = self._teams[request.team]
        else:
            team = Team(request.instance, self._limits, self._options)
        reply = getattr(team, request.verb)(*request.found)
        team.forget()
        return reply


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C is for whoever asks: processes started in here are deaf to it from their first moment on.

    It is held back meanwhile, not lost: half-started, they would die of it with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows: they are deaf as soon as they work
        yield
        return
    resource_tracker.ensure_running()  # it would lift the mask when it is started with the first process
    missed: list[int] = []
    here = threading.current_thread() is threading.main_thread()
    # the mask is for the processes, and holds for this thread only: the solver's may get the signal for it
    handler = signal.signal(signal.SIGINT, lambda number, _: missed.append(number)) if here else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if here:
            signal.signal(signal.SIGINT, handler)
        if missed:
            signal.raise_signal(signal.SIGINT)


def _work(pipe: Connection, instances: dict[int, Instance], limits: Limits, options: Options, frugal: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    office = Office(instances, limits, options, frugal)
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(office.answer(request))
        except BrokenPipeError:
            return
        except Exception as error:
            pipe.send(error)


class Offices:
    """All teams, in as many processes as asked for; with one, in this process."""

    def __init__(self, instances: Sequence[Instance], limits: Limits, options: Options, jobs: int) -> None:
        self._owner = {k: k % jobs for k in range(len(instances))}
        shares = [{k: instances[k] for k in range(j, len(instances), jobs)} for j in range(jobs)]
        frugal = sum(map(flow_columns, instances)) > REMEMBERED
        self._here = Office(shares[0], limits, options, frugal) if jobs == 1 else None
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        if jobs > 1:
            spawn = multiprocessing.get_context("spawn")
            for share in shares:
                ours, theirs = spawn.Pipe()
                process = spawn.Process(target=_work, args=(theirs, share, limits, options, frugal), daemon=True)
                with _deaf_to_interrupts():
                    process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)

    def __enter__(self) -> Offices:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.kill()

    @property
    def jobs(self) -> int:
        """How many work side by side."""
        return max(1, len(self._pipes))

    def ask(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Any]]:
        """Replies as they come. A team's own requests go to its office, others to any."""
        if self._here is not None:
            for request in requests:
                yield request, self._here.answer(request)
            return
        waiting = [[r for r in requests if r.instance is None and self._owner[r.team] == j] for j in range(self.jobs)]
        for j, request in enumerate(r for r in requests if r.instance is not None):
            waiting[j % self.jobs].append(request)
        running: dict[Connection, Request] = {}
        for pipe, queue in zip(self._pipes, waiting, strict=True):
            if queue:
                running[pipe] = queue.pop(0).ready()
                pipe.send(running[pipe])
        while running:
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                reply = ready.recv()
                if isinstance(reply, Exception):
                    raise reply
                yield running.pop(ready), reply
                queue = waiting[self._pipes.index(ready)]
                if queue:
                    running[ready] = queue.pop(0).ready()
                    ready.send(running[ready])
