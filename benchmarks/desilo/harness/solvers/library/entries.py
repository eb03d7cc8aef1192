"""The instance library: problems with a name for ever, a recipe, and a frozen digest.

`library.csv` holds one entry a line. A pricing problem is an instance whose supply never binds, an inventory problem
one with a single price level, a joint problem has both; a demand problem is the linear program of the estimation on
a sales history. To add an entry append its line, with the digest that `desilo library verify` then asks for; a line
that is there is never edited.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import did_you_mean
from desilo.cases.generate import Dials, generate
from desilo.cases.instance import Instance
from desilo.cases.opening import WINDOWS, open_case
from desilo.cases.reading import read_instance
from desilo.cases.variants import known_demand, orders_alone, prices_alone, without_substitution
from desilo.formulations.estimation import Records
from desilo.formulations.freedom import Formulation
from desilo.harness.solvers.library import histories
from desilo.harness.solvers.library.problems import Estimation, Kind, Planning, Solution
from desilo.harness.solvers.runs import Check

TABLE = Path(__file__).with_name("library.csv")

SIZES = ("S", "M", "L", "XL")

FAMILIES: Mapping[str, str] = {
    "pricing": "prices at unlimited supply",
    "demand": "a demand function from a sales history",
    "inventory": "orders at given prices",
    "joint": "prices and orders together",
}
"""What is decided in a family."""

_PART: Mapping[str, Callable[[Instance], Instance]] = {
    "pricing": prices_alone,
    "inventory": orders_alone,
    "joint": lambda instance: instance,
}


@dataclass(frozen=True)
class Entry:
    """One problem of the library.

    Attributes:
        name: for ever the same.
        family: pricing, demand, inventory or joint.
        source: a generator, a generated history ("history"), a window of a real case, or a real case's history.
        size: S, M, L or XL.
        seed: of the generator; None if real.
        dials: as of generated instances; real ones have uncertainty and substitution or none (1 or 0).
        digest: SHA-256 that the problem must have.
    """

    name: str
    family: str
    source: str
    size: str
    seed: int | None
    dials: Dials
    digest: str

    @property
    def tags(self) -> frozenset[str]:
        """real or generated; stochastic or deterministic; substitution where prices act on other items' demand."""
        known = self.dials.uncertainty == 0 or self.source == "lot-sizing"
        moves = self.source not in _SEPARATE and self.dials.substitution > 0 and self.family != "inventory"
        return frozenset(
            {
                "generated" if self.seed is not None else "real",
                "deterministic" if known else "stochastic",
                *({"substitution"} if moves else ()),
            }
        )

    @cached_property
    def problem(self) -> Kind:
        """The problem, made by its recipe."""
        if self.family == "demand":
            return Estimation(self.name, self._records())
        whole = self._instance()
        title = f"{whole.title}: {FAMILIES[self.family]}"
        return Planning(replace(_PART[self.family](whole), name=self.name, title=title))

    def _records(self) -> Records:
        if self.seed is None:
            return histories.recorded(open_case(self.source), self.size)
        return histories.generated(self.size, self.seed, self.dials)

    def _instance(self) -> Instance:
        if self.seed is not None:
            return generate(self.source, self.size, self.seed, **vars(self.dials))
        window = read_instance(WINDOWS / self.source)
        if not self.dials.uncertainty:
            window = known_demand(window)
        return window if self.dials.substitution else without_substitution(window)

    @property
    def formulations(self) -> tuple[Formulation, ...]:
        """Those in which its program differs."""
        return (Estimation if self.family == "demand" else Planning).formulations

    @property
    def sense(self) -> int:
        """-1 maximise, 1 minimise."""
        return (Estimation if self.family == "demand" else Planning).sense

    def program_model(self, formulation: Formulation = Formulation.TIGHT) -> Any:
        """Its Pyomo model."""
        return self.problem.model(formulation)

    def solution(self, model: Any) -> Solution:
        """The solution in the values that the variables of its model hold."""
        return self.problem.solution(model)

    def check(self, solution: Solution) -> Check:
        """Independently of model and solver: is it one, and what is it worth?"""
        return self.problem.check(solution)


_SEPARATE = frozenset({"retail", "lot-sizing", "newsvendor"})
"""Generators whose items do not act on each other's demand."""


@cache
def entries() -> Mapping[str, Entry]:
    """Every entry by its name, in the order of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["name"]: _entry(row) for row in csv.DictReader(file)})


def _entry(row: Mapping[str, str]) -> Entry:
    return Entry(
        name=row["name"],
        family=row["family"],
        source=row["source"],
        size=row["size"],
        seed=int(row["seed"]) if row["seed"] else None,
        dials=Dials(float(row["coupling"]), float(row["uncertainty"]), float(row["substitution"])),
        digest=row["digest"],
    )


def find(name: str) -> Entry:
    """The entry of that name.

    Raises:
        BadInput: there is none.
    """
    known = entries()
    if name not in known:
        raise BadInput([Problem("library", f"no entry is called '{name}'; {did_you_mean(name, known)}")])
    return known[name]


def select(patterns: Sequence[str]) -> tuple[Entry, ...]:
    """Entries by name, by name with wildcards, by family, size or tag; all of them without a pattern.

    Several patterns in one, joined by `+`, must all fit: `joint+S+stochastic`.

    Raises:
        BadInput: a pattern that nothing fits.
    """
    known = entries()
    words = {*known, *FAMILIES, *SIZES, *(tag for entry in known.values() for tag in entry.tags)}
    chosen: set[str] = set()
    problems = []
    for pattern in patterns:
        found = {entry.name for entry in known.values() if all(_fits(entry, part) for part in pattern.split("+"))}
        strange = [part for part in pattern.split("+") if not any(_fits(entry, part) for entry in known.values())]
        for part in strange:
            problems.append(Problem("library", f"no entry fits '{part}'; {did_you_mean(part, sorted(words))}"))
        if not found and not strange:
            problems.append(Problem("library", f"no entry fits all parts of '{pattern}'"))
        chosen |= found
    if problems:
        raise BadInput(problems)
    return tuple(entry for entry in known.values() if entry.name in chosen or not patterns)


def _fits(entry: Entry, pattern: str) -> bool:
    return pattern in {entry.family, entry.size} | entry.tags or fnmatchcase(entry.name, pattern)
