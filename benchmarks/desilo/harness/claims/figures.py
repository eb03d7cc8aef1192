"""The picture of a claim: every cluster's value, the mean with its intervals, and where it would have to lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from desilo.cases.instance import Floats
from desilo.harness.claims.claim import GENERATED, Control
from desilo.harness.claims.experiment import Records
from desilo.harness.claims.verdict import Found, Judged
from desilo.harness.plots import BLUE, GREEN, GREY, VERMILLION
from desilo.harness.records import TEMPORARY

STRIP = 0.75
"""Inches of height for a test."""


def write_picture(judged: Judged, tables: Mapping[str, Records], path: Path) -> None:
    """Write a claim's picture as SVG, wholly or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{TEMPORARY}{path.name}")
    # the same picture is the same file
    with mpl.rc_context({"svg.hashsalt": "desilo", "svg.fonttype": "none"}):
        picture(judged, tables).savefig(fresh, format="svg", metadata={"Date": None})
    fresh.replace(path)


def picture(judged: Judged, tables: Mapping[str, Records]) -> Figure:
    """A strip for every test and control of a claim."""
    every = [*judged.tests, *judged.controls]
    figure = Figure(figsize=(9, 0.9 + STRIP * len(every)), layout="constrained")
    strips = figure.subplots(len(every), 1, squeeze=False)[:, 0]
    for found, strip in zip(every, strips, strict=True):
        values = found.figure.metric(tables[found.figure.experiment.name]).dropna()
        _strip(strip, found, np.asarray(values, dtype=np.float64))
    figure.suptitle(f"{judged.claim.id}: {judged.verdict}", x=0.01, ha="left", fontsize=12)
    return figure


def _strip(panel: Axes, found: Found, values: Floats) -> None:
    test, shown, judged = found.figure, found.measured.shown, found.measured.judged
    ends = [0.0, *(end for end in (test.region.low, test.region.high) if np.isfinite(end))]
    ends += [shown.low, shown.high, judged.low, judged.high] if shown.known else []
    ends += list(np.quantile(values, (0.05, 0.95))) if len(values) else []
    low, high = min(ends), max(ends)
    room = 0.05 * (high - low) or 1.0
    panel.set_xlim(low - room, high + room)
    colour = BLUE if found.held else VERMILLION
    panel.axvspan(max(test.region.low, low - room), min(test.region.high, high + room), color=GREEN, alpha=0.15, lw=0)
    panel.axvline(0, color="black", lw=0.6)
    height = np.linspace(-0.8, 0.8, len(values)) if len(values) > 1 else np.zeros(len(values))
    panel.plot(values, height, ".", ms=3, color=GREY, alpha=0.6, clip_on=True)
    if shown.known:
        panel.plot([judged.low, judged.high], [0, 0], color=colour, lw=1.4)
        panel.plot([shown.low, shown.high], [0, 0], color=colour, lw=5, solid_capstyle="butt")
        panel.plot([shown.estimate], [0], "o", ms=6, color="white", mec=colour, mew=1.6)
    panel.set_ylim(-1.2, 1.2)
    panel.set_yticks([])
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right", "left"]].set_visible(False)
    kind = "control" if isinstance(test, Control) else "test"
    where = "" if test.domain == GENERATED else f", {test.domain}"
    panel.set_title(f"{kind}{where}: {test.says} ({test.unit})", fontsize=9, loc="left", pad=2)
