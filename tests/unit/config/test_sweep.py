"""Sweeps: one experiment per value, each with a name of its own."""

import pytest
import yaml

from mtlens.config.loading import parse_experiments
from mtlens.config.sweep import unfold_sweep
from mtlens.errors import ExperimentError
from tests.support.experiment_files import GOOD, changed


def test_a_sweep_is_one_experiment_per_value():
    text = GOOD + "sweep: {training.epochs: [1, 2, 4]}\n"
    found = parse_experiments(text, "e.yaml")
    assert [one.training.epochs for one in found] == [1, 2, 4]
    assert [one.name for one in found] == [f"{parse_experiments(GOOD, 'e.yaml')[0].name}-{value}" for value in (1, 2, 4)]
    assert len({one.experiment_id for one in found}) == 3


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ("[0.5, -1, a.b_c-]", ["0.5", "-1", "a.b_c-"]),
        ("[hub/one, hub/two]", ["hub-one", "hub-two"]),
        ("[hub/one, hub-one, hub-one-2, /hub/one]", ["hub-one", "hub-one-2", "hub-one-2-2", "hub-one-3"]),
        ("[[0, 1], [2, 3]]", ["0-1", "2-3"]),
        (f"[/{'a' * 120}/one, /{'a' * 120}/two]", ["a" * 80 + "-one", "a" * 80 + "-two"]),
    ],
)
def test_experiments_of_a_sweep_have_names_of_their_own(values, names):
    content = {"name": "n" * 15, "encoder": {}, "sweep": {"encoder.name": yaml.safe_load(values)}}
    assert [unfolded["name"] for unfolded in unfold_sweep(content, "e.yaml:1")] == [f"{'n' * 15}-{name}" for name in names]


def test_encoders_can_be_swept():
    text = GOOD + "encoder: {pooling: cls}\nsweep: {encoder.name: [sentence-transformers/all-MiniLM-L6-v2, org/other]}\n"
    found = parse_experiments(text, "e.yaml")
    assert [one.encoder.name for one in found] == ["sentence-transformers/all-MiniLM-L6-v2", "org/other"]
    assert [one.name for one in found] == ["demo-sentence-transformers-all-MiniLM-L6-v2", "demo-org-other"]


def test_a_sweep_does_not_name_a_file_without_a_name():
    with pytest.raises(ExperimentError, match="name: Field required"):
        parse_experiments(changed("name: demo\n", "") + "sweep: {training.epochs: [1, 2]}\n", "e.yaml")


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("[1, 2]", "sweep should map one key"),
        ("{training.epochs: [1, 2], margin: [0.1, 0.2]}", "sweep should map one key"),
        ("{training.epochs: 3}", "should list 2 to 20 distinct values; found 3"),
        ("{training.epochs: [1, 1]}", "distinct values"),
        ("{trainig.epochs: [1, 2]}", "found no 'trainig'"),
        ("{training.epoch: [1, 2]}", "unknown key 'training.epoch'; did you mean 'epochs'"),
        ("{training.epochs: [1, -2]}", "greater than or equal to 1; found -2"),
    ],
)
def test_sweeps_that_cannot_be(sweep, message):
    with pytest.raises(ExperimentError, match=message):
        parse_experiments(GOOD + f"sweep: {sweep}\n", "e.yaml")
