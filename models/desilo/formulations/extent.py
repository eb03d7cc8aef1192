"""How large a joint model is going to be, told from the sizes of the instance before anything is built.

The columns that grow with products of sizes are counted: sales of every level, stock, and, in the tight formulation,
the flows from every order to every later sale, and pairs of levels of items with cross effects. The others are fewer.
"""

from __future__ import annotations

import numpy as np

from desilo.cases.errors import BadInput, Problem
from desilo.cases.instance import Instance
from desilo.cases.memory import shortage
from desilo.formulations.freedom import Formulation, Freedom

BYTES_A_COLUMN = 1000
"""Memory of building, translating and solving: a third of the least of the larger runs in `results/library/runs.jsonl`,
so that nothing is refused that would do. There it is, above what a small run needs, 4,300 bytes a column with 61,000
columns, 3,200 with 122,000, 3,100 with 222,000 and 3,900 with 437,000.
"""


def columns_at_least(instance: Instance, freedom: Freedom, formulation: Formulation) -> int:
    """Number of columns that `joint_model` will have at least.

    Args:
        instance: the problem.
        freedom: decisions left open.
        formulation: how the problem is written down.
    """
    open_levels = freedom.levels.sum(axis=2)  # (I, T)
    scenarios = len(instance.scenarios)
    cross = instance.cross_effects
    columns = scenarios * int(open_levels.sum() + open_levels.size)
    if formulation is Formulation.PLAIN:
        return columns
    columns += int((open_levels[cross.item] * open_levels[cross.other]).sum()) // 2  # a pair may have effects both ways
    if formulation is Formulation.LADDER:
        columns += int(np.maximum(open_levels - 1, 0).sum())
    if not formulation.traces_orders:
        return columns
    weighed = freedom.setup & ((instance.order_cost > 0) | (instance.min_order > 0)[:, None])
    periods = np.arange(instance.periods)
    orders = weighed.cumsum(axis=1)  # (I, T) orders placed by then
    due = periods - instance.lead_time[:, None]
    sources = np.where(due >= 0, np.take_along_axis(orders, np.maximum(due, 0), axis=1), 0)
    moved = np.isin(np.arange(len(instance.items)), cross.item)
    channels = np.where(moved[:, None], 1, open_levels)
    return columns + scenarios * int((sources * channels).sum())


def require_memory(instance: Instance, freedom: Freedom, formulation: Formulation) -> None:
    """Refuse a model that memory is too small for.

    Raises:
        BadInput: it says how large the model is, what is missing, and what to make smaller.
    """
    columns = columns_at_least(instance, freedom, formulation)
    if missing := shortage(columns * BYTES_A_COLUMN):
        I, T, K, W = instance.demand.shape
        sizes = f"{I:,} items x {T:,} periods x up to {K:,} levels x {W:,} scenarios"
        turn = "take fewer scenarios, levels, periods or items, or --method decomposition"
        plain = "" if formulation is Formulation.PLAIN else ", or --formulation plain"
        what = f"{sizes} make a model of {columns:,} columns or more: {missing}; {turn}{plain}"
        raise BadInput([Problem(instance.name, what)])
