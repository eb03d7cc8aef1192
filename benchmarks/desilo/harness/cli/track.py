"""Command line: a history of the solver's work, version by version."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli.run import INTERRUPTED


def register(app: typer.Typer) -> None:
    """Add this module's command to the application."""
    app.command(context_settings={"ignore_unknown_options": True})(track)


def track(
    history: Annotated[Path, typer.Option(help="Folder of the history; made if need be.")],
    rest: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BENCH]... | [BENCH OPTIONS]",
            help="Benches to append; with --highspy or --pyomo: what `desilo bench` is given.",
            show_default="none",
        ),
    ] = None,
    highspy: Annotated[
        str | None, typer.Option(metavar="VERSIONS", help="Measure these versions, e.g. 1.12.0,1.13.1.")
    ] = None,
    pyomo: Annotated[str | None, typer.Option(metavar="VERSIONS", help="Likewise.")] = None,
    environments: Annotated[
        Path | None, typer.Option(help="Where environments are kept.", show_default="HISTORY/.environments")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Append benches to a history and find the step where a metric changed.

    With --highspy or --pyomo each version is installed in an environment of its
    own, everything else as it is here; has to pass `desilo gate`; and is benched
    by `desilo bench` with the options given. What fails is recorded, the rest
    goes on. The same command goes on from what is there.

    Exit status: 0 done, whatever is found; 2 bad input; 130 Ctrl-C; 1 anything
    else.
    """
    from rich.console import Console

    from desilo.harness.run import locked
    from desilo.harness.solvers.tracking.history import TRACKED, append, read_history
    from desilo.harness.solvers.tracking.page import say, write_page
    from desilo.harness.solvers.tracking.track import combinations, measure

    messages = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    asked = _versions({"highspy": highspy, "pyomo": pyomo})
    given = list(rest or [])
    if not asked and not given and not history.exists():
        what = "there is no such history; give benches to append, or versions to measure with --highspy or --pyomo"
        raise BadInput([Problem(str(history), what)])
    try:
        with locked(history):
            if asked:
                command = _command(asked, given)
                for pins in combinations(asked):
                    measure(pins, history, environments or history / ".environments", given, command, messages.print)
            else:
                for place in given:
                    messages.print(f"{place}: {append(Path(place), history)} new runs")
            benches = read_history(history)
            found = write_page(benches, history)
    except KeyboardInterrupt:
        messages.print(f"interrupted; what is finished is kept in {history}: the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        from json import dumps

        versions = [bench.record.model_dump(mode="json") | {"runs": len(bench.runs)} for bench in benches]
        dumped = [step.model_dump(mode="json") for _, steps in found for step in steps]
        typer.echo(dumps({"versions": versions, "steps": dumped}, indent=1))
        return
    screen = Console(highlight=False, soft_wrap=True, markup=False)
    for bench in benches:
        shown = ", ".join(f"{name} {bench.versions[name]}" for name in TRACKED if name in bench.versions)
        problem = f": {bench.record.problem}" if bench.record.problem else ""
        screen.print(f"{shown}: {bench.record.status}, {len(bench.runs)} runs{problem}")
    for series, steps in found:
        for step in steps:
            screen.print(say(step).replace("**", ""))
        if not steps:
            screen.print(f"{series.package}: no step")
    screen.print(f"Written to {history}: README.md, history.jsonl, pictures")


def _versions(given: dict[str, str | None]) -> dict[str, list[str]]:
    """Versions by package.

    Raises:
        BadInput: something is no version.
    """
    from packaging.version import InvalidVersion, Version

    found: dict[str, list[str]] = {}
    problems = []
    for package, text in given.items():
        for version in (text or "").split(",") if text is not None else []:
            try:
                found.setdefault(package, []).append(str(Version(version)))
            except InvalidVersion:
                what = f"found '{version}'; versions with commas between them are expected, e.g. 1.12.0,1.13.1"
                problems.append(Problem(f"--{package}", what))
    if problems:
        raise BadInput(problems)
    return found


def _command(asked: dict[str, list[str]], bench: list[str]) -> str:
    """What makes the same history in an empty folder."""
    options = [f"--{package} {','.join(versions)}" for package, versions in asked.items()]
    return " ".join(["desilo track", *options, "--history DIR", *map(shlex.quote, bench)])
