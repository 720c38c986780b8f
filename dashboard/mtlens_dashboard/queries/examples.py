"""On which texts do two kinds of models differ? Table `prediction`, by example: ids, classes and probabilities, never texts."""

from dataclasses import dataclass

from mtlens.config.run_kinds import SINGLE
from mtlens.data.splits import TEST
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class ExampleInfo:
    """One labelled test example under the seeds of two kinds of models.

    single, other: what most seeds predict. single_right, other_right: share of seeds that are right. single_confidence,
    other_confidence: mean probability of the label; None where no probabilities are stored.
    """

    example_id: str
    label: str
    single: str
    other: str
    single_right: float
    other_right: float
    single_confidence: float | None
    other_confidence: float | None


_EXAMPLES = """
    WITH said AS (
        SELECT
            role, example_id, prediction.label, mode(predicted) AS predicted,
            avg(CAST(predicted = prediction.label AS INTEGER)) AS right_share,
            avg(probabilities[prediction.label + 1]) AS confidence
        FROM experiment_run JOIN prediction USING (run_id)
        WHERE experiment_id = $experiment_id AND role IN ($single, $kind) AND prediction.task = $task AND split = $split
            AND coalesce(selected, candidate = 0)
        GROUP BY role, example_id, prediction.label
    ), class AS (SELECT classes FROM task WHERE experiment_id = $experiment_id AND task = $task)
    SELECT
        example_id, coalesce(classes[single.label + 1], CAST(single.label AS VARCHAR)) AS label,
        coalesce(classes[single.predicted + 1], CAST(single.predicted AS VARCHAR)) AS single,
        coalesce(classes[other.predicted + 1], CAST(other.predicted AS VARCHAR)) AS other,
        single.right_share AS single_right, other.right_share AS other_right, single.confidence AS single_confidence,
        other.confidence AS other_confidence
    FROM said AS single JOIN said AS other USING (example_id), class
    WHERE single.role = $single AND other.role = $kind AND single.right_share <> other.right_share
    ORDER BY abs(other.right_share - single.right_share) DESC, other.right_share DESC, example_id
"""


def examples(workspace: Workspace, experiment_id: str, task: str, kind: str) -> tuple[ExampleInfo, ...]:
    """Examples on which `kind` is right under more, or fewer, seeds than the task-specific models; the clearest first."""
    params = {"experiment_id": experiment_id, "task": task, "kind": kind, "single": SINGLE.name, "split": TEST}
    return read_infos(workspace, ExampleInfo, _EXAMPLES, params)
