"""SQL over everything that is stored; each query runs in a process of its own, with limits."""

from typing import Any

import streamlit as st

from mtlens.errors import MtlensError
from mtlens.statistics.shown import counted
from mtlens.store.database import sandbox
from mtlens_dashboard import tables
from mtlens_dashboard.widgets import sql_chart, sql_schema
from mtlens_dashboard.widgets.chart import download, show
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.shown_workspace import workspace

EXAMPLES = {
    "Verdicts of the newest experiments": """\
SELECT experiment, kind, coalesce(task, 'mean') AS task, coalesce(metric, 'margins') AS metric,
       round(difference, 3) AS difference, round(low90, 3) AS low90, round(high90, 3) AS high90,
       seeds, verdict
FROM matching
WHERE latest""",
    "How far the runs are": """\
SELECT experiment, role, state, count(*) AS runs, round(100 * avg(fraction)) AS percent
FROM runs
GROUP BY ALL
ORDER BY ALL""",
    "Texts that one model gets right and the other wrong": """\
SELECT prediction.task, example_id, label,
       mode(predicted) FILTER (role = 'single') AS single, mode(predicted) FILTER (role = 'multi') AS multi
FROM prediction JOIN experiment_run USING (run_id)
WHERE split = 'test'
GROUP BY experiment_id, prediction.task, example_id, label
HAVING (single = label) <> (multi = label)
ORDER BY ALL""",
    "Score against training time": """\
SELECT role, array_to_string(tasks, ', ') AS tasks, seed, seconds, avg(score.score) AS score
FROM run JOIN experiment_run USING (run_id) JOIN score USING (experiment_id, run_id)
WHERE split = 'test'
GROUP BY ALL
ORDER BY seconds""",
    "Which evidence predicts gains": """\
SELECT label, scope, round(rank_correlation, 2) AS rank_correlation, round(low, 2) AS low, round(high, 2) AS high,
       round(ceiling, 2) AS ceiling, points, experiments
FROM claim_predictors
ORDER BY scope DESC, abs(rank_correlation) DESC NULLS LAST""",
    "What is described where": """\
SELECT table_name, column_name, data_type, comment
FROM duckdb_columns()
WHERE NOT internal AND schema_name = 'main'""",
}
ROWS = (100, 1_000, 10_000)
SECONDS = (2, 10, 60)
_ANSWER = "answer"


def page() -> None:
    """A link with `?sql=` fills the editor; only the button runs it."""
    st.title("Ask the results in SQL", anchor=False)
    st.caption(
        "DuckDB's SQL, one statement that reads. A query sees the newest snapshot and nothing else: no files, no network. "
        "It disturbs no running experiment."
    )
    editor, schema = st.columns(2, gap="medium")
    with editor:
        st.selectbox("Examples", list(EXAMPLES), index=None, key="example", placeholder="Fill in an example", on_change=_fill)
        _ask()
        _show()
    with schema:
        sql_schema.browser()


def _fill() -> None:
    if st.session_state.example:
        st.session_state.sql = EXAMPLES[st.session_state.example]
        st.session_state.example = None


def _ask() -> None:
    with st.form("query", border=False):
        sql = st.text_area("Query", key="sql", bind="query-params", height=220, placeholder="SELECT * FROM matching")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            rows = st.selectbox(
                "Rows at most", ROWS, index=1, format_func="{:,}".format, key="rows", bind="query-params", width=130
            )
            seconds = st.selectbox("Seconds at most", SECONDS, index=1, key="seconds", bind="query-params", width=150)
            run = st.form_submit_button("Run", icon=":material/play_arrow:")
    if run:
        limits = sandbox.Limits(rows=rows, seconds=float(seconds))
        try:
            with st.spinner("Running ..."):
                st.session_state[_ANSWER] = sandbox.query(workspace(), sql, limits)
        except MtlensError as error:
            st.session_state[_ANSWER] = str(error)


def _show() -> None:
    answer: sandbox.Answer | str | None = st.session_state.get(_ANSWER)
    if answer is None:
        return
    if isinstance(answer, str):
        reason, _, place = answer.partition("\n")
        st.error(literal(reason))
        if place:
            st.code(place, language=None)
        return
    more = ", the first of more: raise *Rows at most* to see them" if answer.truncated else ""
    st.caption(f"{counted(len(answer.rows), 'row')}{more} · {answer.seconds:.2f} s")
    table = tables.Table(columns=unique(answer.columns), rows=tuple(answer.rows))
    if not answer.rows:
        st.markdown("No rows.")
        return
    show(table, "answer")
    download("answer.csv", tables.to_csv(table).encode(), "text/csv", key="answer-csv")
    sql_chart.quick(table, answer.types)


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of columns made different, as a table needs: a, a 2, a 3."""
    seen: dict[str, Any] = {}
    for name in names:
        fresh, number = name, 1
        while fresh in seen:
            number += 1
            fresh = f"{name} {number}"
        seen[fresh] = None
    return tuple(seen)
