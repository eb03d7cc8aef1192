"""An oracle for tiny instances: the instance format written down once more, sharing nothing with the formulations.

Only numpy and SciPy. `best` solves the problem as one plain mixed-integer program; with `enumerated` it goes through
every vector of levels and every set of orders placed and solves a linear program for each, which needs no bound on
the orders at all. `price_plans` goes through every vector of levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from desilo.cases.instance import Activity, Bools, Floats, Instance, Ints

TIE = 1e-9


@dataclass(frozen=True)
class Answer:
    """`status` is optimal, infeasible or unbounded; without optimality the rest is nan or None."""

    status: str
    profit: float = np.nan
    level: Ints | None = None
    order: Floats | None = None


class Rows:
    """Rows low <= a x <= high over blocks of columns."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        self.at: dict[str, Ints] = {}
        self.width = 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            self.at[name] = np.arange(self.width, self.width + size).reshape(shape)
            self.width += size
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, terms: list[tuple[int, float]], low: float, high: float) -> None:
        row = len(self.low)
        self.entries += [(row, int(column), float(value)) for column, value in terms if value]
        self.low.append(low)
        self.high.append(high)

    def constraint(self) -> LinearConstraint:
        row, column, value = zip(*self.entries, strict=True)
        matrix = sparse.csr_array((value, (row, column)), shape=(len(self.low), self.width))
        return LinearConstraint(matrix, self.low, self.high)


def best(
    instance: Instance,
    level: Ints | None = None,
    order: Floats | None = None,
    cut: Floats | None = None,
    enumerated: bool = False,
) -> Answer:
    """The plan of highest expected profit.

    Args:
        level: (I, T) levels taken as given.
        order: (I, T) orders taken as given.
        cut: (I, T) orders that may be lowered but not raised.
        enumerated: go through all levels and all sets of orders placed.
    """
    I, T = instance.unit_cost.shape
    in_time = np.arange(T) + instance.lead_time[:, None] < T
    low, high = np.zeros((I, T)), np.where(in_time, instance.max_order, 0.0)
    if order is not None:
        low = high = order
    elif cut is not None:
        high = np.minimum(high, cut)
    choices = (
        [np.flatnonzero(row).tolist() for row in np.repeat(instance.has_level, T, axis=0)]
        if level is None
        else [[int(k)] for k in level.reshape(-1)]
    )
    if not enumerated:
        allowed = np.zeros((I * T, instance.price.shape[1]), dtype=bool)
        for cell, levels in enumerate(choices):
            allowed[cell, levels] = True
        return _solve(instance, allowed.reshape(I, T, -1), low, high, None)
    found = Answer("infeasible")
    for vector in product(*choices):
        chosen = np.array(vector).reshape(I, T)
        for placed in _patterns(low, high):
            own = np.eye(instance.price.shape[1], dtype=bool)[chosen]
            answer = _solve(instance, own, low, np.where(placed, high, 0.0), placed)
            if answer.status == "unbounded":
                return answer
            if answer.status == "optimal" and not answer.profit <= found.profit:
                found = answer
    return found


def _patterns(low: Floats, high: Floats) -> Iterator[Bools]:
    """Every set of orders that may be placed: those that must, and any of those that may."""
    free = np.flatnonzero(((low <= 0) & (high > 0)).reshape(-1))
    for picked in product((False, True), repeat=len(free)):
        placed = (low > 0).reshape(-1)
        placed[free] = picked
        yield placed.reshape(low.shape)


def _solve(
    instance: Instance, allowed: Bools, low: Floats, high: Floats, placed: Bools | None, scale: float = 1
) -> Answer:
    I, T = instance.unit_cost.shape
    K, W, R = instance.price.shape[1], len(instance.scenarios), len(instance.resources)
    rows = Rows(
        {
            "level": (I, T, K),
            "change": (I, T),
            "placed": (I, T),
            "order": (I, T),
            "sale": (I, T, K, W),
            "stock": (I, T, W),
            "over": (R, T, W),
        }
    )
    at = rows.at
    price = np.nan_to_num(instance.price)
    above = price - instance.reference_price[:, None]
    pi = instance.probability
    # no order need be larger, short of orders that pay unsold: those are tried again at ten times as much
    amounts = [np.abs(a[a != 0]) for resource in instance.resources for a in resource.use.values() if a.any()]
    capacity = sum(np.abs(r.capacity[np.isfinite(r.capacity)]).sum() for r in instance.resources)
    units = instance.demand.max(axis=2).sum() + instance.initial_stock.sum() + instance.receipt.sum() + 1
    largest = 20 * (units + instance.min_order.max())
    largest += 2 * capacity * len(instance.resources) / min((a.min() for a in amounts), default=1)
    largest *= scale
    profit = np.zeros(rows.width)
    lower, upper = np.zeros(rows.width), np.full(rows.width, np.inf)
    whole = np.zeros(rows.width)

    upper[at["level"]] = allowed
    whole[at["level"]] = 1
    upper[at["change"]] = 1
    whole[at["placed"]] = 1
    lower[at["placed"]], upper[at["placed"]] = (0, high > 0) if placed is None else (placed, placed)
    lower[at["order"]], upper[at["order"]] = low, high

    # demand as terms on the levels: the item's own and those of others that move it
    asked: dict[tuple[int, int, int], list[tuple[int, float]]] = {}
    effect = instance.cross_effects
    for i, t, w in np.ndindex(I, T, W):
        asked[i, t, w] = [(at["level"][i, t, k], instance.demand[i, t, k, w]) for k in range(K)]
        for n in np.flatnonzero(effect.item == i):
            j = int(effect.other[n])
            asked[i, t, w] += [(at["level"][j, t, k], effect.effect[n, t] * above[j, k]) for k in range(K)]
    most = np.zeros((I, T))
    for n in range(len(effect)):
        own = instance.has_level[effect.other[n]]
        most[effect.item[n]] += np.abs(effect.effect[n]) * np.abs(above[effect.other[n]][own]).max()

    for i, t in np.ndindex(I, T):
        rows.add([(at["level"][i, t, k], 1) for k in range(K)], 1, 1)
        for k in range(K):
            before = [(at["level"][i, t - 1, k], -1)] if t else []
            was = float(t == 0 and instance.reference[i] == k)
            rows.add([(at["level"][i, t, k], 1), *before, (at["change"][i, t], -1)], -np.inf, was)
        if placed is None:
            bound = min(float(high[i, t]), float(largest))
            rows.add([(at["order"][i, t], 1), (at["placed"][i, t], -bound)], -np.inf, 0)
        rows.add([(at["order"][i, t], 1), (at["placed"][i, t], -instance.min_order[i])], 0, np.inf)
        profit[at["order"][i, t]] -= instance.unit_cost[i, t]
        profit[at["placed"][i, t]] -= instance.order_cost[i, t]
        for w in range(W):
            sold = [(at["sale"][i, t, k, w], 1.0) for k in range(K)]
            rows.add([*sold, *((c, -a) for c, a in asked[i, t, w])], -np.inf, 0)
            for k in range(K):
                bound = instance.demand[i, t, k, w] + most[i, t]
                rows.add([(at["sale"][i, t, k, w], 1), (at["level"][i, t, k], -bound)], -np.inf, 0)
                profit[at["sale"][i, t, k, w]] += pi[w] * (price[i, k] + instance.lost_sale_cost[i, t])
            for column, amount in asked[i, t, w]:
                profit[column] -= pi[w] * instance.lost_sale_cost[i, t] * amount
            due = t - int(instance.lead_time[i])
            came = [(at["order"][i, due], -1.0)] if due >= 0 else []
            kept = [(at["stock"][i, t - 1, w], -1.0)] if t else []
            there = instance.receipt[i, t] + (0.0 if t else instance.initial_stock[i])
            rows.add([(at["stock"][i, t, w], 1), *kept, *came, *sold], there, there)
            worth = -instance.holding_cost[i, t] + (instance.salvage_value[i] if t == T - 1 else 0)
            profit[at["stock"][i, t, w]] += pi[w] * worth
    for i in np.flatnonzero(np.isfinite(instance.max_price_changes)):
        rows.add([(c, 1) for c in at["change"][i]], -np.inf, instance.max_price_changes[i])

    for r, resource in enumerate(instance.resources):
        for t, w in np.ndindex(T, W):
            if not np.isfinite(resource.capacity[t]):
                continue
            terms: list[tuple[int, float]] = [(at["over"][r, t, w], -1)]
            given = 0.0
            for activity, amounts in resource.use.items():
                for i in range(I):
                    a = float(amounts[i])
                    due = t - int(instance.lead_time[i])
                    if activity is Activity.ORDER:
                        terms.append((at["order"][i, t], a))
                    elif activity is Activity.RECEIPT:
                        given += a * instance.receipt[i, t]
                        terms += [(at["order"][i, due], a)] if due >= 0 else []
                    elif activity is Activity.STOCK:
                        terms.append((at["stock"][i, t, w], a))
                    elif activity is Activity.SALE:
                        terms += [(at["sale"][i, t, k, w], a) for k in range(K)]
                    elif activity is Activity.SETUP:
                        terms.append((at["placed"][i, t], a))
                    elif activity is Activity.PROMO:
                        terms += [(at["level"][i, t, k], a * instance.promo[i, k]) for k in range(K)]
                    else:
                        terms += [(at["level"][i, t, k], a * price[i, k]) for k in range(K)]
            rows.add(terms, -np.inf, resource.capacity[t] - given)
            hard = np.isinf(resource.overage_cost[t])
            upper[at["over"][r, t, w]] = 0 if hard else np.inf
            profit[at["over"][r, t, w]] -= 0 if hard else pi[w] * resource.overage_cost[t]
    for target in instance.service:
        terms = []
        for i, t, w in product(target.items.tolist(), range(T), range(W)):
            terms += [(at["sale"][i, t, k, w], pi[w]) for k in range(K)]
            terms += [(c, -target.min_fill_rate * pi[w] * a) for c, a in asked[i, t, w]]
        rows.add(terms, 0, np.inf)

    for presolve in (True, False):
        found = milp(
            -profit,
            integrality=whole,
            bounds=Bounds(lower, upper),
            constraints=rows.constraint(),
            options={"mip_rel_gap": 0.0, "presolve": presolve},
        )
        if found.status != 4:
            break
    if found.status == 2:
        return Answer("infeasible")
    if found.status == 3:
        return Answer("unbounded")
    if found.status != 0:
        raise RuntimeError(found.message)
    order = found.x[at["order"]]
    if placed is None and scale == 1 and np.any((order > 0.5 * largest) & (high > largest)):
        wider = _solve(instance, allowed, low, high, placed, scale=10)
        if wider.profit > -found.fun + 1e-6 * abs(found.fun):
            return Answer("unbounded")
    return Answer("optimal", -found.fun, found.x[at["level"]].argmax(axis=2), order)


def price_plans(instance: Instance) -> list[Ints]:
    """The pricing function's plans (I, T): largest margin, most reference levels, then highest prices.

    Empty if its rules cannot be kept; more than one if plans tie in all three.
    """
    I, T = instance.unit_cost.shape
    choices = [np.flatnonzero(row) for row in np.repeat(instance.has_level, T, axis=0)]
    level = np.stack(np.meshgrid(*choices, indexing="ij"), axis=-1).reshape(-1, I, T)
    item, period = np.ogrid[:I, :T]
    price = instance.price[item, level]  # (plans, I, T)
    demand = instance.expected_demand[item, period, level]
    effect = instance.cross_effects
    for n in range(len(effect)):
        j = effect.other[n]
        demand[:, effect.item[n]] += effect.effect[n] * (price[:, j] - instance.reference_price[j])
    margin = ((price - instance.unit_cost) * demand).sum(axis=(1, 2))
    keeps = np.ones(len(level), dtype=bool)
    start = np.broadcast_to(instance.reference[:, None], (len(level), I, 1))
    changes = (np.diff(np.concatenate([start, level], axis=2), axis=2) != 0).sum(axis=2)
    keeps &= (changes <= instance.max_price_changes).all(axis=1)
    promo = instance.promo[item, level]
    for resource in instance.resources:
        if not set(resource.use) <= {Activity.PROMO, Activity.PRICE}:
            continue
        used = np.zeros((len(level), T))
        for activity, amounts in resource.use.items():
            used += np.einsum("i,nit->nt", amounts, promo if activity is Activity.PROMO else price)
        for t in np.flatnonzero(np.isfinite(resource.capacity)):
            over = used[:, t] - resource.capacity[t]
            if np.isinf(resource.overage_cost[t]):
                keeps &= over <= 1e-9 * max(1, abs(resource.capacity[t]))
            else:
                margin = margin - resource.overage_cost[t] * np.maximum(over, 0)
    if not keeps.any():
        return []
    level, margin, price = level[keeps], margin[keeps], price[keeps]
    tied = margin >= margin.max() - TIE * max(1.0, abs(margin.max()))
    level, price = level[tied], price[tied]
    regular = (level == instance.reference[:, None]).sum(axis=(1, 2))
    level, price = level[regular == regular.max()], price[regular == regular.max()]
    high = price.sum(axis=(1, 2))
    return list(level[high >= high.max() - TIE * max(1.0, abs(high.max()))])
