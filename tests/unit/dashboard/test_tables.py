"""Tables of the dashboard, as CSV, LaTeX and Markdown."""

import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries, tables
from tests.support.fake_evidence import EXPERIMENT


def test_tables_hold_the_numbers_behind(full: Workspace) -> None:
    table = tables.of_matching(queries.matching(full, EXPERIMENT))
    assert table.rows[-1][0] == "mean"
    assert dict(zip(table.columns, table.rows[0], strict=True))["difference"] == pytest.approx(0.004)
    lines = tables.to_csv(table).splitlines()
    assert lines[0].startswith("task,metric,margin,single_mean,")
    assert len(lines) == 6


def test_score_grid_as_latex(full: Workspace) -> None:
    grid = tables.score_grid(queries.scores(full, EXPERIMENT), "macro_f1")
    assert grid.columns == ("model", "disc", "canal", "cord", "foramina")
    assert grid.rows[0] == ("task-specific", *["86.0 ± 1.0"] * 4)
    assert r"task-specific & 86.0 $\pm$ 1.0 &" in tables.to_latex(grid)


def test_verdicts_as_a_table_of_models_and_tasks(full: Workspace) -> None:
    grid = tables.verdict_grid([queries.matching(full, EXPERIMENT)])
    assert grid.columns == ("model", "disc", "canal", "cord", "foramina", "mean")
    assert [row[0] for row in grid.rows] == ["task-specific", "multi-task"]
    matching = queries.matching(full, EXPERIMENT).rows[0]
    shown = f"{100 * matching.multi_mean:.1f} [{100 * matching.low90:+.1f}, {100 * matching.high90:+.1f}] matches"
    assert grid.rows[1][1] == shown.replace("-", "\N{MINUS SIGN}")
    markdown = tables.to_markdown(grid).splitlines()
    assert markdown[0] == "| model | disc | canal | cord | foramina | mean |"
    assert markdown[1] == "| --- | --- | --- | --- | --- | --- |"
    assert len(markdown) == 4


def test_csv_and_latex_disarm_names() -> None:
    table = tables.Table(columns=("a_b", "=1+1"), rows=(("=cmd()|x", -1.5), ("50 % & $x$ {y}", None)))
    assert tables.to_csv(table).splitlines() == ["a_b,'=1+1", "'=cmd()|x,-1.5", "50 % & $x$ {y},"]
    assert r"50 \% \& \$x\$ \{y\}" in tables.to_latex(table)
    assert r"=cmd()\|x" in tables.to_markdown(table)
