"""Command line: what `run` and `report` put on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from desilo.harness.experiment import CLAIRVOYANT
from desilo.harness.html.page import write_page
from desilo.harness.plots import write_plots
from desilo.harness.records import CellRecord, Replanned, write_text
from desilo.harness.report import SUMMARY, Summary, published, summarise
from desilo.harness.run import Finished
from desilo.harness.sensitivity import name_of
from desilo.harness.words import (
    BY_STRENGTH,
    HEADLINE,
    Stacked,
    by_strength,
    captured_note,
    finding,
    gap,
    headline,
    notes,
    sentences,
    title,
    to_markdown,
)
from desilo.solving import Stop

PAGE = "report.html"

WRITTEN = ("summary.md", SUMMARY, "waterfall.png", "tightness.png", "plans", "instances")


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

    def finished(self, record: CellRecord | Replanned) -> None:
        """One line a cell, or a variant."""
        line = _of_variant(record) if isinstance(record, Replanned) else _of_cell(record)
        self.note(line)
        self.progress.advance(self.task)


def _of_cell(record: CellRecord) -> str:
    cell = record.cell
    earned = "no plan" if record.nature is None else f"profit {record.nature.profit:,.0f}"
    if record.cell.model == CLAIRVOYANT:
        earned = "no bound" if record.bound is None else f"bound {record.bound:,.0f}"
    where = f"from {cell.start}" + ("" if cell.tightness == 1 else f", tightness {cell.tightness:g}")
    line = f"{cell.model}, {where}: {earned}, gap {gap(record.gap)}, {record.seconds:.1f} s"
    return line if record.stop is Stop.OPTIMAL else f"{line}, {record.stop}"


def _of_variant(record: Replanned) -> str:
    joint, seconds = record.cells[-1], sum(cell.seconds for cell in record.cells)
    earned = "no plan" if joint.nature is None else f"joint {joint.nature.profit:,.0f}"
    where = f"{name_of(record.variant)}, from {record.variant.start}"
    return f"{where}: {earned}, gap {gap(joint.gap)}, {seconds:.1f} s"


def show(finished: Finished, folder: Path, out: Path | None = None) -> None:
    """Show what a run found, write it into the run's folder, and the report to a file, `PAGE` in the folder by default.

    A published run keeps its summary and no records: there the report is made from the summary, which stays as it is.
    """
    summary = None if finished.cells else published(folder)
    rewritten, page = summary is None, out or folder / PAGE
    if summary is None:
        summary = summarise(finished)
        write_text(summary.model_dump_json(indent=1) + "\n", folder / SUMMARY)
        write_text(to_markdown(summary), folder / "summary.md")
        write_plots(summary, folder)
    write_page(finished, summary, folder, page)

    console = Console(highlight=False)
    tables, unit = _tables(summary, 1.0), summary.currency
    if any(console.measure(t, options=console.options.update(width=1000)).maximum > console.width for t in tables):
        tables, unit = _tables(summary, 1000.0), f"thousand {summary.currency}"
    console.print(f"\n{title(summary)}; money in {unit}", style="bold", markup=False)
    console.print(tables[0])
    for note in notes(summary):
        console.print(f"- {note}", style="dim", markup=False)
    if summary.coordinating is not None:
        console.print("\nCoordinated, by strength", style="bold", markup=False)
        console.print(tables[1])
        console.print(f"- {captured_note(summary)}", style="dim", markup=False)
    console.print(f"\n{finding(summary)}", style="bold", markup=False)
    for sentence in sentences(summary):
        console.print(f"\n{sentence}", markup=False)
    if rewritten:
        console.print(f"\nWritten to {folder}: {', '.join(WRITTEN)}, and the records", markup=False, soft_wrap=True)
    console.print(f"\nThe report: {page}", markup=False, soft_wrap=True)


def _tables(summary: Summary, per: float) -> tuple[Table, Table]:
    """The operating models, and the strengths of coordination."""
    strengths = () if summary.coordinating is None else summary.coordinating.strengths
    return (
        _table(HEADLINE, [headline(row, per) for row in summary.rows], per),
        _table(BY_STRENGTH, [by_strength(row, per) for row in strengths], per),
    )


def _table(header: Stacked, rows: Sequence[Stacked], per: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1 if per == 1 else 0, 0, 0))
    for k, names in enumerate(header):
        table.add_column(_stack(names), justify="right" if k else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_stack(cell) for cell in row))
    return table


def _stack(cell: tuple[str, str]) -> Text:
    """A figure, and what stands under it."""
    return Text.assemble(cell[0], *([("\n" + cell[1], "dim")] if cell[1] else []))
