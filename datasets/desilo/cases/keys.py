"""Reading a TOML file of keys, and writing its values."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, StringConstraints, ValidationError

from desilo.cases.findings import Findings, beyond_python, schema_problems
from desilo.cases.tables import CONTROL, read_text

MAX_BYTES = 2**20
"""A larger file of keys is refused: a text of a million letters tells people nothing, and reading it takes long."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=f"^{CONTROL.replace('[', '[^')}*$")]
"""Text that is shown on one line."""

Model = TypeVar("Model", bound=BaseModel)


def read_keys(
    path: Path, model: type[Model], findings: Findings, known: Callable[[tuple[Any, ...]], Iterable[str]]
) -> Model | None:
    """Read a TOML file and hold it against its model.

    Args:
        path: a file that exists.
        model: what it must hold.
        findings: takes what is wrong.
        known: the keys allowed at a place, for the hint at an unknown key.

    Returns:
        The keys, or None when they cannot be used.
    """
    file = path.name
    try:
        text = read_text(path, findings, MAX_BYTES)
        values = None if text is None else tomllib.loads(text)
    except OSError as error:
        findings.add(file, f"cannot be read: {error.strerror}")
        return None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        findings.add(file, f"not valid TOML: {error}", int(line[1]) if line else None)
        return None
    except (ValueError, RecursionError) as error:
        findings.add(file, f"not usable TOML: {beyond_python(error)}")
        return None
    if text is None:
        return None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for place, message in schema_problems(error, known):
            key = re.escape(re.split(r"[.\[]", place)[0])
            found = re.search(rf"^[ \t\[\"']*{key}\b", text, re.MULTILINE) if key else None
            findings.add(file, message, text[: found.start()].count("\n") + 1 if found else None, place or None)
        return None


def toml_value(value: float | str | bool | list[str]) -> str:
    """A number, truth, basic string or list of them; the escapes are JSON's, except that DEL must be escaped too."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
