"""A Sphinx extension: docstrings, which are written to be read as they are, as reStructuredText."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

from guide.notation import EQUATION

SPAN = re.compile(r"``[^`]+``|`([^`]+)`|[^`]+")
"""Code, and what is between."""


def as_rst(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """What RST would take amiss is said its way."""
    text = "\n".join(line if line.lstrip().startswith(">>>") else SPAN.sub(_said_its_way, line) for line in lines)
    text = re.sub(r"^(\*\w+\*) {2,}(?=\S)", r"\1\n            ", text, flags=re.MULTILINE)  # a term and its definition
    text = re.sub(r"^(?! |1\. |- )(.+)\n(?=1\. |- )", r"\1\n\n", text, flags=re.MULTILINE)  # a list after its sentence
    text = re.sub(r"^ +\w+(?:, \w+)+(?=: )", lambda names: names[0].replace(", ", ","), text, flags=re.MULTILINE)
    if what == "module" and EQUATION.search(text):
        text = re.sub(r"(?:^ .*\n|^\n(?= ))+", _as_block, text + "\n", flags=re.MULTILINE)
    lines[:] = text.splitlines()


def _said_its_way(span: re.Match[str]) -> str:
    code = span[1]
    if code is None:
        return span[0].replace("|", "\\|").replace("[*", "[\\*")  # absolute values, and Python's star
    return span[0] if re.fullmatch(r"[A-Za-z][\w.]*", code) else f"``{code}``"  # a name, which may lead to its page


def as_named(app: Sphinx, what: str, name: str, obj: object, options: object, arguments: Any, result: Any) -> Any:
    """Aliases of types by their names, within other types too."""
    return tuple(text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) for text in (arguments, result))


def whole_sentence(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Napoleon takes what stands before a colon for the type of a figure; here a sentence begins with it."""
    if what in {"property", "attribute", "data"}:
        for at, line in enumerate(lines):
            if beginning := re.fullmatch(r":type: (.*)", line):
                lines[:] = [f"{beginning[1]}: {lines[0]}", *lines[1:at], *lines[at + 1 :]]
                return


def _as_block(found: re.Match[str]) -> str:
    return f"\n.. code-block:: text\n   :class: notation\n\n{found[0].strip(chr(10)).replace(chr(92), '')}\n\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", as_rst, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", whole_sentence, priority=600)  # after it
    app.connect("autodoc-process-signature", as_named)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
