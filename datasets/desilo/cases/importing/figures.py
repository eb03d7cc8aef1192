"""Figures as people and their programs write them: 1,234.50 and 1.234,50, 3,49 €, (12.00), 5-."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal as Number
from numbers import Real
from typing import Any, Literal

import numpy as np
import pandas as pd

from desilo.cases.instance import Floats
from desilo.cases.tables import LARGEST

Decimal = Literal[".", ","]

DECIMALS: tuple[Decimal, ...] = (".", ",")

CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY"}
"""What a sign in front of a figure, or behind it, most often means."""

_MONEY = rf"(?:[{''.join(CURRENCIES)}]|[A-Za-z]{{2,3}}\.?)"
_BLANKS = r"[\s\u00a0\u2009\u202f]"


def _pattern(decimal: Decimal) -> re.Pattern[str]:
    other = re.escape("," if decimal == "." else ".")
    point = re.escape(decimal)
    grouped = rf"[1-9]\d{{0,2}}(?:(?:{other}\d{{3}})+|(?:{_BLANKS}\d{{3}})+|(?:['’]\d{{3}})+)"
    return re.compile(rf"(?:{grouped}|\d+)(?:{point}\d*)?|{point}\d+|\d+(?:{point}\d*)?[eE][+-]?\d+")


_FIGURE: dict[Decimal, re.Pattern[str]] = {decimal: _pattern(decimal) for decimal in DECIMALS}


def read_figure(text: str, decimal: Decimal) -> float | None:
    """The figure in a cell, None if it holds none. Blank is nan.

    A currency before or after it is passed over; brackets around it or a minus behind it make it negative.
    """
    bare = text.strip().replace("−", "-")
    if not bare:
        return np.nan
    sign = 1.0
    if bare.startswith("(") and bare.endswith(")"):
        sign, bare = -1.0, bare[1:-1].strip()
    bare = re.sub(rf"^([+-]?){_BLANKS}*{_MONEY}{_BLANKS}*", r"\1", bare)
    bare = re.sub(rf"{_BLANKS}*{_MONEY}(-?)$", r"\1", bare).strip()
    if bare.endswith("-") and not bare.startswith("-"):
        bare = "-" + bare[:-1].strip()
    if bare[:1] in {"+", "-"}:
        sign, bare = sign * (-1.0 if bare[0] == "-" else 1.0), bare[1:].strip()
    if not _FIGURE[decimal].fullmatch(bare):
        return None
    plain = re.sub(rf"[^\d{re.escape(decimal)}eE+-]", "", bare).replace(decimal, ".")
    value = sign * float(plain)
    return value if abs(value) <= LARGEST else None


def decimals_that_fit(texts: Sequence[str]) -> tuple[Decimal, ...]:
    """The decimal signs under which most of the texts are figures: two when they do not tell.

    Two with the same figures are one.
    """
    read = {decimal: [read_figure(text, decimal) for text in texts] for decimal in DECIMALS}
    fit = {decimal: sum(value is not None for value in values) for decimal, values in read.items()}
    best = tuple(decimal for decimal in DECIMALS if fit[decimal] == max(fit.values()))
    same = all(
        a == b or (a is not None and b is not None and a != a and b != b) for a, b in zip(*read.values(), strict=True)
    )
    return (best[0],) if same else best


def ambiguous(texts: Sequence[str]) -> str:
    """The first text that is another figure under another decimal sign."""
    return next(text for text in texts if read_figure(text, ".") != read_figure(text, ",") and text.strip())


def texts_of(cells: pd.Series) -> list[str]:
    """The different texts of a column; what a spreadsheet or a parquet file holds as a number is none."""
    return [] if pd.api.types.is_numeric_dtype(cells) else [cell for cell in cells.unique() if isinstance(cell, str)]


def to_figures(cells: pd.Series, decimal: Decimal) -> tuple[Floats, pd.Series]:
    """(n,) the figures of a column, nan where there is none; and whether a cell holds something else.

    Args:
        cells: texts, or numbers as a spreadsheet or a parquet file holds them.
        decimal: sign of the texts.
    """
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(dtype=float, na_value=np.nan)
    else:
        known = {cell: _to_figure(cell, decimal) for cell in cells.unique()}
        values = np.array([known[cell] for cell in cells])
    wrong = ~(np.isnan(values) | (np.abs(values) <= LARGEST))
    return np.where(wrong, np.nan, values), pd.Series(wrong, index=cells.index)


def _to_figure(cell: Any, decimal: Decimal) -> float:
    """Of a cell; infinite if it is no figure."""
    if isinstance(cell, str):
        read = read_figure(cell, decimal)
        return np.inf if read is None else read
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return np.nan
    return float(cell) if isinstance(cell, (Real, Number)) and not isinstance(cell, bool) else np.inf
