"""A Sphinx extension: a line `{floor} desilo.cases` on a page stands for the reference of every module below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from sphinx.application import Sphinx

import desilo


def modules_of(package: str) -> Iterator[str]:
    """Names of the modules of a package and of the packages in it."""
    for found in walk_packages(import_module(package).__path__, f"{package}."):
        if not found.ispkg:
            yield found.name


def reference(module: str) -> str:
    """Directives for a module; public names have a page of their own."""
    public = [name for name in desilo.__all__ if getattr(desilo, name).__module__ == module]
    options = [":members:", *([f":exclude-members: {', '.join(public)}"] if public else [])]
    lines = [module, "-" * len(module), "", f".. automodule:: {module}", *(f"   {option}" for option in options)]
    return "\n".join(["```{eval-rst}", *lines, "```"])


def expand(app: Sphinx, docname: str, source: list[str]) -> None:
    """In place of the line."""

    def modules(line: re.Match[str]) -> str:
        return "\n\n".join(map(reference, modules_of(line[1])))

    source[0] = re.sub(r"^\{floor\} (\S+)$", modules, source[0], flags=re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("source-read", expand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
