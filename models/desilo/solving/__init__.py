"""Pyomo to HiGHS and back."""

from desilo.solving.arrays import between, entries, members, true_at, wherever
from desilo.solving.compile import translate
from desilo.solving.guard import delayed_block, delayed_model
from desilo.solving.highs import Basis, Held, solve, write_mps
from desilo.solving.levels import assign, hand_back, table, values
from desilo.solving.outcome import Options, Outcome, Seconds, Size, Stop, relative_gap
from desilo.solving.program import Program, collection_paused, labels

__all__ = [
    "Basis",
    "Held",
    "Options",
    "Outcome",
    "Program",
    "Seconds",
    "Size",
    "Stop",
    "assign",
    "between",
    "collection_paused",
    "delayed_block",
    "delayed_model",
    "entries",
    "hand_back",
    "labels",
    "members",
    "relative_gap",
    "solve",
    "table",
    "translate",
    "true_at",
    "values",
    "wherever",
    "write_mps",
]
