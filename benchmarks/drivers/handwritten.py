"""The plain joint model of the retail family written by hand: numpy into HiGHS, with no model in between.

What a careful programmer writes who knows the columns of every row beforehand: the yardstick for every other way to
HiGHS, and an oracle for them. It knows this family only: every level in every period, no cross effects, no limits on
price changes, no service targets, limits on stock, orders and promotions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from desilo.cases.instance import SCENARIO_ACTIVITIES, Activity, Floats, Instance, Ints, Resource
from desilo.formulations.freedom import Freedom
from desilo.formulations.order_bounds import order_bounds


@dataclass
class Rows:
    """Blocks of rows as they are stacked: every row of a block has the same number of entries."""

    column: list[Ints] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)
    length: list[Ints] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)

    def add(self, shape: tuple[int, ...], entries: list[tuple[Any, Any]], lower: Any, upper: Any) -> None:
        """Add a block of rows of that shape; entries are (columns, values) that broadcast to (*shape, n)."""
        width = sum(columns.shape[-1] for columns, _ in entries)
        column, value = np.empty((*shape, width), np.int32), np.empty((*shape, width))
        at = 0
        for columns, values in entries:
            column[..., at : at + columns.shape[-1]] = columns
            value[..., at : at + columns.shape[-1]] = values
            at += columns.shape[-1]
        self.column.append(column.reshape(-1))
        self.value.append(value.reshape(-1))
        self.length.append(np.full(int(np.prod(shape)), width))
        self.lower.append(np.broadcast_to(lower, shape).reshape(-1))
        self.upper.append(np.broadcast_to(upper, shape).reshape(-1))


def by_hand(instance: Instance) -> tuple[Any, ...]:
    """Cost, bounds of columns and rows, the matrix row by row (starts, columns, values), and integrality."""
    I, T = instance.unit_cost.shape
    K, W = instance.demand.shape[2:]
    bounds = order_bounds(instance, Freedom.full(instance))
    assert len(instance.cross_effects) == 0 and not instance.service and instance.has_level.all()
    assert np.isinf(instance.max_price_changes).all() and bounds.weighed.all() and not instance.lead_time.any()

    sizes = {"y": I * T * K, "order": I * T, "setup": I * T, "sales": I * T * K * W, "stock": I * T * W}
    first = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    y = first["y"] + np.arange(I * T * K, dtype=np.int32).reshape(I, T, K)
    order = first["order"] + np.arange(I * T, dtype=np.int32).reshape(I, T)
    setup = first["setup"] + np.arange(I * T, dtype=np.int32).reshape(I, T)
    sales = first["sales"] + np.arange(I * T * K * W, dtype=np.int32).reshape(I, T, K, W)
    stock = first["stock"] + np.arange(I * T * W, dtype=np.int32).reshape(I, T, W)

    rows = Rows()
    sold = (sales.transpose(0, 1, 3, 2), 1.0)
    rows.add((I, T), [(y, 1.0)], 1.0, 1.0)  # P1
    start = instance.receipt.copy()
    start[:, 0] += instance.initial_stock
    ordered = np.broadcast_to(order[:, :, None, None], (I, T, W, 1))
    now = [(stock[..., None], 1.0), (ordered, -1.0), sold]
    before = [(stock[:, :-1, :, None], -1.0)]
    rows.add((I, 1, W), [(c[:, :1], v) for c, v in now], start[:, :1, None], start[:, :1, None])  # I1
    rows.add((I, T - 1, W), [(c[:, 1:], v) for c, v in now] + before, start[:, 1:, None], start[:, 1:, None])
    level = np.broadcast_to(y[..., None, None], (I, T, K, W, 1))
    rows.add((I, T, K, W), [(sales[..., None], 1.0), (level, -instance.demand[..., None])], -np.inf, 0.0)  # I2
    levels = np.broadcast_to(y[:, :, None, :], (I, T, W, K))
    rows.add((I, T, W), [sold, (levels, -instance.demand.transpose(0, 1, 3, 2))], -np.inf, 0.0)  # I3
    placed = (setup[..., None], -bounds.upper[..., None])
    rows.add((I, T), [(order[..., None], 1.0), placed], -np.inf, 0.0)  # I4
    least = (setup[..., None], bounds.least[:, None, None])
    rows.add((I, T), [(order[..., None], -1.0), least], -np.inf, 0.0)  # I5
    for resource in instance.resources:
        assert np.isinf(resource.overage_cost).all()
        shape, entries = _use(resource, instance, y, order, stock)
        rows.add(shape, [entries], -np.inf, resource.capacity.reshape(-1, *[1] * (len(shape) - 1)))  # R1, R2

    cost, upper = np.zeros(sum(sizes.values())), np.full(sum(sizes.values()), np.inf)
    probability, lost = instance.probability, instance.lost_sale_cost[:, :, None]
    kept = -instance.holding_cost
    kept[:, -1] += instance.salvage_value
    cost[y] = -lost * instance.expected_demand
    cost[order], cost[setup] = -instance.unit_cost, -instance.order_cost
    cost[sales] = (instance.price[:, None, :] + lost)[..., None] * probability
    cost[stock] = kept[..., None] * probability
    upper[y] = upper[setup] = 1.0
    upper[order] = bounds.upper
    integer = np.zeros(len(cost), dtype=np.int32)
    integer[y] = integer[setup] = 1

    start = np.concatenate([[0], np.cumsum(np.concatenate(rows.length))]).astype(np.int32)
    matrix = (start, np.concatenate(rows.column), np.concatenate(rows.value))
    row_bounds = (np.concatenate(rows.lower), np.concatenate(rows.upper))
    return (cost, np.zeros(len(cost)), upper, *row_bounds, *matrix, integer)


def through_arrays(instance: Instance) -> Any:
    """The model in HiGHS, by the overload of `passModel` that takes arrays, row by row as they are written."""
    arrays = by_hand(instance)
    cost, _, _, row_lower, _, _, _, value, _ = arrays
    sizes = (len(cost), len(row_lower), len(value))
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.passModel(*sizes, int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMaximize), 0.0, *arrays)
    return highs


def through_columns(instance: Instance) -> Any:
    """The same, sorted into columns by SciPy before HiGHS has to: the fastest way known."""
    *vectors, start, column, value, integer = by_hand(instance)
    rows, columns = len(vectors[-1]), len(vectors[0])
    matrix = sparse.csr_array((value, column, start), shape=(rows, columns)).tocsc()
    entries = (matrix.indptr, matrix.indices, matrix.data)
    formats = (int(highspy.MatrixFormat.kColwise), int(highspy.ObjSense.kMaximize))
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.passModel(columns, rows, matrix.nnz, *formats, 0.0, *vectors, *entries, integer)
    return highs


def through_an_object(instance: Instance) -> Any:
    """The model in HiGHS, by a `HighsLp` object: the way of the solver's own examples."""
    cost, lower, upper, row_lower, row_upper, start, column, value, integer = by_hand(instance)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost), len(row_lower)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
    lp.row_lower_, lp.row_upper_ = row_lower, row_upper
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    lp.integrality_ = [kinds[kind] for kind in integer.tolist()]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = start, column, value
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.passModel(lp)
    return highs


def _use(
    resource: Resource, instance: Instance, y: Ints, order: Ints, stock: Ints
) -> tuple[tuple[int, ...], tuple[Ints, Floats]]:
    """Shape of a limit's rows, and the columns and amounts in them."""
    ((activity, amount),) = resource.use.items()
    T, W = instance.periods, stock.shape[2]
    if activity in SCENARIO_ACTIVITIES:
        assert activity is Activity.STOCK
        return (T, W), (stock.transpose(1, 2, 0), amount)
    if activity is Activity.ORDER:
        return (T,), (order.T, amount)
    assert activity is Activity.PROMO
    item, level = np.nonzero(instance.promo)
    return (T,), (y[item, :, level].T, amount[item])
