"""Describe a case: what it holds, what is assumed, what its history looks like.

Everything is taken over all recorded periods, hold-out included: this is for people, not for planners.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from desilo.cases.case import Assumptions, Case
from desilo.cases.folders import fresh_file
from desilo.cases.instance import Floats
from desilo.cases.markdown import plain
from desilo.harness.records import write_text

SPARKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Table:
    """A table ready to be shown. Every row has a cell for each name in the header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int  # the first ones; the others are figures, set flush right

    def to_markdown(self) -> str:
        """The table in Markdown, under its title."""
        marks = ["---" if k < self.text_columns else "---:" for k in range(len(self.header))]
        texts = [[plain(cell) for cell in row] for row in (self.header, *self.rows)]
        lines = [" | ".join(cells) for cells in (texts[0], marks, *texts[1:])]
        return f"## {plain(self.title)}\n\n" + "\n".join(f"| {line} |" for line in lines) + "\n"


def case_facts(case: Case) -> Table:
    """What kind of case it is."""
    recorded = ~np.isnan(case.units)
    revenue = np.nansum(case.units * case.price)
    first, last, holdout = case.periods[0], case.periods[-1], case.periods[case.holdout]
    facts = {
        "title": case.title,
        "items": f"{len(case.items)}: {len(set(case.products))} products, zones {', '.join(zones_of(case))}",
        "periods": f"{case.period_unit} {first} to {last}; the planner sees up to {holdout - 1}",
        "records": f"{recorded.sum():,} of {recorded.size:,} item periods",
        "sales": f"{np.nansum(case.units):,.0f} units for {revenue:,.0f} {case.currency}",
        "source": case.source,
        "licence": case.licence,
    }
    return Table(case.name, ("what", "which"), tuple(facts.items()), text_columns=2)


def item_summary(case: Case) -> Table:
    """One row per item: price and its range, sales, margin, features, gaps."""
    low, high = np.nanquantile(case.price, [0.05, 0.95], axis=1)
    revenue = np.nansum(case.units * case.price, axis=1)
    cost = np.nansum(case.units * case.unit_cost, axis=1)
    columns = {
        "mean price": [f"{value:.2f}" for value in np.nanmean(case.price, axis=1)],
        "5% to 95%": [f"{a:.2f} to {b:.2f}" for a, b in zip(low, high, strict=True)],
        f"units a {case.period_unit}": [f"{value:,.0f}" for value in np.nanmean(case.units, axis=1)],
        "margin": [f"{value:.1%}" for value in 1 - cost / np.where(revenue > 0, revenue, np.nan)],
        "featured": [f"{value:.1%}" for value in np.nanmean(case.feature, axis=1)],
        "no record": [str(value) for value in np.isnan(case.units).sum(axis=1)],
    }
    rows = tuple(zip(case.items, *columns.values(), strict=True))
    return Table("Items", ("item", *columns), rows, text_columns=1)


def history_summary(case: Case) -> Table:
    """Price and sales of every item over time as sparklines, each on its own scale."""
    rows = tuple((item, sparkline(case.price[k]), sparkline(case.units[k])) for k, item in enumerate(case.items))
    return Table("History", ("item", "price", "units"), rows, text_columns=3)


def assumption_summary(case: Case) -> Table:
    """Every operating figure with its reason, and whether it is assumed."""
    figures = [(name, getattr(case.assumptions, name)) for name in Assumptions.model_fields]
    rows = tuple(
        (
            name,
            f"{figure.value:g}",
            figure.unit,
            "assumed" if figure.assumed else "from the data",
            figure.reason,
        )
        for name, figure in figures
    )
    return Table("Operating figures", ("figure", "value", "unit", "origin", "reason"), rows, text_columns=5)


def zones_of(case: Case) -> tuple[str, ...]:
    """The price zones in file order, each once."""
    return tuple(dict.fromkeys(case.zones))


def sparkline(values: Floats, width: int = 24) -> str:
    """A series as one line of blocks, each the mean of a stretch of it; blank where nothing is recorded.

    Args:
        values: (P,) nan where there is no record.
        width: at most this many characters.
    """
    parts = np.array_split(values, min(width, len(values)))
    means = np.array([np.nan if np.isnan(part).all() else np.nanmean(part) for part in parts])
    low, high = np.nanmin(means), np.nanmax(means)
    step = (means - low) / (high - low) if high > low else np.full(len(means), 0.5)
    blocks = np.nan_to_num(1 + np.round(step * (len(SPARKS) - 2)), nan=0.0).astype(int)
    blocks[np.isnan(means)] = 0
    return "".join(SPARKS[block] for block in blocks)


def write_description(case: Case, folder: Path) -> Path:
    """Write `<name>.md` and its charts into a folder, made if need be.

    Returns:
        The Markdown file.
    """
    tables = (case_facts(case), item_summary(case), assumption_summary(case))
    parts = [table.to_markdown() for table in tables]
    for name, chart in CHARTS.items():
        image = f"{case.name}-{name}.png"
        with mpl.rc_context({"text.parse_math": False}), fresh_file(folder / image) as fresh:
            chart(case).savefig(fresh, dpi=120)
        parts.append(f"![{name}]({image})\n\n*{chart.__doc__}*\n")
    page = folder / f"{case.name}.md"
    write_text("\n".join(parts), page)
    return page


def price_chart(case: Case) -> Figure:
    """Price of every zone (lines) and mean unit cost (dotted); hold-out shaded."""
    figure, panels = _panels(case)
    for product, panel in panels.items():
        mine = [k for k, name in enumerate(case.products) if name == product]
        for k in mine:
            panel.plot(case.periods, case.price[k], color=_colour(case, k), lw=0.9, label=case.zones[k])
        panel.plot(case.periods, case.unit_cost[mine].mean(axis=0), "k:", lw=0.9, label="unit cost")
        _shade_holdout(case, panel)
    return _label(figure, panels, case.period_unit, f"price per unit, {case.currency}")


def sales_chart(case: Case) -> Figure:
    """Units sold in every zone, logarithmic; hold-out shaded."""
    figure, panels = _panels(case)
    for k, product in enumerate(case.products):
        units = np.where(case.units[k] > 0, case.units[k], np.nan)
        panels[product].semilogy(case.periods, units, color=_colour(case, k), lw=0.9, label=case.zones[k])
    for panel in panels.values():
        _shade_holdout(case, panel)
    return _label(figure, panels, case.period_unit, f"units a {case.period_unit}")


def response_chart(case: Case) -> Figure:
    """How sales move with the own price: both relative to the item's median, a point per item and period."""
    figure, panels = _panels(case)
    for k, product in enumerate(case.products):
        sold = case.units[k] > 0
        price, units = case.price[k, sold], case.units[k, sold]
        relative = price / np.median(price), units / np.median(units)
        panels[product].loglog(*relative, ".", color=_colour(case, k), ms=3, alpha=0.5, label=case.zones[k])
    for panel in panels.values():
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter("{x:g}")
    return _label(figure, panels, "price / median price", "units / median units")


def load_chart(case: Case) -> Figure:
    """What the operation carries: volume sold and its cost, against the mean of today; hold-out shaded."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    panel = figure.subplots()
    recorded = ~np.isnan(case.units).all(axis=0)
    today = slice(max(0, case.holdout - int(case.assumptions.today_window.value)), case.holdout)
    for name, weight in {"volume": case.volume[:, None], "cost": case.unit_cost}.items():
        load = np.where(recorded, np.nansum(case.units * weight, axis=0), np.nan)
        panel.plot(case.periods, load / np.nanmean(load[today]), lw=1.1, label=name)
    _shade_holdout(case, panel)
    return _label(figure, {"": panel}, case.period_unit, "share of today's mean")


CHARTS = {"prices": price_chart, "sales": sales_chart, "response": response_chart, "load": load_chart}


def _panels(case: Case) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for every product."""
    products = list(dict.fromkeys(case.products))
    columns = min(3, len(products))
    lines = -(-len(products) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.2 * lines + 0.4), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True).ravel()
    for spare in grid[len(products) :]:
        spare.set_visible(False)
    return figure, dict(zip(products, grid, strict=False))


def _label(figure: Figure, panels: dict[str, Axes], x: str, y: str) -> Figure:
    for title, panel in panels.items():
        panel.set_title(title, fontsize=9)
        panel.tick_params(which="both", labelsize=7)
    figure.supxlabel(x, fontsize=9)
    figure.supylabel(y, fontsize=9)
    next(iter(panels.values())).legend(fontsize=7, frameon=False)
    return figure


def _colour(case: Case, item: int) -> str:
    return f"C{zones_of(case).index(case.zones[item])}"


def _shade_holdout(case: Case, panel: Axes) -> None:
    panel.axvspan(case.periods[case.holdout], case.periods[-1], color="0.92", zorder=0)
