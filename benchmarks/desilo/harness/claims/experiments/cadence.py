"""Does connecting pay more where decisions touch more and are made more often, and does haste make chaos?

Design: firms of one group of substitutes live through six periods of nature's demand. They plan once, half-way again,
or anew every period for what is left of them: *the same information at every cadence and in every wiring*, which is the
stock that is really there, what is on its way, and the firm's estimated picture of the periods to come. Demand is
independent from period to period, so that there is nothing to learn from it. The first plan is the same at every
cadence. What is there or on its way always fits into storage; all other limits stay as they are. Every wiring meets the
same demand.

- `isolated`: pricing assumes unlimited supply, inventory the reference prices, each for itself.
- `crosswise`: both decide at the same time, each for what the other announced last: pricing for the orders of the last
  plan, inventory for its prices; before the first plan, for today's. So each chases the other.
- `sequential`: pricing, then inventory for its prices.
- `connected`: prices and orders decided together, by one team.

Pricing that assumes unlimited supply has no reason to ever change its mind: what is called *uncoordinated* re-planning
below is `crosswise`, in which functions do respond to each other. `isolated` is measured beside it.

Metrics, with the direction in which a claim would be confirmed. Money is in per cent of what the status quo realises in
the same periods with one plan; spreads are those of one firm over its periods:

A8  needed only where decisions are interdependent and system-driven. `connecting`: connected less isolated, re-planned
    every period. `more_with_coupling`: the same at coupling 1 less at 0: above 0. `more_with_cadence`: re-planned every
    period less one plan, coupling 1: above 0. `connecting_at(records, coupling, cadence)` is the whole grid.
    Control: `null_connecting`, coupling 0: nothing.
C1  faster chaos. Uncoordinated, re-planned every period less one plan, coupling 1: `chaos_of_prices` (mean change of a
    price from period to period, per cent), `chaos_of_orders` (bullwhip ratio: variance of orders over variance of
    demand, summed over items), `chaos_of_profit` (standard deviation of a period's contribution, per cent of the status
    quo's mean): above 0 each. `bullwhip_over_connected`: uncoordinated less connected, re-planned every period: above
    0. `isolated_chaos_of_orders`, `isolated_chaos_of_profit`: for functions that do not respond to each other.
    `haste`: what uncoordinated re-planning earns more than one plan; `connected_haste`: the same, connected.
    Control: `null_chaos_of_prices`, `null_chaos_of_profit`, coupling 0: nothing. Not the bullwhip ratio: where stock
    costs nothing and all is there, orders are arbitrary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from desilo.cases.instance import Activity, Floats, Instance, Ints, Resource
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Freedom
from desilo.harness.claims.dials import at, firm_of, settings_of, trials_at
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial
from desilo.harness.claims.firm import JOINT_GAP, OPTIONS
from desilo.harness.claims.world import Dials
from desilo.harness.sell import Sales, arrivals, sell_first_come
from desilo.operating.deciding import coordinated
from desilo.operating.decision import Decision, Function, Pictures, Strength
from desilo.operating.desk import Desk
from desilo.operating.search import search
from desilo.operating.wiring import HAND_OFFS, hand_on, side_by_side
from desilo.solving import Stop

WORLDS, QUICK_WORLDS = 30, 12
"""At most, in the full run and in the quick one: a firm that lives takes long."""

FIRM = Dials(items=3, periods=6, scenarios=3)

ONCE, TWICE, ALWAYS = "once", "twice", "always"
"""How often is planned: at the beginning, half-way again, or every period."""

COUPLINGS = (0.0, 0.5, 1.0, 1.5)

CHASING_GAP = 1e-2
"""Relative MIP gap of prices for orders that the other announced, which are hard to prove best and soon outdated."""

PATH = 0
"""Which of nature's scenarios comes true."""


class Planner(Desk):
    """A desk that knows what its pricing function decides by itself: no rule of a world ties one period's prices to
    another's, so that a decision for all periods holds for those that are left."""

    def __init__(self, model: str, gap: float, level: Ints) -> None:
        super().__init__(model, replace(OPTIONS, gap=gap))
        self.level = level

    def prices(self, picture: Instance) -> Ints | None:
        """(I, T) the levels of the last T periods."""
        return self.level[:, -picture.periods :].copy()


def _isolated(level: Ints, picture: Instance, last: Plan) -> Decision:
    return side_by_side(Planner("isolated", OPTIONS.gap, level), frozenset(Function), Pictures.same(picture))


def _crosswise(level: Ints, picture: Instance, last: Plan) -> Decision:
    desk = Planner("crosswise", CHASING_GAP, level)
    told = desk.settle(picture, last)
    if told.plan is None:
        return told
    stock = desk.orders(picture, last.level)
    prices = search(desk, picture, Freedom.full(picture).at_orders(told.plan.order), told, "pricing")
    if stock.plan is None or prices.plan is None:
        return desk.failed()
    return desk.settle(picture, Plan(prices.plan.level, stock.plan.order))


def _sequential(level: Ints, picture: Instance, last: Plan) -> Decision:
    return hand_on(Planner("sequential", OPTIONS.gap, level), HAND_OFFS[0], Pictures.same(picture))


def _connected(level: Ints, picture: Instance, last: Plan) -> Decision:
    return coordinated(Planner("connected", JOINT_GAP, level), picture, Strength.REPAIR)


Wiring = Callable[[Ints, Instance, Plan], Decision]
"""Decides on a picture, given the levels that pricing would choose by itself and the last plan for these periods."""

WIRINGS: Mapping[str, Wiring] = {
    "isolated": _isolated,
    "crosswise": _crosswise,
    "sequential": _sequential,
    "connected": _connected,
}


def trials(scale: Scale) -> Sequence[Trial]:
    """Every coupling; all cadences are lived through in one trial. The quick run has fewer firms and four periods."""
    full = scale.name == "full"
    periods, couplings = (6.0, COUPLINGS) if full else (4.0, (0.0, 1.0))
    settings = [{"coupling": coupling, "periods": periods} for coupling in couplings]
    return trials_at(EXPERIMENT.name, scale, WORLDS if full else QUICK_WORLDS, settings)


def work(trial: Trial) -> Figures:
    """Of every wiring at every cadence: profit and its spread over the periods, money; change of prices; bullwhip."""
    periods = int(settings_of(trial)["periods"])
    problems = firm_of(trial, replace(FIRM, periods=periods))
    picture, nature = problems.pictures.estimated, problems.nature
    path = replace(
        nature,
        scenarios=nature.scenarios[PATH : PATH + 1],
        probability=np.ones(1),
        demand=nature.demand[..., PATH : PATH + 1],
    )
    today = _plan_of(side_by_side(Desk("status-quo", OPTIONS), frozenset(), problems.pictures))
    level = Desk("pricing", OPTIONS).prices(picture)
    assert level is not None, "reference prices keep every rule"
    figures = _figures("status quo", path, today)
    for name, decide in WIRINGS.items():
        first = _plan_of(decide(level, picture, today))
        for cadence, plans in ((ONCE, 1), (TWICE, 2), (ALWAYS, periods)):
            figures |= _figures(f"{name} {cadence}", path, live(decide, level, picture, path, first, plans))
    return figures


def live(decide: Wiring, level: Ints, picture: Instance, path: Instance, first: Plan, plans: int) -> Plan:
    """What is done in the end by a firm that plans so many times.

    Args:
        decide: the wiring.
        level: (I, T) of the pricing function by itself.
        picture: what is believed, for all periods.
        path: what comes true: one scenario.
        first: the plan made at the beginning.
        plans: made in all, at equal distances.
    """
    plan = first
    periods = np.arange(picture.periods)
    for now in range(picture.periods // plans, picture.periods, picture.periods // plans):
        done = Plan(plan.level, np.where(periods < now, plan.order, 0.0))
        stock = sell_first_come(path, done).stock[:, now - 1, 0]
        left = what_is_left(picture, now, stock, arrivals(picture, done)[:, now:])
        anew = _plan_of(decide(level, left, Plan(plan.level[:, now:], plan.order[:, now:])))
        plan = Plan(np.hstack([plan.level[:, :now], anew.level]), np.hstack([plan.order[:, :now], anew.order]))
    return plan


def what_is_left(picture: Instance, now: int, stock: Floats, arriving: Floats) -> Instance:
    """The problem of the periods from `now` on.

    Args:
        picture: of all periods.
        now: index of the first period that is left.
        stock: (I,) units on hand before it.
        arriving: (I, T - now) units on their way.
    """
    there = stock[:, None] + arriving.cumsum(axis=1)
    by_period = ("demand", "unit_cost", "order_cost", "holding_cost", "lost_sale_cost", "max_order")

    def left(resource: Resource) -> Resource:
        capacity = resource.capacity[now:]
        if Activity.STOCK in resource.use:  # what is there or on its way always fits
            capacity = np.maximum(capacity, resource.use[Activity.STOCK] @ there)
        return replace(resource, capacity=capacity, overage_cost=resource.overage_cost[now:])

    return replace(
        picture,
        periods=picture.periods - now,
        receipt=arriving,
        initial_stock=stock,
        cross_effects=replace(picture.cross_effects, effect=picture.cross_effects.effect[:, now:]),
        resources=tuple(left(resource) for resource in picture.resources),
        **{name: getattr(picture, name)[:, now:] for name in by_period},
    )


def _plan_of(decision: Decision) -> Plan:
    if decision.plan is None or decision.stop is not Stop.OPTIMAL:
        raise RuntimeError(f"{decision.model} ended {decision.stop}")
    return decision.plan


def _figures(name: str, path: Instance, plan: Plan) -> dict[str, float]:
    sold = sell_first_come(path, plan)
    price = np.hstack([path.reference_price[:, None], plan.price(path)])
    figures = {
        "profit": sold.expected_profit,
        "spread": float(_contribution(path, plan, sold).std()),
        "prices": float(100 * np.abs(np.diff(price) / price[:, :-1]).mean()),
        "bullwhip": float(plan.order.var(axis=1).sum() / sold.demand[..., 0].var(axis=1).sum()),
    }
    return {f"{name}: {what}": value for what, value in figures.items()}


def _contribution(path: Instance, plan: Plan, sold: Sales) -> Floats:
    """(T,) sales at price less unit cost, less what orders and stock cost; money."""
    margin = (plan.price(path) - path.unit_cost) * sold.sales[..., 0]
    costs = path.order_cost * (plan.order > 0) + path.holding_cost * sold.stock[..., 0]
    contribution: Floats = (margin - costs).sum(axis=0)
    return contribution


EXPERIMENT = Experiment(
    name="cadence",
    question="Does connecting pay more where decisions touch more and are made more often, and does haste make chaos?",
    method=(
        "Firms live through six periods of demand that no planner saw, planning once, twice or anew every period with "
        "the same information in every wiring: functions for themselves, chasing each other, handing on, or together. "
        "The coupling is turned from none to tight."
    ),
    trials=trials,
    work=work,
)

UNCOORDINATED = "crosswise"


def connecting_at(records: Records, coupling: float, cadence: str) -> pd.Series[float]:
    """Connected less isolated at a place of the grid, % of the status quo's profit."""
    found = at(records, coupling=coupling)
    gain = found[f"connected {cadence}: profit"] - found[f"isolated {cadence}: profit"]
    return 100 * gain / found["status quo: profit"]


def connecting(records: Records) -> pd.Series[float]:
    """Connected less isolated, re-planned every period; % of the status quo's profit."""
    return connecting_at(records, 1.0, ALWAYS)


def null_connecting(records: Records) -> pd.Series[float]:
    """`connecting` where nothing touches."""
    return connecting_at(records, 0.0, ALWAYS)


def more_with_coupling(records: Records) -> pd.Series[float]:
    """`connecting` with coupling less without."""
    return connecting(records) - null_connecting(records)


def more_with_cadence(records: Records) -> pd.Series[float]:
    """`connecting` less the same with one plan."""
    return connecting(records) - connecting_at(records, 1.0, ONCE)


def faster(records: Records, wiring: str, figure: str, coupling: float = 1.0) -> pd.Series[float]:
    """A figure of a wiring re-planned every period less with one plan, in the figure's unit."""
    found = at(records, coupling=coupling)
    return found[f"{wiring} {ALWAYS}: {figure}"] - found[f"{wiring} {ONCE}: {figure}"]


def chaos_of_prices(records: Records) -> pd.Series[float]:
    """Uncoordinated, every period less one plan: mean change of a price from period to period, % points."""
    return faster(records, UNCOORDINATED, "prices")


def chaos_of_orders(records: Records) -> pd.Series[float]:
    """Uncoordinated, every period less one plan: bullwhip ratio; see `where_orders_matter`."""
    return where_orders_matter(records, faster(records, UNCOORDINATED, "bullwhip"))


def chaos_of_profit(records: Records, wiring: str = UNCOORDINATED, coupling: float = 1.0) -> pd.Series[float]:
    """Every period less one plan: spread of profit over the periods, % of the status quo's mean profit a period."""
    found = at(records, coupling=coupling)
    return 100 * faster(records, wiring, "spread", coupling) / (found["status quo: profit"] / found["periods"])


def isolated_chaos_of_orders(records: Records) -> pd.Series[float]:
    """Isolated, every period less one plan: bullwhip ratio."""
    return faster(records, "isolated", "bullwhip")


def isolated_chaos_of_profit(records: Records) -> pd.Series[float]:
    """`chaos_of_profit` for functions that do not respond to each other."""
    return chaos_of_profit(records, "isolated")


def null_chaos_of_prices(records: Records) -> pd.Series[float]:
    """`chaos_of_prices` where nothing touches."""
    return faster(records, UNCOORDINATED, "prices", 0.0)


def null_chaos_of_profit(records: Records) -> pd.Series[float]:
    """`chaos_of_profit` where nothing touches."""
    return chaos_of_profit(records, coupling=0.0)


def bullwhip_over_connected(records: Records) -> pd.Series[float]:
    """Bullwhip ratio, uncoordinated less connected, both re-planned every period."""
    found = at(records, coupling=1.0)
    more = found[f"{UNCOORDINATED} {ALWAYS}: bullwhip"] - found[f"connected {ALWAYS}: bullwhip"]
    return where_orders_matter(records, more)


def where_orders_matter(records: Records, swings: pd.Series[float]) -> pd.Series[float]:
    """Swings of orders; none in a world planted without coupling, where orders cost nothing and are arbitrary."""
    return swings.where(at(records, coupling=1.0)["coupled"] > 0, 0.0)


def haste(records: Records, wiring: str = UNCOORDINATED) -> pd.Series[float]:
    """What re-planning every period earns more than one plan, uncoordinated; % of the status quo's profit."""
    return 100 * faster(records, wiring, "profit") / at(records, coupling=1.0)["status quo: profit"]


def connected_haste(records: Records) -> pd.Series[float]:
    """What re-planning every period earns more than one plan, connected; % of the status quo's profit."""
    return haste(records, "connected")
