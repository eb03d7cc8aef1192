"""Every way from an instance to a loaded solver, side by side: build, translate and load, seconds and peak memory.

    pytest benchmarks -k routes                                  sizes M and L
    pytest benchmarks -k routes --sizes S
    pytest benchmarks -k routes --slow-routes                    routes that expand every row at size L as well
    pytest benchmarks -k routes --routes-out results/solver      writes the table too

Every round is a process of its own; the table is printed at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from desilo.cases.generate import generate
from desilo.formulations import models
from desilo.formulations.freedom import Formulation
from desilo.solving import Options, translate
from desilo.solving.highs import load
from drivers.handwritten import through_arrays, through_columns
from drivers.routes import ROUTES, SLOW, Run, measure, missing


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Rounds are taken in turns: what else the machine does meets all routes."""
    if "route" in metafunc.fixturenames:
        option = metafunc.config.getoption
        timed = not option("benchmark_disable")
        cases = [
            pytest.param(size, route, id=f"{size}-{route}-{turn}")
            for size in (option("sizes").split(",") if timed else ["S"])
            for turn in range(option("routes_rounds") if timed else 1)
            for route in ROUTES
            if route not in SLOW or (turn == 0 and (size != "L" or option("slow_routes")))
        ]
        metafunc.parametrize(("size", "route"), cases)


def test_routes(route_runs: list[Run], pytestconfig: pytest.Config, size: str, route: str) -> None:
    """Instance to loaded solver."""
    if missing(route):
        pytest.skip(missing(route))
    instance = generate("retail", size, 1)
    if pytestconfig.getoption("benchmark_disable"):
        _, _, nonzeros = ROUTES[route](instance)
    else:
        route_runs.append(measure(size, route))
        nonzeros = route_runs[-1]["nonzeros"]
    assert nonzeros >= instance.demand.size


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
    assert sorted(_rows(hand)) == sorted(_rows(through_columns(instance))) == sorted(_rows(ours))


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
