"""Results in a local MLflow store, read back by MLflow's own client."""

from pathlib import Path

import pytest

from mtlens.errors import ExportError
from mtlens.store.database.reader import query
from mtlens.store.export import mlflow_runs
from mtlens.store.export.mlflow_runs import send_to_mlflow
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT

tracking = pytest.importorskip("mlflow.tracking", reason="the extra `mlflow` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow about itself


def report(experiment_id, path):
    path.write_text(f"<p>{experiment_id}</p>")


@pytest.fixture(scope="module")
def workspace(stores):
    return stores["full"]


@pytest.fixture
def uri(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "mlruns").as_uri()


def all_runs(uri):
    client = tracking.MlflowClient(tracking_uri=uri)
    (experiment,) = [one for one in client.search_experiments() if one.name.endswith(EXPERIMENT)]
    return client, experiment, list(client.search_runs([experiment.experiment_id], max_results=1000))


def test_runs_parameters_curves_and_verdicts_are_there(workspace, uri, tmp_path):
    sent = send_to_mlflow(workspace, uri, report)
    client, _, runs = all_runs(uri)
    ended = query(workspace, "SELECT run_id FROM runs WHERE state IN ('done', 'failed')").rows
    assert (sent.new, sent.known) == (len(ended) + 1, 0)
    assert {run.data.tags.get("mtlens.run_id") for run in runs} == {None, *(run_id for (run_id,) in ended)}
    by_id = {run.data.tags["mtlens.run_id"]: run for run in runs if "mtlens.run_id" in run.data.tags}
    ((run_id, role),) = query(workspace, "SELECT run_id, role FROM runs WHERE state = 'done' ORDER BY ALL LIMIT 1").rows
    run = by_id[run_id]
    assert (run.info.status, run.data.tags["mtlens.role"]) == ("FINISHED", role)
    curve = query(workspace, "SELECT epoch, validation FROM learning_curves WHERE run_id = ? ORDER BY epoch", [run_id]).rows
    history = client.get_metric_history(run.info.run_id, "validation")
    assert sorted((epoch.step, epoch.value) for epoch in history) == curve
    ((value,),) = query(
        workspace,
        "SELECT value FROM metric WHERE run_id = ? AND split = 'test' AND name = 'macro_f1' ORDER BY task LIMIT 1",
        [run_id],
    ).rows
    assert value in [score for name, score in run.data.metrics.items() if name.startswith("test.")]
    (verdicts,) = [run for run in runs if "mtlens.content" in run.data.tags]
    for task, verdict, difference in query(
        workspace, "SELECT coalesce(task, 'mean'), verdict, difference FROM matching WHERE kind = 'multi'"
    ).rows:
        assert verdicts.data.tags[f"verdict.multi.{task}"] == verdict
        assert verdicts.data.metrics[f"multi.{task}.difference"] == difference
    (artifact,) = client.list_artifacts(verdicts.info.run_id)
    local = client.download_artifacts(verdicts.info.run_id, artifact.path, str(tmp_path))
    assert EXPERIMENT in Path(local).read_text()


def test_a_second_export_adds_nothing_and_what_broke_off_is_written_anew(workspace, uri):
    first = send_to_mlflow(workspace, uri, report)
    assert send_to_mlflow(workspace, uri, report) == mlflow_runs.Sent(new=0, known=first.new)
    client, _, runs = all_runs(uri)
    broken = next(run for run in runs if "mtlens.run_id" in run.data.tags)
    client.update_run(broken.info.run_id, status="RUNNING")
    assert send_to_mlflow(workspace, uri, report) == mlflow_runs.Sent(new=1, known=first.new - 1)
    assert len(all_runs(uri)[2]) == first.new


def test_an_export_that_is_killed_leaves_a_run_that_the_next_one_replaces(workspace, uri, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow_runs._Run, "metrics", die)
        with pytest.raises(KeyboardInterrupt):
            send_to_mlflow(workspace, uri, report)
    assert [run.info.status for run in all_runs(uri)[2]] == ["RUNNING"]
    sent = send_to_mlflow(workspace, uri, report)
    assert len(all_runs(uri)[2]) == sent.new


def test_names_that_mlflow_does_not_take_are_told_apart(stores, uri):
    sent = send_to_mlflow(stores["hostile"], uri, report)
    assert sent.new > 1
    (verdicts,) = [run for run in all_runs(uri)[2] if "mtlens.content" in run.data.tags]
    assert len([tag for tag in verdicts.data.tags if tag.startswith("verdict.multi")]) == len(fake_stores.HOSTILE) + 1


def test_a_server_that_is_not_there_is_one_line(workspace, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ExportError, match=r"http://127\.0\.0\.1:9 should be an MLflow server or store that takes runs"):
        send_to_mlflow(workspace, "http://127.0.0.1:9", report)
