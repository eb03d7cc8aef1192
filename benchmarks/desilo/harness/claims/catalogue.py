"""The experiments by name, and how much of them is run."""

from __future__ import annotations

from dataclasses import replace

from desilo.harness.claims.experiment import Experiment, Scale
from desilo.harness.claims.experiments import (
    adoption,
    cadence,
    capability,
    population,
    repair,
    scale,
    scorecards,
    windows,
    wirings,
)

EXPERIMENTS: tuple[Experiment, ...] = (
    wirings.EXPERIMENT,
    windows.EXPERIMENT,
    capability.EXPERIMENT,
    cadence.EXPERIMENT,
    scorecards.EXPERIMENT,
    repair.EXPERIMENT,
    adoption.EXPERIMENT,
    scale.EXPERIMENT,
    population.EXPERIMENT,
)
"""In the order in which they are conducted."""

QUICK = Scale("quick", seed=1, worlds=6, windows=2, firms=40)
"""In under five minutes on two cores: enough to see that everything works, too little to judge by."""

FULL = Scale("full", seed=1, worlds=100, windows=30, firms=240)
"""What is published; experiments whose trials take long take fewer worlds."""

FAMILY = 1000
"""Firms that a seed can name: two seeds have none in common."""


def sized(size: Scale, seed: int, coupling: float) -> Scale:
    """A size of run on the firms of a seed."""
    return replace(size, seed=seed * FAMILY, coupling=coupling)
