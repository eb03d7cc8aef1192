"""What a history can say about the response to a price: how much the price moved, and whether by itself.

The interval of an own-price elasticity is that of the item's own records, whatever pooling adds: the sandwich of a
median regression on the item's price, the others' mean price, its feature and the season,

    V = (f D'D)^-1 S (f D'D)^-1,

with the density f of the residuals at 0 by a kernel (Koenker, 2005, Quantile Regression, section 3.4) and the long-run
variance S of the scores d[t] (1/2 - 1{r[t] < 0}) by Newey and West (1987), Econometrica 55(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from desilo.cases.case import Case
from desilo.cases.instance import Bools, Floats, Ints
from desilo.formulations.estimation import DEFAULT_OPTIONS, Records
from desilo.operating.forecast import Response, records_of

MOVED = 0.02
"""A price is away from the item's usual one, the median, from this difference of logs on."""

MIN_AWAY = 6
"""Periods with sales away from the usual price that an item needs for its price to be decided on."""

CONFIDENCE = 0.95

INSEPARABLE = 0.8
"""Share of the variance of log price that other drivers explain, from which on the price's effect is hardly its own:
the variance of its elasticity is five times that of a price which moves by itself."""


def periods_away(case: Case, past: int) -> Ints:
    """(I,) of the first `past` periods: those with sales at another than the usual price."""
    sold = np.where(case.units[:, :past] > 0, case.price[:, :past], np.nan)
    apart = abs(np.log(sold / np.nanmedian(sold, axis=1, keepdims=True)))
    away: Ints = (apart >= MOVED).sum(axis=1)
    return away


def too_thin(case: Case, past: int) -> Bools:
    """(I,) whether an item's price moved too seldom before the period to decide on it: it is left as it is."""
    return periods_away(case, past) < MIN_AWAY


@dataclass(frozen=True)
class Evidence:
    """What the periods before the hold-out say about each item's elasticity.

    Attributes:
        records: (I,) periods with sales.
        prices: (I,) different prices among them, in whole cents.
        away: (I,) periods away from the usual price.
        own: (I,) elasticities, as estimated with pooling.
        low, high: (I,) their intervals; infinite where the price does not move by itself.
        at_limit: (I,) whether the elasticity is the smallest one that the estimation allows.
        explained: shares of the variance of log price, (I,) by driver; "all" is by all of them together.
        residuals: (I, N) log units above the fit; nan where there is no record.
    """

    records: Ints
    prices: Ints
    away: Ints
    own: Floats
    low: Floats
    high: Floats
    at_limit: Bools
    explained: dict[str, Floats]
    residuals: Floats


def evidence(case: Case, response: Response) -> Evidence:
    """Weigh the response that was fitted on the periods before the hold-out."""
    past = case.holdout
    records = records_of(case, past)
    fitted = np.log(response.demand(case.periods[:past], *_prices_and_features(records, response)))
    residuals = records.log_units - fitted
    residuals -= np.nanmedian(residuals, axis=1, keepdims=True)
    drivers = _drivers(records, np.array(case.groups))
    every = range(len(residuals))
    explained = {name: np.array([_explained(i, part[i], records) for i in every]) for name, part in drivers.items()}
    error = np.array([_half_width(i, drivers["all"][i], records, residuals[i]) for i in every])
    sold = np.where(case.units[:, :past] > 0, np.round(case.price[:, :past], 2), np.nan)
    return Evidence(
        records=np.isfinite(residuals).sum(axis=1),
        prices=np.array([len(np.unique(row[np.isfinite(row)])) for row in sold]),
        away=periods_away(case, past),
        own=response.own,
        low=response.own - error,
        high=response.own + error,
        at_limit=response.own >= -DEFAULT_OPTIONS.min_own_elasticity - 1e-6,
        explained=explained,
        residuals=residuals,
    )


def _prices_and_features(records: Records, response: Response) -> tuple[Floats, Floats]:
    return np.exp(records.log_price) * response.base_price[:, None], records.covariates[:, :, 0]


def _drivers(records: Records, groups: Any) -> dict[str, list[Floats]]:
    """What may move with an item's price, (N, m) an item: other prices of its group, promotion, season, and all."""
    x = records.log_price
    others = [x[(groups == group) & (np.arange(len(x)) != i)] for i, group in enumerate(groups)]
    parts = {
        "other prices": [prices.mean(axis=0)[:, None] if len(prices) else prices.T for prices in others],
        "promotion": list(records.covariates),
        "season": [records.season for _ in x],
    }
    return parts | {"all": [np.concatenate(row, axis=1) for row in zip(*parts.values(), strict=True)]}


def _explained(i: int, drivers: Floats, records: Records) -> float:
    """R squared of the item's log price on drivers, over its periods with sales; 1 if it never moved."""
    on_record = np.isfinite(records.log_units[i])
    return 1 - _own_move(records.log_price[i, on_record], drivers[on_record])[1]


def _own_move(x: Floats, drivers: Floats) -> tuple[Floats, float]:
    """What the drivers do not explain of a price, and its share of the price's variance."""
    design = np.column_stack([np.ones(len(x)), drivers])
    rest: Floats = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    total = float(((x - x.mean()) ** 2).sum())
    return rest, float(rest @ rest) / total if total > 1e-12 else 0.0


def _half_width(i: int, drivers: Floats, records: Records, residual: Floats) -> float:
    """Half the width of the interval of the item's elasticity; by Frisch, Waugh and Lovell only the price's own
    move, apart from the drivers, counts.
    """
    on_record = np.isfinite(residual)
    r, count = residual[on_record], int(on_record.sum())
    move, own_share = _own_move(records.log_price[i, on_record], drivers[on_record])
    free = count - drivers.shape[1] - 2
    if own_share < 1e-6 or free < 1 or np.ptp(r) < 1e-9:
        return np.inf
    density = float(stats.gaussian_kde(r)(0.0)[0])
    score = move * np.sign(r) / 2
    lags = int(4 * (count / 100) ** (2 / 9))
    long_run = score @ score + 2 * sum((1 - k / (lags + 1)) * (score[k:] @ score[:-k]) for k in range(1, lags + 1))
    spread = np.sqrt(max(long_run, score @ score)) / (density * (move @ move))
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, free) * spread)
