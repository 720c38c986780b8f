"""A manifest is one model: written in a fixed order, read with what other versions wrote, and changed without a loss."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.manifest import Manifest, ManifestEvidence, mark_started, read_manifest, save_manifest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

FAKE = fake_runs.fake_experiment("fake", seeds=(0,))
OTHER = fake_runs.fake_experiment("other", seeds=(0,))


def path_of(workspace: Workspace, fake: fake_runs.FakeExperiment = FAKE) -> Path:
    return workspace.experiments / f"{fake.experiment.experiment_id}.json"


def stored(workspace: Workspace) -> Manifest:
    fake_runs.save(workspace, FAKE, created="2030-01-01T00:00:00+00:00")
    return read_manifest(path_of(workspace))


def test_a_manifest_and_its_examples_are_read_as_they_were_saved(workspace: Workspace) -> None:
    manifest = stored(workspace)
    examples = pa.table({"example_id": ["a"], "split": ["test"], "fold": [2], "cluster": pa.array([0], pa.int64())})
    save_manifest(workspace, manifest, examples)
    assert read_manifest(path_of(workspace)) == manifest
    assert json.loads(path_of(workspace).read_bytes())["created"] == "2030-01-01T00:00:00.000+00:00"
    assert pq.read_table(path_of(workspace).with_suffix(".examples.parquet")).to_pylist() == [
        {"example_id": "a", "split": "test", "fold": 2, "cluster": 0}
    ]
    save_manifest(workspace, manifest.model_copy(update={"notes": ()}), None)
    assert read_manifest(path_of(workspace)).notes == ()
    assert path_of(workspace).with_suffix(".examples.parquet").exists()


def test_fields_are_written_in_one_order_and_only_where_they_are_set(workspace: Workspace) -> None:
    manifest = stored(workspace)
    first = ["created", "experiment_id", "name", "spec", "tasks", "runs", "notes"]
    assert list(manifest.document()) == first
    job = ManifestEvidence(job_id="0" * 16, kind="states", subject="a model")
    later = manifest.model_copy(update={"last_started": datetime.now(UTC), "evidence": (job,)})
    assert list(later.document()) == [*first, "evidence", "last_started"]
    assert later.document()["spec"] == FAKE.experiment.model_dump(mode="json")
    keys = ["name", "column", "classes", "weight", "kind", "metric", "margin", "class_counts"]
    assert list(later.document()["tasks"][0]) == keys


def test_a_manifest_of_version_0_1_is_read(workspace: Workspace) -> None:
    """It has neither kinds nor metrics of tasks, and evidence under another name."""
    content = json.loads(json.dumps(stored(workspace).document()))
    for task in content["tasks"]:
        del task["kind"], task["metric"]
    content["evidence"] = [{"piece_id": "f" * 16, "kind": "states", "subject": "a model"}]
    path_of(workspace).write_text(json.dumps(content))
    manifest = read_manifest(path_of(workspace))
    assert {(task.kind, task.metric) for task in manifest.tasks} == {("classes", "macro_f1")}
    assert [job.job_id for job in manifest.evidence] == ["f" * 16]


def test_a_start_changes_nothing_else_in_the_file(workspace: Workspace) -> None:
    """Not what another version wrote there either, even where this one could not read it."""
    fake_runs.save(workspace, OTHER, created="2031-01-01T00:00:00+00:00")
    content = json.loads(json.dumps(stored(workspace).document()))
    content["evidence"] = [{"piece_id": "f" * 16, "kind": "states", "subject": "a model"}]
    content["later"] = {"unknown": [1]}
    content["tasks"][0]["later"] = 2
    content["spec"]["later"] = 3
    path_of(workspace).write_text(json.dumps(content))
    mark_started(workspace, FAKE.experiment.experiment_id)
    after = json.loads(path_of(workspace).read_bytes())
    started = datetime.fromisoformat(after.pop("last_started"))
    assert after == content
    assert list(after) == list(content)
    assert abs((datetime.now(UTC) - started).total_seconds()) < 60


def test_the_experiment_that_was_started_last_is_not_written_again(workspace: Workspace) -> None:
    fake_runs.save(workspace, OTHER, created="2020-01-01T00:00:00+00:00")
    stored(workspace)
    path_of(workspace, FAKE).with_name("torn.json").write_text("{")
    path_of(workspace, FAKE).with_name("empty.json").write_text("{}")
    before = path_of(workspace).read_bytes()
    mark_started(workspace, FAKE.experiment.experiment_id)
    assert path_of(workspace).read_bytes() == before


def test_unknown_keys_are_kept_by_the_model(workspace: Workspace) -> None:
    content = stored(workspace).document() | {"later": 1}
    content["runs"][0]["later"] = 2
    document = Manifest.model_validate(content).document()
    assert (document["later"], document["runs"][0]["later"]) == (1, 2)


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{", "should hold JSON"), ("[]", "should hold a JSON object"), ("{}", "should hold an experiment's manifest: created")],
)
def test_what_is_no_manifest_is_an_error_of_one_line(workspace: Workspace, content: str, problem: str) -> None:
    path_of(workspace).write_text(content)
    with pytest.raises(WorkspaceError, match=problem) as caught:
        read_manifest(path_of(workspace))
    assert "\n" not in str(caught.value)
    assert str(path_of(workspace)) in str(caught.value)
