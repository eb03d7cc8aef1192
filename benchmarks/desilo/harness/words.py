"""What a run found, in words: the sentences and the Markdown page, made from the summary's figures alone."""

from __future__ import annotations

from math import fsum

from desilo.harness.describe import Table
from desilo.harness.experiment import CLAIRVOYANT, JOINT
from desilo.harness.report import BEST_SEQUENTIAL, Estimate, Row, Summary


def sentences(summary: Summary) -> tuple[str, ...]:
    """Leakage, interaction and what the joint plan does differently, in plain words made from the figures."""
    said = (_of_leakage(summary), _of_interaction(summary), _of_joint(summary), _of_difference(summary))
    return tuple(sentence for sentence in said if sentence)


def _of_leakage(summary: Summary) -> str:
    book = summary.booking
    if book is None:
        return ""
    claims = ", ".join(f"{name} {money(summary, value)}" for name, value in book.booked.items())
    total = fsum(book.booked.values())
    end = (
        f"{money(summary, book.leakage.mean)} leaks away between the functions"
        if book.leakage.mean > 0
        else f"{money(summary, -book.leakage.mean)} more than they booked"
    )
    return (
        f"Leakage: side by side the functions book {money(summary, total)} a window ({claims}); "
        f"{money(summary, book.realised)} comes in, {end}."
    )


def _of_interaction(summary: Summary) -> str:
    found = summary.interaction
    if found is None:
        return ""
    way = "more" if found.total.mean > 0 else "less"
    text = (
        f"Interaction: put together unconnected, the three gains come to "
        f"{money(summary, abs(found.total.mean))} {way} than their sum"
    )
    pairs = {name: value for name, value in found.dividends.items() if name.count("+") == 1}
    if pairs:
        strongest = max(pairs, key=lambda name: abs(pairs[name]))
        text += f", most of it between {strongest.replace('+', ' and ')} ({signed(summary, pairs[strongest])})"
    if found.joint_excess is not None:
        text += f"; deciding as one brings {signed(summary, found.joint_excess.mean)} over isolated"
    return text + "."


def _of_joint(summary: Summary) -> str:
    gain = next((gain for gain in summary.gains if gain.model == JOINT and gain.over == BEST_SEQUENTIAL), None)
    if gain is None:
        return ""
    sample = gain.in_sample
    inside = "" if sample is None else f" (in sample {interval(summary, sample.plan, sample.low, sample.high)})"
    realised = interval(summary, gain.realised.mean, gain.realised.low, gain.realised.high)
    if gain.realised.mean > 0:
        sure = "" if gain.realised.certain else "; the interval includes 0, so this is not established"
        return f"Joint earns {realised} a window more than the best sequential plan out of sample{inside}{sure}."
    where = (
        "at none of the tightness levels tried"
        if not summary.wins_at
        else "at tightness " + ", ".join(f"{level:g}" for level in summary.wins_at)
    )
    return (
        f"Joint does not beat the best sequential plan out of sample at the assumed limits: {realised} a window"
        f"{inside}; it does {where}."
    )


def _of_difference(summary: Summary) -> str:
    found = summary.difference
    if found is None:
        return ""
    joint, other = JOINT, BEST_SEQUENTIAL
    text = (
        f"Different in the joint plan, against the best sequential one: {found.promotions[joint]:.1f} instead of "
        f"{found.promotions[other]:.1f} promoted item-{summary.period_unit or 'period'}s a window"
    )
    changes = [
        f"{word} {', '.join(items)}"
        for word, items in (("more", found.more_promoted), ("less", found.less_promoted))
        if items
    ]
    if changes:
        text += f" ({'; '.join(changes)})"
    ordered = found.units_ordered[joint] / max(found.units_ordered[other], 1e-9) - 1
    stock = found.stock[joint] / max(found.stock[other], 1e-9) - 1
    return (
        f"{text}, prices at {found.price_index[joint]:.1%} instead of {found.price_index[other]:.1%} of today's, "
        f"{found.orders[joint]:.1f} instead of {found.orders[other]:.1f} order lines, {ordered:+.1%} units ordered "
        f"({found.first_half[joint]:.0%} instead of {found.first_half[other]:.0%} of them in the first half), "
        f"{stock:+.1%} stock."
    )


def money(summary: Summary, amount: float) -> str:
    """Money for people."""
    return f"{summary.currency} {amount:,.0f}".strip()


def signed(summary: Summary, amount: float) -> str:
    """A difference of money for people."""
    return f"{summary.currency} {amount:+,.0f}".strip()


def interval(summary: Summary, mean: float, low: float | None, high: float | None) -> str:
    """A difference of money with its interval."""
    ends = ("−∞" if low is None else f"{low:+,.0f}", "∞" if high is None else f"{high:+,.0f}")
    return f"{signed(summary, mean)} [{ends[0]}, {ends[1]}]"


def headline_table(summary: Summary) -> Table:
    """One row per operating model."""
    header = ("operating model", "profit", "gain", "margin", "forecast error", "stock", "fill", "gap", "seconds")
    rows = tuple(_headline(row) for row in summary.rows)
    window = f"{summary.horizon} {summary.period_unit}s"
    title = f"{summary.title}: {summary.currency} in {window}, mean of {len(summary.starts)} starts"
    return Table(title, header, rows, text_columns=1)


def _headline(row: Row) -> tuple[str, ...]:
    if row.profit is None:
        return (row.label, row.note, *[""] * 7)
    bound = "≤ " if row.model == CLAIRVOYANT else ""
    return (
        row.label,
        bound + _estimate(row.profit, ","),
        "" if row.gain is None else bound + _estimate(row.gain, "+,"),
        _share(row.margin, 1),
        _share(row.forecast_error, 0),
        "" if row.stock is None else f"{row.stock:,.0f}",
        _share(row.fill_rate, 1),
        _share(row.gap, 2),
        "" if row.seconds is None else f"{row.seconds:.1f}",
    )


def _estimate(found: Estimate, sign: str) -> str:
    if found.low is None or found.high is None:
        return f"{found.mean:{sign}.0f}"
    return f"{found.mean:{sign}.0f} [{found.low:{sign}.0f}, {found.high:{sign}.0f}]"


def _share(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}%}"


def to_markdown(summary: Summary) -> str:
    """The page."""
    parts = [f"# {summary.title}", *sentences(summary), headline_table(summary).to_markdown()]
    return "\n\n".join(parts) + "\n"
