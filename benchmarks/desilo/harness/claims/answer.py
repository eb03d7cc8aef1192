"""The page that says what came of the claims: written from the records, every sentence chosen by what was found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desilo.harness.claims.bridge import JOINT, PRICING, Published
from desilo.harness.claims.claim import GENERATED, Claim, Control, Test
from desilo.harness.claims.conduct import Conducted
from desilo.harness.claims.effects import effects
from desilo.harness.claims.experiment import Experiment, Scale
from desilo.harness.claims.experiments import wirings
from desilo.harness.claims.figures import write_picture
from desilo.harness.claims.register import AFTER_A_FIRST_LOOK
from desilo.harness.claims.statistics import LEAST_CLUSTERS, LEVEL, MOST_UNKNOWN, POWER, clusters_needed, corrected
from desilo.harness.claims.verdict import Found, Judged, Seen, Verdict, judge
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
        together: tests that multiplicity is corrected over.
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
    """What programs read: a claim's verdict, and the mean of its first test with its 95% interval."""
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
        "unit": first.figure.unit if first else None,
        "control_passed": judged.control_passed,
    }


def detailed(outcome: Outcome) -> list[dict[str, object]]:
    """The same with every test and control."""

    def told(seen: Seen) -> dict[str, object]:
        figure, measured = seen.figure, seen.measured
        return {
            "says": figure.says,
            "experiment": figure.experiment.name,
            "metric": (figure.metric.__doc__ or figure.metric.__name__).strip().splitlines()[0],
            "domain": figure.domain,
            "unit": figure.unit,
            "estimate": _finite(measured.shown.estimate),
            "low": _finite(measured.shown.low),
            "high": _finite(measured.shown.high),
            "judged_low": _finite(measured.judged.low),
            "judged_high": _finite(measured.judged.high),
            "judged_level": measured.judged.level,
            "clusters": measured.shown.clusters,
            "unknown": measured.unknown,
            "detectable": _finite(measured.detectable),
        }

    def judged_by(found: Found) -> dict[str, object]:
        return told(found) | {"region": str(found.figure.region), "held": found.held}

    return [
        _brief(judged)
        | {
            "tests": [judged_by(found) for found in judged.tests],
            "controls": [judged_by(found) for found in judged.controls],
            "beside": [told(seen) for seen in judged.beside],
        }
        for judged in outcome.judged
    ]


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def page(outcome: Outcome) -> str:
    """The page in Markdown."""
    parts = [
        "# Does connected optimization compound value?",
        "Written by `desilo claims` from the records beside it; no figure and no verdict is typed in. What would show "
        "each claim, and what must come out null for the showing to count, is written down in "
        "`benchmarks/desilo/harness/claims/register.py`: before the experiments were run, but for what "
        "[provenance](#experiments-and-provenance) tells.",
        *warnings(outcome),
        "## The answer on one page",
        *_answer(outcome.judged),
        *_effects(outcome),
        "## The claims",
        _table(outcome.judged),
        *(_section(judged) for judged in outcome.judged),
        "## What others have published",
        *_bridge(outcome.judged),
        "## Statistics",
        _statistics(outcome),
        "## Experiments and provenance",
        _provenance(outcome),
    ]
    return "\n\n".join(parts) + "\n"


def warnings(outcome: Outcome) -> list[str]:
    """What a reader must know first."""
    said = []
    if outcome.scale.coupling == 0:
        said.append(
            "**A null world is planted: in no firm does one decision touch another. Claims about coupling must come "
            "out “not reproduced” here.**"
        )
    elif outcome.scale.coupling != 1:
        said.append(f"**Every firm's coupling is {outcome.scale.coupling:g} instead of 1.**")
    every = [found for judged in outcome.judged for found in judged.tests]
    if few := sum(_few(found) for found in every):
        said.append(
            f"**Fewer than {LEAST_CLUSTERS} clusters stand behind {few} of {len(every)} tests: this run shows that "
            "everything works, but it is too small to judge by. What is not established here may well be in the full "
            "run.**"
        )
    void = [judged.claim.id for judged in outcome.judged if judged.verdict is Verdict.VOID]
    if void:
        said.append(f"**A control did not come out null: the verdicts on {listed(void)} are void.**")
    return said


CHAPTERS: Mapping[str, tuple[str, ...]] = {
    "Does it compound?": ("A5", "A4", "A9", "B4"),
    "When?": ("A8", "B3", "B2", "C1", "A10"),
    "How much?": ("A6", "A1", "A2", "A3"),
    "What does it take of an organisation?": ("A7", "A11", "C2", "B1"),
}
"""The questions of the answer, and the claims that speak to each, the one that decides first."""

LEADS: Mapping[str, Mapping[Verdict, str]] = {
    "A5": {
        Verdict.REPRODUCED: "Yes: connected, decisions earn more than the sum of what each earns alone.",
        Verdict.PARTLY: "In part: not every way of connecting, or not every case, earns more than the sum of the "
        "parts.",
        Verdict.NOT_REPRODUCED: "No: connected decisions were not shown to earn more than the sum of the parts.",
    },
    "A8": {
        Verdict.REPRODUCED: "More where decisions touch each other, and more the more often they are made; where "
        "nothing touches, connecting brings nothing.",
        Verdict.PARTLY: "The condition that the article names holds in part.",
        Verdict.NOT_REPRODUCED: "The condition that the article names was not found.",
    },
    "A6": {
        Verdict.REPRODUCED: "The wiring moves more money than a better model in one of the boxes.",
        Verdict.PARTLY: "The wiring moves money, but it is not all there is: a better model in one of the boxes "
        "counts too.",
        Verdict.NOT_REPRODUCED: "The wiring was not shown to move more money than the models in the boxes.",
    },
    "A7": {
        Verdict.REPRODUCED: "No central function: limits and prices, agreed beforehand, carry most of the gain; but "
        "what teams tell each other for it is counted below, and it is much.",
        Verdict.PARTLY: "Agreed limits and prices carry a part of what a central decision would gain.",
        Verdict.NOT_REPRODUCED: "Agreed limits and prices were not shown to do what a central decision does.",
    },
}
"""How a chapter begins, by the verdict on its first claim."""


def _answer(judged: Sequence[Judged]) -> list[str]:
    by_id = {each.claim.id: each for each in judged}
    parts = []
    for question, ids in CHAPTERS.items():
        found = [by_id[id] for id in ids if id in by_id]
        if not found:
            continue
        lead = LEADS.get(found[0].claim.id, {}).get(found[0].verdict, "")
        sentences = [f"- {_in_words(each)}" for each in found]
        parts.append("\n\n".join(part for part in (f"**{question}** {lead}".rstrip(), "\n".join(sentences)) if part))
    return [*parts, *_conditions(judged)]


def _in_words(judged: Judged) -> str:
    """A claim's outcome in a sentence or two."""
    first = judged.tests[0] if judged.tests else None
    ref = f"[{judged.claim.id}](#{judged.claim.id.lower()})"
    if first is None:
        return f"{ref}: outside what this suite can test. {judged.claim.beyond}"
    if judged.verdict is Verdict.VOID:
        return f"{ref}: a control did not come out null, so nothing can be said."
    held = [found for found in judged.tests if found.held]
    missed = [found for found in judged.tests if not found.held]
    said = [sentence(first)]
    if judged.verdict is Verdict.PARTLY:
        rest = missed if first.held else held
        said.append(("But: " if first.held else "Yet: ") + lower(sentence(rest[0])))
    return f"{ref}, {judged.verdict}: {' '.join(said)}"


def sentence(found: Found) -> str:
    """What a test found."""
    figures = f"{measured(found)}{_where(found)}"
    if found.held:
        return f"{upper(found.figure.says)}: {figures}."
    if not found.judged.known:
        return f"It is unknown whether {found.figure.says}: too few figures."
    if _contrary(found):
        return f"It is not so that {found.figure.says}: {figures}."
    return f"It is not established that {found.figure.says}: {figures}."


def _effects(outcome: Outcome) -> list[str]:
    """What connecting earns, in money and per cent."""
    name = wirings.EXPERIMENT.name
    if name not in outcome.conducted.tables:
        return []
    records = outcome.conducted.tables[name]
    found = effects(records[records["coupling"] == 1], int(outcome.scale.seed))
    rows = [
        (
            f"**{effect.model}** over {effect.over}",
            f"{figure(effect.money.estimate)} {ends(effect.money)}",
            f"{figure(effect.percent.estimate)}% {ends(effect.percent)}",
        )
        for effect in found
    ]
    return [
        "**In money and per cent** (generated firms, realised on demand that no planner saw, 95% intervals; money is "
        "that of a firm over its horizon, per cent is of the baseline's profit):",
        markdown(("", "money", "per cent"), rows),
    ]


def _conditions(judged: Iterable[Judged]) -> list[str]:
    """Where the articles are wrong or right only on conditions."""
    rows = []
    for each in judged:
        if each.verdict in (Verdict.PARTLY, Verdict.NOT_REPRODUCED):
            missed = "; ".join(
                f"{lower(found.figure.says)}? {measured(found)}{_where(found)}, {_shortfall(found)}"
                for found in each.tests
                if not found.held
            )
            rows.append(
                f"- [{each.claim.id}](#{each.claim.id.lower()}) “{each.claim.quote}”, **{each.verdict}**: {missed}."
            )
    question = "**Where are the articles wrong, or right only on conditions?**"
    return [f"{question}\n\n" + "\n".join(rows) if rows else f"{question} Nowhere among the claims that were judged."]


def _where(seen: Seen) -> str:
    return "" if seen.figure.domain == GENERATED else f" on the {seen.figure.domain} case"


def _shortfall(found: Found) -> str:
    """Why a test does not hold."""
    interval, region = found.judged, found.figure.region
    if not interval.known:
        return "unknown"
    if _contrary(found):
        return f"not {region}"
    return f"not established to be {region}"


def _contrary(found: Found) -> bool:
    """Whether the interval lies wholly outside the region, or is nothing where something was expected."""
    interval, region = found.judged, found.figure.region
    outside = interval.high < region.low or interval.low > region.high
    return outside or (0 in (region.low, region.high) and interval.low == interval.high == 0)


def _table(judged: Iterable[Judged]) -> str:
    header = ("claim", "the article says", "measured, 95% interval", "control", "verdict")
    rows = [
        (
            f"[{each.claim.id}](#{each.claim.id.lower()})",
            each.claim.statement,
            f"{each.tests[0].figure.says}: {measured(each.tests[0])}" if each.tests else "",
            {True: "null", False: "**failed**", None: ""}[each.control_passed],
            f"**{each.verdict}**",
        )
        for each in judged
    ]
    return markdown(header, rows)


def _section(judged: Judged) -> str:
    claim = judged.claim
    header = ("", "would have to be so", "where", "region", "measured, 95% interval", "judged interval", "n", "power")
    rows = [
        (
            _state(seen),
            f"control: {seen.figure.says}" if isinstance(seen.figure, Control) else seen.figure.says,
            "generated firms" if seen.figure.domain == GENERATED else seen.figure.domain,
            str(seen.figure.region) if isinstance(seen.figure, Test) else "",
            measured(seen),
            ends(seen.judged) if isinstance(seen, Found) else "",
            clusters(seen),
            figure(seen.measured.detectable) if isinstance(seen, Found) else "",
        )
        for seen in (*judged.tests, *judged.controls, *judged.beside)
    ]
    parts = [
        f"### {claim.id}",
        f"{upper(claim.statement)}: **{judged.verdict}**.",
        f"> “{claim.quote}” ({claim.article.letter}, *{claim.article.title}*)",
        claim.reading,
        *([f"![{claim.id}]({PICTURES}/{claim.id}.svg)", markdown(header, rows)] if rows else [claim.beyond]),
        f"Where the figures come from: {claim.sources}",
    ]
    return "\n\n".join(parts)


def _state(seen: Seen) -> str:
    if not isinstance(seen, Found):
        return "beside"
    if isinstance(seen.figure, Control):
        return "null" if seen.held else "**not null**"
    return "holds" if seen.held else "does not hold"


def clusters(seen: Seen) -> str:
    """How many, and how many of them have no value."""
    unknown = f", {seen.measured.unknown} unknown" if seen.measured.unknown else ""
    return f"{seen.measured.shown.clusters}{unknown}"


def measured(seen: Seen) -> str:
    """The mean and its 95% interval."""
    space = "" if seen.figure.unit.startswith("%") else " "
    return f"{figure(seen.measured.shown.estimate)}{space}{seen.figure.unit} {ends(seen.measured.shown)}"


def ends(interval: Interval) -> str:
    """The interval for people."""
    return f"[{figure(interval.low)}, {figure(interval.high)}]" if interval.known else "(interval unknown)"


def figure(value: float) -> str:
    """Three significant digits, for people."""
    if not math.isfinite(value):
        return "unknown"
    if abs(value) < 5e-7:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 6)}f}".replace("-", "−")


def listed(words: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])


def upper(text: str) -> str:
    """With a capital."""
    return text[:1].upper() + text[1:]


def lower(text: str) -> str:
    """Without."""
    return text[:1].lower() + text[1:]


def _bridge(judged: Sequence[Judged]) -> list[str]:
    by_id = {each.claim.id: each for each in judged}

    def ours(id: str, says: Sequence[str]) -> str:
        """What was measured here, of a claim's figures that say so, once each."""
        every = (*by_id[id].tests, *by_id[id].beside) if id in by_id else ()
        found = {
            f"{seen.figure.says}{_where(seen) or ' by generated firms'}: {measured(seen)}": None
            for seen in every
            if seen.figure.says in says
        }
        return f"Measured here: {'; '.join(found)}." if found else ""

    def told(published: Iterable[Published]) -> str:
        rows = [(f"[{each.who}]({each.link}), {each.where}", each.stated, each.differs) for each in published]
        return markdown(("source", "what it states", "why it is not the same as here"), rows)

    return [
        "Only what a source states on the page linked; the figures of others are not in the records.",
        "**Pricing in this chain.** "
        + ours("A1", ("pricing alone realises more margin", "profit of pricing alone", "margin of pricing alone")),
        told(PRICING),
        "**Pricing and ordering together.** "
        + ours("A6", ("connecting the same blocks earns more", "deciding as one over isolated")),
        told(JOINT),
    ]


def _statistics(outcome: Outcome) -> str:
    every = [found for judged in outcome.judged for found in (*judged.tests, *judged.controls)]
    few = {judged.claim.id for judged in outcome.judged for found in judged.tests if _few(found)}
    counts = [found.measured.shown.clusters for found in every] or [0]
    half, most = (clusters_needed(effect, outcome.together) for effect in (0.5, 0.8))
    said = [
        f"- **Intervals** are {LEVEL:.0%}, from a bootstrap (BCa) over clusters: generated firms, or windows of a real "
        "case. All that is compared is compared on the same cluster with the same random numbers. Behind the "
        f"intervals stand {min(counts)} to {max(counts)} clusters. Zones of the orange-juice case count as clusters of "
        "their own although they share their weeks, so that its intervals are somewhat too narrow.",
        f"- **Multiplicity**: {outcome.together} tests are judged together, each by a wider interval at the level "
        f"{corrected(outcome.together):.3%} (Bonferroni), so that the chance that any of them misses its mean is at "
        f"most {1 - LEVEL:.0%}. The judged interval is the hull of the bootstrap's and Student's. A control must lie "
        "within its tolerance with its 95% interval.",
        f"- **Power**: the column says how far a mean must lie from a bound to be told from it in {POWER:.0%} of all "
        "samples, in the unit of the figure: (z(1 − a/2) + z(80%)) × deviation / √n, a that of the judged level. Half "
        f"a standard deviation between clusters takes {half} clusters, four fifths of one {most}: experiments have at "
        f"least {LEAST_CLUSTERS} in the full run, and more where a trial takes little.",
        f"- **Unknown figures**: clusters without a value are left out and counted; above {MOST_UNKNOWN:.0%} of them "
        "there is no interval, and what has no interval holds nothing.",
        f"- **Unfinished search**: {_stopped(outcome.conducted)}.",
    ]
    if few:
        said.append(f"- **Fewer than {LEAST_CLUSTERS} clusters** stand behind some tests of {listed(sorted(few))}.")
    return "\n".join(said)


def _few(found: Found) -> bool:
    return found.measured.shown.clusters < LEAST_CLUSTERS


def _stopped(conducted: Conducted) -> str:
    """In how many trials a decision is not known to be as good as asked."""
    cut = {}
    for name, table in conducted.tables.items():
        columns = [column for column in table.columns if column.split(": ")[-1] == "stopped"]
        cut[name] = (int((table[columns] > 0).any(axis=1).sum()), len(table))
    said = [f"{short} of {total} trials of `{name}`" for name, (short, total) in cut.items() if short]
    if not said:
        return "every decision ended with a proof to its gap"
    return f"a decision ended without a proof, or a team found no plan within its part, in {listed(said)}"


def _provenance(outcome: Outcome) -> str:
    run = outcome.conducted.run
    experiments: dict[str, Experiment] = {
        found.figure.experiment.name: found.figure.experiment
        for judged in outcome.judged
        for found in (*judged.tests, *judged.controls)
    }
    rows = [
        (
            f"[{name}](records/{name}.csv)",
            experiments[name].question if name in experiments else "",
            experiments[name].method if name in experiments else "",
            f"{count:,}",
            f"{run.seconds[name]:,.0f}",
        )
        for name, count in run.trials.items()
    ]
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    scale = ", ".join(f"{name} {value}" for name, value in run.scale.items())
    return "\n\n".join(
        (
            f"`{run.command}` makes all of it anew. Scale and seeds: {scale}. {upper(versions)}; "
            f"{run.machine['system']} on {run.machine['cores']} cores. SHA-256 of sources and data: `run.json`.",
            markdown(("experiment", "question", "method", "trials", "seconds of work"), rows),
            "**What we were free to choose**: the recipe of the generated firms, which was changed once before any "
            "claim was looked at, because prices always rose to the top of the ladder and no limit bound (`world.py` "
            "says how; planners there know the season and how substitutes gain from each other exactly); the readings "
            "of the articles' words and the bounds they needed; the assumed operating figures of the real cases.",
            f"**What was changed after a first look**: {lower(AFTER_A_FIRST_LOOK)}",
        )
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |" for cells in lines)
