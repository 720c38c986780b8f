"""Ids of experiments, runs and evidence stay what they are: a stored result is never mistaken for one of today.

A change here means that stored results are computed again. Those of 0.1 changed when patience became the default and the
files of this repository got more epochs, and when the code of training changed (`CODE_VERSION` 2). `RUNS_OF_0_1` are digests
of the runs that mtlens 0.1 (commit 38542fd) made of the same files: with its epochs, patience, seeds and `CODE_VERSION`, runs
keep them.
"""

from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.hashing import content_hash
from mtlens.config.loading import load_experiments
from mtlens.config.sections import Splits
from mtlens.data.dataset import load_examples
from mtlens.evidence.jobs import Trained, plan_evidence
from mtlens.execution.plan import PlannedRun, unfold

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
DEMO = Path(str(resources.files("mtlens.cli"))) / "demo.yaml"
IDS = {  # name: experiment, all of its runs, all of its evidence
    "demo": ("9a881717e130f452", "36078b90a68136c5", "a64e2cb3f3dc46e8"),
    "arms-0.2": ("94c8cfee8c179d15", "7eca13d63455a3b0", "6179ab11637a381a"),
    "arms-0.8": ("b8366ce251ecea51", "7eca13d63455a3b0", "6179ab11637a381a"),
    "cervical": ("cc714e61609f4a60", "2169924a39e83426", "a4551028b375e17c"),
    "cervical-groups": ("3def769d9b1803b9", "ce72c0b1fc8634b2", "61703fb8911d8c8c"),
    "controls-0.0": ("405b8d00ccee6dac", "d9ca55867cb3857b", "069c0ebd953b803d"),
    "controls-0.25": ("1f7d649bc15afbf8", "d9ca55867cb3857b", "069c0ebd953b803d"),
    "controls-0.5": ("1e58fde98da29b7a", "d9ca55867cb3857b", "069c0ebd953b803d"),
    "controls-0.75": ("35188e055297e0aa", "d9ca55867cb3857b", "069c0ebd953b803d"),
    "controls-1.0": ("3ed5ccfbe7088c50", "d9ca55867cb3857b", "069c0ebd953b803d"),
    "lumbar": ("9971076c43110f42", "d721dc0cd97296f5", "335fe8925cfbc354"),
    "lumbar-arms": ("a4887f3a664b507b", "d63db62264aced8e", "e90334fddb779aa2"),
    "lumbar-groups": ("dc74fd3ababbcfee", "cda307126ff17999", "b20101fdc2f6083d"),
    "lumbar-notes": ("9b10bbf765361021", "33d33ec96ce22493", "9033b4eb704c9cb7"),
    "pairs": ("273c710e512201b8", "2d1cec6a818acae4", "800758be3f478ddc"),
    "nlupp": ("6b6b5fbd09e991a6", "c889eff234d5d854", "93c2a0292ae58e06"),
}
RUNS_OF_0_1 = {  # name: epochs and patience then, all of the runs
    "demo": (3, 0, "f408207ae2330f15"),
    "cervical": (6, 3, "6493ce38d782b60e"),
    "controls-0.5": (3, 0, "ff5be2fcbfcd4c60"),
    "lumbar": (6, 3, "84098e401f0b44d7"),
    "lumbar-notes": (6, 0, "70d3f7fcd0fe48ff"),
    "nlupp": (4, 0, "8d728a0761399461"),
}
DEMO_DATA = ("9699087d6e9fee8f", "496523d3c88032f1", "7edeb123f0974b31", "5aa89c1874c15d2c", "af9b321a0d93e23c")


def of_the_repository() -> list[Experiment]:
    paths = [DEMO, *sorted(EXPERIMENTS.glob("*.yaml"))]
    return [experiment for path in paths for experiment in load_experiments(path)]


def plan(experiment: Experiment) -> tuple[PlannedRun, ...]:
    labels = tuple("l" * 15 + format(index % 16, "x") for index in range(len(experiment.tasks)))
    examples = SimpleNamespace(fingerprint="d" * 16, label_fingerprints=labels)
    pretrained = SimpleNamespace(name=experiment.encoder.name, fingerprint="p" * 64)
    return unfold(experiment, examples, pretrained)


@pytest.mark.parametrize("experiment", of_the_repository(), ids=lambda experiment: experiment.name)
def test_shipped_experiments_keep_the_ids_of_their_results(experiment):
    planned = plan(experiment)
    trained = [Trained(role=one.role, run=one.run) for one in planned if one.candidate == 0]
    evidence = [job.job_id for stage in plan_evidence(experiment, trained) for job in stage]
    runs = [one.run.run_id for one in planned]
    assert (experiment.experiment_id, content_hash(runs), content_hash(evidence)) == IDS[experiment.name]


@pytest.mark.parametrize(
    "experiment", [one for one in of_the_repository() if one.name in RUNS_OF_0_1], ids=lambda experiment: experiment.name
)
def test_runs_whose_training_is_that_of_0_1_keep_their_ids(experiment, monkeypatch):
    monkeypatch.setattr("mtlens.config.run.CODE_VERSION", 1)
    epochs, patience, runs = RUNS_OF_0_1[experiment.name]
    training = experiment.training.model_copy(update={"epochs": epochs, "patience": patience})
    changes = {"training": training, "seeds": (0, 1, 2), "data": experiment.data.model_copy(update={"splits": Splits()})}
    planned = plan(experiment.model_copy(update=changes))
    assert content_hash([one.run.run_id for one in planned]) == runs


def test_the_data_of_the_demo_keep_their_fingerprints():
    (demo,) = load_experiments(DEMO)
    examples = load_examples(demo, [])
    assert (examples.fingerprint, *examples.label_fingerprints) == DEMO_DATA
