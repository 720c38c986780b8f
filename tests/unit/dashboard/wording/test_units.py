"""Tasks with different metrics, of which one is an error: figures and titles are in margins, tables in the unit of each."""

from dataclasses import replace

import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.export.report import scores
from mtlens_dashboard.wording import titles
from tests.support.fake_evidence import EXPERIMENT


@pytest.fixture(scope="module")
def case(full: Workspace) -> queries.CaseInfo:
    case = queries.case(full, EXPERIMENT)
    first, *others = case.matching.tasks
    error = replace(
        first, metric="mean_absolute_error", margin=0.5, single_mean=2.0, multi_mean=1.75, difference=0.25, low90=0.125,
        high90=0.375, low95=0.1, high95=0.4, single_per_seed=(2.0,) * 3, multi_per_seed=(1.75,) * 3,
    )  # fmt: skip
    assert case.matching.pooled is not None
    pooled = replace(
        case.matching.pooled, metric=None, margin=1.0, single_mean=None, multi_mean=None, difference=0.3, low90=0.1, high90=0.5
    )
    return replace(case, matching=replace(case.matching, tasks=(error, *others), pooled=pooled))


def test_the_case_is_drawn_in_margins(case: queries.CaseInfo) -> None:
    figure = figures.case(case)
    texts = [str(note.text) for note in figure.layout.annotations]
    assert any("task-specific, margins" in text for text in texts)
    assert any("+0.30" in text and "mean of" in text for text in texts)
    band = figure.layout.shapes[0]
    assert (band.x0, band.x1) == (-1.0, 1.0)
    drawn = {
        x
        for trace in figure.data
        if trace.type == "scatter" and trace.mode == "markers" and trace.xaxis in (None, "x")
        for x in trace.x
    }
    assert {0.3, 0.25 / 0.5, case.matching.tasks[1].difference / case.matching.tasks[1].margin} <= drawn
    assert "mean +0.30 margins" in figures.alt_of(figure)


def test_the_hover_text_of_a_task_is_in_its_own_unit(case: queries.CaseInfo) -> None:
    told = "".join(str(text) for trace in figures.case(case).data for text in (getattr(trace, "hovertext", None) or ()))
    assert "+0.250 in mean absolute error (90 % interval +0.125 to +0.375)" in told


def test_titles_count_in_margins(case: queries.CaseInfo) -> None:
    assert "+0.30 margins (90 % interval +0.10 to +0.50)" in titles.comparison(case.matching)
    agreed = tuple(replace(task, verdict="matches") for task in case.matching.tasks)
    assert titles.answer(replace(case.matching, tasks=agreed)).endswith(": all within their margins")


def test_the_report_names_the_unit_of_each_task(case: queries.CaseInfo) -> None:
    table = scores(case.matching)
    assert table.columns[:5] == ("task", "unit", "margin", "task-specific", "multi-task")
    assert table.rows[0][1:6] == ("mean absolute error", "0.5", "2.000", "1.750", "+0.250")
    assert table.rows[1][1:3] == ("macro-F1 x 100", "2")
    assert table.rows[-1][:3] == ("mean", "margins", "1")
    assert scores(replace(case.matching, tasks=case.matching.tasks[1:])).columns[1] == "task-specific"
