"""The two kinds of problem of the library, behind one type: plans of an instance, and demand functions of records.

A problem knows its model, how to read a solution from a file or from the model's variables, and how to check one. The
check knows nothing of formulations and solvers: of a plan the profit is worked out by `desilo.harness.check`, of a
demand function the loss by numpy.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import Findings, beyond_python, schema_problems
from desilo.cases.instance import Floats, Instance
from desilo.cases.plan import SMALLEST_ORDER, Plan, read_plan, write_plan
from desilo.cases.tables import read_text
from desilo.cases.writing import write_instance
from desilo.formulations.estimation import (
    DEFAULT_OPTIONS,
    Coefficients,
    EstimationOptions,
    Records,
    build_estimation,
    coefficients,
)
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.harness.check import TOLERANCE, check
from desilo.harness.records import write_text
from desilo.harness.solvers.runs import Check
from desilo.operating.desk import integers
from desilo.solving import values

Solution = Plan | Coefficients


class Kind(Protocol):
    """What a problem of the library can do."""

    sense: ClassVar[int]
    """-1 maximise, 1 minimise."""

    formulations: ClassVar[tuple[Formulation, ...]]
    """Those in which its model differs."""

    def digest(self) -> str:
        """SHA-256 of everything that defines the problem."""

    def model(self, formulation: Formulation = Formulation.TIGHT) -> Any:
        """Its Pyomo model."""

    def solution(self, model: Any) -> Solution:
        """The solution in the values that the model's variables hold."""

    def check(self, solution: Any) -> Check:
        """Whether a solution keeps every rule, and what it is worth."""

    def read(self, path: Path) -> Solution:
        """A solution from its file (JSON).

        Raises:
            BadInput: with everything that is wrong.
        """

    def write(self, solution: Any, path: Path) -> None:
        """A solution to its file."""

    def export(self, folder: Path) -> None:
        """The problem's data, for any other program."""


@dataclass(frozen=True)
class Planning:
    """The plan of highest expected profit of an instance."""

    instance: Instance
    sense: ClassVar[int] = -1
    formulations: ClassVar[tuple[Formulation, ...]] = (Formulation.TIGHT, Formulation.PLAIN)

    def digest(self) -> str:
        """As in `Instance.digest`."""
        return self.instance.digest()

    def model(self, formulation: Formulation = Formulation.TIGHT) -> Any:
        """The joint model; in a pricing problem its supply never binds, in an inventory problem it has one level."""
        return joint_model(self.instance, formulation=formulation).model

    def solution(self, model: Any) -> Plan:
        """Levels and orders; units below the solver's tolerances, where no order is placed, are none."""
        level, placed = integers(model, self.instance)
        order = values(model.inventory.order, level.shape)
        return Plan(level, np.where(placed & (order > SMALLEST_ORDER), order, 0.0))

    def check(self, solution: Plan) -> Check:
        """By `desilo.harness.check`."""
        found = check(self.instance, solution)
        return Check(
            feasible=found.feasible,
            objective=found.profit,
            violations=tuple(str(violation) for violation in found.violations),
        )

    def read(self, path: Path) -> Plan:
        """A solution file."""
        return read_plan(self.instance, path)

    def write(self, solution: Plan, path: Path) -> None:
        """A solution file."""
        write_plan(self.instance, solution, path)

    def export(self, folder: Path) -> None:
        """An instance folder."""
        write_instance(self.instance, folder)


class _Fit(BaseModel):
    """A file of coefficients."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    instance: str
    level: list[float]
    own: list[float]
    cross: list[list[float]]
    covariates: list[list[float]]
    season: list[float]


@dataclass(frozen=True)
class Estimation:
    """The demand function of least loss (E0), see `desilo.formulations.estimation`."""

    name: str
    records: Records
    options: EstimationOptions = DEFAULT_OPTIONS
    sense: ClassVar[int] = 1
    formulations: ClassVar[tuple[Formulation, ...]] = (Formulation.TIGHT,)

    def digest(self) -> str:
        """Of name, records and options."""
        sha = hashlib.sha256(f"{self.name}:{asdict(self.options)}".encode())
        for field in fields(self.records):
            array = np.ascontiguousarray(getattr(self.records, field.name) + 0)
            sha.update(f"{field.name}{array.shape}".encode() + array.tobytes())
        return sha.hexdigest()

    def model(self, formulation: Formulation = Formulation.TIGHT) -> Any:
        """The linear program (E0)-(E4), whatever the formulation."""
        return build_estimation(self.records, self.options)

    def solution(self, model: Any) -> Coefficients:
        """The coefficients."""
        return coefficients(model, self.records)

    def check(self, solution: Coefficients) -> Check:
        """Bounds, (E2), and the loss (E0) of the coefficients alone."""
        violations = tuple(self._violations(solution))
        return Check(feasible=not violations, objective=self.loss(solution), violations=violations)

    def loss(self, fit: Coefficients) -> float:
        """(E0): the group's elasticities are those that cost least, weighted medians of the items'."""
        records, options = self.records, self.options
        observed = np.isfinite(records.log_units)
        fitted = (
            fit.level[:, None]
            + fit.own[:, None] * records.log_price
            + fit.cross @ records.log_price
            + np.einsum("itk,ik->it", records.covariates, fit.covariates)
            + records.season @ fit.season
        )
        above = (records.log_units - fitted)[observed]
        weight = options.pooling * observed.sum(axis=1)
        apart = ~np.eye(len(weight), dtype=bool)
        missed = np.maximum(options.tau * above, (options.tau - 1) * above).sum()
        pooled = _spread(fit.own, weight) + _spread(fit.cross[apart], np.repeat(weight, len(weight) - 1))
        return float(missed + pooled)

    def _violations(self, fit: Coefficients) -> Iterator[str]:
        options = self.options
        low, high = self.records.covariate_bounds.T
        limits = {
            "own: above -e_min": fit.own + options.min_own_elasticity,
            "cross: negative": -fit.cross,
            "cross: an item's effect on itself": np.abs(np.diag(fit.cross)),
            "covariates: below their limit": low - fit.covariates,
            "covariates: above their limit": fit.covariates - high,
            "(E2): the group gains by dearer prices": fit.cross.sum(axis=1) + fit.own + options.min_group_elasticity,
        }
        for what, excess in limits.items():
            if (worst := float(excess.max(initial=0.0))) > TOLERANCE:
                yield f"{what}, by {worst:.7g}"

    def read(self, path: Path) -> Coefficients:
        """A file of coefficients, named as in `Coefficients`."""
        findings = Findings()
        try:
            text = read_text(path, findings)
            findings.stop_if_any()
            fit = _Fit.model_validate_json(text or "")
        except OSError as error:
            raise BadInput([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
        except ValidationError as error:
            for place, message in schema_problems(error, lambda _: _Fit.model_fields):
                findings.add(path.name, message, column=place or None)
            raise BadInput(findings.problems) from None
        except (ValueError, RecursionError) as error:
            raise BadInput([Problem(path.name, f"not usable JSON: {beyond_python(error)}")]) from None
        if fit.instance != self.name:
            findings.add(path.name, f"solves '{fit.instance}', not '{self.name}'; name that one", column="instance")
        items, _, K = self.records.covariates.shape
        shapes: dict[str, tuple[int, ...]] = {
            "level": (items,),
            "own": (items,),
            "cross": (items, items),
            "covariates": (items, K),
            "season": (self.records.season.shape[1],),
        }
        arrays: dict[str, Floats] = {}
        for name, shape in shapes.items():
            rows = getattr(fit, name)
            regular = len(shape) == 1 or len({len(row) for row in rows}) == 1
            arrays[name] = np.array(rows, dtype=np.float64) if regular else np.zeros(0)
            if arrays[name].shape != shape:
                findings.add(path.name, f"{' x '.join(map(str, shape))} numbers are expected", column=name)
        findings.stop_if_any()
        return Coefficients(**arrays)

    def write(self, solution: Coefficients, path: Path) -> None:
        """A file of coefficients."""
        figures = {name: getattr(solution, name).tolist() for name in _Fit.model_fields if name != "instance"}
        write_text(json.dumps({"instance": self.name, **figures}) + "\n", path)

    def export(self, folder: Path) -> None:
        """`records.json`: the arrays of `Records` and the options; no record and no limit are null."""
        arrays = {name: _plain(array.tolist()) for name, array in vars(self.records).items()}
        text = json.dumps({"name": self.name, "options": asdict(self.options), **arrays})
        write_text(text + "\n", folder / "records.json")


def _plain(figures: Any) -> Any:
    """JSON has no nan and no infinity."""
    if isinstance(figures, list):
        return [_plain(figure) for figure in figures]
    return figures if math.isfinite(figures) else None


def _spread(figures: Floats, weight: Floats) -> float:
    """Least weighted sum of distances from one value: the weighted median."""
    if not len(figures):
        return 0.0
    order = np.argsort(figures, kind="stable")
    reached = np.cumsum(weight[order])
    middle = figures[order][np.searchsorted(reached, reached[-1] / 2)]
    return float(weight @ np.abs(figures - middle))
