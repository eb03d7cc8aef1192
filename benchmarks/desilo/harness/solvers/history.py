"""A history of benches: every run that counts, by version, and one line for every version and problem.

The folder holds `benches/NAME/runs.jsonl`, the runs as `desilo bench` wrote them; `benches/NAME/version.json`, what is
known of the version beside its runs; and `history.jsonl`, which is worked out anew from these whenever something is
added, so that nothing can stand in it twice or disagree with the runs.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from packaging.version import InvalidVersion, Version
from pydantic import Field

from desilo.cases.errors import BadInput, Problem
from desilo.harness.measure import shifted_geometric_mean
from desilo.harness.records import Known, Record, read_record, write_record, write_text
from desilo.harness.solvers.metrics import METRICS, is_solved
from desilo.harness.solvers.pairing import REORDERINGS
from desilo.harness.solvers.runs import RUNS, Ending, Run, Setting, read_runs

BENCHES, VERSION, LINES = "benches", "version.json", "history.jsonl"

TRACKED = ("highspy", "pyomo")
"""Packages of which several versions can be tracked."""


class Status(StrEnum):
    """What became of a version."""

    MEASURED = "measured"
    NOT_INSTALLED = "could not be installed"
    NO_GATE = "could not be put through the gate"
    FAILED_GATE = "failed the gate"
    NOT_BENCHED = "could not be benched"


class VersionRecord(Record):
    """A version, whether or not there are runs of it."""

    schema_version: Literal[1] = 1
    asked: dict[str, str]  # versions of packages, by name
    status: Status
    gate: dict[str, int] = Field(default_factory=dict)  # programs, and how many were wrong; empty if not asked
    problem: str = ""  # what went wrong, for people
    command: str = ""  # that measured it


class Line(Record):
    """A version on a problem in one formulation, solver and preset, over all seeds and permutations."""

    schema_version: Literal[1] = 1
    key: str  # SHA-256 of the versions and the setting
    versions: dict[str, str]
    status: Status
    setting: dict[str, str | float | int]  # but for seed, permutation, repeat
    file: str  # of the runs, within the folder of the history
    runs: tuple[str, ...]  # their keys
    solved: int
    wrong: int
    figures: dict[str, Known]  # shifted geometric means over the runs, by metric


@dataclass(frozen=True)
class Bench:
    """A version and its runs.

    Attributes:
        name: of its folder.
        record: what became of it.
        runs: none unless it was measured.
        versions: of everything; as far as asked for where there are no runs.
    """

    name: str
    record: VersionRecord
    runs: tuple[Run, ...]

    @property
    def versions(self) -> dict[str, str]:
        return self.runs[0].versions if self.runs else self.record.asked

    @property
    def counts(self) -> bool:
        """Whether its work and times may stand beside those of others."""
        return self.record.status is Status.MEASURED and bool(self.runs)


@dataclass(frozen=True)
class Series:
    """Versions of one package, everything else being the same.

    Attributes:
        package: the name in the versions.
        benches: in the order of the versions.
    """

    package: str
    benches: tuple[Bench, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        return tuple(bench.versions[self.package] for bench in self.benches)

    @property
    def counting(self) -> Series:
        """Without the versions that do not count."""
        return Series(self.package, tuple(bench for bench in self.benches if bench.counts))


def append(place: Path, folder: Path) -> int:
    """Add the runs of a bench to a history; those that are in it already are the same runs.

    Args:
        place: bench folder, or its runs.jsonl.
        folder: of the history; made if need be.

    Returns:
        How many runs are new.

    Raises:
        BadInput: the bench cannot be read or holds no runs.
    """
    by_versions: defaultdict[str, list[Run]] = defaultdict(list)
    for run in read_runs(place):
        by_versions[json.dumps(run.versions, sort_keys=True)].append(run)
    if not by_versions:
        raise BadInput([Problem(str(place), "holds no runs")])
    added = 0
    for text, runs in by_versions.items():
        versions = runs[0].versions
        shown = "-".join(f"{name}-{versions[name]}" for name in TRACKED if name in versions)
        bench = folder / BENCHES / f"{shown}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        there = {run.key: run for run in (read_runs(bench) if (bench / RUNS).exists() else [])}
        new = {run.key: run for run in runs if run.key not in there}
        added += len(new)
        if new:
            asked = {name: versions[name] for name in TRACKED if name in versions}
            write_record(VersionRecord(asked=asked, status=Status.MEASURED), bench / VERSION)
            write_text("".join(f"{run.model_dump_json()}\n" for run in {**there, **new}.values()), bench / RUNS)
    return added


def read_history(folder: Path) -> tuple[Bench, ...]:
    """Everything in a history.

    Raises:
        BadInput: a file in it cannot be read.
    """
    found: list[Bench] = []
    problems: list[Problem] = []
    for path in sorted((folder / BENCHES).glob(f"*/{VERSION}")):
        try:
            record = read_record(VersionRecord, path)
            runs = read_runs(path.parent) if (path.parent / RUNS).exists() else []
            found.append(Bench(path.parent.name, record, tuple({run.key: run for run in runs}.values())))
        except BadInput as bad:
            problems += bad.problems
        except (OSError, ValueError) as error:
            problems.append(Problem(str(path), f"cannot be read: {str(error).splitlines()[0]}"))
    if problems:
        raise BadInput(problems)
    return tuple(found)


def write_lines(benches: Sequence[Bench], folder: Path) -> None:
    """Work out `history.jsonl`."""
    lines = {line.key: line for bench in benches for line in _lines(bench)}
    write_text("".join(f"{line.model_dump_json()}\n" for line in lines.values()), folder / LINES)


def _lines(bench: Bench) -> Iterable[Line]:
    fields = [name for name in Setting.model_fields if name not in {*REORDERINGS, "repeat"}]
    units: defaultdict[tuple[object, ...], list[Run]] = defaultdict(list)
    for run in bench.runs:
        units[tuple(getattr(run.setting, name) for name in fields)].append(run)
    for values, runs in units.items():
        setting: dict[str, Any] = dict(zip(fields, values, strict=True))
        text = json.dumps([bench.versions, setting], sort_keys=True)
        yield Line(
            key=hashlib.sha256(text.encode()).hexdigest(),
            versions=bench.versions,
            status=bench.record.status,
            setting=setting,
            file=f"{BENCHES}/{bench.name}/{RUNS}",
            runs=tuple(run.key for run in runs),
            solved=sum(is_solved(run) for run in runs),
            wrong=sum(run.ending is Ending.WRONG for run in runs),
            figures={name: _mean(name, runs) for name in METRICS},
        )


def _mean(name: str, runs: Sequence[Run]) -> float | None:
    metric = METRICS[name]
    values = [value for run in runs if (value := metric.of(run)) is not None and value + metric.shift > 0]
    return shifted_geometric_mean(values, metric.shift) if values else None


def series_of(benches: Sequence[Bench], packages: Iterable[str] = TRACKED) -> tuple[Series, ...]:
    """Every series of at least two versions, in which nothing but the version of the package differs."""
    found = []
    for package in packages:
        groups: defaultdict[str, list[Bench]] = defaultdict(list)
        whole = [bench for bench in benches if bench.runs]
        for bench in whole:
            groups[_others(bench.versions, package)].append(bench)
        for bench in benches:  # without runs all that is known is what was asked for
            if not bench.runs and package in bench.versions:
                for key, members in groups.items():
                    if _agrees(bench.versions, members[0].versions, package):
                        groups[key] = [*members, bench]
        found += [
            Series(package, tuple(sorted(members, key=lambda bench: version_order(bench.versions[package]))))
            for members in groups.values()
            if len({bench.versions.get(package) for bench in members}) > 1
        ]
    return tuple(found)


def _others(versions: Mapping[str, str], package: str) -> str:
    return json.dumps({name: version for name, version in versions.items() if name != package}, sort_keys=True)


def _agrees(asked: Mapping[str, str], versions: Mapping[str, str], package: str) -> bool:
    return all(versions.get(name) == version for name, version in asked.items() if name != package)


def version_order(version: str) -> tuple[int, Version, str]:
    """Sorts versions by what they say, not by when they were run; what is no version comes first."""
    try:
        return (1, Version(version), version)
    except InvalidVersion:
        return (0, Version("0"), version)
