"""One experiment with tasks of every kind, from the file to the models that are served."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from seqeval.metrics import f1_score as span_score
from seqeval.scheme import IOB2
from sklearn.metrics import f1_score, mean_absolute_error

import mtlens as library
from mtlens.cli.plan_output import print_plan
from mtlens.config.loading import parse_experiments
from mtlens.execution.experiment import run_experiment
from mtlens.execution.overview import Overview
from mtlens.execution.plan import make_plan
from mtlens.inference.export.export import export
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.extraction.server import create
from mtlens.inference.model.family import load
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.hardware import prepare
from mtlens_dashboard import queries
from mtlens_dashboard.export.report import write_report

WORDS = ("normal", "mild", "severe")
FILE = """
name: kinds
data: {{tables: [{{path: notes.csv, text: note}}], splits: {{validation: 0.15, test: 0.35}}}}
tasks:
  side: {{classes: [left, right], metric: f1(right)}}
  grade: {{kind: ordinal, classes: [normal, mild, severe]}}
  signs: {{kind: multilabel, classes: [disc, canal, root], separator: ";", missing: [unknown]}}
  age: {{kind: number, metric: mean_absolute_error, margin: 2, missing: [unknown]}}
  places: {{kind: tags, classes: [GRADE, SITE], missing: [unknown]}}
encoder: {{name: {encoder}}}
training: {{epochs: 3, batch_size: 8, learning_rate: 3.0e-3, head_learning_rate: 1.0e-2, max_length: 48, precision: float32}}
evidence: {{examples: 16, microbatches: 4, microbatch_size: 2}}
margin: 0.2
seeds: [0, 1, 2]
search: {{method: random, runs: 3}}
"""


def span_of(text, part, kind):
    return {"start": text.index(part), "end": text.index(part) + len(part), "label": kind}


def write_notes(folder):
    """180 notes; what each task asks for is a word of the note, and some cells are empty."""
    generator = np.random.default_rng(0)
    with (folder / "notes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["note", "side", "grade", "signs", "age", "places"])
        for number in range(180):
            grade, side = int(generator.integers(3)), ("left", "right")[int(generator.integers(2))]
            signs = [word for word in ("disc", "canal", "root") if generator.random() < 0.4]
            filler = " ".join(generator.permutation([*signs, "with", "the"]))
            age = "unknown" if number % 9 == 0 else f"{30 + 20 * grade + generator.normal(0, 1):.1f}"
            note = f"{filler} {WORDS[grade]}. {side} level {number}."
            spans = [span_of(note, WORDS[grade], "GRADE"), span_of(note, f"{side} level", "SITE")]
            writer.writerow(
                [
                    note,
                    side,
                    WORDS[grade],
                    "unknown" if number % 11 == 0 else ";".join(signs),
                    age,
                    "unknown" if number % 7 == 0 else json.dumps(spans),
                ]
            )


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_encoder):
    folder = tmp_path_factory.mktemp("kinds")
    write_notes(folder)
    (experiment,) = parse_experiments(FILE.format(encoder=tiny_encoder), "kinds.yaml")
    plan, workspace = make_plan(experiment, [folder]), Workspace.open(folder / "results")
    results = run_experiment(plan, workspace, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}
    return plan, workspace


@pytest.fixture(scope="module")
def family(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "family"
    export(*trained, out)
    return out


def rows(workspace, statement):
    return query(workspace, statement).rows


def test_verdicts_are_in_the_unit_of_each_task_and_the_mean_in_margins(trained):
    _, workspace = trained
    found = rows(workspace, "SELECT task, metric, margin, verdict FROM matching WHERE kind = 'multi'")
    assert [row[:3] for row in found] == [
        ("side", "f1(right)", 0.2), ("grade", "quadratic_kappa", 0.2), ("signs", "macro_f1", 0.2),
        ("age", "mean_absolute_error", 2.0), ("places", "span_f1", 0.2), (None, None, 1.0),
    ]  # fmt: skip
    assert rows(workspace, "SELECT task, task_kind, unit, higher_is_better FROM task ORDER BY position") == [
        ("side", "classes", 0.2, True), ("grade", "ordinal", 0.2, True),
        ("signs", "multilabel", 0.2, True), ("age", "number", 2.0, False), ("places", "tags", 0.2, True),
    ]  # fmt: skip
    text = repr(library.open(workspace.root))
    assert "each task by its own metric and margin" in text


def test_stored_numbers_are_those_that_metrics_score(trained):
    _, workspace = trained
    stored = rows(
        workspace,
        "SELECT run_id, list(true_number), list(predicted_number), any_value(value), any_value(score) FROM prediction "
        "JOIN score USING (run_id, task, split) WHERE task = 'age' AND split = 'test' GROUP BY run_id",
    )
    assert len(stored) >= 6
    for _, truth, predicted, value, score in stored:
        assert value == pytest.approx(mean_absolute_error(truth, predicted))
        assert score == pytest.approx(-value / 2)
    spread = np.std(stored[0][1])
    best = min(value for *_, value, _ in stored)
    assert best < 0.75 * spread  # the mean alone errs by about .8 of the deviation
    names = rows(workspace, "SELECT DISTINCT name FROM metric WHERE task = 'age' ORDER BY name")
    assert [name for (name,) in names] == ["mean_absolute_error", "pearson", "r2", "spearman"]
    assert rows(workspace, "SELECT count(*) FROM confusion WHERE task = 'age'") == [(0,)]


def test_stored_label_sets_are_those_that_metrics_score(trained):
    _, workspace = trained
    stored = rows(
        workspace,
        "SELECT run_id, list(true_labels), list(predicted_labels), list(probabilities), any_value(value) FROM prediction "
        "JOIN score USING (run_id, task, split) WHERE task = 'signs' AND split = 'test' GROUP BY run_id",
    )
    assert len(stored) >= 6
    for _, truth, predicted, probabilities, value in stored:
        assert value == pytest.approx(f1_score(truth, predicted, average="macro"))
        chosen, likely = np.array(predicted), np.array(probabilities)
        for label in range(3):  # one threshold parts what is predicted from what is not
            parts = [likely[chosen[:, label] == value, label] for value in (0, 1)]
            assert not (len(parts[0]) and len(parts[1])) or parts[0].max() < parts[1].min()


def test_stored_spans_are_those_that_seqeval_scores(trained):
    _, workspace = trained
    stored = rows(
        workspace,
        "SELECT run_id, list(true_spans), list(predicted_spans), any_value(value) FROM prediction "
        "JOIN score USING (run_id, task, split) WHERE task = 'places' AND split = 'test' GROUP BY run_id",
    )
    assert len(stored) >= 6
    for _, truth, predicted, value in stored:
        written = [[tags_of_characters(spans) for spans in column] for column in (truth, predicted)]
        assert value == pytest.approx(span_score(*written, mode="strict", scheme=IOB2))
    assert max(value for *_, value in stored) > 0.5
    of_types = rows(workspace, "SELECT DISTINCT name, \"class\" FROM metric WHERE task = 'places' ORDER BY ALL")
    assert of_types == [("span_f1", "GRADE"), ("span_f1", "SITE"), ("span_f1", None)]


def tags_of_characters(spans):
    tags = ["O"] * 80
    for begin, end, kind in zip(spans[::3], spans[1::3], spans[2::3], strict=True):
        tags[begin:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - begin - 1)]
    return tags


def test_the_page_of_examples_lists_spans(trained):
    plan, workspace = trained
    found = queries.examples(workspace, plan.experiment.experiment_id, "places", "multi")
    assert all(one.single_right != one.other_right for one in found)
    assert all(part.split()[0] in ("GRADE", "SITE") for one in found for part in one.label.split(", "))


def test_counts_are_by_range_and_missing_numbers_are_no_labels(trained, capsys):
    plan, workspace = trained
    counts = json.loads(rows(workspace, "SELECT class_counts FROM task WHERE task = 'age'")[0][0])
    assert sum(sum(of_split.values()) for of_split in counts.values()) == 160
    assert all(count > 3 for of_split in counts.values() for count in of_split.values())
    print_plan(Overview.of(plan, workspace.root))
    printed = capsys.readouterr().out
    assert "to below" in printed
    margins = printed.split("Margins: ")[1].split(".\n")[0]
    assert all(task.name in margins for task in plan.experiment.tasks)
    assert "-: not known before models of the task are trained" in printed or "* from earlier runs" in printed


def test_evidence_and_groupings_know_every_kind(trained):
    _, workspace = trained
    pairs = "SELECT count(*) FROM {} WHERE {} IS NOT NULL"
    assert rows(workspace, pairs.format("gradient_alignment", "debiased"))[0][0] > 0
    assert rows(workspace, pairs.format("cka", "value"))[0][0] > 0
    assert rows(workspace, pairs.format("linearised", "affinity"))[0][0] > 0
    assert rows(workspace, pairs.format("lookahead", "lookahead"))[0][0] > 0
    ((verdict, statement),) = rows(workspace, "SELECT verdict, statement FROM recommendation")
    assert verdict in ("matches", "separate", "inconclusive", "worse")
    assert statement


def test_the_report_draws_every_figure(trained, tmp_path):
    page = write_report(trained[1], tmp_path / "report.html").read_text()
    assert "quadratic kappa; signs: 20 points of macro-F1; age: 2 in mean absolute error" in page


def test_exported_models_say_what_the_trained_ones_said(trained, family):
    plan, workspace = trained
    loaded = load(family, threads=1)
    texts = dict(zip(plan.examples.ids, plan.examples.texts, strict=True))
    for member in loaded.config.members:
        if "age" in member.tasks:
            stored = rows(
                workspace,
                f"SELECT example_id, predicted_number FROM prediction WHERE run_id = '{member.run_id}' AND task = 'age' "
                "AND split = 'test'",
            )
            said = loaded.classify([texts[name] for name, _ in stored])["age"][:, 0]
            assert said == pytest.approx([number for _, number in stored], abs=0.6)  # weights may be rounded to bfloat16
    ((stored, run_id),) = rows(
        workspace,
        "SELECT list((example_id, predicted_spans)), run_id FROM prediction WHERE task = 'places' AND split = 'test' "
        f"AND run_id IN ({', '.join(repr(member.run_id) for member in loaded.config.members if 'places' in member.tasks)}) "
        "GROUP BY run_id",
    )
    assert run_id
    (task,) = [task for task in loaded.config.tasks if task.name == "places"]
    said = loaded.classify([texts[name] for name, _ in stored])["places"]
    same = [
        [
            number
            for span in loaded.spans(task, texts[name], own)
            for number in (span.start, span.end, task.classes.index(span.type))
        ]
        == list(spans)
        for (name, spans), own in zip(stored, said, strict=True)
    ]
    assert np.mean(same) > 0.9  # weights may be rounded to bfloat16
    assert "mean absolute error (margin 2)" in (family / "README.md").read_text()


def test_a_number_is_extracted_and_served_with_the_sentence_that_it_was_read_from(family):
    reader = Reader(load(family, threads=1))
    (found,) = reader.read([("a", "disc severe. left level.")])
    age = next(finding for finding in found.findings if finding.task == "age")
    assert (age.status, age.probability) == ("read", None)
    assert float(age.label) > 0
    assert age.sentence in ("disc severe.", "left level.")
    places = next(finding for finding in found.findings if finding.task == "places")
    assert places.label == (", ".join(f"{span.text} ({span.type})" for span in places.spans) or "(none)")
    assert all("disc severe. left level."[span.start : span.end] == span.text for span in places.spans)
    signs = next(finding for finding in found.findings if finding.task == "signs")
    assert signs.label == "(none)" or set(signs.label.split(", ")) <= {"disc", "canal", "root"}
    with TestClient(create(reader), base_url="http://127.0.0.1:8600") as client:
        answer = client.post("/findings", json={"reports": ["disc severe. left level."]})
    served = {finding["task"]: finding for finding in answer.json()["reports"][0]["findings"]}
    assert (served["age"]["label"], served["age"]["sentence"]) == (age.label, age.sentence)
    assert served["places"]["spans"] == [span.model_dump() for span in places.spans]
    assert "spans" not in served["age"]


def test_the_code_of_the_card_says_what_the_family_says(family, monkeypatch, capsys):
    """Of every kind that reads the pooled state: probabilities of classes, grades and labels, and numbers in their unit."""
    monkeypatch.chdir(family)
    loaded = load(family, threads=1)
    said = replace(loaded, hardware=prepare("float32", threads=1, gpu=False)).classify(["The disc is bulging."])
    for block in re.findall(r"```python\n(.*?)```", (family / "README.md").read_text(), flags=re.DOTALL):
        exec(block, {})
    printed = capsys.readouterr().out
    shown = {
        name: np.array(json.loads(rows)) for name, rows in re.findall(r"^(\w+) (\[\[[^\[].*?\]\])", printed, flags=re.MULTILINE)
    }
    assert {"grade", "signs", "age"} <= shown.keys()
    for name, rows in shown.items():
        np.testing.assert_allclose(rows, said[name], rtol=1e-5, atol=1e-6)
