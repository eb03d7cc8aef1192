"""An experiment so small that its trials take no time, and claims about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from desilo.harness.claims.claim import Articles, Claim, Control, Test, above, null
from desilo.harness.claims.conduct import TrialRecord
from desilo.harness.claims.experiment import Experiment, Figures, Records, Scale, Trial

SCALE = Scale("small", seed=1, worlds=40, windows=2, firms=3)


def trials(scale: Scale) -> Sequence[Trial]:
    """Every world with the dial at its place, and in the null world."""
    return [
        Trial("made-up", f"{int(scale.seed) + k}", {"coupling": coupling})
        for k in range(scale.worlds)
        for coupling in dict.fromkeys((scale.coupling, 0.0))
    ]


def work(trial: Trial) -> Figures:
    """An effect of 3 where decisions touch, none elsewhere."""
    drawn = np.random.default_rng(int(trial.cluster)).standard_normal()
    dials = trial.at
    return {"effect": float(dials["coupling"]) * (3 + drawn), "unknown": float("nan")}


EXPERIMENT = Experiment("made-up", "Is there an effect?", "Draw it.", trials, work)


def effect(records: Records) -> pd.Series[float]:
    """Where decisions touch; everywhere if they touch nowhere."""
    rows = records[records["coupling"] == records["coupling"].max()]
    return rows.set_index("cluster")["effect"]


def effect_of_nothing(records: Records) -> pd.Series[float]:
    """In the null world."""
    return records[records["coupling"] == 0].set_index("cluster")["effect"]


def claim(id: str = "A4") -> Claim:
    """A claim about the made-up effect."""
    return Claim(
        id=id,
        article=Articles.A,
        statement="there is an effect",
        quote="an effect",
        tests=(Test("there is an effect", EXPERIMENT, effect, "units", above(0)),),
        controls=(Control("none where nothing touches", EXPERIMENT, effect_of_nothing, "units", null(0.1)),),
        sources="made up",
        coupling=True,
        reading="As it is said.",
    )


class Ear:
    """Remembers what is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.worked_out: list[TrialRecord] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def begin(self, total: int, done: int) -> None:
        self.total, self.on_record = total, done

    def finished(self, record: TrialRecord) -> None:
        self.worked_out.append(record)
