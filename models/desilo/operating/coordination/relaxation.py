"""A team's relaxation: warm-started at every new price, with the rows (I20) that it violates."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import sparse

from desilo.cases.instance import Floats
from desilo.formulations.windows import WindowRows
from desilo.solving import Held, Options, Outcome, Program, Stop

Rows = tuple[sparse.csr_array, Floats]
"""Rows (k, n) of a program's columns, and what they are at most (k,)."""

TAIL = 1e-4
"""Rows are added as long as those added last have changed the value by this share."""


class Relaxation:
    """The LP relaxation of a program, to be solved at ever other prices.

    Args:
        program: its integrality is dropped.
        windows: finds rows that are violated; None: there are none to find.
        options: of the solver; no time limit holds here.
        known: rows that were binding before, to begin with.
    """

    def __init__(
        self, program: Program, windows: WindowRows | None, options: Options, known: Rows | None = None
    ) -> None:
        # without rows to come an interior point is found sooner; with them the simplex method goes on from its basis
        root = "ipm" if windows is None else "simplex"
        relaxed = replace(program, integer=np.zeros_like(program.integer))
        self._held = Held(relaxed, replace(options, root=root, time_limit=math.inf))
        self._windows = windows
        self._own = program.matrix.shape[0]
        self._added: list[Rows] = []
        if known is not None:
            self._add(known)

    def _add(self, rows: Rows) -> None:
        self._held.add_rows(*rows)
        self._added.append(rows)

    def price(self, program: Program) -> None:
        """The same program with other costs."""
        self._held.price(program.cost, program.offset)

    def solve(self) -> Outcome:
        """Solve it; its value is a bound whether all violated rows were added or not."""
        before = math.inf
        while True:
            outcome = self._held.solve()
            if self._windows is None or outcome.stop is not Stop.OPTIMAL:
                return outcome
            if before - outcome.objective <= TAIL * abs(outcome.objective):
                return outcome
            rows, most = self._windows.I20_violated(self._held.solution)
            if not len(most):
                return outcome
            self._add((rows, most))
            before = outcome.objective

    def binding(self) -> Rows | None:
        """The rows that were added and have a price, None if none were added; only after an optimum."""
        if not self._added:
            return None
        priced = np.flatnonzero(self._held.row_duals[self._own :])
        rows = sparse.csr_array(sparse.vstack([rows for rows, _ in self._added], format="csr"))[priced]
        return rows, np.concatenate([most for _, most in self._added])[priced]

    @property
    def solution(self) -> Floats:
        """(n,) values of the columns; only after an optimum."""
        return self._held.solution

    @property
    def reduced_costs(self) -> Floats:
        """(n,) what the objective changes by per unit of a column; only after an optimum."""
        return self._held.reduced_costs

    @property
    def row_duals(self) -> Floats:
        """(m,) what the objective gains per unit of right-hand side of its own rows; only after an optimum."""
        return self._held.row_duals[: self._own]
