"""Results as DataFrames: those of the public views, of one experiment or of all."""

import pandas as pd
import pytest

import mtlens
from mtlens.api.results import Results
from mtlens.errors import EncoderError, QueryError, WorkspaceError
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

TWO = (("first", 0.1, (0, 1, 2)), ("second", 0.2, (3, 4, 5)))


@pytest.fixture
def two(tmp_path):
    """A workspace with two experiments."""
    workspace = Workspace.open(tmp_path / "results")
    made = [fake_runs.fake_experiment(name, margin=margin, seeds=seeds) for name, margin, seeds in TWO]
    for number, fake in enumerate(made):
        fake_runs.finish_all(workspace, fake)
        fake_runs.save(workspace, fake, created=f"203{number}-01-01T00:00:00+00:00")
    ingest(workspace, force=True)
    return workspace, [fake.experiment.experiment_id for fake in made]


@pytest.mark.parametrize("view", ["matching", "runs", "verdicts", "evidence_cka", "evidence_gradients"])
def test_frames_are_the_public_views(view, stores):
    workspace = stores["full"]
    results = mtlens.open(str(workspace.root))
    frame = {"matching": results.matching, "runs": results.runs}.get(view, lambda: results.evidence(view))()
    stored = query(workspace, f"SELECT * FROM {view}")
    assert tuple(frame.columns) == stored.columns
    assert len(frame) == len(stored.rows) > 0


def test_results_of_one_experiment_are_its_own(two):
    workspace, ids = two
    everything = mtlens.open(workspace.root)
    for frame in (everything.matching(), everything.runs(), everything.predictions()):
        assert set(frame["experiment_id"]) == set(ids)
    own = Results(workspace=workspace, experiment_id=ids[0])
    for frame in (own.matching(), own.runs(), own.predictions()):
        assert set(frame["experiment_id"]) == {ids[0]}
    assert "first: against" in repr(own)
    assert "second: against" in repr(everything)  # the one started last
    assert "margin 20" in everything._repr_html_()
    needed = own.matching()["needed"].dropna()
    assert len(needed) > 0
    assert all(f"inconclusive; {text}" in repr(own) for text in needed if text)


def test_predictions_are_all_that_is_stored(two):
    workspace, ids = two
    frame = Results(workspace=workspace, experiment_id=ids[0]).predictions()
    assert len(frame) == query(workspace, "SELECT count(*) FROM prediction").rows[0][0] / 2
    assert {"role", "seed", "run_id", "split", "task", "example_id", "label", "predicted", "probabilities"} <= set(
        frame.columns
    )
    assert (frame["probabilities"].map(len) == 3).all()


def test_sql_takes_parameters_and_only_reads(two):
    results = mtlens.open(two[0].root)
    frame = results.sql("SELECT task, seeds FROM matching WHERE margin = ? AND task IS NOT NULL ORDER BY task", [0.1])
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"task": ["bulge", "stenosis"], "seeds": [3, 3]}), check_dtype=False)
    for wrong, message in (
        ("DROP TABLE run", "a query should be SELECT.*; found DROP"),
        ("SELECT * FROM mathcing", "mathcing"),
        ("SELECT 1; SELECT 2", "one statement; found 2"),
    ):
        with pytest.raises(QueryError, match=message) as caught:
            results.sql(wrong)
        assert "Traceback" not in str(caught.value)
    with pytest.raises(QueryError, match=r"^view should be one of verdicts, evidence_cka, evidence_gradients; found 'cka'"):
        results.evidence("cka")


def test_figures_are_those_of_the_dashboard(two):
    workspace, ids = two
    title = Results(workspace=workspace, experiment_id=ids[0]).figure("forest").layout.meta["title"]
    assert title.startswith("Multi-task minus task-specific")
    assert title != mtlens.open(workspace.root).figure("forest").layout.meta["title"]
    with pytest.raises(WorkspaceError, match=r"a figure should be one of .*; found 'forrest'; did you mean 'forest'"):
        mtlens.open(workspace.root).figure("forrest")


def test_a_table_escapes_what_users_named(stores):
    page = mtlens.open(stores["hostile"].root)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_workspace_without_verdicts_says_so(stores):
    results = mtlens.open(stores["partial"].root)
    assert "no verdict yet" in repr(results)
    assert len(results.matching()) == 0
    assert len(results.runs()) > 0


def test_what_is_no_workspace_or_family_is_named_in_one_line(tmp_path):
    for open_, error, wrong, message in (
        (mtlens.open, WorkspaceError, tmp_path / "absent", "nothing here yet"),
        (mtlens.open, WorkspaceError, 3, "workspace should be a path; found int"),
        (mtlens.load_family, EncoderError, tmp_path, "should be a folder that `mtlens export` has written"),
        (mtlens.load_family, EncoderError, None, "folder should be a path; found NoneType"),
    ):
        with pytest.raises(error, match=message) as caught:
            open_(wrong)
        assert "Traceback" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
