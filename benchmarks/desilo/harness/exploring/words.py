"""What an answer says, in words and rows for people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from desilo.cases.instance import Floats, Instance
from desilo.harness.exploring.answer import Answer, Scored
from desilo.harness.exploring.dials import Dials
from desilo.harness.words import gap, grouped
from desilo.operating.decision import OperatingModel
from desilo.solving import Stop

MODELS = {
    OperatingModel.STATUS_QUO: "status quo: today's prices, orders by a rule of thumb",
    OperatingModel.PRICING_ONLY: "pricing only: best prices, orders by the rule of thumb",
    OperatingModel.INVENTORY_ONLY: "inventory only: best orders at today's prices",
    OperatingModel.ISOLATED: "isolated: side by side, on yesterday's picture of demand",
    OperatingModel.SEQUENTIAL: "sequential: pricing, then inventory",
    OperatingModel.COORDINATED: "coordinated: teams under transfer prices",
    OperatingModel.JOINT: "joint: one model",
}
"""The operating models that can be explored; the others are no plans, or need no exploring."""

STOPS = {
    Stop.OPTIMAL: "solved to the asked gap",
    Stop.TIME_LIMIT: "stopped by the time limit",
    Stop.INTERRUPTED: "interrupted",
    Stop.OTHER_LIMIT: "stopped by a limit of the solver",
    Stop.INFEASIBLE: "infeasible: no plan keeps the limits",
    Stop.UNBOUNDED: "unbounded",
    Stop.ERROR: "the solver could not say",
}

STEP = 0.05
"""Between two places of a slider."""


def status(answer: Answer) -> str:
    """How it ended, and whether there is a plan."""
    said = STOPS[answer.decision.stop]
    if answer.found is not None:
        return said if answer.decision.stop is Stop.OPTIMAL else f"{said}, with a plan"
    return said if answer.decision.stop is Stop.INFEASIBLE else f"{said}, without a plan"


def in_short(answer: Answer) -> str:
    """One line: who decided, how it ended, what it earns and what it can earn at most."""
    figures = [profit(answer)] if answer.found is not None else []
    if (proven := bound(answer)[0]) != "–":
        figures.append(f"at most {proven}")
    return ": ".join([f"{answer.question.model}, {status(answer)}", *([", ".join(figures)] if figures else [])])


def profit(answer: Answer) -> str:
    """The expected profit; a dash without a plan."""
    return "–" if answer.found is None else money(answer.found.profit, answer.instance)


def bound(answer: Answer) -> tuple[str, str]:
    """What is proven about the decision taken last: the figure, and what it means."""
    decision = answer.decision
    if answer.found is None and decision.stop is Stop.INFEASIBLE:
        return "–", "no plan is possible"
    if math.isnan(decision.bound):
        return "–", "none: plans put together, or a rule of thumb"
    if math.isinf(decision.bound):
        return "–", "nothing is proven yet: give it more seconds"
    who = "no plan" if answer.question.model is OperatingModel.JOINT else "no plan of the decision taken last"
    figure, meaning = money(decision.bound, answer.instance), f"{who} earns more"
    return figure, meaning if math.isinf(decision.gap) else f"{meaning}; gap {gap(decision.gap)}"


def beside(answer: Answer, period: str, start: int) -> str:
    """The run's own plan under the same dials."""
    own, found = answer.own, answer.found
    if own is None:
        return ""
    if own.violations:
        first, more = own.violations[0], len(own.violations) - 1
        when = "" if first.period is None else f" in {period} {start + first.period - 1}"
        others = f"; and {more} more" if more else ""
        return f"The run's own plan breaks these limits: {replace(first, period=None)}{when}{others}."
    earns = f"The run's own plan keeps these limits and earns {money(own.profit, answer.instance)}"
    if found is None:
        return f"{earns}."
    less = found.profit - own.profit
    return f"{earns}: this one earns {money(less, answer.instance, '+')} ({less / (abs(own.profit) or 1):+.2%})."


def why_no_plan(answer: Answer, period: str, start: int) -> str:
    """Why there is none and what would help; empty if there is one."""
    if answer.found is not None:
        return ""
    if answer.decision.stop is not Stop.INFEASIBLE:
        return "The search ended before there was a plan: give it more seconds."
    relief = answer.relief
    if relief is None:
        return "Looser limits do not help, or no way was found in time: service targets or price changes clash."
    if not relief:
        return (
            "There are plans that keep all limits, but this operating model does not come to one: who decides first "
            "does not know what comes after. Try joint."
        )
    return "No plan keeps these limits. The least that was found to have to give, all together: " + "; ".join(
        _relieved(answer, name, more, period, start) for name, more in relief.items()
    )


def _relieved(answer: Answer, name: str, more: Floats, period: str, start: int) -> str:
    limit = next(resource for resource in answer.instance.resources if resource.name == name)
    worst = int(more.argmax())
    by = f"{name} by {_figure(more[worst])} in {period} {start + worst}"
    if name not in {resource.name for resource in answer.question.problems.instance.resources}:
        return f"{by}: widen the range of that price"
    factor = answer.question.dials.tightness.get(name, 1.0)
    enough = [
        factor * (above / at if at > 0 else at / above)
        for at, above in zip(limit.capacity.tolist(), (limit.capacity + more).tolist(), strict=True)
        if at * above > 0
    ]
    if not enough:
        return by
    return f"{by}: {math.ceil(max(enough) / STEP - 1e-6) * STEP:.0%} on its slider is enough"


def dials_set(dials: Dials) -> str:
    """Where the sliders stand that are not at neutral."""
    limits = [f"{name} {factor:.0%}" for name, factor in dials.tightness.items() if factor != 1]
    prices = [f"prices of {name} {span.low:.0%} to {span.high:.0%}" for name, span in dials.prices.items()]
    return "; ".join([*limits, *prices]) or "all at neutral"


def limit_rows(answer: Answer, start: int) -> Iterator[dict[str, str | float]]:
    """One row a limit and period: capacity, mean use of both plans, what one more unit would earn."""
    given = {resource.name for resource in answer.question.problems.instance.resources}
    for limit in answer.instance.resources:
        for t in np.flatnonzero(np.isfinite(limit.capacity)).tolist() if limit.name in given else ():
            yield {
                "key": f"{limit.name}/{t}",
                "limit": limit.name,
                "kind": "soft" if np.isfinite(limit.overage_cost[t]) else "hard",
                "period": start + t,
                "capacity": _figure(limit.capacity[t]),
                "own": _use(answer.own, limit.name, limit.capacity[t], t),
                "found": _use(answer.found, limit.name, limit.capacity[t], t),
                "worth": _worth(answer.found, limit.name, t),
            }


def plan_rows(answer: Answer) -> Iterator[dict[str, str]]:
    """One row an item: its price and its order by period, each with the other plan's where that differs."""
    found, own = answer.found, answer.own
    if found is None:
        return
    price, order = found.plan.price(answer.instance), found.plan.order
    other_price = price if own is None else own.plan.price(answer.instance)
    other_order = order if own is None else own.plan.order
    for i, item in enumerate(answer.instance.items):
        row = {"item": item}
        for t in range(answer.instance.periods):
            cells = (
                (f"{price[i, t]:,.2f}", f"{other_price[i, t]:,.2f}"),
                (grouped(order[i, t]), grouped(other_order[i, t])),
            )
            for name, (here, there) in zip(("price", "order"), cells, strict=True):
                row[f"{name}{t}"] = here if here == there else f"{here} (was {there})"
        yield row


def money(amount: float, instance: Instance, sign: str = "") -> str:
    """With its currency."""
    figure = grouped(amount, sign) if abs(amount) >= 10_000 else f"{amount:{sign},.2f}"
    return f"{instance.currency} {figure}".strip()


def _use(plan: Scored | None, name: str, capacity: float, t: int) -> str:
    if plan is None or name not in plan.use:
        return "–"
    return f"{plan.use[name][t] / capacity:.0%}" if capacity else _figure(plan.use[name][t])


def _worth(plan: Scored | None, name: str, t: int) -> str:
    return f"{plan.scarcity[name][t]:,.4f}" if plan is not None and name in plan.scarcity else "–"


def _figure(value: float) -> str:
    return grouped(value) if abs(value) >= 100 else f"{value:.4g}"
