"""The columns of a program: where a model's variables stand in it, and what bounds and kinds they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Bools, Floats, Ints
from desilo.solving.grids import Grid, Tables, Untemplatable
from desilo.solving.program import Part


class Columns:
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

    def parts(self, used: Bools) -> tuple[Part, ...]:
        """Where the used columns come from."""
        found = []
        for component, first, size in self.blocks.values():
            positions = np.flatnonzero(used[first : first + size])
            listed: tuple[Any, ...] = ()
            if component.is_indexed() and not component.index_set().isfinite():
                made = tuple(component.values())
                listed = tuple(made[k] for k in positions)
            if len(positions):
                found.append(Part(component, positions, listed))
        return tuple(found)

    def figures(self) -> tuple[Floats, Floats, Bools, dict[int, float]]:
        """(n,) lower and upper bounds and integrality, and the values of the columns that are fixed."""
        lower, upper, integer = np.empty(self.size), np.empty(self.size), np.empty(self.size, dtype=np.bool_)
        fixed: dict[int, float] = {}
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
                if variable.fixed and variable.value is not None:
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
            lower, upper = (grid.read(a).reshape(-1) if a.ndim else a for a in arrays)
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
