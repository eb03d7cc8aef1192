"""From a Pyomo model to arrays: rules as templates where that is possible, Pyomo's own standard form for the rest.

A component goes the fast way if it was declared on a `delayed_model` or `delayed_block`, nobody has asked for its
parts yet, and its rule can be evaluated as arrays. Every other one is translated by Pyomo, index by index, and named
with the reason in `Program.expanded`. Either way the program is the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.errors import InfeasibleConstraintException
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
from desilo.solving.program import Model, Part, Program, collection_paused

UNDERSTOOD = frozenset(
    {pyo.Block, pyo.Constraint, pyo.Var, pyo.Param, pyo.Expression, pyo.Set, pyo.RangeSet, pyo.Suffix, pyo.Objective}
    | {pyo.BuildAction, pyo.BuildCheck}
)
"""Kinds of components that can be active in a model without being left out of its program."""

LONG = 100
"""Entries of a component that are made a second time, row by row, to see whether its template agrees."""

SAME = 1e-9
"""Relative difference of a figure by template from the same figure by Pyomo that is rounding."""


NEVER_HOLDS = (InfeasibleConstraintException, NameError)
"""What Pyomo raises for a row without variables that cannot hold; up to 6.9 it has forgotten the name of its error."""


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
        row, column: arrays whose sum is the row, and the column.
        value: figures whose product is the entry.
    """

    shape: tuple[int, ...]
    row: tuple[Array, ...]
    column: tuple[Array, ...]
    value: tuple[Any, ...]

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @classmethod
    def of(cls, linear: Any, grid: Grid, root: Frame, first: int = 0) -> list[_Entries]:
        """The entries of a linear expression in every row of the root frame, from a first row on."""
        rows = np.arange(first, first + grid.size, dtype=np.int32).reshape(grid.shape)
        return [
            cls(
                term.frame.shape,
                (term.frame.from_above(rows, root),),
                tuple(np.asarray(part, dtype=np.int32) for part in term.column),
                term.coefficient,
            )
            for term in linear.terms
        ]


@dataclass(frozen=True)
class _Piece:
    """Some rows of the matrix.

    Attributes:
        part: where they come from.
        first: the first of them.
        grid: the index set of their component; None if Pyomo made them.
        shape: of the rows.
        entries: of the rows; duplicates add up.
        lower, upper: bounds of the rows; they broadcast over the shape.
    """

    part: Part
    first: int
    grid: Grid | None
    shape: tuple[int, ...]
    entries: list[_Entries]
    lower: Any
    upper: Any

    @property
    def size(self) -> int:
        """Number of rows."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class _Sample:
    """One row of a piece, to be compared with what Pyomo makes of it: its position in the piece, entries by column."""

    piece: _Piece
    position: int
    entries: dict[int, float]


@dataclass(frozen=True)
class _Goal:
    """An objective: its linear terms, its constant, and its quadratic terms."""

    entries: list[_Entries]
    constant: float
    squares: tuple[tuple[int, int, float], ...] = ()


class _Compiler:
    """One translation of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tables = Tables()
        self.columns = Columns(self.tables)
        self.height = 0
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
                self.height += piece.size
        if len(self.expanded) > left:
            pieces.append(self._rows_by_pyomo(others))
            self.height += pieces[-1].size
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
        lower, upper = _shifted(lower, linear.constant), _shifted(upper, linear.constant)
        if not (np.all(lower < np.inf) and np.all(upper > -np.inf)):
            raise Untemplatable("a bound is not a number")
        entries = _Entries.of(linear, grid, frame, self.height)
        return _Piece(Part(component, np.arange(grid.size)), self.height, grid, grid.shape, entries, lower, upper)

    def _goal(self, component: Any) -> _Goal:
        """The objective."""
        expression, grid, frame = self.evaluator.rows(component)
        linear = self.evaluator.linear(expression, frame)
        return _Goal(_Entries.of(linear, grid, frame), float(linear.constant))

    def _check(self, samples: list[_Sample], fixed: dict[int, float], lower: Floats, upper: Floats) -> None:
        """Make the sampled rows as Pyomo would and compare: a rule that looks at its index otherwise is found out."""
        made = [self._row(sample.piece, sample.position) for sample in samples]
        variables = iter(self.columns.of([variable for linear, _, _ in made for variable in linear.linear_vars]))
        for sample, (linear, low, high) in zip(samples, made, strict=True):
            row = sample.piece.first + sample.position
            expected = _by_column(islice(variables, len(linear.linear_vars)), linear.linear_coefs)
            found = {column: value for column, value in sample.entries.items() if column not in fixed}
            ways = ((expected, low, high), _negated(expected, low, high))
            if not any(_alike((found, float(lower[row]), float(upper[row])), way) for way in ways):
                raise _Wrong(sample.piece.part.component, "its rule says something else at some indices")
        for sample in samples:
            sample.piece.part.component.__dict__["_checked"] = True

    def _row(self, piece: _Piece, position: int) -> tuple[Any, float, float]:
        """One row as its rule makes it at an index: its linear terms, and bounds."""
        component, (index,) = piece.part.component, piece.grid.at([position])  # type: ignore[union-attr]
        try:
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
        except Exception as error:
            raise _Wrong(component, f"its rule fails at {index}: {error}") from error
        return linear, _shifted(low, constant), _shifted(high, constant)

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
        entries = _Entries(values.shape, (), (self.columns.of(found.linear_vars),), (values,))
        return _Goal([entries], float(pyo.value(found.constant)), squares)

    def _rows_by_pyomo(self, others: list[Any]) -> _Piece:
        """The rows of all constraints but the others, by Pyomo's standard form."""
        aside = [*others, *self.model.component_data_objects(pyo.Objective, active=True)]
        for component in aside:
            component.deactivate()
        try:
            form = LinearStandardFormCompiler().write(self.model, mixed_form=True, set_sense=None)
        except NEVER_HOLDS:
            return self._rows_singly()
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
        entries = _Entries(row.shape, (row + np.int32(self.height),), (column,), (value,))
        part = Part(None, np.arange(len(parts)), parts)
        return _Piece(part, self.height, None, (len(parts),), [entries], lower, upper)

    def _rows_singly(self) -> _Piece:
        """The rows of all active constraints, one by one: also those that Pyomo's standard form refuses."""
        parts: list[Any] = []
        entries: list[_Entries] = []
        bounds: list[tuple[float, float]] = []
        for row in self.model.component_data_objects(pyo.Constraint, active=True):
            linear = generate_standard_repn(row.body, compute_values=True, quadratic=False)
            if linear.nonlinear_expr is not None:
                raise ValueError(f"{row.name} is not linear")
            low, high = (sign * np.inf if side is None else side for sign, side in ((-1, row.lb), (1, row.ub)))
            bounds.append((low - linear.constant, high - linear.constant))
            place = np.full(len(linear.linear_vars), self.height + len(parts), dtype=np.int32)
            values = np.array(linear.linear_coefs, dtype=np.float64)
            entries.append(_Entries(values.shape, (place,), (self.columns.of(linear.linear_vars),), (values,)))
            parts.append(row)
        lower, upper = np.array(bounds, dtype=np.float64).reshape(-1, 2).T
        part = Part(None, np.arange(len(parts)), tuple(parts))
        return _Piece(part, self.height, None, (len(parts),), entries, lower, upper)

    # ---- together

    def _assembled(self, objective: Any, goal: _Goal, pieces: list[_Piece], started: float) -> Program:
        """The pieces as one program, without what is fixed, zero, empty or unused."""
        lower, upper, integer, fixed = self.columns.figures()
        row_lower = _spread(np.add, [(piece.shape, (piece.lower,)) for piece in pieces], np.empty(self.height))
        row_upper = _spread(np.add, [(piece.shape, (piece.upper,)) for piece in pieces], np.empty(self.height))
        matrix, samples = self._matrix(pieces, len(lower))
        cost = np.zeros(len(lower))
        for entry in goal.entries:
            where = _spread(np.add, [(entry.shape, entry.column)], np.empty(entry.size, np.intp))
            np.add.at(cost, where, _spread(np.multiply, [(entry.shape, entry.value)], np.empty(entry.size)))
        offset = goal.constant
        if fixed:
            level, varies = np.zeros(len(lower)), np.ones(len(lower))
            level[list(fixed)], varies[list(fixed)] = list(fixed.values()), 0.0
            offset += float(cost @ level)
            moved = matrix @ level
            row_lower -= moved
            row_upper -= moved
            cost *= varies
            matrix.data *= np.repeat(varies, np.diff(matrix.indptr))
        if not matrix.data.all():
            matrix.eliminate_zeros()
        self._check(samples, fixed, row_lower, row_upper)

        # rows that say nothing go; one without variables that cannot hold stays, for the solver to say so
        empty = np.ones(len(row_lower), dtype=np.bool_)
        empty[matrix.indices] = False
        kept = np.isfinite(row_lower) | np.isfinite(row_upper)
        kept[empty] &= (row_lower[empty] > 0) | (row_upper[empty] < 0)
        if not kept.all():
            matrix = matrix[kept]
        used = (cost != 0) | (np.diff(matrix.indptr) > 0)
        for row, column, _ in goal.squares:
            used[[row, column]] = True
        if not used.all():
            matrix = matrix[:, used]
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
            row_parts=tuple(piece.part.only(kept[piece.first : piece.first + piece.size]) for piece in pieces),
            expanded=tuple(self.expanded),
            seconds=time.perf_counter() - started,
            hessian=_hessian(goal, used),
        )

    def _matrix(self, pieces: list[_Piece], width: int) -> tuple[sparse.csc_array, list[_Sample]]:
        """The entries as a matrix, duplicates added up, and a few rows of components that are not checked yet."""
        entries = [entry for piece in pieces for entry in piece.entries]
        size = sum(entry.size for entry in entries)
        rows, columns = np.empty((2, size), np.int32)
        _spread(np.add, [(entry.shape, entry.row) for entry in entries], rows)
        _spread(np.add, [(entry.shape, entry.column) for entry in entries], columns)
        values = _spread(np.multiply, [(entry.shape, entry.value) for entry in entries], np.empty(size))
        samples = []
        end = 0
        for piece in pieces:
            start, end = end, end + sum(entry.size for entry in piece.entries)
            if piece.grid and piece.size and "_checked" not in piece.part.component.__dict__:
                for position in {0, piece.size // 2, piece.size - 1}:
                    here = start + np.flatnonzero(rows[start:end] == piece.first + position)
                    if len(here) <= LONG:
                        samples.append(_Sample(piece, position, _by_column(columns[here], values[here])))
        triplets = sparse.coo_array((self.height, width))
        triplets.coords, triplets.data = (rows, columns), values  # given at once they are searched for indices outside
        triplets.has_canonical_format = False
        return triplets.tocsc(), samples


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


def _spread(combine: np.ufunc, parts: list[tuple[tuple[int, ...], tuple[Any, ...]]], out: Array) -> Array:
    """Sums or products of arrays that broadcast over a shape each, spread out one after another; all of `out`."""
    start = 0
    for shape, arrays in parts:
        end = start + math.prod(shape)
        *small, large = sorted(arrays or (combine.identity,), key=np.size)
        first = reduce(combine, small) if small else out.dtype.type(combine.identity)
        combine(first, large, out=out[start:end].reshape(shape))
        start = end
    return out


def _hessian(goal: _Goal, used: Bools) -> sparse.csc_array | None:
    """The lower triangle of the objective's second derivatives; None if it is linear."""
    if not goal.squares:
        return None
    row, column, value = (np.array(figures) for figures in zip(*goal.squares, strict=True))
    place, size = np.cumsum(used) - 1, int(used.sum())
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
        total[int(column)] = total.get(int(column), 0.0) + float(pyo.value(value))
    return total
