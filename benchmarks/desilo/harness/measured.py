"""A run on a case as tables: everything that the report shows, for Python."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desilo.cases.plan import read_plan
from desilo.cases.reading import read_instance
from desilo.harness.html.evidence import limit_use, read_windows
from desilo.harness.html.page import write_page
from desilo.harness.report import Estimate, InSample, Summary, published, summarise
from desilo.harness.run import PLANS, Finished, instances_path, load
from desilo.harness.sell import placed_orders


@dataclass(frozen=True, repr=False)
class Measured:
    """A run on a case: every operating model, at several starts, on demand that no planner has seen.

    Its tables are pandas data frames. Money is in the case's currency, a window of a plan unless it says otherwise;
    periods are calendar periods of the case; `x`, `x_low` and `x_high` are a mean over the starts and its 95% interval.
    A table of something that was not asked for, or that was not kept, is empty.

    Attributes:
        folder: where its records are.
        finished: the records.
    """

    folder: Path
    finished: Finished

    def __repr__(self) -> str:
        done, asked = len(self.finished.cells), len(self.finished.record.cells)
        return f"<Measured {self.folder}: {done} of {asked} cells>"

    @cached_property
    def summary(self) -> Summary:
        """All that the report says."""
        kept = None if self.finished.cells else published(self.folder)
        return summarise(self.finished) if kept is None else kept

    def write_report(self, out: Path | str | None = None) -> Path:
        """Write the report, one HTML file, and say where it is.

        Args:
            out: the file; `report.html` in the folder if left out.

        Raises:
            BadInput: a plan cannot be read, or the file cannot be written.
        """
        page = self.folder / "report.html" if out is None else Path(out)
        write_page(self.finished, self.summary, self.folder, page)
        return page

    # ---- value

    @property
    def operating_models(self) -> pd.DataFrame:
        """One row an operating model, means over the starts: profit realised and gain over the status quo, money, with
        intervals; promised (money), margin and fill_rate (shares), forecast_error (WAPE), stock (units), gap, seconds.

        `sequential` is the order of hand-offs that promises most; its label says which one that is.
        """
        rows = [
            {"model": row.model.split()[0], "label": row.label}
            | _spread("profit", row.profit)
            | _spread("gain", row.gain)
            | row.model_dump(exclude={"model", "label", "profit", "gain"})
            for row in self.summary.rows
        ]
        return _table(rows, "model")

    @property
    def gains(self) -> pd.DataFrame:
        """One row a comparison: what `model` realises more than `over` (money, with its interval; per cent), and what
        it promises more in sample, between the optima from in_sample_low to in_sample_high.
        """
        rows = [
            {"model": gain.model, "over": gain.over, "percent": gain.percent, **_spread("realised", gain.realised)}
            | _in_sample(gain.in_sample)
            for gain in self.summary.gains
        ]
        return _table(rows, "model", "over")

    @property
    def hand_offs(self) -> pd.DataFrame:
        """One row an order of hand-offs: profit promised and realised, money."""
        return _table([order.model_dump() for order in self.summary.orders], "model")

    @property
    def coordination(self) -> pd.DataFrame:
        """One row a strength of coordination: profit and gain over isolated (money, with intervals), gain in sample,
        shares captured of what joint gains, and what was told (rounds, messages, numbers told and revealed).
        """
        found = self.summary.coordinating
        rows = [
            {"strength": each.strength.value}
            | _spread("profit", each.profit)
            | _spread("gain", each.gain)
            | each.model_dump(exclude={"strength", "profit", "gain"})
            for each in (() if found is None else found.strengths)
        ]
        return _table(rows, "strength")

    # ---- leaks

    @property
    def booked(self) -> pd.DataFrame:
        """What each function books by itself, all of them together, what the company realises, and the leakage between
        the two, with its interval: one row each, money.
        """
        book = self.summary.booking
        if book is None:
            return _table([], "who")
        plain = {**book.booked, "together": book.total, "realised": book.realised}
        rows: list[dict[str, Any]] = [{"who": who, "money": money} for who, money in plain.items()]
        return _table([*rows, {"who": "leakage", **_spread("money", book.leakage)}], "who")

    @property
    def leaks(self) -> pd.DataFrame:
        """One row a function alone, or all of them side by side, and a cause: its realised effect on profit, money.

        The cause `profit` is the sum of the others.
        """
        book = self.summary.booking
        rows = [
            {"function": function, "cause": cause, "money": money}
            for function, effects in ({} if book is None else book.cost_matrix).items()
            for cause, money in effects.items()
        ]
        return _table(rows, "function", "cause")

    @property
    def interaction(self) -> pd.DataFrame:
        """One row a set of functions optimised side by side: money beyond its parts (Harsanyi dividend), and of one
        function alone its Shapley value.
        """
        found = self.summary.interaction
        rows = (
            [
                {"functions": names, "beyond_its_parts": money, "shapley": found.shapley.get(names, math.nan)}
                for names, money in found.dividends.items()
            ]
            if found
            else []
        )
        return _table(rows, "functions")

    # ---- plans

    @property
    def plans(self) -> pd.DataFrame:
        """One row a plan, item and period: price (money per unit), whether it is promoted, units ordered.

        Raises:
            BadInput: a plan in the folder cannot be read.
        """
        pictures = cache(lambda start, tightness: read_instance(self._picture(start, tightness)))
        rows = []
        for record in self.finished.cells:
            if record.plan is None:
                continue
            cell = record.cell
            instance = pictures(cell.start, cell.tightness)
            plan = read_plan(instance, self.folder / PLANS / cell.plan_file())
            price, order = plan.price(instance), placed_orders(plan)
            rows += [
                {
                    **cell.model_dump(),
                    "item": instance.items[i],
                    "period": cell.start + t,
                    "price": price[i, t],
                    "promoted": bool(instance.promo[i, level]),
                    "ordered": order[i, t],
                }
                for (i, t), level in np.ndenumerate(plan.level)
            ]
        return _table(rows, "model", "start", "tightness", "item", "period")

    def _picture(self, start: int, tightness: float) -> Path:
        return instances_path(self.folder, start, tightness) / "estimated"

    @property
    def limits(self) -> pd.DataFrame:
        """One row a plan, shared limit and period: the capacity, in units of the limit, whether it is soft, and its use
        on nature: the mean over the scenarios, and what 95% of them stay below.

        Raises:
            BadInput: a plan in the folder cannot be read.
        """
        windows = read_windows(self.finished, self.summary, self.folder)
        models = list(dict.fromkeys(model for window in windows for model in window.plans))
        rows = [
            {
                "model": model,
                "limit": use.limit,
                "period": use.period,
                "capacity": use.capacity,
                "soft": use.soft,
                "mean": use.mean[model],
                "often": use.often[model],
            }
            for use in limit_use(windows, models)
            for model in use.mean
        ]
        return _table(rows, "model", "limit", "period")

    # ---- prices

    @property
    def shadow_prices(self) -> pd.DataFrame:
        """One row a shared limit and period: what one more unit would earn the joint plan, money, with its prices and
        the periods of its orders as they are, at every tightness.
        """
        rows = [
            {
                "tightness": record.cell.tightness,
                "limit": short.limit,
                "period": record.cell.start + t,
                "price": price,
            }
            for record in self.finished.cells
            for short in record.scarcity
            for t, price in enumerate(short.prices)
        ]
        return _table(rows, "tightness", "limit", "period")

    @property
    def elasticities(self) -> pd.DataFrame:
        """One row an item: its own-price elasticity as estimated, and the 95% interval of its own records."""
        rows = [each.model_dump() for each in self.finished.record.elasticities]
        return _table(rows, "item").astype(float)

    @property
    def forecast_errors(self) -> pd.DataFrame:
        """One row a picture of demand: its error on the held-out periods at the actual prices (WAPE, a share)."""
        errors = self.finished.record.forecast_errors
        return _table([{"picture": name, "wape": error} for name, error in errors.items()], "picture")

    # ---- certificates

    @property
    def cells(self) -> pd.DataFrame:
        """One row an operating model, start and tightness: status, objective and bound (money), gap, seconds, profit
        promised in sample and realised.
        """
        rows = [
            {
                **cell.cell.model_dump(),
                "status": cell.stop.value,
                "objective": cell.objective,
                "bound": cell.bound,
                "gap": cell.gap,
                "seconds": cell.seconds,
                "promised": None if cell.promise is None else cell.promise.profit,
                "realised": None if cell.nature is None else cell.nature.profit,
            }
            for cell in self.finished.cells
        ]
        return _table(rows, "model", "start", "tightness")

    @property
    def certificates(self) -> pd.DataFrame:
        """One row a solve of a cell: whose decision, why it stopped, objective, bound and gap, the solver's work, the
        size of the program, seconds, and the solver.
        """
        rows = [
            {
                **cell.cell.model_dump(),
                "solve": k,
                **step.model_dump(mode="json", exclude={"seconds", "size", "options", "feasible"}),
                **step.size,
                "seconds": sum(step.seconds.values()),
            }
            for cell in self.finished.cells
            for k, step in enumerate(cell.steps, start=1)
        ]
        return _table(rows, "model", "start", "tightness", "solve")

    # ---- what hangs on what

    @property
    def tightness(self) -> pd.DataFrame:
        """One row a tightness of the shared limits: what joint gains over the sequential plan, see `gains`."""
        rows = [
            {"tightness": level.tightness, "starts": level.starts, "percent": level.gain.percent}
            | _spread("realised", level.gain.realised)
            | _in_sample(level.gain.in_sample)
            for level in self.summary.tightness
        ]
        return _table(rows, "tightness")

    @property
    def sensitivity(self) -> pd.DataFrame:
        """One row a figure and side (low, high) with all plans made anew: what joint gains over the best sequential
        plan, see `gains`; the change of what is realised; whether the solver's gaps leave open any change in sample.
        """
        found = self.summary.replanning
        rows = [
            {
                "figure": each.figure,
                "side": name,
                "label": each.label,
                "by": side.by,
                "limit": each.limit,
                **_spread("realised", None if side.gain is None else side.gain.realised),
                **_spread("change", side.change),
                **_in_sample(None if side.gain is None else side.gain.in_sample),
                "within_gaps": side.within_gaps,
            }
            for each in (() if found is None else found.tried)
            for name, side in each.sides.items()
        ]
        return _table(rows, "figure", "side")

    @property
    def recosted(self) -> pd.DataFrame:
        """One row a cost figure: what joint realises more than the best sequential plan, money, were it a quarter
        lower (low) or higher (high) and the plans as they are.
        """
        return _table([each.model_dump() for each in self.summary.sensitivity], "figure")

    @property
    def assumptions(self) -> pd.DataFrame:
        """One row an operating figure: value, unit, reason, and whether it is assumed."""
        return _table([each.model_dump() for each in self.summary.assumptions], "name").rename_axis("figure")


def read_run(folder: Path | str) -> Measured:
    """A run that is there: the folder of `desilo run`, or what a published one keeps of it. Nothing is solved.

    Args:
        folder: of the run.

    Raises:
        BadInput: it is no run's folder, or a record cannot be read.
    """
    return Measured(Path(folder), load(Path(folder)))


def _table(rows: Iterable[dict[str, Any]], *index: str) -> pd.DataFrame:
    """Rows under their index; without rows the index alone."""
    found = pd.DataFrame(rows)
    return (found if len(found.columns) else pd.DataFrame(columns=list(index))).set_index(list(index))


def _spread(name: str, estimate: Estimate | None) -> dict[str, float]:
    """A mean and its interval, nan where they are not known."""
    found = (None,) * 3 if estimate is None else (estimate.mean, estimate.low, estimate.high)
    columns = (name, f"{name}_low", f"{name}_high")
    return {column: math.nan if value is None else value for column, value in zip(columns, found, strict=True)}


def _in_sample(found: InSample | None) -> dict[str, float]:
    """A gain between plans, and between the optima: infinite where nothing is proven."""
    if found is None:
        return dict.fromkeys(("in_sample", "in_sample_low", "in_sample_high"), math.nan)
    low, high = -math.inf if found.low is None else found.low, math.inf if found.high is None else found.high
    return {"in_sample": found.plan, "in_sample_low": low, "in_sample_high": high}
