"""Macro-F1: the mean F1 of the classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric, strata_of_classes
from mtlens.statistics.metrics.confusion import f1_from_counts, f1_per_class
from mtlens.statistics.metrics.ratios import mean_of_defined


class MacroF1(Metric):
    """Mean F1 over the classes that occur among labels or predictions, in [0, 1]; scikit-learn's `f1_score(average="macro")`.

    Its statistics are the (1 + 2 M) C margins of M confusion matrices: per class the labels, then the hits and the
    predictions of each model. They grow with C instead of C². Of label sets it is the mean F1 of the labels.
    """

    name = "macro_f1"
    label = "macro-F1"
    scores_label_sets = True
    counts_classes_alike = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """Indicators `[(1 + 2 M) C, n]`."""
        if labels.ndim > 1:
            return _of_label_sets(labels > 0, predicted > 0)
        num_models, n = predicted.shape
        predicted = predicted.astype(np.int64)
        hit = predicted == labels
        cells = predicted + num_classes * np.arange(1, 1 + num_models)[:, None]
        example = np.broadcast_to(np.arange(n), cells.shape)
        rows = np.concatenate([labels, cells[hit], cells.ravel() + num_classes * num_models])
        columns = np.concatenate([np.arange(n), example[hit], example.ravel()])
        return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=((1 + 2 * num_models) * num_classes, n))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Macro-F1 `[r, M]`."""
        counts = sums.reshape(len(sums), -1, num_classes)
        support, hits, predicted = np.split(counts, [1, 1 + counts.shape[1] // 2], axis=1)
        return mean_of_defined(f1_from_counts(hits, support, predicted))

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Each class, or label set, is a stratum: one of n_c examples of class c moves macro-F1 by about 1 / (C n_c)."""
        return strata_of_classes(labels)

    def adds(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> NDArray[np.float64] | None:
        """A hit adds 2 / (support + predicted) / C, as orders keep the counts of both; None for label sets."""
        if labels.ndim > 1:
            return None
        support = np.bincount(labels, minlength=num_classes)
        hits = predicted[:, None, :] == np.arange(num_classes)[:, None]  # [M, C, n]
        counts = support + hits.sum(axis=2)
        weights = np.where(counts > 0, 2 / np.maximum(counts, 1), 0.0) / (counts > 0).sum(axis=1, keepdims=True)
        return (weights[:, :, None] * hits).mean(axis=0)


def macro_f1(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Macro-F1 of a confusion matrix or a stack of them, `[..., C, C]` -> `[...]` in [0, 1]; NaN for an empty one."""
    return mean_of_defined(f1_per_class(confusion))


def _of_label_sets(labels: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> Any:
    """Per label the examples that have it, then the hits and the predictions of each model, `[(1 + 2 M) C, n]`."""
    parts = [labels[None], predicted & labels, predicted]
    return sparse.csr_array(np.concatenate(parts).transpose(0, 2, 1).reshape(-1, len(labels)).astype(np.float64))
