"""Area under the ROC curve."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.metrics.base import MetricOfClass, strata_of_classes
from mtlens.statistics.metrics.ranks import Floats, RankMetric, of_classes, weight_below


class RocAuc(MetricOfClass, RankMetric):
    """Chance that an example of the class has a higher probability than one of another class, in [0, 1]; ties count half.

    The mean over classes, each against the others, where there are more than two; scikit-learn's `roc_auc_score` with
    `multi_class="ovr"`. Derivatives: DeLong et al. 1988, "Comparing the areas under two or more correlated ROC curves".
    """

    name = "roc_auc"
    label = "area under ROC"
    reads = "probabilities"
    scores_label_sets = True

    def derive(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: Floats) -> tuple[float, Floats]:
        """Area and its derivatives by the weights; NaN where a class, or its opposite, does not occur."""
        return of_classes(self.judged(labels, num_classes), labels, predicted, weights, _derive)

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Each class is a stratum."""
        return strata_of_classes(labels)


def _derive(truth: NDArray[np.bool_], probability: Floats, weights: Floats) -> tuple[float, Floats]:
    slopes = np.zeros(len(truth))
    totals = [float(weights[mask].sum()) for mask in (truth, ~truth)]
    if min(totals) <= 0:
        return float("nan"), slopes
    scores = (probability, -probability)  # seen from the other class, less is better
    area = 0.0
    for own, (total, other_total), score in zip((truth, ~truth), (totals, totals[::-1]), scores, strict=True):
        placed = weight_below(score[own], score[~own], weights[~own]) / other_total
        area = float(weights[own] @ placed) / total
        slopes[own] = (placed - area) / total * _unbiased(weights[own])
    return area, slopes


def _unbiased(weights: Floats) -> float:
    """m / (m - 1) for m examples of equal weight, as in a sample variance; 1 for a single one."""
    count = float(weights.sum() ** 2 / (weights**2).sum())
    return count / (count - 1) if count > 1.5 else 1.0
