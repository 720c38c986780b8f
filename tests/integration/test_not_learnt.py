"""A task that no model can learn, from the experiment file to the model card: named everywhere, and nowhere a match."""

import json

import numpy as np
import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.export.report import write_report
from mtlens_dashboard.wording import titles

EXPERIMENT = """\
name: never
data:
  tables: [{{path: notes.csv, text: note}}]
tasks:
  rare: {{classes: [0, 1]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: 2, batch_size: 16, learning_rate: 3e-3, head_learning_rate: 1e-2, precision: float32, class_weights: none}}
evidence: {{examples: 16, microbatches: 4, microbatch_size: 4}}
margin: 0.3
"""


@pytest.fixture
def folder(tmp_path, tiny_encoder, monkeypatch):
    """Labels of `rare` are 5 % positive and independent of the text; `side` stands in the text."""
    generator = np.random.default_rng(0)
    sides = ["left", "right"]
    lines = ["note,rare,side"]
    for i in range(400):
        side = generator.integers(0, 2)
        grade = ["normal", "mild", "severe"][generator.integers(0, 3)]
        lines.append(f"the disc {i} {grade} with {sides[side]},{int(i % 20 == 0)},{sides[side]}")
    (tmp_path / "notes.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "never.yaml").write_text(EXPERIMENT.format(encoder=tiny_encoder))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MTLENS_DATA", raising=False)
    return tmp_path


def test_a_task_that_no_model_learns_is_named_everywhere_and_exported_with_a_warning(folder, mtlens):
    code, out, err = mtlens("run", "never.yaml", "--local")
    assert code == 0, err
    words = " ".join(out.split())
    assert "rare: not learnt; neither kind of models is better than chance" in words
    assert "rare: the multi-task model predicts one class only under seeds 0, 1, 2" in words

    query = "select coalesce(task, 'mean') as task, verdict, not_learnt, single_collapsed from matching where kind = 'multi'"
    rows = {row.pop("task"): row for row in json.loads(mtlens("sql", query, "--format", "json")[1])}
    assert rows["rare"]["verdict"] == "not learnt"
    assert rows["rare"]["single_collapsed"] == [0, 1, 2]
    assert rows["mean"]["not_learnt"] == "without rare: not learnt"
    assert rows["side"]["not_learnt"] == ""

    workspace = Workspace.open(folder / "results", create=False)
    (about,) = queries.experiments(workspace)
    matching = queries.matching(workspace, about.experiment_id)
    assert matching.pooled is not None
    assert matching.pooled.difference == next(match.difference for match in matching.tasks if match.task == "side")
    assert "rare is not learnt" in titles.answer(matching)
    report = write_report(workspace, folder / "report.html").read_text()
    assert "rare: not learnt; neither kind of models is better than chance" in report

    code, _, err = mtlens("export", "never.yaml", "family")
    assert code == 0
    assert "warning: what it says of rare is of no use" in err
    card = (folder / "family" / "README.md").read_text()
    assert "rare: not learnt; neither kind of models is better than chance" in card
    assert "Its predictions of rare are of no use" in card
