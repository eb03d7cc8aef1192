"""Whatever is done to an export, it becomes a case or is refused in words for people; no other error comes out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from sales_exports import bring, weekly
from small_folders import FOREIGN

from desilo.cases.errors import BadInput
from desilo.cases.opening import read_case

LINES = weekly(items=2, weeks=20).assign(stock=5, promo="no").to_csv(index=False).splitlines()

CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e12",
            "=1+1",
            "nan",
            "1,5",
            '"',
            '"a',
            ";",
            "\t",
            "2021-13-01",
            "01.02.2021",
            "2999-01-01",
            "5-",
            "€",
        ]
    ),
    st.text(max_size=8),
    st.floats().map(repr),
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A good export with some cells, lines or bytes changed."""
    lines = [line.split(",") for line in LINES]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        lines[row][draw(st.integers(0, len(lines[row]) - 1))] = draw(CELLS)
    keep = draw(st.integers(1, len(lines)))
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(",".join(cells) for cells in lines[:keep])
    data = bytearray(text.encode("utf-8", errors="surrogatepass"))
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def bring_or_refuse(file: Path) -> None:
    folder = file.parent / "case"
    try:
        imported = bring(file, folder)
    except BadInput as refused:
        for problem in refused.problems:
            quotes = "found" in problem.message or "such as" in problem.message
            assert quotes or not FOREIGN.search(problem.message.split("; its columns")[0])
        assert [path.name for path in file.parent.iterdir()] == [file.name]
    except KeyError as missing:  # a column that nothing is guessed for: the command asks for it
        assert missing.args[0] in {"date", "item", "units"}
    else:
        assert read_case(folder).items == imported.case.items


@settings(max_examples=60, deadline=None)
@given(spoilt())
def test_a_spoilt_csv(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sales.csv")
        file.write_bytes(data)
        bring_or_refuse(file)


VALUES = st.one_of(st.none(), st.integers(-5, 10**15), st.floats(), st.booleans(), st.text(max_size=5), st.dates())


@settings(max_examples=30, deadline=None)
@given(
    column=st.sampled_from(["date", "item", "units", "price", "unit cost"]),
    kind=st.sampled_from([int, float, str, bool, None]),
    values=st.lists(VALUES, min_size=40, max_size=40),
)
def test_a_parquet_column_of_any_type(column: str, kind: type | None, values: list[object]) -> None:
    frame = weekly(items=2, weeks=20)
    only = [value for value in values if kind is None or type(value) is kind or value is None]
    same = [value for value in only if type(value) is type(only[0]) or value is None] if only else [None]
    frame[column] = pd.Series((same * 40)[:40])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sales.parquet")
        try:
            frame.to_parquet(file)
        except (ValueError, TypeError, OverflowError):
            return
        bring_or_refuse(file)
