"""What experiments that turn a dial have in common: settings in every world, and records at a setting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from desilo.cases.plan import Plan
from desilo.harness.claims.experiment import Records, Scale, Trial
from desilo.harness.claims.firm import result_of
from desilo.harness.claims.world import Dials, world
from desilo.harness.experiment import Problems
from desilo.operating.decision import Decision


def trials_at(experiment: str, scale: Scale, worlds: int, settings: Iterable[Mapping[str, float]]) -> list[Trial]:
    """Every setting in every world.

    Settings name a `coupling`; times the scale's it is the coupling that the world has (`coupled`).

    Args:
        experiment: its name.
        scale: seeds and how many worlds are asked for.
        worlds: most that the experiment takes.
        settings: of the dials, without those of the scale.
    """
    places = list(settings)
    return [
        Trial(experiment, f"world-{seed}", {**at, "coupled": at["coupling"] * scale.coupling})
        for seed in range(scale.seed, scale.seed + min(scale.worlds, worlds))
        for at in places
    ]


def firm_of(trial: Trial, dials: Dials) -> Problems:
    """The world of a trial, coupled as it says; other dials as given."""
    return world(int(trial.cluster.removeprefix("world-")), replace(dials, coupling=settings_of(trial)["coupled"]))


def settings_of(trial: Trial) -> dict[str, float]:
    """Where a trial is on its dials."""
    return {name: float(value) for name, value in trial.at.items()}


class Ledger:
    """What plans come to in nature, as figures of a record: realised profit by name, money."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.figures: dict[str, float] = {"stopped": 0.0}

    def enter(self, name: str, decision: Decision) -> Plan:
        """Note what a decision's plan realises, and whether a limit cut the decision short.

        Raises:
            RuntimeError: there is no plan.
        """
        found = result_of(self.problems, decision)
        self.figures[name] = found.profit
        self.figures["stopped"] = max(self.figures["stopped"], float(found.stopped))
        return found.plan


def at(records: Records, **dials: float) -> Records:
    """The trials at a setting of some dials, one a cluster, by cluster."""
    chosen = pd.Series(data=True, index=records.index)
    for name, value in dials.items():
        chosen &= (records[name] - value).abs() < 1e-9
    found = records[chosen].set_index("cluster")
    if found.index.has_duplicates:
        raise ValueError(f"{dials} leave more than one trial of a cluster")
    return found


def slope(values: Sequence[pd.Series[float]], dial: Sequence[float]) -> pd.Series[float]:
    """By cluster, how much a figure changes over a dial from 0 to 1: least squares.

    Args:
        values: the figure, by cluster, at every setting.
        dial: the settings.
    """
    centred = [setting - math.fsum(dial) / len(dial) for setting in dial]
    weight = math.fsum(c * c for c in centred)
    return sum((c / weight * value for c, value in zip(centred, values, strict=True)), start=0.0 * values[0])
