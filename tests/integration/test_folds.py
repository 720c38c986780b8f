"""Cross-validation from the experiment file to the store, and to an exported family."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mtlens.config.experiment import Experiment
from mtlens.evidence.samples import held_out_rows
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.inference.export.export import export
from mtlens.store.database.reader import query
from mtlens.store.ingest import rebuild
from mtlens.store.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_encoder):
    folder = tmp_path_factory.mktemp("folds")
    labels = np.random.default_rng(0).integers(0, 2, (96, 2))
    lines = [
        f"{' '.join('left' if one else 'right' for one in row)} {i},p{i // 2},{row[0]},{row[1]}" for i, row in enumerate(labels)
    ]
    (folder / "notes.csv").write_text("\n".join(["note,patient,a,b", *lines]) + "\n")
    experiment = Experiment.model_validate(
        {
            "name": "folds",
            "data": {"tables": [{"path": "notes.csv", "text": "note", "group": "patient"}], "splits": {"folds": 3}},
            "tasks": [{"name": name, "column": name, "classes": ["0", "1"]} for name in "ab"],
            "encoder": {"name": str(tiny_encoder)},
            "training": {"epochs": 2, "batch_size": 8, "precision": "float32", "learning_rate": 1e-3},
            "evidence": {"microbatches": 4, "microbatch_size": 4},
            "margin": 0.3,
            "seeds": [0, 1, 2, 3],
        }
    )
    plan, workspace = make_plan(experiment, [folder]), Workspace.open(folder / "results")
    results = run_experiment(plan, workspace, local=True, address=None, show=lambda _: None)
    assert not [result.reason for result in results if result.reason]
    return plan, workspace


def test_each_seed_leaves_out_its_fold(done):
    _, workspace = done
    rows = query(workspace, "SELECT DISTINCT seed, fold FROM runs ORDER BY ALL").rows
    assert rows == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert query(workspace, "SELECT folds FROM experiment").rows == [(3,)]


def test_every_text_that_is_in_a_fold_tests_there_and_nowhere_else(done):
    _, workspace = done
    wrong = """
        SELECT count(*) FROM prediction JOIN run USING (run_id) JOIN example USING (example_id)
        WHERE prediction.split = 'test' AND example.fold IS DISTINCT FROM run.fold
    """
    assert query(workspace, wrong).rows == [(0,)]
    tested = """
        SELECT count(DISTINCT example_id) = (SELECT count(*) FROM example WHERE fold IS NOT NULL)
        FROM prediction WHERE split = 'test' AND task = 'a'
    """
    assert query(workspace, tested).rows == [(True,)]


def test_comparisons_are_of_the_pooled_predictions_of_all_folds(done):
    _, workspace = done
    rows = query(workspace, "SELECT task, examples, len(seeds), method FROM comparison WHERE kind = 'multi' ORDER BY task").rows
    (in_folds,) = query(workspace, "SELECT count(*) FROM example WHERE fold IS NOT NULL").rows[0]
    assert [row[:3] for row in rows] == [("a", in_folds, 4), ("b", in_folds, 4), (None, in_folds, 4)]
    assert all("pooled predictions of 3 folds" in row[3] for row in rows)
    predicted = """
        SELECT label, predicted, 1 / count(*) OVER (PARTITION BY example_id)
        FROM prediction JOIN experiment_run USING (run_id)
        WHERE split = 'test' AND task = 'a' AND role = 'single'
    """
    label, said, weight = zip(*query(workspace, predicted).rows, strict=True)
    (stored,) = query(workspace, "SELECT single_mean FROM comparison WHERE kind = 'multi' AND task = 'a'").rows[0]
    assert stored == pytest.approx(f1_score(label, said, sample_weight=weight, average="macro"))


def test_the_evidence_is_of_texts_that_are_kept_out_of_all_folds(done):
    plan, workspace = done
    rows = held_out_rows(plan.encoded, 512)
    assert len(rows) >= 4
    assert (plan.examples.folds.of_example[rows] == -1).all()
    assert query(workspace, "SELECT count(*) > 0 FROM evidence_cka").rows == [(True,)]
    assert query(workspace, "SELECT count(*) > 0 FROM evidence_gradients").rows == [(True,)]
    assert query(workspace, "SELECT DISTINCT state FROM evidence_job").rows == [("done",)]


def test_a_database_made_anew_says_the_same(done):
    _, workspace = done
    asked = "SELECT task, difference, standard_error, verdict FROM comparison ORDER BY ALL"
    before = query(workspace, asked).rows
    rebuild(workspace)
    assert query(workspace, asked).rows == before


def test_the_exported_models_are_trained_on_all_folds(done, tmp_path):
    plan, workspace = done
    config = export(plan, workspace, tmp_path / "family")
    for member in config.members:
        assert query(workspace, "SELECT fold, seed FROM run WHERE run_id = ?", [member.run_id]).rows[0][0] is None
        tested = query(
            workspace, "SELECT DISTINCT example_id FROM prediction WHERE split = 'test' AND run_id = ?", [member.run_id]
        )
        places = [plan.examples.ids.index(name) for (name,) in tested.rows]
        assert (plan.examples.folds.of_example[places] == -1).all()
    card = (tmp_path / "family" / "README.md").read_text()
    assert "trained on the texts of all 3 folds" in card
