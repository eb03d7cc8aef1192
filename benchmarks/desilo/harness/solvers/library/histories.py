"""Sales histories of a group of substitutes, to estimate a demand function from: generated, and of the bundled cases.

Figures are rounded, so that the last bits of a platform's logarithms do not change a problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from desilo.cases.case import Case
from desilo.cases.generate import Dials
from desilo.cases.instance import Floats
from desilo.formulations.estimation import Records
from desilo.operating.forecast import records_of

DECIMALS = 6
"""Logarithms and covariates are rounded to this many decimals."""

GENERATED: Mapping[str, tuple[int, int]] = {"S": (6, 52), "M": (12, 104), "L": (24, 156), "XL": (40, 208)}
"""Items and weeks."""

RECORDED: Mapping[tuple[str, str], tuple[str | None, int]] = {
    ("tuna", "S"): (None, 104),
    ("tuna", "M"): (None, 300),
    ("orange-juice", "S"): ("mid", 52),
    ("orange-juice", "M"): ("mid", 91),
    ("orange-juice", "L"): (None, 91),
}
"""By case and size: the price zone, all items as one group where there is none, and the first periods used."""


def generated(size: str, seed: int, dials: Dials) -> Records:
    """Weekly sales from a demand function drawn at random, with promotions that are featured.

    Own elasticities U(1.5, 3.5), a third to nine tenths of them shared out among the others' prices, one season a
    year. Without uncertainty sales are those of the function; otherwise log sales have a standard deviation of 0.3.
    """
    I, T = GENERATED[size]
    rng = np.random.default_rng(seed)
    level, own, lift = rng.uniform(3, 6, I), -rng.uniform(1.5, 3.5, I), rng.uniform(0, 0.8, I)
    share = rng.dirichlet(np.ones(I), I) * ~np.eye(I, dtype=bool)
    cross = dials.substitution * rng.uniform(0.3, 0.9, I)[:, None] * share * -own[:, None]
    promoted = rng.random((I, T)) < 0.2
    x = _rounded(0.05 * rng.standard_normal((I, T)) + np.where(promoted, np.log(rng.uniform(0.6, 0.9, (I, T))), 0.0))
    feature = _rounded(promoted * rng.uniform(0, 1, (I, T)))
    angle = 2 * np.pi * np.arange(T) / 52
    season = _rounded(np.stack([np.sin(angle), np.cos(angle)], axis=1))
    noise = 0.3 * dials.uncertainty * rng.standard_normal((I, T))
    waves = season @ rng.uniform(-0.2, 0.2, 2)
    sold = level[:, None] + own[:, None] * x + cross @ x + lift[:, None] * feature + waves + noise
    return Records(_rounded(sold), x, feature[:, :, None], np.array([[0.0, np.inf]]), season)


def recorded(case: Case, size: str) -> Records:
    """The past of a bundled case, with two waves a year and elasticities that a feature may change."""
    zone, past = RECORDED[case.name, size]
    group = np.flatnonzero([zone in (None, own) for own in case.zones])
    records = records_of(case, past, own_featured=True, harmonics=2).of(group)
    return replace(
        records,
        log_units=_rounded(records.log_units),
        log_price=_rounded(records.log_price),
        covariates=_rounded(records.covariates),
        season=_rounded(records.season),
    )


def _rounded(figures: Floats) -> Floats:
    rounded: Floats = np.round(figures, DECIMALS)
    return rounded
