"""Layer norms that return bfloat16, which the next matrix product needs, instead of a cast before every product.

Under autocast the embeddings are float32 and each sum with them stays so: in an encoder that normalises after each sum,
all values between the products are float32, and every product makes a copy of its input. Norms still compute in float32.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class HalfNorms(TorchFunctionMode):
    """Context manager in which `torch.nn.functional.layer_norm` returns values of `dtype`."""

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self._dtype = dtype

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Called by PyTorch for every function."""
        found = func(*args, **(kwargs or {}))
        return found.to(self._dtype) if func is functional.layer_norm else found
