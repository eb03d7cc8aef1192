"""Whatever is typed: an exit status of the README, words for people, and nothing that was there is lost.

Commands and options are those that the command line has, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import fuzz
from small_instances import make_instance
from small_runs import bench, write
from typer.main import get_command

from desilo.cases.errors import BadInput, Problem
from desilo.cases.plan import Plan, write_plan
from desilo.cases.writing import write_instance
from desilo.harness.cli import Exit, application, main

ONE = make_instance(np.full((1, 1, 1, 1), 5.0), unit_cost=4)
SALES = "date,item,units,price,unit cost\n" + "".join(f"2024-01-{d:02},a,{d},2,1\n" for d in range(1, 31))

PLACES = st.sampled_from(
    [
        *("one", "plan.json", "sales.csv", "bench", "nowhere", "nowhere/deep", ".", "..", "/dev/null", "", " ", "-"),
        *("é☃", "a[b]", "[/]", "x" * 300, "one/items.csv", "one/items.csv/x", "/proc/x", "out.mps", "tuna/..", "$HOME"),
        *("\u202e", "\udcff"),  # the last one a byte that is no text
    ]
)
NUMBERS = st.one_of(
    st.sampled_from(["0", "1", "-1", "nan", "inf", "-inf", "1e400", "9" * 30, "9" * 5000, "", "x", "0x1", "1_0", "٣"]),
    st.floats().map(repr),
    st.integers().map(str),
)
WORDS = st.one_of(
    st.sampled_from(["joint", "S", "features", "csv", "week", ",", "a,b", "=", "x=y", "*", "[", "0,1", "item", "tuna"]),
    st.text(max_size=5),
)
ADDRESSES = st.sampled_from(["", " ", "x y", "tcp://", "tcp://127.0.0.1:1", "127.0.0.1:x", "ftp://x", "é☃", "[::1]:1"])

TYPICAL = {
    **{"instance": "one", "solution": "plan.json", "sales": "sales.csv", "before": "bench", "rest": "bench"},
    **{"model": "joint", "family": "features", "size": "S", "seed": "1", "out": "new", "history": "new", "by": "Ada"},
    **{"name": "inventory-newsvendor-S-1", "case": "tuna", "what": "one", "patterns": "inventory-newsvendor-S-1"},
    **{"ids": "A4", "how": "by hand", "standings": "board"},
}
"""What gets farther than most; by the name of an argument or option."""

WORK = (
    *("desilo.harness.run.run", "desilo.harness.claims.conduct.conduct", "desilo.harness.solvers.running.bench.bench"),
    *("desilo.harness.solvers.tracking.track.measure", "desilo.harness.solvers.library.page.write_page"),
    *("desilo.harness.exploring.opening.open_explored", "desilo.cases.importing.panel.import_panel"),
    *("desilo.harness.solvers.library.standings.wrong", "desilo.harness.inspection.inspect"),
    "desilo.harness.solvers.gate.gate.failures",
)
"""Where minutes of work begin, everything that was typed and is there having been looked at."""


def commands(command: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for sub, within in getattr(command, "commands", {}).items():
        yield from commands(within, (*name, sub))
    if not hasattr(command, "commands"):
        yield name, command


COMMANDS = dict(commands(get_command(application())))


def values(command: Any, parameter: Any) -> st.SearchStrategy[str]:
    """What may be typed for an argument or option, by its type."""
    if parameter.name == "cluster":
        return ADDRESSES
    hint = get_type_hints(inspect.unwrap(command.callback))[parameter.name]
    kinds = {hint, *get_args(hint), *(part for each in get_args(hint) for part in get_args(each))}
    if parameter.metavar in {"<int>", "<float>"}:
        odd: st.SearchStrategy[str] = NUMBERS
    elif Path in kinds or parameter.name in {"case", "what"}:
        odd = PLACES
    else:
        odd = WORDS
    choices = [str(one.value) for kind in kinds if inspect.isclass(kind) and issubclass(kind, Enum) for one in kind]
    choices += [one for kind in kinds if get_origin(kind) is Literal for one in get_args(kind)]
    choices += [TYPICAL[parameter.name]] if parameter.name in TYPICAL else []
    return st.sampled_from(choices) | odd if choices else odd


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    name = draw(st.sampled_from(sorted(COMMANDS)))
    command = COMMANDS[name]
    line = [*name]
    optional = [parameter for parameter in command.params if not parameter.required]
    chosen = draw(st.lists(st.sampled_from(optional), max_size=4, unique_by=lambda each: each.name)) if optional else []
    for parameter in [each for each in command.params if each.required] + chosen:
        if parameter.param_type_name == "option":
            line.append(draw(st.sampled_from([*parameter.opts, *parameter.secondary_opts])))
        if not getattr(parameter, "is_flag", False):
            line.append(draw(values(command, parameter)))
    return line


def begins(*_: object, **__: object) -> None:
    raise BadInput([Problem("test", "here work would begin")])


@settings(fuzz, max_examples=120)
@given(command_lines())
def test_any_command_line(line: list[str]) -> None:
    line = [part.replace("\0", "") for part in line]  # no shell can pass it on
    before, argv = Path.cwd(), sys.argv
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        os.chdir(place)
        write_instance(ONE, "one")
        write_plan(ONE, Plan(np.zeros((1, 1), dtype=np.int64), np.full((1, 1), 5.0)), "plan.json")
        Path("sales.csv").write_text(SALES)
        write(bench(1, problems=2, seeds=(0, 1)), Path("bench"))
        files = {path: path.read_bytes() for path in Path("one").iterdir()}
        said: list[str] = []
        patch.setattr("desilo.harness.cli.complain", said.append)
        for module in ("library", "bench"):
            patch.setattr(f"desilo.harness.cli.{module}.published", lambda: Path("board"))
        patch.setattr("desilo.harness.cluster.PATIENCE", 0.2)
        for work in WORK:
            patch.setattr(work, begins)
        sys.argv = ["desilo", *line]
        try:
            with pytest.raises(SystemExit) as stop:
                main()
        finally:
            os.chdir(before)
            sys.argv = argv
        assert int(stop.value.code or 0) in set(Exit) - {Exit.UNEXPECTED}, (line, said)
        assert {path: Path(place, path).read_bytes() for path in files} == files


def test_every_command_is_among_them() -> None:
    """As the README lists them."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for name in COMMANDS:
        assert f"desilo {name[0]}" in readme, name
    assert {("explore",), ("gate",), ("library", "publish"), ("data", "panel")} <= COMMANDS.keys()
