"""The cheapest family of models that can replace the task-specific ones: chosen here, and tested on other examples."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from mtlens.errors import DataError
from mtlens.grouping.measurements import Measured
from mtlens.grouping.optimal_family import Candidates, Selection, best_within
from mtlens.grouping.partitions import Group, group_of

SHARE = 0.5
"""Largest shortfall of a task from its task-specific model, in margins: nearer to equal than to the margin."""


def cheapest_adequate(
    measured: Measured,
    groups: Sequence[Group],
    *,
    margin: float,
    cost: Callable[[Group], float],
    overlap: bool,
    alone: Collection[int] = (),
) -> Selection:
    """The cheapest family in which no task falls short of its own model by more than half of the margin.

    Of equally cheap families, that with the best total. groups: those that may be chosen, including single tasks, which are
    always adequate. Scores are means over seeds. alone: tasks that must not share a model, whatever the scores.
    """
    shared = np.array([group.bit_count() > 1 and group & group_of(alone) > 0 for group in groups])
    scores = measured.table(groups)[0]
    adequate = (measured.singles - scores <= SHARE * margin) & ~shared[:, None]
    candidates = Candidates.from_scores(groups, np.where(adequate, scores, np.nan), cost)
    family = best_within(candidates, budget=sum(cost(1 << task) for task in range(measured.num_tasks)), overlap=overlap)
    while True:
        try:
            family = best_within(candidates, budget=family.cost * (1 - 1e-6), overlap=overlap)
        except DataError:
            return family
