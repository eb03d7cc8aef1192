"""Plans made one after the other, at prices that move.

At the prices that prove the best bound integer plans do not add up to the limits: every team's answer jumps, and most
of them jump the same way. So teams plan in turn, those that use most first, and a limit of which the plans made so far
use more than their part gets dearer for those to come, one of which they use less gets cheaper:

    (M5)  lam[n] = lam*[n] + F unit[n] clip(sum_{k done} (use[k,n] - part[k,n]) / sum_{k to come} part[k,n], -1, 1)

with `lam*` the best prices, `F` how strongly, `part[k,n]` what the capacity leaves team `k` if it is shared out as the
relaxations use it over all periods, and `unit[n]` the price plus the mean over the resource's periods. Limits that no
change of orders can keep (prices, promotions, set-ups) also hold as they are: a team gets what those before it have
left, less what those after it cannot do without.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from desilo.cases.instance import Activity, Bools, Floats, Instance, Ints
from desilo.operating.coordination.limits import Limits
from desilo.operating.coordination.market import Market

FEEDBACK = 10.0
"""`F` of (M5): with less, what is used follows too late; with more, teams overreact."""


class Turns:
    """Who has planned, and what is left for the others.

    Args:
        limits: what the teams share.
        market: its best prices, and the offers that it got.
        parts: the teams' instances.
        firm: (n,) limits that no change of orders can keep.
    """

    def __init__(self, limits: Limits, market: Market, parts: Sequence[Instance], firm: Bools) -> None:
        self.limits = limits
        self.best = market.prices
        self.unit = market.prices + limits.mean_over_periods(market.prices)
        self.firm = firm & limits.alone
        self.part = self._parts(market)
        self.least = self._least(parts)
        self.most = self._most(parts)
        self.to_come = self.part.sum(axis=0)
        self.above = np.zeros(len(limits))
        self.kept: dict[int, Floats] = {}
        self.free = limits.capacity - self.least.sum(axis=0)

    @property
    def order(self) -> Ints:
        """(teams,) whose turn comes when: those that use most first, so that the small ones even out what is left."""
        share = np.divide(self.part, self.limits.capacity, out=np.zeros_like(self.part), where=self.limits.capacity > 0)
        return np.argsort(-share.sum(axis=1), kind="stable")

    @property
    def prices(self) -> Floats:
        """(n,) the prices (M5) for the next team."""
        off = np.divide(self.above, self.to_come, out=np.zeros_like(self.above), where=self.to_come > 0)
        moved: Floats = self.best + FEEDBACK * self.unit * np.clip(off, -1.0, 1.0)
        return np.clip(moved, 0.0, self.limits.ceiling)

    def room(self, team: int) -> Floats:
        """(n,) what a team may use, kept for it until it is done; inf where only the price counts."""
        self.kept[team] = np.minimum(self.free + self.least[team], self.most[team])
        self.free -= self.kept[team] - self.least[team]
        return np.where(self.firm, self.kept[team], np.inf)

    def done(self, team: int, use: Floats) -> None:
        """A team has planned and uses (n,) of the limits."""
        self.above += use - self.part[team]
        self.to_come -= self.part[team]
        self.free += self.kept.pop(team) - use

    def _parts(self, market: Market) -> Floats:
        """(teams, n)"""
        use = np.zeros((market.teams, len(self.limits)))
        for team, offer in market.offers:
            use[team] += offer.use
        over_periods = np.maximum(0.0, np.array([self.limits.mean_over_periods(own) for own in use]))
        total = over_periods.sum(axis=0)
        part: Floats = np.divide(over_periods, total, out=np.zeros_like(use), where=total > 0)
        return part * np.maximum(0.0, self.limits.capacity)

    def _least(self, parts: Sequence[Instance]) -> Floats:
        """(teams, n) what a team cannot do without: its view of a rule on prices has that of the others taken off."""
        others = np.zeros((len(parts), len(self.limits)))
        for n in np.flatnonzero(self.firm).tolist():
            r, t = self.limits.keys[n][1]
            seen = np.array([part.resources[r].capacity[t] for part in parts])
            others[:, n] = np.where(np.isfinite(seen), self.limits.capacity[n] - seen, np.nan)
        # who does not use it at all does not see it either: all that there is is the others'
        total = np.nansum(others, axis=0) / np.maximum(np.isfinite(others).sum(axis=0) - 1, 1)
        return np.where(np.isfinite(others), total - others, 0.0)

    def _most(self, parts: Sequence[Instance]) -> Floats:
        """(teams, n) what a team can use at most of the limits that hold as they are."""
        most = np.zeros((len(parts), len(self.limits)))
        for n in np.flatnonzero(self.firm).tolist():
            r = self.limits.keys[n][1][0]
            for team, part in enumerate(parts):
                highest = {
                    Activity.PRICE: np.nanmax(part.price, axis=1),
                    Activity.PROMO: part.promo.any(axis=1),
                    Activity.SETUP: np.ones(len(part.items)),
                }
                use = part.resources[r].use
                most[team, n] = sum(float(amount @ highest[activity]) for activity, amount in use.items())
        return most
