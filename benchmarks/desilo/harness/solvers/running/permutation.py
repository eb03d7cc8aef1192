"""The same program with its rows and columns in another order.

Solvers break ties by position, so that the order moves their path and their time though nothing else has changed:
performance variability (Lodi and Tramontani 2013, TutORials in Operations Research, 1-12). Several orders show how much
of a difference is no more than that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import sparse

from desilo.cases.instance import Floats, Ints
from desilo.solving import Program


@dataclass(frozen=True)
class Permutation:
    """An order of rows and columns.

    Attributes:
        rows: (m,) which row of the program as written comes there.
        columns: (n,) the same of its columns.
    """

    rows: Ints
    columns: Ints

    @classmethod
    def drawn(cls, program: Program, number: int) -> Self:
        """The order of that number, as good as any other; number 0 is as written."""
        m, n = program.matrix.shape
        if number == 0:
            return cls(np.arange(m), np.arange(n))
        rng = np.random.default_rng(number)
        return cls(rng.permutation(m), rng.permutation(n))

    def of(self, program: Program) -> Program:
        """The program in this order; it does not say where its rows and columns come from.

        Raises:
            ValueError: its objective is quadratic.
        """
        if program.hessian is not None:
            raise ValueError("only linear programs are permuted")
        matrix = sparse.csc_array(program.matrix.tocsr()[self.rows].tocsc()[:, self.columns])
        matrix.sort_indices()
        return replace(
            program,
            cost=program.cost[self.columns],
            matrix=matrix,
            row_lower=program.row_lower[self.rows],
            row_upper=program.row_upper[self.rows],
            lower=program.lower[self.columns],
            upper=program.upper[self.columns],
            integer=program.integer[self.columns],
            columns=(),
            row_parts=(),
        )

    def back(self, figures: Floats) -> Floats:
        """Figures of the columns in this order (n,), as written."""
        found = np.empty_like(figures)
        found[self.columns] = figures
        return found
