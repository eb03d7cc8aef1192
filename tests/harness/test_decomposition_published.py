"""What is published of the decomposition is what was measured, and its instances are found by their names."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from desilo.operating.decision import Method
from drivers.decomposition import ASKED, GAPS, WORKS, Gap, Work, compared, instance_of, known, page, slope

PUBLISHED = Path(__file__).parents[2] / "results" / "decomposition"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="nothing is published")
def test_the_page_is_what_the_figures_say() -> None:
    written, new = ((text.split("## Gaps")[1]) for text in ((PUBLISHED / "README.md").read_text(), page(PUBLISHED)))
    assert written == new
    assert {row["method"] for row in known(PUBLISHED / GAPS)} <= {Method.DECOMPOSITION, Method.MONOLITH}
    assert len(known(PUBLISHED / WORKS)) > 1


@pytest.mark.parametrize(
    ("name", "instance", "seconds"),
    [("S", "retail-S-1", 120.0), ("newsvendor-S", "newsvendor-S-1", 30.0), ("lot-sizing-S-3", "lot-sizing-S-3", 30.0)],
)
def test_an_instance_has_a_name_and_a_time(name: str, instance: str, seconds: float) -> None:
    found = instance_of(name)
    assert (found[0].name, found[1]) == (instance, seconds)


def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(SystemExit, match="FAMILY-SIZE-SEED"):
        instance_of("newsvendor")


def test_work_that_grows_with_the_items_has_slope_1() -> None:
    assert slope([Work(items, 0.3 * items, 0.01) for items in (100, 300, 2000)]) == pytest.approx(1.0)


def test_a_gap_counts_as_wider_beyond_what_was_asked() -> None:
    """By less than what was asked for, in another time, or against nothing, it does not; nor without bounds."""

    def gap(name: str, method: Method, width: float, limit: float = 30.0, plan: float | None = 100.0) -> Gap:
        bound = None if plan is None or width == math.inf else plan * (1 + width)
        return Gap(name, method, limit, limit, plan, bound, chosen=True)

    whole = [gap("close", Method.MONOLITH, 0.0), gap("far", Method.MONOLITH, 0.0)]
    whole += [gap("unbound", Method.MONOLITH, math.inf), gap("planless", Method.MONOLITH, 0.0, plan=None)]
    apart = [
        gap("close", Method.DECOMPOSITION, 0.9 * ASKED),
        gap("far", Method.DECOMPOSITION, 1.1 * ASKED),
        gap("far", Method.DECOMPOSITION, 0.5, limit=3.0),
        gap("alone", Method.DECOMPOSITION, 0.5),
        gap("unbound", Method.DECOMPOSITION, math.inf, plan=99.0),
        gap("planless", Method.DECOMPOSITION, 0.0),
    ]
    told = " ".join(compared([*whole, *apart]))
    assert told.startswith(" Of 4 generated") and "in 1: far." in told
    assert told.endswith("worth less in 1: unbound (at most 1.00%).")
    assert "in none. Its plan is worth less in none." in " ".join(compared([whole[0], apart[0]]))
    assert not compared(apart)
