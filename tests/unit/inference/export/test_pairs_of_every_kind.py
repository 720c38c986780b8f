"""A family of pairs of texts with a task of every kind: exported, as a graph, and by the code of its card."""

import csv
import json
import re

import numpy as np
import pytest

from mtlens.config.loading import parse_experiments
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.inference.export import export as module
from mtlens.inference.export import onnx_family
from mtlens.inference.export.recommended import FamilyMember
from mtlens.inference.export.stored_models import StoredModels
from mtlens.inference.model.calibration import rescaled
from mtlens.inference.model.family import load, read_config
from mtlens.inference.model.said import largest_differences
from mtlens.store.workspace.workspace import Workspace

pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
pytestmark = pytest.mark.slow  # a graph takes seconds, whatever the size of the model
FILE = """
name: pairs
data: {{tables: [{{path: pairs.csv, text: [premise, hypothesis]}}], splits: {{validation: 0.2, test: 0.4}}}}
tasks:
  side: {{classes: [left, right]}}
  grade: {{kind: ordinal, classes: [normal, mild, severe]}}
  signs: {{kind: multilabel, classes: [disc, canal], separator: ";"}}
  age: {{kind: number, metric: mean_absolute_error, margin: 2}}
encoder: {{name: {encoder}}}
training: {{epochs: 2, batch_size: 8, learning_rate: 3.0e-3, head_learning_rate: 1.0e-2, max_length: 24, precision: float32}}
margin: 0.2
seeds: [0]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_encoder):
    """The second text says what the first is about, so that token types tell something."""
    folder = tmp_path_factory.mktemp("pairs")
    generator = np.random.default_rng(0)
    grades = ("normal", "mild", "severe")
    with (folder / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["premise", "hypothesis", "side", "grade", "signs", "age"])
        for number in range(120):
            grade, side = int(generator.integers(3)), ("left", "right")[int(generator.integers(2))]
            signs = [word for word in ("disc", "canal") if generator.random() < 0.5]
            first, second = f"{' '.join([*signs, 'with', 'the'])} {grades[grade]} {number}", f"level {side}"
            writer.writerow([first, second, side, grades[grade], ";".join(signs), 30 + 20 * grade])
    (experiment,) = parse_experiments(FILE.format(encoder=tiny_encoder), "pairs.yaml")
    plan, workspace = make_plan(experiment, [folder]), Workspace.open(folder / "results")
    run_experiment(plan, workspace, explain=False, local=True, address=None, show=lambda _: None)
    return StoredModels(plan=plan, workspace=workspace)


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    """The multi-task model for three of the tasks and a classifier for the fourth, in float32."""
    runs = {tuple(task.name for task in planned.run.tasks): planned.run.run_id for planned in trained.plan.runs}
    every = max(runs, key=len)
    served = tuple(name for name in every if name != "side")
    members = tuple(
        FamilyMember(serves=serves, run_ids=(run_id,), why=("a test",) * len(serves))
        for serves, run_id in ((served, runs[every]), (("side",), runs[("side",)]))
    )
    out = tmp_path_factory.mktemp("exported") / "family"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "recommended", lambda *_: members)
        patch.setattr(onnx_family, "compare_changed", lambda *_: ())  # a graph per seed: test_onnx has them
        module.export(trained.plan, trained.workspace, out, onnx=True)
    config = read_config(out).model_copy(update={"precision": "float32"})
    (out / "config.json").write_text(config.model_dump_json())
    return out


def test_it_says_of_pairs_what_the_trained_models_said(trained, folder):
    family = load(folder, threads=1, runtime="pytorch")
    assert {member.tasks: member.layout for member in family.config.members} == {
        ("age", "grade", "signs"): "heads",
        ("side",): "classifier",
    }
    examples = trained.plan.examples
    content = dict(zip(examples.ids, zip(examples.texts, examples.pairs, strict=True), strict=True))
    for member in family.config.members:
        for name in member.tasks:
            stored = trained.predictions(member.run_id, name, "test")
            said = family.classify([content[example_id] for example_id in stored.example_ids])[name]
            if name == "age":
                np.testing.assert_allclose(said[:, 0], stored.columns["predicted_number"], atol=0.6)
            else:
                temperature = family.config.temperatures.get(name, 1.0) if name != "signs" else 1.0
                expected = stored.columns["probabilities"]
                expected = expected if temperature == 1.0 else rescaled(expected, temperature)
                np.testing.assert_allclose(said, expected, atol=0.03)  # weights may be rounded to bfloat16


def test_the_graph_and_the_code_of_the_card_say_the_same(folder, monkeypatch, capsys):
    pair = ("The disc is bulging.", "It is normal.")
    family, graph = load(folder, threads=1, runtime="pytorch"), load(folder, threads=1, runtime="onnx")
    pairs = [pair, ("disc with the severe", "level left"), ("canal " * 30, "right")]
    expected = family.classify(pairs)
    assert max(largest_differences(family.config.scales, graph.classify(pairs), expected).values()) < 1e-5
    monkeypatch.chdir(folder)
    for block in re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL):
        exec(block, {})
    printed = capsys.readouterr().out
    shown = {
        name: np.array(json.loads(rows)) for name, rows in re.findall(r"^(\w+) (\[\[.*?\]\])", printed, flags=re.MULTILINE)
    }
    assert shown.keys() == {"age", "grade", "signs"}
    for name, rows in shown.items():
        np.testing.assert_allclose(rows[0], expected[name][0], rtol=1e-5, atol=1e-6)
    side = {label: float(score) for label, score in re.findall(r"'label': '(\w+)', 'score': ([\d.e-]+)", printed)}
    np.testing.assert_allclose([side["left"], side["right"]], expected["side"][0], rtol=1e-5)
