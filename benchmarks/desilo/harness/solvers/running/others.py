"""The same program, written to an MPS file, solved by other open solvers: a context for HiGHS's figures.

Their wheels come with the extra `solvers`. Time limit, gap, seed and memory limit are handed on; everything else is as
the solver comes, with one thread. The gap is relative to the solver's own choice of figure (SCIP: the smaller of
objective and bound, HiGHS: the objective), which at 1e-4 makes no difference that can be seen.

OR-Tools is none of them: its CP-SAT takes no variables without bounds, of which these programs are full, its SCIP is
SCIP, and it brings a HiGHS of its own that cannot be loaded beside highspy.
"""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from desilo.cases.instance import Floats
from desilo.harness.solvers.running.answer import Answer
from desilo.harness.solvers.runs import Ending, Setting
from desilo.solving import Program
from desilo.solving.highs import mps_name, write_program


@dataclass(frozen=True)
class Other:
    """Another solver.

    Attributes:
        wheel: the package that it comes in.
        solve: an MPS file with columns of these names.
        relaxations: whether it solves programs without integers too.
    """

    wheel: str
    solve: Callable[[Path, list[str], Setting], Answer]
    relaxations: bool = True

    @property
    def missing(self) -> bool:
        """Whether its wheel is not installed."""
        try:
            version(self.wheel)
        except PackageNotFoundError:
            return True
        return False


def solve(program: Program, setting: Setting) -> Answer:
    """Solve a program as a setting says, by another solver."""
    other = OTHERS[setting.solver]
    if other.missing:
        what = f"{other.wheel} is not installed: pip install '{other.wheel}', or desilo with its extra `solvers`"
        return Answer(Ending.REFUSED, note=what)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.mps")
        write_program(program, path)
        names = [mps_name(name) for name in program.column_names()]
        return other.solve(path, names, setting)


def _scip(path: Path, columns: list[str], setting: Setting) -> Answer:
    import pyscipopt

    started = time.perf_counter()
    model = pyscipopt.Model()
    model.hideOutput()
    for name, value in {
        "limits/time": setting.time_limit,
        "limits/gap": setting.gap,
        "limits/memory": float(setting.memory_limit),
        "randomization/randomseedshift": setting.seed,
    }.items():
        model.setParam(name, value)
    model.readProblem(str(path))
    loaded = time.perf_counter()
    model.optimizeNogil()
    seconds = {"load": loaded - started, "solve": time.perf_counter() - loaded}
    found: Floats | None = None
    if model.getNSols():
        best = model.getBestSol()
        values = {variable.name: best[variable] for variable in model.getVars()}
        found = np.array([values[name] for name in columns])
    return Answer(
        ending=_SCIP.get(model.getStatus(), Ending.ERROR),
        objective=model.getObjVal() if found is not None else math.nan,
        bound=_finite(model.getDualbound(), model.infinity()),
        solution=found,
        seconds=seconds,
        work={"simplex": model.getNLPIterations(), "nodes": model.getNTotalNodes()},
        note=None if model.getStatus() in _SCIP else f"SCIP says: {model.getStatus()}",
    )


_SCIP = {
    "optimal": Ending.OPTIMAL,
    "gaplimit": Ending.OPTIMAL,
    "timelimit": Ending.TIME_LIMIT,
    "memlimit": Ending.OUT_OF_MEMORY,
    "infeasible": Ending.INFEASIBLE,
    "unbounded": Ending.UNBOUNDED,
}


def _finite(figure: float, infinity: float) -> float:
    return figure if abs(figure) < infinity else math.copysign(math.inf, figure)


def _cbc(path: Path, columns: list[str], setting: Setting) -> Answer:
    import cbcbox

    values, result = path.with_suffix(".bin"), path.with_suffix(".txt")
    seed = f"{setting.seed + 1}"  # 0 is the time of day
    command = [cbcbox.cbc_bin_path(), str(path), "-timeMode", "elapsed", "-sec", f"{setting.time_limit}"]
    command += ["-ratio", f"{setting.gap}", "-randomSeed", seed, "-randomCbcSeed", seed]
    command += ["-solve", "-saveSolution", str(values), "-solution", str(result)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    seconds = {"solve": time.perf_counter() - started}  # reading the file too
    # begins with e.g. "Stopped on time (no integer solution) - objective value 12.5"
    first = result.read_text(encoding="utf-8").partition("\n")[0] if result.exists() else ""
    ending = next((ending for begins, ending in _CBC.items() if first.startswith(begins)), Ending.ERROR)
    has_solution = ending in {Ending.OPTIMAL, Ending.TIME_LIMIT, Ending.OTHER_LIMIT} and "no integer" not in first

    def said(what: str) -> float:
        figures = re.findall(rf"^{what}: +([-+.\de]+)", done.stdout, re.MULTILINE)
        return float(figures[-1]) if figures else math.nan

    counts = {"simplex": said("Total iterations"), "nodes": said("Enumerated nodes")}
    return Answer(
        ending=ending,
        objective=float(first.rpartition(" ")[2]) if has_solution else math.nan,
        bound=said("(?:Upper|Lower) bound"),
        solution=_saved(values) if has_solution else None,
        seconds=seconds,
        work={name: int(figure) for name, figure in counts.items() if math.isfinite(figure)},
        note=f"CBC says: {first or done.stdout[-200:].strip()}" if ending is Ending.ERROR else None,
    )


_CBC = {
    "Optimal": Ending.OPTIMAL,
    "Stopped on time": Ending.TIME_LIMIT,
    "Stopped on": Ending.OTHER_LIMIT,
    "Infeasible": Ending.INFEASIBLE,
    "Integer infeasible": Ending.INFEASIBLE,
    "Unbounded": Ending.UNBOUNDED,
}
"""How a run ended, by how CBC's result begins."""


def _saved(path: Path) -> Floats:
    """Values of the columns, to the last digit, from a file written by CBC's `saveSolution`.

    It holds two whole numbers (m rows, n columns), the objective, m activities, m duals, n values, n reduced costs.
    """
    saved = path.read_bytes()
    m, n = np.frombuffer(saved, dtype=np.int32, count=2)
    return np.frombuffer(saved, dtype=np.float64, count=int(n), offset=16 + 16 * int(m)).copy()


OTHERS: Mapping[str, Other] = {
    "scip": Other("pyscipopt", _scip),
    "cbc": Other("cbcbox", _cbc, relaxations=False),
}
"""The other solvers by name."""
