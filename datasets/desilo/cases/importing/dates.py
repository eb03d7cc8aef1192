"""Dates as people and their programs write them, and the periods they lie in."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from desilo.cases.defaults import PeriodUnit
from desilo.cases.instance import Ints

FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y-%m",
    "%m/%Y",
    "%m.%Y",
    "%b %Y",
    "%B %Y",
    "%G-W%V",
)
"""Tried on a column of dates: one that reads them all is theirs. A time of day behind a date is passed over."""

_TIME = r"[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp][Mm])?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$"

DAYS = {"day": 1, "week": 7, "month": 25}
"""Rows of an export that lie at least so many days apart are taken to be one a period of that length."""

EARLIEST, LATEST = pd.Timestamp(1900, 1, 1), pd.Timestamp(2200, 1, 1)


def read_dates(cells: pd.Series, date_format: str) -> pd.Series:
    """The dates of a column of texts; nat where a text does not have the format."""
    days = cells.str.strip().str.replace(_TIME, "", regex=True)
    if "%V" in date_format and "%u" not in date_format:  # a week is dated by its Monday
        days, date_format = days + "-1", date_format + "-%u"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        read = pd.to_datetime(days, format=date_format, errors="coerce")
    return read.where(read.between(EARLIEST, LATEST))


def formats_that_fit(texts: pd.Series) -> tuple[str, ...]:
    """The formats that read most of the texts. Those under which the dates are the same are one."""
    read = {name: read_dates(texts, name) for name in FORMATS}
    most = max(int(dates.notna().sum()) for dates in read.values())
    best: dict[str, pd.Series] = {}
    for name, dates in read.items():
        if dates.notna().sum() == most and not any(dates.equals(other) for other in best.values()):
            best[name] = dates
    return tuple(best) if most else ()


def spelt_out(date_format: str) -> str:
    """A format in the letters that people know: dd.mm.yyyy."""
    letters = {
        "%Y": "yyyy", "%G": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd", "%b": "Mon", "%B": "Month", "%V": "ww"
    }  # fmt: skip
    return re.sub("%[A-Za-z]", lambda found: letters.get(found[0], found[0]), date_format)


def unit_of(dates: pd.Series) -> PeriodUnit:
    """Weeks, or months when the days on record lie a month apart."""
    days = np.unique(dates.to_numpy().astype("datetime64[D]"))
    return "month" if len(days) > 1 and np.median(np.diff(days)).astype(int) >= DAYS["month"] else "week"


@dataclass(frozen=True)
class Calendar:
    """Numbers the periods of a history; weeks run from Monday to Sunday (ISO 8601).

    Attributes:
        unit: length of a period.
        origin: ordinal of the period that has number 0; a day's is its own, a week's that of its Monday over 7, a
            month's 12 times the year and its number in it.
    """

    unit: PeriodUnit
    origin: int

    def starting(self, ordinal: int) -> Calendar:
        """The calendar whose period 1 is the one of that ordinal."""
        return Calendar(self.unit, ordinal - 1)

    def first_day(self, number: int) -> date:
        """The first day of a period."""
        ordinal = self.origin + number
        if self.unit == "month":
            return date(ordinal // 12, ordinal % 12 + 1, 1)
        return date.fromordinal(ordinal * 7 + 1 if self.unit == "week" else ordinal)

    def last_day(self, number: int) -> date:
        """The last day of a period."""
        return self.first_day(number + 1) - timedelta(days=1)


def ordinals(dates: pd.Series, unit: PeriodUnit) -> tuple[Ints, Ints, Ints]:
    """(n,) the periods of dates by ordinal, and how many days of its period lie before and after each date."""
    days = dates.to_numpy().astype("datetime64[D]").astype(np.int64) + date(1970, 1, 1).toordinal()
    if unit == "day":
        return days, np.zeros_like(days), np.zeros_like(days)
    if unit == "week":
        return (days - 1) // 7, (days - 1) % 7, 6 - (days - 1) % 7
    months, before = (dates.dt.year * 12 + dates.dt.month - 1), dates.dt.day - 1
    after = dates.dt.days_in_month - dates.dt.day
    return months.to_numpy(np.int64), before.to_numpy(np.int64), after.to_numpy(np.int64)
