"""Text that somebody else wrote, on a Markdown page: shown letter by letter, on one line, whatever it holds."""

from __future__ import annotations

import re

_ACTIVE = re.compile(
    r"""(?P<slash>[|`*]|~(?=~)|\](?=[(\[:])|\\(?=[!-/:-@\[-`{-~]|\Z)|(?<!\w)_|_(?!\w)|\A[#>])
    |(?P<tag><(?=[A-Za-z/!?]))
    |(?P<entity>&(?=\#?\w+;))""",
    re.VERBOSE,
)
"""What would end a cell, begin a tag, a link, an emphasis or a heading. All else is left as it is, to be read raw."""


def plain(text: str) -> str:
    """A text for a page, a heading, a list or a cell of a table in Markdown."""

    def escaped(found: re.Match[str]) -> str:
        return {"slash": f"\\{found[0]}", "tag": "&lt;", "entity": "&amp;"}[str(found.lastgroup)]

    return _ACTIVE.sub(escaped, " ".join(text.split()))
