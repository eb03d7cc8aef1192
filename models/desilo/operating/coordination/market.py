"""The market for what teams share: prices from offers, and the bound they prove.

With `c[n]` the capacity of limit `n`, `h[n]` what a unit above it costs (inf if hard), and `v_k(lam)` what team `k`'s
problem (T1) is worth at prices `lam`, for every `0 <= lam <= h`

    (M1)  L(lam) = sum_n lam[n] c[n] + sum_k v_k(lam)

is a bound on the joint model: Lagrangian relaxation of the limits (Geoffrion 1974). The best prices make it smallest.
They come from a restricted master over the offers `o` made so far (Dantzig and Wolfe 1960), with prices kept in a box
around the best so far (boxstep: Marsten, Hogan and Blankenship 1975), of which the next ones go a part of the way
(smoothing; how far is as in Pessoa, Sadykov, Uchoa and Vanderbeck 2018, INFORMS Journal on Computing 30, 339-360):

    (M2)  max  sum_o profit[o] x[o] - sum_n high[n] over[n] + sum_n low[n] spare[n]
    (M3)  sum_o use[o,n] x[o] - over[n] + spare[n] = c[n]       for each limit n; its dual is lam[n] in [low, high]
    (M4)  sum_{o of k} x[o] = 1                                 for each team k

The same master with proposals instead of offers, x binary and no box says which proposals fit together (`match`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from desilo.cases.instance import Floats, Ints
from desilo.operating.coordination.limits import Limits
from desilo.operating.coordination.team import Offer, Proposal
from desilo.solving import Held, Options, Program, Stop, relative_gap

ROUNDS = 20
"""Rounds of prices at most."""

STEP, LONGER, SHORTER = 0.1, 0.1, 0.8
"""Of the way from the best prices to the master's: at first, when it knows one offer of each team; so much more if
there is further to go, so many times if it was too far. Small steps are cheap, too: a team's relaxation begins where
the last one ended."""

WIDER, NARROWER = 2.0, 0.8
"""Times the box, where the master's prices are at its edge; times all of it, if they were no better."""

KEPT = 1e-9
"""Relative: plans made apart keep a limit up to the solver's tolerance."""


@dataclass
class Market:
    """Offers so far, the best prices, and the box around them.

    Attributes:
        limits: what is traded.
        teams: how many trade.
        prices: (n,) the best so far.
        radius: (n,) of the box.
        bound: L(prices).
        values: (teams,) what each team's problem is worth at them.
        offers: (team, offer) so far.
        aim: (n,) the master's prices, None before there are any.
        promised: the bound that they would prove if no team had a better offer; nothing is known without them.
        step: part of the way there.
    """

    limits: Limits
    teams: int
    prices: Floats
    radius: Floats
    bound: float = np.inf
    values: Floats = field(default_factory=lambda: np.zeros(0))
    offers: list[tuple[int, Offer]] = field(default_factory=list)
    aim: Floats | None = None
    promised: float = -np.inf
    step: float = STEP

    @classmethod
    def around(cls, limits: Limits, teams: int, prices: Floats, box: float) -> Market:
        """A market that opens at prices (n,), in a box of that share of them and of their mean over the limit."""
        return cls(limits, teams, prices, box * (prices + limits.mean_over_periods(prices)))

    def of(self, chosen: Ints) -> Market:
        """The market of some teams after its first round: each limit scaled to the share of its use that is theirs."""
        offers = [offer for _, offer in self.offers]
        use = np.array([offer.use for offer in offers])
        share = np.full(len(self.limits), len(chosen) / len(offers))
        np.divide(use[chosen].sum(axis=0), use.sum(axis=0), out=share, where=use.sum(axis=0) > 0)
        limits = replace(self.limits, capacity=self.limits.capacity * share.clip(0, 1))
        market = Market(limits, len(chosen), self.prices, self.radius)
        market.record(self.prices, [offers[k] for k in chosen.tolist()])
        return market

    def settled(self, gap: float) -> bool:
        """Whether no prices in the box can prove a bound much better than the present one."""
        return relative_gap(self.promised, self.bound) <= gap

    def rounds(
        self, ask: Callable[[Floats], list[Offer]], gap: float, until: float, first: Floats | None = None
    ) -> Iterator[None]:
        """Ask every team for offers at ever better prices until they settle, or the monotonic clock says `until`.

        At least one round, at prices `first` (n,) if they are given; whoever asks may look at the market after each.
        """
        prices = first if first is not None else self.next_prices() if self.offers else self.prices
        for _ in range(ROUNDS):
            started = time.monotonic()
            self.record(prices, ask(prices))
            yield
            prices = self.next_prices()
            if self.settled(gap) or time.monotonic() + (time.monotonic() - started) / 2 > until:
                return

    def record(self, prices: Floats, offers: list[Offer]) -> bool:
        """Take every team's offer at prices (n,); whether they prove a better bound."""
        self.offers += enumerate(offers)
        use = np.sum([offer.use for offer in offers], axis=0)
        bound = float(prices @ self.limits.capacity) + sum(offer.value for offer in offers)
        better = bound < self.bound
        if better:
            if self.aim is not None:
                at_edge = np.isclose(np.abs(self.aim - self.prices), self.radius) & (self.radius > 0)
                self.radius = np.where(at_edge, WIDER, 1.0) * self.radius
            self.prices, self.bound = prices, bound
            self.values = np.array([offer.value for offer in offers])
        else:
            self.radius = self.radius * NARROWER
        if self.aim is not None:
            falls = (self.limits.capacity - use) @ (self.aim - prices) < 0  # (M1), from these prices on
            self.step = min(1.0, self.step + LONGER) if falls else self.step * SHORTER
        self._open(offers, use)
        return better

    def _open(self, offers: list[Offer], use: Floats) -> None:
        """A limit without a price has no box; where offers use too much of it, it may cost what a unit of it earns."""
        free = (self.radius == 0) & (use > self.limits.capacity + KEPT * (1 + np.abs(self.limits.capacity)))
        earned = max(0.0, sum(offer.profit for offer in offers))
        self.radius[free & (use != 0)] = earned / np.abs(use[free & (use != 0)])

    def next_prices(self) -> Floats:
        """(n,) prices towards those that the offers so far make best within the box."""
        low = np.maximum(0.0, self.prices - self.radius)
        high = np.minimum(self.limits.ceiling, self.prices + self.radius)
        limits, count = len(self.limits), len(self.offers)
        use = np.array([offer.use for _, offer in self.offers]).T
        unit = sparse.eye_array(limits)
        team = np.array([k for k, _ in self.offers])
        one = sparse.coo_array((np.ones(count), (team, np.arange(count))), shape=(self.teams, count))
        blocks: Any = [[sparse.csr_array(use), -unit, unit], [one, None, None]]
        matrix = sparse.block_array(blocks, format="csc")
        rhs = np.concatenate([self.limits.capacity, np.ones(self.teams)])
        columns = count + 2 * limits
        master = Program(
            name="restricted master",
            cost=np.concatenate([[offer.profit for _, offer in self.offers], -high, low]),
            offset=0.0,
            sense=-1,
            matrix=sparse.csc_array(matrix),
            row_lower=rhs,
            row_upper=rhs,
            lower=np.zeros(columns),
            upper=np.full(columns, np.inf),
            integer=np.zeros(columns, dtype=bool),
            columns=(),
            row_parts=(),
            expanded=(),
            seconds=0.0,
            model=None,
        )
        held = Held(master, Options())
        outcome = held.solve()
        if outcome.stop is not Stop.OPTIMAL:
            raise RuntimeError(f"the restricted master ended {outcome.stop}")
        self.aim, self.promised = np.clip(held.row_duals[:limits], low, high), outcome.objective
        return self.prices + self.step * (self.aim - self.prices)


def match(limits: Limits, proposals: list[list[Proposal]], options: Options) -> list[int] | None:
    """Which proposal of every team, so that the limits hold and the profit is largest; None if none fit together.

    Args:
        limits: what the teams share.
        proposals: of every team.
        options: of the solver.
    """
    every = [(k, proposal) for k, own in enumerate(proposals) for proposal in own]
    count, rows = len(every), len(limits)
    use = np.array([proposal.use for _, proposal in every]).reshape(count, rows).T
    soft = np.flatnonzero(np.isfinite(limits.ceiling))
    over = sparse.coo_array((-np.ones(len(soft)), (soft, np.arange(len(soft)))), shape=(rows, len(soft)))
    one = sparse.coo_array((np.ones(count), ([k for k, _ in every], np.arange(count))), shape=(len(proposals), count))
    blocks: Any = [[sparse.csr_array(use), over], [one, None]]
    matrix = sparse.csc_array(sparse.block_array(blocks))
    room = np.where(
        np.isfinite(limits.ceiling), limits.capacity, limits.capacity + KEPT * (1 + np.abs(limits.capacity))
    )
    binary = np.arange(count + len(soft)) < count
    program = Program(
        name="match",
        # profits are after each team's own overage; what they go over together is paid once, here
        cost=np.concatenate([[proposal.profit for _, proposal in every], -limits.ceiling[soft]]),
        offset=0.0,
        sense=-1,
        matrix=matrix,
        row_lower=np.concatenate([np.full(rows, -np.inf), np.ones(len(proposals))]),
        row_upper=np.concatenate([room, np.ones(len(proposals))]),
        lower=np.zeros(len(binary)),
        upper=np.where(binary, 1.0, np.inf),
        integer=binary,
        columns=(),
        row_parts=(),
        expanded=(),
        seconds=0.0,
        model=None,
    )
    held = Held(program, options)
    if not held.solve().feasible:
        return None
    chosen = held.solution[:count] > 0.5
    picked = [0] * len(proposals)
    for (k, _), taken in zip(every, chosen, strict=True):
        same = [j for j, (team, _) in enumerate(every) if team == k]
        if taken:
            picked[k] = next(place for place, j in enumerate(same) if chosen[j])
    return picked
