"""Where work is done: in this process, or in processes that never outlive it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import ModuleType
from typing import Any

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of a process whose numerical libraries are to work in one thread; they read it when numpy is loaded."""


class Here(Executor):
    """Works in this process, at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def side_by_side(count: int) -> Iterator[list[Executor]]:
    """Executors of one process each, which works one call off after another; a single one is this process."""
    if count == 1:
        yield [Here()]
        return
    with processes(count) as found:
        yield found


@contextmanager
def processes(count: int) -> Iterator[list[Executor]]:
    """Executors of one process each, which works one call off after another.

    They are ended at once when the block is left, and end themselves when this process is killed.
    """
    spawn = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pools: list[ProcessPoolExecutor] = []
    try:
        with one_thread(), main_unknown(), _deaf_to_interrupts():
            for _ in range(count):
                pools.append(ProcessPoolExecutor(1, spawn, begin_worker))
                pools[-1].submit(os.getpid)  # starts its process
        yield list(pools)
    finally:
        for child in set(multiprocessing.active_children()) - others:
            child.kill()
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def begin_worker() -> None:
    """A process begins: Ctrl-C is its parent's to handle, and it ends with its parent, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


@contextmanager
def main_unknown() -> Iterator[None]:
    """Processes started meanwhile do not import the main script; all that they do is in desilo.

    They would start it over where it is not protected by `if __name__ == "__main__":`.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def one_thread() -> Iterator[None]:
    """What is started inside works in one thread."""
    # a worker that is killed leaves semaphores, which are cleaned up: no news to the user
    wanted = ONE_THREAD | {"PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
