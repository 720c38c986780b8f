"""Log loss: the mean negative log-likelihood of the labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.metrics.base import Metric


class LogLoss(Metric):
    """Mean negative log-likelihood of the labels, in nats; less is better, so that it is reported and never compared."""

    name = "loss"
    label = "loss"
    scale = 1.0

    def value(self, labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
        """Log loss of one model; probabilities below 1e-12 count as 1e-12."""
        chosen = probabilities[np.arange(len(labels)), labels]
        return float(-np.log(np.clip(chosen, 1e-12, 1)).mean())
