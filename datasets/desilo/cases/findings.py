"""Collecting what is wrong with somebody's input, so that all of it is said at once and stays readable."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from datetime import date, time
from typing import Any

from pydantic import ValidationError

from desilo.cases.errors import BadInput, Problem

SHOWN = 3
"""Problems of one kind that are written out; the others are counted."""


LOOKED_AT = 100
"""Problems of one file of keys or entries that are worked out; that there are more is said."""

WIDEST = 80
"""Letters of a name that a message shows."""


class Findings:
    """Problems found so far. Reading goes on after a problem and stops at `stop_if_any`."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, file: str, message: str, row: int | None = None, column: str | None = None) -> None:
        """Note one problem; arguments as in `Problem`."""
        self.problems.append(Problem(file, message, row, column))

    def add_rows(self, file: str, column: str | None, rows: Sequence[int], say: Callable[[int], str]) -> None:
        """Note one kind of problem in several rows: `say(row)` for the first few, a count for the rest."""
        for row in rows[:SHOWN]:
            self.add(file, say(int(row)), int(row), column)
        self.add_count(file, column, len(rows) - SHOWN)

    def add_count(self, file: str, column: str | None, more: int) -> None:
        """Say how many problems of the kind just noted were not written out, if any."""
        if more > 0:
            self.add(file, f"and {more:,} more like this", column=column)

    def clean(self, files: Iterable[str]) -> bool:
        """Whether nothing was found in any of these files."""
        return {problem.file for problem in self.problems}.isdisjoint(files)

    def stop_if_any(self) -> None:
        """Raise `BadInput` with everything found, file by file, if anything was."""
        if self.problems:
            files = list(dict.fromkeys(problem.file for problem in self.problems))
            raise BadInput(sorted(self.problems, key=lambda problem: files.index(problem.file)))


def cut(text: str, widest: int = WIDEST) -> str:
    """A text for a message, without its end where it is too long."""
    return text if len(text) <= widest else text[: widest - 3] + "..."


def quoted(names: Iterable[str], at_most: int = 12) -> str:
    """Names for a message: 'a', 'b', 'c' and 4 more."""
    listed = list(names)
    text = ", ".join(f"'{cut(name)}'" for name in listed[:at_most])
    return text if len(listed) <= at_most else f"{text} and {len(listed) - at_most:,} more"


def counted(number: int, what: str) -> str:
    """A number of things: 1 week, 1,200 weeks."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint at the nearest known name; empty when none is near."""
    by_lower = {other.lower(): other for other in reversed(list(known)[:1000]) if len(other) <= WIDEST}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1) if len(name) <= WIDEST else []
    return f"did you mean '{by_lower[near[0]]}'?" if near else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint at the nearest known name, or else at all of them."""
    names = list(dict.fromkeys(known))
    return nearest(name, names) or (f"known: {quoted(names)}" if names else "none are known")


_EXPECTED = {
    **dict.fromkeys(("string_type", "string_too_short"), "text is expected, in quotes and not blank"),
    "string_pattern_mismatch": "text on one line without control characters is expected",
    **dict.fromkeys(("int_type", "int_from_float", "int_parsing", "int_parsing_size"), "a whole number is expected"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a finite number is expected"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false is expected"),
    **dict.fromkeys(("model_type", "model_attributes_type"), "keys with their values are expected"),
    **dict.fromkeys(("list_type", "tuple_type"), "a list is expected"),
    **dict.fromkeys(("literal_error", "enum"), "{expected} is expected"),
    "json_invalid": "JSON is expected",
    "too_short": "a list that is not empty is expected",
    "greater_than_equal": "{ge:g} or more is expected",
    "less_than_equal": "{le:g} or less is expected; choose larger units",
}
"""What is expected, by pydantic's type of error."""


def spelt(value: object) -> str:
    """A value as a TOML or JSON file has it, cut where it is long."""
    if isinstance(value, int) and value.bit_length() > 200:  # Python does not write out the longest ones
        return "a number of more than 60 digits"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if isinstance(value, (date, time)) else repr(value)
    return cut(text, 60)


def beyond_python(error: ValueError | RecursionError) -> str:
    """Why a well-formed file cannot be parsed all the same."""
    deep = isinstance(error, RecursionError)
    return "brackets are nested too deeply" if deep else "a number has thousands of digits"


def schema_problems(error: ValidationError, known: Callable[[tuple[Any, ...]], Iterable[str]]) -> list[tuple[str, str]]:
    """(place, message) of each problem pydantic found.

    Args:
        error: what pydantic raised.
        known: the keys allowed at a place, for the hint at an unknown key.
    """
    found = []
    details = error.errors(include_url=False)
    parents = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
    own = [detail for detail in details if detail["loc"] not in parents]  # the others follow from what is within
    for detail in own[:LOOKED_AT]:
        place = ""
        for part in detail["loc"]:
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
        if detail["type"] == "missing":
            message = "missing; it is required"
        elif detail["type"] == "extra_forbidden":
            key, where = str(detail["loc"][-1]), detail["loc"][:-1]
            message = f"unknown key, remove or rename it; {did_you_mean(key, known(where))}"
        elif detail["type"] == "value_error":  # a check of our own
            message = str(detail["ctx"]["error"])
        else:
            expected = _EXPECTED.get(detail["type"], "a value of another kind is expected")
            message = f"found {spelt(detail['input'])}; {expected.format(**detail.get('ctx', {}))}"
        found.append((place, message))
    if len(own) > LOOKED_AT:
        found.append(("", f"{len(own) - LOOKED_AT:,} more problems were not looked at; mend these first"))
    return found
