"""How work is coming along, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console


class Bar:
    """A bar where it can be redrawn, plain lines elsewhere; what is counted is for those who make one of it."""

    things = ""
    """What is counted, in the plural."""

    def __init__(self, console: Console) -> None:
        from rich import progress

        self.console = console
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("looking what is there", total=None)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def note(self, text: str) -> None:
        """A plain line."""
        self.console.print(text, markup=False)

    def begin(self, total: int, done: int) -> None:
        """How much there is to do, and how much is there from before."""
        self.note(f"{total} {self.things}, of which {done} are on record")
        self.bar.update(self.task, total=total, completed=done)
