"""A mixed-integer linear program as arrays, and the way there from Pyomo."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from scipy import sparse

from desilo.cases.instance import Bools, Floats

Model = Any  # pyo.ConcreteModel; Pyomo is untyped


@dataclass(frozen=True)
class Program:
    """min or max c x + offset subject to row_lower <= A x <= row_upper, lower <= x <= upper, some x integer.

    Attributes:
        name: of the model.
        cost: (n,) c.
        offset: constant of the objective.
        sense: +1 minimise, -1 maximise.
        matrix: (m, n) A, CSC.
        row_lower, row_upper: (m,).
        lower, upper: (n,).
        integer: (n,).
        variables: n Pyomo variables, in column order.
        rows: m Pyomo constraints, in row order.
        seconds: spent translating.
    """

    name: str
    cost: Floats
    offset: float
    sense: int
    matrix: sparse.csc_array
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: Bools
    variables: tuple[Any, ...]
    rows: tuple[Any, ...]
    seconds: float


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause garbage collection: Pyomo makes millions of small objects, none of them garbage yet."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def translate(model: Model) -> Program:
    """The arrays of a linear Pyomo model with one active objective; fixed variables become constants.

    Raises:
        ValueError: a component is not linear, or there is not exactly one objective (raised by Pyomo).
    """
    started = time.perf_counter()
    with collection_paused():
        form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
        if len(form.objectives) != 1:
            raise ValueError(f"expected one active objective, found {len(form.objectives)}")
        direction = np.array([kind for _, kind in form.rows], dtype=np.int64)
        rhs = np.asarray(form.rhs, dtype=np.float64)
        # mixed form: 0 marks an equality, +1 an upper and -1 a lower bound
        row_lower = np.where(direction <= 0, rhs, -np.inf)
        row_upper = np.where(direction >= 0, rhs, np.inf)
        bounds = [variable.bounds for variable in form.columns]
        lower = np.array([-np.inf if low is None else low for low, _ in bounds], dtype=np.float64)
        upper = np.array([np.inf if high is None else high for _, high in bounds], dtype=np.float64)
        integer = np.array([not variable.is_continuous() for variable in form.columns], dtype=np.bool_)
    return Program(
        name=str(model.name),
        cost=np.asarray(form.c.todense(), dtype=np.float64).reshape(-1),
        offset=float(form.c_offset[0]),
        sense=1 if form.objectives[0].sense == pyo.minimize else -1,
        matrix=sparse.csc_array(form.A),
        row_lower=row_lower,
        row_upper=row_upper,
        lower=lower,
        upper=upper,
        integer=integer,
        variables=tuple(form.columns),
        rows=tuple(constraint for constraint, _ in form.rows),
        seconds=time.perf_counter() - started,
    )
