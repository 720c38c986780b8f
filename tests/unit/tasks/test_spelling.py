"""Values that are written differently and mean the same."""

import pytest

from mtlens.config.task import Task
from mtlens.tasks.base import MISSING
from mtlens.tasks.spelling import index_of, known_values, spelling


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0"), ("Yes", " YES "), ("-1", "-1.00"), ("0.5", ".50"), ("A  b", "a b"), ("Größe", "GRÖSSE")]
)
def test_alike(one, other):
    assert spelling(one) == spelling(other)


@pytest.mark.parametrize(("one", "other"), [("1", "10"), ("1", "one"), ("yes", "no"), ("0.5", "5"), ("a b", "ab")])
def test_not_alike(one, other):
    assert spelling(one) != spelling(other)


def test_a_class_as_it_is_written_comes_first():
    known = known_values(Task(name="x", column="x", classes=("a", "A", "none"), missing=("NONE",)))
    assert [index_of(value, known) for value in ("a", "A", "none", "NONE", "None", "", None, "b")] == [
        0, 1, 2, MISSING, None, MISSING, MISSING, None,
    ]  # fmt: skip
