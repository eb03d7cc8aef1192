"""Whatever is typed: an exit status of the README, words for people, and nothing that was there is lost."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import fuzz
from small_instances import make_instance

from desilo.cases.plan import Plan, write_plan
from desilo.cases.writing import write_instance
from desilo.harness.cli import Exit, main

ONE = make_instance(np.full((1, 1, 1, 1), 5.0), unit_cost=4)
SALES = "date,item,units,price,unit cost\n" + "".join(f"2024-01-{d:02},a,{d},2,1\n" for d in range(1, 31))

PLACES = st.sampled_from(
    [
        *(
            "one",
            "plan.json",
            "sales.csv",
            "nowhere",
            "nowhere/deep",
            ".",
            "..",
            "/dev/null",
            "",
            " ",
            "-",
            "é☃",
            "a[b]",
        ),
        *("[/]", "x" * 300, "one/items.csv", "one/items.csv/x", "/proc/x", "out.mps", "tuna/..", "$HOME", "\u202e"),
        "\udcff",  # a byte that is no text
    ]
)
NUMBERS = st.one_of(
    st.sampled_from(["0", "1", "-1", "nan", "inf", "-inf", "1e400", "9" * 30, "9" * 5000, "", "x", "0x1", "1_0", "٣"]),
    st.floats().map(repr),
    st.integers().map(str),
)
WORDS = st.one_of(
    st.sampled_from(["joint", "S", "features", "csv", "week", ",", "a,b", "=", "x=y", "*", "["]), st.text(max_size=5)
)

COMMANDS = {
    ("solve",): (["one"], ["--model"], {"--gap", "--threads", "--seed"}, {"--method", "--formulation"}, {"--out"}),
    ("check",): ([PLACES, PLACES], [], set(), set(), set()),
    ("export",): ([PLACES, PLACES], [], set(), {"--model", "--formulation"}, set()),
    ("generate",): ([], ["--family", "--size", "--seed", "--out"], {"--coupling"}, {"--format"}, set()),
    ("init",): ([PLACES], [], set(), {"--period", "--currency"}, set()),
    ("import",): (
        [PLACES],
        ["--out"],
        {"--margin", "--top", "--holdout"},
        {"--item", "--decimal", "--encoding"},
        set(),
    ),
    ("data", "describe"): ([PLACES], [], set(), set(), set()),
    ("data", "check"): ([PLACES], [], set(), set(), set()),
    ("run",): ([PLACES], [], {"--seed", "--time-limit", "--jobs"}, set(), {"--out"}),
    ("report",): ([PLACES], [], set(), set(), {"--out"}),
    ("claims",): ([WORDS.filter(lambda word: word.strip() and word[:1] != "-")], [], {"--jobs"}, set(), {"--out"}),
    ("compare",): ([PLACES, PLACES], [], {"--margin", "--trials"}, {"--metric", "--before"}, {"--markdown"}),
    ("track",): ([PLACES], ["--history"], set(), {"--highspy"}, set()),
    ("library", "list"): ([WORDS], [], set(), set(), {"--standings"}),
    ("library", "export"): ([WORDS, PLACES], [], set(), {"--formulation"}, {"--out"}),
    ("library", "submit"): ([WORDS, PLACES], ["--by"], {"--bound"}, {"--how"}, {"--standings"}),
    ("bench",): ([WORDS.map(lambda word: f"no such {word}")], [], {"--repeats", "--gap"}, {"--seeds"}, {"--out"}),
}
"""By command: arguments; options that are needed; options with numbers, with words, with places."""

TYPICAL = {"--model": "joint", "--family": "features", "--size": "S", "--seed": "1", "--out": "new", "--history": "new"}


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    name = draw(st.sampled_from(sorted(COMMANDS)))
    arguments, needed, numbers, words, places = COMMANDS[name]
    line = [*name, *(each if isinstance(each, str) else draw(each) for each in arguments)]
    for option in needed:
        odd = PLACES if option in {"--out", "--history"} else NUMBERS if option == "--seed" else WORDS
        line += [option, TYPICAL.get(option, "a") if draw(st.booleans()) else draw(odd)]
    for options, values in ((numbers, NUMBERS), (words, WORDS), (places, PLACES)):
        for option in sorted(options):
            if draw(st.booleans()):
                line += [option, draw(values)]
    return line


@settings(fuzz, max_examples=150)
@given(command_lines())
def test_any_command_line(line: list[str]) -> None:
    line = [part.replace("\0", "") for part in line]  # no shell can pass it on
    before, argv = Path.cwd(), sys.argv
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        os.chdir(place)
        write_instance(ONE, "one")
        write_plan(ONE, Plan(np.zeros((1, 1), dtype=np.int64), np.full((1, 1), 5.0)), "plan.json")
        Path("sales.csv").write_text(SALES)
        files = {path: path.read_bytes() for path in Path("one").iterdir()}
        said: list[str] = []
        patch.setattr("desilo.harness.cli.complain", said.append)
        sys.argv = ["desilo", *line]
        try:
            with pytest.raises(SystemExit) as stop:
                main()
        finally:
            os.chdir(before)
            sys.argv = argv
        assert int(stop.value.code or 0) in set(Exit) - {Exit.UNEXPECTED}, said
        assert {path: Path(place, path).read_bytes() for path in files} == files
