"""Command line: solve an instance by any operating model, export it for any other solver."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import CLUSTER, LARGEST, NUMBER, WHOLE, Exit, complain

if TYPE_CHECKING:
    from desilo.cases.instance import Instance
    from desilo.formulations.freedom import Formulation
    from desilo.operating.decision import Decision
    from desilo.solving import Options

MODELS = {
    "status-quo": "reference levels, orders by a rule of thumb",
    "pricing-only": "optimised levels, orders by the rule of thumb",
    "demand-only": "the status quo on an optimised forecast; on an instance there is one forecast: as status-quo",
    "inventory-only": "optimised orders at the reference levels",
    "isolated": "pricing and inventory side by side, each on yesterday's picture; orders cut if they clash",
    "sequential": "pricing, then inventory for the levels planned",
    "coordinated": "teams of items plan apart, under limits and transfer prices agreed beforehand (see --strength)",
    "joint": "one model (see --method)",
    "clairvoyant": "every scenario known beforehand: a bound, not a plan",
}
"""The operating models that can be asked for, and what they are."""

METHODS = {
    "auto": "decomposition where the model is large and teams share its limits",
    "monolith": "one model and neighbourhoods of it",
    "decomposition": "team by team at prices for what they share; --threads of them side by side",
}
"""How the joint model is solved."""

STRENGTHS = {
    "limits": "limits are divided beforehand",
    "prices": "limits are traded at transfer prices",
    "repair": "and orders are solved again for all",
}
"""How much the coordinated model coordinates."""

EXPORTED = {
    "joint": "the joint model",
    "pricing-only": "the pricing function's own model at unlimited supply",
    "inventory-only": "the joint model at the reference levels",
}
"""Operating models that are one mathematical program."""

FORMULATIONS = {
    "tight": "facility-location rows, pair variables, multiplied rows",
    "pairs": "tight without the facility-location rows",
    "ladder": "pairs, with binaries along the price ladder",
    "plain": "big-M set-ups, aggregated cross effects",
}


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command("solve", help=_SOLVE_HELP)(solve_instance)
    app.command("export")(export_instance)


def _choices(names: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {meaning}" for name, meaning in names.items())


def _listed(names: Mapping[str, str]) -> str:
    return "\n\n".join(f"- {name}: {meaning}." for name, meaning in names.items())


_SOLVE_HELP = (
    "Solve an instance by one of the operating models.\n\n"
    f"Models:\n\n{_listed(MODELS)}\n\n"
    "Exit status: 0 solved to the asked gap; 3 stopped by a limit or Ctrl-C, with a plan; 4 infeasible; "
    "2 bad input; 1 anything else."
)

INSTANCE = Annotated[Path, typer.Argument(help="Folder of the instance.")]
FORMULATION = Annotated[
    str,
    typer.Option(
        help=f"How the problem is written down: {'; '.join(f'{k}: {v}' for k, v in FORMULATIONS.items())}.",
        autocompletion=lambda: list(FORMULATIONS),
    ),
]


@contextmanager
def _no_plan_if_interrupted() -> Iterator[None]:
    """Ctrl-C outside the solver, or for the second time: within it the first one asks for what there is."""
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted before there was a plan")
        raise typer.Exit(Exit.UNEXPECTED) from None


@_no_plan_if_interrupted()
def solve_instance(
    instance: INSTANCE,
    model: Annotated[
        str, typer.Option(help="Operating model, see above.", autocompletion=lambda: list(MODELS.items()))
    ],
    out: Annotated[Path | None, typer.Option(help="Write the plan to this solution file (JSON).")] = None,
    gap: Annotated[float, typer.Option(**NUMBER, help="Relative gap at which to stop; 0 proves optimality.")] = 1e-4,
    time_limit: Annotated[
        float | None, typer.Option(**NUMBER, help="Seconds for all decisions together.", show_default="none")
    ] = None,
    threads: Annotated[int, typer.Option(**WHOLE, help="Threads of the solver.")] = 1,
    seed: Annotated[int, typer.Option(**WHOLE, help="Random seed of the solver.")] = 0,
    formulation: FORMULATION = "tight",
    method: Annotated[
        str, typer.Option(help=f"Joint: {_choices(METHODS)}.", autocompletion=lambda: list(METHODS.items()))
    ] = "auto",
    strength: Annotated[
        str, typer.Option(help=f"Coordinated: {_choices(STRENGTHS)}.", autocompletion=lambda: list(STRENGTHS.items()))
    ] = "repair",
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Joint by decomposition: keep the state in this file, and go on from it.", dir_okay=False),
    ] = None,
    cluster: CLUSTER = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    log: Annotated[bool, typer.Option(help="Show the solver's log, on standard error.")] = False,
) -> None:
    """Solve an instance by one of the operating models."""
    problems = [
        *_unknown("--model", model, MODELS),
        *_unknown("--formulation", formulation, FORMULATIONS),
        *_unknown("--method", method, METHODS),
        *_unknown("--strength", strength, STRENGTHS),
        *_out_of_range(gap, time_limit, threads, seed),
    ]
    if out is not None and model == "clairvoyant":
        problems.append(Problem("--out", "clairvoyant is a bound, not a plan: there is nothing to write; leave it out"))
    elif out is not None:
        problems += _unwritable(out)
    if checkpoint is not None:
        problems += _unwritable(checkpoint)
    if cluster is not None and model != "coordinated" and (model, method) != ("joint", "decomposition"):
        apart = "--model coordinated, or --model joint --method decomposition"
        problems.append(Problem("--cluster", f"is for teams that plan apart: {apart}; leave it out, or choose these"))
    if problems:
        raise BadInput(problems)

    from desilo.cases.plan import write_plan
    from desilo.cases.reading import read_instance
    from desilo.formulations.freedom import Formulation
    from desilo.harness.cluster import connected
    from desilo.operating.deciding import decide
    from desilo.operating.decision import How, Method, OperatingModel, Pictures, Strength
    from desilo.solving import Options

    problem = read_instance(instance)
    limit = math.inf if time_limit is None else time_limit
    options = Options(time_limit=limit, gap=gap, seed=seed, threads=threads, log=log)
    with (
        connected(cluster) as found,
        nullcontext(()) if found is None else found.one_by_one() as executors,
        _spinner(f"{model} on {problem.name}", silent=log),
        _log_on_stderr() if log else nullcontext(),
    ):
        how = How(Method(method), Strength(strength), checkpoint, executors)
        decision = decide(OperatingModel(model), Pictures.same(problem), options, Formulation(formulation), how)
    if out is not None and decision.plan is not None:
        write_plan(problem, decision.plan, out)
    facts = as_dict(problem, decision, options, formulation)
    if as_json:
        typer.echo(json.dumps(facts, allow_nan=False))
    else:
        _show(facts, problem.currency)
    code = exit_code(decision)
    if code is not Exit.OK:
        complain(_explanation(decision, code, out))
        raise typer.Exit(code)


def export_instance(
    instance: INSTANCE,
    out: Annotated[Path, typer.Argument(help="MPS file to write.")],
    model: Annotated[
        str,
        typer.Option(
            help="; ".join(f"{k}: {v}" for k, v in EXPORTED.items()) + ".",
            autocompletion=lambda: list(EXPORTED.items()),
        ),
    ] = "joint",
    formulation: FORMULATION = "tight",
) -> None:
    """Write an instance's model as an MPS file for any other solver; it is to be maximised."""
    problems = [*_unknown("--formulation", formulation, FORMULATIONS), *_unwritable(out)]
    if model in MODELS.keys() - EXPORTED.keys():
        known = ", ".join(EXPORTED)
        problems.append(Problem("--model", f"{model} is not one mathematical program; those that are: {known}"))
    else:
        problems += _unknown("--model", model, EXPORTED)
    if out.suffix != ".mps":
        problems.append(Problem(str(out), "the file is in MPS format; give it a name that ends in .mps"))
    if problems:
        raise BadInput(problems)

    from desilo.cases.reading import read_instance
    from desilo.formulations.freedom import Formulation
    from desilo.solving import write_mps

    problem = read_instance(instance)
    with _spinner(f"building {model} for {problem.name}"):
        size = write_mps(_program(model, problem, Formulation(formulation)), out)
    typer.echo(
        f"{problem.name}, {model}, {formulation}: {size.rows} rows, {size.columns} columns ({size.integers} integer), "
        f"{size.nonzeros} nonzeros -> {out}"
    )


def _program(model: str, instance: Instance, formulation: Formulation) -> Any:
    from desilo.formulations.freedom import Freedom
    from desilo.formulations.models import joint_model, pricing_model

    if model == "pricing-only":
        return pricing_model(instance).model  # it has one formulation
    freedom = Freedom.full(instance)
    if model == "inventory-only":
        freedom = freedom.at_levels(instance.reference[:, None].repeat(instance.periods, axis=1))
    return joint_model(instance, freedom, formulation).model


def exit_code(decision: Decision) -> Exit:
    """What a decision means for whoever called. The clairvoyant bound counts as a plan."""
    from desilo.solving import Stop

    if math.isfinite(decision.objective):
        return Exit.OK if decision.stop is Stop.OPTIMAL else Exit.LIMIT
    return Exit.INFEASIBLE if decision.stop is Stop.INFEASIBLE else Exit.UNEXPECTED


def as_dict(instance: Instance, decision: Decision, options: Options, formulation: str) -> dict[str, Any]:
    """A decision as JSON has it: no nan, no infinity.

    `bound` limits what the decision taken last could have earned, given the decisions before it. Where that one has
    nothing to optimise (a rule of thumb, plans put together) it is the objective itself, unless a limit cut the
    decisions before it short: then nothing is known.
    """
    from desilo.cases.plan import as_solution
    from desilo.solving import Stop, relative_gap
    from desilo.solving.highs import SOLVER

    bound = decision.bound
    if math.isnan(bound) and decision.stop is Stop.OPTIMAL:
        bound = decision.objective
    plan = None if decision.plan is None else as_solution(instance, decision.plan)
    found: dict[str, Any] = _finite(
        {
            "instance": instance.name,
            **decision.as_dict(),
            "bound": bound,
            "gap": relative_gap(decision.objective, bound),
            "solver": SOLVER,
            "formulation": formulation,
            "options": vars(options),
            "levels": plan and plan["levels"],
            "orders": plan and plan["orders"],
        }
    )
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _show(facts: Mapping[str, Any], currency: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    def money(figure: float | None) -> str:
        return "-" if figure is None else f"{figure:,.2f} {currency}".rstrip()

    gap = "-" if facts["gap"] is None else f"{facts['gap']:.4%}"
    screen = Console(highlight=False, soft_wrap=True, markup=False)
    screen.print(f"{facts['instance']}, {facts['model']}: {facts['status']}")
    screen.print(f"expected profit  {money(facts['objective'])}")
    screen.print(f"bound            {money(facts['bound'])}, gap {gap}")
    if "protocol" in facts:
        told = facts["protocol"]
        screen.print(f"joint bound      {money(facts['joint_bound'])}")
        screen.print(
            f"told             {told['messages']} messages in {told['rounds']} rounds: "
            f"{told['numbers_told_to_teams']:,} numbers to teams, {told['numbers_revealed_by_teams']:,} by them"
        )
    if facts["repaired"]:
        screen.print("orders were cut: together the functions' plans broke a hard limit")
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("decision", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for name in ("solves", "rows", "columns", "nodes", "seconds"):
        table.add_column(name, justify="right")
    for decision in dict.fromkeys(step["function"] for step in facts["steps"]):
        steps = [step for step in facts["steps"] if step["function"] == decision]
        status = next((step["stop"] for step in steps if step["stop"] != "optimal"), "optimal")
        rows, columns = (max(step["size"][side] for step in steps) for side in ("rows", "columns"))
        nodes = sum(step["nodes"] for step in steps)
        seconds = sum(sum(step["seconds"].values()) for step in steps)
        counts = (str(count) for count in (len(steps), rows, columns, nodes))
        table.add_row(decision, status, *counts, f"{seconds:.2f}")
    screen.print(table)
    screen.print(f"{facts['seconds']:.2f} s with {facts['solver']}")


def _explanation(decision: Decision, code: Exit, out: Path | None) -> str:
    """Why the exit status is not 0."""
    step = decision.steps[-1].function if decision.steps else decision.model
    match code:
        case Exit.LIMIT:
            return f"stopped before the asked gap was proven: {decision.stop.value}; the plan is the best found"
        case Exit.INFEASIBLE:
            kept = "no plan keeps every limit and service target"
            return f"infeasible: {kept} (decision: {step})" + ("" if out is None else f"; {out} is not written")
        case _:
            hint = {
                "unbounded": "an order that is never sold earns without limit; look at salvage values and amounts",
                "error": "the solver could not say; --log shows what it did",
            }.get(decision.stop.value, "stopped before any plan was found; allow more time")
            return f"no plan ({decision.stop.value}, decision: {step}): {hint}"


def _unknown(option: str, name: str, known: Mapping[str, str]) -> Iterable[Problem]:
    if name not in known:
        from desilo.cases.findings import did_you_mean

        yield Problem(option, f"found '{name}'; {did_you_mean(name, known)}")


def _out_of_range(gap: float, time_limit: float | None, threads: int, seed: int) -> Iterable[Problem]:
    if not 0 <= gap < math.inf:
        yield Problem("--gap", f"found {gap:g}; a number of 0 or more is expected")
    if time_limit is not None and not time_limit > 0:
        yield Problem("--time-limit", f"found {time_limit:g}; a number of seconds above 0 is expected")
    if not 1 <= threads <= LARGEST:
        yield Problem("--threads", f"found {threads}; a whole number of 1 or more is expected")
    if not 0 <= seed <= LARGEST:
        yield Problem("--seed", f"found {seed}; a whole number from 0 to {LARGEST} is expected")


def _unwritable(path: Path) -> Iterable[Problem]:
    """Found out by trying, before an hour of solving is lost to a folder without permission."""
    try:
        if path.exists() and not path.is_file():  # a device would be replaced by a file
            raise OSError(None, "it is a folder" if path.is_dir() else "it is not a plain file")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        yield Problem(str(path), f"cannot be written: {error.strerror}")


@contextmanager
def _spinner(text: str, silent: bool = False) -> Iterator[None]:
    """Something that moves while people wait; nothing where standard error is not a terminal."""
    from rich.console import Console

    errors = Console(stderr=True)
    with errors.status(text) if errors.is_terminal and not silent else nullcontext():
        yield


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """The solver writes its log to file descriptor 1 by itself; standard output is kept for the result."""
    result = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(result, 1)
        os.close(result)
