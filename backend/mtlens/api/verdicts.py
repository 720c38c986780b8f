"""Verdicts on existing predictions, without training: the same tests as for the models that mtlens trains."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from mtlens.api.arguments import as_array, as_margin
from mtlens.api.tables import Shown, Table, verdict_about, verdict_cells, verdict_headings
from mtlens.errors import DataError
from mtlens.statistics import equivalence
from mtlens.statistics.metrics import DEFAULT, unit_of
from mtlens.store.remarks import remarks

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True, repr=False)
class Verdicts(Shown):
    """One comparison per task; the last is that of the means over tasks."""

    comparisons: tuple[equivalence.Comparison, ...]

    def to_frame(self) -> "pd.DataFrame":
        """One row per comparison, with columns named as in view `matching`; the mean over tasks has no task."""
        import pandas as pd

        return pd.DataFrame([_row(comparison) for comparison in self.comparisons])

    def figure(self) -> "go.Figure":
        """Forest plot: each difference with its intervals, the margin shaded."""
        from mtlens.api.figures import forest

        return forest([_row(comparison) for comparison in self.comparisons])

    def _table(self) -> Table:
        rows = [{**_row(comparison), "task": comparison.task or "mean"} for comparison in self.comparisons]
        return Table(
            title=f"Multi-task against task-specific models ({verdict_about(rows)})",
            headings=verdict_headings(rows),
            rows=verdict_cells(rows),
            notes=[remark for row in rows for remark in remarks(row)],
        )


def compare(
    single: object,
    multi: object,
    labels: object,
    *,
    margin: float | Mapping[str, float],
    clusters: object | None = None,
    metric: str | Mapping[str, str] = DEFAULT,
) -> Verdicts:
    """Does the multi-task model match the task-specific ones within `margin`? From predictions of both, without training.

    single, multi: predicted classes `[seeds, examples]`, row by row under the same seeds. labels: true classes
    `[examples]`; None or NaN is not labelled. For several tasks, all three are dicts from the task's name to its array, over
    the same examples. clusters: `[examples]`, such as the patient; examples of one cluster are not independent.
    metric: a metric, such as macro_f1, accuracy or f1(severe); margin: in its unit. Both may be dicts from tasks. For
    mean_absolute_error, r2, pearson and spearman, predictions and labels are numbers; for roc_auc, pr_auc, loss
    and ece, predictions are probabilities `[seeds, examples, classes]` of the classes in their order.

    >>> import numpy as np
    >>> import mtlens
    >>> labels = np.tile(["none", "mild", "severe"], 200)
    >>> rng = np.random.default_rng(0)
    >>> def model():
    ...     return np.where(rng.random(600) < 0.9, labels, "none")
    >>> single, multi = [model() for _ in range(3)], [model() for _ in range(3)]
    >>> verdicts = mtlens.compare(single, multi, labels, margin=0.05)
    >>> verdicts.to_frame()["verdict"].tolist()  # of the task, and of the mean over tasks
    ['matches', 'matches']
    >>> figure = verdicts.figure()  # of Plotly; a notebook shows it

    Raises DataError for arrays that do not fit together, and ExperimentError for an unknown metric.
    """
    from mtlens.api.predictions import task_predictions

    by_task = [_by_task(value, name) for name, value in (("single", single), ("multi", multi), ("labels", labels))]
    names = list(by_task[2])
    for name, tasks in zip(("single", "multi"), by_task, strict=False):
        if set(tasks) != set(names):
            raise DataError(f"{name} should have the tasks of the labels, {names}; found {list(tasks)}")
    lengths = {name: len(as_array(by_task[2][name], f"labels of task {name!r}", ("examples",))) for name in names}
    if len(set(lengths.values())) > 1:
        raise DataError(f"labels should be of the same examples in every task; found {lengths}")
    margins, metrics = (_of_each(value, names, what) for value, what in ((margin, "margin"), (metric, "metric")))
    tasks = [
        task_predictions(name, by_task[0][name], by_task[1][name], by_task[2][name], clusters, metrics[name]) for name in names
    ]
    most = {name: 1.0 if unit_of(metrics[name])[0] > 1 else math.inf for name in names}
    checked = {name: as_margin(margins[name], most[name]) for name in names}
    return Verdicts(comparisons=equivalence.compare(tasks, margin=checked))


def _by_task(value: object, what: str) -> dict[str, object]:
    """Arrays by task; a bare array is that of a task called `task`."""
    if not isinstance(value, Mapping):
        return {"task": value}
    tasks = {str(name): array for name, array in cast("Mapping[object, object]", value).items()}
    if not tasks:
        raise DataError(f"{what} should have at least one task; found none")
    return tasks


def _of_each(value: object, names: Sequence[str], what: str) -> dict[str, Any]:
    """A value by task, from one for all or a dict."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(names, value)
    of_tasks = dict(cast("Mapping[str, Any]", value))
    if set(of_tasks) != set(names):
        raise DataError(f"{what} should be of the tasks {list(names)}; found {list(of_tasks)}")
    return of_tasks


def _row(comparison: equivalence.Comparison) -> dict[str, Any]:
    return {
        "task": comparison.task,
        "metric": comparison.metric,
        "single_mean": comparison.baseline_mean,
        "multi_mean": comparison.candidate_mean,
        "single_per_seed": comparison.baseline_per_seed,
        "multi_per_seed": comparison.candidate_per_seed,
        "difference": comparison.difference,
        "low90": comparison.low90,
        "high90": comparison.high90,
        "low95": comparison.low95,
        "high95": comparison.high95,
        "seeds": comparison.num_seeds,
        "examples": comparison.num_examples,
        "clusters": comparison.num_clusters,
        "margin": comparison.margin,
        "verdict": comparison.verdict,
        "needed": comparison.needed,
        "not_learnt": comparison.not_learnt,
        "single_collapsed": comparison.baseline_collapsed,
        "multi_collapsed": comparison.candidate_collapsed,
        "p_equivalence": comparison.adjusted_p_equivalence,
        "p_difference": min(comparison.adjusted_p_better, comparison.adjusted_p_worse),
        "disagreement_rate": comparison.disagreement_rate,
        "method": comparison.method,
    }
