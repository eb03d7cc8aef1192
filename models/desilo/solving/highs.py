"""The one door to HiGHS."""

from __future__ import annotations

import errno
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse

from desilo.cases.folders import fresh_file
from desilo.cases.instance import Bools, Floats, Ints
from desilo.solving.compile import translate
from desilo.solving.levels import hand_back, start
from desilo.solving.outcome import Options, Outcome, Seconds, Size, Stop
from desilo.solving.program import Model, Program

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

_INTERIOR = {"run_crossover": "off", "presolve": "off", "ipm_optimality_tolerance": 1e-6}
"""A relaxation by an interior-point method stops at an interior point: on the way to a vertex it would spend a third of
its time. Postsolve makes no duals of interior ones; where they are not exact, the dual objective is the bound."""

SOLVER = f"HiGHS {highspy.Highs().version()}"


def solve(
    model: Model,
    options: Options = Options(),
    *,
    built: float = 0.0,
    warm: bool = False,
    relax: bool = False,
) -> Outcome:
    """Solve a linear (or convex quadratic) Pyomo model; if there is a solution the model's variables have its values.

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
    interior = relax and options.root == "ipm" and program.hessian is None
    if interior:
        for name, value in _INTERIOR.items():
            highs.setOptionValue(name, value)
    status = run(highs)
    if interior and status == highspy.HighsModelStatus.kUnknown:  # not precise enough: a vertex is
        highs.setOptionValue("run_crossover", "on")
        status = run(highs)
    if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        status = _unbounded_or_infeasible(highs)
    seconds = Seconds(built, program.seconds, loaded - started, time.perf_counter() - loaded)
    outcome = read_outcome(highs, status, program, options, seconds)
    if interior and outcome.stop is Stop.OPTIMAL:
        looser = min(program.sense * outcome.objective, program.sense * _dual_objective(highs, program))
        outcome = replace(outcome, bound=program.sense * looser)
    if outcome.feasible:
        hand_back(program, np.array(highs.getSolution().col_value))
    return outcome


Statuses = npt.NDArray[np.int8]
_STATUSES = tuple(highspy.HighsBasisStatus(number) for number in range(5))


@dataclass(frozen=True)
class Basis:
    """Which columns and rows of an LP are basic, and at which of their sides the others are, as HiGHS numbers it.

    Attributes:
        columns: (n,) status.
        rows: (m,) status.
    """

    columns: Statuses
    rows: Statuses

    @property
    def slack(self) -> Bools:
        """(m,) rows that are basic: without them the optimum would be the same."""
        basic: Bools = self.rows == int(highspy.HighsBasisStatus.kBasic)
        return basic

    def of_rows(self, kept: Bools) -> Basis:
        """Of the same LP with only some rows (m,); a basis if all others were slack."""
        return Basis(self.columns, self.rows[kept])


class Held:
    """A program held in HiGHS, for questions that go beyond one solve."""

    def __init__(self, program: Program, options: Options = Options()) -> None:
        started = time.perf_counter()
        self.program, self.options = program, options
        self._highs = load(program, options)
        self._loaded = time.perf_counter() - started

    def add_rows(self, rows: sparse.csr_array, upper: Floats) -> None:
        """More rows (k, n), at most `upper` (k,), after those of the program."""
        # steepest edge would begin with a solve for every row, each time
        self._highs.setOptionValue("simplex_dual_edge_weight_strategy", 1)
        starts, indices = rows.indptr.astype(np.int32), rows.indices.astype(np.int32)
        lower = np.full(len(upper), -highspy.kHighsInf)
        self._highs.addRows(len(upper), lower, upper, rows.nnz, starts, indices, rows.data)

    @property
    def basis(self) -> Basis:
        """Where the last solve ended; only after an optimal outcome of an LP."""
        found = self._highs.getBasis()
        return Basis(
            *(np.array([int(s) for s in side], dtype=np.int8) for side in (found.col_status, found.row_status))
        )

    def begin(self, basis: Basis) -> None:
        """Let the simplex method begin at a basis of a program of the same size: it ends sooner, not elsewhere."""
        found = highspy.HighsBasis()
        found.col_status = [_STATUSES[s] for s in basis.columns.tolist()]
        found.row_status = [_STATUSES[s] for s in basis.rows.tolist()]
        found.valid = True
        self._highs.setBasis(found)

    def start(self, columns: Ints, figures: Floats) -> None:
        """Values of some integer columns to start from; HiGHS completes the rest."""
        if len(columns):
            self._highs.setSolution(len(columns), columns.astype(np.int32), figures)

    def solve(self) -> Outcome:
        """Run HiGHS.

        Raises:
            KeyboardInterrupt: Ctrl-C; one of many solves by itself is nothing to go on with.
        """
        started = time.perf_counter()
        status = run(self._highs)
        if status == highspy.HighsModelStatus.kInterrupt:
            raise KeyboardInterrupt
        seconds = Seconds(0.0, self.program.seconds, self._loaded, time.perf_counter() - started)
        return read_outcome(self._highs, status, self.program, self.options, seconds)

    @property
    def solution(self) -> Floats:
        """(n,) values of the columns; only after an outcome that is feasible."""
        return np.array(self._highs.getSolution().col_value)

    @property
    def reduced_costs(self) -> Floats:
        """(n,) what the objective changes by per unit of a column; only after an optimal outcome of an LP."""
        return np.array(self._highs.getSolution().col_dual)

    @property
    def row_duals(self) -> Floats:
        """(m,) what the objective gains per unit of right-hand side; only after an optimal outcome of an LP."""
        return np.array(self._highs.getSolution().row_dual)


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
        highs.setOptionValue("solver", "choose")  # 1.11 would ignore the integers
        highs.setOptionValue("mip_lp_solver", options.root)  # which 1.11 does not have
    matrix, hessian = program.matrix, program.hessian
    if hessian is not None and program.integer.any():
        raise ValueError("HiGHS does not solve mixed-integer programs with a quadratic objective")
    rows, columns = matrix.shape
    colwise = int(highspy.MatrixFormat.kColwise)
    sense = int(highspy.ObjSense.kMinimize if program.sense == 1 else highspy.ObjSense.kMaximize)
    vectors = (program.cost, program.lower, program.upper, program.row_lower, program.row_upper)
    entries = (matrix.indptr, matrix.indices, matrix.data)
    integrality = program.integer.astype(np.int32)
    objective = (sense, program.offset)
    if hessian is None:
        status = highs.passModel(columns, rows, matrix.nnz, colwise, *objective, *vectors, *entries, integrality)
    else:
        formats = (colwise, int(highspy.HessianFormat.kTriangular))
        squares = (hessian.indptr, hessian.indices, hessian.data)
        sizes = (columns, rows, matrix.nnz, hessian.nnz)
        status = highs.passModel(*sizes, *formats, *objective, *vectors, *entries, *squares, integrality)
    if status == highspy.HighsStatus.kError:
        raise ValueError("HiGHS refuses the model")
    return highs


def start_from_values(highs: Any, program: Program) -> None:
    """Hand HiGHS the values the integer variables hold; it completes the rest."""
    values = start(program)
    known = np.flatnonzero(program.integer & ~np.isnan(values)).astype(np.int32)
    if len(known):
        highs.setSolution(len(known), known, values[known])


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
    # heard even where HiGHS had ended before it looked up: else whoever solves many would just go on
    return highspy.HighsModelStatus.kInterrupt if asked else highs.getModelStatus()


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
        size=size_of(program),
        solver=SOLVER,
        options=options,
    )


def _dual_objective(highs: Any, program: Program) -> float:
    """Of a solved LP: every dual times the side that it prices, or the value where that side is open."""
    solution = highs.getSolution()
    total = program.offset
    for dual, value, lower, upper in (
        (solution.col_dual, solution.col_value, program.lower, program.upper),
        (solution.row_dual, solution.row_value, program.row_lower, program.row_upper),
    ):
        side = np.where(program.sense * np.array(dual) > 0, lower, upper)
        total += float(np.dot(dual, np.where(np.isfinite(side), side, value)))
    return total


def write_mps(model: Model, path: Path) -> Size:
    """Write a Pyomo model as an MPS file with names, for any other solver; see `write_program`."""
    program = translate(model)
    write_program(program, path)
    return size_of(program)


def write_program(program: Program, path: Path) -> None:
    """Write a program as an MPS file, wholly or not at all; its columns and rows are called by `mps_name`.

    Raises:
        BadInput: it cannot be written there.
        OSError: the disk is full.
    """
    highs = load(program, Options())
    named = highs.getModel()
    named.lp_.model_name_ = mps_name(program.name)
    named.lp_.col_names_ = [mps_name(name) for name in program.column_names()]
    named.lp_.row_names_ = [mps_name(name) for name in program.row_names()]
    highs.passModel(named)
    with fresh_file(path) as fresh:
        if highs.writeModel(str(fresh)) == highspy.HighsStatus.kError:
            raise OSError("the solver could not write it")
        if not _is_whole(fresh):  # on a full disk the solver stops writing and says that all is well
            raise OSError(errno.EIO, "the solver could not write all of it")


def _is_whole(mps: Path) -> bool:
    with mps.open("rb") as file:
        file.seek(max(0, mps.stat().st_size - 20))
        return file.read().rstrip().endswith(b"ENDATA")


def size_of(program: Program) -> Size:
    """The size that HiGHS sees."""
    return Size(*program.matrix.shape, int(program.integer.sum()), int(program.matrix.nnz))


def mps_name(name: str) -> str:
    """A component's name without blanks, as MPS wants it."""
    return "_".join(name.split())
