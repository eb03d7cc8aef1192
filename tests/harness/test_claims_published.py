"""Every figure of the published page is in the records that are published with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from desilo.harness.claims.answer import LEADS, LIST, PAGE, PICTURES, Outcome, detailed, look, page
from desilo.harness.claims.conduct import RUN, load
from desilo.harness.claims.register import CLAIMS, TOGETHER
from drivers import verdicts

PUBLISHED = Path(__file__).parents[2] / "results" / "claims"

pytestmark = pytest.mark.skipif(not (PUBLISHED / PAGE).exists(), reason="nothing is published")


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return look(CLAIMS, load(PUBLISHED), TOGETHER)


def test_the_page_is_what_the_records_say(outcome: Outcome) -> None:
    assert (PUBLISHED / PAGE).read_text(encoding="utf-8") == page(outcome)


def test_the_list_is_what_the_records_say(outcome: Outcome) -> None:
    assert_close(json.loads((PUBLISHED / LIST).read_text()), detailed(outcome))


def assert_close(one: Any, other: Any) -> None:
    """The same but for last digits, in which one processor's sums differ from another's."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list):
        for mine, yours in zip(one, other, strict=True):
            assert_close(mine, yours)
    else:
        assert one == (pytest.approx(other, rel=1e-6, nan_ok=True) if isinstance(other, float) else other)


def test_the_verdicts_elsewhere_are_those_of_their_runs() -> None:
    published = (PUBLISHED / verdicts.ELSEWHERE).read_text(encoding="utf-8")
    others = [verdicts.read(folder) for folder in sorted(PUBLISHED.iterdir()) if (folder / RUN).exists()]
    for told in others:
        assert f"## `{told.command}`" in published
    ordered = sorted(others, key=lambda told: published.index(f"## `{told.command}`"))
    assert published == verdicts.page(verdicts.read(PUBLISHED), ordered)


def test_every_claim_has_its_picture(outcome: Outcome) -> None:
    tested = {f"{claim.id}.svg" for claim in CLAIMS if claim.tests}
    assert {path.name for path in (PUBLISHED / PICTURES).iterdir()} == tested


def test_it_is_the_full_run(outcome: Outcome) -> None:
    assert outcome.scale.name == "full" and outcome.scale.coupling == 1
    assert outcome.conducted.run.command.startswith("desilo claims")


def test_no_figure_is_typed_into_a_sentence() -> None:
    assert not [lead for leads in LEADS.values() for lead in leads.values() if re.search(r"\d", lead)]
