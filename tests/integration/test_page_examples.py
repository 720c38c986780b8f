"""The page Examples: those on which the models differ, and their texts once a table is given."""

import pytest

from mtlens.store.database import reader
from mtlens_dashboard.widgets.own_table import texts_of_ids
from tests.support.pages import draw


def test_texts_stand_beside_examples_once_their_table_is_given_and_are_not_stored(stores, visit) -> None:
    app = visit(stores["full"], "examples", of_task="cord")
    (before,) = [table.value for table in app.dataframe if "example" in table.value]
    assert "text" not in before
    app.session_state["own-table"] = True
    draw(app)
    lines = [f'{example},"a secret text, <b>{example}</b>"' for example in before["example"]]
    app.file_uploader("own_table").upload("notes.csv", "\n".join(["id,note", *lines]).encode(), "text/csv")
    draw(app)
    app.selectbox("own_ids").set_value("id")
    draw(app)
    (after,) = [table.value for table in app.dataframe if "example" in table.value]
    assert list(after["text"]) == [f"a secret text, <b>{example}</b>" for example in before["example"]]
    assert not any(b"secret text" in path.read_bytes() for path in stores["full"].root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("ids", "by", "found"),
    [
        (["2", "9"], None, {"2": "second"}),
        (["test:1", "notes:2", "other:1"], None, {"test:1": "first", "notes:2": "second"}),
        (["b"], "id", {"b": "second"}),
    ],
)
def test_rows_are_found_by_their_number_or_a_column(ids: list[str], by: str | None, found: dict[str, str]) -> None:
    rows = [{"id": "a", "note": "first"}, {"id": "b", "note": "second"}]
    assert texts_of_ids(ids, rows, "note", by, "notes") == found


def test_examples_are_those_on_which_the_models_differ(stores, visit) -> None:
    app = visit(stores["full"], "examples", of_task="cord")
    table = next(shown.value for shown in app.dataframe if "example" in shown.value)
    sql = """
        SELECT
            example_id, avg((predicted = label)::INT) FILTER (role = 'multi'),
            avg((predicted = label)::INT) FILTER (role = 'single')
        FROM prediction JOIN experiment_run USING (run_id) WHERE task = 'cord' GROUP BY example_id
    """
    expected = {one: (multi, single) for one, multi, single in reader.query(stores["full"], sql).rows if multi != single}
    assert set(table["example"]) == set(expected)
    assert {row["example"]: (row["multi-task right"], row["task-specific right"]) for _, row in table.iterrows()} == expected
