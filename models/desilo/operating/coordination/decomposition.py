"""The joint model by decomposition: prices for what teams share, plans team by team, and the two put together.

1.  **Prices.** Teams answer prices with the relaxation of their own problem; the market looks for the prices that prove
    the best bound (`market`). They open at those of a sample (`opening`); of many teams, some go on alone for a while.
2.  **Plans.** One team after the other plans what could be carried out, at prices that move so that the plans use
    what there is, and within what the others leave of limits that no change of orders can keep (`turns`).
3.  **Assembly.** Orders are re-optimised for all teams at once, set-ups and levels given.
4.  **Neighbourhoods.** Some teams at a time plan again together within what the others leave of the limits: set-ups,
    levels, or both. Again and again orders are re-optimised for all.
5.  **Certificates.** Teams search among all their levels and set-ups at the prices: their integer bounds replace those
    of their relaxations.

Prices that have not settled in their time are made better after step 4; step 4 comes again after step 5, and last of
all prices once more. It stops as soon as plan and bound are as close as asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from desilo.cases.errors import BadInput, Problem
from desilo.cases.folders import fresh_file
from desilo.cases.instance import Bools, Floats, Instance, Ints
from desilo.cases.plan import SMALLEST_ORDER, Plan
from desilo.formulations.freedom import Freedom
from desilo.formulations.order_bounds import order_bounds
from desilo.operating.coordination.assembly import Assembly, assemble
from desilo.operating.coordination.limits import Limits, firm_limits, flow_columns, part_of, shared_limits, teams_of
from desilo.operating.coordination.market import Market
from desilo.operating.coordination.offices import Offices, Request, offices
from desilo.operating.coordination.opening import opening_prices
from desilo.operating.coordination.relaxation import Stopped
from desilo.operating.coordination.team import Change, Offer, Pattern
from desilo.operating.coordination.turns import Turns
from desilo.operating.decision import Decision
from desilo.operating.desk import Desk, reference_levels
from desilo.solving import Stop, relative_gap

BOX = 1.0
"""Prices of a sample say which limits matter, and may be far off: the first box is as wide as they are, and grows."""

PROMISING = 3e-4
"""Prices that promise to bring the bound down by less than this share are not worth a round before there is a plan."""

SAMPLE = 40
"""Teams that look for prices alone after a first round, where there are more than twice as many."""

FIRST_ROUND = 0.5
"""Share of the time after which a first round of relaxations is given up where there is no plan to fall back on."""

FOR_PRICES, FOR_PLANS = 0.25, 0.35
"""Shares of the time that is left when a step begins."""

TOGETHER = {Change.SETUPS: 10, Change.LEVELS: 4, Change.BOTH: 3}
"""Items that plan again together, at least. What keeps a plan from better ones is what they share: with levels or
set-ups given, more of them can trade it."""

SECONDS = 10.0
"""For one team's plan or certificate at most."""

BLOCK_SECONDS = {Change.SETUPS: 4.0, Change.LEVELS: 4.0, Change.BOTH: 8.0}
"""For one block's search to begin with, for every thousand of its items x periods x scenarios."""

PATIENCE = 1.5
"""Times the seconds that searches of a kind had, for the next ones if these found nothing in them."""

LITTLE = 0.05
"""Share of what there is between plan and bound. Searches are in vain if all of their kind would close less of it at
the rate they go."""

IN_VAIN = 2
"""So often in a row, and searches of that kind wait for the next round."""

CREDIT = 0.5
"""Share of what a limit earns that counts for what blocks leave of it: the others cannot make use of all of it."""

OFTEN = 4.0
"""Orders are re-optimised for all after so many times what it takes."""

CERTAIN = 2.5e-4
"""Relative gap at which a team's certificate ends, however wide the gap that is asked: all of them count."""

FOR_CERTIFICATES = 0.75
"""Share of the time that is left."""

AT_A_TIME = 2
"""Teams of an office that certify before it is asked whether that is worthwhile."""

WORTHWHILE = 0.2
"""Share of what there is between relaxations and plans by which certificates must bring the bound down."""

MANY = 8
"""Teams from which on prices say most of what there is to say."""

LARGE = 50_000
"""Flow columns of the tight model from which on its relaxation takes longer than team by team."""

NOT_SMALL = 10_000
"""Flow columns from which on the whole model is not solved in a few seconds anyway."""


def can_decompose(picture: Instance) -> bool:
    """Whether team by team nothing is lost: how far orders that are never sold pay, only all teams together know."""
    return not order_bounds(picture, Freedom.full(picture)).speculative


def decomposes(picture: Instance, threads: int) -> bool:
    """Whether the joint model is better solved by decomposition: large, and limits shared by teams.

    Few teams say less than the whole model does: only where that is searched beside them, on a second thread.
    """
    teams = teams_of(picture)
    large = LARGE if len(teams) >= MANY else NOT_SMALL if threads > 1 else math.inf
    return flow_columns(picture) >= large and len(shared_limits(picture, teams)) > 0


class Decomposition:
    """The state of one decomposition."""

    market: Market

    def __init__(
        self,
        desk: Desk,
        picture: Instance,
        offices: Offices,
        parts: list[Instance],
        teams: list[Ints],
        limits: Limits,
        checkpoint: Path | None,
        given: Plan | None,
    ) -> None:
        self.desk = desk
        self.picture = picture
        self.offices = offices
        self.parts = parts
        self.teams = teams
        self.limits = limits
        self.bound = math.inf
        self.patterns: list[Pattern | None] = [None] * len(teams)
        self.best: Assembly | None = None
        self.checkpoint = checkpoint
        self.given = given
        self.firm = firm_limits(picture, limits)
        self.rng = np.random.default_rng(desk.options.seed)
        self._noted = time.monotonic()
        self._together_takes = 0.0
        self._round_takes = 0.0  # seconds of the last round of prices
        self._patience = dict.fromkeys(Change, 1.0)  # times the seconds of a block
        self._cut_short = False
        limit = desk.options.time_limit - desk.spent
        self.deadline = time.monotonic() + limit
        self.latest = time.monotonic() + (FIRST_ROUND if given is None else 1.0) * limit

    def run(self, known: Callable[[], Decision | None]) -> None:
        """All steps, or those that a checkpoint has left."""
        self.market = self._resumed() or self._opened()
        gap = max(PROMISING, self.desk.options.gap / 20)
        if self.best is None:
            self.improve_prices(gap, time.monotonic() + FOR_PRICES * self.left)
            self.note("prices")
            self.make_plans()
            self.note("plans")
            self.assemble(known)
            self.note("assembly")
        steps: list[tuple[str, Callable[[], None]]] = [
            ("neighbourhoods", lambda: self.search(rounds=1)),
            ("prices", lambda: self.improve_prices(gap, time.monotonic() + FOR_PRICES * self.left)),
            ("certificates", self.certify),
            ("neighbourhoods", self.search),
            ("prices", lambda: self.improve_prices(self.desk.options.gap / 5, self.deadline)),
        ]
        for step, work in steps:
            if self.close or self.left < 1.0:
                return
            work()
            self.note(step)

    @property
    def left(self) -> float:
        """Seconds, but for putting the plans together at the end."""
        return self.deadline - time.monotonic() - 2 * self._together_takes

    @property
    def close(self) -> bool:
        """Whether plan and bound are as close as asked."""
        return self.best is not None and relative_gap(self.best.profit, self.bound) <= self.desk.options.gap

    def _opened(self) -> Market:
        """A market that nobody has traded on."""
        opening = opening_prices(self.picture, self.teams, self.limits, self.desk.options)
        return Market.around(self.limits, len(self.teams), opening, BOX)

    def improve_prices(self, gap: float, until: float) -> None:
        """Step 1: rounds of prices until they promise less than a gap, or the monotonic clock says `until`."""
        if self.market.settled(gap) or time.monotonic() + self._round_takes > until:
            return
        rounds = self._rounds(gap, until)
        try:
            if not self.market.offers and len(self.teams) > 2 * SAMPLE:
                next(rounds)
                rounds = self._rounds(gap, until, self._prices_of_a_sample(gap, until))
            for _ in rounds:
                pass
        except Stopped:
            if not self.market.offers:
                raise  # no prices, no plans; a later round only made known ones better

    def _rounds(self, gap: float, until: float, first: Floats | None = None) -> Iterator[None]:
        """Rounds of all teams."""
        started = time.monotonic()
        for _ in self.market.rounds(self._offers, gap, until, first):
            self.bound = min(self.bound, self.market.bound)
            self.keep()
            self._round_takes, started = time.monotonic() - started, time.monotonic()
            yield

    @property
    def _longest(self) -> float:
        """Seconds for a relaxation after the first round: one that takes longer than all of a round is stuck."""
        return max(SECONDS, self._round_takes) if self._round_takes else math.inf

    def _prices_of_a_sample(self, gap: float, until: float) -> Floats:
        """(n,) the best prices for some teams, after a first round of all; the others need not be asked meanwhile."""
        chosen = np.sort(self.rng.choice(len(self.teams), SAMPLE, replace=False))
        sample = self.market.of(chosen)
        for _ in sample.rounds(lambda prices: self._offers(prices, chosen), gap, until):
            pass
        self.market.offers += [(int(chosen[k]), offer) for k, offer in sample.offers[SAMPLE:]]
        self.market.radius = sample.radius
        return sample.prices

    def _offers(self, prices: Floats, chosen: Ints | None = None) -> list[Offer]:
        """What every team, or each of some, offers at prices (n,)."""
        asked = range(len(self.teams)) if chosen is None else chosen.tolist()
        # how long relaxations take is known after a first round: the others may go on while one of them lasts
        known = self.market.offers or self.best is not None
        left = max(1.0, min(self.deadline - time.monotonic(), self._longest))
        arguments = (prices, left) if known else lambda: (prices, max(1.0, self.latest - time.monotonic()))
        requests = [Request(k, "relax", arguments) for k in asked]
        offers = {request.team: offer for request, offer in self.offices.ask(requests)}
        return [offers[k] for k in asked]

    def make_plans(self) -> None:
        """Step 2."""
        turns = Turns(self.limits, self.market, self.parts, self.firm)
        seconds, gap = self._each(FOR_PLANS), self.desk.options.gap / 4

        def asked(team: int) -> Request:
            return Request(team, "decide", lambda: (turns.prices, seconds, gap, turns.room(team)))

        for request, pattern in self.offices.ask([asked(team) for team in turns.order.tolist()]):
            self.patterns[request.team] = pattern
            if pattern is not None:
                turns.done(request.team, pattern.use)

    def certify(self) -> None:
        """Step 5, as long as the teams' searches say more than their relaxations; where most is hoped for, first."""
        market = self.market
        known = [(k, pattern) for k, pattern in enumerate(self.patterns) if pattern is not None]
        slack = {k: market.values[k] - (p.profit - float(market.prices @ p.use)) for k, p in known}
        until = time.monotonic() + FOR_CERTIFICATES * self.left

        def asked(team: int, pattern: Pattern) -> Request:
            gap = min(CERTAIN, self.desk.options.gap / 4)
            return Request(team, "certify", lambda: (market.prices, pattern, self._at_most(SECONDS), gap))

        requests = [asked(*each) for each in sorted(known, key=lambda each: -slack[each[0]])]
        value = market.values.copy()
        standing = float(market.prices @ self.limits.capacity)
        together = AT_A_TIME * self.offices.jobs
        for first in range(0, len(requests), together):
            some, before = requests[first : first + together], value.sum()
            for request, pattern in self.offices.ask(some):
                self.patterns[request.team] = pattern
                value[request.team] = min(value[request.team], pattern.bound)
                self.bound = min(self.bound, standing + float(value.sum()))
            hoped = sum(slack[request.team] for request in some)
            self.keep()
            if self.close or before - value.sum() < WORTHWHILE * hoped or time.monotonic() > until:
                return

    def _at_most(self, seconds: float) -> float:
        """Seconds for a search that begins now."""
        return min(seconds, max(self.left, 0.5))

    def _each(self, share: float) -> float:
        """Seconds for each team, if all of them get a share of what is left."""
        seconds = share * max(self.left, 0.5) * self.offices.jobs / len(self.teams)
        return min(seconds, SECONDS)

    def assemble(self, known: Callable[[], Decision | None]) -> None:
        """Step 3; a team without a plan keeps today's levels and orders nothing.

        Args:
            known: finds a plan where the teams' own do not fit together.
        """
        plan = Plan(reference_levels(self.picture), np.zeros_like(self.picture.unit_cost))
        for items, pattern in zip(self.teams, self.patterns, strict=True):
            if pattern is not None:
                plan.level[items], plan.order[items] = pattern.level, pattern.order
        self.take(self.reoptimised(plan))
        if self.given is not None:
            self.take(self.reoptimised(self.given))
        if self.best is None:
            started = time.monotonic()
            start = known()
            self._noted += time.monotonic() - started  # it has steps of its own
            if start is not None and start.plan is not None:
                self.take(self.reoptimised(start.plan))
        self.keep()

    def _considered(self, team: int) -> tuple[Bools, Bools]:
        """Levels and set-ups worth considering; without a plan of its own all set-ups, and only the present levels."""
        pattern = self.patterns[team]
        if pattern is not None:
            return pattern.levels, pattern.setups
        count, periods, levels = len(self.teams[team]), self.picture.periods, self.picture.price.shape[1]
        return np.zeros((count, periods, levels), dtype=bool), np.ones((count, periods), dtype=bool)

    def reoptimised(self, plan: Plan) -> Assembly | None:
        """The best orders for all teams at once, levels and set-ups given."""
        placed = plan.order > SMALLEST_ORDER
        freedom = Freedom.full(self.picture).at_levels(plan.level).placing(placed)
        started = time.monotonic()
        found = assemble(self.picture, freedom, self.teams, self.limits, self.desk.options)
        self._together_takes = time.monotonic() - started
        return found

    def take(self, found: Assembly | None) -> None:
        """Keep the best plan."""
        if found is not None and (self.best is None or found.profit > self.best.profit):
            self.best = found

    def search(self, rounds: int | None = None) -> None:
        """Step 4, until plan and bound are as close as asked, the time is up, or a round gains nothing.

        Where searches are cut short before they find anything, those that follow have more time.
        """
        while self.best is not None and not self.close and self.left > 1.0 and rounds != 0:
            before, self._cut_short = self.best.profit, False
            for change in Change:
                self._search(change)
            if self.best.profit <= before + 1e-6 * abs(before) and not self._cut_short:
                return
            rounds = None if rounds is None else rounds - 1

    def _search(self, change: Change) -> None:
        """Every team plans again once, in blocks, as many at a time as there are offices; not if that is in vain.

        Who earns and uses how much is known of disjoint blocks only: others begin once orders are re-optimised for all.
        """
        assert self.best is not None
        now, sure, last, in_vain = self.best, self.best.plan, time.monotonic(), 0
        blocks, jobs = self._blocks(change), self.offices.jobs
        for first in range(0, len(blocks), jobs):
            if self.close or self.left < 1.0 or in_vain == IN_VAIN:
                break
            some = blocks[first : first + jobs]
            little = LITTLE * (self.bound - self.best.profit) * len(some) / len(blocks)
            now, sure, worthwhile = self._plan_again(now, sure, change, some, little)
            in_vain = 0 if worthwhile else in_vain + 1
            if time.monotonic() - last > OFTEN * self._together_takes:
                now = self._together(now, sure)
                sure, last = now.plan, time.monotonic()
        self._together(now, sure)

    def _together(self, now: Assembly, sure: Plan) -> Assembly:
        """The best plan there is, once orders are re-optimised for all.

        What blocks left to others pays only then. Where it does not, what pays by itself is taken alone.
        """
        assert self.best is not None
        if now is self.best:
            return now
        before = self.best.profit
        self.take(self.reoptimised(now.plan))
        if self.best.profit <= before:
            self.take(self.reoptimised(sure))
        self.keep()
        return self.best

    def _blocks(self, change: Change) -> list[Ints]:
        """All teams by chance in disjoint blocks for a change."""
        blocks: list[list[int]] = [[]]
        for k in self.rng.permutation(len(self.teams)).tolist():
            if sum(len(self.teams[j]) for j in blocks[-1]) >= TOGETHER[change]:
                blocks.append([])
            blocks[-1].append(k)
        return [np.array(sorted(block)) for block in blocks]

    def _plan_again(
        self, now: Assembly, sure: Plan, change: Change, blocks: list[Ints], little: float
    ) -> tuple[Assembly, Plan, bool]:
        """Blocks of teams plan again, each within its own present use and an equal part of what nobody uses.

        What they leave counts for some of what it will earn when orders are re-optimised.

        Returns:
            The plan with all that is worth more; `sure` with what is worth more even if nobody needs what is left; and
            whether it was worthwhile: no search was cut short, or they gained more than a little, money.
        """
        slack = self.limits.capacity - now.use.sum(axis=0)
        a_thousand = self._patience[change] * BLOCK_SECONDS[change]
        prices = CREDIT * now.prices
        requests, rooms = [], []
        for number, block in enumerate(blocks):
            items = np.concatenate([self.teams[k] for k in block])
            room = now.use[block].sum(axis=0) + slack / len(blocks)
            cells = len(items) * self.picture.periods * len(self.picture.scenarios)
            seconds = self._at_most(max(1.0, a_thousand * cells / 1000))
            ask = (prices, room, self._present(now, block, items), change, seconds, 1e-3)
            rooms.append(room)
            requests.append(Request(number, "improve", ask, part_of(self.picture, items)))
        cut_short, late, gained = 0, 0, 0.0
        for request, found in self.offices.ask(requests):
            block, room = blocks[request.team], rooms[request.team]
            use = now.use[block].sum(axis=0)
            present = now.by_team[block].sum() - self._overage(use - room)
            profit = -math.inf if found is None else found.profit - self._overage(found.use - room)
            more = -math.inf if found is None else profit - present - float(prices @ (found.use - use))
            better = more > 1e-6
            if found is None or not found.proven:
                cut_short += 1
                late += not better
            if found is None or not better:
                continue
            gained += more
            items = np.concatenate([self.teams[k] for k in block])
            plan = Plan(now.plan.level.copy(), now.plan.order.copy())
            plan.level[items], plan.order[items] = found.level, found.order
            if profit > present:
                sure = Plan(sure.level.copy(), sure.order.copy())
                sure.level[items], sure.order[items] = found.level, found.order
            by_team, used = now.by_team.copy(), now.use.copy()
            by_team[block], used[block] = 0.0, 0.0  # whose share is whose, nobody asks before orders are re-optimised
            by_team[block[0]], used[block[0]] = found.profit, found.use
            now = replace(now, plan=plan, by_team=by_team, use=used)
        if late == len(blocks):
            self._patience[change] *= PATIENCE
        self._cut_short |= cut_short > 0
        return now, sure, cut_short == 0 or gained > little

    def keep(self) -> None:
        """Write the state to the checkpoint; there is always a whole one."""
        if self.checkpoint is None:
            return
        known = [k for k, pattern in enumerate(self.patterns) if pattern is not None]
        own = [pattern for pattern in self.patterns if pattern is not None]
        state: dict[str, Any] = {
            "digest": np.array(self.picture.digest()),
            "prices": self.market.prices,
            "radius": self.market.radius,
            "values": self.market.values,
            "market_bound": np.array(self.market.bound),
            "promised": np.array(self.market.promised),
            "bound": np.array(self.bound),
            "teams": np.array(known, dtype=np.int64),
            "own_profit": np.array([pattern.profit for pattern in own]),
            "own_use": np.array([pattern.use for pattern in own]).reshape(len(own), len(self.limits)),
        }
        if self.best is not None:
            state |= {"level": self.best.plan.level, "order": self.best.plan.order}
        for name in ("level", "order", "levels", "setups"):
            each = [getattr(pattern, name) for pattern in own]
            state[f"own_{name}"] = np.concatenate(each) if each else np.zeros(0)
        with fresh_file(self.checkpoint) as fresh, fresh.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **state)

    def _resumed(self) -> Market | None:
        """The market of the checkpoint, its plans and bound taken over; None if it holds nothing for this instance."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return None
        try:
            with np.load(self.checkpoint, allow_pickle=False) as file:
                state = dict(file)
            fits = str(state["digest"]) == self.picture.digest()
            whole = not fits or self._is_whole(state)
        except Exception:  # whatever numpy and zipfile trip over in a file that is none
            whole = fits = False
        if not whole:
            wrong = "is no checkpoint, or not a whole one; delete it to start anew, or name another file"
            raise BadInput([Problem(str(self.checkpoint), wrong)])
        return self._taken_over(state) if fits else None

    def _is_whole(self, state: Mapping[str, Any]) -> bool:
        """Whether everything is there: figures, in the shape they were written in, and levels that there are."""
        I, T, K, _ = self.picture.demand.shape
        limits, known = len(self.limits), state["teams"].tolist()
        rows = sum(len(self.teams[k]) for k in known)  # raises if there is no such team
        sized: dict[str, tuple[int, ...]] = dict.fromkeys(("prices", "radius"), (limits,))
        sized |= dict.fromkeys(("market_bound", "promised", "bound"), ())
        sized |= {"own_profit": (len(known),), "own_use": (len(known), limits)}
        levels = {}
        if known:
            sized |= dict.fromkeys(("own_level", "own_order", "own_setups"), (rows, T)) | {"own_levels": (rows, T, K)}
            levels["own_level"] = np.concatenate([self.teams[k] for k in known])
        if "level" in state:
            sized |= {"level": (I, T), "order": (I, T)}
            levels["level"] = np.arange(I)
        figures = all(state[name].dtype.kind in "biuf" for name in {*sized, "values"})
        if not figures or any(state[name].shape != shape for name, shape in sized.items()):
            return False
        finite = (name for name in ("prices", "own_order", "order") if name in sized)
        return all(np.isfinite(state[name]).all() for name in finite) and all(
            (state[name] >= 0).all() and np.take_along_axis(self.picture.has_level[items], state[name], axis=1).all()
            for name, items in levels.items()  # raises if there is no such level
        )

    def _taken_over(self, state: Mapping[str, Any]) -> Market:
        if "level" in state:
            self.best = self.reoptimised(Plan(state["level"], state["order"]))
        self.bound = float(state["bound"])
        market = Market(self.limits, len(self.teams), state["prices"], state["radius"])
        market.values, market.bound = state["values"], float(state["market_bound"])
        market.promised = float(state["promised"])
        start = 0
        for n, k in enumerate(state["teams"].tolist()):
            rows = slice(start, start + len(self.teams[k]))
            start = rows.stop
            self.patterns[k] = Pattern(
                level=state["own_level"][rows],
                order=state["own_order"][rows],
                profit=float(state["own_profit"][n]),
                use=state["own_use"][n],
                bound=math.inf,
                proven=False,
                levels=state["own_levels"][rows],
                setups=state["own_setups"][rows],
            )
        return market

    def note(self, what: str) -> None:
        """A step has ended: what it came to, and how long it took."""
        now = time.monotonic()
        self.desk.note(
            f"search: {what}", now - self._noted, None if self.best is None else self.best.profit, self.bound
        )
        self._noted = now

    def _overage(self, above: Floats) -> float:
        """What use above (n,) soft limits costs, money."""
        soft = np.isfinite(self.limits.ceiling)
        return float(self.limits.ceiling[soft] @ np.maximum(0.0, above[soft]))

    def _present(self, now: Assembly, block: Ints, items: Ints) -> Pattern:
        """What some teams do now, and what they think worth considering."""
        considered = [self._considered(k) for k in block.tolist()]
        return Pattern(
            level=now.plan.level[items],
            order=now.plan.order[items],
            profit=float(now.by_team[block].sum()),
            use=now.use[block].sum(axis=0),
            bound=math.inf,
            proven=False,
            levels=np.concatenate([levels for levels, _ in considered]),
            setups=np.concatenate([setups for _, setups in considered]),
        )


def decompose(
    desk: Desk,
    picture: Instance,
    known: Callable[[], Decision | None],
    checkpoint: Path | None = None,
    executors: Sequence[Executor] = (),
    given: Plan | None = None,
) -> Decision:
    """The joint model of an instance, team by team.

    Args:
        desk: options; `threads` is how many teams work side by side.
        picture: the problem.
        known: finds a plan by other means, should the teams' own not fit together.
        checkpoint: a file to keep the state in, and to go on from if it holds this instance's.
        executors: where teams work, one call after another in each; none: in processes of this machine.
        given: a plan known beforehand, which may be better than the teams' own put together.

    Returns:
        The decision, with the proven bound.

    Raises:
        BadInput: the checkpoint cannot be read.
        KeyboardInterrupt: Ctrl-C before there was a plan.
    """
    teams = teams_of(picture)
    limits = shared_limits(picture, teams)
    parts = [part_of(picture, items) for items in teams]
    options = replace(desk.options, time_limit=math.inf, threads=1)
    interrupted = False
    with offices(parts, limits, options, desk.options.threads, executors) as opened:
        work = Decomposition(desk, picture, opened, parts, teams, limits, checkpoint, given)
        try:
            work.run(known)
        except (KeyboardInterrupt, Stopped) as ended:  # why a relaxation stopped is for the whole model to say
            interrupted = isinstance(ended, KeyboardInterrupt)
            if work.best is None and given is not None:
                work.take(work.reoptimised(given))
            if interrupted and work.best is None:
                raise
            work.note("stopped")
    stop = Stop.INTERRUPTED if interrupted else Stop.TIME_LIMIT
    if work.best is None:
        return Decision(desk.model, stop, None, math.nan, work.bound, tuple(desk.steps))
    placed = work.best.plan.order > SMALLEST_ORDER
    done = desk.polish(picture, Freedom.full(picture).at_levels(work.best.plan.level).placing(placed), work.bound)
    close = relative_gap(done.objective, done.bound) <= desk.options.gap
    return replace(done, stop=Stop.OPTIMAL if close else stop, steps=tuple(desk.steps))
