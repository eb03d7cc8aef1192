"""Published figures worked out once more from the published records, with nothing of desilo: pandas and SciPy alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

PUBLISHED = Path(__file__).parents[2] / "results" / "claims"

NOISE = 0.1
"""Of the interval's width: what another bootstrap with other random numbers may differ by."""

pytestmark = pytest.mark.skipif(not (PUBLISHED / "claims.json").exists(), reason="nothing is published")


def published(claim: str, says: str, domain: str) -> dict[str, Any]:
    """A test of a claim as it is published."""
    claims = json.loads((PUBLISHED / "claims.json").read_text(encoding="utf-8"))
    tests = next(each["tests"] for each in claims if each["id"] == claim)
    return next(test for test in tests if (test["says"], test["domain"]) == (says, domain))


def beyond_the_sum(records: pd.DataFrame) -> pd.Series:
    """What joint earns over the status quo beyond what the functions alone do, per cent of the status quo's profit."""
    today = records["status-quo: profit"]
    alone = sum(records[f"{function}-only: profit"] - today for function in ("pricing", "demand", "inventory"))
    return 100 * (records["joint: profit"] - today - alone) / today


def close(values: pd.Series, test: dict[str, Any]) -> bool:
    """Whether clusters, mean and 95% interval are those published."""
    interval = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(0)).confidence_interval
    near = pytest.approx((test["low"], test["high"]), abs=NOISE * (test["high"] - test["low"]))
    return (
        len(values) == test["clusters"]
        and values.mean() == pytest.approx(test["estimate"], rel=1e-6)
        and (interval.low, interval.high) == near
    )


def test_joint_over_the_sum_of_the_single_gains_on_generated_firms() -> None:
    records = pd.read_csv(PUBLISHED / "records" / "wirings.csv").query("coupling == 1")
    test = published("A5", "deciding as one earns more than the sum of the single gains", "generated")
    assert close(beyond_the_sum(records), test)


def test_joint_over_the_sum_of_the_single_gains_on_orange_juice() -> None:
    records = pd.read_csv(PUBLISHED / "records" / "windows.csv").query("case == 'orange-juice'")
    weeks = beyond_the_sum(records).groupby(records["start"]).mean()  # its three zones share their weeks
    assert close(weeks, published("A5", "deciding as one earns more than the sum of the single gains", "orange-juice"))
