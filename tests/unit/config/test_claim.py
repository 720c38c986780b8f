"""Preregistered claims in experiment files."""

import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.loading import parse_experiments
from mtlens.errors import ExperimentError

FILE = """
name: one
data: {spine: {region: cervical, reports: 40}}
tasks:
  disc: {column: disc_any, classes: [absent, present]}
  canal: {column: canal_any, classes: [absent, present]}
margin: 0.02
"""


def read(claims: str = "") -> Experiment:
    (experiment,) = parse_experiments(FILE + claims, "one.yaml")
    return experiment


def test_a_claim_is_part_of_the_experiment_and_its_absence_changes_no_hash() -> None:
    plain, claimed = read(), read("claim: [{evidence: tag, supported: 0.3}]")
    assert "claim" not in plain.model_dump()
    assert "claim" not in plain.model_dump_json()
    assert read("claim: []").experiment_id == plain.experiment_id != claimed.experiment_id
    assert claimed.experiment_id != read("claim: [{evidence: tag, supported: 0.31}]").experiment_id
    (claim,) = claimed.claim
    assert (claim.evidence, claim.statistic, claim.supported, claim.scope) == ("tag", "rank_correlation", 0.3, "within")
    assert Experiment.model_validate_json(claimed.model_dump_json()) == claimed


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (
            "[{evidence: cka, supported: 0.3}]",
            "one.yaml:8: claim.0.evidence: evidence should be of cka_effect_min, .*; found 'cka'",
        ),
        (
            "[{evidence: tag, statistic: auc, supported: 0.3}]",
            "one.yaml:8: claim.0: supported should be 0.5 .* for auc; found 0.3",
        ),
        ("[{evidence: tag, supported: 1}]", "one.yaml:8: .*less than 1"),
        ("[{evidence: tag, supported: 0.3}, {evidence: tag, supported: 0.3}]", "claims should be distinct"),
        ("[{evidence: tag}]", "one.yaml:8: claim.0: Field required"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_one_line(claims: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message) as error:
        read(f"claim: {claims}")
    assert "\n" not in str(error.value)
