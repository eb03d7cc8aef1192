"""Command line: bench."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import CLUSTER, LARGEST, NUMBER, WHOLE, Exit
from desilo.harness.cli.bar import Bar
from desilo.harness.cli.library import PATTERNS, STANDINGS, published
from desilo.harness.cli.run import INTERRUPTED, LONGEST, MOST_JOBS
from desilo.harness.solvers.running.presets import PRESETS

if TYPE_CHECKING:
    from rich.console import Console

    from desilo.harness.solvers.running.bench import Benched
    from desilo.harness.solvers.runs import Run

MOST_REPEATS = 1000


def register(app: typer.Typer) -> None:
    """Add this module's command to the application."""
    app.command(help=_HELP)(bench)


_HELP = (
    "Run solvers on the library's problems, each run in a process of its own.\n\n"
    "All combinations of formulations, solvers, presets, seeds, permutations and repeats that mean something. A run "
    "that is over its limits is ended and recorded as what it is. Every solution is checked independently of its "
    "solver. The same command goes on from what is there: after Ctrl-C or a kill.\n\n"
    "Presets:\n\n" + "\n\n".join(f"- {name}: {preset.meaning}." for name, preset in PRESETS.items()) + "\n\n"
    "Exit status: 0 done; 5 a wrong answer; 2 bad input; 130 Ctrl-C; 1 anything else."
)


def bench(
    patterns: PATTERNS = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the runs.", show_default="results/runs/bench[-quick]")
    ] = None,
    formulations: Annotated[
        str | None,
        typer.Option(help="tight, pairs, ladder, plain; each with -relaxed; decomposition.", show_default="tight"),
    ] = None,
    presets: Annotated[
        str | None, typer.Option(help="Named sets of options, see above.", show_default="default")
    ] = None,
    solvers: Annotated[str, typer.Option(help="highs; scip and cbc with the extra `solvers`.")] = "highs",
    seeds: Annotated[str, typer.Option(help="Of the solver.")] = "0",
    permutations: Annotated[str, typer.Option(help="Orders of rows and columns; 0 is as written.")] = "0",
    repeats: Annotated[int, typer.Option(**WHOLE, help="The same again, for the noise of the machine.")] = 1,
    time_limit: Annotated[
        float | None, typer.Option(**NUMBER, help="Seconds for the solver.", show_default="60")
    ] = None,
    grace: Annotated[float, typer.Option(**NUMBER, help="Seconds beyond it, after which a run is ended.")] = 120.0,
    memory_limit: Annotated[int, typer.Option(**WHOLE, help="MB, at which a run is ended.")] = 4096,
    gap: Annotated[float, typer.Option(**NUMBER, help="Relative gap at which to stop.")] = 1e-4,
    order_seed: Annotated[int, typer.Option(**WHOLE, help="Of the order of the runs.")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(
            **WHOLE,
            help="Runs at the same time; more than 1 on a machine disturb each other's clock.",
            show_default="1, or all workers",
        ),
    ] = None,
    cluster: CLUSTER = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few small entries: under two minutes, for continuous integration.")
    ] = False,
    standings: STANDINGS = None,
    json: Annotated[bool, typer.Option("--json", help="Print the totals as one JSON list.")] = False,
) -> None:
    """Run solvers on the library's problems, each run in a process of its own."""
    from rich.console import Console

    from desilo.harness.cluster import connected
    from desilo.harness.solvers.library.standings import read_standings
    from desilo.harness.solvers.running import bench as benching
    from desilo.harness.solvers.running.others import OTHERS
    from desilo.harness.solvers.runs import Ending

    base = benching.QUICK if quick else benching.Asked()
    limit = base.time_limit if time_limit is None else time_limit
    given = _Given()
    asked = base.model_copy(
        update={
            "patterns": tuple(patterns or base.patterns),
            "formulations": given.names("--formulations", formulations, base.formulations, benching.FORMULATIONS),
            "presets": given.names("--presets", presets, base.presets, PRESETS),
            "solvers": given.names("--solvers", solvers, base.solvers, ("highs", *OTHERS)),
            "seeds": given.numbers("--seeds", seeds),
            "permutations": given.numbers("--permutations", permutations),
            "repeats": given.within("--repeats", repeats, 1, MOST_REPEATS),
            "time_limit": given.within("--time-limit", limit, 0.1, LONGEST),
            "grace": given.within("--grace", grace, 0, LONGEST),
            "memory_limit": given.within("--memory-limit", memory_limit, 1, LARGEST),
            "gap": given.within("--gap", gap, 0, 1),
            "order_seed": given.within("--order-seed", order_seed, 0, LARGEST),
            "jobs": given.within("--jobs", 1 if jobs is None else jobs, 1, MOST_JOBS),
        }
    )
    if given.problems:
        raise BadInput(given.problems)
    folder = out or Path("results", "runs", "bench-quick" if quick else "bench")
    best = standings or published()
    known = None if best is None else read_standings(best)
    messages = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        with connected(cluster) as found, Progress(messages) as progress:
            if found is not None and jobs is None:
                asked = asked.model_copy(update={"jobs": found.size})
            done = benching.bench(asked, folder, progress, shlex.join(["desilo", *sys.argv[1:]]), known, found)
    except KeyboardInterrupt:
        messages.print(f"interrupted; what has ended is kept in {folder}: the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        _print_json(done)
    else:
        _show(done, folder)
    if any(run.ending is Ending.WRONG for run in done.runs):
        raise typer.Exit(Exit.REGRESSION)


class _Given:
    """Reads options, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def names(self, option: str, given: str | None, default: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
        """Known names, separated by commas."""
        from desilo.cases.findings import did_you_mean

        names = tuple(default) if given is None else _parts(given)
        known = list(known)
        for name in names:
            if name not in known:
                self.problems.append(Problem(option, f"found '{name}'; {did_you_mean(name, known)}"))
        return names

    def numbers(self, option: str, given: str) -> tuple[int, ...]:
        """Whole numbers, separated by commas."""
        parts = _parts(given)
        strange = [part for part in parts if not (part.isdecimal() and int(part) <= LARGEST)]
        for part in strange:
            what = f"found '{part}'; whole numbers from 0 to {LARGEST}, separated by commas, are expected"
            self.problems.append(Problem(option, what))
        return () if strange else tuple(map(int, parts))

    def within(self, option: str, given: float, least: float, most: float) -> float:
        """A number from `least` to `most`."""
        if not (math.isfinite(given) and least <= given <= most):
            self.problems.append(
                Problem(option, f"found {given:g}; a number from {least:g} to {most:.10g} is expected")
            )
        return given


def _parts(given: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in given.split(",")))


class Progress(Bar):
    """Says how the runs are coming along: where there is no bar, a line a run."""

    things = "runs"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.running: dict[str, str] = {}

    def started(self, run: Run) -> None:
        """One more is under way."""
        self.running[run.key] = run.setting.problem
        self._describe()

    def finished(self, run: Run) -> None:
        """One has ended; a failure is worth a line anywhere."""
        from desilo.harness.solvers.comparing.metrics import FAILED
        from desilo.harness.solvers.runs import Ending

        del self.running[run.key]
        self._describe()
        self.bar.advance(self.task)
        if not self.console.is_terminal or run.ending in FAILED | {Ending.WRONG}:
            self.note(_line(run))

    def _describe(self) -> None:
        self.bar.update(self.task, description=", ".join(self.running.values()))


def _line(run: Run) -> str:
    setting = run.setting
    path = f"seed {setting.seed}, order {setting.permutation}"
    what = f"{setting.problem}, {setting.formulation}, {setting.solver}, {setting.preset}, {path}: {run.ending}"
    solve = f" in {run.seconds['solve']:.2f} s" if "solve" in run.seconds else ""
    return f"{what}{solve}{f', {run.note}' if run.note else ''}"


def _totals(done: Benched) -> list[dict[str, Any]]:
    """The totals of each formulation, solver and preset, with every other ending."""
    from collections import Counter

    from desilo.harness.solvers.comparing.metrics import is_solved, totals

    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in done.runs:
        groups.setdefault((run.setting.formulation, run.setting.solver, run.setting.preset), []).append(run)
    return [
        {
            **dict(zip(("formulation", "solver", "preset"), names, strict=True)),
            **totals(runs).model_dump(),
            "endings": dict(Counter(run.ending.value for run in runs if not is_solved(run))),
        }
        for names, runs in groups.items()
    ]


def _print_json(done: Benched) -> None:
    from json import dumps

    typer.echo(dumps({**done.record.model_dump(), "totals": _totals(done)}, indent=1))


def _show(done: Benched, folder: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("formulation", "solver", "preset"):
        table.add_column(name)
    for name in ("solved", "mean, s", "gap at limit"):
        table.add_column(name, justify="right")
    table.add_column("not solved")
    for row in _totals(done):
        left = row["gap_at_limit"]
        table.add_row(
            row["formulation"],
            row["solver"],
            row["preset"],
            f"{row['solved']} of {row['runs']}",
            f"{row['seconds_1']:.2f}",
            "" if left is None else f"{left:.2%}",
            ", ".join(f"{count} {ending}" for ending, count in row["endings"].items()),
        )
    console = Console(highlight=False)
    console.print(table)
    console.print("mean: shifted geometric mean, shift 1 s; what is not solved counts its time limit", style="dim")
    for why, count in done.record.left_out.items():
        console.print(f"{count} combinations left out: {why}", style="dim", markup=False, soft_wrap=True)
    console.print(f"Written to {folder}: runs.jsonl, bench.json", markup=False, soft_wrap=True)
