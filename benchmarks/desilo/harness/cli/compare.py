"""Command line: is the solver worse than before?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import NUMBER, WHOLE, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desilo.harness.solvers.comparing.compare import Comparison
    from desilo.harness.solvers.comparing.noise import Noise
    from desilo.harness.solvers.runs import Run

TRIALS = 200


def register(app: typer.Typer) -> None:
    """Add this module's command to the application."""
    app.command()(compare)


CONDITION = "e.g. preset=no-presolve, highspy=1.13.1 or seed=0,1; may be repeated."


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="Bench folder, or its runs.jsonl, before.")],
    after: Annotated[
        Path | None, typer.Argument(metavar="[B]", help="The same after.", show_default="A", dir_okay=True)
    ] = None,
    only_before: Annotated[
        list[str] | None, typer.Option("--before", metavar="FIELD=VALUE", help=f"Only these runs of A, {CONDITION}")
    ] = None,
    only_after: Annotated[
        list[str] | None, typer.Option("--after", metavar="FIELD=VALUE", help="Only these runs of B, likewise.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Metrics that decide; may be repeated.", show_default="iterations, nodes, presolved, nonzeros"
        ),
    ] = None,
    margin: Annotated[float, typer.Option(**NUMBER, help="Relative change that is none.")] = 0.05,
    aa: Annotated[
        bool, typer.Option("--aa", help="Compare A with itself, divided at random: how often is nothing found?")
    ] = False,
    trials: Annotated[int, typer.Option(**WHOLE, help="Divisions tried by --aa.")] = TRIALS,
    markdown: Annotated[Path | None, typer.Option(help="Write a comment for a pull request to this file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write comparison.json and pictures of profiles here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare two benches, or two settings within one.

    Runs with the same setting are compared; fields named by --before and
    --after may differ. Work that is the same on every machine decides, the
    clock stands beside it; a wrong answer is always one too many.

    Exit status: 0 no regression; 5 a regression, a wrong answer or a new
    failure; 2 bad input; 1 anything else.
    """
    from desilo.harness.solvers.comparing.pairing import pair, read_conditions, require_comparable, select
    from desilo.harness.solvers.runs import read_runs

    deciding = _metrics(metric, margin, trials)
    conditions = [read_conditions("--before", only_before or []), read_conditions("--after", only_after or [])]
    old = select(read_runs(before), conditions[0], "--before")
    if aa:
        _aa(old, trials, margin, json)
        return
    new = select(read_runs(after or before), conditions[1], "--after")

    from desilo.harness.records import write_record, write_text
    from desilo.harness.solvers.comparing.compare import compare as compared
    from desilo.harness.solvers.comparing.metrics import METRICS
    from desilo.harness.solvers.comparing.noise import noise
    from desilo.harness.solvers.comparing.page import to_markdown

    pairing = pair(old, new, {*conditions[0], *conditions[1]})
    require_comparable(pairing, old, new)
    names = (_name(before, only_before), _name(after or before, only_after))
    found = compared(pairing, old, new, deciding, margin, names)
    noises = [
        noise(runs, METRICS[name], side)
        for name in ("seconds", "iterations", "nodes")
        for side, runs in (("before", old), ("after", new))
    ]
    if markdown is not None:
        write_text(to_markdown(found, noises), markdown)
    if out is not None:
        from desilo.harness.solvers.comparing.profiles import write_profiles

        write_record(found, out / "comparison.json")
        write_profiles(pairing.pairs, out)
    if json:
        from json import dumps, loads

        whole = loads(found.model_dump_json()) | {"noise": [each.model_dump() for each in noises]}
        typer.echo(dumps(whole, indent=1))
    else:
        _show(found, noises)
    from desilo.harness.solvers.comparing.compare import Verdict

    if found.verdict in {Verdict.WRONG, Verdict.REGRESSION}:
        raise typer.Exit(Exit.REGRESSION)


def _metrics(given: Sequence[str] | None, margin: float, trials: int) -> tuple[str, ...]:
    from desilo.cases.findings import did_you_mean
    from desilo.harness.solvers.comparing.metrics import DECIDING, METRICS

    problems = [
        Problem("--metric", f"found '{name}'; {did_you_mean(name, METRICS)}")
        for name in given or []
        if name not in METRICS
    ]
    if not 0 <= margin < math.inf:
        problems.append(Problem("--margin", f"found {margin:g}; a number of 0 or more is expected"))
    if trials < 1:
        problems.append(Problem("--trials", f"found {trials}; a whole number of 1 or more is expected"))
    if problems:
        raise BadInput(problems)
    return tuple(dict.fromkeys(given)) if given else DECIDING


def _name(place: Path, conditions: Sequence[str] | None) -> str:
    return " ".join([str(place), *(conditions or [])])


def _aa(runs: Sequence[Run], trials: int, margin: float, json: bool) -> None:
    """Both kinds of A/A trials."""
    from json import dumps

    from desilo.harness.solvers.comparing.noise import trials_of_clock, trials_of_work

    kinds = {
        "work": (trials_of_work(runs, trials, seed=1, margin=margin), "two seeds or permutations of two problems"),
        "clock": (trials_of_clock(runs, trials, seed=1, margin=margin), "two repeats of two problems"),
    }
    if json:
        typer.echo(dumps({kind: {"same": found.same, "trials": found.count} for kind, (found, _) in kinds.items()}))
        return
    for kind, (found, needed) in kinds.items():
        if found.count:
            typer.echo(
                f"{kind}: no difference in {found.same} of {found.count} trials ({found.same / found.count:.1%})"
            )
        else:
            typer.echo(f"{kind}: nothing to divide; a bench with at least {needed} is needed")


def _show(found: Comparison, noises: Sequence[Noise]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from desilo.harness.solvers.comparing.page import HEADER, headline, method, noise_lines, remarks, rows, versions

    screen = Console(highlight=False, markup=False)
    screen.print(headline(found), style="bold")
    for line in [*versions(found), *remarks(found)]:
        screen.print(line)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, name in enumerate(HEADER):
        table.add_column(name, justify="right" if column in {1, 2} else "left")
    for row in rows(found):
        table.add_row(*row)
    screen.print(table)
    for line in noise_lines(noises):
        screen.print(line)
    screen.print(method(found))
