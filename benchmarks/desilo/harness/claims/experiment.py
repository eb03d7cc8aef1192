"""An experiment: trials that are worked out apart, and the figures that come of them.

A trial is one world (or one window of a real case) under everything that is compared on it, so that all comparisons
are paired. It depends on its description alone, and gives plain figures: they are kept, and every claim is computed
from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Scale:
    """How much is run.

    Attributes:
        name: `quick` or `full`.
        seed: the first world's; the others follow.
        worlds: generated firms behind every interval.
        windows: of every real case and zone, at most.
        firms: in the population.
        coupling: of every world; 0 plants the null world, in which no decision touches another.
    """

    name: str
    seed: int
    worlds: int
    windows: int
    firms: int
    coupling: float = 1.0


@dataclass(frozen=True)
class Trial:
    """One piece of work.

    Attributes:
        experiment: its name.
        cluster: the world or window; trials of the same cluster share their data.
        at: where on the dials, and whatever else the work depends on.
    """

    experiment: str
    cluster: str
    at: Mapping[str, float | str]

    @property
    def slug(self) -> str:
        """Name of the trial's record."""
        return "-".join([self.cluster, *(f"{name}-{value}" for name, value in self.at.items())]).replace("/", "-")


Figures = Mapping[str, float]
"""What comes of a trial, by name; money unless the name says otherwise. What is not known is nan."""


@dataclass(frozen=True)
class Experiment:
    """How a question is put.

    Attributes:
        name: in records and on the command line.
        question: one line for people.
        method: what is done and why it answers the question; Markdown, a few sentences.
        trials: all that is worked out at a scale, in the order in which it is begun.
        work: the figures of one trial; runs in a process of its own and is the same whenever it runs.
    """

    name: str
    question: str
    method: str
    trials: Callable[[Scale], Sequence[Trial]]
    work: Callable[[Trial], Figures]


Records = pd.DataFrame
"""One row a trial: `cluster`, a column for every dial in `at`, a column for every figure."""
