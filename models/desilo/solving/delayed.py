"""Pyomo models whose rules wait: components that are declared now and expanded when somebody asks for their parts.

`delayed_model` and `delayed_block` make an ordinary `ConcreteModel` and `Block` with one difference: variables, sets,
constraints, named expressions and objectives declared by a rule are not expanded index by index. The compiler reads
the rules as they are. To everybody else (a writer, another solver, `len`, `component_data_objects`) nothing differs:
the first question after a component's parts makes them, in Pyomo's own way. From then on its parts count, not its
rule, since they may have been changed.

Pyomo's private parts are used here and in `templates`, nowhere else; `guard` sees to versions that lack them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.numeric_types import native_types
from pyomo.core.base.block import ScalarBlock
from pyomo.core.base.constraint import IndexedConstraint, ScalarConstraint
from pyomo.core.base.expression import IndexedExpression
from pyomo.core.base.indexed_component import normalize_index
from pyomo.core.base.initializer import ConstantInitializer
from pyomo.core.base.objective import ScalarObjective
from pyomo.core.base.param import IndexedParam
from pyomo.core.base.set import IndexedSet, OrderedScalarSet
from pyomo.core.base.var import IndexedVar
from pyomo.core.expr.template_expr import (
    NPV_Numeric_GetItemExpression,
    NPV_Structural_GetItemExpression,
    Numeric_GetItemExpression,
    _TemplateIterManager,
)

from desilo.cases.instance import Floats, Ints
from desilo.solving.arrays import Listing
from desilo.solving.grids import Grid, Members, Tables

Component = Any


def _waiting(kind: Any) -> Any:
    """A kind of component that makes its parts when `_data`, where Pyomo keeps them, is first looked at.

    One base class only, and no slots: an ordinary component's class can be exchanged for it.
    """

    class Waiting(kind):  # type: ignore[misc]
        expanded = False
        _constructed: bool

        def construct(self, data: Any = None) -> None:
            """Make ready what the rule needs; the parts wait."""
            if not self._constructed:
                for anonymous in self._anonymous_sets or ():
                    anonymous.construct()
                self._constructed = True

        def expand(self) -> None:
            """Make the parts, as Pyomo would have done at once."""
            if not self.expanded and self.__dict__.get("_constructed"):  # unknown while it is being copied
                self.expanded = True
                self._constructed = False
                super().construct()
                if not getattr(self, "active", True):
                    super().deactivate()

        @property
        def _data(self) -> Any:
            self.expand()
            return self.__dict__["_data"]

        @_data.setter
        def _data(self, data: Any) -> None:
            self.__dict__["_data"] = data

        def is_reference(self) -> bool:
            """Its parts are its own."""
            return False

        def activate(self) -> None:
            """Activate it; parts that do not exist yet will be active."""
            if self.expanded:
                super().activate()
            else:
                self._active = True

        def deactivate(self) -> None:
            """Deactivate it; parts that do not exist yet will be inactive."""
            if self.expanded:
                super().deactivate()
            else:
                self._active = False

    return Waiting


def _placed(kind: Any, node: Any) -> Any:
    """A kind of component that in a template is itself at an index, a node, if the index is a placeholder.

    Pyomo would look for some member of the index set to find out which kind of node.
    """

    class Placed(kind):  # type: ignore[misc]
        def __getitem__(self, index: Any) -> Any:
            if not _TemplateIterManager.paused:
                flat = normalize_index(index)
                parts = flat if isinstance(flat, tuple) else (flat,)
                if any(type(part) not in native_types for part in parts):
                    return node((self, *parts))
            return super().__getitem__(index)

    return Placed


class DelayedConstraint(_waiting(IndexedConstraint)):  # type: ignore[misc]
    """Rows that wait."""


class DelayedExpression(_placed(_waiting(IndexedExpression), Numeric_GetItemExpression)):  # type: ignore[misc]
    """Named expressions that wait."""

    nameless = False

    def __getitem__(self, index: Any) -> Any:
        """The expression at an index."""
        if self.nameless and not self.expanded:
            return rule_of(self)(self.parent_block(), index)
        return super().__getitem__(index)

    @classmethod
    @contextmanager
    def written_out(cls) -> Iterator[None]:
        """Expressions that wait are written out where they are used, and go on waiting."""
        cls.nameless = True
        try:
            yield
        finally:
            cls.nameless = False


class DelayedScalarConstraint(_waiting(ScalarConstraint)):  # type: ignore[misc]
    """One row that waits, because it may be long."""

    @property
    def _expr(self) -> Any:
        self.expand()
        return self.__dict__["_kept"]

    @_expr.setter
    def _expr(self, expression: Any) -> None:
        self.__dict__["_kept"] = expression


class DelayedObjective(ScalarObjective):  # type: ignore[misc]
    """An objective that waits, because it may be long. Its sense does not."""

    expanded = False
    _constructed: bool

    def construct(self, data: Any = None) -> None:
        """Make ready; the expression waits."""
        if not self._constructed:
            self._constructed = True
            self._data = {None: self}
            self.set_sense(self._init_sense(self.parent_block(), None))

    def expand(self) -> None:
        """Make the expression."""
        if not self.expanded and self.__dict__.get("_constructed"):  # unknown while it is being copied
            self.expanded = True
            self.set_value(rule_of(self)(self.parent_block(), None))

    @property
    def _args_(self) -> Any:
        self.expand()
        return self.__dict__["_kept"]

    @_args_.setter
    def _args_(self, arguments: Any) -> None:
        self.__dict__["_kept"] = arguments


class SetAt(NPV_Structural_GetItemExpression):  # type: ignore[misc]
    """An indexed set at a placeholder. It knows its dimension, so that Pyomo need not look for a member to learn it."""

    __slots__ = ()

    def is_expression_type(self, expression_system: Any = None) -> bool:
        """No: Pyomo asks for the dimension of an expression's value, and of anything else itself."""
        return False

    @property
    def dimen(self) -> int:
        """Of its members."""
        dimension: int = self.args[0].member_dimension
        return dimension


class DelayedParam(_placed(IndexedParam, NPV_Numeric_GetItemExpression)):  # type: ignore[misc]
    """Figures that are read at once."""


class DelayedSet(_placed(IndexedSet, SetAt)):  # type: ignore[misc]
    """An indexed set that can be summed over at a placeholder; if it comes from a mask its members wait too."""

    _constructed: bool

    @property
    def mask(self) -> Any:
        """The mask of its rule; None if it has none."""
        return getattr(getattr(getattr(self._init_values, "_init", None), "_fcn", None), "mask", None)

    @property
    def member_dimension(self) -> int:
        """Of its members; 1 if there are none."""
        found = {members.dimen for members in self._data.values() if len(members)} if self.mask is None else {1}
        dimension = found.pop() if len(found) == 1 else 1
        return dimension if isinstance(dimension, int) else 1

    def construct(self, data: Any = None) -> None:
        """Make the members, unless they come from a mask."""
        if self.mask is None:
            super().construct(data)
        elif not self._constructed:
            for anonymous in self._anonymous_sets or ():
                anonymous.construct()
            self._constructed = True

    def keys(self, *args: Any, **options: Any) -> Any:
        """All indices; every set is made."""
        if self.mask is not None:
            with _TemplateIterManager.pause():
                self.to_dense_data()
        return super().keys(*args, **options)

    def __len__(self) -> int:
        return len(self._data) if self.mask is None else len(self.index_set())

    def __contains__(self, index: Any) -> bool:
        return index in (self._data if self.mask is None else self.index_set())


class DelayedListing(OrderedScalarSet):  # type: ignore[misc]
    """A set whose members are kept in arrays. Once somebody asks for more than one of them it is an ordinary set."""

    arrays: Members

    def _initialize(self, listing: Any) -> None:
        self.arrays = Members(listing.columns, len(listing))

    def expand(self) -> None:
        """Make the members."""
        arrays = self.__dict__.pop("arrays", None)  # a copy comes without
        self.__class__ = OrderedScalarSet
        self._initialize(Listing(arrays.columns) if arrays else ())

    def get(self, value: Any, default: Any = None) -> Any:
        """The value if it is a member, else the default."""
        parts = value if type(value) is tuple else (value,)
        if len(parts) == len(self.arrays.columns) and all(type(part) is int for part in parts):
            return value if self.arrays.holds(parts) else default
        self.expand()
        return self.get(value, default)

    def __len__(self) -> int:
        return self.arrays.size

    @property
    def _values(self) -> Any:
        self.expand()
        return self._values

    @_values.setter
    def _values(self, values: Any) -> None:
        self.expand()
        self._values = values

    @property
    def _ordered_values(self) -> Any:
        self.expand()
        return self._ordered_values

    @_ordered_values.setter
    def _ordered_values(self, values: Any) -> None:
        self.expand()
        self._ordered_values = values


class DelayedVar(_placed(IndexedVar, Numeric_GetItemExpression)):  # type: ignore[misc]
    """A variable with an array of values, and a Pyomo variable at an index when that index is asked for.

    Attributes:
        level: values in the order of the index set, nan where there is none; None if there are none. A Pyomo variable
            that exists keeps its own.
    """

    level: Floats | None = None

    def construct(self, data: Any = None) -> None:
        """Make ready; the variables wait."""
        self._dense = False
        super().construct()

    @property
    def grid(self) -> Grid:
        """The index set as arrays."""
        known: Grid | None = self.__dict__.get("_grid")
        if known is None or known.size != len(self):
            known = self.__dict__["_grid"] = Tables().index_grid(self)
        return known

    def positions(self) -> Ints:
        """Where in the index set the Pyomo variables that exist stand, in their order."""
        return self.grid.positions(list(self._data))

    def levels(self) -> Floats:
        """(n,) the values of all members, in the order of the index set; nan where there is none."""
        levels = np.full(len(self), np.nan) if self.level is None else self.level.copy()
        for position, variable in zip(self.positions(), self._data.values(), strict=True):
            levels[position] = np.nan if variable.value is None else variable.value
        return levels

    def set_levels(self, levels: Floats) -> None:
        """Give all members values, in the order of the index set; nan for none."""
        self.level = levels
        for level, variable in zip(levels[self.positions()].tolist(), self._data.values(), strict=True):
            variable.set_value(None if np.isnan(level) else level, skip_validation=True)

    def expand(self) -> None:
        """Make every variable."""
        if len(self._data) < len(self):
            with _TemplateIterManager.pause():
                for position, index in enumerate(self.index_set()):
                    if index not in self._data:
                        self._make(index, position)

    def keys(self, *args: Any, **options: Any) -> Any:
        """All indices; every variable is made."""
        self.expand()
        return super().keys(*args, **options)

    def get_values(self, include_fixed_values: bool = True) -> dict[Any, Any]:
        """All values by index; every variable is made."""
        self.expand()
        return dict(super().get_values(include_fixed_values))

    extract_values = get_values

    def __len__(self) -> int:
        return len(self.index_set())

    def __contains__(self, index: Any) -> bool:
        return index in self.index_set()

    def _getitem_when_not_present(self, index: Any) -> Any:
        return self._make(index, 0 if self.level is None else int(self.grid.positions([index])[0]))

    def _make(self, index: Any, position: int) -> Any:
        variable = super()._getitem_when_not_present(index)
        if self.level is not None and not np.isnan(self.level[position]):
            variable.set_value(float(self.level[position]), skip_validation=True)
        return variable


def rule_of(component: Component) -> Any:
    """A component's rule, to be called with its block and an index; named expressions keep theirs to themselves."""
    return component._rule if hasattr(component, "_rule") else component.rule


def delayed(component: Component) -> Component:
    """The same component, made to wait if it can."""
    kind = type(component)
    waiting = _WAITING.get(kind) or _WAITING.get(kind.__base__)  # not yet constructed scalars have a class of their own
    if waiting is None or not _can_wait(component):
        return component
    if isinstance(component, ScalarConstraint):
        component.__dict__["_kept"] = component._expr
    elif isinstance(component, ScalarObjective):
        component.__dict__["_kept"] = component._args_
    component.__class__ = waiting
    return component


def _can_wait(component: Component) -> bool:
    """Whether its parts come from a rule that is called with an index of a finite set."""
    if component._constructed or not component.index_set().isfinite():
        return False
    if isinstance(component, IndexedSet | IndexedParam):
        return True
    if isinstance(component, OrderedScalarSet):
        listing = getattr(getattr(component._init_values, "_init", None), "val", None)
        unconditional = (
            component._filter is None and component._validate is None and component._init_domain._set is None
        )
        return isinstance(listing, Listing) and unconditional and component._dimen == len(listing.columns)
    if isinstance(component, IndexedVar):
        return bool(component._dense and component._rule_init is None)
    rule = rule_of(component)
    if rule is None or isinstance(rule, ConstantInitializer) or rule.contains_indices():
        return False
    return not (component.is_indexed() and rule.constant())


_WAITING = {
    IndexedConstraint: DelayedConstraint,
    IndexedExpression: DelayedExpression,
    ScalarConstraint: DelayedScalarConstraint,
    ScalarObjective: DelayedObjective,
    IndexedParam: DelayedParam,
    IndexedSet: DelayedSet,
    OrderedScalarSet: DelayedListing,
    IndexedVar: DelayedVar,
}


def _expand_all(block: Any) -> None:
    """A copy is made part by part: no part may come into being meanwhile."""
    for component in block.component_objects((pyo.Constraint, pyo.Expression, pyo.Objective, pyo.Set)):
        if hasattr(component, "expand"):
            component.expand()


class DelayedBlock(ScalarBlock):  # type: ignore[misc]
    """A block in which rules wait."""

    def add_component(self, name: str, val: Component) -> None:
        """Add a component that waits if it can."""
        super().add_component(name, delayed(val))

    def __deepcopy__(self, memo: Any) -> Any:
        _expand_all(self)
        return super().__deepcopy__(memo)


class DelayedModel(pyo.ConcreteModel):  # type: ignore[misc]
    """A model in which rules wait."""

    def add_component(self, name: str, val: Component) -> None:
        """Add a component that waits if it can."""
        super().add_component(name, delayed(val))

    def __deepcopy__(self, memo: Any) -> Any:
        _expand_all(self)
        return super().__deepcopy__(memo)
