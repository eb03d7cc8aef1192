"""What there is to explore: a run with its plans, the first problem of a case, or an instance by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import quoted
from desilo.cases.instance import Instance
from desilo.cases.opening import bundled_cases
from desilo.cases.plan import Plan
from desilo.cases.reading import read_instance
from desilo.harness.experiment import Settings, prepare, prepare_case, settings_of, starts_of
from desilo.harness.html.evidence import read_windows
from desilo.harness.html.page import Page
from desilo.harness.report import summarise
from desilo.harness.run import RUN, load
from desilo.operating.decision import Pictures


@dataclass(frozen=True)
class Problems:
    """One planning problem that can be explored.

    Attributes:
        start: calendar period of its first one.
        pictures: what is believed of demand.
        nature: what plans are scored on besides; None where nobody knows more than the planner.
        plans: a run's own, by operating model.
    """

    start: int
    pictures: Pictures
    nature: Instance | None
    plans: Mapping[str, Plan]

    @property
    def instance(self) -> Instance:
        """The problem as planners have it."""
        return self.pictures.estimated


@dataclass(frozen=True)
class Explored:
    """All that is explored.

    Attributes:
        title: for people.
        problems: at least one.
        report: of the run; None if it is none.
    """

    title: str
    problems: tuple[Problems, ...]
    report: Page | None


def open_explored(name: str, quick: bool = False) -> Explored:
    """A run's folder, an instance's, a case's, or a bundled case by its name.

    Args:
        name: as given by the user.
        quick: of a case: its middle price zone alone, as in a quick run.

    Raises:
        BadInput: there is no such thing, or it cannot be read.
    """
    folder = Path(name)
    if name not in bundled_cases() and folder.is_dir():
        if (folder / RUN).exists():
            return _run(folder)
        if (folder / "instance.toml").exists():
            instance = read_instance(folder)
            alone = Problems(1, Pictures.same(instance), None, {})
            return Explored(instance.title or instance.name, (alone,), None)
        if not (folder / "case.toml").exists():
            raise BadInput([Problem(name, f"holds neither {RUN} of a run, nor case.toml, nor instance.toml")])
    elif name not in bundled_cases():
        known = quoted(bundled_cases())
        raise BadInput([Problem(name, f"neither a folder nor a bundled case; bundled are {known}")])
    return _case(replace(settings_of(name, quick, 1, None, 1), starts=1, tightness=(1.0,)))


def _run(folder: Path) -> Explored:
    finished = load(folder)
    summary = summarise(finished)
    windows = read_windows(finished, summary, folder)
    if not windows:
        message = "holds no plans and instances; a published run keeps its figures only: run it again to explore it"
        raise BadInput([Problem(str(folder), message)])
    problems = tuple(
        Problems(w.start, Pictures(w.pictures["yesterday"], w.pictures["estimated"]), w.pictures["nature"], w.plans)
        for w in windows
    )
    return Explored(summary.title, problems, Page(summary, finished.record, windows, finished.cells))


def _case(settings: Settings) -> Explored:
    case = prepare_case(settings)
    (start,) = starts_of(case, settings)
    found = prepare(case, start, settings)[1.0]
    return Explored(case.title, (Problems(start, found.pictures, found.nature, {}),), None)
