"""A solution as solvers write it: lines with the name of a column of the MPS file and its value."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import Findings
from desilo.cases.tables import read_text
from desilo.harness.solvers.library.entries import Entry
from desilo.harness.solvers.library.problems import Solution
from desilo.solving import hand_back, translate
from desilo.solving.highs import mps_name


def read_columns(entry: Entry, path: Path) -> Solution:
    """The solution of an entry in a file of column values, of whichever formulation.

    What counts is the first number that follows a column's name on its line; a column that is not there is 0, and
    all other text is passed over. HiGHS, SCIP, CBC and many others write such files.

    Raises:
        BadInput: the file cannot be read, or names no column.
    """
    findings = Findings()
    try:
        text = read_text(path, findings) or ""
    except OSError as error:
        raise BadInput([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    findings.stop_if_any()
    model = entry.program_model()
    program = translate(model)
    at = {mps_name(name): k for k, name in enumerate(program.column_names())}
    figures = np.full(len(at), np.nan)
    for line in text.splitlines():
        for name, value in pairwise(line.split()):
            if name in at and np.isnan(figures[at[name]]) and _is_number(value):
                figures[at[name]] = float(value)
                break
    if np.isnan(figures).all():
        example = next(iter(at))
        what = f"names no column of {entry.name}; lines like '{example} 1' are expected, or a solution file (.json)"
        raise BadInput([Problem(path.name, what)])
    hand_back(program, np.nan_to_num(figures))
    return entry.solution(model)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
