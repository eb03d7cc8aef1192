"""What came of a claim: computed from the records, never typed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from desilo.harness.claims.claim import Claim, Control, Figure, Test
from desilo.harness.claims.experiment import Records, Scale
from desilo.harness.claims.statistics import Measured, measure
from desilo.harness.measure import Interval


class Verdict(StrEnum):
    """What came of a claim."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    OUTSIDE = "outside this suite"
    VOID = "void"


def verdict(held: Sequence[bool], nulls: Sequence[bool]) -> Verdict:
    """The verdict, from what was found alone.

    Args:
        held: whether each test's interval lies in its region; without any, the claim is outside this suite.
        nulls: whether each control came out null.
    """
    if not held:
        return Verdict.OUTSIDE
    if not all(nulls):
        return Verdict.VOID
    if all(held):
        return Verdict.REPRODUCED
    return Verdict.PARTLY if any(held) else Verdict.NOT_REPRODUCED


@dataclass(frozen=True)
class Seen:
    """What a figure is.

    Attributes:
        figure: which one.
        measured: the metric's mean over the clusters.
    """

    figure: Figure
    measured: Measured


@dataclass(frozen=True)
class Found(Seen):
    """What a test or a control found."""

    figure: Test

    @property
    def judged(self) -> Interval:
        """A test's at the level corrected for multiplicity; a control's is not widened, to fail for want of data only.

        That no verdict of the table is wrongly in a claim's favour is assured by the tests alone.
        """
        return self.measured.shown if isinstance(self.figure, Control) else self.measured.judged

    @property
    def held(self) -> bool:
        """Whether the judged interval lies wholly in the region."""
        return self.figure.region.holds(self.judged)


@dataclass(frozen=True)
class Judged:
    """A claim and what was found.

    Attributes:
        claim: the claim.
        tests: what each of its tests found.
        controls: what each of its controls found.
        beside: what is shown with it.
    """

    claim: Claim
    tests: tuple[Found, ...]
    controls: tuple[Found, ...]
    beside: tuple[Seen, ...]

    @property
    def verdict(self) -> Verdict:
        """From the intervals and the controls."""
        return verdict([found.held for found in self.tests], [found.held for found in self.controls])

    @property
    def control_passed(self) -> bool | None:
        """Whether every control came out null; None for a claim without."""
        return all(found.held for found in self.controls) if self.controls else None


def judge(claim: Claim, tables: Mapping[str, Records], scale: Scale, together: int) -> Judged:
    """Look at the records for everything that would have to be so.

    Args:
        claim: with experiments whose records are there.
        tables: records by the experiment's name.
        scale: at which they were made.
        together: tests in the register, over which multiplicity is corrected.
    """

    def measured(figure: Figure) -> Measured:
        values = figure.metric(tables[figure.experiment.name])
        return measure(values, together, int(scale.seed))

    return Judged(
        claim,
        tuple(Found(test, measured(test)) for test in claim.tests_at(scale.coupling)),
        tuple(Found(control, measured(control)) for control in claim.controls),
        tuple(Seen(figure, measured(figure)) for figure in claim.beside),
    )
