"""Data of a model as arrays: rules that Pyomo calls index by index and the compiler reads at once.

Each is an ordinary Pyomo rule of as many whole-number indices as the array has dimensions (one less for `members`),
and works in every Pyomo model. The array hangs on the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from desilo.cases.instance import Bools, Ints

Rule = Callable[..., Any]


def entries(array: npt.ArrayLike) -> Rule:
    """For `Param(..., default=...)`: the array's entry at the index."""
    values = np.asarray(array)

    def entry(block: Any, *index: int) -> Any:
        return values[index].item()

    entry.array = values  # type: ignore[attr-defined]
    return entry


def members(mask: Bools) -> Rule:
    """For `Set(..., initialize=...)`: the numbers k for which mask[*index, k] is true."""

    def true_here(block: Any, *index: int) -> list[int]:
        found: list[int] = np.flatnonzero(mask[index]).tolist()
        return found

    true_here.mask = mask  # type: ignore[attr-defined]
    return true_here


def wherever(mask: Bools) -> Rule:
    """For `Set(..., initialize=...)`: one member where mask[*index] is true, none elsewhere.

    `sum(term for _ in somewhere[i])` is the term where the mask is true, and 0 elsewhere: what an `if` would say in a
    rule that is called with placeholders.
    """
    return members(mask[..., None])


class Listing(Sequence[tuple[int, ...]]):
    """Tuples of whole numbers, kept as arrays.

    Attributes:
        columns: one array (n,) per dimension.
    """

    def __init__(self, columns: Sequence[Ints]) -> None:
        self.columns = tuple(columns)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return zip(*(column.tolist() for column in self.columns), strict=True)

    def __getitem__(self, k: Any) -> Any:
        return list(self)[k] if isinstance(k, slice) else tuple(int(column[k]) for column in self.columns)


def true_at(mask: Bools, axes: Sequence[int] | None = None) -> Listing:
    """The indices at which a mask is true, in order: for `Set(dimen=mask.ndim, initialize=...)`.

    Args:
        mask: any number of dimensions.
        axes: order of the indices in a tuple, as for `numpy.transpose`; the order of the tuples stays.
    """
    found = np.nonzero(mask)
    return Listing([found[axis] for axis in axes or range(mask.ndim)])


def between(lower: npt.ArrayLike, upper: npt.ArrayLike) -> Rule:
    """For `Var(..., bounds=...)`: the entries of two arrays at the index; infinite is no bound. Scalars broadcast."""
    low, high = np.broadcast_arrays(np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64))

    def bounds(block: Any, *index: int) -> tuple[float, float]:
        return low[index].item(), high[index].item()

    bounds.arrays = low, high  # type: ignore[attr-defined]
    return bounds
