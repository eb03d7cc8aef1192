"""Performance profiles: on which share of the problems is a solver within a factor of the fastest?

Dolan and Moré (2002), Benchmarking optimization software with performance profiles. With more than two solvers a
profile says who is fastest but not who is second: profiles of two at a time do (Gould and Scott 2016, A note on
performance profiles for benchmarking software). Both kinds are drawn.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from desilo.cases.instance import Floats
from desilo.harness.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION, write_svg
from desilo.harness.solvers.comparing.metrics import METRICS, Metric, is_solved
from desilo.harness.solvers.comparing.pairing import Pair
from desilo.harness.solvers.runs import Run

PICTURE = "profiles.svg"

FIGURES = ("seconds", "iterations")
"""Metrics that profiles are drawn of; 1 is added to iterations, of which there may be none."""

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, GREY)


@dataclass(frozen=True)
class Profile:
    """The profile of one solver.

    Attributes:
        ratios: (k,) sorted; its figure over the best one, on the problems that it solves.
        problems: how many there are.
    """

    ratios: Floats
    problems: int

    def share(self, factor: float) -> float:
        """Of the problems that it solves within this factor of the best."""
        return float(np.searchsorted(self.ratios, factor, side="right")) / self.problems


def profiles(figures: Mapping[str, Sequence[float]]) -> dict[str, Profile]:
    """Profiles of solvers on the same problems.

    Args:
        figures: of each solver one positive figure a problem, inf where it is not solved.

    Raises:
        ValueError: a figure is not positive, or their numbers differ.
    """
    table = np.array(list(figures.values()), dtype=float)
    if table.ndim != 2 or not (table > 0).all():
        raise ValueError("need as many figures of every solver, all above 0")
    best = table.min(axis=0)
    ratios = np.divide(table, best, out=np.full_like(table, math.inf), where=np.isfinite(table))
    return {
        name: Profile(np.sort(row[np.isfinite(row)]), table.shape[1]) for name, row in zip(figures, ratios, strict=True)
    }


def figure_of(metric: Metric, runs: Sequence[Run]) -> float:
    """Geometric mean over repeats; inf unless all are solved."""
    values = [metric.of(run) if is_solved(run) else None for run in runs]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return math.inf
    return float(np.exp(np.mean(np.log(np.maximum(np.array(known) + (metric.unit != "s"), 1e-9)))))


def write_profiles(pairs: Sequence[Pair], folder: Path) -> None:
    """Write the picture, wholly or not at all; the same runs give the same file."""
    write_svg(picture(pairs), folder / PICTURE)


def picture(pairs: Sequence[Pair]) -> Figure:
    """A row a configuration, before against after; if there are several, a last one with all of those after."""
    groups: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.unit.removeprefix(pair.problem).strip() or "all"].append(pair)
    together = _on_same_problems(groups)
    height = len(groups) + bool(together)
    figure = Figure(figsize=(9, 0.6 + 2.6 * height), layout="constrained")
    panels = figure.subplots(height, len(FIGURES), squeeze=False)
    for row, (name, members) in zip(panels, groups.items(), strict=False):
        for panel, metric in zip(row, FIGURES, strict=True):
            sides = {"before": [p.before for p in members], "after": [p.after for p in members]}
            _draw(panel, {side: [figure_of(METRICS[metric], r) for r in runs] for side, runs in sides.items()})
            panel.set_title(f"{name}: {metric}, {len(members)} pairs", fontsize=9, loc="left")
    if together:
        for panel, metric in zip(panels[-1], FIGURES, strict=True):
            _draw(panel, {n: [figure_of(METRICS[metric], r) for r in runs] for n, runs in together.items()})
            panel.set_title(f"all after: {metric}; only the lead can be read off", fontsize=9, loc="left")
    return figure


def _on_same_problems(groups: Mapping[str, Sequence[Pair]]) -> dict[str, list[tuple[Run, ...]]]:
    """Runs after of every configuration, on what all of them were run on; empty unless there are several."""
    if len(groups) < 2:
        return {}
    found = {
        name: {(p.problem, p.after[0].setting.seed, p.after[0].setting.permutation): p.after for p in members}
        for name, members in groups.items()
    }
    common = sorted(set.intersection(*(set(members) for members in found.values())))
    return {name: [members[key] for key in common] for name, members in found.items()} if common else {}


def _draw(panel: Axes, figures: Mapping[str, Sequence[float]]) -> None:
    found = profiles(figures)
    widest = max([2.0, *(float(profile.ratios[-1]) for profile in found.values() if len(profile.ratios))])
    for number, (name, profile) in enumerate(found.items()):
        steps = [1.0, *profile.ratios, 1.1 * widest]
        shares = [profile.share(step) for step in steps]
        dash = "-" if number < len(COLOURS) else "--"
        panel.step(steps, shares, dash, where="post", color=COLOURS[number % len(COLOURS)], label=name)
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_formatter("{x:g}")
    panel.set_xlim(1, 1.1 * widest)
    panel.set_ylim(0, 1.02)
    panel.tick_params(labelsize=8)
    panel.set_xlabel("within this factor of the best", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=8, loc="lower right")
