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
>>> better = desilo.compare(desilo.solve(shop, "sequential", gap=0), joint)
>>> f"{better.gain.low:.2f} to {better.gain.high:.2f}", len(better.prices)
('78.22 to 78.22', 1)

`desilo.run("orange-juice", quick=True)` measures on a case what deciding together is worth; `desilo.read_run(FOLDER)`
reads what is there. Both have tables of value (`.operating_models`, `.gains`), leaks, plans, prices, certificates and
sensitivity. One planning problem of a case is `desilo.picture(desilo.open_case("tuna"))`.

Bad input raises `desilo.BadInput`, a `ValueError`, with every problem found, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import pandas as pd

from desilo.cases.case import Case
from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import did_you_mean
from desilo.cases.generate import generate
from desilo.cases.instance import Floats, Instance
from desilo.cases.opening import open_case
from desilo.cases.plan import Plan, read_plan, write_plan
from desilo.cases.reading import read_instance
from desilo.formulations.freedom import Formulation
from desilo.harness import check as checker
from desilo.harness.cluster import connected
from desilo.harness.experiment import settings_of
from desilo.harness.measure import GainInterval
from desilo.harness.measured import Measured, read_run
from desilo.harness.run import Silent, folder_of
from desilo.harness.run import run as run_experiment
from desilo.harness.solvers.comparing.compare import MARGIN, Comparison
from desilo.harness.solvers.comparing.compare import compare as compare_pairs
from desilo.harness.solvers.comparing.metrics import DECIDING, METRICS
from desilo.harness.solvers.comparing.pairing import pair, read_conditions, require_comparable, select
from desilo.harness.solvers.runs import read_runs
from desilo.operating.deciding import decide
from desilo.operating.decision import Decision, How, Method, OperatingModel, Pictures, Strength
from desilo.operating.forecast import estimated
from desilo.operating.picture import picture as picture_of
from desilo.solving import Options, Stop, relative_gap

__all__ = [
    "BadInput",
    "BenchesCompared",
    "Case",
    "Checked",
    "Instance",
    "Measured",
    "Plan",
    "PlansCompared",
    "Solved",
    "check",
    "compare",
    "generate",
    "open_case",
    "picture",
    "read_instance",
    "read_run",
    "run",
    "solve",
]


@dataclass(frozen=True, repr=False)
class Solved:
    """What an operating model came to on an instance.

    Attributes:
        instance: the problem.
        decision: all that is known of how it was decided.
    """

    instance: Instance
    decision: Decision

    def __repr__(self) -> str:
        found = f"{self.instance.name}, {self.decision.model}: {self.status}"
        return f"<Solved {found}, expected profit {self.objective:,.2f}, gap {self.gap:.4%}>"

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
        """What no plan of the decision taken last can exceed, money.

        Where that decision has nothing to optimise (a rule of thumb, plans put together) it is the objective itself;
        inf if nothing is proven.
        """
        if not math.isnan(self.decision.bound):
            return self.decision.bound
        return self.objective if self.decision.stop is Stop.OPTIMAL else math.inf

    @property
    def gap(self) -> float:
        """|bound - objective| / |objective|; inf without a plan or bound."""
        return relative_gap(self.objective, self.bound)

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
        """One row an item and period: item, period (1 to T), level, price (money per unit)."""
        price = self.plan.price(self.instance)
        items = self.instance.items
        rows = [
            (items[i], t + 1, self.instance.levels[i][level], price[i, t])
            for (i, t), level in np.ndenumerate(self.plan.level)
        ]
        return pd.DataFrame(rows, columns=["item", "period", "level", "price"])

    @property
    def orders(self) -> pd.DataFrame:
        """One row an order: item, period (1 to T) in which it is placed, units."""
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
        """Write the plan as a solution file.

        Raises:
            BadInput: the file cannot be written.
            ValueError: there is no plan.
        """
        write_plan(self.instance, self.plan, path)


@dataclass(frozen=True, repr=False)
class Checked:
    """What the checker found; it shares no code with the formulations.

    Attributes:
        found: all of it.
    """

    found: checker.Check

    def __repr__(self) -> str:
        broken = "feasible" if self.feasible else f"{len(self.violations)} rules broken"
        return f"<Checked: {broken}, profit {self.profit:,.2f}>"

    @property
    def feasible(self) -> bool:
        """Whether no rule is broken."""
        return self.found.feasible

    @property
    def profit(self) -> float:
        """Expected, with best recourse in each scenario, money."""
        return self.found.profit

    @property
    def profit_first_come(self) -> float:
        """Expected, when demand is served first come, first served, money."""
        return self.found.profit_first_come

    @property
    def fill_rate(self) -> float:
        """Expected sales over expected demand, with best recourse, a share."""
        return self.found.fill_rate

    @property
    def average_stock(self) -> float:
        """End-of-period units of all items, mean over the periods, with best recourse."""
        return self.found.average_stock

    @property
    def breakdown(self) -> pd.Series[float]:
        """Money by cause, costs positive."""
        return pd.Series(self.found.breakdown, name="money")

    @property
    def violations(self) -> pd.DataFrame:
        """One row a rule broken in one place: rule, name, period (1 to T), scenario, found, limit, excess, message."""
        fields = ["rule", "name", "period", "scenario", "found", "limit", "excess"]
        rows = [[*(getattr(broken, field) for field in fields), str(broken)] for broken in self.found.violations]
        return pd.DataFrame(rows, columns=[*fields, "message"])


@dataclass(frozen=True, repr=False)
class PlansCompared:
    """Two operating models on one instance: what the second brings over the first, and what it does otherwise.

    Attributes:
        before, after: the two.
    """

    before: Solved
    after: Solved

    def __repr__(self) -> str:
        names = f"{self.before.decision.model} -> {self.after.decision.model}"
        return f"<PlansCompared {names}: gain {self.gain.low:,.2f} to {self.gain.high:,.2f}>"

    @cached_property
    def gain(self) -> GainInterval:
        """Money: `plan` between the two plans; `low` to `high` between the optima, from both bounds.

        The interval is what unfinished search leaves open, and holds for certain on this instance.
        """
        return GainInterval(self.before.objective, self.before.bound, self.after.objective, self.after.bound)

    @cached_property
    def breakdown(self) -> pd.DataFrame:
        """One row a cause: money before and after by the independent checker, costs positive, and the change."""
        columns = {
            side: check(solved.instance, solved).breakdown
            for side, solved in (("before", self.before), ("after", self.after))
        }
        return pd.DataFrame(columns).assign(change=lambda money: money["after"] - money["before"])

    @cached_property
    def prices(self) -> pd.DataFrame:
        """One row an item and period (1 to T) whose price differs: item, period, before, after (money per unit)."""
        return self._where_they_differ(*(each.plan.price(each.instance) for each in (self.before, self.after)))

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row an item and period (1 to T) in which orders differ: item, period, before, after (units)."""
        return self._where_they_differ(self.before.plan.order, self.after.plan.order)

    def _where_they_differ(self, before: Floats, after: Floats) -> pd.DataFrame:
        items = self.before.instance.items
        places = np.argwhere(~np.isclose(before, after)).tolist()
        rows = [(items[i], t + 1, before[i, t], after[i, t]) for i, t in places]
        return pd.DataFrame(rows, columns=["item", "period", "before", "after"])


@dataclass(frozen=True, repr=False)
class BenchesCompared:
    """Two benches of solvers: is the second worse than the first?

    Attributes:
        found: all that the comparison says.
    """

    found: Comparison

    def __repr__(self) -> str:
        return f"<BenchesCompared: {self.verdict}, {self.found.pairs} pairs of {self.found.problems} problems>"

    @property
    def verdict(self) -> str:
        """Decided by work that no machine changes: wrong answer or failure, regression, improvement, no difference."""
        return self.found.verdict.value

    @property
    def changes(self) -> pd.DataFrame:
        """One row a metric: whether it decides, means before and after, their ratio (low, high), problems, verdict."""
        return pd.DataFrame([change.model_dump(mode="json") for change in self.found.changes]).set_index("metric")


def picture(
    case: Case,
    start: int | None = None,
    *,
    periods: int | None = None,
    scenarios: int | None = None,
    tightness: float = 1.0,
    seed: int = 1,
) -> Instance:
    """One planning problem of a case: demand as estimated on what lies before the start, the limits as assumed.

    Args:
        case: what `open_case` returned.
        start: first calendar period planned; the first one held out if left out.
        periods: T, planned at once; as assumed if left out.
        scenarios: W, of demand; as assumed if left out.
        tightness: factor on the shared capacities.
        seed: of the scenarios.

    Raises:
        BadInput: the start does not fit the history, or items have too few records before it.
        ValueError: nothing to plan, or a factor or seed that is none.
    """
    if (periods is not None and periods < 1) or (scenarios is not None and scenarios < 1):
        raise ValueError(f"found {periods} periods and {scenarios} scenarios; 1 or more of each are expected")
    if not (tightness > 0 and seed >= 0):
        raise ValueError(
            f"found tightness {tightness} and seed {seed}; a factor above 0, a seed of 0 or more is expected"
        )
    first = int(case.periods[case.holdout]) if start is None else start
    return picture_of(case, first, estimated, periods=periods, scenarios=scenarios, seed=seed, tightness=tightness)


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
    checkpoint: Path | str | None = None,
    cluster: str | None = None,
    log: bool = False,
) -> Solved:
    """Solve an instance by an operating model, as `desilo solve` does.

    Args:
        instance: an instance, or its folder.
        model: an operating model: joint, sequential, isolated, ...
        gap: relative, at which to stop.
        time_limit: seconds for all decisions together.
        threads: of the solver; of a decomposition, teams side by side, in processes of their own.
        seed: of the solver.
        formulation: tight, pairs, ladder or plain.
        method: of the joint model: auto, monolith or decomposition.
        strength: of the coordinated model: limits, prices or repair.
        checkpoint: file that a decomposition keeps its state in and goes on from.
        cluster: address of a Dask cluster on which teams that plan apart work, e.g. tcp://host:8786; for
            `coordinated`, and for `joint` with the method `decomposition`.
        log: whether the solver writes its log to standard output.

    Raises:
        BadInput: no such model, method, ..., a broken instance, or a cluster that cannot be used.
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
    if cluster is not None and model != "coordinated" and (model, method) != ("joint", "decomposition"):
        what = "is for teams that plan apart: model='coordinated', or model='joint' with method='decomposition'"
        problems.append(Problem("cluster", what))
    if problems:
        raise BadInput(problems)
    problem = _instance(instance)
    options = Options(time_limit=time_limit, gap=gap, seed=seed, threads=threads, log=log)
    with connected(cluster) as found, nullcontext(()) if found is None else found.one_by_one() as executors:
        how = How(Method(method), Strength(strength), None if checkpoint is None else Path(checkpoint), executors)
        decision = decide(OperatingModel(model), Pictures.same(problem), options, Formulation(formulation), how)
    return Solved(problem, decision)


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
    case: Path | str = "orange-juice",
    *,
    quick: bool = False,
    seed: int = 1,
    time_limit: float | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    sensitivity: int = 0,
    out: Path | str | None = None,
) -> Measured:
    """Measure on a case what deciding together is worth, as `desilo run` does; it goes on from what is there.

    Args:
        case: name of a bundled case, or a case folder.
        quick: a small run.
        seed: of scenarios, nature, solver and resampling.
        time_limit: seconds for the whole run; if left out 350, or 5 an item where that is more (quick: 55, or 1).
        jobs: operating models worked out at the same time, in processes of their own; two, if there are two cores,
            or as many as the cluster has workers.
        cluster: address of a Dask cluster to work on, e.g. tcp://host:8786; this machine if left out. The records are
            the same, but for seconds and machines.
        sensitivity: for so many of the starts, plan again under every figure other than assumed, whatever time that
            takes.
        out: folder of the run; `results/runs/CASE-...` if left out.

    Raises:
        BadInput: the case, the folder or the cluster cannot be used.
        ValueError: a limit out of range.
    """
    if not ((time_limit is None or time_limit > 0) and (jobs is None or jobs >= 1) and min(seed, sensitivity) >= 0):
        given = f"{time_limit} s, {jobs} jobs, seed {seed}, sensitivity of {sensitivity} starts"
        raise ValueError(f"found {given}; above 0 s, 1 job or more, seed 0 or more, 0 starts or more are expected")
    settings = settings_of(str(case), quick, seed, time_limit, jobs)
    folder = folder_of(settings) if out is None else Path(out)
    with connected(cluster) as found:
        if found is not None and jobs is None:
            settings = replace(settings, jobs=found.size)
        return Measured(folder, run_experiment(settings, folder, Silent(), found, sensitivity))


@overload
def compare(before: Solved, after: Solved) -> PlansCompared: ...


@overload
def compare(
    before: Path | str,
    after: Path | str,
    *,
    only_before: Sequence[str] = (),
    only_after: Sequence[str] = (),
    metrics: Sequence[str] = DECIDING,
    margin: float = MARGIN,
) -> BenchesCompared: ...


def compare(
    before: Solved | Path | str,
    after: Solved | Path | str,
    *,
    only_before: Sequence[str] = (),
    only_after: Sequence[str] = (),
    metrics: Sequence[str] = DECIDING,
    margin: float = MARGIN,
) -> PlansCompared | BenchesCompared:
    """Compare what two operating models came to on an instance, or two benches of solvers as `desilo compare` does.

    Args:
        before, after: what `solve` returned; or folders of benches, or their `runs.jsonl`.
        only_before, only_after: of a bench only these runs, e.g. ["preset=default", "seed=0,1"]; their fields may
            differ between the two.
        metrics: of benches, those that decide.
        margin: of benches, the relative change that is none.

    Raises:
        BadInput: no such bench, field or metric, or nothing to compare.
        TypeError: a plan against a bench.
        ValueError: plans for two instances, no plan, or a margin out of range.
    """
    if not 0 <= margin < math.inf:
        raise ValueError(f"found a margin of {margin}; a number of 0 or more is expected")
    if unknown := [name for name in metrics if name not in METRICS]:
        raise BadInput([Problem("metrics", f"found '{name}'; {did_you_mean(name, METRICS)}") for name in unknown])
    if isinstance(before, Solved) and isinstance(after, Solved):
        if before.instance.digest() != after.instance.digest():
            raise ValueError(f"{before.instance.name} and {after.instance.name} are two problems; solve the same one")
        for solved in (before, after):
            _ = solved.plan  # or there is nothing to compare
        return PlansCompared(before, after)
    if isinstance(before, Solved) or isinstance(after, Solved):
        raise TypeError("found a plan and a bench; expected two results of solve, or two benches")
    conditions = read_conditions("only_before", only_before), read_conditions("only_after", only_after)
    old = select(read_runs(Path(before)), conditions[0], "only_before")
    new = select(read_runs(Path(after)), conditions[1], "only_after")
    pairing = pair(old, new, {*conditions[0], *conditions[1]})
    require_comparable(pairing, old, new)
    names = (" ".join([str(before), *only_before]), " ".join([str(after), *only_after]))
    return BenchesCompared(compare_pairs(pairing, old, new, tuple(dict.fromkeys(metrics)), margin, names))


def _instance(given: Instance | Path | str) -> Instance:
    if isinstance(given, Case):
        raise TypeError(
            f"{given.name} is a case; desilo.picture makes a planning problem of it, desilo.run all of them"
        )
    return given if isinstance(given, Instance) else read_instance(given)
