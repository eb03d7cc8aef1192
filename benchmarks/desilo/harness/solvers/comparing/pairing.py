"""Which runs are compared with which: the same setting before and after, whatever the versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import did_you_mean, quoted
from desilo.harness.solvers.runs import Run, Setting

Condition = Mapping[str, tuple[str, ...]]
"""Values of fields that are asked for: any of the values, of all the fields."""

REORDERINGS = ("seed", "permutation")
"""Fields that change nothing but the path of the solver."""

UNIT = ("problem", "formulation", "solver", "preset")
"""Fields that name what is solved and how."""


@dataclass(frozen=True)
class Pair:
    """Runs that differ in nothing but what is compared; several where a run was repeated.

    Attributes:
        problem: name in the library; pairs of one problem are no independent observations.
        unit: the problem with its formulation, solver and preset, for people.
        before, after: at least one run each.
    """

    problem: str
    unit: str
    before: tuple[Run, ...]
    after: tuple[Run, ...]


@dataclass(frozen=True)
class Pairing:
    """Pairs, and what has no partner.

    Attributes:
        pairs: in the order of the runs before.
        only_before, only_after: settings without a partner, for people.
    """

    pairs: tuple[Pair, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def read_conditions(option: str, given: Iterable[str]) -> Condition:
    """Conditions of the command line: `preset=default`, `seed=0,1`.

    Raises:
        BadInput: one is not of this form.
    """
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    for text in given:
        field, equals, values = text.partition("=")
        if not (field and equals and values):
            problems.append(
                Problem(option, f"found '{text}'; FIELD=VALUE is expected, e.g. preset=default or seed=0,1")
            )
        found[field] = (*found.get(field, ()), *values.split(","))
    if problems:
        raise BadInput(problems)
    return found


def select(runs: Sequence[Run], condition: Condition, option: str) -> list[Run]:
    """The runs that meet a condition. Fields are those of a setting, the family, and the names of versions.

    Raises:
        BadInput: no run has such a field, or no run has any of the values.
    """
    problems = []
    for field, values in condition.items():
        known = dict.fromkeys(text for run in runs if (text := _field(run, field)) is not None)
        if not known:
            fields = [*Setting.model_fields, "family", *{name: None for run in runs for name in run.versions}]
            problems.append(Problem(option, f"no run has a field '{field}'; {did_you_mean(field, fields)}"))
        problems += [
            Problem(option, f"no run has {field}={value}; {did_you_mean(value, known)}")
            for value in values
            if value not in known
        ]
    if problems:
        raise BadInput(problems)
    chosen = [run for run in runs if all(_field(run, field) in values for field, values in condition.items())]
    if not chosen:
        wanted = " ".join(f"{field}={','.join(values)}" for field, values in condition.items())
        raise BadInput([Problem(option, f"no run has {wanted}" if wanted else "there are no runs")])
    return chosen


def pair(before: Sequence[Run], after: Sequence[Run], compared: Iterable[str] = ()) -> Pairing:
    """Put runs with the same setting together.

    Args:
        before, after: runs.
        compared: fields of the setting that may differ, since they are what is compared.
    """
    fields = [name for name in Setting.model_fields if name not in {*compared, "repeat"}]
    old, new = _by_setting(before, fields), _by_setting(after, fields)
    return Pairing(
        tuple(
            Pair(runs[0].setting.problem, _label(runs[0], UNIT, compared), tuple(runs), tuple(new[key]))
            for key, runs in old.items()
            if key in new
        ),
        tuple(_label(runs[0], fields, compared) for key, runs in old.items() if key not in new),
        tuple(_label(runs[0], fields, compared) for key, runs in new.items() if key not in old),
    )


def require_comparable(pairing: Pairing, before: Sequence[Run], after: Sequence[Run]) -> None:
    """Each side is of one set of versions, and there are pairs.

    Raises:
        BadInput: it is not so.
    """
    problems = [*_several_versions("before", before), *_several_versions("after", after)]
    if not problems and not pairing.pairs:
        what = f"no run of one has the setting of a run of the other: {_why(before, after)}"
        problems = [Problem("before and after", what)]
    if problems:
        raise BadInput(problems)


def _field(run: Run, field: str) -> str | None:
    if field in Setting.model_fields:
        value = getattr(run.setting, field)
        return f"{value:g}" if isinstance(value, float) else str(value)
    return run.family if field == "family" else run.versions.get(field)


def _by_setting(runs: Sequence[Run], fields: Sequence[str]) -> dict[tuple[object, ...], list[Run]]:
    """Runs by what they have in common; of two with the same key the later one stands."""
    found: defaultdict[tuple[object, ...], list[Run]] = defaultdict(list)
    for run in {run.key: run for run in runs}.values():
        found[tuple(getattr(run.setting, name) for name in fields)].append(run)
    return dict(found)


def _label(run: Run, fields: Iterable[str], compared: Iterable[str]) -> str:
    """The fields that say something, i.e. are not what they are by default."""
    shown = []
    for name in fields:
        field = Setting.model_fields[name]
        if name == "digest" or name in compared:
            continue
        if name in UNIT:
            shown.append(str(getattr(run.setting, name)))
        elif name in REORDERINGS or getattr(run.setting, name) != field.default:
            shown.append(f"{name}={_field(run, name)}")
    return " ".join(shown)


def _several_versions(side: str, runs: Sequence[Run]) -> Iterable[Problem]:
    for solver in dict.fromkeys(run.setting.solver for run in runs):
        versions = [run.versions for run in runs if run.setting.solver == solver]
        names = dict.fromkeys(name for each in versions for name in each)
        for name in names:
            if len(found := dict.fromkeys(each.get(name, "none") for each in versions)) > 1:
                what = f"holds runs of {solver} with several versions of {name}: {quoted(found)}"
                yield Problem(side, f"{what}; choose one: --{side} {name}={next(iter(found))}")


def _why(before: Sequence[Run], after: Sequence[Run]) -> str:
    """The fields that no run of one side has in common with any of the other."""
    differ = []
    for name in Setting.model_fields:
        left, right = (dict.fromkeys(_field(run, name) or "" for run in side) for side in (before, after))
        if left.keys().isdisjoint(right) and name != "repeat":
            differ.append(f"{name} is {quoted(left, 3)} and {quoted(right, 3)}")
    return "; ".join(differ) or "each field agrees somewhere, all together nowhere"
