"""Command line: claims."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import CLUSTER, NUMBER, WHOLE
from desilo.harness.cli.bar import Bar
from desilo.harness.cli.run import INTERRUPTED, MOST_JOBS

if TYPE_CHECKING:
    from desilo.harness.claims.answer import Outcome
    from desilo.harness.claims.claim import Claim
    from desilo.harness.claims.conduct import TrialRecord

JOBS = 2

MOST_SEEDS = 10**6

TIGHTEST = 10.0
"""The largest coupling that a world is made for."""


def register(app: typer.Typer) -> None:
    """Add this module's command to the application."""
    app.command()(claims)


def claims(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Claims, e.g. A4 A7.", show_default="all")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few firms: under five minutes, too little to judge by.")
    ] = False,
    seed: Annotated[int, typer.Option(**WHOLE, help="Of the generated firms; two seeds share none.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(**WHOLE, help="Trials worked out at the same time.", show_default="2, or all workers")
    ] = None,
    cluster: CLUSTER = None,
    coupling: Annotated[
        float, typer.Option(**NUMBER, help="How far decisions touch each other; 0 plants a null world.")
    ] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the records.", show_default="results/runs/claims[-quick]-seedSEED[-couplingC]"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """Test what the articles claim.

    Every claim is an experiment that could have come out the other way; its
    verdict is computed from the interval and from a control that must come out
    null. The folder holds every record; with all claims also the page with the
    answer, its pictures and claims.json. The same command goes on from what is
    there: after Ctrl-C or a kill.

    Exit status: 0 done, whatever the verdicts; 2 bad input; 130 Ctrl-C; 1
    anything else.
    """
    from rich.console import Console

    from desilo.harness.claims import catalogue
    from desilo.harness.claims.answer import brief, look, write_answer
    from desilo.harness.claims.conduct import conduct
    from desilo.harness.claims.register import CLAIMS, TOGETHER
    from desilo.harness.cluster import connected

    chosen, unknown = _chosen(ids or [], CLAIMS)
    if problems := [*unknown, *_out_of_range(seed, jobs, coupling)]:
        raise BadInput(problems)
    scale = catalogue.sized(catalogue.QUICK if quick else catalogue.FULL, seed, coupling)
    name = f"claims{'-quick' if quick else ''}-seed{seed}" + ("" if coupling == 1 else f"-coupling{coupling:g}")
    folder = out or Path("results", "runs", name)
    needed = {test.experiment.name for claim in chosen for test in (*claim.tests, *claim.controls)}
    experiments = [experiment for experiment in catalogue.EXPERIMENTS if experiment.name in needed]
    messages = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        with connected(cluster) as found, Progress(messages) as progress:
            conducted = conduct(
                experiments,
                scale,
                folder,
                progress,
                jobs or (min(JOBS, os.cpu_count() or 1) if found is None else found.size),
                _command([claim.id for claim in chosen] if ids else [], quick, seed, coupling),
                found,
            )
            progress.note("judging")
            outcome = look(chosen, conducted, TOGETHER)
            if chosen == CLAIMS:
                write_answer(outcome, folder)
    except KeyboardInterrupt:
        messages.print(f"interrupted; what is finished is kept in {folder}: the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        from json import dumps

        typer.echo(dumps(brief(outcome), indent=1))
    else:
        _show(outcome, folder, whole=chosen == CLAIMS)


def _chosen(ids: Sequence[str], known: tuple[Claim, ...]) -> tuple[tuple[Claim, ...], list[Problem]]:
    """The claims asked for, in the order of the register, and what is wrong with the asking."""
    from desilo.cases.findings import did_you_mean

    names = [claim.id for claim in known]
    wanted = [name.upper() for name in ids]
    unknown = [
        Problem("claims", f"unknown claim '{given}'; {did_you_mean(name, names)}")
        for given, name in zip(ids, wanted, strict=True)
        if name not in names
    ]
    return tuple(claim for claim in known if not ids or claim.id in wanted), unknown


def _out_of_range(seed: int, jobs: int | None, coupling: float) -> Iterable[Problem]:
    if not 0 <= seed <= MOST_SEEDS:
        yield Problem("--seed", f"found {seed}; a whole number from 0 to {MOST_SEEDS} is expected")
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        yield Problem("--jobs", f"found {jobs}; a whole number from 1 to {MOST_JOBS} is expected")
    if not (math.isfinite(coupling) and 0 <= coupling <= TIGHTEST):
        yield Problem("--coupling", f"found {coupling:g}; a number from 0 to {TIGHTEST:g} is expected")


def _command(ids: Sequence[str], quick: bool, seed: int, coupling: float) -> str:
    """What makes the same figures."""
    options = [*(["--quick"] if quick else []), *(["--seed", f"{seed}"] if seed != 1 else [])]
    return " ".join(["desilo claims", *ids, *options, *(["--coupling", f"{coupling:g}"] if coupling != 1 else [])])


class Progress(Bar):
    """Says how the trials are coming along: where there is no bar, a line a tenth."""

    things = "trials"
    total = done = 0

    def begin(self, total: int, done: int) -> None:
        """How much there is to do, and how much is there from before."""
        self.total, self.done = total, done
        super().begin(total, done)

    def finished(self, record: TrialRecord) -> None:
        """One more."""
        self.done += 1
        self.bar.update(self.task, description=record.experiment, advance=1)
        if not self.console.is_terminal and (10 * self.done) // self.total > (10 * (self.done - 1)) // self.total:
            self.note(f"{record.experiment}: {self.done} of {self.total} trials")


def _show(outcome: Outcome, folder: Path, whole: bool) -> None:
    """The verdicts as a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from desilo.harness.claims.answer import LIST, PAGE, ends, figure, warnings

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("claim", "", "measured, 95% interval", "control", "verdict"):
        table.add_column(name)
    for judged in outcome.judged:
        first = judged.tests[0].measured.shown if judged.tests else None
        table.add_row(
            judged.claim.id,
            judged.claim.statement,
            f"{figure(first.estimate)} {judged.tests[0].figure.unit}\n{ends(first)}" if first else "",
            {True: "null", False: "FAILED", None: ""}[judged.control_passed],
            judged.verdict,
        )
    console = Console(highlight=False)
    console.print(table)
    for warning in warnings(outcome):
        console.print(warning.replace("**", ""), style="bold", markup=False)
    what = f"{PAGE}, {LIST}, pictures and records" if whole else "records; the page is written when all claims are run"
    console.print(f"Written to {folder}: {what}", markup=False, soft_wrap=True)
