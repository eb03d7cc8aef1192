"""Writing a folder wholly or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from desilo.cases.errors import BadInput, Problem


@contextmanager
def fresh_folder(
    path: Path | str, replaceable: Callable[[Path], bool] = lambda _: False, refusal: str = "is not empty"
) -> Iterator[Path]:
    """A folder beside `path` to write into, which takes its place at the end; gone if anything goes wrong.

    Args:
        path: of the folder; it may be missing, empty, or one that may be replaced.
        replaceable: whether a folder with something in it may be replaced.
        refusal: what is said of one that may not.

    Raises:
        BadInput: something else is at `path`, or it cannot be written.
    """
    target = Path(path).resolve()
    try:
        there = target.exists()
        empty = there and target.is_dir() and not any(target.iterdir())
        if there and not empty and not (target.is_dir() and replaceable(target)):
            what = refusal if target.is_dir() else "is a file"
            raise BadInput([Problem(str(path), f"{what}; nothing was written, choose another folder")])
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside:
            fresh, old = Path(beside, "new"), Path(beside, "old")
            fresh.mkdir()
            yield fresh
            if empty:  # filled, not replaced: somebody may be in it
                for entry in fresh.iterdir():
                    entry.rename(target / entry.name)
                return
            if there:
                target.rename(old)
            try:
                fresh.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise BadInput([Problem(str(path), f"cannot be written: {error.strerror or error}")]) from None
