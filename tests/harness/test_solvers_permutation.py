"""Another order of rows and columns is the same problem."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.cases.generate import generate
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.harness.solvers.running.permutation import Permutation
from desilo.solving import Options, Program, translate
from desilo.solving.highs import load, run


def program(seed: int) -> Program:
    return translate(joint_model(generate("features", "S", seed), None, Formulation.PLAIN).model)


def worth(program: Program, x: np.ndarray) -> float:
    return float(program.cost @ x + program.offset)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 30), st.integers(1, 100))
def test_the_optimum_is_the_same_and_comes_back_in_the_order_as_written(seed: int, number: int) -> None:
    written = program(seed)
    order = Permutation.drawn(written, number)
    found = {}
    for name, each in {"as written": written, "permuted": order.of(written)}.items():
        highs = load(each, Options(gap=0))
        run(highs)
        found[name] = np.array(highs.getSolution().col_value)
    x = order.back(found["permuted"])
    assert worth(written, x) == pytest.approx(worth(written, found["as written"]), rel=1e-6, abs=1e-6)
    activity = written.matrix @ x
    assert (activity >= written.row_lower - 1e-5).all() and (activity <= written.row_upper + 1e-5).all()
    assert np.abs(x - x.round())[written.integer].max() < 1e-5


@given(st.integers(1, 1000))
def test_going_there_and_back_changes_nothing(number: int) -> None:
    written = program(1)
    order = Permutation.drawn(written, number)
    there = order.of(written)
    assert there.matrix.shape == written.matrix.shape and there.matrix.nnz == written.matrix.nnz
    assert np.array_equal(order.back(there.cost), written.cost)
    assert np.array_equal(order.back(there.upper), written.upper)
    back = np.zeros(written.matrix.shape)
    back[np.ix_(order.rows, order.columns)] = there.matrix.toarray()
    assert np.array_equal(back, written.matrix.toarray())


def test_number_0_is_as_written_and_the_same_number_is_the_same_order() -> None:
    written = program(1)
    as_written = Permutation.drawn(written, 0).of(written)
    assert np.array_equal(as_written.matrix.toarray(), written.matrix.toarray())
    once, again, other = (Permutation.drawn(written, number) for number in (1, 1, 2))
    assert np.array_equal(once.columns, again.columns) and not np.array_equal(once.columns, other.columns)
