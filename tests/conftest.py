"""Fixtures that many tests share: a tiny encoder with random weights, and small examples to train it on."""

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # tests run on every core: threads must not spin

import mtlens.execution.ray_backend  # sets the environment of Ray before a test imports it
from mtlens.cli import main
from mtlens.config.run import Run
from mtlens.config.sections import Encoder, Training
from mtlens.config.task import Task
from mtlens.data.examples import Examples
from mtlens.data.tokenize import Encoded, encode
from mtlens.store.database import writer
from tests.support.database_template import copies_of
from tests.support.fault_trial import Trial, make_trial

SEARCHED = ("a", "b", "c", "d", "e")
WORDS = ["disc", "canal", "root", "normal", "mild", "severe", "left", "right", "with", "without", "the", "level"]


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores for `-n auto`: tests wait for Ray, for servers and for the disk."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.fixture(scope="session", autouse=True)
def _files_need_not_survive_a_power_failure() -> Generator[None]:
    """fsync does nothing in this process; tests of fsync replace it by their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _databases_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Tables and their descriptions are made once in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "create", copies_of(tmp_path_factory.mktemp("database") / "template.duckdb"))
        yield


@pytest.fixture(scope="module")
def ray_session() -> Generator[None]:
    """Ray on this machine, for the tests of a file: those of another file may join a cluster."""
    from mtlens.execution.ray_backend.session import session

    with session(None):
        yield


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer BERT of 32 hidden units with random weights, without dropout, and its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny-bert")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "unused"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tasks() -> tuple[Task, ...]:
    return (
        Task(name="grade", column="grade", classes=("none", "mild", "severe")),
        Task(name="side", column="side", classes=("left", "right")),
    )


@pytest.fixture(scope="session")
def examples(tasks: tuple[Task, ...]) -> Examples:
    """240 short texts; the grade and the side stand in the words, and every fifth side is not labelled."""
    generator = np.random.default_rng(0)
    n = 240
    grades, sides = generator.integers(0, 3, n), generator.integers(0, 2, n)
    filler = [" ".join(generator.choice(WORDS[:3] + WORDS[8:], generator.integers(1, 9))) for _ in range(n)]
    texts = [f"{filler[i]} {['normal', 'mild', 'severe'][grades[i]]} {['left', 'right'][sides[i]]} {i}" for i in range(n)]
    labels = np.stack([grades, np.where(np.arange(n) % 5 == 0, -1, sides)], axis=1)
    return Examples(
        tasks=tasks,
        ids=tuple(f"x{i}" for i in range(n)),
        texts=tuple(texts),
        labels=labels.astype(np.int16),
        splits=np.repeat([0, 1, 2], [120, 40, 80]).astype(np.int8),
        groups=np.arange(n, dtype=np.int32),
        sources=np.zeros(n, dtype=np.int16),
        notes=(),
    )


@pytest.fixture(scope="session")
def encoded(examples: Examples, tiny_encoder: Path) -> Encoded:
    return encode(examples, tiny_encoder, max_length=32)


@pytest.fixture(scope="session")
def training() -> Training:
    return Training(
        epochs=3, batch_size=16, learning_rate=3e-3, head_learning_rate=1e-2, precision="float32", class_weights="none"
    )


@pytest.fixture(scope="session")
def make_run(tiny_encoder: Path, tasks: tuple[Task, ...], training: Training):
    """Builds a run of the tiny encoder on the tasks named, with some of the training settings changed."""
    from mtlens.data.encoders import locate

    fingerprint = locate(str(tiny_encoder)).fingerprint

    def make(*names: str, seed: int = 0, method: str = "full", shuffle: bool = False, **changes: object) -> Run:
        chosen = [task.model_copy(update={"shuffle_labels": shuffle}) for task in tasks if not names or task.name in names]
        return Run(
            tasks=tuple(chosen),
            method=method,
            seed=seed,
            encoder=Encoder(name=str(tiny_encoder)),
            pretrained=fingerprint,
            training=training.model_copy(update=changes),
            data="d" * 16,
            labels=("l",) * len(chosen),
        )

    return make


@pytest.fixture(scope="session")
def trial(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """An undisturbed experiment, with which the disturbed ones are compared."""
    return make_trial(tmp_path_factory.mktemp("trial"), tiny_encoder)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory):
    """Stores of models that were never trained, by name; each is built once in a process, and only read."""
    from tests.support.fake_stores import Stores

    return Stores(tmp_path_factory.mktemp("stores"))


@pytest.fixture
def search_plan(tmp_path, tiny_encoder):
    """Makes a plan over the first tasks of a table in which every label is a word of the text."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, (96, len(SEARCHED)))
    rows = [
        " ".join(["left" if one else "right" for one in row]) + f" {i}," + ",".join("xy"[one] for one in row)
        for i, row in enumerate(labels)
    ]
    (tmp_path / "notes.csv").write_text("\n".join(["note," + ",".join(SEARCHED), *rows]) + "\n")

    def make(num_tasks, *, seeds=(0,), **search):
        content = {
            "name": "searched",
            "data": {"tables": [{"path": "notes.csv", "text": "note"}]},
            "tasks": [{"name": name, "column": name, "classes": ["x", "y"]} for name in SEARCHED[:num_tasks]],
            "encoder": {"name": str(tiny_encoder)},
            "training": {"epochs": 1, "batch_size": 32, "precision": "float32", "class_weights": "none"},
            "margin": 0.1,
            "seeds": list(seeds),
            "search": search,
        }
        from mtlens.config.experiment import Experiment
        from mtlens.execution.plan import make_plan

        return make_plan(Experiment.model_validate(content), [tmp_path])

    return make


@pytest.fixture
def mtlens(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str | int, str, str]]:
    """Runs the command in this process; returns exit code, output and errors."""

    def run(*arguments: object) -> tuple[str | int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mtlens", *map(str, arguments)])
        monkeypatch.delenv("MTLENS_DEBUG", raising=False)
        with pytest.raises(SystemExit) as caught:
            main.main()
        printed = capsys.readouterr()
        return caught.value.code or 0, printed.out, printed.err

    return run
