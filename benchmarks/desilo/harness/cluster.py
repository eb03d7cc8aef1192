"""Workers on other machines: an existing Dask cluster as an executor.

What is to be done goes to a worker as data, and what comes of it comes back as data; the asking process alone writes.
Where a worker dies, the scheduler hands what it had to another one; whoever asked gets one answer.

Results are the same whoever works them out: a worker has the same versions and sources as whoever asks, and one thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import importlib.metadata
import logging
import os
import pickle
import platform
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from desilo.cases.errors import BadInput, Problem
from desilo.operating.executors import ONE_THREAD

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 10.0
"""Seconds for a cluster to answer."""

START = "dask worker ADDRESS --nworkers CORES --nthreads 1"
"""What starts the workers of one machine."""

_EXTRAS = ("", "cluster", "solvers")


@dataclass(frozen=True)
class Equipment:
    """What the results of a process depend on.

    Attributes:
        versions: by package; of desilo's sources and bundled data the SHA-256.
        threads: of the numerical libraries, by the variable that says so; those that are not 1.
        host: the machine's name.
    """

    versions: Mapping[str, str]
    threads: Mapping[str, str]
    host: str


def equipment() -> Equipment:
    """Of this process."""
    threads = {name: os.environ.get(name, "") for name in ONE_THREAD}
    return Equipment(installed(), {name: own for name, own in threads.items() if own != "1"}, platform.node())


@cache
def installed() -> Mapping[str, str]:
    """Python, desilo's sources and bundled data, and what desilo needs, as they are in this process."""
    found = {"python": platform.python_version()}
    for required in map(Requirement, importlib.metadata.requires("desilo") or ()):
        if any(required.marker is None or required.marker.evaluate({"extra": extra}) for extra in _EXTRAS):
            try:
                found[required.name] = importlib.metadata.version(required.name)
            except importlib.metadata.PackageNotFoundError:
                found[required.name] = "none"
    return found | {"sources": _digest_of_all()[:12]}


def _digest_of_all() -> str:
    """SHA-256 of desilo's sources and data, wherever its parts are installed."""
    roots = [Path(place) for place in importlib.import_module("desilo").__path__]
    files = {file.relative_to(root).as_posix(): file for root in roots for file in root.rglob("*")}
    sha = hashlib.sha256()
    for name in sorted(name for name, file in files.items() if file.suffix not in {"", ".pyc", ".typed"}):
        sha.update(f"{name}\n".encode() + files[name].read_bytes())
    return sha.hexdigest()


class Cluster(Executor):
    """The workers of a Dask cluster.

    Args:
        client: connected to its scheduler.
        hosts: machine of every worker, by its address.
    """

    def __init__(self, client: Client, hosts: Mapping[str, str]) -> None:
        self._client = client
        self._hosts = hosts

    @property
    def size(self) -> int:
        """Workers there were at the start."""
        return len(self._hosts)

    @property
    def machine(self) -> dict[str, str]:
        """Where work was done, for records."""
        return {"cluster": f"{self.size} workers on {', '.join(sorted(set(self._hosts.values())))}"}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Work something out on any worker; if that one dies, on another.

        The future's errors are those of the function; BadInput if a worker that came later is not equipped as this
        process is; RuntimeError if the cluster is gone, or so many workers died of it that the scheduler gave it up.
        """
        return self._submit(partial(fn, *args, **kwargs))

    def present(self) -> list[str]:
        """Addresses of the workers there are now."""
        return sorted(self._client.nthreads())

    def at(self, worker: str, fn: Callable[[], Any]) -> Future[Any]:
        """Work something out on this worker; if it dies, on another."""
        return self._submit(fn, workers=[worker], allow_other_workers=True)

    def _submit(self, fn: Callable[[], Any], **where: Any) -> Future[Any]:
        future: Future[Any] = Future()
        call = pickle.dumps((installed(), pickle.dumps(fn)))
        given = self._client.get_executor(pure=False, **where).submit(_work, call)
        given.add_done_callback(partial(_hand_over, future))
        return future

    @contextmanager
    def one_by_one(self) -> Iterator[tuple[Executor, ...]]:
        """Executors, as many as workers, that work one call off after another on a worker of their own."""
        with ExitStack() as stack:
            yield tuple(stack.enter_context(_Seat(self, *each)) for each in enumerate(sorted(self._hosts)))


class _Seat(ThreadPoolExecutor):
    """A thread that waits for one worker; where that one dies, for another."""

    def __init__(self, cluster: Cluster, number: int, worker: str) -> None:
        super().__init__(1)
        self._cluster, self._number, self._worker = cluster, number, worker

    def __exit__(self, error: type[BaseException] | None, *rest: object) -> None:
        self.shutdown(wait=error is None, cancel_futures=error is not None)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self._asked, partial(fn, *args, **kwargs))

    def _asked(self, call: Callable[[], Any]) -> Any:
        present = self._cluster.present()
        if present and self._worker not in present:  # for good: the next call finds there what this one leaves
            self._worker = present[self._number % len(present)]
        return self._cluster.at(self._worker, call).result()


def _work(call: bytes) -> bytes:
    """On a worker: pickled by ourselves as between processes of one machine, arrays come out of it as they went in."""
    expected, fn = pickle.loads(call)
    if problems := list(_differences("a worker", expected, installed())):
        raise BadInput(problems)
    return pickle.dumps(pickle.loads(fn)())


def _hand_over(future: Future[Any], given: Future[bytes]) -> None:
    from distributed import KilledWorker

    try:
        future.set_result(pickle.loads(given.result()))
    except CancelledError:
        gone = "the cluster is gone; the same command goes on from here once it is back"
        future.set_exception(RuntimeError(gone))
    except KilledWorker as killed:
        died = f"{killed.allowed_failures + 1} workers died one after another of the same work, perhaps for want of "
        future.set_exception(RuntimeError(f"{died}memory; give each more, or start fewer on a machine"))
    except BaseException as error:
        future.set_exception(error)


@contextmanager
def connected(address: str | None) -> Iterator[Cluster | None]:
    """A Dask cluster, until the block is left; what is waiting there by then is called off. None without an address.

    Args:
        address: of its scheduler, e.g. tcp://host:8786.

    Raises:
        BadInput: it cannot be reached, has no workers, or some that would come to other results.
    """
    if address is None:
        yield None
        return
    try:
        import dask
        import distributed
    except ImportError:
        what = "a cluster is reached with Dask: pip install 'desilo[cluster]', here and on its machines"
        raise BadInput([Problem("--cluster", what)]) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is said by us
    with warnings.catch_warnings(), dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
        try:
            asyncio.run(_answers(address))
            client = distributed.Client(address, timeout=PATIENCE, set_as_default=False, name="desilo")
        except Exception as error:
            why = str(error) or f"nothing within {PATIENCE:g} s"
            what = f"no Dask scheduler answers at {address}: {why.splitlines()[0]}; start one: dask scheduler"
            raise BadInput([Problem("--cluster", what)]) from None
        try:
            yield Cluster(client, _inspected(client, address))
        finally:
            client.close(timeout=PATIENCE)


async def _answers(address: str) -> None:
    """A Dask scheduler does; a client would wait for ever for something else that listens there."""
    from distributed import Security
    from distributed.core import rpc

    async with rpc(address, timeout=PATIENCE, connection_args=Security().get_connection_args("client")) as scheduler:
        await asyncio.wait_for(scheduler.identity(), PATIENCE)


def _inspected(client: Client, address: str) -> dict[str, str]:
    """Machine of every worker, by address.

    Raises:
        BadInput: there is none, or results would not be the same on all.
    """
    threads = client.nthreads()
    if not threads:
        started = START.replace("ADDRESS", address)
        raise BadInput([Problem("--cluster", f"{address} has no workers; start some on each machine: {started}")])
    problems: list[Problem] = []
    try:
        problems += _differences("the scheduler", installed(), client.run_on_scheduler(installed))
    except Exception as error:
        problems.append(_not_there("the scheduler", error))
    hosts = {}
    for worker, found in client.run(equipment, on_error="return").items():
        name = f"worker {worker}"
        if not isinstance(found, Equipment):
            problems.append(_not_there(name, found))
            continue
        hosts[worker] = found.host
        problems += _differences(name, installed(), found.versions)
        if threads[worker] != 1:
            what = f"works with {threads[worker]} threads, which solvers do not stand; start it with --nthreads 1"
            problems.append(Problem(name, what))
        if found.threads:
            what = "set to 1, or start it with a nanny, which does so"
            problems.append(
                Problem(name, f"its numerical libraries may use many threads; {', '.join(found.threads)} {what}")
            )
    if problems:
        raise BadInput(problems)
    return hosts


def _differences(who: str, here: Mapping[str, str], there: Mapping[str, str]) -> Iterator[Problem]:
    differing = [name for name in here if there.get(name) != here[name]]
    if differing:
        found = ", ".join(f"{name} {there.get(name, 'none')} (here {here[name]})" for name in differing)
        yield Problem(who, f"has {found}; the same is expected; install the same version of desilo and its lock file")


def _not_there(who: str, error: object) -> Problem:
    what = "install the same version of desilo with its extra: pip install 'desilo[cluster]'"
    return Problem(who, f"cannot work for this desilo: {type(error).__name__}: {error}; {what}")
