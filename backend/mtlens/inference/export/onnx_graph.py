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
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


def write_graph(path: Path, models: Sequence[nn.Module], names: Sequence[str], longest: int) -> None:
    """Write the models, on a CPU and in float32, as one graph. names: of the tasks. longest: most tokens of a text."""
    graph = _Graph(models).eval()
    tokens = torch.ones(2, min(8, longest), dtype=torch.long)
    mask = torch.ones_like(tokens)
    mask[1, -1] = 0
    shape = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=longest)}
    with _quiet(), torch.inference_mode():
        torch.onnx.export(
            graph, (tokens, mask), str(path), dynamo=True, external_data=False, verbose=False, input_names=list(INPUTS),
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
