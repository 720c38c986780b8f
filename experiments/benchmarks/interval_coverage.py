"""Are the intervals honest? Coverage of the 90 % interval, and false matches, where the true difference is known.

    python -m experiments.benchmarks.interval_coverage

prints JSON in under a minute. Models and test examples are crossed random effects: an example is hard for all, for one
kind of model, or for one model alone; a seed makes a model better or worse. `seed_share` is the seeds' part of the
variance of one seed's difference. `t` is the interval of the product, `nested` the 5th to 95th percentile of a bootstrap
that draws the seeds again and then the examples.

`false_matches`: a perfect baseline against a candidate that is wrong, under every seed, on 2 % of two balanced classes,
with the margin set to that true difference. The product should call this a match in at most 5 % of the test sets;
`without_unseen` leaves out the variance of what has not been seen.
"""

import dataclasses
import json

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mtlens.statistics.bootstrap import TaskPredictions, estimate, resampled_differences
from mtlens.statistics.power import ALPHA

TRIALS = 500
RESAMPLES = 400
NUM_EXAMPLES = 300
CLUSTER_SIZE = 2
PRIORS = np.array([0.6, 0.3, 0.1])
SKILL = np.array([0.9, 0.8])  # of baseline and candidate, in standard deviations of one example's difficulty for all
FOR_ONE_KIND = 0.6
FOR_ONE_MODEL = 0.6
SEED_EFFECTS = (0.02, 0.12, 0.5)
ERROR_RATE = 0.02


def draw(seeds: int, seed_effect: float, generator: np.random.Generator) -> TaskPredictions:
    """One test set of three classes, and what `seeds` models of each kind predict for it."""
    cluster = np.repeat(np.arange(NUM_EXAMPLES // CLUSTER_SIZE), CLUSTER_SIZE)
    labels = generator.choice(len(PRIORS), size=NUM_EXAMPLES, p=PRIORS)

    def difficulty() -> NDArray[np.float64]:
        shared = generator.normal(size=len(cluster))[cluster]
        return (shared + generator.normal(size=NUM_EXAMPLES)) / np.sqrt(2)

    for_all = difficulty()
    predictions: list[NDArray[np.int64]] = []
    for skill in SKILL:
        of_seeds = seed_effect * generator.normal(size=(seeds, 1))
        alone = FOR_ONE_MODEL * generator.normal(size=(seeds, NUM_EXAMPLES))
        right = skill + for_all + FOR_ONE_KIND * difficulty() + of_seeds + alone > 0
        wrong = (labels + generator.integers(1, len(PRIORS), size=NUM_EXAMPLES)) % len(PRIORS)
        predictions.append(np.where(right, labels, wrong))
    return predictions_of(labels, cluster, predictions[0], predictions[1])


def predictions_of(
    labels: NDArray[np.int64], cluster: NDArray[np.int64], baseline: NDArray[np.int64], candidate: NDArray[np.int64]
) -> TaskPredictions:
    """The arrays of one simulated test set as the product takes them."""
    return TaskPredictions(
        task="simulated",
        num_classes=int(labels.max()) + 1,
        example=np.arange(len(labels)),
        cluster=cluster,
        labels=labels,
        baseline=baseline,
        candidate=candidate,
    )


def true_scores(seed_effect: float) -> tuple[NDArray[np.float64], float]:
    """Expected macro-F1 of each kind on infinitely many examples, and the variance of one seed's difference."""
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    weights /= weights.sum()
    spread = np.sqrt(1 + FOR_ONE_KIND**2 + FOR_ONE_MODEL**2)
    right = stats.norm.cdf((SKILL[:, None] + seed_effect * points) / spread)[..., None]
    predicted = PRIORS * right + (1 - right) * (1 - PRIORS) / (len(PRIORS) - 1)
    scores = (2 * PRIORS * right / (PRIORS + predicted)).mean(axis=-1)
    means = scores @ weights
    return means, float((((scores - means[:, None]) ** 2) @ weights).sum())


def coverage(seeds: int, seed_effect: float) -> dict[str, float]:
    """Share of simulated test sets whose 90 % interval holds the true difference, by both methods."""
    generator = np.random.default_rng(seeds)
    means, variance_of_seeds = true_scores(seed_effect)
    truth = means[1] - means[0]
    held = np.zeros((TRIALS, 2))
    width = np.zeros((TRIALS, 2))
    of_one_seed = np.zeros(TRIALS)
    for trial in range(TRIALS):
        task = draw(seeds, seed_effect, generator)
        resampled = resampled_differences([task], num_resamples=RESAMPLES, seed=trial)
        drawn_seeds = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES)
        nested = (resampled[:, 0] * drawn_seeds).sum(axis=1) / seeds
        intervals = np.array([estimate([task], resampled).interval(0.90), np.quantile(nested, [0.05, 0.95])])
        held[trial] = (intervals[:, 0] <= truth) & (truth <= intervals[:, 1])
        width[trial] = intervals[:, 1] - intervals[:, 0]
        of_one_seed[trial] = resampled.var(axis=0).mean()
    names = ("t", "nested")
    return {
        "seeds": seeds,
        "seed_share": round(variance_of_seeds / (variance_of_seeds + float(of_one_seed.mean())), 2),
        **{f"coverage_{name}": round(float(value), 3) for name, value in zip(names, held.mean(axis=0), strict=True)},
        **{f"width_{name}": round(float(value), 4) for name, value in zip(names, width.mean(axis=0), strict=True)},
    }


def false_matches(num_examples: int) -> dict[str, float]:
    """Share of test sets on which a candidate that is worse by exactly the margin is found to match."""
    generator = np.random.default_rng(num_examples)
    found = np.zeros((TRIALS, 2))
    for trial in range(TRIALS):
        labels = np.arange(num_examples) % 2
        candidate = labels ^ (generator.random(num_examples) < ERROR_RATE)
        same = np.tile([[labels], [candidate]], (1, 3, 1))
        task = predictions_of(labels, np.arange(num_examples), same[0], same[1])
        whole = estimate([task], resampled_differences([task], num_resamples=RESAMPLES, seed=trial))
        found[trial, 0] = whole.p_above(-ERROR_RATE) < ALPHA
        blind = dataclasses.replace(whole, unseen=0.0)
        # without any variance the blind interval is a point, which lies inside the margin if the estimate does
        found[trial, 1] = blind.p_above(-ERROR_RATE) < ALPHA if blind.examples + blind.noise > 0 else True
    product, without = found.mean(axis=0)
    return {"test_examples": num_examples, "product": round(float(product), 3), "without_unseen": round(float(without), 3)}


if __name__ == "__main__":
    result = {
        "coverage_of_90_percent_intervals": [coverage(s, effect) for effect in SEED_EFFECTS for s in (3, 5, 10)],
        "false_matches": [false_matches(n) for n in (60, 120, 250, 600)],
        "trials": TRIALS,
        "resamples": RESAMPLES,
    }
    print(json.dumps(result, indent=2))
