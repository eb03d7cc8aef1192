"""Nature: the demand on which plans are scored. No planner sees it.

It differs from the planner's picture in three ways: it is fitted to all the data, the held-out periods
included; its model is richer (nearly no pooling, another elasticity while an item is featured, a sharper
season); and what really happened in the periods planned is part of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from desilo.cases.case import Case
from desilo.cases.instance import Floats, Instance
from desilo.formulations.estimation import EstimationOptions
from desilo.operating.forecast import Response, fit
from desilo.operating.picture import bearable_share, demand_at_levels, featured, sparse_effects
from desilo.operating.today import index_of

NATURE_STREAM = 1
"""Marks nature's random draws; the planner's are marked `picture.PLANNER_STREAM`."""

ACTUAL_SHARE = 0.5
"""Share of the variance of log demand, given prices, that is what happened in the periods planned."""

OPTIONS = EstimationOptions(pooling=0.001)
HARMONICS = 3


def response_of(case: Case) -> Response:
    """How nature's demand responds to prices: fitted to all the data."""
    return fit(case, len(case.periods), OPTIONS, own_featured=True, harmonics=HARMONICS)


def nature(
    case: Case, start: int, template: Instance, *, scenarios: int, seed: int, response: Response | None = None
) -> Instance:
    """The template with nature's demand: other scenarios and cross effects, all else the same.

    Args:
        case: the case the template was made from.
        start: the template's first calendar period.
        template: the instance planned on; its levels, costs and limits are kept, so that plans carry over.
        scenarios: number of demand scenarios.
        seed: of the scenarios.
        response: another one than the case's own.

    Raises:
        ValueError: the template has other items than the case.
    """
    if template.items != case.items:
        raise ValueError(f"{template.name} has other items than the case {case.name}")
    response = response_of(case) if response is None else response
    calendar = np.arange(start, start + template.periods)
    reference_price = template.reference_price
    factors = _factors(response, index_of(case, start), template.periods, scenarios, seed)
    feature = featured(case, start, template.promo)
    expected = demand_at_levels(response, calendar, template.price, feature, reference_price)
    demand = expected[..., None] * factors[:, :, None, :]
    effects = response.cross_effects(calendar, reference_price)
    share = bearable_share(demand, template.price, reference_price, effects)
    return replace(
        template,
        name=f"{template.name}-nature",
        title=f"{template.title}: nature",
        scenarios=tuple(str(w + 1) for w in range(scenarios)),
        probability=np.full(scenarios, 1 / scenarios),
        demand=demand,
        cross_effects=sparse_effects(effects * share[:, None, :]),
        notes="",
    )


def _factors(response: Response, first: int, periods: int, scenarios: int, seed: int) -> Floats:
    """(I, T, W) demand over its expectation.

    The residual of the period itself and that of a period drawn for all items at once are mixed so that the
    variance stays that of the residuals; the mean is left alone: nature does not know the forecast. A period
    beyond the history has drawn residuals only.
    """
    residuals = response.residuals
    rng = np.random.default_rng([NATURE_STREAM, first, seed])
    drawn = residuals[:, rng.integers(residuals.shape[1], size=(periods, scenarios))]
    actual = residuals[:, first : first + periods]
    drawn[:, : actual.shape[1]] *= np.sqrt(1 - ACTUAL_SHARE)
    drawn[:, : actual.shape[1]] += np.sqrt(ACTUAL_SHARE) * actual[:, :, None]
    # the expectation already holds the residuals' mean factor
    factors: Floats = np.exp(drawn) / np.exp(residuals).mean(axis=1)[:, None, None]
    return factors
