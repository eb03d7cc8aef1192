"""How good the bounds are: relaxations of the two formulations, and what the best transfer prices prove.

    python -m drivers.bounds ../results/bounds        from benchmarks/: a table and its figures, in some minutes

A gap is (bound - best) / best in per cent, where best is the profit of the best plan known: the joint model's, by
the whole model and by decomposition, each in the same time. Prices are looked for until the relaxations of the
teams can prove no more (`market`); at those prices the teams' integer problems are then solved, which proves more.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from desilo.cases.generate import FAMILIES, Dials, Shape, generate
from desilo.cases.instance import Instance
from desilo.formulations.freedom import Formulation
from desilo.formulations.models import joint_model
from desilo.operating.coordination.decomposition import can_decompose
from desilo.operating.coordination.limits import part_of, shared_limits, teams_of
from desilo.operating.coordination.market import Market
from desilo.operating.coordination.opening import opening_prices
from desilo.operating.coordination.team import Team
from desilo.operating.deciding import decide
from desilo.operating.decision import How, Method, OperatingModel, Pictures
from desilo.solving import Options, solve
from desilo.solving.highs import SOLVER

T = TypeVar("T")

SHAPES = {
    "retail": Shape(8, 8, 5, 4),
    "substitution": Shape(8, 3, 4, 2),
    "lot-sizing": Shape(6, 12, 3, 1),
    "newsvendor": Shape(10, 1, 5, 50),
    "features": Shape(6, 4, 4, 3),
}
"""Items, periods, levels, scenarios of each family."""

SEARCH, LONG_SEARCH = 10.0, 120.0
"""Seconds for the best plan of a small instance and of retail S, by each of two methods."""

CERTIFYING = 10.0
"""Seconds for a team's integer problem."""

ROUNDS = 60
"""Rounds of prices at most."""

SETTLED = 1e-5
"""Relative: the teams' relaxations can prove no more than this."""


@dataclass(frozen=True)
class Gaps:
    """One instance, gaps in per cent.

    Attributes:
        instance: its name.
        search: seconds for the best plan, by each method.
        shape: items, periods, levels, scenarios.
        teams, limits: how many teams, and limits they share.
        best: profit of the best plan known, money.
        plain, tight: relaxation of the joint model in each formulation.
        prices: teams' relaxations at the best prices.
        integers: teams' integer problems at the same prices.
        proven: the better of what the whole model and the decomposition proved in their time.
        rounds: of prices.
        seconds: of plain, tight, prices, integers.
    """

    instance: str
    search: float
    shape: str
    teams: int
    limits: int
    best: float
    plain: float
    tight: float
    prices: float
    integers: float
    proven: float
    rounds: int
    seconds: tuple[float, float, float, float]


def small(family: str) -> Instance:
    """The first instance of a family that teams share limits in; of `features` without cross effects, which tie all."""
    dials = Dials(substitution=float(family != "features"))
    for seed in range(1, 1000):
        instance = FAMILIES[family].build(SHAPES[family], np.random.default_rng(seed), dials)
        instance = replace(instance, name=f"{family}, seed {seed}")
        if len(shared_limits(instance, teams_of(instance))) and can_decompose(instance):
            return instance
    raise AssertionError(f"{family}: no instance has teams that share limits")


def measure(instance: Instance, search: float) -> Gaps:
    """All bounds of one instance, with so many seconds for each method to find the best plan."""
    found = [
        decide(OperatingModel.JOINT, Pictures.same(instance), Options(gap=1e-5, time_limit=search), how=How(method))
        for method in (Method.MONOLITH, Method.DECOMPOSITION)
    ]
    best = max(decision.objective for decision in found)
    plain, of_plain = _timed(lambda: _relaxation(instance, Formulation.PLAIN))
    tight, of_tight = _timed(lambda: _relaxation(instance, Formulation.TIGHT))
    items = teams_of(instance)
    limits = shared_limits(instance, items)
    teams = [Team(part_of(instance, own), limits, Options()) for own in items]
    (market, rounds), of_prices = _timed(lambda: _settled(instance, teams))
    integers, of_integers = _timed(lambda: _integers(market, teams))

    def gap(bound: float) -> float:
        return 100 * (bound - best) / abs(best)

    shape = (len(instance.items), instance.periods, instance.price.shape[1], len(instance.scenarios))
    return Gaps(
        instance=instance.name,
        search=search,
        shape=" x ".join(map(str, shape)),
        teams=len(teams),
        limits=len(limits),
        best=best,
        plain=gap(plain),
        tight=gap(tight),
        prices=gap(market.bound),
        integers=gap(integers),
        proven=gap(min(decision.bound for decision in found)),
        rounds=rounds,
        seconds=(of_plain, of_tight, of_prices, of_integers),
    )


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _relaxation(instance: Instance, formulation: Formulation) -> float:
    return solve(joint_model(instance, None, formulation).model, Options(root="ipm"), relax=True).bound


def _settled(instance: Instance, teams: list[Team]) -> tuple[Market, int]:
    """The market once no prices can prove more, and after how many rounds."""
    items = teams_of(instance)
    limits = shared_limits(instance, items)
    prices = opening_prices(instance, items, limits, Options())
    market = Market.around(limits, len(teams), prices, box=1.0)
    rounds = 0
    while rounds < ROUNDS:
        rounds += 1
        market.record(prices, [team.relax(prices) for team in teams])
        prices = market.next_prices()
        if market.settled(SETTLED):
            break
    return market, rounds


def _integers(market: Market, teams: list[Team]) -> float:
    """The bound (M1) with every team's integer problem solved."""
    values = market.values.copy()
    for k, team in enumerate(teams):
        team.relax(market.prices)
        pattern = team.decide(market.prices, CERTIFYING, 1e-5)
        if pattern is not None:
            values[k] = min(values[k], team.certify(market.prices, pattern, CERTIFYING, 1e-5).bound)
    return float(market.prices @ market.limits.capacity + values.sum())


def as_table(rows: list[Gaps]) -> str:
    """The page of the results."""
    lines = [
        "# How good the bounds are",
        "",
        "`python -m drivers.bounds ../results/bounds`, in `benchmarks`; figures and seconds in `bounds.json`.",
        "",
        "Gaps to the best plan known, in per cent: 0 would be a proof. *plain* and *tight* are the relaxations of the",
        "joint model. *prices* is what the teams' relaxations, with the rows (I20) that they violate, prove at the",
        "best transfer prices: the joint relaxation with these rows. *integers* is what the teams' integer problems",
        "prove at the same prices. *proven* is the better of what the whole model and the decomposition proved,",
        f"looking for the plan for so many *seconds* each. {SOLVER}.",
        "",
        "| instance | I x T x K x W | teams | limits | seconds | plain | tight | prices | integers | proven |",
        "|---|---|" + "---:|" * 8,
    ]
    for row in rows:
        gaps = " | ".join(f"{gap:.3f}" for gap in (row.plain, row.tight, row.prices, row.integers, row.proven))
        lines.append(f"| {row.instance} | {row.shape} | {row.teams} | {row.limits} | {row.search:.0f} | {gaps} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every family and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path, help="folder to write")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    instances = [*((small(family), SEARCH) for family in SHAPES), (generate("retail", "S", 1), LONG_SEARCH)]
    for instance, search in instances:
        rows.append(measure(instance, search))
        print(rows[-1], flush=True)
        (out / "bounds.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
        (out / "README.md").write_text(as_table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
