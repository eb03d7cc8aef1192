"""Command line: run."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from desilo.harness.cli import Exit

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""


def _number(value: float | None) -> float | None:
    """A range lets nan through."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is not a number of seconds")
    return value


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command()(run)
    app.command()(report)


def run(
    case: Annotated[str, typer.Argument(help="Name of a bundled case, or a case folder.")] = "orange-juice",
    quick: Annotated[bool, typer.Option("--quick", help="A small run: one price zone, in under a minute.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of scenarios, nature, solver and resampling.")] = 1,
    time_limit: Annotated[
        float | None,
        typer.Option(
            min=1, max=1e6, callback=_number, help="Seconds for the whole run.", show_default="300; 45 with --quick"
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Operating models worked out at the same time.", show_default="2")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run.", show_default="results/runs/CASE[-quick]-seedSEED"),
    ] = None,
) -> None:
    """Measure on a case what deciding together is worth.

    Every operating model plans on what was known at several starts in the
    held-out periods; the plans are scored on a demand that no planner has seen.
    The folder holds every plan, every record, a summary and plots. The same
    command goes on from what is there: after Ctrl-C, a kill, or with more time.

    Exit status: 0 done; 2 bad input; 3 the time limit left an operating model
    without a plan; 130 Ctrl-C; 1 anything else.
    """
    from rich.console import Console

    from desilo.harness import experiment
    from desilo.harness.cli.screen import Screen, show
    from desilo.harness.run import run as run_experiment

    size = experiment.QUICK if quick else experiment.FULL
    settings = replace(
        size,
        case=case,
        seed=seed,
        time_limit=time_limit or size.time_limit,
        jobs=jobs or min(size.jobs, os.cpu_count() or 1),
    )
    name = Path(case).resolve().name if Path(case).is_dir() else case
    folder = out or Path("results", "runs", f"{name}{'-quick' if quick else ''}-seed{seed}")
    messages = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        with Screen(messages) as screen:
            finished = run_experiment(settings, folder, screen)
    except KeyboardInterrupt:
        messages.print(f"interrupted; what is finished is kept in {folder}: the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    show(finished, folder)
    if not finished.complete:
        raise typer.Exit(Exit.LIMIT)


def report(folder: Annotated[Path, typer.Argument(help="Folder of a run.")]) -> None:
    """Write and show a run's summary again from its records; nothing is solved."""
    from desilo.harness.cli.screen import show
    from desilo.harness.run import load

    show(load(folder), folder)
