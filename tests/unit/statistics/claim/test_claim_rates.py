"""In simulated worlds, intervals hold the truth and the verdicts tell which evidence predicts gains."""

import pytest

from experiments.benchmarks.claim_rates import ROWS, rates

TRIALS = 60
WITHIN, ACROSS = (next(row for row in ROWS if row.name == name) for name in ("14 tasks", "across 8 data sets of 5 tasks"))


def test_the_evidence_that_predicts_is_supported_and_the_other_is_not() -> None:
    found = rates(WITHIN, "one", TRIALS, worlds=4)
    assert found["cka"]["truth"] > 0.5
    assert found["cka"]["supported"] > 0.4 > 0.05 >= found["cosine"]["supported"]
    assert found["cosine"]["unsupported"] > 0.2 > 0.05 >= found["cka"]["unsupported"]
    assert found["cka"]["corrected"] == pytest.approx(found["cka"]["noiseless"], abs=0.1)


@pytest.mark.parametrize("row", [WITHIN, ACROSS], ids=lambda row: row.name)
def test_where_nothing_predicts_intervals_hold_and_nothing_is_supported(row) -> None:
    for of_kind in (found := rates(row, "false", TRIALS, worlds=4))["cka"], found["cosine"]:
        assert of_kind["false_supported"] <= 0.05
        assert of_kind["supported"] <= 0.05
        assert min(of_kind["covered"], of_kind["slope_covered"], of_kind["auc_covered"]) >= 0.9
