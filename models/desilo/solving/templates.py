"""A rule as arrays: called once with placeholders for its indices, evaluated for all indices at once.

Pyomo's own template machinery calls a rule with an `IndexTemplate` for every index and every `sum` over a set, and
returns the expression they stand in. Here that expression is evaluated by numpy, on the frames of `grids`.

What cannot be said this way raises `Untemplatable` and is left to Pyomo. It is the only way to fail: a rule that has
been evaluated means what Pyomo makes of it index by index.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr import (
    DivisionExpression,
    NegationExpression,
    PowExpression,
    ProductExpression,
    SumExpression,
    UnaryFunctionExpression,
    template_expr,
)
from pyomo.core.expr.relational_expr import tuple_to_relational_expr
from pyomo.core.expr.template_expr import (
    GetItemExpression,
    IndexTemplate,
    TemplateSumExpression,
    templatize_rule,
)

from desilo.cases.instance import Ints
from desilo.solving.delayed import DelayedExpression, rule_of
from desilo.solving.grids import Array, FamilyFrame, Frame, Grid, Number, ProductFrame, Tables, Untemplatable


@dataclass(frozen=True)
class Term:
    """coefficient x variable, in every cell of a frame.

    Attributes:
        frame: the grid of cells.
        column: its variables' columns: arrays whose sum it is.
        coefficient: figures whose product it is.
    """

    frame: Frame
    column: tuple[Array | int, ...]
    coefficient: tuple[Number, ...] = ()


@dataclass(frozen=True)
class Linear:
    """A constant and terms; the terms may stand in frames further down."""

    constant: Number
    terms: list[Term] = field(default_factory=list)


@dataclass(frozen=True)
class Template:
    """A rule called once: its expression and the placeholders in it."""

    expression: Any
    indices: tuple[Any, ...]

    def __deepcopy__(self, memo: Any) -> None:
        """A copied component makes its own."""


def templatize(component: Any) -> Template:
    """A component's rule as a template, made once and kept on it.

    Raises:
        Untemplatable: the rule does something that has to be done index by index.
    """
    known = component.__dict__.get("_template")
    if known is None:
        if component.is_indexed() and component.index_set().dimen is None:
            raise Untemplatable("its index set has members of different lengths")
        try:
            with _pyomo_is_quiet(), _sums_over_sets_only():
                index_set = component.index_set() if component.is_indexed() else None
                expression, indices = templatize_rule(component.parent_block(), rule_of(component), index_set)
        except Untemplatable:
            raise
        except Exception as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # within a sum Pyomo raises its own error over it
                raise KeyboardInterrupt from None
            raise Untemplatable(f"its rule needs its indices one by one: {_first_line(error)}") from error
        if type(expression) is tuple:
            expression = tuple_to_relational_expr(expression)
        known = component.__dict__["_template"] = Template(expression, indices)
    return known  # type: ignore[no-any-return]


@contextmanager
def _pyomo_is_quiet() -> Iterator[None]:
    """Pyomo logs an error for every rule it cannot call with placeholders; here that is an answer."""
    logger = logging.getLogger("pyomo.core")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def _sums_over_sets_only() -> Iterator[None]:
    """Find out sums over a Pyomo set and something else, as Pyomo does itself from 6.10 on.

    Before, `sum(x[i, j] for i in [1, 2] for j in J)` became a template that has forgotten the second i.
    """
    if hasattr(template_expr, "generator_validators"):
        yield
        return
    context = template_expr._template_iter_context
    original = context.sum_template

    def checked(self: Any, generator: Any) -> Any:
        result = original(self, generator)
        frame: Any = getattr(generator, "gi_frame", None)
        for name in frame.f_code.co_varnames if frame and isinstance(result, TemplateSumExpression) else ():
            held = frame.f_locals.get(name)
            parts = held if isinstance(held, tuple) else (held,)
            if name != ".0" and not all(isinstance(part, IndexTemplate) for part in parts):
                raise Untemplatable("a sum runs over more than Pyomo sets")
        return result

    context.sum_template = checked
    try:
        yield
    finally:
        context.sum_template = original


class Evaluator:
    """Evaluates templates on frames.

    Args:
        tables: arrays of sets and parameters.
        column: the grid of an indexed variable and the column of its first member.
        columns_of: the columns of some Pyomo variables.
    """

    def __init__(
        self, tables: Tables, column: Callable[[Any], tuple[Grid, int]], columns_of: Callable[[Sequence[Any]], Ints]
    ) -> None:
        self.tables = tables
        self.column = column
        self.columns_of = columns_of

    def rows(self, component: Any) -> tuple[Any, Grid, Frame]:
        """The template of a component, its index set and the frame of its rows, with the placeholders bound."""
        template = templatize(component)
        grid = self.tables.index_grid(component)
        frame = Frame(grid.shape)
        frame.bind(template.indices, grid.indices())
        return template.expression, grid, frame

    @staticmethod
    def at(component: Any, index: Any) -> Any:
        """What a component's rule makes of an index."""
        with DelayedExpression.written_out():
            return rule_of(component)(component.parent_block(), index)

    def linear(self, expression: Any, frame: Frame) -> Linear:
        """An expression as a constant and terms.

        Raises:
            Untemplatable: it is not linear, or made of something that has no place here.
        """
        value = self._value(expression, frame)
        return value if isinstance(value, Linear) else Linear(value)

    def difference(self, left: Any, right: Any, frame: Frame) -> tuple[Linear, bool]:
        """left - right as a constant and terms; right - left, as Pyomo has it, if the left side is a number."""
        one, other = self._value(left, frame), self._value(right, frame)
        turned = not isinstance(one, Linear)
        if turned:
            one, other = other, one
        value = _added([one, _times(-1, other, frame)])
        return (value if isinstance(value, Linear) else Linear(value)), turned

    def number(self, expression: Any, frame: Frame) -> Number:
        """An expression without variables."""
        value = self._value(expression, frame)
        if isinstance(value, Linear):
            raise Untemplatable("a variable stands where a number should")
        return value

    def _value(self, node: Any, frame: Frame) -> Any:
        """A number or a `Linear`."""
        if isinstance(node, int | float | np.number):
            return float(node) if not isinstance(node, int) else node
        if isinstance(node, IndexTemplate):
            return frame.index(node)
        if isinstance(node, GetItemExpression):
            return self._item(node, frame)
        if isinstance(node, TemplateSumExpression):
            return self._sum(node, frame)
        if isinstance(node, SumExpression):
            return _added([self._value(part, frame) for part in node.args])
        if isinstance(node, ProductExpression):
            return self._product(_factors(node), frame)
        if isinstance(node, DivisionExpression):
            left, right = node.args
            divisor = self.number(right, frame)
            if np.any(np.equal(divisor, 0)):
                raise Untemplatable("it divides by zero")
            value = self._value(left, frame)
            return _times(1.0 / divisor, value, frame) if isinstance(value, Linear) else value / divisor
        if isinstance(node, NegationExpression):
            return _times(-1, self._value(node.args[0], frame), frame)
        if isinstance(node, PowExpression):
            base, exponent = (self.number(part, frame) for part in node.args)
            return np.power(np.asarray(base, dtype=np.float64), exponent)
        if isinstance(node, UnaryFunctionExpression):
            return self._function(node.getname(), self.number(node.args[0], frame))
        return self._leaf(node, frame)

    def _product(self, factors: Sequence[Any], frame: Frame) -> Any:
        """Numbers multiplied, or a `Linear` times one number after the other: they need not be of the same shape."""
        values = [self._value(factor, frame) for factor in factors]
        numbers = [value for value in values if not isinstance(value, Linear)]
        if len(numbers) == len(values):
            return reduce(mul, values)
        if len(numbers) < len(values) - 1:
            raise Untemplatable("it multiplies variables")
        (linear,) = (value for value in values if isinstance(value, Linear))
        return reduce(lambda value, number: _times(number, value, frame), numbers, linear)

    def _leaf(self, node: Any, frame: Frame) -> Any:
        """One variable, parameter or named expression."""
        kind = getattr(node, "is_variable_type", None)
        if kind is None or (getattr(node, "is_indexed", None) and node.is_indexed()):
            raise Untemplatable(f"it uses {type(node).__name__}")
        if node.is_variable_type():
            return Linear(0.0, [Term(frame, (int(self.columns_of([node])[0]),))])
        if getattr(node, "is_parameter_type", bool)() or not node.is_expression_type():
            return float(pyo.value(node))
        if getattr(node, "is_named_expression_type", bool)():
            return self._value(node.arg(0), frame)
        raise Untemplatable(f"it uses {type(node).__name__}")

    def _item(self, node: Any, frame: Frame) -> Any:
        """A variable, parameter or named expression at an index that is a template."""
        component, *index = node.args
        if 0 in frame.shape:  # nothing to evaluate, and no index that has to be in its set
            return Linear(0.0) if node.is_potentially_variable() else 1.0
        at = [np.asarray(self.number(part, frame)) for part in index]
        at = [part.reshape((1,) * (len(frame.shape) - part.ndim) + part.shape) for part in at]
        ctype = getattr(component, "ctype", None)
        if ctype is pyo.Var:
            grid, first = self.column(component)
            return Linear(0.0, [Term(frame, (first, *grid.where(at)))])
        if ctype is pyo.Param:
            return self._parameter(component, at)
        if ctype is pyo.Expression:
            if getattr(component, "expanded", True):
                raise Untemplatable(f"{component.name} is a named expression that is expanded")
            template = templatize(component)
            sum(self.tables.index_grid(component).where(at))  # they are indices
            frame.bind(template.indices, at)
            return self._value(template.expression, frame)
        raise Untemplatable(f"it uses parts of {getattr(component, 'name', type(component).__name__)}")

    def _parameter(self, parameter: Any, at: Sequence[Array]) -> Number:
        table, gaps = self.tables.parameter(parameter)
        *rows, last = self.tables.index_grid(parameter).places(at)
        whole = (1,) * (last.ndim - 1) + table.shape[-1:]
        if rows and last.shape == whole and all(row.shape[-1] == 1 for row in rows) and _counts(last):
            values = table[tuple(rows)][..., 0, :]
        else:
            values = table[(*rows, last)]
        if gaps and np.isnan(values).any():
            raise Untemplatable(f"{parameter.name} has no value at an index")
        return values

    def _sum(self, node: Any, frame: Frame) -> Any:
        below = [frame]
        for group in node.template_iters():
            below.append(self._below(group, below[-1]))
        (summand,) = node._local_args_
        value = self._value(summand, below[-1])
        constant = value.constant if isinstance(value, Linear) else value
        if not isinstance(value, Linear) or np.any(constant):
            for part in reversed(below[1:]):
                constant = part.total(constant)
        else:
            constant = 0.0
        return Linear(constant, value.terms) if isinstance(value, Linear) else constant

    def _below(self, group: Sequence[Any], frame: Frame) -> Frame:
        """The frame of a sum over a set."""
        over = group[0]._set
        if not isinstance(over, GetItemExpression):
            below: ProductFrame | FamilyFrame = ProductFrame(frame, self.tables.grid(over))
        else:
            indexed_set, *index = over.args
            if getattr(indexed_set, "ctype", None) is not pyo.Set:
                raise Untemplatable("it sums over something that is no set")
            at = [np.asarray(self.number(part, frame)) for part in index]
            below = FamilyFrame(frame, self.tables.family(indexed_set), at)
        if len(group) != len(below.indices):
            raise Untemplatable("it sums over members of different lengths")
        below.bind(group, below.indices)
        return below

    @staticmethod
    def _function(name: str, argument: Number) -> Number:
        functions = {"exp": np.exp, "log": np.log, "log10": np.log10, "sqrt": np.sqrt, "abs": np.abs}
        if name not in functions:
            raise Untemplatable(f"it uses {name}")
        with np.errstate(all="raise"):
            return functions[name](np.asarray(argument, dtype=np.float64))


def _factors(node: Any) -> list[Any]:
    """What is multiplied in a product of products."""
    if not isinstance(node, ProductExpression):
        return [node]
    return [factor for part in node.args for factor in _factors(part)]


def _times(number: Number, value: Any, frame: Frame) -> Any:
    """A number of a frame times a number or `Linear` of that frame or of frames below."""
    if not isinstance(value, Linear):
        return number * value
    terms = [
        Term(term.frame, term.column, (*term.coefficient, term.frame.from_above(number, frame))) for term in value.terms
    ]
    return Linear(number * value.constant if np.any(value.constant) else 0.0, terms)


def _added(values: Sequence[Any]) -> Any:
    if not any(isinstance(value, Linear) for value in values):
        return reduce(add, values)
    linear = [value if isinstance(value, Linear) else Linear(value) for value in values]
    return Linear(sum(part.constant for part in linear), [term for part in linear for term in part.terms])


def _counts(places: Array) -> bool:
    return np.array_equal(places.reshape(-1), np.arange(places.size))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
