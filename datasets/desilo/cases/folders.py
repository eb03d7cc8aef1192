"""Writing a folder wholly or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desilo.cases.errors import BadInput, Problem


@contextmanager
def fresh_folder(path: Path | str) -> Iterator[Path]:
    """A folder beside `path` to write into, which takes its name at the end; gone if anything goes wrong.

    Raises:
        BadInput: something is at `path` that is not an empty folder, or it cannot be written.
    """
    target = Path(path).resolve()
    try:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            what = "is not empty" if target.is_dir() else "is a file"
            raise BadInput([Problem(str(path), f"{what}; nothing was written, choose another folder")])
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside:
            fresh = Path(beside, target.name)
            fresh.mkdir()
            yield fresh
            if target.exists():
                target.rmdir()
            shutil.move(fresh, target)
    except OSError as error:
        raise BadInput([Problem(str(path), f"cannot be written: {error.strerror or error}")]) from None
