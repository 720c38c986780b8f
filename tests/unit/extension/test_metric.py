"""A metric that mtlens does not know: one class and its registration carry it from the experiment file to the dashboard."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import sparse
from sklearn.metrics import jaccard_score

from mtlens.config.experiment import Experiment
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.statistics.equivalence import compare
from mtlens.statistics.metrics import METRICS, register
from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.task_predictions import TaskPredictions
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries


class Jaccard(Metric):
    """Mean over classes of hits over what is labelled or predicted as the class."""

    name = "jaccard"
    label = "Jaccard index"

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        classes = labels == np.arange(num_classes)[:, None]  # [C, n]
        chosen = predicted[:, None] == np.arange(num_classes)[:, None]  # [M, C, n]
        parts = [part.reshape(-1, len(labels)) for part in (chosen & classes, chosen | classes)]
        return sparse.csr_array(np.concatenate(parts).astype(float))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        hits, either = sums.reshape(len(sums), 2, -1, num_classes).transpose(1, 0, 2, 3)
        with np.errstate(invalid="ignore"):
            return np.nanmean(hits / either, axis=2)


@pytest.fixture
def jaccard():
    register(Jaccard())
    yield
    del METRICS[Jaccard.name]


@pytest.fixture
def content(search_plan):
    """An experiment whose first task is judged by the metric of this test, the second by that of its kind."""
    made = search_plan(2, seeds=(0, 1, 2)).experiment.model_dump()
    first, second = made["tasks"]
    return {**made, "search": None, "tasks": [{**first, "metric": "jaccard"}, second]}


def test_a_new_metric_reaches_training_store_verdicts_and_dashboard(jaccard, content, tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    plan = make_plan(Experiment.model_validate(content), [tmp_path])
    results = run_experiment(plan, workspace, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}

    rows = query(workspace, "SELECT task, metric FROM matching WHERE kind = 'multi'").rows
    assert rows == [("a", "jaccard"), ("b", "macro_f1"), (None, None)]
    stored = "SELECT list(label ORDER BY example_id), list(predicted ORDER BY example_id), any_value(value) FROM prediction"
    stored += " JOIN score USING (run_id, split, task) WHERE task = 'a' AND split = 'test' AND metric = 'jaccard'"
    scored = query(workspace, f"{stored} GROUP BY run_id").rows
    assert len(scored) == 6
    for labels, predicted, value in scored:
        assert value == pytest.approx(jaccard_score(labels, predicted, average="macro"))

    info = queries.matching(workspace, plan.experiment.experiment_id, "multi")
    assert [match.metric for match in info.rows] == ["jaccard", "macro_f1", None]
    assert "margins, multi-task minus task-specific" in figures.forest(info).to_json()
    assert {"jaccard"} < {score.metric for score in queries.scores(workspace, plan.experiment.experiment_id)}


def test_one_jackknife_serves_every_metric(jaccard):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 400)
    models = [[np.where(generator.random(400) < 0.1, 2 - labels, labels) for _ in range(3)] for _ in range(2)]
    numbers = np.arange(400)

    def task(metric: str) -> TaskPredictions:
        return TaskPredictions(
            task="grade", num_classes=3, metric=metric, example=numbers, cluster=numbers // 2, labels=labels,
            baseline=np.stack(models[0]), candidate=np.stack(models[1]),
        )  # fmt: skip

    found, mean = compare([task("jaccard")], margin=0.1)
    expected = [[jaccard_score(labels, predicted, average="macro") for predicted in kind] for kind in models]
    assert found.difference == pytest.approx(np.mean(expected[1]) - np.mean(expected[0]))
    assert found.method.startswith("Jaccard index paired by example and seed")
    assert (found.metric, found.verdict, mean.metric) == ("jaccard", "matches", "jaccard")
    mixed = compare([task("jaccard"), task("accuracy")], margin=0.1)[-1]
    assert mixed.metric is None
    assert mixed.margin == 1.0
    assert mixed.method.startswith("scores paired by example and seed")
    assert mixed.method.endswith("mean over tasks of differences divided by their margins")


def test_a_file_may_name_registered_metrics_only(content):
    with pytest.raises(ValidationError, match=r"metric should be one of macro_f1, .*; found 'jaccard'"):
        Experiment.model_validate(content)


def test_a_metric_that_is_not_named_changes_no_id(search_plan):
    experiment = search_plan(2).experiment
    tasks = tuple(task.model_copy(update={"metric": "accuracy"}) for task in experiment.tasks)
    assert "metric" not in experiment.tasks[0].model_dump()
    assert experiment.model_copy(update={"tasks": tasks}).experiment_id != experiment.experiment_id
