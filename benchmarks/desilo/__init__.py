"""The benchmark for connected decisions. From Python: `import desilo`, then the names of `desilo.api`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

__path__ = extend_path(__path__, __name__)  # three floors, three source roots; one folder once installed

if TYPE_CHECKING:
    from desilo.api import *  # noqa: F403  the names are listed there


def __getattr__(name: str) -> Any:
    """The public names, loaded when they are asked for: `desilo --help` needs neither Pyomo nor pandas."""
    if name == "__all__" or not name.startswith("_"):
        api = import_module("desilo.api")
        if name in ("__all__", *api.__all__):
            return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """For completion: a notebook offers the public names."""
    return [*globals(), *import_module("desilo.api").__all__]
