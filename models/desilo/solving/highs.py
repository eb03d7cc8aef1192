"""The one door to HiGHS."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy
import numpy as np

from desilo.cases.instance import Floats
from desilo.solving.outcome import Options, Outcome, Seconds, Size, Stop
from desilo.solving.program import Model, Program, translate

_STOP = {
    highspy.HighsModelStatus.kOptimal: Stop.OPTIMAL,
    highspy.HighsModelStatus.kModelEmpty: Stop.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Stop.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Stop.UNBOUNDED,
    highspy.HighsModelStatus.kTimeLimit: Stop.TIME_LIMIT,
    highspy.HighsModelStatus.kInterrupt: Stop.INTERRUPTED,
    highspy.HighsModelStatus.kObjectiveBound: Stop.OTHER_LIMIT,
    highspy.HighsModelStatus.kObjectiveTarget: Stop.OTHER_LIMIT,
    highspy.HighsModelStatus.kIterationLimit: Stop.OTHER_LIMIT,
    highspy.HighsModelStatus.kSolutionLimit: Stop.OTHER_LIMIT,
    highspy.HighsModelStatus.kMemoryLimit: Stop.OTHER_LIMIT,
}

SOLVER = f"HiGHS {highspy.Highs().version()}"


def solve(
    model: Model,
    options: Options = Options(),
    *,
    built: float = 0.0,
    warm: bool = False,
    relax: bool = False,
) -> Outcome:
    """Solve a linear Pyomo model; if there is a solution it is loaded into the model's variables.

    Args:
        model: a Pyomo model with one active objective. Fixed variables are constants.
        options: limits, gap, seed, threads.
        built: seconds spent building the model, kept in the outcome.
        warm: start from the values the integer variables hold now (some will do).
        relax: solve the LP relaxation.

    Returns:
        The outcome. Without `feasible` no variable has been touched.
    """
    program = translate(model)
    if relax:
        program = replace(program, integer=np.zeros_like(program.integer))
    started = time.perf_counter()
    highs = load(program, options)
    if warm:
        start_from_values(highs, program)
    loaded = time.perf_counter()
    status = run(highs)
    if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        status = _unbounded_or_infeasible(highs)
    seconds = Seconds(built, program.seconds, loaded - started, time.perf_counter() - loaded)
    outcome = read_outcome(highs, status, program, options, seconds)
    if outcome.feasible:
        values = np.array(highs.getSolution().col_value)
        for variable, value in zip(program.variables, values, strict=True):
            variable.set_value(value, skip_validation=True)
    return outcome


def load(program: Program, options: Options) -> Any:
    """A HiGHS object holding the program."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", options.log)
    for name, value in {
        "time_limit": options.time_limit,
        "mip_rel_gap": options.gap,
        "random_seed": options.seed,
        "threads": options.threads,
        "solver": options.root,
        **({} if options.target is None else {"objective_target": options.target}),
    }.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise ValueError(f"HiGHS refuses the option {name} = {value}")
    if options.root != "choose" and program.integer.any():
        # older versions name the relaxation's solver by `solver` alone
        highs.setOptionValue("mip_lp_solver", options.root)
    lp = highspy.HighsLp()
    lp.model_name_ = mps_name(program.name)
    lp.num_row_, lp.num_col_ = program.matrix.shape
    lp.sense_ = highspy.ObjSense.kMinimize if program.sense == 1 else highspy.ObjSense.kMaximize
    lp.offset_ = program.offset
    lp.col_cost_ = program.cost
    lp.col_lower_, lp.col_upper_ = program.lower, program.upper
    lp.row_lower_, lp.row_upper_ = program.row_lower, program.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = program.matrix.indptr
    lp.a_matrix_.index_ = program.matrix.indices
    lp.a_matrix_.value_ = program.matrix.data
    if program.integer.any():
        kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger])
        lp.integrality_ = list(kinds[program.integer.astype(int)])
    if highs.passModel(lp) == highspy.HighsStatus.kError:
        raise ValueError("HiGHS refuses the model")
    return highs


def start_from_values(highs: Any, program: Program) -> None:
    """Hand HiGHS the values the integer variables hold; it completes the rest."""
    known = [
        (k, variable.value)
        for k, variable in enumerate(program.variables)
        if program.integer[k] and variable.value is not None
    ]
    if known:
        index, value = zip(*known, strict=True)
        highs.setSolution(len(index), np.array(index, dtype=np.int32), np.array(value, dtype=np.float64))


def run(highs: Any) -> Any:
    """Run HiGHS in its own thread, so that Ctrl-C stops it with what it has; the model status.

    HiGHS looks up between nodes and heuristics, not inside the root relaxation: a second Ctrl-C does not wait for
    it. It is not its thread that is waited for: up to Python 3.12 a `join` that is interrupted takes a running
    thread for a finished one.

    Raises:
        KeyboardInterrupt: the second one.
    """
    highs.HandleUserInterrupt = True
    highs.startSolve()
    done = asked = False
    while not done:
        try:
            done, _ = highs.wait(0.2)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            highs.cancelSolve()
    return highs.getModelStatus()


def _unbounded_or_infeasible(highs: Any) -> Any:
    """Which of the two: without an objective the same rows have a solution or they have none."""
    columns = highs.getNumCol()
    highs.changeColsCost(columns, np.arange(columns, dtype=np.int32), np.zeros(columns))
    statuses = highspy.HighsModelStatus
    known = {statuses.kOptimal: statuses.kUnbounded, statuses.kInfeasible: statuses.kInfeasible}
    return known.get(run(highs), statuses.kUnboundedOrInfeasible)


def read_outcome(highs: Any, status: Any, program: Program, options: Options, seconds: Seconds) -> Outcome:
    """What HiGHS says, with nothing read that its status does not warrant."""
    info = highs.getInfo()
    stop = _STOP.get(status, Stop.ERROR)
    is_mip = bool(program.integer.any())
    feasible = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible and stop not in {
        Stop.INFEASIBLE,
        Stop.UNBOUNDED,
        Stop.ERROR,
    }
    objective = float(info.objective_function_value) if feasible else math.nan
    bound = -program.sense * math.inf
    if stop is Stop.INFEASIBLE:
        bound = program.sense * math.inf
    elif is_mip and stop not in {Stop.UNBOUNDED, Stop.ERROR}:
        bound = float(info.mip_dual_bound)
    elif not is_mip and stop is Stop.OPTIMAL:
        bound = objective
    return Outcome(
        stop=stop,
        feasible=feasible,
        objective=objective,
        bound=bound,
        sense=program.sense,
        simplex_iterations=max(0, info.simplex_iteration_count),
        ipm_iterations=max(0, info.ipm_iteration_count),
        nodes=max(0, info.mip_node_count) if is_mip else 0,
        seconds=seconds,
        size=Size(*program.matrix.shape, int(program.integer.sum()), int(program.matrix.nnz)),
        solver=SOLVER,
        options=options,
    )


def write_mps(model: Model, path: Path) -> Size:
    """Write a Pyomo model as an MPS file with names, for any other solver.

    A temporary file is written beside it and then renamed.
    """
    program = translate(model)
    highs = load(program, Options())
    for column, variable in enumerate(program.variables):
        highs.passColName(column, mps_name(variable.name))
    for row, constraint in enumerate(program.rows):
        highs.passRowName(row, mps_name(constraint.name))
    temporary = path.with_name(f".{path.stem}.partial.mps")  # HiGHS chooses the format by the ending
    try:
        if highs.writeModel(str(temporary)) == highspy.HighsStatus.kError:
            raise OSError(f"HiGHS could not write {path}")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Size(*program.matrix.shape, int(program.integer.sum()), int(program.matrix.nnz))


def mps_name(name: str) -> str:
    """A component's name without blanks, as MPS wants it."""
    return "_".join(name.split())


def values(variable: Any, shape: tuple[int, ...]) -> Floats:
    """The loaded values of a Pyomo variable indexed by whole numbers, as an array; 0 where it has no index."""
    array = np.zeros(shape)
    for index, data in variable.items():
        array[index] = data.value or 0.0
    return array
