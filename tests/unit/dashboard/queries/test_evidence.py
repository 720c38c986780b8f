"""Infos of the evidence say what the store says."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT, LAYERS

NAMES = ("disc", "canal", "cord", "foramina")


def test_profiles_by_depth(full: Workspace) -> None:
    profiles = queries.profiles(full, EXPERIMENT)
    assert len(profiles) == 6
    assert [layer.layer for layer in profiles[0].layers] == list(range(LAYERS))
    weakest = min(profiles, key=lambda one: one.weakest_effect or 0)
    assert {weakest.task_a, weakest.task_b} == {"disc", "foramina"}
    assert all(profile.task_b is None for profile in queries.profiles(full, EXPERIMENT, "multi"))


def test_choices_begin_with_the_pooling_of_the_models(tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    fake_stores.change(
        workspace,
        "INSERT INTO summary.similarity SELECT * REPLACE ('cls' AS pooling) FROM summary.similarity",
        "INSERT INTO summary.similarity SELECT * REPLACE ('biased' AS estimator) FROM summary.similarity",
    )
    assert [choice.pooling for choice in queries.choices(workspace, EXPERIMENT)] == ["mean", "mean", "cls", "cls"]
    changed = """UPDATE experiment SET specification = '{"encoder": {"pooling": "cls"}}'"""
    fake_stores.change(workspace, changed)
    assert queries.choices(workspace, EXPERIMENT)[0] == queries.Comparing(pooling="cls")


def test_matrices_have_the_first_task_along_the_rows(full: Workspace) -> None:
    matrices = queries.matrices(full, EXPERIMENT)
    assert [(matrix.task_a, matrix.task_b) for matrix in matrices][:2] == [("disc", "canal"), ("disc", "cord")]
    sql = """
        SELECT avg(value) FROM cka
        WHERE task_a = 'canal' AND task_b = 'disc' AND layer_a = 4 AND layer_b = 1 AND seed_a = seed_b
    """
    assert matrices[0].values[1][4] == pytest.approx(query(full, sql).rows[0][0])


def test_reference_is_the_likeness_to_the_pretrained_encoder(full: Workspace) -> None:
    """It is stored with the pretrained encoder first, and turned round here."""
    matrix = queries.matrices(full, EXPERIMENT)[0]
    sql = "SELECT avg(value) FROM cka WHERE role_a = 'pretrained' AND layer_a = $i AND layer_b = $j AND task_b = $task"
    of_a = query(full, sql, {"i": 5, "j": 2, "task": matrix.task_a}).rows[0][0]
    of_b = query(full, sql, {"i": 2, "j": 5, "task": matrix.task_b}).rows[0][0]
    assert matrix.reference is not None
    assert matrix.reference[2][5] == pytest.approx((of_a + of_b) / 2)


def test_matrices_with_the_multi_task_model(full: Workspace) -> None:
    matrices = queries.matrices(full, EXPERIMENT, "multi")
    assert [(matrix.task_a, matrix.task_b) for matrix in matrices] == [(name, None) for name in NAMES]
    assert queries.matrices(full, EXPERIMENT, "pretrained")[0].reference is None


def test_cell_lists_pairs_of_seeds(full: Workspace) -> None:
    pair = queries.matrices(full, EXPERIMENT)[0]
    assert [(one.seed_a, one.seed_b) for one in queries.cell(full, EXPERIMENT, pair, 1, 2)] == [(0, 0), (1, 1), (2, 2)]
    assert len(queries.cell(full, EXPERIMENT, pair, 2, 2)) == 9
    assert len(queries.cell(full, EXPERIMENT, replace(pair, task_a="nobody"), 2, 2)) == 0


def test_alignments_are_those_that_verdicts_rest_on(full: Workspace) -> None:
    alignments = queries.alignments(full, EXPERIMENT)
    assert {alignment.stage for alignment in alignments} == {"training"}
    assert alignments[0].layer is None
    assert len(alignments) == 6 * (LAYERS + 1)
    second = queries.alignments(full, EXPERIMENT, stage="epoch", epoch=2)
    assert {one.when for one in second} == {"epoch 2"}


def test_alignments_without_a_course_of_training(tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    fake_stores.change(workspace, "DELETE FROM summary.alignment WHERE stage = 'training'")
    assert {alignment.stage for alignment in queries.alignments(workspace, EXPERIMENT)} == {"end"}


def test_course_takes_the_pair_in_any_order(full: Workspace) -> None:
    course = queries.pair_over_stages(full, EXPERIMENT, "disc", "canal")
    assert course == queries.pair_over_stages(full, EXPERIMENT, "canal", "disc")
    assert list(dict.fromkeys(alignment.when for alignment in course)) == ["start", "epoch 1", "epoch 2", "epoch 3", "end"]


def test_sign_is_open_where_the_interval_holds_zero(full: Workspace) -> None:
    one = queries.alignments(full, EXPERIMENT)[0]
    assert not replace(one, low=0.1, high=0.2).crosses_zero
    assert not replace(one, low=-0.2, high=-0.1).crosses_zero
    assert replace(one, low=0.0, high=0.2).crosses_zero
    assert replace(one, low=None).crosses_zero
    assert replace(one, cosine=None).crosses_zero


def test_explanations_by_scope_in_the_order_of_the_experiment(full: Workspace) -> None:
    lines = queries.explanations(full, EXPERIMENT)
    assert [line.scope for line in lines] == ["group"] + ["task"] * 4 + ["pair"] * 6
    assert lines[0].tasks == NAMES
    assert [line.tasks for line in lines[1:5]] == [(name,) for name in NAMES]
    assert [line.tasks for line in lines[5:]] == list(combinations(NAMES, 2))


def test_pairs_are_in_the_order_of_the_experiment_everywhere(full: Workspace) -> None:
    pairs = list(combinations(NAMES, 2))
    for read in (queries.profiles, queries.matrices, queries.alignments):
        assert list(dict.fromkeys((one.task_a, one.task_b) for one in read(full, EXPERIMENT))) == pairs


def test_methods_on_trial_have_the_regrets_of_the_store(full: Workspace) -> None:
    found = {method.method: method for method in queries.trial(full, EXPERIMENT).methods}
    assert found["CKA"].budgets == (1.0, 2.0)
    assert found["CKA"].regret == pytest.approx((0.0, 0.008))
    assert found["CKA"].discovery_seconds is not None
