"""Command line: run."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from desilo.harness import experiment
from desilo.harness.cli import Exit
from desilo.harness.experiment import CLAIRVOYANT
from desilo.harness.plots import write_plots
from desilo.harness.records import CellRecord, write_text
from desilo.harness.report import summarise
from desilo.harness.run import Finished, load
from desilo.harness.run import run as run_experiment
from desilo.harness.words import HEADLINE, finding, headline, notes, sentences, title, to_markdown
from desilo.solving import Stop

WIDE = 92
"""Columns from which money is shown in full."""

WRITTEN = ("summary.md", "summary.json", "waterfall.png", "tightness.png", "plans", "instances")

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

    Every operating model plans on what was known at several starts in the held-out periods; the plans are scored on
    a demand that no planner has seen. The folder holds every plan, every record, a summary and plots. The same
    command goes on from what is there: after Ctrl-C, a kill, or with more time.

    Exit status: 0 done; 2 bad input; 3 the time limit left an operating model without a plan; 130 Ctrl-C; 1 else.
    """
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
    _show(finished, folder)
    if not finished.complete:
        raise typer.Exit(Exit.LIMIT)


def report(folder: Annotated[Path, typer.Argument(help="Folder of a run.")]) -> None:
    """Write and show a run's summary again from its records; nothing is solved."""
    _show(load(folder), folder)


class Screen:
    """Says on the terminal how a run is coming along: a line a finished cell, and a bar where it can be redrawn."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.progress.add_task("estimating demand", total=None)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def note(self, text: str) -> None:
        """A plain line."""
        self.console.print(text, markup=False)

    def begin(self, total: int, done: int) -> None:
        """The bar; and how much is there from an earlier run."""
        if done:
            self.note(f"{done} of {total} cells are on record")
        self.progress.update(self.task, description="deciding", total=total, completed=done)

    def finished(self, record: CellRecord) -> None:
        """One line a cell."""
        cell = record.cell
        earned = "no plan" if record.nature is None else f"profit {record.nature.profit:,.0f}"
        if record.cell.model == CLAIRVOYANT:
            earned = "no bound" if record.bound is None else f"bound {record.bound:,.0f}"
        gap = "open" if record.gap is None else f"{record.gap:.2%}"
        where = f"from {cell.start}" + ("" if cell.tightness == 1 else f", tightness {cell.tightness:g}")
        line = f"{cell.model}, {where}: {earned}, gap {gap}, {record.seconds:.1f} s"
        self.note(line if record.stop is Stop.OPTIMAL else f"{line}, {record.stop}")
        self.progress.advance(self.task)


def _show(finished: Finished, folder: Path) -> None:
    summary = summarise(finished)
    write_text(summary.model_dump_json(indent=1) + "\n", folder / "summary.json")
    write_text(to_markdown(summary), folder / "summary.md")
    write_plots(summary, folder)

    console = Console(highlight=False)
    wide = console.width >= WIDE
    unit = summary.currency if wide else f"thousand {summary.currency}"
    console.print(f"\n{title(summary)}; money in {unit}", style="bold", markup=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1 if wide else 0, 0, 0))
    for k, names in enumerate(HEADLINE):
        table.add_column(_stack(names), justify="right" if k else "left", no_wrap=True)
    for row in summary.rows:
        table.add_row(*(_stack(cell) for cell in headline(row, 1.0 if wide else 1000.0)))
    console.print(table)
    for note in notes(summary):
        console.print(f"- {note}", style="dim", markup=False)
    console.print(f"\n{finding(summary)}", style="bold", markup=False)
    for sentence in sentences(summary):
        console.print(f"\n{sentence}", markup=False)
    console.print(f"\nWritten to {folder}: {', '.join(WRITTEN)}, and the records", markup=False, soft_wrap=True)


def _stack(cell: tuple[str, str]) -> Text:
    """A figure, and what stands under it."""
    return Text.assemble(cell[0], *([("\n" + cell[1], "dim")] if cell[1] else []))
