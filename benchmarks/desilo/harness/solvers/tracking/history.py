"""A history of benches: every run that counts, by version, and one line for every version and problem.

The folder holds `benches/NAME/runs.jsonl`, the runs as `desilo bench` wrote them; `benches/NAME.json`, what is known of
the version beside its runs; and `history.jsonl`, which is worked out anew from these whenever something is added, so
that nothing can stand in it twice or disagree with the runs.
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
from desilo.harness.solvers.comparing.metrics import METRICS, is_solved
from desilo.harness.solvers.comparing.pairing import REORDERINGS
from desilo.harness.solvers.runs import RUNS, Ending, Run, Setting, read_runs

BENCHES, LINES = "benches", "history.jsonl"

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
    versions: dict[str, str]  # of everything, by name
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
        runs: of one set of versions; none unless it was measured.
        versions: of everything.
    """

    name: str
    record: VersionRecord
    runs: tuple[Run, ...]

    @property
    def versions(self) -> dict[str, str]:
        return self.runs[0].versions if self.runs else self.record.versions

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
    found = by_versions(read_runs(place))
    if not found:
        raise BadInput([Problem(str(place), "holds no runs")])
    added = 0
    for runs in found:
        versions = runs[0].versions
        bench = folder / BENCHES / name_of(versions)
        there = {run.key: run for run in (read_runs(bench) if (bench / RUNS).exists() else [])}
        new = {run.key: run for run in runs if run.key not in there}
        added += len(new)
        if new:
            write_text("".join(f"{run.model_dump_json()}\n" for run in {**there, **new}.values()), bench / RUNS)
        if not record_of(bench).exists():
            write_record(VersionRecord(versions=versions, status=Status.MEASURED), record_of(bench))
    return added


def name_of(versions: Mapping[str, str]) -> str:
    """Name of the folder of a version's runs."""
    text = json.dumps(dict(versions), sort_keys=True)
    shown = [f"{name}-{versions[name]}" for name in TRACKED if name in versions]
    return "-".join([*shown, hashlib.sha256(text.encode()).hexdigest()[:8]])


def record_of(bench: Path) -> Path:
    """Where the record of a version is, beside the folder of its runs: that one is the bench's own."""
    return bench.with_name(f"{bench.name}.json")


def by_versions(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs of one set of versions each."""
    found: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        found[json.dumps(run.versions, sort_keys=True)].append(run)
    return list(found.values())


def read_history(folder: Path) -> tuple[Bench, ...]:
    """Everything in a history.

    Raises:
        BadInput: a file in it cannot be read.
    """
    found: list[Bench] = []
    problems: list[Problem] = []
    for path in sorted((folder / BENCHES).glob("*.json")):
        bench = path.with_name(path.name.removesuffix(".json"))
        try:
            record = read_record(VersionRecord, path)
            runs = {run.key: run for run in (read_runs(bench) if (bench / RUNS).exists() else [])}
            sets = by_versions(runs.values()) if record.status is Status.MEASURED else []
            found += [Bench(bench.name, record, tuple(each)) for each in sets or [[]]]
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
        for bench in benches:
            if package in bench.versions:
                groups[_others(bench.versions, package)].append(bench)
        found += [
            Series(package, tuple(sorted(members, key=lambda bench: version_order(bench.versions[package]))))
            for members in groups.values()
            if len({bench.versions[package] for bench in members}) > 1
        ]
    return tuple(found)


def _others(versions: Mapping[str, str], package: str) -> str:
    return json.dumps({name: version for name, version in versions.items() if name != package}, sort_keys=True)


def version_order(version: str) -> tuple[int, Version, str]:
    """Sorts versions by what they say, not by when they were run; what is no version comes first."""
    try:
        return (1, Version(version), version)
    except InvalidVersion:
        return (0, Version("0"), version)
