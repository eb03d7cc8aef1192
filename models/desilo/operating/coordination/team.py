"""A team: it knows its own items and nothing else, and decides for itself against the prices of what is shared.

With the limits priced at `lam >= 0`, a team maximises

    (T1)  profit of its own items - lam x what they use

over its own rows: pricing, demand and inventory of the joint model for its items (`formulations`), with every hard
limit as if the team had it alone, where nobody else can use less than nothing. The relaxation of (T1) gives bounds,
its integer solutions give plans.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np

from desilo.cases.instance import Bools, Floats, Instance, Ints
from desilo.cases.plan import SMALLEST_ORDER
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.formulations.windows import WindowRows
from desilo.operating.coordination.limits import Limits, Usage, flow_columns, usage
from desilo.operating.coordination.relaxation import Relaxed, Stopped, relaxed
from desilo.operating.prices import level_shares
from desilo.solving import Held, Options, Program, Stop, hand_back, translate, values

USED = 0.05
"""A level that a relaxation chooses to this share is worth considering."""

PLACED = 0.02
"""The same for a set-up."""

PAIRS = 10_000
"""Pair variables, counted both ways, up to which the rows (I20) do better than flows. They are added by the simplex
method, which takes long with more: 4 items, 8 periods and 5 levels 0.4 s instead of 0.8 s by an interior-point method,
11 items, 4 periods and 7 levels 21 s instead of 6.5 s."""

FIXING_TOLERANCE = 1e-7
"""Relative: reduced costs are as exact as the relaxation."""


@dataclass(frozen=True)
class Offer:
    """A team's answer to prices.

    Attributes:
        value: no decision of the team is worth more at these prices, money.
        profit: of the decision offered, money, before prices.
        use: (n,) of the limits.
    """

    value: float
    profit: float
    use: Floats


@dataclass(frozen=True)
class Proposal:
    """A plan of a team of which it tells no more than what others need to know.

    Attributes:
        number: the team's own, to come back to.
        proven: whether the search for it ended by itself.
        profit: expected, money, before what going over a limit costs.
        use: (n,) of the limits.
    """

    number: int
    proven: bool
    profit: float
    use: Floats


@dataclass(frozen=True)
class Pattern:
    """A team's plan that could be carried out.

    Attributes:
        level: (I, T) levels.
        order: (I, T) units.
        profit: expected, money, before what going over a limit costs.
        use: (n,) of the limits.
        bound: on what was searched, at the prices or within the room given.
        proven: whether the search ended by itself.
        levels: (I, T, K) levels worth considering.
        setups: (I, T) set-ups worth considering.
    """

    level: Ints
    order: Floats
    profit: float
    use: Floats
    bound: float
    proven: bool
    levels: Bools
    setups: Bools


class Change(Enum):
    """What may change when teams plan again."""

    SETUPS = auto()  # when to order; levels are given
    LEVELS = auto()  # set-ups are given
    BOTH = auto()


@dataclass(frozen=True)
class Look:
    """What a relaxation used.

    Attributes:
        prices: (n,) at which it was solved.
        levels: (I, T, K) levels.
        setups: (I, T) set-ups.
    """

    prices: Floats
    levels: Bools
    setups: Bools


def by_windows(instance: Instance) -> bool:
    """Whether a team is bounded by the rows (I20), and not by flows."""
    return len(instance.cross_effects) * instance.periods * int(instance.price.shape[1]) ** 2 <= PAIRS


def kilobytes(instance: Instance) -> int:
    """About what a team's models take: one for every flow, or for every demand where there are none."""
    return instance.demand.size if by_windows(instance) else flow_columns(instance)


class Team:
    """The items of one team, or of several that plan together.

    Args:
        instance: of its items.
        limits: what it shares with others.
        options: of the solver.
        frugal: forget models after every answer: for so many teams that they would not fit in memory.
    """

    def __init__(self, instance: Instance, limits: Limits, options: Options, frugal: bool = False) -> None:
        self.instance = instance
        self.limits = limits
        self.options = options
        self.frugal = frugal
        self.levels = np.zeros((len(instance.items), instance.periods, instance.price.shape[1]), dtype=bool)
        self.setups = np.zeros((len(instance.items), instance.periods), dtype=bool)
        self._looks: list[Look] = []
        self._by_windows = by_windows(instance)
        self._models: dict[bool, _Model] = {}  # by whether it is one with windows
        self._kept: list[Pattern | None] = []  # None where a search found nothing
        self._last: Relaxed | None = None  # of (T1)
        self._prices = np.full(len(limits), math.nan)  # its prices

    def forget(self) -> None:
        """Let go of what can be made again, if the team is frugal."""
        if self.frugal:
            self._models.clear()

    def relax(self, prices: Floats, seconds: float = math.inf) -> Offer:
        """The relaxation of (T1) at prices (n,): from where it ended at the prices asked for before.

        Raises:
            Stopped: it has no optimum, or not within so many seconds.
        """
        found = self._relaxed(prices, seconds)
        use = self._tight.use(found.solution)
        return Offer(found.value, found.value + float(prices @ use), use)

    def _relaxed(self, prices: Floats, seconds: float = math.inf) -> Relaxed:
        if self._last is None or not np.array_equal(prices, self._prices):
            model = self._tight
            program = model.priced(prices)
            options = replace(self.options, time_limit=seconds)
            self._last, self._prices = relaxed(program, model.windows, options, self._last), prices
            self._looks.append(Look(prices, *self._look(model, program, self._last.solution)))
        return self._last

    def decide(self, prices: Floats, seconds: float, gap: float, room: Floats | None = None) -> Pattern | None:
        """A plan that is good at prices (n,), and within room (n,) where that is given and finite.

        It comes from the levels and set-ups that the relaxation at the nearest prices used (every price asked for
        widens what was used at any, and with that the search); if nothing fits, from those used at any.
        """
        nearest = sorted(self._looks, key=lambda look: float(self.limits.capacity @ np.abs(look.prices - prices)))
        return self._planned(prices, room, [(look.levels, look.setups) for look in nearest[:1]], seconds, gap)

    def certify(self, prices: Floats, pattern: Pattern, seconds: float, gap: float) -> Pattern:
        """The pattern or a better one, with a bound that knows about integers.

        A level or set-up that the relaxation would have to pay more for than lies between it and the pattern is in
        no better plan (reduced-cost fixing: Dantzig, Fulkerson and Johnson 1954). The rest is searched.
        """
        last, tight = self._relaxed(prices), self._tight
        worth = pattern.profit - float(prices @ pattern.use)
        possible = last.value + last.reduced_costs >= worth - abs(worth) * FIXING_TOLERANCE
        levels, setups = np.zeros_like(self.levels), np.ones_like(self.setups)
        item, level, period = tight.y_index.T
        levels[item, period, level] = possible[tight.y]
        setups[tuple(tight.setup_index.T)] = possible[tight.setup]
        program = self._with_rows(tight.restricted(tight.priced(prices), levels, setups))
        found = self._solved(tight, program, seconds, gap, pattern)
        if found is None:
            return pattern
        bound = min(last.value, max(found.bound, worth))
        best = found if found.profit - float(prices @ found.use) > worth else pattern
        return replace(best, bound=bound, levels=self.levels | pattern.levels, setups=self.setups | pattern.setups)

    def propose(self, prices: Floats | None, room: Floats | None, seconds: float, gap: float) -> Proposal | None:
        """A plan of the team's own making, kept until it is asked for: at prices (n,), or within room (n,).

        It comes from the levels and set-ups that relaxations have used so far: ask for offers or values first.
        """
        assert (prices is None) != (room is None)
        if prices is not None:
            pattern = self._planned(prices, None, [], seconds, gap)
        else:
            assert room is not None
            model = self._light
            pattern = self._solved(model, model.restricted(model.within(room), self.levels, self.setups), seconds, gap)
        self._kept.append(pattern)
        if pattern is None:
            return None
        return Proposal(len(self._kept) - 1, pattern.proven, pattern.profit, pattern.use)

    def stand(self, level: Ints, order: Floats, profit: float, use: Floats) -> Proposal:
        """What the team does today is a proposal too, the first, and its levels and set-ups are worth considering."""
        self.levels = self.levels | (np.arange(self.levels.shape[2]) == level[:, :, None])
        self.setups = self.setups | (order > SMALLEST_ORDER)
        self._kept.append(Pattern(level, order, profit, use, math.inf, True, self.levels, self.setups))
        return Proposal(len(self._kept) - 1, True, profit, use)

    def value_of(self, room: Floats) -> Floats:
        """(n,) what one more unit of room (n,) would be worth to the team, money; 0 if nothing can be said."""
        model = self._tight
        duals = self._consider(model, model.within(room))
        worth = np.zeros(len(self.limits))
        if duals is not None:
            worth[model.touched] = np.abs(duals[model.usage.rows[model.touched]])
        return worth

    def tell(self, number: int) -> tuple[Ints, Floats]:
        """Levels (I, T) and orders (I, T) of a proposal; what the team does today if it has none of that number.

        That happens if its office died: a search made again may come to nothing in the time that it is given.
        """
        pattern = self._kept[number] or self._kept[0]
        assert pattern is not None, "what the team does today is the first"
        return pattern.level, pattern.order

    def _planned(
        self, prices: Floats, room: Floats | None, first: Sequence[tuple[Bools, Bools]], seconds: float, gap: float
    ) -> Pattern | None:
        """A plan from some levels and set-ups; if nothing fits, from all that relaxations used, or today's."""
        model = self._tight
        program = self._with_rows(model.priced(prices, room))
        today = np.zeros_like(self.levels) | (np.arange(self.levels.shape[2]) == self.instance.reference[:, None, None])
        for levels, setups in (*first, (self.levels, self.setups), (today, self.setups)):
            found = self._solved(model, model.restricted(program, levels, setups), seconds, gap)
            if found is not None:
                return found
        return None

    def _consider(self, model: _Model, program: Program) -> Floats | None:
        """Levels and set-ups that a relaxation uses are worth considering; (rows,) its duals, if it has an optimum."""
        try:
            found = relaxed(program, model.windows, replace(self.options, time_limit=math.inf), self._last)
        except Stopped:
            return None
        self._look(model, program, found.solution)
        return found.row_duals

    def _look(self, model: _Model, program: Program, x: Floats) -> tuple[Bools, Bools]:
        """Levels (I, T, K) and set-ups (I, T) that a relaxation uses; from now on they are worth considering."""
        hand_back(program, x)
        levels = level_shares(model.built, self.instance) > USED
        setups = values(model.built.inventory.setup, self.setups.shape) > PLACED
        self.levels, self.setups = self.levels | levels, self.setups | setups
        return levels, setups

    def improve(
        self, prices: Floats, room: Floats, present: Pattern, change: Change, seconds: float, gap: float
    ) -> Pattern | None:
        """A better plan within the room (n,) that the others leave, from the present one on.

        What it leaves of the room is worth prices (n,). Levels and set-ups may change to those worth considering.
        """
        model = self._light
        now = np.arange(self.levels.shape[2]) == present.level[:, :, None]
        placed = present.order > SMALLEST_ORDER
        self.levels, self.setups = present.levels | now, present.setups | placed
        levels = now if change is Change.SETUPS else self.levels
        setups = placed if change is Change.LEVELS else self.setups
        program = model.within(room)
        program = replace(program, cost=program.cost - model.usage.matrix.T @ prices)
        return self._solved(model, model.restricted(program, levels, setups), seconds, gap, start=present)

    def _with_rows(self, program: Program) -> Program:
        return program if self._last is None else program.with_rows(*self._last.rows)

    @property
    def _tight(self) -> _Model:
        """For relaxations, and for searches that begin with one."""
        return self._model(self._by_windows)

    @property
    def _light(self) -> _Model:
        """For searches that are cut short: rows (I20) cost those more than they save."""
        return self._model(False)

    def _model(self, windows: bool) -> _Model:
        if windows not in self._models:
            formulation = Formulation.LADDER if self._by_windows else Formulation.TIGHT
            self._models[windows] = _Model(self.instance, self.limits, formulation, windows)
        return self._models[windows]

    def _solved(
        self,
        model: _Model,
        program: Program,
        seconds: float,
        gap: float,
        start: Pattern | None = None,
    ) -> Pattern | None:
        held = Held(program, replace(self.options, time_limit=seconds, gap=gap))
        if start is not None:
            held.start(*model.integers(start))
        outcome = held.solve()
        if outcome.stop is Stop.INFEASIBLE and start is not None:
            return replace(start, proven=True)  # it is a plan, but for tolerances: none is found with more time, either
        if not outcome.feasible:
            return None
        x = held.solution
        hand_back(program, x)
        order = values(model.built.inventory.order, self.setups.shape)
        shares = level_shares(model.built, self.instance)
        self.levels, self.setups = self.levels | (shares > 0.5), self.setups | (order > SMALLEST_ORDER)
        return Pattern(
            level=shares.argmax(axis=2),
            order=np.where(order > SMALLEST_ORDER, order, 0.0),
            profit=float(model.gains @ x + model.program.offset),
            use=model.use(x),
            bound=outcome.bound,
            proven=outcome.stop is Stop.OPTIMAL,
            levels=self.levels,
            setups=self.setups,
        )


class _Model:
    """A team's joint model as arrays, and what finds rows that make it tighter."""

    def __init__(self, instance: Instance, limits: Limits, formulation: Formulation, windows: bool) -> None:
        self.built = joint_model(instance, None, formulation, windows).model
        self.program = translate(self.built)
        self.windows = WindowRows(self.program, instance) if windows else None
        self.usage: Usage = usage(self.program, instance, limits)
        self.y, self.y_index = self.program.columns_of("y", 3)
        self.rung, self.rung_index = self.program.columns_of("u", 3)
        self.setup, self.setup_index = self.program.columns_of("setup", 2)
        self.gains = self.program.cost.copy()
        self.gains[self.usage.overage] = 0.0
        rows = self.usage.rows
        self.touched = np.flatnonzero(rows >= 0)
        self.shared = rows[self.touched[~limits.alone[self.touched]]]

    def use(self, x: Floats) -> Floats:
        """(n,) of the limits at a solution."""
        return self.usage.matrix @ x + self.usage.standing

    def priced(self, prices: Floats, room: Floats | None = None) -> Program:
        """(T1): limits priced; hard ones also hold for the team alone, or within room (n,) where it is finite."""
        lower, upper = self.program.row_lower.copy(), self.program.row_upper.copy()
        lower[self.shared], upper[self.shared] = -np.inf, np.inf
        if room is not None:
            given = self.touched[np.isfinite(room[self.touched])]
            upper[self.usage.rows[given]] = (room - self.usage.standing)[given]
        ceiling = self.program.upper.copy()
        ceiling[self.usage.overage] = 0.0
        return replace(
            self.program,
            cost=self.program.cost - self.usage.matrix.T @ prices,
            offset=self.program.offset - float(prices @ self.usage.standing),
            row_lower=lower,
            row_upper=upper,
            upper=ceiling,
        )

    def within(self, room: Floats) -> Program:
        """Limits as the others leave them (n,), overage paid for."""
        lower, upper = self.program.row_lower.copy(), self.program.row_upper.copy()
        for n in self.touched.tolist():
            row = self.usage.rows[n]
            rest = room[n] - self.usage.standing[n]
            if np.isfinite(upper[row]):
                upper[row] = rest
            else:
                lower[row] = -rest
        return replace(self.program, row_lower=lower, row_upper=upper)

    def restricted(self, program: Program, levels: Bools, setups: Bools) -> Program:
        """Only some levels (I, T, K), and orders only where set-ups (I, T) may be paid."""
        upper = program.upper.copy()
        upper[self.y[~levels[self.y_index[:, 0], self.y_index[:, 2], self.y_index[:, 1]]]] = 0.0
        upper[self.setup[~setups[tuple(self.setup_index.T)]]] = 0.0
        return replace(program, upper=upper)

    def integers(self, pattern: Pattern) -> tuple[Ints, Floats]:
        """The integer columns and what they are in a plan."""
        item, level, period = self.y_index.T
        chosen = pattern.level[item, period] == level
        item, level, period = self.rung_index.T
        reached = pattern.level[item, period] <= level
        placed = pattern.order[tuple(self.setup_index.T)] > SMALLEST_ORDER
        columns = np.concatenate([self.y, self.rung, self.setup])
        return columns, np.concatenate([chosen, reached, placed]).astype(float)
