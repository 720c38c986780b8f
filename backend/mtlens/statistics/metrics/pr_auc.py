"""Area under the precision-recall curve, as average precision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.metrics.base import MetricOfClass, strata_of_classes
from mtlens.statistics.metrics.ranks import Floats, RankMetric, of_classes, weight_up_to


class PrAuc(MetricOfClass, RankMetric):
    """Mean, over the examples of the class, of the precision at their probability, in [0, 1].

    The mean over classes, each against the others, where there are more than two; scikit-learn's
    `average_precision_score`, with `average="macro"`.
    """

    name = "pr_auc"
    label = "area under precision-recall"
    reads = "probabilities"
    scores_label_sets = True

    def derive(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: Floats) -> tuple[float, Floats]:
        """Area and its derivatives by the weights; NaN where a class does not occur."""
        return of_classes(self.judged(labels, num_classes), labels, predicted, weights, _derive)

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Each class is a stratum."""
        return strata_of_classes(labels)


def _derive(truth: NDArray[np.bool_], probability: Floats, weights: Floats) -> tuple[float, Floats]:
    """With a_i of the class' weight and s_i of all weight at probability p_i or above: sum over the class of w_i a_i / s_i.

    A weight more at p adds to a_i and s_i of all i with p_i <= p.
    """
    total = float(weights[truth].sum())
    if total <= 0:
        return float("nan"), np.zeros(len(truth))
    at_least = weight_up_to(-probability[truth], -probability[truth], weights[truth])
    of_all = weight_up_to(-probability[truth], -probability, weights)
    precision = at_least / of_all
    area = float(weights[truth] @ precision) / total
    loses = weights[truth] * at_least / of_all**2 / total
    slopes = -weight_up_to(probability, probability[truth], loses)
    gains = weights[truth] / of_all / total
    slopes[truth] += weight_up_to(probability[truth], probability[truth], gains) + (precision - area) / total
    return area, slopes
