"""Every figure of the published page is in the records that are published with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from desilo.harness.claims.answer import LEADS, LIST, PAGE, PICTURES, Outcome, detailed, look, page
from desilo.harness.claims.conduct import load
from desilo.harness.claims.register import CLAIMS, TOGETHER

PUBLISHED = Path(__file__).parents[2] / "results" / "claims"

pytestmark = pytest.mark.skipif(not (PUBLISHED / PAGE).exists(), reason="nothing is published")


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return look(CLAIMS, load(PUBLISHED), TOGETHER)


def test_the_page_is_what_the_records_say(outcome: Outcome) -> None:
    assert (PUBLISHED / PAGE).read_text(encoding="utf-8") == page(outcome)


def test_the_list_is_what_the_records_say(outcome: Outcome) -> None:
    assert json.loads((PUBLISHED / LIST).read_text()) == detailed(outcome)


def test_every_claim_has_its_picture(outcome: Outcome) -> None:
    tested = {f"{claim.id}.svg" for claim in CLAIMS if claim.tests}
    assert {path.name for path in (PUBLISHED / PICTURES).iterdir()} == tested


def test_it_is_the_full_run(outcome: Outcome) -> None:
    assert outcome.scale.name == "full" and outcome.scale.coupling == 1
    assert outcome.conducted.run.command.startswith("desilo claims")


def test_no_figure_is_typed_into_a_sentence() -> None:
    assert not [lead for leads in LEADS.values() for lead in leads.values() if re.search(r"\d", lead)]
