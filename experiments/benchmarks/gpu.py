"""Training and evidence at BERT-base size with random weights on one GPU: python -m experiments.benchmarks.gpu

Needs no Ray and no network: torch and transformers alone, and accelerate for transformers.Trainer. So it repeats the steps of
mtlens' training here instead of importing them. Prints texts per second of single-task and multi-task training, of a
forward pass that keeps all hidden states, and of one forward with a backward per task; each against what arithmetic
allows (model FLOP utilisation, against a matrix product measured on the spot), and training against
`transformers.Trainer` on the same texts. `--compile` tries torch.compile, `--side-by-side N` trains N models on the GPU
at a time, `--tiny` is for a machine without a GPU, and for the tests.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification, BertModel

FULL = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
VOCABULARY = 30_522


class Shared(nn.Module):
    """One encoder, one linear head per task on the mean over tokens, as mtlens trains them."""

    def __init__(self, sizes: dict[str, int], tasks: int):
        super().__init__()
        self.encoder = BertModel(BertConfig(vocab_size=VOCABULARY, **sizes), add_pooling_layer=False)
        self.heads = nn.ModuleList(nn.Linear(sizes["hidden_size"], 3) for _ in range(tasks))

    def forward(self, tokens: Tensor) -> list[Tensor]:
        """Logits of each task."""
        pooled = self.encoder(input_ids=tokens).last_hidden_state.mean(dim=1)
        return [head(pooled) for head in self.heads]


class Bench:
    """One device, one size of encoder, one batch."""

    def __init__(self, *, tiny: bool, batch: int, length: int, steps: int, compiled: bool):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.sizes, self.steps, self.compiled = (TINY if tiny else FULL), steps, compiled
        generator = torch.Generator().manual_seed(0)
        self.tokens = torch.randint(5, VOCABULARY, (batch, length), generator=generator).to(self.device)
        self.labels = torch.randint(0, 3, (batch,), generator=generator).to(self.device)

    def seconds(self, step: Callable[[], object]) -> float:
        """Of one step, after two for warming up."""
        for _ in range(2):
            step()
        self._wait()
        started = time.perf_counter()
        for _ in range(self.steps):
            step()
        self._wait()
        return (time.perf_counter() - started) / self.steps

    def training(self, tasks: int) -> Callable[[], object]:
        """A step of training with AdamW in bfloat16."""
        model = Shared(self.sizes, tasks).to(self.device)
        forward = torch.compile(model) if self.compiled else model
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

        def step() -> None:
            with self._autocast():
                loss = self._loss(forward(self.tokens))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()

        return step

    def states(self) -> Callable[[], object]:
        """A forward pass that keeps the mean of each layer's hidden states."""
        model = Shared(self.sizes, 1).to(self.device).eval()

        @torch.no_grad()
        def step() -> list[Tensor]:
            with self._autocast():
                hidden = model.encoder(input_ids=self.tokens, output_hidden_states=True).hidden_states
            return [layer.float().mean(dim=1) for layer in hidden]

        return step

    def gradients(self, tasks: int) -> Callable[[], object]:
        """One forward, and a backward per task."""
        model = Shared(self.sizes, tasks).to(self.device)

        def step() -> None:
            with self._autocast():
                losses = [nn.functional.cross_entropy(one, self.labels) for one in model(self.tokens)]
            for loss in losses:
                torch.autograd.grad(loss, list(model.encoder.parameters()), retain_graph=True, allow_unused=True)

        return step

    def trainer_seconds(self) -> float | None:
        """Of one step of transformers.Trainer in bfloat16; None without accelerate."""
        try:
            from transformers import Trainer, TrainingArguments
            from transformers.trainer_callback import PrinterCallback

            arguments = TrainingArguments(
                output_dir=tempfile.mkdtemp(), per_device_train_batch_size=len(self.tokens), max_steps=self.steps, bf16=True,
                report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=self.device.type == "cpu",
            )  # fmt: skip
        except ImportError:
            return None
        rows = [{"input_ids": row, "labels": label} for row, label in zip(self.tokens.cpu(), self.labels.cpu(), strict=True)]
        model = BertForSequenceClassification(BertConfig(vocab_size=VOCABULARY, num_labels=3, **self.sizes))
        trainer = Trainer(model=model, args=arguments, train_dataset=rows * (self.steps + 2))
        trainer.remove_callback(PrinterCallback)  # prints between the lines of our JSON
        trainer.train()
        started = time.perf_counter()
        trainer.train()
        self._wait()
        return (time.perf_counter() - started) / self.steps

    def flops(self) -> float:
        """Of a forward pass: 2 per multiplied weight and token, and 4 L d per layer and token for attention."""
        sizes, (batch, length) = self.sizes, self.tokens.shape
        per_layer = 4 * sizes["hidden_size"] ** 2 + 2 * sizes["hidden_size"] * sizes["intermediate_size"]
        per_token = sizes["num_hidden_layers"] * (2.0 * per_layer + 4 * length * sizes["hidden_size"])
        return batch * length * per_token

    def rate(self) -> float:
        """FLOP/s of a large product in bfloat16."""
        side = 8192 if self.device.type == "cuda" else 512
        left = torch.randn(side, side, dtype=torch.bfloat16, device=self.device)
        return 2.0 * side**3 / self.seconds(lambda: left @ left)

    def side_by_side(self, models: int, tasks: int) -> float:
        """Seconds in which each of several models on the device makes a step."""
        steps = [self.training(tasks) for _ in range(models)]
        with ThreadPoolExecutor(max_workers=models) as pool:
            return self.seconds(lambda: list(pool.map(lambda step: step(), steps)))

    def _loss(self, logits: Sequence[Tensor]) -> Tensor:
        return sum((nn.functional.cross_entropy(logit, self.labels) for logit in logits), torch.zeros((), device=self.device))

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def measure(bench: Bench, *, tasks: int, models: int) -> dict[str, object]:
    """Everything, as JSON."""
    rate, forward = bench.rate(), bench.flops()
    texts = len(bench.tokens)
    cases: dict[str, tuple[float, int, int]] = {  # seconds of a step, its batches, and its FLOPs in forward passes
        "single_task_training": (bench.seconds(bench.training(1)), 1, 3),
        f"multi_task_training_of_{tasks}": (bench.seconds(bench.training(tasks)), 1, 3),
        "hidden_states": (bench.seconds(bench.states()), 1, 1),
        f"gradients_of_{tasks}": (bench.seconds(bench.gradients(tasks)), 1, 1 + 2 * tasks),
        f"{models}_models_side_by_side": (bench.side_by_side(models, 1), models, 3 * models),
    }
    trainer = bench.trainer_seconds()
    on_gpu = bench.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "torch": torch.__version__,
        "matrix_tflops": round(rate / 1e12, 3),
        "compiled": bench.compiled,
        "batch": list(bench.tokens.shape),
        "texts_per_second": {name: round(texts * batches / t, 1) for name, (t, batches, _) in cases.items()},
        "flop_utilisation": {name: round(forward * work / t / rate, 3) for name, (t, _, work) in cases.items()},
        "times_as_fast_as_trainer": trainer and round(trainer / cases["single_task_training"][0], 2),
        "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_gpu else None,
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--tasks", type=int, default=5)
    parser.add_argument("--side-by-side", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    bench = Bench(tiny=given.tiny, batch=given.batch, length=given.length, steps=given.steps, compiled=given.compile)
    print(json.dumps(measure(bench, tasks=given.tasks, models=given.side_by_side), indent=1))


if __name__ == "__main__":
    main()
