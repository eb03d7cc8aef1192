"""Decomposition against the whole model, and how its work grows with the items.

    python -m drivers.decomposition gaps S,M,L ../results/decomposition    from benchmarks/: gaps in the same time
    python -m drivers.decomposition work ../results/decomposition          work per item, until a certified gap

`gaps` lets both methods solve the same instances in the same time, on two threads: the retail family by size, any
family as `newsvendor-M` or, of another seed than 1, `newsvendor-M-2`, and as `orange-juice@140` eight periods of a case
from a start on, one zone with everything that touches its items. `work` measures the processor seconds of one thread
until plan and bound are as close as asked, for the retail family with fewer periods. What is written already stays, but
for what is measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from desilo.cases.generate import FAMILIES, Dials, Shape, generate
from desilo.cases.instance import Instance
from desilo.cases.opening import open_case
from desilo.harness.records import write_text
from desilo.operating.coordination.decomposition import decomposes
from desilo.operating.deciding import decide
from desilo.operating.decision import How, Method, OperatingModel, Pictures
from desilo.operating.forecast import estimated
from desilo.operating.picture import picture
from desilo.solving import Options, relative_gap
from desilo.solving.highs import SOLVER

SECONDS = {"S": 120.0, "M": 600.0, "L": 2400.0}
"""For each method, by size of the retail family."""

ASKED = 1e-3
"""Relative gap; who comes to it is done."""

SHORT, CASE = 30.0, 300.0
"""For each method on other families, and on a case."""

CASE_PERIODS, CASE_SCENARIOS = 8, 20

NAME = "(.+?)-([A-Z]+)(?:-([0-9]+))?"
"""Of a generated instance: family, size and seed."""

THREADS = 2

ITEMS = (100, 200, 500, 1000, 2000)
PERIODS, LEVELS, SCENARIOS = 8, 5, 5
CLOSE = 0.05
"""Relative gap at which work is measured."""

GAPS, WORKS, PICTURE = "gaps.json", "work.json", "work.svg"
PLACE = "../results/decomposition"

FAR = 36_000.0
"""Seconds; a measurement of work is not stopped by them."""


@dataclass(frozen=True)
class Gap:
    """One solve; money.

    Attributes:
        instance: its name.
        method: of the joint model.
        limit, seconds: asked for, and taken.
        plan: expected profit of the best plan; None without one.
        bound: proven; None without one.
        chosen: whether `auto` would take this method.
    """

    instance: str
    method: str
    limit: float
    seconds: float
    plan: float | None
    bound: float | None
    chosen: bool

    @property
    def gap(self) -> float:
        """Between plan and bound, relative; inf without one of them."""
        return math.inf if self.plan is None or self.bound is None else relative_gap(self.plan, self.bound)

    @property
    def generated(self) -> bool:
        """Whether it is an instance of a family, not of a case."""
        return "@" not in self.instance


@dataclass(frozen=True)
class Work:
    """One solve to a gap.

    Attributes:
        items: in the instance.
        seconds: of the processor.
        gap: certified, relative.
    """

    items: int
    seconds: float
    gap: float


def solved(instance: Instance, method: Method, limit: float) -> Gap:
    """Let a method solve an instance in its time."""
    started = time.perf_counter()
    options = Options(gap=ASKED, time_limit=limit, threads=THREADS)
    found = decide(OperatingModel.JOINT, Pictures.same(instance), options, how=How(method))
    seconds = time.perf_counter() - started
    plan = found.objective if found.plan is not None else None
    bound = found.bound if np.isfinite(found.bound) else None
    chosen = decomposes(instance, THREADS) == (method is Method.DECOMPOSITION)
    return Gap(instance.name, method, limit, seconds, plan, bound, chosen)


def instance_of(name: str) -> tuple[Instance, float]:
    """An instance by size of the retail family, by family, size and seed, or by case and start; and its seconds."""
    case, _, start = name.partition("@")
    if start:
        return season(case, int(start)), CASE
    if name in SECONDS:
        return generate("retail", name, 1), SECONDS[name]
    parts = re.fullmatch(NAME, name)
    if parts is None:
        raise SystemExit(f"{name}: expected {', '.join(SECONDS)}, FAMILY-SIZE, FAMILY-SIZE-SEED or CASE@START")
    family, size, seed = parts.groups("1")
    return generate(family, size, int(seed)), SECONDS.get(size, SECONDS["L"]) if family == "retail" else SHORT


def season(name: str, start: int) -> Instance:
    """A planner's picture of the middle zone of a case."""
    case = open_case(name)
    zones = list(dict.fromkeys(case.zones))
    zone = case.select_zones((zones[len(zones) // 2],))
    found = picture(zone, start, estimated, periods=CASE_PERIODS, scenarios=CASE_SCENARIOS, seed=1)
    return replace(found, name=f"{name}@{start}")


def work(items: int) -> Work:
    """Processor seconds until the gap is as small as asked."""
    shape = Shape(items, PERIODS, LEVELS, SCENARIOS)
    instance = FAMILIES["retail"].build(shape, np.random.default_rng(1), Dials())
    started = time.process_time()
    options = Options(gap=CLOSE, time_limit=FAR, threads=1)
    found = decide(OperatingModel.JOINT, Pictures.same(instance), options, how=How(Method.DECOMPOSITION))
    return Work(items, time.process_time() - started, found.gap)


def slope(measured: Sequence[Work]) -> float:
    """Of the logarithm of work over the logarithm of items, by least squares."""
    items, seconds = np.array([(row.items, row.seconds) for row in measured]).T
    return float(np.polyfit(np.log(items), np.log(seconds), 1)[0])


def page(out: Path) -> str:
    """Markdown of what the folder holds."""
    lines = [
        "# The joint model by decomposition",
        "",
        f"Generated instances (`FAMILY-SIZE-SEED`), and real ones (`CASE@START`: one zone, {CASE_PERIODS} periods, "
        f"{CASE_SCENARIOS} scenarios); {SOLVER}. One run each: plans and bounds at a time limit depend on the machine.",
    ]
    gaps = sorted((Gap(**row) for row in known(out / GAPS)), key=placed)
    if gaps:
        lines += [
            "",
            "## Gaps",
            "",
            f"`python -m drivers.decomposition gaps INSTANCES {PLACE}`, in `benchmarks`: what a method comes",
            f"to in the same time on {THREADS} threads. The whole model (`monolith`) starts from the plan of the",
            "functions one by one. * is the method that `auto` takes.",
            "",
            "| instance | method | asked, seconds | taken | plan | bound | gap |",
            "|---|---|---:|---:|---:|---:|---:|",
        ]
    for row in gaps:
        plan, bound = ("none" if figure is None else f"{figure:,.0f}" for figure in (row.plan, row.bound))
        gap = f"{row.gap:.2%}" if math.isfinite(row.gap) else ""
        method, seconds = f"{row.method}{' *' * row.chosen}", f"{row.limit:.0f} | {row.seconds:.0f}"
        lines.append(f"| {row.instance} | {method} | {seconds} | {plan} | {bound} | {gap} |")
    lines += compared([row for row in gaps if row.generated])
    works = [Work(**row) for row in known(out / WORKS)]
    if works:
        lines += [
            "",
            "## Work per item",
            "",
            f"`python -m drivers.decomposition work {PLACE}`, in `benchmarks`: processor seconds of one thread until",
            f"plan and bound are within {CLOSE:.0%}; {PERIODS} periods, {LEVELS} levels, {SCENARIOS} scenarios.",
            "",
            "| items | seconds | a thousand items | gap |",
            "|---:|---:|---:|---:|",
            *(
                f"| {w.items} | {w.seconds:.0f} | {1000 * w.seconds / w.items:.0f} | {100 * w.gap:.2f}% |"
                for w in works
            ),
        ]
    if len(works) > 1:
        lines += ["", f"Slope of log seconds over log items: {slope(works):.2f}.", "", f"![work]({PICTURE})"]
    return "\n".join(lines) + "\n"


def placed(row: Gap) -> tuple[Any, ...]:
    """The order of the page: by family, size and seed, cases last."""
    parts = re.fullmatch(NAME, row.instance)
    if parts is None:
        return "~", row.instance, row.limit, row.method
    family, size, seed = parts.groups("1")
    return family, list(FAMILIES[family].sizes).index(size), int(seed), row.limit, row.method


def compared(gaps: Sequence[Gap]) -> list[str]:
    """Markdown of where decomposition comes to a wider gap or a lower plan than the whole model in the same time."""
    whole = {(row.instance, row.limit): row for row in gaps if row.method == Method.MONOLITH}
    both = [
        (row, whole[row.instance, row.limit])
        for row in gaps
        if row.method == Method.DECOMPOSITION and (row.instance, row.limit) in whole
    ]
    if not both:
        return []
    wider = [apart.instance for apart, one in both if apart.gap > max(ASKED, one.gap)]
    lower = {apart.instance: share for apart, one in both if (share := shortfall(apart, one)) > 0}
    most = f" (at most {max(lower.values()):.2%})" if lower else ""
    return [
        "",
        f"Of {len(both)} generated instances that both had the same time for, decomposition ends with a wider gap",
        f"than the whole model, and than the {ASKED:.1%} asked for, in {_listed(wider)}.",
        f"Its plan is worth less in {_listed(lower)}{most}.",
    ]


def shortfall(apart: Gap, whole: Gap) -> float:
    """Share of the whole model's plan by which that of the decomposition is worth less; inf if it has none."""
    if whole.plan is None:
        return 0.0
    return math.inf if apart.plan is None else (whole.plan - apart.plan) / abs(whole.plan)


def _listed(names: Collection[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def draw(works: Sequence[Work], path: Path) -> None:
    """Work over items, both on logarithmic scales, with a line of slope 1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    items, seconds = np.array([(row.items, row.seconds) for row in works]).T
    axes.loglog(items, seconds, "o-", label=f"decomposition, slope {slope(works):.2f}")
    axes.loglog(items, seconds[0] * items / items[0], ":", color="grey", label="slope 1")
    axes.set(xlabel="items", ylabel=f"processor seconds to a gap of {CLOSE:.0%}")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def known(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, none if it is not there."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return rows


def add(out: Path, name: str, row: Gap | Work, key: tuple[str, ...]) -> None:
    """Put a row into a file, in place of one with the same key, and write the page again."""
    new = asdict(row)
    rows = [old for old in known(out / name) if any(old[field] != new[field] for field in key)]
    write_text(json.dumps([*rows, new], indent=1) + "\n", out / name)
    works = [Work(**row) for row in known(out / WORKS)]
    if len(works) > 1:
        draw(works, out / PICTURE)
    write_text(page(out), out / "README.md")
    print(row, flush=True)


def main() -> None:
    """Measure and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    what = parser.add_subparsers(dest="what", required=True)
    gaps = what.add_parser("gaps")
    gaps.add_argument(
        "instances", help=f"{', '.join(SECONDS)} of the retail family, FAMILY-SIZE, CASE@START; with commas"
    )
    gaps.add_argument("--seconds", type=float, help="for each method")
    gaps.add_argument("--methods", default="decomposition,monolith")
    works = what.add_parser("work")
    works.add_argument("--items", default=",".join(map(str, ITEMS)))
    for part in (gaps, works):
        part.add_argument("out", type=Path, help="folder to write")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.what == "gaps":
        for name in asked.instances.split(","):
            instance, seconds = instance_of(name)
            for method in asked.methods.split(","):
                found = solved(instance, Method(method), asked.seconds or seconds)
                add(asked.out, GAPS, found, ("instance", "method", "limit"))
    else:
        for items in asked.items.split(","):
            add(asked.out, WORKS, work(int(items)), ("items",))


if __name__ == "__main__":
    main()
