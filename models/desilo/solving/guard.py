"""Whether this version of Pyomo has the private parts that delayed models and templates are made of.

`delayed` and `templates` are the only modules that touch them. If they cannot be imported, or a small model does not
come out as it should, models are ordinary ones, Pyomo translates them, and a warning says so, once.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import pyomo.environ as pyo
from pyomo.version import version

try:
    from desilo.solving.delayed import DelayedBlock, DelayedModel
    from desilo.solving.templates import Evaluator
except (ImportError, AttributeError) as error:
    MISSING = f"Pyomo {version} lacks what templates are made of: {error}"
else:
    MISSING = ""


def evaluator(*arguments: Any) -> Any:
    """An `Evaluator`; None where Pyomo lacks what it needs."""
    return None if MISSING else Evaluator(*arguments)


def delayed_model(name: str = "unknown") -> Any:
    """A `ConcreteModel` whose rules wait until somebody asks for what they make."""
    return DelayedModel(name=name) if works() else pyo.ConcreteModel(name=name)


def delayed_block() -> Any:
    """A `Block` whose rules wait until somebody asks for what they make."""
    return DelayedBlock() if works() else pyo.Block()


@cache
def works() -> bool:
    """Whether a small model goes through; warns once if it does not."""
    reason = MISSING or _trial()
    if reason:
        warnings.warn(f"{reason}. Models are built and translated index by index.", RuntimeWarning, stacklevel=3)
    return not reason


def _trial() -> str:
    """What goes wrong with a model of every kind of component that waits; empty if nothing does."""
    from desilo.solving.compile import translate  # it needs this module

    try:
        m = DelayedModel()
        m.I = pyo.RangeSet(0, 1)
        m.x = pyo.Var(m.I, bounds=(0, 4))
        m.a = pyo.Param(m.I, default=lambda m, i: i + 1.0)
        m.e = pyo.Expression(m.I, rule=lambda m, i: m.a[i] * m.x[i])
        m.each = pyo.Constraint(m.I, rule=lambda m, i: 2 * m.e[i] <= 3)
        m.all = pyo.Constraint(rule=lambda m: sum(m.x[i] for i in m.I) >= 1)
        m.goal = pyo.Objective(rule=lambda m: sum(m.e[i] for i in m.I))
        program = translate(m)
        right = program.matrix.toarray().tolist() == [[2, 0], [0, 4], [1, 1]] and program.cost.tolist() == [1, 2]
        right &= program.upper.tolist() == [4, 4] and program.row_lower[2] == 1 and not program.expanded
        return "" if right else f"Pyomo {version} gives templates another meaning"
    except Exception as error:
        return f"Pyomo {version} does not take templates: {error}"
