"""What happens inside the process of a run: the program is made, solved, and what comes back is checked.

    python -m desilo.harness.solvers.running.attempt OUT

finds the run that is asked for as a line of JSON on standard input and writes what came of it to OUT, anew after every
phase: a run that is ended has said how far it came. When standard input closes, whoever asked is gone: the process
ends itself and all that it has started.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from desilo.formulations.freedom import Formulation
from desilo.harness.records import write_record
from desilo.harness.solvers.judgement import judged
from desilo.harness.solvers.library.entries import Entry, entries
from desilo.harness.solvers.library.problems import Planning, Solution
from desilo.harness.solvers.running import by_highs, others
from desilo.harness.solvers.running.answer import Answer
from desilo.harness.solvers.running.presets import PRESETS
from desilo.harness.solvers.runs import DECOMPOSITION, RELAXED, Ending, Run, Setting
from desilo.operating.deciding import decide
from desilo.operating.decision import How, Method, OperatingModel, Pictures
from desilo.solving import Options, hand_back, relative_gap, translate
from desilo.solving.highs import size_of


class Attempt:
    """A run as far as it has come."""

    def __init__(self, run: Run, keep: Callable[[Run], None]) -> None:
        self.run = run
        self._keep = keep

    def know(self, **figures: Any) -> None:
        """Figures of the run that have become known."""
        self.run = self.run.model_validate({**dict(self.run), **figures})

    def take(self, seconds: dict[str, float]) -> None:
        """Phases are over: what is known by now is kept."""
        self.know(seconds={**self.run.seconds, **seconds}, peak_memory=peak_memory(), processor_seconds=_processor())
        self._keep(self.run)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times a phase."""
        started = time.perf_counter()
        yield
        self.take({name: time.perf_counter() - started})


def attempt(run: Run, keep: Callable[[Run], None]) -> Run:
    """Do what a run asks for.

    Args:
        run: of which nothing but the setting is known.
        keep: told after every phase what is known by then.
    """
    found, setting = Attempt(run, keep), run.setting
    try:
        _solve(found, setting, entries()[setting.problem])
    except MemoryError:
        found.know(ending=Ending.OUT_OF_MEMORY, note="memory could not be had")
    except Exception as error:
        found.know(ending=Ending.ERROR, note=f"{type(error).__name__}: {error}")
    found.take({})
    return found.run


def _solve(found: Attempt, setting: Setting, entry: Entry) -> None:
    found.know(sense=entry.sense)
    with found.phase("prepare"):
        problem = entry.problem
        if problem.digest() != setting.digest:
            raise ValueError(f"this version makes another problem of {entry.name}: `desilo library verify` tells more")
    solution: Solution | None = None
    if setting.formulation == DECOMPOSITION and isinstance(problem, Planning):
        answer, solution = _decomposed(problem, setting)
    else:
        with found.phase("build"):
            model = problem.model(Formulation(setting.formulation.removesuffix(RELAXED)))
        with found.phase("translate"):
            program = translate(model)
            if setting.relaxed:
                program = replace(program, integer=np.zeros_like(program.integer))
        found.know(size=asdict(size_of(program)))
        answer = (by_highs if setting.solver == "highs" else others).solve(program, setting)
        if answer.solution is not None and not setting.relaxed:
            hand_back(program, answer.solution)
            solution = problem.solution(model)
    found.know(
        ending=answer.ending,
        objective=answer.objective,
        bound=answer.bound,
        gap=relative_gap(answer.objective, answer.bound),
        primal_dual_integral=answer.integral,
        work=answer.work,
        info={name: figure if math.isfinite(figure) else None for name, figure in answer.info.items()},
        note=answer.note,
    )
    found.take(dict(answer.seconds))
    if solution is not None:
        with found.phase("check"):
            found.know(check=problem.check(solution))
    found.run = judged(found.run)


def _decomposed(problem: Planning, setting: Setting) -> tuple[Answer, Solution | None]:
    """By prices for what teams share; the work is that of the steps that are no team's own."""
    threads = PRESETS[setting.preset].options.get("threads", 1)
    options = Options(setting.time_limit, setting.gap, seed=setting.seed, threads=int(threads))
    started = time.perf_counter()
    decision = decide(OperatingModel.JOINT, Pictures.same(problem.instance), options, how=How(Method.DECOMPOSITION))
    seconds = time.perf_counter() - started
    if decision.facts["method"] != Method.DECOMPOSITION.value:
        return Answer(Ending.REFUSED, note="orders that are never sold may pay: not to be decided team by team"), None
    outcomes = [step.outcome for step in decision.steps]
    work = {
        "simplex": sum(each.simplex_iterations for each in outcomes),
        "ipm": sum(each.ipm_iterations for each in outcomes),
        "nodes": sum(each.nodes for each in outcomes),
    }
    answer = Answer(
        ending=by_highs.ENDING[decision.stop],
        objective=decision.objective,
        bound=decision.bound,
        seconds={"solve": seconds},
        work=work,
    )
    return answer, decision.plan


def _processor() -> float:
    """Seconds of the processor, of this process and of those that it has started and that have ended."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def peak_memory() -> float:
    """MB of physical memory that this process has held at most."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; there `getrusage` includes what was held by whoever started this process
        figures = dict(line.split(":", 1) for line in status.read_text(encoding="ascii", errors="replace").splitlines())
        return int(figures["VmHWM"].split()[0]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if platform.system() == "Darwin" else 2**10)


def _end_with_whoever_asked() -> None:
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """See above."""
    out = Path(sys.argv[1])
    run = Run.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_whoever_asked, daemon=True).start()
    attempt(run, lambda known: write_record(known, out))


if __name__ == "__main__":
    main()
