"""What teams share: the split of an instance into teams, and the limits that more than one of them uses.

A team is a set of items that belong to one group or act on each other's demand. Everything else that ties items
together is a row of the joint model that sums over teams: a shared resource in a period (R1), in a period and scenario
(R2), or a service target (S1). Those rows are the *limits* of this package.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from desilo.cases.instance import (
    PRICING_ACTIVITIES,
    SCENARIO_ACTIVITIES,
    Activity,
    Bools,
    CrossEffects,
    Floats,
    Instance,
    Ints,
    Resource,
    ServiceTarget,
)
from desilo.solving import Program, labels

Key = tuple[str, tuple[int, ...]]
"""A row of the joint model: the constraint's name and index."""


@dataclass(frozen=True)
class Limits:
    """The n limits that teams share.

    Attributes:
        keys: n rows of the joint model.
        capacity: (n,) what all teams together may use.
        ceiling: (n,) the most a price can be: what a unit above capacity costs; inf for hard limits.
        alone: (n,) whether no team could keep it by what others give back: it also holds for each team by itself.
    """

    keys: tuple[Key, ...]
    capacity: Floats
    ceiling: Floats
    alone: Bools

    def __len__(self) -> int:
        return len(self.keys)

    def mean_over_periods(self, figures: Floats) -> Floats:
        """(n,) of figures (n,), the mean over all limits of the same resource or service target."""
        _, which = np.unique([f"{name} {index[0]}" for name, index in self.keys], return_inverse=True)
        mean: Floats = np.bincount(which, weights=figures) / np.bincount(which)
        return mean[which]

    @property
    def position(self) -> dict[Key, int]:
        """Which limit a row is."""
        return {key: n for n, key in enumerate(self.keys)}


def teams_of(instance: Instance) -> list[Ints]:
    """Items by team, teams in the order of their first items."""
    count = len(instance.items)
    known: dict[str, int] = {}
    first = [known.setdefault(group, i) for i, group in enumerate(instance.groups)]
    edges = [(i, j) for i, j in enumerate(first)]
    cross = instance.cross_effects
    edges += list(zip(cross.item.tolist(), cross.other.tolist(), strict=True))
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    graph = sparse.coo_array((np.ones(len(edges)), (ends[0], ends[1])), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    _, start = np.unique(label, return_index=True)
    return [np.flatnonzero(label == label[i]) for i in sorted(start.tolist())]


def shared_limits(instance: Instance, teams: list[Ints]) -> Limits:
    """The limits that more than one team uses."""
    team = np.zeros(len(instance.items), dtype=np.int64)
    for k, items in enumerate(teams):
        team[items] = k
    found = list(_rows(instance, team))
    alone = [np.isinf(ceiling) and not _gives_back(instance, key) for key, _, ceiling in found]
    return Limits(
        keys=tuple(key for key, _, _ in found),
        capacity=np.array([capacity for _, capacity, _ in found]),
        ceiling=np.array([ceiling for _, _, ceiling in found]),
        alone=np.array(alone, dtype=bool),
    )


def firm_limits(instance: Instance, limits: Limits) -> Bools:
    """(n,) whether a limit is a hard one on prices, promotions and set-ups alone: smaller orders do not help."""
    firm = PRICING_ACTIVITIES | {Activity.SETUP}
    on_firm = [key[0] == "R1_limit" and set(instance.resources[key[1][0]].use) <= firm for key in limits.keys]
    return np.array(on_firm, dtype=bool) & np.isinf(limits.ceiling)


def _gives_back(instance: Instance, key: Key) -> bool:
    """Whether an item can use less than nothing of a limit, so that the others may use more than all of it."""
    if key[0] == "S1_fill_rate":
        return True
    return any(np.any(amount < 0) for amount in instance.resources[key[1][0]].use.values())


def _rows(instance: Instance, team: Ints) -> Iterator[tuple[Key, float, float]]:
    """Key, capacity and ceiling of every shared limit."""
    for r, resource in enumerate(instance.resources):
        users = _users(resource)
        if len(set(team[users].tolist())) < 2:
            continue
        for t in np.flatnonzero(np.isfinite(resource.capacity)).tolist():
            capacity, cost = float(resource.capacity[t]), float(resource.overage_cost[t])
            if SCENARIO_ACTIVITIES & set(resource.use):
                for w, probability in enumerate(instance.probability.tolist()):
                    yield ("R2_limit", (r, t, w)), capacity, probability * cost if cost < np.inf else cost
            else:
                yield ("R1_limit", (r, t)), capacity, cost
    for k, target in enumerate(instance.service):
        if len(set(team[target.items].tolist())) > 1:
            yield ("S1_fill_rate", (k,)), 0.0, np.inf


def _users(resource: Resource) -> Ints:
    """Items that use it."""
    return np.flatnonzero(np.any([amount != 0 for amount in resource.use.values()], axis=0))


def part_of(instance: Instance, items: Ints) -> Instance:
    """The instance of some items alone. Resources and service targets keep their places, with only these items' use.

    A shared limit stays as it is, but for rules on prices and promotions: of those the others use the least they can.
    Of what only others use there is a place and nothing else: neither figures nor names.
    """
    position = np.full(len(instance.items), -1)
    position[items] = np.arange(len(items))
    cross = instance.cross_effects
    inside = (position[cross.item] >= 0) & (position[cross.other] >= 0)
    pick = items.tolist()
    rows = {
        name: getattr(instance, name)[items]
        for name in (
            *("price", "reference", "promo", "demand", "unit_cost", "order_cost", "holding_cost", "lost_sale_cost"),
            *("max_order", "receipt", "salvage_value", "initial_stock", "lead_time", "min_order", "max_price_changes"),
        )
    }
    return replace(
        instance,
        items=tuple(instance.items[i] for i in pick),
        groups=tuple(instance.groups[i] for i in pick),
        levels=tuple(instance.levels[i] for i in pick),
        cross_effects=CrossEffects(position[cross.item[inside]], position[cross.other[inside]], cross.effect[inside]),
        resources=tuple(_resource_of(instance, resource, items) for resource in instance.resources),
        service=tuple(_target_of(target, position) for target in instance.service),
        **rows,
    )


def _resource_of(instance: Instance, resource: Resource, items: Ints) -> Resource:
    """What some items see of a resource."""
    if not np.isin(items, _users(resource)).any():
        unlimited = np.full_like(resource.capacity, np.inf)
        return Resource("", unlimited, unlimited, {activity: np.zeros(len(items)) for activity in resource.use})
    others = np.setdiff1d(np.arange(len(instance.items)), items)
    return replace(
        resource,
        capacity=resource.capacity - _least_use(instance, resource, others),
        use={activity: amount[items] for activity, amount in resource.use.items()},
    )


def _target_of(target: ServiceTarget, position: Ints) -> ServiceTarget:
    """What the items with a position see of a service target."""
    inside = position[target.items]
    inside = inside[inside >= 0]
    return replace(target, items=inside) if len(inside) else ServiceTarget("", inside, 0.0)


def _least_use(instance: Instance, resource: Resource, items: Ints) -> float:
    """The least that some items can use of a rule on prices and promotions in a period; 0 for other resources."""
    if not resource.is_pricing_rule:
        return 0.0
    used = np.zeros_like(instance.price)
    for activity, amount in resource.use.items():
        figure = instance.promo if activity is Activity.PROMO else instance.price
        used += amount[:, None] * figure
    return float(np.nanmin(used[items], axis=1).sum()) if len(items) else 0.0


def flow_columns(instance: Instance) -> int:
    """About how many columns the tight model has: a flow for every pair of periods, level and scenario."""
    arcs = instance.periods * (instance.periods + 1) // 2
    return arcs * int(instance.has_level.sum()) * len(instance.scenarios)


def standing_use(instance: Instance, limits: Limits) -> Floats:
    """(I, n) what units already on the way use of the limits, whatever is decided."""
    use = np.zeros((len(instance.items), len(limits)))
    for n, (name, index) in enumerate(limits.keys):
        if name != "S1_fill_rate":
            amount = instance.resources[index[0]].use.get(Activity.RECEIPT)
            if amount is not None:
                use[:, n] = amount * instance.receipt[:, index[1]]
    return use


@dataclass(frozen=True)
class Usage:
    """What the columns of a program use of the limits: `matrix @ x + standing`.

    Attributes:
        matrix: (n, columns) use per unit of a column, overage left out.
        standing: (n,) use whatever is decided, such as units already on the way.
        rows: (n,) the program's row; -1 where the program does not touch the limit.
        overage: columns that stand for use above capacity.
    """

    matrix: sparse.csr_array
    standing: Floats
    rows: Ints
    overage: Ints


def usage(program: Program, instance: Instance, limits: Limits) -> Usage:
    """Read from the rows of the joint model of an instance, of all items or of some."""
    position = limits.position
    rows = np.full(len(limits), -1)
    for row, key in enumerate(labels(program.row_parts)):
        if key in position:
            rows[position[key]] = row
    limit = {"over": "R1_limit", "over_in": "R2_limit"}
    over = [k for k, (name, index) in enumerate(labels(program.columns)) if (limit.get(name), index) in position]
    overage = np.array(over, dtype=np.int64)
    there = rows >= 0
    upper = np.isfinite(program.row_upper[rows[there]])
    sign = np.where(upper, 1.0, -1.0)
    chosen = sparse.csr_array(
        (sign, (np.flatnonzero(there), rows[there])), shape=(len(limits), program.matrix.shape[0])
    )
    matrix = sparse.csr_array(chosen @ program.matrix)
    keep = np.ones(program.matrix.shape[1])
    keep[overage] = 0.0
    matrix = sparse.csr_array(matrix @ sparse.diags_array(keep))
    matrix.eliminate_zeros()
    standing = standing_use(instance, limits).sum(axis=0)
    return Usage(matrix, standing, rows, overage)
