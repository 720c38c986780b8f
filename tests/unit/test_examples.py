"""Every example is run: those of docstrings, and the Python blocks of README."""

import ast
import doctest
import importlib
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mtlens as package
from mtlens.data.encoders import locate
from mtlens.execution import experiment
from mtlens.inference.export.export import export
from mtlens.store import demo_results
from mtlens.store.workspace.workspace import Workspace

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(folder).with_suffix("").parts)
    for folder in (ROOT / "backend", ROOT / "dashboard")
    for path in folder.rglob("*.py")
    if ">>> " in path.read_text()
)
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
EXPERIMENT = """\
name: notes
data:
  tables: [{path: reports.csv, text: note, group: patient}]
tasks:
  disc: {classes: [bulge, none]}
  canal: {classes: [normal, stenosis]}
training: {epochs: 3, batch_size: 16, learning_rate: 3e-3, precision: float32}
evidence: {examples: 16, microbatches: 4, microbatch_size: 4}
margin: 0.02
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_encoder):
    """Where the examples are run: reports.csv, experiment.yaml and its results, the recorded workspace, an exported family.

    The tiny encoder takes the place of the default one, and this process that of Ray.
    """
    place, before = tmp_path_factory.mktemp("examples"), Path.cwd()
    generator = np.random.default_rng(0)
    disc, canal = generator.integers(0, 2, (2, 160))
    pd.DataFrame(
        {
            "patient": [f"p{i // 2}" for i in range(160)],
            "note": [
                f"the disc {['with', 'without'][disc[i]]} root canal {['normal', 'severe'][canal[i]]} {i}" for i in range(160)
            ],
            "disc": [["bulge", "none"][label] for label in disc],
            "canal": [["normal", "stenosis"][label] for label in canal],
        }
    ).to_csv(place / "reports.csv", index=False)
    (place / "experiment.yaml").write_text(EXPERIMENT)
    os.chdir(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtlens.execution.plan.locate", lambda _: locate(str(tiny_encoder)))
        patch.setattr(experiment, "_do_on_ray", experiment._do_here)
        patch.delenv("MTLENS_DATA", raising=False)
        results = package.run("experiment.yaml", local=True)
        export(package.plan("experiment.yaml").plan, results.workspace, place / "family")
        demo_results.restore(Workspace.open(place / "recorded"))
        yield place
    os.chdir(before)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name, folder):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_every_public_function_has_an_example():
    functions = [getattr(package, name) for name in package.__all__ if name != "MtlensError"]
    assert [function.__name__ for function in functions if ">>> " not in function.__doc__] == []


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_python_of_the_readme(block, folder):
    """Each statement is run, and what an expression gives is shown as a notebook shows it."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 90)
    names = {
        "frame": pd.read_csv("reports.csv").head(48),
        "labels": labels,
        "single": np.stack([labels] * 3),
        "multi": np.stack([np.roll(labels, 1), labels, labels]),
        "x": generator.standard_normal((30, 4)),
        "y": generator.standard_normal((30, 5)),
        "g": generator.standard_normal((6, 50)),
        "h": generator.standard_normal((6, 50)),
    }
    shown = 0
    for statement in ast.parse(block).body:
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), "README.md", "eval"), names)  # noqa: S307
            assert len(getattr(value, "_repr_html_", lambda value=value: repr(value))()) > 10
            shown += 1
        else:
            exec(compile(ast.Module([statement], []), "README.md", "exec"), names)
    assert shown > 0


def test_the_readme_has_python():
    assert any("mtlens.run(" in block for block in BLOCKS)
    assert any("mtlens.compare(" in block for block in BLOCKS)
