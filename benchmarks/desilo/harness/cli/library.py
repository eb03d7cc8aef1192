"""Command line: the instance library, and the gate that a solver must pass."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import NUMBER, Exit, complain
from desilo.harness.cli.solve import FORMULATIONS

if TYPE_CHECKING:
    from rich.table import Table

    from desilo.formulations.freedom import Formulation
    from desilo.harness.solvers.library.entries import Entry
    from desilo.harness.solvers.library.standings import Standing

PATTERNS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PATTERN]...",
        help="Names, names with * and ?, families, sizes, tags; joined by + all must fit: joint+S+real.",
        show_default="all",
    ),
]
NAME = Annotated[str, typer.Argument(help="Name of an entry, see `desilo library list`.")]
STANDINGS = Annotated[
    Path | None,
    typer.Option(
        "--standings", help="Folder of the standings.", show_default="results/library of the checkout", file_okay=False
    ),
]
LARGE = 1e5
"""Figures from here on are shown without decimals, so that a row fits into a line."""

AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    library = typer.Typer(name="library", help="Problems to hold solvers against.", no_args_is_help=True)
    library.command("list")(list_entries)
    library.command("export")(export)
    library.command("verify")(verify)
    library.command("submit")(submit)
    library.command("publish")(publish)
    app.add_typer(library)
    app.command()(gate)


def list_entries(patterns: PATTERNS = None, standings: STANDINGS = None, as_json: AS_JSON = False) -> None:
    """List the entries with the best that is known of them."""
    from desilo.harness.solvers.library.entries import select
    from desilo.harness.solvers.library.standings import SOLVED, Standings, read_standings

    folder = standings or published()
    known = Standings() if folder is None else read_standings(folder)
    chosen = [(entry, known.of(entry)) for entry in select(patterns or [])]
    if as_json:
        typer.echo(json.dumps([_facts(entry, standing) for entry, standing in chosen], indent=1))
        return
    table = _table("entry", "objective", "bound", "gap")
    for entry, standing in chosen:
        table.add_row(entry.name, *_figures(standing))
    _print(table)
    solved = sum(standing.gap <= SOLVED for _, standing in chosen)
    typer.echo(f"\n{len(chosen)} entries, {solved} of them solved to {SOLVED:.2%}.")
    if folder is None:
        complain(f"There are no standings in this installation. {_WHERE}")


def export(
    name: NAME,
    folder: Annotated[Path | None, typer.Argument(help="Folder to write the problem's files into.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write this MPS file and nothing else.")] = None,
    formulation: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(FORMULATIONS)}.", show_default="all that differ; tight with --out"),
    ] = None,
    standings: STANDINGS = None,
) -> None:
    """Write an entry as MPS files and as data, for any other solver.

    The folder gets NAME-FORMULATION.mps; NAME, the instance in desilo's format
    (of a demand problem the records); and NAME.json, the best known solution.
    """
    from desilo.cases.folders import fresh_file
    from desilo.formulations.freedom import Formulation
    from desilo.harness.solvers.library.entries import find
    from desilo.harness.solvers.library.standings import best_solution, read_standings

    entry = find(name)
    if (folder is None) == (out is None):
        raise BadInput([Problem("library export", "a folder or --out FILE.mps is expected, one of the two")])
    if formulation is not None and formulation not in FORMULATIONS:
        known = ", ".join(FORMULATIONS)
        raise BadInput([Problem("--formulation", f"found '{formulation}'; one of {known} is expected")])
    chosen = entry.formulations if formulation is None else (Formulation(formulation),)
    if out is not None:
        if out.suffix != ".mps":
            raise BadInput([Problem(str(out), "the file is in MPS format; give it a name that ends in .mps")])
        _write_mps(entry, chosen[0], out)
        return
    assert folder is not None
    entry.problem.export(folder / entry.name)
    typer.echo(f"{entry.name}: the problem's data -> {folder / entry.name}")
    for form in chosen:
        _write_mps(entry, form, folder / f"{entry.name}-{form}.mps")
    place = standings or published()
    best = None if place is None else read_standings(place).of(entry).best
    if place is not None and best is not None:
        solution = best_solution(entry, best, place)
        with fresh_file(folder / f"{entry.name}.json") as fresh:
            fresh.write_bytes(solution)
        typer.echo(f"{entry.name}: the best known solution -> {folder / f'{entry.name}.json'}")


def _write_mps(entry: Entry, formulation: Formulation, out: Path) -> None:
    from desilo.solving import write_mps

    if not out.parent.is_dir():
        raise BadInput([Problem(str(out), "its folder does not exist; make it first")])
    size = write_mps(entry.program_model(formulation), out)
    typer.echo(
        f"{entry.name}, {formulation}: {'minimise' if entry.sense == 1 else 'maximise'}, {size.rows} rows, "
        f"{size.columns} columns ({size.integers} integer), {size.nonzeros} nonzeros -> {out}"
    )


def verify(patterns: PATTERNS = None, standings: STANDINGS = None) -> None:
    """Make every entry again and check the best that is known of it.

    Each must be the problem it was when it entered, by its digest; each
    solution is checked independently of all models and solvers, and no bound
    may contradict it.

    Exit status: 0 all is right; 1 something is not; 2 bad input.
    """
    from dataclasses import replace

    from rich.console import Console
    from rich.progress import track

    from desilo.harness.solvers.library.entries import select
    from desilo.harness.solvers.library.standings import SOLVED, read_standings, strangers, wrong

    folder = _required(standings)
    known = read_standings(folder)
    chosen = select(patterns or [])
    screen = Console(stderr=True)
    table = _table("entry", "objective", "bound", "gap", "state")
    found = list(strangers(known))
    anew = (replace(entry) for entry in chosen)  # made again, and forgotten again: the large ones need not stay
    shown = track(anew, "verifying", len(chosen), console=screen, transient=True, disable=not screen.is_terminal)
    for entry in shown:
        problems = list(wrong(entry, known.of(entry), folder))
        found += [f"{entry.name}: {problem}" for problem in problems]
        state = "WRONG" if problems else "open" if known.of(entry).gap > SOLVED else "solved"
        table.add_row(entry.name, *_figures(known.of(entry)), state)
    _print(table)
    for problem in found:
        complain(problem)
    if found:
        complain(f"{len(found)} things are wrong.")
        raise typer.Exit(Exit.UNEXPECTED)
    typer.echo(f"\nEntries checked: {len(chosen)}. Each is the problem it was, and what is known of it is right.")


def submit(
    name: NAME,
    by: Annotated[str, typer.Option(help="Who found it.")],
    solution: Annotated[
        Path | None,
        typer.Argument(help="Solution file (.json), or columns of the MPS file and their values, a line each."),
    ] = None,
    bound: Annotated[float | None, typer.Option(**NUMBER, help="Proven on every solution's objective.")] = None,
    how: Annotated[str, typer.Option(help="Command or method, solver and version; required with a bound.")] = "",
    standings: STANDINGS = None,
) -> None:
    """Submit a solution or a bound.

    A solution is checked independently and enters if it is better than the one
    on record. A bound enters if it is better, if how it was proven is told, and
    if no known solution contradicts it.

    Exit status: 0 checked, whether better or not; 2 bad input; 4 the solution
    is not feasible; 5 a bound, offered or on record, is refuted by a solution.
    """
    from datetime import date

    from desilo.harness.solvers.library import standings as board
    from desilo.harness.solvers.library.entries import find

    entry = find(name)
    problems = []
    if solution is None and bound is None:
        problems.append(Problem("library submit", "a solution file or --bound is expected"))
    if bound is not None and not math.isfinite(bound):
        problems.append(Problem("--bound", f"found {bound}; a finite number is expected"))
    if bound is not None and not how.strip():
        problems.append(Problem("--how", "a bound is entered with how it was proven: method, solver and version"))
    if not by.strip():
        problems.append(Problem("--by", "a name is expected"))
    if problems:
        raise BadInput(problems)
    offer = board.Offer(by.strip(), date.today(), how.strip(), solution, bound)
    answer = board.submit(entry, offer, _required(standings))
    for line in answer.said:
        typer.echo(f"{entry.name}: {line}" if not line.startswith(" ") else line)
    if answer.check is not None and not answer.check.feasible:
        raise typer.Exit(Exit.INFEASIBLE)
    if answer.refuted:
        raise typer.Exit(Exit.REGRESSION)


def publish(
    runs: Annotated[
        Path | None,
        typer.Option(help="Runs of `desilo bench` to show solve times of; kept as runs.jsonl."),
    ] = None,
    standings: STANDINGS = None,
) -> None:
    """Write the page of the standings: sizes, best known, and solve times.

    Sizes that are not in sizes.json yet are measured by building the programs,
    which takes some minutes for the large ones.
    """
    from desilo.harness.solvers.library.page import write_page

    folder = _required(standings)
    typer.echo(f"Written to {folder}: {', '.join(write_page(folder, runs))}")


def gate(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Have the installed solver solve tiny problems with known answers.

    The answers were found by enumeration. A version of the solver must get all
    of them right before its times count.

    Exit status: 0 passed; 5 failed; 1 anything else.
    """
    from desilo.harness.solvers.gate.gate import WAYS, failures
    from desilo.harness.solvers.gate.tiny import read
    from desilo.solving.highs import SOLVER

    programs = read()
    found = failures(programs)
    wrong = len({failure.program for failure in found})
    if as_json:
        status = "failed" if found else "passed"
        facts = {"status": status, "solver": SOLVER, "programs": len(programs), "wrong": wrong}
        typer.echo(json.dumps({**facts, "failures": [vars(failure) for failure in found]}))
    elif not found:
        typer.echo(f"{SOLVER} solves all {len(programs)} programs rightly, each in {len(WAYS)} ways.")
    else:
        table = _table("program", "solved with", "expected", "found", text=4)
        for failure in found:
            table.add_row(failure.program, failure.way, failure.expected, failure.found)
        _print(table)
        typer.echo(f"{SOLVER} solves {wrong} of {len(programs)} programs wrongly.")
    if found:
        raise typer.Exit(Exit.REGRESSION)


def published() -> Path | None:
    """The standings of the checkout this runs from; an installed wheel has none."""
    folder = Path(__file__).parents[4] / "results" / "library"
    return folder if folder.is_dir() else None


_WHERE = "They are in results/library of the repository: get a checkout and give --standings DIR."


def _required(standings: Path | None) -> Path:
    folder = standings or published()
    if folder is None:
        raise BadInput([Problem("--standings", f"there are no standings in this installation. {_WHERE}")])
    return folder


def _facts(entry: Entry, standing: Standing) -> dict[str, Any]:
    """An entry as JSON has it; what is not known is null."""
    return {
        "name": entry.name,
        "family": entry.family,
        "size": entry.size,
        "tags": sorted(entry.tags),
        "sense": "minimise" if entry.sense == 1 else "maximise",
        "formulations": [str(formulation) for formulation in entry.formulations],
        "digest": entry.digest,
        "best": standing.best and standing.best.model_dump(mode="json"),
        "bound": standing.bound and standing.bound.model_dump(mode="json"),
        "gap": standing.gap if math.isfinite(standing.gap) else None,
    }


def _figures(standing: Standing) -> tuple[str, str, str]:
    """Objective, bound and gap, for people."""
    objective, bound = ("-" if mark is None else _money(mark.value) for mark in (standing.best, standing.bound))
    gap = "-" if math.isinf(standing.gap) else "> 100%" if standing.gap > 1 else f"{standing.gap:.2%}"
    return objective, bound, gap


def _money(figure: float) -> str:
    return f"{figure:,.2f}" if abs(figure) < LARGE else f"{figure:,.0f}"


def _table(*header: str, text: int = 1) -> Table:
    """A table whose first columns are text, the others figures."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for k, name in enumerate(header):
        table.add_column(name, justify="left" if k < text else "right", no_wrap=True)
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    Console(highlight=False, soft_wrap=False).print(table, markup=False)
