"""The pages Answer, CKA and Gradients: the pair that is chosen, and what its figures and tables hold."""

import json
from pathlib import Path

import pytest

from mtlens_dashboard import queries
from tests.support import fake_stores
from tests.support.pages import charts, draw, said, turn


def test_cka_and_gradients_keep_their_own_pairs(stores, visit) -> None:
    app = visit(stores["full"], "cka", matrices="true", course="true")
    app.selectbox("square").set_value(2)
    draw(app)
    turn(app, "gradients")
    app.selectbox("pair").set_value(("disc", "cord"))
    draw(app)
    turn(app, "cka")
    assert app.selectbox("square").value == 2
    turn(app, "gradients")
    assert app.selectbox("pair").value == ("disc", "cord")


def test_kinds_of_parameters_that_are_known_by_layer_alone_are_drawn(visit, tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    of_layers = "FROM summary.alignment WHERE layer IS NOT NULL"
    fake_stores.change(workspace, f"INSERT INTO summary.alignment SELECT * REPLACE ('attention' AS parameters) {of_layers}")
    app = visit(workspace, "gradients", parameters="attention", course="true")
    assert len(charts(app)) == 4
    assert all(chart["data"] for chart in charts(app))
    assert "whole encoder at this stage; this is layer 6" in said(app)


def test_task_vectors_have_no_microbatches_in_conflict(visit, tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    fake_stores.change(workspace, "UPDATE summary.alignment SET setting = 'task_vectors'")
    assert len(charts(visit(workspace, "gradients", course="true"))) == 3


def test_a_square_is_the_mean_of_the_seeds_that_are_said_to_be_in_it(stores, visit) -> None:
    (matrix,) = [
        matrix
        for matrix in queries.matrices(stores["full"], fake_stores.EXPERIMENT)
        if matrix.task_a == "disc" and matrix.task_b == "cord"
    ]
    for row, column, pairs in ((3, 3, 9), (2, 5, 3)):
        app = visit(stores["full"], "cka", matrices="true", tasks=["cord", "disc"], layer_a=str(row), layer_b=str(column))
        (table,) = [shown.value for shown in app.dataframe if "in the square" in shown.value]
        inside = table[table["in the square"] == "yes"]
        assert list(inside["seed of the first"]) == list(inside["seed of the second"]) == [0, 1, 2]
        assert inside["similarity"].astype(float).mean() == pytest.approx(matrix.values[row][column], abs=1e-3)
        assert len(table) == pairs


def test_the_pretrained_encoder_has_no_seed_and_all_pairs_with_it_count(stores, visit) -> None:
    app = visit(stores["full"], "cka", matrices="true", models="task-specific and pretrained")
    (table,) = [shown.value for shown in app.dataframe if "in the square" in shown.value]
    assert list(table["in the square"]) == ["yes"] * 3


def test_a_click_on_a_row_opens_its_pair(stores, visit) -> None:
    app = visit(stores["full"], "answer", row="canal \N{MULTIPLICATION SIGN} cord")
    assert app.selectbox("row").value == "canal \N{MULTIPLICATION SIGN} cord"
    shown = [json.dumps(chart["layout"], ensure_ascii=False) for chart in charts(app)]
    assert len(shown) == 6  # the answer, CKA, gradients, learning curves, the claim, costs
    (seeds,) = [table.value for table in app.dataframe if any(name.startswith("task-specific") for name in table.value)]
    assert list(seeds["task"]) == ["canal"] * 3 + ["cord"] * 3


@pytest.mark.parametrize(
    ("page", "section", "first", "opened"),
    [
        ("cka", "matrices", 1, 3),
        ("gradients", "course", 3, 4),
        ("single-multi", "learning", 1, 2),
        ("single-multi", "predictions", 1, 2),
    ],
)
def test_what_comes_second_is_drawn_once_it_is_opened(stores, visit, page, section, first, opened) -> None:
    assert len(charts(visit(stores["full"], page))) == first
    assert len(charts(visit(stores["full"], page, **{section: "true"}))) == opened
