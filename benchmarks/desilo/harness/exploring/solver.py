"""A process that answers one question at a time; a newer question ends the older one."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Self

from desilo.harness.exploring.answer import Answer, Question, answer
from desilo.operating.executors import begin_worker, main_unknown, one_thread


class Superseded(Exception):
    """A newer question came before the answer."""


class Solver:
    """Answers questions in a process of its own, one thread, kept for the next question.

    Ending the process is the one way to stop a solver at once, wherever it is; the next question starts another.

    Attributes:
        process: that answers; None until it is needed.
        busy: whether a question is being worked on.
    """

    def __init__(self) -> None:
        self.process: BaseProcess | None = None
        self.busy = False
        self._lock = threading.Lock()
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def answer(self, question: Question) -> Answer:
        """Wait for the answer to a question; one that is being worked on is given up.

        Raises:
            Superseded: a newer question, `give_up` or `close` came in between.
            RuntimeError: the process failed; it says how.
        """
        with self._lock:
            self._asked += 1
            mine = self._asked
            if self.busy:
                self._end()
            if self.process is None:
                self._start()
            self.busy = True
            pipe = self._pipe
        try:
            pipe.send(question)
            found = pipe.recv()
        except (EOFError, OSError):
            found = "the solving process was ended from outside, perhaps for want of memory"
        with self._lock:
            if mine != self._asked:
                raise Superseded
            self.busy = False
            if isinstance(found, Answer):
                return found
            self._end()
        raise RuntimeError(found)

    def give_up(self) -> None:
        """Stop what is being worked on."""
        with self._lock:
            self._asked += 1
            if self.busy:
                self._end()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._asked += 1
            self._end()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with one_thread(), main_unknown():
            self.process = context.Process(target=_serve, args=(theirs,), name="desilo solver", daemon=True)
            self.process.start()
        theirs.close()

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()  # whoever waits at the pipe finds its end
            self.process.join()
        self.process, self.busy = None, False


def _serve(pipe: Connection) -> None:
    begin_worker()
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        try:
            found: Answer | str = answer(question)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        pipe.send(found)
