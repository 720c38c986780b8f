"""The chance that a comparison has a verdict at a later look, from the results of the seeds so far.

The test examples stay the same, so only the results of future seeds are uncertain. With variance s² between seeds, the
difference after S' seeds, given that after S, is distributed around the latter with variance s² (1/S - 1/S'): conditional
power, averaged over what the seeds so far leave open (Spiegelhalter, Freedman and Blackburn 1986, "Monitoring clinical trials:
conditional or predictive power?").
"""

import math

from scipy import special

from mtlens.statistics.estimate import Estimate
from mtlens.statistics.power import ALPHA
from mtlens.statistics.sequential import Look, Spending

SMALLEST_CHANCE = 0.05
"""A comparison that is less likely to have a verdict at any later look is hopeless: no more seeds are trained for it."""


def chances(estimate: Estimate, margin: float, look: Look, spending: Spending, num_tests: int) -> tuple[float, ...]:
    """For each later look, the chances of a match, better and worse, at the level of Holm's first step."""
    found: list[float] = []
    for later in look.later:
        spending = spending.then(estimate, later)
        found.append(_chance(estimate, margin, later.num_seeds, spending.level(ALPHA / num_tests)))
    return tuple(found)


def _chance(estimate: Estimate, margin: float, num_seeds: int, level: float) -> float:
    if estimate.examples is None or estimate.seeds is None:
        return 0.0  # with one cluster of test examples no number of seeds is enough
    known, seeds = estimate.num_seeds, estimate.seeds
    error, freedom = map(float, estimate.precision(num_seeds, 1.0))
    half = float(special.stdtrit(freedom, 1 - level)) * error
    spread = math.sqrt(seeds.value * (1 / known - 1 / num_seeds))

    def below(bound: float) -> float:
        """Chance that the difference is then below `bound`."""
        gap = bound - estimate.difference
        return float(special.stdtr(seeds.freedom(known), gap / spread)) if spread > 0 else float(gap > 0)

    room = margin - half
    matches = below(room) - below(-room) if room > 0 else 0.0
    return min(1.0, below(-half) + matches + 1 - below(half))
