"""The report of a run as one HTML file. Every figure comes from the run's records, plans and instances."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from desilo.harness import words
from desilo.harness.describe import Table
from desilo.harness.experiment import ISOLATED, JOINT, STATUS_QUO
from desilo.harness.html import charts, evidence
from desilo.harness.html.evidence import OFTEN, PICTURES, ItemChange, ItemResponse, LimitUse, Window
from desilo.harness.plots import bars
from desilo.harness.records import CellRecord, Elasticity, RunRecord, write_text
from desilo.harness.report import BEST_SEQUENTIAL, CHANGED, Summary
from desilo.harness.run import Finished

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Chart:
    """A chart and the table with the same figures.

    Attributes:
        name: of letters, no other chart's.
        caption: what is to be seen and how to read it.
        drawing: SVG.
        table: its figures.
    """

    name: str
    caption: str
    drawing: Markup
    table: Table


@dataclass(frozen=True)
class Card:
    """A key figure."""

    title: str
    figure: str
    note: str


@dataclass(frozen=True)
class Page:
    """What the template needs besides the summary; a part that the folder has no figures for is None or empty."""

    summary: Summary
    run: RunRecord
    windows: Sequence[Window]
    cells: Sequence[CellRecord]

    @property
    def period(self) -> str:
        """A period in one word."""
        return self.summary.period_unit or "period"

    @property
    def unit(self) -> str:
        """Money in a window."""
        return f"{self.summary.currency or 'money'} a window of {self.summary.horizon} {self.period}s"

    @property
    def best(self) -> str:
        """The best sequential order, as it is shown."""
        return self._called(self.summary.best_promised)

    def _called(self, model: str) -> str:
        return next((row.label for row in self.summary.rows if row.model == model), model)

    def cards(self) -> Iterable[Card]:
        """The figures to remember."""
        for over, called in (
            (BEST_SEQUENTIAL, "the best sequential plan"),
            (ISOLATED, "isolated functions"),
            (STATUS_QUO, "today's way"),
        ):
            gain = words.find(self.summary, JOINT, over)
            if gain is not None:
                sure = "" if gain.realised.certain else "; its sign is not established"
                yield Card(
                    f"Joint over {called}",
                    f"{self.summary.currency} {words.grouped(gain.realised.mean, '+')}",
                    f"{gain.percent:+.1f}%; 95%: {_interval(words.with_interval(gain.realised))}{sure}",
                )
        if self.summary.booking is not None:
            leak = self.summary.booking.leakage
            yield Card(
                "Booked, but never realised",
                f"{self.summary.currency} {words.grouped(leak.mean)}",
                f"side by side; 95%: {_interval(words.with_interval(leak))}",
            )

    def waterfall(self) -> Chart | None:
        """From the status quo to joint."""
        steps = bars(self.summary)
        if not steps:
            return None
        rows = tuple(
            (
                " ".join(bar.name.split()),
                "total" if bar.interval else "step",
                words.with_interval(bar.interval) if bar.interval else words.grouped(bar.height, "+"),
            )
            for bar in steps
        )
        return Chart(
            "waterfall",
            "Realised gain over the status quo, step by step. Blue bars are totals, with their 95% intervals as lines; "
            "green steps add, vermillion ones take away. The dashed line is the bound of perfect information.",
            charts.svg(
                "waterfall", f"Waterfall of realised gains: {_spoken(rows)}", charts.waterfall(self.summary, self.unit)
            ),
            Table(f"The waterfall in figures, {self.unit}", ("bar", "kind", "gain [95%]"), rows, text_columns=2),
        )

    def booking(self) -> Chart | None:
        """What is booked, and what comes in."""
        if self.summary.booking is None:
            return None
        table, realised = words.booking_table(self.summary), words.find(self.summary, ISOLATED, STATUS_QUO)
        return Chart(
            "booking",
            "What each function books when it decides by itself, all of them together, and what the company realises, "
            f"with its 95% interval. {self.unit}.",
            charts.svg(
                "booking",
                f"Booked against realised: {_spoken(table.rows)}",
                charts.booking(self.summary.booking, None if realised is None else realised.realised, self.unit),
            ),
            table,
        )

    def causes(self) -> Chart | None:
        """Function x cause."""
        if self.summary.booking is None:
            return None
        table = words.cost_table(self.summary)
        return Chart(
            "causes",
            f"Realised effect on profit of each function alone, and of all side by side, by cause: {self.unit}. "
            "Blue adds to profit, vermillion takes away; the stronger the colour, the more.",
            charts.svg(
                "causes",
                f"Effect on profit by cause. {'; '.join(table.header)}: {_spoken(table.rows)}",
                charts.causes(self.summary.booking),
            ),
            table,
        )

    def items(self) -> Chart | None:
        """What changes for which items."""
        changes = evidence.item_changes(self.windows, JOINT, self.summary.best_promised)
        if not changes:
            return None
        table = self._items_table(changes)
        top = sorted(changes, key=lambda change: -abs(change.profit[0] - change.profit[1]))[:3]
        some = (
            f"; the {charts.MOST_ITEMS} items with the largest difference" if len(changes) > charts.MOST_ITEMS else ""
        )
        said = "; ".join(f"{c.item} {words.grouped(c.profit[0] - c.profit[1], '+')}" for c in top)
        return Chart(
            "items",
            f"Profit of an item on nature under the joint plan less under the best sequential one ({self.best}), "
            f"{self.unit}, mean over the starts{some}.",
            charts.svg("items", f"Difference in profit by item. Largest: {said}", charts.items(changes, self.unit)),
            table,
        )

    def _items_table(self, changes: Sequence[ItemChange]) -> Table:
        rows = tuple(
            (
                c.item,
                f"{c.price[1]:,.2f}",
                f"{c.price[0]:,.2f}",
                f"{c.promoted[1]:.1f}",
                f"{c.promoted[0]:.1f}",
                words.grouped(c.ordered[1]),
                words.grouped(c.ordered[0]),
                words.grouped(c.profit[0] - c.profit[1], "+"),
            )
            for c in changes
        )
        pairs = ("mean price", f"{self.period}s promoted", "units ordered")
        header = (
            "item",
            *(f"{what}, {who}" for what in pairs for who in ("sequential", "joint")),
            "profit, joint less sequential",
        )
        return Table(f"What changes for which items, mean window, money in {self.summary.currency}", header, rows, 1)

    def calendars(self) -> dict[str, object]:
        """For the page's script."""
        found = evidence.calendars(self.windows)
        if found:
            models = found["models"]
            assert isinstance(models, list)
            found |= {"called": {model: self._called(model) for model in models}, "period": self.period}
            wanted = ((self.summary.best_promised, models[0]), (JOINT, models[-1]))
            found |= {"shown": [model if model in models else other for model, other in wanted]}
        return found

    def limits(self) -> Chart | None:
        """Use of the shared limits."""
        models = [(self.summary.best_promised, self.best), (JOINT, JOINT)]
        found = evidence.limit_use(self.windows, [model for model, _ in models])
        if not found:
            return None
        names = list(dict.fromkeys(use.limit for use in found))
        shares = [
            (name, [use.mean[JOINT] / use.capacity for use in found if use.limit == name and JOINT in use.mean])
            for name in names[: charts.MOST_LIMITS]
        ]
        said = ", ".join(f"{name} {max(own):.0%}" for name, own in shares if own)
        more = f" The first {charts.MOST_LIMITS} of {len(names)} limits." if len(names) > charts.MOST_LIMITS else ""
        return Chart(
            "limits",
            f"Share of each limit that a plan uses on nature, by {self.period}: the mark is the mean over the "
            f"scenarios, the line reaches to what {OFTEN:.0%} of them stay below. Above 100% a soft limit costs "
            f"overage.{more}",
            charts.svg(
                "limits",
                f"Use of shared limits; most of the joint plan in any {self.period}: {said}",
                charts.limits(found, models, self.period),
            ),
            self._limits_table(found, models),
        )

    def _limits_table(self, found: Sequence[LimitUse], models: Sequence[tuple[str, str]]) -> Table:
        def share(use: LimitUse, model: str) -> str:
            return f"{use.mean[model] / use.capacity:.0%}" if model in use.mean else ""

        rows = tuple(
            (
                use.limit,
                "soft" if use.soft else "hard",
                str(use.period),
                words.grouped(use.capacity) if use.capacity >= 100 else f"{use.capacity:g}",
                *(share(use, model) for model, _ in models),
            )
            for use in found
        )
        header = ("limit", "kind", self.period, "capacity", *(f"mean use, {called}" for _, called in models))
        return Table("Shared limits and their use on nature", header, rows, text_columns=2)

    @property
    def scarcity(self) -> dict[str, dict[int, float]]:
        """Shadow prices on record, by limit and calendar period."""
        return evidence.shadow_prices(self.windows, JOINT)

    def shadow_prices(self) -> Chart | None:
        """What more of the limits would earn."""
        found = {limit: prices for limit, prices in self.scarcity.items() if any(prices.values())}
        if not found:
            return None
        rows = tuple(
            (limit, str(period), f"{price:,.4f}")
            for limit, prices in self.scarcity.items()
            for period, price in prices.items()
        )
        said = ", ".join(f"{limit} {max(prices.values()):,.4f}" for limit, prices in found.items())
        return Chart(
            "shadow-prices",
            f"Shadow price: what one more unit of a limit in a {self.period} would earn on the estimated picture, "
            f"{self.summary.currency}, with the joint plan's prices and the {self.period}s of its orders as they are; "
            "0 where the limit is not short. Rules on prices and promotions have none: no quantity touches them.",
            charts.svg(
                "shadow-prices",
                f"Shadow prices; the highest: {said}",
                charts.shadow_prices(found, self.summary.currency, self.period),
            ),
            Table(f"Shadow prices, {self.summary.currency} a unit", ("limit", self.period, "price"), rows, 1),
        )

    def elasticities(self) -> Chart | None:
        """How demand responds to prices."""
        found = evidence.responses(self.windows)
        if not found:
            return None
        known = {each.item: each for each in self.run.elasticities}
        lines = "Lines are 95% intervals of the estimate from an item's own records, whatever pooling adds."
        some = f"; the {charts.MOST_ITEMS} items that sell most" if len(found) > charts.MOST_ITEMS else ""
        return Chart(
            "elasticities",
            "Own-price elasticity of every item as yesterday's picture, the estimated one and nature have it"
            f"{some}. Planners never see nature's. {lines if known else 'Intervals are not on record.'}",
            charts.svg(
                "elasticities",
                f"Own-price elasticities of {len(found)} items: see the table",
                charts.elasticities(found, known),
            ),
            self._elasticities_table(found, known),
        )

    def _elasticities_table(self, found: Sequence[ItemResponse], known: Mapping[str, Elasticity]) -> Table:
        def figure(value: float | None) -> str:
            return "" if value is None else f"{value:.2f}"

        rows = tuple(
            (
                each.item,
                words.grouped(each.demand),
                *(figure(each.own[name]) for name in PICTURES),
                *([charts.interval(known[each.item]) if each.item in known else ""] if known else []),
                *(figure(each.cross[name]) for name in PICTURES[1:]),
            )
            for each in found
        )
        header = (
            "item",
            f"units a {self.period}",
            *(f"own, {name}" for name in PICTURES),
            *(["own, 95%"] if known else []),
            *(f"all others' prices, {name}" for name in PICTURES[1:]),
        )
        return Table("Elasticities at today's regular prices, mean over the starts", header, rows, text_columns=1)

    def forecast_errors(self) -> Table:
        """Held-out errors."""
        rows = tuple(
            (name, "" if error is None else f"{error:.1%}") for name, error in self.run.forecast_errors.items()
        )
        return Table("Error on the held-out periods (WAPE), prices known", ("picture of demand", "error"), rows, 1)

    def tornado(self) -> Chart | None:
        """What hangs on cost figures."""
        if not self.summary.sensitivity:
            return None
        table = words.sensitivity_table(self.summary)
        return Chart(
            "tornado",
            f"What joint realises more than the best sequential plan if one cost figure were {CHANGED:.0%} lower or "
            "higher. The plans are re-costed as they are, not made anew: made for the other figure, each could only "
            f"promise more. The vertical line is the gain at the figures as they are. In {self.unit}.",
            charts.svg("tornado", f"Tornado: {_spoken(table.rows)}", charts.tornado(self.summary, self.unit)),
            table,
        )

    def replanning(self, limit: bool) -> Chart | None:
        """What becomes of the gain once everybody has planned again: under other limits, or under other figures."""
        found = self.summary.replanning
        if found is None or not any(each.limit == limit for each in found.tried):
            return None
        name, table = f"replanned-{'limits' if limit else 'figures'}", words.replanning_table(self.summary, limit)
        lines = " Lines are 95% intervals of the change over the starts." if len(found.starts) > 1 else ""
        return Chart(
            name,
            f"What joint realises more than the best sequential plan where one "
            f"{'limit is tighter (lower) or looser (higher)' if limit else 'figure is lower or higher'} than assumed, "
            f"in the world and for everybody who plans: all plans are made anew. The vertical line is the gain at the "
            f"figures as they are.{lines} A bar is pale where the solver's gaps leave open that the gain in sample "
            f"changes at all. In {self.unit}.",
            charts.svg(name, f"Planned again: {_spoken(table.rows)}", charts.replanning(found, limit, self.unit)),
            table,
        )

    def tightness(self) -> Chart | None:
        """The gain against the limits."""
        if not self.summary.tightness:
            return None
        table = words.tightness_table(self.summary)
        return Chart(
            "tightness",
            "Gain of joint over the sequential plan (demand, pricing, inventory) as the shared limits get tighter "
            "(left) or looser (right); every plan is made anew at every level.",
            charts.svg(
                "tightness", f"Gain against tightness: {_spoken(table.rows)}", charts.tightness(self.summary, self.unit)
            ),
            table,
        )

    def solver(self) -> Table | None:
        """What the solver did, by operating model."""
        if not self.cells:
            return None
        rows = []
        for model in dict.fromkeys(record.cell.model for record in self.cells):
            own = [record for record in self.cells if record.cell.model == model]
            steps = [step for record in own for step in record.steps]
            gaps = [record.gap for record in own]
            stops = Counter(str(record.stop) for record in own)
            rows.append(
                (
                    model,
                    ", ".join(f"{stop} {count}" for stop, count in stops.items()),
                    str(len(steps)),
                    words.grouped(max((step.size.get("rows", 0) for step in steps), default=0)),
                    words.grouped(max((step.size.get("columns", 0) for step in steps), default=0)),
                    words.grouped(sum(step.nodes for step in steps)),
                    words.grouped(sum(step.simplex_iterations for step in steps)),
                    "" if None in gaps else words.gap(max(gap for gap in gaps if gap is not None)),
                    f"{sum(record.seconds for record in own):,.1f}",
                )
            )
        header = (
            "operating model",
            "cells ended",
            "solves",
            "most rows",
            "most columns",
            "nodes",
            "simplex iterations",
            "largest gap",
            "seconds",
        )
        return Table("What the solver did", header, tuple(rows), text_columns=2)

    def solvers(self) -> str:
        """Which solvers were at work."""
        return ", ".join(sorted({step.solver for record in self.cells for step in record.steps}))

    def provenance(self) -> Table:
        """Data, versions, machine."""
        shown = {
            "case": self.run.case,
            "source": self.run.source,
            "licence": self.run.licence,
            **{f"version of {name}": version for name, version in self.run.versions.items()},
            **{f"machine, {name}": value for name, value in self.run.machine.items()},
            **{f"setting, {name.replace('_', ' ')}": str(value) for name, value in self.run.settings.items()},
            **{f"SHA-256, {name}": digest for name, digest in self.run.digests.items()},
        }
        return Table("Where it comes from", ("what", "which"), tuple(shown.items()), text_columns=2)


def _spoken(rows: Iterable[Sequence[str]]) -> str:
    return "; ".join(" ".join(cell for cell in row if cell) for row in rows)


def _interval(text: str) -> str:
    """What stands in brackets."""
    found = re.search(r"\[(.*)\]", text)
    return found[1] if found else "one start, no interval"


def render(page: Page) -> str:
    """The page as text; names are escaped wherever they stand."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = {name: Markup((HERE / f"page.{name}").read_text(encoding="utf-8")) for name in ("css", "js")}
    digest = base64.b64encode(hashlib.sha256(parts["js"].encode()).digest()).decode()  # no other script may run
    template = environment.get_template("page.html")
    return template.render(page=page, summary=page.summary, words=words, digest=digest, **parts)


def write_page(finished: Finished, summary: Summary, folder: Path, out: Path) -> None:
    """Write the report of the run in a folder, wholly or not at all.

    Raises:
        BadInput: an instance or a plan in the folder cannot be read, or the file cannot be written there.
        OSError: the disk is full.
    """
    windows = evidence.read_windows(finished, summary, folder)
    write_text(render(Page(summary, finished.record, windows, finished.cells)), out)
