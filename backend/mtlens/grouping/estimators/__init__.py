"""Estimators of how well a group of tasks would do, from less than training it; `interface` says what they share."""

from mtlens.grouping.estimators.affinity import CKA, COSINE, FIRST_ORDER, LINEARISED, TAG
from mtlens.grouping.estimators.base import Estimator
from mtlens.grouping.estimators.measured import HigherOrder, Oracle, Ridge, TaskMeans

ESTIMATORS: tuple[Estimator, ...] = (
    Oracle(),
    HigherOrder(),
    TAG,
    FIRST_ORDER,
    LINEARISED,
    COSINE,
    CKA,
    TaskMeans(),
    Ridge(),
)
