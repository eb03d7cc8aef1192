"""The benchmark for connected decisions. From Python: `import desilo`, then the names of `desilo.api`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

__path__ = extend_path(__path__, __name__)  # three floors, three source roots; one folder once installed

if TYPE_CHECKING:
    from desilo.api import Checked, Measured, Solved, check, compare, generate, open_case, read_instance, run, solve

__all__ = [
    "Checked",
    "Measured",
    "Solved",
    "check",
    "compare",
    "generate",
    "open_case",
    "read_instance",
    "run",
    "solve",
]


def __getattr__(name: str) -> Any:
    """The public names, loaded when they are asked for: `desilo --help` needs neither Pyomo nor pandas."""
    if name in __all__:
        return getattr(import_module("desilo.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
