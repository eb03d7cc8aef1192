"""Charts for the page: matplotlib figures turned into SVG that takes its colours from the page's style sheet.

Matplotlib's SVG rather than a library that draws in the browser: some 20 kB a chart instead of 1 to 5 MB of script,
sharp in print, readable where scripts are blocked, and the same figures as in the other plots. Every chart is drawn
twice, for a wide page and for a phone; colours are Okabe and Ito's (2008), lightened on a dark page, and their orange
darkened on a light one, where it would not stand out.

A mark says its value: an artist's gid, the one text of its own that matplotlib writes into the SVG, becomes the mark's
title. Browsers show it to the pointer; the page's script shows it to touch and keyboard as well.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from desilo.harness.experiment import CLAIRVOYANT
from desilo.harness.html.evidence import OFTEN, PICTURES, ItemChange, ItemResponse, LimitUse
from desilo.harness.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION, bars
from desilo.harness.records import Elasticity
from desilo.harness.report import Booking, Estimate, Replanning, Summary, Tried
from desilo.harness.words import grouped, with_interval

INK, LINE = "#111213", "#dddedf"

COLOURS = {
    BLUE: "blue",
    GREEN: "green",
    VERMILLION: "vermillion",
    ORANGE: "orange",
    GREY: "muted",
    INK: "ink",
    LINE: "line",
}
"""Variables of the style sheet that stand for colours."""

WIDE, NARROW = 8.6, 3.5
"""Inches."""

SAYS = "says: "
"""Begins the gid of an artist that says something."""

PALE = 0.3
"""How much of its colour a bar has that says nothing for certain."""

REACH = 11
"""Points, the disc around a point in which it is found by a pointer or a finger."""

MOST_ITEMS = 20
"""Items in a chart; its table has them all."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name may hold dollar signs
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelcolor": INK,
    "legend.frameon": False,
}

Draw = Callable[[Figure, float], None]
"""Draws on a figure of a width in inches; sets the height."""


def svg(name: str, says: str, draw: Draw) -> Markup:
    """A chart as two SVG elements, of which the style sheet shows the one that fits.

    Args:
        name: of letters; keeps the identifiers of charts apart.
        says: what is to be seen, for those who do not see it.
        draw: draws the chart.
    """
    return Markup("").join(
        Markup('<div class="chart {}">{}</div>').format(kind, _one(f"{name}-{kind}", says, draw, width))
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )


def _one(name: str, says: str, draw: Draw, width: float) -> Markup:
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has the letters
        figure = Figure(figsize=(width, 3), layout="constrained")
        draw(figure, width)
        sink = io.StringIO()
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None})
    text = sink.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    mark = r'<g class="mark" role="img" tabindex="-1"><title>\2</title>'
    text = re.sub(rf"""<g id=(["']){SAYS}(.*?)\1>""", mark, text)
    used = {*re.findall(r'href="#([^"]+)"', text), *re.findall(r"url\(#([^)]+)\)", text)}
    text = re.sub(r' id="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    for colour, variable in COLOURS.items():
        text = re.sub(colour, f"var(--{variable})", text, flags=re.IGNORECASE)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    return Markup(text.replace("<svg ", Markup('<svg role="group" aria-label="{}" ').format(says), 1))


def _tell(mark: Artist, text: str) -> None:
    """Let a mark say its value."""
    mark.set_gid(SAYS + " ".join(text.split()))


def _tell_row(panel: Axes, k: int, text: str) -> None:
    """Let a row say its value, however short its bar is."""
    _tell(panel.axhspan(k - 0.45, k + 0.45, color=INK, alpha=0, lw=0), text)


def _tell_point(panel: Axes, x: float, y: float, text: str) -> None:
    """Let a point say its value, from a disc around it that nobody sees."""
    (disc,) = panel.plot([x], [y], "o", ms=REACH, color=INK, alpha=0)
    _tell(disc, text)


def label(name: str, width: float) -> str:
    """A name on one line; where it is too long its middle is left out, as names of items differ at their ends."""
    line, most = " ".join(name.split()), 30 if width == WIDE else 17
    half = (most - 1) // 2
    return line if len(line) <= most else f"{line[: most - 1 - half]}…{line[-half:]}"


def _rows(figure: Figure, names: Sequence[str], width: float, unit: str) -> Axes:
    """A panel with a row a name, the first on top, and an axis of money below."""
    figure.set_size_inches(width, 0.9 + 0.27 * len(names))
    panel: Axes = figure.subplots()
    panel.set_yticks(range(len(names)), [label(name, width) for name in names])
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x")
    panel.axvline(0, color=INK, lw=0.8)
    panel.xaxis.set_major_formatter("{x:,.0f}")
    panel.xaxis.set_major_locator(mpl.ticker.MaxNLocator(7 if width == WIDE else 3, integer=True))
    panel.use_sticky_edges = False  # margins hold where bars end, too
    panel.set_xlabel(unit)
    panel.margins(x=0.12 if width == WIDE else 0.42)  # for the figures beside the bars
    return panel


def _figure_beside(panel: Axes, low: float, high: float, k: int, text: str) -> None:
    """A figure beside the end of a bar that is away from 0."""
    right = abs(high) >= abs(low)
    end, gap, side = (high, 4, "left") if right else (low, -4, "right")
    panel.annotate(text, (end, k), (gap, 0), textcoords="offset points", ha=side, va="center")


def waterfall(summary: Summary, unit: str) -> Draw:
    """From the status quo to the joint plan; lines over the totals are 95% intervals."""

    def draw(figure: Figure, width: float) -> None:
        steps = bars(summary)
        panel = _rows(figure, [bar.name for bar in steps], width, unit)
        for k, bar in enumerate(steps):
            colour = BLUE if bar.interval else GREEN if bar.height >= 0 else VERMILLION
            panel.barh(k, bar.height, left=bar.low, color=colour, height=0.7)
            gained = with_interval(bar.interval) if bar.interval else grouped(bar.height, "+")
            _tell_row(panel, k, f"{bar.name}: {gained}")
            ends = [bar.low, bar.high]
            if bar.interval is not None and bar.interval.low is not None and bar.interval.high is not None:
                panel.plot([bar.interval.low, bar.interval.high], [k, k], color=INK, lw=1.2)
                ends += [bar.interval.low, bar.interval.high]
            _figure_beside(panel, min(0, *ends), max(0, *ends), k, grouped(bar.height, "+"))
            if k + 1 < len(steps):
                panel.plot([bar.high] * 2, [k - 0.35, k + 1.35], color=GREY, lw=0.8)
        bound = next((row.gain for row in summary.rows if row.model == CLAIRVOYANT), None)
        if bound is not None:
            line = panel.axvline(bound.mean, color=ORANGE, ls="--", lw=1.4)
            _tell(line, f"bound of perfect information: {grouped(bound.mean, '+')}")

    return draw


def booking(book: Booking, realised: Estimate | None, unit: str) -> Draw:
    """What each function books, all together, and what comes in; the line is its 95% interval."""

    def draw(figure: Figure, width: float) -> None:
        rows = {f"{name} books": amount for name, amount in book.booked.items()}
        rows |= {"together": book.total, "realised": book.realised}
        panel = _rows(figure, list(rows), width, unit)
        colours = [GREY] * len(book.booked) + [BLUE, VERMILLION if book.realised < book.total else GREEN]
        panel.barh(range(len(rows)), list(rows.values()), color=colours, height=0.7)
        sure = {"realised": realised} if realised is not None and realised.low is not None else {}
        for k, (name, amount) in enumerate(rows.items()):
            ends = [amount, 0.0]
            if found := sure.get(name):
                ends += [end for end in (found.low, found.high) if end is not None]
                panel.plot([min(ends[2:]), max(ends[2:])], [k, k], color=INK, lw=1.2)
            _tell_row(panel, k, f"{name}: {with_interval(found) if found else grouped(amount, '+')}")
            _figure_beside(panel, min(ends), max(ends), k, grouped(amount, "+"))

    return draw


def causes(book: Booking) -> Draw:
    """Function x cause: blue adds to profit, vermillion takes away, the stronger the more."""

    def draw(figure: Figure, width: float) -> None:
        functions = list(book.cost_matrix)
        names = list(book.cost_matrix[functions[0]])
        figure.set_size_inches(width, 0.6 + 0.28 * len(names))
        panel: Axes = figure.subplots()
        money = np.array([[book.cost_matrix[function][cause] for function in functions] for cause in names])
        most = max(np.abs(money).max(), 1e-9)
        for (k, j), amount in np.ndenumerate(money):
            shade = 0.65 * abs(amount) / most
            colour = BLUE if amount > 0 else VERMILLION
            (drawn,) = panel.barh(k, 0.96, left=j - 0.48, height=0.92, color=colour, alpha=shade)
            _tell(drawn, f"{names[k].replace('_', ' ')}, {functions[j]}: {grouped(amount, '+')}")
            panel.text(j, k, grouped(amount, "+") if width == WIDE else _short(amount), ha="center", va="center")
        panel.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        panel.set_xticks(range(len(functions)), [name.replace(", ", ",\n") for name in functions])
        panel.set_xlim(-0.5, len(functions) - 0.5)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.xaxis.tick_top()
        panel.tick_params(length=0)
        for spine in panel.spines.values():
            spine.set_visible(False)

    return draw


def _short(amount: float) -> str:
    return f"{amount / 1000:+,.1f}k" if abs(amount) >= 1000 else grouped(amount, "+")


def tornado(summary: Summary, unit: str) -> Draw:
    """Joint over best sequential with a cost figure lower (vermillion) and higher (blue)."""

    def draw(figure: Figure, width: float) -> None:
        panel = _rows(figure, [each.figure for each in summary.sensitivity], width, unit)
        for k, each in enumerate(summary.sensitivity):
            gain = (each.low + each.high) / 2
            panel.barh(k, each.low - gain, left=gain, color=ORANGE, height=0.7, label="_" if k else "figure 25% lower")
            panel.barh(k, each.high - gain, left=gain, color=BLUE, height=0.7, label="_" if k else "25% higher")
            changed = f"{grouped(each.low, '+')} if 25% lower, {grouped(each.high, '+')} if 25% higher"
            _tell_row(panel, k, f"{each.figure}: {changed}, {grouped(gain, '+')} as it is")
            panel.axvline(gain, color=INK, lw=0.8)
        gains = [end for each in summary.sensitivity for end in (each.low, each.high)]
        room = 0.15 * max(max(gains) - min(gains), 1e-9)
        panel.set_xlim(min(gains) - room, max(gains) + room)
        figure.legend(loc="outside upper left", ncols=2)

    return draw


def _changed(tried: Tried, width: float) -> str:
    """A figure, and by how much it is changed where there is room."""
    return tried.label if width == NARROW else f"{tried.label} {' '.join(side.by for side in tried.sides.values())}"


def replanning(found: Replanning, limit: bool, unit: str) -> Draw:
    """Joint over best sequential, all planned again with a figure lower (orange) and higher (blue).

    A bar is pale where the solver's gaps leave open that anything changes; lines are intervals of the change.
    """

    def draw(figure: Figure, width: float) -> None:
        tried = [each for each in found.tried if each.limit == limit]
        panel = _rows(figure, [_changed(each, width) for each in tried], width, unit)
        gain = found.as_it_is.realised.mean
        panel.axvline(gain, color=INK, lw=0.8)
        for k, each in enumerate(tried):
            said = []
            for name, side in each.sides.items():
                colour, y = (ORANGE, k - 0.19) if name == "low" else (BLUE, k + 0.19)
                if side.gain is None or side.change is None:
                    panel.annotate(f"no plan at {side.by}", (gain, y), (4, 0), textcoords="offset points", va="center")
                    said.append(f"no plan at {side.by}")
                    continue
                fill = (colour, PALE if side.within_gaps else 1.0)
                panel.barh(y, side.change.mean, left=gain, height=0.34, color=fill, edgecolor=colour, lw=0.8)
                if side.change.low is not None and side.change.high is not None:
                    panel.plot([gain + side.change.low, gain + side.change.high], [y, y], color=INK, lw=1)
                within = ", within the solver's gaps" if side.within_gaps else ""
                said.append(f"{grouped(side.gain.realised.mean, '+')} at {side.by}{within}")
            _tell_row(panel, k, f"{each.label}: {'; '.join(said)}; {grouped(gain, '+')} as it is")
        panel.margins(x=0.05)
        marks = {"lower": (ORANGE, 1.0), "higher": (BLUE, 1.0), "within the gaps": (GREY, PALE)}
        shown = [Rectangle((0, 0), 1, 1, facecolor=fill, edgecolor=fill[0], lw=0.8) for fill in marks.values()]
        figure.legend(shown, marks, loc="outside upper left", ncols=3)

    return draw


def tightness(summary: Summary, unit: str) -> Draw:
    """Joint over sequential against the shared capacities: realised, and in sample with what the gaps leave."""

    def draw(figure: Figure, width: float) -> None:
        figure.set_size_inches(width, 3.2)
        panel: Axes = figure.subplots()
        levels = [level.tightness for level in summary.tightness]
        inside = [(level.tightness, level.gain.in_sample) for level in summary.tightness if level.gain.in_sample]
        for x, sample in inside:
            if sample.low is not None and sample.high is not None:
                panel.plot([x, x], [sample.low, sample.high], color=BLUE, lw=6, alpha=0.3, solid_capstyle="butt")
        drawn = [sample.plan for _, sample in inside]
        panel.plot([x for x, _ in inside], drawn, "s--", color=BLUE, label="in sample; band: what the gaps leave")
        realised = [level.gain.realised.mean for level in summary.tightness]
        panel.plot(levels, realised, "o-", color=VERMILLION, lw=2, label="realised on nature")
        for x, sample in inside:
            said = f"capacities × {x:g}, in sample: {grouped(sample.plan, '+')}"
            if sample.low is not None and sample.high is not None:
                said += f", {grouped(sample.low, '+')} to {grouped(sample.high, '+')} by the gaps"
            _tell_point(panel, x, sample.plan, said)
        for level in summary.tightness:
            gain = level.gain.realised
            _tell_point(panel, level.tightness, gain.mean, f"capacities × {level.tightness:g}: {with_interval(gain)}")
        panel.axhline(0, color=INK, lw=0.8)
        panel.set_xticks(levels, [f"{level:g}" for level in levels])
        panel.set_xlabel("capacities × the assumed ones")
        panel.set_ylabel(unit)
        panel.yaxis.set_major_formatter("{x:,.0f}")
        panel.grid(axis="y")
        panel.margins(x=0.08, y=0.15)
        figure.legend(loc="outside upper left", ncols=2 if width == WIDE else 1)

    return draw


def items(changes: Sequence[ItemChange], unit: str) -> Draw:
    """Where the difference between two plans is made: the items with the largest difference in profit."""

    def draw(figure: Figure, width: float) -> None:
        more = {change.item: change.profit[0] - change.profit[1] for change in changes}
        largest = sorted(more, key=lambda item: -abs(more[item]))[:MOST_ITEMS]
        shown = sorted(largest, key=lambda item: -more[item])
        panel = _rows(figure, shown, width, unit)
        for k, item in enumerate(shown):
            amount = more[item]
            panel.barh(k, amount, color=GREEN if amount >= 0 else VERMILLION, height=0.7)
            _tell_row(panel, k, f"{item}: {grouped(amount, '+')}")
            _figure_beside(panel, min(amount, 0), max(amount, 0), k, grouped(amount, "+"))

    return draw


MARKS = {"yesterday": ("s", GREY), "estimated": ("o", BLUE), "nature": ("D", VERMILLION)}


def interval(estimate: Elasticity) -> str:
    """Of 95%, in words."""
    if estimate.low is None or estimate.high is None:
        return "without end"
    return f"{estimate.low:.2f} to {estimate.high:.2f}"


def elasticities(found: Sequence[ItemResponse], known: Mapping[str, Elasticity]) -> Draw:
    """Own-price elasticity of the best selling items as each picture has it; lines are intervals of the estimate."""

    def draw(figure: Figure, width: float) -> None:
        shown = sorted(found, key=lambda each: -each.demand)[:MOST_ITEMS]
        panel = _rows(figure, [each.item for each in shown], width, "own-price elasticity")
        for k, each in enumerate(shown):
            estimate = known.get(each.item)
            if estimate is not None and estimate.low is not None and estimate.high is not None:
                panel.plot([estimate.low, estimate.high], [k, k], color=BLUE, lw=1.2)
        for name in PICTURES:
            mark, colour = MARKS[name]
            points = [(value, k) for k, each in enumerate(shown) if (value := each.own[name]) is not None]
            if points:
                panel.plot(*zip(*points, strict=True), mark, color=colour, ms=5, alpha=0.9, label=name)
        for k, each in enumerate(shown):
            values = [f"{name} {value:.2f}" for name, value in each.own.items() if value is not None]
            sure = [f"95% {interval(known[each.item])}"] if each.item in known else []
            _tell_row(panel, k, f"{each.item}: {', '.join([*values, *sure])}")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_major_locator(mpl.ticker.MaxNLocator(7 if width == WIDE else 3))
        panel.margins(x=0.05)
        figure.legend(loc="outside upper left", ncols=3)

    return draw


MOST_LIMITS = 9
"""Limits in a chart; its table has them all."""


def _panels(figure: Figure, names: Sequence[str], width: float, same_scale: bool) -> list[Axes]:
    """A small panel a limit, three beside each other on a wide page."""
    columns = 3 if width == WIDE else 1
    lines = -(-len(names) // columns)
    figure.set_size_inches(width, 0.4 + 1.7 * lines)
    grid: list[Axes] = figure.subplots(lines, columns, squeeze=False, sharey=same_scale).ravel().tolist()
    for spare in grid[len(names) :]:
        spare.set_visible(False)
    for panel, name in zip(grid, names, strict=False):
        panel.set_title(label(name, width), fontsize=8.5, loc="left")
        panel.grid(axis="y")
    return grid[: len(names)]


def _label_periods(panel: Axes, periods: Sequence[int]) -> None:
    """Calendar periods side by side, of which a few are named: windows do not follow each other without a gap."""
    every = -(-len(periods) // 6)
    panel.set_xticks(range(0, len(periods), every), [str(period) for period in periods[::every]])
    panel.set_xlim(-0.6, len(periods) - 0.4)


def limits(found: Sequence[LimitUse], models: Sequence[tuple[str, str]], period: str) -> Draw:
    """Share of every limit that two plans use, by calendar period: the mean, and a line up to what is used often."""

    def draw(figure: Figure, width: float) -> None:
        names = list(dict.fromkeys(use.limit for use in found))[:MOST_LIMITS]
        panels = _panels(figure, names, width, same_scale=True)
        for panel, name in zip(panels, names, strict=True):
            own = [use for use in found if use.limit == name]
            panel.axhline(1, color=INK, lw=0.8)
            for (model, called), mark, colour, shift in zip(models, "so", (ORANGE, BLUE), (-0.15, 0.15), strict=True):
                shown = [(k, use) for k, use in enumerate(own) if model in use.mean]
                x = [k + shift for k, _ in shown]
                mean = [use.mean[model] / use.capacity for _, use in shown]
                panel.vlines(x, mean, [use.often[model] / use.capacity for _, use in shown], color=colour, lw=1.2)
                panel.plot(x, mean, mark, color=colour, ms=4, label=called)
                for k, use in shown:
                    share, most = use.mean[model] / use.capacity, use.often[model] / use.capacity
                    said = f"{name}, {use.period}, {called}: {share:.0%}, {OFTEN:.0%} of the scenarios below {most:.0%}"
                    _tell_point(panel, k + shift, share, said)
            _label_periods(panel, [use.period for use in own])
            panel.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))
            panel.set_ylim(bottom=0)
        handles, models_drawn = panels[0].get_legend_handles_labels()
        figure.legend(handles, models_drawn, loc="outside upper left", ncols=2 if width == WIDE else 1)
        figure.supxlabel(period, fontsize=8.5)

    return draw


def shadow_prices(found: Mapping[str, Mapping[int, float]], currency: str, period: str) -> Draw:
    """What one more unit of every limit would earn, by calendar period."""

    def draw(figure: Figure, width: float) -> None:
        names = list(found)[:MOST_LIMITS]
        for panel, name in zip(_panels(figure, names, width, same_scale=False), names, strict=True):
            money = list(found[name].values())
            panel.bar(range(len(money)), money, color=BLUE, width=0.6)
            for k, (at, price) in enumerate(found[name].items()):
                _tell(panel.axvspan(k - 0.5, k + 0.5, color=INK, alpha=0, lw=0), f"{name}, {at}: {price:,.4f}")
            panel.set_ylim(0, max(1.15 * max(money), 1e-3))
            _label_periods(panel, list(found[name]))
            panel.set_xlabel(period)
            panel.set_ylabel(f"{currency} a unit".strip())

    return draw
