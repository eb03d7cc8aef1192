"""Demand estimation: constrained, pooled quantile regression of a group of substitutes, as a linear program.

Sets
    i, j in I    items of the group
    t in N_i     past periods in which item i's sales are on record
    k in K       covariates with a coefficient per item (feature share, ...)
    m in M       covariates with one coefficient for the group (season)

Parameters
    y[i,t]       log units sold
    x[i,t]       log own price, over any base price of the item
    z[i,t,k]     item covariates
    f[t,m]       group covariates
    tau          quantile, 1/2 for least absolute deviations
    lam          weight of pooling, per item and record, >= 0
    e_min        smallest own elasticity in absolute value, >= 0
    e_group      per cent of demand lost at least when every price of the group rises by one per cent, >= 0

Variables
    a[i]         level
    b[i], B      own-price elasticity of the item, of the group
    c[i,j], C    cross-price elasticity of i's demand to j's price, of the group
    g[i,k]       coefficients of the item covariates
    h[m]         coefficients of the group covariates
    u, v[i,t]    what is sold above and below the fit, log units, >= 0
    r, s         distances from the group's elasticity, >= 0

Equations
    min  sum_it (tau u[i,t] + (1 - tau) v[i,t])
         + lam sum_i |N_i| (r+[i] + r-[i])  +  lam sum_ij |N_i| (s+[i,j] + s-[i,j])          (E0)
    a[i] + b[i] x[i,t] + sum_j c[i,j] x[j,t] + sum_k g[i,k] z[i,t,k] + sum_m h[m] f[t,m]
         + u[i,t] - v[i,t] = y[i,t]                                                          (E1)
    b[i] <= -e_min,  c[i,j] >= 0,  g[i,k] within its limits                                  (bounds)
    sum_j c[i,j] <= -b[i] - e_group                                                          (E2)
    b[i] - B = r+[i] - r-[i]                                                                 (E3)
    c[i,j] - C = s+[i,j] - s-[i,j]                                                           (E4)

(E0) with (E1) is the linear program of Koenker and Bassett (1978), Regression Quantiles, Econometrica
46(1). (E2) keeps "raise every price" from being free; (E3) and (E4) let an item leave its group only as far
as its own records pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from desilo.cases.instance import Floats, Ints
from desilo.solving import Stop, between, delayed_model, entries, members, solve, true_at, values


@dataclass(frozen=True)
class Records:
    """What a group sold, at which prices.

    Attributes:
        log_units: (I, N) log units sold; nan where there is no record or nothing was sold.
        log_price: (I, N) log price over a base price of the item; no nan.
        covariates: (I, N, K) item covariates; no nan.
        covariate_bounds: (K, 2) lower and upper limits of their coefficients; infinite when free.
        season: (N, M) group covariates; no nan.
    """

    log_units: Floats
    log_price: Floats
    covariates: Floats
    covariate_bounds: Floats
    season: Floats

    def of(self, items: Ints) -> Records:
        """The records of some items by themselves."""
        return replace(
            self,
            log_units=self.log_units[items],
            log_price=self.log_price[items],
            covariates=self.covariates[items],
        )


@dataclass(frozen=True)
class EstimationOptions:
    """How to estimate.

    Attributes:
        tau: quantile, between 0 and 1.
        pooling: lam. The default did best among 0, .003, .005, .01, .02 and .03 on the last 20 training weeks
            of the orange-juice case, estimated on the weeks before them.
        min_own_elasticity: e_min.
        min_group_elasticity: e_group.
    """

    tau: float = 0.5
    pooling: float = 0.005
    min_own_elasticity: float = 0.5
    min_group_elasticity: float = 0.25

    def __post_init__(self) -> None:
        if not (0 < self.tau < 1 and min(self.pooling, self.min_own_elasticity, self.min_group_elasticity) >= 0):
            raise ValueError(f"{self}: tau lies between 0 and 1, the others are not negative")


DEFAULT_OPTIONS = EstimationOptions()


@dataclass(frozen=True)
class Coefficients:
    """A demand function of a group.

    Attributes:
        level: (I,) log units at the base prices, all covariates 0.
        own: (I,) own-price elasticities, negative.
        cross: (I, I) cross-price elasticities of the row's demand to the column's price; the diagonal is 0.
        covariates: (I, K) coefficients of the item covariates.
        season: (M,) coefficients of the group covariates.
    """

    level: Floats
    own: Floats
    cross: Floats
    covariates: Floats
    season: Floats


@dataclass(frozen=True)
class Fitted(Coefficients):
    """The coefficients that fit best.

    Attributes:
        objective: the optimal value of (E0).
    """

    objective: float


def build_estimation(records: Records, options: EstimationOptions, cross: bool = True) -> Any:
    """The linear program (E0)-(E4) as a Pyomo model; without cross effects every c[i,j] is 0."""
    items, periods, K = records.covariates.shape
    observed = np.isfinite(records.log_units)
    apart = ~np.eye(items, dtype=bool) & cross
    low, high = (np.tile(limits, (items, 1)) for limits in records.covariate_bounds.T)

    m = delayed_model("estimation")
    m.I = pyo.RangeSet(0, items - 1)
    m.T = pyo.RangeSet(0, periods - 1)
    m.K = pyo.RangeSet(0, K - 1)
    m.M = pyo.RangeSet(0, records.season.shape[1] - 1)
    m.records = pyo.Set(initialize=true_at(observed), dimen=2)
    m.pairs = pyo.Set(initialize=true_at(apart), dimen=2)
    m.others = pyo.Set(m.I, initialize=members(apart))

    m.y = pyo.Param(m.I, m.T, default=entries(records.log_units))
    m.x = pyo.Param(m.I, m.T, default=entries(records.log_price))
    m.z = pyo.Param(m.I, m.T, m.K, default=entries(records.covariates))
    m.f = pyo.Param(m.T, m.M, default=entries(records.season))
    m.lam = pyo.Param(m.I, default=entries(options.pooling * observed.sum(axis=1)))  # times the item's records

    m.a = pyo.Var(m.I)
    m.b = pyo.Var(m.I, bounds=(None, -options.min_own_elasticity))
    m.B = pyo.Var()
    m.c = pyo.Var(m.pairs, bounds=(0, None))
    m.C = pyo.Var(bounds=(0, None))
    m.g = pyo.Var(m.I, m.K, bounds=between(low, high))
    m.h = pyo.Var(m.M)
    m.u = pyo.Var(m.records, bounds=(0, None))
    m.v = pyo.Var(m.records, bounds=(0, None))
    m.r_plus = pyo.Var(m.I, bounds=(0, None))
    m.r_minus = pyo.Var(m.I, bounds=(0, None))
    m.s_plus = pyo.Var(m.pairs, bounds=(0, None))
    m.s_minus = pyo.Var(m.pairs, bounds=(0, None))

    @m.Constraint(m.records)
    def E1_fit(m: Any, i: int, t: int) -> Any:
        prices = m.b[i] * m.x[i, t] + sum(m.c[i, j] * m.x[j, t] for j in m.others[i])
        covariates = sum(m.g[i, k] * m.z[i, t, k] for k in m.K) + sum(m.h[k] * m.f[t, k] for k in m.M)
        return m.a[i] + prices + covariates + m.u[i, t] - m.v[i, t] == m.y[i, t]

    @m.Constraint(m.I)
    def E2_group_loses(m: Any, i: int) -> Any:
        return sum(m.c[i, j] for j in m.others[i]) <= -m.b[i] - options.min_group_elasticity

    @m.Constraint(m.I)
    def E3_pool_own(m: Any, i: int) -> Any:
        return m.b[i] - m.B == m.r_plus[i] - m.r_minus[i]

    @m.Constraint(m.pairs)
    def E4_pool_cross(m: Any, i: int, j: int) -> Any:
        return m.c[i, j] - m.C == m.s_plus[i, j] - m.s_minus[i, j]

    @m.Objective(sense=pyo.minimize)
    def E0_loss(m: Any) -> Any:
        return (
            sum(options.tau * m.u[i, t] + (1 - options.tau) * m.v[i, t] for i, t in m.records)
            + sum(m.lam[i] * (m.r_plus[i] + m.r_minus[i]) for i in m.I)
            + sum(m.lam[i] * (m.s_plus[i, j] + m.s_minus[i, j]) for i, j in m.pairs)
        )

    return m


def estimate(records: Records, options: EstimationOptions = DEFAULT_OPTIONS, cross: bool = True) -> Fitted:
    """Fit a group, with or without effects of other items' prices.

    Raises:
        RuntimeError: the solver did not prove optimality.
    """
    m = build_estimation(records, options, cross)
    outcome = solve(m)
    if outcome.stop is not Stop.OPTIMAL:
        raise RuntimeError(f"demand estimation not solved: {outcome.stop}")
    return Fitted(**vars(coefficients(m, records)), objective=outcome.objective)


def coefficients(m: Any, records: Records) -> Coefficients:
    """The fit in the values that the model's variables hold."""
    items, _, K = records.covariates.shape
    return Coefficients(
        level=values(m.a, (items,)),
        own=values(m.b, (items,)),
        cross=np.maximum(values(m.c, (items, items)), 0),  # rid of the solver's -1e-9
        covariates=values(m.g, (items, K)),
        season=values(m.h, (records.season.shape[1],)),
    )
