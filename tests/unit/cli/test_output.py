"""What the terminal prints of verdicts."""

import json
from datetime import datetime

import pytest

from mtlens.cli import output
from mtlens.store.database.reader import Result

COLUMNS = (
    "kind", "task", "single_mean", "multi_mean", "difference", "low90", "high90", "seeds", "folds", "examples", "margin",
    "verdict", "needed", "still_improving", "not_learnt", "single_collapsed", "multi_collapsed", "method", "metric",
)  # fmt: skip


def matching(*kinds_and_means: tuple[str, float]) -> Result:
    """One task of each kind, whose models were still improving."""
    rows = [
        (
            kind,
            "canal",
            0.9,
            mean,
            mean - 0.9,
            -0.01,
            0.01,
            3,
            None,
            100,
            0.05,
            "matches",
            None,
            [kind],
            None,
            [],
            [],
            "a method",
            "macro_f1",
        )
        for kind, mean in kinds_and_means
    ]
    return Result(columns=COLUMNS, rows=rows)


def test_json_has_no_numbers_that_are_none(capsys):
    rows = [(float("nan"), float("-inf"), [1.5, float("nan")], {"x": float("inf"), "y": 2}, datetime(2030, 1, 1))]
    output.print_result(Result(columns=("a", "b", "c", "d", "e"), rows=rows), "json")
    expected = {"a": None, "b": None, "c": [1.5, None], "d": {"x": None, "y": 2}, "e": "2030-01-01 00:00:00"}
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == [expected]


@pytest.mark.parametrize(("family", "tables"), [(0.91, 1), (0.92, 2)])
def test_a_family_that_is_the_multi_task_model_is_not_printed_twice(family, tables, capsys):
    output.print_matching(matching(("multi", 0.91), ("family", family)))
    printed = capsys.readouterr().out
    assert printed.count("single") == tables
    assert "canal: warning: multi-task models were still improving at their last epoch" in " ".join(printed.split())
    assert ("chosen on validation is the multi-task model" in printed) == (tables == 1)
