"""Estimators of the scores of a group of tasks without training it; `base` has their interface.

To add one: write its file beside `measured`, and register it with one line here. Searches, groupings and the evaluation of
methods then use it. Tables show estimators in this order.
"""

from mtlens.grouping.estimators.affinity import CKA, COSINE, FIRST_ORDER, LINEARISED, TAG, Affinity
from mtlens.grouping.estimators.base import Estimator
from mtlens.grouping.estimators.measured import HigherOrder, Oracle, Ridge, TaskMeans

__all__ = [
    "CKA", "COSINE", "ESTIMATORS", "FIRST_ORDER", "LINEARISED", "TAG",
    "Affinity", "Estimator", "HigherOrder", "Oracle", "Ridge", "TaskMeans", "register",
]  # fmt: skip

ESTIMATORS: dict[str, Estimator] = {}
"""All estimators by their names."""


def register(estimator: Estimator) -> None:
    """Add an estimator under its name; ValueError where the name is taken."""
    if estimator.name in ESTIMATORS:
        raise ValueError(f"estimators should differ in name; found {estimator.name!r} twice")
    ESTIMATORS[estimator.name] = estimator


register(Oracle())
register(HigherOrder())
register(TAG)
register(FIRST_ORDER)
register(LINEARISED)
register(COSINE)
register(CKA)
register(TaskMeans())
register(Ridge())
