"""The page of the library's standings: sizes, best known objectives and bounds, and how long solving takes."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from desilo.cases.folders import fresh_file
from desilo.cases.markdown import plain
from desilo.formulations.freedom import Formulation
from desilo.harness.plots import BLUE, GREEN, ORANGE, VERMILLION, write_svg
from desilo.harness.records import Record, read_record, write_record, write_text
from desilo.harness.solvers.library.entries import FAMILIES, Entry, entries
from desilo.harness.solvers.library.standings import SOLVED, Mark, Standing, read_standings
from desilo.harness.solvers.runs import RUNS, Ending, Run, read_runs
from desilo.solving import Size, translate

PAGE, SIZES, PICTURE = "README.md", "sizes.json", "times.svg"

FAMILY_COLOURS = dict(zip(FAMILIES, (BLUE, ORANGE, GREEN, VERMILLION), strict=True))


class EntrySizes(Record):
    """The programs of an entry, as the solver receives them."""

    digest: str  # of the problem
    programs: dict[Formulation, dict[str, int]]  # rows, columns, integers, nonzeros


class Sizes(Record):
    """Sizes by entry."""

    schema_version: Literal[1] = 1
    entries: dict[str, EntrySizes] = Field(default_factory=dict)


def write_page(folder: Path, runs: Path | None = None) -> tuple[str, ...]:
    """Write `README.md`, `sizes.json` and, where there are runs, `times.svg` into a folder of standings.

    Args:
        folder: the standings.
        runs: of a bench, kept in the folder; those kept there already if None.

    Returns:
        The files written.

    Raises:
        BadInput: standings or runs cannot be read.
    """
    kept = folder / RUNS
    if runs is not None:
        read_runs(runs)  # nothing is kept that cannot be read
        with fresh_file(kept) as fresh:
            shutil.copyfile(runs / RUNS if runs.is_dir() else runs, fresh)
    times = times_of(read_runs(kept)) if kept.exists() else {}
    sizes = _measured(folder)
    standings = read_standings(folder)
    known = {entry: standings.of(entry) for entry in entries().values()}
    write_text("\n".join(_page(known, sizes, times)) + "\n", folder / PAGE)
    if not times:
        return PAGE, SIZES
    write_svg(picture(times), folder / PICTURE)
    return PAGE, SIZES, PICTURE


def _measured(folder: Path) -> Sizes:
    """The sizes on record, those that are missing measured; kept after each, for the large ones take their time."""
    path = folder / SIZES
    sizes = read_record(Sizes, path) if path.exists() else Sizes()
    for entry in entries().values():
        if entry.name in sizes.entries and sizes.entries[entry.name].digest == entry.digest:
            continue
        anew = replace(entry)  # forgotten again: the large ones need not stay
        programs = {form: vars(size_of(anew, form)) for form in entry.formulations}
        found = EntrySizes(digest=entry.digest, programs=programs)
        sizes = Sizes(entries=sizes.entries | {entry.name: found})
        write_record(sizes, path)
    return sizes


def size_of(entry: Entry, formulation: Formulation) -> Size:
    """Of the program, as the solver receives it."""
    program = translate(entry.program_model(formulation))
    return Size(*program.matrix.shape, int(program.integer.sum()), int(program.matrix.nnz))


def times_of(runs: Iterable[Run]) -> dict[str, tuple[float, bool]]:
    """Seconds of the solver by entry, and whether it was done by then: the default HiGHS, tight, as written.

    The median of the runs that were done, or the limit of those that were not.
    """
    done: dict[str, list[float]] = {}
    stopped: dict[str, float] = {}
    for run in runs:
        setting = run.setting
        entry = entries().get(setting.problem)
        plain = (setting.solver, setting.preset, setting.permutation) == ("highs", "default", 0)
        if entry is None or entry.digest != setting.digest or not plain or setting.formulation != "tight":
            continue
        if run.ending is Ending.OPTIMAL:
            done.setdefault(entry.name, []).append(run.seconds["solve"])
        elif run.ending in {Ending.TIME_LIMIT, Ending.OVERTIME, Ending.OUT_OF_MEMORY}:
            stopped[entry.name] = max(setting.time_limit, stopped.get(entry.name, 0.0))
    return {name: (limit, False) for name, limit in stopped.items()} | {
        name: (float(np.median(seconds)), True) for name, seconds in done.items()
    }


def picture(times: Mapping[str, tuple[float, bool]]) -> Figure:
    """Solve times in order, coloured by family; open rings did not end within the limit."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    panel = figure.subplots()
    ranked = sorted(times, key=lambda name: (not times[name][1], times[name][0]))
    for family, colour in FAMILY_COLOURS.items():
        for done in (True, False):
            own = [k for k, name in enumerate(ranked) if entries()[name].family == family and times[name][1] is done]
            seconds = [times[ranked[k]][0] for k in own]
            face = colour if done else "none"
            panel.scatter(own, seconds, s=28, edgecolors=colour, facecolors=face, label=family if done else None)
    panel.set_yscale("log")
    panel.set_ylabel("seconds of the solver")
    panel.set_xlabel("entries, from the soonest solved on; rings: not solved within the limit")
    panel.set_xticks([])
    panel.grid(axis="y", alpha=0.3)
    panel.legend(frameon=False)
    return figure


# ---- text


def _page(known: Mapping[Entry, Standing], sizes: Sizes, times: Mapping[str, tuple[float, bool]]) -> Iterable[str]:
    notes: dict[str, int] = {}
    solved = sum(standing.gap <= SOLVED for standing in known.values())
    bare = sum(standing.best is None for standing in known.values())
    yield "# The instance library: best known"
    yield ""
    yield "Written by `desilo library publish`; every figure is in `standings.json`, `sizes.json` and `runs.jsonl`."
    yield "`desilo library verify` makes every problem again and checks every solution. To enter a better one:"
    yield "`desilo library submit NAME solution.json --by WHO`."
    yield ""
    yield (
        f"{len(known)} problems: {solved} solved to {SOLVED:.2%}, {len(known) - solved} open, "
        f"{bare} of them without a solution yet. Money; pricing, inventory and joint problems are maximised, "
        "demand problems minimise the loss (E0) of an estimate."
    )
    if times:
        yield ""
        yield from _spread(times)
    for family, meaning in FAMILIES.items():
        yield ""
        yield f"## {family.capitalize()}: {meaning}"
        yield ""
        yield (
            "| entry | | rows x columns (integers), nonzeros: tight | plain | best known | bound | gap, % | seconds |"
        )
        yield "|---|---|---|---|---:|---:|---:|---:|"
        for entry, standing in known.items():
            if entry.family == family:
                yield _row(entry, standing, sizes, times, notes)
    yield ""
    yield "## Who, when, how"
    yield ""
    for note, number in notes.items():
        yield f"{number}. {note}"


def _spread(times: Mapping[str, tuple[float, bool]]) -> Iterable[str]:
    done = sorted(seconds for seconds, ended in times.values() if ended)
    stopped = len(times) - len(done)
    if done:
        orders = math.log10(done[-1] / done[0])
        yield (
            f"HiGHS as it is solves {len(done)} of the {len(times)} that were tried, in {done[0]:.3g} s to "
            f"{done[-1]:.3g} s: {orders:.1f} orders of magnitude; {stopped} are not solved within the limit."
        )
        yield ""
    yield f"![Solve times]({PICTURE})"


def _row(
    entry: Entry,
    standing: Standing,
    sizes: Sizes,
    times: Mapping[str, tuple[float, bool]],
    notes: dict[str, int],
) -> str:
    programs = sizes.entries[entry.name].programs
    shown = [_size(programs[form]) if form in programs else "" for form in (Formulation.TIGHT, Formulation.PLAIN)]
    gap = f"{100 * standing.gap:.3f}" if math.isfinite(standing.gap) else "open"
    seconds, ended = times.get(entry.name, (math.nan, True))
    time = "" if math.isnan(seconds) else f"{seconds:.3g}" if ended else f"> {seconds:g}"
    cells = [
        f"`{entry.name}`",
        ", ".join(sorted(entry.tags)),
        *shown,
        _mark(standing.best, notes),
        _mark(standing.bound, notes),
        gap,
        time,
    ]
    return f"| {' | '.join(cells)} |"


def _size(size: Mapping[str, int]) -> str:
    return f"{size['rows']:,} x {size['columns']:,} ({size['integers']:,}), {size['nonzeros']:,}"


def _mark(mark: Mark | None, notes: dict[str, int]) -> str:
    """A figure with the number of the note that says where it comes from."""
    if mark is None:
        return "none"
    number = notes.setdefault(plain(f"{mark.who}, {mark.when}: {mark.how or 'not told'}"), len(notes) + 1)
    return f"{mark.value:,.4f} [{number}]"
