"""All models of a family as one ONNX graph, run by ONNX Runtime on a CPU.

Inputs: `input_ids` and `attention_mask`, integers [b, L], with any b and L. Outputs: `logits/<task>` for each task, the outputs
of its head [b, K]; temperatures and scales are in config.json. ONNX Runtime is an extra: `pip install 'mtlens[onnx]'`.
"""

import importlib
import importlib.util
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mtlens.errors import EncoderError

Runtime = Literal["pytorch", "onnx", "onnx-int8"]
GRAPHS: dict[Runtime, str] = {"onnx": "model.onnx", "onnx-int8": "model.int8.onnx"}
"""File of the graph by the runtime that it is for."""
LOGITS = "logits/"
INPUTS = ("input_ids", "attention_mask")


class OnnxModel(nn.Module):
    """A graph that is called like a `MultiTaskModel`. threads: of the CPU."""

    def __init__(self, path: Path, threads: int):
        super().__init__()
        self._session = _session(path, threads)

    def forward(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """tokens [b, L], mask [b, L] (true = a real token) -> logits of each task [b, C]."""
        values = (tokens.cpu().numpy(), mask.cpu().long().numpy())
        return [torch.from_numpy(logits) for logits in self._session.run(None, dict(zip(INPUTS, values, strict=True)))]


def is_installed() -> bool:
    """Whether ONNX Runtime can be imported."""
    return importlib.util.find_spec("onnxruntime") is not None


def _session(path: Path, threads: int) -> Any:
    if not is_installed():
        raise EncoderError(f"{path} should be run by ONNX Runtime, which is not installed: pip install 'mtlens[onnx]'")
    if not path.exists():
        raise EncoderError(f"{path} should hold an ONNX graph; found none: mtlens export --onnx writes it")
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exceptions of ONNX Runtime have no other common base
        raise EncoderError(f"{path} should be an ONNX graph that loads: {str(error).splitlines()[0]}") from None
