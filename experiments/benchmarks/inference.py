"""Reading with one multi-task model: python -m experiments.benchmarks.inference

Three ways to classify the same texts for N = 4 tasks, all-MiniLM-L6-v2, in turns in one process: one multi-task model; N
task-specific models of the same encoder over the same batches; and a plain loop over `transformers.pipeline
("text-classification")`, one per task, with its defaults. Heads are untrained: time does not depend on what they say.
"""

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
from transformers.utils import logging

from mtlens.config.sections import MINILM
from mtlens.config.task import Task
from mtlens.data.encoders import locate
from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports.rows import spine_rows
from mtlens.inference.model.family import Family
from mtlens.inference.model.family_config import FamilyConfig, MemberConfig
from mtlens.training.hardware import prepare
from mtlens.training.machine import usable_cores
from mtlens.training.model import MultiTaskModel

TASKS = ("canal", "disc", "cord", "foraminal")
CLASSES = ("none", "mild", "moderate", "severe")


def make_family(groups: tuple[tuple[str, ...], ...], precision: Any = "bfloat16") -> Family:
    """A family of one model for each group of tasks, on the pretrained encoder."""
    directory = str(locate(MINILM).directory)
    encoder = AutoModel.from_pretrained(directory, attn_implementation="eager", add_pooling_layer=False)
    models = [
        MultiTaskModel(
            copy.deepcopy(encoder), [torch.nn.Linear(384, len(CLASSES)) for _ in group], pooling="mean", dropout=0.0
        ).eval()
        for group in groups
    ]
    config = FamilyConfig(
        name="benchmark",
        tasks=tuple(Task(name=name, column=name, classes=CLASSES) for name in TASKS),
        members=tuple(MemberConfig(folder="-".join(group), run_id="0" * 16, tasks=group) for group in groups),
        temperatures=dict.fromkeys(TASKS, 1.0),
        pooling="mean",
        max_length=96,
        precision=precision,
        levels=("C2-C3", "C3-C4", "C4-C5", "C5-C6", "C6-C7", "C7-T1"),
    )
    hardware = prepare("auto" if precision == "bfloat16" else "float32", threads=usable_cores(), gpu=torch.cuda.is_available())
    tokenizer = AutoTokenizer.from_pretrained(directory)
    return Family(config=config, tokenizer=tokenizer, models=tuple(m.to(hardware.device) for m in models), hardware=hardware)


def make_pipelines() -> list[Any]:
    """One pipeline per task, as a user would make it from a fine-tuned folder."""
    directory = str(locate(MINILM).directory)
    folder = Path(tempfile.mkdtemp())
    AutoModelForSequenceClassification.from_pretrained(directory, num_labels=len(CLASSES)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(directory).save_pretrained(folder)
    return [pipeline("text-classification", model=str(folder), truncation=True, max_length=96) for _ in TASKS]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Take turns and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(usable_cores())
    texts = [row.text for row in spine_rows(Spine(region="cervical", reports=arguments.reports, seed=5))]
    multi, singles, loops = make_family((TASKS,)), make_family(tuple((task,) for task in TASKS)), make_pipelines()
    ways: dict[str, Callable[[], object]] = {
        "multi_task": lambda: multi.classify(texts),
        "task_specific": lambda: singles.classify(texts),
        "pipelines": lambda: [[loop(text) for text in texts] for loop in loops],
    }
    for family in (multi, singles):
        family.classify(texts[:32])
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, work in ways.items():
            measured[name].append(seconds(work))
    ratios = {
        name: round(statistics.median(a / b for a, b in zip(values, measured["multi_task"], strict=True)), 2)
        for name, values in measured.items()
        if name != "multi_task"
    }
    answer = {
        "threads": usable_cores(),
        "texts": len(texts),
        "texts_per_second": {name: round(len(texts) / statistics.median(values), 1) for name, values in measured.items()},
        "times_as_fast_as": ratios,
        "share_of_n": round(ratios["task_specific"] / len(TASKS), 2),
    }
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
