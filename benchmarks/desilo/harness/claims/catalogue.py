"""The experiments by name, and how much of them is run."""

from __future__ import annotations

from desilo.harness.claims.experiment import Experiment, Scale

EXPERIMENTS: tuple[Experiment, ...] = ()
"""In the order in which they are conducted."""

QUICK = Scale("quick", seed=1, worlds=30, windows=10, firms=200)
"""In under five minutes on two cores."""

FULL = Scale("full", seed=1, worlds=100, windows=10, firms=400)
"""What is published."""
