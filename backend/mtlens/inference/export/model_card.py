"""The model card: results of the family from the store, and its limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtlens.config.experiment import Experiment
from mtlens.config.run_kinds import FAMILY, MULTI
from mtlens.config.run_kinds import label_of as label_of_kind
from mtlens.data.splits import TEST
from mtlens.execution.plan import Plan
from mtlens.inference.export.metadata import metadata
from mtlens.inference.export.onnx_family import OnnxReport
from mtlens.inference.export.recommended import FamilyMember, not_learnt, recommended_kind
from mtlens.inference.export.stored_models import StoredModels, StoredPredictions
from mtlens.inference.export.usage import usage
from mtlens.inference.model.calibration import Calibration, log_loss, rescaled
from mtlens.inference.model.family_config import FamilyConfig
from mtlens.inference.segmentation.scoring import TagScore
from mtlens.statistics.comparison import Comparison
from mtlens.statistics.metrics.calibration_error import expected_calibration_error
from mtlens.statistics.shown import Unit
from mtlens.store.analysis.training_end import warning
from mtlens.store.database.reader import query
from mtlens.store.plain_text import markdown_cell
from mtlens.store.remarks import remarks
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import kind_of, metric_object, metric_of

_MATCHING = """
    SELECT coalesce(task, 'mean') AS task, metric, single_mean, multi_mean, verdict
    FROM matching WHERE experiment_id = ? AND kind = ?
"""
_IMPROVING = """
    SELECT task, list_distinct(flatten(list(still_improving)))
    FROM matching WHERE experiment_id = ? AND list_contains(?, kind) AND task IS NOT NULL AND len(still_improving) > 0
    GROUP BY task ORDER BY task
"""
_REMARKS = """
    SELECT kind, coalesce(task, 'mean') AS task, verdict, needed, not_learnt, single_collapsed, multi_collapsed
    FROM matching WHERE experiment_id = ? AND kind = ? AND len(not_learnt) + len(single_collapsed) + len(multi_collapsed) > 0
"""
_ARM = "SELECT statement FROM arms WHERE experiment_id = ? AND recommended"
_DECIDED = "SELECT 1 FROM grouping WHERE experiment_id = ? AND recommended"
_EVIDENCE = """
    SELECT if(scope = 'group', 'every task', array_to_string(tasks, ', ')), measured, cka, gradients, agreement
    FROM verdicts WHERE experiment_id = ? AND scope <> 'pair'
"""
_SEGMENTS = "- It reads English reports on the motion segments named above. What no sentence mentions it does not grade.\n"
_WHOLE = "- It reads texts like those that it was trained on, each as a whole, and tells no motion segments apart.\n"
_CALIBRATED = """
One temperature a task divides its logits. It is fitted on validation, with a prior around 1, and stays 1 unless five-fold
cross-validation there finds it better. Validation and test are mean log losses (less is better) before and after; those after
on validation are of temperatures that were fitted to the other folds.
"""
_LIMITS = """\
- Its probabilities are calibrated on reports like those it was validated on; elsewhere they may be too sure.
- It is no medical device. Findings need a reader who sees the sentence that each was read from.
"""


def write_card(
    out: Path,
    config: FamilyConfig,
    source: StoredModels,
    members: Sequence[FamilyMember],
    calibrations: Mapping[str, Calibration],
    precisions: Sequence[Comparison],
    taggers: Mapping[str, TagScore],
    onnx: OnnxReport | None,
) -> None:
    """README.md of an exported folder."""
    plan, workspace = source.plan, source.workspace
    experiment_id = plan.experiment.experiment_id
    parts = [
        metadata(config, source, members),
        f"# {config.name}\n\nText classifiers exported by mtlens; load them with `mtlens.load_family(folder)`.\n",
        (
            f"- encoder: {plan.pretrained.name} (fingerprint {plan.pretrained.fingerprint[:16]})\n"
            f"- data: {len(plan.examples.ids):,} texts, fingerprint {plan.examples.fingerprint}; experiment {experiment_id}\n"
            f"- reads: {_reads(config)}\n- precision: {config.precision}\n"
        ),
        "## Tasks\n",
        _table(
            ["task", "classes", "model", "why this model", "test score"],
            [row for member in members for row in _task_rows(config, source, member)],
        ),
        _calibration(calibrations, source, members),
        _trained_on(plan),
        matching(workspace, experiment_id),
        f"\nScores are means over seeds: {_metrics(plan.experiment)}.\n",
        "## Does the evidence explain it?\n",
        _table(["tasks", "measured", "CKA", "gradients", "evidence"], query(workspace, _EVIDENCE, [experiment_id]).rows),
        "\n## Weights rounded to bfloat16 against weights as trained\n",
        _changed("bfloat16", precisions),
        _graphs(onnx),
        _tagging(taggers),
        usage(config, out),
        f"\n## Limits\n\n{_SEGMENTS if config.levels else _WHOLE}{_useless(workspace, experiment_id)}{_LIMITS}",
    ]
    (out / "README.md").write_text("\n".join(parts))


def _trained_on(plan: Plan) -> str:
    """On which texts the models of an experiment with folds were trained."""
    if plan.examples.folds is None:
        return ""
    count = plan.examples.folds.count
    return (
        f"\nThese models are trained on the texts of all {count} folds, and the scores in the table above are on texts that "
        "were kept out of all folds. The comparison below is of models that each left one fold out, and were tested on it.\n"
    )


def _useless(workspace: Workspace, experiment_id: str) -> str:
    """Tasks whose predictions are of no use."""
    return "".join(
        f"- Its predictions of {task} are of no use: the task was not learnt ({reason}).\n"
        for task, reason in not_learnt(workspace, experiment_id).items()
    )


def _metrics(experiment: Experiment) -> str:
    """Metrics and margins of its tasks."""
    of_tasks = [(Unit(metric_of(task)), experiment.margins[task.name]) for task in experiment.tasks]
    return ", ".join(sorted({f"{unit.name} (margin {unit.margin(margin)})" for unit, margin in of_tasks}))


def _matching_rows(workspace: Workspace, experiment_id: str, kind: str) -> list[tuple[object, ...]]:
    """Task, scores in the unit of its metric, and verdict."""
    rows = query(workspace, _MATCHING, [experiment_id, kind]).rows
    return [
        (task, Unit(metric).score(single), Unit(metric).score(multi), verdict) for task, metric, single, multi, verdict in rows
    ]


def _reads(config: FamilyConfig) -> str:
    if config.levels:
        return f"the motion segments {', '.join(config.levels)}"
    return f"whole texts, of each at most {config.max_length:,} tokens, as in training"


def _changed(name: str, compared: Sequence[Comparison]) -> str:
    """What another precision changes."""
    rows = [
        (
            comparison.task or "mean",
            Unit(comparison.metric).score(comparison.baseline_mean),
            Unit(comparison.metric).score(comparison.candidate_mean),
            "matches" if comparison.equivalent else comparison.verdict,
        )
        for comparison in compared
    ]
    return _table(["task", "as trained", name, "verdict"], rows)


def _graphs(onnx: OnnxReport | None) -> str:
    if onnx is None:
        return ""
    speeds = [(name, speed.texts_per_second, speed.milliseconds) for name, speed in onnx.speeds.items()]
    kept = "kept" if "onnx-int8" in onnx.speeds else "not kept, as a task does not match"
    return (
        "\n## ONNX\n\n`model.onnx` is one graph of all models with dynamic shapes. On test texts no probability differs by "
        f"more than {onnx.largest_difference:.1g} from that of PyTorch in float32. "
        f"Used here on a CPU: {onnx.fastest}, the fastest.\n\n"
        f"{_table(['runtime', 'texts a second', 'ms for one text'], speeds)}\n\n"
        f"Weights in int8 ({kept}):\n\n{_changed('int8', onnx.int8)}"
    )


def _tagging(taggers: Mapping[str, TagScore]) -> str:
    if not taggers:
        return ""
    names = ["tagger", "precision", "recall", "sentences tagged right"]
    rows = [
        (name, *(f"{value:.4f}" for value in (score.precision, score.recall, score.exact))) for name, score in taggers.items()
    ]
    about = f"On synthetic reports of practices that no training saw. Used here: {list(taggers)[-1]}."
    return f"\n## Which sentences speak of a motion segment?\n\n{_table(names, rows)}\n\n{about}"


def matching(workspace: Workspace, experiment_id: str) -> str:
    """Comparisons with the task-specific models: of the multi-task model, and of the family if a search chose it."""
    names = ["task", "task-specific", "multi-task", "verdict"]
    parts = ["\n## Does one multi-task model match the task-specific ones?\n"]
    parts.append(_table(names, _matching_rows(workspace, experiment_id, MULTI.name)))
    found = query(workspace, _REMARKS, [experiment_id, MULTI.name])
    lines = [remark for row in found.rows for remark in remarks(dict(zip(found.columns, row, strict=True)))]
    parts += ["", *(f"- {line}" for line in lines)] if lines else []
    arm = recommended_kind(workspace, experiment_id)
    if arm != MULTI.name:
        parts.append(f"\n## Does the one model chosen on validation ({label_of_kind(arm)})?\n")
        parts.append(_table([*names[:2], arm, *names[3:]], _matching_rows(workspace, experiment_id, arm)))
        parts += [f"\n{statement}." for (statement,) in query(workspace, _ARM, [experiment_id]).rows]
    family = _matching_rows(workspace, experiment_id, FAMILY.name)
    if family and query(workspace, _DECIDED, [experiment_id]).rows:
        parts.append("\n## Does this family, on which a search over groups of tasks decided?\n")
        parts.append(_table([*names[:2], "family", *names[3:]], family))
        parts.append("\nTasks that keep a model of their own are not compared.")
    compared = [MULTI.name, FAMILY.name, arm]
    parts += [
        f"\nWarning: {task}: {warning(kinds)}." for task, kinds in query(workspace, _IMPROVING, [experiment_id, compared]).rows
    ]
    return "\n".join(parts)


def _task_rows(config: FamilyConfig, source: StoredModels, member: FamilyMember) -> list[tuple[object, ...]]:
    why = dict(zip(member.serves, member.why, strict=True))
    seeds = f"; of {len(member.run_ids)} seeds, the best on validation" if len(member.run_ids) > 1 else ""
    rows: list[tuple[object, ...]] = []
    for task in config.tasks:
        if task.name in member.serves:
            stored = source.predictions(member.exported, task.name, TEST)
            metric = metric_object(task)
            labels, predicted = (stored.columns[name] for name in kind_of(task).columns[metric.reads])
            score = f"{Unit(metric_of(task)).score(metric.value(labels, predicted, len(task.classes)))}"
            classes = ", ".join(task.classes) or task.kind
            rows.append((task.name, classes, member.exported, why[task.name] + seeds, score))
    return rows


def _calibration(calibrations: Mapping[str, Calibration], source: StoredModels, members: Sequence[FamilyMember]) -> str:
    """Temperatures and what was measured of them; nothing for a family without probabilities of single classes."""
    if not calibrations:
        return ""
    names = ["task", "temperature", "fitted", "validation", "after", "test", "after", "calibration error on test", "after"]
    exported = {task: member.exported for member in members for task in member.serves}
    rows = [
        (task, *_measured(calibration, source.predictions(exported[task], task, TEST)))
        for task, calibration in calibrations.items()
    ]
    return f"\n## Calibration\n\n{_table(names, rows)}\n{_CALIBRATED}"


def _measured(calibration: Calibration, test: StoredPredictions) -> list[str]:
    labels, before = test.columns["label"], test.columns["probabilities"]
    after = rescaled(before, calibration.temperature)
    losses = (log_loss(labels, before), log_loss(labels, after))
    errors = (expected_calibration_error(labels, before), expected_calibration_error(labels, after))
    return [
        f"{value:.3f}"
        for value in (calibration.temperature, calibration.fitted, calibration.before, calibration.after, *losses, *errors)
    ]


def _table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else markdown_cell(str(value))
