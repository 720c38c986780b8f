"""Span F1 agrees with seqeval in strict mode, weighted or not, and its moments under chance with all orders of the labels."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.scheme import BILOU, IOB2

from mtlens.statistics.example_variance import influences
from mtlens.statistics.learnt import judge_learning
from mtlens.statistics.metrics import find_metric
from mtlens.statistics.out_of_fold import out_of_fold
from mtlens.statistics.spans import equally_wide, padded
from mtlens.statistics.task_predictions import TaskPredictions
from mtlens.tasks.tag_schemes import found_spans, likeliest, tag_names

CLASSES = ("PER", "LOC")
SCHEMES = {"BIO": IOB2, "BILOU": BILOU}
METRIC = find_metric("span_f1")


def random_tags(generator, texts, words, scheme):
    """Sequences that the scheme allows, with more O than else."""
    probabilities = generator.dirichlet(np.ones(len(tag_names(CLASSES, scheme))), (texts, words)).astype(np.float32)
    probabilities[..., 0] += 0.2
    return likeliest(probabilities, len(CLASSES), scheme)


def spans(tags, scheme):
    found = found_spans(tags, scheme)
    rows = [[] for _ in tags]
    for text, first, last, kind in zip(*found, strict=True):
        rows[text] += [first, last + 1, kind]
    return padded(rows, 3)


def noisy(generator, tags, other):
    """Some texts as they are, the others with other tags."""
    return np.where(generator.random((len(tags), 1)) < 0.6, tags, other)


def made(seed, scheme, texts=12):
    generator = np.random.default_rng(seed)
    words = int(generator.integers(1, 9))
    truth = random_tags(generator, texts, words, scheme)
    return truth, noisy(generator, truth, random_tags(generator, texts, words, scheme))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(seed=st.integers(0, 10_000))
def test_it_is_that_of_seqeval(scheme, seed):
    truth, said = made(seed, scheme)
    names = np.array(tag_names(CLASSES, scheme))
    labels, predicted = equally_wide(spans(truth, scheme), spans(said, scheme))
    value = METRIC.value(labels, predicted, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on classes without a span
        written = [[names[row].tolist() for row in tags] for tags in (truth, said)]
        expected = f1_score(*written, mode="strict", scheme=SCHEMES[scheme])
        of_types = f1_score(*written, mode="strict", scheme=SCHEMES[scheme], average=None)
        repeated = [
            [row for row, weight in zip(rows, np.arange(12) % 3, strict=True) for _ in range(weight)] for rows in written
        ]
        weighted = f1_score(*repeated, mode="strict", scheme=SCHEMES[scheme])
    assert np.nan_to_num(value) == pytest.approx(expected)
    assert np.nan_to_num(METRIC.value(labels, predicted, 2, np.arange(12) % 3)) == pytest.approx(weighted)
    kinds = sorted({name[2:] for rows in written for row in rows for name in row if name != "O"})
    for kind, score in zip(kinds, of_types, strict=True):
        assert find_metric(f"span_f1({kind})", CLASSES).value(labels, predicted, 2) == pytest.approx(score)


def test_moments_under_chance_are_those_of_all_orders():
    truth, said = made(4, "BIO", texts=5)
    _, other = made(5, "BIO", texts=5)
    labels, *predicted = equally_wide(spans(truth, "BIO"), spans(said, "BIO"), spans(other, "BIO"))
    models = np.stack(predicted)
    for metric in (METRIC, find_metric("span_f1(LOC)", CLASSES)):
        scores = [metric.score(labels[list(order)], models, 2).mean() for order in itertools.permutations(range(5))]
        mean, deviation = metric.by_chance(labels, models, 2)
        assert deviation > 0
        assert (mean, deviation) == pytest.approx((np.mean(scores), np.std(scores)))


def predictions(seed, texts=40):
    truth, single = made(seed, "BIO", texts)
    generator = np.random.default_rng(seed)
    others = [noisy(generator, truth, random_tags(generator, *truth.shape, "BIO")) for _ in range(3)]
    labels, *models = equally_wide(*(spans(tags, "BIO") for tags in (truth, single, *others)))
    return TaskPredictions(
        task="names", num_classes=2, class_names=CLASSES, metric="span_f1",
        example=np.arange(texts), cluster=np.arange(texts) // 2, labels=labels,
        baseline=np.stack(models[:2]), candidate=np.stack(models[2:]),
    )  # fmt: skip


def test_the_jackknife_leaves_whole_texts_out():
    task = predictions(7)
    clusters = np.unique(task.cluster)
    found = influences(task, clusters)
    for place in (0, 7):
        kept = task.cluster != place
        differences = [
            METRIC.score(task.labels[rows], models[:, rows], 2)
            for rows in (np.ones(40, dtype=bool), kept)
            for models in (task.candidate, task.baseline)
        ]
        expected = (differences[0] - differences[1]) - (differences[2] - differences[3])
        assert found[place] == pytest.approx(np.sqrt(19 / 20) * expected)


def test_models_that_find_spans_have_learnt_and_those_that_find_none_have_not():
    task = predictions(7)
    assert judge_learning(task).not_learnt == ""
    nothing = np.full_like(task.baseline, -1)
    learning = judge_learning(TaskPredictions(**{**vars(task), "baseline": nothing, "candidate": nothing}))
    assert learning.not_learnt
    assert learning.baseline_collapsed == learning.candidate_collapsed == (0, 1)


def test_folds_may_have_spans_of_other_numbers():
    task = predictions(7)
    most = int((task.labels >= 0).sum(axis=1).argmax())
    parts = [np.delete(np.arange(40), most), np.array([most])]
    seeds = [
        TaskPredictions(**{
            **vars(task.of_seed(0)),
            **{name: getattr(task, name)[rows] for name in ("example", "cluster")},
            "labels": task.labels[rows][:, : 3 * width],
            "baseline": task.baseline[:1, rows][..., : 3 * width], "candidate": task.candidate[:1, rows][..., : 3 * width],
        })
        for rows, width in zip(parts, (2, 4), strict=True)
    ]  # fmt: skip
    joined = out_of_fold(seeds, [0, 1])
    assert joined.labels.shape[1] == joined.baseline.shape[2] == max(seed.labels.shape[1] for seed in seeds)
