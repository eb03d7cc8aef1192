"""What is read off records in which a firm decides in many wirings: one value a cluster, by cluster.

A metric looks at records with one trial a cluster, named by their figures as `desilo.harness.claims.firm` names them;
`on` picks them out of all records of an experiment. "Per cent" is of the profit that the status quo realises in the
same cluster, where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from itertools import permutations
from typing import TypeAlias

import numpy as np
import pandas as pd

from desilo.harness.claims.claim import Metric
from desilo.harness.claims.experiment import Records
from desilo.harness.claims.firm import CONNECTED_PAIR
from desilo.harness.experiment import HANDED_ON, ISOLATED, JOINT, SIDE_BY_SIDE, STATUS_QUO, subset_name
from desilo.harness.measure import ROUNDING, Coalition, harsanyi, shapley
from desilo.harness.sell import EFFECT_ON_PROFIT
from desilo.operating.decision import Function, Strength

Values: TypeAlias = "pd.Series[float]"
"""By cluster."""

BEST_SEQUENTIAL = "best sequential"
"""The order of hand-offs that promises most on average, over all clusters and before anything is sold."""


def on(metric: Metric, **dials: float | str) -> Metric:
    """A metric of the trials at some setting of the dials.

    Raises:
        ValueError: when called, if the setting leaves more than one trial of a cluster.
    """

    @wraps(metric)
    def chosen(records: Records) -> Values:
        there = pd.Series(data=True, index=records.index)
        for name, setting in dials.items():
            there &= records[name] == setting
        return metric(records[there])

    return chosen


def by_cluster(records: Records) -> Records:
    """The records by cluster.

    Raises:
        ValueError: a cluster has more than one.
    """
    found = records.set_index("cluster")
    if found.index.has_duplicates:
        raise ValueError("more than one trial of a cluster: say on which setting of the dials")
    return found


def figure(records: Records, model: str, what: str) -> Values:
    """A figure of an operating model, as recorded."""
    if model == BEST_SEQUENTIAL:
        model = best_sequential(records)
    return by_cluster(records)[f"{model}: {what}"]


def best_sequential(records: Records) -> str:
    """Which order of hand-offs promises most on average."""
    promised = {name: figure(records, name, "promise").mean() for name in HANDED_ON if f"{name}: promise" in records}
    return max(promised, key=lambda name: promised[name])


def per_cent(records: Records, money: Values) -> Values:
    """Money as a share of the profit that the status quo realises."""
    return 100 * money / figure(records, STATUS_QUO, "profit")


def pooled_share(part: Values, whole: Values) -> Values:
    """Values whose mean is sum(part) / sum(whole), and whose spread is that of this ratio (delta method).

    A mean of ratios would be ruled by the clusters in which there is next to nothing to share.
    """
    if not whole.any():
        return whole * np.nan  # nothing to share
    share = part.sum() / whole.sum()
    return share + (part - share * whole) / whole.mean()


# gains of operating models


def over(model: str, base: str) -> Metric:
    """What a model realises more than another, per cent."""

    def metric(records: Records) -> Values:
        return per_cent(records, figure(records, model, "profit") - figure(records, base, "profit"))

    return named(metric, f"{model} over {base}, per cent of the status quo's profit")


def money_over(model: str, base: str) -> Metric:
    """The same in money."""

    def metric(records: Records) -> Values:
        return figure(records, model, "profit") - figure(records, base, "profit")

    return named(metric, f"{model} over {base}, money")


def gain(model: str) -> Metric:
    """What a model realises more than the status quo, per cent."""
    return over(model, STATUS_QUO)


def promised_over(model: str, base: str) -> Metric:
    """What a model promises more than another on the estimated picture, per cent of what the status quo promises."""

    def metric(records: Records) -> Values:
        more = figure(records, model, "promise") - figure(records, base, "promise")
        return 100 * more / figure(records, STATUS_QUO, "promise")

    return named(metric, f"{model} over {base} as promised, per cent of the status quo's promise")


def open_gap(model: str = JOINT) -> Metric:
    """How much more than its plan a model's bound leaves open, per cent of the plan's promise."""

    def metric(records: Records) -> Values:
        promised = figure(records, model, "objective")
        return 100 * (figure(records, model, "bound") - promised) / promised

    return named(metric, f"{model}: bound less objective, per cent")


# one function alone: A1, A2, A3


def pricing_booked(records: Records) -> Values:
    """Margin that pricing books: per cent of the margin it plans at today's prices, both at unlimited supply."""
    return 100 * booked_by(records, Function.PRICING) / by_cluster(records)["planned margin today"]


def pricing_realised(records: Records) -> Values:
    """Margin of what is sold with pricing alone, per cent above the status quo's."""
    return 100 * (figure(records, "pricing-only", "margin") / figure(records, STATUS_QUO, "margin") - 1)


def pricing_overbooked(records: Records) -> Values:
    """What pricing books above what it realises alone, both in per cent of their margins."""
    return pricing_booked(records) - pricing_realised(records)


def margin_points(records: Records) -> Values:
    """Margin as a share of revenue with pricing alone, points above the status quo's."""
    share = {m: figure(records, m, "margin") / figure(records, m, "revenue") for m in ("pricing-only", STATUS_QUO)}
    return 100 * (share["pricing-only"] - share[STATUS_QUO])


def accuracy_gain(records: Records) -> Values:
    """How much smaller the estimated picture's error on held-out sales is than yesterday's, per cent."""
    found = by_cluster(records)
    return 100 * (1 - found["held-out error estimated"] / found["held-out error yesterday"])


def looked_ahead(records: Records) -> Values:
    """How much larger the estimated picture's error is if what comes after the start is hidden, per cent."""
    found = by_cluster(records)
    return 100 * (found["held-out error unseen"] / found["held-out error estimated"] - 1)


def stock_cut(model: str = "inventory-only") -> Metric:
    """How much smaller the average stock is than the status quo's, per cent."""

    def metric(records: Records) -> Values:
        return 100 * (1 - figure(records, model, "stock") / figure(records, STATUS_QUO, "stock"))

    return named(metric, f"average stock, {model}, per cent below the status quo's")


def fill_change(model: str = "inventory-only") -> Metric:
    """Fill rate above the status quo's, points."""

    def metric(records: Records) -> Values:
        return 100 * (figure(records, model, "fill") - figure(records, STATUS_QUO, "fill"))

    return named(metric, f"fill rate, {model}, points above the status quo's")


# what is booked and what is left of it: A4, B4


def booked_by(records: Records, function: Function) -> Values:
    """What a function books for itself, money."""
    return by_cluster(records)[f"booked by {function}"]


def booked_money(records: Records) -> Values:
    """What the three functions book together, money."""
    return sum((booked_by(records, function) for function in Function), start=0.0 * booked_by(records, Function.DEMAND))


def booked(records: Records) -> Values:
    """What the three functions book together, per cent."""
    return per_cent(records, booked_money(records))


def leakage(records: Records) -> Values:
    """What the functions book less what they realise together, isolated; per cent."""
    return booked(records) - gain(ISOLATED)(records)


def leakage_money(records: Records) -> Values:
    """The same in money."""
    return booked_money(records) - money_over(ISOLATED, STATUS_QUO)(records)


def leaked_share(records: Records) -> Values:
    """The part of what is booked that is not realised, per cent."""
    return 100 * pooled_share(leakage_money(records), booked_money(records))


def dilution(records: Records) -> Values:
    """What the functions realise one at a time, added up, less what they realise together, isolated; per cent."""
    return -interaction(ISOLATED)(records)


def effect(model: str, cause: str) -> Metric:
    """What a model changes in a cause of profit, per cent; a cost that rises is negative."""

    def metric(records: Records) -> Values:
        change = figure(records, model, cause) - figure(records, STATUS_QUO, cause)
        return per_cent(records, EFFECT_ON_PROFIT[cause] * change)

    return named(metric, f"{model}: effect on profit through {cause}, per cent")


def area_effect(model: str, area: Function) -> Metric:
    """What a model changes in the area of a function: an entry of the cost matrix.

    Pricing answers for the margin of what is sold, inventory for all else that makes up profit: orders, holding, lost
    sales, overage, and what is bought and not sold; both per cent. Demand answers for the forecast error at the prices
    chosen, in points, fewer being positive.
    """

    def metric(records: Records) -> Values:
        if area is Function.DEMAND:
            return 100 * (figure(records, STATUS_QUO, "error") - figure(records, model, "error"))
        margin = figure(records, model, "margin") - figure(records, STATUS_QUO, "margin")
        if area is Function.PRICING:
            return per_cent(records, margin)
        return per_cent(records, figure(records, model, "profit") - figure(records, STATUS_QUO, "profit") - margin)

    return named(metric, f"{model}: effect on the area of {area}")


def spill(function: Function) -> Metric:
    """What optimising a function alone does to the money that others answer for, per cent; see `area_effect`."""
    alone = subset_name(frozenset({function}))
    areas = [area for area in (Function.PRICING, Function.INVENTORY) if area is not function]

    def metric(records: Records) -> Values:
        effects = [area_effect(alone, area)(records) for area in areas]
        return sum(effects[1:], start=effects[0])

    return named(metric, f"{alone}: effect on profit in the areas of others, per cent")


# functions together: A5, A9


def worth(records: Records, connected: bool) -> dict[Coalition, Values]:
    """Realised gain of every set of functions, per cent; those that are not in it stay as they are today.

    Side by side, or connected: prices and orders decided as one where both are in the set.
    """
    names = {those: name for name, those in SIDE_BY_SIDE.items() if those}
    if connected:
        names |= {frozenset({Function.PRICING, Function.INVENTORY}): CONNECTED_PAIR, frozenset(Function): JOINT}
    return {frozenset(map(str, those)): gain(name)(records) for those, name in names.items()}


def interaction(model: str) -> Metric:
    """What a model in which all three functions are optimised gains beyond the sum of their single gains, per cent."""

    def metric(records: Records) -> Values:
        alone = [gain(subset_name(frozenset({function})))(records) for function in Function]
        return gain(model)(records) - sum(alone[1:], start=alone[0])

    return named(metric, f"{model} less the sum of the single gains, per cent")


def sum_of_gains(records: Records) -> Values:
    """What the three functions realise one at a time, added up; per cent."""
    alone = [gain(subset_name(frozenset({function})))(records) for function in Function]
    return sum(alone[1:], start=alone[0])


def beyond_what_helps(records: Records) -> Values:
    """Deciding as one less the sum of those single gains that are none of them losses; per cent."""
    alone = [gain(subset_name(frozenset({function})))(records).clip(lower=0.0) for function in Function]
    return gain(JOINT)(records) - sum(alone[1:], start=alone[0])


def dividend(functions: frozenset[Function], connected: bool) -> Metric:
    """Harsanyi dividend: what some functions add together beyond all smaller sets of them, per cent."""
    those = frozenset(map(str, functions))

    def metric(records: Records) -> Values:
        return _in_each(worth(records, connected), lambda values: harsanyi(values)[those])

    return named(metric, f"interaction of {subset_name(functions)}, {_wiring(connected)}, per cent")


def shapley_value(function: Function, connected: bool) -> Metric:
    """A function's share of the gain of all three, per cent of the status quo's profit."""

    def metric(records: Records) -> Values:
        return _in_each(worth(records, connected), lambda values: shapley(values)[function])

    return named(metric, f"Shapley value of {function}, {_wiring(connected)}, per cent")


def shapley_share(function: Function, connected: bool) -> Metric:
    """The same as a part of the gain of all three; the parts of the three functions add up to 1."""

    def metric(records: Records) -> Values:
        whole = worth(records, connected)[frozenset(map(str, Function))]
        return pooled_share(shapley_value(function, connected)(records), whole)

    return named(metric, f"Shapley share of {function}, {_wiring(connected)}")


def marginal(position: int, connected: bool) -> Metric:
    """Realised gain of the 1st, 2nd or 3rd function switched on, mean over all orders; per cent."""

    def metric(records: Records) -> Values:
        values = worth(records, connected)
        added = [
            values[frozenset(order[:position])] - (values[frozenset(order[: position - 1])] if position > 1 else 0.0)
            for order in permutations(map(str, Function))
        ]
        return sum(added[1:], start=added[0]) / len(added)

    return named(metric, f"gain of function number {position}, {_wiring(connected)}, per cent")


def falling(position: int, connected: bool) -> Metric:
    """Realised gain of one function less that of the next one switched on, mean over all orders; per cent."""

    def metric(records: Records) -> Values:
        return marginal(position, connected)(records) - marginal(position + 1, connected)(records)

    return named(metric, f"gain of function number {position} less that of the next, {_wiring(connected)}, per cent")


# coordination: A7


def capture(strength: Strength) -> Metric:
    """Share of what joint decisions gain over isolated ones that teams planning apart have, per cent.

    Not known where joint gains nothing.
    """

    def metric(records: Records) -> Values:
        base = figure(records, ISOLATED, "profit")
        apart, joint = (figure(records, model, "profit") - base for model in (strength.value, JOINT))
        share = 100 * pooled_share(apart, joint)
        return share if joint.sum() > ROUNDING * base.abs().sum() else share * np.nan

    return named(metric, f"captured with {strength}, per cent of joint over isolated")


def beyond_share(strength: Strength, share: float) -> Metric:
    """Coordinated over isolated, less a share of joint over isolated; per cent of the status quo's profit."""

    def metric(records: Records) -> Values:
        return over(strength.value, ISOLATED)(records) - share * over(JOINT, ISOLATED)(records)

    return named(metric, f"{strength} over isolated less {share:.0%} of joint over isolated, per cent")


def told(strength: Strength, what: str) -> Metric:
    """A count of the protocol: `rounds`, `messages`, `told` or `revealed` (numbers)."""

    def metric(records: Records) -> Values:
        return figure(records, strength.value, what)

    return named(metric, f"{what}, {strength}")


def revealed_share(strength: Strength) -> Metric:
    """Numbers that teams reveal, per cent of those that whoever decides for all must know."""

    def metric(records: Records) -> Values:
        return 100 * figure(records, strength.value, "revealed") / by_cluster(records)["numbers known"]

    return named(metric, f"revealed with {strength}, per cent of what a centre must know")


def prices_fail(records: Records) -> Values:
    """1 where trade at transfer prices promises no more than limits divided beforehand, though joint does; else 0."""
    promise = {name: figure(records, name, "promise") for name in (*map(str, Strength), JOINT)}
    tolerance = 1e-6 * promise[JOINT].abs()
    room = promise[JOINT] > promise[Strength.LIMITS] + tolerance
    return (room & (promise[Strength.PRICES] <= promise[Strength.LIMITS] + tolerance)).astype(float)


def _in_each(values: Mapping[Coalition, Values], of: Callable[[Mapping[Coalition, float]], float]) -> Values:
    """A figure of a game, cluster by cluster."""
    sets = list(values)
    rows = np.column_stack([values[those] for those in sets])
    found = [of(dict(zip(sets, row, strict=True))) for row in rows.tolist()]
    return pd.Series(found, index=values[sets[0]].index)


def _wiring(connected: bool) -> str:
    return "connected" if connected else "side by side"


def named(metric: Metric, says: str) -> Metric:
    """The metric with what it says of itself."""
    metric.__doc__ = says
    return metric
