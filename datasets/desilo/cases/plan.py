"""A plan: the here-and-now decisions for the whole horizon, and its file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desilo.cases.instance import Floats, Instance, Ints

SMALLEST_ORDER = 1e-6
"""Units; an order below this is no order (solver tolerance)."""


@dataclass(frozen=True)
class Plan:
    """One price level per item and period, and one order quantity.

    Attributes:
        level: (I, T) index of the chosen level.
        order: (I, T) units ordered, 0 where no order is placed.
    """

    level: Ints
    order: Floats

    def price(self, instance: Instance) -> Floats:
        """(I, T) the chosen prices."""
        chosen: Floats = instance.price[np.arange(len(instance.items))[:, None], self.level]
        return chosen
