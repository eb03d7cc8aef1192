"""Figures and dates are read as they were meant, however they are written."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.cases.importing.dates import FORMATS, formats_that_fit, ordinals, read_dates, unit_of
from desilo.cases.importing.figures import DECIMALS, Decimal, decimals_that_fit, read_figure, to_figures

CENTS = st.integers(-(10**11), 10**11)


def written(cents: int, decimal: Decimal, group: str, style: str) -> str:
    """An amount in one of the styles of the world."""
    text = f"{abs(cents) / 100:,.2f}".translate({ord(","): group, ord("."): decimal})
    negative = cents < 0
    match style:
        case "brackets":
            return f"({text})" if negative else text
        case "behind":
            return f"{text}-" if negative else text
        case "sign":
            return f"{'-' if negative else ''}€ {text}"
        case "code":
            return f"{'−' if negative else ''}{text} EUR"
    return f"{'-' if negative else ''}{text}"


@given(
    cents=CENTS,
    decimal=st.sampled_from(DECIMALS),
    group=st.sampled_from(["", " ", "\u00a0", "\u202f", "'", "other"]),
    style=st.sampled_from(["plain", "brackets", "behind", "sign", "code"]),
)
def test_an_amount_is_read_however_it_is_written(cents: int, decimal: Decimal, group: str, style: str) -> None:
    sign = {".": ",", ",": "."}[decimal] if group == "other" else group
    assert read_figure(written(cents, decimal, sign, style), decimal) == pytest.approx(cents / 100)


@given(cents=st.lists(CENTS.filter(lambda c: c % 100), min_size=1, max_size=20), decimal=st.sampled_from(DECIMALS))
def test_decimals_tell_their_own_sign(cents: list[int], decimal: Decimal) -> None:
    other = {".": ",", ",": "."}[decimal]
    assert decimals_that_fit([written(c, decimal, other, "plain") for c in cents]) == (decimal,)


@given(st.floats(-1e12, 1e12, allow_subnormal=False))
def test_what_a_program_writes_reads_back(value: float) -> None:
    assert read_figure(repr(value), ".") == value


@settings(max_examples=300)
@given(st.text(max_size=12), st.sampled_from(DECIMALS))
def test_any_text_is_a_figure_or_none(text: str, decimal: Decimal) -> None:
    value = read_figure(text, decimal)
    assert value is None or np.isnan(value) == (not text.strip())


@pytest.mark.parametrize(
    "text",
    ["1,2,3", "12,34,567", "1.2.3", "--1", "(1", "one", "=1+1", "1 2", "0x10", "1e999", "1,234.5.6", "€", "$ -"],
)
def test_no_figure(text: str) -> None:
    assert read_figure(text, ".") is None


@pytest.mark.parametrize(
    ("texts", "signs"),
    [
        (["1,234"], DECIMALS),
        (["1.234", "5"], DECIMALS),
        (["1.234.567"], (",",)),
        (["0.899", "1.234"], (".",)),
        (["3,5", "1.234"], (",",)),
        (["12", "7"], (".",)),
        ([], (".",)),
    ],
)
def test_what_figures_tell_of_their_sign(texts: list[str], signs: tuple[Decimal, ...]) -> None:
    assert decimals_that_fit(texts) == signs


def test_cells_that_are_no_figures_are_pointed_at() -> None:
    figures, wrong = to_figures(pd.Series(["1", "", "x"], index=[2, 3, 4]), ".")
    np.testing.assert_array_equal(figures, [1, np.nan, np.nan])
    assert wrong.tolist() == [False, False, True]


DATES = st.dates(date(1990, 1, 1), date(2060, 12, 31))
DAILY = [name for name in FORMATS if "%d" in name]


@settings(max_examples=30, deadline=None)
@given(
    days=st.lists(DATES, min_size=1, max_size=8),
    name=st.sampled_from(DAILY),
    clock=st.sampled_from(["", " 13:05", "T09:00:59Z"]),
)
def test_dates_are_read_in_the_format_they_are_written(days: list[date], name: str, clock: str) -> None:
    """That format is among those that fit, and it alone when no other reads the same days."""
    texts = pd.Series([day.strftime(name) + clock for day in days])
    if "%y" in name:
        days = [day.replace(year=datetime.strptime(day.strftime("%y"), "%y").year) for day in days]
    assert [day.date() for day in read_dates(texts, name)] == days
    fit = formats_that_fit(texts)
    assert any([day.date() for day in read_dates(texts, other)] == days for other in fit)


@given(DATES)
def test_a_week_is_dated_by_its_monday(day: date) -> None:
    (found,) = read_dates(pd.Series([day.strftime("%G-W%V")]), "%G-W%V")
    assert found.date().isocalendar()[:2] == day.isocalendar()[:2]
    assert found.weekday() == 0


@given(DATES, st.sampled_from(["day", "week", "month"]))
def test_periods_follow_the_calendar(day: date, unit: str) -> None:
    """The next day lies in the same period or the next, and a period's days before and after make it up."""
    days = pd.Series(pd.to_datetime([day, day + pd.Timedelta(days=1)]))
    period, before, after = ordinals(days, unit)  # type: ignore[arg-type]
    assert period[1] - period[0] == (after[0] == 0)
    length = {"day": 1, "week": 7, "month": days.dt.days_in_month.iloc[0]}[unit]
    assert before[0] + 1 + after[0] == length


@pytest.mark.parametrize(("step", "unit"), [(1, "week"), (7, "week"), (14, "week"), (28, "month"), (31, "month")])
def test_the_length_of_a_period_is_told_from_the_distance_of_days(step: int, unit: str) -> None:
    assert unit_of(pd.Series(pd.date_range("2021-01-01", periods=10, freq=f"{step}D"))) == unit
