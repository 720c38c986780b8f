"""Experiments from Python: a mapping means what the file with its keys means, and its mistakes are named."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from mtlens.config.loading import experiments_from, parse_experiments
from mtlens.errors import ExperimentError
from tests.support.experiment_files import GOOD


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**5000], ids=["63 bits", "negative", "5,000 digits"])
def test_a_number_from_python_has_bounds_too(value):
    with pytest.raises(ExperimentError, match=r"experiment: margin: a number should be below 2\^63; found one of \d+ bits"):
        experiments_from({"name": "x", "margin": value, "tasks": {"a": {"classes": ["b", "c"]}}})


def test_a_mapping_means_what_the_file_with_its_keys_means():
    content = {
        "name": "demo",
        "data": {"tables": ({"path": Path("x.csv"), "text": "note", "group": "patient"},)},
        "tasks": {
            "disc": {"classes": ["no", "yes"]},
            "thecal": {"column": "weak_thecal", "classes": range_of(3), "missing": [-1]},
        },
        "margin": np.float64(0.02),
        "training": {"learning_rate": 1e-4, "epochs": np.int64(3)},
    }
    assert experiments_from(content) == parse_experiments(GOOD, "e.yaml")
    swept = experiments_from({**content, "sweep": {"training.epochs": [1, 2]}})
    assert [experiment.name for experiment in swept] == ["demo-1", "demo-2"]


def range_of(count):
    return list(np.arange(count))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margn": 0.1}, r"^experiment: unknown key 'margn'; did you mean 'margin'\?$"),
        ({"margin": 2}, "^experiment: margin: Input should be less than 1; found 2$"),
        ({"margin": True}, "^experiment: margin: .*; found 'true'$"),
        ({"seeds": np.arange(3)}, "^experiment: seeds should be text, a number, a list or a mapping; found ndarray$"),
        ({"tasks": {"disc": {"clases": ["a", "b"]}}}, "^experiment: unknown key 'tasks.disc.clases'; did you mean 'classes'"),
        ({"tasks": {"disc": {"name": "x"}}}, "^experiment: unknown key 'tasks.disc.name'"),
        ({"tasks": ["disc"]}, "^experiment: `tasks` should map each task's name to its settings; found list$"),
        ({"sweep": {"training.epochs": 3}}, "^experiment: sweep.training.epochs should list"),
    ],
)
def test_a_mistake_in_a_mapping_is_named_without_a_line(changes, message):
    content = yaml.safe_load(GOOD)
    with pytest.raises(ExperimentError, match=message):
        experiments_from({**content, **changes})
