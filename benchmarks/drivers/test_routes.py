"""Every way from an instance to a loaded solver, side by side: the retail family, plain joint model.

    pytest benchmarks -k routes                                  size S, all routes
    pytest benchmarks -k routes --sizes M,L                      the sizes of the published table
    python -m drivers.test_routes --sizes M,L OUT                from benchmarks/: seconds and peak memory as a table

The time is that from the instance in memory to the model in HiGHS: build, translate and load. Peak memory is that of a
process of its own that does nothing else.
"""

from __future__ import annotations

import argparse
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

import numpy as np
import pyomo.environ as pyo
import pytest

from desilo.cases.generate import generate
from desilo.cases.instance import Instance
from desilo.formulations import models
from desilo.formulations.freedom import Formulation
from desilo.solving import Options, translate
from desilo.solving.highs import load
from drivers.handwritten import through_an_object, through_arrays

LARGEST = {"standard_form": "M", "appsi_highs": "M", "contrib_highs": "M"}
"""Largest size at which the routes that expand every row are measured: beyond it they take many minutes."""


def handwritten(instance: Instance) -> tuple[int, int, int]:
    """numpy and `Highs.passModel` with arrays, no model."""
    return _size(through_arrays(instance))


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
    for route in (handwritten, handwritten_lp, desilo, linopy, standard_form, contrib_highs, appsi_highs)
}


def _ordinary(instance: Instance) -> Any:
    """The joint model on ordinary Pyomo blocks: every rule expanded where it is declared."""
    with patch.multiple(models, delayed_model=lambda name: pyo.ConcreteModel(name=name), delayed_block=pyo.Block):
        return models.joint_model(instance, None, Formulation.PLAIN).model


def _size(highs: Any) -> tuple[int, int, int]:
    return highs.getNumRow(), highs.getNumCol(), highs.getNumNz()


def can(route: str, size: str) -> str:
    """Why a route is not taken; empty if it is."""
    if route == "linopy" and find_spec("linopy") is None:
        return "linopy is not installed: pip install desilo[compare]"
    if "SML".find(size) > "SML".find(LARGEST.get(route, "L")):
        return "it expands every row: measured up to M"
    return ""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "route" in metafunc.fixturenames:
        sizes = metafunc.config.getoption("--sizes", default="S").split(",")
        cases = [
            pytest.param(route, size, id=f"{route}-{size}", marks=pytest.mark.benchmark(group=f"routes {size}"))
            for size in sizes
            for route in ROUTES
        ]
        metafunc.parametrize(("route", "size"), cases)


def test_routes(benchmark: Any, route: str, size: str) -> None:
    """Instance to loaded solver."""
    reason = can(route, size)
    if reason:
        pytest.skip(reason)
    instance = generate("retail", size, 1)
    loaded = benchmark.pedantic(lambda: ROUTES[route](instance), rounds=3 if size == "S" else 1)
    benchmark.extra_info.update(zip(("rows", "columns", "nonzeros"), loaded, strict=True))
    assert loaded[2] >= instance.demand.size


def test_by_hand_and_by_template_are_the_same_program() -> None:
    """The yardstick is an oracle too: the same rows and columns, up to order."""
    instance = generate("retail", "S", 1)
    hand = through_arrays(instance)
    ours = load(translate(models.joint_model(instance, None, Formulation.PLAIN).model), Options())
    for highs in (hand, ours):
        highs.setOptionValue("solver", "ipm")
        highs.setOptionValue("solve_relaxation", True)
        highs.run()
    bounds = [highs.getInfo().objective_function_value for highs in (hand, ours)]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-7)
    assert sorted(_rows(hand)) == sorted(_rows(ours))


def _rows(highs: Any) -> list[tuple[Any, ...]]:
    """Every row as bounds, and its coefficients each with its column's cost and bounds."""
    lp = highs.getLp()
    matrix = lp.a_matrix_
    start, index, value = (np.array(a) for a in (matrix.start_, matrix.index_, matrix.value_))
    column = np.repeat(np.arange(lp.num_col_), np.diff(start))
    cost, upper = np.round(lp.col_cost_, 9), np.array(lp.col_upper_)
    entries = [
        (round(v, 9), float(cost[j]), float(upper[j])) for v, j in zip(value.tolist(), column.tolist(), strict=True)
    ]
    rows: list[list[Any]] = [[] for _ in range(lp.num_row_)]
    free = np.array(lp.col_upper_) > 0  # hard limits have no use above capacity
    for i, j, entry in zip(index.tolist(), column.tolist(), entries, strict=True):
        if free[j]:
            rows[i].append(entry)
    bounds = zip(lp.row_lower_, lp.row_upper_, strict=True)
    return [(*(round(b, 9) for b in pair), *sorted(row)) for pair, row in zip(bounds, rows, strict=True)]


# ---- the published table


def once(route: str, size: str) -> dict[str, Any]:
    """Seconds of the processor and peak memory of one route, measured in this process."""
    instance = generate("retail", size, 1)
    before = _peak()
    started = time.process_time()
    rows, columns, nonzeros = ROUTES[route](instance)
    seconds = time.process_time() - started
    return {
        "route": route,
        "size": size,
        "rows": rows,
        "columns": columns,
        "nonzeros": nonzeros,
        "seconds": seconds,
        "peak_mb": _peak(),
        "before_mb": before,
    }


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if platform.system() == "Darwin" else 2**10)


def main() -> None:
    """Measure every route in processes of its own and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", default="M,L")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(once(*asked.one)))
        return
    best = []
    for size in asked.sizes.split(","):
        found: dict[str, list[dict[str, Any]]] = {}
        for _ in range(asked.rounds):  # in turns: what else the machine does meets all of them
            for route in ROUTES:
                slow = route in LARGEST and found.get(route)  # once is enough
                if not can(route, size) and not slow:
                    command = [sys.executable, "-m", "drivers.test_routes", "-", "--one", route, size]
                    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                    found.setdefault(route, []).append(json.loads(out.splitlines()[-1]))  # after what solvers say
                    print(found[route][-1], flush=True)
        best += [min(runs, key=lambda run: float(run["seconds"])) for runs in found.values()]
    command_line = f"python -m drivers.test_routes --sizes {asked.sizes} --rounds {asked.rounds} ../results/solver"
    record = {
        "command": command_line,
        "folder": "benchmarks",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("pyomo", "highspy", "numpy", "scipy")},
        "runs": best,
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "routes.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (asked.out / "routes.md").write_text(_table(record), encoding="utf-8")


def _table(record: dict[str, Any]) -> str:
    lines = [
        "# Ways to HiGHS",
        "",
        "The plain joint model of the retail family, seed 1, from the instance in memory to the model in the solver:",
        f"processor seconds, best of the rounds, and the peak of a process of its own; {record['cores']} cores.",
        f"Made by `{record['command']}` in `{record['folder']}`.",
        "",
        "| size | nonzeros | route | seconds | x handwritten | peak, MB | x handwritten |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    base = {run["size"]: run for run in record["runs"] if run["route"] == "handwritten"}
    for run in record["runs"]:
        hand = base[run["size"]]
        slower, larger = run["seconds"] / hand["seconds"], run["peak_mb"] / hand["peak_mb"]
        lines.append(
            f"| {run['size']} | {run['nonzeros']:,} | {run['route']} | {run['seconds']:.2f} | {slower:.1f} "
            f"| {run['peak_mb']:,.0f} | {larger:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
