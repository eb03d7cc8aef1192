"""The picture of a claim: what every test and control saw, and what is shown beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from desilo.cases.instance import Floats
from desilo.harness.claims.claim import GENERATED, Control
from desilo.harness.claims.experiment import Records
from desilo.harness.claims.experiments import population
from desilo.harness.claims.verdict import Found, Judged, Seen
from desilo.harness.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION, write_svg

STRIP, ROW, CURVE = 0.75, 0.24, 3.2
"""Inches of height: of a test, of a figure beside it, of a curve."""

LEGEND = (
    "dots: clusters; thick: 95% interval; thin: the interval that is judged; green: where all of it must lie; "
    "blue: it does"
)


def write_picture(judged: Judged, tables: Mapping[str, Records], path: Path) -> None:
    """Write a claim's picture as SVG, wholly or not at all."""
    write_svg(picture(judged, tables), path)


def picture(judged: Judged, tables: Mapping[str, Records]) -> Figure:
    """A strip for every test and control; the figures beside them by unit; a curve where the claim is about one."""
    strips = [*judged.tests, *judged.controls]
    groups = _by_unit(judged.beside)
    curve = [CURVE] if _has_curve(judged) else []
    heights = [*(STRIP for _ in strips), *(0.55 + ROW * len(group) for group in groups), *curve]
    figure = Figure(figsize=(9, 0.9 + sum(heights)), layout="constrained")
    panels = list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    for found in strips:
        values = found.figure.metric(tables[found.figure.experiment.name]).dropna()
        _strip(panels.pop(0), found, np.asarray(values, dtype=np.float64))
    for group in groups:
        _rows(panels.pop(0), group)
    if curve:
        _lorenz(panels.pop(0), tables[population.EXPERIMENT.name])
    figure.suptitle(f"{judged.claim.id}: {judged.verdict}", x=0.01, ha="left", fontsize=12)
    figure.supxlabel(LEGEND, fontsize=8, color=GREY, x=0.01, ha="left")
    return figure


def _by_unit(beside: Sequence[Seen]) -> list[list[Seen]]:
    """Figures that can stand on one axis; those that are not known are left out."""
    known = [seen for seen in beside if seen.measured.shown.known]
    units = dict.fromkeys(seen.figure.unit for seen in known)
    return [[seen for seen in known if seen.figure.unit == unit] for unit in units]


def _strip(panel: Axes, found: Found, values: Floats) -> None:
    test, shown, judged = found.figure, found.measured.shown, found.judged
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
    panel.plot(values, height, ".", ms=4, color=GREY, alpha=0.7)
    if shown.known:
        panel.plot([judged.low, judged.high], [0, 0], color=colour, lw=1.4)
        panel.plot([shown.low, shown.high], [0, 0], color=colour, lw=5, solid_capstyle="butt")
        panel.plot([shown.estimate], [0], "o", ms=6, color="white", mec=colour, mew=1.6)
    panel.set_ylim(-1.2, 1.2)
    panel.set_yticks([])
    panel.spines[["top", "right", "left"]].set_visible(False)
    _label(panel, f"{'control' if isinstance(test, Control) else 'test'}{_where(found)}: {test.says} ({test.unit})")


def _rows(panel: Axes, group: Sequence[Seen]) -> None:
    """Means and 95% intervals, one below the other."""
    for row, seen in enumerate(group):
        shown = seen.measured.shown
        panel.plot([shown.low, shown.high], [row, row], color=GREY, lw=2.5, solid_capstyle="butt")
        panel.plot([shown.estimate], [row], "o", ms=5, color="white", mec=GREY, mew=1.6)
    panel.axvline(0, color="black", lw=0.6)
    panel.set_yticks(range(len(group)), [f"{seen.figure.says}{_where(seen)}" for seen in group])
    panel.set_ylim(len(group) - 0.5, -0.5)
    panel.spines[["top", "right", "left"]].set_visible(False)
    _label(panel, f"beside: {group[0].figure.unit}")


def _where(seen: Seen) -> str:
    return "" if seen.figure.domain == GENERATED else f", {seen.figure.domain}"


def _label(panel: Axes, text: str) -> None:
    panel.tick_params(labelsize=8, left=False)
    panel.set_title(text, fontsize=9, loc="left", pad=2)


def _has_curve(judged: Judged) -> bool:
    return any(found.figure.experiment is population.EXPERIMENT for found in judged.tests)


def _lorenz(panel: Axes, records: Records) -> None:
    """The Lorenz curves of the population and of the placebo in which nobody coordinates."""
    for name, placebo, colour in (("the population", False, BLUE), ("where nobody coordinates", True, ORANGE)):
        gains = population.returns(records, placebo)
        if gains.sum() <= 0:  # nothing to share
            continue
        share, of_returns = population.lorenz(gains)
        panel.plot(100 * share, 100 * of_returns, color=colour, label=name)
    panel.plot([0, 100], [0, 100], color=GREY, lw=0.8, ls=":", label="all firms alike")
    panel.axvline(80, color=GREY, lw=0.8)
    panel.legend(frameon=False, fontsize=8)
    panel.set_xlabel("% of firms, least returns first", fontsize=8)
    panel.set_ylabel("% of all returns", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    _label(panel, "Lorenz curve of the returns")
