"""What a run found, in words: sentences, tables and the Markdown page, made from the summary's figures alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from desilo.cases.markdown import plain
from desilo.harness.describe import Table
from desilo.harness.experiment import CLAIRVOYANT, COORDINATED, JOINT
from desilo.harness.measure import FEW_CLUSTERS
from desilo.harness.report import BEST_SEQUENTIAL, CHANGED, Captured, Difference, Estimate, Gain, Row, Summary
from desilo.operating.decision import Strength

Stacked = tuple[tuple[str, str], ...]
"""The cells of a row, each a figure and what stands under it."""


def finding(summary: Summary) -> str:
    """What came of connecting, realised beside in sample, in one sentence."""
    gain = find(summary, JOINT, BEST_SEQUENTIAL)
    if gain is None:
        return "A joint plan or a sequential one to compare it with is missing: give the run more time."
    realised = f"{_signed(summary, gain.realised.mean)} a window {_range(gain.realised)}, {gain.percent:+.1f}%"
    sample = ""
    if gain.in_sample is not None:
        ends = _ends(gain.in_sample.low, gain.in_sample.high)
        sample = f" In sample it is {_signed(summary, gain.in_sample.plan)}; the solver's gaps leave {ends}."
    if gain.earns_more:
        sure = "" if gain.realised.certain else ", not established: the interval includes 0"
        return f"Joint earns more than the best sequential plan out of sample: {realised}{sure}.{sample}"
    return (
        f"Joint does not beat the best sequential plan out of sample at the assumed limits: {realised}.{sample} "
        f"Out of sample it beats the sequential plan {wins(summary)}."
    )


def terms(summary: Summary) -> str:
    """What the sentences speak of, for those who read nothing else."""
    unit = summary.period_unit or "period"
    return (
        "Joint: pricing, demand and inventory decided as one; isolated: each by itself; sequential: one hands its plan "
        "on to the next (D>P>I: demand, then pricing, then inventory); coordinated: teams plan apart under agreed "
        f"limits and transfer prices. A window is {summary.horizon} {unit}s. Out of sample, or realised: on demand "
        "that no planner has seen; in sample: as the planners expect it. What the solver's gaps leave: where the gain "
        "lies if every search went on to its end."
    )


def wins(summary: Summary) -> str:
    """Where joint beats sequential out of sample."""
    if not summary.wins_at:
        return "at none of the tightness levels tried"
    where = ", ".join(f"{level:g}" for level in summary.wins_at)
    every = "every tightness tried:" if len(summary.wins_at) == len(summary.tightness) > 1 else "tightness"
    return f"at {every} {where}"


def sentences(summary: Summary) -> tuple[str, ...]:
    """Leakage, interaction, what coordination captures and what the joint plan does differently, in plain words."""
    said = (_of_leakage(summary), _of_interaction(summary), _of_coordination(summary), _of_difference(summary))
    return tuple(sentence for sentence in said if sentence)


def _of_leakage(summary: Summary) -> str:
    book = summary.booking
    if book is None:
        return ""
    claims = ", ".join(f"{name} {_signed(summary, value)}" for name, value in book.booked.items())
    leaks = book.leakage.mean
    end = (
        f"{_money(summary, leaks)} leaks away between the functions"
        if leaks > 0
        else f"{_money(summary, -leaks)} more than they booked"
    )
    return (
        f"Leakage: side by side the functions book {_signed(summary, book.total)} a window "
        f"({claims}); what the company realises is {_signed(summary, book.realised)}, so {end}."
    )


def _of_interaction(summary: Summary) -> str:
    found = summary.interaction
    if found is None:
        return ""
    way = "more" if found.total.mean > 0 else "less"
    pairs = {name: value for name, value in found.dividends.items() if name.count("+") == 1}
    strongest = max(pairs, key=lambda name: abs(pairs[name]))
    text = (
        f"Interaction: all three at once, unconnected, earn {_money(summary, abs(found.total.mean))} {way} than the "
        f"sum of what each earns alone; the strongest pair is {strongest.replace('+', ' and ')} "
        f"({_signed(summary, pairs[strongest])})"
    )
    if found.joint_excess is not None:
        text += f", and deciding as one brings {_signed(summary, found.joint_excess.mean)} over isolated"
    return text + "."


STRENGTHS = {
    Strength.LIMITS: "limits alone",
    Strength.PRICES: "transfer prices",
    Strength.REPAIR: "prices and repair",
}


def _of_coordination(summary: Summary) -> str:
    found = summary.coordinating
    if found is None:
        return ""
    names = [STRENGTHS[each.strength] for each in found.strengths]
    realised = [each.capture for each in found.strengths]
    sample = _listed([_captured(each.capture_in_sample) for each in found.strengths])
    gain = f"{_signed(summary, found.joint_gain.mean)} a window that joint realises over isolated"
    if None in realised:
        text = f"the {gain} are no gain to capture a share of; in sample, {_listed(names)} capture {sample}"
    else:
        shares = [f"{_captured(share)} with {name}" for name, share in zip(names, realised, strict=True)]
        text = f"of the {gain}, teams that plan apart capture {_listed(shares)}; in sample {sample}"
    less = [name for name, each in zip(names, found.strengths, strict=True) if each.gain.mean < 0]
    worse = f" That is less than isolated: {_listed(less)}." if less else ""
    return f"Coordinated: {text}.{worse} {_over_best_sequential(summary)}".rstrip()


def _over_best_sequential(summary: Summary) -> str:
    gain = find(summary, COORDINATED, BEST_SEQUENTIAL)
    if gain is None:
        return ""
    amount = f"{_signed(summary, gain.realised.mean)} a window {_range(gain.realised)}, {gain.percent:+.1f}%"
    if not gain.earns_more:
        return f"The coordinated plan earns no more than the best sequential one: {amount}."
    sure = "" if gain.realised.certain else ", not established: the interval includes 0"
    return f"The coordinated plan earns more than the best sequential one: {amount}{sure}."


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _of_difference(summary: Summary) -> str:
    found = summary.difference
    if found is None:
        return ""
    joint, other = JOINT, BEST_SEQUENTIAL
    named = [
        f"{word} {', '.join(items)}"
        for word, items in (("more", found.more_promoted), ("fewer", found.less_promoted))
        if items
    ]
    which = f" ({'; '.join(named)})" if named else ""
    return (
        f"Different: against the best sequential plan the joint one promotes {found.promotions[joint]:.1f} instead of "
        f"{found.promotions[other]:.1f} item-{summary.period_unit or 'period'}s a window"
        f"{which}, sets prices at {found.price_index[joint]:.1%} instead of "
        f"{found.price_index[other]:.1%} of today's, places {found.orders[joint]:.1f} instead of "
        f"{found.orders[other]:.1f} order lines, orders {found.more_ordered:+.1%} units "
        f"({found.first_half[joint]:.0%} instead of {found.first_half[other]:.0%} of them in the first half) "
        f"and holds {found.more_stock:+.1%} stock. {_of_contribution(summary, found)}"
    )


def _of_contribution(summary: Summary, found: Difference) -> str:
    """How much of the difference comes from periods in which no order of the plan helps."""
    unit = summary.period_unit or "period"
    more = f"On nature its sales margin less lost sales is {_signed(summary, found.more_contribution)} a window"
    if not found.supplied_before:
        return f"{more}."
    first = f"the first {unit}" if found.supplied_before == 1 else f"the first {found.supplied_before} {unit}s"
    return (
        f"{more}, {_signed(summary, found.more_before_orders)} of it in {first}, when only the assumed first stock can "
        "be sold."
    )


def notes(summary: Summary, listed: str = "summary.md lists them") -> tuple[str, ...]:
    """What a reader must know of the table; `listed` says where the assumed figures are."""
    said = []
    count = len(summary.starts)
    if 1 < count < FEW_CLUSTERS:
        said.append(f"only {count} independent starts: the 95% intervals are likely too narrow")
    if count == 1:
        said.append("one start only: there are no intervals")
    said.append(
        "profit and gain over the status quo are realised on demand that no planner has seen; promised is what the "
        "plan is expected to earn on the estimated picture; error is the forecast's on the held-out periods (WAPE); "
        "gap is the largest"
    )
    said.append(
        f"≤ marks a bound from perfect information, on {summary.scenarios.clairvoyant} of nature's "
        f"{summary.scenarios.nature} scenarios; its gain is over the status quo on the same"
    )
    said += [f"{row.label}: {row.note}" for row in summary.rows if row.note and row.model != CLAIRVOYANT]
    if summary.missing:
        said.append(f"without a plan in the time given: {_some(summary.missing)}")
    if summary.prices_left:
        said.append(f"left at their price, which moved too seldom to learn from: {_some(summary.prices_left)}")
    said.append(f"stock, capacity, lead time and cost figures are assumed: {listed} with their reasons")
    return tuple(said)


def title(summary: Summary) -> str:
    """What the figures are."""
    unit = summary.period_unit or "period"
    starts = f"mean of {len(summary.starts)} starts" if len(summary.starts) > 1 else "one start"
    return f"{summary.case}: {summary.items} items, {summary.horizon} {unit}s a window, {starts}"


def headline(row: Row, per: float = 1.0) -> Stacked:
    """The cells of a row.

    Args:
        row: an operating model.
        per: 1000 gives money in thousands.
    """
    if row.profit is None:
        return ((row.label, ""), ("none", ""), *[("", "")] * 5)
    bound = "≤ " if row.model == CLAIRVOYANT else ""
    name, _, order = row.label.partition(" ")
    return (
        (name, order),
        _stacked(row.profit, per, bound, ""),
        ("", "") if row.gain is None else _stacked(row.gain, per, bound, "+"),
        (grouped(row.promised, per=per), ""),
        (_share(row.margin, 1), _share(row.forecast_error, 1)),
        ("" if row.stock is None else grouped(row.stock), _share(row.fill_rate, 1)),
        ("" if row.model == CLAIRVOYANT else gap(row.gap), "" if row.seconds is None else f"{row.seconds:.1f}"),
    )


HEADLINE = (
    ("operating", "model"),
    ("profit,", "95% interval"),
    ("gain over", "status quo"),
    ("promised", ""),
    ("margin", "error"),
    ("stock", "fill rate"),
    ("gap", "seconds"),
)


def by_strength(row: Captured, per: float = 1.0) -> Stacked:
    """The cells of a strength of coordination.

    Args:
        row: a strength.
        per: 1000 gives money in thousands.
    """
    first, _, second = STRENGTHS[row.strength].partition(" ")
    return (
        (first, second),
        _stacked(row.profit, per, "", ""),
        _stacked(row.gain, per, "", "+"),
        (_captured(row.capture), ""),
        (_captured(row.capture_in_sample), _captured(row.capture_of_bound)),
        (grouped(row.rounds), grouped(row.messages)),
        (grouped(row.told), grouped(row.revealed)),
    )


BY_STRENGTH = (
    ("strength", ""),
    ("profit,", "95% interval"),
    ("gain over", "isolated"),
    ("captured", ""),
    ("in sample", "of bound"),
    ("rounds", "messages"),
    ("told", "heard"),
)


def to_markdown(summary: Summary) -> str:
    """The page: everything in it is in the summary's JSON too."""
    parts = [
        f"# {plain(summary.title)}",
        f"**{plain(finding(summary))}**",
        *map(plain, sentences(summary)),
        _markdown(headline_table(summary)),
        "\n".join(f"- {plain(note)}" for note in notes(summary)),
        *(
            []
            if summary.coordinating is None
            else [_markdown(coordinating_table(summary)), plain(captured_note(summary))]
        ),
        "![Where the gain comes from](waterfall.png)",
        _markdown(gains_table(summary)),
        _markdown(orders_table(summary)),
    ]
    if summary.booking is not None:
        parts += [_markdown(booking_table(summary)), _markdown(cost_table(summary))]
    if summary.interaction is not None:
        parts.append(_markdown(interaction_table(summary)))
    if summary.tightness:
        parts += [_markdown(tightness_table(summary)), "![Gain against tightness](tightness.png)"]
    if summary.sensitivity:
        parts.append(_markdown(sensitivity_table(summary)))
    if summary.replanning is not None:
        parts += [survival(summary), _markdown(replanning_table(summary))]
    parts += [_markdown(figures_table(summary)), _markdown(settings_table(summary))]
    return "\n\n".join(parts) + "\n"


def _markdown(table: Table) -> str:
    return table.to_markdown().rstrip()


def headline_table(summary: Summary) -> Table:
    """Every operating model."""
    header = (
        "operating model",
        f"profit, {summary.currency} [95%]",
        f"gain over status quo, {summary.currency} [95%]",
        "promised",
        "gross margin",
        "forecast error",
        "average stock, units",
        "fill rate",
        "solver gap",
        "seconds",
    )
    rows = []
    for row in summary.rows:
        (_, profit, gain, promised, margin, stock, gap) = headline(row)
        rows.append((row.label, _inline(profit), _inline(gain), promised[0], *margin, *stock, *gap))
    return Table(title(summary), header, tuple(rows), text_columns=1)


def coordinating_table(summary: Summary) -> Table:
    """The strengths of coordination side by side."""
    assert summary.coordinating is not None
    header = (
        "strength",
        f"profit, {summary.currency} [95%]",
        f"gain over isolated, {summary.currency} [95%]",
        "captured, realised",
        "captured, in sample",
        "captured, of the bound",
        "rounds",
        "messages",
        "numbers told to teams",
        "numbers heard from teams",
    )
    rows = []
    for row in summary.coordinating.strengths:
        name, profit, gain, (captured, _), in_sample, told, revealed = by_strength(row)
        rows.append((" ".join(name), _inline(profit), _inline(gain), captured, *in_sample, *told, *revealed))
    return Table("Coordination by strength", header, tuple(rows), text_columns=1)


def captured_note(summary: Summary) -> str:
    """What a reader must know of the strengths of coordination."""
    assert summary.coordinating is not None
    teams, starts = summary.coordinating.teams, summary.coordinating.starts
    return (
        f"{teams} team{'s' if teams > 1 else ''}, {starts} start{'s' if starts > 1 else ''}; captured is the share of "
        "what joint gains over isolated: realised, in sample, and in sample of the most that any plan can gain by the "
        "proven bound; told and heard are numbers, by the coordinating office to the teams and from them"
    )


def gains_table(summary: Summary) -> Table:
    """What operating models earn more than others."""
    header = ("what", "realised [95%]", "per cent", "in sample", "between the optima, in sample")
    rows = tuple(
        (
            f"{_called(gain.model)} over {_called(gain.over)}",
            with_interval(gain.realised),
            f"{gain.percent:+.1f}%",
            "" if gain.in_sample is None else grouped(gain.in_sample.plan, "+"),
            "" if gain.in_sample is None else _ends(gain.in_sample.low, gain.in_sample.high),
        )
        for gain in summary.gains
    )
    return Table(f"Gains a window, {summary.currency}", header, rows, text_columns=1)


def orders_table(summary: Summary) -> Table:
    """The orders of hand-offs."""

    def mark(model: str) -> str:
        said = []
        if model == summary.best_promised:
            said.append("best by what it promises: the best sequential")
        if model == summary.best_realised:
            said.append("best on nature")
        return "; ".join(said)

    rows = tuple(
        (order.model.removeprefix("sequential "), mark(order.model), grouped(order.promised), grouped(order.realised))
        for order in summary.orders
    )
    return Table("Orders of hand-offs", ("order", "note", "promised", "realised"), rows, text_columns=2)


def booking_table(summary: Summary) -> Table:
    """What the functions book, and what comes in."""
    assert summary.booking is not None
    rows = [(name, grouped(value, "+")) for name, value in summary.booking.booked.items()]
    rows.append(("realised, isolated", grouped(summary.booking.realised, "+")))
    rows.append(("leakage [95%]", with_interval(summary.booking.leakage)))
    return Table("Booked against realised", ("who", f"{summary.currency} a window"), tuple(rows), text_columns=1)


def cost_table(summary: Summary) -> Table:
    """Function x cause of profit."""
    assert summary.booking is not None
    matrix = summary.booking.cost_matrix
    causes = list(next(iter(matrix.values())))
    rows = tuple((name, *(grouped(effects[cause], "+") for cause in causes)) for name, effects in matrix.items())
    header = ("function alone", *(cause.replace("_", " ") for cause in causes))
    return Table(f"Effect on profit by cause, {summary.currency} a window", header, rows, text_columns=1)


def interaction_table(summary: Summary) -> Table:
    """Functions side by side, taken apart."""
    assert summary.interaction is not None
    found = summary.interaction
    rows = [
        (name, grouped(value, "+"), grouped(found.shapley.get(name), "+")) for name, value in found.dividends.items()
    ]
    header = ("functions, side by side", "beyond its parts", "Shapley value")
    return Table(f"Interaction, realised, {summary.currency} a window", header, tuple(rows), text_columns=1)


def tightness_table(summary: Summary) -> Table:
    """Joint against sequential at every tightness."""
    rows = tuple(
        (
            f"{level.tightness:g}",
            str(level.starts),
            grouped(level.gain.realised.mean, "+"),
            f"{level.gain.percent:+.1f}%",
            "" if level.gain.in_sample is None else grouped(level.gain.in_sample.plan, "+"),
            "" if level.gain.in_sample is None else _ends(level.gain.in_sample.low, level.gain.in_sample.high),
        )
        for level in summary.tightness
    )
    header = ("capacities × assumed", "starts", "realised", "per cent", "in sample", "between the optima, in sample")
    name = f"Joint over sequential by tightness of the shared limits, {summary.currency} a window"
    return Table(name, header, rows, text_columns=1)


def sensitivity_table(summary: Summary) -> Table:
    """Joint over the best sequential plan with one cost figure changed, both plans as they are."""
    rows = tuple((each.figure, grouped(each.low, "+"), grouped(each.high, "+")) for each in summary.sensitivity)
    header = ("figure", f"{-CHANGED:+.0%}", f"{CHANGED:+.0%}")
    name = (
        f"Joint over best sequential with a cost figure changed and the plans as they are, {summary.currency} a window"
    )
    return Table(name, header, rows, text_columns=1)


def survival(summary: Summary) -> str:
    """Whether the gain of deciding as one survives figures other than assumed, in plain words."""
    found = summary.replanning
    assert found is not None
    sides = [(f"{each.label} {side.by}", side) for each in found.tried for side in each.sides.values()]
    gains = {name: side.gain for name, side in sides if side.gain is not None}
    without = tuple(name for name, side in sides if side.gain is None)
    starts = "one start" if len(found.starts) == 1 else f"{len(found.starts)} starts"
    text = f"Each of {len(found.tried)} figures lower and higher in turn, everybody's plans made anew ({starts}): "
    if gains:
        least, most = (choose(gains, key=lambda name: gains[name].realised.mean) for choose in (min, max))
        proven = sum(gain.in_sample is not None and (gain.in_sample.low or 0) > 0 for gain in gains.values())
        text += (
            f"joint realises between {_signed(summary, gains[least].realised.mean)} ({least}) and "
            f"{_signed(summary, gains[most].realised.mean)} ({most}) a window more than the best sequential plan, "
            f"{_signed(summary, found.as_it_is.realised.mean)} as they are. {_kept(found.as_it_is, gains)} In sample "
            f"the solver's certificates prove a gain in {proven} of {len(gains)}."
        )
    return f"{text} Without a plan: {_some(without)}." if without else text


def _kept(as_it_is: Gain, gains: Mapping[str, Gain]) -> str:
    """In how many cases there is a realised gain."""
    more = tuple(name for name, gain in gains.items() if gain.earns_more)
    less = tuple(name for name in gains if name not in more)
    if not as_it_is.earns_more:
        return f"There is no gain as they are, and one in {len(more)} of {len(gains)}{_of_which(more)}."
    return f"It stays a gain in {f'{len(more)} of' if less else 'all'} {len(gains)}{_of_which(less, 'not with ')}."


def _of_which(names: tuple[str, ...], prefix: str = "") -> str:
    return f" ({prefix}{_some(names)})" if names else ""


def replanning_table(summary: Summary, limit: bool | None = None) -> Table:
    """Joint over the best sequential plan, everybody's plans made anew with one figure other than assumed.

    Args:
        summary: of a run with variants.
        limit: only figures that say how tight a shared limit is, or only the others; all if left out.
    """
    assert summary.replanning is not None
    rows = [("all as it is", "", *_gained(summary.replanning.as_it_is), "", "")]
    for each in summary.replanning.tried:
        if limit is None or each.limit == limit:
            for side in each.sides.values():
                change = "" if side.change is None else with_interval(side.change)
                open_ = "no plan" if side.gain is None else "within the gaps" if side.within_gaps else "beyond the gaps"
                rows.append((each.label, side.by, *_gained(side.gain), change, open_))
    header = (
        "figure",
        "changed by",
        "realised [95%]",
        "in sample",
        "between the optima, in sample",
        "change of realised [95%]",
        "change in sample",
    )
    name = f"Joint over best sequential with a figure changed and all plans made anew, {summary.currency} a window"
    return Table(name, header, tuple(rows), text_columns=2)


def _gained(gain: Gain | None) -> tuple[str, str, str]:
    """Realised, in sample, and between the optima."""
    if gain is None:
        return "", "", ""
    sample = gain.in_sample
    return (
        with_interval(gain.realised),
        "" if sample is None else grouped(sample.plan, "+"),
        "" if sample is None else _ends(sample.low, sample.high),
    )


def figures_table(summary: Summary) -> Table:
    """The operating figures, each with its reason."""
    rows = tuple(
        (figure.name, f"{figure.value:g}", figure.unit, "assumed" if figure.assumed else "from the data", figure.reason)
        for figure in summary.assumptions
    )
    return Table("Operating figures", ("figure", "value", "unit", "origin", "reason"), rows, text_columns=5)


def settings_table(summary: Summary) -> Table:
    """What makes the run what it is."""
    shown = {**summary.settings, **summary.versions}
    rows = tuple((name.replace("_", " "), str(value)) for name, value in shown.items())
    return Table("Settings and versions", ("what", "which"), rows, text_columns=2)


def find(summary: Summary, model: str, over: str) -> Gain | None:
    """The gain of one operating model over another, if it is known."""
    return next((gain for gain in summary.gains if (gain.model, gain.over) == (model, over)), None)


def gap(found: float | None) -> str:
    """A solver's gap; one above 100% says no more than none."""
    return "open" if found is None or found > 1 else f"{found:.2%}"


def _called(model: str) -> str:
    return "best sequential" if model == BEST_SEQUENTIAL else model


def _some(names: tuple[str, ...], shown: int = 5) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _money(summary: Summary, amount: float) -> str:
    return f"{summary.currency} {grouped(amount)}".strip()


def _signed(summary: Summary, amount: float) -> str:
    return f"{summary.currency} {grouped(amount, '+')}".strip()


def grouped(amount: float | None, sign: str = "", per: float = 1.0) -> str:
    """A figure with its thousands set apart, empty if it is not known; `per` 1000 gives thousands."""
    if amount is None:
        return ""
    decimals = 0 if per == 1 else 1
    return f"{round(amount / per, decimals) + 0.0:{sign},.{decimals}f}"  # + 0.0: no minus sign on a zero


def _stacked(found: Estimate, per: float, bound: str, sign: str) -> tuple[str, str]:
    """An estimate over its interval."""
    if found.low is None or found.high is None:
        return bound + grouped(found.mean, sign, per), ""
    return bound + grouped(found.mean, sign, per), " to ".join(
        grouped(end, sign, per) for end in (found.low, found.high)
    )


def with_interval(found: Estimate) -> str:
    """An estimate of a gain with its interval, on one line."""
    return _inline(_stacked(found, 1.0, "", "+"))


def _inline(cell: tuple[str, str]) -> str:
    return f"{cell[0]} [{cell[1]}]" if cell[1] else cell[0]


def _range(found: Estimate) -> str:
    return f"[95% {_ends(found.low, found.high)}]" if found.low is not None else "(one start: no interval)"


def _ends(low: float | None, high: float | None) -> str:
    ends: Iterable[str] = ("−∞" if low is None else grouped(low, "+"), "∞" if high is None else grouped(high, "+"))
    return " to ".join(ends)


def _captured(share: float | None) -> str:
    return "n/a" if share is None else f"{round(share, 3) + 0.0:.1%}"  # + 0.0: no minus sign on a zero


def _share(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}%}"
