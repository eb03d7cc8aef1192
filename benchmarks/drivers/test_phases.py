"""Seconds by phase, from rules to solution. Only the verb is timed; what it needs is made before.

Beside the seconds every timing keeps what does not depend on the machine (`extra_info`): size, bound of the relaxation,
and for solves objective, iterations and nodes. Changes are judged by those; seconds are for trends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from desilo.cases.instance import Instance
from desilo.formulations.models import joint_model
from desilo.solving import Options, Outcome, Program, Seconds, Size, translate
from desilo.solving.highs import load, read_outcome, run
from drivers.registry import SPECS, Spec

ROUNDS = 3
GAP = 0.01
"""At which mixed-integer solves stop."""

INSIDE = Options(root="ipm")
"""Relaxations: on these models simplex takes many times longer."""


@cache
def instance(spec: Spec) -> Instance:
    """Generated once for all phases."""
    return spec.instance()


@cache
def program(spec: Spec) -> Program:
    """Translated once for loading and solving."""
    return translate(joint_model(instance(spec), None, spec.formulation).model)


@cache
def relaxation(spec: Spec) -> Program:
    """The program without its integers."""
    whole = program(spec)
    return replace(whole, integer=np.zeros_like(whole.integer))


@cache
def size(spec: Spec) -> dict[str, int]:
    """Rows, columns, integers, nonzeros."""
    built = program(spec)
    return asdict(Size(*built.matrix.shape, int(built.integer.sum()), int(built.matrix.nnz)))


def each(phase: str, specs: tuple[Spec, ...] = SPECS) -> Callable[[Any], Any]:
    """Every specification, timings of a phase and instance side by side: tight against plain."""

    def mark(test: Any) -> Any:
        grouped = [
            pytest.param(spec, id=spec.id, marks=pytest.mark.benchmark(group=f"{phase} {spec.instance().name}"))
            for spec in specs
        ]
        return pytest.mark.parametrize("spec", grouped)(test)

    return mark


@each("build")
def test_build(benchmark: Any, spec: Spec) -> None:
    """Rules to Pyomo components."""
    known = instance(spec)
    built = benchmark.pedantic(lambda: joint_model(known, None, spec.formulation), rounds=ROUNDS)
    assert translate(built.model).matrix.shape[1] == size(spec)["columns"]
    benchmark.extra_info.update(size(spec))


@each("translate")
def test_translate(benchmark: Any, spec: Spec) -> None:
    """Pyomo components to arrays."""
    model = joint_model(instance(spec), None, spec.formulation).model
    arrays = benchmark.pedantic(lambda: translate(model), rounds=ROUNDS)
    assert arrays.matrix.shape == program(spec).matrix.shape
    benchmark.extra_info.update(size(spec))


@each("load")
def test_load(benchmark: Any, spec: Spec) -> None:
    """Arrays into HiGHS."""
    arrays = program(spec)
    highs = benchmark.pedantic(lambda: load(arrays, Options()), rounds=ROUNDS)
    assert highs.getNumCol() == size(spec)["columns"]
    benchmark.extra_info.update(size(spec))


@each("relaxation")
def test_relaxation(benchmark: Any, spec: Spec) -> None:
    """The bound at the root, by the interior-point method."""
    outcome = _solve(benchmark, relaxation(spec), INSIDE)
    benchmark.extra_info.update(size(spec), lp_bound=outcome.objective, ipm_iterations=outcome.ipm_iterations)


@each("solve", tuple(spec for spec in SPECS if spec.whole))
def test_solve(benchmark: Any, spec: Spec) -> None:
    """The mixed-integer program, to a gap of 1%."""
    outcome = _solve(benchmark, program(spec), Options(gap=GAP))
    assert outcome.gap <= GAP + 1e-9
    benchmark.extra_info.update(
        size(spec),
        objective=outcome.objective,
        bound=outcome.bound,
        simplex_iterations=outcome.simplex_iterations,
        nodes=outcome.nodes,
    )


def _solve(benchmark: Any, arrays: Program, options: Options) -> Outcome:
    """Solve a freshly loaded program each round; the last round's outcome."""
    loaded: list[Any] = []

    def prepare() -> tuple[tuple[Any], dict[str, Any]]:
        loaded.append(load(arrays, options))
        return (loaded[-1],), {}

    status = benchmark.pedantic(run, setup=prepare, rounds=ROUNDS)
    outcome = read_outcome(loaded[-1], status, arrays, options, Seconds())
    assert outcome.feasible
    return outcome
