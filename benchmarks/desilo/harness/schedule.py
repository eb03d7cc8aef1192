"""Which cell comes next, and how much of the time it gets.

Cells that cost little come first, as long as they leave the others their part. Then teams that plan apart; then the
joint models, which start from the best plan there is; then the bounds; then the orders of hand-offs that are as hard to
solve as the joint model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace

from desilo.cases.plan import Plan
from desilo.harness.experiment import CLAIRVOYANT, COORDINATED, JOINT, PRICING_LAST, Settings, Task, Worked, work
from desilo.harness.records import Cell
from desilo.solving import Stop

SHARE = {COORDINATED: 3.0, JOINT: 6.0, CLAIRVOYANT: 1.2} | dict.fromkeys(PRICING_LAST, 0.5)
"""How the time that the other cells leave is shared out, in the order of their turns."""

KEPT_FOR_SHARES = 0.55
"""Share of the time there is for all cells that the other cells leave alone."""

FOR_THE_REPORT = 0.05
"""Share of a run's time kept for writing the summary."""

LEAST = 0.5
"""Seconds; no cell is begun with less."""


def deadline_of(settings: Settings) -> float:
    """When the last cell must be done, on the monotonic clock, for a run that starts now."""
    return time.monotonic() + settings.time_limit * (1 - FOR_THE_REPORT)


def free_time(left: float, whole: float) -> float:
    """Seconds that the cells which cost little may still use, of `whole` that were left when work on cells began."""
    return left - KEPT_FOR_SHARES * whole


def work_off(
    pool: Executor,
    tasks: Sequence[Task],
    settings: Settings,
    deadline: float,
    known: Callable[[Cell], tuple[Plan | None, float]],
) -> Iterator[Worked]:
    """Work off the tasks until the deadline, each with its share of the time that is left when it begins.

    Args:
        pool: that works.
        tasks: in the order in which those that cost little are worked off.
        settings: jobs and time limit.
        deadline: on the monotonic clock.
        known: the best plan and bound so far for a joint model's cell.

    Yields:
        Every result as soon as it is there.

    Raises:
        KeyboardInterrupt: a solver was interrupted.
    """
    waiting = list(tasks)
    running: dict[Future[Worked], Task] = {}
    whole = deadline - time.monotonic()
    while waiting or running:
        while waiting and len(running) < settings.jobs:
            left = deadline - time.monotonic()
            if left < LEAST:
                waiting.clear()
                break
            task = next_of(waiting, left, whole)
            if task.cell.model == JOINT and any(other.cell.model != JOINT for other in running.values()):
                break  # what is running may be the best plan to start from
            limit = share_of_time(task, waiting, left, whole, settings.jobs)
            waiting.remove(task)
            task = replace(task, options=replace(task.options, time_limit=limit))
            if task.cell.model == JOINT:
                plan, bound = known(task.cell)
                task = replace(task, known=plan, bound=bound)
            running[pool.submit(work, task)] = task
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            del running[future]
            record, plans = future.result()
            if any(step.stop is Stop.INTERRUPTED for step in record.steps):
                raise KeyboardInterrupt
            yield record, plans


def next_of(waiting: Sequence[Task], left: float, whole: float) -> Task:
    """The task whose turn it is."""
    cheap = next((task for task in waiting if task.cell.model not in SHARE), None)
    shared = sorted((task for task in waiting if task.cell.model in SHARE), key=lambda task: _turn(task.cell.model))
    if cheap is not None and (not shared or free_time(left, whole) > LEAST):
        return cheap
    return shared[0]


def _turn(model: str) -> int:
    return list(SHARE).index(model)


def share_of_time(task: Task, waiting: Sequence[Task], left: float, whole: float, jobs: int) -> float:
    """Seconds for one of the waiting tasks."""
    weight = SHARE.get(task.cell.model)
    if weight is None:
        return max(LEAST, free_time(left, whole) / 2)
    total = sum(SHARE.get(other.cell.model, 0.0) for other in waiting)
    rounds = math.ceil(total / (weight * jobs) - 1e-9)
    return left / rounds
