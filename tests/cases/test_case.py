"""Assumptions that make no sense are refused; zones can be picked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from desilo.cases.case import Assumptions
from desilo.cases.errors import BadInput
from desilo.cases.opening import open_case


def changed(**values: float) -> dict[str, Any]:
    """The orange-juice assumptions as a dictionary, with other values for some figures."""
    figures = open_case("orange-juice").assumptions.model_dump()
    for name, value in values.items():
        figures[name]["value"] = value
    return figures


@pytest.mark.parametrize(
    ("figure", "value", "expected"),
    [
        ("horizon", 0, "horizon.*whole number not below 1"),
        ("scenarios", 2.5, "scenarios.*whole number"),
        ("ladder_levels", 1, "ladder_levels.*not below 2"),
        ("promo_depth", 85, "promo_depth.*between 0 and 1"),
        ("order_cost", -1, "order_cost.*not below 0"),
        ("lead_time", 8, "lead_time must be shorter"),
        ("ladder_low", 0.95, "ladder_low must lie below"),
        ("holding_cost", float("nan"), "holding_cost"),
    ],
)
def test_an_impossible_figure_is_refused(figure: str, value: float, expected: str) -> None:
    with pytest.raises(ValidationError, match=f"(?s){expected}"):
        Assumptions.model_validate(changed(**{figure: value}))


def test_every_wrong_figure_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        Assumptions.model_validate(changed(horizon=0, promo_depth=2, order_cost=-1))
    assert {error["loc"][0] for error in refused.value.errors()} == {"horizon", "promo_depth", "order_cost"}


def test_selected_zones_keep_their_items_and_histories() -> None:
    case = open_case("orange-juice")
    part = case.select_zones(("high", "low"))
    assert set(part.zones) == {"low", "high"}
    assert len(part.items) == 22
    for name in ("units", "price", "unit_cost", "feature", "volume"):
        whole = dict(zip(case.items, getattr(case, name), strict=True))
        for item, row in zip(part.items, getattr(part, name), strict=True):
            np.testing.assert_array_equal(row, whole[item])


@pytest.mark.parametrize("zones", [("low", "moon"), ()])
def test_unknown_or_no_zones_are_refused(zones: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="its zones are high, low, mid"):
        open_case("orange-juice").select_zones(zones)
