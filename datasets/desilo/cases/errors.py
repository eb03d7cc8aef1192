"""What is wrong with somebody's input, said so that they can mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 1000
"""Letters of a problem that are shown."""


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
        """For people, on a terminal: not endless, and what a terminal would obey is spelt out."""
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        said = f"{place}: {self.message}"
        shown = said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."
        return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown)


class BadInput(ValueError):
    """Input that cannot be used; carries every problem found, not only the first. Exit code 2."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise AssertionError("BadInput needs at least one problem")
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))

    def __reduce__(self) -> tuple[type[BadInput], tuple[tuple[Problem, ...]]]:
        """Comes whole out of the process it was raised in."""
        return type(self), (self.problems,)
