"""From a Pyomo model to arrays: rules as templates where that is possible, Pyomo's own standard form for the rest.

A component goes the fast way if it was declared on a `delayed_model` or `delayed_block`, nobody has asked for its
parts yet, and its rule can be evaluated as arrays. Every other one is translated by Pyomo, index by index, and named
with the reason in `Program.expanded`. Either way the program is the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr import EqualityExpression, InequalityExpression, RangedExpression
from pyomo.core.expr.numvalue import is_potentially_variable
from pyomo.core.expr.relational_expr import tuple_to_relational_expr
from pyomo.repn import generate_standard_repn
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from scipy import sparse

from desilo.cases.instance import Bools, Floats
from desilo.solving import guard
from desilo.solving.columns import Columns
from desilo.solving.grids import Array, Frame, Grid, Tables, Untemplatable
from desilo.solving.program import Model, Part, Program, collection_paused, concatenated

UNDERSTOOD = frozenset(
    {pyo.Block, pyo.Constraint, pyo.Var, pyo.Param, pyo.Expression, pyo.Set, pyo.RangeSet, pyo.Suffix, pyo.Objective}
    | {pyo.BuildAction, pyo.BuildCheck}
)
"""Kinds of components that can be active in a model without being left out of its program."""

LONG = 100
"""Entries of a component that are made a second time, row by row, to see whether its template agrees."""

SAME = 1e-9
"""Relative difference of a figure by template from the same figure by Pyomo that is rounding."""


def translate(model: Model) -> Program:
    """The arrays of a Pyomo model with linear rows and one active objective; fixed variables become constants.

    The model can be changed (parameters, bounds, fixed variables) and translated again: its rules are not called anew.

    Raises:
        ValueError: a row is not linear, the objective neither linear nor quadratic, there is not exactly one
            objective, or a component is of a kind that has no place in such a program.
    """
    started = time.perf_counter()
    with collection_paused():
        while True:
            try:
                return _Compiler(model).program(started)
            except _Wrong as wrong:
                wrong.component.expand()
                wrong.component.__dict__["_reason"] = wrong.reason


class _Wrong(Exception):
    """A component has to be left to Pyomo after all: its template does not say what its rule says."""

    def __init__(self, component: Any, reason: str) -> None:
        self.component = component
        self.reason = reason


@dataclass(frozen=True)
class _Entries:
    """Matrix entries that are not spread out yet: arrays that broadcast over a shape.

    Attributes:
        shape: one entry for each of its cells.
        row, column: arrays whose sum is the row in the component, and the column.
        value: the entry.
    """

    shape: tuple[int, ...]
    row: tuple[Array, ...]
    column: tuple[Array, ...]
    value: Any

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=np.int64))

    @classmethod
    def of(cls, linear: Any, grid: Grid, root: Frame) -> list[_Entries]:
        """The entries of a linear expression in every row of the root frame."""
        axes = len(grid.shape)
        steps = [
            (np.arange(n, dtype=np.int32) * np.int32(stride)).reshape([-1 if k == axis else 1 for k in range(axes)])
            for axis, (n, stride) in enumerate(zip(grid.shape, grid.strides, strict=True))
        ]
        return [
            cls(
                term.frame.shape,
                tuple(term.frame.from_above(step, root) for step in steps),
                tuple(np.asarray(part, dtype=np.int32) for part in term.column),
                term.coefficient,
            )
            for term in linear.terms
            if np.any(term.coefficient)
        ]


@dataclass(frozen=True)
class _Piece:
    """Some rows of the matrix.

    Attributes:
        part: where they come from.
        grid: the index set of their component; None if Pyomo made them.
        entries: of the rows; duplicates add up.
        lower, upper: bounds of the rows.
    """

    part: Part
    grid: Grid | None
    entries: list[_Entries]
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class _Goal:
    """An objective: columns and values of its linear terms, its constant, and its quadratic terms."""

    columns: Array
    values: Floats
    constant: float
    squares: tuple[tuple[int, int, float], ...] = ()


class _Compiler:
    """One translation of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tables = Tables()
        self.columns = Columns(self.tables)
        self.evaluator: Any = guard.evaluator(self.tables, self.columns.grid, self.columns.of)
        self.expanded: list[tuple[str, str]] = []
        for component in model.component_objects(active=True):
            if component.ctype not in UNDERSTOOD:
                kind = component.ctype.__name__
                raise ValueError(f"{component.name}: a linear program has no place for components of type {kind}")

    def program(self, started: float) -> Program:
        """The whole."""
        found = list(self.model.component_data_objects(pyo.Objective, active=True))
        if len(found) != 1:
            raise ValueError(f"expected one active objective, found {len(found)}")
        (objective,) = found
        goal = self._attempt(objective.parent_component(), self._goal) or self._goal_by_pyomo(objective)
        left = len(self.expanded)
        pieces, others = [], []
        for component in self.model.component_objects(pyo.Constraint, active=True):
            if component.is_indexed() and component.index_set().isfinite() and not len(component.index_set()):
                continue
            piece = self._attempt(component, self._rows)
            if piece is not None:
                pieces.append(piece)
                others.append(component)
        if len(self.expanded) > left:
            pieces.append(self._rows_by_pyomo(others))
        return self._assembled(objective, goal, pieces, started)

    def _attempt(self, component: Any, make: Callable[[Any], Any]) -> Any:
        """What a template makes of a component; None, and a word on why, if it has to be left to Pyomo."""
        try:
            if self.evaluator is None:
                raise Untemplatable(guard.MISSING)
            if getattr(component, "expanded", True):
                raise Untemplatable(component.__dict__.get("_reason", "it is expanded index by index"))
            return make(component)
        except Exception as error:  # evaluation meets what rules are made of: anything
            reason = str(error) if isinstance(error, Untemplatable) else f"{type(error).__name__}: {error}"
            component.__dict__.setdefault("_reason", reason)
            self.expanded.append((component.name, reason))
            return None

    # ---- by template

    def _rows(self, component: Any) -> _Piece:
        """The rows of a constraint."""
        expression, grid, frame = self.evaluator.rows(component)
        lower: Any = -np.inf
        upper: Any = np.inf
        if isinstance(expression, RangedExpression):
            low, body, high = expression.args
            linear = self.evaluator.linear(body, frame)
            lower, upper = self.evaluator.number(low, frame), self.evaluator.number(high, frame)
        elif isinstance(expression, EqualityExpression | InequalityExpression):
            linear, turned = self.evaluator.difference(*expression.args, frame)
            lower, upper = _sides(expression, turned)
        else:
            raise Untemplatable("its rule returns no relation")
        if getattr(expression, "strict", False) not in (False, (False, False)):
            raise Untemplatable("it is a strict inequality")
        lower, upper = (
            np.broadcast_to(_shifted(bound, linear.constant), grid.shape).reshape(-1).astype(np.float64)
            for bound in (lower, upper)
        )
        if np.isnan(lower).any() or np.isnan(upper).any() or (lower == np.inf).any() or (upper == -np.inf).any():
            raise Untemplatable("a bound is not a number")
        return _Piece(Part(component, np.arange(grid.size)), grid, _Entries.of(linear, grid, frame), lower, upper)

    def _goal(self, component: Any) -> _Goal:
        """The objective."""
        expression, grid, frame = self.evaluator.rows(component)
        linear = self.evaluator.linear(expression, frame)
        _, columns, values = _spread(_Entries.of(linear, grid, frame))
        return _Goal(columns, values, float(linear.constant))

    def _check(self, piece: _Piece, rows: Array, columns: Array, values: Floats, fixed: Floats) -> None:
        """Make some rows as Pyomo would and compare: a rule that looks at its index some other way is found out."""
        component, grid = piece.part.component, piece.grid
        if grid is None or not grid.size or component.__dict__.get("_checked"):
            return
        picked = sorted({0, grid.size // 2, grid.size - 1})
        inside = np.zeros(grid.size, dtype=np.bool_)
        inside[picked] = True
        there = np.flatnonzero(inside[rows])
        rows, columns, values = rows[there], columns[there], values[there]
        room = LONG
        for row, index in zip(picked, grid.at(picked), strict=True):
            here = rows == row
            room -= int(np.count_nonzero(here))
            if room < 0:
                break
            free = here & np.isnan(fixed[columns])
            constant = here & ~free
            moved = float(values[constant] @ fixed[columns[constant]])
            found = _by_column(columns[free], values[free])
            try:
                expected, low, high = self._row(component, index)
            except Exception as error:
                raise _Wrong(component, f"its rule fails at {index}: {error}") from error
            bounds = (float(piece.lower[row] - moved), float(piece.upper[row] - moved))
            ways = ((expected, low, high), _negated(expected, low, high))
            if not any(_alike((found, *bounds), way) for way in ways):
                raise _Wrong(component, "its rule says something else at some indices")
        component.__dict__["_checked"] = True

    def _row(self, component: Any, index: Any) -> tuple[dict[int, float], float, float]:
        """One row as its rule makes it at an index: entries and bounds."""
        relation = self.evaluator.at(component, index)
        if type(relation) is tuple:
            relation = tuple_to_relational_expr(relation)
        if isinstance(relation, RangedExpression):
            first, body, last = relation.args
            low, high = pyo.value(first), pyo.value(last)
        else:
            left, right = relation.args
            turned = not is_potentially_variable(left)
            body = right - left if turned else left - right
            low, high = _sides(relation, turned)
        linear = generate_standard_repn(body, compute_values=True)
        constant = pyo.value(linear.constant)
        coefficients = [pyo.value(coefficient) for coefficient in linear.linear_coefs]
        entries = _by_column(self.columns.of(linear.linear_vars), coefficients)
        return entries, _shifted(low, constant), _shifted(high, constant)

    # ---- by Pyomo

    def _goal_by_pyomo(self, objective: Any) -> _Goal:
        """The objective by Pyomo's standard representation; it may be quadratic."""
        found = generate_standard_repn(objective.expr, compute_values=True, quadratic=True)
        if found.nonlinear_expr is not None:
            raise ValueError(f"{objective.name} is neither linear nor quadratic")
        values = np.array([pyo.value(coefficient) for coefficient in found.linear_coefs], dtype=np.float64)
        pairs = self.columns.of([variable for pair in found.quadratic_vars for variable in pair]).reshape(-1, 2)
        squares = tuple(
            (max(a, b), min(a, b), pyo.value(coefficient) * (2.0 if a == b else 1.0))
            for (a, b), coefficient in zip(pairs.tolist(), found.quadratic_coefs, strict=True)
        )
        return _Goal(self.columns.of(found.linear_vars), values, float(pyo.value(found.constant)), squares)

    def _rows_by_pyomo(self, others: list[Any]) -> _Piece:
        """The rows of all constraints but the others, by Pyomo's standard form."""
        aside = [*others, *self.model.component_data_objects(pyo.Objective, active=True)]
        for component in aside:
            component.deactivate()
        try:
            form = LinearStandardFormCompiler().write(self.model, mixed_form=True, set_sense=None)
        finally:
            for component in aside:
                component.activate()
        columns = self.columns.of(form.columns).astype(np.int32)
        matrix = sparse.coo_array(form.A)
        rhs = np.asarray(form.rhs, dtype=np.float64)
        kind = np.array([side for _, side in form.rows], dtype=np.int64)
        # mixed form: 0 marks an equality, +1 an upper and -1 a lower bound; a row with two bounds is there twice
        again = np.array([k > 0 and form.rows[k - 1][0] is row for k, (row, _) in enumerate(form.rows)], dtype=np.bool_)
        place = (np.cumsum(~again) - 1).astype(np.int32)
        parts = tuple(row for k, (row, _) in enumerate(form.rows) if not again[k])
        lower, upper = np.full(len(parts), -np.inf), np.full(len(parts), np.inf)
        lower[place[kind <= 0]] = rhs[kind <= 0]
        upper[place[kind >= 0]] = rhs[kind >= 0]
        first = ~again[matrix.row]
        row, column, value = place[matrix.row[first]], columns[matrix.col[first]], matrix.data[first]
        entries = _Entries(row.shape, (row,), (column,), value)
        return _Piece(Part(None, np.arange(len(parts)), parts), None, [entries], lower, upper)

    # ---- together

    def _assembled(self, objective: Any, goal: _Goal, pieces: list[_Piece], started: float) -> Program:
        """The pieces as one program, without what is fixed, zero, empty or unused."""
        starts = np.cumsum([0, *(len(piece.lower) for piece in pieces)])
        ends = np.cumsum([0, *(sum(entry.size for entry in piece.entries) for piece in pieces)])
        rows, columns, values = _spread([entry for piece in pieces for entry in piece.entries])
        lower, upper, integer, fixed = self.columns.figures()
        for piece, start, first, last in zip(pieces, starts, ends, ends[1:], strict=False):
            self._check(piece, rows[first:last], columns[first:last], values[first:last], fixed)
            order = _by_row(piece.entries, rows[first:last], len(piece.lower))
            if order is not None:
                for array in (rows, columns, values):
                    array[first:last] = array[first:last][order]
            rows[first:last] += np.int32(start)
        row_lower = concatenated([piece.lower for piece in pieces], np.float64)
        row_upper = concatenated([piece.upper for piece in pieces], np.float64)
        cost = np.bincount(goal.columns, goal.values, minlength=len(lower)).astype(np.float64)
        offset = goal.constant

        some = values != 0
        constant = ~np.isnan(fixed)
        if constant.any():
            offset += float(cost[constant] @ fixed[constant])
            cost[constant] = 0.0
            gone = constant[columns]
            moved = np.bincount(rows[gone], values[gone] * fixed[columns[gone]], minlength=len(row_lower))
            row_lower -= moved
            row_upper -= moved
            some &= ~gone
        if not some.all():
            rows, columns, values = rows[some], columns[some], values[some]
        # rows that say nothing go; one without variables that cannot hold stays, for the solver to say so
        empty = np.ones(len(row_lower), dtype=np.bool_)
        empty[rows] = False
        kept = ~(empty & (row_lower <= 0) & (row_upper >= 0)) & (np.isfinite(row_lower) | np.isfinite(row_upper))
        if not kept.all():
            there = kept[rows]
            rows = (np.cumsum(kept, dtype=np.int32) - np.int32(1))[rows[there]]
            columns, values = columns[there], values[there]
        used = cost != 0
        used[columns] = True
        for row, column, _ in goal.squares:
            used[[row, column]] = True
        place = np.cumsum(used, dtype=np.int32) - np.int32(1)
        matrix = _matrix(rows, columns if used.all() else place[columns], values, (int(kept.sum()), int(used.sum())))
        return Program(
            model=self.model,
            name=str(self.model.name),
            cost=_some(cost, used),
            offset=offset,
            sense=1 if objective.sense == pyo.minimize else -1,
            matrix=matrix,
            row_lower=_some(row_lower, kept),
            row_upper=_some(row_upper, kept),
            lower=_some(lower, used),
            upper=_some(upper, used),
            integer=_some(integer, used),
            columns=self.columns.parts(used),
            row_parts=tuple(
                piece.part.only(kept[start : start + len(piece.lower)])
                for piece, start in zip(pieces, starts, strict=False)
            ),
            expanded=tuple(self.expanded),
            seconds=time.perf_counter() - started,
            hessian=_hessian(goal, place, matrix.shape[1]),
        )


def _some(array: Any, mask: Bools) -> Any:
    """The entries of an array where a mask is true; the array itself if that is everywhere."""
    return array if mask.all() else array[mask]


def _shifted(bound: Any, constant: Any) -> Any:
    """A bound on an expression as a bound on its terms; no bound is none, whatever the constant."""
    return bound if np.ndim(bound) == 0 and np.isinf(bound) else bound - constant


def _sides(relation: Any, turned: bool) -> tuple[float, float]:
    """Bounds on left - right, or on right - left if turned."""
    if isinstance(relation, EqualityExpression):
        return 0.0, 0.0
    return (0.0, np.inf) if turned else (-np.inf, 0.0)


def _spread(entries: list[_Entries]) -> tuple[Array, Array, Floats]:
    """Rows, columns and values of entries, one after another."""
    size = sum(entry.size for entry in entries)
    rows, columns, values = np.zeros(size, np.int32), np.zeros(size, np.int32), np.empty(size)
    start = 0
    for entry in entries:
        here = slice(start, start + entry.size)
        for target, parts in ((rows, entry.row), (columns, entry.column)):
            if parts:
                np.add(reduce(add, parts[:-1], np.int32(0)), parts[-1], out=target[here].reshape(entry.shape))
        values[here].reshape(entry.shape)[...] = entry.value
        start += entry.size
    return rows, columns, values


def _by_row(entries: list[_Entries], rows: Array, count: int) -> Array | None:
    """The order that puts a piece's entries row by row; None if the rows of each variable's entries ascend already.

    It takes linear time: the entries are a matrix with one in each column, whose transpose lists them by row.
    """
    indexed = all(len(entry.column) > 1 for entry in entries)  # the first part is the variable's first column
    ascending = indexed and len({int(entry.column[0]) for entry in entries}) == len(entries)
    ends = np.cumsum([entry.size for entry in entries])[:-1]
    if ascending and all(bool((part[1:] >= part[:-1]).all()) for part in np.split(rows, ends)):
        return None
    ones = (np.zeros(len(rows), np.int8), rows, np.arange(len(rows) + 1, dtype=np.int32))
    return sparse.csc_array(ones, shape=(count, len(rows))).tocsr().indices


def _matrix(rows: Array, columns: Array, values: Floats, shape: tuple[int, int]) -> sparse.csc_array:
    """Triplets, of which those of a column ascend by row, as columns; duplicates are added up."""
    starts = np.arange(len(values) + 1, dtype=np.int32)
    by_column = sparse.csr_array((values, columns, starts), shape=(len(values), shape[1])).tocsc()
    matrix = sparse.csc_array((by_column.data, rows[by_column.indices], by_column.indptr), shape=shape)
    same = np.flatnonzero(matrix.indices[1:] == matrix.indices[:-1]) + 1
    if len(same) and not np.isin(same, matrix.indptr).all():  # next to each other, and not across two columns
        matrix.has_sorted_indices = True
        matrix.has_canonical_format = False
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return matrix


def _hessian(goal: _Goal, place: Array, size: int) -> sparse.csc_array | None:
    """The lower triangle of the objective's second derivatives; None if it is linear."""
    if not goal.squares:
        return None
    row, column, value = (np.array(figures) for figures in zip(*goal.squares, strict=True))
    return sparse.csc_array((value, (place[row], place[column])), shape=(size, size))


def _negated(entries: dict[int, float], low: float, high: float) -> tuple[dict[int, float], float, float]:
    """A row multiplied by -1: the same, where one side has no variable at some indices."""
    return {k: -v for k, v in entries.items()}, -high, -low


def _alike(one: tuple[dict[int, float], float, float], other: tuple[dict[int, float], float, float]) -> bool:
    """Whether two rows (entries, bounds) say the same but for rounding."""
    pairs = [(one[0].get(k, 0.0), other[0].get(k, 0.0)) for k in one[0].keys() | other[0].keys()]
    pairs += [(one[1], other[1]), (one[2], other[2])]
    return all(a == b or abs(a - b) <= SAME * max(1.0, abs(a), abs(b)) for a, b in pairs)


def _by_column(columns: Any, values: Any) -> dict[int, float]:
    total: dict[int, float] = {}
    for column, value in zip(columns, values, strict=True):
        total[int(column)] = total.get(int(column), 0.0) + float(value)
    return total
