"""Pyomo to HiGHS and back."""

from desilo.solving.highs import solve, values, write_mps
from desilo.solving.outcome import Options, Outcome, Seconds, Size, Stop, relative_gap
from desilo.solving.program import Program, collection_paused, translate

__all__ = [
    "Options",
    "Outcome",
    "Program",
    "Seconds",
    "Size",
    "Stop",
    "collection_paused",
    "relative_gap",
    "solve",
    "translate",
    "values",
    "write_mps",
]
