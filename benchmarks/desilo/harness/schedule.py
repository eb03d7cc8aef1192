"""Which cell comes next, and how much of the time it gets.

Cells that cost little come first, as long as they leave the others their part. Then teams that plan apart; then the
joint models, which start from the best plan there is; then the bounds; then what was left of the cells that cost
little; then the orders of hand-offs that are as hard to solve as the joint model.
"""

from __future__ import annotations

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

LEFT_OVER = 0.2
"""Share of a cell that costs little, once such cells have used their time up."""

KEPT_FOR_SHARES = 0.55
"""Share of the time there is for all cells that the other cells leave alone."""

GENEROUS = 10.0
"""A cell that costs little may take so many times its part of the time for such cells: most need far less."""

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
        tasks: in the order in which those that cost little are worked off: if time is short, the last have less.
        settings: jobs and time limit.
        deadline: on the monotonic clock.
        known: the best plan and bound so far for a joint model's cell.

    Yields:
        Every result as soon as it is there.

    Raises:
        KeyboardInterrupt: a solver was interrupted.
    """
    waiting = list(tasks)
    running: dict[Future[Worked], tuple[Task, float]] = {}  # and when its time is up
    whole = deadline - time.monotonic()
    while waiting or running:
        while waiting and len(running) < settings.jobs:
            now = time.monotonic()
            left = deadline - now
            if left < LEAST:
                waiting.clear()
                break
            task = next_of(waiting, left, whole)
            if task.cell.model == JOINT and any(other.cell.model != JOINT for other, _ in running.values()):
                break  # what is running may be the best plan to start from
            busy = [deadline - max(now, end) for _, end in running.values()]
            limit = share_of_time(task, waiting, whole, [left] * (settings.jobs - len(running)) + busy)
            waiting.remove(task)
            task = replace(task, options=replace(task.options, time_limit=limit))
            if task.cell.model == JOINT:
                plan, bound = known(task.cell)
                task = replace(task, known=plan, bound=bound)
            running[pool.submit(work, task)] = task, now + limit
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
    if cheap is not None and free_time(left, whole) > LEAST:
        return cheap
    return min(waiting, key=lambda task: _turn(task.cell.model))


def _turn(model: str) -> int:
    order = [COORDINATED, JOINT, CLAIRVOYANT, None, *PRICING_LAST]
    return order.index(model if model in SHARE else None)


def share_of_time(task: Task, waiting: Sequence[Task], whole: float, workers: Sequence[float]) -> float:
    """Seconds for one of the waiting tasks.

    Args:
        task: which one.
        waiting: all of them.
        whole: seconds that were left when work on cells began.
        workers: seconds that each worker will have left when it is free; the first one is free now.
    """
    left = workers[0]
    free = free_time(left, whole)
    if task.cell.model not in SHARE and free > LEAST:
        cheap = sum(other.cell.model not in SHARE for other in waiting)
        return max(LEAST, min(free / 2, GENEROUS * free * len(workers) / cheap))
    total = sum(SHARE.get(other.cell.model, LEFT_OVER) for other in waiting)
    return min(left, SHARE.get(task.cell.model, LEFT_OVER) / total * sum(workers))
