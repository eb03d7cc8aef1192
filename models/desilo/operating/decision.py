"""Who decides what, and what they came to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from desilo.cases.instance import Instance
from desilo.cases.plan import Plan
from desilo.solving import Outcome, Seconds, Stop, relative_gap


class Function(StrEnum):
    """A function of the company that can be left as it is or optimised."""

    PRICING = "pricing"
    DEMAND = "demand"
    INVENTORY = "inventory"


class OperatingModel(StrEnum):
    """Who decides what, knowing what, in which order. Exact meaning: `datasets/instance-format.md`."""

    STATUS_QUO = "status-quo"
    PRICING_ONLY = "pricing-only"
    DEMAND_ONLY = "demand-only"
    INVENTORY_ONLY = "inventory-only"
    ISOLATED = "isolated"
    SEQUENTIAL = "sequential"
    COORDINATED = "coordinated"
    JOINT = "joint"
    CLAIRVOYANT = "clairvoyant"  # a bound, not a plan


class Method(StrEnum):
    """How the joint model is solved."""

    AUTO = "auto"
    MONOLITH = "monolith"  # one model, and neighbourhoods of it
    DECOMPOSITION = "decomposition"  # team by team, at prices for what they share


class Strength(StrEnum):
    """How much is coordinated; `operating.coordination.protocol` says what it means."""

    LIMITS = "limits"
    PRICES = "prices"
    REPAIR = "repair"


@dataclass(frozen=True)
class How:
    """Choices that single operating models leave open.

    Attributes:
        method: for the joint model.
        strength: for the coordinated one.
        checkpoint: file in which a decomposition keeps its state, to go on from it; None for none.
        executors: where teams that plan apart work, one call after another in each; none: in as many processes of
            this machine as the options have threads.
    """

    method: Method = Method.AUTO
    strength: Strength = Strength.REPAIR
    checkpoint: Path | None = None
    executors: tuple[Executor, ...] = ()


@dataclass(frozen=True)
class Pictures:
    """What the company believes demand to be: the same instance but for demand and cross effects.

    Attributes:
        yesterday: what is believed as long as the demand function is left as it is.
        estimated: what the optimised demand function says.
    """

    yesterday: Instance
    estimated: Instance

    @classmethod
    def same(cls, instance: Instance) -> Pictures:
        """An instance given from outside: there is one picture."""
        return cls(instance, instance)


@dataclass(frozen=True)
class Step:
    """One decision of one function."""

    function: str
    outcome: Outcome


@dataclass(frozen=True)
class Decision:
    """The result of an operating model.

    Attributes:
        model: which one, with the order of the hand-offs where there is one.
        stop: why it stopped; OPTIMAL only if every step was solved to the asked gap.
        plan: levels and orders; None if there is none.
        objective: the plan's expected profit with best recourse in each scenario, money, on the picture of whoever
            decided last; nan without a plan.
        bound: no plan of the last step's decision problem can have a higher expected profit; nan where the operating
            model solves no such problem (rules of thumb, plans put together), inf if nothing is proven.
        steps: what was solved, in order.
        repaired: whether orders had to be cut because the functions' plans broke a hard limit together.
        facts: plain values that only this operating model or method has, for records.
    """

    model: str
    stop: Stop
    plan: Plan | None
    objective: float
    bound: float
    steps: tuple[Step, ...] = field(default=())
    repaired: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

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
            "model": self.model,
            "status": self.stop.value,
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "repaired": self.repaired,
            "seconds": self.seconds.total,
            **self.facts,
            "steps": [{"function": step.function, **step.outcome.as_dict()} for step in self.steps],
        }
