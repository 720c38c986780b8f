import numpy as np
import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Splits
from mtlens.data.assignment import DROPPED
from mtlens.data.clusters import normalised
from mtlens.data.dataset import load_examples
from mtlens.data.fold_assignment import assign_folds, numbered_folds
from mtlens.data.splits import NOWHERE, SPLITS
from mtlens.data.stratify import OPEN
from mtlens.errors import DataError
from tests.support.rows_to_split import Row, reports

FIVE = Splits(folds=5)
TRAIN, VALIDATION, TEST = range(len(SPLITS))


def folds_of(rows, sizes=FIVE, given=None):
    return assign_folds(
        texts=[row.text for row in rows],
        groups=[row.group for row in rows],
        given=np.full(len(rows), OPEN, dtype=np.int8) if given is None else np.asarray(given, dtype=np.int8),
        labels=np.array([row.labels for row in rows], dtype=np.int16),
        sizes=sizes,
    )


def test_every_row_tests_once_or_is_kept_out_of_all_folds():
    rows = reports(0)
    found = folds_of(rows)
    tests = (found.folds.splits == TEST).sum(axis=0)
    kept = found.splits != DROPPED
    np.testing.assert_array_equal(tests, found.folds.of_example != NOWHERE)
    out = kept & (found.folds.of_example == NOWHERE)
    np.testing.assert_array_equal(found.splits == TEST, out)  # they test the model that is trained on all folds
    assert (found.folds.splits[:, out] == NOWHERE).all()
    np.testing.assert_allclose(out.sum() / kept.sum(), 0.1, atol=0.01)
    shares = np.bincount(found.folds.of_example[kept & ~out]) / kept.sum()
    np.testing.assert_allclose(shares, 0.9 / 5, atol=0.01)
    validation = (found.folds.splits == VALIDATION).sum(axis=1) / kept.sum()
    np.testing.assert_allclose(validation, 0.15, atol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_groups_and_repeated_texts_are_in_one_fold_and_on_one_side_of_each_run(seed):
    rows = reports(seed)
    found = folds_of(rows)
    kept = np.flatnonzero(found.splits != DROPPED)
    for names in ([row.group for row in rows], [normalised(row.text) for row in rows]):
        of_name = np.unique([names[row] for row in kept], return_inverse=True)[1]
        assert len(set(zip(of_name.tolist(), found.folds.of_example[kept].tolist(), strict=True))) == of_name.max() + 1
    groups = np.unique([rows[row].group for row in kept], return_inverse=True)[1]
    for splits in (*found.folds.splits, found.splits):
        assert len(set(zip(groups.tolist(), splits[kept].tolist(), strict=True))) == groups.max() + 1
        texts = {split: {normalised(rows[row].text) for row in kept if splits[row] == split} for split in range(3)}
        assert not texts[TEST] & (texts[TRAIN] | texts[VALIDATION])


def test_runs_do_not_all_validate_on_the_same_texts():
    found = folds_of(reports(0))
    times = (found.folds.splits == VALIDATION).sum(axis=0)
    assert (times > 0).mean() > 0.4  # one choice for all would be 0.15 / 0.72


def test_classes_are_spread_over_the_folds():
    rows = [Row(f"text {i}", labels=(int(i % 20 == 0),)) for i in range(500)]
    found = folds_of(rows)
    rare = np.array([row.labels == (1,) for row in rows])
    assert set(np.bincount(found.folds.of_example[rare & (found.folds.of_example >= 0)])) <= {4, 5}


def test_the_order_of_the_rows_does_not_matter():
    rows = reports(1)
    found, turned = folds_of(rows), folds_of(rows[::-1])
    np.testing.assert_array_equal(found.folds.of_example, turned.folds.of_example[::-1])
    np.testing.assert_array_equal(found.folds.splits, turned.folds.splits[:, ::-1])
    assert (folds_of(rows, Splits(folds=5, seed=1)).folds.of_example != found.folds.of_example).mean() > 0.5


def test_stock_phrases_that_chain_all_groups_are_kept_in_one_fold():
    rows = [Row(f"text {i}", f"p{i}") for i in range(200)] + [Row("normal", f"p{i}") for i in range(200)]
    found = folds_of(rows)
    stock = found.folds.of_example[200:][found.splits[200:] != DROPPED]
    assert len(set(stock)) == 1
    assert any("rows dropped, as their text also occurs in another fold" in note for note in found.notes)
    assert (found.splits[:200] != DROPPED).all()


def test_given_folds_are_kept_and_rows_without_one_are_kept_out_of_all():
    rows = [Row(f"text {i}") for i in range(100)]
    given = [i % 5 if i < 90 else 5 for i in range(100)]
    found = folds_of(rows, given=given)
    np.testing.assert_array_equal(found.folds.of_example, [i % 5 if i < 90 else NOWHERE for i in range(100)])
    all_given = folds_of(rows, given=[i % 5 for i in range(100)])
    inside = all_given.folds.of_example >= 0
    np.testing.assert_array_equal(all_given.folds.of_example[inside], np.arange(100)[inside] % 5)
    assert (~inside).sum() == 10
    assert all_given.notes[0] == "rows taken out of the given folds, for the evidence: 10"


def test_a_group_that_is_in_several_given_folds_is_named():
    rows = [Row(f"text {i}", f"p{i // 2}") for i in range(100)]
    found = folds_of(rows, given=[i % 5 for i in range(100)], sizes=Splits(folds=5, held_out=0.02))
    assert any("groups that stand in more than one of the given folds: 4" in note for note in found.notes)


def test_values_of_a_column_are_folds_in_their_order():
    assert numbered_folds(["10", "9", None, " 9"], 2, "t.csv").tolist() == [1, 0, 2, 0]
    with pytest.raises(DataError, match=r"t\.csv: column of folds should hold 3 different values; found 2: a, b"):
        numbered_folds(["a", "b"], 3, "t.csv")


def experiment(table, splits=None, **changes):
    content = {
        "name": "folds",
        "data": {"tables": [{"path": "t.csv", "text": "text", **table}], "splits": {"folds": 4} if splits is None else splits},
        "tasks": [{"name": "a", "column": "a", "classes": ["no", "yes"]}],
        "margin": 0.05,
        "seeds": [0, 1, 2, 3],
        **changes,
    }
    return Experiment.model_validate(content)


def test_examples_have_the_folds_of_a_column(tmp_path):
    lines = [f"text {i},{'yes' if i % 3 else 'no'},{chr(97 + i % 4) if i < 72 else ''}" for i in range(80)]
    (tmp_path / "t.csv").write_text("text,a,f\n" + "\n".join(lines))
    asked = experiment({"fold": "f"})
    examples = load_examples(asked, [tmp_path])
    assert examples.folds.of_example.tolist() == [i % 4 if i < 72 else NOWHERE for i in range(80)]
    assert examples.class_counts(0)["test"] == {"no": 24, "yes": 48}
    assert sum(examples.class_counts(0)["validation"].values()) == 12
    other = load_examples(experiment({}), [tmp_path])
    assert other.fingerprint != examples.fingerprint
    assert Experiment.model_validate(asked.model_dump()) == asked
    assert [asked.fold(seed) for seed in (0, 3, 4)] == [0, 3, 0]


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        ({}, {"seeds": [0, 1, 2, 4]}, "seeds should leave out each of 4 folds.*found none for fold 3"),
        ({"split": "s"}, {}, "splits of its own or be split into folds; found both for t.csv"),
        ({"fold": "f"}, {"splits": {}}, "splits.folds should say"),
        ({}, {"splits": {"folds": 4, "test": 0.2}}, "`test`, or `folds` and `held_out`; found both"),
        ({}, {"splits": {"held_out": 0.2}}, "`test`, or `folds` and `held_out`; found both"),
        ({}, {"splits": {"folds": 2, "validation": 0.5}}, "2 folds and held_out 0.1"),
    ],
)
def test_what_an_experiment_may_not_say_of_folds(table, changes, message):
    with pytest.raises(ValueError, match=message):
        experiment(table, **changes)
