"""Fill the library's standings: solve entries for a while and submit what was found.

    python -m drivers.standings SECONDS ../results/library [PATTERN...]        from benchmarks/

Plans come from the joint model, by decomposition where many teams share its limits and as a whole otherwise; demand
functions from their linear program. One thread. What is not better than what is on record changes nothing.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from datetime import date
from pathlib import Path

from desilo.formulations.freedom import Formulation
from desilo.harness.solvers.library.entries import Entry, select
from desilo.harness.solvers.library.problems import Planning, Solution
from desilo.harness.solvers.library.standings import Offer, read_standings, submit
from desilo.operating.deciding import decide
from desilo.operating.decision import How, Method, OperatingModel, Pictures
from desilo.solving import Options, solve
from desilo.solving.highs import SOLVER

GAP = 1e-6
"""Relative; what is closed to less is closed."""


def best_found(entry: Entry, seconds: float, method: Method) -> tuple[Solution | None, float]:
    """The best solution found in that time, and the bound proven."""
    options = Options(time_limit=seconds, gap=GAP)
    if isinstance(entry.problem, Planning):
        pictures = Pictures.same(entry.problem.instance)
        decision = decide(OperatingModel.JOINT, pictures, options, Formulation.TIGHT, How(method))
        return decision.plan, decision.bound
    model = entry.program_model()
    outcome = solve(model, options)
    return entry.solution(model) if outcome.feasible else None, outcome.bound


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, help="for each entry")
    parser.add_argument("folder", type=Path, help="of the standings")
    parser.add_argument("patterns", nargs="*", help="entries, as in `desilo library list`")
    parser.add_argument("--method", type=Method, choices=list(Method), default=Method.AUTO)
    parser.add_argument("--who", default="desilo")
    asked = parser.parse_args()
    for entry in select(asked.patterns):
        if read_standings(asked.folder).of(entry).gap <= GAP:
            continue
        started = time.monotonic()
        solution, bound = best_found(entry, asked.seconds, asked.method)
        taken = time.monotonic() - started
        how = f"python -m drivers.standings {asked.seconds:g}, method {asked.method}, {SOLVER}"
        proven = bound if math.isfinite(bound) else None
        with tempfile.TemporaryDirectory() as folder:
            path = None if solution is None else Path(folder, "solution.json")
            if path is not None:
                entry.problem.write(solution, path)
            offer = Offer(asked.who, date.today(), how, path, proven)
            answer = submit(entry, offer, asked.folder)
        print(f"{entry.name}, {taken:.0f} s: {'; '.join(answer.said) or 'nothing found'}", flush=True)


if __name__ == "__main__":
    main()
