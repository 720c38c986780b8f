"""Predictions of made-up models, as arrays."""

import numpy as np

from mtlens.statistics.task_predictions import TaskPredictions


def predictions(labels, baseline, candidate, *, cluster=None, num_classes=None, task="t") -> TaskPredictions:
    """Two kinds of models on one task; a model is a row, and examples are independent unless `cluster` says otherwise."""
    labels, baseline, candidate = np.asarray(labels), np.atleast_2d(baseline), np.atleast_2d(candidate)
    return TaskPredictions(
        task=task,
        num_classes=num_classes or int(max(labels.max(), baseline.max(), candidate.max())) + 1,
        example=np.arange(len(labels)),
        cluster=np.arange(len(labels)) if cluster is None else np.asarray(cluster),
        labels=labels,
        baseline=baseline,
        candidate=candidate,
    )


def noisy(generator, *, n=120, seeds=3, classes=3, error=0.3, cluster_size=1) -> TaskPredictions:
    """Models that err independently of each other and of the class."""
    labels = generator.integers(classes, size=n)
    wrong = (generator.random((2, seeds, n)) < error) * generator.integers(1, classes, size=(2, seeds, n))
    both = (labels + wrong) % classes
    return predictions(labels, both[0], both[1], cluster=np.arange(n) // cluster_size, num_classes=classes)
