"""Log loss: the mean negative log-likelihood of the labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.ratios import ratio

_LEAST = 1e-12


class LogLoss(Metric):
    """Mean negative log-likelihood of the labels, in nats; less is better. scikit-learn's `log_loss`.

    Probabilities below 1e-12 count as 1e-12. Of label sets it is the mean over labels.
    """

    name = "loss"
    label = "log loss"
    reads = "probabilities"
    scores_label_sets = True
    lower_is_better = True
    scale = 1.0

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """1 and the loss of each model, `[1 + M, n]`."""
        losses = -np.log(np.clip(_of_labels(labels, predicted.astype(np.float64)), _LEAST, 1))
        losses = losses if losses.ndim == 2 else losses.mean(axis=2)
        return sparse.csr_array(np.concatenate([np.ones((1, len(labels))), losses]))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Mean loss, `[r, M]`."""
        return ratio(sums[:, 1:], sums[:, :1])

    def value(
        self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: NDArray[Any] | None = None
    ) -> float:
        """Log loss of one model, in the precision of its probabilities."""
        if weights is not None:
            return super().value(labels, predicted, num_classes, weights)
        return float(-np.log(np.clip(_of_labels(labels, predicted), _LEAST, 1)).mean())


def _of_labels(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[Any]:
    """Probability of each label, `[..., n]`; of label sets, of each label's being as it is, `[..., n, C]`."""
    if labels.ndim == 1:
        return probabilities[..., np.arange(len(labels)), labels]
    return np.where(labels > 0, probabilities, 1 - probabilities)
