"""An estimator of groupings that mtlens does not know: one class and its registration carry it from search to dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from mtlens.execution.experiment import run_experiment
from mtlens.grouping.estimators import ESTIMATORS, register
from mtlens.grouping.estimators.base import Discovery, Predictor, singles_and_all
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.widgets import shown_workspace

PAGE = "from mtlens_dashboard import app\napp.main()"
GAIN, ERROR = 0.25, 0.5


@dataclass(frozen=True, kw_only=True)
class ConstantGain:
    """Every task gains the same in every group of two or more."""

    name: str = "constant gain"

    def discovery(self, num_tasks: int) -> Discovery:
        return Discovery(groups=singles_and_all(num_tasks), passes=num_tasks)

    def fit(self, measured, gradients, features) -> Predictor:
        def model(member: Any) -> tuple[Any, Any]:
            return np.where(member, measured.singles + GAIN, np.nan), np.where(member, ERROR, np.nan)

        return Predictor(measured=measured, model=model)


@pytest.fixture
def constant_gain():
    register(ConstantGain())
    yield
    del ESTIMATORS[ConstantGain.name]


def columns(workspace: Workspace, sql: str) -> Sequence[Any]:
    return query(workspace, sql).rows


def test_a_new_estimator_reaches_searches_store_and_dashboard(constant_gain, search_plan, tmp_path, monkeypatch):
    workspace = Workspace.open(tmp_path / "results")
    plan = search_plan(3, seeds=(0, 1))
    results = run_experiment(plan, workspace, explain=False, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}

    predicted = "SELECT tasks, task, predicted, predicted_high - predicted FROM group_scores"
    assert columns(workspace, f"{predicted} WHERE method = 'constant gain' AND predicted IS NOT NULL ORDER BY ALL") == [
        (list(group), task, pytest.approx(GAIN), pytest.approx(1.96 * ERROR)) for group in ("ab", "ac", "bc") for task in group
    ]
    families = columns(
        workspace, "SELECT groups, measured, discovery_seconds > 0 FROM groupings WHERE method = 'constant gain'"
    )
    assert families
    assert all(measured is not None and known for _, measured, known in families)
    judged = "SELECT trainings, passes, len(regret) = len(budgets) FROM grouping_method WHERE method = 'constant gain'"
    assert columns(workspace, judged) == [(4, 3, True)]
    trial = queries.trial(workspace, plan.experiment.experiment_id)
    assert "constant gain" in {method.method for method in trial.methods}

    monkeypatch.setenv(shown_workspace.VARIABLE, str(workspace.root))
    app = AppTest.from_string(PAGE, default_timeout=100)
    app._page_hash = calc_hash("groupings")
    app.run()
    app.session_state["trial"] = True  # the methods on trial are folded away while they do not differ
    app.run()
    assert not app.exception
    assert "constant gain" in app.multiselect(key="methods").options
    assert sum("constant gain" in chart.proto.spec for chart in app.get("plotly_chart")) >= 2


def test_a_name_is_registered_once(constant_gain):
    with pytest.raises(ValueError, match="estimators should differ in name; found 'constant gain' twice"):
        register(ConstantGain())
