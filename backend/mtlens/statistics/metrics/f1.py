"""F1 of one class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import MetricOfClass, indicators
from mtlens.statistics.metrics.confusion import f1_from_counts


class F1(MetricOfClass):
    """Harmonic mean of precision and recall of one class, in [0, 1]; scikit-learn's `f1_score(average="binary")`."""

    name = "f1"
    label = "F1"
    scores_label_sets = True
    needs_class = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """Whether an example is of the class, then hits and predictions of each model, `[1 + 2 M, n]`."""
        (positive,) = self.judged(labels, num_classes)
        truth = indicators(labels, positive)
        chosen = predicted == positive if labels.ndim == 1 else predicted[..., positive] > 0
        return sparse.csr_array(np.concatenate([truth[None], chosen & truth, chosen]).astype(np.float64))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """2 hits / (labels + predictions), `[r, M]`."""
        hits, predicted = np.split(sums[:, 1:], 2, axis=1)
        return f1_from_counts(hits, sums[:, :1], predicted)

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The class and the others: an example of either moves F1 by about 1 / n_c, with n_c examples of the class."""
        truth = indicators(labels, 1 if self.positive is None else self.positive)
        return truth.astype(np.int64), np.full(2, 1.0 / max(int(truth.sum()), 1))
