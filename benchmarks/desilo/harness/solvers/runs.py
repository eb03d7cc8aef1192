"""One run of a solver on one problem of the library: one line of JSON. What is not known is null."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import Findings, schema_problems
from desilo.harness.records import Known, Record

RUNS = "runs.jsonl"
"""The file of a bench folder that holds its runs."""

SchemaVersion = Literal[1]
"""Raised whenever a line of an older version can no longer be read."""


class Ending(StrEnum):
    """How a run ended. Failures are recorded as what they are."""

    OPTIMAL = "optimal"  # to the asked gap
    TIME_LIMIT = "time-limit"  # the solver stopped by itself at its time limit
    OTHER_LIMIT = "other-limit"  # iterations, nodes, an objective target
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    ERROR = "error"  # the solver could not say, or its process raised an error
    REFUSED = "refused"  # the solver does not have the option or the method that was asked for
    OVERTIME = "overtime"  # it did not stop at its time limit and was ended
    OUT_OF_MEMORY = "out-of-memory"  # it was ended at the memory limit, or said so itself
    CRASHED = "crashed"  # its process died of something else
    WRONG = "wrong"  # what it calls a solution is none, or not worth what it says, or better than a proven bound


RELAXED = "-relaxed"
"""Ends the name of a formulation that is solved without its integers."""

DECOMPOSITION = "decomposition"
"""The formulation of joint problems that are solved team by team."""


class Setting(Record):
    """What was asked for. Two runs with the same setting differ only in the versions and the machine."""

    problem: str  # name in the library
    digest: str  # of the problem's content, SHA-256
    formulation: str = "tight"  # or another of `Formulation`, either ending in `RELAXED`, or `DECOMPOSITION`
    solver: str = "highs"
    preset: str = "default"  # a named set of options
    seed: int = 0  # of the solver
    permutation: int = 0  # of rows and columns; 0 is as written
    repeat: int = 0  # the same again, for the noise of the machine alone
    gap: float = 1e-4
    time_limit: float = 60.0  # seconds, for the solver
    memory_limit: int = 4096  # MB, for all processes of the run

    @property
    def relaxed(self) -> bool:
        """Whether the integers may take any value within their bounds."""
        return self.formulation.endswith(RELAXED)


class Check(Record):
    """What desilo's own checker says about the solution; it knows nothing of formulations and solvers."""

    feasible: bool
    objective: Known  # recomputed, money
    violations: tuple[str, ...] = ()


Count = Annotated[int, Field(ge=-1, le=2**53)]
"""What a solver counts, -1 where it did not; as a float it loses nothing."""


class Run(Record):
    """One run."""

    schema_version: SchemaVersion = 1
    key: str  # SHA-256 of the setting and the versions
    setting: Setting
    family: str  # of the problem: pricing, demand, inventory, joint
    versions: dict[str, str]  # desilo's source digest, solver, pyomo, numpy, python
    machine: dict[str, str | int]  # processor, cores, platform
    ending: Ending
    objective: Known = None  # money
    bound: Known = None  # proven; money
    gap: Known = None
    sense: int = -1  # -1 maximise, 1 minimise
    seconds: dict[str, Annotated[float, Field(ge=0, le=1e9)]] = Field(
        default_factory=dict
    )  # wall clock: prepare, build, translate, load, solve, check
    processor_seconds: Known = None  # all phases, with the processes that were started
    peak_memory: Known = None  # MB, all processes of the run together
    primal_dual_integral: Known = None  # gap (at most 1) integrated over the seconds of the solve
    # simplex, ipm, crossover and pdlp iterations, nodes, nonzeros that presolve left: the same on every machine
    work: dict[str, Count] = Field(default_factory=dict)
    size: dict[str, Count] = Field(default_factory=dict)  # rows, columns, integers, nonzeros
    info: dict[str, int | float | None] = Field(default_factory=dict)  # all that the solver says of itself
    check: Check | None = None
    note: str | None = None  # what went wrong, for people


def read_runs(place: Path) -> list[Run]:
    """The runs of a bench folder, or of a file of such lines, in the order they stand there.

    A last line without an end was being written when its bench was killed: it is left out.

    Raises:
        BadInput: there is no such file, or some of its lines are no runs; each is named.
    """
    path = place / RUNS if place.is_dir() else place
    try:
        *lines, _ = path.read_bytes().split(b"\n")
    except OSError as error:
        what = f"cannot be read: {error.strerror}; a folder made by `desilo bench`, or its {RUNS}, is expected"
        raise BadInput([Problem(str(path), what)]) from None
    findings = Findings()
    runs = []
    for row, line in enumerate(lines, start=1):
        try:
            runs.append(Run.model_validate_json(line))
        except ValidationError as error:
            where, message = schema_problems(error, lambda _: Run.model_fields)[0]
            findings.add(str(path), f"is no run: {message}", row, where or None)
    findings.stop_if_any()
    return runs
