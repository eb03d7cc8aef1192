"""What an operating model came to on an instance."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from desilo.cases.plan import Plan
from desilo.solving import Outcome, Seconds, Stop, relative_gap


class OperatingModel(StrEnum):
    """Who decides what, knowing what, in which order. Exact meaning: `datasets/instance-format.md`."""

    STATUS_QUO = "status-quo"
    PRICING_ONLY = "pricing-only"
    INVENTORY_ONLY = "inventory-only"
    ISOLATED = "isolated"
    SEQUENTIAL = "sequential"
    INVENTORY_FIRST = "inventory-first"  # the other hand-off: orders first, then prices for them
    JOINT = "joint"
    CLAIRVOYANT = "clairvoyant"  # a bound, not a plan


@dataclass(frozen=True)
class Step:
    """One decision of one function."""

    function: str
    outcome: Outcome


@dataclass(frozen=True)
class Decision:
    """The result of an operating model.

    Attributes:
        model: which one.
        stop: why it stopped; OPTIMAL only if every step was solved to the asked gap.
        plan: levels and orders; None if there is none.
        objective: the plan's expected profit with best recourse in each scenario, money; nan without a plan.
        bound: no plan of the last step's decision problem can have a higher expected profit; nan where the operating
            model solves no such problem (rules of thumb), inf if nothing is proven.
        steps: what was solved, in order.
        repaired: whether orders had to be cut because the functions' plans broke a hard limit together.
    """

    model: OperatingModel
    stop: Stop
    plan: Plan | None
    objective: float
    bound: float
    steps: tuple[Step, ...] = field(default=())
    repaired: bool = False

    @property
    def gap(self) -> float:
        """|bound - objective| / |objective|; 0 where no bound is asked for."""
        if self.plan is not None and math.isnan(self.bound):
            return 0.0
        return relative_gap(self.objective, self.bound)

    @property
    def seconds(self) -> Seconds:
        """Of all steps, by phase."""
        return sum((step.outcome.seconds for step in self.steps), Seconds())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for records; the plan is written apart."""
        return {
            "model": self.model.value,
            "status": self.stop.value,
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "repaired": self.repaired,
            "seconds": self.seconds.total,
            "steps": [{"function": step.function, **step.outcome.as_dict()} for step in self.steps],
        }
