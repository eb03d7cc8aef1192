"""The page that says what came of the claims, written from the records alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desilo.harness.claims.claim import GENERATED, Claim
from desilo.harness.claims.conduct import Conducted
from desilo.harness.claims.experiment import Scale
from desilo.harness.claims.figures import write_picture
from desilo.harness.claims.verdict import Found, Judged, judge
from desilo.harness.measure import Interval
from desilo.harness.records import write_text

PAGE, LIST, PICTURES = "README.md", "claims.json", "pictures"


@dataclass(frozen=True)
class Outcome:
    """Claims that were looked at.

    Attributes:
        conducted: the experiments.
        scale: how much of them.
        judged: one a claim.
        together: tests and controls that multiplicity is corrected over.
    """

    conducted: Conducted
    scale: Scale
    judged: tuple[Judged, ...]
    together: int


def look(claims: Sequence[Claim], conducted: Conducted, together: int) -> Outcome:
    """Judge claims by the records."""
    given: dict[str, Any] = dict(conducted.run.scale)
    scale = Scale(**given)
    judged = tuple(judge(claim, conducted.tables, scale, together) for claim in claims)
    return Outcome(conducted, scale, judged, together)


def write_answer(outcome: Outcome, folder: Path) -> None:
    """Write the page, its pictures and the list for programs."""
    for judged in outcome.judged:
        write_picture(judged, outcome.conducted.tables, folder / PICTURES / f"{judged.claim.id}.svg")
    write_text(json.dumps(detailed(outcome), indent=1) + "\n", folder / LIST)
    write_text(page(outcome), folder / PAGE)


def brief(outcome: Outcome) -> list[dict[str, object]]:
    """What programs read: a claim's verdict, and the figure of its first test with the judged interval's 95% one."""
    return [_brief(judged) for judged in outcome.judged]


def _brief(judged: Judged) -> dict[str, object]:
    first = judged.tests[0] if judged.tests else None
    shown = first.measured.shown if first else None
    return {
        "id": judged.claim.id,
        "verdict": judged.verdict.value,
        "estimate": _finite(shown.estimate) if shown else None,
        "low": _finite(shown.low) if shown else None,
        "high": _finite(shown.high) if shown else None,
        "unit": first.test.unit if first else None,
        "control_passed": judged.control_passed,
    }


def detailed(outcome: Outcome) -> list[dict[str, object]]:
    """The same with every test and control."""

    def told(found: Found) -> dict[str, object]:
        test, measured = found.test, found.measured
        return {
            "says": test.says,
            "experiment": test.experiment.name,
            "metric": test.metric.__name__,
            "domain": test.domain,
            "unit": test.unit,
            "region": str(test.region),
            "estimate": _finite(measured.shown.estimate),
            "low": _finite(measured.shown.low),
            "high": _finite(measured.shown.high),
            "judged_low": _finite(measured.judged.low),
            "judged_high": _finite(measured.judged.high),
            "judged_level": measured.judged.level,
            "clusters": measured.shown.clusters,
            "unknown": measured.unknown,
            "detectable": _finite(measured.detectable),
            "held": found.held,
        }

    return [
        _brief(judged)
        | {"tests": [told(found) for found in judged.tests], "controls": [told(found) for found in judged.controls]}
        for judged in outcome.judged
    ]


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def page(outcome: Outcome) -> str:
    """The page in Markdown."""
    parts = [
        "# What came of the claims",
        _table(outcome.judged),
        *(_section(judged) for judged in outcome.judged),
        _provenance(outcome),
    ]
    return "\n\n".join(parts) + "\n"


def _table(judged: Iterable[Judged]) -> str:
    header = ("claim", "the article says", "measured, 95% interval", "control", "verdict")
    rows = [
        (
            f"[{each.claim.id}](#{each.claim.id.lower()})",
            each.claim.statement,
            _measured(each.tests[0]) if each.tests else "",
            {True: "null", False: "**failed**", None: ""}[each.control_passed],
            f"**{each.verdict}**",
        )
        for each in judged
    ]
    return _markdown(header, rows)


def _section(judged: Judged) -> str:
    claim = judged.claim
    said = f"> {claim.quote}\n>\n> {claim.article.letter}, *{claim.article.title}*"
    header = (
        "",
        "would have to be so",
        "where",
        "region",
        "measured, 95% interval",
        "judged",
        "clusters",
        "detectable",
    )
    rows = [
        (
            {True: "holds", False: "does not hold"}[found.held]
            if found in judged.tests
            else {True: "null", False: "**not null**"}[found.held],
            found.test.says if found in judged.tests else f"control: {found.test.says}",
            "generated firms" if found.test.domain == GENERATED else found.test.domain,
            str(found.test.region),
            _measured(found),
            ends(found.measured.judged),
            str(found.measured.shown.clusters),
            figure(found.measured.detectable),
        )
        for found in (*judged.tests, *judged.controls)
    ]
    parts = [
        f"### {claim.id}",
        f"{claim.statement}: **{judged.verdict}**.",
        said,
        claim.reading,
        *([f"![{claim.id}]({PICTURES}/{claim.id}.svg)", _markdown(header, rows)] if rows else [claim.beyond]),
        f"Sources: {claim.sources}",
    ]
    return "\n\n".join(parts)


def _measured(found: Found) -> str:
    return f"{figure(found.measured.shown.estimate)} {found.test.unit} {ends(found.measured.shown)}"


def ends(interval: Interval) -> str:
    """The interval for people."""
    return f"[{figure(interval.low)}, {figure(interval.high)}]" if interval.known else "unknown"


def figure(value: float) -> str:
    """Three significant digits, for people."""
    if not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 6)}f}"


def _provenance(outcome: Outcome) -> str:
    run = outcome.conducted.run
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    scale = ", ".join(f"{name} {value}" for name, value in run.scale.items())
    rows = [(name, f"{count}", f"{run.seconds[name]:,.0f}") for name, count in run.trials.items()]
    return "\n\n".join(
        (
            "## Provenance",
            f"`{run.command}`, {scale}; {versions}; {', '.join(f'{k} {v}' for k, v in run.machine.items())}.",
            _markdown(("experiment", "trials", "seconds of work"), rows),
        )
    )


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
