"""The best that is known of every entry of the library: an objective with its solution, and a proven bound.

A folder holds `standings.json` and `solutions/NAME.json.gz`. A solution enters only if it is checked and better than
the one before; a bound only with how it was proven, and never against a known solution.

A solution enters in three steps, each of them whole: it is laid beside the one before (`NAME.new.json.gz`), the
standings name it by its digest, it takes its place. Whoever is killed in between leaves standings whose solution is
there, in the one file or in the other; the next submission moves or removes what was left.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import did_you_mean
from desilo.cases.folders import fresh_file
from desilo.harness.records import Record, read_record, sweep, write_record
from desilo.harness.run import locked
from desilo.harness.solvers.library.columns import read_columns
from desilo.harness.solvers.library.entries import Entry, entries
from desilo.harness.solvers.runs import Check
from desilo.solving import relative_gap

TOLERANCE = 1e-6
"""Relative: an objective or a bound is better, or contradicts another, by more than this times max(1, |figure|)."""

SOLVED = 1e-4
"""Gap up to which an entry counts as solved."""

FILE = "standings.json"

SOLUTIONS = "solutions"


class Mark(Record):
    """A figure, and who found it when and how."""

    value: float
    who: str
    when: date
    how: str  # command or method, solver and version


class Best(Mark):
    """The objective of the best known solution, as the checker works it out."""

    solution: str  # SHA-256 of its file, not compressed


class Standing(Record):
    """What is known of an entry."""

    digest: str  # of the problem
    best: Best | None = None
    bound: Mark | None = None

    @property
    def gap(self) -> float:
        """|bound - objective| / |objective|; inf if either is unknown."""
        if self.best is None or self.bound is None:
            return math.inf
        return relative_gap(self.best.value, self.bound.value)


class Standings(Record):
    """What is known of the library."""

    schema_version: Literal[1] = 1
    standings: dict[str, Standing] = Field(default_factory=dict)

    def of(self, entry: Entry) -> Standing:
        """What is known of an entry, if only which problem it is."""
        return self.standings.get(entry.name) or Standing(digest=entry.digest)


def read_standings(folder: Path) -> Standings:
    """The standings in a folder; none where there is no such file.

    Raises:
        BadInput: they cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return Standings()
    try:
        return read_record(Standings, path)
    except (OSError, ValueError) as error:
        raise BadInput([Problem(str(path), f"holds no standings that can be read: {error}")]) from None


@dataclass(frozen=True)
class Offer:
    """What somebody submits.

    Attributes:
        who: found or proved it.
        when: the day.
        how: command or method, solver and version.
        solution: its file, JSON or column values as a solver writes them; None for a bound alone.
        bound: proven on every solution's objective; None for a solution alone.
    """

    who: str
    when: date
    how: str
    solution: Path | None = None
    bound: float | None = None


@dataclass(frozen=True)
class Receipt:
    """What came of an offer.

    Attributes:
        check: of the solution; None if none was offered.
        entered: what entered, "solution" and "bound".
        refuted: whether a bound, the offered one or the one on record, is contradicted by a solution.
        said: for people.
    """

    check: Check | None = None
    entered: frozenset[str] = frozenset()
    refuted: bool = False
    said: tuple[str, ...] = ()

    def then(self, other: Receipt) -> Receipt:
        """Both, of a solution and of a bound."""
        return Receipt(
            check=self.check,
            entered=self.entered | other.entered,
            refuted=self.refuted or other.refuted,
            said=self.said + other.said,
        )


def submit(entry: Entry, offer: Offer, folder: Path) -> Receipt:
    """Check an offer, and enter what is better than what is on record.

    Raises:
        BadInput: the solution cannot be read, this version makes another problem of the entry, or somebody else is
            writing to the folder.
    """
    _require_same(entry)
    with locked(folder):
        sweep(folder)
        standings = read_standings(folder)
        standing = standings.of(entry)
        _settle(entry, standing, folder)
        receipt = Receipt()
        if offer.solution is not None:
            standing, receipt = _with_solution(entry, standing, offer, offer.solution, folder)
        if offer.bound is not None:
            standing, proven = _with_bound(entry, standing, offer, offer.bound)
            receipt = receipt.then(proven)
        if receipt.entered:
            write_record(Standings(standings=standings.standings | {entry.name: standing}), folder / FILE)
            _settle(entry, standing, folder)
    return receipt


def _with_solution(
    entry: Entry, standing: Standing, offer: Offer, path: Path, folder: Path
) -> tuple[Standing, Receipt]:
    solution = entry.problem.read(path) if path.suffix == ".json" else read_columns(entry, path)
    check = entry.check(solution)
    best, bound = standing.best, standing.bound
    if not check.feasible or check.objective is None:
        broken = [f"  {violation}" for violation in check.violations]
        return standing, Receipt(check, said=(f"the solution is not feasible, rules broken: {len(broken)}", *broken))
    found = f"feasible, {check.objective:.10g}"
    if best is not None and not is_better(entry, check.objective, best.value):
        return standing, Receipt(check, said=(f"{found}: not better than {best.value:.10g}, nothing entered",))
    said = [f"{found}: entered" if best is None else f"{found}, better than {best.value:.10g}: entered"]
    best = Best(
        value=check.objective,
        who=offer.who,
        when=offer.when,
        how=offer.how,
        solution=_lay_beside(entry, solution, folder),
    )
    refuted = bound is not None and is_better(entry, best.value, bound.value)
    if bound is not None and refuted:
        said.append(f"it refutes the bound {bound.value:.10g} on record, which is struck out")
        bound = None
    entered = standing.model_copy(update={"best": best, "bound": bound})
    return entered, Receipt(check, frozenset({"solution"}), refuted, tuple(said))


def _with_bound(entry: Entry, standing: Standing, offer: Offer, value: float) -> tuple[Standing, Receipt]:
    best, bound = standing.best, standing.bound
    found = f"bound {value:.10g}"
    if best is not None and is_better(entry, best.value, value):
        return standing, Receipt(refuted=True, said=(f"{found}: refused, there is a solution of {best.value:.10g}",))
    if bound is not None and not is_better(entry, bound.value, value):
        return standing, Receipt(said=(f"{found}: not better than {bound.value:.10g}, nothing entered",))
    mark = Mark(value=value, who=offer.who, when=offer.when, how=offer.how)
    entered = standing.model_copy(update={"bound": mark})
    return entered, Receipt(entered=frozenset({"bound"}), said=(f"{found}: entered",))


def is_better(entry: Entry, one: float, other: float) -> bool:
    """Whether one objective is better than another by more than the tolerance."""
    return entry.sense * (other - one) > TOLERANCE * max(1.0, abs(other))


def wrong(entry: Entry, standing: Standing, folder: Path) -> Iterator[str]:
    """What is wrong with what is on record of an entry: the problem, the solution, the bound."""
    digest = entry.problem.digest()
    if digest != entry.digest:
        yield f"the recipe makes another problem here, digest {digest}"
        return
    if standing.digest != entry.digest:
        yield "the standing is of another problem"
        return
    if standing.best is None:
        return
    found = _solution_on_record(entry, standing.best, folder)
    if isinstance(found, str):
        yield found
        return
    if not found.feasible or found.objective is None:
        yield f"the solution is not feasible: {found.violations[0]}"
    elif abs(found.objective - standing.best.value) > TOLERANCE * max(1.0, abs(found.objective)):
        yield f"the solution is worth {found.objective:.10g}"
    if standing.bound is not None and is_better(entry, standing.best.value, standing.bound.value):
        yield "the solution contradicts the bound"


def strangers(standings: Standings) -> Iterator[str]:
    """Standings of no entry of the library."""
    for name in standings.standings.keys() - entries().keys():
        yield f"{name}: no entry of the library; {did_you_mean(name, entries())}"


def solution_path(entry: Entry, folder: Path) -> Path:
    """Where the best known solution is kept."""
    return folder / SOLUTIONS / f"{entry.name}.json.gz"


def best_solution(entry: Entry, best: Best, folder: Path) -> bytes:
    """The file of the best known solution, not compressed: the one with the digest on record.

    Raises:
        BadInput: there is none, or it cannot be read.
    """
    entered, new = solution_path(entry, folder), _new_path(entry, folder)
    for path in (entered, new) if new.exists() else (entered,):
        try:
            text = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            problem = f"the solution cannot be read: {error}"
            continue
        if hashlib.sha256(text).hexdigest() == best.solution:
            return text
        problem = "the solution is not the one that entered"
    raise BadInput([Problem(str(entered), problem)])


def _solution_on_record(entry: Entry, best: Best, folder: Path) -> Check | str:
    """What the checker says of it, or why there is nothing to check."""
    try:
        text = best_solution(entry, best, folder)
    except BadInput as bad:
        return bad.problems[0].message
    with tempfile.TemporaryDirectory() as beside:
        path = Path(beside, f"{entry.name}.json")
        path.write_bytes(text)
        try:
            return entry.check(entry.problem.read(path))
        except BadInput as bad:
            return f"the solution cannot be read: {bad.problems[0]}"


def _new_path(entry: Entry, folder: Path) -> Path:
    """Where a solution is until the standings name it."""
    return folder / SOLUTIONS / f"{entry.name}.new.json.gz"


def _settle(entry: Entry, standing: Standing, folder: Path) -> None:
    """Give a new solution its place if the standings name it; remove it if they do not."""
    new = _new_path(entry, folder)
    if not new.exists():
        return
    try:
        text = gzip.decompress(new.read_bytes())
    except (EOFError, zlib.error, gzip.BadGzipFile):
        text = b""  # not what entered, whatever it is
    if standing.best is not None and hashlib.sha256(text).hexdigest() == standing.best.solution:
        new.replace(solution_path(entry, folder))
    else:
        new.unlink()


def _lay_beside(entry: Entry, solution: object, folder: Path) -> str:
    """Put a solution into the folder, wholly or not at all, beside the best one; its SHA-256."""
    with tempfile.TemporaryDirectory() as beside, fresh_file(_new_path(entry, folder)) as packed:
        plain = Path(beside, "solution.json")
        entry.problem.write(solution, plain)
        text = plain.read_bytes()
        packed.write_bytes(gzip.compress(text, mtime=0))
    return hashlib.sha256(text).hexdigest()


def _require_same(entry: Entry) -> None:
    if (digest := entry.problem.digest()) != entry.digest:
        what = f"the recipe makes another problem here, digest {digest} instead of {entry.digest}"
        raise BadInput([Problem(entry.name, f"{what}; use a version that makes the same")])
