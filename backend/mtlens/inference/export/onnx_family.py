"""A family as ONNX graphs: writes them, compares them with PyTorch, times them, and chooses the fastest equivalent one.

The float32 graph gives each probability of the test texts to within LIMIT of PyTorch in float32. The int8 graph changes outputs
more, so it is tested like a change of precision: every seed of every member is quantised and predicts the test split, and the
equivalence test at the experiment's margin decides. If a task does not match, the graph is not kept.
"""

import copy
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mtlens.config.run import Run
from mtlens.data.splits import TEST
from mtlens.errors import ExportError
from mtlens.inference.export.onnx_graph import GraphWriter, quantise, write_graph
from mtlens.inference.export.precision import compare_changed
from mtlens.inference.export.recommended import FamilyMember
from mtlens.inference.export.stored_models import StoredModels
from mtlens.inference.model.classifier import ClassifierModel, as_heads
from mtlens.inference.model.family import Family, assemble
from mtlens.inference.model.family_config import FamilyConfig
from mtlens.inference.model.onnx_model import GRAPHS, OnnxModel, Runtime
from mtlens.inference.model.said import largest_differences
from mtlens.statistics.comparison import Comparison
from mtlens.training.adapters import without_adapters
from mtlens.training.distributed import ALONE
from mtlens.training.evaluation import Prediction, predict
from mtlens.training.hardware import prepare
from mtlens.training.machine import usable_cores
from mtlens.training.model import MultiTaskModel

LIMIT = 1e-4  # largest difference of a probability from that of PyTorch in float32
_MOST_TEXTS = 256
_ROUNDS = 3
_BATCH_SIZE = 64
Content = str | tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Speed on the CPU of the export: texts per second in batches, and milliseconds for one text, medians."""

    texts_per_second: float
    milliseconds: float


@dataclass(frozen=True, kw_only=True)
class OnnxReport:
    """largest_difference: of probabilities of the float32 graph from PyTorch. int8: tests of int8 against trained weights."""

    largest_difference: float
    int8: tuple[Comparison, ...]
    speeds: dict[Runtime, Speed]

    @property
    def fastest(self) -> Runtime:
        """Runtime with the most texts per second."""
        return max(self.speeds, key=lambda runtime: self.speeds[runtime].texts_per_second)


def write_graphs(folder: Path, config: FamilyConfig, source: StoredModels, members: tuple[FamilyMember, ...]) -> OnnxReport:
    """Write the graphs of the family in `folder`, and compare them; ExportError where float32 is not within LIMIT."""
    threads = usable_cores()
    float32 = prepare("float32", threads=threads, gpu=False)
    reference = assemble(folder, config, float32, "pytorch")
    plain = [_plain(config, model) for model in reference.models]
    names = [name for member in config.members for name in member.tasks]
    graph, int8 = folder / GRAPHS["onnx"], folder / GRAPHS["onnx-int8"]
    write_graph(graph, plain, names, config.max_length)
    texts = _test_texts(source)
    families: dict[Runtime, Family] = {"onnx": assemble(folder, config, float32, "onnx")}
    said, expected = families["onnx"].classify(texts), reference.classify(texts)
    largest = max(largest_differences(config.scales, said, expected).values())
    if largest > LIMIT:
        raise ExportError(
            f"the ONNX graph should give the probabilities of PyTorch to {LIMIT:g}; found {largest:.2g} between them"
        )
    writer = GraphWriter()
    compared = compare_changed(source, members, lambda run: _predict_int8(source, run, config, writer))
    if all(comparison.equivalent for comparison in compared):
        quantise(graph, int8)
        families["onnx-int8"] = assemble(folder, config, float32, "onnx-int8")
    usual = prepare("auto" if config.precision == "bfloat16" else "float32", threads=threads, gpu=False)
    families["pytorch"] = assemble(folder, config, usual, "pytorch")
    return OnnxReport(largest_difference=largest, int8=compared, speeds=time_in_turns(families, texts))


def _plain(config: FamilyConfig, model: nn.Module) -> nn.Module:
    """A model as a plain encoder and heads, for a graph.

    The constants of a classifier would not bear int8, and the temperature is in the config. Adapters are added to the weights.
    """
    if isinstance(model, ClassifierModel):
        return as_heads(model.classifier, pooling=config.pooling)
    if isinstance(model, MultiTaskModel) and hasattr(model.encoder, "peft_config"):
        merged = copy.deepcopy(model)
        merged.encoder = without_adapters(merged.encoder).float()
        return merged
    return model


def _test_texts(source: StoredModels) -> list[Content]:
    encoded, examples = source.plan.encoded, source.plan.examples
    rows = [int(row) for row in encoded.rows(TEST, list(range(len(encoded.tasks))))[:_MOST_TEXTS]]
    seconds = [None if examples.pairs is None else examples.pairs[row] for row in rows]
    return [
        examples.texts[row] if second is None else (examples.texts[row], second)
        for row, second in zip(rows, seconds, strict=True)
    ]


def _predict_int8(source: StoredModels, run: Run, config: FamilyConfig, writer: GraphWriter) -> list[Prediction]:
    """What a run says with int8 weights, made of weights as they are stored.

    Outputs are numbered, so that the graph of one task-specific model serves for those of other tasks.
    """
    model = source.load(run)
    if config.precision == "bfloat16":
        model = model.to(torch.bfloat16).float()
    hardware = prepare("float32", threads=usable_cores(), gpu=False)
    names = [str(place) for place in range(len(run.tasks))]
    with tempfile.TemporaryDirectory() as place:
        graph, int8 = Path(place) / "graph.onnx", Path(place) / "int8.onnx"
        writer.write(graph, [model.cpu()], names, config.max_length)
        quantise(graph, int8)
        encoded = source.plan.encoded.select(run.tasks, run.fold)
        changed = OnnxModel(int8, hardware.threads)
        return predict(changed, encoded, TEST, batch_size=_BATCH_SIZE, hardware=hardware, world=ALONE)


def time_in_turns(families: dict[Runtime, Family], texts: Sequence[Content]) -> dict[Runtime, Speed]:
    """The speed of each runtime, measured in turns, so that other work on the machine affects all alike."""
    many: dict[Runtime, list[float]] = {runtime: [] for runtime in families}
    single: dict[Runtime, list[float]] = {runtime: [] for runtime in families}
    for number in range(_ROUNDS + 1):
        for runtime, family in families.items():
            together = _seconds(family, [texts])
            alone = _seconds(family, [[text] for text in texts[:8]])
            if number:  # the first round warms up
                many[runtime].append(len(texts) / together)
                single[runtime].append(1000 * alone / len(texts[:8]))
    return {
        runtime: Speed(texts_per_second=statistics.median(many[runtime]), milliseconds=statistics.median(single[runtime]))
        for runtime in families
    }


def _seconds(family: Family, batches: Sequence[Sequence[Content]]) -> float:
    torch.set_num_threads(family.hardware.threads)
    started = time.perf_counter()
    for batch in batches:
        family.classify(batch)
    return time.perf_counter() - started
