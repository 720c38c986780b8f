"""The chance of a match, against simulated models that are equally good and whose noise is known."""

import numpy as np
import pytest

from mtlens.statistics.equivalence import compare
from mtlens.statistics.metrics import METRICS
from mtlens.statistics.task_predictions import TaskPredictions
from mtlens.statistics.verdict_chance import ANY_ENCODER, PUBLIC_NOISE, Noise, chances_of_match

N, ERROR = 600, 0.1


def simulated(generator, name, *, seeds, deviation, shared):
    """Each kind errs on examples of its own under all seeds, and on others seed by seed at a rate that varies."""
    labels = np.arange(N) % 2
    kinds = []
    for _ in range(2):
        always = generator.random(N) < shared
        rates = np.clip(ERROR + deviation * generator.standard_normal(seeds), 0, 1)
        kinds.append(labels ^ (always | (generator.random((seeds, N)) < rates[:, None])))
    return TaskPredictions(
        task=name, num_classes=2, metric="accuracy", example=np.arange(N), cluster=np.arange(N), labels=labels,
        baseline=kinds[0], candidate=kinds[1],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("deviation", "shared", "margin", "seeds"),
    [(0.01, 0.02, 0.04, 3), (0.01, 0.02, 0.04, 5), (0.03, 0.01, 0.06, 5), (0.005, 0.04, 0.04, 10)],
)
def test_the_chance_is_the_share_of_experiments_that_find_a_match(deviation, shared, margin, seeds):
    generator = np.random.default_rng(0)
    trials, num_tasks = 40, 3
    matches = 0
    for _ in range(trials):
        tasks = [simulated(generator, f"t{t}", seeds=seeds, deviation=deviation, shared=shared) for t in range(num_tasks)]
        matches += sum(found.verdict == "matches" for found in compare(tasks, margin=margin)[:-1])
    of_seed = 2 * deviation**2 + 2 * ERROR * (1 - ERROR) * (1 - shared) / N
    noise = Noise(seeds=(of_seed,) * 3, examples=2 * shared * (1 - ERROR) ** 2 / N)
    _, chance, _ = chances_of_match(noise, margin, seeds, num_tasks)
    assert matches / (trials * num_tasks) == pytest.approx(chance, abs=0.15)


def test_more_seeds_wider_margins_and_fewer_rare_classes_raise_the_chance():
    def chance(counts, margin=0.05, seeds=5):
        return chances_of_match(Noise.of_public_tasks("roberta-base", METRICS["macro_f1"], counts), margin, seeds, 4)[1]

    assert chance([100, 100]) > chance([185, 15])
    assert chance([1000, 1000]) > chance([100, 100])
    assert chance([100, 100], seeds=20) > chance([100, 100], seeds=3)
    assert chance([100, 100], margin=0.1) > chance([100, 100])


def test_less_noise_means_a_better_chance():
    little, likely, much = chances_of_match(Noise.of_public_tasks("x", METRICS["accuracy"], [200, 200]), 0.03, 5, 4)
    assert 0 < much < likely < little < 1


def test_noise_of_an_encoder_is_its_own_wherever_its_name_comes_from():
    ours, other = (
        Noise.of_public_tasks(name, METRICS["accuracy"], [10**6, 10**6]) for name in ("org/bert-base-uncased", "tiny")
    )
    assert ours.seeds[1] == pytest.approx(2 * PUBLIC_NOISE["bert-base-uncased"][1] ** 2, rel=0.01)
    assert other.seeds[1] == pytest.approx(2 * ANY_ENCODER[1] ** 2, rel=0.01)


def test_earlier_runs_split_their_variance_into_seeds_and_examples():
    differences = [0.01, 0.03, -0.01, 0.01]
    noise = Noise.of_earlier_runs(differences, standard_error=0.02, growth=2.0)
    assert noise.earlier
    assert noise.seeds[1] == pytest.approx(np.var(differences, ddof=1))
    assert noise.examples == pytest.approx((0.02**2 - np.var(differences, ddof=1) / 4) / 2)
    assert Noise.of_earlier_runs(differences, standard_error=0.001, growth=1.0).examples == 0
