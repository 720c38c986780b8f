"""The first lines of a model card as the Hugging Face hub reads them: library, task, base model, and results (`model-index`).

Each task has two results: the score of the exported model on test, and how much the multi-task model differs from the
task-specific ones (also the single model chosen on validation, and the family found by a search), with interval, margin and
verdict among its arguments.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from mtlens.config.run_kinds import FAMILY, MULTI
from mtlens.config.task import Task
from mtlens.data.splits import TEST
from mtlens.inference.export.recommended import FamilyMember, recommended_kind
from mtlens.inference.export.stored_models import StoredModels
from mtlens.inference.model.family_config import FamilyConfig
from mtlens.statistics.metrics import label_of
from mtlens.store.database.reader import query
from mtlens.tasks import kind_of, metric_object, metric_of

_KINDS = (MULTI.name, FAMILY.name)
_DIFFERENCES = """
    SELECT kind, task, difference, low90, high90, margin, seeds, examples, verdict
    FROM matching WHERE experiment_id = ? AND list_contains(?, kind) AND task IS NOT NULL ORDER BY kind, task
"""
_HUB_METRICS = {"macro_f1": "f1", "accuracy": "accuracy"}
"""Names under which the hub knows metrics."""


def metadata(config: FamilyConfig, source: StoredModels, members: Sequence[FamilyMember]) -> str:
    """The YAML block, with the lines of three dashes around it."""
    tasks = {task.name: task for task in config.tasks}
    scores = [_score(source, tasks[name], member) for member in members for name in member.serves]
    experiment_id = source.plan.experiment.experiment_id
    kinds = [*_KINDS, recommended_kind(source.workspace, experiment_id)]
    result = query(source.workspace, _DIFFERENCES, [experiment_id, kinds])
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    differences = [_difference(source, tasks[row["task"]], row) for row in rows if row["difference"] is not None]
    name = source.plan.pretrained.name
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="token-classification" if all(map(_is_of_tokens, tasks.values())) else "text-classification",
        base_model=None if Path(name).is_absolute() else name,
        tags=["mtlens", "multi-task-learning"],
        model_name=config.name,
        eval_results=[*scores, *differences],
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _score(source: StoredModels, task: Task, member: FamilyMember) -> EvalResult:
    stored = source.predictions(member.exported, task.name, TEST)
    metric, name = metric_object(task), metric_of(task)
    labels, predicted = (stored.columns[column] for column in kind_of(task).columns[metric.reads])
    value = metric.value(labels, predicted, len(task.classes))
    return _result(source, task, _HUB_METRICS.get(name, name), label_of(name), value, {"examples": len(labels)})


def _difference(source: StoredModels, task: Task, row: dict[str, Any]) -> EvalResult:
    name = f"{label_of(metric_of(task))}, {row['kind']} minus task-specific"
    interval = None if row["low90"] is None else [row["low90"], row["high90"]]
    arguments = {"interval_90": interval, **{key: row[key] for key in ("margin", "seeds", "examples", "verdict")}}
    return _result(source, task, "difference", name, row["difference"], arguments)


def _is_of_tokens(task: Task) -> bool:
    return kind_of(task).reads_tokens


def _result(source: StoredModels, task: Task, kind: str, name: str, value: float, arguments: dict[str, Any]) -> EvalResult:
    experiment = source.plan.experiment
    return EvalResult(
        task_type="token-classification" if _is_of_tokens(task) else "text-classification",
        task_name=task.name,
        dataset_type=experiment.name,
        dataset_name=experiment.name,
        dataset_config=task.name,  # by which the hub tells the tasks apart
        dataset_split=TEST,
        dataset_revision=source.plan.examples.fingerprint,
        metric_type=kind,
        metric_name=name,
        metric_value=float(value),
        metric_args=arguments,
    )
