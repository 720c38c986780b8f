"""Evidence folders in the database: views, verdicts, rebuilds, and evidence jobs that are damaged or gone."""

import itertools
import json
import shutil

import pytest

from mtlens.store.database import reader
from mtlens.store.ingest import ingest, rebuild
from mtlens.store.workspace.evidence_folder import CKA, GRADIENTS, EvidenceFolder
from mtlens.store.workspace.evidence_tables import CkaRow, GradientRow, cka_table, gradient_table
from mtlens.store.workspace.run_tables import to_parquet
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

FAKE = fake_runs.fake_experiment()
SEEDS = (0, 1, 2)
SIMILARITY, FIRST_GRADIENTS = "c" * 16, "a" * 16


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake_runs.finish_all(workspace, FAKE)
    evidence_jobs = [{"job_id": SIMILARITY, "kind": "similarity", "subject": "models"}]
    evidence_jobs += [{"job_id": piece_of(seed), "kind": "gradients", "subject": f"s{seed}"} for seed in SEEDS]
    path = workspace.experiments / f"{FAKE.experiment.experiment_id}.json"
    manifest = json.loads(path.read_bytes()) | {"evidence": evidence_jobs}
    path.write_text(json.dumps(manifest))
    return workspace


def piece_of(seed):
    return format(seed + 10, "x") * 16


def finish(workspace, job_id, files):
    folder = EvidenceFolder(workspace, job_id)
    folder.start({"kind": "test"}, {}, {}).close()
    folder.finish(files, {"seconds": 1.5})


def similarities(*, between=0.88, ceiling=0.9, floor=0.4):
    """CKA of two tasks, their multi-task model and an untrained encoder, in two layers and the embeddings."""
    models = [("single", task, seed) for task in ("bulge", "stenosis") for seed in SEEDS]
    models += [("multi", None, seed) for seed in SEEDS] + [("untrained", None, seed) for seed in SEEDS]
    rows = []
    for layer, (a, b) in itertools.product((0, 1, 2), itertools.combinations(models, 2)):
        low = "untrained" in (a[0], b[0])
        value = floor if low else ceiling if a[:2] == b[:2] else between
        rows.append(
            CkaRow(
                role_a=a[0], task_a=a[1], seed_a=a[2], layer_a=layer, role_b=b[0], task_b=b[1], seed_b=b[2], layer_b=layer,
                pooling="mean", features="hidden", estimator="debiased", value=None if layer == 0 else value, low=None,
                high=None, examples=50, reason="constant features" if layer == 0 else None,
            )
        )  # fmt: skip
    return to_parquet(cka_table(rows))


def gradients(seed, cosine=0.5):
    rows = [
        GradientRow(
            setting="multi", seed=seed, stage="training", epoch=None, layer=layer, parameters="all", task_a="bulge",
            task_b="stenosis", inner=1.0, norm_a=1.0, norm_b=1.0, naive=0.2, debiased=cosine + 0.01 * seed, split_half=0.3,
            ceiling=0.6, permuted=0.0, conflict_rate=0.1, magnitude_similarity=1.0, microbatches=8, reason=None,
        )
        for layer in (None, 0, 1, 2)
    ]  # fmt: skip
    return to_parquet(gradient_table(rows))


def finish_all(workspace):
    finish(workspace, SIMILARITY, {CKA: similarities()})
    for seed in SEEDS:
        finish(workspace, piece_of(seed), {GRADIENTS: gradients(seed)})


def rows(workspace, sql):
    return reader.query(workspace, sql).rows


def test_the_views_say_what_the_pieces_hold(workspace):
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT DISTINCT state FROM evidence_job") == [("waiting",)]
    assert rows(workspace, "FROM verdicts") == []
    finish_all(workspace)
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT state, seconds, count(*) FROM evidence_job GROUP BY ALL") == [("done", 1.5, 4)]
    found = rows(
        workspace,
        "SELECT layer, statement, floor_kind, round(effect, 3), latest FROM evidence_cka WHERE kind = 'tasks' ORDER BY layer",
    )
    assert found == [
        (0, "undefined", "untrained", None, True),
        (1, "similar", "untrained", 0.96, True),
        (2, "similar", "untrained", 0.96, True),
    ]
    found = rows(workspace, "SELECT layer, statement, round(cosine, 3), seeds, floor FROM evidence_gradients")
    assert found == [(layer, "aligned", 0.51, 3, 0.0) for layer in (None, 0, 1, 2)]
    verdicts = rows(workspace, "SELECT scope, tasks, cka, gradients, agreement, measured FROM verdicts")
    assert [row[:4] for row in verdicts] == [
        ("group", ["bulge", "stenosis"], "similar", "aligned"),
        ("task", ["bulge"], "similar", "aligned"),
        ("task", ["stenosis"], "similar", "aligned"),
        ("pair", ["bulge", "stenosis"], "similar", "aligned"),
    ]
    measured = dict(rows(workspace, "SELECT task, verdict FROM matching WHERE task IS NOT NULL"))
    expected = {"matches": "agrees", "better": "agrees", "worse": "contradicts", "inconclusive": "inconclusive"}
    assert all(row[4] == expected[measured[row[1][0]]] for row in verdicts if row[0] == "task")


def test_a_second_ingest_changes_nothing_and_a_rebuild_gives_the_same(workspace):
    finish_all(workspace)
    ingest(workspace, force=True)
    before = fake_runs.dump(workspace.master)
    assert ingest(workspace, force=True).snapshot is None
    rebuild(workspace)
    assert fake_runs.dump(workspace.master) == before


def test_a_failed_piece_says_why_and_a_later_success_replaces_it(workspace):
    folder = EvidenceFolder(workspace, SIMILARITY)
    folder.start({"kind": "test"}, {}, {}).close()
    folder.fail("no room")
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT state, reason FROM evidence_job WHERE kind = 'similarity'") == [("failed", "no room")]
    finish(workspace, SIMILARITY, {CKA: similarities()})
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT state, reason FROM evidence_job WHERE kind = 'similarity'") == [("done", None)]
    assert len(rows(workspace, "SELECT DISTINCT task_a FROM evidence_cka WHERE kind = 'tasks'")) == 1


def test_a_piece_that_is_gone_takes_its_conclusions_along(workspace):
    finish_all(workspace)
    ingest(workspace, force=True)
    shutil.rmtree(EvidenceFolder(workspace, SIMILARITY).path)
    ingest(workspace, force=True)
    assert rows(workspace, "FROM evidence_cka") == rows(workspace, "FROM cka") == []
    assert rows(workspace, "SELECT DISTINCT cka FROM verdicts") == [("not measured",)]


def test_a_damaged_piece_harms_no_other(workspace):
    finish_all(workspace)
    (EvidenceFolder(workspace, piece_of(1)).path / GRADIENTS).write_bytes(b"PAR1 not parquet")
    ingest(workspace, force=True)
    ((state, reason),) = rows(workspace, f"SELECT state, reason FROM evidence_job WHERE job_id = '{piece_of(1)}'")
    assert state == "damaged"
    assert "should be a Parquet table" in reason
    assert rows(workspace, "SELECT DISTINCT seeds, statement FROM evidence_gradients") == [(2, "inconclusive")]


def test_a_workspace_of_an_earlier_mtlens_without_evidence(workspace):
    shutil.rmtree(workspace.evidence)
    ingest(workspace, force=True)
    assert len(rows(workspace, "FROM runs")) == 9
