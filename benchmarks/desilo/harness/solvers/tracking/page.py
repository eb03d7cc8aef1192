"""The page of a history: what every version comes to, the steps, and a picture. Written from the records alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from desilo.cases.markdown import plain
from desilo.harness.claims.statistics import LEVEL
from desilo.harness.plots import BLUE, GREY, VERMILLION, write_svg
from desilo.harness.records import write_text
from desilo.harness.solvers.comparing.compare import MARGIN, identical, log_mean
from desilo.harness.solvers.comparing.correctness import contradictions
from desilo.harness.solvers.comparing.metrics import METRICS, Kind, is_solved, totals
from desilo.harness.solvers.comparing.noise import noise
from desilo.harness.solvers.comparing.pairing import pair
from desilo.harness.solvers.runs import Setting
from desilo.harness.solvers.tracking.history import LINES, Bench, Series, Status, series_of, write_lines
from desilo.harness.solvers.tracking.steps import SEARCHED, Step, find_steps

PAGE = "README.md"

SHOWN = 10
"""Wrong answers of a version that are written out."""

DRAWN = ("iterations", "nodes", "processor", "seconds")
"""Metrics with a panel in the picture."""


def write_page(benches: Sequence[Bench], folder: Path) -> tuple[tuple[Series, tuple[Step, ...]], ...]:
    """Write the lines, the page and the pictures of a history.

    Args:
        benches: all of them.
        folder: of the history.

    Returns:
        Every series with its steps.
    """
    found = tuple((series, find_steps(series.counting)) for series in series_of(benches))
    write_lines(benches, folder)
    for number, (series, steps) in enumerate(found):
        if len(series.counting.benches) > 1:
            write_svg(picture(series, steps), folder / _picture_name(found, number))
    write_text(page(benches, found), folder / PAGE)
    return found


def page(benches: Sequence[Bench], found: Sequence[tuple[Series, tuple[Step, ...]]]) -> str:
    """The page in Markdown."""
    parts = [
        "# History of solver work",
        f"Written by `desilo track` from the records beside it: `{LINES}` has a line for every version and problem, "
        "`benches/` every run.",
        *(f"```sh\n{command}\n```" for command in dict.fromkeys(bench.record.command for bench in benches) if command),
    ]
    for number, (series, steps) in enumerate(found):
        parts += [f"## {series.package}", _held(series), _table(series), *_contradicted(series)]
        parts += [f"- {say(step)}" for step in steps] or [_no_step(series)]
        if len(series.counting.benches) > 1:
            parts.append(f"![work and seconds by version]({_picture_name(found, number)})")
    alone = [bench for bench in benches if not any(bench in series.benches for series, _ in found)]
    if alone:
        parts += ["## Not in a series", *(f"- {plain(_alone(bench))}" for bench in alone)]
    parts += ["## How to read it", _method()]
    return "\n\n".join(_joined(parts)) + "\n"


def _joined(parts: Iterable[str]) -> list[str]:
    """Paragraphs; lines of one list stand together."""
    paragraphs: list[str] = []
    for part in parts:
        if part.startswith("- ") and paragraphs and paragraphs[-1].startswith("- "):
            paragraphs[-1] += f"\n{part}"
        else:
            paragraphs.append(part)
    return paragraphs


def _no_step(series: Series) -> str:
    neighbours = pairwise(series.counting.benches)
    if all(identical(each) for old, new in neighbours for each in pair(old.runs, new.runs).pairs):
        return "No step: sizes, iterations and nodes of every run are the same in all versions."
    return "No step: nothing changed by more than noise makes."


def say(step: Step) -> str:
    """A step in a sentence."""
    where = f"**{step.metric}** changes from {step.package} {step.last} to {step.first}"
    if step.kind is Kind.SIZE:
        return f"{where}: {step.larger} problems larger, {step.smaller} smaller of {step.sample}, exactly"
    if step.ratio is None or step.low is None or step.high is None:
        raise AssertionError("a step has an interval")
    kind = "; on this machine" if step.kind is Kind.CLOCK else ""
    change = f"{step.ratio - 1:+.1%} [{step.low - 1:+.1%}, {step.high - 1:+.1%}]"
    return f"{where}: {change} over {step.sample} problems{kind}"


def _held(series: Series) -> str:
    """What the versions of a series have in common, and how large luck is."""
    kept = [f"{name} {version[:12]}" for name, version in series.benches[0].versions.items() if name != series.package]
    said = [f"Everything else is the same: {plain(', '.join(kept))}."]
    counting = series.counting.benches
    if counting:
        found = {name: noise(counting[-1].runs, METRICS[name], "").path for name in ("iterations", "nodes")}
        luck = [f"{name} ±{path:.0%}" for name, path in found.items() if path is not None]
        if luck:
            newest = counting[-1].versions[series.package]
            said.append(f"Luck (seeds and permutations, {plain(newest)}): {', '.join(luck)}.")
    return " ".join(said)


def _contradicted(series: Series) -> Iterable[str]:
    """Runs that cannot be right, by what any version has found."""
    for bench in series.benches:
        wrong = _wrong(bench, series)
        for run in [run for run in bench.runs if run.key in wrong][:SHOWN]:
            where = f"{series.package} {bench.versions[series.package]}, {run.setting.problem}"
            yield f"- wrong: {plain(where)}: {plain(wrong[run.key])}"


def _wrong(bench: Bench, series: Series) -> dict[str, str]:
    return contradictions(bench.runs, [run for each in series.benches for run in each.runs])


def _solved_by_all(series: Series) -> frozenset[Setting]:
    """Settings that every version that counts has solved."""
    solved = [{run.setting for run in bench.runs if is_solved(run)} for bench in series.counting.benches]
    return frozenset.intersection(*map(frozenset, solved)) if solved else frozenset()


def _table(series: Series) -> str:
    header = f"|{series.package}|gate|solved|wrong|failed|iterations|nodes|s, shift 1 s|s, shift 10 s|PAR10, s|MB|"
    rule = "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    return "\n".join([header, rule, *(_row(series, bench) for bench in series.benches)])


def _row(series: Series, bench: Bench) -> str:
    package, gate = series.package, bench.record.gate
    wrong = gate.get("wrong", 0)
    passed = f"{wrong} of {gate['programs']} wrong" if wrong else ("passed" if gate else "not asked")
    if not bench.counts:
        return f"|{plain(bench.versions[package])}|{passed if wrong else bench.record.status}|" + "-|" * 9
    found = totals(bench.runs)
    figures = (
        f"{found.solved}/{found.runs}",
        len(_wrong(bench, series)),
        found.failed,
        *(_mean(bench, name, _solved_by_all(series)) for name in ("iterations", "nodes")),
        *(f"{value:.3g}" for value in (found.seconds_1, found.seconds_10, found.par10)),
        "-" if found.peak_memory is None else f"{found.peak_memory:.0f}",
    )
    return f"|{plain(bench.versions[package])}|{passed}|" + "".join(f"{figure}|" for figure in figures)


def _mean(bench: Bench, name: str, settings: frozenset[Setting]) -> str:
    metric = METRICS[name]
    runs = [run for run in bench.runs if run.setting in settings]
    known = [mean for run in runs if (mean := log_mean(metric, [run])) is not None]
    return f"{np.exp(np.mean(known)) - metric.shift:,.1f}" if known else "-"


def _alone(bench: Bench) -> str:
    versions = ", ".join(f"{name} {version[:12]}" for name, version in bench.versions.items())
    status = "" if bench.record.status is Status.MEASURED else f": {bench.record.status}: {bench.record.problem}"
    return f"{versions}{status}"


def _method() -> str:
    searched = ", ".join(SEARCHED)
    iterations, nodes = (f"{METRICS[name].shift:g}" for name in ("iterations", "nodes"))
    return (
        "Versions are in the order of their numbers. A version that fails the gate (tiny problems with answers found "
        "by enumeration) does not count, however fast it is. Iterations and nodes are shifted geometric means (shifts "
        f"{iterations} and {nodes}) over the runs that every version solves; they do not depend on the machine, but on "
        "the versions and on luck: seeds and permutations of rows and columns measure the luck. Seconds are those of "
        "one machine, measured version after version: a machine that is busy for a while makes a version look slow, "
        "the processor's seconds (of a whole run, imports too) less so; they stand beside the work. A step is reported "
        f"where optimal partitioning proposes one and the paired interval over problems, at {LEVEL:.0%} for all "
        f"metrics and places together, lies wholly beyond a change of {MARGIN:.0%}; of a size, where it is another for "
        f"any problem. Steps are looked for in {searched}."
    )


def _picture_name(found: Sequence[tuple[Series, object]], number: int) -> str:
    package = found[number][0].package
    before = sum(series.package == package for series, _ in found[:number])
    return f"{package}{f'-{before + 1}' if before else ''}.svg"


def picture(series: Series, steps: Sequence[Step]) -> Figure:
    """A panel a metric: every problem against the first version that counts, their mean, steps, failed versions."""
    figure = Figure(figsize=(9, 0.8 + 1.9 * len(DRAWN)), layout="constrained")
    panels = figure.subplots(len(DRAWN), 1, sharex=True)
    counting = series.counting.benches
    places = {bench.name: place for place, bench in enumerate(series.benches)}
    for panel, name in zip(panels, DRAWN, strict=True):
        lines = _relative(counting, name)
        at = [places[bench.name] for bench in counting]
        for ratios in lines.values():
            panel.plot(at, ratios, color=GREY, lw=0.7, alpha=0.6)
        if lines:
            mean = np.exp(np.nanmean(np.log(np.array(list(lines.values()))), axis=0))
            panel.plot(at, mean, "o-", color=BLUE, lw=1.8, ms=5)
        for step in (step for step in steps if step.metric == name):
            panel.axvline(places[_name(series, step.first)] - 0.5, color=VERMILLION, lw=1.4, ls="--")
        _mark_failures(panel, series)
        panel.axhline(1, color="black", lw=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_title(f"{name}, against {counting[0].versions[series.package]}", fontsize=9, loc="left")
        panel.tick_params(labelsize=8)
    panels[-1].set_xticks(range(len(series.benches)), series.versions)
    panels[-1].set_xlabel(
        f"{series.package}; thin: problems; thick: their mean; dashed: a step; crossed out: failed the gate", fontsize=8
    )
    return figure


def _relative(benches: Sequence[Bench], name: str) -> Mapping[str, list[float]]:
    """Of every problem that all versions have: the shifted metric over that of the first version."""
    metric = METRICS[name]
    found: dict[str, list[float]] = {}
    first = benches[0].runs
    for bench in benches:
        ratios: dict[str, list[float]] = {}
        for each in pair(first, bench.runs).pairs:
            old, new = (
                log_mean(metric, runs) if all(map(is_solved, runs)) else None for runs in (each.before, each.after)
            )
            if old is not None and new is not None:
                ratios.setdefault(each.unit, []).append(new - old)
        for unit, values in ratios.items():
            found.setdefault(unit, []).append(float(np.exp(np.mean(values))))
    return {unit: values for unit, values in found.items() if len(values) == len(benches)}


def _mark_failures(panel: Axes, series: Series) -> None:
    for place, bench in enumerate(series.benches):
        if not bench.counts:
            panel.axvspan(place - 0.35, place + 0.35, color=VERMILLION, alpha=0.15, lw=0)
            panel.text(
                place, 0.5, "×", color=VERMILLION, ha="center", va="center", transform=panel.get_xaxis_transform()
            )


def _name(series: Series, version: str) -> str:
    return next(bench.name for bench in series.counting.benches if bench.versions[series.package] == version)
