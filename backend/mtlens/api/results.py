"""The results in a workspace as pandas DataFrames and figures, read from the public tables and views."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mtlens.api.arguments import as_path
from mtlens.api.tables import VERDICT_HEADINGS, Shown, Table, verdict_about, verdict_cells, verdict_headings
from mtlens.errors import QueryError, WorkspaceError
from mtlens.store.database.reader import query, query_frame
from mtlens.store.remarks import remarks, warnings
from mtlens.store.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

EvidenceView = Literal["verdicts", "evidence_cka", "evidence_gradients"]
ClaimView = Literal["claim", "claim_predictors", "claim_verdicts"]
_VERDICTS = """
    SELECT experiment, kind, coalesce(task, 'mean') AS task, single_mean, multi_mean, difference, low90, high90, seeds,
           examples, margin, verdict, needed, not_learnt, single_collapsed, multi_collapsed, still_improving, metric
    FROM matching WHERE experiment_id = coalesce($experiment_id, (SELECT arg_max(experiment_id, last_started) FROM experiment))
"""
_PREDICTIONS = """
    SELECT experiment_id, role, seed, prediction.*
    FROM experiment_run JOIN run USING (run_id) JOIN prediction USING (run_id)
    WHERE $experiment_id IS NULL OR experiment_id = $experiment_id
    ORDER BY experiment_id, role, run_id, split, prediction.task, example_id
"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Results(Shown):
    """The results of the experiment that `experiment_id` names; without it, of all experiments in the workspace.

    Every call reads the newest snapshot, also while an experiment runs. Columns are described in the database:
    `sql("select column_name, comment from duckdb_columns() where table_name = 'matching'")`.
    """

    workspace: Workspace
    experiment_id: str | None = None

    def matching(self) -> "pd.DataFrame":
        """Does the multi-task model match? One row per experiment, kind of model and task; the mean over tasks has no task."""
        return self._view("matching")

    def arms(self) -> "pd.DataFrame":
        """Which single model matches, and at what cost? One row per experiment and way to make one model of all tasks."""
        return self._view("arms")

    def evidence(self, view: EvidenceView = "verdicts") -> "pd.DataFrame":
        """CKA and gradient evidence beside the measured outcome, or the values by layer in the other two views."""
        if view not in (views := ("verdicts", "evidence_cka", "evidence_gradients")):
            raise QueryError(f"view should be one of {', '.join(views)}; found {view!r}")
        return self._view(view)

    def claim(self, view: ClaimView = "claim") -> "pd.DataFrame":
        """Gain of each task in each group that was trained, beside each kind of evidence: a row each.

        The other views: how well each kind predicts gains, over all experiments of the workspace, and verdicts on claims
        that experiment files state.
        """
        if view not in (views := ("claim", "claim_predictors", "claim_verdicts")):
            raise QueryError(f"view should be one of {', '.join(views)}; found {view!r}")
        return self._view(view) if view != "claim_predictors" else query_frame(self.workspace, f"SELECT * FROM {view}")

    def runs(self) -> "pd.DataFrame":
        """One row per run: its tasks, seed, state, scores, seconds, and why it failed."""
        return self._view("runs")

    def predictions(self) -> "pd.DataFrame":
        """One row per run, task and labelled example of validation and test; classes are indices into `task.classes`."""
        return query_frame(self.workspace, _PREDICTIONS, {"experiment_id": self.experiment_id})

    def sql(self, query: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> "pd.DataFrame":
        """The answer to one query that only reads; `params` fill its ? or $name."""
        return query_frame(self.workspace, query, params)

    def figure(self, name: str = "forest") -> "go.Figure":
        """A figure of the dashboard, such as forest or case, of the experiment or of the one started last."""
        from mtlens.api.figures import stored_figure

        return stored_figure(self.workspace, name, self.experiment_id)

    def _view(self, name: str) -> "pd.DataFrame":
        chosen = f"SELECT * FROM {name} WHERE $experiment_id IS NULL OR experiment_id = $experiment_id"
        return query_frame(self.workspace, chosen, {"experiment_id": self.experiment_id})

    def _table(self) -> Table:
        result = query(self.workspace, _VERDICTS, {"experiment_id": self.experiment_id})
        rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
        if not rows:
            return Table(title=f"{self.workspace.root}: no verdict yet", headings=("kind", *VERDICT_HEADINGS), rows=[])
        title = f"{rows[0]['experiment']}: against the task-specific models ({verdict_about(rows)})"
        return Table(
            title=title,
            headings=("kind", *verdict_headings(rows)),
            rows=[(row["kind"], *cells) for row, cells in zip(rows, verdict_cells(rows), strict=True)],
            notes=[
                *(f"{row['kind']}, {remark}" for row in rows for remark in remarks(row)),
                *(f"{kind}, {line}" for kind, of_kind in groupby(rows, itemgetter("kind")) for line in warnings(list(of_kind))),
            ],
        )


def open_workspace(workspace: str | Path = "results") -> Results:
    """Open the results that `mtlens run`, `mtlens.run` or `mtlens demo` have left in a folder.

    >>> import mtlens
    >>> results = mtlens.open("recorded")  # by `mtlens demo --instant`
    >>> results.matching()[["kind", "task", "seeds", "verdict"]].head(3)
        kind   task  seeds  verdict
    0  multi  canal      3  matches
    1  multi   disc      3  matches
    2  multi   cord      3   better
    >>> results.sql("select count(*) as runs from runs where state = 'done'")
       runs
    0    60
    >>> figure = results.figure("forest")  # of Plotly; a notebook shows it

    Raises WorkspaceError where there is no workspace.
    """
    return Results(workspace=Workspace.open(as_path(workspace, "workspace", WorkspaceError), create=False))
