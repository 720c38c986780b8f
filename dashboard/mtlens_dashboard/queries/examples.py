"""On which texts do two kinds of models differ? Table `prediction`, by example: ids, classes, places of spans, never texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtlens.config.run_kinds import SINGLE
from mtlens.data.splits import TEST
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos, read_rows


@dataclass(frozen=True, kw_only=True)
class ExampleInfo:
    """One labelled test example under the seeds of two kinds of models.

    single, other: what most seeds predict. single_right, other_right: share of seeds that are right; of tags, that find all
    spans and no other. single_confidence, other_confidence: mean probability of the label; None where none are stored.
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

_SPANS = """
    WITH said AS (
        SELECT
            role, example_id, true_spans, mode(predicted_spans) AS predicted,
            avg(CAST(predicted_spans = true_spans AS INTEGER)) AS right_share
        FROM experiment_run JOIN prediction USING (run_id)
        WHERE experiment_id = $experiment_id AND role IN ($single, $kind) AND prediction.task = $task AND split = $split
            AND coalesce(selected, candidate = 0) AND true_spans IS NOT NULL
        GROUP BY role, example_id, true_spans
    ), class AS (SELECT classes FROM task WHERE experiment_id = $experiment_id AND task = $task)
    SELECT
        example_id, classes, single.true_spans, single.predicted, other.predicted, single.right_share, other.right_share
    FROM said AS single JOIN said AS other USING (example_id), class
    WHERE single.role = $single AND other.role = $kind AND single.right_share <> other.right_share
    ORDER BY abs(other.right_share - single.right_share) DESC, other.right_share DESC, example_id
"""


def examples(workspace: Workspace, experiment_id: str, task: str, kind: str) -> tuple[ExampleInfo, ...]:
    """Examples on which `kind` is right under more, or fewer, seeds than the task-specific models; the clearest first."""
    params = {"experiment_id": experiment_id, "task": task, "kind": kind, "single": SINGLE.name, "split": TEST}
    found = read_infos(workspace, ExampleInfo, _EXAMPLES, params)
    return found or tuple(_of_spans(*row) for row in read_rows(workspace, _SPANS, params).rows)


def _of_spans(
    example_id: str,
    classes: Sequence[str],
    truth: Sequence[int],
    single: Sequence[int],
    other: Sequence[int],
    single_right: float,
    other_right: float,
) -> ExampleInfo:
    """An example of a task of tags: each span by its type and characters."""
    return ExampleInfo(
        example_id=example_id,
        label=_listed(classes, truth),
        single=_listed(classes, single),
        other=_listed(classes, other),
        single_right=single_right,
        other_right=other_right,
        single_confidence=None,
        other_confidence=None,
    )


def _listed(classes: Sequence[str], spans: Sequence[int]) -> str:
    parts = zip(spans[::3], spans[1::3], spans[2::3], strict=True)
    return ", ".join(f"{classes[kind]} {begin}-{end}" for begin, end, kind in parts) or "(none)"
