"""Writing a file or a folder wholly or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from filelock import FileLock

from desilo.cases.errors import BadInput, Problem

TEMPORARY = ".writing-"
"""Begins the names of files and folders that are being written; one that is left over is of a killed process."""

BEGUN = f"{TEMPORARY}here"
"""A file in a folder that was empty, for as long as files are moved into it; the system lets go of it after a kill."""

NO_FAULT_OF_THE_PLACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors after which another place does not help as such: the disk is full or broken, a quota is used up."""


@contextmanager
def fresh_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to write, which takes its place once it is on disk; gone if anything goes wrong.

    Raises:
        BadInput: it cannot be written there.
        OSError: the disk is full.
    """
    fresh = path.with_name(f"{TEMPORARY}{token_hex(8)}{path.suffix}")  # some writers go by the ending
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield fresh
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(OSError):
            fresh.unlink()


@contextmanager
def fresh_folder(
    path: Path | str, replaceable: Callable[[Path], bool] = lambda _: False, refusal: str = "is not empty"
) -> Iterator[Path]:
    """A folder beside `path` to write into, which takes its place at the end; gone if anything goes wrong.

    Args:
        path: of the folder; it may be missing, empty, one that may be replaced, or one that a killed process had only
            begun to fill.
        replaceable: whether a folder with something in it may be replaced.
        refusal: what is said of one that may not.

    Raises:
        BadInput: something else is at `path`, or it cannot be written.
        OSError: the disk is full.
    """
    target = Path(path).resolve()
    try:
        there = target.exists()
        empty = there and target.is_dir() and _is_empty(target)
        if there and not empty and not (target.is_dir() and replaceable(target)):
            what = refusal if target.is_dir() else "is a file"
            raise BadInput([Problem(str(path), f"{what}; nothing was written, choose another folder")])
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=TEMPORARY) as beside:
            fresh, old = Path(beside, "new"), Path(beside, "old")
            fresh.mkdir()
            yield fresh
            if empty:
                _fill(target, fresh)
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
        raise unwritable(path, error) from None


def _is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder, or only what a killed process had moved in so far."""
    return (folder / BEGUN).exists() or not any(folder.iterdir())


def _fill(target: Path, fresh: Path) -> None:
    """Move files into an empty folder, which is not replaced: somebody may be in it.

    Of two who fill it at the same time the first one does.
    """
    begun = target / BEGUN
    killed = begun.exists()
    with FileLock(begun, timeout=0):
        empty = killed or {*target.iterdir()} == {begun}
        for entry in fresh.iterdir() if empty else ():
            entry.replace(target / entry.name)
    begun.unlink(missing_ok=True)
    if not empty:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))


def unwritable(path: Path | str, error: OSError) -> Exception:
    """What to raise where a place that was asked for cannot be written.

    Returns:
        `BadInput`, as another place would do; the error itself, naming the place, if the disk is full or broken.
    """
    why = error.strerror or str(error)
    if error.errno in NO_FAULT_OF_THE_PLACE:
        return OSError(error.errno, why, str(path))
    return BadInput([Problem(str(path), f"cannot be written: {why}")])
