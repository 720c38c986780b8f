"""Affinities of pairs of tasks from the store: what a search knows before it trains its first group."""

from mtlens.config.experiment import Experiment
from mtlens.grouping.estimators import CKA, COSINE, FIRST_ORDER, LINEARISED, TAG
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities
from mtlens.store.analysis.group_scores import pairwise_of
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace

_AFFINITIES = "SELECT method, task_from, task_for, value, standard_error FROM affinity WHERE experiment_id = ? ORDER BY ALL"


def stored_affinities(workspace: Workspace, experiment: Experiment) -> tuple[GradientAffinities, FeatureAffinities]:
    """Affinities of the experiment's tasks, without methods that were not computed. Reads the newest snapshot."""
    tasks = tuple(task.name for task in experiment.tasks)
    rows = query(workspace, _AFFINITIES, [experiment.experiment_id]).rows
    cosine, lookahead, first_order, linearised, cka = (
        pairwise_of([(pair[0], pair[1], pair[2], pair[3]) for name, *pair in rows if name == method.name], tasks)
        for method in (COSINE, TAG, FIRST_ORDER, LINEARISED, CKA)
    )
    gradients = GradientAffinities(cosine=cosine, lookahead=lookahead, first_order=first_order, linearised=linearised)
    return gradients, FeatureAffinities(cka=cka)
