"""Ids of experiments, runs and evidence are those of mtlens 0.1: a stored result is never mistaken for one of today.

The digests were computed by mtlens 0.1 (commit 38542fd). A change here means that stored results are computed again.
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
from mtlens.execution.plan import unfold

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
DEMO = Path(str(resources.files("mtlens.cli"))) / "demo.yaml"
IDS = {  # name: experiment, all of its runs, all of its evidence
    "demo": ("2efb34d788250897", "f408207ae2330f15", "d053dc39d734cf2a"),
    "cervical": ("a564c6ede7b9d0b7", "6493ce38d782b60e", "2718c1e3201cdf3f"),
    "cervical-groups": ("c8ef06b22cc9d74c", "f408207ae2330f15", "49a69ddd273b71f1"),
    "controls-0.0": ("94d900661688beea", "ff5be2fcbfcd4c60", "6b65ce18b1f58511"),
    "controls-0.25": ("220cdbd9d3718f1a", "ff5be2fcbfcd4c60", "6b65ce18b1f58511"),
    "controls-0.5": ("b3645ba2b69ee3e5", "ff5be2fcbfcd4c60", "6b65ce18b1f58511"),
    "lumbar": ("32ef14d15c3039c3", "84098e401f0b44d7", "5751b58b5c8e51c8"),
    "lumbar-groups": ("7c6740dbadf8e6ca", "70d3f7fcd0fe48ff", "f26862e188e5e4ea"),
    "lumbar-notes": ("7ff62217e273dc30", "70d3f7fcd0fe48ff", "e14c0a74ab274abd"),
    "nlupp": ("1dc5be2168644679", "8d728a0761399461", "d7a44bc9447beba7"),
}
DEMO_DATA = ("9699087d6e9fee8f", "496523d3c88032f1", "7edeb123f0974b31", "5aa89c1874c15d2c", "af9b321a0d93e23c")


def shipped() -> list[Experiment]:
    paths = [DEMO, *sorted(EXPERIMENTS.glob("*.yaml"))]
    return [experiment for path in paths for experiment in load_experiments(path)]


@pytest.mark.parametrize("experiment", shipped(), ids=lambda experiment: experiment.name)
def test_shipped_experiments_keep_the_ids_of_their_results(experiment):
    labels = tuple("l" * 15 + format(index % 16, "x") for index in range(len(experiment.tasks)))
    examples = SimpleNamespace(fingerprint="d" * 16, label_fingerprints=labels)
    pretrained = SimpleNamespace(name=experiment.encoder.name, fingerprint="p" * 64)
    planned = unfold(experiment, examples, pretrained)
    trained = [Trained(role=one.role, run=one.run) for one in planned if one.candidate == 0]
    evidence = [job.job_id for stage in plan_evidence(experiment, trained) for job in stage]
    runs = [one.run.run_id for one in planned]
    assert (experiment.experiment_id, content_hash(runs), content_hash(evidence)) == IDS[experiment.name]


def test_the_data_of_the_demo_keep_their_fingerprints():
    (demo,) = load_experiments(DEMO)
    examples = load_examples(demo, [])
    assert (examples.fingerprint, *examples.label_fingerprints) == DEMO_DATA
