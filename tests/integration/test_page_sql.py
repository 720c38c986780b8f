"""The page SQL: queries of links and of the reader, the schema, mistakes, examples."""

import json

from mtlens.store.database import reader
from mtlens_dashboard.pages import sql
from tests.support.pages import draw, said


class TestSql:
    def test_a_link_fills_the_editor_and_runs_nothing(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="SELECT 42 AS answer")
        assert app.text_area("sql").value == "SELECT 42 AS answer"
        assert "answer" not in app.session_state
        assert not app.error

    def test_the_button_runs_it(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="SELECT 42 AS a, 'x' AS a")
        app.button[0].click()
        draw(app)
        assert "a 2" in app.dataframe[0].value.columns
        assert "1 row ·" in said(app)

    def test_decimals_can_be_drawn_and_rows_alike_across_are_not_added_up(self, stores, visit) -> None:
        values = "VALUES (['x'], 1.5), (['x'], NULL), (['y'], -0.5)"
        app = visit(stores["full"], "sql", sql=f"SELECT * FROM ({values}) AS told(kind, points)")
        app.button[0].click()
        draw(app)
        app.session_state["quick-chart"] = True
        draw(app)
        assert app.selectbox("chart_y").options == ["points"]
        assert app.selectbox("chart_kind").value == "dots"
        app.selectbox("chart_kind").set_value("bars")
        draw(app)
        (chart,) = app.get("vega_lite_chart")
        assert json.loads(chart.proto.spec)["encoding"]["y"]["stack"] is False

    def test_the_schema_tells_what_columns_mean(self, stores, visit) -> None:
        app = visit(stores["full"], "sql")
        app.selectbox("table").set_value("matching")
        draw(app)
        meanings = "SELECT comment FROM duckdb_columns() WHERE table_name = 'matching' AND comment IS NOT NULL"
        told = [comment for (comment,) in reader.query(stores["full"], meanings).rows]
        assert len(told) > 3
        assert set(told) <= set(app.dataframe[0].value["meaning"])

    def test_the_schema_can_be_searched(self, stores, visit) -> None:
        app = visit(stores["full"], "sql")
        app.text_input("sought").set_value("conflict")
        draw(app)
        shown = app.dataframe[0].value
        assert {"evidence_gradients", "gradient_alignment"} <= set(shown["table"])
        assert {"conflict_rate", "conflict_low"} <= set(shown["column"])
        app.text_input("sought").set_value("no such thing")
        draw(app)
        assert "Nothing has this in its name" in said(app)

    def test_duckdbs_proposals_and_the_place_of_a_mistake_are_shown(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="SELECT verdikt FROM matching")
        app.button[0].click()
        draw(app)
        assert "verdikt" in app.error[0].value
        assert '"verdict"' in app.code[0].value
        assert "^" in app.code[0].value

    def test_a_mistake_is_one_line(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="DROP TABLE run")
        app.button[0].click()
        draw(app)
        assert len(app.error) == 1
        assert "found DROP" in app.error[0].value

    def test_an_example_fills_the_editor(self, stores, visit) -> None:
        for name, example in sql.EXAMPLES.items():
            app = visit(stores["full"], "sql")
            app.selectbox("example").set_value(name)
            draw(app)
            assert app.text_area("sql").value == example
            app.button[0].click()
            draw(app)
            assert not app.error, (name, app.error[0].value)
