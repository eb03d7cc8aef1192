"""The page of `desilo explore`, in the framework's own simulated browser, and served by the command."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_instances import make_instance, make_resource

from desilo.cases.instance import Activity
from desilo.cases.writing import write_instance
from desilo.harness.cli import Exit, main
from desilo.harness.exploring.opening import Explored, Problems
from desilo.operating.decision import Pictures

pytest.importorskip("nicegui")

from nicegui import ui
from nicegui.testing.user import User
from nicegui.testing.user_simulation import user_simulation

from desilo.harness.exploring.app import page
from desilo.harness.exploring.panel import price_stops

NASTY = '<img src=x onerror="boom()">'


def shop() -> Explored:
    """Two items that sell 10 at 10 and 8 at 12; 30 units fit into an order of both. One has a nasty name."""
    demand = np.array([[10.0, 8.0]] * 2)[:, None, :, None]
    limit = make_resource({Activity.ORDER: [1.0, 1.0]}, 10.0, 1)
    instance = make_instance(demand, price=((10.0, 12.0),), unit_cost=1.0, resources=(limit,), groups=("g", "g"))
    instance = replace(instance, items=("plain", NASTY), title="A <b>shop</b>", currency="EUR")
    return Explored(instance.title, (Problems(7, Pictures.same(instance), None, {}),), None)


def browse(explored: Explored, visit: Callable[[User], Awaitable[None]]) -> None:
    async def session() -> None:
        async with user_simulation(root=page(explored)) as user:
            await user.open("/")
            await visit(user)

    asyncio.run(session())


async def figure(user: User, title: str, expected: str) -> None:
    """Wait for a key figure; solving takes a process that has to start first."""
    for _ in range(600):
        found = [label.text for label in user.find(marker=title).elements] if _there(user, title) else []
        if found == [expected]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{title} is {found}, not {expected}")


def _there(user: User, marker: str) -> bool:
    try:
        user.find(marker=marker)
    except AssertionError:
        return False
    return True


def slide(user: User, marker: str, value: Any) -> None:
    """Let go of a slider at a value."""
    (slider,) = user.find(marker=marker).elements
    slider.set_value(value)
    user.find(marker=marker).trigger("change", value)


def test_sliders_of_limits_and_prices_solve_again() -> None:
    async def visit(user: User) -> None:
        await user.should_see("A <b>shop</b>")
        await figure(user, "Expected profit", "EUR 110.00")  # 10 units, at 12 less 1
        slide(user, "shelf", 0.5)
        await user.should_see("shelf: 50%")
        await figure(user, "Expected profit", "EUR 55.00")
        (choose,) = [s for s in user.find(ui.select).elements if s.props.get("label") == "Hold the price of ..."]
        choose.set_value("g")
        await user.should_see("g: 100% of today's to 120% of today's")
        slide(user, "g", {"min": 0, "max": 0})
        await user.should_see("g: 100% of today's")
        await figure(user, "Expected profit", "EUR 45.00")
        tables = {t.props["title"]: t for t in user.find(ui.table).elements}
        assert [row["profit"] for row in tables["Tried so far"].rows] == ["EUR 45.00", "EUR 55.00", "EUR 110.00"]
        assert {row["item"] for row in tables["Prices and orders"].rows} == {"plain", NASTY}
        assert {row["price0"] for row in tables["Prices and orders"].rows} == {"10.00"}
        (limit,) = tables["Limits: mean use, and shadow prices"].rows
        assert (limit["period"], limit["capacity"], limit["found"], limit["worth"]) == (7, "5", "100%", "9.0000")
        user.find("All back to neutral").click()
        await figure(user, "Expected profit", "EUR 110.00")
        await user.should_see("shelf: 100%")

    browse(shop(), visit)


def test_the_operating_model_is_chosen() -> None:
    async def visit(user: User) -> None:
        await figure(user, "Bound", "EUR 110.00")
        (model,) = [s for s in user.find(ui.select).elements if s.props.get("label") == "Who decides"]
        model.set_value("inventory-only")
        await figure(user, "Expected profit", "EUR 90.00")

    browse(shop(), visit)


def test_that_no_plan_is_possible_is_said_with_what_would_help() -> None:
    explored = shop()
    room = make_resource({Activity.STOCK: [1.0, 1.0]}, 30.0, 1, name="room")
    stocked = replace(explored.problems[0].instance, initial_stock=np.array([40.0, 0.0]), resources=(room,))
    explored = replace(explored, problems=(replace(explored.problems[0], pictures=Pictures.same(stocked)),))

    async def visit(user: User) -> None:
        await figure(user, "Expected profit", "EUR 190.00")
        slide(user, "room", 0.5)
        await figure(user, "Expected profit", "–")
        await user.should_see("infeasible: no plan keeps the limits")
        await user.should_see("room by 15 in period 7: 100% on its slider is enough")

    browse(explored, visit)


def test_stops_of_a_price_are_levels_of_an_item_and_per_cents_of_a_group() -> None:
    instance = shop().problems[0].instance
    assert price_stops(instance, "plain") == [(1.0, "10.00 EUR"), (1.2, "12.00 EUR")]
    assert [share for share, _ in price_stops(instance, "g")] == [each / 100 for each in range(100, 121)]


HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""A background shell has Ctrl-C ignored."""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_the_command_serves_this_machine_alone_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    write_instance(shop().problems[0].instance, tmp_path / "shop")
    command = [sys.executable, "-c", f"{HEARING}; from desilo.harness.cli import main; main()", "explore"]
    asked = [str(tmp_path / "shop"), "--port", "0", "--no-browser"]
    with subprocess.Popen([*command, *asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None and served.stderr is not None
        line = served.stdout.readline()
        assert line.startswith("A <b>shop</b>: http://127.0.0.1:")
        url = line.split(": ", 1)[1].split()[0]
        assert "<b>shop</b>" not in urllib.request.urlopen(url).read().decode()
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(url, headers={"Host": "elsewhere.example"}))
        served.send_signal(signal.SIGINT)
        assert served.wait(60) == Exit.OK
        assert served.stdout.read().strip() == "ended"
        assert "Traceback" not in served.stderr.read()


def test_a_port_in_use_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["desilo", "explore", "tuna", "--port", str(port)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == Exit.BAD_INPUT
    assert f"port {port} cannot be had: {os.strerror(errno.EADDRINUSE)}" in capsys.readouterr().err
