"""Where teams work: each knows its own items' figures and nothing else; requests and replies are messages.

An office is an executor that works one call off after another: this process, a process of its own, a worker on another
machine. It remembers its teams between calls. That memory is a copy: a team is what its instance and the questions put
to it so far make of it, and both stay with whoever asks. A worker that has lost it, or has come in place of one that
died, says so and is told everything again, in order: the same team comes out of it.

Replies are handed out in an order that does not depend on who is faster.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum, auto
from itertools import zip_longest
from typing import Any
from uuid import uuid4

from desilo.cases.instance import Instance
from desilo.operating.coordination.limits import Limits
from desilo.operating.coordination.team import Team, kilobytes
from desilo.operating.executors import side_by_side
from desilo.solving import Options

REMEMBERED = 3_000_000
"""Kilobytes up to which the models of all teams stay in memory."""

Question = tuple[str, tuple[Any, ...]]
"""A method of `Team`, and its arguments."""


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


@dataclass(frozen=True)
class Charter:
    """What makes a team; see `Team`."""

    instance: Instance
    limits: Limits
    options: Options
    frugal: bool = False

    def team(self) -> Team:
        """As it is before its first question."""
        return Team(self.instance, self.limits, self.options, self.frugal)


class Offices:
    """All teams at work in some executors, which each work one call off after another.

    Args:
        instances: of the teams.
        limits: what they share.
        options: of the solver.
        executors: that they are spread over; those in excess of teams are left alone.
    """

    def __init__(
        self, instances: Sequence[Instance], limits: Limits, options: Options, executors: Sequence[Executor]
    ) -> None:
        frugal = sum(map(kilobytes, instances)) > REMEMBERED
        self._charters = [Charter(instance, limits, options, frugal) for instance in instances]
        self._limits, self._options = limits, options
        self._executors = executors[: len(instances)]
        self._asked: list[list[Question]] = [[] for _ in instances]
        self._firm = uuid4().hex

    def close(self) -> None:
        """Let the executors forget the teams."""
        for executor in self._executors:
            executor.submit(forget, self._firm)

    @property
    def jobs(self) -> int:
        """How many work side by side."""
        return len(self._executors)

    def ask(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Any]]:
        """Replies: offices take turns, and each answers in the order of its requests.

        Arguments that are to be found when their turn comes are found as soon as all but the last `jobs` replies
        before theirs have been handed out: whoever is faster, every request is the same.
        """
        under_way: deque[tuple[Request, int, Future[Any]]] = deque()
        try:
            for request in self._in_turn(requests):
                while callable(request.arguments) and len(under_way) >= self.jobs:
                    yield self._handed_out(*under_way.popleft())
                under_way.append((request, *self._sent(request)))
            while under_way:
                yield self._handed_out(*under_way.popleft())
        finally:
            for _, _, future in under_way:
                future.cancel()

    def _in_turn(self, requests: Sequence[Request]) -> list[Request]:
        queues = [[request for request in requests if request.team % self.jobs == j] for j in range(self.jobs)]
        return [request for turn in zip_longest(*queues) for request in turn if request is not None]

    def _sent(self, request: Request) -> tuple[int, Future[Any]]:
        """How many questions its team was asked before, and the reply to come."""
        question = request.verb, request.arguments() if callable(request.arguments) else request.arguments
        office = self._executors[request.team % self.jobs]
        if request.instance is not None:
            return 0, office.submit(answer_once, Charter(request.instance, self._limits, self._options), question)
        asked = self._asked[request.team]
        number = len(asked)
        asked.append(question)
        if number == 0:
            return 0, self._told_everything(request.team, 0)
        return number, office.submit(answer, (self._firm, request.team), number, question)

    def _told_everything(self, team: int, number: int) -> Future[Any]:
        """The reply to a question of a team that is founded first and asked all questions before it."""
        office, asked = self._executors[team % self.jobs], self._asked[team][: number + 1]
        return office.submit(answer_anew, (self._firm, team), self._charters[team], asked)

    def _handed_out(self, request: Request, number: int, future: Future[Any]) -> tuple[Request, Any]:
        reply = future.result()
        if reply is Memory.LOST:
            reply = self._told_everything(request.team, number).result()
        return request, reply


@contextmanager
def offices(
    instances: Sequence[Instance], limits: Limits, options: Options, jobs: int, executors: Sequence[Executor] = ()
) -> Iterator[Offices]:
    """Offices of all teams: in the executors given, or in so many processes of this machine."""
    given = nullcontext(executors) if executors else side_by_side(min(jobs, len(instances)))
    with given as found:
        opened = Offices(instances, limits, options, found)
        try:
            yield opened
        finally:
            opened.close()


# ---- in the executor


class Memory(Enum):
    """What an executor says that does not remember a team as it should be."""

    LOST = auto()


@dataclass
class Remembered:
    """A team, how many questions it has answered, and when last (monotonic clock)."""

    team: Team
    answered: int
    last: float


_TEAMS: dict[tuple[str, int], Remembered] = {}
"""Memory of this process, by firm and team."""

IDLE = 3600.0
"""Seconds after which a team is forgotten whose firm has ended without a word."""


def answer_anew(name: tuple[str, int], charter: Charter, questions: Sequence[Question]) -> Any:
    """Found a team, ask it all questions so far in order; its reply to the last one."""
    now = time.monotonic()
    for idle in [known for known, remembered in _TEAMS.items() if now - remembered.last > IDLE]:
        del _TEAMS[idle]
    _TEAMS[name] = Remembered(charter.team(), 0, now)
    for number, question in enumerate(questions):
        reply = answer(name, number, question)
    return reply


def answer(name: tuple[str, int], number: int, question: Question) -> Any:
    """A team's reply to a question before which it has answered `number` others; `LOST` if it is not remembered so."""
    known = _TEAMS.get(name)
    if known is None or known.answered != number:
        return Memory.LOST
    reply = _reply(known.team, question)
    known.answered, known.last = number + 1, time.monotonic()
    return reply


def answer_once(charter: Charter, question: Question) -> Any:
    """The reply of a team that is made for one question."""
    return _reply(charter.team(), question)


def forget(firm: str) -> None:
    """A firm has ended."""
    for name in [name for name in _TEAMS if name[0] == firm]:
        del _TEAMS[name]


def _reply(team: Team, question: Question) -> Any:
    verb, arguments = question
    reply = getattr(team, verb)(*arguments)
    team.forget()
    return reply
