"""Every way from an instance to a loaded solver: the plain joint model of the retail family.

    python -m drivers.routes M desilo            from benchmarks/: one measurement, as JSON

`pytest benchmarks -k routes` takes them all, each in processes of their own, and prints the table.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyomo.environ as pyo

from desilo.cases.generate import generate
from desilo.cases.instance import Instance
from desilo.formulations import models
from desilo.formulations.freedom import Formulation
from desilo.solving import Options, translate
from desilo.solving.highs import load
from drivers.handwritten import through_an_object, through_arrays, through_columns

FOLDER = Path(__file__).parents[1]

Run = dict[str, Any]


def handwritten(instance: Instance) -> tuple[int, int, int]:
    """numpy and `Highs.passModel` with arrays, no model."""
    return _size(through_arrays(instance))


def handwritten_csc(instance: Instance) -> tuple[int, int, int]:
    """The same, sorted into columns by SciPy."""
    return _size(through_columns(instance))


def handwritten_lp(instance: Instance) -> tuple[int, int, int]:
    """numpy and `Highs.passModel` with a `HighsLp` object, no model."""
    return _size(through_an_object(instance))


def desilo(instance: Instance) -> tuple[int, int, int]:
    """Pyomo rules, called once each and evaluated by numpy."""
    return _size(load(translate(models.joint_model(instance, None, Formulation.PLAIN).model), Options()))


def standard_form(instance: Instance) -> tuple[int, int, int]:
    """The same rules expanded by Pyomo, its `LinearStandardFormCompiler`, `passModel`."""
    return _size(load(translate(_ordinary(instance)), Options()))


def appsi_highs(instance: Instance) -> tuple[int, int, int]:
    """The same rules expanded by Pyomo, its `appsi_highs` interface."""
    from pyomo.contrib.appsi.solvers import Highs

    model, solver = _ordinary(instance), Highs()
    solver.set_instance(model)
    return _size(solver._solver_model)


def contrib_highs(instance: Instance) -> tuple[int, int, int]:
    """The same rules expanded by Pyomo, its `contrib.solver` interface."""
    from pyomo.contrib.solver.solvers.highs import Highs

    model, solver = _ordinary(instance), Highs()
    solver.set_instance(model)
    return _size(solver._solver_model)


def linopy(instance: Instance) -> tuple[int, int, int]:
    """The same model in linopy, labelled arrays, handed to HiGHS by itself."""
    from drivers.in_linopy import in_linopy

    return _size(in_linopy(instance).to_highspy())


ROUTES: dict[str, Callable[[Instance], tuple[int, int, int]]] = {
    route.__name__: route
    for route in (
        handwritten,
        handwritten_csc,
        handwritten_lp,
        desilo,
        linopy,
        standard_form,
        contrib_highs,
        appsi_highs,
    )
}


def _ordinary(instance: Instance) -> Any:
    """The joint model on ordinary Pyomo blocks: every rule expanded where it is declared."""
    with patch.multiple(models, delayed_model=lambda name: pyo.ConcreteModel(name=name), delayed_block=pyo.Block):
        return models.joint_model(instance, None, Formulation.PLAIN).model


def _size(highs: Any) -> tuple[int, int, int]:
    return highs.getNumRow(), highs.getNumCol(), highs.getNumNz()


SLOW = frozenset({"standard_form", "contrib_highs", "appsi_highs"})
"""Routes that expand every row: minutes at size L."""


def missing(route: str) -> str:
    """What a route needs and does not find; empty if nothing."""
    absent = route == "linopy" and find_spec("linopy") is None
    return "linopy is not installed: pip install desilo[compare]" if absent else ""


def measure(size: str, route: str) -> Run:
    """Seconds of the processor and peak memory of one route, in a process of its own."""
    command = [sys.executable, "-m", "drivers.routes", size, route]
    printed = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True).stdout
    run: Run = json.loads(printed.splitlines()[-1])  # after what solvers say
    return run


def _here(size: str, route: str) -> Run:
    """The same in this process, after a first time on size S: what is imported and set up once does not count."""
    ROUTES[route](generate("retail", "S", 1))
    instance = generate("retail", size, 1)
    before = _peak()
    started = time.process_time()
    rows, columns, nonzeros = ROUTES[route](instance)
    return {
        "size": size,
        "route": route,
        "rows": rows,
        "columns": columns,
        "nonzeros": nonzeros,
        "seconds": time.process_time() - started,
        "peak_mb": _peak(),
        "before_mb": before,
    }


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if platform.system() == "Darwin" else 2**10)


def write(runs: list[Run], command: str, folder: Path) -> None:
    """Write the best run of every size and route, as a table and as figures."""
    packages = {name: version(name) for name in ("pyomo", "highspy", "numpy", "scipy")}
    made = {"command": command, "cores": os.cpu_count(), "python": platform.python_version(), "packages": packages}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "routes.json").write_text(json.dumps({**made, "runs": _best(runs)}, indent=2) + "\n", encoding="utf-8")
    page = [
        "# Ways to HiGHS",
        "",
        "The plain joint model of the retail family, seed 1, from the instance in memory to the model in the solver:",
        "processor seconds and peak memory of a process of its own that has been that way once with size S, best of",
        f"the rounds (one round for routes that expand every row); {os.cpu_count()} cores.",
        f"Made by `{command}`.",
        "",
        *table(runs),
    ]
    (folder / "routes.md").write_text("\n".join(page) + "\n", encoding="utf-8")


def table(runs: list[Run]) -> list[str]:
    """The lines of a table of the best run of every size and route, against the one by hand."""
    lines = [
        "| size | nonzeros | route | seconds | x handwritten | peak, MB | x handwritten |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    best = _best(runs)
    by_hand = {run["size"]: run for run in best if run["route"] == "handwritten"}
    for run in best:
        hand = by_hand.get(run["size"], run)
        slower, larger = run["seconds"] / hand["seconds"], run["peak_mb"] / hand["peak_mb"]
        lines.append(
            f"| {run['size']} | {run['nonzeros']:,} | {run['route']} | {run['seconds']:.3f} | {slower:.2f} "
            f"| {run['peak_mb']:,.0f} | {larger:.2f} |"
        )
    return lines


def _best(runs: list[Run]) -> list[Run]:
    """The fastest run of every size and route, in the order they were first taken."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run["size"], run["route"]), []).append(run)
    return [min(group, key=lambda run: float(run["seconds"])) for group in groups.values()]


if __name__ == "__main__":
    print(json.dumps(_here(*sys.argv[1:])))
