"""A mixed-integer linear program as arrays, and the Pyomo model it came from."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from scipy import sparse

from desilo.cases.instance import Bools, Floats, Ints

Model = Any  # pyo.ConcreteModel; Pyomo is untyped


@dataclass(frozen=True)
class Part:
    """Columns that come from one Pyomo variable, or rows that come from one constraint, in index order.

    Attributes:
        component: the variable or constraint, indexed or not; None where the members come from several.
        positions: (n,) of its members in its index set that have a column or row.
        parts: the members themselves, where Pyomo made them anyway.
    """

    component: Any
    positions: Ints
    parts: tuple[Any, ...] = ()

    def only(self, kept: Bools) -> Part:
        """The same with some members only."""
        if kept.all():
            return self
        parts = tuple(part for part, keep in zip(self.parts, kept.tolist(), strict=True) if keep) if self.parts else ()
        return Part(self.component, self.positions[kept], parts)

    def names(self) -> Iterator[str]:
        """The members' names, without making the members."""
        if self.component is None or self.parts or not self.component.is_indexed():
            yield from (member.name for member in self.members())
            return
        name, indices = self.component.name, list(self.component.index_set())
        for position in self.positions.tolist():
            index = indices[position]
            yield f"{name}[{','.join(map(str, index)) if isinstance(index, tuple) else index}]"

    def members(self) -> Iterator[Any]:
        """The members, made if need be."""
        if self.component is None or self.parts:
            yield from self.parts
            return
        if not self.component.is_indexed():
            yield self.component
            return
        indices = list(self.component.index_set())
        yield from (self.component[indices[position]] for position in self.positions.tolist())

    def labels(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The component's name and the index of every member."""
        if self.component is None or self.parts:
            for member in self.members():
                yield member.parent_component().local_name, _as_tuple(member.index())
        elif self.component.is_indexed():
            every = list(self.component.index_set())
            name = self.component.local_name
            yield from ((name, _as_tuple(every[k])) for k in self.positions.tolist())
        else:
            yield self.component.local_name, ()


def _as_tuple(index: Any) -> tuple[int, ...]:
    return index if isinstance(index, tuple) else () if index is None else (index,)


@dataclass(frozen=True)
class Program:
    """min or max c x + x Q x / 2 + offset with row_lower <= A x <= row_upper, lower <= x <= upper, some x integer.

    Attributes:
        model: where it comes from; its components know their names only as long as it is there.
        name: of the model.
        cost: (n,) c.
        offset: constant of the objective.
        sense: +1 minimise, -1 maximise.
        matrix: (m, n) A, CSC.
        row_lower, row_upper: (m,).
        lower, upper: (n,).
        integer: (n,).
        columns: where the columns come from, in order.
        row_parts: where the rows come from, in order.
        expanded: components that were translated index by index by Pyomo, and why.
        seconds: spent translating.
        hessian: (n, n) lower triangle of Q, CSC; None if the objective is linear.
    """

    model: Model
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
    columns: tuple[Part, ...]
    row_parts: tuple[Part, ...]
    expanded: tuple[tuple[str, str], ...]
    seconds: float
    hessian: sparse.csc_array | None = None

    @cached_property
    def variables(self) -> tuple[Any, ...]:
        """n Pyomo variables, in column order; made on demand."""
        return tuple(chain.from_iterable(part.members() for part in self.columns))

    def column_names(self) -> list[str]:
        """n names."""
        return list(chain.from_iterable(part.names() for part in self.columns))

    def row_names(self) -> list[str]:
        """m names."""
        return list(chain.from_iterable(part.names() for part in self.row_parts))

    def columns_of(self, name: str, dimension: int) -> tuple[Ints, Ints]:
        """Columns (n,) and indices (n, dimension) of the variables of that name; none if there is none."""
        columns: list[int] = []
        indices: list[tuple[int, ...]] = []
        start = 0
        for part in self.columns:
            stop = start + len(part.positions)
            if part.component is None or part.component.local_name == name:
                named = [(k, index) for k, (label, index) in enumerate(part.labels(), start) if label == name]
                columns += [k for k, _ in named]
                indices += [index for _, index in named]
            start = stop
        return np.array(columns, dtype=np.int64), np.array(indices, dtype=np.int64).reshape(-1, dimension)

    def with_rows(self, rows: sparse.csr_array, upper: Floats) -> Program:
        """The same with more rows (k, n), at most `upper` (k,); they come from no constraint of the model."""
        return replace(
            self,
            matrix=sparse.csc_array(sparse.vstack([self.matrix, rows])),
            row_lower=np.concatenate([self.row_lower, np.full(len(upper), -np.inf)]),
            row_upper=np.concatenate([self.row_upper, upper]),
        )

    def by_part(self, figures: Floats) -> Iterator[tuple[Part, Floats]]:
        """Figures of all columns (n,), variable by variable."""
        start = 0
        for part in self.columns:
            yield part, figures[start : start + len(part.positions)]
            start += len(part.positions)


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


def labels(parts: tuple[Part, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The component and index of every row or column."""
    for part in parts:
        yield from part.labels()
