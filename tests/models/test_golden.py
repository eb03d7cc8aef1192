"""Every constraint and objective of every formulation, alone, against a committed golden file.

    python tests/models/test_golden.py        writes the golden files anew; read what changed before committing

A golden file is the LP text of one component of a tiny instance with names: what it says, not how Pyomo stores it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.repn import generate_standard_repn

from desilo.cases.instance import Activity, CrossEffects, Instance, Resource, ServiceTarget
from desilo.formulations.estimation import EstimationOptions, Records, build_estimation
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model, prefer_regular_prices, pricing_model
from desilo.formulations.windows import WindowRows
from desilo.solving import translate

GOLDEN = Path(__file__).parent / "golden"


def tiny() -> Instance:
    """Two substitutes, two periods, two levels, two scenarios, and a limit of every kind; figures all different."""
    two = np.ones(2)
    resources = (
        Resource("budget", np.array([90.0, np.inf]), np.full(2, np.inf), {Activity.ORDER: np.array([3.0, 4.0])}),
        Resource(
            "dock",
            np.array([31.0, 32.0]),
            np.array([0.7, 0.8]),
            {Activity.RECEIPT: two, Activity.SETUP: np.array([0.25, 0.0])},
        ),
        Resource("shelf", np.array([21.0, 22.0]), np.array([np.inf, 0.9]), {Activity.STOCK: two, Activity.SALE: -two}),
        Resource("basket", np.full(2, 19.5), np.full(2, np.inf), {Activity.PRICE: np.array([1.0, 0.5])}),
        Resource("slots", np.full(2, 1.0), np.array([0.3, np.inf]), {Activity.PROMO: two}),
    )
    item, period, level, scenario = np.ogrid[:2, :2, :2, :2]
    return Instance(
        name="tiny",
        title="A tiny instance",
        periods=2,
        items=("a", "b"),
        groups=("g", "g"),
        levels=(("high", "low"), ("high", "low")),
        price=np.array([[12.0, 10.0], [15.0, 13.0]]),
        reference=np.array([0, 0]),
        promo=np.array([[False, True], [False, True]]),
        scenarios=("dull", "brisk"),
        probability=np.array([0.4, 0.6]),
        demand=20.0 + item + 2 * period + 4 * level + 8 * scenario,
        unit_cost=np.array([[5.0, 5.5], [6.0, 6.5]]),
        order_cost=np.array([[7.0, 7.5], [0.0, 0.0]]),
        holding_cost=np.array([[0.1, 0.2], [0.3, 0.4]]),
        lost_sale_cost=np.array([[1.1, 1.2], [0.0, 1.4]]),
        max_order=np.array([[50.0, np.inf], [60.0, 61.0]]),
        receipt=np.array([[1.0, 2.0], [0.0, 3.0]]),
        salvage_value=np.array([2.5, -0.5]),
        initial_stock=np.array([8.0, 9.0]),
        lead_time=np.array([0, 1]),
        min_order=np.array([11.0, 12.0]),
        max_price_changes=np.array([1.0, np.inf]),
        cross_effects=CrossEffects(np.array([0, 1]), np.array([1, 0]), np.array([[1.5, 0.0], [0.75, 0.5]])),
        resources=resources,
        service=(ServiceTarget("a", np.array([0]), 0.9),),
    )


def tiny_records() -> Records:
    """Two items, three weeks, one of them without a record of the second item; one covariate, one season."""
    return Records(
        log_units=np.array([[1.0, 1.2, 0.9], [2.0, np.nan, 2.2]]),
        log_price=np.array([[0.0, -0.1, 0.2], [0.05, 0.0, -0.2]]),
        covariates=np.array([[[0.0], [1.0], [0.5]], [[1.0], [0.0], [0.25]]]),
        covariate_bounds=np.array([[0.0, 3.0]]),
        season=np.array([[0.6], [0.7], [0.8]]),
    )


def models() -> Iterator[tuple[str, Any]]:
    """Every model, by a name for its golden files."""
    instance = tiny()
    for formulation in Formulation:
        yield f"joint-{formulation}", joint_model(instance, None, formulation).model
    yield "joint-windows", joint_model(instance, None, Formulation.LADDER, windows=True).model
    alone = CrossEffects(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 2)))
    yield "joint-alone", joint_model(replace(instance, cross_effects=alone)).model
    yield "pricing", pricing_model(instance).model
    ties = pricing_model(instance).model
    prefer_regular_prices(ties, instance, 100.0)
    yield "pricing-ties", ties
    yield "estimation", build_estimation(tiny_records(), EstimationOptions())


def components(model: Any) -> Iterator[tuple[str, str]]:
    """(name, text) of every constraint and objective that is active and not empty."""
    for kind in (pyo.Objective, pyo.Constraint):
        for component in model.component_objects(kind, active=True):
            rows = [row_text(data) for data in component.values()]
            if rows:
                yield component.local_name, "\n".join(rows) + "\n"


def row_text(row: Any) -> str:
    """One row or objective: its name, its terms in order of the variables' names, its bounds."""
    linear = generate_standard_repn(row.body if row.ctype is pyo.Constraint else row.expr)
    assert linear.is_linear(), row.name
    names = [variable.name for variable in linear.linear_vars]
    terms = sorted(zip(names, linear.linear_coefs, strict=True))
    body = [f"  {coefficient:+.10g} {name}" for name, coefficient in terms if coefficient]
    constant = linear.constant or 0.0
    if row.ctype is pyo.Objective:
        head = f"{'minimize' if row.is_minimizing() else 'maximize'} {row.name}:"
        return "\n".join([head, *body, *([f"  {constant:+.10g}"] if constant else [])])
    lower, upper = row.lb, row.ub
    if lower is not None and lower == upper:
        end = f"  = {lower - constant:.10g}"
    else:
        bounds = ((">=", lower), ("<=", upper))
        end = "\n".join(f"  {sign} {bound - constant:.10g}" for sign, bound in bounds if bound is not None)
    return "\n".join([f"{row.name}:", *body, end])


def texts() -> dict[str, str]:
    """Golden text by file name. A component that reads the same in two models has one file, named by the first."""
    found: dict[str, str] = {}
    for model_name, model in models():
        for name, text in components(model):
            known = {found[file] for file in found if file.startswith(f"{name}.")}
            if text not in known:
                found[f"{name}.{model_name}.lp"] = text
    found["I20_window.joint-windows.lp"] = violated_text()
    return found


def violated_text() -> str:
    """Rows that come from no Pyomo constraint: those violated where much is sold and no order is placed."""
    instance = tiny()
    program = translate(joint_model(instance, None, Formulation.LADDER, windows=True).model)
    names = program.column_names()
    sold = np.array([18.0 if name.startswith("inventory.sales") else 0.0 for name in names])
    rows, most = WindowRows(program, instance).I20_violated(sold)
    texts = []
    for number, row in enumerate(rows):
        terms = sorted((names[column], figure) for column, figure in zip(row.indices, row.data, strict=True))
        body = [f"  {figure:+.10g} {name}" for name, figure in terms]
        texts.append("\n".join([f"I20_window[{number}]:", *body, f"  <= {most[number]:.10g}"]))
    return "\n".join(texts) + "\n"


TEXTS = texts()


@pytest.mark.parametrize("file", sorted(TEXTS))
def test_component_reads_as_its_golden_file(file: str) -> None:
    golden = GOLDEN / file
    assert golden.exists(), f"{file} is new: run `python {Path(__file__).name}`, read it against the docstring"
    assert TEXTS[file] == golden.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.glob("*.lp")} == set(TEXTS)


def test_every_numbered_equation_has_a_golden_file() -> None:
    numbered = {file.split("_")[0] for file in TEXTS}
    expected = {f"P{n}" for n in range(1, 7)} | {"D1", "D2"} | {f"I{n}" for n in range(1, 21)}
    expected |= {f"R{n}" for n in range(1, 4)} | {f"E{n}" for n in range(5)} | {"S1"}
    assert expected <= numbered
    assert {"profit", "margin"} <= {file.split(".")[0] for file in TEXTS}


def test_parts_read_the_same_alone_and_in_the_joint_model() -> None:
    """Joint = parts + links: nothing about pricing is rewritten for it."""
    together = dict(components(joint_model(tiny()).model))
    alone = dict(components(pricing_model(tiny()).model))
    shared = [name for name in alone if name.startswith(("P", "D", "R3"))]
    assert len(shared) >= 6
    for name in shared:
        assert alone[name] == together[name], name


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for stale in GOLDEN.glob("*.lp"):
        stale.unlink()
    for file, text in TEXTS.items():
        (GOLDEN / file).write_text(text, encoding="utf-8")
    print(f"{len(TEXTS)} golden files in {GOLDEN}")
