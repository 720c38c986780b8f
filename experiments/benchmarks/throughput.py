"""Training throughput of mtlens against transformers.Trainer: python -m experiments.benchmarks.throughput

Same encoder (all-MiniLM-L6-v2), texts, batch size, epochs, learning rate and threads; the three ways take turns in one
process, seed by seed, and only training is timed. Prints the ratios of texts per second, the test macro-F1 of each, and the
utilisation of mtlens: operations per second over those of a bfloat16 matrix product that is timed in between.
`--against trainer_best_flags` leaves the defaults of Trainer out; `taskset -c 0` measures one thread.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.utils import logging

from mtlens.config.experiment import Experiment
from mtlens.data.tokenize import Encoded
from mtlens.execution.cost import epoch_flops
from mtlens.execution.encoder_size import encoder_size
from mtlens.execution.measured_rate import matrix_rate
from mtlens.execution.plan import Plan, make_plan
from mtlens.statistics.metrics.confusion import confusion
from mtlens.statistics.metrics.macro_f1 import macro_f1
from mtlens.training.hardware import prepare
from mtlens.training.machine import usable_cores
from mtlens.training.trainer import Trainer

EXPERIMENT = {
    "name": "throughput",
    "data": {"spine": {"region": "cervical", "reports": 200, "relatedness": 0.8}, "splits": {"validation": 0.05, "test": 0.4}},
    "tasks": [{"name": "canal", "column": "canal", "classes": ["none", "mild", "moderate", "severe"]}],
    "training": {
        "epochs": 3,
        "batch_size": 32,
        "learning_rate": 3e-4,
        "head_learning_rate": 3e-4,
        "max_length": 128,
        "class_weights": "none",
    },
    "margin": 0.05,
    "runs": ["single"],
}
TRAINERS = ("trainer_defaults", "trainer_best_flags")
Measured = tuple[float, float]


def train_with_mtlens(plan: Plan, seed: int) -> Measured:
    """Seconds of training and test macro-F1."""
    run = plan.distinct[0].model_copy(update={"seed": seed})
    trainer = Trainer(
        run, plan.encoded, plan.pretrained.directory, prepare("auto", threads=usable_cores(), gpu=torch.cuda.is_available())
    )
    seconds = 0.0
    for _ in range(run.training.epochs):
        started = time.perf_counter()
        trainer.train_epoch(lambda _: None)  # fit would validate too, which Trainer does not do by default
        seconds += time.perf_counter() - started
        trainer.progress.epoch += 1
    return seconds, trainer.predict("test")[0].score()


def train_with_trainer(plan: Plan, seed: int, **flags: Any) -> Measured:
    """The same with transformers.Trainer and its default collator, which pads to the longest text of a batch."""
    directory, training = str(plan.pretrained.directory), plan.experiment.training
    tokenizer = AutoTokenizer.from_pretrained(directory)
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(directory, num_labels=4)
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=training.epochs,
        per_device_train_batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        warmup_steps=training.warmup,
        seed=seed,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        **flags,
    )
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=rows(plan, "train"), processing_class=tokenizer)
    trainer.remove_callback(PrinterCallback)  # prints between the lines of our JSON
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    logits, labels, _ = trainer.predict(rows(plan, "test"))
    return seconds, float(macro_f1(confusion(labels, logits.argmax(axis=1), 4)))


def rows(plan: Plan, split: Any) -> list[dict[str, Any]]:
    """A split as Trainer wants it: the tokenizer's own ids and the label."""
    encoded: Encoded = plan.encoded
    chosen = encoded.rows(split, [0])
    return [
        {
            "input_ids": encoded.vocabulary[encoded.tokens[encoded.starts[row] : encoded.starts[row + 1]]].tolist(),
            "labels": int(encoded.labels[row, 0]),
        }
        for row in chosen
    ]


def operations(plan: Plan) -> float:
    """Floating-point operations of one training, without validation."""
    weights, layers, width = encoder_size(plan.pretrained)
    run = plan.distinct[0]
    return run.training.epochs * epoch_flops(plan.encoded.select(run.tasks), run, weights, 4 * layers * width)


def main() -> None:
    """Take turns and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--against", nargs="+", choices=TRAINERS, default=TRAINERS)
    asked = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(usable_cores())
    plan = make_plan(Experiment.model_validate(EXPERIMENT), [])
    ways: dict[str, Callable[[int], Measured]] = {
        "mtlens": lambda seed: train_with_mtlens(plan, seed),
        "trainer_defaults": lambda seed: train_with_trainer(plan, seed),
        "trainer_best_flags": lambda seed: train_with_trainer(plan, seed, bf16=True, train_sampling_strategy="group_by_length"),
    }
    measured: dict[str, list[Measured]] = {name: [] for name in ("mtlens", *asked.against)}
    rates: list[float] = []
    for seed in range(asked.seeds):
        rates.append(matrix_rate(torch.bfloat16, torch.device("cuda" if torch.cuda.is_available() else "cpu")))
        for name in measured:
            measured[name].append(ways[name](seed))
    texts = len(plan.encoded.rows("train", [0])) * plan.experiment.training.epochs
    seconds = {name: np.array([second for second, _ in values]) for name, values in measured.items()}
    speed_up = {
        f"speed_up_over_{name}": round(float(np.median(seconds[name] / seconds["mtlens"])), 2) for name in asked.against
    }
    found = {
        "threads": usable_cores(),
        "texts_per_second": {name: round(texts / float(np.median(values)), 1) for name, values in seconds.items()},
        **speed_up,
        "utilisation": round(float(np.median(operations(plan) / seconds["mtlens"] / np.array(rates))), 2),
        "test_macro_f1": {name: [round(score, 3) for _, score in values] for name, values in measured.items()},
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
