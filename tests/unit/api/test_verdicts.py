"""Verdicts on arrays are those that the store computes, and arrays that do not fit are named."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

import mtlens
from mtlens.errors import DataError, ExperimentError, MtlensError
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

LABELS = np.tile(["none", "mild", "severe"], 40)
SAME = ("metric", "single_mean", "multi_mean", "difference", "low90", "high90", "low95", "high95", "examples", "clusters",
        "verdict", "needed", "disagreement_rate", "method")  # fmt: skip


def models(rate=0.9, seeds=3, labels=LABELS):
    generator = np.random.default_rng(int(100 * rate))
    return np.where(generator.random((seeds, len(labels))) < rate, labels, "none")


def test_verdicts_are_those_of_the_store_to_the_digit(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake = fake_runs.fake_experiment(num_examples=180)
    fake_runs.finish_all(workspace, fake)
    ingest(workspace)
    frame = mtlens.open(workspace.root).predictions()
    frame = frame[frame["split"] == "test"]

    def arrays(role):
        chosen = frame[frame["role"] == role].sort_values(["task", "seed", "example_id"])
        return {task: np.stack([of["predicted"] for _, of in own.groupby("seed")]) for task, own in chosen.groupby("task")}

    one = frame[(frame["role"] == "multi") & (frame["seed"] == 0)].sort_values("example_id")
    labels = {task: own["label"] for task, own in one.groupby("task")}
    clusters = query(workspace, "SELECT cluster FROM example WHERE split = 'test' ORDER BY example_id").rows
    verdicts = mtlens.compare(arrays("single"), arrays("multi"), labels, margin=0.1, clusters=[own for (own,) in clusters])
    stored = query(workspace, f"SELECT task, {', '.join(SAME)} FROM comparison ORDER BY task NULLS LAST").rows
    found = verdicts.to_frame()
    assert [
        (row.task if isinstance(row.task, str) else None, *(getattr(row, name) for name in SAME)) for row in found.itertuples()
    ] == [tuple("" if value is None and index == 12 else value for index, value in enumerate(row)) for row in stored]
    assert len(stored) == 3


@pytest.mark.parametrize(
    "convert",
    [
        list,
        lambda array: array.tolist(),
        pd.DataFrame,
        lambda array: torch.tensor(place(array)),
        lambda array: place(array) * 1.0,
    ],
    ids=["rows", "lists", "frame", "tensor", "floats"],
)
def test_arrays_of_any_kind_mean_the_same(convert):
    expected = mtlens.compare(models(0.9), models(0.8), LABELS, margin=0.05).to_frame()
    single, multi = convert(models(0.9)), convert(models(0.8))
    numbered = isinstance(single, torch.Tensor) or (isinstance(single, np.ndarray) and single.dtype.kind == "f")
    found = mtlens.compare(single, multi, place(LABELS) if numbered else LABELS, margin=0.05).to_frame()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)


def place(array):
    return np.searchsorted(["mild", "none", "severe"], array)


def test_examples_without_a_label_do_not_count():
    labels = LABELS.astype(object)
    labels[:30] = None
    found = mtlens.compare(models(0.9), models(0.8), labels, margin=0.05).to_frame()
    expected = mtlens.compare(models(0.9)[:, 30:], models(0.8)[:, 30:], LABELS[30:], margin=0.05).to_frame()
    assert found["examples"].tolist() == [90, 90]
    pd.testing.assert_frame_equal(found, expected)


def test_clusters_widen_the_interval_of_equal_neighbours():
    repeated = [np.repeat(array, 5, axis=-1) for array in (models(0.9), models(0.8), LABELS)]
    patients = [f"p{i // 5}" for i in range(5 * len(LABELS))]
    wide = mtlens.compare(*repeated, margin=0.05, clusters=patients).comparisons[0]
    narrow = mtlens.compare(*repeated, margin=0.05).comparisons[0]
    assert wide.num_clusters == len(LABELS)
    assert wide.standard_error > 1.05 * narrow.standard_error  # the variance between seeds is the same


def test_a_table_and_a_figure_show_the_verdicts_and_escape_names():
    hostile = "<script>alert(1)</script>"
    verdicts = mtlens.compare({hostile: models(0.9)}, {hostile: models(0.8)}, {hostile: LABELS}, margin=0.05, metric="accuracy")
    page = verdicts._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "accuracy x 100, margin 5" in page
    assert hostile in repr(verdicts)
    assert repr(verdicts).splitlines()[-1].startswith("mean")
    figure = verdicts.figure()
    assert figure.layout.meta["title"]
    assert "<script>" not in figure.to_json()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"single": models(0.9)[0]},
            DataError,
            r"single of task 'task' should be an array \[seeds, examples\]; found shape \[120\]",
        ),
        (
            {"multi": models(0.9, seeds=2)},
            DataError,
            r"multi of task 'task' should be \[seeds, examples\] = \[3, 120\].*; found \[2, 120\]",
        ),
        ({"single": models(0.9)[:, :9]}, DataError, r"single of .* = \[3, 120\].*; found \[3, 9\]"),
        ({"single": [["none"], ["none", "mild"]]}, DataError, r"single of .* should be an array \[seeds, examples\]; found"),
        ({"single": "none"}, DataError, r"single of .* should be an array \[seeds, examples\]; found str"),
        (
            {"single": [[[1], [1, 2]] * 60] * 3},
            DataError,
            r"single of .* should be classes, as text or whole numbers; found others",
        ),
        ({"single": 3}, DataError, r"found int"),
        ({"single": np.full((3, 120), 0.25)}, DataError, r"should be classes, as text or whole numbers; found 0.25"),
        ({"single": np.full((3, 120), np.nan)}, DataError, r"should be classes, as text or whole numbers; found nan"),
        (
            {"single": np.zeros((3, 120), int)},
            DataError,
            r"single .* should predict classes of the labels, such as \['mild'.*found \['0'\]",
        ),
        ({"labels": np.full(120, None)}, DataError, "should have labelled test examples; found none"),
        ({"clusters": np.arange(7)}, DataError, "clusters should be one per example, 120; found 7"),
        ({"clusters": [None] * 120}, DataError, "clusters should name the cluster of every example; found an empty one at 0"),
        ({"margin": 2}, DataError, "margin should be a number between 0 and 1, such as 0.02; found 2"),
        ({"margin": "small"}, DataError, "margin should be a number between 0 and 1, such as 0.02; found 'small'"),
        ({"metric": "f2"}, ExperimentError, "metric should be one of .*; found 'f2'"),
        ({"labels": {"disc": LABELS}}, DataError, r"single should have the tasks of the labels, \['disc'\]; found \['task'\]"),
        ({"labels": {}}, DataError, "labels should have at least one task; found none"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(changes, error, message):
    arguments = {"single": models(0.9), "multi": models(0.8), "labels": LABELS, "margin": 0.05, **changes}
    with pytest.raises(error, match=message) as caught:
        mtlens.compare(**arguments)
    assert isinstance(caught.value, MtlensError)
    assert "\n" not in str(caught.value)


def test_tasks_should_be_over_the_same_examples():
    labels = {"disc": LABELS, "canal": LABELS[:60]}
    single = {name: models(0.9, labels=own) for name, own in labels.items()}
    with pytest.raises(
        DataError, match=r"labels should be of the same examples in every task; found .'disc': 120, 'canal': 60"
    ):
        mtlens.compare(single, single, labels, margin=0.05)


def test_numbers_and_probabilities_are_compared_by_the_metrics_that_read_them():
    generator = np.random.default_rng(0)
    ages, grades = generator.normal(60, 10, 300), np.array(["mild", "none", "severe"])[np.arange(300) % 3]
    noise = {name: generator.normal(0, error, (3, 300)) for name, error in (("single", 4.0), ("multi", 3.0))}
    said = {name: {"age": ages + noise[name], "grade": _probabilities(grades, generator)} for name in noise}
    verdicts = mtlens.compare(
        said["single"], said["multi"], {"age": [*ages[:-1], None], "grade": grades},
        margin={"age": 0.5, "grade": 0.05}, metric={"age": "mean_absolute_error", "grade": "roc_auc(severe)"},
    )  # fmt: skip
    age, grade, mean = verdicts.comparisons
    assert (age.verdict, age.num_examples) == ("better", 299)
    assert grade.baseline_mean == pytest.approx(
        np.mean([roc_auc_score(grades == "severe", of_seed[:, 2]) for of_seed in said["single"]["grade"]])
    )
    assert (mean.metric, mean.margin) == (None, 1.0)
    assert "margins" in repr(verdicts)
    assert "mean absolute error" in repr(verdicts)


def _probabilities(grades, generator):
    """[seeds, examples, classes] in the order of the classes' names."""
    scores = 2.0 * (grades[:, None] == np.array(["mild", "none", "severe"])) + generator.normal(size=(3, len(grades), 3))
    return np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "mean_absolute_error", "margin": 0.5, "labels": ["a"] * 4}, "labels of task 'task' should be numbers"),
        ({"metric": "r2", "single": np.full((3, 4), np.inf)}, "single of task 'task' should be finite numbers; found inf"),
        ({"metric": "roc_auc", "single": np.ones((3, 4, 3)), "multi": np.ones((3, 4, 3))}, "be of the 2 classes of the labels"),
        ({"metric": {"other": "r2"}}, r"metric should be of the tasks \['task'\]; found \['other'\]"),
        ({"metric": "mean_absolute_error", "margin": 0}, "margin should be a positive number; found 0"),
    ],
)
def test_predictions_that_do_not_fit_the_metric_are_refused(changes, message):
    labels = ["x", "y", "x", "y"] if changes["metric"] == "roc_auc" else [1, 2, 3, 4]
    arguments = {"single": np.ones((3, 4)), "multi": np.ones((3, 4)), "labels": labels, "margin": 0.05}
    with pytest.raises(DataError, match=message):
        mtlens.compare(**{**arguments, **changes})
