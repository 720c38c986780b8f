"""An experiment is the same from a file, a mapping and a DataFrame; what cannot be used is named in one line."""

import numpy as np
import pandas as pd
import pytest
import yaml

import mtlens
from mtlens.errors import DataError, ExperimentError, MtlensError, TrainingError, WorkspaceError

TASKS = {"grade": {"classes": ["none", "mild", "severe"]}, "side": {"classes": ["left", "right"]}}


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """A DataFrame of labelled notes, also in notes.csv of the current folder; a whole number in a column with gaps."""
    generator = np.random.default_rng(0)
    grades, sides = generator.integers(0, 3, 120), generator.integers(0, 2, 120)
    frame = pd.DataFrame(
        {
            "patient": [f"p{i // 2}" for i in range(120)],
            "note": [
                f"the disc {i} {('normal', 'mild', 'severe')[grades[i]]} {('left', 'right')[sides[i]]}" for i in range(120)
            ],
            "grade": [("none", "mild", "severe")[grade] for grade in grades],
            "side": [("left", "right")[side] if i % 7 else None for i, side in enumerate(sides)],
            "level": [float(side) if i % 7 else np.nan for i, side in enumerate(sides)],
        }
    )
    frame.to_csv(tmp_path / "notes.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MTLENS_DATA", raising=False)
    return frame


@pytest.fixture
def settings(tiny_encoder):
    return {
        "encoder": {"name": str(tiny_encoder)},
        "training": {"epochs": 1, "batch_size": 16, "precision": "float32"},
        "seeds": [0, 1],
    }


@pytest.fixture
def content(settings):
    data = {"tables": [{"path": "notes.csv", "text": "note", "group": "patient"}]}
    return {"name": "notes", "data": data, "tasks": TASKS, "margin": 0.1, **settings}


def of_frame(notes, settings, **changes):
    given = {"text": "note", "tasks": TASKS, "group": "patient", "margin": 0.1, "name": "notes", **settings, **changes}
    return mtlens.experiment(notes, **given)


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_file_mapping_and_frame_are_the_same_runs(notes, settings, content, tmp_path):
    (tmp_path / "notes.yaml").write_text(yaml.safe_dump(content))
    before = files(tmp_path)
    plans = [mtlens.plan("notes.yaml"), mtlens.plan(tmp_path / "notes.yaml"), mtlens.plan(content)]
    assert files(tmp_path) == before  # a plan writes nothing
    plans.append(mtlens.plan(of_frame(notes, settings)))
    (written,) = files(tmp_path) - before
    assert written.startswith("tables/table-")
    ids = [plan.runs()["run_id"].tolist() for plan in plans]
    assert ids[1:] == ids[:1] * 3
    assert len(set(ids[0])) == 6

    results = plans[0].run(local=True)
    assert results.matching()["seeds"].tolist() == [2, 2, 2]
    assert results.runs()["run_id"].tolist() == mtlens.open("results").runs()["run_id"].tolist()
    assert set(results.runs()["run_id"]) == set(ids[0])
    assert all(plan.runs()["finished"].all() for plan in plans)
    assert "0 of them to train" in plans[3]._repr_html_()
    again = mtlens.run(of_frame(notes, settings), local=True)  # trains nothing: the runs are there
    assert again.matching()["difference"].tolist() == results.matching()["difference"].tolist()
    assert set(mtlens.open("results").matching()["experiment_id"]) == {results.experiment_id, again.experiment_id}


def test_a_plan_shows_grid_cost_and_power(notes, content):
    plan = mtlens.plan({**content, "grid": {"learning_rate": [1e-4, 3e-4]}, "name": "grid"})
    page, text = plan._repr_html_(), repr(plan)
    assert "grid: 12 runs, 12 of them to train, about" in text
    assert [line.split()[:3] for line in text.splitlines()[2:8]] == [
        [kind, *rest] for kind, *rest in (
            ("multi", "grade,", "side"), ("multi", "grade,", "side"), ("single", "grade", "1"), ("single", "grade", "1"),
            ("single", "side", "1"), ("single", "side", "1"),
        )
    ]  # fmt: skip
    assert "0.0003" in page
    assert "with 3 seeds" in page
    assert plan.overview.cost.flops > 0


def test_adapters_are_listed_with_their_own_learning_rate(notes, content):
    lora = {**content["training"], "lora": {"learning_rate": 5e-3}, "learning_rate": 2e-4}
    runs = mtlens.plan({**content, "runs": ["single", "adapters"], "training": lora}).runs()
    assert runs.groupby("role")["learning_rate"].unique().map(list).to_dict() == {"adapter": [5e-3], "single": [2e-4]}


def test_classes_are_read_from_the_frame_and_whole_numbers_stay_whole(notes, settings):
    experiment = of_frame(notes, settings, tasks=["side", "level"])
    assert [task.classes for task in experiment.tasks] == [("left", "right"), ("0", "1")]
    made = mtlens.plan(experiment)
    labels = made.plan.examples.labels
    assert (labels[:, 0] == labels[:, 1]).all()


def test_equal_frames_share_a_file_and_others_get_their_own(notes, settings, tmp_path):
    of_frame(notes, settings)
    of_frame(notes.copy(), settings)
    assert len(files(tmp_path / "tables")) == 1
    of_frame(notes.iloc[:-1], settings)
    assert len(files(tmp_path / "tables")) == 2
    of_frame(notes, settings, folder=tmp_path / "other" / "place")
    assert files(tmp_path / "other" / "place") < files(tmp_path / "tables")


def test_ray_is_asked_unless_training_is_local(notes, content, monkeypatch):
    asked = []
    monkeypatch.setattr("mtlens.execution.experiment.run_experiment", lambda *given, show, **named: asked.append(named) or [])
    mtlens.run(content)
    mtlens.run(content, address="auto")
    mtlens.run(content, local=True)
    assert [(named["local"], named["address"]) for named in asked] == [(False, None), (False, "auto"), (True, None)]


def test_runs_that_fail_are_an_error(notes, content, capsys):
    broken = {**content, "training": {**content["training"], "learning_rate": 1e30, "head_learning_rate": 1e30}}
    with pytest.raises(TrainingError, match=r"of 6 jobs failed, the first of them .*should be finite"):
        mtlens.run(broken, local=True)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda notes, content: mtlens.plan("absent.yaml"), ExperimentError, "absent.yaml: experiment file should be readable"),
        (lambda notes, content: mtlens.plan(notes), ExperimentError, "found DataFrame; mtlens.experiment"),
        (
            lambda notes, content: mtlens.plan(3),
            ExperimentError,
            "should be the path of a file, a mapping or an Experiment; found int",
        ),
        (lambda notes, content: mtlens.plan({**content, "margn": 1}), ExperimentError, "experiment: unknown key 'margn'"),
        (
            lambda notes, content: mtlens.plan({**content, "sweep": {"margin": [0.1, 0.2]}}),
            ExperimentError,
            "found a sweep of 2",
        ),
        (lambda notes, content: mtlens.plan(content, 3), WorkspaceError, "workspace should be a path; found int"),
        (lambda notes, content: mtlens.plan(content, data=3), DataError, "data should be a path; found int"),
        (
            lambda notes, content: mtlens.plan({**content, "data": {"tables": [{"path": "absent.csv", "text": "note"}]}}),
            DataError,
            "absent.csv: table should be a file",
        ),
    ],
)
def test_what_cannot_be_planned_is_named_in_one_line(call, error, message, notes, content):
    with pytest.raises(error, match=message) as caught:
        call(notes, content)
    assert isinstance(caught.value, MtlensError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"text": "note "}, DataError, "frame: column 'note ' should exist; nearest is 'note'"),
        ({"tasks": ["grade", "sid"]}, DataError, "frame: column 'sid' should exist; nearest is 'side'"),
        ({"tasks": ["note"]}, DataError, "column 'note' should hold 2 to 50 classes; found 120"),
        (
            {"tasks": "grade"},
            ExperimentError,
            "tasks should be a list of columns or a mapping from tasks to settings; found 'grade'",
        ),
        ({"tasks": {"grade": {"clases": ["a"]}}}, ExperimentError, "unknown key 'tasks.grade.clases'"),
        ({"tasks": {"grade": ["a", "b"]}}, ExperimentError, "task 'grade' should have settings such as `classes`"),
        ({"margin": 2}, ExperimentError, "margin: Input should be less than 1; found 2"),
        ({"epochs": 3}, ExperimentError, "unknown key 'epochs'"),
        ({"name": "a/b"}, ExperimentError, "name: String should match pattern"),
        ({"data": {}}, ExperimentError, "settings should leave out `data`, which is the frame"),
        ({"sweep": {"margin": [0.1, 0.2]}}, ExperimentError, "settings should be of one experiment; found a sweep of 2"),
        ({"splits": {"test": 2}}, ExperimentError, "data.splits.test: Input should be less than 1; found 2"),
        ({"folder": 3}, DataError, "folder should be a path; found int"),
    ],
)
def test_what_does_not_fit_a_frame_is_named_in_one_line(changes, error, message, notes, settings):
    with pytest.raises(error, match=message) as caught:
        of_frame(notes, settings, **changes)
    assert "\n" not in str(caught.value)


def test_a_frame_should_be_a_frame_of_text_and_numbers(notes, settings):
    with pytest.raises(DataError, match="frame should be a pandas DataFrame; found dict"):
        of_frame({"note": []}, settings)
    notes["grade"] = [object()] * len(notes)
    with pytest.raises(DataError, match="frame should have columns of text or numbers; found"):
        of_frame(notes, settings)
