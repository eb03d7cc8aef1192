"""Runs of a solver that never was: a model of how work and seconds differ between problems, paths and machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from desilo.harness.solvers.runs import Check, Ending, Run, Setting

VERSIONS = {"desilo": "d" * 64, "highspy": "1.15.1", "pyomo": "6.10.1"}


def run(
    problem: str = "lot-1",
    *,
    iterations: int = 1000,
    nodes: int = 10,
    seconds: float = 1.0,
    ending: Ending = Ending.OPTIMAL,
    versions: dict[str, str] = VERSIONS,
    nonzeros: int = 500,
    presolved: int = 400,
    left: float = 0.0,
    **given: Any,
) -> Run:
    """A run that left this gap; what else is given and not of a setting is a field of the run itself."""
    asked = {name: given.pop(name) for name in list(given) if name in Setting.model_fields}
    setting = Setting(**{"problem": problem, "digest": hashlib.sha256(problem.encode()).hexdigest(), **asked})
    text = setting.model_dump_json() + repr(sorted(versions.items()))
    fields = {
        "objective": 100.0,
        "bound": 100.0,
        "gap": left,
        "check": Check(feasible=True, objective=100.0),
        "processor_seconds": seconds,
        "peak_memory": 200.0,
        **given,
    }
    return Run(
        key=hashlib.sha256(text.encode()).hexdigest(),
        setting=setting,
        family="inventory",
        versions=versions,
        machine={"processor": "test", "cores": 2},
        ending=ending,
        seconds={"build": 0.1, "translate": 0.2, "load": 0.05, "solve": seconds},
        work={"simplex": iterations, "ipm": 0, "nodes": nodes, "presolved": presolved},
        size={"rows": 50, "columns": 80, "integers": 20, "nonzeros": nonzeros},
        **fields,
    )


def bench(
    seed: int,
    problems: int = 20,
    seeds: Iterable[int] = range(3),
    repeats: int = 1,
    factor: float = 1.0,
    limit: float = 60.0,
    versions: dict[str, str] = VERSIONS,
) -> list[Run]:
    """A bench: lognormal work with a noise between paths that differs from problem to problem.

    Problems with nodes vary most, some are over at the root, some run into the time limit; seconds follow the work
    with a noise of the machine of 5%. The same seed gives the same problems; `factor` multiplies all work.
    """
    world = np.random.default_rng(seed)
    base, noise = world.normal(8, 2, problems), np.abs(world.standard_t(4, problems)) * 0.3
    trees = world.random(problems) < 0.7
    runs = []
    for path in seeds:
        for number in range(problems):
            luck = np.random.default_rng([seed, path, number])
            work = factor * np.exp(base[number] + noise[number] * luck.normal() * trees[number])
            for repeat in range(repeats):
                clock = np.random.default_rng([seed, path, number, repeat, 1]).normal(0, 0.05)
                seconds = float(work / 2000 * np.exp(clock))
                done = min(1.0, limit / seconds)
                runs.append(
                    run(
                        f"lot-{number}",
                        iterations=int(work * done),
                        nodes=int(work * done / 100) * int(trees[number]),
                        seconds=min(seconds, limit),
                        ending=Ending.OPTIMAL if seconds < limit else Ending.TIME_LIMIT,
                        bound=100.0 if seconds < limit else 110.0,
                        left=0.0 if seconds < limit else 0.1,
                        seed=path,
                        repeat=repeat,
                        time_limit=limit,
                        versions=versions,
                    )
                )
    return runs


def write(runs: Iterable[Run], folder: Path) -> Path:
    """A bench folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runs.jsonl").write_text("".join(f"{each.model_dump_json()}\n" for each in runs))
    return folder
