"""Whether a task was learnt: error rates of the permutation test, classes that are never predicted, seeds that collapse."""

import dataclasses

import numpy as np
import pytest

from mtlens.statistics.equivalence import compare
from mtlens.statistics.learnt import better_than_chance, judge_learning
from mtlens.statistics.metrics import METRICS
from mtlens.statistics.task_predictions import TaskPredictions


def task(labels, baseline, candidate, *, num_classes=2, cluster=None, name="t", metric="macro_f1"):
    return TaskPredictions(
        task=name,
        num_classes=num_classes,
        metric=metric,
        example=np.arange(len(labels)),
        cluster=np.arange(len(labels)) if cluster is None else cluster,
        labels=labels,
        baseline=baseline,
        candidate=candidate,
    )


def learnt_task(generator, *, n=400, seeds=3, errors=0.1, name="learnt"):
    labels = generator.integers(2, size=n)
    baseline, candidate = (labels ^ (generator.random((seeds, n)) < errors) for _ in range(2))
    return task(labels, baseline, candidate, name=name)


def collapsed_task(*, n=400, seeds=3, positives=10, name="rare"):
    labels = np.zeros(n, dtype=int)
    labels[:positives] = 1
    nothing = np.zeros((seeds, n), dtype=int)
    return task(labels, nothing, nothing, name=name)


def test_models_that_never_predict_the_rare_class_have_learnt_nothing():
    judged = judge_learning(collapsed_task())
    assert judged.not_learnt == "neither kind of models is better than chance"
    assert "more test examples would not help" in judged.needed
    assert judged.baseline_collapsed == judged.candidate_collapsed == (0, 1, 2)


def test_a_task_that_one_kind_learnt_is_learnt():
    good = learnt_task(np.random.default_rng(0))
    half = dataclasses.replace(good, candidate=np.zeros_like(good.candidate))
    judged = judge_learning(half)
    assert judged.not_learnt == judged.needed == ""
    assert judged.baseline_collapsed == ()
    assert judged.candidate_collapsed == (0, 1, 2)
    assert compare([half], margin=0.05)[0].verdict == "worse"


@pytest.mark.parametrize(("examples_of_it", "not_learnt"), [(2, False), (3, True)])
def test_a_class_that_no_model_predicts_counts_by_the_rule_of_three(examples_of_it, not_learnt):
    labels = np.tile([0, 1], 200)
    labels[:examples_of_it] = 2
    predicted = np.tile(np.where(labels == 2, 0, labels), (3, 1))
    judged = judge_learning(dataclasses.replace(task(labels, predicted, predicted, num_classes=3), class_names=("a", "b", "c")))
    assert judged.not_learnt == ("no model ever predicts c" if not_learnt else "")
    assert judged.needed.startswith("more training texts of c") == not_learnt


def test_only_the_seeds_that_predict_one_class_have_collapsed():
    good = learnt_task(np.random.default_rng(1))
    good.baseline[1] = 1
    judged = judge_learning(good)
    assert judged.not_learnt == ""
    assert (judged.baseline_collapsed, judged.candidate_collapsed) == ((1,), ())


@pytest.mark.parametrize("metric", ["macro_f1", "accuracy"])
@pytest.mark.parametrize(("cluster_size", "rare"), [(1, 0.5), (1, 0.03), (6, 0.5), (6, 0.1)])
def test_models_that_guess_are_rarely_better_than_chance(metric, cluster_size, rare):
    """Labels and guesses of a cluster are alike, as those of a patient; of 100 trials 5 may err, and 10 within their noise."""
    generator = np.random.default_rng(2)
    clusters = 40 if cluster_size > 1 else 200
    cluster = np.repeat(np.arange(clusters), cluster_size)

    def draw(seeds):
        of_cluster = generator.random((seeds, clusters)) < rare
        alike = generator.random((seeds, len(cluster))) < 0.7
        return np.where(alike, of_cluster[:, cluster], generator.random((seeds, len(cluster))) < rare).astype(int)

    wrong = 0
    for _ in range(100):
        labels = draw(1)[0]
        wrong += better_than_chance(METRICS[metric], labels, np.tile(draw(1), (3, 1)), 2, cluster=cluster)
    assert wrong <= 10


def test_models_that_know_a_little_are_told_from_chance():
    generator = np.random.default_rng(3)
    labels = generator.integers(2, size=300)
    right = [better_than_chance(METRICS["macro_f1"], labels, labels ^ (generator.random((3, 300)) < 0.4), 2) for _ in range(50)]
    assert sum(right) >= 45


def test_a_task_that_was_not_learnt_is_no_match_and_no_part_of_the_mean():
    learnt = [learnt_task(np.random.default_rng(seed), n=2000, name=f"learnt {seed}") for seed in range(2)]
    rare = collapsed_task(n=2000, positives=40)
    *tasks, mean = compare([*learnt, rare], margin=0.05)
    *alone, mean_alone = compare(learnt, margin=0.05)
    assert [comparison.verdict for comparison in tasks] == ["matches", "matches", "not learnt"]
    assert tasks[2].needed
    assert mean.verdict == "matches"
    assert mean.not_learnt == "without rare: not learnt"
    assert (mean.difference, mean.low90, mean.num_seeds) == (mean_alone.difference, mean_alone.low90, mean_alone.num_seeds)
    assert [comparison.p_equivalence for comparison in tasks[:2]] == [comparison.p_equivalence for comparison in alone]


def test_a_mean_of_nothing_learnt_is_not_learnt():
    *tasks, mean = compare([collapsed_task(n=4000), collapsed_task(n=4000, name="other")], margin=0.3)
    assert {comparison.verdict for comparison in (*tasks, mean)} == {"not learnt"}
    assert mean.not_learnt == "no task was learnt"
    assert tasks[0].equivalent  # what rounds its weights may still rely on that


def test_fewer_than_three_seeds_stay_inconclusive():
    comparison, mean = compare([collapsed_task(seeds=2)], margin=0.05)
    assert comparison.verdict == mean.verdict == "inconclusive"
    assert comparison.not_learnt
