"""What is wrong with somebody's input, said so that they can mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one place of the input.

    Attributes:
        file: the file's name as the user knows it.
        message: what was found, what is expected, what to do.
        row: line of the file counted as a text editor counts (the header is line 1), or None.
        column: the column's name or the key's, or None.
    """

    file: str
    message: str
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        return f"{place}: {self.message}"


class BadInput(ValueError):
    """Input that cannot be used; carries every problem found, not only the first. Exit code 2."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise AssertionError("BadInput needs at least one problem")
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))
