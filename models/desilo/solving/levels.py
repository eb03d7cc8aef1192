"""Values of variables, in and out of Pyomo, all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from desilo.cases.instance import Floats
from desilo.solving.grids import Array, Members, Tables
from desilo.solving.program import Program


def values(variable: Any, shape: tuple[int, ...]) -> Floats:
    """The values of a Pyomo variable indexed by whole numbers, as an array; 0 where it has no index or no value."""
    array = np.zeros(shape)
    indices, levels = _members(variable)
    if len(levels):
        array[tuple(index.astype(np.int64) for index in indices)] = np.nan_to_num(levels)
    return array


def table(variable: Any) -> pd.DataFrame:
    """The values of a Pyomo variable, one row per member: a column per index, and `value`; nan where there is none."""
    indices, levels = _members(variable)
    return pd.DataFrame({**{f"index{k}": index for k, index in enumerate(indices)}, "value": levels})


def assign(variable: Any, array: Floats) -> None:
    """Give the members of a variable indexed by whole numbers the entries of an array as values."""
    if hasattr(variable, "set_levels"):
        indices, _ = _members(variable)
        variable.set_levels(np.asarray(array, dtype=np.float64)[tuple(indices)])
    else:
        for index, member in variable.items():
            member.set_value(float(array[index]), skip_validation=True)


def hand_back(program: Program, solution: Floats) -> None:
    """Give the variables a program was made of the values of its columns (n,)."""
    for part, figures in program.by_part(solution):
        if hasattr(part.component, "set_levels"):
            levels = part.component.levels()
            levels[part.positions] = figures
            part.component.set_levels(levels)
        else:
            for member, figure in zip(part.members(), figures.tolist(), strict=True):
                member.set_value(figure, skip_validation=True)


def start(program: Program) -> Floats:
    """(n,) the values that the variables of a program hold now; nan where there is none."""
    found = [np.zeros(0)]
    for part in program.columns:
        if hasattr(part.component, "levels"):
            found.append(part.component.levels()[part.positions])
        else:
            found.append(_floats([member.value for member in part.members()]))
    return np.concatenate(found)


def _members(variable: Any) -> tuple[list[Array], Floats]:
    """Indices, one array per dimension, and values of a variable's members."""
    if hasattr(variable, "levels"):
        grid = Tables().index_grid(variable)
        spread = [np.broadcast_to(index, grid.shape).reshape(-1) for index in grid.indices()]
        return spread, variable.levels()
    made = [(index if isinstance(index, tuple) else (index,), data.value) for index, data in variable.items()]
    indices = [Members.column(column) for column in zip(*(index for index, _ in made), strict=True)]
    return indices if variable.is_indexed() else [], _floats([value for _, value in made])


def _floats(found: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in found], dtype=np.float64)
