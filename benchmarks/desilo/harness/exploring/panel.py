"""Sliders, and what would be decided: one browser's page. What it shows is in `words`, what it means in `dials`."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
from nicegui import ui

from desilo.cases.errors import BadInput
from desilo.cases.instance import Instance
from desilo.harness.exploring import words
from desilo.harness.exploring.answer import Answer, Question
from desilo.harness.exploring.dials import Dials, PriceRange, turned
from desilo.harness.exploring.opening import Explored
from desilo.harness.exploring.solver import Solver, Superseded
from desilo.operating.decision import OperatingModel
from desilo.solving import Options

TIGHTEST, LOOSEST = 0.3, 2.0
"""Ends of a limit's slider."""

SECONDS, GAP = 20, 1.0
"""What a solve is given at first; the gap in per cent."""

ROWS = 12
"""Of a table at once."""

CSS = """
.nicegui-content { max-width: 90rem; margin: 0 auto; }
.panels { width: 100%; display: flex; flex-wrap: wrap; gap: 2rem; align-items: flex-start; }
.controls { flex: 1 1 18rem; min-width: 0; max-width: 100%; }
.results { flex: 3 1 36rem; min-width: 0; max-width: 100%; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: .8rem; }
.card { background: #8881; border-radius: .5rem; padding: .7rem 1rem; }
.figure { font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.status { position: sticky; top: 0; z-index: 2; width: 100%; padding: .5rem 0; background: #fff; }
.body--dark .status { background: #121212; }
.note { font-size: .85rem; opacity: .75; }
.warning { border-left: 4px solid #e69f00; padding-left: .8rem; }
.said { overflow-wrap: anywhere; }
.title { font-size: 1.5rem; font-weight: 600; line-height: 1.25; }
.heading { font-size: 1.1rem; font-weight: 600; margin-top: .6rem; }
.q-table { font-variant-numeric: tabular-nums; }
.slid { padding: 0 .7rem; }
"""


class Panel:
    """One browser's sliders and what came of them; built within a page."""

    def __init__(self, explored: Explored, solver: Solver) -> None:
        self.explored, self.solver = explored, solver
        self.problems = explored.problems[0]
        self.answer: Answer | None = None
        self.tightness: dict[str, float] = {}
        self.prices: dict[str, PriceRange] = {}
        self.tried: list[dict[str, str]] = []
        self.proven: list[tuple[int, Dials, float]] = []
        ui.add_css(CSS)
        _heading(explored.title, 1)
        if explored.report is not None:
            ui.link("The run's report", "/report", new_tab=True)
        with ui.row().classes("items-center no-wrap status"):
            self.spinner = ui.spinner(size="1.4rem")
            self.status = ui.label().classes("said").props("role=status")
        with ui.element("div").classes("panels"):
            with ui.column().classes("controls"):
                self._controls()
            self.results = ui.column().classes("results")
        ui.timer(0, self.ask, once=True)

    @property
    def instance(self) -> Instance:
        """The problem at neutral."""
        return self.problems.instance

    @property
    def period(self) -> str:
        """A period in one word."""
        return self.instance.period_unit or "period"

    async def ask(self) -> None:
        """Have the question solved that the controls ask; an older one is given up."""
        try:
            question = self._question()
            turned(self.instance, question.dials)
        except BadInput as bad:
            self.solver.give_up()
            self._say("; ".join(problem.message for problem in bad.problems), working=False)
            return
        self._say(f"Solving: {question.model}, {words.dials_set(question.dials)} ...", working=True)
        try:
            found = await asyncio.to_thread(self.solver.answer, question)
        except Superseded:
            return
        except RuntimeError as error:
            self._say(str(error), working=False)
            return
        self.answer = found
        self._say(words.in_short(found), working=False)
        self._remember(found)
        self._show()

    def _question(self) -> Question:
        own = self.problems.plans.get(self.own.value)
        last = self.answer.found if self.answer is not None else None
        same = self.answer is not None and self.answer.question.problems is self.problems
        known = [*self.problems.plans.values()][-1:] + ([last.plan] if same and last is not None else [])
        dials = Dials(dict(self.tightness), dict(self.prices))
        looser = [b for at, its, b in self.proven if at == self.problems.start and its.nowhere_tighter(dials)]
        return Question(
            problems=self.problems,
            dials=dials,
            model=OperatingModel(self.model.value),
            options=Options(time_limit=float(self.seconds.value or SECONDS), gap=float(self.gap.value or 0) / 100),
            own=own,
            known=tuple(known),
            bound=min(looser, default=math.inf),
        )

    def _say(self, text: str, working: bool) -> None:
        self.status.set_text(text)
        self.spinner.set_visibility(working)

    def _controls(self) -> None:
        starts = {k: f"{self.period} {each.start}" for k, each in enumerate(self.explored.problems)}
        if len(starts) > 1:
            ui.select(starts, value=0, label="Start", on_change=self._choose_start).classes("w-full")
        models = {model.value: said for model, said in words.MODELS.items()}
        self.model = ui.select(models, value=OperatingModel.JOINT.value, label="Who decides", on_change=self.ask)
        self.model.classes("w-full")
        own = list(self.problems.plans)
        self.own = ui.select(own, value=own[-1] if own else None, label="Beside the run's own", on_change=self.ask)
        self.own.classes("w-full").set_visibility(bool(own))
        with ui.row().classes("w-full no-wrap"):
            self.seconds = ui.number("Seconds", value=SECONDS, min=1, max=3600, precision=0)
            self.gap = ui.number("Gap, %", value=GAP, min=0, max=100, step=0.1)
        for field in (self.seconds, self.gap):
            field.classes("grow basis-0").on("change", self.ask)
        self.dials = ui.column().classes("w-full")
        self._neutral()

    def _neutral(self) -> None:
        """Sliders of every limit, all at neutral; none of prices."""
        self.tightness.clear()
        self.prices.clear()
        self.dials.clear()
        with self.dials:
            if self.instance.resources:
                _heading("Limits", 2)
            for limit in self.instance.resources:
                self._limit(limit.name)
            _heading("Prices", 2)
            self.priced = ui.column().classes("w-full")
            names = list(dict.fromkeys([*self.instance.groups, *self.instance.items]))
            ui.select(names, label="Hold the price of ...", with_input=True, on_change=self._hold).classes("w-full")
            ui.button("All back to neutral", on_click=self._back).props("flat no-caps")

    def _limit(self, name: str) -> None:
        said = ui.label(f"{name}: 100%").classes("said")
        slider = ui.slider(min=TIGHTEST, max=LOOSEST, step=words.STEP, value=1.0)
        slider.props["aria-label"] = name
        slider.classes("slid").mark(name)
        slider.on_value_change(lambda event: said.set_text(f"{name}: {event.value:.0%}"))

        async def released(event: Any) -> None:
            self.tightness[name] = round(float(event.args), 2)
            await self.ask()

        slider.on("change", released)

    async def _hold(self, event: Any) -> None:
        """A slider with two ends for an item, over its levels, or for a group, in per cent of today's prices."""
        name = event.value
        if name is None or name in self.prices:
            return
        event.sender.set_value(None)
        stops = price_stops(self.instance, name)
        self.prices[name] = PriceRange(stops[0][0], stops[-1][0])
        with self.priced, ui.column().classes("w-full gap-0") as row:
            with ui.row().classes("w-full items-center no-wrap justify-between"):
                said = ui.label().classes("said")
                drop = ui.button(icon="close").props('flat round dense aria-label="No longer hold"')
            slider = ui.range(min=0, max=len(stops) - 1, step=1).classes("slid w-full").mark(name)
            slider.props["aria-label"] = name

        def say(low: int, high: int) -> None:
            span = stops[low][1] if low == high else f"{stops[low][1]} to {stops[high][1]}"
            said.set_text(f"{name}: {span}")

        async def released(event: Any) -> None:
            low, high = round(event.args["min"]), round(event.args["max"])
            self.prices[name] = PriceRange(stops[low][0], stops[high][0])
            await self.ask()

        async def dropped() -> None:
            del self.prices[name]
            row.delete()
            await self.ask()

        say(0, len(stops) - 1)
        slider.on_value_change(lambda event: say(round(event.value["min"]), round(event.value["max"])))
        slider.on("change", released)
        drop.on_click(dropped)

    async def _back(self) -> None:
        self._neutral()
        await self.ask()

    async def _choose_start(self, event: Any) -> None:
        self.problems = self.explored.problems[event.value]
        self._neutral()
        await self.ask()

    def _remember(self, answer: Answer) -> None:
        """Every answer of this page, the newest first."""
        row = {
            "key": str(len(self.tried)),
            "start": f"{self.period} {self.problems.start}",
            "model": str(answer.question.model),
            "dials": words.dials_set(answer.question.dials),
            "status": words.status(answer),
            "profit": words.profit(answer),
            "bound": words.bound(answer)[0],
        }
        self.tried.insert(0, row)
        if answer.question.model is OperatingModel.JOINT and answer.found is not None:
            self.proven.append((self.problems.start, answer.question.dials, answer.decision.bound))

    def _show(self) -> None:
        answer = self.answer
        assert answer is not None
        self.results.clear()
        with self.results:
            with ui.element("div").classes("cards w-full"):
                _card("Expected profit", words.profit(answer), "on the planner's picture, best recourse")
                _card("Bound", *words.bound(answer))
                if answer.found is not None and answer.found.realised is not None:
                    realised = words.money(answer.found.realised, answer.instance)
                    _card("Realised", realised, "on demand that no planner has seen")
            place = self.period, self.problems.start
            for text, css in (
                (words.why_no_plan(answer, *place), "warning"),
                (words.beside(answer, *place), ""),
            ):
                if text:
                    ui.label(text).classes(f"said {css}")
            if answer.found is not None:
                self._plans(answer)
            self._limits(answer)
            _table(
                "Tried so far",
                {
                    "model": "who decides",
                    "dials": "sliders",
                    "start": "start",
                    "status": "how it ended",
                    "profit": "expected profit",
                    "bound": "bound",
                },
                self.tried,
                text=4,
            )

    def _plans(self, answer: Answer) -> None:
        periods = range(self.instance.periods)
        header = {f"price{t}": f"price, {self.period} {self.problems.start + t}" for t in periods}
        header |= {f"order{t}": f"order, {self.period} {self.problems.start + t}" for t in periods}
        rows = list(words.plan_rows(answer))
        _table("Prices and orders", {"item": "item"} | header, rows, text=1, key="item")

    def _limits(self, answer: Answer) -> None:
        header = {
            "limit": "limit",
            "kind": "kind",
            "period": self.period,
            "capacity": "capacity",
            **({"own": "use, the run's own"} if answer.own is not None else {}),
            "found": "use, this plan",
            "worth": "one more would earn",
        }
        rows = list(words.limit_rows(answer, self.problems.start))
        _table("Limits: mean use, and shadow prices", header, rows, text=2)


def price_stops(instance: Instance, name: str) -> list[tuple[float, str]]:
    """Where the ends of a price's slider can stand: share of today's regular price, and how it is said.

    An item has its own levels, a group every per cent between its cheapest and its dearest share.
    """
    share = instance.price / instance.reference_price[:, None]
    if name in instance.items and name not in instance.groups:
        i = instance.items.index(name)
        return [
            (float(share[i, k]), f"{instance.price[i, k]:,.2f} {instance.currency}".rstrip())
            for k in np.argsort(instance.price[i])
            if instance.has_level[i, k]
        ]
    own = share[[group == name for group in instance.groups]]
    low, high = int(np.floor(np.nanmin(own) * 100)), int(np.ceil(np.nanmax(own) * 100))
    return [(each / 100, f"{each}% of today's") for each in range(low, high + 1)]


def _heading(text: str, level: int) -> None:
    style = "title" if level == 1 else "heading"
    ui.label(text).classes(f"{style} said").props(f"role=heading aria-level={level}")


def _card(title: str, figure: str, note: str) -> None:
    with ui.element("div").classes("card"):
        ui.label(title)
        ui.label(figure).classes("figure").mark(title)
        ui.label(note).classes("note")


def _table(title: str, header: dict[str, str], rows: list[dict[str, Any]], text: int, key: str = "key") -> None:
    columns = [
        {"name": name, "label": label, "field": name, "sortable": True, "align": "left" if k < text else "right"}
        for k, (name, label) in enumerate(header.items())
    ]
    pages = ROWS if len(rows) > ROWS else None
    ui.table(columns=columns, rows=rows, row_key=key, title=title, pagination=pages).classes("w-full").props(
        "dense flat wrap-cells"
    )
