"""Expected calibration error: how far confidence is from accuracy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.ratios import ratio

_BINS = 15


class CalibrationError(Metric):
    """ECE with 15 bins, in [0, 1]; less is better. ECE = sum_b |sum of confidence - hit over the examples in bin b| / n.

    The confidence of an example is its largest probability; bin b holds the examples with confidence in ((b-1)/15, b/15].
    Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3.
    """

    name = "ece"
    label = "calibration error (ECE)"
    reads = "probabilities"
    lower_is_better = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """1, then confidence - hit in the bin of each model, `[1 + 15 M, n]`."""
        n, num_models = len(labels), len(predicted)
        confidence, surplus = _confidences(labels, predicted)
        rows = 1 + _bins(confidence) + _BINS * np.arange(num_models)[:, None]
        surpluses = sparse.csr_array(
            (surplus.ravel(), (rows.ravel(), np.tile(np.arange(n), num_models))), shape=(1 + _BINS * num_models, n)
        )
        ones = sparse.csr_array((np.ones(n), (np.zeros(n, dtype=np.int64), np.arange(n))), shape=surpluses.shape)
        return ones + surpluses

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """ECE, `[r, M]`."""
        return ratio(np.abs(sums[:, 1:]).reshape(len(sums), -1, _BINS).sum(axis=2), sums[:, :1])

    def value(
        self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: NDArray[Any] | None = None
    ) -> float:
        """Calibration error of one model."""
        if weights is not None:
            return super().value(labels, predicted, num_classes, weights)
        return expected_calibration_error(labels, predicted)


def expected_calibration_error(labels: NDArray[Any], probabilities: NDArray[Any], num_bins: int = _BINS) -> float:
    """ECE of one model. labels `[n]`, probabilities `[n, C]`, n > 0."""
    confidence, surplus = _confidences(labels, probabilities)
    return float(np.abs(np.bincount(_bins(confidence, num_bins), weights=surplus)).sum() / len(labels))


def _confidences(labels: NDArray[Any], probabilities: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Confidence, and confidence - hit, `[..., n]`."""
    confidence = probabilities.max(axis=-1).astype(np.float64)
    return confidence, confidence - (probabilities.argmax(axis=-1) == labels)


def _bins(confidence: NDArray[np.float64], num_bins: int = _BINS) -> NDArray[np.int64]:
    return np.clip(np.ceil(confidence * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
