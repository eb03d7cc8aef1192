"""Measure several versions of the solver and of Pyomo: each in an environment of its own, through the gate, benched."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from desilo.harness.records import write_record
from desilo.harness.solvers.running.bench import versions_of
from desilo.harness.solvers.runs import RUNS
from desilo.harness.solvers.tracking import environments
from desilo.harness.solvers.tracking.environments import Environment, NotInstalled
from desilo.harness.solvers.tracking.history import BENCHES, TRACKED, Status, VersionRecord, name_of, record_of

PASSED, FAILED = 0, 5
"""Exit statuses of `desilo gate`; a bench that found wrong answers ends with the second one, too."""


def combinations(asked: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """What is measured: every version asked for of one package, with the installed version of the others."""
    here = {name: versions_of("highs")[name] for name in TRACKED}
    found = [here | {name: version} for name, versions in asked.items() for version in versions]
    return [pins for number, pins in enumerate(found) if pins not in found[:number]]


def measure(
    pins: Mapping[str, str],
    folder: Path,
    root: Path,
    bench: Sequence[str],
    command: str,
    say: Callable[[str], None],
) -> VersionRecord:
    """Measure a version and keep what came of it in a history; goes on from where an earlier run was stopped.

    Args:
        pins: versions by package.
        folder: of the history.
        root: of the environments.
        bench: arguments of `desilo bench`.
        command: what was asked for, for the record.
        say: told what happens.

    Raises:
        KeyboardInterrupt: what is finished is kept.
    """
    versions = {**versions_of("highs"), **pins}
    place = folder / BENCHES / name_of(versions)
    name = ", ".join(f"{package} {version}" for package, version in pins.items())
    say(f"{name}: environment")
    try:
        environment = environments.make(pins, root)
    except NotInstalled as error:
        record = VersionRecord(versions=versions, status=Status.NOT_INSTALLED, problem=str(error))
    else:
        say(f"{name}: gate")
        record = _gate(environment, versions)
        if record.status is Status.MEASURED:
            say(f"{name}: bench")
            done = environment.run(["bench", *bench, "--out", str(place)])
            if done.returncode not in {PASSED, FAILED} or not (place / RUNS).exists():
                problem = f"desilo bench ended with status {done.returncode}"
                record = record.model_copy(update={"status": Status.NOT_BENCHED, "problem": problem})
    write_record(record.model_copy(update={"command": command}), record_of(place))
    if record.status is not Status.MEASURED:
        say(f"{name}: {record.status}: {record.problem}")
    return record


def _gate(environment: Environment, versions: dict[str, str]) -> VersionRecord:
    """Measured, if it passes."""
    done = environment.run(["gate", "--json"], quiet=True)
    try:
        said = json.loads(done.stdout)
        counts = {"programs": int(said["programs"]), "wrong": int(said["wrong"])}
    except (ValueError, KeyError, TypeError):
        problem = (done.stderr.strip().splitlines() or [f"desilo gate ended with status {done.returncode}"])[-1]
        return VersionRecord(versions=versions, status=Status.NO_GATE, problem=problem)
    if done.returncode == PASSED:
        return VersionRecord(versions=versions, status=Status.MEASURED, gate=counts)
    problem = f"{counts['wrong']} of {counts['programs']} programs with known answers are solved wrongly"
    return VersionRecord(versions=versions, status=Status.FAILED_GATE, gate=counts, problem=problem)
