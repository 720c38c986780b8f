"""Ids of experiments, runs and evidence stay what they are: a stored result is never mistaken for one of today.

A change here means that stored results are computed again. Those of 0.1 changed once, when patience became the default and the
shipped files got more epochs. `RUNS_OF_0_1` are digests of the runs that mtlens 0.1 (commit 38542fd) made of the same files:
with its epochs and its patience in words, runs keep them.
"""

from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtlens.config.experiment import Experiment
from mtlens.config.hashing import content_hash
from mtlens.config.loading import load_experiments
from mtlens.data.dataset import load_examples
from mtlens.evidence.jobs import Trained, plan_evidence
from mtlens.execution.plan import PlannedRun, unfold

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
DEMO = Path(str(resources.files("mtlens.cli"))) / "demo.yaml"
IDS = {  # name: experiment, all of its runs, all of its evidence
    "demo": ("6e4be71b5b41e3d2", "620939412e2384c6", "651f89febb6be61e"),
    "arms-0.2": ("20c1a4aa3e78d3e9", "c97e1969e944360b", "53744bf06f7c070f"),
    "arms-0.8": ("fa469a3278a8a5ab", "c97e1969e944360b", "53744bf06f7c070f"),
    "cervical": ("cc714e61609f4a60", "aa895825a39aebe9", "4b4827d3c32564d4"),
    "cervical-groups": ("3def769d9b1803b9", "c960f88a8c4ba119", "1a3c69f7fbbc5963"),
    "controls-0.0": ("405b8d00ccee6dac", "67c4f948f5da0c93", "29eb0186994b9bab"),
    "controls-0.25": ("1f7d649bc15afbf8", "67c4f948f5da0c93", "29eb0186994b9bab"),
    "controls-0.5": ("1e58fde98da29b7a", "67c4f948f5da0c93", "29eb0186994b9bab"),
    "lumbar": ("9971076c43110f42", "613ae3d8f4cf62b7", "7be3e4a93fa4cb12"),
    "lumbar-groups": ("dc74fd3ababbcfee", "90800e8ae24b65d8", "8068cc1fb592abca"),
    "lumbar-notes": ("10d679ee215faed1", "90800e8ae24b65d8", "5bad5fb6767dadfb"),
    "pairs": ("e5df06e165590616", "4390b5258e0ade7b", "ccfea7c6d84c6169"),
    "nlupp": ("c704c907d8766db3", "9558413cc313ec87", "66b18d363c2ed324"),
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


def shipped() -> list[Experiment]:
    paths = [DEMO, *sorted(EXPERIMENTS.glob("*.yaml"))]
    return [experiment for path in paths for experiment in load_experiments(path)]


def plan(experiment: Experiment) -> tuple[PlannedRun, ...]:
    labels = tuple("l" * 15 + format(index % 16, "x") for index in range(len(experiment.tasks)))
    examples = SimpleNamespace(fingerprint="d" * 16, label_fingerprints=labels)
    pretrained = SimpleNamespace(name=experiment.encoder.name, fingerprint="p" * 64)
    return unfold(experiment, examples, pretrained)


@pytest.mark.parametrize("experiment", shipped(), ids=lambda experiment: experiment.name)
def test_shipped_experiments_keep_the_ids_of_their_results(experiment):
    planned = plan(experiment)
    trained = [Trained(role=one.role, run=one.run) for one in planned if one.candidate == 0]
    evidence = [job.job_id for stage in plan_evidence(experiment, trained) for job in stage]
    runs = [one.run.run_id for one in planned]
    assert (experiment.experiment_id, content_hash(runs), content_hash(evidence)) == IDS[experiment.name]


@pytest.mark.parametrize(
    "experiment", [one for one in shipped() if one.name in RUNS_OF_0_1], ids=lambda experiment: experiment.name
)
def test_runs_whose_training_is_that_of_0_1_keep_their_ids(experiment):
    epochs, patience, runs = RUNS_OF_0_1[experiment.name]
    training = experiment.training.model_copy(update={"epochs": epochs, "patience": patience})
    planned = plan(experiment.model_copy(update={"training": training}))
    assert content_hash([one.run.run_id for one in planned]) == runs


def test_the_data_of_the_demo_keep_their_fingerprints():
    (demo,) = load_experiments(DEMO)
    examples = load_examples(demo, [])
    assert (examples.fingerprint, *examples.label_fingerprints) == DEMO_DATA
