"""Coordination without a centre that knows everything: what teams and the office that coordinates them tell each other.

Teams sit in processes of their own, each with its own items' figures. The coordinating office knows the limits and
today's plan; it learns nothing of a team but what the team tells it. Three strengths, each building on the one before:

*limits*    Every limit is divided beforehand: today's use, and of what nobody uses a part by today's use. Each team
            plans by itself within its part; its plan can be carried out whatever the others do.
*prices*    Limits are traded at transfer prices. They open at the mean of what one more unit of its part would be
            worth to each team. The office names prices, the teams say what they would use and what it is worth to
            them, until the prices settle (`market`). At the last prices, and a little below and above them, every
            team then proposes a plan. The office chooses one proposal of every team so that the limits hold, the
            plans of *limits* among them: never worse than those.
*repair*    Teams tell their chosen levels; orders are then re-solved for all at these levels: never worse than that.

Prices alone do not decide where choices are lumpy and teams few: at the price that clears a limit on average, each of
two equal teams may want all of it or nothing (`tests/models/test_coordination.py` has the instance).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from desilo.cases.instance import Floats, Instance, Ints
from desilo.cases.plan import Plan
from desilo.formulations.freedom import Freedom
from desilo.operating.coordination.assembly import Assembly, assemble
from desilo.operating.coordination.decomposition import can_decompose
from desilo.operating.coordination.limits import Limits, part_of, shared_limits, teams_of
from desilo.operating.coordination.market import Market, match
from desilo.operating.coordination.offices import Offices, Request, offices
from desilo.operating.coordination.team import Offer, Proposal
from desilo.operating.decision import Decision, Strength
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.rule import rule_of_thumb
from desilo.solving import Stop


@dataclass(frozen=True)
class Message:
    """One thing told.

    Attributes:
        round: when.
        to_team: whether the office tells a team, or a team the office.
        team: which one.
        what: its kind.
        numbers: how many it holds.
    """

    round: int
    to_team: bool
    team: int
    what: str
    numbers: int


@dataclass
class Protocol:
    """All that is told between the coordinating office and the teams."""

    messages: list[Message] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Counts, for records."""
        kinds = dict.fromkeys(message.what for message in self.messages)
        return {
            "rounds": max((message.round for message in self.messages), default=0),
            "messages": len(self.messages),
            "numbers_told_to_teams": sum(m.numbers for m in self.messages if m.to_team),
            "numbers_revealed_by_teams": sum(m.numbers for m in self.messages if not m.to_team),
            "by_kind": {kind: sum(m.numbers for m in self.messages if m.what == kind) for kind in kinds},
        }


@dataclass(frozen=True)
class Coordination:
    """What came of it.

    Attributes:
        decisions: by strength.
        protocol: what was told.
        bound: proven by the prices: no joint plan is worth more.
    """

    decisions: Mapping[Strength, Decision]
    protocol: Protocol
    bound: float


BOX = 1.0
"""The worth of one more unit of its part to a team says little about the price for all: the first box is wide."""

AROUND = (1.0, 0.8, 1.25)
"""Multiples of the last prices at which teams propose plans."""

SECONDS = 20.0
"""For one plan of one team, where no time limit is asked for."""

LEAST = 0.05
"""Seconds for one plan at least."""

GROWTH = 1.5
"""Power of a team's items with which the work on its plan is taken to grow."""

FOR_LIMITS, FOR_PRICES, FOR_PLANS = 0.25, 0.4, 0.6
"""Shares of the time that is left when a step begins."""

Arguments = tuple[Any, ...] | Callable[[], tuple[Any, ...]]
"""What a team is asked with, or what finds it when the team's turn comes."""


def coordinate(desk: Desk, picture: Instance, executors: Sequence[Executor] = ()) -> Coordination | None:
    """Let the teams of an instance plan apart, with every strength of coordination.

    Args:
        desk: options; `threads` is how many teams work side by side.
        picture: what is believed about demand.
        executors: where teams work, one call after another in each; none: in processes of this machine.

    Returns:
        None if not even today's plan can be carried out; the desk's last step says why.
    """
    today = desk.settle(picture, Plan(reference_levels(picture), rule_of_thumb(picture)))
    if today.plan is None:
        return None
    teams = teams_of(picture)
    limits = shared_limits(picture, teams)
    as_today = Freedom.full(picture).at_levels(today.plan.level).at_orders(today.plan.order)
    known = assemble(picture, as_today, teams, limits, desk.options)
    assert known is not None, "today's plan was settled"
    parts = [part_of(picture, items) for items in teams]
    options = replace(desk.options, time_limit=math.inf, threads=1)
    with offices(parts, limits, options, desk.options.threads, executors) as opened:
        return _Coordinator(desk, picture, teams, limits, known, opened).run()


class _Coordinator:
    """The office that names prices and chooses proposals."""

    def __init__(
        self, desk: Desk, picture: Instance, teams: list[Ints], limits: Limits, today: Assembly, offices: Offices
    ) -> None:
        self.desk, self.picture, self.teams, self.limits = desk, picture, teams, limits
        self.today, self.offices = today, offices
        self.protocol = Protocol()
        self.round = 0
        self._cut = False
        self._teams_took = 0.0
        self.deadline = time.monotonic() + desk.options.time_limit - desk.spent

    def run(self) -> Coordination:
        """Every strength."""
        parts = self._parts()
        every = range(len(self.teams))
        standing = [
            (self.today.plan.level[items], self.today.plan.order[items], self.today.by_team[k], self.today.use[k])
            for k, items in enumerate(self.teams)
        ]
        proposals: list[list[Proposal]] = [[] for _ in every]
        self._propose("stand", [(k, standing[k]) for k in every], "today's plan", proposals)
        shadow = self._ask(
            "value_of", [(k, (parts[k],)) for k in every], "part of the limits", "value of one more unit"
        )
        plans = self._time_for(FOR_LIMITS if len(self.limits) else 1.0, 1)
        self._propose("propose", [(k, plans(k, None, parts[k])) for k in every], "part of the limits", proposals)
        alone = [self._better_alone(own, part) for own, part in zip(proposals, parts, strict=True)]
        decisions = {Strength.LIMITS: self._carried_out(alone)}
        self._cut = self._cut or self.left <= 0
        if not len(self.limits) or self.left <= 0:  # nothing to trade, nothing to repair; or no time for it
            return self._told(decisions | dict.fromkeys(Strength, decisions[Strength.LIMITS]), math.inf)

        market = self._prices(np.minimum(np.mean([shadow[k] for k in every], axis=0), self.limits.ceiling))
        plans = self._time_for(FOR_PLANS, len(AROUND))
        for around in AROUND if self.left > 0 else AROUND[:1]:
            prices = np.minimum(around * market.prices, self.limits.ceiling)
            self._propose("propose", [(k, plans(k, prices, None)) for k in every], "last prices", proposals)
        matched = match(
            self.limits, proposals, replace(self.desk.options, gap=1e-4, time_limit=max(1.0, self.left / 3))
        )
        chosen = alone if matched is None else [own[n].number for own, n in zip(proposals, matched, strict=True)]
        traded = self._carried_out(chosen)
        decisions[Strength.PRICES] = max(traded, decisions[Strength.LIMITS], key=_worth)

        start = decisions[Strength.PRICES]
        repaired = start
        if start.plan is not None and self.left > 0:
            free = Freedom.full(self.picture).at_levels(start.plan.level)
            limit = replace(self.desk.options, time_limit=max(1.0, self.left))
            found = self.desk.optimise(self.picture, free, start.plan, "repair", limit)
            repaired = max(found, start, key=_worth)
        decisions[Strength.REPAIR] = repaired
        return self._told(decisions, market.bound if can_decompose(self.picture) else math.inf)

    def _told(self, decisions: Mapping[Strength, Decision], bound: float) -> Coordination:
        """With what was told, and the seconds the teams took; not optimal where time cut a team's plan short."""
        self.desk.note("teams", self._teams_took, None, bound)
        told = {"joint_bound": bound, "protocol": self.protocol.as_dict()}
        final = {
            strength: replace(
                decision,
                stop=Stop.TIME_LIMIT if self._cut and decision.stop is Stop.OPTIMAL else decision.stop,
                facts={"strength": strength.value, **told},
            )
            for strength, decision in decisions.items()
        }
        return Coordination(final, self.protocol, bound)

    @property
    def left(self) -> float:
        """Seconds."""
        return self.deadline - time.monotonic()

    def _time_for(self, share: float, rounds: int) -> Callable[..., Callable[[], tuple[Any, ...]]]:
        """Every team plans in so many rounds, all of which together have a share of the time that is left.

        Returns:
            What is asked of a team with prices or a room, to be found when its turn comes: with the seconds and the
            gap of its plan. A plan may take a part of what time is left by then, as large as its team's part of the
            work that is left: what the others did not need is for those to come.
        """
        until = time.monotonic() + share * self.left
        work = np.array([len(items) for items in self.teams], dtype=np.float64) ** GROWTH
        waiting = [rounds * float(work.sum())]

        def plan(team: int, *asked: Floats | None) -> Callable[[], tuple[Any, ...]]:
            def arguments() -> tuple[Any, ...]:
                left = max(0.0, until - time.monotonic()) * self.offices.jobs
                seconds = left * work[team] / max(waiting[0], work[team])
                waiting[0] -= work[team]
                return *asked, float(min(SECONDS, max(LEAST, seconds))), self.desk.options.gap

            return arguments

        return plan

    def _parts(self) -> list[Floats]:
        """(n,) of the limits for every team: today's use, and of the rest a part by today's use."""
        use = np.abs(self.today.use)
        total = use.sum(axis=0)
        share = np.where(total > 0, use / np.where(total > 0, total, 1.0), 1.0 / len(self.teams))
        rest = self.limits.capacity - self.today.use.sum(axis=0)
        return list(self.today.use + share * rest)

    def _prices(self, prices: Floats) -> Market:
        """The market once it has settled, or its time is up."""
        until = time.monotonic() + FOR_PRICES * self.left
        market = Market.around(self.limits, len(self.teams), prices, BOX)
        for _ in market.rounds(self._offers, self.desk.options.gap / 5, until):
            pass
        return market

    def _offers(self, prices: Floats) -> list[Offer]:
        """What every team offers at prices (n,)."""
        offers = self._ask("relax", [(k, (prices,)) for k in range(len(self.teams))], "prices", "offer")
        return [offers[k] for k in range(len(self.teams))]

    def _better_alone(self, own: Sequence[Proposal], part: Floats) -> int:
        """The number of the best of a team's proposals that keep within its part, soft limits paid."""
        soft = np.isfinite(self.limits.ceiling)
        paid = [p.profit - self.limits.ceiling[soft] @ np.maximum(0.0, (p.use - part)[soft]) for p in own]
        return own[int(np.argmax(paid))].number

    def _carried_out(self, chosen: Sequence[int]) -> Decision:
        """Every team tells and carries out one of its proposals, which are called by their numbers."""
        told = self._ask("tell", [(k, (number,)) for k, number in enumerate(chosen)], "choice", "levels and orders")
        level, order = self.today.plan.level.copy(), self.today.plan.order.copy()
        for k, items in enumerate(self.teams):
            level[items], order[items] = told[k]
        return self.desk.settle(self.picture, Plan(level, order))

    def _propose(
        self, verb: str, asked: Sequence[tuple[int, Arguments]], what: str, proposals: list[list[Proposal]]
    ) -> None:
        for k, proposal in self._ask(verb, asked, what, "proposal").items():
            self._cut = self._cut or proposal is None or not proposal.proven
            if proposal is not None:
                proposals[k].append(proposal)

    def _ask(self, verb: str, asked: Sequence[tuple[int, Arguments]], told: str, answer: str) -> dict[int, Any]:
        """One round of questions, and the replies by team."""
        self.round += 1
        replies: dict[int, Any] = {}
        numbers: dict[int, int] = {}

        def counted(team: int, arguments: Arguments) -> tuple[Any, ...]:
            found = arguments() if callable(arguments) else arguments
            numbers[team] = _numbers(found)
            return found

        requests = [
            Request(k, verb, partial(counted, k, arguments) if callable(arguments) else counted(k, arguments))
            for k, arguments in asked
        ]
        started = time.monotonic()
        for request, reply in self.offices.ask(requests):
            replies[request.team] = reply
        self._teams_took += time.monotonic() - started
        messages = self.protocol.messages
        messages += [Message(self.round, True, k, told, numbers[k]) for k, _ in asked]
        messages += [Message(self.round, False, k, answer, _numbers(replies[k])) for k, _ in asked]
        return replies


def _worth(decision: Decision) -> float:
    return decision.objective if decision.plan is not None else -math.inf


def _numbers(told: object) -> int:
    """How many numbers a message holds."""
    match told:
        case np.ndarray():
            return told.size
        case tuple() | list():
            return sum(_numbers(part) for part in told)
        case Offer():
            return 2 + told.use.size
        case Proposal():
            return 2 + told.use.size
        case None:
            return 0
        case _:
            return 1
