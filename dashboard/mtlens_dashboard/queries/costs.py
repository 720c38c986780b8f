"""What one multi-task model costs against the task-specific models that it would replace."""

from dataclasses import dataclass

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class CostInfo:
    """The models of one kind that serve all tasks once, mean over seeds and sum over models.

    parameters: weights to store; seconds: training; inference_seconds: predicting the test split, None where no run says.
    """

    role: str
    models: int
    seeds: int
    parameters: float | None
    trainable_parameters: float | None
    seconds: float | None
    inference_seconds: float | None
    peak_memory_bytes: float | None


_COSTS = """
    WITH model AS (
        SELECT
            role, run.tasks, count(DISTINCT seed) AS seeds, avg(parameters) AS parameters,
            avg(trainable_parameters) AS trainable_parameters, avg(seconds) AS seconds,
            avg(TRY_CAST(facts ->> 'inference_seconds' AS DOUBLE)) AS inference_seconds,
            max(peak_memory_bytes) AS peak_memory_bytes
        FROM experiment_run JOIN run USING (run_id)
        WHERE experiment_id = $experiment_id AND coalesce(selected, candidate = 0) AND state = 'done'
        GROUP BY role, run.tasks
    )
    SELECT
        role, count(*) AS models, min(seeds) AS seeds, CAST(sum(parameters) AS DOUBLE) AS parameters,
        CAST(sum(trainable_parameters) AS DOUBLE) AS trainable_parameters, sum(seconds) AS seconds,
        if(count(inference_seconds) = count(*), sum(inference_seconds), NULL) AS inference_seconds,
        CAST(max(peak_memory_bytes) AS DOUBLE) AS peak_memory_bytes
    FROM model GROUP BY role
    HAVING len(list_distinct(flatten(list(tasks)))) >= (SELECT count(*) FROM task WHERE experiment_id = $experiment_id)
    ORDER BY list_position(['single', 'multi', 'adapter', 'shuffled'], role)
"""


def costs(workspace: Workspace, experiment_id: str) -> tuple[CostInfo, ...]:
    """Cost per kind of model, from the finished runs that are compared; of a kind only once these serve all tasks."""
    return read_infos(workspace, CostInfo, _COSTS, {"experiment_id": experiment_id})
