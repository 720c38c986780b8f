"""A decoder through the main job: heads read its last token, and so do the comparisons of hidden states."""

import csv

import numpy as np
import pytest

from mtlens.config.loading import parse_experiments
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from tests.support.tiny_encoders import tiny_encoder

FILE = """
name: decoder
data: {{tables: [{{path: notes.csv, text: note}}]}}
tasks: {{side: {{classes: [left, right]}}, grade: {{classes: [mild, severe]}}}}
encoder: {{name: {encoder}, pooling: last}}
training: {{epochs: 1, batch_size: 16, max_length: 24, precision: float32}}
evidence: {{examples: 16, microbatches: 4, microbatch_size: 4}}
multi: [joint, average]
margin: 0.2
seeds: [0, 1, 2]
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoder")
    generator = np.random.default_rng(0)
    with (folder / "notes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["note", "side", "grade"])
        for number in range(96):
            side, grade = generator.choice(["left", "right"]), generator.choice(["mild", "severe"])
            writer.writerow([f"disc {number} {side} {grade}", side, grade])
    (experiment,) = parse_experiments(FILE.format(encoder=tiny_encoder(folder / "llama", "llama")), "decoder.yaml")
    opened = Workspace.open(folder / "results")
    done = run_experiment(make_plan(experiment, [folder]), opened, local=True, address=None, show=lambda _: None)
    assert {run.reason for run in done} == {""}
    return opened


def test_explanations_count_cka_of_the_last_token(workspace):
    assert query(workspace, "SELECT DISTINCT pooling FROM cka ORDER BY pooling").rows == [("cls",), ("mean",)]
    found = query(workspace, "SELECT DISTINCT cka FROM verdicts WHERE scope = 'task'").rows
    assert found
    assert not {"not measured", None} & {statement for (statement,) in found}


def test_arms_are_compared_with_task_specific_models(workspace):
    found = query(workspace, "SELECT kind, cka FROM arms ORDER BY kind").rows
    assert len(found) >= 2
    assert all(cka is not None for _, cka in found)
