"""Teams, the limits they share, and prices for them: against the joint model, the oracle's instances, and by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from awkward import awkward_instance
from hypothesis import Phase, assume, given, reject, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from small_instances import make_instance, make_resource

from desilo.cases.generate import FAMILIES, Dials, Shape, generate
from desilo.cases.instance import Activity, CrossEffects, Floats, Instance, Ints
from desilo.cases.plan import SMALLEST_ORDER, Plan
from desilo.formulations import windows
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.formulations.windows import WindowRows
from desilo.harness.check import check
from desilo.operating.coordination import decomposition, protocol, relaxation
from desilo.operating.coordination.assembly import Assembly
from desilo.operating.coordination.decomposition import Decomposition, can_decompose, decompose
from desilo.operating.coordination.limits import (
    Limits,
    firm_limits,
    part_of,
    shared_limits,
    teams_of,
    usage,
)
from desilo.operating.coordination.market import LONGER, SHORTER, STEP, WIDER, Market
from desilo.operating.coordination.protocol import coordinate
from desilo.operating.coordination.relaxation import Stopped, relaxed
from desilo.operating.coordination.team import Change, Offer, Proposal, Team
from desilo.operating.coordination.turns import Turns
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, How, Method, OperatingModel, Pictures, Strength
from desilo.operating.desk import Desk, reference_levels
from desilo.operating.rule import rule_of_thumb
from desilo.solving import Options, Stop, labels, solve, translate

few = settings(
    max_examples=6, deadline=None, phases=(Phase.explicit, Phase.generate)
)  # a smaller seed is no smaller instance

SHAPES = {
    "retail": Shape(3, 2, 3, 2),
    "substitution": Shape(8, 1, 3, 2),  # two groups of four
    "lot-sizing": Shape(3, 4, 3, 1),
    "newsvendor": Shape(4, 1, 3, 4),
    "features": Shape(4, 3, 3, 2),
}
"""Small instances of every family."""


def small(family: str, seed: int = 1) -> Instance:
    instance = FAMILIES[family].build(SHAPES[family], np.random.default_rng(seed), Dials())
    return in_teams(instance) if family == "features" else instance


def in_teams(instance: Instance) -> Instance:
    """Two teams: every other item is in the second group, and cross effects stay within the groups."""
    cross = instance.cross_effects
    inside = cross.item % 2 == cross.other % 2
    groups = tuple("ab"[i % 2] for i in range(len(instance.items)))
    within = CrossEffects(cross.item[inside], cross.other[inside], cross.effect[inside])
    return replace(instance, groups=groups, cross_effects=within)


awkward = st.builds(awkward_instance, st.integers(0, 10**6)) | st.builds(
    generate, st.just("features"), st.just("S"), st.integers(0, 10**6)
)
instances = awkward.map(in_teams).filter(lambda instance: len(instance.items) > 1)
small_family = st.builds(small, st.sampled_from(("lot-sizing", "newsvendor", "retail")), st.integers(0, 10**6))


def split(instance: Instance) -> tuple[list[Ints], Limits, list[Instance]]:
    teams = teams_of(instance)
    return teams, shared_limits(instance, teams), [part_of(instance, items) for items in teams]


def team_models(instance: Instance) -> tuple[Limits, list[Team]]:
    _, limits, parts = split(instance)
    return limits, [Team(part, limits, Options()) for part in parts]


def joint_relaxation(instance: Instance) -> float:
    """The joint relaxation with all rows that it violates, as those of the teams."""
    program = translate(joint_model(instance, None, Formulation.LADDER, windows=True).model)
    with all_rows():
        return relaxed(program, WindowRows(program, instance), Options()).value


@contextmanager
def all_rows() -> Iterator[None]:
    """Relaxations stop at no row that is violated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relaxation, "TAIL", 0.0)
        patch.setattr(windows, "VIOLATED", 1e-8)
        yield


def jointly(instance: Instance, method: Method, options: Options = Options(gap=0)) -> Decision:
    return decide(OperatingModel.JOINT, Pictures.same(instance), options, how=How(method))


def close(figure: float) -> Any:
    return pytest.approx(figure, rel=1e-6, abs=1e-6)


# ---- the split


def test_teams_are_what_groups_and_cross_effects_tie_together() -> None:
    instance = make_instance(np.ones((6, 1, 1, 1)), groups=("a", "b", "c", "a", "d", "e"))
    assert [items.tolist() for items in teams_of(instance)] == [[0, 3], [1], [2], [4], [5]]
    cross = CrossEffects(np.array([2, 5]), np.array([1, 2]), np.ones((2, 1)))
    assert [items.tolist() for items in teams_of(replace(instance, cross_effects=cross))] == [[0, 3], [1, 2, 5], [4]]


@few
@given(instances | small_family, st.sampled_from(list(Formulation)), st.integers(0, 10**6))
def test_what_teams_use_and_earn_adds_up_to_the_joint_model(
    instance: Instance, formulation: Formulation, seed: int
) -> None:
    """Rows and objective are linear: they agree everywhere if they agree at a point drawn at random."""
    assume(can_decompose(instance))
    teams, limits, parts = split(instance)
    joint = translate(joint_model(instance, None, formulation).model)
    point = np.random.default_rng(seed).normal(size=len(joint.cost))
    overage = np.array([name.startswith("over") for name, _ in labels(joint.columns)])
    point[overage] = 0.0
    at = {label: point[k] for k, label in enumerate(labels(joint.columns))}

    use, profit, columns = np.zeros(len(limits)), 0.0, 0
    for items, part in zip(teams, parts, strict=True):
        program = translate(joint_model(part, None, formulation).model)
        mine = [at.get((name, in_joint(name, index, items)), 0.0) for name, index in labels(program.columns)]
        used = usage(program, part, limits)
        use += used.matrix @ np.array(mine) + used.standing
        profit += float(program.cost @ mine) + program.offset
        columns += sum(not name.startswith("over") for name, _ in labels(program.columns))
    assert columns == np.count_nonzero(~overage)
    assert profit == close(joint.cost @ point + joint.offset)

    row_of = {key: row for row, key in enumerate(labels(joint.row_parts))}
    activity = joint.matrix @ point
    for n, key in enumerate(limits.keys):
        row = row_of[key]
        assert limits.capacity[n] - use[n] == close(joint.row_upper[row] - activity[row])


def in_joint(name: str, index: tuple[int, ...], items: Ints) -> tuple[int, ...]:
    """A team's index of a column as the joint model has it: its items' numbers are others there."""
    at_items = (0, 2) if name == "w" else () if name.startswith("over") else (0,)
    return tuple(int(items[figure]) if k in at_items else figure for k, figure in enumerate(index))


# ---- neighbourhoods


@few
@given(instances | small_family, st.sampled_from(list(Change)))
def test_planning_again_changes_what_it_may_and_loses_nothing(instance: Instance, change: Change) -> None:
    limits = split(instance)[1]
    team = Team(instance, limits, Options())
    free = np.zeros(len(limits))
    try:
        team.relax(free)
    except Stopped:
        reject()
    present = team.decide(free, math.inf, 0.05)
    assume(present is not None)
    assert present is not None
    room = np.maximum(limits.capacity, present.use)
    found = team.improve(free, room, present, change, math.inf, 0.0)
    assert found is not None
    assert found.profit >= present.profit - 1e-6 * (1 + abs(present.profit))
    if change is Change.SETUPS:
        assert_array_equal(found.level, present.level)
    if change is Change.LEVELS:
        weighed = (instance.order_cost > 0) | (instance.min_order > 0)[:, None]
        assert not np.any(weighed & (found.order > SMALLEST_ORDER) & ~(present.order > SMALLEST_ORDER))


def test_a_plan_that_just_breaks_a_limit_is_the_best_there_is_however_long_it_takes() -> None:
    """A search with more time would find no other: nobody waits for it."""
    instance = small("lot-sizing")
    limits = split(instance)[1]
    team = Team(instance, limits, Options())
    free = np.zeros(len(limits))
    present = team.decide(free, math.inf, 0.05)
    assert present is not None
    found = team.improve(free, -np.ones(len(limits)), present, Change.SETUPS, math.inf, 0.0)
    assert found is not None
    assert found.proven
    assert_array_equal(found.order, present.order)


def test_other_blocks_plan_again_once_orders_are_solved_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one team of a block earns and uses, nobody knows before that."""
    monkeypatch.setattr(decomposition, "OFTEN", 1e9)
    plan_again = Decomposition._plan_again
    kinds: list[Change] = []
    solved, improved = [], []

    def watched(self: Decomposition, now: Assembly, sure: Plan, change: Change, *rest: Any) -> Any:
        if change not in kinds[-1:]:
            solved.append(now is self.best)
        kinds.append(change)
        found = plan_again(self, now, sure, change, *rest)
        improved.append(found[0] is not now)
        return found

    monkeypatch.setattr(Decomposition, "_plan_again", watched)
    instance = FAMILIES["retail"].build(Shape(8, 4, 3, 2), np.random.default_rng(2), Dials())
    decompose(Desk("joint", Options(gap=0.005)), instance, lambda: None)
    assert len(solved) > len(Change) and any(improved)
    assert all(solved)


def test_a_round_of_prices_that_stops_leaves_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only without a first round there are no prices to plan at."""
    instance = FAMILIES["retail"].build(Shape(8, 4, 3, 2), np.random.default_rng(2), Dials())
    record, offers = Market.record, Decomposition._offers
    rounds: list[bool] = []

    def stopping(self: Decomposition, *given: Any) -> list[Offer]:
        if rounds:
            raise Stopped(Stop.TIME_LIMIT)
        return offers(self, *given)

    monkeypatch.setattr(Market, "record", lambda self, *given: (rounds.append(True), record(self, *given))[1])
    monkeypatch.setattr(Decomposition, "_offers", stopping)
    found = decompose(Desk("joint", Options(gap=0.005)), instance, lambda: None)
    assert len(rounds) == 1 and found.plan is not None
    assert found.bound >= jointly(instance, Method.MONOLITH).objective * (1 - 1e-6)


# ---- bounds


@few
@given(instances | small_family, st.integers(0, 10**6), st.floats(0, 20))
def test_any_prices_bound_the_joint_relaxation(instance: Instance, seed: int, scale: float) -> None:
    assume(can_decompose(instance))
    limits, teams = team_models(instance)
    drawn = np.random.default_rng(seed).exponential(size=len(limits)) * scale
    prices = np.minimum(drawn, limits.ceiling)
    optimum = solve(joint_model(instance).model, Options(gap=0))
    try:
        offers = [team.relax(prices) for team in teams]
    except Stopped:
        assert optimum.stop is Stop.INFEASIBLE
        return
    assume(optimum.stop is Stop.OPTIMAL)
    least = joint_relaxation(instance)
    bound = prices @ limits.capacity + sum(offer.value for offer in offers)
    slack = 1e-6 * max(1, abs(bound))
    assert bound >= least - slack >= optimum.objective - 2 * slack
    for offer in offers:
        assert offer.value == close(offer.profit - prices @ offer.use)


@pytest.mark.parametrize("opening", [0.0, 1.0])
@pytest.mark.parametrize("family", SHAPES)
def test_the_best_prices_prove_the_joint_relaxation(family: str, opening: float) -> None:
    """LP duality: nothing is lost by taking the relaxations of the teams apart."""
    instance = small(family)
    limits, teams = team_models(instance)
    assert len(teams) > 1 and len(limits) > 0
    prices = np.full(len(limits), opening).clip(0, limits.ceiling)
    market = Market.around(limits, len(teams), prices, box=2.0)
    with all_rows():
        for _ in range(300):
            market.record(prices, [team.relax(prices) for team in teams])
            prices = market.next_prices()
            if market.settled(1e-8):
                break
    assert market.bound == pytest.approx(joint_relaxation(instance), rel=1e-6)


def test_a_sample_of_many_teams_finds_prices_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a first round of all the sample goes on alone, with its share of the limits; then all are asked again."""
    monkeypatch.setattr(decomposition, "SAMPLE", 2)
    instance = FAMILIES["retail"].build(Shape(6, 4, 3, 2), np.random.default_rng(1), Dials())
    asked: list[Market] = []
    record = Market.record
    monkeypatch.setattr(Market, "record", lambda self, *offers: (asked.append(self), record(self, *offers))[1])
    found = decompose(Desk("joint", Options(gap=0)), instance, lambda: None)
    traders = [market.teams for market in asked]
    last = max(k for k, count in enumerate(traders) if count == 2)
    assert traders[:3] == [6, 2, 2] and set(traders[1 : last + 1]) == {2} and set(traders[last + 1 :]) == {6}
    assert asked[0] is asked[-1]
    optimum = jointly(instance, Method.MONOLITH)
    assert found.plan is not None
    assert found.bound >= optimum.objective * (1 - 1e-6) >= found.objective * (1 - 2e-6)


def test_a_sample_has_the_share_of_a_limit_that_it_used() -> None:
    """By heads where nobody used anything, or more was given back than used."""
    free = np.full(3, np.inf)
    limits = Limits(tuple(("R1_limit", (n, 0)) for n in range(3)), np.array([60.0, 10.0, 4.0]), free, free > 0)
    market = Market.around(limits, 4, np.ones(3), 1.0)
    use = [[10.0, 0.0, 3.0], [20.0, 0.0, -4.0], [0.0, 0.0, 1.0], [70.0, 0.0, -1.0]]
    market.record(market.prices, [Offer(1.0, 1.0, np.array(figures)) for figures in use])
    assert market.of(np.array([0, 1])).limits.capacity.tolist() == [18.0, 5.0, 2.0]


@pytest.mark.parametrize(("used", "step"), [(6.0, STEP + LONGER), (4.0, STEP * SHORTER)])
def test_prices_go_further_as_long_as_the_bound_falls(used: float, step: float) -> None:
    """Of a limit of 5 that is used too much at price 0, and at the next one still too much, or less than there is."""
    limits = Limits((("R1_limit", (0, 0)),), np.array([5.0]), np.array([np.inf]), np.array([True]))
    market = Market.around(limits, 1, np.array([1.0]), 1.0)
    market.record(market.prices, [Offer(93.0, 100.0, np.array([7.0]))])
    prices = market.next_prices()
    assert market.aim is not None
    assert market.aim.tolist() == [3.0]  # the edge of the box
    assert prices.tolist() == [1.0 + STEP * 2.0]
    market.record(prices, [Offer(95.0 - prices[0] * used, 95.0, np.array([used]))])
    assert market.step == pytest.approx(step)
    assert market.radius.tolist() == [2.0 * WIDER]


@few
@given(instances | small_family)
def test_a_decomposition_proves_no_bound_below_the_optimum(instance: Instance) -> None:
    assume(can_decompose(instance))
    optimum = jointly(instance, Method.MONOLITH)
    found = decompose(Desk("joint", Options(gap=0)), instance, lambda: None)
    if optimum.plan is not None:
        assert found.bound >= optimum.objective - 1e-6 * max(1, abs(optimum.objective))
    if found.plan is not None:
        assert check(instance, found.plan).violations == ()
        assert check(instance, found.plan).profit == close(found.objective)
        assert found.objective <= optimum.objective + 1e-6 * max(1, abs(optimum.objective))


# ---- plans made in turn


def in_turn(instance: Instance) -> tuple[Turns, list[Team], Limits]:
    """Nobody has planned yet; the market has seen one round of offers, without prices."""
    teams, limits, parts = split(instance)
    models = [Team(part, limits, Options()) for part in parts]
    market = Market.around(limits, len(teams), np.zeros(len(limits)), 1.0)
    market.record(market.prices, [team.relax(market.prices) for team in models])
    market.prices = np.ones(len(limits))
    return Turns(limits, market, parts, firm_limits(instance, limits)), models, limits


@few
@given(small_family)
def test_prices_stay_where_teams_use_their_parts_and_follow_where_they_do_not(instance: Instance) -> None:
    turns, _, limits = in_turn(instance)
    asked = turns.part.sum(axis=0)
    assert asked[asked > 0] == close(limits.capacity[asked > 0])
    first = int(turns.order[0])
    turns.room(first)
    turns.done(first, turns.part[first])
    assert turns.prices == close(turns.best)
    above = turns.part[first].copy()
    above[0] *= 1.5
    turns, _, _ = in_turn(instance)
    turns.room(first)
    turns.done(first, above)
    moved = turns.prices - turns.best
    assert moved[1:] == close(np.zeros(len(limits) - 1))
    assert moved[0] > 0 or above[0] == 0 or turns.to_come[0] == 0  # nobody to come uses it


@few
@given(instances | small_family)
def test_plans_made_in_turn_keep_limits_that_no_change_of_orders_can(instance: Instance) -> None:
    assume(can_decompose(instance) and len(split(instance)[1]))
    try:
        turns, models, limits = in_turn(instance)
    except Stopped:
        return
    used = np.zeros(len(limits))
    for team in turns.order.tolist():
        plan = models[team].decide(turns.prices, 10.0, 1e-3, turns.room(team))
        if plan is None:  # its own rules leave it nothing within the room
            return
        turns.done(team, plan.use)
        used += plan.use
    kept = turns.firm
    assert (used[kept] <= limits.capacity[kept] + 1e-6 * (1 + np.abs(limits.capacity[kept]))).all()


def test_a_team_may_use_what_is_left_of_a_rule_less_what_others_cannot_do_without() -> None:
    """Three items priced 1 to 3, a basket of at most 6; who comes later takes at least 1."""
    price = np.tile([1.0, 2.0, 3.0], (3, 1))
    demand = np.ones((3, 1, 3, 1))
    basket = make_resource({Activity.PRICE: [1, 1, 1]}, 6.0, 1)
    turns, _, _ = in_turn(make_instance(demand, price=price, resources=(basket,)))
    assert turns.room(0) == close(np.array([3.0]))  # it could use no more than that
    assert turns.room(1) == close(np.array([2.0]))  # while the first is at it
    turns.done(0, np.array([2.0]))
    turns.done(1, np.array([2.0]))
    assert turns.room(2) == close(np.array([2.0]))


# ---- the joint model by decomposition


@pytest.mark.parametrize("family", SHAPES)
def test_decomposition_ends_where_the_whole_model_does(family: str) -> None:
    instance = small(family)
    assert len(teams_of(instance)) > 1
    assert_same_end(instance)


@few
@given(instances | awkward)
def test_decomposition_ends_where_the_whole_model_does_however_awkward(instance: Instance) -> None:
    """With one team or none of its limits shared; infeasible or unbounded."""
    assert_same_end(instance)


def assert_same_end(instance: Instance) -> None:
    whole, found = jointly(instance, Method.MONOLITH), jointly(instance, Method.DECOMPOSITION)
    assert found.stop is whole.stop
    if whole.plan is not None:
        assert found.plan is not None
        assert found.objective == close(whole.objective)
        assert check(instance, found.plan).violations == ()


def test_a_limit_nobody_can_keep_is_infeasible() -> None:
    """Each team could keep it alone."""
    use = make_resource({Activity.PRICE: [1, 1]}, 15, 1)
    instance = make_instance(np.ones((2, 1, 1, 1)), price=[[10.0]], resources=(use,))
    assert jointly(instance, Method.DECOMPOSITION).stop is Stop.INFEASIBLE
    assert jointly(replace(instance, resources=()), Method.DECOMPOSITION).stop is Stop.OPTIMAL


def test_large_models_of_many_teams_are_decomposed_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = small("retail")
    assert jointly(instance, Method.AUTO).facts["method"] == Method.MONOLITH.value
    monkeypatch.setattr(decomposition, "MANY", 2)
    monkeypatch.setattr(decomposition, "LARGE", 10)
    assert jointly(instance, Method.AUTO).facts["method"] == Method.DECOMPOSITION.value
    alone = replace(instance, resources=())
    assert jointly(alone, Method.AUTO).facts["method"] == Method.MONOLITH.value


# ---- strengths


@pytest.mark.parametrize("family", SHAPES)
def test_more_coordination_never_earns_less(family: str) -> None:
    instance = small(family)
    found = coordinate(Desk("coordinated", Options()), instance)
    assert found is not None
    profits = [found.decisions[strength].objective for strength in Strength]
    assert profits == sorted(profits)
    assert profits[-1] <= found.bound + 1e-6 * abs(found.bound)
    for decision in found.decisions.values():
        assert decision.plan is not None
        checked = check(instance, decision.plan)
        assert checked.violations == ()
        assert checked.profit == close(decision.objective)


@pytest.mark.parametrize("family", ["retail", "lot-sizing", "newsvendor"])
def test_under_limits_alone_every_team_keeps_its_part(family: str) -> None:
    """Its part: what it uses today, and of what nobody uses a share in proportion to that."""
    instance = small(family)
    teams, limits, _ = split(instance)
    today = Plan(reference_levels(instance), rule_of_thumb(instance))
    settled = Desk("coordinated", Options()).settle(instance, today).plan
    found = coordinate(Desk("coordinated", Options()), instance)
    assert settled is not None and found is not None
    plan = found.decisions[Strength.LIMITS].plan
    assert plan is not None
    now, then = (use_of(instance, p) for p in (settled, plan))
    assert not np.array_equal(plan.level, settled.level) or not np.array_equal(plan.order, settled.order)
    for n, (name, (r, t, *_)) in enumerate(limits.keys):
        if name != "R1_limit":  # the others depend on what is sold, too
            continue
        used = np.array([now[r, items, t].sum() for items in teams])
        share = used / used.sum() if used.sum() else np.full(len(teams), 1 / len(teams))
        parts = used + share * (limits.capacity[n] - used.sum())
        assert np.all([then[r, items, t].sum() for items in teams] <= parts + 1e-6 * (1 + limits.capacity[n]))


def use_of(instance: Instance, plan: Plan) -> Any:
    """(R, I, T) of resources that neither stock nor sales use; no receipts."""
    item = np.arange(len(instance.items))[:, None]
    done = {
        Activity.ORDER: plan.order,
        Activity.SETUP: plan.order > 0,
        Activity.PROMO: instance.promo[item, plan.level],
        Activity.PRICE: instance.price[item, plan.level],
    }
    use = np.zeros((len(instance.resources), *plan.order.shape))
    for r, resource in enumerate(instance.resources):
        for activity in done.keys() & resource.use.keys():
            use[r] += resource.use[activity][:, None] * done[activity]
    return use


def lumpy() -> Instance:
    """Two equal items with stock for everything, and a rule: their prices add up to 7 at most.

    An item at price 1, 3, 4 or 5 earns 100, 105, 106 or 110.5.
    """
    price = np.array([1.0, 3.0, 4.0, 5.0])
    demand = (np.array([100.0, 105.0, 106.0, 110.5]) / price)[None, None, :, None]
    rule = make_resource({Activity.PRICE: [1, 1]}, 7, 1, name="price image")
    return make_instance(
        np.repeat(demand, 2, axis=0), price=price, reference=1.0, initial_stock=1000.0, max_order=0.0, resources=(rule,)
    )


def test_where_choices_are_lumpy_and_teams_few_prices_do_not_decide() -> None:
    """The best plan is 3 and 4: 211. No price makes anybody choose either, so no price clears the rule.

    What an item earns is not concave in its use of the rule: 3 and 4 lie below the line from 1 to 5. At a price under
    2.625 both teams want 5, together 10 of 7; above, both want 1. At 2.625 they do not care which, and one of each
    fits: 210.5, the best of what teams propose at prices and within parts of the rule (3.5 each: 3 and 3, 210).
    """
    instance = lumpy()
    limits, teams = team_models(instance)
    for price in [0.0, 1.0, 2.0, 2.6, 2.65, 3.0, 5.0]:
        prices = np.array([price])
        wanted = []
        for team in teams:
            team.relax(prices)
            found = team.decide(prices, 10.0, 0.0)
            assert found is not None
            wanted.append(float(found.use[0]))
        assert wanted == ([5.0, 5.0] if price < 2.625 else [1.0, 1.0])
        assert sum(wanted) != pytest.approx(7)
    found = coordinate(Desk("coordinated", Options(gap=0)), instance)
    assert found is not None
    profits = {strength.value: decision.objective for strength, decision in found.decisions.items()}
    assert profits == {"limits": close(210), "prices": close(210.5), "repair": close(210.5)}
    for method in Method:
        joint = jointly(instance, method)
        assert (joint.stop, joint.objective) == (Stop.OPTIMAL, close(211))
    assert found.bound >= 211
    assert len(limits) == 1


def test_teams_carry_out_what_was_chosen_though_some_of_their_searches_came_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first search of the first team finds nothing: its proposals are not numbered through."""
    instance = small("retail")
    undisturbed = coordinate(Desk("coordinated", Options()), instance)
    carried_out, propose, tell = [], Team.propose, Team.tell

    def failing(team: Team, prices: Floats | None, *rest: Any) -> Proposal | None:
        if prices is None and instance.items[0] in team.instance.items:
            team._kept.append(None)
            return None
        return propose(team, prices, *rest)

    def told(team: Team, number: int) -> tuple[Ints, Floats]:
        carried_out.append(team._kept[number])
        return tell(team, number)

    monkeypatch.setattr(Team, "propose", failing)
    monkeypatch.setattr(Team, "tell", told)
    found = coordinate(Desk("coordinated", Options()), instance)
    assert found is not None and undisturbed is not None
    assert carried_out and None not in carried_out
    traded = Strength.PRICES
    assert found.decisions[traded].objective == close(undisturbed.decisions[traded].objective)


def test_plans_of_many_teams_keep_to_the_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan takes all the time that it is given, everything else takes none; the largest team is given most."""
    instance = generate("lot-sizing", "S", 1)
    instance = replace(
        instance, groups=("a", "a", "a", *instance.items[3:]), cross_effects=small("retail").cross_effects
    )
    clock, given = [0.0], []
    propose = Team.propose

    def slow(team: Team, prices: Floats | None, room: Floats | None, seconds: float, gap: float) -> Proposal | None:
        clock[0] += seconds
        given.append((prices is None, len(team.instance.items), seconds))
        return propose(team, prices, room, 10.0, gap)

    monkeypatch.setattr(Team, "propose", slow)
    monkeypatch.setattr(protocol, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    limit = 10.0
    assert coordinate(Desk("coordinated", Options(time_limit=limit)), instance) is not None
    alone = [(size, seconds) for first, size, seconds in given if first]
    assert len(alone) == len(teams_of(instance)) and len(given) == 4 * len(alone)
    assert sum(seconds for _, seconds in alone) == pytest.approx(protocol.FOR_LIMITS * limit, rel=0.1)
    assert clock[0] <= limit
    assert max(alone)[1] > 3 * min(alone)[1]


def test_teams_whose_time_is_up_before_prices_are_asked_for_keep_to_their_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instance = small("retail")
    clock = [0.0]
    value_of = Team.value_of

    def slow(team: Team, room: Floats) -> Floats:
        clock[0] += 100.0
        return value_of(team, room)

    monkeypatch.setattr(Team, "value_of", slow)
    monkeypatch.setattr(Team, "relax", lambda *_: pytest.fail("there is no time for prices"))
    monkeypatch.setattr(protocol, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    found = coordinate(Desk("coordinated", Options(time_limit=10.0)), instance)
    assert found is not None and found.bound == np.inf
    assert {decision.stop for decision in found.decisions.values()} == {Stop.TIME_LIMIT}
    plans = [decision.plan for decision in found.decisions.values()]
    assert plans[0] is not None and all(plan is plans[0] for plan in plans)
    assert check(instance, plans[0]).feasible


# ---- what is told, and to whom


def test_messages_and_numbers_counted_by_hand() -> None:
    """Two teams of one item, one period and one limit that does not bind: prices settle in the first round.

    A team is told, and tells: today's level, order, profit, use (4) - profit, use, number (3); its part (1) - the worth
    of one more unit (1); part, seconds, gap (3) - proposal (3); number (1) - level and order (2); price (1) - value,
    profit, use (3); three times price, seconds, gap (3) - proposal (3); number (1) - level and order (2).
    """
    use = make_resource({Activity.ORDER: [1, 1]}, 100, 1)
    instance = make_instance(np.full((2, 1, 1, 1), 10.0), price=[[10.0]], unit_cost=4.0, resources=(use,))
    found = coordinate(Desk("coordinated", Options()), instance)
    assert found is not None
    told = found.protocol.as_dict()
    assert (told["rounds"], told["messages"]) == (9, 2 * 2 * 9)
    assert told["numbers_told_to_teams"] == 2 * (4 + 1 + 3 + 1 + 1 + 3 * 3 + 1)
    assert told["numbers_revealed_by_teams"] == 2 * (3 + 1 + 3 + 2 + 3 + 3 * 3 + 2)
    assert sum(told["by_kind"].values()) == told["numbers_told_to_teams"] + told["numbers_revealed_by_teams"]
    assert [decision.objective for decision in found.decisions.values()] == [close(2 * 10 * (10 - 4))] * 3
