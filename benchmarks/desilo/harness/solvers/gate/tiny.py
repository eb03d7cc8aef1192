"""Tiny mixed-integer programs whose optimum is found by enumeration, without any solver.

    python -m desilo.harness.solvers.gate.tiny        writes gate.json, the programs of the correctness gate

Every integer column lies in a small box, and every continuous one between bounds: all integer points are gone through,
and for each of them all vertices of what is left, the points where as many rows and bounds hold with equality as there
are continuous columns. Data are small whole numbers and halves, so that sums are exact.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from desilo.cases.instance import Bools, Floats
from desilo.harness.records import write_text

FROZEN = Path(__file__).with_name("gate.json")

SEEDS = 10
"""Programs of each kind in the gate, the first that come."""

CAUGHT = {"knapsack": (22, 24, 26), "set-ups": (141,), "anything": (20, 29)}
"""Seeds of more programs, which HiGHS 1.14.0 was found to solve wrongly among the first 150 of each kind."""

EXACT = 1e-9
"""A vertex may miss a row or a bound by this much, which is the rounding of a small linear system."""


@dataclass(frozen=True)
class Tiny:
    """min or max cost x with row_lower <= matrix x <= row_upper, lower <= x <= upper, some x integer.

    Attributes:
        sense: +1 minimise, -1 maximise.
        cost, lower, upper: (n,); bounds are finite.
        integer: (n,); all or none of them may be.
        matrix: (m, n).
        row_lower, row_upper: (m,); may be infinite.
    """

    sense: int
    cost: Floats
    matrix: Floats
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: Bools


def enumerate_optimum(program: Tiny) -> float | None:
    """The best value of all integer points and vertices; None if none is feasible."""
    whole, free = np.flatnonzero(program.integer), np.flatnonzero(~program.integer)
    boxes = [np.arange(program.lower[j], program.upper[j] + 1) for j in whole]
    points = np.array(list(product(*boxes)), dtype=np.float64)  # (P, integers)
    sides, limits = _halfspaces(program)  # sides x <= limits
    left = limits - points @ sides[:, whole].T  # (P, sides): what the continuous columns may use
    best = np.inf
    for chosen in combinations(range(len(limits)), len(free)):
        square = sides[list(chosen)][:, free]
        if len(free) and abs(np.linalg.det(square)) < EXACT:
            continue
        vertex = np.linalg.solve(square, left[:, chosen].T).T if len(free) else np.zeros((len(points), 0))
        keeps = (vertex @ sides[:, free].T <= left + EXACT * np.maximum(1.0, np.abs(left))).all(axis=1)
        value = program.sense * (points @ program.cost[whole] + vertex @ program.cost[free])
        best = min(best, float(value[keeps].min(initial=np.inf)))
    return program.sense * best if np.isfinite(best) else None


def _halfspaces(program: Tiny) -> tuple[Floats, Floats]:
    """(n_sides, n) and (n_sides,): every finite side of a row, and every bound, as sides x <= limits."""
    eye = np.eye(len(program.cost))
    sides = np.concatenate([program.matrix, -program.matrix, eye, -eye])
    limits = np.concatenate([program.row_upper, -program.row_lower, program.upper, -program.lower])
    finite = np.isfinite(limits)
    return sides[finite], limits[finite]


# ---- kinds


def _covering(rng: np.random.Generator) -> Tiny:
    """Demand covered by cheap continuous supply and dear whole lots."""
    n, m = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    integer = np.arange(n) >= rng.integers(1, min(n, 3))
    matrix = rng.integers(0, 3, (m, n)).astype(float)
    matrix[:, 0] = 1.0
    return Tiny(
        sense=1,
        cost=rng.integers(1, 6, n).astype(float),
        matrix=matrix,
        row_lower=rng.integers(3, 16, m) / 2,
        row_upper=np.full(m, np.inf),
        lower=np.zeros(n),
        upper=rng.integers(3, 11, n).astype(float),
        integer=integer,
    )


def _knapsack(rng: np.random.Generator) -> Tiny:
    """Whole and divisible goods in one or two knapsacks."""
    n, m = int(rng.integers(3, 7)), int(rng.integers(1, 3))
    matrix = rng.integers(1, 9, (m, n)).astype(float)
    upper = rng.integers(1, 4, n).astype(float)
    return Tiny(
        sense=-1,
        cost=rng.integers(1, 13, n).astype(float),
        matrix=matrix,
        row_lower=np.full(m, -np.inf),
        row_upper=np.floor(matrix @ upper * rng.uniform(0.3, 0.7)),
        lower=np.zeros(n),
        upper=upper,
        integer=np.arange(n) >= rng.integers(0, 3),
    )


def _setups(rng: np.random.Generator) -> Tiny:
    """Orders that need a set-up, a smallest order, and demand that may be lost: an item of an inventory problem."""
    orders = int(rng.integers(1, 4))
    largest = rng.integers(4, 9, orders).astype(float)
    least = np.floor(largest * rng.uniform(0, 0.7, orders))
    n = 2 * orders
    eye = np.eye(orders)
    matrix = np.concatenate(
        [
            np.concatenate([eye, -np.diag(largest)], axis=1),  # order <= largest set-up
            np.concatenate([eye, -np.diag(least)], axis=1),  # order >= least set-up
            np.concatenate([np.ones((1, orders)), np.zeros((1, orders))], axis=1),  # demand
        ]
    )
    return Tiny(
        sense=-1,
        cost=np.concatenate([rng.integers(1, 7, orders), -rng.integers(2, 12, orders)]).astype(float),
        matrix=matrix,
        row_lower=np.concatenate([np.full(orders, -np.inf), np.zeros(orders), [0.0]]),
        row_upper=np.concatenate([np.zeros(orders), np.full(orders, np.inf), [float(rng.integers(4, 15))]]),
        lower=np.zeros(n),
        upper=np.concatenate([largest, np.ones(orders)]),
        integer=np.arange(n) >= orders,
    )


def _levels(rng: np.random.Generator) -> Tiny:
    """One of some price levels for each of two or three items, with limits on what they use together."""
    items, levels = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    n = items * levels
    one = np.repeat(np.eye(items), levels, axis=1)
    use = rng.integers(0, 6, (2, n)).astype(float)
    return Tiny(
        sense=-1,
        cost=rng.integers(-3, 10, n).astype(float),
        matrix=np.concatenate([one, use]),
        row_lower=np.concatenate([np.ones(items), np.full(2, -np.inf)]),
        row_upper=np.concatenate([np.ones(items), rng.integers(items, 4 * items, 2)]),
        lower=np.zeros(n),
        upper=np.ones(n),
        integer=np.ones(n, dtype=bool),
    )


def _anything(rng: np.random.Generator) -> Tiny:
    """Rows of every kind with entries of both signs; some have no solution."""
    n, m = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    matrix = rng.integers(-4, 5, (m, n)) * (rng.random((m, n)) < 0.7)
    low, high = np.sort(rng.integers(-8, 13, (2, m)) / 2, axis=0)
    kind = rng.integers(0, 4, m)
    lower = -rng.integers(0, 3, n).astype(float)
    return Tiny(
        sense=int(rng.choice([-1, 1])),
        cost=rng.integers(-6, 7, n).astype(float),
        matrix=matrix.astype(float),
        row_lower=np.where(kind == 0, -np.inf, low),
        row_upper=np.where(kind == 1, np.inf, np.where(kind == 2, low, high)),
        lower=lower,
        upper=lower + rng.integers(1, 5, n),
        integer=np.arange(n) >= rng.integers(0, min(n, 4)),
    )


def _continuous(rng: np.random.Generator) -> Tiny:
    """The relaxation of such a program."""
    program = _anything(rng)
    return replace(program, integer=np.zeros_like(program.integer))


KINDS: Mapping[str, Callable[[np.random.Generator], Tiny]] = {
    "covering": _covering,
    "knapsack": _knapsack,
    "set-ups": _setups,
    "levels": _levels,
    "anything": _anything,
    "continuous": _continuous,
}


@dataclass(frozen=True)
class Known:
    """A program and its answer.

    Attributes:
        name: kind and seed.
        program: what is to be solved.
        optimum: found by enumeration; None if nothing is feasible.
    """

    name: str
    program: Tiny
    optimum: float | None


def draw() -> Iterator[Known]:
    """The programs of the gate, drawn and enumerated."""
    for kind, make in KINDS.items():
        for seed in (*range(SEEDS), *CAUGHT.get(kind, ())):
            program = make(np.random.default_rng(seed))
            yield Known(f"{kind} {seed}", program, enumerate_optimum(program))


def read() -> tuple[Known, ...]:
    """The programs of the gate as they were frozen."""
    return tuple(_thaw(**line) for line in json.loads(FROZEN.read_text(encoding="utf-8")))


def _freeze(known: Known) -> dict[str, Any]:
    arrays = {name: figure.tolist() for name, figure in vars(known.program).items() if isinstance(figure, np.ndarray)}
    for side in ("row_lower", "row_upper"):  # JSON has no infinity
        arrays[side] = [limit if np.isfinite(limit) else None for limit in arrays[side]]
    return {"name": known.name, "optimum": known.optimum, "sense": known.program.sense, **arrays}


def _thaw(name: str, optimum: float | None, sense: int, integer: list[bool], **arrays: Any) -> Known:
    figures = {key: np.array(array, dtype=np.float64) for key, array in arrays.items()}  # null becomes nan
    figures["row_lower"] = np.nan_to_num(figures["row_lower"], nan=-np.inf, neginf=-np.inf, posinf=np.inf)
    figures["row_upper"] = np.nan_to_num(figures["row_upper"], nan=np.inf, neginf=-np.inf, posinf=np.inf)
    return Known(name, Tiny(sense=sense, integer=np.array(integer), **figures), optimum)


if __name__ == "__main__":
    write_text("[\n" + ",\n".join(json.dumps(_freeze(known)) for known in draw()) + "\n]\n", FROZEN)
