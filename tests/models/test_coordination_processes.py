"""Teams in processes of their own: what they are told, and how a decomposition ends that is stopped."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_instances import make_instance, make_resource

from desilo.cases.generate import FAMILIES, Dials, Shape
from desilo.cases.instance import Activity, Instance, ServiceTarget
from desilo.cases.plan import Plan
from desilo.cases.reading import read_instance
from desilo.cases.writing import write_instance
from desilo.harness.check import check
from desilo.harness.cli import main
from desilo.operating.coordination import offices as offices_module
from desilo.operating.coordination.limits import part_of, shared_limits, teams_of
from desilo.operating.coordination.offices import Request, offices
from desilo.operating.coordination.protocol import coordinate
from desilo.operating.deciding import decide
from desilo.operating.decision import How, Method, OperatingModel, Pictures, Strength
from desilo.operating.desk import Desk
from desilo.operating.executors import Here, side_by_side
from desilo.solving import Options

SECRET = 123.456789
"""A figure of the second team that nothing else comes to."""


def shop() -> Instance:
    """Two teams of one item, with a figure of each kind; the second also has a limit and a target of its own."""
    demand = np.array([[[[12.0, 16.0], [8.0, 11.0]]] * 2, [[[SECRET, 15.0], [9.0, 10.0]]] * 2])
    return make_instance(
        demand,
        price=[[9.0, 11.0], [SECRET + 1, SECRET + 2]],
        items=("apple", "hidden-pear"),
        levels=(("low", "high"), ("low", "hidden-level")),
        unit_cost=np.array([[4.0, 4.0], [SECRET + 3, SECRET + 3]]),
        holding_cost=np.array([[0.1, 0.1], [0.2, SECRET + 4]]),
        order_cost=np.array([[5.0, 5.0], [SECRET + 5, 6.0]]),
        initial_stock=np.array([3.0, SECRET + 6]),
        resources=(
            make_resource({Activity.ORDER: [1, 1.5]}, 20, 2, name="truck"),
            make_resource(
                {Activity.STOCK: [0, SECRET + 7]}, SECRET + 8, 2, overage_cost=SECRET + 9, name="hidden-room"
            ),
        ),
        service=(ServiceTarget("hidden-pear", np.array([1]), 0.123456789), ServiceTarget("all", np.arange(2), 0.2)),
    )


def secrets() -> list[bytes]:
    figures = [SECRET + k for k in range(10)] + [0.123456789]
    return [b"hidden", *(struct.pack("<d", figure) for figure in figures), *(struct.pack(">d", f) for f in figures)]


class Wire(Here):
    """Works here, and keeps every byte that would go to another process or machine, and that would come back."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.replies: list[bytes] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.told.append(pickle.dumps((fn, args, kwargs)))
        future = super().submit(fn, *args, **kwargs)
        self.replies.append(pickle.dumps(future.result()))
        return future


def test_an_office_is_told_nothing_of_other_teams() -> None:
    """Everything that goes to two offices, from the first request to the last."""
    instance = shop()
    assert [items.tolist() for items in teams_of(instance)] == [[0], [1]]
    first, second = Wire(), Wire()
    found = coordinate(Desk("coordinated", Options()), instance, (first, second))
    assert found is not None and len(found.protocol.messages) > 0
    assert any(b"apple" in message for message in first.told)
    assert not any(b"apple" in message for message in second.told)
    assert all(secret in second.told[0] for secret in secrets()[:8])  # the test sees them where they belong
    assert [secret for secret in secrets() if any(secret in message for message in first.told)] == []


class Forgetful(Here):
    """Loses its memory now and then."""

    calls = lost = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        if self.calls % 3 == 0:
            self.lost += len(offices_module._TEAMS)
            offices_module._TEAMS.clear()
        return super().submit(fn, *args, **kwargs)


def test_an_office_that_has_lost_its_memory_comes_to_the_same() -> None:
    """The same plans and bound, to the last digit."""

    def worked_out(executors: Sequence[Executor]) -> list[Any]:
        found = coordinate(Desk("coordinated", Options()), shop(), executors)
        assert found is not None
        plans = [decision.plan for decision in found.decisions.values() if decision.plan is not None]
        assert len(plans) == len(Strength)
        return [found.bound, *((plan.level.tolist(), plan.order.tolist()) for plan in plans)]

    forgetful = [Forgetful(), Forgetful()]
    assert worked_out(forgetful) == worked_out([Here(), Here()])
    assert sum(each.lost for each in forgetful) > 3
    assert offices_module._TEAMS == {}


def test_the_order_of_replies_is_the_same_whoever_is_faster() -> None:
    """Arguments that are found late are found when the same replies are in."""
    instance = shop()
    teams = teams_of(instance)
    limits = shared_limits(instance, teams)
    parts = [part_of(instance, items) for items in teams] * 4

    def conversation(executors: Sequence[Executor]) -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        replies = 0

        def asked(team: int) -> Request:
            def found() -> tuple[Any, ...]:
                seen.append((team, replies))
                return (np.zeros(len(limits)),)

            return Request(team, "relax", found)

        with offices(parts, limits, Options(), 1, executors) as opened:
            for _ in opened.ask([asked(team) for team in (0, 2, 4, 6, 1, 3, 5, 7)]):
                replies += 1
        return seen

    with side_by_side(2) as processes:
        apart = conversation(processes)
    assert apart == conversation([Here(), Here()])
    assert apart == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (7, 6)]


def test_a_team_replies_to_what_it_is_told_and_to_nothing_else() -> None:
    """Other teams' demand, costs, prices and stock change; not one byte and not one reply of this team does."""
    one = shop()
    other = replace(
        one,
        demand=one.demand * np.array([1.0, 2.5])[:, None, None, None],
        price=one.price * np.array([[1.0], [0.9]]),
        unit_cost=one.unit_cost * np.array([[1.0], [0.7]]),
        initial_stock=one.initial_stock * np.array([1.0, 0.5]),
    )
    assert exchange(one) == exchange(other)


def exchange(instance: Instance) -> list[bytes]:
    teams = teams_of(instance)
    limits = shared_limits(instance, teams)
    parts = [part_of(instance, items) for items in teams]
    prices, room = np.linspace(0.1, 0.5, len(limits)), np.full(len(limits), 9.0)
    asked = [
        Request(0, "relax", (prices,)),
        Request(0, "value_of", (room,)),
        Request(0, "propose", (None, room, 10.0, 0.0)),
        Request(0, "propose", (prices, None, 10.0, 0.0)),
        Request(0, "tell", (0,)),
    ]
    with offices(parts, limits, Options(), 2) as opened:
        replies = [pickle.dumps(reply) for _, reply in opened.ask(asked)]
    assert len(set(replies)) == len(asked)
    return [pickle.dumps(parts[0]), pickle.dumps(limits), *replies]


# ---- stopped


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance whose decomposition has a plan within seconds and no proof within a minute."""
    path: Path = tmp_path_factory.mktemp("stopped") / "lots"
    instance = FAMILIES["lot-sizing"].build(Shape(10, 16, 3, 1), np.random.default_rng(1), Dials())
    write_instance(replace(instance, name="lots", title="lots"), path)
    return path


COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
from desilo.harness.cli import main
main()
"""


def decomposing(folder: Path, *more: str) -> subprocess.Popen[str]:
    arguments = ["solve", str(folder), "--model", "joint", "--method", "decomposition", "--gap", "0", "--json", *more]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def has_plan(state: Path) -> bool:
    """Whether there is a checkpoint with a plan: prices alone come first."""
    if not state.exists():
        return False
    with np.load(state) as kept:
        return "level" in kept


def wait_for(something: Any, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not something():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def left_over(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_decomposition_killed_goes_on_from_its_checkpoint(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    running = decomposing(folder, "--threads", "2", "--checkpoint", str(state))
    wait_for(lambda: has_plan(state))
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    wait_for(lambda: not left_over(running.pid))
    with np.load(state) as kept:
        profit = known_profit(folder, kept["level"], kept["order"])
        bound = float(kept["bound"])

    again = decomposing(folder, "--checkpoint", str(state), "--time-limit", "4")
    out, err = again.communicate(timeout=60)
    found = json.loads(out)
    assert again.returncode in {0, 3}, err
    assert found["objective"] >= profit - 1e-6 * profit
    assert found["bound"] <= bound + 1e-6 * bound


def known_profit(folder: Path, level: Any, order: Any) -> float:
    found = check(read_instance(folder), Plan(level, order))
    assert found.violations == ()
    return found.profit


def test_ctrl_c_ends_a_decomposition_with_the_plan_there_is(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    running = decomposing(folder, "--threads", "2", "--checkpoint", str(state))
    wait_for(lambda: has_plan(state))
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all processes at once
    out, err = running.communicate(timeout=60)
    assert running.returncode == 3, err
    assert "Traceback" not in err
    found = json.loads(out)
    assert found["status"] == "interrupted"
    assert found["objective"] > 0 and found["levels"]
    wait_for(lambda: not left_over(running.pid))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are counted there")
def test_ctrl_c_before_there_is_a_plan_says_so(folder: Path) -> None:
    running = decomposing(folder, "--threads", "2")
    wait_for(lambda: len(children(running.pid)) > 2)  # two offices, and what keeps their books
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert err.endswith("interrupted before there was a plan\n")
    assert "Traceback" not in out + err
    wait_for(lambda: not left_over(running.pid))


def children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


def tampered_with(state: Path) -> Iterator[bytes]:
    """Checkpoints of the right instance in which something is missing or cannot be."""
    with np.load(state, allow_pickle=False) as file:
        whole = dict(file)
    changes: list[dict[str, Any]] = [
        *({"own_level": whole["own_level"] + shift} for shift in (-100, 100, 0.5)),
        *({"level": whole["level"] + shift} for shift in (-100, 100, 0.5)),
        *({name: whole[name] * np.nan} for name in ("order", "own_order")),
        *({name: whole[name].astype(str)} for name in ("prices", "radius", "bound", "values", "own_profit", "order")),
        *({name: whole[name][:-1]} for name in ("order", "own_order", "own_levels", "level")),
        {"teams": whole["teams"] + 100},
    ]
    for name in whole.keys() - {"level"}:  # without a plan it goes on from the prices
        changed = io.BytesIO()
        np.savez(changed, **{other: array for other, array in whole.items() if other != name})
        yield changed.getvalue()
    for change in changes:
        changed = io.BytesIO()
        np.savez(changed, **(whole | change))
        yield changed.getvalue()


def test_the_checkpoint_of_another_instance_is_left_aside_and_a_broken_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (
        FAMILIES["newsvendor"].build(Shape(3, 1, 3, 4), np.random.default_rng(seed), Dials()) for seed in (1, 2)
    )
    two = replace(two, name="two", title="two")
    state = tmp_path / "state"

    def profit(instance: Instance, checkpoint: Path | None) -> float:
        how = How(Method.DECOMPOSITION, checkpoint=checkpoint)
        return decide(OperatingModel.JOINT, Pictures.same(instance), Options(gap=0), how=how).objective

    first = profit(one, state)
    assert state.exists()
    assert profit(two, state) == pytest.approx(profit(two, None), rel=1e-9)
    assert first != pytest.approx(profit(two, None))

    write_instance(two, tmp_path / "two")
    arguments = f"desilo solve {tmp_path / 'two'} --model joint --method decomposition --checkpoint {state}".split()
    for broken in (state.read_bytes()[:-100], b"", b"not a checkpoint", *tampered_with(state)):
        state.write_bytes(broken)
        monkeypatch.setattr("sys.argv", arguments)
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        assert (stop.value.code, out) == (2, "")
        assert err.startswith(f"error: {state}: is no checkpoint") and err.count("\n") == 1
