"""The register is complete, and what it refers to is there."""

from __future__ import annotations

import re

import pytest

from desilo.cases.opening import BUNDLED
from desilo.harness.claims import catalogue, metrics
from desilo.harness.claims.answer import CHAPTERS, LEADS
from desilo.harness.claims.claim import GENERATED, Claim, Control, Test, between
from desilo.harness.claims.experiment import Experiment, Scale
from desilo.harness.claims.experiments import windows
from desilo.harness.claims.register import CLAIMS, TOGETHER
from desilo.harness.claims.statistics import LEAST_CLUSTERS, clusters_needed
from desilo.harness.claims.verdict import Verdict

IDS = [*(f"A{k}" for k in range(1, 12)), *(f"B{k}" for k in range(1, 5)), "C1", "C2"]

every_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)


def parts(claim: Claim) -> tuple[Test, ...]:
    return (*claim.tests, *claim.controls)


def test_seventeen_claims_in_order() -> None:
    assert [claim.id for claim in CLAIMS] == IDS
    assert sum(len(claim.tests) for claim in CLAIMS) == TOGETHER


@every_claim
def test_a_claim_says_who_said_what_and_how_it_is_read(claim: Claim) -> None:
    assert claim.article.letter == claim.id[0]
    assert claim.quote and claim.quote in claim.statement
    assert claim.reading and claim.sources
    assert len(claim.quote) < 90, "a short quote"


@every_claim
def test_a_claim_has_tests_that_can_fail_and_a_control(claim: Claim) -> None:
    if claim.beyond:
        return
    assert claim.tests and claim.controls
    assert not any(isinstance(test, Control) for test in claim.tests)
    assert all(isinstance(control, Control) for control in claim.controls)
    for control in claim.controls:
        assert control.region.low < control.region.high < float("inf"), "a tolerance on both sides"
        assert control.region.low > -float("inf")
    for test in parts(claim):
        assert test.says[0].islower() and not test.says.endswith(".")
        assert test.unit and test.metric.__doc__
    assert len({(t.says, t.domain) for t in parts(claim)}) == len(parts(claim))


@every_claim
def test_a_metric_is_of_the_experiment_whose_records_it_reads(claim: Claim) -> None:
    for test in parts(claim):
        assert test.experiment in catalogue.EXPERIMENTS
        assert test.metric.__module__ in {test.experiment.work.__module__, metrics.__name__}, test.says
        assert (test.domain != GENERATED) == (test.experiment is windows.EXPERIMENT)
        assert test.domain == GENERATED or (BUNDLED / test.domain).is_dir()


@every_claim
def test_a_claim_about_coupling_can_fail_in_the_null_world(claim: Claim) -> None:
    if claim.coupling:
        assert any(test.domain == GENERATED for test in claim.tests)


def test_ranges_of_the_articles_are_tests() -> None:
    by_id = {claim.id: claim for claim in CLAIMS}
    for id in ("A1", "A2", "A3"):
        low, high = map(float, re.findall(r"(\d+)-(\d+)%", by_id[id].statement)[0])
        assert any(test.region == between(low, high) for test in by_id[id].tests)


def test_experiments_have_names_of_their_own_and_every_one_is_used() -> None:
    names = [experiment.name for experiment in catalogue.EXPERIMENTS]
    assert len(set(names)) == len(names)
    assert {test.experiment.name for claim in CLAIMS for test in parts(claim)} == set(names)


@pytest.mark.parametrize("scale", [catalogue.QUICK, catalogue.FULL], ids=lambda scale: scale.name)
def test_trials_have_names_of_their_own_and_clusters_enough(scale: Scale) -> None:
    assert scale.name == "quick" or (scale.worlds >= LEAST_CLUSTERS and scale.firms >= 200)
    for experiment in catalogue.EXPERIMENTS:
        trials = experiment.trials(scale)
        assert len({trial.slug for trial in trials}) == len(trials), experiment.name
        assert {trial.experiment for trial in trials} == {experiment.name}


@pytest.mark.parametrize("experiment", catalogue.EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_the_full_run_has_clusters_for_an_effect_of_four_fifths_of_a_deviation(experiment: Experiment) -> None:
    clusters = {trial.cluster for trial in experiment.trials(catalogue.FULL)}
    judged = [name for name in clusters if experiment is not windows.EXPERIMENT or name.startswith("orange-juice")]
    assert len(judged) >= max(LEAST_CLUSTERS, clusters_needed(0.8, TOGETHER))


def test_every_claim_is_in_a_chapter_of_the_answer_and_every_lead_covers_every_verdict() -> None:
    assert sorted(id for ids in CHAPTERS.values() for id in ids) == sorted(IDS)
    for leads in LEADS.values():
        assert set(leads) == {Verdict.REPRODUCED, Verdict.PARTLY, Verdict.NOT_REPRODUCED}
