"""What may have happened to a file: bytes flipped, a part lost, cells and values replaced, saved by another program.

Every reader is held against the same: whatever is done to a valid file, it is read, or `BadInput` says why not in words
that are fit to be shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from desilo.cases.errors import BadInput

CELLS = st.one_of(
    st.sampled_from(
        [
            *("", " ", "0", "1", "-1", "2", "0.5", "-0", "nan", "inf", "1e308", "1e400", "1e15", "9" * 400, "9" * 5000),
            *("é", "all", "None", "true", "null", "price", "٣", "0x10", "1,000", "=1+1", "'=1+1", "@a", "-", "'", '"'),
            *('"a,b"', "a\nb", "\t", "\0", "\ufeff", "\x1b[31m", "\x9b2J", "\u2028", "\u202e", "[/red]", "$\\frac$"),
            *("x" * 200_000, "[" * 100_000, "{}", "[]", '"x"', '"\\ud800"', "Infinity", "2024-02-30"),
        ]
    ),
    st.text(max_size=8),
    st.floats().map(repr),
    st.integers().map(str),
)
"""Texts to stand in a file in place of others."""

TOKEN = re.compile(rb'"[^"\n]*"|[^\s,;:=\[\]{}"]+')
"""A cell of a table, a key or a value of JSON and TOML."""


def a_byte(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data) - 1))
    return data[:at] + draw(st.binary(max_size=2)) + data[at + 1 :]


def a_cut(draw: st.DrawFn, data: bytes) -> bytes:
    start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    return data[:start] + data[end:] if draw(st.booleans()) else data[:end]


def a_token(draw: st.DrawFn, data: bytes) -> bytes:
    tokens = [match.span() for match in TOKEN.finditer(data)]
    if not tokens:
        return data
    start, end = tokens[draw(st.integers(0, len(tokens) - 1))]
    return data[:start] + draw(CELLS).encode("utf-8", "surrogatepass") + data[end:]


def a_line(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    if draw(st.booleans()):
        lines.insert(at, lines[other])
    else:
        del lines[at]
    return b"\n".join(lines)


def a_column(draw: st.DrawFn, data: bytes) -> bytes:
    rows = [line.split(b",") for line in data.split(b"\n")]
    at = draw(st.integers(0, len(rows[0]) - 1))
    return b"\n".join(b",".join(row[:at] + row[at + 1 :]) for row in rows)


def another_program(draw: st.DrawFn, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace").replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return text.encode(draw(st.sampled_from(["utf-8-sig", "utf-16", "latin-1", "cp037"])), "replace")


def another_file(draw: st.DrawFn, data: bytes) -> bytes:
    return draw(
        st.one_of(st.binary(max_size=200), st.sampled_from([b"", b"\n", b"{}", b"[]", b"null", b"PAR1", b"PK\3\4"]))
    )


Mutation = Callable[[st.DrawFn, bytes], bytes]

MUTATIONS: list[Mutation] = [a_token, a_token, a_token, a_byte, a_cut, a_line, a_column, another_program, another_file]
"""Replaced values are what gets farthest, so they come most often."""


@st.composite
def spoilt(draw: st.DrawFn, data: bytes) -> bytes:
    """A valid file after one or a few mishaps."""
    for _ in range(draw(st.integers(1, 3))):
        data = draw(st.sampled_from(MUTATIONS))(draw, data or b"\n")
    return data


fuzz = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # a smaller example is no clearer than the file it is found in
    suppress_health_check=list(HealthCheck),
)


def read_or_refused(read: Callable[[], object]) -> bool:
    """Whether it was read; if not, the refusal must be short and hold nothing that a terminal would obey."""
    try:
        read()
    except BadInput as bad:
        assert 0 < len(bad.problems) < 150
        for problem in bad.problems:
            assert problem.message
            assert len(str(problem)) < 5000
            assert str(problem).isprintable()
        return False
    return True
