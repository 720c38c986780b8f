import dataclasses

import numpy as np
import pytest

from mtlens.config.task import Task
from mtlens.data.examples import Examples, contents_of
from mtlens.data.splits import SPLITS
from mtlens.errors import DataError
from mtlens.tasks import MISSING

DISC = Task(name="disc", column="disc", classes=("none", "bulge", "protrusion"))
CANAL = Task(name="canal", column="canal", classes=("open", "narrow"))


def examples(**changes):
    """Twelve examples, four to a split, in which both tasks have two classes everywhere."""
    fields = {
        "tasks": (DISC, CANAL),
        "ids": tuple(f"r{i}" for i in range(12)),
        "texts": tuple(f"text {i}" for i in range(12)),
        "labels": np.array([[0, 0], [1, 1], [0, MISSING], [1, 1]] * 3, dtype=np.int16),
        "splits": np.repeat(np.arange(3, dtype=np.int8), 4),
        "groups": np.arange(12, dtype=np.int32),
        "sources": np.zeros(12, dtype=np.int16),
        "notes": (),
    }
    return Examples(**{**fields, **changes})


def test_class_counts_cover_every_class_of_every_split():
    assert examples().checked().class_counts(0) == {split: {"none": 2, "bulge": 2, "protrusion": 0} for split in SPLITS}
    assert examples().class_counts(1) == {split: {"open": 1, "narrow": 2} for split in SPLITS}


@pytest.mark.parametrize("field", ["ids", "texts", "splits"])
def test_the_fingerprint_covers_ids_texts_and_splits(field):
    changed = {"ids": ("new", *examples().ids[1:]), "texts": ("new", *examples().texts[1:]), "splits": examples().splits[::-1]}
    assert examples().fingerprint == examples().fingerprint
    assert examples(**{field: changed[field]}).fingerprint != examples().fingerprint
    assert len(examples().fingerprint) == 16


def test_a_label_fingerprint_covers_its_own_task_only():
    other = examples().labels.copy()
    other[0, 1] = 1
    assert examples(labels=other).label_fingerprints[0] == examples().label_fingerprints[0]
    assert examples(labels=other).label_fingerprints[1] != examples().label_fingerprints[1]
    renamed = DISC.model_copy(update={"classes": ("none", "bulge", "extrusion")})
    assert examples(tasks=(renamed, CANAL)).label_fingerprints[0] != examples().label_fingerprints[0]


def test_labels_do_not_enter_the_fingerprint_of_the_texts():
    assert examples(labels=examples().labels[::-1]).fingerprint == examples().fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": ("one",)}, "should have 12 texts"),
        ({"ids": ("r0", "r1", *(f"r{i}" for i in range(10)))}, "ids of examples should be unique; found 'r0' 2 times"),
        ({"labels": np.full((12, 2), 2, dtype=np.int16)}, "beyond a task's classes"),
        ({"labels": np.full((12, 2), -2, dtype=np.int16)}, "beyond a task's classes"),
        ({"splits": np.full(12, 3, dtype=np.int8)}, r"indices into \['train', 'validation', 'test'\]; found \[3\]"),
    ],
)
def test_examples_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        examples(**changes)


def labels_with(rows, task, value):
    labels = examples().labels.copy()
    labels[rows, task] = value
    return labels


@pytest.mark.parametrize(
    ("rows", "value", "message"),
    [
        (slice(0, 4), MISSING, "task 'canal' should have training examples; found none"),
        (slice(0, 4), 1, "task 'canal' should have at least two classes in split train; found only 'narrow'"),
        (slice(4, 8), 0, "task 'canal' should have at least two classes in split validation; found only 'open'"),
        (slice(8, 12), MISSING, "task 'canal' should have at least two classes in split test; found no labelled example"),
    ],
)
def test_a_task_that_cannot_be_learned_or_measured_is_refused(rows, value, message):
    with pytest.raises(DataError, match=message):
        examples(labels=labels_with(rows, 1, value)).checked()


def test_examples_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        examples().notes = ("changed",)


def test_a_text_beside_pairs_is_its_own_content():
    assert list(contents_of(["a", "b"], ["c", None])) == ["a [SEP] c", "b"]
    assert contents_of(["a", "b"], None) == ["a", "b"]
