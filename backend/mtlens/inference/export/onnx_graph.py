"""Writes models as an ONNX graph with dynamic shapes, and the same graph with int8 weights.

Dynamic quantisation is ONNX Runtime's (PyTorch's own is deprecated): the weights of matrix products are int8 with a scale per
output unit, and activations are quantised batch by batch.
"""

import contextlib
import importlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mtlens.errors import ExportError
from mtlens.inference.model.onnx_model import INPUTS, LOGITS

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class _Graph(nn.Module):
    """Outputs of the heads of all models."""

    def __init__(self, models: Sequence[nn.Module]):
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """input_ids, attention_mask [b, L] -> one [b, K] per task."""
        mask = attention_mask.bool()
        return tuple(values for model in self.models for values in model(input_ids, mask))


def need_packages() -> None:
    """ExportError where a package that writes or runs graphs is not installed."""
    absent = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise ExportError(f"an ONNX graph should be written with {', '.join(absent)}; found none: pip install 'mtlens[onnx]'")


class GraphWriter:
    """Writes graphs of models of one experiment.

    Of models that differ only in their weights, the first is traced, which takes most of the time, and the weights of the
    others are put into its graph.
    """

    def __init__(self):
        self._program: Any = None
        self._fits: object = None
        self._places: dict[str, _Place] = {}

    def write(self, path: Path, models: Sequence[nn.Module], names: Sequence[str], longest: int) -> None:
        """Write the models, on a CPU and in float32, as one graph. names: of the tasks. longest: most tokens of a text."""
        graph = _Graph(models).eval()
        weights = graph.state_dict()
        fits = (tuple(names), longest, {name: (values.shape, values.dtype) for name, values in weights.items()})
        with _quiet(), torch.inference_mode():
            if self._places and fits == self._fits:
                _put(self._program, weights, self._places)
            else:
                self._program, self._fits = _trace(graph, names, longest), fits
                self._places = _places(self._program, weights)
            self._program.save(str(path), external_data=False)


class _Place(NamedTuple):
    """Which initializer of a graph holds a weight, and whether transposed: the exporter folds a transposition into weights."""

    initializer: str
    transposed: bool


def _places(program: Any, weights: Mapping[str, Tensor]) -> dict[str, _Place]:
    """Where each weight of the traced models is; nothing where that cannot be told, or a constant may come of weights."""
    initializers = program.model.graph.initializers
    places = {name: _Place(name, False) for name in weights if name in initializers}
    others = {name: value.const_value.numpy() for name, value in initializers.items() if name not in weights}
    for name in weights.keys() - places.keys():
        values = weights[name].numpy().T
        equal = [other for other, held in others.items() if np.array_equal(held, values)]
        if len(equal) != 1:
            return {}
        places[name] = _Place(equal[0], True)
    held = {place.initializer for place in places.values()}
    constants = [values for name, values in others.items() if name not in held and values.dtype.kind == "f"]
    return {} if any(values.size > 1 for values in constants) or len(held) < len(places) else places


def _put(program: Any, weights: Mapping[str, Tensor], places: Mapping[str, _Place]) -> None:
    tensor: Any = importlib.import_module("onnx_ir").tensor
    for name, place in places.items():
        values = weights[name].numpy()
        turned = np.ascontiguousarray(values.T) if place.transposed else values
        program.model.graph.initializers[place.initializer].const_value = tensor(turned, name=place.initializer)


def write_graph(path: Path, models: Sequence[nn.Module], names: Sequence[str], longest: int) -> None:
    """Write a single graph; see `GraphWriter.write`."""
    GraphWriter().write(path, models, names, longest)


def _trace(graph: _Graph, names: Sequence[str], longest: int) -> Any:
    tokens = torch.ones(2, min(8, longest), dtype=torch.long)
    mask = torch.ones_like(tokens)
    mask[1, -1] = 0
    shape = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=longest)}
    return torch.onnx.export(
        graph, (tokens, mask), dynamo=True, verbose=False, input_names=list(INPUTS),
        output_names=[f"{LOGITS}{name}" for name in names], dynamic_shapes=dict.fromkeys(INPUTS, shape),
    )  # fmt: skip


def quantise(path: Path, out: Path) -> None:
    """Write the graph of `path` with int8 weights to `out`."""
    quantization: Any = importlib.import_module("onnxruntime.quantization")
    with _quiet():
        quantization.quantize_dynamic(path, out, weight_type=quantization.QuantType.QInt8, per_channel=True)


@contextmanager
def _quiet() -> Generator[None]:
    """Silence progress and warnings of the exporters."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
