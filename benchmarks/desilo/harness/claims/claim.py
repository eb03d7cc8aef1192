"""A claim as data: what is said, what would show it, and what must come out null for the showing to count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from desilo.harness.claims.experiment import Experiment, Records
from desilo.harness.measure import Interval

Metric = Callable[[Records], "pd.Series[float]"]
"""One value a cluster from an experiment's records; a pure function, so that every figure can be worked out again."""

GENERATED = "generated"
"""The domain of the pre-registered family of generated firms; every other domain is a bundled case."""


@dataclass(frozen=True)
class Article:
    """A text that makes claims."""

    letter: str
    title: str


class Articles:
    """The three."""

    A = Article("A", "The Real Reason AI Doesn't Scale")
    B = Article("B", "AI doesn't fail. Organizations do.")
    C = Article("C", "The Inefficiency Trap")


@dataclass(frozen=True)
class Region:
    """Where a mean must lie: in [low, high], or beyond the one end that is finite."""

    low: float = -np.inf
    high: float = np.inf

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"a region from {self.low} to {self.high} holds nothing")

    def holds(self, interval: Interval) -> bool:
        """Whether the whole interval lies inside; one that is unknown does not, nor one that touches an open end."""
        if not interval.known:
            return False
        if np.isinf(self.low) or np.isinf(self.high):
            return bool(interval.low > self.low and interval.high < self.high)
        return bool(interval.low >= self.low and interval.high <= self.high)

    def __str__(self) -> str:
        if np.isinf(self.high):
            return f"above {self.low:g}"
        if np.isinf(self.low):
            return f"below {self.high:g}"
        return f"within ±{self.high:g}" if self.low == -self.high else f"{self.low:g} to {self.high:g}"


def above(low: float) -> Region:
    """More than that."""
    return Region(low=low)


def below(high: float) -> Region:
    """Less than that."""
    return Region(high=high)


def between(low: float, high: float) -> Region:
    """From one to the other, both included."""
    return Region(low, high)


def null(tolerance: float) -> Region:
    """Nothing, up to a tolerance."""
    return Region(-tolerance, tolerance)


@dataclass(frozen=True)
class Figure:
    """Something measured.

    Attributes:
        says: what, in a few words.
        experiment: whose records are looked at.
        metric: what is measured; its mean over the clusters is shown.
        unit: of the metric.
        domain: `generated`, or the name of a bundled case.
    """

    says: str
    experiment: Experiment
    metric: Metric
    unit: str
    domain: str = field(default=GENERATED, kw_only=True)


@dataclass(frozen=True)
class Test(Figure):
    """One thing that would have to be so; what it says is what the claim expects.

    Attributes:
        region: where the mean must lie.
    """

    __test__ = False  # for pytest: no test of the suite

    region: Region


@dataclass(frozen=True)
class Control(Test):
    """One thing that must come out null, or the tests that depend on it say nothing; its region is the tolerance."""


@dataclass(frozen=True)
class Claim:
    """What an article says and what would show it.

    Attributes:
        id: letter of the article and a number.
        article: that says it.
        statement: in our words.
        quote: the article's words.
        tests: all must hold for the claim to be reproduced; the first is the claim's figure.
        controls: all must come out null.
        sources: where the figures come from.
        coupling: whether it is about decisions that touch each other: without coupling it must not be reproduced.
        reading: how the words were turned into tests, and what the tests cannot say.
        beside: what is shown with it and judges nothing.
        beyond: why this suite cannot test it at all; empty if it can.
    """

    id: str
    article: Article
    statement: str
    quote: str
    tests: tuple[Test, ...]
    controls: tuple[Control, ...]
    sources: str
    coupling: bool
    reading: str
    beside: tuple[Figure, ...] = ()
    beyond: str = ""

    def __post_init__(self) -> None:
        if bool(self.beyond) == bool(self.tests and self.controls):
            raise ValueError(f"{self.id}: a claim has tests and controls, or a reason why it has none")

    def tests_at(self, coupling: float) -> tuple[Test, ...]:
        """Those that count: a bundled case has no dial of coupling, so that it stays out where the dial is turned."""
        if not self.coupling or coupling == 1:
            return self.tests
        return tuple(test for test in self.tests if test.domain == GENERATED)
