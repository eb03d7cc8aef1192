"""From a Pyomo model to arrays: rules as templates where that is possible, Pyomo's own standard form for the rest.

A component goes the fast way if it was declared on a `delayed_model` or `delayed_block`, nobody has asked for its
parts yet, and its rule can be evaluated as arrays. Every other one is translated by Pyomo, index by index, and named
with the reason in `Program.expanded`. Either way the program is the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr import EqualityExpression, InequalityExpression, RangedExpression
from pyomo.core.expr.numvalue import is_potentially_variable
from pyomo.core.expr.relational_expr import tuple_to_relational_expr
from pyomo.repn import generate_standard_repn
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from scipy import sparse

from desilo.cases.instance import Bools, Floats, Ints
from desilo.solving import guard
from desilo.solving.grids import Array, Frame, Grid, Tables, Untemplatable
from desilo.solving.program import Model, Part, Program, collection_paused, concatenated

UNDERSTOOD = frozenset(
    {pyo.Block, pyo.Constraint, pyo.Var, pyo.Param, pyo.Expression, pyo.Set, pyo.RangeSet, pyo.Suffix, pyo.Objective}
    | {pyo.BuildAction, pyo.BuildCheck}
)
"""Kinds of components that can be active in a model without being left out of its program."""

LONG = 1_000
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
            except _Wrong as wrong:  # a template that does not say what the rule says, or a row that cannot hold
                wrong.component.expand()
                wrong.component.__dict__["_reason"] = wrong.reason


class _Wrong(Exception):
    """A component has to be left to Pyomo after all."""

    def __init__(self, component: Any, reason: str) -> None:
        self.component = component
        self.reason = reason


# ---- columns


class _Columns:
    """Columns of the variables met so far: each component's next to each other, in the order of its index set."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.size = 0
        self.blocks: dict[int, tuple[Any, int, int]] = {}  # component, first column, number

    def block(self, component: Any) -> int:
        """First column of a component."""
        if id(component) not in self.blocks:
            if not component.is_indexed() or component.index_set().isfinite():
                size = self.tables.index_grid(component).size
            else:
                size = len(component)
            self.blocks[id(component)] = component, self.size, size
            self.size += size
        return self.blocks[id(component)][1]

    def grid(self, component: Any) -> tuple[Grid, int]:
        """Index set and first column of an indexed variable."""
        if component.is_reference():
            raise Untemplatable(f"{component.name} refers to other variables")
        return self.tables.index_grid(component), self.block(component)

    def of(self, variables: Sequence[Any]) -> Ints:
        """Columns of some Pyomo variables."""
        places = np.zeros(len(variables), dtype=np.int64)
        by_component: dict[int, list[int]] = {}
        for k, variable in enumerate(variables):
            by_component.setdefault(id(variable.parent_component()), []).append(k)
        for group in by_component.values():
            component = variables[group[0]].parent_component()
            indices = [variables[k].index() for k in group]
            if component.is_indexed() and not component.index_set().isfinite():
                order = {index: k for k, index in enumerate(component._data)}
                positions = np.array([order[index] for index in indices])
            else:
                positions = self.tables.index_grid(component).positions(indices)
            places[group] = self.block(component) + positions
        return places

    def figures(self) -> tuple[Floats, Floats, Bools, Floats]:
        """(n,) lower and upper bounds, integrality and, of the fixed ones, the value; nan for the others."""
        lower, upper = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        integer, fixed = np.zeros(self.size, dtype=np.bool_), np.full(self.size, np.nan)
        for component, first, size in self.blocks.values():
            here = slice(first, first + size)
            made = component._data if component.is_indexed() else {None: component}
            if len(made) < size:
                lower[here], upper[here], integer[here] = _declared(component, self.tables)
                positions = self.tables.index_grid(component).positions(list(made)).tolist()
                places = [(first + k, data) for k, data in zip(positions, made.values(), strict=True)]
            else:
                places = [(first + k, made[index]) for k, index in enumerate(_indices(component))]
            for column, variable in places:
                low, high = variable.bounds
                lower[column] = -np.inf if low is None else low
                upper[column] = np.inf if high is None else high
                integer[column] = not variable.is_continuous()
                if variable.fixed:
                    fixed[column] = variable.value
        return lower, upper, integer, fixed


def _indices(component: Any) -> Any:
    if not component.is_indexed():
        return (None,)
    return component.index_set() if component.index_set().isfinite() else component._data


def _declared(component: Any, tables: Tables) -> tuple[Any, Any, Any]:
    """Bounds and integrality as a variable's rules have them."""
    block, grid = component.parent_block(), tables.index_grid(component)
    if not component._rule_domain.constant():
        data = list(component.values())
        low, high = zip(*(variable.bounds for variable in data), strict=True)
        return _bound(low, -np.inf), _bound(high, np.inf), [not variable.is_continuous() for variable in data]
    first, last, step = component._rule_domain(block, None, component).get_interval()
    rule = component._rule_bounds
    lower: Any = -np.inf
    upper: Any = np.inf
    if rule is not None:
        arrays = getattr(getattr(getattr(rule, "_initializer", None), "_fcn", None), "arrays", None)
        if arrays is not None:
            at = tuple(grid.indices())
            lower, upper = (np.broadcast_to(a[at] if a.ndim else a, grid.shape).reshape(-1) for a in arrays)
        elif rule.constant():
            low, high = rule(block, None)
            lower, upper = _bound([low], -np.inf), _bound([high], np.inf)
        else:
            low, high = zip(*(rule(block, index) for index in component.index_set()), strict=True)
            lower, upper = _bound(low, -np.inf), _bound(high, np.inf)
    lower = lower if first is None else np.maximum(lower, first)
    upper = upper if last is None else np.minimum(upper, last)
    return lower, upper, step != 0


def _bound(values: Any, missing: float) -> Floats:
    return np.array([missing if value is None else pyo.value(value) for value in values], dtype=np.float64)


# ---- rows


@dataclass
class _Piece:
    """Rows as triplets.

    Attributes:
        part: where they come from.
        rows, columns, values: (k,) entries; duplicates add up.
        lower, upper: bounds of the rows.
        alone: whether they came by a template.
    """

    part: Part
    rows: Array
    columns: Array
    values: Floats
    lower: Floats
    upper: Floats
    alone: bool


def _entries(linear: Any, grid: Grid, root: Frame) -> tuple[Ints, Ints, Floats]:
    """Triplets of a linear expression for every row of the root frame."""
    axes = len(grid.shape)
    steps = [
        (np.arange(n, dtype=np.int32) * np.int32(stride)).reshape([-1 if k == axis else 1 for k in range(axes)])
        for axis, (n, stride) in enumerate(zip(grid.shape, grid.strides, strict=True))
    ]
    rows, columns, values = [], [], []
    for term in linear.terms:
        shape = term.frame.shape
        if np.ndim(term.coefficient) == 0 and term.coefficient == 0:
            continue
        row = sum((term.frame.from_above(step, root) for step in steps), np.int32(0))
        column = sum((np.asarray(part, dtype=np.int32) for part in term.column), np.int32(0))
        rows.append(np.broadcast_to(row, shape).reshape(-1))
        columns.append(np.broadcast_to(column, shape).reshape(-1))
        values.append(np.broadcast_to(term.coefficient, shape).reshape(-1))
    return concatenated(rows, np.int32), concatenated(columns, np.int32), concatenated(values, np.float64)


class _Compiler:
    """One translation of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tables = Tables()
        self.columns = _Columns(self.tables)
        self.evaluator: Any = guard.evaluator(self.tables, self.columns.grid, self.columns.of)
        self.expanded: list[tuple[str, str]] = []
        for component in model.component_objects(active=True):
            if component.ctype not in UNDERSTOOD:
                kind = component.ctype.__name__
                raise ValueError(f"{component.name}: a linear program has no place for components of type {kind}")

    def program(self, started: float) -> Program:
        """The whole."""
        objective = self._the_objective()
        pieces = []
        by_template = []
        for component in self.model.component_objects(pyo.Constraint, active=True):
            if component.is_indexed() and component.index_set().isfinite() and not len(component.index_set()):
                continue
            piece = self._attempt(component, self._rows)
            if piece is not None:
                pieces.append(piece)
                by_template.append(component)
        terms = self._attempt(objective.parent_component(), self._objective) or self._quadratic(objective)
        if self.expanded:
            pieces.append(self._by_pyomo(by_template))
        cost, offset, hessian = terms
        return self._assembled(objective, pieces, cost, offset, hessian, started)

    def _the_objective(self) -> Any:
        found = list(self.model.component_data_objects(pyo.Objective, active=True))
        if len(found) != 1:
            raise ValueError(f"expected one active objective, found {len(found)}")
        return found[0]

    def _attempt(self, component: Any, make: Callable[[Any], Any]) -> Any:
        """What a template makes of a component; None, and a word on why, if it has to be left to Pyomo."""
        try:
            if self.evaluator is None:
                raise Untemplatable(guard.MISSING)
            if getattr(component, "expanded", True):
                raise Untemplatable(component.__dict__.get("_reason", "it is expanded index by index"))
            return make(component)
        except _Wrong:
            raise
        except Exception as error:  # evaluation meets what rules are made of: anything
            reason = str(error) if isinstance(error, Untemplatable) else f"{type(error).__name__}: {error}"
            self.expanded.append((component.name, reason))
            return None

    def _rows(self, component: Any) -> _Piece:
        """The rows of a constraint by its template."""
        expression, grid, frame = self.evaluator.rows(component)
        lower: Any = -np.inf
        upper: Any = np.inf
        if isinstance(expression, RangedExpression):
            low, body, high = expression.args
            linear = self.evaluator.linear(body, frame)
            lower, upper = self.evaluator.number(low, frame), self.evaluator.number(high, frame)
        elif isinstance(expression, EqualityExpression | InequalityExpression):
            left, right = expression.args
            linear, turned = self.evaluator.difference(left, right, frame)
            lower, upper = (0.0, np.inf) if turned else (-np.inf, 0.0)
            if isinstance(expression, EqualityExpression):
                lower = upper = 0.0
        else:
            raise Untemplatable("its rule returns no relation")
        if getattr(expression, "strict", False) not in (False, (False, False)):
            raise Untemplatable("it is a strict inequality")
        lower, upper = (
            np.broadcast_to(bound - linear.constant, grid.shape).reshape(-1).astype(np.float64)
            for bound in (lower, upper)
        )
        if np.isnan(lower).any() or np.isnan(upper).any() or (lower == np.inf).any() or (upper == -np.inf).any():
            raise Untemplatable("a bound is not a number")
        entries = _entries(linear, grid, frame)
        piece = _Piece(Part(component, np.arange(grid.size)), *entries, lower, upper, alone=True)
        self._check(component, grid, piece)
        return piece

    def _objective(self, component: Any) -> tuple[tuple[Ints, Floats], float, None]:
        """The objective by its template: its columns and values, and its constant."""
        expression, grid, frame = self.evaluator.rows(component)
        linear = self.evaluator.linear(expression, frame)
        _, columns, values = _entries(linear, grid, frame)
        return (columns, values), float(linear.constant), None

    def _check(self, component: Any, grid: Grid, piece: _Piece) -> None:
        """Build some rows as Pyomo would and compare: a rule that looks at its index some other way is found out."""
        if component.__dict__.get("_checked") or not grid.size:
            return
        picked = sorted({0, grid.size // 2, grid.size - 1})
        inside = np.zeros(grid.size, dtype=np.bool_)
        inside[picked] = True
        there = np.flatnonzero(inside[piece.rows])
        rows, columns, values = piece.rows[there], piece.columns[there], piece.values[there]
        room = LONG
        for row, index in zip(picked, grid.at(picked), strict=True):
            here = rows == row
            room -= int(np.count_nonzero(here))
            if room < 0:
                break
            found = _sum_by_column(columns[here], values[here])
            try:
                expected, low, high = self._row(component, index)
            except Exception as error:
                raise Untemplatable(f"its rule fails at {index}: {error}") from error
            pairs = [(found.get(k, 0.0), expected.get(k, 0.0)) for k in found.keys() | expected.keys()]
            pairs += [(piece.lower[row], low), (piece.upper[row], high)]
            if not all(a == b or abs(a - b) <= SAME * max(1.0, abs(a), abs(b)) for a, b in pairs):
                raise Untemplatable("its rule says something else at some indices")
        component.__dict__["_checked"] = True

    def _row(self, component: Any, index: Any) -> tuple[dict[int, float], float, float]:
        """One row as its rule makes it at an index: entries and bounds, fixed variables still among the entries."""
        relation = self.evaluator.at(component, index)
        if type(relation) is tuple:
            relation = tuple_to_relational_expr(relation)
        low, high = -np.inf, np.inf
        if isinstance(relation, RangedExpression):
            first, body, last = relation.args
            low, high = pyo.value(first), pyo.value(last)
        else:
            left, right = relation.args
            turned = not is_potentially_variable(left)
            body = right - left if turned else left - right
            low, high = (0.0, np.inf) if turned else (-np.inf, 0.0)
            if isinstance(relation, EqualityExpression):
                low = high = 0.0
        linear = generate_standard_repn(body, compute_values=False)
        constant = pyo.value(linear.constant)
        coefficients = [pyo.value(coefficient) for coefficient in linear.linear_coefs]
        entries = _sum_by_column(self.columns.of(linear.linear_vars), coefficients)
        return entries, low - constant, high - constant

    def _quadratic(self, objective: Any) -> tuple[tuple[Any, Floats], float, Any]:
        """The objective by Pyomo's own standard representation; it may be quadratic."""
        found = generate_standard_repn(objective.expr, compute_values=True, quadratic=True)
        if found.nonlinear_expr is not None:
            raise ValueError(f"{objective.name} is neither linear nor quadratic")
        of = self.columns.of
        columns = of(found.linear_vars)
        values = np.array([pyo.value(coefficient) for coefficient in found.linear_coefs], dtype=np.float64)
        pairs = of([variable for pair in found.quadratic_vars for variable in pair]).reshape(-1, 2).tolist()
        squares = [
            (max(a, b), min(a, b), pyo.value(coefficient) * (2.0 if a == b else 1.0))
            for (a, b), coefficient in zip(pairs, found.quadratic_coefs, strict=True)
        ]
        return (columns, values), float(pyo.value(found.constant)), squares or None

    def _by_pyomo(self, others: list[Any]) -> _Piece:
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
        place = np.cumsum(~again) - 1
        lower, upper = np.full(int(np.sum(~again)), -np.inf), np.full(int(np.sum(~again)), np.inf)
        lower[place[kind <= 0]] = rhs[kind <= 0]
        upper[place[kind >= 0]] = rhs[kind >= 0]
        first = ~again[matrix.row]
        parts = tuple(row for k, (row, _) in enumerate(form.rows) if not again[k])
        return _Piece(
            Part(None, np.arange(len(parts)), parts),
            place[matrix.row[first]].astype(np.int32),
            columns[matrix.col[first]] if len(columns) else np.zeros(0, np.int32),
            np.asarray(matrix.data[first], dtype=np.float64),
            lower,
            upper,
            alone=False,
        )

    def _assembled(
        self,
        objective: Any,
        pieces: list[_Piece],
        cost: tuple[Ints, Floats],
        offset: float,
        squares: Any,
        started: float,
    ) -> Program:
        """The pieces as one program, without what is fixed, empty or unused."""
        lower, upper, integer, fixed = self.columns.figures()
        n = self.columns.size
        c = np.bincount(cost[0], cost[1], minlength=n).astype(np.float64)
        if not np.isnan(fixed).all():
            constant = ~np.isnan(fixed)
            offset += float(c[constant] @ fixed[constant])
            c[constant] = 0.0
            pieces = [_without(piece, constant, fixed) for piece in pieces]
        pieces = [self._cleaned(piece) for piece in pieces]
        used = c != 0
        for piece in pieces:
            used[piece.columns] = True
        for row, column, _ in squares or ():
            used[[row, column]] = True
        place = np.cumsum(used, dtype=np.int32) - np.int32(1)
        everything = bool(used.all())
        starts = np.cumsum([0, *(len(piece.lower) for piece in pieces)]).astype(np.int32)
        matrix = _matrix(
            concatenated([piece.rows + start for piece, start in zip(pieces, starts[:-1], strict=True)], np.int32),
            concatenated([p.columns if everything else place[p.columns] for p in pieces], np.int32),
            concatenated([piece.values for piece in pieces], np.float64),
            (int(starts[-1]), int(used.sum())),
        )
        parts = []
        for component, first, size in self.columns.blocks.values():
            positions = np.flatnonzero(used[first : first + size])
            if len(positions):
                parts.append(_column_part(component, positions))
        hessian = None
        if squares:
            row, column, value = (np.array(figures) for figures in zip(*squares, strict=True))
            hessian = sparse.csc_array((value, (place[row], place[column])), shape=(matrix.shape[1],) * 2)
        return Program(
            name=str(self.model.name),
            cost=c[used],
            offset=offset,
            sense=1 if objective.sense == pyo.minimize else -1,
            matrix=matrix,
            row_lower=concatenated([piece.lower for piece in pieces], np.float64),
            row_upper=concatenated([piece.upper for piece in pieces], np.float64),
            lower=lower[used],
            upper=upper[used],
            integer=integer[used],
            columns=tuple(parts),
            row_parts=tuple(piece.part for piece in pieces),
            expanded=tuple(self.expanded),
            seconds=time.perf_counter() - started,
            hessian=hessian,
        )

    @staticmethod
    def _cleaned(piece: _Piece) -> _Piece:
        """Without zeros, and without rows that say nothing."""
        if not piece.alone:
            return piece
        if np.count_nonzero(piece.values) < len(piece.values):
            some = piece.values != 0
            piece = replace(piece, rows=piece.rows[some], columns=piece.columns[some], values=piece.values[some])
        kept = np.bincount(piece.rows, minlength=len(piece.lower)) > 0
        if np.any(~kept & ((piece.lower > 0) | (piece.upper < 0))):
            raise _Wrong(piece.part.component, "a row without variables cannot hold")
        kept &= np.isfinite(piece.lower) | np.isfinite(piece.upper)
        if kept.all():
            return piece
        place = np.cumsum(kept, dtype=np.int32) - np.int32(1)
        there = kept[piece.rows]
        return replace(
            piece,
            part=replace(piece.part, positions=piece.part.positions[kept]),
            rows=place[piece.rows[there]],
            columns=piece.columns[there],
            values=piece.values[there],
            lower=piece.lower[kept],
            upper=piece.upper[kept],
        )


def _without(piece: _Piece, constant: Bools, fixed: Floats) -> _Piece:
    """The piece with fixed variables moved to the bounds."""
    gone = constant[piece.columns]
    if not gone.any():
        return piece
    worth = piece.values[gone] * fixed[piece.columns[gone]]
    moved = np.bincount(piece.rows[gone], worth, minlength=len(piece.lower))
    return replace(
        piece,
        rows=piece.rows[~gone],
        columns=piece.columns[~gone],
        values=piece.values[~gone],
        lower=piece.lower - moved,
        upper=piece.upper - moved,
    )


def _matrix(rows: Ints, columns: Ints, values: Floats, shape: tuple[int, int]) -> sparse.csc_array:
    """Triplets as columns with sorted rows; duplicates are added up.

    Two counting sorts in linear time: by row, as a matrix with one entry in each column, then by column.
    """
    count = len(values)
    one_each = sparse.csc_array((values, rows, np.arange(count + 1, dtype=np.int32)), shape=(shape[0], count))
    by_row = one_each.tocsr()
    matrix = sparse.csr_array((by_row.data, columns[by_row.indices], by_row.indptr), shape=shape).tocsc()
    same = np.flatnonzero(matrix.indices[1:] == matrix.indices[:-1]) + 1
    if len(same) and not np.isin(same, matrix.indptr).all():  # next to each other, and not across two columns
        matrix.has_sorted_indices = True
        matrix.has_canonical_format = False
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return matrix


def _column_part(component: Any, positions: Ints) -> Part:
    if component.is_indexed() and not component.index_set().isfinite():
        data = tuple(component.values())
        return Part(component, positions, tuple(data[k] for k in positions))
    return Part(component, positions)


def _sum_by_column(columns: Any, values: Any) -> dict[int, float]:
    total: dict[int, float] = {}
    for column, value in zip(columns, values, strict=True):
        total[int(column)] = total.get(int(column), 0.0) + float(value)
    return total
