"""Tasks whose affinities are known: what the estimators have to find."""

import numpy as np

from mtlens.grouping.estimators.base import mean_over_others
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities, Measured, Pairwise
from mtlens.grouping.partitions import all_groups, membership

SINGLES = np.array([0.6, 0.7, 0.8, 0.65, 0.75, 0.7, 0.8])

# clusters {0, 1} and {2, 3}, and task 4, whose labels are shuffled: it harms every task in its group and gains nothing
CLUSTERS = np.array([0, 0, 1, 1, 2])
PLANTED = np.where(CLUSTERS[:, None] == CLUSTERS, np.array([0.08, 0.08, 0.05, 0.05, 0.0]), -0.03)
PLANTED[4], PLANTED[:, 4] = -0.08, -0.02
FOUND = (0b00011, 0b01100, 0b10000)


def measured(affinity, *, num_seeds=3, noise=0.0, seed=0, additive=False):
    """Scores of all groups: alone + mean (or sum) of the affinities of the others, and noise for each seed."""
    generator = np.random.default_rng(seed)
    num_tasks = len(affinity)
    groups = all_groups(num_tasks)
    member = membership(groups, num_tasks)
    gains = np.nan_to_num(mean_over_others(member, affinity))
    if additive:
        gains *= member.sum(axis=1, keepdims=True) - 1
    scores = SINGLES[:num_tasks] + gains + noise * generator.normal(size=(num_seeds, *member.shape))
    return Measured(
        num_tasks=num_tasks, scores={(groups[row], j): scores[:, row, j] for row, j in np.argwhere(member).tolist()}
    )


def evidence(affinity, error=0.01):
    """Gradients and features that all say the same of pairs of tasks."""
    pairwise = Pairwise(values=affinity, errors=np.full(affinity.shape, error))
    return GradientAffinities(
        cosine=pairwise, lookahead=pairwise, first_order=pairwise, linearised=pairwise
    ), FeatureAffinities(cka=pairwise)
