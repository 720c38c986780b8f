"""Tasks of several labels: their three forms in tables, their loss, and thresholds against scikit-learn."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import f1_score, precision_recall_curve
from torch.nn import functional

from mtlens.config.task import Task
from mtlens.data.records import read_records
from mtlens.errors import DataError
from mtlens.tasks import MISSING, Labels, kind_of

SIGNS = Task(name="signs", column="signs", classes=("disc", "canal", "root"), kind="multilabel", separator=";", missing=("?",))
MULTILABEL = kind_of(SIGNS)
SETS = [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def where(row):
    return f"notes.csv:{row + 2}"


def sets_of(labels):
    assert labels.values is not None
    return [None if code == MISSING else labels.values[code].tolist() for code in labels.codes]


def test_classes_stand_between_separators():
    labels = MULTILABEL.read(SIGNS, [" root ; disc", "", "canal;", None, "?"], where)
    assert sets_of(labels) == [*SETS, None, None]


def test_classes_stand_in_a_list(tmp_path):
    (tmp_path / "notes.jsonl").write_text('{"signs": ["root", "disc"]}\n{"signs": []}\n{"signs": ["canal"]}\n{"signs": null}\n')
    cells = read_records(tmp_path / "notes.jsonl", "notes.jsonl", frozenset({"signs"})).cells
    task = SIGNS.model_copy(update={"separator": None})
    assert sets_of(MULTILABEL.read_columns(task, cells, where)) == [*SETS, None]


def test_each_class_has_a_column():
    task = Task(name="signs", column="signs", kind="multilabel", columns=("disc", "canal", "root"))
    assert task.classes == ("disc", "canal", "root")
    cells = {"disc": ["1", "0", "no", ""], "canal": ["0", "0.0", "True", "1"], "root": ["yes", "false", "0", "1"]}
    assert sets_of(MULTILABEL.read_columns(task, cells, where)) == [*SETS, None]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["disc", "disc;canals"], "notes.csv:3: column 'signs' should hold one of .*; found 'canals' .nearest: canal"),
        (["disc", '["disc", {}]'], "notes.csv:3: column 'signs' should hold a list of classes; found"),
    ],
)  # fmt: skip
def test_a_cell_with_something_else_is_named(cells, message):
    with pytest.raises(DataError, match=message):
        MULTILABEL.read(SIGNS, cells, where)


def test_a_cell_of_a_column_that_is_not_0_or_1_is_named():
    task = Task(name="signs", column="signs", kind="multilabel", columns=("disc", "canal"))
    with pytest.raises(DataError, match=r"notes\.csv:3: column 'canal' of task 'signs' should hold 0 or 1; found '2'"):
        MULTILABEL.read_columns(task, {"disc": ["0", "1"], "canal": ["1", "2"]}, where)


def test_examples_are_counted_by_class_and_without_any():
    labels = MULTILABEL.read(SIGNS, ["root;disc", "", "canal", "disc", None], where)
    counts = {name: int(mask.sum()) for name, mask in MULTILABEL.members(SIGNS, labels).items()}
    assert counts == {"disc": 2, "canal": 1, "root": 1, "(none)": 1}


@pytest.mark.parametrize("balanced", [False, True])
def test_the_loss_is_pytorchs_binary_cross_entropy(balanced):
    labels = MULTILABEL.read(SIGNS, ["root;disc", "", "canal", "disc", None], where)
    table = torch.from_numpy(MULTILABEL.label_table(SIGNS, labels, balanced))
    logits, codes = torch.randn(5, 3), torch.from_numpy(labels.codes).long()
    truth = torch.tensor([*SETS, [1, 0, 0]]).float()
    counts = truth.sum(dim=0)
    weights = torch.where(truth > 0, 4 / (2 * counts), 4 / (2 * (4 - counts))) if balanced else torch.ones(4, 3)
    expected = functional.binary_cross_entropy_with_logits(logits[:4], truth, weight=weights, reduction="sum") / 3
    assert MULTILABEL.loss(SIGNS, logits, codes, table, "sum").item() == pytest.approx(expected.item(), rel=1e-6)
    total = MULTILABEL.example_weights(table.numpy(), codes[:4].numpy()).sum()
    assert total == pytest.approx(weights.mean(dim=1).sum().item())
    mean = MULTILABEL.loss(SIGNS, logits, codes, table, "mean").item()
    assert mean == pytest.approx(expected.item() / total, rel=1e-6)


def test_thresholds_have_the_best_f1_that_scikit_learn_finds():
    generator = np.random.default_rng(0)
    truth = generator.random((80, 3)) < [0.1, 0.4, 0.0]
    said = (0.3 * truth + generator.random((80, 3)) * 0.7).round(2).astype(np.float32)
    labels = Labels.of_values(truth.astype(float), np.ones(80, dtype=bool))
    tuned = MULTILABEL.tune(SIGNS, labels, said)
    stored = MULTILABEL.stored(SIGNS, labels, said, tuned)
    for label in range(2):
        precision, recall, _ = precision_recall_curve(truth[:, label], said[:, label])
        best = np.nanmax(2 * precision * recall / np.maximum(precision + recall, 1e-12))
        assert f1_score(truth[:, label], stored["predicted_labels"][:, label]) == pytest.approx(best)
    assert tuned[2] == 0.5
    assert MULTILABEL.in_words(SIGNS, np.array([0.9, 0.1, 0.8]), (0.95, 0.05, 0.5)) == "canal, root"
    assert MULTILABEL.in_words(SIGNS, np.zeros(3)) == "(none)"


def test_the_margin_is_that_of_a_mean_probability():
    labels = MULTILABEL.read(SIGNS, ["root;disc"], where)
    table = torch.from_numpy(MULTILABEL.label_table(SIGNS, labels, False))
    logits = torch.randn(1, 3)
    right = torch.where(table[0, 0] > 0, logits[0].sigmoid(), (-logits[0]).sigmoid())
    expected = right.log().mean().exp().logit()
    assert MULTILABEL.margin(SIGNS, logits, 0, table).item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "multilabel", "columns": ["a", "b"], "separator": ";"}, "should have `columns` or a `separator`; found both"),
        ({"kind": "multilabel", "columns": ["a", "b"], "classes": ["a", "b", "c"]}, "found 2 columns and 3 classes"),
        (
            {"kind": "multilabel", "classes": ["a", "b"], "metric": "matthews"},
            "should be one of macro_f1, micro_f1, f1, accuracy",
        ),
        ({"classes": ["a", "b"], "separator": ";"}, "should be of a task of kind multilabel; found classes"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Task(name="signs", column="signs", **settings)
