"""Expected calibration error: how far confidence is from accuracy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.metrics.base import Metric


class CalibrationError(Metric):
    """ECE with 15 bins, in [0, 1]; less is better, so that it is reported and never compared."""

    name = "ece"
    label = "calibration error (ECE)"

    def value(self, labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
        """Expected calibration error of one model."""
        return expected_calibration_error(labels, probabilities)


def expected_calibration_error(labels: NDArray[Any], probabilities: NDArray[Any], num_bins: int = 15) -> float:
    """ECE = sum_b |B_b|/n |accuracy(B_b) - confidence(B_b)|, in [0, 1].

    labels `[n]`, probabilities `[n, C]`, n > 0. The confidence of an example is its largest probability; B_b holds the
    examples with confidence in ((b-1)/M, b/M]. Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    surplus = confidence - (probabilities.argmax(axis=1) == labels)
    bins = np.clip(np.ceil(confidence * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    return float(np.abs(np.bincount(bins, weights=surplus)).sum() / len(labels))
