"""A source that mtlens does not know: one class and its registration carry it from the experiment file to the dashboard."""

import json
from typing import ClassVar

import jsonschema
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mtlens.config.loading import json_schema, load_experiments, parse_experiments
from mtlens.config.sections import Name, Spec
from mtlens.data.folders import data_folders
from mtlens.data.sources import Rows, Source, register, unregister
from mtlens.data.splits import SPLITS, TEST
from mtlens.errors import DataError, ExperimentError
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.widgets import shown_workspace

PAGE = "from mtlens_dashboard import app\napp.main()"
EXPERIMENT = """\
name: folder
data: {{corpus: {{path: corpus, text: note}}}}
tasks:
  grade: {{classes: [mild, severe]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: 1, batch_size: 32, precision: float32}}
margin: 0.1
"""


class Corpus(Spec):
    """A folder with a JSON-lines file for each split."""

    path: Name
    text: Name = "text"


class CorpusFolder(Source):
    """Texts whose folder says which split they belong to."""

    key: ClassVar[str] = "corpus"

    corpus: Corpus

    def read(self, columns, folders):
        place = next((folder / self.corpus.path for folder in folders if (folder / self.corpus.path).is_dir()), None)
        if place is None:
            raise DataError(f"{self.corpus.path}: corpus should be a folder; found none")
        read = [(split, json.loads(line)) for split in SPLITS for line in (place / f"{split}.jsonl").read_text().splitlines()]
        return [
            Rows(
                name=self.corpus.path,
                ids=[f"{split}-{row}" for row, (split, _) in enumerate(read)],
                texts=[record[self.corpus.text] for _, record in read],
                cells={column: [record[column] for _, record in read] for column in columns & read[0][1].keys()},
                groups=[None] * len(read),
                splits=[split for split, _ in read],
                columns=tuple(read[0][1]),
                where=lambda row: f"{self.corpus.path}: record {row + 1}",
            )
        ]

    def summary(self):
        return [f"corpus in {self.corpus.path}"]


@pytest.fixture
def corpus():
    register(CorpusFolder)
    yield
    unregister(CorpusFolder)


@pytest.fixture
def experiment_file(tmp_path, tiny_encoder):
    """An experiment file beside a folder of 60 training, 20 validation and 40 test texts."""
    (tmp_path / "corpus").mkdir()
    generator = np.random.default_rng(0)
    for split, count in zip(SPLITS, (60, 20, 40), strict=True):
        drawn = [(generator.choice(["mild", "severe"]), generator.choice(["left", "right"])) for _ in range(count)]
        records = [
            {"note": f"{grade} {side} {split} {i}", "grade": grade, "side": side} for i, (grade, side) in enumerate(drawn)
        ]
        (tmp_path / f"corpus/{split}.jsonl").write_text("\n".join(map(json.dumps, records)))
    path = tmp_path / "experiment.yaml"
    path.write_text(EXPERIMENT.format(encoder=tiny_encoder))
    return path


def test_a_new_source_reaches_training_store_and_dashboard(corpus, experiment_file, tmp_path, monkeypatch):
    (experiment,) = load_experiments(experiment_file)
    assert experiment.data == CorpusFolder(corpus=Corpus(path="corpus", text="note"))
    plan = make_plan(experiment, data_folders(experiment_file.parent))
    workspace = Workspace.open(tmp_path / "results")
    results = run_experiment(plan, workspace, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}

    splits = "SELECT split, count(*), min(example_id) FROM example GROUP BY split ORDER BY count(*)"
    assert query(workspace, splits).rows == [
        ("validation", 20, "validation-60"), ("test", 40, "test-100"), ("train", 60, "train-0"),
    ]  # fmt: skip
    named = "SELECT specification ->> '$.data.corpus.path', specification -> '$.data.tables' FROM experiment"
    assert query(workspace, named).rows == [("corpus", None)]
    tested = f"SELECT DISTINCT split, count(*) FROM prediction WHERE split = '{TEST}' GROUP BY split, run_id, task"
    assert query(workspace, tested).rows == [("test", 40)]
    assert query(workspace, "SELECT task, examples FROM matching WHERE kind = 'multi' AND task IS NOT NULL").rows == [
        ("grade", 40), ("side", 40),
    ]  # fmt: skip

    monkeypatch.setenv(shown_workspace.VARIABLE, str(workspace.root))
    page = AppTest.from_string(PAGE, default_timeout=100).run()
    assert not page.exception
    assert not page.error
    assert any("grade" in chart.proto.spec and "side" in chart.proto.spec for chart in page.get("plotly_chart"))


def test_mistakes_in_its_section_are_named_as_those_of_others(corpus, experiment_file):
    text = experiment_file.read_text()
    with pytest.raises(ExperimentError, match=r"e\.yaml:2: unknown key 'data\.corpus\.pth'; did you mean 'path'\?"):
        parse_experiments(text.replace("path:", "pth:"), "e.yaml")
    with pytest.raises(ExperimentError, match="data should name one source, `tables` or `spine` or `corpus`; found none"):
        parse_experiments(text.replace("corpus: {path: corpus, text: note}", ""), "e.yaml")
    validator = jsonschema.Draft202012Validator(json_schema())
    content = {"name": "x", "tasks": {"grade": {"classes": ["a", "b"]}}, "margin": 0.1}
    assert validator.is_valid({**content, "data": {"corpus": {"path": "x"}}})
    assert not validator.is_valid({**content, "data": {"corpus": {"pth": "x"}}})
    (experiment,) = parse_experiments(text, "e.yaml")
    with pytest.raises(DataError, match="corpus: corpus should be a folder; found none"):
        make_plan(experiment, [])


def test_a_file_may_name_registered_sources_only(experiment_file):
    with pytest.raises(ExperimentError, match=r"unknown key 'data\.corpus'; valid keys: spine, splits, tables"):
        load_experiments(experiment_file)


def test_a_key_is_registered_once_and_is_a_field(corpus):
    with pytest.raises(ValueError, match="should be new and a field of its model; found 'corpus'"):
        register(CorpusFolder)
    with pytest.raises(ValueError, match="found 'none'"):
        register(type("Keyless", (CorpusFolder,), {"key": "none", "__annotations__": {"key": ClassVar[str]}}))
