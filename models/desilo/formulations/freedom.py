"""What a model may decide: which levels, how much to order.

Every operating model is the joint formulation with some decisions taken away, so that "the difference is in the
connection, not in the models": inventory alone has one level per item and period, pricing after inventory has its
orders fixed, a repair may only cut them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from desilo.cases.instance import Bools, Floats, Instance, Ints


class Formulation(StrEnum):
    """How tightly the same decisions are written down."""

    TIGHT = "tight"  # facility-location rows per scenario, pair variables, multiplied rows
    PAIRS = "pairs"  # tight without the facility-location rows: sooner solved where few levels are open
    LADDER = "ladder"  # pairs, with binaries along the price ladder: the search finds better plans sooner
    PLAIN = "plain"  # big-M set-ups, aggregated cross effects: the comparison for solver benchmarks

    @property
    def traces_orders(self) -> bool:
        """Whether what is sold is traced to the order it came from: the facility-location rows."""
        return self is Formulation.TIGHT


@dataclass(frozen=True)
class Freedom:
    """The decisions left open.

    Attributes:
        levels: (I, T, K) levels that may be chosen; at least one per item and period.
        order_lower, order_upper: (I, T) bounds on the orders, in units.
        setup: (I, T) whether an order may be placed at all.
    """

    levels: Bools
    order_lower: Floats
    order_upper: Floats
    setup: Bools

    @classmethod
    def full(cls, instance: Instance) -> Freedom:
        """Every level; every order that arrives within the horizon."""
        count, periods = len(instance.items), instance.periods
        levels = np.repeat(instance.has_level[:, None, :], periods, axis=1)
        arrives = np.arange(periods)[None, :] + instance.lead_time[:, None] < periods
        return cls(
            levels=levels,
            order_lower=np.zeros((count, periods)),
            order_upper=np.where(arrives, instance.max_order, 0.0),
            setup=arrives & (instance.max_order > 0),
        )

    def at_levels(self, level: Ints) -> Freedom:
        """The same with the levels (I, T) taken as given."""
        levels = np.zeros_like(self.levels)
        np.put_along_axis(levels, level[:, :, None], True, axis=2)
        return replace(self, levels=levels)

    def at_orders(self, order: Floats) -> Freedom:
        """The same with the orders (I, T) taken as given."""
        return replace(self, order_lower=order, order_upper=order, setup=self.setup & (order > 0))

    def cutting(self, order: Floats) -> Freedom:
        """The same, but orders (I, T) may only be cut."""
        return replace(self, order_upper=np.minimum(self.order_upper, order), setup=self.setup & (order > 0))

    def placing(self, setup: Bools) -> Freedom:
        """The same, but orders may be placed only where setup (I, T) says so."""
        return replace(self, setup=self.setup & setup, order_upper=np.where(setup, self.order_upper, 0.0))
