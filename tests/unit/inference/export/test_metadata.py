"""The metadata of a model card, read by the hub's own library."""

from types import SimpleNamespace

import numpy as np
import pytest
from huggingface_hub import ModelCard

from mtlens.config.task import Task
from mtlens.inference.export import metadata as module
from mtlens.inference.export.recommended import FamilyMember
from mtlens.store.database.reader import Result


@pytest.fixture
def card(monkeypatch):
    rows = [
        ("multi", "disc", -0.01, -0.03, 0.01, 0.02, 3, 40, "inconclusive"),
        ("multi", "cord", None, None, None, 0.02, 1, 9, "x"),
    ]
    columns = ("kind", "task", "difference", "low90", "high90", "margin", "seeds", "examples", "verdict")
    monkeypatch.setattr(module, "query", lambda *_: Result(columns=columns, rows=rows))
    monkeypatch.setattr(module, "recommended_kind", lambda *_: "multi")
    labels, probabilities = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    stored = {"label": labels, "predicted": probabilities.argmax(axis=1), "probabilities": probabilities}
    source = SimpleNamespace(
        workspace=None,
        predictions=lambda *_: SimpleNamespace(columns=stored),
        plan=SimpleNamespace(
            experiment=SimpleNamespace(name="notes", experiment_id="e" * 16),
            examples=SimpleNamespace(fingerprint="f" * 16),
            pretrained=SimpleNamespace(name="sentence-transformers/all-MiniLM-L6-v2"),
        ),
    )
    tasks = tuple(Task(name=name, column=name, classes=("no", "yes"), metric="accuracy") for name in ("disc", "cord"))
    members = [FamilyMember(serves=("disc", "cord"), run_ids=("0" * 16,), why=("alone", "alone"))]
    return ModelCard(module.metadata(SimpleNamespace(name="notes", tasks=tasks), source, members) + "\n# notes\n")


def test_the_hub_reads_task_data_metric_value_interval_and_verdict(card):
    assert card.data.library_name == "transformers"
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    scores = [result for result in card.data.eval_results if result.metric_type == "accuracy"]
    assert [(score.dataset_config, score.metric_value, score.dataset_split) for score in scores] == [
        ("disc", 0.75, "test"),
        ("cord", 0.75, "test"),
    ]
    (difference,) = [result for result in card.data.eval_results if result.metric_type == "difference"]
    assert difference.metric_value == -0.01
    assert difference.metric_args == {
        "interval_90": [-0.03, 0.01], "margin": 0.02, "seeds": 3, "examples": 40, "verdict": "inconclusive"
    }  # fmt: skip
    assert difference.dataset_revision == "f" * 16


def test_a_comparison_without_a_difference_is_left_out(card):
    assert len(card.data.eval_results) == 3
