"""The advice on what to train together agrees with the verdicts: one model that matches comes before what is undecided."""

from dataclasses import replace

import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.pages import answer
from mtlens_dashboard.queries.groupings import RecommendationInfo
from tests.support.fake_evidence import EXPERIMENT


@pytest.mark.parametrize(
    ("of_tasks", "of_search", "title"),
    [
        ("matches", "inconclusive", "One model for all 4 tasks, which matches"),
        ("inconclusive", "inconclusive", "Perhaps 2 models: canal; disc, cord and foramina"),
        ("matches", "matches", "2 models: canal; disc, cord and foramina"),
        ("matches", "worse", "Each task on its own"),
    ],
)
def test_one_model_that_matches_comes_before_what_is_undecided(
    full: Workspace, monkeypatch: pytest.MonkeyPatch, of_tasks: str, of_search: str, title: str
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(answer, "card", lambda question, mark, title, text: shown.append(title))
    matching = queries.matching(full, EXPERIMENT)
    matching = replace(matching, tasks=tuple(replace(match, verdict=of_tasks) for match in matching.tasks))
    groups = (("canal",), ("disc", "cord", "foramina"))
    found = RecommendationInfo(verdict=of_search, statement="as found", groups=groups, method="guided")
    answer._advice(matching, found)
    assert shown == [title]
