"""How demand responds to prices: yesterday's picture of it and the estimated one, behind one type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from desilo.cases.case import Case
from desilo.cases.instance import Floats, Ints
from desilo.formulations.estimation import DEFAULT_OPTIONS, EstimationOptions, Records, estimate
from desilo.operating.today import index_of, today, window_of

RESIDUAL_TAIL = 0.05
"""An item's residuals are drawn in to its 5% and 95% quantiles: a week outside (a stock-out, a competitor's
closure) must not become a scenario that a plan is built around."""

NOTICED, MIN_FEATURED = 0.1, 6
"""An item featured by this share of the stores in fewer periods with sales tells nothing of what a feature does: it is
taken to do nothing."""

STEEPEST = 5.0
"""The most that a feature can add to an own elasticity. A few features at nearly the same price would fit anything."""

LARGEST_GROUP = 40
"""Items of a group in which cross effects are estimated. Every item meets every other one's price: the work grows with
the fourth power of their number, and few of so many are substitutes."""

YEAR = {"day": 365.25, "week": 365.25 / 7, "month": 12.0, "quarter": 4.0}
"""Periods in a year; other units have no season."""


@dataclass(frozen=True)
class Response:
    """Expected demand as a function of prices and features.

        ln demand[i,t] = level[i] + season[i] . waves[t] + own[i] x[i,t] + sum_j cross[i,j] x[j,t]
                         + (feature[i] + own_featured[i] x[i,t]) f[i,t],        x = ln(price / base_price)

    Attributes:
        base_price: (I,) money per unit.
        level: (I,) log of the expected units at the base prices, outside the season, not featured.
        own: (I,) own-price elasticities, negative.
        cross: (I, I) elasticities of the row's demand to the column's price; the diagonal is 0.
        feature: (I,) gain of a feature in all stores, log units.
        own_featured: (I,) what a feature adds to the own elasticity.
        season: (I, 2H) coefficients of sine and cosine of the year and its parts down to 1/H.
        year: periods in a year; inf without a season.
        residuals: (I, N) log units sold above the median's, by past period, drawn in at the tails; 0 where
            there is no record.
    """

    base_price: Floats
    level: Floats
    own: Floats
    cross: Floats
    feature: Floats
    own_featured: Floats
    season: Floats
    year: float
    residuals: Floats

    def demand(self, calendar: Ints, price: Floats, feature: Floats) -> Floats:
        """(I, T) expected units.

        Args:
            calendar: (T,) calendar periods.
            price: (I, T) money per unit.
            feature: (I, T) share of stores featuring the item, 0..1.
        """
        x = np.log(price / self.base_price[:, None])
        fit: Floats = np.exp((self.level + self._own_part(x.T, feature.T)).T + self.cross @ x + self._season(calendar))
        return fit

    def at_own_prices(self, calendar: Ints, price: Floats, feature: Floats, others: Floats) -> Floats:
        """(I, T, K) expected units at every own price, the other items at theirs.

        Args:
            calendar: (T,) calendar periods.
            price: (I, K) own prices to look at; nan where an item has fewer.
            feature: (I, K) feature share that goes with each.
            others: (I,) prices of the other items.
        """
        x = np.log(price / self.base_price[:, None])
        elsewhere = self.cross @ np.log(others / self.base_price)
        own = (self.level + elsewhere + self._own_part(x.T, feature.T)).T
        fit: Floats = np.exp(own[:, None, :] + self._season(calendar)[:, :, None])
        return fit

    def cross_effects(self, calendar: Ints, price: Floats) -> Floats:
        """(I, I, T) units of the row's demand gained per unit of money on the column's price.

        Args:
            calendar: (T,) calendar periods.
            price: (I,) prices at which to take the derivative, nothing featured.
        """
        at = np.broadcast_to(price[:, None], (len(price), len(calendar)))
        slope = self.cross / price
        effect: Floats = slope[:, :, None] * self.demand(calendar, at, np.zeros_like(at))[:, None, :]
        return effect

    def _own_part(self, x: Floats, feature: Floats) -> Floats:
        """(n, I)"""
        part: Floats = self.own * x + (self.feature + self.own_featured * x) * feature
        return part

    def _season(self, calendar: Ints) -> Floats:
        """(I, T)"""
        effect: Floats = self.season @ _waves(calendar, self.year, self.season.shape[1] // 2).T
        return effect


Forecaster = Callable[[Case, int], Response]
"""From a case and the calendar period at which the plan starts to a response; sees nothing from then on."""


def saying(response: Response) -> Forecaster:
    """The forecaster that says this and nothing else, whatever it is asked."""
    return lambda case, start: response


def naive(case: Case, start: int) -> Response:
    """Yesterday's picture: the recent mean and a rule of thumb per item.

    The own elasticity is the slope of log units on log price; no other prices, no features, no season. The
    level makes the window's mean sales come out at the window's prices.
    """
    now, window = index_of(case, start), window_of(case, start)
    price, _, base = _history(case, now)
    x = np.log(price / base[:, None])
    log_units = _log_units(case.units[:, :now])
    own = np.array([_slope(x[i], log_units[i]) for i in range(len(base))])
    sold = case.units[:, window]
    expected = np.where(np.isnan(sold), np.nan, np.exp(own[:, None] * x[:, window]))
    residuals = log_units - own[:, None] * x
    none = np.zeros(len(base))
    return Response(
        base_price=base,
        level=np.log(np.nanmean(sold, axis=1) / np.nanmean(expected, axis=1)),
        own=own,
        cross=np.zeros((len(base), len(base))),
        feature=none,
        own_featured=none,
        season=np.zeros((len(base), 2)),
        year=np.inf,
        residuals=_draw_in(residuals - np.nanmedian(residuals, axis=1, keepdims=True)),
    )


def estimated(case: Case, start: int) -> Response:
    """The demand function of `desilo.formulations.estimation`, group by group.

    Elasticities, features and season are estimated on the periods before the start and before the hold-out,
    so that the hold-out stays one for every start; the level is brought up to date by the median residual of
    today's window, as by a company that knows its sales up to yesterday.
    """
    return brought_up_to_date(case, start, fit(case, min(index_of(case, start), case.holdout)))


def brought_up_to_date(case: Case, start: int, response: Response) -> Response:
    """A response estimated earlier, its level as `estimated` has it at a later start."""
    now, window = index_of(case, start), window_of(case, start)
    price, feature, _ = _history(case, now)
    expected = response.demand(case.periods[window], price[:, window], feature[:, window])
    surprise = _log_units(case.units[:, window]) - np.log(expected) + _log_mean(response.residuals)[:, None]
    return replace(response, level=response.level + np.nanmedian(surprise, axis=1))


def fit(
    case: Case,
    past: int,
    options: EstimationOptions = DEFAULT_OPTIONS,
    *,
    own_featured: bool = False,
    harmonics: int = 1,
) -> Response:
    """The estimated response on the first `past` periods of the history, and nothing else.

    Each group is estimated by itself, one of more than `LARGEST_GROUP` items without cross effects.

    Args:
        case: the case.
        past: number of periods used, from the first one.
        options: of the estimation.
        own_featured: let an item's elasticity be larger while it is featured.
        harmonics: of the season.
    """
    price, feature, base = _history(case, past)
    records = records_of(case, past, own_featured=own_featured, harmonics=harmonics)
    told = ((feature >= NOTICED) & (case.units[:, :past] > 0)).sum(axis=1) >= MIN_FEATURED
    records = replace(
        records,
        covariates=records.covariates * told[:, None, None],
        covariate_bounds=np.maximum(records.covariate_bounds, -STEEPEST),
    )
    items = len(base)
    level, own, cross = np.zeros(items), np.zeros(items), np.zeros((items, items))
    gains, season = np.zeros((items, 2)), np.zeros((items, 2 * harmonics))
    groups = np.array(case.groups)
    for group in dict.fromkeys(case.groups):
        mine = np.flatnonzero(groups == group)
        found = estimate(records.of(mine), options, cross=len(mine) <= LARGEST_GROUP)
        level[mine], own[mine], cross[np.ix_(mine, mine)] = found.level, found.own, found.cross
        gains[mine, : records.covariates.shape[2]] = np.where(records.covariates[mine].any(axis=1), found.covariates, 0)
        season[mine] = found.season
    response = Response(
        base_price=base,
        level=level,
        own=own,
        cross=cross,
        feature=gains[:, 0],
        own_featured=gains[:, 1],
        season=season,
        year=_year(case, past),
        residuals=np.zeros_like(records.log_price),
    )
    median = response.demand(case.periods[:past], price, feature)
    residuals = _draw_in(records.log_units - np.log(median))
    return replace(response, level=level + _log_mean(residuals), residuals=residuals)


def substitutes(case: Case) -> tuple[str, ...]:
    """(I,) the group in which an item's and others' prices act on each other: its own where the case's is too large."""
    size = Counter(case.groups)
    return tuple(
        group if size[group] <= LARGEST_GROUP else item for item, group in zip(case.items, case.groups, strict=True)
    )


def records_of(case: Case, past: int, *, own_featured: bool = False, harmonics: int = 1) -> Records:
    """What all items sold in the first `past` periods of the history, as the estimation takes it; see `fit`."""
    price, feature, base = _history(case, past)
    x = np.log(price / base[:, None])
    covariates = np.stack([feature, feature * x] if own_featured else [feature], axis=2)
    # a feature never costs sales, and shoppers drawn by it mind the price no less
    bounds = np.array([[0.0, np.inf], [-np.inf, 0.0]])[: covariates.shape[2]]
    waves = _waves(case.periods[:past], _year(case, past), harmonics)
    return Records(_log_units(case.units[:, :past]), x, covariates, bounds, waves)


@dataclass(frozen=True)
class ForecastError:
    """Sum of |units sold - expected units| over the held-out periods / sum of units sold.

    Attributes:
        at_actual_prices: the forecast is told the prices and features of the held-out periods.
        at_todays_prices: it takes today's reference prices, nothing featured.
    """

    at_actual_prices: float
    at_todays_prices: float


def forecast_error(
    case: Case, forecaster: Forecaster, start: int | None = None, periods: int | None = None
) -> ForecastError:
    """The weighted absolute percentage error on the hold-out, forecast as a whole from its first period.

    Args:
        case: the case.
        forecaster: whose error.
        start: calendar period to forecast from, instead of the hold-out's first.
        periods: to forecast, instead of all that follow.
    """
    first = case.holdout if start is None else index_of(case, start)
    response = forecaster(case, int(case.periods[first]))
    held_out = slice(first, len(case.periods) if periods is None else first + periods)
    calendar, sold = case.periods[held_out], case.units[:, held_out]
    price, feature, _ = _history(case, len(case.periods))
    reference = np.broadcast_to(today(case, int(calendar[0])).price[:, None], sold.shape)

    def error(price: Floats, feature: Floats) -> float:
        return float(np.nansum(abs(sold - response.demand(calendar, price, feature))) / np.nansum(sold))

    return ForecastError(
        at_actual_prices=error(price[:, held_out], feature[:, held_out]),
        at_todays_prices=error(reference, np.zeros_like(sold)),
    )


def _history(case: Case, past: int) -> tuple[Floats, Floats, Floats]:
    """(I, past) prices and features without gaps, (I,) base prices: the medians of the prices.

    A price that is not on record is taken to be the last one before it, or the first one after; no feature on
    record is none.
    """
    price = pd.DataFrame(case.price[:, :past].T).ffill().bfill().to_numpy(np.float64).T
    feature = np.nan_to_num(case.feature[:, :past])
    return price, feature, np.median(price, axis=1)


def _year(case: Case, past: int) -> float:
    """Periods in a year; inf without a season: less than a year of history says nothing about it."""
    year = YEAR.get(case.period_unit, np.inf)
    return np.inf if past < year else year


def _log_units(units: Floats) -> Floats:
    """Log units; nan where nothing is on record or nothing was sold."""
    return np.log(np.where(units > 0, units, np.nan))


def _slope(x: Floats, y: Floats) -> float:
    """Least-squares slope, not above -`min_own_elasticity`."""
    on_record = np.isfinite(y)
    flattest = -DEFAULT_OPTIONS.min_own_elasticity
    if np.ptp(x[on_record]) == 0:
        return flattest
    return min(float(np.polyfit(x[on_record], y[on_record], 1)[0]), flattest)


def _draw_in(residuals: Floats) -> Floats:
    low, high = np.nanquantile(residuals, [RESIDUAL_TAIL, 1 - RESIDUAL_TAIL], axis=1, keepdims=True)
    return np.nan_to_num(np.clip(residuals, low, high))


def _log_mean(residuals: Floats) -> Floats:
    """(I,) what takes the median of log units to the log of mean units (Duan's smearing)."""
    factor: Floats = np.log(np.exp(residuals).mean(axis=1))
    return factor


def _waves(calendar: Ints, year: float, harmonics: int) -> Floats:
    """(n, 2 harmonics) sines and cosines; zeros without a season."""
    if np.isinf(year):
        return np.zeros((len(calendar), 2 * harmonics))
    angle = 2 * np.pi * np.outer(calendar, np.arange(1, harmonics + 1)) / year
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
