"""Variance by the test examples, and by disagreements that they did not show."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mtlens.statistics.example_variance import example_variance, influences, unseen_variance
from tests.support.simulated_predictions import noisy, predictions


def variance_of(task):
    clusters = np.unique(task.cluster)
    return example_variance(influences(task, clusters), unseen_variance(task), len(clusters))


def test_an_influence_is_the_change_of_scikit_learns_macro_f1_without_the_cluster():
    task = noisy(np.random.default_rng(3), n=60, cluster_size=4)

    def differences(rows):
        return [
            f1_score(task.labels[rows], candidate[rows], average="macro")
            - f1_score(task.labels[rows], baseline[rows], average="macro")
            for baseline, candidate in zip(task.baseline, task.candidate, strict=True)
        ]

    whole = np.array(differences(np.arange(60)))
    expected = [whole - differences(np.flatnonzero(task.cluster != cluster)) for cluster in range(15)]
    np.testing.assert_allclose(influences(task, np.arange(15)), np.sqrt(14 / 15) * np.array(expected), atol=1e-12)


def test_the_variance_of_accuracy_agrees_with_the_closed_form():
    # labels half and half, errors half and half in both classes: macro-F1 then moves as accuracy does
    n = 2000
    labels = np.arange(n) % 2
    flip = np.zeros((2, 1, n), dtype=int)
    flip[0, 0, :100] = 1
    flip[1, 0, 100:200] = 1
    known = variance_of(predictions(labels, labels ^ flip[0], labels ^ flip[1]))
    assert known.shared == pytest.approx(200 / n / n, rel=0.01)
    assert known.private == 0
    assert known.freedom == pytest.approx(2 * (200 + 1), rel=0.01)  # 200 examples matter, and equally


def test_clusters_that_agree_count_once():
    once = noisy(np.random.default_rng(5), n=300)
    repeated = predictions(
        np.repeat(once.labels, 4),
        np.repeat(once.baseline, 4, axis=1),
        np.repeat(once.candidate, 4, axis=1),
        cluster=np.repeat(once.cluster, 4),
    )
    one, other = variance_of(once), variance_of(repeated)
    assert (other.shared, other.private) == pytest.approx((one.shared, one.private))


def test_it_agrees_with_drawing_new_test_sets():
    generator = np.random.default_rng(11)
    drawn = [noisy(generator, n=400, seeds=2) for _ in range(300)]
    true_variance = np.var([np.diff(task.scores.mean(axis=1)) for task in drawn])
    known = [variance_of(task) for task in drawn[:60]]
    assert np.mean([v.shared + v.private / 2 for v in known]) == pytest.approx(true_variance, rel=0.25)
    # these models err independently, so nearly all of the variance is private to a seed
    assert np.mean([v.shared for v in known]) < 0.15 * true_variance


def test_it_is_unbiased_with_few_clusters():
    generator = np.random.default_rng(4)
    labels = np.arange(800) % 2
    differences, variances = [], []
    for _ in range(300):
        rates = generator.uniform(0, 0.2, size=(2, 4)).repeat(200, axis=1)  # four clusters, each with its own error rates
        wrong = generator.random((2, 800)) < rates
        task = predictions(labels, labels ^ wrong[0], labels ^ wrong[1], cluster=np.arange(800) // 200)
        differences.append(float(np.diff(task.scores[:, 0])[0]))
        variances.append(variance_of(task).shared)
    assert np.mean(variances) == pytest.approx(np.var(differences), rel=0.15)


def test_a_task_with_one_cluster_of_the_experiment_has_no_influence_elsewhere():
    task = noisy(np.random.default_rng(0), n=10)
    moved = influences(task, np.arange(30))
    assert (moved[10:] == 0).all()
    assert (influences(noisy(np.random.default_rng(0), n=10, cluster_size=10), np.arange(3)) == 0).all()


def test_perfect_agreement_leaves_room_for_what_was_not_seen():
    for n in (50, 200, 1000):
        labels = np.arange(n) % 2
        same = np.tile(labels, (3, 1))
        known = variance_of(predictions(labels, same, same))
        assert known.shared == known.private == 0
        assert known.freedom == 2
        # beside the rule of three, 3 / n (Hanley and Lippman-Hand 1983): t with 2 degrees of freedom is 2.92
        assert 2.92 * math.sqrt(known.unseen) == pytest.approx(2.92 / n, rel=0.02)


def test_what_is_unseen_fades_as_disagreements_are_seen():
    n = 400
    labels = np.arange(n) % 2
    rooms = []
    for count in (0, 1, 5, 50):
        candidate = labels.copy()
        candidate[: 2 * count] ^= 1  # `count` in each class
        rooms.append(unseen_variance(predictions(labels, labels, candidate)))
    assert rooms == pytest.approx([rooms[0] / (1 + count) for count in (0, 1, 5, 50)])


def test_a_rare_class_that_was_never_confused_leaves_more_room():
    labels = np.array([0] * 190 + [1] * 10)
    candidate = labels.copy()
    candidate[:40] = 1  # disagreements in the common class alone
    assert unseen_variance(predictions(labels, labels, candidate)) > 0.9 / 2 * (1 / (2 * 10)) ** 2


def test_clusters_that_disagree_as_a_whole_leave_more_room():
    labels = np.arange(120) % 2
    alone, together = labels.copy(), labels.copy()
    alone[::6] ^= 1
    together[:20] ^= 1
    cluster = np.arange(120) // 10
    rooms = [unseen_variance(predictions(labels, labels, candidate, cluster=cluster)) for candidate in (alone, together)]
    assert rooms[1] > 5 * rooms[0]
