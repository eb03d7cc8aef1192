"""Status-quo orders: the rule of thumb of a planner without an optimiser.

For each item alone, at the prices of today:
1.  Cover n periods at a time, n = the economic order quantity in periods: sqrt(2 K / (h d)), rounded, between 1 and
    the horizon; 1 where ordering is free. K is the order cost, h the holding cost, d the mean expected demand.
2.  When an order placed now is the last that can arrive before expected stock falls below the safety stock, order
    up to the expected demand of the n periods from its arrival plus the safety stock.
3.  The safety stock is 1.645 standard deviations of demand over the lead time and the period itself: 95% cycle
    service if demand were normal.
4.  An order is raised to the minimum order and cut to the maximum order.

Shared limits are not looked at: the repair that every operating model has cuts what breaks a hard one.
"""

from __future__ import annotations

import numpy as np

from desilo.cases.instance import Floats, Instance

SAFETY_FACTOR = 1.645


def rule_of_thumb(instance: Instance) -> Floats:
    """(I, T) orders in units by the rule of thumb, at the reference levels."""
    count, periods = len(instance.items), instance.periods
    at_reference = instance.demand[np.arange(count), :, instance.reference]  # (I, T, W)
    expected = at_reference @ instance.probability
    spread = np.sqrt(np.maximum(0.0, at_reference**2 @ instance.probability - expected**2))
    order = np.zeros((count, periods))
    for i in range(count):
        lead = int(instance.lead_time[i])
        cycle = _cycle(instance, i, float(expected[i].mean()))
        stock = instance.initial_stock[i] + np.cumsum(instance.receipt[i] - expected[i])  # end of each period
        for t in range(periods - lead):
            due = t + lead
            window = slice(t, due + 1)
            safety = SAFETY_FACTOR * float(np.sqrt((spread[i, window] ** 2).sum()))
            if stock[due] >= safety:
                continue
            later = expected[i, due + 1 : due + cycle].sum()
            quantity = max(later + safety - stock[due], instance.min_order[i])
            order[i, t] = min(quantity, instance.max_order[i, t])
            if order[i, t] < instance.min_order[i]:
                order[i, t] = 0.0
            stock[due:] += order[i, t]
    return order


def _cycle(instance: Instance, i: int, demand: float) -> int:
    """Economic order quantity in whole periods of demand."""
    order_cost, holding = instance.order_cost[i].mean(), instance.holding_cost[i].mean()
    if order_cost <= 0 or demand <= 0:
        return 1
    if holding <= 0:
        return instance.periods
    return int(np.clip(round(np.sqrt(2 * order_cost / (holding * demand))), 1, instance.periods))
