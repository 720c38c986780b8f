"""Estimated cost of T tasks, by the formulas of `mtlens plan`: python -m experiments.cost

For encoders of 110 million to 7 billion weights: trainings, GPU-hours at a rate that you name, bytes on disk, and memory per
lane. `python -m experiments.cost --check EXPERIMENT --data DIR -w WORKSPACE` sets the same formulas beside what the finished
runs of an experiment have taken.

N: weights that multiply every token, 12 L d^2 in L layers of d units (Kaplan et al. 2020, arXiv 2001.08361, table 1).
V d: embeddings of the tokens that occur. A text of n tokens costs n (2 N + 4 L d n) floating-point operations in a forward
pass and three times that in training.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

TASKS = (4, 6, 10, 20, 50)
KEPT = 20_000  # tokens that occur
SPLITS = {"training": 0.60, "validation": 0.15, "test": 0.25}  # what mtlens makes itself


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A transformer encoder by its size."""

    name: str
    layers: int
    width: int

    @property
    def multiplied(self) -> int:
        """N."""
        return 12 * self.layers * self.width**2

    @property
    def kept(self) -> int:
        """Weights of a stored model: N and the embeddings of tokens that occur."""
        return self.multiplied + KEPT * self.width

    def forward(self, tokens: float) -> float:
        """Floating-point operations of one text."""
        return tokens * (2.0 * self.multiplied + 4 * self.layers * self.width * tokens)


ENCODERS = (
    Encoder(name="110M", layers=12, width=768),
    Encoder(name="340M", layers=24, width=1024),
    Encoder(name="1.5B", layers=48, width=1600),
    Encoder(name="7B", layers=32, width=4096),
)


def run_flops(encoder: Encoder, *, texts: dict[str, float], tokens: float, epochs: float) -> float:
    """One run: its epochs with a validation each, and a last look at validation and test. texts: of each split."""
    passes = epochs * (3 * texts["training"] + texts["validation"]) + texts["validation"] + texts["test"]
    return passes * encoder.forward(tokens)


def trainings(tasks: int) -> dict[str, int]:
    """Per seed: the comparison alone, with all pairs of tasks, with all groups of tasks."""
    return {"match": tasks + 1, "pairs": tasks + tasks * (tasks - 1) // 2 + 1, "groups": 2**tasks - 1}


def stored_bytes(weights: int, runs: int, multi_epochs: float) -> float:
    """Models as float32, and what each epoch of the multi-task runs has changed as bfloat16."""
    return 4.0 * weights * runs + 2.0 * weights * multi_epochs


def lane_bytes(encoder: Encoder, tasks: int) -> tuple[int, int]:
    """Memory of one lane without activations, in training and for the gradients of all tasks.

    Training keeps weights, gradients, two moments of AdamW, the pretrained and the best weights as float32; the
    evidence on gradients keeps three sums per task.
    """
    return 24 * encoder.kept, (4 + 12 * tasks) * encoder.multiplied


def paper(texts: int, tokens: float, epochs: int, seeds: int, rate: float) -> str:
    """A Markdown table; rate: TFLOP/s that a GPU sustains in training."""
    sizes = {name: share * texts for name, share in SPLITS.items()}
    hours = [run_flops(encoder, texts=sizes, tokens=tokens, epochs=epochs) / (rate * 1e12 * 3600) for encoder in ENCODERS]
    names = [f"{encoder.name}, hours | GB" for encoder in ENCODERS]
    lines = [f"| tasks | trainings | {' | '.join(names)} |", "|" + "---:|" * (2 + 2 * len(ENCODERS))]
    for tasks in TASKS:
        for what, count in trainings(tasks).items():
            if what == "groups" and tasks > 12:
                continue  # mtlens does not search so many exhaustively
            cells = [
                f"{seeds * count * of_run:,.1f} | {stored_bytes(one.kept, seeds * count, seeds * epochs) / 1e9:,.0f}"
                for one, of_run in zip(ENCODERS, hours, strict=True)
            ]
            lines.append(f"| {tasks}, {what} | {seeds * count:,} | {' | '.join(cells)} |")
    lines += ["", f"| GB a lane | training | {' | '.join(f'gradients, {tasks} tasks' for tasks in TASKS)} |"]
    lines.append("|" + "---:|" * (2 + len(TASKS)))
    for encoder in ENCODERS:
        cells = [f"{lane_bytes(encoder, tasks)[1] / 1e9:,.1f}" for tasks in TASKS]
        lines.append(f"| {encoder.name} | {lane_bytes(encoder, 1)[0] / 1e9:,.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def check(experiment: Path, data: Path | None, workspace: Path) -> dict[str, object]:
    """The formulas beside what finished runs took: each ratio is the formula's number over the measured one."""
    from mtlens.config.loading import load_experiments
    from mtlens.execution.cost import estimate
    from mtlens.execution.encoder_size import encoder_size
    from mtlens.execution.plan import make_plan
    from mtlens.store.workspace.run_folder import RunFolder
    from mtlens.store.workspace.workspace import Workspace

    plan = make_plan(load_experiments(experiment)[0], [data or experiment.parent])
    opened = Workspace.open(workspace, create=False)
    runs = [run for run in plan.distinct if RunFolder(opened, run.run_id).state == "done"]
    facts = {run.run_id: RunFolder(opened, run.run_id).facts() for run in runs}
    weights, layers, width = encoder_size(plan.pretrained)
    encoder = Encoder(name=plan.pretrained.name, layers=layers, width=width)
    tokens, operations, epochs_run = float(plan.encoded.lengths.mean()), 0.0, 0
    for run in runs:
        columns = list(range(len(run.tasks)))
        sizes = {
            split: len(plan.encoded.select(run.tasks, run.fold).rows(split, columns))
            for split in ("train", "validation", "test")
        }
        sizes["training"] = sizes.pop("train")
        epochs = facts[run.run_id]["epochs_run"]
        epochs_run += epochs * (len(run.tasks) > 1)
        operations += run_flops(encoder, texts=sizes, tokens=tokens, epochs=epochs)
    all_epochs = estimate(plan, runs, lanes=1, threads=facts[runs[0].run_id]["threads"], gpu=False)
    seconds = sum(fact["seconds"] for fact in facts.values())
    share = sum(fact["epochs_run"] for fact in facts.values()) / sum(run.training.epochs for run in runs)
    on_disk = sum(path.stat().st_size for run in runs for path in RunFolder(opened, run.run_id).path.glob("*.safetensors"))
    stored = stored_bytes(facts[runs[0].run_id]["parameters"], len(runs), epochs_run)
    return {
        "runs": len(runs),
        "weights_that_multiply": round(encoder.multiplied / weights, 3),
        "operations_over_those_counted_by_mtlens_plan": round(operations / (all_epochs.flops * share), 3),
        "measured_seconds": round(seconds),
        "seconds": round(all_epochs.seconds * share / seconds, 3),
        "measured_gflops_a_second": round(operations / seconds / 1e9, 1),
        "measured_megabytes": round(on_disk / 1e6),
        "bytes": round(stored / on_disk, 3),
    }


def main() -> None:
    """Print the tables, or the check as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--tokens", type=float, default=128, help="of a text, on average")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=100, help="TFLOP/s that a GPU sustains in training")
    parser.add_argument("--check", type=Path, metavar="EXPERIMENT")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--workspace", "-w", type=Path, default=Path("results"))
    asked = parser.parse_args()
    if asked.check:
        print(json.dumps(check(asked.check, asked.data, asked.workspace), indent=1))
    else:
        print(paper(asked.texts, asked.tokens, asked.epochs, asked.seeds, asked.rate))


if __name__ == "__main__":
    main()
