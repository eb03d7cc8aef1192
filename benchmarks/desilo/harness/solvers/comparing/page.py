"""What a comparison found, in words: for the terminal and for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from desilo.cases.markdown import plain
from desilo.harness.solvers.comparing.compare import Change, Comparison, Verdict
from desilo.harness.solvers.comparing.metrics import METRICS, Kind
from desilo.harness.solvers.comparing.noise import Noise

SHOWN = 10
"""Things of one kind that are written out; the others are counted."""

HEADER = ("metric", "before", "after", "ratio, interval", "")


def headline(found: Comparison) -> str:
    """The verdict and its reason in one sentence."""
    over = f"{found.problems} problem{'s' * (found.problems != 1)}, {found.pairs} pairs of runs"
    match found.verdict:
        case Verdict.WRONG:
            wrong = len(found.matters)
            return f"WRONG: {wrong} run{'s' * (wrong != 1)} with a wrong answer or a new failure ({over})"
        case Verdict.NO_DIFFERENCE if found.identical:
            return f"no difference: identical work and endings ({over})"
        case Verdict.NO_DIFFERENCE if found.pairs == 1:
            return f"no verdict on work: one pair of runs does not tell a change from luck ({over})"
        case Verdict.NO_DIFFERENCE:
            return f"no difference that noise could not make ({over})"
        case _:
            reasons = [
                _reason(change) for change in found.changes if change.decides and change.verdict is found.verdict
            ]
            if found.solved.verdict is found.verdict:
                reasons.append(f"{len(found.solved.lost)} problems solved less often, {len(found.solved.gained)} more")
            word = "REGRESSION" if found.verdict is Verdict.REGRESSION else "improvement"
            return f"{word}: {', '.join(reasons)} ({over})"


def _reason(change: Change) -> str:
    if change.kind.exact:
        return f"{change.metric} {_percent(change.ratio)}, {change.larger} problems larger, {change.smaller} smaller"
    return f"{change.metric} {_percent(change.ratio)}"


def rows(found: Comparison) -> list[tuple[str, str, str, str, str]]:
    """The table: what decides, then what stands beside it, but for sizes and parts of the work that are the same."""
    old, new = found.before.totals, found.after.totals
    deciding = [_row(change) for change in found.changes if change.decides]
    beside = [
        _row(change)
        for change in found.changes
        if not change.decides and (change.kind is Kind.CLOCK or change.larger or change.smaller)
    ]
    solved = found.solved.verdict
    return [
        ("solved", f"{old.solved}/{old.runs}", f"{new.solved}/{new.runs}", "", _word(solved)),
        ("wrong", f"{old.wrong}", f"{new.wrong}", "", "WRONG" if new.wrong else ""),
        ("failed", f"{old.failed}", f"{new.failed}", "", ""),
        *deciding,
        ("beside:", "", "", "", ""),
        *beside,
        ("seconds, shift 10 s", f"{old.seconds_10:.4g}", f"{new.seconds_10:.4g}", "", ""),
        ("PAR10, s", f"{old.par10:.4g}", f"{new.par10:.4g}", "", ""),
        ("gap at limit", _share(old.gap_at_limit), _share(new.gap_at_limit), "", ""),
        ("peak memory, MB", _number(old.peak_memory), _number(new.peak_memory), "", ""),
    ]


def _row(change: Change) -> tuple[str, str, str, str, str]:
    metric = METRICS[change.metric]
    name = f"{change.metric}, shift {metric.shift:g} {metric.unit}" if change.kind is Kind.CLOCK else change.metric
    return name, _number(change.before), _number(change.after), _interval(change), _word(change.verdict, change.decides)


def _word(verdict: Verdict, decides: bool = True) -> str:
    word = {Verdict.REGRESSION: "worse", Verdict.IMPROVEMENT: "better", Verdict.NO_DIFFERENCE: "same"}[verdict]
    return word.upper() if decides and verdict is Verdict.REGRESSION else word


def remarks(found: Comparison) -> list[str]:
    """What a reader must know besides the table."""
    said = [f"wrong: {matter.unit}: {matter.what}" for matter in found.matters[:SHOWN]]
    if len(found.matters) > SHOWN:
        said.append(f"and {len(found.matters) - SHOWN} more")
    if found.mended:
        said.append(f"{len(found.mended)} runs before were wrong: {found.mended[0].unit}: {found.mended[0].what}")
    for side, alone in (("before", found.only_before), ("after", found.only_after)):
        if alone:
            shown = "; ".join(alone[:3]) + ("; ..." if len(alone) > 3 else "")
            said.append(f"{len(alone)} settings only {side}: {shown}")
    if len({*found.before.machines, *found.after.machines}) > 1:
        said.append("several machines: the clock is not to be compared")
    return said


def versions(found: Comparison) -> list[str]:
    """Versions that differ, and the sides by name."""
    old, new = found.before.versions, found.after.versions
    return [
        f"{name} {_versions(old.get(name, ()))} -> {_versions(new.get(name, ()))}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def method(found: Comparison) -> str:
    """How the verdict is reached."""
    return (
        f"Means are shifted geometric ones over pairs; ratios are over problems, with {found.level:.1%} intervals "
        f"(paired bootstrap and Student, Bonferroni). It is a regression when a whole interval lies above "
        f"{1 + found.margin:g}."
    )


def noise_lines(noises: Sequence[Noise]) -> list[str]:
    """The noise of each metric by its source."""
    return [
        f"noise of {noise.metric} {noise.side}: "
        + (
            f"machine {_noise(noise.machine)}, seeds and permutations {_noise(noise.path)}"
            if noise.machine is not None
            else f"{_noise(noise.path)}, machine, seeds and permutations together (no run was repeated)"
        )
        for noise in noises
        if noise.path is not None or noise.machine is not None
    ]


def to_markdown(found: Comparison, noises: Sequence[Noise]) -> str:
    """A comment for a pull request: the verdict, the table, the rest folded."""
    sign = {Verdict.WRONG: "❌", Verdict.REGRESSION: "❌", Verdict.IMPROVEMENT: "✅", Verdict.NO_DIFFERENCE: "✅"}
    parts = [
        f"**{sign[found.verdict]} {plain(headline(found))}**",
        "\n".join(f"- {plain(remark)}" for remark in remarks(found)),
        _table(HEADER, rows(found)),
        "<details><summary>Versions, noise, problems, method</summary>",
        "\n".join(f"- {plain(line)}" for line in [*versions(found), *noise_lines(noises)]),
        "\n".join(_problems(found)),
        method(found),
        "</details>",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _problems(found: Comparison) -> Iterable[str]:
    for word, names in (("less", found.solved.lost), ("more", found.solved.gained)):
        if names:
            yield f"- solved {word} often: {plain(', '.join(names))}"
    for word, side in (("before", found.only_before), ("after", found.only_after)):
        for name in side:
            yield f"- only {word}: {plain(name)}"


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    ruled = ["|" + "|".join(header) + "|", "|---|---:|---:|---|---|"]
    return "\n".join([*ruled, *("|" + "|".join(plain(cell) for cell in line) + "|" for line in lines)])


def _interval(change: Change) -> str:
    if change.ratio is None:
        return ""
    if change.low is None or change.high is None:
        return f"{change.ratio:.3f}, one pair"
    if change.low == change.high:
        return f"{change.ratio:.3f}, exact" if change.ratio != 1 else "1"
    return f"{change.ratio:.3f} [{change.low:.3f}, {change.high:.3f}]"


def _percent(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{ratio - 1:+.1%}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _noise(deviation: float | None) -> str:
    return "unknown" if deviation is None else f"±{deviation:.1%}"


def _versions(found: Sequence[str]) -> str:
    return ", ".join(version[:12] for version in found) or "none"
