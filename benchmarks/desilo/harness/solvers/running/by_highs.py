"""A program solved by HiGHS itself, with the options of a preset and everything HiGHS says of itself."""

from __future__ import annotations

import math
import time
from typing import Any

import highspy
import numpy as np

from desilo.harness.solvers.running.answer import Answer, Moment, primal_dual_integral
from desilo.harness.solvers.running.permutation import Permutation
from desilo.harness.solvers.running.presets import PRESETS
from desilo.harness.solvers.runs import Ending, Setting
from desilo.solving import Options, Program, Seconds, Stop
from desilo.solving.highs import load, read_outcome, run


def solve(program: Program, setting: Setting) -> Answer:
    """Solve a program as a setting says."""
    preset = PRESETS[setting.preset]
    order = Permutation.drawn(program, setting.permutation)
    options = Options(time_limit=setting.time_limit, gap=setting.gap, seed=setting.seed)
    permuted = order.of(program)
    is_mip = bool(program.integer.any())
    started = time.perf_counter()
    highs = load(permuted, options)
    for name, value in preset.values(is_mip).items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            have = f"HiGHS {highs.version()} does not take {name} = {value}"
            return Answer(Ending.REFUSED, note=f"{have}; {preset.needs}" if preset.needs else have)
    moments: list[Moment] = []

    def note(event: Any) -> None:
        now = event.data_out
        if not moments or moments[-1][1:] != (now.mip_primal_bound, now.mip_dual_bound):
            moments.append((now.running_time, now.mip_primal_bound, now.mip_dual_bound))

    if is_mip:
        highs.cbMipInterrupt += note
    loaded = time.perf_counter()
    status = run(highs)
    seconds = {"load": loaded - started, "solve": time.perf_counter() - loaded}
    outcome = read_outcome(highs, status, permuted, options, Seconds())
    info = highs.getInfo()
    figures = {name: getattr(info, name) for name in dir(info) if not name.startswith("_")}
    work = {name: max(0, int(figures[said])) for name, said in _WORK.items() if said in figures}
    solution = order.back(np.array(highs.getSolution().col_value)) if outcome.feasible else None
    short = status == highspy.HighsModelStatus.kMemoryLimit
    ending = Ending.OUT_OF_MEMORY if short else ENDING[outcome.stop]
    return Answer(
        ending=ending,
        objective=outcome.objective,
        bound=outcome.bound,
        solution=solution,
        seconds=seconds,
        work=work | _presolved(highs, options.time_limit),
        info={name: figure for name, figure in figures.items() if isinstance(figure, (int, float))},
        integral=primal_dual_integral(moments, seconds["solve"]) if is_mip else math.nan,
        note=None if ending is not Ending.ERROR else f"HiGHS says: {highs.modelStatusToString(status)}",
    )


def _presolved(highs: Any, time_limit: float) -> dict[str, int]:
    """Nonzeros that presolve leaves; HiGHS does not say it of a solve, so it presolves once more when all is over."""
    highs.setOptionValue("time_limit", highs.getRunTime() + time_limit)
    highs.presolve()
    match highs.getModelPresolveStatus():
        case highspy.HighsPresolveStatus.kReduced | highspy.HighsPresolveStatus.kNotReduced:
            return {"presolved": int(highs.getPresolvedLp().a_matrix_.start_[-1])}
        case highspy.HighsPresolveStatus.kReducedToEmpty:
            return {"presolved": 0}
    return {}


ENDING = {
    Stop.OPTIMAL: Ending.OPTIMAL,
    Stop.TIME_LIMIT: Ending.TIME_LIMIT,
    Stop.INTERRUPTED: Ending.CRASHED,
    Stop.OTHER_LIMIT: Ending.OTHER_LIMIT,
    Stop.INFEASIBLE: Ending.INFEASIBLE,
    Stop.UNBOUNDED: Ending.UNBOUNDED,
    Stop.ERROR: Ending.ERROR,
}
"""How a run ended, by why HiGHS stopped."""

_WORK = {
    "simplex": "simplex_iteration_count",
    "ipm": "ipm_iteration_count",
    "crossover": "crossover_iteration_count",
    "pdlp": "pdlp_iteration_count",
    "nodes": "mip_node_count",
}
"""What does not depend on the machine, by HiGHS's names."""
