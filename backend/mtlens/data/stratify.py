"""Assigns clusters of examples to splits, so that sizes are met and rare classes occur in each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.tasks import MISSING

OPEN = -1


def allot(
    clusters: NDArray[np.int32],
    labels: NDArray[np.int32],
    fixed: NDArray[np.int8],
    keys: NDArray[np.uint64],
    shares: tuple[float, ...],
) -> NDArray[np.int8]:
    """Split of each row, `[n]`, the same for all rows of a cluster; no row is assigned to a split of share 0.

    labels `[n, T]`. fixed: split of the row's cluster if that is settled, else OPEN. keys: random numbers that break ties, so
    that the order of the rows does not matter.

    Greedy: large clusters come first, and each is assigned to the split in which its classes are furthest below their share; a
    class has the weight of the part of it that is in the cluster, so rare classes weigh most. After the iterative
    stratification of Sechidis et al. 2011; counting half of the cluster itself, as Sainte-Laguë's divisors do for seats,
    favours neither large nor small splits.
    """
    _, cluster = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(cluster)
    counts = _class_counts(cluster, labels)
    totals = np.asarray(counts.sum(axis=0))
    of_cluster = np.full(len(sizes), OPEN, dtype=np.int8)
    of_cluster[cluster] = fixed
    filled = np.stack([np.asarray(counts[of_cluster == split].sum(axis=0)) for split in range(len(shares))])
    allowed = np.flatnonzero(shares)
    targets = np.array(shares)[:, None] * totals
    random = np.full(len(sizes), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(random, cluster, keys)
    for index in np.lexsort((random, -sizes)):
        if of_cluster[index] == OPEN:
            part = slice(counts.indptr[index], counts.indptr[index + 1])
            columns, held = counts.indices[part], counts.data[part]
            fullness = (filled[np.ix_(allowed, columns)] + held / 2) / targets[np.ix_(allowed, columns)]
            chosen = allowed[(fullness @ (held / totals[columns])).argmin()]
            of_cluster[index] = chosen
            filled[chosen, columns] += held
    return of_cluster[cluster]


def _class_counts(cluster: NDArray[np.intp], labels: NDArray[np.int32]) -> Any:
    """Sparse `[clusters, 1 + all classes]`: rows of each cluster, then its labels of each class of each task."""
    num_classes = int(labels.max(initial=0)) + 1
    rows, tasks = np.nonzero(labels != MISSING)
    columns = np.concatenate([np.zeros(len(cluster), dtype=np.int64), 1 + tasks * num_classes + labels[rows, tasks]])
    shape = (int(cluster.max()) + 1, 1 + labels.shape[1] * num_classes)
    counts = sparse.csr_array((np.ones(len(columns)), (np.concatenate([cluster, cluster[rows]]), columns)), shape=shape)
    counts.sum_duplicates()
    return counts
