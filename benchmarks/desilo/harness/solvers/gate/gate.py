"""The correctness gate: tiny programs with known answers, which a solver must get right before its times count.

The answers were found by enumeration (`tiny`) and are frozen with the programs in `gate.json`. They are solved through
the same door as everything else, so that the gate is about the solver as desilo uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from desilo.cases.instance import Floats
from desilo.harness.solvers.gate.tiny import Known, Tiny, read
from desilo.solving import Options, Outcome, Program, Stop
from desilo.solving.highs import Held

TOLERANCE = 1e-6
"""An answer is wrong by more than this times max(1, |optimum|)."""

WAYS = (Options(gap=0.0), Options(gap=0.0, root="simplex", seed=1), Options(gap=0.0, root="ipm", seed=2))
"""How every program is solved."""


@dataclass(frozen=True)
class Failure:
    """One wrong answer.

    Attributes:
        program: its name.
        way: options that differ from the usual ones.
        expected: what enumeration found.
        found: what the solver says.
    """

    program: str
    way: str
    expected: str
    found: str


def failures(programs: Sequence[Known] | None = None) -> list[Failure]:
    """What the installed solver gets wrong; nothing if it passes."""
    return [
        Failure(known.name, f"root {way.root}, seed {way.seed}", _said(known.optimum), wrong)
        for known in (read() if programs is None else programs)
        for way in WAYS
        for wrong in _wrong(known, way)
    ]


def _wrong(known: Known, way: Options) -> Iterator[str]:
    """What is wrong with the solver's answer, the worst of it."""
    held = Held(as_program(known.program), way)
    outcome = held.solve()
    if outcome.stop is not (Stop.INFEASIBLE if known.optimum is None else Stop.OPTIMAL):
        yield f"{outcome.stop}, {outcome.objective:.10g}" if outcome.feasible else str(outcome.stop)
    elif known.optimum is not None:
        yield from _contradictions(known.program, known.optimum, outcome, held.solution)


def _contradictions(program: Tiny, optimum: float, outcome: Outcome, solution: Floats) -> Iterator[str]:
    allowed = TOLERANCE * max(1.0, abs(optimum))
    if abs(outcome.objective - optimum) > allowed:
        yield f"optimal, {outcome.objective:.10g}"
    elif program.sense * (outcome.bound - optimum) > allowed:
        yield f"bound {outcome.bound:.10g}"
    elif abs(program.cost @ solution - outcome.objective) > allowed:
        yield f"a solution worth {program.cost @ solution:.10g}, said to be worth {outcome.objective:.10g}"
    elif (miss := missed(program, solution)) > TOLERANCE:
        yield f"a solution that misses a row, a bound or a whole number by {miss:.3g}"


def missed(program: Tiny, solution: Floats) -> float:
    """By how much a solution (n,) misses rows, bounds and whole numbers at most."""
    rows = program.matrix @ solution
    whole = solution[program.integer]
    distances = (
        program.row_lower - rows,
        rows - program.row_upper,
        program.lower - solution,
        solution - program.upper,
        np.abs(whole - np.round(whole)),
    )
    return float(max(distance.max(initial=0.0) for distance in distances))


def as_program(program: Tiny) -> Program:
    """As HiGHS is given it; it comes from no Pyomo model."""
    return Program(
        model=None,
        name="tiny",
        offset=0.0,
        matrix=sparse.csc_array(program.matrix),
        columns=(),
        row_parts=(),
        expanded=(),
        seconds=0.0,
        **{name: figure for name, figure in vars(program).items() if name != "matrix"},
    )


def _said(optimum: float | None) -> str:
    return str(Stop.INFEASIBLE) if optimum is None else f"{optimum:.10g}"
