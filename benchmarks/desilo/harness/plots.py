"""Plots of a run: where the gain comes from, and the gain against the tightness of the shared limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from desilo.cases.folders import fresh_file
from desilo.harness.experiment import CLAIRVOYANT, COORDINATED, ISOLATED, JOINT, SEQUENTIAL, STATUS_QUO
from desilo.harness.report import BEST_SEQUENTIAL, Estimate, Gain, Summary
from desilo.harness.words import find, wins

BLUE, GREEN, VERMILLION, ORANGE, GREY = "#0072B2", "#009E73", "#D55E00", "#E69F00", "#777777"
"""Okabe and Ito (2008): told apart by people with any colour vision."""


def write_plots(summary: Summary, folder: Path) -> None:
    """Write `waterfall.png` and `tightness.png`, each wholly or not at all."""
    with mpl.rc_context({"text.parse_math": False}):  # a name may hold dollar signs
        charts = {"waterfall": waterfall(summary), "tightness": tightness(summary)}
    for name, chart in charts.items():
        with fresh_file(folder / f"{name}.png") as fresh:
            chart.savefig(fresh, dpi=150)


def write_svg(figure: Figure, path: Path) -> None:
    """Write a picture with its letters as text, wholly or not at all; the same picture gives the same file."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a name may hold dollar signs
    with fresh_file(path) as fresh, mpl.rc_context({"svg.hashsalt": "desilo", "svg.fonttype": "none"}):
        figure.savefig(fresh, format="svg", metadata={"Date": None})


@dataclass(frozen=True)
class Bar:
    """A bar of the waterfall: a step from one level to the next, or a total from 0 with its interval."""

    name: str
    low: float
    high: float
    interval: Estimate | None = None  # of a total

    @property
    def height(self) -> float:
        """What the bar adds; negative where it takes away."""
        return self.high - self.low


def bars(summary: Summary) -> tuple[Bar, ...]:
    """From the status quo to the joint plan, realised, step by step."""
    found: list[Bar] = []

    def step(name: str, to: float) -> None:
        found.append(Bar(name, found[-1].high if found else 0.0, to))

    def total(name: str, gain: Gain) -> None:
        found.append(Bar(name, 0.0, gain.realised.mean, gain.realised))

    isolated = find(summary, ISOLATED, STATUS_QUO)
    if summary.interaction is not None and isolated is not None:
        level = 0.0
        for name, dividend in summary.interaction.dividends.items():
            if "+" not in name:
                level += dividend
                step(f"{name}\nalone", level)
        together = summary.interaction.total.mean
        step("in each\nother's way" if together < 0 else "helping\neach other", level + together)
        total("isolated", isolated)
    for model, how, name in (
        (BEST_SEQUENTIAL, "handing on", "best\nsequential"),
        (COORDINATED, "planning\nin teams", "coordinated"),
        (JOINT, "deciding\nas one", "joint"),
    ):
        gain = find(summary, model, STATUS_QUO)
        if gain is not None:
            step(how, gain.realised.mean)
            total(name, gain)
    return tuple(found)


def waterfall(summary: Summary) -> Figure:
    """The waterfall; whiskers are 95% intervals of the totals."""
    figure, panel = _panel()
    steps = bars(summary)
    for k, bar in enumerate(steps):
        colour = BLUE if bar.interval else GREEN if bar.height >= 0 else VERMILLION
        panel.bar(k, bar.height, bottom=bar.low, color=colour, width=0.7, zorder=2)
        top = max(bar.low, bar.high)
        if bar.interval is not None and bar.interval.low is not None and bar.interval.high is not None:
            panel.plot([k, k], [bar.interval.low, bar.interval.high], color="black", lw=1.4, zorder=3)
            top = max(top, bar.interval.high)
        panel.annotate(f"{bar.height:+,.0f}", (k, top), (0, 3), textcoords="offset points", ha="center", fontsize=9)
        if k + 1 < len(steps):
            panel.plot([k - 0.35, k + 1.35], [bar.high] * 2, color=GREY, lw=0.8, zorder=1)
    bound = next((row.gain for row in summary.rows if row.model == CLAIRVOYANT), None)
    if bound is not None:
        panel.axhline(bound.mean, color=ORANGE, ls="--", lw=1.4, zorder=1)
        panel.annotate(
            f"bound of perfect information ≤ {bound.mean:+,.0f}",
            (0, bound.mean),
            (0, 4),
            textcoords="offset points",
            xycoords=("axes fraction", "data"),
            fontsize=9,
            color="#9a6a00",
        )
    panel.axhline(0, color="black", lw=0.8)
    panel.set_xticks(range(len(steps)), [bar.name for bar in steps], fontsize=9)
    panel.margins(y=0.12)
    panel.set_ylabel(f"realised gain over the status quo,\n{_unit(summary)}")
    panel.set_title(_waterfall_title(summary), loc="left", fontsize=12, wrap=True)
    _footnote(figure, summary)
    return figure


def _waterfall_title(summary: Summary) -> str:
    over_best, over_isolated = find(summary, JOINT, BEST_SEQUENTIAL), find(summary, JOINT, ISOLATED)
    if over_best is None or over_isolated is None:
        return f"{summary.case}: no joint plan in the time given"
    return (
        f"{summary.case}: deciding as one realises {summary.currency} {over_isolated.realised.mean:+,.0f} a window "
        f"over isolated functions,\n{over_best.realised.mean:+,.0f} over the best sequential plan"
    )


def tightness(summary: Summary) -> Figure:
    """Joint over sequential against the shared capacities: realised, and in sample with what the gaps leave open."""
    figure, panel = _panel()
    levels = [level.tightness for level in summary.tightness]
    inside = [(level.tightness, level.gain.in_sample) for level in summary.tightness if level.gain.in_sample]
    for x, sample in inside:
        if sample.low is not None and sample.high is not None:
            panel.plot([x, x], [sample.low, sample.high], color=BLUE, lw=6, alpha=0.3, solid_capstyle="butt")
        else:
            said = "no upper bound\nin the time given"
            panel.annotate(said, (x, sample.plan), (6, -24), textcoords="offset points", fontsize=8, color=BLUE)
    if levels:
        panel.plot(
            [x for x, _ in inside],
            [sample.plan for _, sample in inside],
            "s--",
            color=BLUE,
            label="in sample: the plans found, and (band) what the solver's gaps leave",
        )
        realised = [level.gain.realised.mean for level in summary.tightness]
        panel.plot(levels, realised, "o-", color=VERMILLION, lw=2, label="realised on nature")
        for x, y in zip(levels, realised, strict=True):
            panel.annotate(f"{y:+,.0f}", (x, y), (6, 6), textcoords="offset points", fontsize=9, color=VERMILLION)
        panel.legend(frameon=False, fontsize=9, loc="best")
        panel.set_xticks(levels, [f"{level:g}" for level in levels])
    panel.axhline(0, color="black", lw=0.8)
    panel.axvline(1, color=GREY, lw=0.8, ls=":")
    panel.margins(x=0.1, y=0.15)
    panel.set_xlabel(
        "capacity of cold store, open-to-buy and receiving, × the assumed ones (1 = as assumed; left is tighter)"
    )
    panel.set_ylabel(f"gain of joint over sequential\n({SEQUENTIAL.split()[1].replace('>', ' > ')}), {_unit(summary)}")
    panel.set_title(_tightness_title(summary), loc="left", fontsize=12)
    _footnote(figure, summary)
    return figure


def _tightness_title(summary: Summary) -> str:
    if not summary.tightness:
        return f"{summary.case}: no joint plan in the time given"
    starts = summary.tightness[0].starts
    return (
        f"{summary.case}: out of sample, joint beats sequential\n{wins(summary)} "
        f"({starts} start{'s' if starts > 1 else ''})"
    )


def _panel() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(10, 5), layout="constrained")
    panel: Axes = figure.subplots()
    panel.spines[["top", "right"]].set_visible(False)
    panel.yaxis.set_major_formatter("{x:,.0f}")
    panel.grid(axis="y", color="0.9", zorder=0)
    panel.set_axisbelow(True)
    return figure, panel


def _unit(summary: Summary) -> str:
    return f"{summary.currency or 'money'} in {summary.horizon} {summary.period_unit or 'period'}s"


def _footnote(figure: Figure, summary: Summary) -> None:
    starts = len(summary.starts)
    text = (
        f"{summary.items} items, mean of {starts} start{'s' if starts > 1 else ''} in the held-out "
        f"{summary.period_unit or 'period'}s. Stock, capacity, lead time and cost figures are assumed: see summary.md."
    )
    figure.supxlabel(text, fontsize=8, color=GREY, x=0.01, ha="left")
