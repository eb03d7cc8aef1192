"""Command line: run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import CLUSTER, LARGEST, NUMBER, WHOLE, Exit

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""


MOST_JOBS = 1000

LONGEST = 1e6
"""Seconds, the most that a run may be given."""


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command()(run)
    app.command()(report)


def run(
    case: Annotated[str, typer.Argument(help="Name of a bundled case, or a case folder.")] = "orange-juice",
    quick: Annotated[bool, typer.Option("--quick", help="A small run: one price zone, in under a minute.")] = False,
    seed: Annotated[int, typer.Option(**WHOLE, help="Seed of scenarios, nature, solver and resampling.")] = 1,
    time_limit: Annotated[
        float | None,
        typer.Option(
            **NUMBER,
            help="Seconds for the whole run.",
            show_default="350, or 5 an item if that is more; with --quick 55, or 1 an item",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(**WHOLE, help="Operating models worked out at the same time.", show_default="2, or all workers"),
    ] = None,
    cluster: CLUSTER = None,
    sensitivity: Annotated[
        int,
        typer.Option(
            **WHOLE | {"metavar": "<starts>"},
            help="Then, for so many of the starts, plan again under every figure other than assumed: minutes for each.",
            show_default="none",
        ),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run.", show_default="results/runs/CASE[-quick]-seedSEED"),
    ] = None,
) -> None:
    """Measure on a case what deciding together is worth.

    Every operating model plans on what was known at several starts in the
    held-out periods; the plans are scored on a demand that no planner has seen.
    The folder holds every plan, every record, a summary, plots and a report. The same
    command goes on from what is there: after Ctrl-C, a kill, or with more time.

    Exit status: 0 done; 2 bad input; 3 the time limit left an operating model
    without a plan; 130 Ctrl-C; 1 anything else.
    """
    from rich.console import Console

    if problems := [*_out_of_range(seed, time_limit, jobs, sensitivity)]:
        raise BadInput(problems)

    from desilo.harness.cli.screen import Screen, show
    from desilo.harness.cluster import connected
    from desilo.harness.experiment import settings_of
    from desilo.harness.run import folder_of
    from desilo.harness.run import run as run_experiment

    settings = settings_of(case, quick, seed, time_limit, jobs)
    folder = out or folder_of(settings)
    messages = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        with connected(cluster) as found, Screen(messages) as screen:
            if found is not None and jobs is None:
                settings = replace(settings, jobs=found.size)
            finished = run_experiment(settings, folder, screen, found, sensitivity)
    except KeyboardInterrupt:
        messages.print(f"interrupted; what is finished is kept in {folder}: the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    show(finished, folder)
    if not finished.complete:
        raise typer.Exit(Exit.LIMIT)


def _out_of_range(seed: int, time_limit: float | None, jobs: int | None, sensitivity: int) -> Iterable[Problem]:
    if not 0 <= seed <= LARGEST:
        yield Problem("--seed", f"found {seed}; a whole number from 0 to {LARGEST} is expected")
    if time_limit is not None and not 1 <= time_limit <= LONGEST:
        yield Problem("--time-limit", f"found {time_limit:g}; a number of seconds from 1 to {LONGEST:g} is expected")
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        yield Problem("--jobs", f"found {jobs}; a whole number from 1 to {MOST_JOBS} is expected")
    if not 0 <= sensitivity <= LARGEST:
        yield Problem("--sensitivity", f"found {sensitivity}; a whole number of 0 or more is expected")


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[
        Path | None, typer.Option(help="File of the report.", show_default="report.html in the folder")
    ] = None,
) -> None:
    """Write a run's report and summary again from its records; nothing is solved.

    The report is one HTML file that needs nothing else: for any browser, phone or printer.
    """
    from desilo.harness.cli.screen import show
    from desilo.harness.run import load

    show(load(folder), folder, out)
