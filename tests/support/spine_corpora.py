"""Spine corpora that several tests read, and a bound for proportions."""

from functools import cache

import numpy as np

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import Corpus, SegmentText, generate

NUM_REPORTS = 800
Z = 4.5
"""Two-sided tail of a Gaussian beyond Z: 7e-6; some thousand proportions are compared."""

RELATEDNESS = (0.0, 0.5, 1.0)


@cache
def corpus(region: str, relatedness: float) -> Corpus:
    return generate(Spine(region=region, reports=NUM_REPORTS, relatedness=relatedness, seed=11))


def segments(region: str, relatedness: float) -> list[SegmentText]:
    return [segment for report in corpus(region, relatedness).reports for segment in report.segments]


def assert_share(observed: float, expected: float, number: int) -> None:
    """Within Z standard errors of a binomial share, and three cases more where cases are few."""
    error = np.sqrt(expected * (1 - expected) / number)
    assert abs(observed - expected) <= Z * error + 3 / number, (observed, expected, number)
