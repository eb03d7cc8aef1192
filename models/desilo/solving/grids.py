"""Index sets as grids of arrays, and the frames that expressions over them are evaluated on.

A `Frame` is the grid of cells an expression is evaluated on: the rows of a constraint to begin with, and for each
`sum` a finer grid below it. Every figure is an array that broadcasts over its frame's grid, and is spread out only
where terms become matrix entries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyo

from desilo.cases.instance import Floats, Ints

Array = npt.NDArray[Any]
Number = Any  # a float, or an array that broadcasts over the frame it was evaluated in
Positions = npt.NDArray[np.int64]


class Untemplatable(Exception):
    """Why a rule cannot be evaluated as arrays."""


# ---- sets


class Members:
    """The members of a finite set, in order, and where they stand.

    Attributes:
        columns: one array per dimension: whole numbers, or objects.
        size: number of members.
        counts: whether they are 0, 1, 2, ...: their own positions.
    """

    def __init__(self, columns: Sequence[Array], size: int) -> None:
        self.columns = tuple(columns)
        self.size = size
        self._table: Ints | None = None
        self.counts = False
        if columns and size and all(column.dtype.kind == "i" for column in columns):
            self._first = [int(column.min()) for column in columns]
            self._span = [int(column.max()) - low + 1 for column, low in zip(columns, self._first, strict=True)]
            cells = float(np.prod([float(span) for span in self._span]))
            if cells <= 8 * size + 2**16:  # dense enough for a table of positions
                self._table = np.full(self._span, -1, dtype=np.int64)
                self._table[tuple(c - low for c, low in zip(columns, self._first, strict=True))] = np.arange(size)
                self.counts = self._first == [0] and np.array_equal(self._table, np.arange(size))

    @classmethod
    def of(cls, pyomo_set: Any) -> Members:
        """The members of a Pyomo set."""
        if not pyomo_set.isfinite():
            raise Untemplatable(f"{pyomo_set.name} is not finite")
        if hasattr(pyomo_set, "arrays"):
            return pyomo_set.arrays  # type: ignore[no-any-return]
        dimension = pyomo_set.dimen
        members = list(pyomo_set)
        if not members:
            return cls([np.zeros(0, dtype=np.int64)] * (dimension if isinstance(dimension, int) else 1), 0)
        if not isinstance(dimension, int):
            raise Untemplatable(f"{pyomo_set.name} has members of different lengths")
        columns = zip(*members, strict=True) if dimension > 1 else [members]
        return cls([cls.column(c) for c in columns], len(members))

    @staticmethod
    def column(values: Sequence[Any]) -> Array:
        """Members along one dimension: whole numbers as such, anything else as objects."""
        if set(map(type, values)) <= {int}:
            return np.array(values, dtype=np.int64)
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column

    def holds(self, member: Sequence[Any]) -> bool:
        """Whether it is one of them."""
        if self._table is None:
            return tuple(member) in self._where
        place = tuple(part - low for part, low in zip(member, self._first, strict=True))
        return all(0 <= k < n for k, n in zip(place, self._span, strict=True)) and bool(self._table[place] >= 0)

    @cached_property
    def _where(self) -> dict[Any, int]:
        return {member: k for k, member in enumerate(zip(*(c.tolist() for c in self.columns), strict=True))}

    def positions(self, at: Sequence[Array]) -> Positions:
        """Where the members at these (broadcasting) indices stand.

        Raises:
            Untemplatable: one of them is no member.
        """
        if self.counts and at[0].dtype.kind == "i":
            if at[0].size and (at[0].min() < 0 or at[0].max() >= self.size):
                raise Untemplatable("an index is outside its set")
            return at[0]
        if self._table is not None and all(index.dtype.kind == "i" for index in at):
            shifted = tuple(index - low for index, low in zip(at, self._first, strict=True))
            try:
                found: Positions = self._table.take(np.ravel_multi_index(shifted, self._table.shape))
            except ValueError:
                raise Untemplatable("an index is outside its set") from None
        else:
            spread = np.broadcast_arrays(*at)
            keys = zip(*(a.reshape(-1).tolist() for a in spread), strict=True)
            found = np.array([self._where.get(key, -1) for key in keys], dtype=np.int64).reshape(spread[0].shape)
        if found.size and found.min() < 0:
            raise Untemplatable("an index is outside its set")
        return found


@dataclass(frozen=True)
class Grid:
    """An index set as the product of its factors.

    Attributes:
        factors: the sets of a product; the set itself if it is none; none of an unindexed component.
    """

    factors: tuple[Members, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the factors."""
        return tuple(factor.size for factor in self.factors)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """By how much the position in the set grows with the position in each factor."""
        return tuple(math.prod(self.shape[k + 1 :]) for k in range(len(self.factors)))

    @cached_property
    def size(self) -> int:
        """Number of members."""
        return math.prod(self.shape)

    def split(self, at: Sequence[Array]) -> list[Sequence[Array]]:
        """Indices by factor."""
        parts, start = [], 0
        for factor in self.factors:
            parts.append(at[start : start + len(factor.columns)])
            start += len(factor.columns)
        if start != len(at):
            raise Untemplatable(f"{len(at)} indices where there are {start}")
        return parts

    def places(self, at: Sequence[Array]) -> tuple[Positions, ...]:
        """Positions in each factor."""
        return tuple(factor.positions(part) for factor, part in zip(self.factors, self.split(at), strict=True))

    def where(self, at: Sequence[Array]) -> tuple[Positions, ...]:
        """The same times the factor's stride: their sum is the position in the set."""
        return tuple(place * stride for place, stride in zip(self.places(at), self.strides, strict=True))

    def positions(self, indices: Sequence[Any]) -> Ints:
        """Where members, as Pyomo has them, stand."""
        if not indices or not self.factors:
            return np.zeros(len(indices), dtype=np.int64)
        parts = zip(*(index if isinstance(index, tuple) else (index,) for index in indices), strict=True)
        return np.sum(self.where([Members.column(part) for part in parts]), axis=0)  # type: ignore[no-any-return]

    def at(self, positions: Sequence[int]) -> list[Any]:
        """The members at these positions, as Pyomo has them: a tuple where there is more than one index."""
        if not self.factors:
            return [None] * len(positions)
        places = np.unravel_index(np.asarray(positions), self.shape)
        columns = [c[k].tolist() for factor, k in zip(self.factors, places, strict=True) for c in factor.columns]
        return list(zip(*columns, strict=True)) if len(columns) > 1 else columns[0]

    def read(self, array: Array) -> Array:
        """The entries of an array at all members, whose indices are those of the array, in the shape of the grid."""
        if array.shape == self.shape and all(factor.counts for factor in self.factors):
            return array
        return np.broadcast_to(array[tuple(self.indices())], self.shape)

    def indices(self) -> list[Array]:
        """The members, as arrays that broadcast over `shape`, one per index."""
        axes = len(self.factors)
        return [
            column.reshape([-1 if k == axis else 1 for k in range(axes)])
            for axis, factor in enumerate(self.factors)
            for column in factor.columns
        ]


@dataclass(frozen=True)
class Family:
    """An indexed set: its members at every index, one after another.

    Attributes:
        grid: of the indices.
        counts: (n,) number of members at each index.
        columns: the members, one array per dimension.
    """

    grid: Grid
    counts: Ints
    columns: tuple[Array, ...]

    @cached_property
    def cell(self) -> Ints:
        """Of each member, the position of its index."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def at(self, positions: Positions) -> tuple[Ints, Sequence[Array]]:
        """The members at the indices at some positions: where in the positions their index stands, and themselves."""
        if np.array_equal(positions, np.arange(len(self.counts))):
            return self.cell, self.columns
        counts = self.counts[positions]
        starts = (np.cumsum(self.counts) - self.counts)[positions]
        ends = np.cumsum(counts)
        member = np.arange(counts.sum()) + np.repeat(starts - (ends - counts), counts)
        return np.repeat(np.arange(len(positions)), counts), [column[member] for column in self.columns]


class Tables:
    """The arrays of a model's sets and parameters, each read once per translation."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Any] = {}
        self._kept: list[Any] = []  # else another object could get the same id

    def _once(self, what: str, component: Any, read: Callable[[Any], Any]) -> Any:
        key = (what, id(component))
        if key not in self._known:
            self._known[key] = read(component)
            self._kept.append(component)
        return self._known[key]

    def index_grid(self, component: Any) -> Grid:
        """The index set of a component."""
        return self.grid(component.index_set()) if component.is_indexed() else Grid(())

    def grid(self, pyomo_set: Any) -> Grid:
        """A set as an index set."""
        return self._once("grid", pyomo_set, self._grid)  # type: ignore[no-any-return]

    def members(self, pyomo_set: Any) -> Members:
        """A set."""
        return self._once("members", pyomo_set, Members.of)  # type: ignore[no-any-return]

    def family(self, indexed_set: Any) -> Family:
        """An indexed set."""
        return self._once("family", indexed_set, self._family)  # type: ignore[no-any-return]

    def parameter(self, parameter: Any) -> tuple[Floats, bool]:
        """Values of an indexed parameter in the shape of its index set, and whether some are missing: nan."""

        def read(parameter: Any) -> tuple[Floats, bool]:
            values = self._parameter(parameter)
            return values, values.dtype.kind == "f" and bool(np.isnan(values).any())

        return self._once("parameter", parameter, read)  # type: ignore[no-any-return]

    def _grid(self, pyomo_set: Any) -> Grid:
        return Grid(tuple(self.members(factor) for factor in pyomo_set.subsets(expand_all_set_operators=False)))

    def _family(self, indexed_set: Any) -> Family:
        grid = self.grid(indexed_set.index_set())
        mask = getattr(indexed_set, "mask", None)
        if mask is not None:
            rows = mask[tuple(grid.indices())]
            rows = np.broadcast_to(rows, (*grid.shape, mask.shape[-1])).reshape(grid.size, mask.shape[-1])
            if all(self._unchanged(indexed_set, index, mask) for index in indexed_set._data):
                return Family(grid, rows.sum(axis=1), (np.nonzero(rows)[1].astype(np.int64),))
        sets = [Members.of(indexed_set[index]) for index in indexed_set.index_set()]
        counts = np.array([members.size for members in sets], dtype=np.int64)
        filled = [members.columns for members in sets if members.size]
        if len({len(columns) for columns in filled}) > 1:
            raise Untemplatable(f"{indexed_set.name} has members of different lengths")
        columns = tuple(_concatenated(c) for c in zip(*filled, strict=True)) or (np.zeros(0, dtype=np.int64),)
        return Family(grid, counts, columns)

    @staticmethod
    def _unchanged(indexed_set: Any, index: Any, mask: Array) -> bool:
        """Whether a set that has been made still has the members it was made with."""
        return list(indexed_set._data[index]) == np.flatnonzero(mask[index]).tolist()

    def _parameter(self, parameter: Any) -> Floats:
        index_set = parameter.index_set()
        grid = self.grid(index_set)
        default = parameter.default()
        array = getattr(default, "array", None)
        if array is not None:
            values = grid.read(array)
            if parameter._data:
                values = values.astype(np.float64, order="C")
                made = [pyo.value(data) for data in parameter._data.values()]
                values.reshape(-1)[grid.positions(list(parameter._data))] = made
            return values
        if default is parameter.NoValue:
            known = {index: pyo.value(data) for index, data in parameter.items()}
            listed = [known.get(index, np.nan) for index in index_set]
        else:
            listed = [pyo.value(parameter[index]) for index in index_set]
        return np.array(listed, dtype=np.float64).reshape(grid.shape)


def _concatenated(columns: Sequence[Array]) -> Array:
    if all(column.dtype.kind == "i" for column in columns):
        return np.concatenate(columns)
    return np.concatenate([column.astype(object) for column in columns])


# ---- frames


class Frame:
    """A grid of cells on which an expression is evaluated, and the way to it from the frame above."""

    def __init__(self, shape: tuple[int, ...], above: Frame | None = None) -> None:
        self.shape = shape
        self.above = above
        self._bound: dict[int, Number] = {}

    def bind(self, placeholders: Sequence[Any], indices: Sequence[Number]) -> None:
        """Say what placeholders stand for in this frame and those below."""
        if len(placeholders) != len(indices):
            raise Untemplatable("a rule has fewer arguments than its set has indices")
        self._bound.update(zip(map(id, placeholders), indices, strict=True))

    def index(self, placeholder: Any) -> Number:
        """What a placeholder stands for in this frame."""
        if id(placeholder) not in self._bound:
            if self.above is None:
                raise Untemplatable("a sum runs over more than Pyomo sets")
            self._bound[id(placeholder)] = self.down(self.above.index(placeholder))
        return self._bound[id(placeholder)]

    def down(self, figures: Number) -> Number:
        """Figures of the frame above, as they stand in this one."""
        raise NotImplementedError

    def from_above(self, figures: Number, frame: Frame) -> Number:
        """Figures of this frame or any above it, as they stand in this one."""
        if frame is self:
            return figures
        assert self.above is not None
        return self.down(self.above.from_above(figures, frame))

    def total(self, figures: Number) -> Number:
        """The sum of figures of this frame over the cells below each cell of the frame above."""
        assert self.above is not None
        cells = np.arange(int(np.prod(self.above.shape)), dtype=np.int64).reshape(self.above.shape)
        cells = np.broadcast_to(self.down(cells), self.shape).reshape(-1)
        values = np.broadcast_to(figures, self.shape).reshape(-1).astype(np.float64)
        return np.bincount(cells, values, minlength=int(np.prod(self.above.shape))).reshape(self.above.shape)


class ProductFrame(Frame):
    """Every cell above, for every member of a set: one more axis at the end per factor."""

    def __init__(self, above: Frame, grid: Grid) -> None:
        super().__init__(above.shape + grid.shape, above)
        self.more = (1,) * len(grid.shape)
        self.indices = [index.reshape((1,) * len(above.shape) + index.shape) for index in grid.indices()]

    def down(self, figures: Number) -> Number:
        return figures.reshape(figures.shape + self.more) if np.ndim(figures) else figures


class FamilyFrame(Frame):
    """Every cell above, for the members of an indexed set there.

    The axes that the set's index depends on become one, the first; the others stay.
    """

    def __init__(self, above: Frame, family: Family, at: Sequence[Array]) -> None:
        position = np.asarray(sum(family.grid.where(at)))
        dimensions = len(above.shape)
        position = position.reshape((1,) * (dimensions - np.ndim(position)) + np.shape(position))
        self.merged = tuple(k for k in range(dimensions) if position.shape[k] > 1)
        self.others = tuple(k for k in range(dimensions) if k not in self.merged)
        self.merged_shape = tuple(above.shape[k] for k in self.merged)
        flat = position.reshape(-1)
        self.cell, columns = family.at(flat)
        size = len(self.cell)
        super().__init__((size, *(above.shape[k] for k in self.others)), above)
        self.indices = [column.reshape((size,) + (1,) * len(self.others)) for column in columns]

    def down(self, figures: Number) -> Number:
        if not np.ndim(figures):
            return figures
        rest = tuple(figures.shape[k] for k in self.others)
        if all(figures.shape[k] == 1 for k in self.merged):
            return figures.reshape((1, *rest))
        ordered = figures.transpose(self.merged + self.others)
        ordered = np.broadcast_to(ordered, self.merged_shape + rest).reshape(-1, *rest)
        return ordered[self.cell]
