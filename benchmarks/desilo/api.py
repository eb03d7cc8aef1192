"""desilo in Python: what the commands do, with results as pandas tables.

>>> import desilo
>>> shop = desilo.generate("features", "M", 2)  # or desilo.read_instance("FOLDER")
>>> joint = desilo.solve(shop, "joint", gap=0)
>>> joint.status, round(joint.objective, 2)
('optimal', 2467.7)
>>> list(joint.prices.columns), list(joint.orders.columns)
(['item', 'period', 'level', 'price'], ['item', 'period', 'units'])
>>> print(f"{desilo.check(shop, joint).breakdown['lost_sales']:.2f}")  # independent of the models
113.39

`desilo.run("orange-juice", quick=True)` measures on a case what deciding together is worth: `.operating_models`,
`.gains` and `.cells` are its tables.

Bad input raises `desilo.cases.errors.BadInput` with every problem found, as everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import did_you_mean
from desilo.cases.generate import generate
from desilo.cases.instance import Instance
from desilo.cases.opening import open_case
from desilo.cases.plan import Plan, read_plan, write_plan
from desilo.cases.reading import read_instance
from desilo.formulations.freedom import Formulation
from desilo.harness import check as checker
from desilo.harness.experiment import settings_of
from desilo.harness.report import Estimate, Summary, summarise
from desilo.harness.run import Finished, Silent, folder_of
from desilo.harness.run import run as run_experiment
from desilo.harness.solvers.comparing.compare import Comparison
from desilo.harness.solvers.comparing.compare import compare as compare_pairs
from desilo.harness.solvers.comparing.pairing import pair, require_comparable
from desilo.harness.solvers.runs import read_runs
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, How, Method, OperatingModel, Pictures, Strength
from desilo.solving import Options

__all__ = [
    "Checked",
    "Measured",
    "Solved",
    "check",
    "compare",
    "generate",
    "open_case",
    "read_instance",
    "run",
    "solve",
]


@dataclass(frozen=True)
class Solved:
    """What an operating model came to on an instance.

    Attributes:
        instance: the problem.
        decision: all that is known of how it was decided.
    """

    instance: Instance
    decision: Decision

    @property
    def status(self) -> str:
        """Why it stopped: optimal (to the asked gap), time-limit, interrupted, infeasible, ..."""
        return self.decision.stop.value

    @property
    def objective(self) -> float:
        """Expected profit with best recourse in each scenario, money; nan without a plan."""
        return self.decision.objective

    @property
    def bound(self) -> float:
        """What no plan of the decision taken last can exceed, money; nan where it optimises nothing."""
        return self.decision.bound

    @property
    def gap(self) -> float:
        """|bound - objective| / |objective|; 0 where no bound is asked for."""
        return self.decision.gap

    @property
    def plan(self) -> Plan:
        """Levels and orders.

        Raises:
            ValueError: there is no plan; look at the status first.
        """
        if self.decision.plan is None:
            raise ValueError(f"{self.instance.name}: there is no plan ({self.status})")
        return self.decision.plan

    @property
    def prices(self) -> pd.DataFrame:
        """One row an item and period: item, period, level, price."""
        price = self.plan.price(self.instance)
        items = self.instance.items
        rows = [
            (items[i], t + 1, self.instance.levels[i][level], price[i, t])
            for (i, t), level in np.ndenumerate(self.plan.level)
        ]
        return pd.DataFrame(rows, columns=["item", "period", "level", "price"])

    @property
    def orders(self) -> pd.DataFrame:
        """One row an order: item, period, units."""
        order = self.plan.order
        rows = [(self.instance.items[i], t + 1, order[i, t]) for i, t in np.argwhere(order > 0).tolist()]
        return pd.DataFrame(rows, columns=["item", "period", "units"])

    @property
    def steps(self) -> pd.DataFrame:
        """One row a solve: function, stop, objective, bound, seconds, rows, columns, simplex iterations, nodes."""
        return pd.DataFrame(
            {
                "function": step.function,
                "stop": step.outcome.stop.value,
                "objective": step.outcome.objective,
                "bound": step.outcome.bound,
                "seconds": step.outcome.seconds.total,
                "rows": step.outcome.size.rows,
                "columns": step.outcome.size.columns,
                "simplex_iterations": step.outcome.simplex_iterations,
                "nodes": step.outcome.nodes,
            }
            for step in self.decision.steps
        )

    def write(self, path: Path | str) -> None:
        """Write the plan as a solution file."""
        write_plan(self.instance, self.plan, path)


@dataclass(frozen=True)
class Checked:
    """What the checker found; it shares no code with the formulations.

    Attributes:
        found: all of it.
    """

    found: checker.Check

    @property
    def feasible(self) -> bool:
        """Whether no rule is broken."""
        return self.found.feasible

    @property
    def profit(self) -> float:
        """Expected, with best recourse in each scenario, money."""
        return self.found.profit

    @property
    def breakdown(self) -> pd.Series[float]:
        """Money by cause, costs positive."""
        return pd.Series(self.found.breakdown, name="money")

    @property
    def violations(self) -> pd.DataFrame:
        """One row a rule broken in one place: rule, name, period, scenario, found, limit."""
        fields = ["rule", "name", "period", "scenario", "found", "limit"]
        rows = [[getattr(broken, field) for field in fields] for broken in self.found.violations]
        return pd.DataFrame(rows, columns=fields)


@dataclass(frozen=True)
class Measured:
    """A run on a case: every operating model, at several starts, on demand that no planner has seen.

    Attributes:
        folder: where its records are.
        finished: the records.
    """

    folder: Path
    finished: Finished

    @property
    def summary(self) -> Summary:
        """All that the report says."""
        return summarise(self.finished)

    @property
    def operating_models(self) -> pd.DataFrame:
        """One row an operating model, means over the starts; profit and gain over the status quo with 95% intervals."""
        rows = [
            row.model_dump(exclude={"profit", "gain"}) | _spread("profit", row.profit) | _spread("gain", row.gain)
            for row in self.summary.rows
        ]
        return pd.DataFrame(rows).set_index("model")

    @property
    def gains(self) -> pd.DataFrame:
        """One row a comparison: what `model` realises more than `over`, money a start, with its 95% interval."""
        rows = [
            {"model": gain.model, "over": gain.over, "percent": gain.percent, **_spread("realised", gain.realised)}
            for gain in self.summary.gains
        ]
        return pd.DataFrame(rows).set_index(["model", "over"])

    @property
    def cells(self) -> pd.DataFrame:
        """One row an operating model, start and tightness: status, bound, gap, seconds, profit promised, realised."""
        rows = [
            {
                **cell.cell.model_dump(),
                "status": cell.stop.value,
                "objective": cell.objective,
                "bound": cell.bound,
                "gap": cell.gap,
                "seconds": cell.seconds,
                "promised": None if cell.promise is None else cell.promise.profit,
                "realised": None if cell.nature is None else cell.nature.profit,
            }
            for cell in self.finished.cells
        ]
        return pd.DataFrame(rows).set_index(["model", "start", "tightness"])


def _spread(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    return {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def solve(
    instance: Instance | Path | str,
    model: str = "joint",
    *,
    gap: float = 1e-4,
    time_limit: float = math.inf,
    threads: int = 1,
    seed: int = 0,
    formulation: str = "tight",
    method: str = "auto",
    strength: str = "repair",
    checkpoint: Path | None = None,
) -> Solved:
    """Solve an instance by an operating model, as `desilo solve` does.

    Args:
        instance: an instance, or its folder.
        model: an operating model: joint, sequential, isolated, ...
        gap: relative, at which to stop.
        time_limit: seconds for all decisions together.
        threads, seed: of the solver.
        formulation: tight, pairs or plain.
        method: of the joint model: auto, monolith or decomposition.
        strength: of the coordinated model: limits, prices or repair.
        checkpoint: file that a decomposition keeps its state in and goes on from.

    Raises:
        BadInput: no such model, method, ..., or a broken instance.
        ValueError: a limit out of range.
    """
    problems = [
        Problem(argument, f"found '{given}'; {did_you_mean(given, [each.value for each in known])}")
        for argument, given, known in (
            ("model", model, OperatingModel),
            ("formulation", formulation, Formulation),
            ("method", method, Method),
            ("strength", strength, Strength),
        )
        if given not in [each.value for each in known]
    ]
    if problems:
        raise BadInput(problems)
    problem = _instance(instance)
    options = Options(time_limit=time_limit, gap=gap, seed=seed, threads=threads)
    how = How(Method(method), Strength(strength), checkpoint)
    return Solved(
        problem, decide(OperatingModel(model), Pictures.same(problem), options, Formulation(formulation), how)
    )


def check(instance: Instance | Path | str, plan: Solved | Plan | Path | str) -> Checked:
    """Check anybody's plan, as `desilo check` does.

    Args:
        instance: an instance, or its folder.
        plan: a plan, what `solve` returned, or a solution file.

    Raises:
        BadInput: a broken instance or solution file.
        ValueError: a plan of another shape.
    """
    problem = _instance(instance)
    if isinstance(plan, Solved):
        plan = plan.plan
    elif not isinstance(plan, Plan):
        plan = read_plan(problem, Path(plan))
    return Checked(checker.check(problem, plan))


def run(
    case: str = "orange-juice",
    *,
    quick: bool = False,
    seed: int = 1,
    time_limit: float | None = None,
    jobs: int | None = None,
    out: Path | str | None = None,
) -> Measured:
    """Measure on a case what deciding together is worth, as `desilo run` does; it goes on from what is there.

    Args:
        case: name of a bundled case, or a case folder.
        quick: a small run.
        seed: of scenarios, nature, solver and resampling.
        time_limit: seconds for the whole run.
        jobs: operating models worked out at the same time, in processes of their own: a script that asks for more than
            one is protected by `if __name__ == "__main__":`, as `multiprocessing` demands.
        out: folder of the run.

    Raises:
        BadInput: the case or the folder cannot be used.
    """
    settings = settings_of(case, quick, seed, time_limit, jobs)
    folder = folder_of(settings) if out is None else Path(out)
    return Measured(folder, run_experiment(settings, folder, Silent()))


def compare(before: Path | str, after: Path | str) -> Comparison:
    """Compare two benches of solvers, as `desilo compare` does.

    Args:
        before, after: their folders, or their `runs.jsonl`.

    Raises:
        BadInput: no such bench, or nothing to compare.
    """
    old, new = read_runs(Path(before)), read_runs(Path(after))
    pairing = pair(old, new)
    require_comparable(pairing, old, new)
    return compare_pairs(pairing, old, new, names=(str(before), str(after)))


def _instance(given: Instance | Path | str) -> Instance:
    return given if isinstance(given, Instance) else read_instance(given)
