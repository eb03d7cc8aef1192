"""Processes that work side by side and never outlive the one that started them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from desilo.operating.executors import Here, begin_worker, main_unknown, one_thread


class _Pool(ProcessPoolExecutor):
    """Starts a process when there is work and none is idle."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with main_unknown():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def workers(jobs: int, cluster: Executor | None = None) -> Iterator[Executor]:
    """The cluster, if there is one; otherwise processes that work side by side, one thread each; or, with one job,
    this process.

    Processes are ended at once when the block is left by an exception, and end themselves when this one is killed.
    """
    if cluster is not None:
        yield cluster
        return
    if jobs == 1:
        yield Here()
        return
    with one_thread():
        pool = _Pool(jobs, multiprocessing.get_context("spawn"), begin_worker)
        others = set(multiprocessing.active_children())
        try:
            yield pool
            pool.shutdown()
        except BaseException as error:
            for child in set(multiprocessing.active_children()) - others:
                child.kill()
            pool.shutdown(cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise RuntimeError(
                    "a worker process was killed, perhaps for want of memory; the same command goes on from here, "
                    "with --jobs 1 it takes less memory"
                ) from None
            raise
