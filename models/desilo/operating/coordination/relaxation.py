"""A team's relaxation with the rows (I20) that it violates, from where the one before ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from desilo.cases.instance import Floats
from desilo.formulations.windows import WindowRows
from desilo.solving import Basis, Held, Options, Program, Stop

Rows = tuple[sparse.csr_array, Floats]
"""Rows (k, n) of a program's columns, and what they are at most (k,)."""

TAIL = 1e-4
"""Rows are added as long as those added last have changed the value by this share."""


class Stopped(Exception):
    """A relaxation did not end optimal; the argument is why (`Stop`)."""


@dataclass(frozen=True)
class Relaxed:
    """The optimum of a relaxation, and all it takes to go on from there: no model of it has to stay in memory.

    Attributes:
        value: money; a bound whether all violated rows were added or not.
        solution: (n,) values of the columns.
        reduced_costs: (n,) what the objective changes by per unit of a column.
        row_duals: (m,) what the objective gains per unit of right-hand side of the program's own rows.
        rows: that were added, and hold it where it is.
        basis: of the columns, the program's own rows, and these.
    """

    value: float
    solution: Floats
    reduced_costs: Floats
    row_duals: Floats
    rows: Rows
    basis: Basis


def relaxed(program: Program, windows: WindowRows | None, options: Options, last: Relaxed | None = None) -> Relaxed:
    """The LP relaxation of a program.

    Args:
        program: its integrality is dropped.
        windows: finds rows that are violated; None: there are none to find.
        options: of the solver.
        last: of the same program with other costs or sides.

    Raises:
        Stopped: it has no optimum, or the solver did not find it in its time.
    """
    # without rows to come an interior point is found sooner; with them the simplex method goes on from its basis
    root = "ipm" if windows is None and last is None else "simplex"
    own = program.matrix.shape[0]
    program = replace(program, integer=np.zeros_like(program.integer))
    held = Held(program, replace(options, root=root))
    added: list[Rows] = []
    if last is not None:
        added.append(last.rows)
        held.add_rows(*last.rows)
        held.begin(last.basis)
    before = math.inf
    while True:
        outcome = held.solve()
        if outcome.stop not in {Stop.OPTIMAL, Stop.TIME_LIMIT} and last is not None:
            return relaxed(program, windows, options)  # where it began may have led the solver astray
        if outcome.stop is not Stop.OPTIMAL:
            raise Stopped(outcome.stop)
        x = held.solution
        if windows is None or before - outcome.objective <= TAIL * abs(outcome.objective):
            break
        violated = windows.I20_violated(x)
        if not len(violated[1]):
            break
        added.append(violated)
        held.add_rows(*violated)
        before = outcome.objective
    basis = held.basis
    kept = np.concatenate([np.ones(own, dtype=bool), ~basis.slack[own:]])
    matrix = sparse.vstack([sparse.csr_array((0, len(x))), *(rows for rows, _ in added)], format="csr")
    most = np.concatenate([np.zeros(0), *(most for _, most in added)])
    rows = sparse.csr_array(matrix)[kept[own:]], most[kept[own:]]
    return Relaxed(outcome.objective, x, held.reduced_costs, held.row_duals[:own], rows, basis.of_rows(kept))
