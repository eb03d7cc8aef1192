"""The plain joint model of the retail family in linopy: the same rows as `handwritten`, on labelled arrays."""

from __future__ import annotations

from typing import Any

import linopy
import numpy as np
import pandas as pd
import xarray as xr

from desilo.cases.instance import Activity, Instance
from desilo.formulations.freedom import Freedom
from desilo.formulations.order_bounds import order_bounds


def in_linopy(instance: Instance) -> Any:
    """The model."""
    I, T = instance.unit_cost.shape
    K, W = instance.demand.shape[2:]
    i, t, k, w = (pd.RangeIndex(n, name=name) for n, name in zip((I, T, K, W), "itkw", strict=True))
    bounds = order_bounds(instance, Freedom.full(instance))
    over_it = {"dims": ("i", "t"), "coords": {"i": i, "t": t}}
    demand = xr.DataArray(instance.demand, dims=("i", "t", "k", "w"), coords={"i": i, "t": t, "k": k, "w": w})
    upper = xr.DataArray(bounds.upper, **over_it)
    least = xr.DataArray(bounds.least, dims="i", coords={"i": i})
    lost = xr.DataArray(instance.lost_sale_cost, **over_it)
    probability = xr.DataArray(instance.probability, dims="w", coords={"w": w})
    price = xr.DataArray(instance.price, dims=("i", "k"), coords={"i": i, "k": k})
    start = instance.receipt.copy()
    start[:, 0] += instance.initial_stock
    kept = -instance.holding_cost
    kept[:, -1] += instance.salvage_value

    m = linopy.Model()
    y = m.add_variables(coords=[i, t, k], name="y", binary=True)
    order = m.add_variables(lower=0, upper=upper, name="order")
    setup = m.add_variables(coords=[i, t], name="setup", binary=True)
    sales = m.add_variables(lower=0, coords=[i, t, k, w], name="sales")
    stock = m.add_variables(lower=0, coords=[i, t, w], name="stock")
    m.add_constraints(y.sum("k") == 1, name="P1")
    m.add_constraints(stock - stock.shift(t=1) - order + sales.sum("k") == xr.DataArray(start, **over_it), name="I1")
    m.add_constraints(sales - demand * y <= 0, name="I2")
    m.add_constraints(sales.sum("k") - (demand * y).sum("k") <= 0, name="I3")
    m.add_constraints(order - upper * setup <= 0, name="I4")
    m.add_constraints(order - least * setup >= 0, name="I5")
    for resource in instance.resources:
        ((activity, amount),) = resource.use.items()
        used = xr.DataArray(amount, dims="i", coords={"i": i})
        capacity = xr.DataArray(resource.capacity, dims="t", coords={"t": t})
        promo = xr.DataArray(instance.promo.astype(np.float64), dims=("i", "k"), coords={"i": i, "k": k})
        if activity is Activity.STOCK:
            use = (used * stock).sum("i")
        elif activity is Activity.ORDER:
            use = (used * order).sum("i")
        else:
            use = (used * promo * y).sum(["i", "k"])
        m.add_constraints(use <= capacity, name=resource.name)
    m.add_objective(
        (probability * (price + lost) * sales).sum()
        - (lost * (probability * demand).sum("w") * y).sum()
        + (probability * xr.DataArray(kept, **over_it) * stock).sum()
        - (xr.DataArray(instance.unit_cost, **over_it) * order).sum()
        - (xr.DataArray(instance.order_cost, **over_it) * setup).sum(),
        sense="max",
    )
    return m
